//! Disconnect: deletes our copy of a store's key. Only the merchant can revoke a key at the store, but an application password is
//! deleted there too.

use crate::app::App;
use crate::domain::{Actor, AuthMethod, Event, Kind, Store, StoreId, StoreUrl};
use crate::flow::{Beneath, watching::revocation};
use crate::storage::{keys, stores};

/// The result of [`disconnect`].
#[derive(Debug)]
pub struct Disconnected {
    pub store: Store,
    /// Whether the store has deleted its application password. Cartkey cannot revoke a key.
    pub revoked: bool,
}

/// Wipes a store's secrets and returns the store, so that the caller can link to the page that revokes the key. `None` if there is
/// no such store. Repeating it has no further effect.
///
/// An application password is deleted at the store at once. If that fails, it is stored and tried again, for thirty days at most:
/// it would work there for as long as nobody deletes it.
pub async fn disconnect(app: &App, id: &StoreId, actor: &Actor) -> Result<Option<Disconnected>, Beneath> {
    let Some(served) = stores::served(&app.db, id).await? else { return Ok(None) };
    let now = app.now();
    let event = Event::new(Kind::StoreDisconnected, now, actor).user(&served.store.user_id).store(id);
    let farewell = revocation::farewell(app, &served).await?;
    if keys::disconnect(&app.db, &served.store, farewell.as_ref(), now, &event).await? {
        tracing::info!(store.id = %id, "disconnected {}", served.store.home.shown());
    }
    let mut revoked = false;
    if served.store.auth_method == AuthMethod::ApplicationPassword {
        revocation::ask_now(app, id, actor).await?;
        let last = keys::of_store(&app.db, id, 1).await?.into_iter().next();
        revoked = last.is_some_and(|key| key.revoked_at.is_some());
    }
    Ok(Some(Disconnected { store: served.store, revoked }))
}

/// The store's page where a merchant revokes what was accepted by `method` (docs/protocol/store-answers.md §3). The number of a
/// typed key is unknown (0), and its page would show an empty form; then this is the page that lists all keys.
pub fn revoke_url(home: &StoreUrl, method: AuthMethod, woo_key_id: i64) -> String {
    match (method, woo_key_id) {
        (AuthMethod::ApplicationPassword, _) => passwords_url(home),
        (_, 0) => keys_url(home),
        _ => home.at(&format!("/wp-admin/admin.php?page=wc-settings&tab=advanced&section=keys&edit-key={woo_key_id}")),
    }
}

/// The store's page that lists its keys.
pub fn keys_url(home: &StoreUrl) -> String {
    home.at("/wp-admin/admin.php?page=wc-settings&tab=advanced&section=keys")
}

/// The store's page that lists the application passwords of the user who is logged in there.
pub fn passwords_url(home: &StoreUrl) -> String {
    home.at("/wp-admin/profile.php#application-passwords-section")
}
