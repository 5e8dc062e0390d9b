//! The API description: each route with its permission, parameters and responses. The OpenAPI document, the HTML page and the
//! Postman collection are generated from this one list.
//!
//! `tests/it/api_description.rs` compares the list with the routes in the sources, and every example with its schema;
//! `tests/it/service.rs` checks every answer in every story against it; `scripts/contract` calls each route with valid and invalid
//! requests.

mod examples;
mod managing;
mod openapi;
mod page;
mod postman;
mod routes;
mod schema;

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa::openapi::{Ref, RefOr, Schema};

use crate::app::App;
use crate::domain::Permission;
use crate::web::guard;
use crate::web::problem::Code;

pub use page::{docs, prose};
pub use postman::collection;

const JSON: &str = "application/json";

/// The API's address if the request does not reveal it: the one from the compose file.
const USUAL: &str = "http://127.0.0.1:8090";

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

impl Route {
    /// A route; `id` is its name in generated clients.
    fn new(method: Method, path: &'static str, id: &'static str, title: &'static str) -> Self {
        Self {
            method,
            path,
            id,
            title,
            says: "",
            permission: None,
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            problems: Vec::new(),
            is_call: false,
        }
    }

    fn says(self, says: &'static str) -> Self {
        Self { says, ..self }
    }

    fn needs(self, permission: Permission) -> Self {
        Self { permission: Some(permission), ..self }
    }

    fn with(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    fn body(self, schema: &'static str) -> Self {
        Self { body: Some(Body { schema, is_required: true }), ..self }
    }

    /// An empty body is the same as `{}`.
    fn optional_body(self, schema: &'static str) -> Self {
        Self { body: Some(Body { schema, is_required: false }), ..self }
    }

    fn answers(self, status: u16, says: &'static str, schema: &'static str) -> Self {
        self.shows(status, says, schema, examples::of(schema))
    }

    /// The same with an example of its own.
    fn shows(self, status: u16, says: &'static str, schema: &'static str, example: Value) -> Self {
        let schema = RefOr::Ref(Ref::from_schema_name(schema));
        self.answers_with(status, says, [Content { kind: JSON, schema, example: Some(example) }])
    }

    fn answers_with(mut self, status: u16, says: &'static str, contents: impl Into<Vec<Content>>) -> Self {
        self.answers.push(Answer { status, says, contents: contents.into(), headers: &[], leads_to: &[] });
        self
    }

    /// Adds OpenAPI links to the last response.
    fn leads_to(mut self, links: &'static [(&'static str, &'static str, &'static str)]) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.leads_to = links;
        }
        self
    }

    fn fails(mut self, problems: impl IntoIterator<Item = &'static Code>) -> Self {
        self.problems.extend(problems);
        self
    }

    /// Whether it takes an `Idempotency-Key`, as every POST does that changes something. Calls to stores have a header of that name of
    /// their own.
    fn takes_key(&self) -> bool {
        let changes = self.permission.is_some_and(|permission| permission != Permission::KeysRead);
        self.method == Method::POST && changes && !self.is_call
    }
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

impl Parameter {
    /// An example of its value; empty if there is none.
    fn example(&self) -> String {
        let schema = serde_json::to_value(&self.schema).unwrap_or_default();
        schema["examples"][0].as_str().unwrap_or_default().to_owned()
    }
}

struct Body {
    /// The schema's name.
    schema: &'static str,
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

/// `GET /api/v1/openapi.json`. It reveals nothing about this installation but its address, so no token is needed.
pub async fn document(State(app): State<App>, parts: Parts) -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| DOCUMENT.to_string());
    let servers = json!([{"url": base(&app, &parts)}]);
    let rest = TEXT.trim_start_matches('{');
    ([(header::CONTENT_TYPE, "application/json")], format!("{{\"servers\":{servers},{rest}")).into_response()
}

/// The address at which this request reached the API.
pub(in crate::web) fn base(app: &App, parts: &Parts) -> String {
    guard::reached_at(&app.site, parts).unwrap_or_else(|| USUAL.to_owned())
}

/// The description as JSON, without the `servers` that are added when it is served.
pub fn openapi() -> &'static Value {
    &DOCUMENT
}
