//! Idempotency keys: which request does the work, and the sealed answers.

use super::{Db, Error};
use crate::domain::{EventId, RequestId, Time, TokenId};

/// A request that wants to do the work.
#[derive(Debug)]
pub struct NewClaim<'a> {
    pub id: &'a str,
    pub token: &'a TokenId,
    /// The hash of the request.
    pub request: &'a str,
    pub claimed_by: &'a RequestId,
    pub claimed_until: Time,
    pub expires_at: Time,
}

/// A key that was used before.
#[derive(Debug, sqlx::FromRow)]
pub struct Used {
    /// The hash of its request.
    pub request: String,
    pub claimed_until: Time,
    /// The sealed answer; `None` while there is none.
    pub answer: Option<Vec<u8>>,
    /// The last event that its request recorded: the request was carried out.
    pub event: Option<EventId>,
}

/// Claims a key for a request, in one statement that one request wins; false when the key is used. A key that has expired by
/// `now` is not, nor is one whose claim ended without an answer, unless its request was carried out: its events say so, because
/// they are recorded in the transaction that does the work.
pub async fn claim(db: &Db, new: &NewClaim<'_>, now: Time) -> Result<bool, Error> {
    let claimed = db
        .write(
            "INSERT INTO idempotency_keys (id, token_id, request, claimed_by, claimed_until, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (id) DO UPDATE
             SET request = excluded.request, claimed_by = excluded.claimed_by, claimed_until = excluded.claimed_until,
                 expires_at = excluded.expires_at, answer = NULL
             WHERE idempotency_keys.expires_at <= $7
                OR (idempotency_keys.answer IS NULL AND idempotency_keys.claimed_until <= $7
                    AND NOT EXISTS (SELECT 1 FROM events WHERE events.request_id = idempotency_keys.claimed_by))",
        )
        .binds((new.id, new.token, new.request, new.claimed_by, new.claimed_until, new.expires_at, now))
        .execute()
        .await?;
    Ok(claimed == 1)
}

pub async fn find(db: &Db, id: &str) -> Result<Option<Used>, Error> {
    db.read(
        "SELECT request, claimed_until, answer,
                (SELECT MAX(seq) FROM events WHERE events.request_id = idempotency_keys.claimed_by) AS event
         FROM idempotency_keys
         WHERE id = $1",
    )
    .bind(id)
    .optional()
    .await
}

/// Keeps the answer; false when the claim is no longer this request's.
pub async fn keep(db: &Db, id: &str, claimed_by: &RequestId, answer: &[u8]) -> Result<bool, Error> {
    let kept = db
        .write("UPDATE idempotency_keys SET answer = $1 WHERE id = $2 AND claimed_by = $3")
        .binds((answer, id, claimed_by))
        .execute()
        .await?;
    Ok(kept == 1)
}

/// Ends a claim whose request may have been carried out: the key remembers it.
pub async fn end(db: &Db, id: &str, claimed_by: &RequestId, now: Time) -> Result<(), Error> {
    db.write("UPDATE idempotency_keys SET claimed_until = $1 WHERE id = $2 AND claimed_by = $3 AND answer IS NULL")
        .binds((now, id, claimed_by))
        .execute()
        .await?;
    Ok(())
}

/// Ends every claim, when no other process can hold one.
pub async fn end_all(db: &Db) -> Result<(), Error> {
    db.write("UPDATE idempotency_keys SET claimed_until = 0 WHERE answer IS NULL AND claimed_until > 0")
        .execute()
        .await?;
    Ok(())
}

/// Ends a claim whose request changed nothing.
pub async fn release(db: &Db, id: &str, claimed_by: &RequestId) -> Result<(), Error> {
    db.write("DELETE FROM idempotency_keys WHERE id = $1 AND claimed_by = $2 AND answer IS NULL")
        .binds((id, claimed_by))
        .execute()
        .await?;
    Ok(())
}

/// Deletes up to `at_once` keys that have expired by `now`; returns how many.
pub async fn delete_expired(db: &Db, now: Time, at_once: i64) -> Result<u64, Error> {
    db.write(
        "DELETE FROM idempotency_keys
         WHERE id IN (SELECT id FROM idempotency_keys WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
    )
    .binds((now, at_once))
    .execute()
    .await
}

/// For each token: how many keys it has, and the bytes of their answers.
pub async fn totals(db: &Db) -> Result<Vec<(TokenId, i64, i64)>, Error> {
    db.read("SELECT token_id, COUNT(*), CAST(COALESCE(SUM(LENGTH(answer)), 0) AS BIGINT) FROM idempotency_keys GROUP BY token_id")
        .all()
        .await
}

/// The bytes of each answer of a token, the newest key first; 0 where there is none. At most `most`.
pub async fn sizes(db: &Db, token: &TokenId, most: i64) -> Result<Vec<i64>, Error> {
    db.read(
        "SELECT CAST(COALESCE(LENGTH(answer), 0) AS BIGINT)
         FROM idempotency_keys
         WHERE token_id = $1
         ORDER BY expires_at DESC
         LIMIT $2",
    )
    .binds((token, most))
    .values()
    .await
}

/// Deletes the `n` oldest keys of a token.
pub async fn delete_oldest(db: &Db, token: &TokenId, n: i64) -> Result<(), Error> {
    db.write(
        "DELETE FROM idempotency_keys
         WHERE id IN (SELECT id FROM idempotency_keys WHERE token_id = $1 ORDER BY expires_at LIMIT $2)",
    )
    .binds((token, n))
    .execute()
    .await?;
    Ok(())
}
