//! JSON schemas of the domain's values, used by the response types and the API description.
//!
//! They are here so that the domain does not depend on OpenAPI. The exception is an event (`domain::news`), which is sent as it is.

use std::borrow::Cow;

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{KnownFormat, RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::{
    AttemptId, AuthMethod, Confirm, DeliveryId, DeliveryState, EventId, Granted, LinkId, LinkState, OperatorId,
    Permission, RequestId, Scope, Status, StoreId, StoreStatus, StoreUrl, Time, TokenId, TokenState, UserId, Verdict,
    WebhookId, WebhookState, WhyOff,
};

/// Gives domain types a name and a schema in the API description.
macro_rules! values {
    ($($type:ty, $name:literal => $schema:expr;)*) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
        }
    )*};
}

values! {
    StoreId, "StoreId" => id("st", "A store's ID. It stays the same on reconnect.");
    LinkId, "LinkId" => id("ln", "A link's ID. It does not open the link: use the link's `url`.");
    AttemptId, "AttemptId" => id("at", "An attempt's ID. It gives no access by itself.");
    RequestId, "RequestId" => id("rq", "A request's ID, found in responses, in the log and in the record of key reads.");
    TokenId, "TokenId" => id("tk", "A service token's ID, not the token itself.");
    OperatorId, "OperatorId" => id("op", "An operator's ID.");
    WebhookId, "WebhookId" => id("wh", "A webhook's ID.");
    DeliveryId, "DeliveryId" => id("dl", "A delivery's ID.");
    EventId, "EventId" => text("An event's ID. IDs sort in the order in which events happened.")
        .pattern(Some("^ev_[0-9]{16}$"))
        .examples(["ev_0000000000000042"]);
    Time, "Time" => text("A time in RFC 3339 format, in UTC, with milliseconds.")
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .examples(["2026-11-22T12:00:00.000Z"]);
    UserId, "UserId" => text("Your application's ID of the merchant: 1 to 128 visible ASCII characters.")
        .min_length(Some(1))
        .max_length(Some(128))
        .pattern(Some("^[!-~]{1,128}$"))
        .examples(["merchant-42"]);
    StoreUrl, "StoreUrl" => text("A store's canonical address, without a trailing slash.")
        .format(Some(SchemaFormat::Custom("uri".to_owned())))
        .examples(["https://shop.example"]);
    StoreStatus, "StoreStatus" => one_of("Whether the store's key can be fetched.", &StoreStatus::ALL.map(|status| {
        (status.as_str(), match status {
            StoreStatus::Connected => "the key works and can be fetched",
            StoreStatus::Unauthorized => "the store rejects the key",
            StoreStatus::Unreachable => "the store does not answer, or has moved",
            StoreStatus::Disconnected => "the store was disconnected and its secret was wiped",
        })
    }));
    LinkState, "LinkStatus" => one_of("Whether a link can be used, and whether it was.", &LinkState::ALL.map(|state| {
        (state.as_str(), match state {
            LinkState::Open => "not used yet",
            LinkState::Used => "an attempt was begun with it",
            LinkState::Expired => "expired without having been used",
            LinkState::Withdrawn => "withdrawn: it no longer opens, and attempts that were begun with it have ended",
        })
    }));
    WebhookState, "WebhookState" => one_of("Whether events are sent to a webhook.", &WebhookState::ALL.map(|state| {
        (state.as_str(), match state {
            WebhookState::On => "it receives events",
            WebhookState::Failing => "events are sent, and the last ones could not be delivered",
            WebhookState::Off => "nothing is sent until it is turned on again",
        })
    }));
    WhyOff, "WhyOff" => one_of("Why a webhook was turned off.", &WhyOff::ALL.map(|why| {
        (why.as_str(), match why {
            WhyOff::ByHand => "an operator or a service turned it off",
            WhyOff::Gone => "it answered 410 Gone",
            WhyOff::Failing => "it failed for days",
        })
    }));
    DeliveryState, "DeliveryState" => one_of("The state of a delivery.", &DeliveryState::ALL.map(|state| {
        (state.as_str(), match state {
            DeliveryState::Waiting => "it waits for its next try",
            DeliveryState::Delivered => "the webhook accepted it",
            DeliveryState::Failed => "every try failed",
            DeliveryState::Skipped => "the webhook no longer receives such events, or was turned on again without what it had missed",
        })
    }));
    TokenState, "TokenState" => one_of("Whether a token works.", &TokenState::ALL.map(|state| {
        (state.as_str(), match state {
            TokenState::Working => "it works",
            TokenState::Rotating => "it was rotated, and works until the overlap ends",
            TokenState::Replaced => "it was rotated, and the overlap has ended",
            TokenState::Expired => "it has expired",
            TokenState::Revoked => "it was revoked",
        })
    }));
    Status, "AttemptStatus" => one_of("An attempt's progress or result.", &ATTEMPT);
    Scope, "Scope" => one_of("What a key may do at the store.", &[Scope::Read, Scope::Write, Scope::ReadWrite].map(|scope| {
        (scope.as_str(), scope.in_words())
    }));
    Granted, "Granted" => one_of("What a key may do at the store.", &Granted::ALL.map(|granted| {
        (granted.as_str(), match granted {
            Granted::Read => Scope::Read.in_words(),
            Granted::Write => Scope::Write.in_words(),
            Granted::ReadWrite => Scope::ReadWrite.in_words(),
            Granted::Owner => "no limit: an application password may do whatever its WordPress user may do",
        })
    }));
    Confirm, "Confirm" => one_of("Who must confirm an approval before the store is connected.", &[
        ("browser", "the browser that began the attempt, by returning to Cartkey"),
        ("app", "your application, which checks that its own signed-in user is the link's `user_id`"),
    ]);
    AuthMethod, "AuthMethod" => one_of("How to send the key to the store.", &AuthMethod::ALL.map(|method| {
        (method.as_str(), match method {
            AuthMethod::Basic => "HTTP Basic: consumer key as user name, consumer secret as password",
            AuthMethod::Query => "`consumer_key` and `consumer_secret` in the query: the host drops the Authorization header",
            AuthMethod::Oauth1 => "OAuth 1.0a, parameters in the query, HMAC-SHA256, key = secret + `&`, no token",
            AuthMethod::Oauth1Http => "the same, sent over https but signed with the `http://` address: the store's PHP does not see https",
            AuthMethod::ApplicationPassword => "HTTP Basic: `username` and `password`, an application password of WordPress; `consumer_key` and `consumer_secret` are null",
        })
    }));
    Permission, "Permission" => one_of("What a token may do.", &Permission::ALL.map(|permission| {
        (permission.as_str(), permission.says())
    }));
    Verdict, "Reason" => text("What a check of the store found, or why an attempt ended. More values may be added: treat an unknown one as a new kind of problem.")
        .enum_values(Some(Verdict::ALL.iter().map(|verdict| verdict.code())))
        .examples(["key_rejected"]);
}

