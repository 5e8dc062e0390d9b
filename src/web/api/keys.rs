//! `GET /api/v1/stores/{id}/keys` and `GET /api/v1/users/{user_id}/keys`.

use axum::extract::Path;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::answers::{self, Note};
use super::read::{Borrower, bad, parameter, query};
use crate::app::App;
use crate::domain::{RequestId, StoreUrl};
use crate::flow::lending::lend::{self, Keys, Lent, Which};
use crate::web::failure::Failure;
use crate::web::guard::came_from;

pub async fn of_store(client: Borrower, Path(id): Path<String>, parts: Parts) -> Result<Response, Failure> {
    let which = query(parts.uri.query(), &[]).and_then(|_| {
        let id = id.parse().map_err(|_| Failure::from(lend::Error::NotFound))?;
        Ok(Which::Store(id))
    });
    lend(&client, &parts, which).await
}

pub async fn of_user(client: Borrower, Path(user_id): Path<String>, parts: Parts) -> Result<Response, Failure> {
    let which = which_of_user(&client.app, &user_id, &parts);
    lend(&client, &parts, which).await
}

fn which_of_user(app: &App, user_id: &str, parts: &Parts) -> Result<Which, Failure> {
    let pairs = query(parts.uri.query(), &["store_url"])?;
    let user_id = user_id.parse().map_err(|fault| bad("user_id", format!("{fault}.")))?;
    let typed = parameter::<String>(&pairs, "store_url", "a store's address")?;
    let home = typed.map(|typed| StoreUrl::typed(&typed, app.site.network)).transpose();
    Ok(Which::User(user_id, home.map_err(|fault| bad("store_url", fault.to_string()))?))
}

async fn lend(client: &Borrower, parts: &Parts, which: Result<Which, Failure>) -> Result<Response, Failure> {
    let which = match which {
        Ok(which) => which,
        Err(fault) => return client.refuse(fault).await,
    };
    let id =
        parts.extensions.get::<RequestId>().ok_or_else(|| Failure::broken("the edge gives every request an id"))?;
    let request = lend::Request {
        token: &client.token,
        id,
        from: came_from(&client.app.site, parts),
        has: parts.headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()),
    };
    match lend::keys(&client.app, &request, &which).await? {
        Lent::Same(etag) => Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response()),
        Lent::Keys(keys) => show(&keys),
    }
}

fn show(keys: &Keys) -> Result<Response, Failure> {
    let store = keys.store();
    let shown = answers::Keys {
        store_id: &store.id,
        user_id: &store.user_id,
        store_url: &store.home,
        api_url: store.rest().api_url(),
        consumer_key: keys.pair.consumer_key.expose(),
        consumer_secret: keys.pair.consumer_secret.expose(),
        permissions: store.scope,
        auth_method: store.auth_method,
        notes: if store.json_has_noise { vec![Note::JsonHasNoise] } else { Vec::new() },
        key_version: keys.version(),
        issued_at: keys.issued_at(),
    };
    let body = serde_json::to_vec(&shown).map_err(Failure::broken)?;
    let etag = HeaderValue::from_str(&keys.etag).map_err(Failure::broken)?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json")), (header::ETAG, etag)], body)
        .into_response())
}
