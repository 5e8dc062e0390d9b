//! The icon of the store, for the pages of an attempt.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::attempt::{href, read_id, unknown};
use crate::app::App;
use crate::domain::{Attempt, Icon};
use crate::flow::connecting::{icon, return_leg};
use crate::web::failure::Failure;
use crate::web::guard::{browser, merchant};

/// `GET …/icon`: only for the browser that began the attempt; 204 if there is no icon, because browsers report a 404 as an error of
/// the page.
pub async fn show(State(app): State<App>, Path(id): Path<String>, parts: Parts) -> Result<Response, Failure> {
    let id = read_id(&id).ok_or_else(unknown)?;
    let cookie = browser(&app.site, &parts.headers);
    let attempt = return_leg::look(&app, &id, cookie.as_ref()).await?.ok_or_else(unknown)?;
    let Some(found) = icon::find(&app, &attempt, &merchant(&app, &parts)).await else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let Icon { media_type, bytes } = Arc::unwrap_or_clone(found);
    let headers = [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "private, max-age=3600")];
    Ok((headers, bytes).into_response())
}

/// The path of the icon, if the store reported one.
pub(super) fn icon_href(attempt: &Attempt) -> Option<String> {
    attempt.icon_url.as_ref().map(|_| format!("{}/icon", href(&attempt.id)))
}
