//! Versions of a store's key, their end, and the revocation keys by which a store is asked whether its merchant has revoked
//! them.

use super::lending::{self, Change};
use super::{Db, Error, Tx, events};
use crate::domain::{AuthMethod, Event, Key, KeyId, RestBase, Scope, Store, StoreId, StoreUrl, Time, UserId, Verdict};

/// The versions of a store's key, the newest first; at most `most`.
pub async fn of_store(db: &Db, id: &StoreId, most: i64) -> Result<Vec<Key>, Error> {
    db.read(
        "SELECT id, store_id, version, woo_key_id, last7, scope, auth_method, issued_at, retired_at, ask_at, asked_at,
                told, revoked_at
         FROM keys
         WHERE store_id = $1
         ORDER BY version DESC
         LIMIT $2",
    )
    .binds((id, most))
    .all()
    .await
}

/// The last version of the store's key with these last seven characters, and when that was given up or replaced; `None` when
/// it never had one, or has it still.
pub async fn retired(db: &Db, id: &StoreId, last7: &str) -> Result<Option<(i64, Time)>, Error> {
    let last: Option<(i64, Option<Time>)> = db
        .read("SELECT version, retired_at FROM keys WHERE store_id = $1 AND last7 = $2 ORDER BY version DESC LIMIT 1")
        .binds((id, last7))
        .optional()
        .await?;
    Ok(last.and_then(|(version, retired_at)| Some((version, retired_at?))))
}

/// A key that is served, sealed, and whose it is.
#[derive(Debug, sqlx::FromRow)]
pub struct SealedKey {
    /// Its row; the seal is bound to it.
    pub id: KeyId,
    pub store_id: StoreId,
    /// Whose the store is.
    pub user_id: UserId,
    /// The store's address; the seal is bound to it.
    pub home: StoreUrl,
    pub scope: Scope,
    /// How the store accepts it.
    pub auth_method: AuthMethod,
    /// Key and secret.
    pub sealed: Vec<u8>,
}

/// The keys that are served, by their stores' ids, those after `after`; at most `most`.
pub async fn held(db: &Db, after: Option<&StoreId>, most: i64) -> Result<Vec<SealedKey>, Error> {
    db.read(
        "SELECT keys.id, keys.store_id, stores.user_id, stores.home, keys.scope, keys.auth_method, keys.sealed
         FROM keys
         JOIN stores ON stores.id = keys.store_id
         WHERE keys.retired_at IS NULL AND keys.store_id > $1
         ORDER BY keys.store_id
         LIMIT $2",
    )
    .binds((after.map_or("", StoreId::as_str), most))
    .all()
    .await
}

/// What is kept of a key that is given up.
#[derive(Debug)]
pub struct Farewell {
    /// The key that was served when it was made; another that was served in the meantime is wiped without it.
    pub id: KeyId,
    /// The consumer key alone, or an application password, sealed for that row.
    pub revocation: Vec<u8>,
    /// When the store is first asked whether the key is gone.
    pub ask_at: Time,
}

impl Farewell {
    /// Keeps it beside the key, while that is still served.
    pub(super) async fn keep(&self, tx: &mut Tx) -> Result<(), Error> {
        tx.query("UPDATE keys SET revocation = $1, ask_at = $2 WHERE id = $3 AND retired_at IS NULL")
            .binds((&self.revocation, self.ask_at, &self.id))
            .execute()
            .await?;
        Ok(())
    }
}

/// Gives a store up and wipes its secrets, but for the consumer key in `farewell`; false when it was given up already or
/// is unknown.
pub async fn disconnect(
    db: &Db,
    store: &Store,
    farewell: Option<&Farewell>,
    now: Time,
    event: &Event,
) -> Result<bool, Error> {
    db.transaction(|mut tx| async move {
        let mine = tx
            .query(
                "UPDATE stores
                 SET status = 'disconnected', reason = NULL, changed_at = $1
                 WHERE id = $2 AND status <> 'disconnected'",
            )
            .binds((now, &store.id))
            .execute()
            .await?;
        if mine == 0 {
            return tx.undo(false).await;
        }
        if let Some(farewell) = farewell {
            farewell.keep(&mut tx).await?;
        }
        tx.query("UPDATE keys SET sealed = NULL, retired_at = $1 WHERE store_id = $2 AND retired_at IS NULL")
            .binds((now, &store.id))
            .execute()
            .await?;
        lending::changed(&mut tx, Change::Store(&store.user_id, &store.id)).await?;
        events::record(&mut tx, event).await?;
        tx.commit(true).await
    })
    .await
}

