//! Delivery: an event to be delivered to a webhook, and the outcome.

use super::id::{DeliveryId, WebhookId};
use super::news::EventId;
use super::time::Time;

/// The state of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum DeliveryState {
    /// Waiting for its next try.
    Waiting,
    /// The webhook accepted it.
    Delivered,
    /// Every try failed.
    Failed,
    /// The webhook was turned on again without the events it had missed, or no longer wants this event
    /// ([`NOT_WANTED`]).
    Skipped,
}

impl DeliveryState {
    /// All states, in display order.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Delivered, Self::Failed, Self::Skipped];

    /// The name as stored and in URLs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// Parses the name in a URL.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// The code of a delivery skipped because the webhook no longer wants such events or may no longer see that merchant.
pub const NOT_WANTED: &str = "not_wanted";

/// The type of a test delivery; it is in no feed.
pub const TRIAL: &str = "webhook.test";

/// One line of a webhook's delivery log.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Delivery {
    /// Its ID.
    pub id: DeliveryId,
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The event; `None` for a test.
    pub event: Option<EventId>,
    /// The type of event.
    pub kind: String,
    /// The state.
    pub state: DeliveryState,
    /// When it was created.
    pub made_at: Time,
    /// When it is tried next.
    pub due_at: Option<Time>,
    /// The number of tries so far.
    pub tries: i64,
    /// When it was last tried.
    pub tried_at: Option<Time>,
    /// When it was delivered, failed or was skipped.
    pub ended_at: Option<Time>,
    /// The HTTP status of the last response.
    pub status: Option<i64>,
    /// Why there was no response the last time, as a stable code.
    pub fault: Option<String>,
    /// How long the last try took, in milliseconds.
    pub took_ms: Option<i64>,
}
