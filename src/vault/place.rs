//! Every place that a seal is bound to.
//!
//! A sealed value opens only in its place: in the same column of the same row, for the same address and the same merchant
//! (threats.md §6.3). What is sealed anywhere is listed here, so that two places never read alike.

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
    /// The address that it is for, empty where there is none: a key opens only for the store that it was made at.
    pub(super) origin: &'a str,
    /// Whose it is, empty where it is no merchant's: a key opens only for the merchant who connected the store. Values
    /// sealed before version 2 are not bound to it.
    pub(super) user: &'a str,
}

impl<'a> Place<'a> {
    /// The place of a value in the database: the row's id, the address that it is for, and whose it is, each empty where there
    /// is none.
    pub const fn of(what: Sealed, row: &'a str, origin: &'a str, user: &'a str) -> Self {
        let (table, field) = match what {
            Sealed::Grant => ("grants", "sealed"),
            Sealed::Key => ("keys", "sealed"),
            Sealed::Parting => ("keys", "parting"),
            // The old secret was the webhook's secret, and keeps that seal.
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

    /// The consumer key that is left of a key that was given up.
    pub fn parting(id: &'a KeyId, home: &'a StoreUrl, user: &'a UserId) -> Self {
        Self::of(Sealed::Parting, id.as_str(), home.as_str(), user.as_str())
    }

    /// A webhook's secrets. Bound to the address, so that whoever can change that in the database is sent nothing.
    pub fn webhook(id: &'a WebhookId, url: &'a WebhookUrl) -> Self {
        Self::of(Sealed::WebhookSecret, id.as_str(), url.as_str(), "")
    }

    /// An operator's second factor.
    pub fn second_factor(id: &'a OperatorId) -> Self {
        Self::of(Sealed::SecondFactor, id.as_str(), "", "")
    }

    /// What a browser shows later in which an operator signed in. It is in a cookie, not in the database.
    pub fn known_browser(id: &'a OperatorId) -> Self {
        Self { table: "cookies", row: id.as_str(), field: "known", origin: "", user: "" }
    }

    /// What proves that the ring key named `id` fits the database.
    pub const fn ring_proof(id: &'a str) -> Self {
        Self { table: "ring_keys", row: id, field: "proof", origin: "", user: "" }
    }
}
