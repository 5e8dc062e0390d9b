//! The event record: read, followed, and written where nothing else is.

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::statement::Statement;
use super::{Db, Error, Tx};
use crate::domain::{AttemptId, Event, EventId, Kind, News, StoreId, TokenId, Users};

/// Says in this process that an event was just written. It holds nothing, not even which database that was: whoever is
/// woken looks for themselves.
static STIRRED: Notify = Notify::const_new();

/// Says that an event was written in a transaction that is about to be committed.
pub(crate) fn notify() {
    STIRRED.notify_waiters();
}

/// Ends when an event is written in this process; it can be read a moment later, when its transaction has ended.
pub fn changed() -> Notified<'static> {
    STIRRED.notified()
}

#[derive(Debug, sqlx::FromRow)]
pub struct Recorded {
    /// Its place in the order; 1 is the first there ever was.
    pub seq: i64,
    /// What happened.
    pub kind: Kind,
    pub attempt_id: Option<AttemptId>,
    pub store_id: Option<StoreId>,
    /// Why, as a verdict's code.
    pub reason: Option<String>,
}

/// The events after number `after`, in order; at most `most`.
pub async fn after(db: &Db, after: i64, most: i64) -> Result<Vec<Recorded>, Error> {
    db.read(
        "SELECT seq, kind, attempt_id, store_id, reason
         FROM events
         WHERE seq > $1
         ORDER BY seq
         LIMIT $2",
    )
    .binds((after, most))
    .all()
    .await
}

/// The newest event that can be read. All with smaller numbers can be read too: the counter's lock saw to that.
pub async fn newest(db: &Db) -> Result<EventId, Error> {
    db.read("SELECT n FROM counters WHERE name = 'event'").value().await
}

/// The columns of [`News`].
const COLUMNS: &str =
    "seq, kind, at, user_id, store_id, link_id, attempt_id, token_id, operator_id, webhook_id, reason, actor";

/// The events after `after` up to `last`, in order; at most `most`.
pub async fn news(db: &Db, after: EventId, last: EventId, most: i64) -> Result<Vec<News>, Error> {
    db.read([
        "SELECT ",
        COLUMNS,
        " FROM events
             WHERE seq > $1 AND seq <= $2
             ORDER BY seq
             LIMIT $3",
    ])
    .binds((after, last, most))
    .all()
    .await
}

pub async fn find(db: &Db, id: EventId) -> Result<Option<News>, Error> {
    db.read(["SELECT ", COLUMNS, " FROM events WHERE seq = $1"]).bind(id).optional().await
}

/// The events about `users` after `after` up to `last`, in order; at most `most`.
pub async fn news_of(db: &Db, users: &Users, after: EventId, last: EventId, most: i64) -> Result<Vec<News>, Error> {
    db.read(["SELECT ", COLUMNS, " FROM events WHERE seq > $1 AND seq <= $2 AND user_id IN "])
        .binds((after, last))
        .push_bind_all(users.iter())
        .push(" ORDER BY seq LIMIT ")
        .push_bind(most)
        .planned_each_time()
        .all()
        .await
}

/// Keeps an event that changes nothing else.
pub async fn insert(db: &Db, event: &Event) -> Result<(), Error> {
    db.transaction(|mut tx| async move {
        record(&mut tx, event).await?;
        tx.commit(()).await
    })
    .await
}

/// Runs a statement and, if it changed a row, records `event`, in one transaction. Returns whether it did.
pub(super) async fn with(db: &Db, event: &Event, change: impl Fn(&mut Tx) -> Statement<'_>) -> Result<bool, Error> {
    with_record(db, event, change, record).await
}

/// The same, with another way to record it.
pub(super) async fn with_record(
    db: &Db,
    event: &Event,
    change: impl Fn(&mut Tx) -> Statement<'_>,
    record: impl AsyncFn(&mut Tx, &Event) -> Result<(), Error>,
) -> Result<bool, Error> {
    let (change, record) = (&change, &record);
    db.transaction(|mut tx| async move {
        let changed = change(&mut tx).execute().await? > 0;
        if changed {
            record(&mut tx, event).await?;
        }
        tx.commit(changed).await
    })
    .await
}

/// Writes an event in a transaction, and wakes those in this process who wait for news. The counter's row lock holds until
/// the transaction ends, so events are numbered in the order in which they become visible, without gaps.
/// The price is that transactions with events wait for each other.
///
/// Errors: [`Error::TokenStopped`] when a token that was revoked or has expired by now [asked for it](Kind::is_asked_for). A
/// revocation takes the same lock, so it is either seen here or comes after all that the token has done.
pub async fn record(tx: &mut Tx, event: &Event) -> Result<(), Error> {
    debug_assert!(event.is_as_described(), "not as the API describes it: {event:?}");
    let seq: i64 = tx.query("UPDATE counters SET n = n + 1 WHERE name = 'event' RETURNING n").value().await?;
    // A token that revokes itself has just stopped working.
    let revokes_itself = |token: &TokenId| event.kind == Kind::TokenRevoked && event.token_id.as_ref() == Some(token);
    if let Some(token) = event.actor.token().filter(|token| event.kind.is_asked_for() && !revokes_itself(token)) {
        let works: bool = tx
            .query(
                "SELECT COUNT(*) > 0 FROM tokens
                 WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
            )
            .binds((&token, event.at))
            .value()
            .await?;
        if !works {
            return Err(Error::TokenStopped);
        }
    }
    tx.query(
        "INSERT INTO events (seq, kind, at, actor, user_id, store_id, link_id, attempt_id, token_id, operator_id,
                             webhook_id, reason, came_from, request_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .binds((
        seq,
        event.kind,
        event.at,
        event.actor.name(),
        &event.user_id,
        &event.store_id,
        &event.link_id,
        &event.attempt_id,
        &event.token_id,
        &event.operator_id,
        &event.webhook_id,
        event.reason,
        event.actor.from().map(|from| from.to_string()),
        event.actor.request(),
    ))
    .execute()
    .await?;
    notify();
    Ok(())
}
