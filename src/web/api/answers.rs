//! The API's response types. JSON and API description are both generated from these structs.
//!
//! A member that may be null is always sent; only those that are skipped may be missing, and are `nullable = false`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::read::whole;
use crate::domain::{
    Attempt, AttemptId, AuthMethod, Confirm, DeliveryId, DeliveryState, EventId, Granted, LinkId, LinkState, News,
    Permission, Scope, Status, StoreId, StoreStatus, StoreUrl, Time, TokenId, TokenState, UserId, Verdict, WebhookId,
    WebhookState, WhyOff,
};
use crate::domain::{CallLimit, NotLimits, calls, delivery, link, store, token, webhook};
use crate::flow::connecting::links::Listed;
use crate::web::problem::Problem;

/// A WooCommerce site of one merchant, without its secrets.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Store {
    /// The store's ID. It stays the same on reconnect.
    pub id: StoreId,
    /// The merchant's ID.
    pub user_id: UserId,
    /// The store's canonical address.
    pub url: StoreUrl,
    /// The store's name, as set in WordPress.
    #[schema(max_length = 200)]
    pub name: Option<String>,
    /// Whether the store's key can be fetched.
    pub status: StoreStatus,
    /// The problem, or a warning about a key that works.
    pub reason: Option<Verdict>,
    /// What the key may do at the store.
    pub scope: Granted,
    /// The key's number at the store; 0 if unknown.
    pub key_id: i64,
    /// The last seven characters of the consumer key, or of a hash of the application password.
    pub key_last7: String,
    /// 1 for the first key; increases with each reconnect.
    #[schema(minimum = 1)]
    pub key_version: i64,
    /// How to send the key to the store.
    pub auth_method: AuthMethod,
    /// As reported by the store at the last check.
    pub woocommerce_version: Option<String>,
    /// As reported by the store at the last check.
    pub wordpress_version: Option<String>,
    /// The address that the store reports, if it differs from `url`.
    pub moved_to: Option<StoreUrl>,
    /// When the store was connected, or last reconnected.
    pub connected_at: Time,
    /// When the store was last checked.
    pub checked_at: Time,
    /// When `status` last changed, or the key was replaced.
    pub changed_at: Time,
}

impl From<&store::Store> for Store {
    fn from(store: &store::Store) -> Self {
        let store = store.clone();
        Self {
            id: store.id,
            user_id: store.user_id,
            url: store.home,
            name: store.name,
            status: store.status,
            reason: store.reason,
            scope: Granted::of(store.scope, store.auth_method),
            key_id: store.woo_key_id,
            key_last7: store.key_last7,
            key_version: store.key_version,
            auth_method: store.auth_method,
            woocommerce_version: store.woocommerce_version,
            wordpress_version: store.wordpress_version,
            moved_to: store.moved_to,
            connected_at: store.connected_at,
            checked_at: store.checked_at,
            changed_at: store.changed_at,
        }
    }
}

/// One page of stores.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StoreList {
    /// The stores, in the order in which they were first connected.
    #[schema(max_items = 200)]
    pub data: Vec<Store>,
    /// Pass it as `cursor` to get the next page; null on the last page.
    pub next_cursor: Option<String>,
}

/// Several keys.
#[derive(Serialize, ToSchema)]
pub struct SeveralKeys<'a> {
    /// One entry for each ID that was sent, in the same order.
    #[schema(max_items = 500)]
    pub data: Vec<KeysOrProblem<'a>>,
}

/// A key, or why there is none.
#[derive(Serialize, ToSchema)]
pub struct KeysOrProblem<'a> {
    /// The ID that was sent.
    pub id: &'a str,
    /// The key; null if there is a problem.
    pub keys: Option<Keys<'a>>,
    /// Why there is no key; otherwise null.
    pub problem: Option<Problem<'a>>,
}

/// A store's key, and how to use it.
#[derive(Serialize, ToSchema)]
pub struct Keys<'a> {
    /// The store's ID.
    pub store_id: &'a StoreId,
    /// The merchant's ID.
    pub user_id: &'a UserId,
    /// The store's canonical address.
    pub store_url: &'a StoreUrl,
    /// The base URL of the store's WooCommerce REST API, to which a path such as `/orders` is appended. If it contains a `?`,
    /// append parameters with `&`.
    #[schema(format = "uri")]
    pub api_url: String,
    /// The consumer key: `ck_…`. Null if `auth_method` is `application_password`.
    pub consumer_key: Option<&'a str>,
    /// The consumer secret: `cs_…`. Null if `auth_method` is `application_password`.
    pub consumer_secret: Option<&'a str>,
    /// The WordPress user of the application password; otherwise null.
    pub username: Option<&'a str>,
    /// The application password, without spaces; otherwise null.
    pub password: Option<&'a str>,
    /// What the key may do at the store.
    pub permissions: Granted,
    /// How to send the key to the store.
    pub auth_method: AuthMethod,
    /// What to expect of the store's responses.
    pub notes: Vec<Note>,
    /// Increases with each reconnect.
    #[schema(minimum = 1)]
    pub key_version: i64,
    /// When the key was proven to work.
    pub issued_at: Time,
}

