//! The sealed values in the database.

/// The bytes after the version in every value that the ring key `id` sealed: the length of the ID, at most 255, and the ID.
pub fn key_header(id: &str) -> Vec<u8> {
    [&[u8::try_from(id.len()).unwrap_or(u8::MAX)], id.as_bytes()].concat()
}

/// A column of sealed values. The key ring's proofs are not included: they are checked at start-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// Key and secret of a grant that is not proven yet.
    Grant,
    /// Key and secret of a store.
    Key,
    /// The consumer key of a store that was disconnected.
    Revocation,
    WebhookSecret,
    /// A webhook's previous secret, while both sign.
    OldWebhookSecret,
    SecondFactor,
    /// The answer to a request with an idempotency key.
    Answer,
}

impl Sealed {
    pub const ALL: [Self; 7] = [
        Self::Grant,
        Self::Key,
        Self::Revocation,
        Self::WebhookSecret,
        Self::OldWebhookSecret,
        Self::SecondFactor,
        Self::Answer,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Grant => "the key of an approval",
            Self::Key => "the key of a store",
            Self::Revocation => "the former key of a disconnected store",
            Self::WebhookSecret => "the secret of a webhook",
            Self::OldWebhookSecret => "the old secret of a webhook",
            Self::SecondFactor => "the second factor of an operator",
            Self::Answer => "the answer to a request of a service",
        }
    }
}
