//! Attempt: one try at connecting, begun by a browser, ended by a verdict.

use std::time::Duration;

use super::id::{AttemptId, LinkId, StoreId};
use super::link::Confirm;
use super::scope::Scope;
use super::store_url::StoreUrl;
use super::time::Time;
use super::user_id::UserId;
use super::verdict::Verdict;

/// How long a merchant has to approve; the pages say so.
pub const OPEN_FOR: Duration = Duration::from_hours(1);

/// How long after the first grant further ones for the same attempt are still taken: the Approve link is not
/// one-time, so a double click sends two real keys (docs/protocol/store-answers.md §1).
pub const DUPLICATES_FOR: Duration = Duration::from_mins(10);

/// Grants kept for one attempt; a merchant who presses Approve more often than this is answered 404.
pub const MOST_GRANTS: i64 = 5;

/// Without the browser's return, a key is asked again this long after it came: a store that missed our answer
/// has deleted it by then, because WooCommerce waits 60 s (docs/protocol/store-answers.md §1).
pub const UNRETURNED_AFTER: Duration = Duration::from_secs(75);

/// Where an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Status {
    /// Waiting for the merchant's approval.
    Open,
    /// A grant came and is kept; it was not tried yet.
    Received,
    /// The key is being tried at the store.
    Proving,
    /// The key works; the browser, an operator or the application must still confirm.
    AwaitingConfirmation,
    /// Done: the store is connected.
    Connected,
    /// The merchant pressed Deny.
    Denied,
    /// It ended without a store; the reason says why.
    Failed,
    /// Nobody approved in time.
    Expired,
}

impl Status {
    /// As it is stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Received => "received",
            Self::Proving => "proving",
            Self::AwaitingConfirmation => "awaiting_confirmation",
            Self::Connected => "connected",
            Self::Denied => "denied",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    /// Whether nothing more will happen.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Connected | Self::Denied | Self::Failed | Self::Expired)
    }
}

/// One try at connecting.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Attempt {
    /// Its name; public, opens nothing.
    pub id: AttemptId,
    /// The link it was begun from; `None` for the open page.
    pub link_id: Option<LinkId>,
    /// Whose store it will be.
    pub user_id: UserId,
    /// How the application calls the account, for the pages.
    pub account_label: Option<String>,
    /// The store's canonical address, as the preflight found it.
    pub home: StoreUrl,
    /// What is asked.
    pub scope: Scope,
    /// Who must confirm that the approval was meant.
    pub confirm: Confirm,
    /// Where the merchant goes afterwards.
    pub return_url: Option<String>,
    /// Only this store may be connected (a reconnect).
    pub wanted_store: Option<StoreId>,
    /// Where it stands.
    pub status: Status,
    /// Why it ended badly, or what is the matter while it goes on.
    pub reason: Option<Verdict>,
    /// When it was begun.
    pub created_at: Time,
    /// When it can no longer be approved.
    pub expires_at: Time,
    /// When the first grant came.
    pub received_at: Option<Time>,
    /// When the browser that began it came back.
    pub returned_at: Option<Time>,
    /// When another browser came back instead.
    pub elsewhere_at: Option<Time>,
    /// When it was confirmed.
    pub confirmed_at: Option<Time>,
    /// Until when the newest one-time code for the application lives, or lived; `None` while none was made.
    pub confirm_code_until: Option<Time>,
    /// The store that came of it.
    pub store_id: Option<StoreId>,
    /// Whether the merchant copied the key from their store's settings instead of approving there.
    pub by_hand: bool,
}

impl Attempt {
    /// Whether a merchant could still approve at `now`.
    pub fn is_open_at(&self, now: Time) -> bool {
        self.status == Status::Open && now < self.expires_at
    }

    /// Whether a grant would still be taken at `now`: the first until the attempt expires, further ones for
    /// [`DUPLICATES_FOR`] after it.
    pub fn takes_grants_at(&self, now: Time) -> bool {
        match self.received_at {
            None => self.is_open_at(now),
            Some(first) => {
                now < first.plus(DUPLICATES_FOR)
                    && matches!(
                        self.status,
                        Status::Received | Status::Proving | Status::AwaitingConfirmation | Status::Connected
                    )
            }
        }
    }

    /// Whether its approval is in quarantine: a key came, and a person must say that it was meant, because another browser
    /// came back than the one that began, or none did.
    pub fn is_held(&self) -> bool {
        let waits = self.status == Status::AwaitingConfirmation
            || (self.elsewhere_at.is_some() && matches!(self.status, Status::Received | Status::Proving));
        waits && self.confirmed_at.is_none()
    }

    /// The status that people see: an open attempt past its time is expired whether or not it was swept yet.
    pub fn status_at(&self, now: Time) -> Status {
        if self.status == Status::Open && now >= self.expires_at { Status::Expired } else { self.status }
    }
}
