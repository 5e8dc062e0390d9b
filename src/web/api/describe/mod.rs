//! The description of the API: each route with its permission, its parameters, and everything that it may answer. One
//! list, from which both the OpenAPI document and the page for people are made.

mod examples;
mod openapi;
mod page;
mod routes;
mod schema;

use std::sync::LazyLock;

use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use utoipa::openapi::{RefOr, Schema};

use crate::domain::token::Permission;
use crate::web::problem::Code;

pub use page::{docs, prose};

/// A route as it is described.
pub struct Route {
    /// Its method.
    method: Method,
    /// Its path, as the router has it, with the prefix.
    path: &'static str,
    /// Names it in programs that are generated from the document.
    id: &'static str,
    /// What it does, in a few words.
    title: &'static str,
    /// What there is to know about it.
    says: &'static str,
    /// What a token must be allowed; `None` where no token is asked for.
    permission: Option<Permission>,
    /// What stands in path, query and headers.
    parameters: Vec<Parameter>,
    /// The JSON that it takes.
    body: Option<Body>,
    /// What it answers when all is well.
    answers: Vec<Answer>,
    /// The problems of its own, beside those of every route.
    problems: Vec<&'static Code>,
}

/// Where a parameter stands.
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
}

struct Answer {
    status: u16,
    says: &'static str,
    /// What the body may be; nothing without a body.
    contents: Vec<Content>,
    /// Header, what it says.
    headers: &'static [(&'static str, &'static str)],
    /// Where what it says leads: the id of another route, the parameter, and where in this answer that stands.
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

/// `GET /api/v1/openapi.json`. It says nothing of this installation, so no token is asked for.
pub async fn document() -> Response {
    static BYTES: LazyLock<String> = LazyLock::new(|| DOCUMENT.to_string());
    ([(header::CONTENT_TYPE, "application/json")], BYTES.as_str()).into_response()
}

/// The description, as JSON.
pub fn openapi() -> &'static Value {
    &DOCUMENT
}
