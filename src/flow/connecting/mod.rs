//! Connecting a store: from a link or the open page, through the store's approval, to a proven key.

pub mod admit;
pub mod application_password;
pub mod approvals;
pub mod brand;
pub mod by_hand;
pub mod connect;
pub mod disconnect;
pub mod links;
pub mod prove;
pub mod receive;
pub mod reconnect;
pub mod return_leg;

use crate::app::App;
use crate::domain::{AttemptId, Event, Status, Time, Verdict};
use crate::flow::Beneath;
use crate::storage::attempts::{self, Still};

/// Ends an attempt without a store, and counts it. Returns false if it had ended already.
pub(super) async fn end(
    app: &App,
    id: &AttemptId,
    still: Still,
    status: Status,
    reason: Verdict,
    now: Time,
    event: &Event,
) -> Result<bool, Beneath> {
    let ended = attempts::end(&app.db, id, still, status, reason, now, event).await?;
    if ended {
        app.metrics.attempt_ended(status, Some(reason));
    }
    Ok(ended)
}
