//! Service tokens.

use std::collections::HashMap;

use super::lists::{as_list, listed};
use super::{Db, Error, Tx, events, lending};
use crate::domain::{Event, Fingerprint, ServiceToken, Time, TokenId};

/// The columns of a [`ServiceToken`].
const COLUMNS: &str = "id, name, permissions, created_at, expires_at, revoked_at, users, successor";

async fn write(tx: &mut Tx, token: &ServiceToken, fingerprint: &Fingerprint) -> Result<(), Error> {
    tx.query(
        "INSERT INTO tokens (id, name, fingerprint, permissions, created_at, expires_at, users)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .binds((&token.id, &token.name, fingerprint, &token.permissions, token.created_at, token.expires_at, &token.users))
    .execute()
    .await?;
    Ok(())
}

/// Keeps a new token.
pub async fn insert(db: &Db, token: &ServiceToken, fingerprint: &Fingerprint, event: &Event) -> Result<(), Error> {
    db.transaction(|mut tx| async move {
        write(&mut tx, token, fingerprint).await?;
        events::record(&mut tx, event).await?;
        tx.commit(()).await
    })
    .await
}

/// The token with this fingerprint, whether or not it still works, and the lending counter as it was just before.
pub async fn by_fingerprint(db: &Db, fingerprint: &Fingerprint) -> Result<(i64, Option<ServiceToken>), Error> {
    let revision = lending::revision(db).await?;
    let token =
        db.read(["SELECT ", COLUMNS, " FROM tokens WHERE fingerprint = $1"]).bind(fingerprint).optional().await?;
    Ok((revision, token))
}

/// Every token, oldest first.
pub async fn all(db: &Db) -> Result<Vec<ServiceToken>, Error> {
    db.read(["SELECT ", COLUMNS, " FROM tokens ORDER BY id"]).all().await
}

pub async fn find(db: &Db, id: &TokenId) -> Result<Option<ServiceToken>, Error> {
    db.read(["SELECT ", COLUMNS, " FROM tokens WHERE id = $1"]).bind(id).optional().await
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
    db.transaction(|mut tx| async move {
        write(&mut tx, new, fingerprint).await?;
        let done = tx
            .query(
                "UPDATE tokens
                 SET successor = $1, expires_at = CASE WHEN expires_at <= $2 THEN expires_at ELSE $3 END
                 WHERE id = $4 AND revoked_at IS NULL AND successor IS NULL AND (expires_at IS NULL OR expires_at > $5)",
            )
            .binds((&new.id, until, until, old, now))
            .execute()
            .await?;
        if done == 0 {
            return tx.undo(false).await;
        }
        lending::changed(&mut tx).await?;
        for event in events {
            events::record(&mut tx, event).await?;
        }
        tx.commit(true).await
    })
    .await
}

/// Revokes a token; false when there is none with this id that was not revoked already.
pub async fn revoke(db: &Db, id: &TokenId, now: Time, event: &Event) -> Result<bool, Error> {
    db.transaction(|mut tx| async move {
        let done = tx
            .query("UPDATE tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL")
            .binds((now, id))
            .execute()
            .await?;
        if done == 0 {
            return tx.undo(false).await;
        }
        lending::changed(&mut tx).await?;
        events::record(&mut tx, event).await?;
        tx.commit(true).await
    })
    .await
}

/// The names of these tokens.
pub(super) async fn names(db: &Db, ids: impl Iterator<Item = &TokenId>) -> Result<HashMap<TokenId, String>, Error> {
    let ids: Vec<&TokenId> = ids.collect();
    let names: Vec<(TokenId, String)> =
        db.read(["SELECT id, name FROM tokens WHERE id IN (", listed(db), ")"]).bind(as_list(&ids)?).all().await?;
    Ok(names.into_iter().collect())
}
