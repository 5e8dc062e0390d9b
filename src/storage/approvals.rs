//! Approvals that wait for a person, and what an operator makes of them.

use super::{Db, Error, attempts, events, grants};
use crate::domain::{Attempt, AttemptId, Event, Time};

/// Approvals in quarantine, the oldest first; at most `most`. What [`Attempt::is_held`] says of one, said of all.
pub async fn held(db: &Db, most: i64) -> Result<Vec<Attempt>, Error> {
    db.read([
        "SELECT ",
        attempts::COLUMNS,
        " FROM attempts
             WHERE status IN ('received', 'proving', 'awaiting_confirmation')
               AND confirmed_at IS NULL
               AND (status = 'awaiting_confirmation' OR elsewhere_at IS NOT NULL)
             ORDER BY id
             LIMIT $1",
    ])
    .bind(most)
    .all()
    .await
}

/// Approvals whose key could not be tested so far, with the problem of the last try; those of links first, then the oldest; at most
/// `most`.
pub async fn untested(db: &Db, most: i64) -> Result<Vec<Attempt>, Error> {
    db.read([
        "SELECT ",
        attempts::COLUMNS,
        " FROM attempts
             WHERE status = 'proving' AND elsewhere_at IS NULL
               AND reason NOT IN ('works', 'scope_narrower', 'scope_wider', 'noisy_answer', 'slow')
             ORDER BY CASE WHEN link_id IS NULL THEN 1 ELSE 0 END, id
             LIMIT $1",
    ])
    .bind(most)
    .all()
    .await
}

/// An operator confirms an approval in quarantine that a browser may confirm. False when it is not so any more, or when
/// another browser came back since the operator looked (`elsewhere` says what they saw).
pub async fn confirm(db: &Db, id: &AttemptId, elsewhere: bool, now: Time, event: &Event) -> Result<bool, Error> {
    events::with(db, event, |tx| {
        tx.query(
            "UPDATE attempts
                 SET confirmed_at = $1
                 WHERE id = $2 AND confirm = 'browser' AND confirmed_at IS NULL
                   AND status IN ('received', 'proving', 'awaiting_confirmation')
                   AND ((elsewhere_at IS NULL AND NOT $3 AND status = 'awaiting_confirmation')
                        OR (elsewhere_at IS NOT NULL AND $4))",
        )
        .binds((now, id, elsewhere, elsewhere))
    })
    .await
}

/// Throws an approval in quarantine away and wipes its keys, if it still is: false when it was confirmed or has ended.
pub async fn reject(db: &Db, id: &AttemptId, now: Time, event: &Event) -> Result<bool, Error> {
    db.transaction(|mut tx| async move {
        let done = tx
            .query(
                "UPDATE attempts
                 SET status = 'failed', reason = $1, ended_at = $2
                 WHERE id = $3 AND confirmed_at IS NULL
                   AND status IN ('received', 'proving', 'awaiting_confirmation')
                   AND (status = 'awaiting_confirmation' OR elsewhere_at IS NOT NULL)",
            )
            .binds((event.reason, now, id))
            .execute()
            .await?;
        if done == 1 {
            grants::wipe(&mut tx, id).await?;
            events::record(&mut tx, event).await?;
        }
        tx.commit(done == 1).await
    })
    .await
}
