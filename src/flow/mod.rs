//! What the service does: one folder per area, one file per user story. Flows take `&App`, return domain values and know
//! nothing of HTTP.

pub mod connecting;
pub mod dashboard;
pub mod feed;
pub mod idempotency;
pub mod lending;
pub mod open_vault;
pub mod operators;
pub mod retention;
pub mod sweep;
pub mod transfer;
pub mod watching;
pub mod webhooks;

use crate::storage;

/// An infrastructure failure, the same type in every story's error. It excludes a sealed value that does not open: each
/// story defines what that means.
#[derive(Debug, thiserror::Error)]
pub enum Beneath {
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// A value is sealed under a ring key that this process does not have yet. It reads the ring again within seconds.
    #[error("the key ring of this process lacks the key {0}, which this installation uses: add its line")]
    RingBehind(String),
}

impl Beneath {
    /// Whether the token that asked for a change has stopped working in the meantime. Nothing was changed.
    pub const fn is_of_stopped_token(&self) -> bool {
        matches!(self, Self::Storage(storage::Error::TokenStopped))
    }

    /// Whether a retry in a moment may succeed.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::RingBehind(_) | Self::Storage(storage::Error::Unavailable(_) | storage::Error::Unknown(_)))
    }
}

/// Implements `From` for a story's error, so that `?` converts infrastructure failures.
macro_rules! takes_in_beneath {
    ($error:ty) => {
        impl From<$crate::flow::Beneath> for $error {
            fn from(error: $crate::flow::Beneath) -> Self {
                Self::Beneath(error)
            }
        }

        impl From<$crate::storage::Error> for $error {
            fn from(error: $crate::storage::Error) -> Self {
                Self::Beneath(error.into())
            }
        }
    };
}
pub(crate) use takes_in_beneath;