/// The statuses of an attempt, in order of progress.
const ATTEMPT: [(&str, &str); 8] = [
    (Status::Open.as_str(), "waiting for the merchant's approval"),
    (Status::Received.as_str(), "a key has arrived but has not been tested yet"),
    (Status::Proving.as_str(), "the key is being tested at the store"),
    (Status::AwaitingConfirmation.as_str(), "the key works; the browser, an operator or your application must confirm"),
    (Status::Connected.as_str(), "done: `store_id` names the store"),
    (Status::Denied.as_str(), "the merchant pressed Deny"),
    (Status::Failed.as_str(), "ended without a store; `reason` says why"),
    (Status::Expired.as_str(), "nobody approved in time"),
];

fn text(says: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(says))
}

/// A lower-case ULID after the prefix.
fn id(prefix: &str, says: &str) -> ObjectBuilder {
    text(says)
        .pattern(Some(format!("^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$")))
        .examples([format!("{prefix}_01kayjt000e8k2m4c6q9s1vwxy")])
}

/// A closed set of values, each with its meaning.
fn one_of(says: &str, words: &[(&str, &str)]) -> ObjectBuilder {
    let list: Vec<String> =
        words.iter().map(|(word, means)| format!("`{word}`: {}.", means.trim_end_matches('.'))).collect();
    text(&format!("{says} {}", list.join(" "))).enum_values(Some(words.iter().map(|(word, _)| *word)))
}
