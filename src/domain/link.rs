//! Link: an invitation to connect, made for one `user_id`.

use std::time::Duration;

use super::id::{LinkId, StoreId};
use super::scope::Scope;
use super::store_url::StoreUrl;
use super::time::Time;
use super::user_id::UserId;

/// How long a link lives unless its maker says otherwise.
pub const DEFAULT_LIFE: Duration = Duration::from_mins(30);
/// The longest that a link may live.
pub const LONGEST_LIFE: Duration = Duration::from_hours(30 * 24);
/// The shortest that a link may live: less is a mistake in units.
pub const SHORTEST_LIFE: Duration = Duration::from_mins(1);

/// Who must confirm an approval before its key is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Confirm {
    /// The browser that began the attempt, by coming back.
    #[default]
    Browser,
    /// The application, which checks that its own signed-in user is the link's `user_id`.
    App,
}

/// An invitation to connect. The address that opens it holds a secret of its own; the id only names it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Link {
    /// Its name.
    pub id: LinkId,
    /// For whom.
    pub user_id: UserId,
    /// How the application calls the account: shown to the merchant. At most 80 characters.
    pub account_label: Option<String>,
    /// The address to begin with, when it is known.
    pub home: Option<StoreUrl>,
    /// Only this store may be connected (a reconnect).
    pub store_id: Option<StoreId>,
    /// What to ask.
    pub scope: Scope,
    /// Where the merchant goes afterwards; its origin was on the allow-list when the link was made.
    pub return_url: Option<String>,
    /// Who must confirm.
    pub confirm: Confirm,
    /// The id of a service token or an operator, or `cli`.
    pub made_by: String,
    /// When it was made.
    pub created_at: Time,
    /// When it stops opening by itself.
    pub expires_at: Time,
    /// When it was withdrawn: from then on it opens nothing, and nothing begun from it connects.
    pub withdrawn_at: Option<Time>,
}

/// How a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// Nobody has used it, and it opens.
    Open,
    /// An attempt was begun from it.
    Used,
    /// Nobody used it in time.
    Expired,
    /// It was withdrawn.
    Withdrawn,
}

impl LinkState {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::Open, Self::Used, Self::Expired, Self::Withdrawn];

    /// As it stands in an address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Used => "used",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Reads what stands in an address.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl Link {
    /// Whether it still opens at `now`.
    pub fn is_open_at(&self, now: Time) -> bool {
        self.withdrawn_at.is_none() && now < self.expires_at
    }

    /// How it stands at `now`; `used` says whether an attempt was begun from it.
    pub fn state_at(&self, now: Time, used: bool) -> LinkState {
        match (self.withdrawn_at, used) {
            (Some(_), _) => LinkState::Withdrawn,
            (None, true) => LinkState::Used,
            (None, false) if now < self.expires_at => LinkState::Open,
            (None, false) => LinkState::Expired,
        }
    }
}
