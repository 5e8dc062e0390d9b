//! Failures: the response to a request that cannot be served, rendered by the surface it occurs on.
//!
//! Only `says` is sent. The cause is logged once, with the request ID that the response shows.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::i18n::{Said, Words};
use crate::domain::{CallLimit, Language, NotARoute, StoreStatus, Verdict};
use crate::flow::connecting::connect::{self, Limit};
use crate::flow::{
    Beneath,
    connecting::{links, receive, return_leg},
    idempotency,
    lending::{call, lend},
};

/// A request that cannot be served.
#[derive(Debug)]
pub struct Failure {
    pub status: StatusCode,
    pub code: &'static str,
    /// The English message sent to the client; says what to do.
    pub says: Cow<'static, str>,
    /// The same message for merchants, translated.
    pub said: Option<Box<Said>>,
    /// Additional members of the problem document. Boxed to keep `Failure` small: most have none.
    pub more: Box<Map<String, Value>>,
    /// Seconds for `Retry-After`.
    pub retry_after: Option<u32>,
    /// For the log only.
    pub cause: Option<Box<dyn StdError + Send + Sync>>,
}

/// The failure on its way from a handler to the edge, which removes it from the bare response and renders it.
#[derive(Debug, Clone)]
pub(super) struct Unrendered(pub Arc<Failure>);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut answer = self.status.into_response();
        answer.extensions_mut().insert(Unrendered(Arc::new(self)));
        answer
    }
}

impl Failure {
    /// Creates a failure with the message `says`.
    pub fn new(status: StatusCode, code: &'static str, says: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, says: says.into(), said: None, more: Box::default(), retry_after: None, cause: None }
    }

    /// Creates a failure that merchants may see: `said` is translated.
    pub fn said(status: StatusCode, code: &'static str, said: Said) -> Self {
        Self { said: Some(Box::new(said.clone())), ..Self::new(status, code, said) }
    }

    /// The request does not fit the present state.
    pub fn conflict(code: &'static str, says: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, code, says)
    }

    /// The same, to be tried again after this many seconds.
    #[must_use]
    pub fn after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The request is invalid: `field` is the name of the field, `says` how to correct it.
    pub fn invalid(field: &str, says: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", says).with("field", json!(field))
    }

    /// Nothing that the client may see was found.
    pub fn not_found(what: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", what)
    }

    /// A link that does not open, whether or not it ever did.
    pub fn link_gone() -> Self {
        Self::new(StatusCode::NOT_FOUND, "link_gone", "This link no longer works. Ask for a new one.")
    }