/// A key of a store that was disconnected, of which the store may say whether it is gone.
#[derive(Debug, sqlx::FromRow)]
pub struct Revocation {
    /// Its row; the seal is bound to it.
    pub id: KeyId,
    pub store_id: StoreId,
    /// Whose the store is.
    pub user_id: UserId,
    pub home: StoreUrl,
    /// Where its REST API answered; `None` is its usual place.
    pub rest_base: Option<RestBase>,
    /// How the store took it.
    pub auth_method: AuthMethod,
    /// The consumer key alone, or an application password, sealed.
    pub revocation: Vec<u8>,
    /// When the store was disconnected.
    pub retired_at: Time,
    /// When the store is to be asked.
    pub ask_at: Time,
}

/// The columns of a [`Revocation`].
const COLUMNS: &str = "keys.id, keys.store_id, stores.user_id, stores.home, stores.rest_base, keys.auth_method, keys.revocation, keys.retired_at, keys.ask_at";

/// Revocation keys that are due at `now`, the longest due first; at most `most`.
pub async fn due(db: &Db, now: Time, most: i64) -> Result<Vec<Revocation>, Error> {
    db.read([
        "SELECT ",
        COLUMNS,
        " FROM keys
             JOIN stores ON stores.id = keys.store_id
             WHERE keys.ask_at <= $1 AND keys.revocation IS NOT NULL
             ORDER BY keys.ask_at
             LIMIT $2",
    ])
    .binds((now, most))
    .all()
    .await
}

/// The revocation keys of one store, the newest first; at most `most`.
pub async fn revocations(db: &Db, id: &StoreId, most: i64) -> Result<Vec<Revocation>, Error> {
    db.read([
        "SELECT ",
        COLUMNS,
        " FROM keys
             JOIN stores ON stores.id = keys.store_id
             WHERE keys.store_id = $1 AND keys.revocation IS NOT NULL AND keys.ask_at IS NOT NULL
             ORDER BY keys.version DESC
             LIMIT $2",
    ])
    .binds((id, most))
    .all()
    .await
}

/// Moves a revocation key's next asking from `was` to `next`; false when somebody else has moved it, and asks.
pub async fn claim(db: &Db, id: &KeyId, was: Time, next: Time) -> Result<bool, Error> {
    let mine = db
        .write("UPDATE keys SET ask_at = $1 WHERE id = $2 AND ask_at = $3 AND revocation IS NOT NULL")
        .binds((next, id, was))
        .execute()
        .await?;
    Ok(mine == 1)
}

/// Saves the result of a check of a former key that is not revoked yet.
pub async fn checked(db: &Db, id: &KeyId, verdict: Verdict, now: Time) -> Result<(), Error> {
    db.write("UPDATE keys SET told = $1, asked_at = $2 WHERE id = $3 AND revocation IS NOT NULL")
        .binds((verdict, now, id))
        .execute()
        .await?;
    Ok(())
}

/// The store tells that the key is gone: the revocation key is wiped too. False when that was known already.
pub async fn revoked(db: &Db, id: &KeyId, now: Time, event: &Event) -> Result<bool, Error> {
    events::with(db, event, |tx| {
        tx.query(
            "UPDATE keys
                 SET revoked_at = $1, asked_at = $2, told = $3, revocation = NULL, ask_at = NULL
                 WHERE id = $4 AND revocation IS NOT NULL",
        )
        .binds((now, now, Verdict::KeyRejected, id))
    })
    .await
}

/// Wipes a revocation key that was asked about for long enough. When it was never asked, `now` stands for when, so that it is
/// not taken for one that was replaced.
pub async fn give_up(db: &Db, id: &KeyId, now: Time) -> Result<(), Error> {
    db.write("UPDATE keys SET revocation = NULL, ask_at = NULL, asked_at = COALESCE(asked_at, $1) WHERE id = $2")
        .binds((now, id))
        .execute()
        .await?;
    Ok(())
}
