//! Delivery: an event on its way to a webhook, and what became of it.

use super::id::{DeliveryId, WebhookId};
use super::news::EventId;
use super::time::Time;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is tried when its time comes.
    Waiting,
    /// The webhook has taken it.
    Delivered,
    /// Every try failed.
    Failed,
    /// Somebody turned the webhook on again without what it had missed, or does not want it any more ([`NOT_WANTED`]).
    Skipped,
}

impl DeliveryState {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Delivered, Self::Failed, Self::Skipped];

    /// As it is stored, and stands in an address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// Reads what stands in an address.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// The code of a delivery that was skipped because the webhook is not told of such events, or of that merchant, any more.
pub const NOT_WANTED: &str = "not_wanted";

/// What a trial is called beside the types of events; it is in no feed.
pub const TRIAL: &str = "webhook.test";

/// One line of a webhook's log.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Delivery {
    /// Its name.
    pub id: DeliveryId,
    /// Whose log.
    pub webhook_id: WebhookId,
    /// What is delivered; nothing for a trial.
    pub event: Option<EventId>,
    /// What happened.
    pub kind: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// When it was made.
    pub made_at: Time,
    /// When it is tried next.
    pub due_at: Option<Time>,
    /// How many times it was tried.
    pub tries: i64,
    /// When it was tried last.
    pub tried_at: Option<Time>,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// The status that was answered last.
    pub status: Option<i64>,
    /// Why there was no answer the last time, as a stable code.
    pub fault: Option<String>,
    /// How long the last try took, in milliseconds.
    pub took_ms: Option<i64>,
}
