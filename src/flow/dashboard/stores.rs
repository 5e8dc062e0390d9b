//! Reads one store and its key versions.

use crate::app::App;
use crate::domain::{Key, ServiceToken, Store, StoreId};
use crate::flow::Beneath;
use crate::storage::{keys, stores};

/// The store with this id, if the token may see it; otherwise `None`, as for an unknown id.
pub async fn find_for(app: &App, token: &ServiceToken, id: &StoreId) -> Result<Option<Store>, Beneath> {
    Ok(find(app, id).await?.filter(|store| token.may_see(&store.user_id)))
}

pub async fn find(app: &App, id: &StoreId) -> Result<Option<Store>, Beneath> {
    Ok(stores::find(&app.db, id).await?)
}

/// The newest fifty versions of a store's key, newest first.
pub async fn versions(app: &App, id: &StoreId) -> Result<Vec<Key>, Beneath> {
    Ok(keys::of_store(&app.db, id, 50).await?)
}
