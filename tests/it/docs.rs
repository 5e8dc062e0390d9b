//! The documentation that the service serves: every page, with links that lead somewhere, here and in the repository.

use std::path::Path;

use axum::body::Body;
use axum::http::{Request, Response, header};
use cartkey::web::{self, docs::PAGES};
use tower::ServiceExt as _;

use crate::world::World;

/// The answer of one surface to GET.
async fn get(router: web::Routes, path: &str, has: &str) -> Response<Body> {
    let request = Request::get(path).header(header::HOST, "keys.internal:8090").header(header::IF_NONE_MATCH, has);
    router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn text(answer: Response<Body>) -> String {
    assert_eq!(answer.status(), 200);
    String::from_utf8(axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

/// The text outside blocks of code, and the targets of its links.
fn links(text: &str) -> (String, Vec<String>) {
    let prose: String = text.split("```").step_by(2).collect();
    let links = prose.split("](").skip(1).map(|rest| rest.split(')').next().unwrap().to_owned()).collect();
    (prose, links)
}

/// The anchors of a page's headings, as forges make them.
fn anchors(text: &str) -> Vec<String> {
    let (prose, _) = links(text);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let kept = |c: char| match c {
        ' ' | '-' => Some('-'),
        '_' => Some('_'),
        c => c.is_alphanumeric().then(|| c.to_ascii_lowercase()),
    };
    headings.map(|line| line.trim_start_matches('#').trim().chars().filter_map(kept).collect()).collect()
}

#[tokio::test]
async fn every_page_is_served_as_markdown_to_whoever_can_reach_the_api() {
    let world = World::new().await;
    for surface in [web::all, web::internal] {
        for (name, ..) in PAGES {
            let answer = get(surface(&world.app), &format!("/docs/{name}"), "").await;
            assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/markdown; charset=utf-8");
            assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-cache");
            let etag = answer.headers()[header::ETAG].to_str().unwrap().to_owned();
            assert!(text(answer).await.starts_with("# "), "{name}");
            let same = get(surface(&world.app), &format!("/docs/{name}"), &etag).await;
            assert_eq!((same.status().as_u16(), same.headers()[header::ETAG].to_str().unwrap()), (304, &*etag));
        }
        let index = text(get(surface(&world.app), "/docs/", "").await).await;
        assert_eq!(index, text(get(surface(&world.app), "/docs/index.md", "").await).await);
        assert_eq!(get(surface(&world.app), "/docs", "").await.headers()[header::LOCATION], "/docs/");
        for nothing in ["/docs/nothing.md", "/docs/README.md", "/docs/..%2FCargo.toml"] {
            assert_eq!(get(surface(&world.app), nothing, "").await.status(), 404, "{nothing}");
        }
    }
    for path in ["/docs/", "/docs/api.md", "/llms.txt"] {
        assert_eq!(get(web::public(&world.app), path, "").await.status(), 404, "{path} is not for the internet");
    }
}

#[tokio::test]
async fn every_link_of_a_page_leads_somewhere_here_and_in_the_repository() {
    let world = World::new().await;
    let mut served = Vec::new();
    for (name, ..) in PAGES {
        served.push((*name, text(get(web::all(&world.app), &format!("/docs/{name}"), "").await).await));
    }
    let mut wrong = Vec::new();
    for (name, text) in &served {
        for link in links(text).1.iter().filter(|link| !link.starts_with("https://")) {
            let (page, anchor) = link.split_once('#').unwrap_or((link, ""));
            let page = if page.is_empty() { name } else { page };
            let found = served.iter().find(|(known, _)| *known == page);
            if !found.is_some_and(|(_, text)| anchor.is_empty() || anchors(text).iter().any(|known| known == anchor)) {
                wrong.push(format!("{name} served: {link}"));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for ((_, path, text), (_, served)) in PAGES.iter().zip(&served) {
        for link in links(text).1.iter().filter(|link| !link.starts_with("https://") && !link.starts_with('#')) {
            let file = link.split('#').next().unwrap();
            if !root.join(path).with_file_name(file).exists() {
                wrong.push(format!("{path}: {link}"));
            }
        }
        let code = |text: &str| text.split("```").skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(code(text), code(served), "{path}: only links differ");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn llms_txt_leads_to_every_page_with_a_sentence_each() {
    let world = World::new().await;
    let all = text(get(web::internal(&world.app), "/llms.txt", "").await).await;
    let mut lines = all.lines().filter(|line| !line.is_empty());
    assert!(lines.next().unwrap().starts_with("# ") && lines.next().unwrap().starts_with("> "), "{all}");
    let listed: Vec<&str> = lines.filter_map(|line| line.strip_prefix("- [")).collect();
    for line in &listed {
        let (target, says) = line.split_once("](").unwrap().1.split_once("): ").unwrap();
        assert!(!says.is_empty());
        let path = target.strip_prefix("http://keys.internal:8090").unwrap_or_else(|| panic!("{line}"));
        assert_eq!(get(web::internal(&world.app), path, "").await.status(), 200, "{line}");
    }
    for (name, ..) in PAGES.iter().filter(|(name, ..)| *name != "index.md") {
        assert_eq!(listed.iter().filter(|line| line.contains(&format!("/docs/{name})"))).count(), 1, "{name}");
    }
}
