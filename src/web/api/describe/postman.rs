//! The API description as a Postman collection, which other API clients import as well.

use axum::Json;
use axum::extract::State;
use axum::http::request::Parts;
use serde_json::{Value, json};

use super::{Parameter, Place, ROUTES, Route, base, examples};
use crate::app::App;

const SCHEMA: &str = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";

/// `GET /api/v1/postman.json`: a Postman collection (v2.1) with the variables `base_url`, which is set, and `token`.
pub async fn collection(State(app): State<App>, parts: Parts) -> Json<Value> {
    let token = json!({"key": "token", "value": "{{token}}", "type": "string"});
    Json(json!({
        "info": {
            "name": "Cartkey service API",
            "description": "Set the variable `token` to a service token, from `cartkey token issue` or the dashboard.",
            "version": env!("CARGO_PKG_VERSION"),
            "schema": SCHEMA,
        },
        "auth": {"type": "bearer", "bearer": [token]},
        "variable": [{"key": "base_url", "value": base(&app, &parts)}, {"key": "token", "value": ""}],
        "item": ROUTES.iter().map(item).collect::<Vec<_>>(),
    }))
}

fn item(route: &Route) -> Value {
    let parameters = |place| route.parameters.iter().filter(move |parameter| parameter.place == place);
    let path = route.path.replace('{', ":").replace('}', "");
    let variables: Vec<Value> =
        parameters(Place::Path).map(|parameter| pair(parameter, &parameter.example())).collect();
    // Optional, so they are listed but not sent.
    let optional = |parameter| {
        let mut pair = pair(parameter, "");
        pair["disabled"] = json!(true);
        pair
    };
    let query: Vec<Value> = parameters(Place::Query).map(optional).collect();
    let headers: Vec<Value> = parameters(Place::Header).map(optional).collect();
    let mut request = json!({
        "method": route.method.as_str(),
        "description": route.says,
        "header": headers,
        "url": {
            "raw": format!("{{{{base_url}}}}{path}"),
            "host": ["{{base_url}}"],
            "path": path.split('/').skip(1).collect::<Vec<_>>(),
            "query": query,
            "variable": variables,
        },
    });
    if let Some(body) = &route.body {
        let text = serde_json::to_string_pretty(&examples::of(body.schema)).unwrap_or_default();
        request["body"] = json!({"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}});
    }
    if route.permission.is_none() {
        request["auth"] = json!({"type": "noauth"});
    }
    json!({"id": route.id, "name": route.title, "request": request})
}

fn pair(parameter: &Parameter, value: &str) -> Value {
    json!({"key": parameter.name, "value": value, "description": parameter.says})
}
