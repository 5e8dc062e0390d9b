//! The API description: each route with its permission, parameters and responses. The OpenAPI document and the HTML page are
//! both generated from this one list.
//!
//! `tests/it/api_description.rs` compares the list with the routes in the sources, and every example with its schema;
//! `tests/it/service.rs` checks every answer in every story against it; `scripts/contract` calls each route with valid and invalid
//! requests.

mod examples;
mod managing;
mod openapi;
mod page;
mod routes;
mod schema;

use std::sync::LazyLock;

use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use utoipa::openapi::{RefOr, Schema};

use crate::domain::Permission;
use crate::web::problem::Code;

pub use page::{docs, prose};

/// The description of a route.
pub struct Route {
    method: Method,
    /// Its path, as in the router, with the prefix.
    path: &'static str,
    /// Its name in generated clients.
    id: &'static str,
    /// A short title.
    title: &'static str,
    /// The description.
    says: &'static str,
    /// The permission a token needs; `None` if no token is needed.
    permission: Option<Permission>,
    /// The parameters in path, query and headers.
    parameters: Vec<Parameter>,
    /// The JSON body it accepts.
    body: Option<Body>,
    /// The successful responses.
    answers: Vec<Answer>,
    /// Its own problems, in addition to those of every route.
    problems: Vec<&'static Code>,
    /// Whether it passes on a store's answer, whatever that is, and a JSON body if the method has one.
    is_call: bool,
}

/// Where a parameter is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Path,
    Query,
    Header,
}

struct Parameter {
    place: Place,
    name: &'static str,
    says: &'static str,
    schema: RefOr<Schema>,
}

struct Body {
    /// The schema's name.
    schema: &'static str,
    example: Value,
    /// False if an empty body is the same as `{}`.
    is_required: bool,
}

struct Answer {
    status: u16,
    says: &'static str,
    /// The possible bodies; empty if there is none.
    contents: Vec<Content>,
    /// Header names and their descriptions.
    headers: &'static [(&'static str, &'static str)],
    /// OpenAPI links: the ID of another route, its parameter, and where its value is in this response.
    leads_to: &'static [(&'static str, &'static str, &'static str)],
}

struct Content {
    /// The media type.
    kind: &'static str,
    schema: RefOr<Schema>,
    example: Option<Value>,
}

static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(routes::all);

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| openapi::document(&ROUTES));

/// `GET /api/v1/openapi.json`. It reveals nothing about this installation, so no token is needed.
pub async fn document() -> Response {
    static BYTES: LazyLock<String> = LazyLock::new(|| DOCUMENT.to_string());
    ([(header::CONTENT_TYPE, "application/json")], BYTES.as_str()).into_response()
}

/// The description as JSON.
pub fn openapi() -> &'static Value {
    &DOCUMENT
}
