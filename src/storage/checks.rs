//! Checks: what one told about a store, and the spans of time in which the same was told.
//!
//! A row for each check would be ten million a day; a row for as long as the same verdict comes is one for most stores.

use std::time::Duration;

use super::{Db, Error, lending_changed, on, record};
use crate::domain::check::Span;
use crate::domain::event::Event;
use crate::domain::id::StoreId;
use crate::domain::key::AuthMethod;
use crate::domain::scope::Scope;
use crate::domain::store::{Store, StoreStatus};
use crate::domain::store_url::StoreUrl;
use crate::domain::time::Time;
use crate::domain::verdict::Verdict;

/// How soon after it was connected a store is checked first.
pub const FIRST_CHECK_AFTER: Duration = Duration::from_mins(10);
/// Spans older than this are forgotten when a new one begins, in days.
pub const KEPT_DAYS: u64 = 90;
/// Spans kept of one store: one whose verdict changes with every check keeps about two days of them.
pub(super) const MOST_SPANS: i64 = 200;

/// Begins a span inside the open transaction `$tx`, whose store is locked by it. Two checks in one millisecond, or a
/// clock that goes back, must not give two spans one beginning.
macro_rules! new_span {
    ($tx:ident, $store:expr, $verdict:expr, $now:expr) => {{
        let (store, now): (&$crate::domain::id::StoreId, $crate::domain::time::Time) = ($store, $now);
        sqlx::query(
            "INSERT INTO check_spans (store_id, began_at, last_at, verdict, n)
             SELECT $1, CASE WHEN MAX(began_at) >= $2 THEN MAX(began_at) + 1 ELSE $3 END,
                    CASE WHEN MAX(began_at) >= $4 THEN MAX(began_at) + 1 ELSE $5 END, $6, 1
             FROM check_spans
             WHERE store_id = $7",
        )
        .bind(store)
        .bind(now)
        .bind(now)
        .bind(now)
        .bind(now)
        .bind($verdict)
        .bind(store)
        .execute(&mut *$tx)
        .await?;
        sqlx::query(
            "DELETE FROM check_spans
             WHERE store_id = $1
               AND (last_at < $2
                    OR began_at < (SELECT began_at FROM check_spans WHERE store_id = $3
                                   ORDER BY began_at DESC LIMIT 1 OFFSET $4))",
        )
        .bind(store)
        .bind(now.minus(std::time::Duration::from_hours($crate::storage::checks::KEPT_DAYS * 24)))
        .bind(store)
        .bind($crate::storage::checks::MOST_SPANS - 1)
        .execute(&mut *$tx)
        .await?;
    }};
}
pub(super) use new_span;

/// Lengthens the newest span inside the open transaction `$tx`, or begins one when another verdict came.
macro_rules! go_on {
    ($tx:ident, $store:expr, $verdict:expr, $now:expr) => {{
        let same = sqlx::query(
            "UPDATE check_spans
             SET last_at = CASE WHEN last_at > $1 THEN last_at ELSE $2 END, n = n + 1
             WHERE store_id = $3 AND began_at = (SELECT MAX(began_at) FROM check_spans WHERE store_id = $4)
               AND verdict = $5",
        )
        .bind($now)
        .bind($now)
        .bind($store)
        .bind($store)
        .bind($verdict)
        .execute(&mut *$tx)
        .await?
        .rows_affected();
        if same == 0 {
            new_span!($tx, $store, $verdict, $now);
        }
    }};
}

/// What a check told about a store.
#[derive(Debug)]
pub struct Checked {
    /// What the store told, in one word.
    pub verdict: Verdict,
    /// Whether its key can be lent now.
    pub status: StoreStatus,
    /// What is the matter, or a remark.
    pub reason: Option<Verdict>,
    /// The method that works, if one was learned.
    pub auth_method: Option<AuthMethod>,
    /// What the key may do, if that was looked at.
    pub scope: Option<Scope>,
    /// The address that the store says it has now, where that is another.
    pub moved_to: Option<StoreUrl>,
    /// How many checks in a row did not find the key working.
    pub failures: i64,
    /// When the store is asked next.
    pub check_at: Time,
    /// As the store said it, if it did.
    pub woocommerce_version: Option<String>,
    /// As the store said it, if it did.
    pub wordpress_version: Option<String>,
    /// Whether any of this changes what is lent: not so for most checks, and memory forgets all when it is.
    pub lending_changed: bool,
    /// Now.
    pub now: Time,
    /// What happened by it, in order.
    pub events: Vec<Event>,
}

/// Keeps what a check of key version `version` told of a store that was judged as it `was`, and records what happened by it.
/// False when the store has another key by now, was disconnected, or was checked by somebody else meanwhile: then nothing is
/// kept.
pub async fn keep(db: &Db, was: &Store, version: i64, checked: &Checked) -> Result<bool, Error> {
    let id = &was.id;
    on!(db.write(), |pool| {
        let mut tx = pool.begin().await?;
        let mine = sqlx::query(
            "UPDATE stores
             SET status = $1, reason = $2, checked_at = $3, auth_method = COALESCE($4, auth_method),
                 woocommerce_version = COALESCE($5, woocommerce_version),
                 wordpress_version = COALESCE($6, wordpress_version), scope = COALESCE($7, scope), moved_to = $8,
                 failures = $9, check_at = $10, changed_at = CASE WHEN $11 THEN $12 ELSE changed_at END
             WHERE id = $13 AND key_version = $14 AND status = $15 AND checked_at = $16 AND status <> 'disconnected'",
        )
        .bind(checked.status)
        .bind(checked.reason)
        .bind(checked.now)
        .bind(checked.auth_method)
        .bind(&checked.woocommerce_version)
        .bind(&checked.wordpress_version)
        .bind(checked.scope)
        .bind(&checked.moved_to)
        .bind(checked.failures)
        .bind(checked.check_at)
        .bind(checked.status != was.status)
        .bind(checked.now)
        .bind(id)
        .bind(version)
        .bind(was.status)
        .bind(was.checked_at)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if mine == 1 {
            go_on!(tx, id, checked.verdict, checked.now);
            if checked.lending_changed {
                lending_changed!(tx);
            }
            for event in &checked.events {
                record!(tx, event);
            }
            tx.commit().await?;
        }
        Ok(mine == 1)
    })
}

/// The spans of a store that reach beyond `since`, the newest first.
pub async fn spans(db: &Db, id: &StoreId, since: Time) -> Result<Vec<Span>, Error> {
    on!(db.read(), |pool| {
        Ok(sqlx::query_as(
            "SELECT began_at, last_at, verdict, n
             FROM check_spans
             WHERE store_id = $1 AND last_at > $2
             ORDER BY began_at DESC",
        )
        .bind(id)
        .bind(since)
        .fetch_all(pool)
        .await?)
    })
}
