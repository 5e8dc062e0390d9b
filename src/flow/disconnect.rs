//! Disconnect: Cartkey forgets its copy; only the merchant can revoke the key at the store.

use super::Beneath;
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::event::{Event, Kind};
use crate::domain::id::StoreId;
use crate::domain::store::Store;
use crate::domain::store_url::StoreUrl;
use crate::storage::stores;

/// Wipes a store's secrets and gives the store back, for where to revoke its key; `None` when there is no such store.
/// Disconnecting twice is the same as once.
pub async fn disconnect(app: &App, id: &StoreId, actor: &Actor) -> Result<Option<Store>, Beneath> {
    let Some(store) = stores::find(&app.db, id).await? else { return Ok(None) };
    let now = app.now();
    let event = Event::new(Kind::StoreDisconnected, now, actor).user(&store.user_id).store(id);
    if stores::disconnect(&app.db, id, now, &event).await? {
        tracing::info!(store.id = %id, "disconnected {}", store.home.shown());
    }
    Ok(Some(store))
}

/// The page of the store where a merchant revokes the key with this number (store-answers.md §3).
pub fn revoke_url(home: &StoreUrl, woo_key_id: i64) -> String {
    home.at(&format!("/wp-admin/admin.php?page=wc-settings&tab=advanced&section=keys&edit-key={woo_key_id}"))
}

/// The page of the store that lists its keys.
pub fn keys_url(home: &StoreUrl) -> String {
    home.at("/wp-admin/admin.php?page=wc-settings&tab=advanced&section=keys")
}
