//! Places: what a seal is bound to.
//!
//! A sealed value opens only in its place: the same column of the same row, the same address and the same merchant
//! (docs/protocol/threats.md §6.3). Every sealed column is listed here, so that no two places are equal.

use crate::domain::{GrantId, KeyId, OperatorId, Sealed, StoreUrl, UserId, WebhookId, WebhookUrl};

/// What a sealed value belongs to. All of it is included in the associated data.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub(super) table: &'static str,
    pub(super) row: &'a str,
    pub(super) field: &'static str,
    /// The address, or empty: a key opens only for the store that issued it.
    pub(super) origin: &'a str,
    /// The merchant's `user_id`, or empty: a key opens only for the merchant who connected the store. Values sealed
    /// before version 2 are not bound to it.
    pub(super) user: &'a str,
}

impl<'a> Place<'a> {
    /// The place of a value in the database: the row's ID, address and merchant. Pass an empty string for what does not
    /// apply.
    pub const fn of(what: Sealed, row: &'a str, origin: &'a str, user: &'a str) -> Self {
        let (table, field) = match what {
            Sealed::Grant => ("grants", "sealed"),
            Sealed::Key => ("keys", "sealed"),
            Sealed::Revocation => ("keys", "revocation"),
            // The old secret was sealed as the webhook's secret and keeps that seal.
            Sealed::WebhookSecret | Sealed::OldWebhookSecret => ("webhooks", "secret"),
            Sealed::SecondFactor => ("operators", "second_factor"),
            Sealed::Answer => ("idempotency_keys", "answer"),
        };
        Self { table, row, field, origin, user }
    }

    /// A grant that is not proven yet.
    pub fn grant(id: &'a GrantId, home: &'a StoreUrl, user: &'a UserId) -> Self {
        Self::of(Sealed::Grant, id.as_str(), home.as_str(), user.as_str())
    }

    /// A key that is served.
    pub fn key(id: &'a KeyId, home: &'a StoreUrl, user: &'a UserId) -> Self {
        Self::of(Sealed::Key, id.as_str(), home.as_str(), user.as_str())
    }

    /// The consumer key of a disconnected store, stored to check that it is revoked.
    pub fn revocation(id: &'a KeyId, home: &'a StoreUrl, user: &'a UserId) -> Self {
        Self::of(Sealed::Revocation, id.as_str(), home.as_str(), user.as_str())
    }

    /// A webhook's secrets. They are bound to the address: once it is changed in the database, they no longer open.
    pub fn webhook(id: &'a WebhookId, url: &'a WebhookUrl) -> Self {
        Self::of(Sealed::WebhookSecret, id.as_str(), url.as_str(), "")
    }

    pub fn second_factor(id: &'a OperatorId) -> Self {
        Self::of(Sealed::SecondFactor, id.as_str(), "", "")
    }

    /// The answer to a request with an idempotency key. It is bound to the hash of the request, in the place of an address.
    pub const fn answer(id: &'a str, request: &'a str) -> Self {
        Self::of(Sealed::Answer, id, request, "")
    }

    /// The cookie that marks a browser in which an operator has signed in. It is not in the database.
    pub fn known_browser(id: &'a OperatorId) -> Self {
        Self { table: "cookies", row: id.as_str(), field: "known", origin: "", user: "" }
    }

    /// The proof that the ring key `id` belongs to this database.
    pub const fn ring_proof(id: &'a str) -> Self {
        Self { table: "ring_keys", row: id, field: "proof", origin: "", user: "" }
    }
}