/// What to expect of a store's responses.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// Other output surrounds the JSON, such as PHP notices, a byte order mark or a cache's comment: cut it off before parsing.
    JsonHasNoise,
}

/// A newly created link.
#[derive(Serialize, ToSchema)]
pub struct MadeLink<'a> {
    /// The link's ID.
    pub id: &'a LinkId,
    /// The address to send the merchant to. It is returned only here: Cartkey stores only its hash, and with an `Idempotency-Key` also this
    /// response, sealed, for 24 hours.
    #[schema(format = "uri")]
    pub url: &'a str,
    /// The merchant's ID.
    pub user_id: &'a UserId,
    /// When the link expires.
    pub expires_at: Time,
    /// What is unsafe about a link like this one, and what to send instead; null if nothing is.
    pub warning: Option<&'static str>,
}

/// A link, without the address that opens it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Link {
    /// The link's ID.
    pub id: LinkId,
    /// The merchant's ID.
    pub user_id: UserId,
    /// The account's name in your application.
    #[schema(max_length = 80)]
    pub account_label: Option<String>,
    /// The store's suggested address.
    pub store_url: Option<StoreUrl>,
    /// The only store that this link can reconnect.
    pub store_id: Option<StoreId>,
    /// Whether the link can be used, and whether it was.
    pub status: LinkState,
    /// The requested scope.
    pub scope: Scope,
    /// Where the merchant is sent afterwards.
    #[schema(format = "uri")]
    pub return_url: Option<String>,
    /// Who must confirm the approval.
    pub confirm: Confirm,
    /// When the link was created.
    pub created_at: Time,
    /// When the link expires.
    pub expires_at: Time,
    /// When the link was withdrawn.
    pub withdrawn_at: Option<Time>,
    /// The newest attempt made with this link.
    pub attempt: Option<LinkAttempt>,
}

/// One attempt at connecting a store.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LinkAttempt {
    /// The attempt's ID.
    pub id: AttemptId,
    /// The attempt's progress or result.
    pub status: Status,
    /// Why the attempt failed, or its current problem.
    pub reason: Option<Verdict>,
    /// The store it connected.
    pub store_id: Option<StoreId>,
    /// That store, with `expand=store`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub store: Option<Store>,
}

/// One page of links.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LinkList {
    /// The links, newest first.
    #[schema(max_items = 200)]
    pub data: Vec<Link>,
    /// Pass it as `cursor` to get the next page; null on the last page.
    pub next_cursor: Option<String>,
}

impl Link {
    /// The link as the API shows it at `now`.
    pub fn at(now: Time, link: link::Link, attempt: Option<Attempt>) -> Self {
        let attempt = attempt.map(|attempt| LinkAttempt {
            status: attempt.status_at(now),
            id: attempt.id,
            reason: attempt.reason,
            store_id: attempt.store_id,
            store: None,
        });
        Self::with(now, link, attempt)
    }

    /// The same for a link in a list.
    pub fn of_list(now: Time, listed: Listed) -> Self {
        let attempt = listed.attempt_id.clone().zip(listed.attempt_status_at(now));
        let attempt = attempt.map(|(id, status)| LinkAttempt {
            id,
            status,
            reason: listed.attempt_reason,
            store_id: listed.connected_store.clone(),
            store: None,
        });
        Self::with(now, listed.link, attempt)
    }

    fn with(now: Time, link: link::Link, attempt: Option<LinkAttempt>) -> Self {
        Self {
            status: link.state_at(now, attempt.is_some()),
            id: link.id,
            user_id: link.user_id,
            account_label: link.account_label,
            store_url: link.home,
            store_id: link.store_id,
            scope: link.scope,
            return_url: link.return_url,
            confirm: link.confirm,
            created_at: link.created_at,
            expires_at: link.expires_at,
            withdrawn_at: link.withdrawn_at,
            attempt,
        }
    }
}

