//! Service tokens.

use std::collections::HashMap;

use super::lending::{self, Change};
use super::lists::{as_list, listed};
use super::{Db, Error, Tx, events};
use crate::domain::token::MOST_WORKING;
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

/// Fails with [`Error::TokenStopped`] unless the token that issues `token` works as long as that one. [`events::record`] has seen that
/// it works now, and holds the counter's lock.
async fn is_outlived(tx: &mut Tx, issuer: Option<&TokenId>, token: &ServiceToken) -> Result<(), Error> {
    let Some(issuer) = issuer else { return Ok(()) };
    let outlives: bool = tx
        .query("SELECT COUNT(*) > 0 FROM tokens WHERE id = $1 AND (expires_at IS NULL OR expires_at >= $2)")
        .binds((issuer, token.expires_at))
        .value()
        .await?;
    if outlives { Ok(()) } else { Err(Error::TokenStopped) }
}

/// Whether more than [`MOST_WORKING`] tokens work. Asked behind the counter's lock: two who issue one at the same moment count
/// one after the other.
async fn are_too_many(tx: &mut Tx, now: Time) -> Result<bool, Error> {
    let working: i64 = tx
        .query("SELECT COUNT(*) FROM tokens WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)")
        .bind(now)
        .value()
        .await?;
    Ok(working > MOST_WORKING)
}

/// Keeps a new token; false when as many work as may. Fails with [`Error::TokenStopped`] if the token `issuer`, which issues it,
/// has stopped working, or stops before it.
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
        is_outlived(&mut tx, issuer, token).await?;
        if are_too_many(&mut tx, token.created_at).await? { tx.undo(false).await } else { tx.commit(true).await }
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

/// The tokens that work at `now`, newest first.
pub async fn working(db: &Db, now: Time) -> Result<Vec<ServiceToken>, Error> {
    db.read([
        "SELECT ",
        COLUMNS,
        " FROM tokens WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1) ORDER BY id DESC",
    ])
    .bind(now)
    .all()
    .await
}

/// The tokens before the ID `before` that no longer work at `now`, newest first; at most `most`.
pub async fn ended(db: &Db, now: Time, before: &TokenId, most: i64) -> Result<Vec<ServiceToken>, Error> {
    db.read([
        "SELECT ",
        COLUMNS,
        " FROM tokens WHERE id < $1 AND (revoked_at IS NOT NULL OR expires_at <= $2) ORDER BY id DESC LIMIT $3",
    ])
    .binds((before, now, most))
    .all()
    .await
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

/// The result of [`rotate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotated {
    Yes,
    /// The old token works no more, or was replaced before.
    NotThisOne,
    /// As many tokens work as may.
    TooMany,
}

/// Keeps `new` in the place of the token `old`, which stops at `until` if it does not stop earlier by itself. Fails as [`insert`] does.
pub async fn rotate(
    db: &Db,
    old: &TokenId,
    until: Time,
    new: &ServiceToken,
    fingerprint: &Fingerprint,
    issuer: Option<&TokenId>,
    events: &[Event],
) -> Result<Rotated, Error> {
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
            return tx.undo(Rotated::NotThisOne).await;
        }
        lending::changed(&mut tx, Change::Token).await?;
        for event in events {
            events::record(&mut tx, event).await?;
        }
        is_outlived(&mut tx, issuer, new).await?;
        let are_too_many = are_too_many(&mut tx, new.created_at).await?;
        if are_too_many { tx.undo(Rotated::TooMany).await } else { tx.commit(Rotated::Yes).await }
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