    /// The token is missing or invalid.
    pub fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "Send a valid service token as “Authorization: Bearer cartkey_…”. Create one with “cartkey token issue”.",
        )
    }

    /// An error on our side or in the database; the client learns nothing more.
    pub fn broken(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let said = english("failure-broken-tell");
        Self { cause: Some(cause.into()), ..Self::said(StatusCode::INTERNAL_SERVER_ERROR, "internal", said) }
    }

    pub fn unavailable(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let failure = Self::said(StatusCode::SERVICE_UNAVAILABLE, "unavailable", english("failure-unavailable"));
        Self { cause: Some(cause.into()), ..failure.after(5) }
    }

    /// The store was not checked because too many others are being checked.
    pub fn no_turn() -> Self {
        let says = "Too many stores are being checked right now, so this one was not checked. It is next: try again in ten seconds.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", says).after(10)
    }

    /// As many requests with an `Idempotency-Key` are being served as may be.
    pub fn no_place() -> Self {
        let says = "Too many requests with an Idempotency-Key are being served. Try again in five seconds.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", says).after(5)
    }

    /// The store or its host asked to be left alone for this long.
    pub fn later(pause: Duration) -> Self {
        let says = "The store or its host asks for fewer requests. Try again after the time in Retry-After.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", says).after(seconds(pause))
    }

    /// A call went over a limit of its token, which is `most`.
    pub fn token_limit(limit: CallLimit, most: u64) -> Self {
        use CallLimit as L;
        let (status, says) = match limit {
            L::Seconds => (
                StatusCode::GATEWAY_TIMEOUT,
                format!(
                    "Calls with this token may take at most {most} seconds. The store may have carried out the request all the same."
                ),
            ),
            L::RequestBytes => (
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("The body of a call with this token may have at most {most} bytes."),
            ),
            L::ResponseBytes => (
                StatusCode::BAD_GATEWAY,
                format!(
                    "The store’s answer has more than the {most} bytes that this token may receive. The store may have carried out the request all the same."
                ),
            ),
            L::Concurrent => (
                StatusCode::TOO_MANY_REQUESTS,
                format!("This token already has {most} calls in progress, as many as it may."),
            ),
            L::PerMinute => {
                (StatusCode::TOO_MANY_REQUESTS, format!("This token may make at most {most} calls per minute."))
            }
        };
        let says = format!("{says} To change this, ask an operator for a token with a higher limit.");
        Self::new(status, "token_limit", says).with("limit", json!(limit)).with("value", json!(most))
    }

    /// Too many requests; retry after `seconds`.
    pub fn rate_limited(said: Said, seconds: u32) -> Self {
        Self::said(StatusCode::TOO_MANY_REQUESTS, "rate_limited", said).after(seconds)
    }

    /// A limit on connecting is reached: states which one, and when to retry.
    pub(super) fn limited(limit: Limit, wait: Duration) -> Self {
        let (status, key) = match limit {
            Limit::Link => (StatusCode::TOO_MANY_REQUESTS, "failure-link-limit"),
            Limit::Network => (StatusCode::TOO_MANY_REQUESTS, "failure-network-limit"),
            Limit::Day => (StatusCode::TOO_MANY_REQUESTS, "failure-day-limit"),
            Limit::Places => (StatusCode::SERVICE_UNAVAILABLE, "failure-limit"),
            Limit::Open => (StatusCode::SERVICE_UNAVAILABLE, "failure-open-limit"),
        };
        Self::said(status, "rate_limited", english(key)).with("limit", json!(limit.what())).after(seconds(wait))
    }

    /// Adds a member to the problem document.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }

    /// The failure for a response that no handler of ours produced: routing, limits, time-outs, panics.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let (code, key) = match status {
            StatusCode::NOT_FOUND => ("not_found", "failure-address"),
            StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "failure-method"),
            StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "failure-large"),
            StatusCode::REQUEST_TIMEOUT => ("timed_out", "failure-late"),
            StatusCode::SERVICE_UNAVAILABLE => ("unavailable", "failure-busy"),
            status if status.is_client_error() => ("invalid_request", "failure-unreadable"),
            _ => ("internal", "failure-broken"),
        };
        // The handler timed out: failures of handlers set their own retry time.
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(5);
        Self { retry_after, ..Self::said(status, code, english(key)) }
    }
}

/// Whole seconds, at least one.
fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}

/// An English sentence that can be translated where a merchant reads it.
pub(super) const fn english(key: &'static str) -> Said {
    Words(Language::English).say(key)
}

/// The fallback handler of every surface.
pub(super) async fn not_found() -> Failure {
    Failure::of_status(StatusCode::NOT_FOUND)
}

/// The fallback handler for a known path with a wrong method.
pub(super) async fn method_not_allowed() -> Failure {
    Failure::of_status(StatusCode::METHOD_NOT_ALLOWED)
}

impl From<Beneath> for Failure {
    fn from(error: Beneath) -> Self {
        if error.is_of_stopped_token() {
            Self::unauthenticated()
        } else if error.is_passing() {
            Self::unavailable(error)
        } else {
            Self::broken(error)
        }
    }
}

