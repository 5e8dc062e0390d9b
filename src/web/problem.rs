//! Problems, as services are told them (RFC 9457): the document, and every stable code that the API may answer.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::failure::Failure;
use crate::domain::id::RequestId;

/// Why a request was not served. Match on `code`: it never changes. What a code adds stands beside these members.
#[derive(Serialize, ToSchema)]
pub struct Problem<'a> {
    /// `urn:cartkey:problem:` and the code.
    #[schema(format = "uri")]
    r#type: String,
    /// The status in words.
    title: &'a str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// The stable code, for machines.
    code: &'a str,
    /// One sentence for people: what is wrong and what to do.
    detail: &'a str,
    /// Names this request in the log.
    request_id: &'a RequestId,
    #[serde(flatten)]
    #[schema(ignore)]
    more: &'a Map<String, Value>,
}

/// The failure as a problem document.
pub(super) fn answer(failure: &Failure, id: &RequestId) -> Response {
    let problem = Problem {
        r#type: format!("urn:cartkey:problem:{}", failure.code),
        title: failure.status.canonical_reason().unwrap_or("Error"),
        status: failure.status.as_u16(),
        code: failure.code,
        detail: &failure.says,
        request_id: id,
        more: &failure.more,
    };
    let body = serde_json::to_string(&problem).unwrap_or_default();
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
    /// The statuses with which it comes.
    pub statuses: &'static [u16],
    /// The members that it adds.
    pub adds: &'static [&'static str],
    /// What it says, and what to do about it.
    pub says: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal, [$($status:literal),+], [$($adds:literal),*], $says:literal;)*) => {
        $(
            #[doc = $says]
            pub const $name: Code =
                Code { code: $code, statuses: &[$($status),+], adds: &[$($adds),*], says: $says };
        )*

        /// Every code that the API may answer.
        pub const CODES: &[Code] = &[$($name),*];
    };
}

codes! {
    UNAUTHENTICATED = "unauthenticated", [401], [], "No token was sent, or not one that works: unknown, expired or revoked. Send one that works.";
    PERMISSION_MISSING = "permission_missing", [403], ["permission"], "The token lacks `permission`. Issue one that has it.";
    NOT_FOUND = "not_found", [404], [], "Nothing is there that this token may reach.";
    METHOD_NOT_ALLOWED = "method_not_allowed", [405], [], "The address does not take this method; the header `Allow` names those that it takes.";
    SEVERAL_STORES = "several_stores", [409], ["stores"], "The merchant has several stores and none was named. Name one of `stores`.";
    STORE_NOT_CONNECTED = "store_not_connected", [409], ["store_status", "reason"], "The store's key cannot be lent now. Send the merchant a link to connect it again.";
    CODE_SPENT = "code_spent", [409], ["attempt_url"], "The code is wrong, spent, or older than a minute. Send the merchant to `attempt_url`, where a press of the button brings a new one.";
    OTHER_USER = "other_user", [409], [], "The attempt is not for the `user_id` that you named: somebody else's link. Confirm nothing.";
    ATTEMPT_ENDED = "attempt_ended", [409], ["attempt_status", "reason"], "The attempt ended before it was confirmed. Send the merchant a new link.";
    INVALID_REQUEST = "invalid_request", [400, 422], ["field"], "The request is wrong; `field` names where, when it can be named. Mend it.";
    TIMED_OUT = "timed_out", [408], [], "The body did not arrive in time. Send it again.";
    TOO_LARGE = "too_large", [413], [], "The body is larger than 64 KiB.";
    RATE_LIMITED = "rate_limited", [429], [], "Too much at a time. Ask again after the seconds in `Retry-After`.";
    INTERNAL = "internal", [500], [], "Our own fault. Tell whoever runs Cartkey the `request_id`.";
    UNAVAILABLE = "unavailable", [503], [], "It cannot be done now. Repeat it after the seconds in `Retry-After`; a change may have been made all the same, so look first where repeating matters.";
}
