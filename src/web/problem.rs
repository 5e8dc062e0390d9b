//! Problem documents (RFC 9457), and every stable code that the API may return.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::failure::Failure;
use crate::domain::RequestId;

/// Why a request failed. Match on `code`: it never changes. Some codes add further members.
#[derive(Serialize, ToSchema)]
pub struct Problem<'a> {
    /// `urn:cartkey:problem:` and the code.
    #[schema(format = "uri")]
    r#type: String,
    /// The name of the HTTP status.
    title: &'a str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// The stable code, for machines.
    code: &'a str,
    /// What is wrong and what to do, for people.
    detail: &'a str,
    /// The request's ID, also found in the log.
    request_id: &'a RequestId,
    #[serde(flatten)]
    #[schema(ignore)]
    more: &'a Map<String, Value>,
}

impl<'a> Problem<'a> {
    /// The document of a failure.
    pub fn of(failure: &'a Failure, id: &'a RequestId) -> Self {
        Self {
            r#type: format!("urn:cartkey:problem:{}", failure.code),
            title: failure.status.canonical_reason().unwrap_or("Error"),
            status: failure.status.as_u16(),
            code: failure.code,
            detail: &failure.says,
            request_id: id,
            more: &failure.more,
        }
    }
}

/// Renders a failure as a problem document.
pub(super) fn answer(failure: &Failure, id: &RequestId) -> Response {
    let body = serde_json::to_string(&Problem::of(failure, id)).unwrap_or_default();
    let mut answer = (failure.status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
    if failure.status == StatusCode::UNAUTHORIZED {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    answer
}

/// A stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The code.
    pub code: &'static str,
    /// The HTTP statuses it is used with.
    pub statuses: &'static [u16],
    /// The members it adds to the document.
    pub adds: &'static [&'static str],
    /// What it means.
    pub means: &'static str,
    /// What to do about it.
    pub fix: &'static str,
    /// Both.
    pub says: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal, [$($status:literal),+], [$($adds:literal),*], $means:literal, $fix:literal;)*) => {
        $(
            #[doc = $means]
            pub const $name: Code = Code {
                code: $code,
                statuses: &[$($status),+],
                adds: &[$($adds),*],
                means: $means,
                fix: $fix,
                says: concat!($means, " ", $fix),
            };
        )*

        /// Every code that the API may return.
        pub const CODES: &[Code] = &[$($name),*];
    };
}

codes! {
    UNAUTHENTICATED = "unauthenticated", [401], [], "The token is missing, unknown, expired or revoked.", "Send a valid token.";
    PERMISSION_MISSING = "permission_missing", [403], ["permission"], "The token lacks the permission `permission`.", "Issue a token that has it.";
    NOT_FOUND = "not_found", [404], [], "The resource does not exist, or this token has no access to it.", "Check the address and the ID, and which merchants the token is limited to.";
    METHOD_NOT_ALLOWED = "method_not_allowed", [405], [], "This address does not support the method.", "Use one of those in the `Allow` header.";
    SEVERAL_STORES = "several_stores", [409], ["stores"], "The merchant has several stores.", "Specify one of `stores`.";
    STORE_NOT_CONNECTED = "store_not_connected", [409], ["store_status", "reason"], "The store's key is not available now.", "If `store_status` is `unreachable`, fix what `reason` says: Cartkey keeps checking the store. Otherwise, send the merchant a link to connect the store again.";
    SCOPE_MISSING = "scope_missing", [403], ["scope"], "The store's key may only do what `scope` says.", "Send the merchant a link with a wider scope.";
    STORE_REDIRECTS = "store_redirects", [502], ["location"], "The store redirects to `location`, where its key is not sent. Nothing was done.", "Check the store.";
    STORE_UNREACHABLE = "store_unreachable", [502, 504], ["reason"], "The store did not give a complete answer; `reason` says why.", "Before you repeat a change, find out whether the store made it: it may have carried out the request all the same.";
    CODE_SPENT = "code_spent", [409], ["attempt_url"], "The code is wrong, already used, or older than a minute.", "Send the merchant to `attempt_url`, where one click creates a new one.";
    OTHER_USER = "other_user", [409], [], "The attempt belongs to a different `user_id`: the link was someone else's. Nothing was confirmed.", "Tell the user that the link was for another account.";
    ATTEMPT_ENDED = "attempt_ended", [409], ["attempt_status", "reason"], "The attempt ended before it was confirmed.", "Create a new link for the merchant.";
    NOT_ROTATED = "not_rotated", [409], [], "The token was revoked, has expired, or was already rotated.", "Do what `detail` says: rotate its successor, or issue a new token.";
    TOO_MANY_TOKENS = "too_many_tokens", [409], [], "There are already 1,000 active tokens.", "Revoke those that are not needed.";
    WEBHOOK_CONFLICT = "webhook_conflict", [409], [], "The webhook cannot be added or changed like this now: there are 50 webhooks already, it has two secrets, or someone else has just changed it.", "Do what `detail` says.";
    IDEMPOTENCY_KEY_IN_USE = "idempotency_key_in_use", [409], [], "The first request with this `Idempotency-Key` is not answered yet.", "Try again after the number of seconds in `Retry-After`.";
    IDEMPOTENCY_ANSWER_LOST = "idempotency_answer_lost", [409], ["related"], "The first request with this `Idempotency-Key` was carried out, but its response was lost. It was not carried out again.", "Check `related`, the API path of what it made or changed. If you need a secret that only the response contained, rotate or replace it with a new request and a new key.";
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused", [422], [], "This `Idempotency-Key` was used for another request in the last 24 hours. Nothing was done.", "Use a new key for each request.";
    INVALID_REQUEST = "invalid_request", [400, 422], ["field"], "The request is invalid; `field` names the field, if there is one.", "Correct it as `detail` says.";
    TIMED_OUT = "timed_out", [408], [], "The body did not arrive in time.", "Send it again.";
    TOO_LARGE = "too_large", [413], [], "The body is larger than 64 KiB, or 32 MiB in a call to a store.", "Send less at once.";
    TOKEN_LIMIT = "token_limit", [413, 429, 502, 504], ["limit", "value"], "The call went over the limit `limit` of its token, which is `value`.", "With 429, try again after the number of seconds in `Retry-After`. To change a limit, ask an operator for a token with a higher one.";
    RATE_LIMITED = "rate_limited", [429], [], "Too many requests.", "Try again after the number of seconds in `Retry-After`.";
    INTERNAL = "internal", [500], [], "Something went wrong in Cartkey.", "Give the operator the `request_id`.";
    UNAVAILABLE = "unavailable", [503], [], "The request cannot be served now. A change may have been saved anyway.", "Try again after the number of seconds in `Retry-After`. Before you repeat a change, check whether it was saved.";
}