/// The result of a disconnect. Only the merchant can revoke a key, at the store; an application password is deleted there.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Disconnected {
    /// The page at the store where the merchant can revoke the key.
    #[schema(format = "uri")]
    pub revoke_url: String,
    /// The last seven characters of the consumer key, or of a hash of the application password.
    pub key_last7: String,
    /// Whether the store has deleted the application password. If not, Cartkey keeps trying for thirty days. Always false for a key.
    pub revoked: bool,
}

/// A part of the feed, in order, with no gaps.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EventList {
    /// The events, oldest first.
    #[schema(max_items = 200)]
    pub data: Vec<ListedEvent>,
    /// Pass it as `after` next time, even if `data` is empty.
    pub next: EventId,
}

/// An event in the feed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ListedEvent {
    #[serde(flatten)]
    pub event: News,
    /// The store that it is about, as it is now, with `expand=store`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub store: Option<Store>,
}

/// A webhook, without its secrets.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Webhook {
    /// The webhook's ID.
    pub id: WebhookId,
    /// Whether events are sent to it.
    pub state: WebhookState,
    /// Where events are sent, without `https://` and without the query, which may contain a secret.
    pub address: String,
    /// What it is for; may be empty.
    #[schema(max_length = 120)]
    pub description: String,
    /// The event types that it receives: `*` for all, groups such as `store.*`, or types such as `store.connected`.
    pub events: Vec<String>,
    /// The only merchants whose events it receives; null for all, and for events that are about no merchant.
    #[schema(min_items = 1, max_items = 1000)]
    pub user_ids: Option<Vec<UserId>>,
    /// When it was added.
    pub created_at: Time,
    /// When an event was last delivered, to the minute.
    pub succeeded_at: Option<Time>,
    /// Since when every delivery has failed.
    pub failing_since: Option<Time>,
    /// When it was turned off.
    pub disabled_at: Option<Time>,
    /// Why it was turned off.
    pub disabled_reason: Option<WhyOff>,
    /// When the old secret expires; until then, everything is signed with both. Null if there is only one secret.
    pub old_secret_until: Option<Time>,
}

impl Webhook {
    /// The webhook as the API shows it at `now`.
    pub fn at(now: Time, webhook: webhook::Webhook) -> Self {
        Self {
            state: webhook.state(),
            address: webhook.url.shown(),
            old_secret_until: webhook.old_until.filter(|_| webhook.has_two_secrets(now)),
            id: webhook.id,
            description: webhook.description,
            events: webhook.wanted.iter().map(str::to_owned).collect(),
            user_ids: webhook.users.map(|users| users.iter().cloned().collect()),
            created_at: webhook.created_at,
            succeeded_at: webhook.succeeded_at,
            failing_since: webhook.failing_since,
            disabled_at: webhook.disabled_at,
            disabled_reason: webhook.disabled_why,
        }
    }
}

/// A webhook with its new secret.
#[derive(Serialize, ToSchema)]
pub struct MadeWebhook<'a> {
    #[serde(flatten)]
    pub webhook: Webhook,
    /// The secret that signs what is sent. It is returned only here, and for 24 hours in the response to the same request repeated with
    /// its `Idempotency-Key`.
    pub secret: &'a str,
}

/// The webhooks that the token may see.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WebhookList {
    /// The webhooks, oldest first.
    #[schema(max_items = 50)]
    pub data: Vec<Webhook>,
}

/// The result of a test.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TestResult {
    /// Whether the webhook accepted it, which only 2xx means.
    pub delivered: bool,
    /// The HTTP status of the response; null if there was none.
    pub status: Option<u16>,
    /// Why there was no response, as a stable code.
    pub fault: Option<&'static str>,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
}

/// An event on its way to a webhook, or a test.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Delivery {
    /// The delivery's ID.
    pub id: DeliveryId,
    /// The event; null for a test.
    pub event_id: Option<EventId>,
    /// The event's type.
    pub r#type: String,
    /// Whether it was delivered.
    pub state: DeliveryState,
    /// When the delivery was created.
    pub created_at: Time,
    /// When it is tried next.
    pub due_at: Option<Time>,
    /// The number of tries so far.
    #[schema(minimum = 0)]
    pub tries: i64,
    /// When it was last tried.
    pub tried_at: Option<Time>,
    /// When it was delivered, failed or was skipped.
    pub ended_at: Option<Time>,
    /// The HTTP status of the last response.
    pub status: Option<i64>,
    /// Why there was no response the last time, as a stable code.
    pub fault: Option<String>,
    /// How long the last try took, in milliseconds.
    pub took_ms: Option<i64>,
}