impl From<lend::Error> for Failure {
    fn from(error: lend::Error) -> Self {
        use lend::Error as E;
        match error {
            E::Unauthenticated => Self::unauthenticated(),
            E::PermissionMissing(permission) => {
                let says = format!("This token lacks the permission {permission}. Issue one that has it.");
                Self::new(StatusCode::FORBIDDEN, "permission_missing", says).with("permission", json!(permission))
            }
            E::NotFound => {
                Self::not_found("There is no such store. A merchant connects a store with a link: POST /api/v1/links.")
            }
            E::SeveralStores(stores) => {
                let list: Vec<Value> =
                    stores.iter().map(|(id, url)| json!({"store_id": id, "store_url": url})).collect();
                let says = "This merchant has several stores. Specify one with ?store_url=, or request /api/v1/stores/{id}/keys.";
                Self::conflict("several_stores", says).with("stores", Value::Array(list))
            }
            E::NotConnected(status, reason) => {
                let says = match (status, reason) {
                    (_, Some(Verdict::KeyUnreadable)) => {
                        "Cartkey cannot read its copy of this store's key. Ask the operator to restore it from a backup, or send the merchant a link to connect the store again."
                    }
                    (StoreStatus::Unreachable, _) => {
                        "Cartkey cannot reach this store now; reason says why. It keeps checking the store: connecting it again helps only if it has moved."
                    }
                    (StoreStatus::Disconnected, _) => {
                        "This store was disconnected. Send the merchant a link to connect it again."
                    }
                    // Connected: its status has just changed.
                    (StoreStatus::Unauthorized | StoreStatus::Connected, _) => {
                        "This store does not accept its key; reason says why. Send the merchant a link to connect the store again."
                    }
                };
                Self::conflict("store_not_connected", says)
                    .with("store_status", json!(status))
                    .with("reason", json!(reason))
            }
            E::Unrecorded => Self::unavailable(error),
            E::Beneath(beneath) => beneath.into(),
        }
    }
}

impl From<call::Error> for Failure {
    fn from(error: call::Error) -> Self {
        use call::Error as E;
        match error {
            E::Lend(error) => error.into(),
            E::Scope(scope) => {
                let says = "The store's key does not allow this method. Send the merchant a link with a wider scope to connect the store again.";
                Self::new(StatusCode::FORBIDDEN, "scope_missing", says).with("scope", json!(scope))
            }
            E::Later(pause) => Self::later(pause),
            E::Moved(to) => {
                let says = "The store redirects to another address, where its key is not sent. Check the store: POST /api/v1/stores/{id}/check.";
                Self::new(StatusCode::BAD_GATEWAY, "store_redirects", says).with("location", json!(to))
            }
            E::Elsewhere => NotARoute::Elsewhere.into(),
            E::Limited(limit, most, wait) => {
                let failure = Self::token_limit(limit, most);
                Self { retry_after: wait.map(seconds), ..failure }
            }
            E::Relearned => {
                let says = "The store has begun to take its key in another way, which Cartkey has just found. Send the request again.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", says).after(1)
            }
            E::Unanswered(fault) => {
                let verdict = fault.verdict();
                let status =
                    if verdict == Verdict::TimedOut { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY };
                let says =
                    "The store did not give a complete answer. It may have carried out the request all the same.";
                Self::new(status, "store_unreachable", says).with("reason", json!(verdict))
            }
        }
    }
}

impl From<links::Error> for Failure {
    fn from(error: links::Error) -> Self {
        use links::Error as E;
        let field = match error {
            E::OtherUser => "user_id",
            E::NoSuchStore => "store_id",
            E::OtherAddress => "store_url",
            E::ReturnNotAllowed | E::ConfirmNeedsReturn => "return_url",
            E::Label => "account_label",
            E::Life => "expires_in",
            E::Beneath(beneath) => return beneath.into(),
        };
        Self::invalid(field, format!("{error}."))
    }
}

impl From<idempotency::Error> for Failure {
    fn from(error: idempotency::Error) -> Self {
        use idempotency::Error as E;
        match error {
            E::InUse(wait) => {
                let says = "The first request with this Idempotency-Key is not answered yet. Try again after the time in Retry-After.";
                Self::conflict("idempotency_key_in_use", says).after(seconds(wait))
            }
            E::AnswerLost(related) => {
                let says = "The first request with this Idempotency-Key was carried out, but its response was lost. It was not carried out again. Check related, the API path of what it made or changed.";
                let failure = Self::new(StatusCode::CONFLICT, "idempotency_answer_lost", says);
                failure.with("related", json!(related))
            }
            E::Reused => {
                let says = "This Idempotency-Key was used for another request in the last 24 hours. Nothing was done. Use a new key for each request.";
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", says)
            }
            E::Damaged => Self::broken(error),
            E::Beneath(beneath) => beneath.into(),
        }
    }
}

impl From<connect::Error> for Failure {
    fn from(error: connect::Error) -> Self {
        use connect::Error as E;
        match error {
            // The connect page shows this beside the field; included for completeness.
            E::Address(fault) => Self::invalid("store_url", fault.to_string()),
            E::Limited(limit, wait) => Self::limited(limit, wait),
            E::Withdrawn => Self::link_gone(),
            E::Beneath(beneath) => beneath.into(),
        }
    }
}

