//! Connecting a store: from a link or the open page, through the store's approval, to a proven key.

pub mod admit;
pub mod application_password;
pub mod approvals;
pub mod brand;
pub mod by_hand;
pub mod connect;
pub mod disconnect;
pub mod icon;
pub mod links;
pub mod prove;
pub mod receive;
pub mod reconnect;
pub mod return_leg;

use crate::app::App;
use crate::domain::{Actor, Attempt, Event, Kind, Status, Time};
use crate::flow::Beneath;
use crate::storage::attempts::{self, Ending};

/// Ends an attempt without a store, and counts it. Returns false if it had ended already.
pub(super) async fn end(app: &App, attempt: &Attempt, ending: Ending, actor: &Actor) -> Result<bool, Beneath> {
    let event = ended(attempt, ending, app.now(), actor);
    let ended = attempts::end(&app.db, &attempt.id, ending, &event).await?;
    if ended {
        app.metrics.attempt_ended(ending.status, Some(ending.reason));
    }
    Ok(ended)
}

/// The event about the end of an attempt.
fn ended(attempt: &Attempt, ending: Ending, now: Time, actor: &Actor) -> Event {
    let kind = match ending.status {
        Status::Denied => Kind::AttemptDenied,
        Status::Expired => Kind::AttemptExpired,
        _ => Kind::AttemptFailed,
    };
    attempt.event(kind, now, actor).because(Some(ending.reason))
}
