//! Store: one WooCommerce site of one merchant.

use super::id::StoreId;
use super::key::AuthMethod;
use super::scope::Scope;
use super::store_url::StoreUrl;
use super::time::Time;
use super::user_id::UserId;
use super::verdict::Verdict;

/// Whether a store's key can be lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum StoreStatus {
    /// The key works.
    Connected,
    /// The store refuses the key.
    Unauthorized,
    /// The store cannot be asked.
    Unreachable,
    /// The key was given up; its secrets are wiped.
    Disconnected,
}

impl StoreStatus {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Connected, Self::Unauthorized, Self::Unreachable, Self::Disconnected];

    /// As it is stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Unauthorized => "unauthorized",
            Self::Unreachable => "unreachable",
            Self::Disconnected => "disconnected",
        }
    }

    /// Reads the text that is stored and sent.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

/// One WooCommerce site of one merchant, and the facts of its newest key (never its secrets).
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Store {
    /// Kept for ever, also by a reconnect.
    pub id: StoreId,
    /// Whose it is.
    pub user_id: UserId,
    /// Its canonical address; `(user_id, home)` is unique.
    pub home: StoreUrl,
    /// The shop's own name, as its REST index gives it; at most 200 characters.
    pub name: Option<String>,
    /// Whether its key can be lent.
    pub status: StoreStatus,
    /// What is the matter, or a remark on a key that works.
    pub reason: Option<Verdict>,
    /// What the key may do, as it was last seen.
    pub scope: Scope,
    /// The store's own number of the key.
    pub woo_key_id: i64,
    /// The last seven characters of the consumer key.
    pub key_last7: String,
    /// The key's version.
    pub key_version: i64,
    /// How the store takes the key.
    pub auth_method: AuthMethod,
    /// As the store said it when it was last asked.
    pub woocommerce_version: Option<String>,
    /// As the store said it when it was last asked.
    pub wordpress_version: Option<String>,
    /// When it was first connected, or connected again.
    pub connected_at: Time,
    /// When it was last asked.
    pub checked_at: Time,
    /// When its status last changed, or it was connected.
    pub changed_at: Time,
    /// When it is asked next; of no meaning once it is disconnected.
    pub check_at: Time,
    /// How many checks in a row did not find the key working.
    pub failures: i64,
    /// The address that it says it has now, where that is another than `home`.
    pub moved_to: Option<StoreUrl>,
    /// What the key was asked to do, where that is known.
    pub asked: Option<Scope>,
}
