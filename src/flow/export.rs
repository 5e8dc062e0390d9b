//! Export: every key that is served, in the open, for another installation or another system. It is on record before the
//! first key leaves.

use super::Beneath;
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::event::{Event, Kind};
use crate::domain::id::StoreId;
use crate::domain::key::KeyPair;
use crate::domain::scope::Scope;
use crate::domain::store_url::StoreUrl;
use crate::domain::user_id::UserId;
use crate::storage::{events, keys};
use crate::vault::Place;

/// Keys that are read at a time.
const PAGE: i64 = 200;

/// One store with its key.
pub struct Entry {
    /// The store.
    pub store_id: StoreId,
    /// Whose it is.
    pub user_id: UserId,
    /// Its address.
    pub home: StoreUrl,
    /// What the key may do.
    pub scope: Scope,
    /// The key; `None` when its seal does not open.
    pub pair: Option<KeyPair>,
}

/// An export under way; made only by [`begin`], so none is without its record.
pub struct Export<'a> {
    app: &'a App,
    after: Option<StoreId>,
}

/// Puts the export on record.
pub async fn begin<'a>(app: &'a App, actor: &Actor) -> Result<Export<'a>, Beneath> {
    events::insert(&app.db, &Event::new(Kind::KeysExported, app.now(), actor)).await?;
    Ok(Export { app, after: None })
}

impl Export<'_> {
    /// The next stores; none at the end. A store that was disconnected has no key and is left out.
    pub async fn next(&mut self) -> Result<Vec<Entry>, Beneath> {
        let held = keys::held(&self.app.db, self.after.as_ref(), PAGE).await?;
        if let Some(last) = held.last() {
            self.after = Some(last.store_id.clone());
        }
        let entry = |key: keys::Held| Entry {
            pair: self.app.vault.open_pair(&Place::key(&key.id, &key.home, &key.user_id), &key.sealed).ok(),
            store_id: key.store_id,
            user_id: key.user_id,
            home: key.home,
            scope: key.scope,
        };
        Ok(held.into_iter().map(entry).collect())
    }
}
