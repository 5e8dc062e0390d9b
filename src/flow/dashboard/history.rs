//! History: what an operator sees about one store and one attempt.

use std::time::Duration;

use crate::app::App;
use crate::domain::{AttemptId, Key, Position, Span, Store, StoreId};
use crate::flow::dashboard::activity::{Entry, Filter};
use crate::flow::{Beneath, dashboard::activity, watching::watch};
use crate::storage::{history, keys, stores};

pub use crate::storage::grants::State;
pub use crate::storage::history::{Approval, Came, Happened, Reader};

/// The number of days for which reads are counted.
pub const READ_DAYS: u64 = 30;
/// The most reads counted per store; a service that reads twice a minute makes 86,400 in thirty days.
pub const MOST_READS: i64 = 50_000;
/// Key versions, attempts and activity entries shown on a store's page.
const SHOWN: i64 = 20;
/// The most events shown on an attempt's page; a complete attempt has five.
const MOST_EVENTS: i64 = 50;

/// What an operator sees about one store.
#[derive(Debug)]
pub struct OfStore {
    pub store: Store,
    /// The versions of its key, newest first.
    pub versions: Vec<Key>,
    /// The attempts that connected it or were meant for it, newest first.
    pub approvals: Vec<Approval>,
    /// The results of checks, newest first.
    pub spans: Vec<Span>,
    /// Who read its key in the last [`READ_DAYS`] days, most recent reader first.
    pub readers: Vec<Reader>,
    /// Its activity, newest first.
    pub newest: Vec<Entry>,
}

/// A store and its history, with the checks of the last `days`; `None` if there is no such store.
pub async fn of_store(app: &App, id: &StoreId, days: u64) -> Result<Option<OfStore>, Beneath> {
    let Some(store) = stores::find(&app.db, id).await? else { return Ok(None) };
    let since = app.now().minus(Duration::from_hours(24 * READ_DAYS));
    let about = Filter { store_id: Some(id.clone()), ..Filter::default() };
    Ok(Some(OfStore {
        store,
        versions: keys::of_store(&app.db, id, SHOWN).await?,
        approvals: history::approvals(&app.db, id, SHOWN).await?,
        spans: watch::spans(app, id, days).await?,
        readers: history::readers(&app.db, id, since, MOST_READS).await?,
        newest: activity::list(app, &about, &Position::newest(), SHOWN).await?.rows,
    }))
}

/// What an operator sees about one attempt.
#[derive(Debug)]
pub struct OfAttempt {
    /// The attempt and its participants.
    pub approval: Approval,
    /// The keys received for it, oldest first.
    pub came: Vec<Came>,
    /// Its events, oldest first.
    pub happened: Vec<Happened>,
}

/// An attempt and its history; `None` if there is no such attempt.
pub async fn of_attempt(app: &App, id: &AttemptId) -> Result<Option<OfAttempt>, Beneath> {
    let Some(approval) = history::approval(&app.db, id).await? else { return Ok(None) };
    Ok(Some(OfAttempt {
        approval,
        came: history::came(&app.db, id).await?,
        happened: history::of_attempt(&app.db, id, MOST_EVENTS).await?,
    }))
}
