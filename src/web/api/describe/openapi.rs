//! The description as an OpenAPI 3.1 document.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ComponentsBuilder, Schema};
use utoipa::openapi::{InfoBuilder, OpenApiBuilder, PathsBuilder, RefOr};

use super::super::answers::{
    DeliveryList, Disconnected, EventList, Keys, LinkList, MadeLink, MadeToken, MadeWebhook, SeveralKeys, StoreList,
    TestResult, TokenList, WebhookList,
};
use super::super::keys::WantedKeys;
use super::super::links::{Confirmation, NewLink};
use super::super::tokens::{NewToken, TokenRotation};
use super::super::webhooks::{NewWebhook, SecretRotation, WebhookChange};
use super::{Answer, Parameter, Place, Route, examples};
use crate::domain::delivery::TRIAL;
use crate::domain::{CallLimit, Kind, Permission, Status, StoreStatus};
use crate::web::problem::{
    Code, IDEMPOTENCY_KEY_IN_USE, INTERNAL, INVALID_REQUEST, NOT_FOUND, PERMISSION_MISSING, Problem, RATE_LIMITED,
    SEVERAL_STORES, STORE_NOT_CONNECTED, TIMED_OUT, TOO_LARGE, UNAUTHENTICATED, UNAVAILABLE,
};

const SAYS: &str = "This API is for services on your internal network. Send a service token as `Authorization: Bearer cartkey_…`; \
    tokens in the query are not accepted, except by calls to stores. Requests and responses are JSON; times are RFC 3339 in UTC. Members and codes may be \
    added, but none is removed or changes its meaning.";

/// The whole document.
pub fn document(routes: &[Route]) -> Value {
    let info = InfoBuilder::new()
        .title("Cartkey service API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(SAYS))
        .build();
    let components = ComponentsBuilder::new().schemas_from_iter(schemas()).build();
    let frame =
        OpenApiBuilder::new().info(info).paths(PathsBuilder::new().build()).components(Some(components)).build();
    let mut document = serde_json::to_value(frame).expect("a description is JSON");
    let bodies: Vec<&str> = routes.iter().filter_map(|route| Some(route.body.as_ref()?.schema)).collect();
    let asked: String = bodies.iter().map(|name| document["components"]["schemas"][name].to_string()).collect();
    let is_asked = |name: &str| bodies.contains(&name) || asked.contains(&format!("/schemas/{name}\""));
    for (name, schema) in document["components"]["schemas"].as_object_mut().into_iter().flatten() {
        // What a request may contain may be omitted there.
        if !is_asked(name) {
            require_nullable(schema);
        }
    }
    document["components"]["securitySchemes"] = json!({
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "A service token, from `cartkey token issue` or the dashboard (Service tokens).",
        },
    });
    let wanted = &mut document["components"]["schemas"]["WantedKeys"];
    wanted["anyOf"] = json!([{"required": ["store_ids"]}, {"required": ["user_ids"]}]);
    wanted["not"] = json!({"required": ["store_ids", "user_ids"]});
    let problem = with_code(&[&NOT_FOUND, &SEVERAL_STORES, &STORE_NOT_CONNECTED]);
    document["components"]["schemas"]["KeysOrProblem"]["properties"]["problem"]["oneOf"] =
        json!([{"type": "null"}, problem]);
    let mut paths = Map::new();
    for route in routes {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method.as_str().to_ascii_lowercase()] = operation(route);
    }
    document["paths"] = Value::Object(paths);
    document["components"]["schemas"]["Event"]["properties"]["related"] = related();
    document["webhooks"] = webhooks(&document["components"]["schemas"]["EventData"]["properties"]);
    document
}

/// Makes the members that may be null required: a response always has them.
fn require_nullable(schema: &mut Value) {
    let Some(members) = schema["properties"].as_object() else { return };
    let is_null = |kind: &Value| kind["type"] == "null";
    let may_be_null = |member: &Value| {
        member["type"].as_array().is_some_and(|types| types.contains(&json!("null")))
            || member["oneOf"].as_array().is_some_and(|kinds| kinds.iter().any(is_null))
    };
    let is_required = |name: &str| schema["required"].as_array().is_some_and(|names| names.contains(&json!(name)));
    let required = members.iter().filter(|(name, member)| is_required(name) || may_be_null(member));
    let required: Vec<&str> = required.map(|(name, _)| name.as_str()).collect();
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
}

/// The schema of an event's `related`.
fn related() -> Value {
    json!({
        "type": "string",
        "description": "The API path of the store, link, webhook or token that the event is about. Omitted if there is none.",
        "examples": [format!("/api/v1/stores/{}", examples::store_id())],
    })
}

