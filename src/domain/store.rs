//! Store: one WooCommerce site of one merchant.

use super::id::StoreId;
use super::key::AuthMethod;
use super::scope::Scope;
use super::store_url::StoreUrl;
use super::time::Time;
use super::user_id::UserId;
use super::verdict::Verdict;

/// The status of a store: whether its key can be lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum StoreStatus {
    /// The key works.
    Connected,
    /// The store rejects the key.
    Unauthorized,
    /// The store cannot be checked.
    Unreachable,
    /// The store was disconnected and the key's secrets are wiped.
    Disconnected,
}

impl StoreStatus {
    /// All statuses, in display order.
    pub const ALL: [Self; 4] = [Self::Connected, Self::Unauthorized, Self::Unreachable, Self::Disconnected];

    /// The name as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Unauthorized => "unauthorized",
            Self::Unreachable => "unreachable",
            Self::Disconnected => "disconnected",
        }
    }

    /// Parses the stored name.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

/// One WooCommerce site of one merchant, with the facts of its newest key (never its secrets).
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Store {
    /// Its ID, unchanged by a reconnect.
    pub id: StoreId,
    /// The merchant.
    pub user_id: UserId,
    /// Its canonical address; `(user_id, home)` is unique.
    pub home: StoreUrl,
    /// The shop's name from its REST index; at most 200 characters.
    pub name: Option<String>,
    /// The status.
    pub status: StoreStatus,
    /// The current problem, or a remark on a working key.
    pub reason: Option<Verdict>,
    /// The key's scope when last checked.
    pub scope: Scope,
    /// The store's number of the key.
    pub woo_key_id: i64,
    /// The last seven characters of the consumer key.
    pub key_last7: String,
    /// The key's version.
    pub key_version: i64,
    /// How the store accepts the key.
    pub auth_method: AuthMethod,
    /// The version reported at the last check.
    pub woocommerce_version: Option<String>,
    /// The version reported at the last check.
    pub wordpress_version: Option<String>,
    /// When it was first connected, or last reconnected.
    pub connected_at: Time,
    /// When it was last checked.
    pub checked_at: Time,
    /// When its status last changed, or it was connected.
    pub changed_at: Time,
    /// When it is checked next; meaningless after a disconnect.
    pub check_at: Time,
    /// The number of consecutive checks that did not find the key working.
    pub failures: i64,
    /// The address the store reports now, if it differs from `home`.
    pub moved_to: Option<StoreUrl>,
    /// The scope that was requested for the key, if known.
    pub asked: Option<Scope>,
}
