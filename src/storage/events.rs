//! The event record: read, followed, and written where nothing else is.

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::{Db, Error, Pool, on, record};
use crate::domain::event::{Event, Kind};
use crate::domain::id::{AttemptId, StoreId};
use crate::domain::news::{EventId, News};
use crate::domain::token::Users;
use crate::domain::user_id::UserId;

/// Says in this process that an event was just written. It holds nothing, not even which database that was: whoever is
/// woken looks for themselves.
static STIRRED: Notify = Notify::const_new();

/// Says that an event was written in a transaction that is about to be committed.
pub(crate) fn stir() {
    STIRRED.notify_waiters();
}

/// Ends when an event is written in this process; it can be read a moment later, when its transaction has ended.
pub fn stirred() -> Notified<'static> {
    STIRRED.notified()
}

/// One event as it is kept.
#[derive(Debug, sqlx::FromRow)]
pub struct Recorded {
    /// Its place in the order; 1 is the first there ever was.
    pub seq: i64,
    /// What happened.
    pub kind: Kind,
    /// The attempt it is about.
    pub attempt_id: Option<AttemptId>,
    /// The store it is about.
    pub store_id: Option<StoreId>,
    /// Why, as a verdict's code.
    pub reason: Option<String>,
}

/// The events after number `after`, in order; at most `most`.
pub async fn after(db: &Db, after: i64, most: i64) -> Result<Vec<Recorded>, Error> {
    on!(db.read(), |pool| {
        Ok(sqlx::query_as(
            "SELECT seq, kind, attempt_id, store_id, reason
             FROM events
             WHERE seq > $1
             ORDER BY seq
             LIMIT $2",
        )
        .bind(after)
        .bind(most)
        .fetch_all(pool)
        .await?)
    })
}

/// The newest event that can be read. All with smaller numbers can be read too: the counter's lock saw to that.
pub async fn newest(db: &Db) -> Result<EventId, Error> {
    on!(db.read(), |pool| {
        Ok(sqlx::query_scalar("SELECT n FROM counters WHERE name = 'event'").fetch_one(pool).await?)
    })
}

/// The columns of [`News`].
macro_rules! columns {
    () => {
        "seq, kind, at, user_id, store_id, link_id, attempt_id, token_id, operator_id, webhook_id, reason, actor"
    };
}

/// The events after `after` up to `last`, in order; at most `most`.
pub async fn news(db: &Db, after: EventId, last: EventId, most: i64) -> Result<Vec<News>, Error> {
    on!(db.read(), |pool| {
        Ok(sqlx::query_as(concat!(
            "SELECT ",
            columns!(),
            " FROM events
             WHERE seq > $1 AND seq <= $2
             ORDER BY seq
             LIMIT $3"
        ))
        .bind(after)
        .bind(last)
        .bind(most)
        .fetch_all(pool)
        .await?)
    })
}

/// The event with this id.
pub async fn find(db: &Db, id: EventId) -> Result<Option<News>, Error> {
    on!(db.read(), |pool| {
        Ok(sqlx::query_as(concat!("SELECT ", columns!(), " FROM events WHERE seq = $1"))
            .bind(id)
            .fetch_optional(pool)
            .await?)
    })
}

/// The events about merchants that `$1` names as JSON. The dialects differ in how they read that. Each merchant's events are
/// in an index, in order.
macro_rules! news_of {
    ($merchants:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM events
             WHERE user_id IN (",
            $merchants,
            ") AND seq > $2 AND seq <= $3
             ORDER BY seq
             LIMIT $4"
        )
    };
}

/// The events about `users` after `after` up to `last`, in order; at most `most`.
pub async fn news_of(db: &Db, users: &Users, after: EventId, last: EventId, most: i64) -> Result<Vec<News>, Error> {
    let names: Vec<&str> = users.iter().map(UserId::as_str).collect();
    let names = serde_json::to_string(&names).map_err(|error| Error::Broken(sqlx::Error::Encode(Box::new(error))))?;
    macro_rules! fetch {
        ($sql:expr, $pool:ident) => {
            sqlx::query_as($sql)
                .bind(names)
                .bind(after)
                .bind(last)
                .bind(most)
                .persistent(false)
                .fetch_all($pool)
                .await?
        };
    }
    Ok(match db.read() {
        Pool::Sqlite(pool) => fetch!(news_of!("SELECT value FROM json_each($1)"), pool),
        Pool::Postgres(pool) => fetch!(news_of!("SELECT value FROM json_array_elements_text($1::JSON)"), pool),
    })
}

/// Keeps an event that changes nothing else.
pub async fn insert(db: &Db, event: &Event) -> Result<(), Error> {
    on!(db.write(), |pool| {
        let mut tx = pool.begin().await?;
        record!(tx, event);
        tx.commit().await?;
    });
    Ok(())
}