/// Every type of event and the request with which a webhook is told of it; `members` are those of every event's `data`.
fn webhooks(members: &Value) -> Value {
    let mut hooks: Map<String, Value> = Kind::ALL
        .iter()
        .map(|kind| {
            let schema = event(kind.as_str(), &by_name("EventId"), kind.members(), members);
            (
                kind.as_str().to_owned(),
                webhook(&format!("{kind:?}"), kind.in_words(), &schema, &json!(examples::event(*kind))),
            )
        })
        .collect();
    let id = json!({"type": "string", "pattern": "^dl_[0-7][0-9a-hjkmnp-tv-z]{25}$"});
    let mut schema = event(TRIAL, &id, [("webhook_id", true)].into_iter(), members);
    schema["properties"]["data"]["required"] = json!(["webhook_id"]);
    hooks.insert(TRIAL.to_owned(), webhook("WebhookTest", "Test, sent on request", &schema, &examples::trial()));
    Value::Object(hooks)
}

/// The schema of an event of this type.
fn event(kind: &str, id: &Value, named: impl Iterator<Item = (&'static str, bool)>, members: &Value) -> Value {
    let (mut properties, mut required) = (json!({"actor": members["actor"]}), vec!["actor"]);
    let mut schema = json!({
        "type": "object",
        "required": ["id", "type", "timestamp", "data"],
        "properties": {"id": id, "type": {"type": "string", "enum": [kind]}, "timestamp": by_name("Time")},
    });
    let has_page = kind != TRIAL && kind != Kind::WebhookDeleted.as_str();
    for (name, always) in named {
        properties[name] = members[name].clone();
        required.extend(always.then_some(name));
        if has_page && matches!(name, "store_id" | "link_id" | "webhook_id" | "token_id") {
            schema["properties"]["related"] = related();
        }
    }
    schema["properties"]["data"] = json!({"type": "object", "required": required, "properties": properties});
    schema
}

fn webhook(name: &str, title: &str, schema: &Value, example: &Value) -> Value {
    json!({
        "post": {
            "operationId": format!("receive{name}"),
            "summary": title,
            "description": "Sent to webhooks, signed according to Standard Webhooks. Ignore members that you do not know.",
            "requestBody": {"required": true, "content": {"application/json": {"schema": schema, "example": example}}},
            "responses": {"2XX": {"description": "Delivered. After any other response, or none, the event is sent again, at increasing intervals, except that 410 turns the webhook off. A test is sent only once."}},
            "security": [],
        },
    })
}

/// Every named schema, and those it consists of.
fn schemas() -> Vec<(String, RefOr<Schema>)> {
    fn with_parts<T: ToSchema>(all: &mut Vec<(String, RefOr<Schema>)>) {
        all.push((T::name().into_owned(), T::schema()));
        T::schemas(all);
    }
    let mut all = Vec::new();
    with_parts::<NewLink>(&mut all);
    with_parts::<MadeLink>(&mut all);
    with_parts::<LinkList>(&mut all);
    with_parts::<Confirmation>(&mut all);
    with_parts::<Keys>(&mut all);
    with_parts::<WantedKeys>(&mut all);
    with_parts::<SeveralKeys>(&mut all);
    with_parts::<StoreList>(&mut all);
    with_parts::<Disconnected>(&mut all);
    with_parts::<EventList>(&mut all);
    with_parts::<NewWebhook>(&mut all);
    with_parts::<WebhookChange>(&mut all);
    with_parts::<SecretRotation>(&mut all);
    with_parts::<MadeWebhook>(&mut all);
    with_parts::<WebhookList>(&mut all);
    with_parts::<TestResult>(&mut all);
    with_parts::<DeliveryList>(&mut all);
    with_parts::<NewToken>(&mut all);
    with_parts::<TokenRotation>(&mut all);
    with_parts::<MadeToken>(&mut all);
    with_parts::<TokenList>(&mut all);
    with_parts::<Problem>(&mut all);
    with_parts::<Permission>(&mut all);
    with_parts::<Status>(&mut all);
    with_parts::<StoreStatus>(&mut all);
    all
}

fn operation(route: &Route) -> Value {
    let mut responses = Map::new();
    for answer in &route.answers {
        let mut response = success(answer);
        if route.takes_key() {
            let says = "`true` if this is the answer to an earlier request with the same `Idempotency-Key`.";
            let header = json!({"description": says, "required": false, "schema": {"type": "string"}});
            response["headers"]["Idempotency-Replayed"] = header;
        }
        responses.insert(answer.status.to_string(), response);
    }
    for (status, codes) in problems(route) {
        responses.insert(status.to_string(), problem(&codes));
    }
    if route.is_call {
        pass_on(&mut responses);
    }
    // Returned by the HTTP server itself, without a problem document.
    responses.insert("431".to_owned(), json!({"description": "The request's address and headers exceed 16 KiB."}));
    let mut operation = json!({
        "operationId": route.id,
        "summary": route.title,
        "description": route.says,
        "parameters": route.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "responses": responses,
        "security": route.permission.map_or_else(Vec::new, |permission| vec![json!({"token": [permission]})]),
    });
    if let Some(body) = &route.body {
        let content = json!({"schema": by_name(body.schema), "example": examples::of(body.schema)});
        operation["requestBody"] = json!({"required": body.is_required, "content": {"application/json": content}});
    }
    if route.is_call && takes_body(route) {
        operation["requestBody"] = json!({"required": false, "content": {"application/json": {"schema": {}}}});
    }
    operation
}

fn takes_body(route: &Route) -> bool {
    route.body.is_some() || (route.is_call && !matches!(route.method, Method::GET | Method::DELETE))
}

/// Adds that any answer may be the store's own, with its own JSON and without the headers of our problems.
fn pass_on(responses: &mut Map<String, Value>) {
    for response in responses.values_mut() {
        response["content"]["application/json"]["schema"] = json!({});
        let headers = response.get_mut("headers").and_then(Value::as_object_mut);
        for header in headers.into_iter().flat_map(Map::values_mut) {
            header["required"] = json!(false);
        }
    }
    responses.insert("default".to_owned(), json!({"description": "Any other response is the store's own, passed on."}));
}

/// The problems of a route, by status.
pub fn problems(route: &Route) -> BTreeMap<u16, Vec<&'static Code>> {
    let mut codes = route.problems.clone();
    codes.extend([&INTERNAL, &UNAVAILABLE]);
    if route.permission.is_some() {
        codes.extend([&UNAUTHENTICATED, &PERMISSION_MISSING, &INVALID_REQUEST]);
    }
    if takes_body(route) || route.takes_key() {
        codes.extend([&TOO_LARGE, &TIMED_OUT]);
    }
    let mut by_status: BTreeMap<u16, Vec<&'static Code>> = BTreeMap::new();
    for code in codes {
        // An invalid request is 422 in a body only.
        let is_of_body = |status: u16| status == 422 && *code == INVALID_REQUEST;
        for status in code.statuses.iter().filter(|status| !is_of_body(**status) || route.body.is_some()) {
            by_status.entry(*status).or_default().push(code);
        }
    }
    by_status
}

