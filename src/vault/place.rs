//! The places that seals are bound to.
//!
//! A sealed value opens only in its place: in the same column of the same row, for the same address and the same merchant
//! (docs/protocol/threats.md §6.3). Every sealed column is listed here, so that no two places are the same.

use crate::domain::id::{GrantId, KeyId, OperatorId, WebhookId};
use crate::domain::sealed::Sealed;
use crate::domain::store_url::StoreUrl;
use crate::domain::user_id::UserId;
use crate::domain::webhook::WebhookUrl;

/// What a sealed value belongs to. All of it is bound in as associated data.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The table.
    pub(super) table: &'static str,
    /// The row's id.
    pub(super) row: &'a str,
    /// The column.
    pub(super) field: &'static str,
    /// The address that it belongs to, or empty: a key opens only for the store that issued it.
    pub(super) origin: &'a str,
    /// The merchant's `user_id`, or empty: a key opens only for the merchant who connected the store. Values sealed before
    /// version 2 are not bound to it.
    pub(super) user: &'a str,
}

impl<'a> Place<'a> {
    /// The place of a value in the database: the row's id, the address and the merchant that it belongs to, each empty where
    /// there is none.
    pub const fn of(what: Sealed, row: &'a str, origin: &'a str, user: &'a str) -> Self {
        let (table, field) = match what {
            Sealed::Grant => ("grants", "sealed"),
            Sealed::Key => ("keys", "sealed"),
            Sealed::Parting => ("keys", "parting"),
            // The old secret was sealed as the webhook's secret, and keeps that seal.
            Sealed::WebhookSecret | Sealed::OldWebhookSecret => ("webhooks", "secret"),
            Sealed::SecondFactor => ("operators", "second_factor"),
        };
        Self { table, row, field, origin, user }
    }

    /// A grant that waits for its proof.
    pub fn grant(id: &'a GrantId, home: &'a StoreUrl, user: &'a UserId) -> Self {
        Self::of(Sealed::Grant, id.as_str(), home.as_str(), user.as_str())
    }

    /// A key that is served.
    pub fn key(id: &'a KeyId, home: &'a StoreUrl, user: &'a UserId) -> Self {
        Self::of(Sealed::Key, id.as_str(), home.as_str(), user.as_str())
    }

    /// The consumer key kept of a disconnected store's key, to check that it is revoked.
    pub fn parting(id: &'a KeyId, home: &'a StoreUrl, user: &'a UserId) -> Self {
        Self::of(Sealed::Parting, id.as_str(), home.as_str(), user.as_str())
    }

    /// A webhook's secrets. Bound to the address: someone who changes it in the database receives nothing.
    pub fn webhook(id: &'a WebhookId, url: &'a WebhookUrl) -> Self {
        Self::of(Sealed::WebhookSecret, id.as_str(), url.as_str(), "")
    }

    /// An operator's second factor.
    pub fn second_factor(id: &'a OperatorId) -> Self {
        Self::of(Sealed::SecondFactor, id.as_str(), "", "")
    }

    /// The mark of a browser in which an operator has signed in. It is in a cookie, not in the database.
    pub fn known_browser(id: &'a OperatorId) -> Self {
        Self { table: "cookies", row: id.as_str(), field: "known", origin: "", user: "" }
    }

    /// The proof that the ring key `id` belongs to this database.
    pub const fn ring_proof(id: &'a str) -> Self {
        Self { table: "ring_keys", row: id, field: "proof", origin: "", user: "" }
    }
}
