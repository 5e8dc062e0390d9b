//! `/api/v1/stores`: lists and single stores, without their secrets.

use axum::Json;
use axum::extract::{Path, RawQuery};

use super::answers::{Disconnected, Store, StoreList};
use super::read::{Allowed, StoresRead, StoresWrite, bad, cursor, limit, parameter, query};
use crate::app::App;
use crate::domain::store;
use crate::domain::{ServiceToken, StoreId, StoreStatus};
use crate::flow::dashboard::store_list::{self, Filter};
use crate::flow::dashboard::stores;
use crate::flow::{connecting::disconnect, watching::watch};
use crate::web::failure::Failure;

pub async fn list(client: Allowed<StoresRead>, RawQuery(text): RawQuery) -> Result<Json<StoreList>, Failure> {
    let pairs = query(text.as_deref(), &["user_id", "status", "q", "limit", "cursor"])?;
    let status = match parameter::<String>(&pairs, "status", "a status")? {
        None => None,
        Some(text) => {
            let says =
                || bad("status", "status must be connected, unauthorized, unreachable or disconnected.".to_owned());
            Some(StoreStatus::from_text(&text).ok_or_else(says)?)
        }
    };
    // An unused search field is sent empty.
    let q = parameter::<String>(&pairs, "q", "text")?.filter(|q| !q.is_empty());
    if q.as_ref().is_some_and(|q| q.chars().any(char::is_control)) {
        return Err(bad("q", "q must be text without control characters.".to_owned()));
    }
    let filter = Filter {
        user_id: parameter(&pairs, "user_id", "1 to 128 visible ASCII characters")?,
        users: client.token.users.clone(),
        status,
        q,
        ..Filter::default()
    };
    let after: Option<StoreId> = cursor(&pairs)?;
    let page = store_list::list(&client.app, &filter, after.as_ref(), limit(&pairs)?).await?;
    Ok(Json(StoreList { data: page.rows.iter().map(Store::from).collect(), next_cursor: page.next }))
}

pub async fn look(client: Allowed<StoresRead>, Path(id): Path<String>) -> Result<Json<Store>, Failure> {
    Ok(Json(Store::from(&reached(&client.app, &client.token, &id).await?)))
}

pub async fn check(client: Allowed<StoresWrite>, Path(id): Path<String>) -> Result<Json<Store>, Failure> {
    let id = reached(&client.app, &client.token, &id).await?.id;
    let looked = watch::report(&client.app, &id, &client.actor).await?.ok_or_else(gone)?;
    if looked.had_no_turn {
        return Err(Failure::no_turn());
    }
    if let Some(pause) = looked.pause {
        return Err(Failure::later(pause));
    }
    Ok(Json(Store::from(&looked.store)))
}

pub async fn disconnect(client: Allowed<StoresWrite>, Path(id): Path<String>) -> Result<Json<Disconnected>, Failure> {
    let id = reached(&client.app, &client.token, &id).await?.id;
    let ended = disconnect::disconnect(&client.app, &id, &client.actor).await?.ok_or_else(gone)?;
    let (store, revoked) = (ended.store, ended.revoked);
    let revoke_url = disconnect::revoke_url(&store.home, store.auth_method, store.woo_key_id);
    Ok(Json(Disconnected { revoke_url, key_last7: store.key_last7, revoked }))
}

/// The store with this ID. One that the token may not see is reported as not found.
async fn reached(app: &App, token: &ServiceToken, id: &str) -> Result<store::Store, Failure> {
    let id: StoreId = id.parse().map_err(|_| gone())?;
    stores::find_for(app, token, &id).await?.ok_or_else(gone)
}

fn gone() -> Failure {
    Failure::not_found("There is no such store.")
}
