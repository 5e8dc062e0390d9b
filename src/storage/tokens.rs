//! Service tokens.

use std::collections::HashMap;

use super::lending::{self, Change};
use super::lists::{as_list, listed};
use super::{Db, Error, Tx, events};
use crate::domain::{Event, Fingerprint, ServiceToken, Time, TokenId};

/// The columns of a [`ServiceToken`].
const COLUMNS: &str =
    "id, name, permissions, created_at, expires_at, revoked_at, users, successor, namespaces, limits, counted_with";

async fn write(tx: &mut Tx, token: &ServiceToken, fingerprint: &Fingerprint) -> Result<(), Error> {
    tx.query(
        "INSERT INTO tokens (id, name, fingerprint, permissions, created_at, expires_at, users, namespaces, limits,
                             counted_with)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .binds((&token.id, &token.name, fingerprint, &token.permissions, token.created_at, token.expires_at, &token.users))
    .binds((&token.namespaces, token.limits, &token.counted_with))
    .execute()
    .await?;
    Ok(())
}

/// Whether the token that issues `token` works, and no shorter than that one; true for a person. Asked behind the counter's lock: an issuer's revocation
/// is recorded either before, and seen here, or after all that it has issued.
async fn issuer_works(tx: &mut Tx, issuer: Option<&TokenId>, token: &ServiceToken) -> Result<bool, Error> {
    let Some(issuer) = issuer else { return Ok(true) };
    tx.query(
        "SELECT COUNT(*) > 0 FROM tokens
         WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR (expires_at > $2 AND expires_at >= $3))",
    )
    .binds((issuer, token.created_at, token.expires_at))
    .value()
    .await
}

/// Keeps a new token; false when the token `issuer` that issues it works no more.
pub async fn insert(
    db: &Db,
    token: &ServiceToken,
    fingerprint: &Fingerprint,
    issuer: Option<&TokenId>,
    event: &Event,
) -> Result<bool, Error> {
    db.transaction(|mut tx| async move {
        write(&mut tx, token, fingerprint).await?;
        events::record(&mut tx, event).await?;
        if issuer_works(&mut tx, issuer, token).await? { tx.commit(true).await } else { tx.undo(false).await }
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

/// Tokens after the ID `after`, oldest first; at most `most`. With `limited`, only those that are limited to some merchants.
pub async fn page(db: &Db, after: &TokenId, limited: bool, most: i64) -> Result<Vec<ServiceToken>, Error> {
    let of = if limited { " AND users IS NOT NULL" } else { "" };
    db.read(["SELECT ", COLUMNS, " FROM tokens WHERE id > $1", of, " ORDER BY id LIMIT $2"])
        .binds((after, most))
        .all()
        .await
}

pub async fn find(db: &Db, id: &TokenId) -> Result<Option<ServiceToken>, Error> {
    db.read(["SELECT ", COLUMNS, " FROM tokens WHERE id = $1"]).bind(id).optional().await
}

/// Keeps `new` in the place of the token `old`, which stops at `until` if it does not stop earlier by itself; false when
/// `old` works no more when `new` is made or was replaced before, or when the token `issuer` that replaces it works no more.
pub async fn rotate(
    db: &Db,
    old: &TokenId,
    until: Time,
    new: &ServiceToken,
    fingerprint: &Fingerprint,
    issuer: Option<&TokenId>,
    events: &[Event],
) -> Result<bool, Error> {
    // One that replaces itself worked, or it is not replaced.
    let issuer = issuer.filter(|issuer| *issuer != old);
    db.transaction(|mut tx| async move {
        write(&mut tx, new, fingerprint).await?;
        let done = tx
            .query(
                "UPDATE tokens
                 SET successor = $1, expires_at = CASE WHEN expires_at <= $2 THEN expires_at ELSE $3 END
                 WHERE id = $4 AND revoked_at IS NULL AND successor IS NULL AND (expires_at IS NULL OR expires_at > $5)",
            )
            .binds((&new.id, until, until, old, new.created_at))
            .execute()
            .await?;
        if done == 0 {
            return tx.undo(false).await;
        }
        lending::changed(&mut tx, Change::Token).await?;
        for event in events {
            events::record(&mut tx, event).await?;
        }
        if issuer_works(&mut tx, issuer, new).await? { tx.commit(true).await } else { tx.undo(false).await }
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
        lending::changed(&mut tx, Change::Token).await?;
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
