//! Whether an answer of the API is one that its description allows. Every answer that a story gets goes through here.

use std::collections::BTreeSet;

use cartkey::web::api::describe::openapi;
use serde_json::{Map, Value};

/// What an answer has that the description does not allow; empty when it is described. `path` is a path below `/api/v1`,
/// `kind` its `Content-Type`.
pub fn faults(method: &str, path: &str, status: u16, kind: &str, body: &Value) -> Vec<String> {
    let path = path.split('?').next().unwrap_or_default();
    let document = openapi();
    let paths = document["paths"].as_object().expect("paths");
    let Some((pattern, item)) = paths.iter().find(|(pattern, _)| is_path(pattern, &format!("/api/v1{path}"))) else {
        return expect_problem(status, kind, body, 404, "not_found");
    };
    let operation = &item[method.to_ascii_lowercase()];
    if operation.is_null() {
        return expect_problem(status, kind, body, 405, "method_not_allowed");
    }
    let response = &operation["responses"][status.to_string()];
    let at = format!("{method} {pattern} {status}");
    if response.is_null() {
        return vec![format!("{at}: no such answer is described")];
    }
    let Some(contents) = response["content"].as_object() else {
        return if body.is_null() { Vec::new() } else { vec![format!("{at}: a body that is not described")] };
    };
    match contents.get(kind) {
        None => vec![format!("{at}: {kind} is not described")],
        Some(content) => holds(body, &content["schema"]).into_iter().map(|fault| format!("{at}: {fault}")).collect(),
    }
}

fn expect_problem(status: u16, kind: &str, body: &Value, wanted: u16, code: &str) -> Vec<String> {
    if (status, kind) == (wanted, "application/problem+json") && body["code"] == code {
        return Vec::new();
    }
    vec![format!("{status} {kind} where only {wanted} {code} can be")]
}

fn is_path(pattern: &str, path: &str) -> bool {
    let (wanted, given): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    wanted.len() == given.len()
        && wanted
            .iter()
            .zip(given)
            .all(|(wanted, given)| wanted.starts_with('{') && !given.is_empty() || *wanted == given)
}

/// Everything in which a value is not as its schema says. A member that is not described is a fault too: what the schema
/// leaves open to programs that read it, we do not take.
pub fn holds(value: &Value, schema: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check(value, schema, "", &mut faults);
    faults
}

fn check(value: &Value, schema: &Value, at: &str, faults: &mut Vec<String>) {
    let schema = resolved(schema);
    if let Some(choices) = schema["oneOf"].as_array() {
        let fitting = choices.iter().filter(|choice| holds(value, choice).is_empty()).count();
        if fitting != 1 {
            faults.push(format!("{at}: {value} fits {fitting} of the choices"));
        }
        return;
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(some) => some.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !types.is_empty() && !types.contains(&is) {
        faults.push(format!("{at}: {value} is no {types:?}"));
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        faults.push(format!("{at}: {value} is none of {}", schema["enum"]));
    }
    if let (Some(text), Some("date-time")) = (value.as_str(), schema["format"].as_str()) {
        let fits = text.len() == 24 && text.as_bytes()[10] == b'T' && text.ends_with('Z');
        faults.extend((!fits).then(|| format!("{at}: {text} is no moment")));
    }
    if let Some(items) = value.as_array() {
        items.iter().enumerate().for_each(|(n, item)| check(item, &schema["items"], &format!("{at}/{n}"), faults));
    }
    if let Some(object) = value.as_object() {
        check_members(object, schema, at, faults);
    }
}

fn check_members(object: &Map<String, Value>, schema: &Value, at: &str, faults: &mut Vec<String>) {
    let parts: Vec<&Value> = match schema["allOf"].as_array() {
        Some(parts) => parts.iter().map(resolved).collect(),
        None => vec![schema],
    };
    let mut known = BTreeSet::new();
    for part in &parts {
        let required = part["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        faults.extend(required.filter(|name| !object.contains_key(*name)).map(|name| format!("{at}: lacks {name}")));
        for (name, member) in part["properties"].as_object().into_iter().flatten() {
            known.insert(name.as_str());
            if let Some(value) = object.get(name) {
                check(value, member, &format!("{at}/{name}"), faults);
            }
        }
    }
    if !known.is_empty() {
        let strangers = object.keys().filter(|name| !known.contains(name.as_str()));
        faults.extend(strangers.map(|name| format!("{at}: {name} is not described")));
    }
}

fn resolved(schema: &Value) -> &Value {
    match schema["$ref"].as_str() {
        Some(place) => openapi().pointer(place.trim_start_matches('#')).unwrap_or_else(|| panic!("no {place}")),
        None => schema,
    }
}
