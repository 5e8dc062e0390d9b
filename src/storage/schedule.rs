//! The schedule: which stores are to be checked, and who checks them.
//!
//! `stores.check_at` is all there is: a claim moves it on by longer than a check can take, in one statement that only one
//! process wins; what a check told moves it to the next one. A process that dies leaves a claim that runs out.

use super::{Db, Error};
use crate::domain::{StoreId, StoreUrl, Time};

/// A store that is due, claimed by this process.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Due {
    pub id: StoreId,
    pub home: StoreUrl,
}

/// What another replica is just claiming or writing is left to it: neither waits for the other. SQLite has one writer.
const fn left_to_others(db: &Db) -> &'static str {
    if db.is_postgres() { " FOR UPDATE SKIP LOCKED" } else { "" }
}

/// Claims stores that are due at `now` until `until`, those that wait longest; at most `most`.
pub async fn claim(db: &Db, now: Time, until: Time, most: i64) -> Result<Vec<Due>, Error> {
    db.write([
        "UPDATE stores
         SET check_at = $1
         WHERE check_at <= $2 AND status <> 'disconnected'
           AND id IN (SELECT id FROM stores
                      WHERE check_at <= $2 AND status <> 'disconnected'
                      ORDER BY check_at, id
                      LIMIT $3",
        left_to_others(db),
        ")
         RETURNING id, home",
    ])
    .binds((until, now, most))
    .all()
    .await
}

/// Gives claimed stores back, each to be asked at its time; one whose claim at `until` is no longer ours stays as it is.
pub async fn put_back(db: &Db, until: Time, mut stores: Vec<(StoreId, Time)>) -> Result<(), Error> {
    // In the one order in which rows of several stores are locked.
    stores.sort_unstable();
    let stores = &stores;
    db.transaction(|mut tx| async move {
        for (id, at) in stores {
            tx.query("UPDATE stores SET check_at = $1 WHERE id = $2 AND check_at = $3")
                .binds((at, id, until))
                .execute()
                .await?;
        }
        tx.commit(()).await
    })
    .await
}

/// Keeps the schedule away from a store until `until`: it is being asked because somebody wants to know.
pub async fn hold(db: &Db, id: &StoreId, until: Time) -> Result<(), Error> {
    db.write("UPDATE stores SET check_at = $1 WHERE id = $2 AND check_at < $3")
        .binds((until, id, until))
        .execute()
        .await?;
    Ok(())
}

/// Has a store asked at `at` or before.
pub async fn hurry(db: &Db, id: &StoreId, at: Time) -> Result<(), Error> {
    db.write("UPDATE stores SET check_at = $1 WHERE id = $2 AND check_at > $3").binds((at, id, at)).execute().await?;
    Ok(())
}

/// Makes stores due at `now` that a wrong clock has put off: those that were checked after `soon`, and those that are to be
/// asked only after `latest`; but for those whose turn comes before `held` anyhow, or that are just being asked. At most
/// `most`; returns how many.
pub async fn bring_back(db: &Db, now: Time, soon: Time, held: Time, latest: Time, most: i64) -> Result<u64, Error> {
    // Two questions, each answered by an index of its own; as one with OR, this read the whole table.
    let any: bool = db
        .read(
            "SELECT EXISTS (SELECT 1 FROM stores WHERE checked_at > $1)
                 OR EXISTS (SELECT 1 FROM stores WHERE check_at > $2 AND status <> 'disconnected')",
        )
        .binds((soon, latest))
        .value()
        .await?;
    if !any {
        return Ok(0);
    }
    db.write([
        "UPDATE stores
         SET check_at = $1
         WHERE id IN (SELECT id FROM stores
                      WHERE (checked_at > $2 OR check_at > $3) AND check_at > $4 AND status <> 'disconnected'
                      ORDER BY id
                      LIMIT $5",
        left_to_others(db),
        ")",
    ])
    .binds((now, soon, latest, held, most))
    .execute()
    .await
}

/// When the next store is due, if there is one.
pub async fn next(db: &Db) -> Result<Option<Time>, Error> {
    db.read("SELECT check_at FROM stores WHERE status <> 'disconnected' ORDER BY check_at, id LIMIT 1")
        .optional_value()
        .await
}

/// When a store was last asked, if there is one.
pub async fn last(db: &Db) -> Result<Option<Time>, Error> {
    db.read("SELECT checked_at FROM stores ORDER BY checked_at DESC, id DESC LIMIT 1").optional_value().await
}
