//! Key: the consumer key and secret of a store, in numbered versions.

use super::id::{KeyId, StoreId};
use super::scope::Scope;
use super::secret::Secret;
use super::time::Time;

/// How a store takes its keys, learned by trying (wc-auth.md §5.1). The order is the ladder's.
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
    /// When a newer one took its place.
    pub retired_at: Option<Time>,
}
