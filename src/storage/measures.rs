//! What metrics read from the database. Each statement is answered by an index, or counts no further than 100,000 rows.

use super::{Db, Error, diagnostics, events, schedule, store_list};
use crate::domain::{Status, StoreStatus, Time, Verdict};

/// Queues are counted up to this length.
const MOST: i64 = 100_000;

/// What waits, and since when the first of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Queue {
    pub waiting: i64,
    pub oldest: Option<Time>,
}

/// The state of the installation, the same for each of its processes.
#[derive(Debug)]
pub struct Measures {
    pub stores: Vec<(StoreStatus, Option<Verdict>, i64)>,
    /// Attempts that have not ended.
    pub attempts: Vec<(Status, i64)>,
    /// Keys whose next try is due.
    pub grants: Queue,
    /// Stores whose check is due.
    pub checks: Queue,
    /// When a store was last checked.
    pub checked: Option<Time>,
    /// Deliveries that have not ended, of webhooks that are on; since when the first of them waits.
    pub deliveries: Queue,
    /// Webhooks that are on and work, that fail, and that are off.
    pub webhooks: Vec<(String, i64)>,
    /// Commits of key reads that have not moved to segments.
    pub journal: i64,
    /// The number of the newest event.
    pub events: u64,
    /// The size of our tables with their indexes, in bytes.
    pub size: u64,
    pub file: Option<std::path::PathBuf>,
}

pub async fn read(db: &Db, now: Time) -> Result<Measures, Error> {
    Ok(Measures {
        stores: stores(db).await?,
        attempts: db
            .read(
                "SELECT status, COUNT(*)
                 FROM attempts
                 WHERE status IN ('open', 'received', 'proving', 'awaiting_confirmation')
                 GROUP BY status",
            )
            .all()
            .await?,
        grants: db
            .read("SELECT COUNT(*) AS waiting, MIN(next_try_at) AS oldest FROM grants WHERE next_try_at <= $1")
            .bind(now)
            .one()
            .await?,
        checks: db
            .read(
                "SELECT COUNT(*) AS waiting, MIN(check_at) AS oldest
                 FROM stores
                 WHERE check_at <= $1 AND status <> 'disconnected'",
            )
            .bind(now)
            .one()
            .await?,
        checked: schedule::last(db).await?,
        deliveries: deliveries(db).await?,
        webhooks: db
            .read(
                "SELECT CASE WHEN disabled_at IS NOT NULL THEN 'off' WHEN failing_since IS NOT NULL THEN 'failing' ELSE 'on' END,
                        COUNT(*)
                 FROM webhooks
                 WHERE deleted_at IS NULL
                 GROUP BY 1",
            )
            .all()
            .await?,
        journal: db
            .read("SELECT COUNT(*) FROM (SELECT 1 FROM read_journal LIMIT $1) AS counted")
            .bind(MOST)
            .value()
            .await?,
        events: u64::try_from(events::newest(db).await?.number()).unwrap_or(0),
        size: size(db).await?,
        file: diagnostics::file(db).await?,
    })
}

/// Stores by status and reason. Few have a reason, so they are counted apart.
async fn stores(db: &Db) -> Result<Vec<(StoreStatus, Option<Verdict>, i64)>, Error> {
    let mut stores: Vec<(StoreStatus, Option<Verdict>, i64)> = db
        .read("SELECT status, reason, COUNT(*) FROM stores WHERE reason IS NOT NULL GROUP BY reason, status")
        .all()
        .await?;
    let by_status = store_list::by_status(db).await?;
    for status in StoreStatus::ALL {
        let all = by_status.iter().find(|(of, _)| *of == status).map_or(0, |(_, n)| *n);
        let with_reason: i64 = stores.iter().filter(|(of, ..)| *of == status).map(|(_, _, n)| n).sum();
        stores.push((status, None, (all - with_reason).max(0)));
    }
    Ok(stores)
}

async fn deliveries(db: &Db) -> Result<Queue, Error> {
    let on = "SELECT id FROM webhooks WHERE deleted_at IS NULL AND disabled_at IS NULL";
    let waiting = db
        .read([
            "SELECT COUNT(*) FROM (SELECT 1 FROM deliveries WHERE due_at IS NOT NULL AND webhook_id IN (",
            on,
            ") LIMIT $1) AS counted",
        ])
        .bind(MOST)
        .value()
        .await?;
    // The first of each webhook, by an index of its own.
    let oldest = db
        .read([
            "SELECT MIN(made_at)
             FROM deliveries
             WHERE id IN (SELECT (SELECT MIN(first.id)
                                  FROM deliveries AS first
                                  WHERE first.webhook_id = those.id AND first.state = 'waiting')
                          FROM (",
            on,
            ") AS those)",
        ])
        .value()
        .await?;
    Ok(Queue { waiting, oldest })
}

async fn size(db: &Db) -> Result<u64, Error> {
    let size = if db.is_postgres() {
        // Our own tables: the database may hold those of others, whose number nobody knows.
        "SELECT CAST(COALESCE(SUM(pg_total_relation_size(pg_class.oid)), 0) AS BIGINT)
         FROM pg_class
         JOIN pg_namespace ON pg_namespace.oid = relnamespace
         WHERE nspname = current_schema() AND relkind = 'r'"
    } else {
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
    };
    Ok(u64::try_from(db.read(size).value::<i64>().await?).unwrap_or(0))
}