fn success(answer: &Answer) -> Value {
    let mut response = json!({"description": answer.says});
    for content in &answer.contents {
        let mut shown = json!({"schema": content.schema});
        if let Some(example) = &content.example {
            shown["example"] = example.clone();
        }
        response["content"][content.kind] = shown;
    }
    for (route, parameter, place) in answer.leads_to {
        let link = json!({"operationId": route, "parameters": {*parameter: format!("$response.body#{place}")}});
        response["links"][*route] = link;
    }
    for (name, says) in answer.headers {
        response["headers"][*name] = json!({"description": says, "required": true, "schema": {"type": "string"}});
    }
    response
}

/// A problem document with one of these codes and the members they add.
fn problem(codes: &[&Code]) -> Value {
    let says: Vec<String> = codes.iter().map(|code| format!("`{}`: {}", code.code, code.says)).collect();
    let mut response = json!({
        "description": says.join("\n\n"),
        "content": {"application/problem+json": {"schema": with_code(codes)}},
    });
    let mut header = |name: &str, says: &str, kind: &str, of: &[&Code]| {
        if codes.iter().any(|code| of.contains(code)) {
            let required = codes.iter().all(|code| of.contains(code));
            response["headers"][name] = json!({"description": says, "required": required, "schema": {"type": kind}});
        }
    };
    header("WWW-Authenticate", "`Bearer`", "string", &[&UNAUTHENTICATED]);
    let later = [&UNAVAILABLE, &RATE_LIMITED, &IDEMPOTENCY_KEY_IN_USE];
    header("Retry-After", "How many seconds to wait before trying again.", "integer", &later);
    response
}

/// The schema of a problem document with one of these codes and the members they add.
fn with_code(codes: &[&Code]) -> Value {
    let names: Vec<&str> = codes.iter().map(|code| code.code).collect();
    let mut properties = json!({"code": {"enum": names}});
    for name in codes.iter().flat_map(|code| code.adds) {
        properties[*name] = added(name);
    }
    json!({"type": "object", "allOf": [by_name("Problem"), {"type": "object", "properties": properties}]})
}

/// The schema of a member that a problem code adds.
fn added(name: &str) -> Value {
    match name {
        "permission" => by_name("Permission"),
        "store_status" => by_name("StoreStatus"),
        "attempt_status" => by_name("AttemptStatus"),
        "reason" => json!({"oneOf": [{"type": "null"}, by_name("Reason")]}),
        "stores" => json!({
            "type": "array",
            "items": {
                "type": "object",
                "required": ["store_id", "store_url"],
                "properties": {"store_id": by_name("StoreId"), "store_url": by_name("StoreUrl")},
            },
        }),
        "scope" => by_name("Scope"),
        "location" | "related" => json!({"type": ["string", "null"]}),
        "limit" => json!({"enum": CallLimit::ALL}),
        "value" => json!({"type": "integer", "minimum": 1}),
        "attempt_url" => json!({"type": "string", "format": "uri"}),
        _ => json!({"type": "string"}),
    }
}

fn parameter(parameter: &Parameter) -> Value {
    let place = match parameter.place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
    };
    json!({
        "name": parameter.name,
        "in": place,
        "required": parameter.place == Place::Path,
        "description": parameter.says,
        "schema": parameter.schema,
    })
}

pub fn by_name(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}
