//! The API's response types. JSON and API description are both generated from these structs.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::link;
use crate::domain::store;
use crate::domain::{
    Attempt, AttemptId, AuthMethod, Confirm, EventId, Granted, LinkId, News, Scope, Status, StoreId, StoreStatus,
    StoreUrl, Time, UserId, Verdict,
};
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
    #[schema(required = true, max_length = 200)]
    pub name: Option<String>,
    /// Whether the store's key can be fetched.
    pub status: StoreStatus,
    /// The problem, or a warning about a key that works.
    #[schema(required = true)]
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
    #[schema(required = true)]
    pub woocommerce_version: Option<String>,
    /// As reported by the store at the last check.
    #[schema(required = true)]
    pub wordpress_version: Option<String>,
    /// The address that the store reports, if it differs from `url`.
    #[schema(required = true)]
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
    #[schema(required = true)]
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
    #[schema(required = true)]
    pub keys: Option<Keys<'a>>,
    /// Why there is no key; otherwise null.
    #[schema(required = true)]
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
    #[schema(required = true)]
    pub consumer_key: Option<&'a str>,
    /// The consumer secret: `cs_…`. Null if `auth_method` is `application_password`.
    #[schema(required = true)]
    pub consumer_secret: Option<&'a str>,
    /// The WordPress user of the application password; otherwise null.
    #[schema(required = true)]
    pub username: Option<&'a str>,
    /// The application password, without spaces; otherwise null.
    #[schema(required = true)]
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
    #[schema(required = true)]
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
    #[schema(required = true, max_length = 80)]
    pub account_label: Option<String>,
    /// The store's suggested address.
    #[schema(required = true)]
    pub store_url: Option<StoreUrl>,
    /// The only store that this link can reconnect.
    #[schema(required = true)]
    pub store_id: Option<StoreId>,
    /// The requested scope.
    pub scope: Scope,
    /// Where the merchant is sent afterwards.
    #[schema(required = true, format = "uri")]
    pub return_url: Option<String>,
    /// Who must confirm the approval.
    pub confirm: Confirm,
    /// When the link was created.
    pub created_at: Time,
    /// When the link expires.
    pub expires_at: Time,
    /// When an operator withdrew the link.
    #[schema(required = true)]
    pub withdrawn_at: Option<Time>,
    /// The newest attempt made with this link.
    #[schema(required = true)]
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
    #[schema(required = true)]
    pub reason: Option<Verdict>,
    /// The store it connected.
    #[schema(required = true)]
    pub store_id: Option<StoreId>,
}

impl Link {
    /// The link as the API shows it at `now`.
    pub fn at(now: Time, link: link::Link, attempt: Option<Attempt>) -> Self {
        let attempt = attempt.map(|attempt| LinkAttempt {
            status: attempt.status_at(now),
            id: attempt.id,
            reason: attempt.reason,
            store_id: attempt.store_id,
        });
        Self {
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
    pub data: Vec<News>,
    /// Pass it as `after` next time, even if `data` is empty.
    pub next: EventId,
}
