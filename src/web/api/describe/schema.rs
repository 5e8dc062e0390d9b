//! Describes JSON schemas in words.

use std::fmt::Write as _;

use serde_json::Value;

use super::DOCUMENT;

/// A member of an object, or a parameter.
pub struct Member {
    pub name: String,
    /// The kind of value.
    pub kind: String,
    /// Where a parameter is sent.
    pub place: Option<&'static str>,
    pub required: bool,
    /// The description.
    pub says: String,
}

/// The name of the schema that this one refers to.
pub fn name(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// The description of the schema with this name.
pub fn meaning(name: &str) -> String {
    text(&DOCUMENT["components"]["schemas"][name], "description").unwrap_or_default()
}

/// An object's members, including those of the objects that it consists of.
pub fn members(schema: &Value) -> Vec<Member> {
    let schema = resolved(schema);
    if let Some(parts) = schema["allOf"].as_array() {
        return parts.iter().flat_map(members).collect();
    }
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let members = schema["properties"].as_object().into_iter().flatten();
    members
        .map(|(name, member)| Member {
            name: name.clone(),
            kind: kind(member),
            place: None,
            required: required.contains(&name.as_str()),
            says: says(member),
        })
        .collect()
}

/// A member's description, or else that of its type.
fn says(member: &Value) -> String {
    let mut choices = member["oneOf"].as_array().into_iter().flatten();
    let said = text(member, "description").or_else(|| choices.find_map(|choice| text(choice, "description")));
    said.or_else(|| text(resolved(member), "description")).unwrap_or_default()
}

/// The kind of value in words, with its bounds.
pub fn kind(schema: &Value) -> String {
    if let Some(choices) = schema["oneOf"].as_array() {
        let kinds: Vec<String> = choices.iter().map(kind).collect();
        let (nulls, rest): (Vec<String>, Vec<String>) = kinds.into_iter().partition(|kind| kind == "null");
        return if nulls.is_empty() { rest.join(" or ") } else { format!("{} or null", rest.join(" or ")) };
    }
    if let Some(name) = name(schema).filter(|name| resolved(schema)["type"] == "object" && !name.is_empty()) {
        return name.to_owned();
    }
    let schema = resolved(schema);
    let (types, null) = types(schema);
    if types.is_empty() && null {
        return "null".to_owned();
    }
    let mut words = match (types.first().copied(), text(schema, "format").as_deref()) {
        _ if schema["enum"].as_array().is_some_and(|words| words.len() > 12) => "a reason".to_owned(),
        _ if schema["enum"].is_array() => one_of(&schema["enum"]),
        (Some("string"), Some("date-time")) => "time".to_owned(),
        (Some("string"), Some("uri")) => "web address".to_owned(),
        (Some("string"), _) => "text".to_owned(),
        (Some("integer"), _) => "whole number".to_owned(),
        (Some("array"), _) => format!("list of {}", kind(&schema["items"])),
        (Some(other), _) => other.to_owned(),
        (None, _) => "anything".to_owned(),
    };
    words += &bounds(schema);
    if let Some(default) = schema.get("default") {
        let _ = write!(words, "; default {default}");
    }
    if null { words + " or null" } else { words }
}

fn one_of(words: &Value) -> String {
    let words: Vec<&str> = words.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.join(""),
    }
}

fn bounds(schema: &Value) -> String {
    let number = |name: &str| schema[name].as_f64();
    let span = |least: Option<f64>, most: Option<f64>| match (least, most) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}")),
        (Some(least), None) => Some(format!("{least} or more")),
        (None, Some(most)) => Some(format!("at most {most}")),
        (None, None) => None,
    };
    let characters = span(number("minLength"), number("maxLength")).map(|span| format!("{span} characters"));
    let items = span(number("minItems"), number("maxItems")).map(|span| format!("{span} of them"));
    let found = span(number("minimum"), number("maximum")).or(characters).or(items);
    found.map(|found| format!(", {found}")).unwrap_or_default()
}

/// The types that a schema allows besides null, and whether it allows null.
fn types(schema: &Value) -> (Vec<&str>, bool) {
    let all: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(some) => some.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let null = all.contains(&"null");
    (all.into_iter().filter(|kind| *kind != "null").collect(), null)
}

fn text(schema: &Value, name: &str) -> Option<String> {
    schema[name].as_str().map(str::to_owned)
}

fn resolved(schema: &Value) -> &Value {
    let place = schema["$ref"].as_str().map(|place| place.trim_start_matches('#'));
    place.and_then(|place| DOCUMENT.pointer(place)).unwrap_or(schema)
}
