//! Approvals in quarantine: those that came back in another browser, or not at all, wait for a person. An operator
//! confirms one after asking the merchant, or throws it away.

use super::{Beneath, prove};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::attempt::Attempt;
use crate::domain::event::{Event, Kind};
use crate::domain::id::AttemptId;
use crate::domain::link::Confirm;
use crate::domain::verdict::Verdict;
use crate::storage::{approvals, attempts};

/// Approvals that wait for a person, the oldest first; at most `most`.
pub async fn held(app: &App, most: i64) -> Result<Vec<Attempt>, Beneath> {
    Ok(approvals::held(&app.db, most).await?)
}

/// What became of an operator's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// It holds.
    Done,
    /// Only the application can confirm this one.
    OnlyTheApplication,
    /// It changed since the operator looked: it ended, was confirmed, or came back in another browser.
    Changed,
}

/// An operator confirms, having seen whether another browser came back (`elsewhere`). The store is connected as soon as
/// its key is proven; often that is at once. `None` when there is no such attempt.
pub async fn confirm(app: &App, id: &AttemptId, elsewhere: bool, actor: &Actor) -> Result<Option<Decided>, Beneath> {
    let Some(held) = attempts::find(&app.db, id).await? else { return Ok(None) };
    if held.attempt.confirm == Confirm::App {
        return Ok(Some(Decided::OnlyTheApplication));
    }
    let event = about(app, &held.attempt, Kind::AttemptConfirmed, actor);
    if !approvals::confirm(&app.db, id, elsewhere, app.now(), &event).await? {
        return Ok(Some(Decided::Changed));
    }
    tracing::info!(attempt.id = %id, "an operator confirmed the approval on {}", held.attempt.home.shown());
    prove::finish(app, id).await?;
    app.proving.notify_one();
    Ok(Some(Decided::Done))
}

/// An operator throws it away: its keys are wiped here; only the merchant can revoke them at the store. `None` when there
/// is no such attempt.
pub async fn reject(app: &App, id: &AttemptId, actor: &Actor) -> Result<Option<Decided>, Beneath> {
    let Some(held) = attempts::find(&app.db, id).await? else { return Ok(None) };
    let event = about(app, &held.attempt, Kind::AttemptRejected, actor).because(Some(Verdict::Disowned));
    let done = approvals::reject(&app.db, id, app.now(), &event).await?;
    if done {
        tracing::info!(attempt.id = %id, "an operator rejected the approval on {}", held.attempt.home.shown());
    }
    Ok(Some(if done { Decided::Done } else { Decided::Changed }))
}

fn about(app: &App, attempt: &Attempt, kind: Kind, actor: &Actor) -> Event {
    Event::new(kind, app.now(), actor).user(&attempt.user_id).link(attempt.link_id.as_ref()).attempt(&attempt.id)
}
