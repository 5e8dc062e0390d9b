//! Attempt: one try at connecting, begun by a browser, ended by a verdict.

use std::time::Duration;

use super::verdict::Verdicts;
use super::{Actor, AttemptId, Confirm, Event, IconUrl, Kind, LinkId, Scope, StoreId, StoreUrl, Time, UserId, Verdict};

/// How long a merchant has to approve; shown on the pages.
pub const OPEN_FOR: Duration = Duration::from_hours(1);

/// How long after the first grant further grants for the same attempt are accepted: the Approve link can be used
/// repeatedly, so a double click sends two real keys (docs/protocol/store-answers.md §1).
pub const DUPLICATES_FOR: Duration = Duration::from_mins(10);

/// The maximum number of grants stored for one attempt; any further one is answered with 404.
pub const MOST_GRANTS: i64 = 5;

/// If the browser does not return, the key is proven this long after it was received: WooCommerce waits 60 s for our
/// answer, and a store that missed it has deleted the key by then (docs/protocol/store-answers.md §1).
pub const UNRETURNED_AFTER: Duration = Duration::from_secs(75);

names! {
    Status {
        /// Waiting for the merchant's approval.
        Open = "open",
        /// A grant was received and stored, but its key has not been tried yet.
        Received = "received",
        /// The key is being tried at the store.
        Proving = "proving",
        /// The key works; the browser, an operator or the application must still confirm.
        AwaitingConfirmation = "awaiting_confirmation",
        /// Done: the store is connected.
        Connected = "connected",
        /// The merchant pressed Deny.
        Denied = "denied",
        /// It ended without connecting a store; the reason is recorded.
        Failed = "failed",
        /// Nobody approved in time.
        Expired = "expired",
    }
}

impl Status {
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Connected | Self::Denied | Self::Failed | Self::Expired)
    }
}

/// One try at connecting.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Attempt {
    /// Its public ID, which grants no access.
    pub id: AttemptId,
    /// The link it was begun from; `None` for the open page.
    pub link_id: Option<LinkId>,
    /// The merchant to whom the store will belong.
    pub user_id: UserId,
    /// The account's name in the application, shown on the pages.
    pub account_label: Option<String>,
    /// The store's canonical address, as the preflight found it.
    pub home: StoreUrl,
    pub scope: Scope,
    /// Who must confirm that the approval was intended.
    pub confirm: Confirm,
    /// Where to send the merchant afterwards.
    pub return_url: Option<String>,
    /// The only store that may be connected (a reconnect).
    pub wanted_store: Option<StoreId>,
    pub status: Status,
    /// Why it failed, or a problem so far.
    pub reason: Option<Verdict>,
    /// When it was begun.
    pub created_at: Time,
    /// When it can no longer be approved.
    pub expires_at: Time,
    /// When the first grant was received.
    pub received_at: Option<Time>,
    /// When the browser that began it returned.
    pub returned_at: Option<Time>,
    /// When a different browser returned.
    pub elsewhere_at: Option<Time>,
    pub confirmed_at: Option<Time>,
    /// When the newest one-time code for the application expires or expired; `None` if none was created.
    pub confirm_code_until: Option<Time>,
    pub store_id: Option<StoreId>,
    /// Whether the merchant copied the key from their store's settings instead of approving.
    pub by_hand: bool,
    /// The store's page for approving an application password, if the merchant approves one instead of a key.
    pub password_page: Option<String>,
    /// Whether the preflight ended it: `reason` is what stops the merchant, or the first warning they have not seen.
    pub stopped: bool,
    /// The preflight's warnings, which the merchant may ignore. Empty if it is stopped for good.
    pub warnings: Verdicts,
    /// The typed address, if `home` differs from it.
    pub typed: Option<StoreUrl>,
    /// The store's name for itself, at most 120 characters.
    pub store_name: Option<String>,
    /// The address of the store's icon.
    pub icon_url: Option<IconUrl>,
    /// The address that the store reported when its key was tried, if it differs from `home`.
    pub moved_to: Option<StoreUrl>,
}

impl Attempt {
    /// Whether a merchant could still approve at `now`.
    pub fn is_open_at(&self, now: Time) -> bool {
        self.status == Status::Open && now < self.expires_at
    }

    /// Whether the preflight ended it and continuing anyway would not help.
    pub const fn is_stopped_for_good(&self) -> bool {
        self.stopped && self.warnings.0.is_empty()
    }

    /// Whether a grant is accepted at `now`: the first until the attempt expires, further ones for [`DUPLICATES_FOR`]
    /// after it.
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

    /// Whether the approval is quarantined: a key was received, but a different browser returned than the one that
    /// began, or none did, so a person must confirm that the approval was intended.
    pub fn is_held(&self) -> bool {
        let waits = self.status == Status::AwaitingConfirmation
            || (self.elsewhere_at.is_some() && matches!(self.status, Status::Received | Status::Proving));
        waits && self.confirmed_at.is_none()
    }

    pub fn event(&self, kind: Kind, at: Time, actor: &Actor) -> Event {
        Event::new(kind, at, actor).user(&self.user_id).link(self.link_id.as_ref()).attempt(&self.id)
    }

    /// The status to show: an open attempt past its expiry is expired even before the sweep has recorded it.
    pub fn status_at(&self, now: Time) -> Status {
        if self.status == Status::Open && now >= self.expires_at { Status::Expired } else { self.status }
    }
}
