//! Key: the consumer key and secret of a store, in numbered versions.

use super::id::{KeyId, StoreId};
use super::scope::Scope;
use super::secret::Secret;
use super::time::Time;
use super::verdict::Verdict;

/// How a store takes its keys, learned by trying (docs/protocol/wc-auth.md §5.1). The order is the ladder's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum AuthMethod {
    /// HTTP Basic: consumer key as user, consumer secret as password.
    Basic,
    /// `consumer_key` and `consumer_secret` in the query, for hosts that drop the Authorization header.
    Query,
    /// OAuth 1.0a, signed with the https address.
    Oauth1,
    /// OAuth 1.0a, sent over https but signed with the http address: the store's PHP does not see https.
    #[sqlx(rename = "oauth1_http")]
    #[serde(rename = "oauth1_http")]
    Oauth1Http,
}

impl AuthMethod {
    /// The ladder, in the order in which it is tried.
    pub const LADDER: [Self; 4] = [Self::Basic, Self::Query, Self::Oauth1, Self::Oauth1Http];

    /// As it is stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Query => "query",
            Self::Oauth1 => "oauth1",
            Self::Oauth1Http => "oauth1_http",
        }
    }
}

/// The two halves of a key, in the open; lives only in memory.
#[derive(Debug, Clone)]
pub struct KeyPair {
    /// `ck_…`
    pub consumer_key: Secret,
    /// `cs_…`
    pub consumer_secret: Secret,
}

/// One version of a store's key, without its secrets.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Key {
    /// Its name; the seal is bound to it.
    pub id: KeyId,
    /// Whose it is.
    pub store_id: StoreId,
    /// 1 for the first, one more with each reconnect.
    pub version: i64,
    /// The store's own number of it, for the address of its Revoke page.
    pub woo_key_id: i64,
    /// The last seven characters of the consumer key.
    pub last7: String,
    /// What it may do.
    pub scope: Scope,
    /// How the store takes it.
    pub auth_method: AuthMethod,
    /// When it was proven.
    pub issued_at: Time,
    /// When a newer one took its place, or the store was disconnected.
    pub retired_at: Option<Time>,
    /// After a disconnect: when the store is asked next whether it still knows the key; `None` once nobody asks any more.
    pub ask_at: Option<Time>,
    /// When the store was last asked that.
    pub asked_at: Option<Time>,
    /// What it told then: [`Verdict::SecretRejected`] when it still knows the key, or why it could not be asked.
    pub told: Option<Verdict>,
    /// When the store told that the key is gone.
    pub revoked_at: Option<Time>,
}

/// Where a version of a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is the one that is lent.
    Served,
    /// A newer one took its place; the merchant may remove it at the store.
    Replaced,
    /// The store was disconnected, and tells that the key is gone.
    Revoked(Time),
    /// The store was disconnected, and still knew the key at that time.
    StillThere(Time),
    /// The store was disconnected, and could not yet be asked whether it still knows the key.
    NotKnown,
    /// The store was disconnected, and nothing was kept to ask with: by an older version of Cartkey, or because the key did
    /// not open any more. Only the store knows.
    NeverAsked,
}

impl Key {
    /// Where it stands in a store whose newest version is `newest`. A key of a disconnect has been asked about, or will be,
    /// where there is something to ask with; one that was replaced never is.
    pub const fn standing(&self, newest: i64) -> Standing {
        match (self.retired_at, self.revoked_at, self.told, self.asked_at) {
            (None, ..) => Standing::Served,
            (_, Some(at), ..) => Standing::Revoked(at),
            (_, _, Some(Verdict::SecretRejected), Some(at)) => Standing::StillThere(at),
            _ if self.ask_at.is_some() || self.asked_at.is_some() => Standing::NotKnown,
            _ if self.version == newest => Standing::NeverAsked,
            _ => Standing::Replaced,
        }
    }
}
