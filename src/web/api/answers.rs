//! What services are answered: each answer a struct, from which its JSON and its description both come.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::attempt::{Attempt, Status};
use crate::domain::id::{AttemptId, LinkId, StoreId};
use crate::domain::key::AuthMethod;
use crate::domain::link::{self, Confirm};
use crate::domain::news::{EventId, News};
use crate::domain::scope::Scope;
use crate::domain::store::{self, StoreStatus};
use crate::domain::store_url::StoreUrl;
use crate::domain::time::Time;
use crate::domain::user_id::UserId;
use crate::domain::verdict::Verdict;

/// A WooCommerce site of one merchant, without its secrets.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Store {
    /// Its name. A reconnect keeps it.
    pub id: StoreId,
    /// Whose it is.
    pub user_id: UserId,
    /// Its canonical address.
    pub url: StoreUrl,
    /// The shop's own name.
    #[schema(required = true, max_length = 200)]
    pub name: Option<String>,
    /// Whether its key can be lent.
    pub status: StoreStatus,
    /// What is the matter, or a remark on a key that works.
    #[schema(required = true)]
    pub reason: Option<Verdict>,
    /// What the key may do.
    pub scope: Scope,
    /// The store's own number of the key.
    pub key_id: i64,
    /// The last seven characters of the consumer key.
    pub key_last7: String,
    /// 1 for the first key, one more with each reconnect.
    #[schema(minimum = 1)]
    pub key_version: i64,
    /// How the store takes the key.
    pub auth_method: AuthMethod,
    /// As the store said it when it was last asked.
    #[schema(required = true)]
    pub woocommerce_version: Option<String>,
    /// As the store said it when it was last asked.
    #[schema(required = true)]
    pub wordpress_version: Option<String>,
    /// When it was connected, or connected again.
    pub connected_at: Time,
    /// When it was last asked.
    pub checked_at: Time,
    /// When `status` last changed, or another key was taken.
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
            scope: store.scope,
            key_id: store.woo_key_id,
            key_last7: store.key_last7,
            key_version: store.key_version,
            auth_method: store.auth_method,
            woocommerce_version: store.woocommerce_version,
            wordpress_version: store.wordpress_version,
            connected_at: store.connected_at,
            checked_at: store.checked_at,
            changed_at: store.changed_at,
        }
    }
}

/// One page of stores.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StoreList {
    /// The stores, those that were connected first at the front.
    #[schema(max_items = 200)]
    pub data: Vec<Store>,
    /// Give it as `cursor` for the next page; null on the last.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// A store's key, and how to use it.
#[derive(Serialize, ToSchema)]
pub struct Keys<'a> {
    /// Whose key it is.
    pub store_id: &'a StoreId,
    /// Whose store it is.
    pub user_id: &'a UserId,
    /// The store's canonical address.
    pub store_url: &'a StoreUrl,
    /// Where WooCommerce's REST API answers.
    #[schema(format = "uri")]
    pub api_url: String,
    /// The key: `ck_…`.
    pub consumer_key: &'a str,
    /// The secret: `cs_…`.
    pub consumer_secret: &'a str,
    /// What the key may do.
    pub permissions: Scope,
    /// How the store takes it.
    pub auth_method: AuthMethod,
    /// One more with each reconnect.
    #[schema(minimum = 1)]
    pub key_version: i64,
    /// When it was proven.
    pub issued_at: Time,
}

/// A link that was made just now.
#[derive(Serialize, ToSchema)]
pub struct MadeLink<'a> {
    /// Its name.
    pub id: &'a LinkId,
    /// Send the merchant there. It is shown this once: Cartkey keeps only its hash.
    #[schema(format = "uri")]
    pub url: &'a str,
    /// For whom it is.
    pub user_id: &'a UserId,
    /// When it stops opening.
    pub expires_at: Time,
}

/// A link, without the address that opens it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Link {
    /// Its name.
    pub id: LinkId,
    /// For whom it is.
    pub user_id: UserId,
    /// How your application calls the account.
    #[schema(required = true, max_length = 80)]
    pub account_label: Option<String>,
    /// The store's address to begin with.
    #[schema(required = true)]
    pub store_url: Option<StoreUrl>,
    /// The store to reconnect, and no other.
    #[schema(required = true)]
    pub store_id: Option<StoreId>,
    /// What is asked of the merchant.
    pub scope: Scope,
    /// Where the merchant goes afterwards.
    #[schema(required = true, format = "uri")]
    pub return_url: Option<String>,
    /// Who must confirm.
    pub confirm: Confirm,
    /// When it was made.
    pub created_at: Time,
    /// When it stops opening.
    pub expires_at: Time,
    /// When an operator withdrew it.
    #[schema(required = true)]
    pub withdrawn_at: Option<Time>,
    /// The newest attempt that was begun from it.
    #[schema(required = true)]
    pub attempt: Option<LinkAttempt>,
}

/// One try at connecting.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LinkAttempt {
    /// Its name.
    pub id: AttemptId,
    /// Where it stands.
    pub status: Status,
    /// Why it ended badly, or what is the matter while it goes on.
    #[schema(required = true)]
    pub reason: Option<Verdict>,
    /// The store that came of it.
    #[schema(required = true)]
    pub store_id: Option<StoreId>,
}

impl Link {
    /// As services see it at `now`.
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

/// What is left to do after a disconnect: only the merchant can revoke the key, at the store.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Disconnected {
    /// The page of the store where the merchant revokes the key.
    #[schema(format = "uri")]
    pub revoke_url: String,
    /// The last seven characters of the consumer key.
    pub key_last7: String,
}

/// Some of what happened, in order, none skipped.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EventList {
    /// The events, the oldest first.
    #[schema(max_items = 200)]
    pub data: Vec<News>,
    /// Give it as `after` next time, also when `data` is empty.
    pub next: EventId,
}
