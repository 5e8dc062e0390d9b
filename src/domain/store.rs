//! Store: one WooCommerce site of one merchant.

use super::{AuthMethod, RestBase, Scope, StoreId, StoreUrl, Time, UserId, Verdict};

names! {
    /// The status of a store: whether its key can be lent.
    StoreStatus {
        /// The key works.
        Connected = "connected",
        /// The store rejects the key.
        Unauthorized = "unauthorized",
        /// The store cannot be checked.
        Unreachable = "unreachable",
        /// The store was disconnected and the key's secrets are wiped.
        Disconnected = "disconnected",
    }
}

/// What a store reports about itself, and where and how its REST API answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Reported {
    /// The shop's name, at most 200 characters; requested only if the key is not known yet.
    pub name: Option<String>,
    /// Such as `11.0.1`.
    pub woocommerce_version: Option<String>,
    /// Such as `7.0.4`.
    pub wordpress_version: Option<String>,
    /// Where the REST API accepted the key, if it did.
    pub rest_base: Option<RestBase>,
    /// Whether other output surrounds the store's JSON.
    pub json_has_noise: bool,
}

/// One WooCommerce site of one merchant, with the facts of its newest key (never its secrets).
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Store {
    /// Its ID, unchanged by a reconnect.
    pub id: StoreId,
    pub user_id: UserId,
    /// Its canonical address; `(user_id, home)` is unique.
    pub home: StoreUrl,
    /// The shop's name from its REST index; at most 200 characters.
    pub name: Option<String>,
    pub status: StoreStatus,
    /// The current problem, or a remark on a working key.
    pub reason: Option<Verdict>,
    /// The key's scope when last checked.
    pub scope: Scope,
    /// The store's number of the key.
    pub woo_key_id: i64,
    /// The last seven characters of the consumer key.
    pub key_last7: String,
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
    /// Where its REST API answered when last checked; `None` if that is not known: then it is assumed at the usual address.
    pub rest_base: Option<RestBase>,
    /// Whether other output surrounded the JSON when last checked.
    pub json_has_noise: bool,
}

impl Store {
    /// Where its REST API answers.
    pub fn rest(&self) -> RestBase {
        RestBase::of(&self.home, self.rest_base.as_ref())
    }
}
