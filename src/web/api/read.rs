//! Reading a service's request: its token, its query, its JSON; each fault names its field.

use std::str::FromStr;

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize as _, Deserializer};
use serde_json::json;

use crate::app::App;
use crate::domain::secret::Secret;
use crate::domain::token::{Permission, ServiceToken};
use crate::flow::lend;
use crate::web::failure::Failure;

/// The bearer token (RFC 6750 §2.1); never taken from the query, where it would reach logs.
pub fn bearer(headers: &HeaderMap) -> Result<Secret, Failure> {
    let value = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(Failure::unauthenticated)?;
    let (scheme, token) = value.split_once(' ').ok_or_else(Failure::unauthenticated)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Failure::unauthenticated());
    }
    Ok(Secret::new(token.trim().to_owned()))
}

/// The token of this request, if it works and has `permission`.
pub async fn allowed(app: &App, parts: &Parts, permission: Permission) -> Result<ServiceToken, Failure> {
    let token = lend::fresh_token(app, &bearer(&parts.headers)?).await?;
    if token.permissions.allow(permission) { Ok(token) } else { Err(lend::Error::PermissionMissing(permission).into()) }
}

/// The JSON body.
pub fn body<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Failure> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let field = error.path().to_string();
        let inner = error.inner();
        let says = if inner.is_data() {
            // serde names what it wanted, and of what it got only the kind and short values.
            format!("{}.", without_place(&inner.to_string()))
        } else {
            "The body must be one JSON object.".to_owned()
        };
        let failure = Failure::new(StatusCode::BAD_REQUEST, "invalid_request", says);
        let named = if field == "." { missing(&inner.to_string()) } else { Some(field) };
        match named {
            Some(field) => failure.with("field", json!(field)),
            None => failure,
        }
    })?;
    reader
        .end()
        .map_err(|_| Failure::new(StatusCode::BAD_REQUEST, "invalid_request", "The body must be one JSON object."))?;
    Ok(value)
}

/// The query, as names and values; a name that is not `known` is a mistake worth telling, and so is one given twice. An empty
/// value stays one: left out, a variable that came out empty would ask for more than was meant.
pub fn query(parts: &Parts, known: &[&str]) -> Result<Vec<(String, String)>, Failure> {
    let text = parts.uri.query().unwrap_or_default();
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(text)
        .map_err(|_| Failure::new(StatusCode::BAD_REQUEST, "invalid_request", "The query cannot be read."))?;
    for (index, (name, _)) in pairs.iter().enumerate() {
        if !known.contains(&name.as_str()) {
            let says = format!("There is no such parameter; there are {}.", known.join(", "));
            return Err(bad(name, says));
        }
        if pairs[..index].iter().any(|(earlier, _)| earlier == name) {
            return Err(bad(name, "Give this parameter once.".to_owned()));
        }
    }
    Ok(pairs)
}

/// The parameter `name` of a query, read.
pub fn parameter<T: FromStr>(pairs: &[(String, String)], name: &str, wanted: &str) -> Result<Option<T>, Failure> {
    match pairs.iter().find(|(known, _)| known == name) {
        None => Ok(None),
        Some((_, value)) => value.parse().map(Some).map_err(|_| bad(name, format!("{name} must be {wanted}."))),
    }
}

/// A whole number of a body, however it is written: `60.0` and `6e1` are 60 in JSON.
pub fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else { return Ok(None) };
    if let Some(whole) = number.as_u64() {
        return Ok(Some(whole));
    }
    let is_whole = |number: &f64| number.fract() == 0.0 && *number >= 0.0;
    let number = number.as_f64().filter(is_whole).ok_or_else(|| D::Error::custom("it must be a whole number"))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, not negative; what is too large stays too large"
    )]
    Ok(Some(number as u64))
}

/// A fault of the query or the path.
pub fn bad(field: &str, says: String) -> Failure {
    let field: String = field.chars().take(64).collect();
    Failure::new(StatusCode::BAD_REQUEST, "invalid_request", says).with("field", json!(field))
}

/// A field that is not there has no place, but serde names it.
fn missing(text: &str) -> Option<String> {
    let named = text.strip_prefix("missing field `").or_else(|| text.strip_prefix("duplicate field `"))?;
    named.split('`').next().map(str::to_owned)
}

/// `serde_json` ends its sentences with where they happened, which helps nobody who has the field's name.
fn without_place(text: &str) -> &str {
    text.rfind(" at line ").map_or(text, |at| &text[..at])
}
