//! Stores and their keys: activation, lists, what is lent.

use super::checks::{FIRST_CHECK_AFTER, new_span};
use super::keys::Farewell;
use super::lending::{self, Change};
use super::lists::{as_list, listed};
use super::{Db, Error, Tx, events};
use crate::domain::search;
use crate::domain::{
    Actor, Attempt, AuthMethod, Event, GrantId, KeyId, Kind, Reported, Scope, Store, StoreId, StoreStatus, StoreUrl,
    Time, UserId, Verdict,
};

/// The columns of a [`Store`].
pub(super) const COLUMNS: &str = "id, user_id, home, name, status, reason, scope, woo_key_id, key_last7, key_version, auth_method, \
         woocommerce_version, wordpress_version, connected_at, checked_at, changed_at, check_at, failures, moved_to, asked, \
         rest_base, json_has_noise";

/// A key that was proven, about to become a store's newest.
#[derive(Debug)]
pub struct NewKey {
    pub user_id: UserId,
    /// The store's canonical address.
    pub home: StoreUrl,
    pub store_id: StoreId,
    /// The new key's id; its seal is bound to it.
    pub key_id: KeyId,
    /// Key and secret, sealed for that row.
    pub sealed: Vec<u8>,
    /// The store's own number of the key; 0 where nobody knows it.
    pub woo_key_id: i64,
    /// The last seven characters of the consumer key.
    pub last7: String,
    pub scope: Scope,
    /// What it is to be good for: what it may do is compared with this.
    pub asked: Scope,
    /// How the store takes it.
    pub auth_method: AuthMethod,
    /// A remark on a key that works.
    pub remark: Option<Verdict>,
    pub reported: Reported,
    /// The application password that it replaces, stored until the store has deleted it.
    pub former: Option<Farewell>,
    pub now: Time,
}

/// A proven and confirmed grant, about to become a store's newest key.
#[derive(Debug)]
pub struct Activation<'a> {
    /// The attempt that it ends.
    pub attempt: &'a Attempt,
    /// The grant that won.
    pub grant: &'a GrantId,
    /// What it becomes.
    pub key: NewKey,
}

