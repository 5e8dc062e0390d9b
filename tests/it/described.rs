//! Checks an answer of the API against its description. Every answer in a story passes through here.

use std::collections::BTreeSet;

use cartkey::web::api::describe::openapi;
use hyper::header::HeaderMap;
use serde_json::{Map, Value};
use url::Url;

/// Differences between an answer and its description; empty if there are none. `path` is below `/api/v1`.
pub fn faults(method: &str, path: &str, status: u16, headers: &HeaderMap, body: &Value) -> Vec<String> {
    let kind = header(headers, "content-type").unwrap_or_default();
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
    let responses = &operation["responses"];
    let response = responses.get(status.to_string()).unwrap_or(&responses["default"]);
    let at = format!("{method} {pattern} {status}");
    if response.is_null() {
        return vec![format!("{at}: no such answer is described")];
    }
    let mut faults = Vec::new();
    for (name, wanted) in response["headers"].as_object().into_iter().flatten() {
        match header(headers, name) {
            None if wanted["required"] == true => faults.push(format!("lacks the header {name}")),
            Some(text) if wanted["schema"]["type"] == "integer" && text.parse::<u64>().is_err() => {
                faults.push(format!("{name}: {text} is no number"));
            }
            _ => {}
        }
    }
    match (response["content"].as_object(), body) {
        (None, Value::Null) => {}
        (None, _) => faults.push("a body that is not described".to_owned()),
        (Some(contents), _) => match contents.get(kind) {
            None => faults.push(format!("{kind} is not described")),
            Some(content) => faults.extend(holds(body, &content["schema"])),
        },
    }
    faults.into_iter().map(|fault| format!("{at}: {fault}")).collect()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().expect("a header of text"))
}

fn expect_problem(status: u16, kind: &str, body: &Value, wanted: u16, code: &str) -> Vec<String> {
    if (status, kind) == (wanted, "application/problem+json") && body["code"] == code {
        return Vec::new();
    }
    vec![format!("{status} {kind} where only {wanted} {code} can be")]
}

fn is_path(pattern: &str, path: &str) -> bool {
    let (wanted, given): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    let has_slashes = pattern.ends_with("/{route}") && given.len() > wanted.len();
    (wanted.len() == given.len() || has_slashes)
        && wanted
            .iter()
            .zip(given)
            .all(|(wanted, given)| wanted.starts_with('{') && !given.is_empty() || *wanted == given)
}

/// Every difference between a value and its schema. Undescribed fields are faults too: schemas let clients ignore them, but we do
/// not.
pub fn holds(value: &Value, schema: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check(value, schema, "", &mut faults);
    faults
}

/// Every difference between an event and the schema of its type. A type that is not described is one of a newer version.
pub fn faults_of_event(event: &Value) -> Vec<String> {
    let kind = event["type"].as_str().unwrap_or_default();
    let body = &openapi()["webhooks"][kind]["post"]["requestBody"]["content"]["application/json"];
    body.get("schema").map(|schema| holds(event, schema)).unwrap_or_default()
}

fn check(value: &Value, schema: &Value, at: &str, faults: &mut Vec<String>) {
    if schema["$ref"] == "#/components/schemas/Event" {
        faults.extend(faults_of_event(value).iter().map(|fault| format!("{at}{fault}")));
    }
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
    // What is of another type has its fault already.
    if let Some(text) = value.as_str().filter(|_| types.is_empty() || types.contains(&is)) {
        faults.extend(faults_of_text(text, schema).into_iter().map(|fault| format!("{at}: {text:?} {fault}")));
    }
    let span =
        |least: &str, most: &str| schema[least].as_i64().unwrap_or(0)..=schema[most].as_i64().unwrap_or(i64::MAX);
    if value.as_i64().is_some_and(|number| !span("minimum", "maximum").contains(&number)) {
        faults.push(format!("{at}: {value} is out of bounds"));
    }
    if let Some(items) = value.as_array() {
        let count = i64::try_from(items.len()).expect("not that many");
        faults.extend((!span("minItems", "maxItems").contains(&count)).then(|| format!("{at}: {count} items")));
        items.iter().enumerate().for_each(|(n, item)| check(item, &schema["items"], &format!("{at}/{n}"), faults));
    }
    if let Some(object) = value.as_object() {
        check_members(object, schema, at, faults);
    }
}

/// Checks a text's constraints other than its type and enum.
fn faults_of_text(text: &str, schema: &Value) -> Vec<&'static str> {
    let length = |name: &str| schema[name].as_u64().and_then(|length| usize::try_from(length).ok());
    let characters = text.chars().count();
    let fits_format = match schema["format"].as_str() {
        None => true,
        Some("date-time") => text.len() == 24 && text.as_bytes()[10] == b'T' && text.ends_with('Z'),
        Some("uri") => Url::parse(text).is_ok(),
        Some(other) => panic!("nobody checks the format {other}"),
    };
    [
        (characters >= length("minLength").unwrap_or(0), "is too short"),
        (characters <= length("maxLength").unwrap_or(usize::MAX), "is too long"),
        (schema["pattern"].as_str().is_none_or(|pattern| matches(text, pattern)), "does not match its pattern"),
        (fits_format, "is not of its format"),
    ]
    .into_iter()
    .filter_map(|(fits, fault)| (!fits).then_some(fault))
    .collect()
}

/// Whether the whole text matches the pattern. Supports only what answers use: sequences of characters and classes, with `{n}` or
/// `{m,n}`.
fn matches(text: &str, pattern: &str) -> bool {
    let mut rest = pattern.strip_prefix('^').and_then(|inside| inside.strip_suffix('$')).expect("a whole pattern");
    let mut characters = text.chars().peekable();
    while !rest.is_empty() {
        let (class, after) = match rest.strip_prefix('[') {
            Some(inside) => inside.split_once(']').expect("a class ends"),
            None => rest.split_at(1),
        };
        assert!(!class.starts_with(['^', '\\', '(', ')', '|', '.', '?', '*', '+']), "{pattern} says more than is read");
        let (least, most, after) = match after.strip_prefix('{').and_then(|count| count.split_once('}')) {
            None => (1, 1, after),
            Some((count, after)) => {
                let (least, most) = count.split_once(',').unwrap_or((count, count));
                (least.parse().expect("a number"), most.parse().expect("a number"), after)
            }
        };
        let found = (0..most).take_while(|_| characters.next_if(|&c| is_in(c, class)).is_some()).count();
        if found < least {
            return false;
        }
        rest = after;
    }
    characters.next().is_none()
}

/// Whether a class such as `0-9a-hjk` contains a character.
fn is_in(c: char, class: &str) -> bool {
    let mut class: &[char] = &class.chars().collect::<Vec<_>>();
    while let Some(first) = class.first() {
        let (last, after) = match class {
            [_, '-', last, after @ ..] => (last, after),
            [first, after @ ..] => (first, after),
            [] => return false,
        };
        if (first..=last).contains(&&c) {
            return true;
        }
        class = after;
    }
    false
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
