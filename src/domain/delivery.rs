//! Delivery: an event to be delivered to a webhook, and the outcome.

use super::{DeliveryId, EventId, Time, WebhookId};

names! {
    DeliveryState {
        /// Waiting for its next try.
        Waiting = "waiting",
        /// The webhook accepted it.
        Delivered = "delivered",
        /// Every try failed.
        Failed = "failed",
        /// The webhook was turned on again without the events it had missed, or no longer wants this event
        /// ([`NOT_WANTED`]).
        Skipped = "skipped",
    }
}

/// The code of a delivery skipped because the webhook no longer wants such events or may no longer see that merchant.
pub const NOT_WANTED: &str = "not_wanted";

/// The type of a test delivery; it is in no feed.
pub const TRIAL: &str = "webhook.test";

/// One line of a webhook's delivery log.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Delivery {
    pub id: DeliveryId,
    pub webhook_id: WebhookId,
    /// The event; `None` for a test.
    pub event: Option<EventId>,
    /// The type of event.
    pub kind: String,
    pub state: DeliveryState,
    pub made_at: Time,
    /// When it is tried next.
    pub due_at: Option<Time>,
    /// The number of tries so far.
    pub tries: i64,
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
