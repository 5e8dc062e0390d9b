//! Parses API requests: token, query and JSON body. Each error names its field.

use std::marker::PhantomData;
use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize as _, Deserializer};
use serde_json::json;

use crate::app::App;
use crate::domain::page::{MOST, USUAL};
use crate::domain::{Actor, Permission, Secret, ServiceToken, UserId, Users};
use crate::flow::lending::lend;
use crate::web::failure::Failure;
use crate::web::form::capital;
use crate::web::guard;

/// The state of the routes that need a token. Handlers get the application only from [`Allowed`], [`Borrower`] or `proxy::Caller`, so a handler
/// without a permission cannot do anything.
#[derive(Clone)]
pub struct Api(pub(super) App);

impl Api {
    /// The state of the API of `app`.
    pub fn new(app: &App) -> Self {
        Self(app.clone())
    }
}

/// A permission as a type, for handlers' signatures.
pub trait Needed {
    const PERMISSION: Permission;
}

macro_rules! needed {
    ($($name:ident),*) => {$(
        #[doc = concat!("[`Permission::", stringify!($name), "`].")]
        pub struct $name;

        impl Needed for $name {
            const PERMISSION: Permission = Permission::$name;
        }
    )*};
}

needed!(
    EventsRead,
    KeysRead,
    LinksWrite,
    StoresRead,
    StoresWrite,
    TokensRead,
    TokensWrite,
    WebhooksRead,
    WebhooksWrite
);

/// A client with a valid token that has the permission `P`.
pub struct Allowed<P> {
    pub app: App,
    pub token: ServiceToken,
    /// The client, for events.
    pub actor: Actor,
    needed: PhantomData<P>,
}

impl<P: Needed> FromRequestParts<Api> for Allowed<P> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, Api(app): &Api) -> Result<Self, Failure> {
        let token = allowed(app, &bearer(&parts.headers)?, P::PERMISSION).await?;
        let actor = guard::actor(app, parts, token.id.as_str());
        Ok(Self { app: app.clone(), token, actor, needed: PhantomData })
    }
}

impl<P> Allowed<P> {
    /// Whether the query asks for stores inside the response: `expand=store`, the only value there is. Whoever asks needs
    /// [`StoresRead`] too.
    pub fn expands_stores(&self, pairs: &[(String, String)]) -> Result<bool, Failure> {
        match parameter::<String>(pairs, "expand", "store")?.as_deref() {
            None => Ok(false),
            Some("store") if self.token.permissions.allow(Permission::StoresRead) => Ok(true),
            Some("store") => Err(lend::Error::PermissionMissing(Permission::StoresRead).into()),
            Some(_) => Err(bad("expand", "expand must be store.".to_owned())),
        }
    }
}

/// A client that requests keys. `lend::keys` checks its token and [`KeysRead`], together with the lending counter.
pub struct Borrower {
    pub app: App,
    pub token: Secret,
}

impl FromRequestParts<Api> for Borrower {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, Api(app): &Api) -> Result<Self, Failure> {
        Ok(Self { token: bearer(&parts.headers)?, app: app.clone() })
    }
}

impl Borrower {
    /// Reports that the request is invalid. A client without permission does not learn what is wrong with its request.
    pub async fn refuse<T>(&self, fault: Failure) -> Result<T, Failure> {
        allowed(&self.app, &self.token, KeysRead::PERMISSION).await?;
        Err(fault)
    }
}

pub(super) async fn allowed(app: &App, token: &Secret, permission: Permission) -> Result<ServiceToken, Failure> {
    let token = lend::fresh_token(app, token).await?;
    if token.permissions.allow(permission) { Ok(token) } else { Err(lend::Error::PermissionMissing(permission).into()) }
}

/// The bearer token (RFC 6750 §2.1); never read from the query, which may be logged.
pub(super) fn bearer(headers: &HeaderMap) -> Result<Secret, Failure> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (_, token) = value
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .ok_or_else(Failure::unauthenticated)?;
    Ok(Secret::new(token.trim().to_owned()))
}

/// The JSON body.
pub fn body<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Failure> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let field = error.path().to_string();
        let inner = error.inner();
        let says = if inner.is_data() {
            // serde's message contains what it expected, and of the input only its kind and short values.
            format!("{}.", without_place(&inner.to_string()))
        } else {
            "The body must be a JSON object.".to_owned()
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
        .map_err(|_| Failure::new(StatusCode::BAD_REQUEST, "invalid_request", "The body must be a JSON object."))?;
    Ok(value)
}