impl From<receive::Error> for Failure {
    fn from(error: receive::Error) -> Self {
        use receive::Error as E;
        match error {
            E::Unknown => Self::not_found("No open attempt accepts this callback."),
            E::Malformed(fault) => Self::new(StatusCode::BAD_REQUEST, "invalid_request", fault.to_string()),
            E::Beneath(beneath) => beneath.into(),
        }
    }
}

impl From<return_leg::ConfirmError> for Failure {
    fn from(error: return_leg::ConfirmError) -> Self {
        use return_leg::ConfirmError as E;
        match error {
            E::Unknown => Self::not_found("There is no such attempt."),
            E::Code => Self::conflict(
                "code_spent",
                "The code is wrong, already used, or older than a minute. Send the merchant back to attempt_url for a new one.",
            ),
            E::OtherUser => Self::conflict(
                "other_user",
                "This attempt belongs to a different user_id from that of the signed-in user. Nothing was confirmed.",
            ),
            E::Ended(status, reason) => Self::conflict(
                "attempt_ended",
                "This attempt ended before it was confirmed, so no store was connected. Send the merchant a new link.",
            )
            .with("attempt_status", json!(status))
            .with("reason", json!(reason)),
            E::Beneath(beneath) => beneath.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_told_to_ask_again_later_is_told_when() {
        assert_eq!(Failure::of_status(StatusCode::SERVICE_UNAVAILABLE).retry_after, Some(5));
        assert_eq!(Failure::of_status(StatusCode::INTERNAL_SERVER_ERROR).retry_after, None);
    }

    #[test]
    fn what_helps_a_store_that_is_not_connected_depends_on_its_status() {
        for (status, reason, words, a_link_helps) in [
            (StoreStatus::Unreachable, Verdict::TimedOut, "helps only if it has moved", false),
            (StoreStatus::Unauthorized, Verdict::KeyRejected, "does not accept its key", true),
            (StoreStatus::Unauthorized, Verdict::KeyUnreadable, "cannot read its copy", true),
            (StoreStatus::Disconnected, Verdict::Works, "was disconnected", true),
        ] {
            let failure = Failure::from(lend::Error::NotConnected(status, Some(reason)));
            assert!(failure.says.contains(words), "{failure:?}");
            assert_eq!(
                failure.says.contains("Send the merchant a link") || failure.says.contains("or send"),
                a_link_helps
            );
        }
    }

    /// The answer of each limit: its status, words from its text, and its name for programs.
    #[test]
    fn each_limit_names_itself_and_when_to_try_again() {
        use crate::flow::feed::{self, Crowded};
        use crate::web::body_deadline;
        let wait = Duration::from_secs(7);
        let limited = |limit| Failure::from(connect::Error::Limited(limit, wait));
        for (failure, status, words, limit) in [
            (limited(Limit::Link), 429, "This link was used too many times", "attempts_per_link"),
            (limited(Limit::Network), 429, "attempts came from your network", "attempts_per_network"),
            (limited(Limit::Day), 429, "as many stores as this page allows in a day", "approvals_per_network_and_day"),
            (limited(Limit::Places), 503, "Too many stores are being checked", "preflights_at_a_time"),
            (limited(Limit::Open), 503, "stores are being connected through this page", "open_attempts"),
            (feed::Error::Crowded(Crowded::ByOne).into(), 429, "with this token are waiting for events", ""),
            (feed::Error::Crowded(Crowded::ByAll).into(), 503, "requests are waiting for events", ""),
            (body_deadline::crowded(), 503, "Too many large requests", ""),
            (Failure::no_turn(), 503, "Too many stores are being checked", ""),
            (Failure::of_status(StatusCode::SERVICE_UNAVAILABLE), 503, "The service is busy", ""),
        ] {
            assert_eq!(failure.status, status, "{failure:?}");
            assert!(failure.says.contains(words), "{failure:?}");
            assert!(failure.retry_after.is_some_and(|seconds| seconds > 0), "{failure:?}");
            assert_eq!(failure.more.get("limit").and_then(Value::as_str).unwrap_or_default(), limit, "{failure:?}");
        }
        assert_eq!(limited(Limit::Open).retry_after, Some(7));
    }
}
