//! The lending counter: every change of who may be lent what moves it on, and processes remove from memory what has changed.

use super::{Db, Error, Tx};
use crate::domain::{StoreId, UserId};

/// How many changes are stored. A process that missed more clears its memory.
const STORED: i64 = 10_000;

/// What changed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change<'a> {
    /// A merchant's store or its key.
    Store(&'a UserId, &'a StoreId),
    /// A token.
    Token,
}

/// Moves the counter on, in the transaction that changes who may be lent what.
pub(super) async fn changed(tx: &mut Tx, what: Change<'_>) -> Result<(), Error> {
    tx.query("UPDATE counters SET n = n + 1 WHERE name = 'lending'").execute().await?;
    let (user, store) = match what {
        Change::Store(user, store) => (Some(user), Some(store)),
        Change::Token => (None, None),
    };
    tx.query(
        "INSERT INTO lending_changes (n, user_id, store_id)
         SELECT n, $1, $2
         FROM counters
         WHERE name = 'lending'",
    )
    .binds((user, store))
    .execute()
    .await?;
    tx.query("DELETE FROM lending_changes WHERE n <= (SELECT n FROM counters WHERE name = 'lending') - $1")
        .bind(STORED)
        .execute()
        .await?;
    Ok(())
}

/// The current value of the counter.
pub async fn revision(db: &Db) -> Result<i64, Error> {
    db.read("SELECT n FROM counters WHERE name = 'lending'").value().await
}

/// What has changed since the counter had a certain value.
#[derive(Debug)]
pub struct Changes {
    /// The current value of the counter.
    pub revision: i64,
    /// The stores that changed, each with its merchant, and `None` for a token; `None` if not every change is known.
    pub known: Option<Vec<Option<(UserId, StoreId)>>>,
}

/// The changes since the counter was `since`. They are not all known after more than 10,000 changes, a restored backup, or a change
/// made by an earlier version of the program.
pub async fn changes(db: &Db, since: i64) -> Result<Changes, Error> {
    let revision = revision(db).await?;
    // After an outage every request may ask this, knowing nothing: then the rows are not read.
    if since < 0 || !(0..=STORED).contains(&(revision - since)) {
        return Ok(Changes { revision, known: None });
    }
    let changed: Vec<(Option<UserId>, Option<StoreId>)> = db
        .read("SELECT user_id, store_id FROM lending_changes WHERE n > $1 AND n <= $2")
        .binds((since, revision))
        .all()
        .await?;
    let is_whole = i64::try_from(changed.len()) == Ok(revision - since);
    Ok(Changes {
        revision,
        known: is_whole.then(|| changed.into_iter().map(|(user, store)| user.zip(store)).collect()),
    })
}
