//! Export: every served key in plain text, for another installation or system. The export is recorded before the first key is
//! returned.

use crate::app::App;
use crate::domain::{Actor, Event, Granted, KeyPair, Kind, StoreId, StoreUrl, UserId};
use crate::flow::Beneath;
use crate::storage::{events, keys};
use crate::vault::Place;

/// Keys per batch.
const PAGE: i64 = 200;

/// One store with its key.
pub struct Entry {
    pub store_id: StoreId,
    /// The merchant who owns it.
    pub user_id: UserId,
    pub home: StoreUrl,
    /// What the key may do.
    pub granted: Granted,
    /// The key; `None` if it does not open.
    pub pair: Option<KeyPair>,
}

/// An export in progress. Only [`begin`] creates one, so every export is recorded.
pub struct Export<'a> {
    app: &'a App,
    after: Option<StoreId>,
}

/// Records and starts an export.
pub async fn begin<'a>(app: &'a App, actor: &Actor) -> Result<Export<'a>, Beneath> {
    events::insert(&app.db, &Event::new(Kind::KeysExported, app.now(), actor)).await?;
    Ok(Export { app, after: None })
}

impl Export<'_> {
    /// The next batch; empty at the end. Disconnected stores have no key and are left out.
    pub async fn next(&mut self) -> Result<Vec<Entry>, Beneath> {
        let held = keys::held(&self.app.db, self.after.as_ref(), PAGE).await?;
        if let Some(last) = held.last() {
            self.after = Some(last.store_id.clone());
        }
        let entry = |key: keys::SealedKey| Entry {
            pair: self.app.vault.open_pair(&Place::key(&key.id, &key.home, &key.user_id), &key.sealed).ok(),
            store_id: key.store_id,
            user_id: key.user_id,
            home: key.home,
            granted: Granted::of(key.scope, key.auth_method),
        };
        Ok(held.into_iter().map(entry).collect())
    }
}
