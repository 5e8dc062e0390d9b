//! The event record: read, and written where nothing else is.

use super::{Db, Error, on, record};
use crate::domain::event::{Event, Kind};
use crate::domain::id::{AttemptId, StoreId};

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

/// Keeps an event that changes nothing else.
pub async fn insert(db: &Db, event: &Event) -> Result<(), Error> {
    on!(db.write(), |pool| {
        let mut tx = pool.begin().await?;
        record!(tx, event);
        tx.commit().await?;
    });
    Ok(())
}