/// Makes or updates the store (a reconnect keeps its id), adds the key version, retires
/// and wipes the former one. A former key that the store had said it does not know counts as revoked. Gives the store's id
/// and the version.
async fn take_key(tx: &mut Tx, new: &NewKey) -> Result<(StoreId, i64), Error> {
    let former: Option<(Option<Verdict>, Time)> = tx
        .query(
            "UPDATE stores SET key_version = key_version WHERE user_id = $1 AND home = $2 RETURNING reason, checked_at",
        )
        .binds((&new.user_id, &new.home))
        .optional()
        .await?;
    let gone = former.filter(|(reason, _)| *reason == Some(Verdict::KeyRejected)).map(|(_, seen_at)| seen_at);
    let (store_id, version): (StoreId, i64) = tx.query(
            "INSERT INTO stores (id, user_id, home, name, status, reason, scope, woo_key_id, key_last7, key_version,
                                 auth_method, woocommerce_version, wordpress_version, connected_at, checked_at, changed_at,
                                 check_at, asked, search, rest_base, json_has_noise)
             VALUES ($1, $2, $3, $4, 'connected', $5, $6, $7, $8, 1, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
             ON CONFLICT (user_id, home) DO UPDATE
             SET name = excluded.name, status = excluded.status, reason = excluded.reason, scope = excluded.scope,
                 woo_key_id = excluded.woo_key_id, key_last7 = excluded.key_last7, key_version = stores.key_version + 1,
                 auth_method = excluded.auth_method, woocommerce_version = excluded.woocommerce_version,
                 wordpress_version = excluded.wordpress_version, connected_at = excluded.connected_at,
                 checked_at = excluded.checked_at, changed_at = excluded.changed_at, check_at = excluded.check_at,
                 asked = excluded.asked, search = excluded.search, rest_base = excluded.rest_base,
                 json_has_noise = excluded.json_has_noise, failures = 0, moved_to = NULL
             RETURNING id, key_version",
        )
        .binds((
            &new.store_id,
            &new.user_id,
            &new.home,
            &new.reported.name,
            new.remark,
            new.scope,
            new.woo_key_id,
            &new.last7,
            new.auth_method,
            &new.reported.woocommerce_version,
            &new.reported.wordpress_version,
            new.now,
            new.now,
            new.now,
            new.now.plus(FIRST_CHECK_AFTER),
            new.asked,
            search::text(&new.user_id, &new.home, new.reported.name.as_deref()),
            &new.reported.rest_base,
            new.reported.json_has_noise,
        ))
        .one()
        .await?;
    if let Some(former) = &new.former {
        former.keep(tx).await?;
    }
    tx.query(
        "UPDATE keys SET sealed = NULL, retired_at = $1, revoked_at = $2 WHERE store_id = $3 AND retired_at IS NULL",
    )
    .binds((new.now, gone, &store_id))
    .execute()
    .await?;
    // The very key that was given up before: nobody must ask whether it is gone, or have it revoked.
    tx.query(
        "UPDATE keys SET revocation = NULL, ask_at = NULL WHERE store_id = $1 AND last7 = $2 AND revocation IS NOT NULL",
    )
    .binds((&store_id, &new.last7))
    .execute()
    .await?;
    tx.query(
        "INSERT INTO keys (id, store_id, version, woo_key_id, last7, scope, auth_method, sealed, issued_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .binds((
        &new.key_id,
        &store_id,
        version,
        new.woo_key_id,
        &new.last7,
        new.scope,
        new.auth_method,
        &new.sealed,
        new.now,
    ))
    .execute()
    .await?;
    new_span(tx, &store_id, new.remark.unwrap_or(Verdict::Works), new.now).await?;
    lending::changed(tx, Change::Store(&new.user_id, &store_id)).await?;
    Ok((store_id, version))
}

/// In one transaction: ends the attempt, gives the store the key, sets the attempt's other grants aside. `None` when the
/// attempt had ended already.
pub async fn activate(db: &Db, new: &Activation<'_>) -> Result<Option<StoreId>, Error> {
    let (attempt, key) = (new.attempt, &new.key);
    db.transaction(|mut tx| async move {
        let mine = tx
            .query(
                "UPDATE attempts
                 SET status = 'connected', reason = $1, ended_at = $2
                 WHERE id = $3 AND confirmed_at IS NOT NULL AND status IN ('received', 'proving', 'awaiting_confirmation')",
            )
            .binds((key.remark, key.now, &attempt.id))
            .execute()
            .await?;
        if mine == 0 {
            return tx.undo(None).await;
        }
        let (store_id, version) = take_key(&mut tx, key).await?;
        tx.query("UPDATE attempts SET store_id = $1 WHERE id = $2").binds((&store_id, &attempt.id)).execute().await?;
        tx.query(
            "UPDATE grants
             SET sealed = NULL, next_try_at = NULL, state = CASE WHEN id = $1 THEN 'proven' ELSE 'surplus' END
             WHERE attempt_id = $2 AND state <> 'rejected'",
        )
        .binds((new.grant, &attempt.id))
        .execute()
        .await?;
        for event in taken(key, &store_id, version, &Actor::merchant()) {
            events::record(&mut tx, &event.link(attempt.link_id.as_ref()).attempt(&attempt.id)).await?;
        }
        tx.commit(Some(store_id)).await
    })
    .await
}

/// A store as it was when it was decided that it is to have another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    pub key_version: i64,
    /// How it stood.
    pub status: StoreStatus,
}

