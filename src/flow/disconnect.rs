//! Disconnect: Cartkey forgets its copy; only the merchant can revoke the key at the store.

use super::{Beneath, parting};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::event::{Event, Kind};
use crate::domain::id::StoreId;
use crate::domain::store::Store;
use crate::domain::store_url::StoreUrl;
use crate::storage::keys::{self, Farewell};
use crate::storage::stores::{self, Served};
use crate::vault::Place;

/// Wipes a store's secrets and gives the store back, for where to revoke its key; `None` when there is no such store.
/// Disconnecting twice is the same as once.
pub async fn disconnect(app: &App, id: &StoreId, actor: &Actor) -> Result<Option<Store>, Beneath> {
    let Some(served) = stores::served(&app.db, id).await? else { return Ok(None) };
    let now = app.now();
    let event = Event::new(Kind::StoreDisconnected, now, actor).user(&served.store.user_id).store(id);
    if keys::disconnect(&app.db, id, farewell(app, &served).as_ref(), now, &event).await? {
        tracing::info!(store.id = %id, "disconnected {}", served.store.home.shown());
    }
    Ok(Some(served.store))
}

/// The consumer key alone, sealed anew. A pair that does not open is wiped all the same, and nobody asks about it.
fn farewell(app: &App, served: &Served) -> Option<Farewell> {
    let (key, store) = (served.key.as_ref()?, &served.store);
    let pair = app.vault.open_pair(&Place::key(&key.id, &store.home, &store.user_id), &key.sealed).ok()?;
    let place = Place::parting(&key.id, &store.home, &store.user_id);
    let parting = app.vault.seal_secret(&app.entropy, &place, &pair.consumer_key);
    Some(Farewell { id: key.id.clone(), parting, ask_at: app.now().plus(parting::FIRST_AFTER) })
}

/// The page of the store where a merchant revokes the key with this number (docs/protocol/store-answers.md §3). Of a key that was typed
/// the number is not known (0), and its page would show an empty form: then it is the page that lists all keys.
pub fn revoke_url(home: &StoreUrl, woo_key_id: i64) -> String {
    if woo_key_id == 0 {
        return keys_url(home);
    }
    home.at(&format!("/wp-admin/admin.php?page=wc-settings&tab=advanced&section=keys&edit-key={woo_key_id}"))
}

/// The page of the store that lists its keys.
pub fn keys_url(home: &StoreUrl) -> String {
    home.at("/wp-admin/admin.php?page=wc-settings&tab=advanced&section=keys")
}
