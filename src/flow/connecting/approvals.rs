//! Quarantined approvals: those that returned in another browser or never returned. An operator confirms one after asking the
//! merchant, or rejects it.

use crate::app::App;
use crate::domain::{Actor, Attempt, AttemptId, Confirm, Event, Kind, Verdict};
use crate::flow::{Beneath, connecting::prove};
use crate::storage::{approvals, attempts};

/// Quarantined approvals, oldest first; at most `most`.
pub async fn held(app: &App, most: i64) -> Result<Vec<Attempt>, Beneath> {
    Ok(approvals::held(&app.db, most).await?)
}

/// Approvals whose key could not be tested so far, because the last try failed; at most `most`.
pub async fn untested(app: &App, most: i64) -> Result<Vec<Attempt>, Beneath> {
    Ok(approvals::untested(&app.db, most).await?)
}

/// The result of an operator's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// The decision took effect.
    Done,
    /// Only the application can confirm this approval.
    OnlyTheApplication,
    /// The approval changed in the meantime: it ended, was confirmed, or returned in another browser.
    Changed,
}

/// Confirms an approval. `elsewhere` states whether the operator saw that another browser returned. The store is connected once its
/// key is proven, often at once. `None` if there is no such attempt.
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

/// Rejects an approval and wipes our copy of its keys; only the merchant can revoke them at the store. `None` if there is no such
/// attempt.
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
    attempt.event(kind, app.now(), actor)
}