/// The JSON body; an empty body is the same as `{}`.
pub fn optional_body<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Failure> {
    if bytes.is_empty() { body(&Bytes::from_static(b"{}")) } else { body(bytes) }
}

/// Parses `user_ids` in a body.
pub fn user_ids(ids: Option<Vec<String>>) -> Result<Option<Users>, Failure> {
    let wrong = |fault: &dyn std::fmt::Display| Failure::invalid("user_ids", format!("{fault}."));
    let Some(ids) = ids else { return Ok(None) };
    let ids: Result<Vec<UserId>, _> = ids.iter().map(|id| id.parse()).collect();
    Users::of(ids.map_err(|fault| wrong(&fault))?).map(Some).map_err(|fault| wrong(&capital(&fault.to_string())))
}

/// The query as names and values. Unknown and duplicate names are errors. Empty values are preserved: treating them as missing would
/// let an accidentally empty variable request more than intended.
pub fn query(text: Option<&str>, known: &[&str]) -> Result<Vec<(String, String)>, Failure> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(text.unwrap_or_default())
        .map_err(|_| Failure::new(StatusCode::BAD_REQUEST, "invalid_request", "The query is invalid."))?;
    for (index, (name, _)) in pairs.iter().enumerate() {
        if !known.contains(&name.as_str()) {
            let says = format!("Unknown parameter. The parameters are: {}.", known.join(", "));
            return Err(bad(name, says));
        }
        if pairs[..index].iter().any(|(earlier, _)| earlier == name) {
            return Err(bad(name, "This parameter may be given only once.".to_owned()));
        }
    }
    Ok(pairs)
}

/// Parses the parameter `name` of a query.
pub fn parameter<T: FromStr>(pairs: &[(String, String)], name: &str, wanted: &str) -> Result<Option<T>, Failure> {
    match pairs.iter().find(|(known, _)| known == name) {
        None => Ok(None),
        Some((_, value)) => value.parse().map(Some).map_err(|_| bad(name, format!("{name} must be {wanted}."))),
    }
}

/// The parameter `cursor`; an empty one means the first page.
pub fn cursor<T: FromStr>(pairs: &[(String, String)]) -> Result<Option<T>, Failure> {
    let named: Vec<_> = pairs.iter().filter(|(name, value)| name != "cursor" || !value.is_empty()).cloned().collect();
    parameter(&named, "cursor", "the next_cursor of a previous response")
}

/// The parameter `limit`: how many rows to return at the most.
pub fn limit(pairs: &[(String, String)]) -> Result<i64, Failure> {
    let wanted = parameter(pairs, "limit", "a number from 1 to 200")?.unwrap_or(USUAL);
    let says = || bad("limit", "limit must be a number from 1 to 200.".to_owned());
    (1..=MOST).contains(&wanted).then_some(wanted).ok_or_else(says)
}

/// Parses a whole number in any JSON notation: `60.0` and `6e1` are 60.
pub fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else { return Ok(None) };
    if let Some(whole) = number.as_u64() {
        return Ok(Some(whole));
    }
    let is_whole = |number: &f64| number.fract() == 0.0 && *number >= 0.0;
    let number = number.as_f64().filter(is_whole).ok_or_else(|| D::Error::custom("must be a whole number"))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a non-negative whole number; saturates if too large"
    )]
    Ok(Some(number as u64))
}

/// An error in the query or the path.
pub fn bad(field: &str, says: String) -> Failure {
    let field: String = field.chars().take(64).collect();
    Failure::new(StatusCode::BAD_REQUEST, "invalid_request", says).with("field", json!(field))
}

/// The name of a missing or duplicate field: serde's error has no path for it, but its message names it.
fn missing(text: &str) -> Option<String> {
    let named = text.strip_prefix("missing field `").or_else(|| text.strip_prefix("duplicate field `"))?;
    named.split('`').next().map(str::to_owned)
}

/// Removes the position at the end of `serde_json`'s messages: the field's name is more useful.
fn without_place(text: &str) -> &str {
    text.rfind(" at line ").map_or(text, |at| &text[..at])
}
