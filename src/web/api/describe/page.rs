//! The description as a page for people.

use axum::response::{IntoResponse as _, Response};

/// `GET /api/v1/docs`.
pub async fn docs() -> Response {
    "".into_response()
}
