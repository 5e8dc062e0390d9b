//! Disconnect: deletes our copy of a store's key. Only the merchant can revoke the key at the store.

use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::event::{Event, Kind};
use crate::domain::id::StoreId;
use crate::domain::store::Store;
use crate::domain::store_url::StoreUrl;
use crate::flow::open_vault::or_damaged;
use crate::flow::{Beneath, watching::revocation};
use crate::storage::keys::{self, Farewell};
use crate::storage::stores::{self, Served};
use crate::vault::Place;

/// Wipes a store's secrets and returns the store, so that the caller can link to the page that revokes the key. `None` if there is
/// no such store. Repeating it has no further effect.
pub async fn disconnect(app: &App, id: &StoreId, actor: &Actor) -> Result<Option<Store>, Beneath> {
    let Some(served) = stores::served(&app.db, id).await? else { return Ok(None) };
    let now = app.now();
    let event = Event::new(Kind::StoreDisconnected, now, actor).user(&served.store.user_id).store(id);
    if keys::disconnect(&app.db, id, farewell(app, &served).await?.as_ref(), now, &event).await? {
        tracing::info!(store.id = %id, "disconnected {}", served.store.home.shown());
    }
    Ok(Some(served.store))
}

/// The consumer key alone, re-sealed, for the revocation check. A damaged pair is wiped without a check.
async fn farewell(app: &App, served: &Served) -> Result<Option<Farewell>, Beneath> {
    let (Some(key), store) = (&served.key, &served.store) else { return Ok(None) };
    let opened = app.vault.open_pair(&Place::key(&key.id, &store.home, &store.user_id), &key.sealed);
    let Some(pair) = or_damaged(app, &key.sealed, opened).await? else { return Ok(None) };
    let place = Place::revocation(&key.id, &store.home, &store.user_id);
    let revocation = app.vault.seal_secret(&app.entropy, &place, &pair.consumer_key);
    Ok(Some(Farewell { id: key.id.clone(), revocation, ask_at: app.now().plus(revocation::FIRST_AFTER) }))
}

/// The store's page where a merchant revokes this key (docs/protocol/store-answers.md §3). The number of a typed key is unknown
/// (0), and its page would show an empty form; then this is the page that lists all keys.
pub fn revoke_url(home: &StoreUrl, woo_key_id: i64) -> String {
    if woo_key_id == 0 {
        return keys_url(home);
    }
    home.at(&format!("/wp-admin/admin.php?page=wc-settings&tab=advanced&section=keys&edit-key={woo_key_id}"))
}

/// The store's page that lists its keys.
pub fn keys_url(home: &StoreUrl) -> String {
    home.at("/wp-admin/admin.php?page=wc-settings&tab=advanced&section=keys")
}
