//! History: all that an operator is shown of one store, and of one attempt.

use std::time::Duration;

use super::activity::{Entry, Filter};
use super::{Beneath, activity, watch};
use crate::app::App;
use crate::domain::activity::Position;
use crate::domain::check::Span;
use crate::domain::id::{AttemptId, RequestId, StoreId};
use crate::domain::key::Key;
use crate::domain::store::Store;
use crate::storage::{history, keys, stores};

pub use crate::storage::grants::State;
pub use crate::storage::history::{Approval, Came, Happened, Reader};

/// Reads are counted for so many days.
pub const READ_DAYS: u64 = 30;
/// The most reads of one store that are counted; a service that asks twice a minute makes 86,400 in thirty days.
pub const MOST_READS: i64 = 50_000;
/// Key versions, attempts and entries of its activity that a store's page shows.
const SHOWN: i64 = 20;
/// The events of one attempt that its page shows; a whole one has five.
const MOST_EVENTS: i64 = 50;

/// All that an operator is shown of one store.
#[derive(Debug)]
pub struct OfStore {
    /// The store.
    pub store: Store,
    /// The versions of its key, the newest first.
    pub versions: Vec<Key>,
    /// The attempts that led to it or were meant for it, the newest first.
    pub approvals: Vec<Approval>,
    /// What checks told, the newest first.
    pub spans: Vec<Span>,
    /// Who read its key in the last [`READ_DAYS`], who read last first.
    pub readers: Vec<Reader>,
    /// What was recorded of it, the newest first.
    pub newest: Vec<Entry>,
}

/// A store and its history, with the checks of the last `days`; `None` when there is no such store.
pub async fn of_store(app: &App, id: &StoreId, days: u64) -> Result<Option<OfStore>, Beneath> {
    let Some(store) = stores::find(&app.db, id).await? else { return Ok(None) };
    let since = RequestId::least(app.now().minus(Duration::from_hours(24 * READ_DAYS)));
    let about = Filter { store_id: Some(id.clone()), ..Filter::default() };
    Ok(Some(OfStore {
        store,
        versions: keys::of_store(&app.db, id, SHOWN).await?,
        approvals: history::approvals(&app.db, id, SHOWN).await?,
        spans: watch::spans(app, id, days).await?,
        readers: history::readers(&app.db, id, &since, MOST_READS).await?,
        newest: activity::list(app, &about, &Position::newest(), SHOWN).await?.rows,
    }))
}

/// All that an operator is shown of one attempt.
#[derive(Debug)]
pub struct OfAttempt {
    /// The attempt, and who stood behind it.
    pub approval: Approval,
    /// The keys that came for it, the oldest first.
    pub came: Vec<Came>,
    /// What happened, in order.
    pub happened: Vec<Happened>,
}

/// An attempt and its history; `None` when there is no such attempt.
pub async fn of_attempt(app: &App, id: &AttemptId) -> Result<Option<OfAttempt>, Beneath> {
    let Some(approval) = history::approval(&app.db, id).await? else { return Ok(None) };
    Ok(Some(OfAttempt {
        approval,
        came: history::came(&app.db, id).await?,
        happened: history::of_attempt(&app.db, id, MOST_EVENTS).await?,
    }))
}
