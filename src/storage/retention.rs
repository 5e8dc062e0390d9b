//! How long key reads are kept, and deleting what is older.

use super::{Db, Error, events};
use crate::domain::{AttemptId, Event, Keep, Time};

/// The current setting; forever if none is saved, or if this version does not offer the saved one.
pub async fn kept(db: &Db) -> Result<Keep, Error> {
    let set: Option<String> =
        db.read("SELECT value FROM settings WHERE name = 'keep_key_reads'").optional_value().await?;
    Ok(set.and_then(|text| text.parse().ok()).unwrap_or_default())
}

pub async fn keep(db: &Db, keep: Keep, event: &Event) -> Result<(), Error> {
    db.transaction(|mut tx| async move {
        tx.query(
            "INSERT INTO settings (name, value)
             VALUES ('keep_key_reads', $1)
             ON CONFLICT (name) DO UPDATE
             SET value = excluded.value",
        )
        .bind(keep.to_string())
        .execute()
        .await?;
        events::record(&mut tx, event).await?;
        tx.commit(()).await
    })
    .await
}

/// Forgets from which address events before this moment came, the oldest first, at most `most`; returns how many.
pub async fn forget_addresses(db: &Db, before: Time, most: i64) -> Result<u64, Error> {
    db.write(
        "UPDATE events
         SET came_from = NULL
         WHERE seq IN (SELECT seq
                       FROM events
                       WHERE at < $1 AND came_from IS NOT NULL
                       ORDER BY at
                       LIMIT $2)",
    )
    .binds((before, most))
    .execute()
    .await
}

/// Forgets from which addresses attempts that ended before this moment were begun and their keys came, the oldest first, at
/// most `most` attempts; returns how many.
pub async fn forget_origins(db: &Db, before: Time, most: i64) -> Result<u64, Error> {
    db.transaction(|mut tx| async move {
        let mut attempts: Vec<AttemptId> = tx
            .query(
                "UPDATE attempts
                 SET begun_from = '', begun_wide = '', begun_ip = NULL, begun_request = NULL
                 WHERE id IN (SELECT id
                              FROM attempts
                              WHERE begun_from > '' AND created_at < $1 AND ended_at < $2
                              ORDER BY id
                              LIMIT $3)
                 RETURNING id",
            )
            .binds((before, before, most))
            .values()
            .await?;
        attempts.sort();
        if let (Some(first), Some(last)) = (attempts.first(), attempts.last()) {
            tx.query(
                "UPDATE grants
                 SET received_from = ''
                 WHERE attempt_id >= $1 AND attempt_id <= $2 AND received_from <> ''
                   AND (SELECT begun_from FROM attempts WHERE attempts.id = attempt_id) = ''",
            )
            .binds((first, last))
            .execute()
            .await?;
        }
        tx.commit(attempts.len() as u64).await
    })
    .await
}
