//! Key: the consumer key and secret of a store, in numbered versions.

use super::{KeyId, Scope, Secret, StoreId, Time, Verdict};

names! {
    /// How a store accepts its keys, found by trying (docs/protocol/wc-auth.md §5.1), in the order in which they are tried.
    AuthMethod {
        /// HTTP Basic: the consumer key as user name, the consumer secret as password.
        Basic = "basic",
        /// `consumer_key` and `consumer_secret` in the query, for hosts that drop the `Authorization` header.
        Query = "query",
        /// OAuth 1.0a, signed for the https address.
        Oauth1 = "oauth1",
        /// OAuth 1.0a, sent over https but signed for the http address: the store's PHP does not detect https.
        Oauth1Http = "oauth1_http",
        /// HTTP Basic with an application password of WordPress, which is not a key of WooCommerce: no other method takes it.
        ApplicationPassword = "application_password",
    }
}

impl AuthMethod {
    /// The methods for a consumer key, in the order in which they are tried.
    pub const LADDER: [Self; 4] = [Self::Basic, Self::Query, Self::Oauth1, Self::Oauth1Http];
}

/// Both halves of a key, unsealed; only ever in memory.
#[derive(Debug, Clone)]
pub struct KeyPair {
    /// `ck_…`, or the user name of an application password.
    pub consumer_key: Secret,
    /// `cs_…`, or the application password.
    pub consumer_secret: Secret,
}

/// One version of a store's key, without its secrets.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Key {
    /// Its ID; the seal is bound to it.
    pub id: KeyId,
    pub store_id: StoreId,
    /// 1 for the first, increased by each reconnect.
    pub version: i64,
    /// The store's number of the key, used in the address of its Revoke page.
    pub woo_key_id: i64,
    /// The last seven characters of the consumer key, or of the hash of an application password.
    pub last7: String,
    pub scope: Scope,
    /// How the store accepts it.
    pub auth_method: AuthMethod,
    /// When it was proven.
    pub issued_at: Time,
    /// When a newer version replaced it, or the store was disconnected.
    pub retired_at: Option<Time>,
    /// After a disconnect: when to check next whether the store still knows the key; `None` if no further check is due.
    pub ask_at: Option<Time>,
    /// When that was last checked.
    pub asked_at: Option<Time>,
    /// The result: [`Verdict::SecretRejected`] if the store still knows the key, or why it could not be checked.
    pub told: Option<Verdict>,
    /// When the store reported the key as revoked.
    pub revoked_at: Option<Time>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is the version that is lent.
    Served,
    /// A newer version replaced it; the merchant may remove it at the store.
    Replaced,
    /// The store was disconnected and reports that the key is revoked.
    Revoked(Time),
    /// The store was disconnected and still knew the key at that time.
    StillThere(Time),
    /// The store was disconnected, and could not be checked yet.
    NotKnown,
    /// The store was disconnected, and nothing was stored to check with: an older version of Cartkey did not store it,
    /// or the key could no longer be opened. Only the store knows.
    NeverAsked,
}

impl Key {
    /// Its standing in a store whose newest version is `newest`. Keys of disconnected stores are checked if there is
    /// something to check with; replaced keys never are.
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
