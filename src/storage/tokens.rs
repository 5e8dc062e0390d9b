//! Service tokens.

use super::{Db, Error, lending_changed, on, record};
use crate::domain::event::Event;
use crate::domain::id::TokenId;
use crate::domain::secret::Fingerprint;
use crate::domain::time::Time;
use crate::domain::token::ServiceToken;

/// The columns of a [`ServiceToken`].
macro_rules! columns {
    () => {
        "id, name, permissions, created_at, expires_at, revoked_at, users, successor"
    };
}

/// Writes a new token inside the open transaction `$tx`.
macro_rules! insert {
    ($tx:ident, $token:expr, $fingerprint:expr) => {{
        let token: &ServiceToken = $token;
        sqlx::query(
            "INSERT INTO tokens (id, name, fingerprint, permissions, created_at, expires_at, users)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&token.id)
        .bind(&token.name)
        .bind($fingerprint)
        .bind(&token.permissions)
        .bind(token.created_at)
        .bind(token.expires_at)
        .bind(&token.users)
        .execute(&mut *$tx)
        .await?;
    }};
}

/// Keeps a new token.
pub async fn insert(db: &Db, token: &ServiceToken, fingerprint: &Fingerprint, event: &Event) -> Result<(), Error> {
    on!(db.write(), |pool| {
        let mut tx = pool.begin().await?;
        insert!(tx, token, fingerprint);
        record!(tx, event);
        tx.commit().await?;
    });
    Ok(())
}

/// The token with this fingerprint, whether or not it still works, and the lending counter as it was just before.
pub async fn by_fingerprint(db: &Db, fingerprint: &Fingerprint) -> Result<(i64, Option<ServiceToken>), Error> {
    on!(db.read(), |pool| {
        let revision = sqlx::query_scalar("SELECT n FROM counters WHERE name = 'lending'").fetch_one(pool).await?;
        let token = sqlx::query_as(concat!("SELECT ", columns!(), " FROM tokens WHERE fingerprint = $1"))
            .bind(fingerprint)
            .fetch_optional(pool)
            .await?;
        Ok((revision, token))
    })
}

/// Every token, oldest first.
pub async fn all(db: &Db) -> Result<Vec<ServiceToken>, Error> {
    on!(db.read(), |pool| {
        Ok(sqlx::query_as(concat!("SELECT ", columns!(), " FROM tokens ORDER BY id")).fetch_all(pool).await?)
    })
}

/// The token with this id.
pub async fn find(db: &Db, id: &TokenId) -> Result<Option<ServiceToken>, Error> {
    on!(db.read(), |pool| {
        Ok(sqlx::query_as(concat!("SELECT ", columns!(), " FROM tokens WHERE id = $1"))
            .bind(id)
            .fetch_optional(pool)
            .await?)
    })
}

/// Keeps `new` in the place of the token `old`, which stops at `until` if it does not stop earlier by itself; false when
/// `old` works no more at `now` or was replaced before.
pub async fn rotate(
    db: &Db,
    old: &TokenId,
    until: Time,
    new: &ServiceToken,
    fingerprint: &Fingerprint,
    now: Time,
    events: &[Event],
) -> Result<bool, Error> {
    on!(db.write(), |pool| {
        let mut tx = pool.begin().await?;
        insert!(tx, new, fingerprint);
        let done = sqlx::query(
            "UPDATE tokens
             SET successor = $1, expires_at = CASE WHEN expires_at <= $2 THEN expires_at ELSE $3 END
             WHERE id = $4 AND revoked_at IS NULL AND successor IS NULL AND (expires_at IS NULL OR expires_at > $5)",
        )
        .bind(&new.id)
        .bind(until)
        .bind(until)
        .bind(old)
        .bind(now)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if done == 0 {
            return Ok(false);
        }
        lending_changed!(tx);
        for event in events {
            record!(tx, event);
        }
        tx.commit().await?;
        Ok(true)
    })
}

/// Revokes a token; false when there is none with this id that was not revoked already.
pub async fn revoke(db: &Db, id: &TokenId, now: Time, event: &Event) -> Result<bool, Error> {
    on!(db.write(), |pool| {
        let mut tx = pool.begin().await?;
        let done = sqlx::query("UPDATE tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL")
            .bind(now)
            .bind(id)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        if done == 0 {
            return Ok(false);
        }
        lending_changed!(tx);
        record!(tx, event);
        tx.commit().await?;
        Ok(true)
    })
}
