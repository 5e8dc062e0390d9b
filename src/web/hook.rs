//! The surface for stores: `POST /wc-auth/callback/{token}`.
//!
//! The response is exactly 200 once the grant is on disk. Never a redirect: WooCommerce would send the secrets to its
//! target (docs/protocol/store-answers.md §1).

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;

use super::failure::Failure;
use super::guard::actor;
use crate::app::App;
use crate::domain::{Actor, Secret};
use crate::flow::connecting::receive;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/callback/{token}", post(callback))
}

async fn callback(
    State(app): State<App>,
    Path(token): Path<String>,
    parts: Parts,
    body: Bytes,
) -> Result<Response, Failure> {
    // The body is parsed as JSON whatever its Content-Type: WooCommerce before 2.4.5 declares XML but sends JSON.
    let actor = actor(&app, &parts, Actor::store());
    // In a task of its own, so that a store that disconnects does not interrupt the commit.
    let task = tokio::spawn(async move { receive::receive(&app, Secret::new(token), &body, &actor).await });
    task.await.map_err(Failure::broken)??;
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], "{}").into_response())
}
