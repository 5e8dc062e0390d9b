//! The sealed values in the database.

/// A column of sealed values. The proofs of the key ring are not among them: start-up checks those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// Key and secret of a grant that waits for its proof.
    Grant,
    /// Key and secret of a store.
    Key,
    /// The consumer key of a store that was disconnected.
    Parting,
    /// The secret of a webhook.
    WebhookSecret,
    /// The one before it, while both sign.
    OldWebhookSecret,
    /// The second factor of an operator.
    SecondFactor,
}

impl Sealed {
    /// Every column.
    pub const ALL: [Self; 6] =
        [Self::Grant, Self::Key, Self::Parting, Self::WebhookSecret, Self::OldWebhookSecret, Self::SecondFactor];

    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grant => "the key of an approval",
            Self::Key => "the key of a store",
            Self::Parting => "the former key of a disconnected store",
            Self::WebhookSecret => "the secret of a webhook",
            Self::OldWebhookSecret => "the old secret of a webhook",
            Self::SecondFactor => "the second factor of an operator",
        }
    }
}
