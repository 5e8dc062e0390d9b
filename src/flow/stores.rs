//! Stores, looked at.

use super::Beneath;
use crate::app::App;
use crate::domain::id::StoreId;
use crate::domain::key::Key;
use crate::domain::store::Store;
use crate::domain::token::ServiceToken;
use crate::storage::{keys, stores};

/// The store with this id, if the token may reach it: for a token, any other is not there.
pub async fn find_for(app: &App, token: &ServiceToken, id: &StoreId) -> Result<Option<Store>, Beneath> {
    Ok(find(app, id).await?.filter(|store| token.may_reach(&store.user_id)))
}

/// The store with this id.
pub async fn find(app: &App, id: &StoreId) -> Result<Option<Store>, Beneath> {
    Ok(stores::find(&app.db, id).await?)
}

/// The versions of a store's key, the newest first; the newest fifty.
pub async fn versions(app: &App, id: &StoreId) -> Result<Vec<Key>, Beneath> {
    Ok(keys::of_store(&app.db, id, 50).await?)
}
