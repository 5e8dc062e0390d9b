//! The API description as an HTML page, rendered from the same list as the OpenAPI document.

use std::fmt::Write as _;

use askama::Template;
use axum::extract::State;
use axum::http::request::Parts;
use serde_json::Value;

use super::openapi::{by_name, problems};
use super::schema::{self, Member};
use super::{Place, ROUTES, Route, base, examples};
use crate::app::App;
use crate::domain::{Kind, Permission, Verdict};
use crate::web::page::Page;
use crate::web::problem::{CODES, Code};

/// The API description page.
#[derive(Template)]
#[template(path = "api/docs.html")]
pub struct Docs {
    /// The API's address.
    base: String,
    /// Every route.
    routes: Vec<Section>,
    /// Every named response and body.
    shapes: Vec<(&'static str, Vec<Member>)>,
    /// Every closed set of values and their meanings.
    words: Vec<(&'static str, String)>,
    /// Every permission and its meaning.
    permissions: [(Permission, &'static str); Permission::ALL.len()],
    /// Every type of event.
    kinds: &'static [Kind],
    /// Every reason, and its sentence.
    reasons: Vec<(&'static str, String)>,
    /// Every problem code.
    codes: &'static [Code],
}

/// One route.
struct Section {
    route: &'static Route,
    parameters: Vec<Member>,
    body: Vec<Member>,
    curl: String,
    answers: Vec<Shown>,
    problems: Vec<(u16, Vec<&'static Code>)>,
}

/// One successful response.
struct Shown {
    status: u16,
    says: &'static str,
    /// The name of its content's type.
    shape: Option<String>,
    example: Option<String>,
    headers: &'static [(&'static str, &'static str)],
}

/// `GET /api/v1/docs`. It reveals nothing about this installation but its address, so no token is needed.
pub async fn docs(State(app): State<App>, parts: Parts) -> Page<Docs> {
    let shapes = [
        "Store",
        "Keys",
        "WantedKeys",
        "SeveralKeys",
        "KeysOrProblem",
        "Link",
        "LinkAttempt",
        "MadeLink",
        "LinkList",
        "StoreList",
        "Disconnected",
        "EventList",
        "ListedEvent",
        "Event",
        "EventData",
        "Webhook",
        "MadeWebhook",
        "WebhookList",
        "TestResult",
        "Delivery",
        "DeliveryList",
        "Token",
        "MadeToken",
        "TokenList",
        "Problem",
    ];
    let words = [
        "LinkStatus",
        "AttemptStatus",
        "StoreStatus",
        "AuthMethod",
        "Scope",
        "Granted",
        "Confirm",
        "WebhookState",
        "WhyOff",
        "DeliveryState",
        "TokenState",
    ];
    Page(Docs {
        base: base(&app, &parts),
        routes: ROUTES.iter().map(section).collect(),
        shapes: shapes.map(|name| (name, schema::members(&by_name(name)))).into(),
        words: words.map(|name| (name, schema::meaning(name))).into(),
        permissions: Permission::ALL.map(|permission| (permission, permission.says())),
        kinds: &Kind::ALL,
        reasons: Verdict::ALL.iter().map(|verdict| (verdict.code(), verdict.says("the store"))).collect(),
        codes: CODES,
    })
}

fn section(route: &'static Route) -> Section {
    let shown = |answer: &super::Answer| {
        let content = answer.contents.first();
        let schema = content.map(|content| serde_json::to_value(&content.schema).unwrap_or_default());
        Shown {
            status: answer.status,
            says: answer.says,
            shape: schema.and_then(|schema| schema::name(&schema).map(str::to_owned)),
            example: content.and_then(|content| Some(pretty(content.example.as_ref()?))),
            headers: answer.headers,
        }
    };
    Section {
        route,
        parameters: route.parameters.iter().map(parameter).collect(),
        body: route.body.as_ref().map(|body| schema::members(&by_name(body.schema))).unwrap_or_default(),
        curl: curl(route),
        answers: route.answers.iter().map(shown).collect(),
        problems: problems(route).into_iter().collect(),
    }
}

fn parameter(parameter: &super::Parameter) -> Member {
    let schema = serde_json::to_value(&parameter.schema).unwrap_or_default();
    let place = match parameter.place {
        Place::Path => "in the path",
        Place::Query => "in the query",
        Place::Header => "header",
    };
    Member {
        name: parameter.name.to_owned(),
        kind: schema::kind(&schema),
        place: Some(place),
        required: parameter.place == Place::Path,
        says: parameter.says.to_owned(),
    }
}

/// The request as a command that can be run once `CARTKEY` and `TOKEN` are set.
fn curl(route: &Route) -> String {
    let mut path = route.path.to_owned();
    for parameter in route.parameters.iter().filter(|parameter| parameter.place == Place::Path) {
        path = path.replace(&format!("{{{}}}", parameter.name), &parameter.example());
    }
    let method = if route.method == "GET" { String::new() } else { format!(" -X {}", route.method) };
    let mut command = format!("curl{method} \"$CARTKEY{path}\"");
    if route.permission.is_some() {
        command += " \\\n  -H \"Authorization: Bearer $TOKEN\"";
    }
    if let Some(body) = &route.body {
        let _ = write!(command, " \\\n  -d '{}'", examples::of(body.schema));
    }
    command
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Splits text at backticks: every second part is code.
pub fn prose(text: &str) -> impl Iterator<Item = (bool, &str)> {
    text.split('`').enumerate().map(|(n, part)| (n % 2 == 1, part))
}
