//! `GET /api/v1/stores/{id}/keys`, `GET /api/v1/users/{user_id}/keys` and `POST /api/v1/keys`.

use std::convert::Infallible;

use axum::body::{Bytes, HttpBody as _};
use axum::extract::{Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::answers::{self, KeysOrProblem, Note, SeveralKeys};
use super::read::{Borrower, bad, bearer, body, parameter, query};
use crate::app::App;
use crate::domain::{AuthMethod, Granted, StoreId, StoreUrl, UserId};
use crate::flow::lending::lend::{self, Keys, Lent, MOST_AT_ONCE, Several, Which};
use crate::web::edge::{self, Surface};
use crate::web::failure::Failure;
use crate::web::guard::came_from;
use crate::web::problem::Problem;

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

/// A request for one key, as services usually send it: by far the most frequent request. It is answered without the router and its
/// layers, which would take as long as everything else together, but with the same limits, headers and log line.
pub struct Direct {
    of: Of,
    id: String,
}

#[derive(Clone, Copy)]
enum Of {
    Store,
    User,
}

impl Direct {
    /// Recognizes a GET without a body and without encoded characters in its path. The router answers all other requests.
    pub fn of(request: &Request) -> Option<Self> {
        let path = request.uri().path().strip_prefix("/api/v1/")?.strip_suffix("/keys")?;
        let (of, id) = match path.split_once('/')? {
            ("stores", id) => (Of::Store, id),
            ("users", id) => (Of::User, id),
            _ => return None,
        };
        let is_plain = !id.is_empty() && !id.bytes().any(|byte| matches!(byte, b'/' | b'%'));
        let is_usual = is_plain && request.method() == Method::GET && request.body().is_end_stream();
        is_usual.then(|| Self { of, id: id.to_owned() })
    }

    /// Answers the request that this was made of.
    pub async fn answer(self, app: App, request: Request) -> Result<Response, Infallible> {
        let route = match self.of {
            Of::Store => "/api/v1/stores/{id}/keys",
            Of::User => "/api/v1/users/{user_id}/keys",
        };
        let lends = |request: Request| {
            let (app, (parts, _)) = (app.clone(), request.into_parts());
            edge::limited(Surface::Api, async move {
                let client = Borrower { token: bearer(&parts.headers)?, app };
                match self.of {
                    Of::Store => of_store(client, Path(self.id), parts).await,
                    Of::User => of_user(client, Path(self.id), parts).await,
                }
            })
        };
        Ok(edge::around(&app, Surface::Api, Some(route), request, lends).await)
    }
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
        Err(fault) => return Box::pin(client.refuse(fault)).await,
    };
    match lend::keys(&client.app, &request(client, parts)?, &which).await? {
        Lent::Same(etag) => Ok(same(etag)),
        Lent::Keys(keys) => sent(keys.etag(), &show(&keys)),
    }
}

/// Which keys are wanted: `store_ids` or `user_ids`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedKeys {
    /// Stores, by their IDs.
    #[serde(default, deserialize_with = "list")]
    #[schema(value_type = Vec<StoreId>, required = false, min_items = 1, max_items = 500)]
    store_ids: Option<Vec<String>>,
    /// Merchants, each of whom has one store.
    #[serde(default, deserialize_with = "list")]
    #[schema(value_type = Vec<UserId>, required = false, min_items = 1, max_items = 500)]
    user_ids: Option<Vec<String>>,
}

/// A list that is there: null is not one.
fn list<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    Vec::deserialize(from).map(Some)
}

pub async fn of_several(client: Borrower, parts: Parts, bytes: Bytes) -> Result<Response, Failure> {
    let asked = query(parts.uri.query(), &[]).and_then(|_| body(&bytes)).and_then(wanted);
    let (names, which) = match asked {
        Ok(wanted) => wanted,
        Err(fault) => return Box::pin(client.refuse(fault)).await,
    };
    let request = request(&client, &parts)?;
    match lend::several(&client.app, &request, &which).await? {
        Lent::Same(etag) => Ok(same(etag)),
        Lent::Keys(Several { keys, etag }) => {
            let lent: Vec<Result<Box<Keys>, Failure>> =
                keys.into_iter().map(|keys| keys.map(Box::new).map_err(Failure::from)).collect();
            let data = names.iter().zip(&lent).map(|(id, lent)| match lent {
                Ok(keys) => KeysOrProblem { id, keys: Some(show(keys)), problem: None },
                Err(failure) => KeysOrProblem { id, keys: None, problem: Some(Problem::of(failure, request.id)) },
            });
            sent(&etag, &SeveralKeys { data: data.collect() })
        }
    }
}

/// The IDs as they were sent, and what they stand for.
fn wanted(wanted: WantedKeys) -> Result<(Vec<String>, Vec<Which>), Failure> {
    let (field, ids, read): (_, _, fn(&str) -> Option<Which>) = match (wanted.store_ids, wanted.user_ids) {
        (Some(ids), None) => ("store_ids", ids, |id| id.parse().ok().map(Which::Store)),
        (None, Some(ids)) => ("user_ids", ids, |id| id.parse().ok().map(|id| Which::User(id, None))),
        _ => return Err(bad("store_ids", "Send either store_ids or user_ids.".to_owned())),
    };
    if !(1..=MOST_AT_ONCE).contains(&ids.len()) {
        return Err(bad(field, format!("{field} must have 1 to {MOST_AT_ONCE} entries.")));
    }
    let which: Option<Vec<Which>> = ids.iter().map(|id| read(id)).collect();
    let which = which.ok_or_else(|| bad(field, format!("An entry of {field} is not a valid ID.")))?;
    Ok((ids, which))
}

fn request<'a>(client: &'a Borrower, parts: &'a Parts) -> Result<lend::Request<'a>, Failure> {
    Ok(lend::Request {
        token: &client.token,
        id: parts.extensions.get().ok_or_else(|| Failure::broken("the edge gives every request an id"))?,
        from: came_from(&client.app.site, parts),
        has: parts.headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()),
    })
}

fn same(etag: String) -> Response {
    (StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response()
}

fn sent(etag: &str, answer: &impl Serialize) -> Result<Response, Failure> {
    // With room for one key, so that it need not grow.
    let mut body = Vec::with_capacity(1024);
    serde_json::to_writer(&mut body, answer).map_err(Failure::broken)?;
    let etag = HeaderValue::from_str(etag).map_err(Failure::broken)?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json")), (header::ETAG, etag)], body)
        .into_response())
}

fn show(keys: &Keys) -> answers::Keys<'_> {
    let store = keys.store();
    let (first, second) = (keys.pair.consumer_key.expose(), keys.pair.consumer_secret.expose());
    let is_password = store.auth_method == AuthMethod::ApplicationPassword;
    answers::Keys {
        store_id: &store.id,
        user_id: &store.user_id,
        store_url: &store.home,
        api_url: keys.rest().api_url(),
        consumer_key: (!is_password).then_some(first),
        consumer_secret: (!is_password).then_some(second),
        username: is_password.then_some(first),
        password: is_password.then_some(second),
        permissions: Granted::of(store.scope, store.auth_method),
        auth_method: store.auth_method,
        notes: if store.json_has_noise { vec![Note::JsonHasNoise] } else { Vec::new() },
        key_version: keys.version(),
        issued_at: keys.issued_at(),
    }
}
