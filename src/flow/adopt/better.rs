//! Better: why a key that works takes no place of what a store has.

use crate::domain::time::Time;

/// Why a key that works does not take the place of what a store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// The store is connected with a key that may do what is asked, and this one may not.
    Wider,
    /// The store was given a newer key in place of this one, then.
    Newer(Time),
    /// The store was disconnected, then, and this key given up with it.
    GivenUp(Time),
    /// The store was given another key, or disconnected, while this one was tried.
    Meanwhile,
}

impl Better {
    pub(super) fn says(self, store: &str) -> String {
        let meant = "If this one is meant all the same, add the store by its keys on the dashboard.";
        match self {
            Self::Wider => format!(
                "This key may do less than the one with which {store} is connected, so that one stays. Make a key that may do as much, or ask for less."
            ),
            Self::Newer(at) => format!("{store} was given a newer key in place of this one at {at}. {meant}"),
            Self::GivenUp(at) => format!("{store} was disconnected at {at}, and this key given up with it. {meant}"),
            Self::Meanwhile => format!(
                "{store} was given another key, or was disconnected, while this one was tried. Look at it before you try again."
            ),
        }
    }
}
