//! `GET /api/v1/stores/{id}/keys` and `GET /api/v1/users/{user_id}/keys`.

use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::answers;
use super::read::{allowed, bad, bearer, parameter, query};
use crate::app::App;
use crate::domain::id::RequestId;
use crate::domain::store_url::StoreUrl;
use crate::domain::token::Permission;
use crate::flow::lending::lend::{self, Keys, Lent, Which};
use crate::web::failure::Failure;
use crate::web::guard::came_from;

pub async fn of_store(State(app): State<App>, Path(id): Path<String>, request: Request) -> Result<Response, Failure> {
    let (parts, _) = request.into_parts();
    let which = query(&parts, &[]).and_then(|_| {
        let id = id.parse().map_err(|_| Failure::from(lend::Error::NotFound))?;
        Ok(Which::Store(id))
    });
    lend(&app, &parts, which).await
}

pub async fn of_user(
    State(app): State<App>,
    Path(user_id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, _) = request.into_parts();
    let which = which_of_user(&app, &user_id, &parts);
    lend(&app, &parts, which).await
}

fn which_of_user(app: &App, user_id: &str, parts: &Parts) -> Result<Which, Failure> {
    let pairs = query(parts, &["store_url"])?;
    let user_id = user_id.parse().map_err(|fault| bad("user_id", format!("{fault}.")))?;
    let home = match parameter::<String>(&pairs, "store_url", "a store's address")? {
        None => None,
        Some(typed) => {
            Some(StoreUrl::typed(&typed, app.site.network).map_err(|fault| bad("store_url", fault.to_string()))?)
        }
    };
    Ok(Which::User(user_id, home))
}

async fn lend(app: &App, parts: &Parts, which: Result<Which, Failure>) -> Result<Response, Failure> {
    let which = match which {
        Ok(which) => which,
        Err(fault) => {
            // Without permission, a client does not even learn what is wrong with its request.
            allowed(app, parts, Permission::KeysRead).await?;
            return Err(fault);
        }
    };
    let token = bearer(&parts.headers)?;
    let id =
        parts.extensions.get::<RequestId>().ok_or_else(|| Failure::broken("the edge gives every request an id"))?;
    let request = lend::Request {
        token: &token,
        id,
        from: came_from(&app.site, parts),
        has: parts.headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()),
    };
    match lend::keys(app, &request, &which).await? {
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
        api_url: store.home.api_url(),
        consumer_key: keys.pair.consumer_key.expose(),
        consumer_secret: keys.pair.consumer_secret.expose(),
        permissions: store.scope,
        auth_method: store.auth_method,
        key_version: keys.version(),
        issued_at: keys.issued_at(),
    };
    let body = serde_json::to_vec(&shown).map_err(Failure::broken)?;
    let etag = HeaderValue::from_str(&keys.etag).map_err(Failure::broken)?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json")), (header::ETAG, etag)], body)
        .into_response())
}
