//! What the overview counts and lists.

use super::{Db, Error, stores};
use crate::domain::{Status, Store, StoreStatus, Time, Verdict};

/// A store that needs attention, and since when.
#[derive(Debug, sqlx::FromRow)]
pub struct Needy {
    #[sqlx(flatten)]
    pub store: Store,
    /// Since when it stands so.
    pub since: Time,
}

/// Stores of this status, those that came into it last first; at most `most`.
pub async fn of_status(db: &Db, status: StoreStatus, most: i64) -> Result<Vec<Needy>, Error> {
    db.read([
        "SELECT ",
        stores::COLUMNS,
        ", changed_at AS since
             FROM stores
             WHERE status = $1
             ORDER BY changed_at DESC, id DESC
             LIMIT $2",
    ])
    .binds((status, most))
    .all()
    .await
}

/// Fits connected stores with a remark. Few stores have a reason and most are connected, which SQLite does not know: the
/// status is compared so that its index is not taken.
const REMARKED: &str = "reason >= '' AND reason <= 'z' AND status || '' = 'connected'";

/// Connected stores with a remark, at most `most`. A remark comes with a check, so the check that first told it says since
/// when.
pub async fn with_remark(db: &Db, most: i64) -> Result<Vec<Needy>, Error> {
    db.read([
        "SELECT ",
        stores::COLUMNS,
        ", COALESCE((SELECT MAX(began_at) FROM check_spans WHERE store_id = stores.id), changed_at) AS since
             FROM stores
             WHERE id IN (SELECT id FROM stores AS those WHERE ",
        REMARKED,
        " ORDER BY changed_at DESC, id DESC LIMIT $1)
             ORDER BY changed_at DESC, id DESC",
    ])
    .bind(most)
    .all()
    .await
}

/// How many connected stores have a remark.
pub async fn remarks(db: &Db) -> Result<i64, Error> {
    db.read(["SELECT COUNT(*) FROM stores WHERE ", REMARKED]).value().await
}

/// Attempts that stand alike.
#[derive(Debug, sqlx::FromRow)]
pub struct Attempted {
    /// Where they stand.
    pub status: Status,
    pub reason: Option<Verdict>,
    /// How many.
    pub n: i64,
    /// For how many of them a key came.
    pub received: i64,
}

/// The attempts that were begun from `since` to `until`, counted by how they stand. Two bounds, so that SQLite begins with
/// them and not with the groups.
pub async fn attempts(db: &Db, since: Time, until: Time) -> Result<Vec<Attempted>, Error> {
    db.read(
        "SELECT status, reason, COUNT(*) AS n, COUNT(received_at) AS received
         FROM attempts
         WHERE created_at >= $1 AND created_at <= $2
         GROUP BY status, reason
         ORDER BY n DESC, status, reason",
    )
    .binds((since, until))
    .planned_each_time()
    .all()
    .await
}

/// The same of attempts that were deleted, from the day of `since` on.
pub async fn deleted_attempts(db: &Db, since: Time) -> Result<Vec<Attempted>, Error> {
    db.read(
        "SELECT status, NULLIF(reason, '') AS reason, CAST(SUM(n) AS BIGINT) AS n, CAST(0 AS BIGINT) AS received
         FROM attempt_days
         WHERE day >= $1
         GROUP BY status, reason
         ORDER BY n DESC, status, reason",
    )
    .bind(since.day())
    .all()
    .await
}

/// Whether there is a token that works at `now`, whether a link was ever made, and whether a key was ever read.
pub async fn steps(db: &Db, now: Time) -> Result<(bool, bool, bool), Error> {
    db.read(
        "SELECT EXISTS (SELECT 1 FROM tokens WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)),
         EXISTS (SELECT 1 FROM links),
         EXISTS (SELECT 1 FROM read_journal) OR EXISTS (SELECT 1 FROM read_days)",
    )
    .bind(now)
    .one()
    .await
}
