//! The error pages for merchants and operators.

use std::time::Duration;

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::failure::{Failure, english};
use super::i18n::{Said, Words};
use super::language::Choice;
use super::merchant::frame::Frame;
use crate::app::App;
use crate::domain::{Brand, RequestId};
use crate::flow::connecting::brand;

/// How long an error page waits for the brand before it is rendered without it.
const BRAND_WITHIN: Duration = Duration::from_secs(2);

/// An error page for merchants: what happened and what to do next.
#[derive(Debug, Clone, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    pub frame: Frame,
    /// A short description of the problem.
    pub title: String,
    /// One or two sentences that say what to do.
    pub says: String,
    /// The next step: the label of a button if `next_href` is set, otherwise a sentence or nothing.
    pub next_label: String,
    /// The address of the next step.
    pub next_href: Option<String>,
    /// The request ID, which is also in the log.
    pub request_id: String,
}

impl ErrorPage {
    /// A connect link that is unknown, used or expired; the three look alike, so that guessing reveals nothing.
    pub fn link_gone(frame: Frame, request_id: &str) -> Self {
        Self {
            title: frame.say("link-gone-title").to_string(),
            says: frame.say("link-gone").to_string(),
            next_label: frame.say("link-gone-ask").with("app", frame.app()).to_string(),
            next_href: None,
            request_id: request_id.to_owned(),
            frame,
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "admin/error.html")]
struct OperatorErrorPage<'a> {
    title: String,
    says: &'a str,
    request_id: &'a str,
}

/// The error page for a merchant at `path`, in their language and with the brand.
pub(super) async fn for_merchant(
    app: &App,
    failure: &Failure,
    id: &RequestId,
    language: Choice,
    path: &str,
) -> Response {
    let words = Words(language.language);
    let frame = Frame::new(brand_beside(app, failure).await, words);
    if failure.code == "link_gone" {
        return rendered(&ErrorPage::link_gone(frame, id.as_str()), failure);
    }
    let said = failure.said.as_ref().map(|said| Said::clone(said).in_words(words).to_string());
    let next = next(path, failure.status).filter(|(href, _)| *href != "/connect" || app.site.open_connect);
    let page = ErrorPage {
        title: words.say(title(failure.status)).to_string(),
        says: said.unwrap_or_else(|| failure.says.clone().into_owned()),
        next_label: next.map(|(_, label)| words.say(label).to_string()).unwrap_or_default(),
        next_href: next.map(|(href, _)| href.to_owned()),
        request_id: id.to_string(),
        frame,
    };
    rendered(&page, failure)
}

/// Where to go from an error page at `path`, and the label. A path below a link or an attempt never leads to the open page, where the
/// store would be connected for an unknown merchant; it leads to its own page, unless that is what was not found.
fn next(path: &str, status: StatusCode) -> Option<(&str, &'static str)> {
    let Some(rest) = path.strip_prefix("/connect/").filter(|rest| *rest != "by-hand") else {
        return Some(("/connect", "error-connect"));
    };
    if status == StatusCode::NOT_FOUND {
        return None;
    }
    let segments = if rest.starts_with("attempts/") { 2 } else { 1 };
    let end = rest.match_indices('/').nth(segments - 1).map_or(path.len(), |(at, _)| path.len() - rest.len() + at);
    Some((&path[..end], "try-again")).filter(|_| !rest.starts_with("return/"))
}

pub(super) fn for_operator(failure: &Failure, id: &RequestId) -> Response {
    let title = english(title(failure.status)).to_string();
    rendered(&OperatorErrorPage { title, says: &failure.says, request_id: id.as_str() }, failure)
}

fn rendered(page: &impl Template, failure: &Failure) -> Response {
    match page.render() {
        Ok(html) => (failure.status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response(),
        Err(_) => (failure.status, failure.says.clone().into_owned()).into_response(),
    }
}

/// The brand of an error page. If the error is ours, the database may be the cause: then it is not queried again.
async fn brand_beside(app: &App, failure: &Failure) -> Brand {
    let by_default = || Brand { app_name: app.site.app_name.clone(), accent: None, help: None, logo: None };
    if failure.status.is_server_error() {
        return by_default();
    }
    match tokio::time::timeout(BRAND_WITHIN, brand::current(app)).await {
        Ok(Ok(brand)) => brand,
        _ => by_default(),
    }
}

const fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "error-nothing-here",
        StatusCode::FORBIDDEN => "error-not-taken",
        StatusCode::TOO_MANY_REQUESTS => "error-one-moment",
        status if status.as_u16() >= 500 => "error-our-side",
        _ => "error-no",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_began_with_a_link_never_leads_to_the_open_page() {
        let busy = StatusCode::TOO_MANY_REQUESTS;
        for (path, status, href) in [
            ("/", StatusCode::NOT_FOUND, Some("/connect")),
            ("/connect", busy, Some("/connect")),
            ("/connect/by-hand", busy, Some("/connect")),
            ("/connect/secret", busy, Some("/connect/secret")),
            ("/connect/secret/by-hand", busy, Some("/connect/secret")),
            ("/connect/secret/x", StatusCode::NOT_FOUND, None),
            ("/connect/attempts/at_1/again", busy, Some("/connect/attempts/at_1")),
            ("/connect/attempts/at_1", busy, Some("/connect/attempts/at_1")),
            ("/connect/attempts/at_1", StatusCode::NOT_FOUND, None),
            ("/connect/return/at_1", busy, None),
        ] {
            assert_eq!(next(path, status).map(|(href, _)| href), href, "{path} {status}");
        }
    }
}
