//! The surface for merchants: connecting a store in a browser.

pub mod application_password;
mod attempt;
pub mod by_hand;
mod connect;
pub mod frame;
mod icon;
pub mod pages;

use axum::Router;
use axum::http::{Method, Uri};
use axum::middleware::from_fn;
use axum::response::Redirect;
use axum::routing::get;

use super::failure::{self, Failure};
use super::guard::only_visits;
use crate::app::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/connect", get(connect::page).post(connect::begin))
        .route("/connect/by-hand", get(by_hand::page).post(by_hand::begin))
        .route("/connect/{link}", get(connect::link_page).post(connect::begin))
        .route("/connect/{link}/by-hand", get(by_hand::page).post(by_hand::begin))
        .route("/connect/return/{attempt}", get(attempt::came_back).layer(from_fn(only_visits)))
        .route("/connect/return/{attempt}/{state}", get(application_password::came_back).layer(from_fn(only_visits)))
        .route("/connect/attempts/{attempt}", get(attempt::look))
        .route("/connect/attempts/{attempt}/icon", get(icon::show).layer(from_fn(only_visits)))
        .route("/connect/attempts/{attempt}/again", get(connect::page).post(connect::begin))
        .route("/connect/attempts/{attempt}/go-on", get(attempt::go_on_to_app).layer(from_fn(only_visits)))
        .route("/connect/attempts/{attempt}/by-hand", get(by_hand::page).post(by_hand::begin))
        .route(
            "/connect/attempts/{attempt}/application-password",
            get(application_password::page).post(application_password::begin),
        )
        .route("/connect/attempts/{attempt}/retry", get(attempt::to_attempt).post(attempt::retry))
        .route("/connect/attempts/{attempt}/confirm", get(attempt::to_attempt).post(attempt::confirm))
        .route("/connect/attempts/{attempt}/disown", get(attempt::to_attempt).post(attempt::disown))
}

/// The fallback of the pages: an address of ours that something got stuck to when it was passed on, such as a slash or `).`,
/// leads to the page without that.
pub(super) async fn stray(method: Method, uri: Uri) -> Result<Redirect, Failure> {
    let path = without_tail(uri.path());
    if path == uri.path() || !path.starts_with("/connect") || !matches!(method, Method::GET | Method::HEAD) {
        return Err(failure::not_found().await);
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Ok(Redirect::to(&format!("{path}{query}")))
}

/// The path without anything at its end that no path of ours ends with, percent-encoded or not.
fn without_tail(mut path: &str) -> &str {
    loop {
        let length = match path.as_bytes() {
            [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => 3,
            _ => match path.chars().next_back() {
                Some(last) if !last.is_ascii_alphanumeric() && !matches!(last, '-' | '_') => last.len_utf8(),
                _ => return path,
            },
        };
        path = &path[..path.len() - length];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stuck_to_the_end_of_a_path_is_dropped() {
        for path in ["/connect/", "/connect).", "/connect/%20", "/connect%3E%E2%80%9D", "/connect/,//"] {
            assert_eq!(without_tail(path), "/connect", "{path}");
        }
        assert_eq!(without_tail("/connect/a-_/"), "/connect/a-_");
        assert_eq!(without_tail("/"), "");
    }
}
