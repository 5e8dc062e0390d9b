//! Checks: what one told about a store, and the spans of time in which the same was told.
//!
//! A row for each check would be ten million a day; a row for as long as the same verdict comes is one for most stores.

use std::time::Duration;

use super::lending::{self, Change};
use super::{Db, Error, Tx, events};
use crate::domain::{AuthMethod, Event, RestBase, Scope, Span, Store, StoreId, StoreStatus, StoreUrl, Time, Verdict};

/// How soon after it was connected a store is checked first.
pub const FIRST_CHECK_AFTER: Duration = Duration::from_mins(10);
/// Spans older than this are forgotten when a new one begins, in days.
pub const KEPT_DAYS: u64 = 90;
/// Spans kept of one store: one whose verdict changes with every check keeps about two days of them.
pub(super) const MOST_SPANS: i64 = 200;

/// Begins a span of a store that the transaction has locked. Two checks in one millisecond, or a
/// clock that goes back, must not give two spans one beginning.
pub(super) async fn new_span(tx: &mut Tx, store: &StoreId, verdict: Verdict, now: Time) -> Result<(), Error> {
    tx.query(
        "INSERT INTO check_spans (store_id, began_at, last_at, verdict, n)
         SELECT $1, CASE WHEN MAX(began_at) >= $2 THEN MAX(began_at) + 1 ELSE $2 END,
                CASE WHEN MAX(began_at) >= $2 THEN MAX(began_at) + 1 ELSE $2 END, $3, 1
         FROM check_spans
         WHERE store_id = $1",
    )
    .binds((store, now, verdict))
    .execute()
    .await?;
    tx.query(
        "DELETE FROM check_spans
         WHERE store_id = $1
           AND (last_at < $2
                OR began_at < (SELECT began_at FROM check_spans WHERE store_id = $1
                               ORDER BY began_at DESC LIMIT 1 OFFSET $3))",
    )
    .binds((store, now.minus(Duration::from_hours(KEPT_DAYS * 24)), MOST_SPANS - 1))
    .execute()
    .await?;
    Ok(())
}

/// Lengthens the newest span or begins one when another verdict came.
async fn go_on(tx: &mut Tx, store: &StoreId, verdict: Verdict, now: Time) -> Result<(), Error> {
    let same = tx
        .query(
            "UPDATE check_spans
             SET last_at = CASE WHEN last_at > $1 THEN last_at ELSE $1 END, n = n + 1
             WHERE store_id = $2 AND began_at = (SELECT MAX(began_at) FROM check_spans WHERE store_id = $2)
               AND verdict = $3",
        )
        .binds((now, store, verdict))
        .execute()
        .await?;
    if same == 0 {
        new_span(tx, store, verdict, now).await?;
    }
    Ok(())
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
    /// Where its REST API answers, if that was learned.
    pub rest_base: Option<RestBase>,
    /// Whether other output surrounds its JSON, if the key worked.
    pub json_has_noise: Option<bool>,
    /// Whether any of this changes what is lent: not so for most checks, and memory forgets all when it is.
    pub lending_changed: bool,
    pub now: Time,
    /// What happened by it, in order.
    pub events: Vec<Event>,
}

/// Keeps what a check of key version `version` told of a store that was judged as it `was`, and records what happened by it.
/// False when the store has another key by now, was disconnected, or was checked by somebody else meanwhile: then nothing is
/// kept.
pub async fn keep(db: &Db, was: &Store, version: i64, checked: &Checked) -> Result<bool, Error> {
    let id = &was.id;
    db.transaction(|mut tx| async move {
        let mine = tx
            .query(
                "UPDATE stores
                 SET status = $1, reason = $2, checked_at = $3, auth_method = COALESCE($4, auth_method),
                     woocommerce_version = COALESCE($5, woocommerce_version),
                     wordpress_version = COALESCE($6, wordpress_version), scope = COALESCE($7, scope), moved_to = $8,
                     failures = $9, check_at = $10, rest_base = COALESCE($11, rest_base),
                     json_has_noise = COALESCE($12, json_has_noise),
                     changed_at = CASE WHEN $13 THEN $14 ELSE changed_at END
                 WHERE id = $15 AND key_version = $16 AND status = $17 AND checked_at = $18 AND status <> 'disconnected'",
            )
            .binds((
                checked.status,
                checked.reason,
                checked.now,
                checked.auth_method,
                &checked.woocommerce_version,
                &checked.wordpress_version,
                checked.scope,
                &checked.moved_to,
                checked.failures,
                checked.check_at,
                &checked.rest_base,
                checked.json_has_noise,
                checked.status != was.status,
                checked.now,
                id,
                version,
                was.status,
                was.checked_at,
            ))
            .execute()
            .await?;
        if mine == 1 {
            go_on(&mut tx, id, checked.verdict, checked.now).await?;
            if checked.lending_changed {
                lending::changed(&mut tx, Change::Store(&was.user_id, id)).await?;
            }
            for event in &checked.events {
                events::record(&mut tx, event).await?;
            }
        }
        tx.commit(mine == 1).await
    })
    .await
}

/// The spans of a store that reach beyond `since`, the newest first.
pub async fn spans(db: &Db, id: &StoreId, since: Time) -> Result<Vec<Span>, Error> {
    db.read(
        "SELECT began_at, last_at, verdict, n
         FROM check_spans
         WHERE store_id = $1 AND last_at > $2
         ORDER BY began_at DESC",
    )
    .binds((id, since))
    .all()
    .await
}