/// In one transaction: adds a key that came without an attempt, typed or imported by `actor`. Returns the store's ID and the version
/// of the key; `None`, and nothing is written, if the store is not as it was `before` (`None`: there was no such store).
pub async fn add_by_keys(
    db: &Db,
    new: &NewKey,
    before: Option<Before>,
    actor: &Actor,
) -> Result<Option<(StoreId, i64)>, Error> {
    db.transaction(|mut tx| async move {
        if let Some(before) = before {
            // Holds the store as it is until this is done.
            let is_so = tx
                .query(
                    "UPDATE stores
                     SET key_version = key_version
                     WHERE user_id = $1 AND home = $2 AND key_version = $3 AND status = $4",
                )
                .binds((&new.user_id, &new.home, before.key_version, before.status))
                .execute()
                .await?;
            if is_so == 0 {
                return tx.undo(None).await;
            }
        }
        let (store_id, version) = take_key(&mut tx, new).await?;
        if before.is_none() && version != 1 {
            return tx.undo(None).await;
        }
        for event in taken(new, &store_id, version, actor) {
            events::record(&mut tx, &event).await?;
        }
        tx.commit(Some((store_id, version))).await
    })
    .await
}

/// What happened when a store was given a key: a store that had one before has it rotated.
fn taken(key: &NewKey, store_id: &StoreId, version: i64, actor: &Actor) -> Vec<Event> {
    let about = |kind| Event::new(kind, key.now, actor).user(&key.user_id).store(store_id);
    if version == 1 {
        vec![about(Kind::StoreConnected).because(key.remark)]
    } else {
        vec![about(Kind::StoreReconnected).because(key.remark), about(Kind::KeyRotated)]
    }
}

pub async fn find(db: &Db, id: &StoreId) -> Result<Option<Store>, Error> {
    db.read(["SELECT ", COLUMNS, " FROM stores WHERE id = $1"]).bind(id).optional().await
}

/// Those of these stores that there are, in no order.
pub async fn find_several(db: &Db, ids: &[&StoreId]) -> Result<Vec<Store>, Error> {
    db.read(["SELECT ", COLUMNS, " FROM stores WHERE id IN (", listed(db), ")"]).bind(as_list(ids)?).all().await
}

/// A store with the sealed key that is served, and the lending counter as it was just before.
#[derive(Debug)]
pub struct Served {
    /// What the lending counter said before the rest was read.
    pub revision: i64,
    pub store: Store,
    /// The served key; `None` when the store was disconnected.
    pub key: Option<ServedKey>,
}

/// The key that is served, sealed.
#[derive(Debug, sqlx::FromRow)]
pub struct ServedKey {
    /// Its row: the seal is bound to it.
    pub id: KeyId,
    pub version: i64,
    /// Key and secret.
    pub sealed: Vec<u8>,
    /// When it was proven.
    pub issued_at: Time,
}

/// What is needed to lend a store's key.
pub async fn served(db: &Db, id: &StoreId) -> Result<Option<Served>, Error> {
    let revision = lending::revision(db).await?;
    let store: Option<Store> = db.read(["SELECT ", COLUMNS, " FROM stores WHERE id = $1"]).bind(id).optional().await?;
    let Some(store) = store else { return Ok(None) };
    let key = db
        .read(
            "SELECT id, version, sealed, issued_at
             FROM keys
             WHERE store_id = $1 AND retired_at IS NULL",
        )
        .bind(id)
        .optional()
        .await?;
    Ok(Some(Served { revision, store, key }))
}

/// The stores of one merchant (or the one at `home`), by id and address, those that are given up last, and the lending
/// counter as it was just before; at most 100.
pub async fn of_user(
    db: &Db,
    user_id: &UserId,
    home: Option<&StoreUrl>,
) -> Result<(i64, Vec<(StoreId, StoreUrl, StoreStatus)>), Error> {
    let revision = lending::revision(db).await?;
    let stores = db
        .read(
            "SELECT id, home, status
             FROM stores
             WHERE user_id = $1 AND ($2 IS NULL OR home = $3)
             ORDER BY CASE WHEN status = 'disconnected' THEN 1 ELSE 0 END, id
             LIMIT 100",
        )
        .binds((user_id, home, home))
        .all()
        .await?;
    Ok((revision, stores))
}
