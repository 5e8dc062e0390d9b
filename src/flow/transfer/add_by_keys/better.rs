//! Why a working key does not replace the store's current one.

use crate::domain::Time;

/// Why a working key does not replace the store's current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// The store's current key has the requested permissions, and this one has not.
    Wider,
    /// This key was replaced by a newer one at this time.
    Newer(Time),
    /// The store was disconnected from this key at this time.
    GivenUp(Time),
    /// The store got another key or was disconnected while this one was being tried.
    Meanwhile,
}

impl Better {
    pub(super) fn says(self, store: &str) -> String {
        let meant = "To use this key anyway, add the store by its keys on the dashboard.";
        match self {
            Self::Wider => format!(
                "This key has less access than the current key of {store}, so the current key is kept. Create a key with the same access, or request a narrower scope."
            ),
            Self::Newer(at) => format!("A newer key of {store} replaced this one at {at}. {meant}"),
            Self::GivenUp(at) => format!("{store} was disconnected at {at} while it used this key. {meant}"),
            Self::Meanwhile => format!(
                "While this key was being tested, {store} got another key or was disconnected. Look at the store before you try again."
            ),
        }
    }
}
