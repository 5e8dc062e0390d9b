//! Link: an invitation to connect, created for one `user_id`.

use std::time::Duration;

use super::{LinkId, Scope, StoreId, StoreUrl, Time, UserId};

pub const DEFAULT_LIFE: Duration = Duration::from_mins(30);
/// The maximum lifetime of a link.
pub const LONGEST_LIFE: Duration = Duration::from_hours(30 * 24);
/// The minimum lifetime of a link: anything less is a mistake in units.
pub const SHORTEST_LIFE: Duration = Duration::from_mins(1);

names! {
    /// Who must confirm an approval before its key is served.
    #[derive(Default)]
    Confirm {
        /// The browser that began the attempt, by returning.
        #[default]
        Browser = "browser",
        /// The application, which checks that its signed-in user is the link's `user_id`.
        App = "app",
    }
}

/// An invitation to connect. Its address contains a secret; the ID grants no access.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Link {
    pub id: LinkId,
    pub user_id: UserId,
    /// The account's name in the application, shown to the merchant. At most 80 characters.
    pub account_label: Option<String>,
    /// The store's address, if known.
    pub home: Option<StoreUrl>,
    /// The only store that may be connected (a reconnect).
    pub store_id: Option<StoreId>,
    pub scope: Scope,
    /// Where to send the merchant afterwards; its origin was on the allow-list when the link was created.
    pub return_url: Option<String>,
    /// Who must confirm the approval.
    pub confirm: Confirm,
    /// The ID of a service token or an operator, or `cli`.
    pub made_by: String,
    pub created_at: Time,
    pub expires_at: Time,
    /// When it was withdrawn: from then on the link does not open, and attempts begun from it do not connect.
    pub withdrawn_at: Option<Time>,
}

names! {
    LinkState {
        /// Unused and valid.
        Open = "open",
        /// An attempt was begun from it.
        Used = "used",
        Expired = "expired",
        Withdrawn = "withdrawn",
    }
}

impl Link {
    /// Whether it opens at `now`.
    pub fn is_open_at(&self, now: Time) -> bool {
        self.withdrawn_at.is_none() && now < self.expires_at
    }

    /// The state at `now`; `used` means that an attempt was begun from it.
    pub fn state_at(&self, now: Time, used: bool) -> LinkState {
        match (self.withdrawn_at, used) {
            (Some(_), _) => LinkState::Withdrawn,
            (None, true) => LinkState::Used,
            (None, false) if now < self.expires_at => LinkState::Open,
            (None, false) => LinkState::Expired,
        }
    }
}
