//! The lending counter: whatever decides who may be lent what moves it on, and memory forgets what it knew.

use super::{Db, Error, Tx};

/// Moves the counter on, in the transaction that changes who may be lent what.
pub(super) async fn changed(tx: &mut Tx) -> Result<(), Error> {
    tx.query("UPDATE counters SET n = n + 1 WHERE name = 'lending'").execute().await?;
    Ok(())
}

/// What the counter says now.
pub async fn revision(db: &Db) -> Result<i64, Error> {
    db.read("SELECT n FROM counters WHERE name = 'lending'").value().await
}
