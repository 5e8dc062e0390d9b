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
use crate::domain::{Actor, Attempt};
use crate::flow::Beneath;
use crate::storage::attempts::{self, Ending};

/// Ends an attempt without a store, and counts it. Returns false if it had ended already.
pub(super) async fn end(app: &App, attempt: &Attempt, ending: Ending, actor: &Actor) -> Result<bool, Beneath> {
    let ended = attempts::end(&app.db, &attempt.id, ending, &ending.event(attempt, app.now(), actor)).await?;
    if ended {
        app.metrics.attempt_ended(ending.status, Some(ending.reason));
    }
    Ok(ended)
}
