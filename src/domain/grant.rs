//! Grant: what a store posts to our callback.

use super::scope::Scope;
use super::secret::Secret;

/// A parsed callback body. It proves nothing until the key has worked at the store.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The attempt's single-use state, which the store calls `user_id`.
    pub state: Secret,
    /// The store's number of the key; 0 means that the store did not save it (docs/protocol/wc-auth.md §3.3).
    pub key_id: i64,
    /// `ck_…`
    pub consumer_key: Secret,
    /// `cs_…`
    pub consumer_secret: Secret,
    /// The scope the store claims to have granted; unproven.
    pub scope: Scope,
}
