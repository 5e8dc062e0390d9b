//! The schedule: which stores are to be checked, and who checks them.
//!
//! `stores.check_at` is all there is: a claim moves it on by longer than a check can take, in one statement that only one
//! process wins; what a check told moves it to the next one. A process that dies leaves a claim that runs out.

use super::{Db, Error, Pool, on};
use crate::domain::id::StoreId;
use crate::domain::store_url::StoreUrl;
use crate::domain::time::Time;

/// A store that is due, claimed by this process.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Due {
    /// The store.
    pub id: StoreId,
    /// Where it is.
    pub home: StoreUrl,
}

/// Claims stores that are due; `$tail` is what one database adds.
macro_rules! claim {
    ($tail:literal) => {
        concat!(
            "UPDATE stores
             SET check_at = $1
             WHERE check_at <= $2 AND status <> 'disconnected'
               AND id IN (SELECT id FROM stores
                          WHERE check_at <= $3 AND status <> 'disconnected'
                          ORDER BY check_at, id
                          LIMIT $4",
            $tail,
            ")
             RETURNING id, home"
        )
    };
}

/// Claims stores that are due at `now` until `until`, those that wait longest; at most `most`.
pub async fn claim(db: &Db, now: Time, until: Time, most: i64) -> Result<Vec<Due>, Error> {
    match db.write() {
        Pool::Sqlite(pool) => {
            Ok(sqlx::query_as(claim!("")).bind(until).bind(now).bind(now).bind(most).fetch_all(pool).await?)
        }
        // What another replica is just claiming is left to it: neither waits for the other.
        Pool::Postgres(pool) => Ok(sqlx::query_as(claim!(" FOR UPDATE SKIP LOCKED"))
            .bind(until)
            .bind(now)
            .bind(now)
            .bind(most)
            .fetch_all(pool)
            .await?),
    }
}

/// Gives claimed stores back, each to be asked at its time; one whose claim at `until` is no longer ours stays as it is.
pub async fn put_back(db: &Db, until: Time, mut stores: Vec<(StoreId, Time)>) -> Result<(), Error> {
    // In the one order in which rows of several stores are locked.
    stores.sort_unstable();
    on!(db.write(), |pool| {
        let mut tx = pool.begin().await?;
        for (id, at) in &stores {
            sqlx::query("UPDATE stores SET check_at = $1 WHERE id = $2 AND check_at = $3")
                .bind(at)
                .bind(id)
                .bind(until)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
    });
    Ok(())
}

/// Keeps the schedule away from a store until `until`: it is being asked because somebody wants to know.
pub async fn hold(db: &Db, id: &StoreId, until: Time) -> Result<(), Error> {
    on!(db.write(), |pool| {
        sqlx::query("UPDATE stores SET check_at = $1 WHERE id = $2 AND check_at < $3")
            .bind(until)
            .bind(id)
            .bind(until)
            .execute(pool)
            .await?;
    });
    Ok(())
}

/// Has a store asked at `at` or before.
pub async fn hurry(db: &Db, id: &StoreId, at: Time) -> Result<(), Error> {
    on!(db.write(), |pool| {
        sqlx::query("UPDATE stores SET check_at = $1 WHERE id = $2 AND check_at > $3")
            .bind(at)
            .bind(id)
            .bind(at)
            .execute(pool)
            .await?;
    });
    Ok(())
}

/// Makes stores due at `now` that a wrong clock has put off: those that were checked after `soon`, and those that are to be
/// asked only after `latest`; but for those whose turn comes before `held` anyhow, or that are just being asked. At most
/// `most`; gives back how many.
pub async fn bring_back(db: &Db, now: Time, soon: Time, held: Time, latest: Time, most: i64) -> Result<u64, Error> {
    let any: bool = on!(db.read(), |pool| {
        // Two questions, each answered by an index of its own; as one with OR, this read the whole table.
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM stores WHERE checked_at > $1)
                 OR EXISTS (SELECT 1 FROM stores WHERE check_at > $2 AND status <> 'disconnected')",
        )
        .bind(soon)
        .bind(latest)
        .fetch_one(pool)
        .await?
    });
    if !any {
        return Ok(0);
    }
    macro_rules! bring_back {
        ($tail:literal, $pool:expr) => {
            Ok(sqlx::query(concat!(
                "UPDATE stores
                 SET check_at = $1
                 WHERE id IN (SELECT id FROM stores
                              WHERE (checked_at > $2 OR check_at > $3) AND check_at > $4 AND status <> 'disconnected'
                              ORDER BY id
                              LIMIT $5",
                $tail,
                ")"
            ))
            .bind(now)
            .bind(soon)
            .bind(latest)
            .bind(held)
            .bind(most)
            .execute($pool)
            .await?
            .rows_affected())
        };
    }
    match db.write() {
        Pool::Sqlite(pool) => bring_back!("", pool),
        // Whoever is just writing one of them gives it a time that is right.
        Pool::Postgres(pool) => bring_back!(" FOR UPDATE SKIP LOCKED", pool),
    }
}

/// When the next store is due, if there is one.
pub async fn next(db: &Db) -> Result<Option<Time>, Error> {
    on!(db.read(), |pool| {
        Ok(sqlx::query_scalar(
            "SELECT check_at FROM stores WHERE status <> 'disconnected' ORDER BY check_at, id LIMIT 1",
        )
        .fetch_optional(pool)
        .await?)
    })
}

/// When a store was last asked, if there is one.
pub async fn last(db: &Db) -> Result<Option<Time>, Error> {
    on!(db.read(), |pool| {
        Ok(sqlx::query_scalar("SELECT checked_at FROM stores ORDER BY checked_at DESC, id DESC LIMIT 1")
            .fetch_optional(pool)
            .await?)
    })
}
