//! The documentation as Markdown, and `llms.txt`: compiled into the program, so they describe the running version.

use std::fmt::Write as _;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Redirect, Response};
use axum::routing::get;

use super::api::describe::base;
use super::etag::tagged;
use super::failure::Failure;
use crate::app::App;

/// Every page: its name here, its path in the repository, and its text.
pub const PAGES: &[(&str, &str, &str)] = &[
    ("index.md", "docs/README.md", include_str!("../../docs/README.md")),
    ("overview.md", "README.md", include_str!("../../README.md")),
    ("connect.md", "docs/connect.md", include_str!("../../docs/connect.md")),
    ("api.md", "docs/api.md", include_str!("../../docs/api.md")),
    ("errors.md", "docs/errors.md", include_str!("../../docs/errors.md")),
    ("webhooks.md", "docs/webhooks.md", include_str!("../../docs/webhooks.md")),
    ("signing.md", "docs/signing.md", include_str!("../../docs/signing.md")),
    ("deploy.md", "docs/deploy.md", include_str!("../../docs/deploy.md")),
    ("operations.md", "docs/operations.md", include_str!("../../docs/operations.md")),
    ("changelog.md", "CHANGELOG.md", include_str!("../../CHANGELOG.md")),
    ("security.md", "SECURITY.md", include_str!("../../SECURITY.md")),
];

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/docs", get(async || Redirect::permanent("/docs/")))
        .route("/docs/", get(index))
        .route("/docs/{page}", get(page))
        .route("/llms.txt", get(llms))
}

async fn index(headers: HeaderMap) -> Result<Response, Failure> {
    page(Path("index.md".to_owned()), headers).await
}

async fn page(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Failure> {
    let text = text(&name).ok_or_else(|| Failure::of_status(StatusCode::NOT_FOUND))?;
    Ok(tagged(&headers, "text/markdown; charset=utf-8", "no-cache", text))
}

/// The index with absolute links, in the form that llmstxt.org describes.
async fn llms(State(app): State<App>, parts: Parts) -> Response {
    let base = base(&app, &parts);
    let index = text("index.md").unwrap_or_default().replace("](", &format!("]({base}/docs/"));
    let text = format!(
        "{index}
## Machine-readable

- [OpenAPI 3.1]({base}/api/v1/openapi.json): every request, response, event and error code
- [Postman collection]({base}/api/v1/postman.json): every request, with examples
- [API reference]({base}/api/v1/docs): the same as an HTML page
"
    );
    tagged(&parts.headers, "text/plain; charset=utf-8", "no-cache", text)
}

/// A page's text, with links that work here. Links to what is only in the repository become plain text.
fn text(name: &str) -> Option<String> {
    let (_, path, text) = PAGES.iter().find(|(known, ..)| *known == name)?;
    let mut parts = text.split("](");
    let mut linked = parts.next()?.to_owned();
    for part in parts {
        let (target, after) = part.split_once(')')?;
        if let Some(target) = here(path, target) {
            let _ = write!(linked, "]({target}){after}");
            continue;
        }
        let opened = linked.rfind('[')?;
        let from = opened - usize::from(linked[..opened].ends_with('!'));
        linked.replace_range(from..=opened, "");
        linked.push_str(after);
    }
    Some(linked)
}

/// Where a link in the file at `path` leads here; `None` if nowhere.
fn here(path: &str, target: &str) -> Option<String> {
    if target.starts_with("https://") || target.starts_with('#') {
        return Some(target.to_owned());
    }
    let (file, fragment) = target.find('#').map_or((target, ""), |at| target.split_at(at));
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    let file = parts.join("/");
    let (name, ..) = PAGES.iter().find(|(_, path, _)| *path == file)?;
    Some(format!("{name}{fragment}"))
}