impl From<delivery::Delivery> for Delivery {
    fn from(delivery: delivery::Delivery) -> Self {
        Self {
            id: delivery.id,
            event_id: delivery.event,
            r#type: delivery.kind,
            state: delivery.state,
            created_at: delivery.made_at,
            due_at: delivery.due_at,
            tries: delivery.tries,
            tried_at: delivery.tried_at,
            ended_at: delivery.ended_at,
            status: delivery.status,
            fault: delivery.fault,
            took_ms: delivery.took_ms,
        }
    }
}

/// One page of deliveries.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeliveryList {
    /// The deliveries, newest first.
    #[schema(max_items = 200)]
    pub data: Vec<Delivery>,
    /// Pass it as `cursor` to get the next page; null on the last page.
    pub next_cursor: Option<String>,
}

/// A service token, without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Token {
    /// The token's ID.
    pub id: TokenId,
    /// Its name.
    #[schema(max_length = 80)]
    pub name: String,
    /// What it may do.
    pub permissions: Vec<Permission>,
    /// The only merchants it may access; null for all.
    #[schema(min_items = 1, max_items = 1000)]
    pub user_ids: Option<Vec<UserId>>,
    /// The namespaces of the stores' API that it may call beside `wc/` and `wc-…/`.
    #[schema(max_items = 20)]
    pub namespaces: Vec<String>,
    /// The limits on its calls to stores.
    pub limits: CallLimits,
    /// Whether it works.
    pub state: TokenState,
    /// When it was issued.
    pub created_at: Time,
    /// When it stops working.
    pub expires_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
    /// The token that replaces it.
    pub successor_id: Option<TokenId>,
}

impl Token {
    /// The token as the API shows it at `now`.
    pub fn at(now: Time, token: token::ServiceToken) -> Self {
        Self {
            state: token.state_at(now),
            id: token.id,
            name: token.name,
            permissions: token.permissions.iter().collect(),
            user_ids: token.users.map(|users| users.iter().cloned().collect()),
            namespaces: token.namespaces.iter().map(str::to_owned).collect(),
            limits: token.limits.into(),
            created_at: token.created_at,
            expires_at: token.expires_at,
            revoked_at: token.revoked_at,
            successor_id: token.successor,
        }
    }
}

/// The limits on a token's calls to stores. Without one, calls are limited as described there.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CallLimits {
    /// How long a call may take, in seconds, from when it is sent to the store until the end of the answer.
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 600)]
    pub seconds: Option<u64>,
    /// The largest request body, in bytes.
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 33_554_432)]
    pub request_bytes: Option<u64>,
    /// The largest answer of a store, in bytes.
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 2_147_483_648_u64)]
    pub response_bytes: Option<u64>,
    /// Calls at the same time, in each process of Cartkey.
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 1_000)]
    pub concurrent: Option<u64>,
    /// Calls within a minute, in each process of Cartkey.
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub per_minute: Option<u64>,
}

impl From<calls::CallLimits> for CallLimits {
    fn from(limits: calls::CallLimits) -> Self {
        Self {
            seconds: limits.get(CallLimit::Seconds),
            request_bytes: limits.get(CallLimit::RequestBytes),
            response_bytes: limits.get(CallLimit::ResponseBytes),
            concurrent: limits.get(CallLimit::Concurrent),
            per_minute: limits.get(CallLimit::PerMinute),
        }
    }
}

impl TryFrom<CallLimits> for calls::CallLimits {
    type Error = NotLimits;

    fn try_from(limits: CallLimits) -> Result<Self, NotLimits> {
        Self::of([
            (CallLimit::Seconds, limits.seconds),
            (CallLimit::RequestBytes, limits.request_bytes),
            (CallLimit::ResponseBytes, limits.response_bytes),
            (CallLimit::Concurrent, limits.concurrent),
            (CallLimit::PerMinute, limits.per_minute),
        ])
    }
}

/// A new service token with its secret.
#[derive(Serialize, ToSchema)]
pub struct MadeToken<'a> {
    #[serde(flatten)]
    pub info: Token,
    /// The secret: send it as `Authorization: Bearer …`. It is returned only here: Cartkey stores only its hash, and with an
    /// `Idempotency-Key` also this response, sealed, for 24 hours.
    pub token: &'a str,
}

/// One page of service tokens.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TokenList {
    /// The tokens, oldest first, including those that no longer work.
    #[schema(max_items = 200)]
    pub data: Vec<Token>,
    /// Pass it as `cursor` to get the next page; null on the last page.
    pub next_cursor: Option<String>,
}
