//! What the service does: each file one story, top to bottom. Flows take `&App`, return domain values, and know
//! nothing of HTTP.

pub mod activity;
pub mod admit;
pub mod adopt;
pub mod approvals;
pub mod brand;
pub mod by_hand;
pub mod connect;
pub mod diagnostics;
pub mod disconnect;
pub mod export;
pub mod feed;
pub mod history;
pub mod import;
pub mod keep;
pub mod lend;
pub mod links;
pub mod migrate;
pub mod operators;
pub mod overview;
pub mod parting;
pub mod prove;
pub mod reads;
pub mod receive;
pub mod reconnect;
pub mod retention;
pub mod return_leg;
pub mod seals;
pub mod second_factor;
pub mod sign_in;
pub mod store_list;
pub mod stores;
pub mod sweep;
pub mod tell;
pub mod tokens;
pub mod watch;
pub mod webhooks;
pub mod words;

use crate::storage;

/// What went wrong beneath a story; the same for every story. A sealed value that does not open is none of this: each story
/// says what it means there.
#[derive(Debug, thiserror::Error)]
pub enum Beneath {
    /// The database.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

impl Beneath {
    /// Whether trying again in a moment may help.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Storage(storage::Error::Unavailable(_) | storage::Error::Unknown(_)))
    }
}

/// Lets each story's error take in what went wrong beneath it with `?`.
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
