//! `/api/v1/links`, and confirming an attempt from the application.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::answers::{Link, LinkList, MadeLink, Store};
use super::read::{Allowed, LinksWrite, bad, body, cursor, limit, parameter, query, whole};
use crate::app::App;
use crate::domain::{AttemptId, Confirm, LinkId, LinkState, Scope, Secret, StoreId, StoreUrl, UserId};
use crate::flow::connecting::links::{self, Filter};
use crate::flow::connecting::return_leg::{self, ConfirmError};
use crate::flow::dashboard::stores;
use crate::web::failure::Failure;

/// A link to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLink {
    /// Your application's ID of the merchant.
    #[schema(value_type = UserId)]
    user_id: String,
    /// The account's name in your application, shown to the merchant. No control characters.
    #[schema(min_length = 1, max_length = 80)]
    account_label: Option<String>,
    /// The store's address, if you know it, in any form. The merchant can change it unless `store_id` is given.
    #[schema(max_length = 2000, examples("shop.example"))]
    store_url: Option<String>,
    /// Reconnect this store of the merchant, and accept no other.
    #[schema(value_type = Option<StoreId>)]
    store_id: Option<String>,
    /// The scope to request; by default `CARTKEY_SCOPE`.
    #[schema(value_type = Option<Scope>)]
    scope: Option<String>,
    /// Where to send the merchant afterwards. Its origin must be listed in `CARTKEY_RETURN_ORIGINS`.
    #[schema(format = "uri", max_length = 2000)]
    return_url: Option<String>,
    /// Who must confirm the approval; by default `browser`. `app` requires a `return_url`.
    #[schema(value_type = Option<Confirm>)]
    confirm: Option<String>,
    /// How long the link is valid, in seconds; by default 1800.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 60, maximum = 2_592_000)]
    expires_in: Option<u64>,
}

/// The warning about a link that neither shows nor checks whose account the store will belong to.
const UNNAMED: &str = "Whoever is sent this link connects their store to this account, and nothing shows them whose it is. Send confirm: \"app\" with a return_url, or at least account_label.";

pub async fn make(client: Allowed<LinksWrite>, bytes: Bytes) -> Result<Response, Failure> {
    let Allowed { app, token, actor, .. } = client;
    let (link, url) = links::make_for(&app, &token, new_link(&app, body(&bytes)?)?, &actor).await?;
    let is_unnamed = link.confirm == Confirm::Browser && link.account_label.is_none() && link.store_id.is_none();
    let made = MadeLink {
        id: &link.id,
        url: url.expose(),
        user_id: &link.user_id,
        expires_at: link.expires_at,
        warning: is_unnamed.then_some(UNNAMED),
    };
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

pub async fn list(client: Allowed<LinksWrite>, RawQuery(text): RawQuery) -> Result<Json<LinkList>, Failure> {
    let pairs = query(text.as_deref(), &["user_id", "status", "limit", "cursor"])?;
    let state = match parameter::<String>(&pairs, "status", "a status")? {
        None => None,
        Some(text) => {
            let says = || bad("status", "status must be open, used, expired or withdrawn.".to_owned());
            Some(LinkState::from_text(&text).ok_or_else(says)?)
        }
    };
    let filter = Filter {
        state,
        user_id: parameter(&pairs, "user_id", "1 to 128 visible ASCII characters")?,
        users: client.token.users.clone(),
        before: cursor(&pairs)?,
    };
    let page = links::list(&client.app, &filter, limit(&pairs)?).await?;
    let now = client.app.now();
    let data = page.rows.into_iter().map(|listed| Link::of_list(now, listed)).collect();
    Ok(Json(LinkList { data, next_cursor: page.next }))
}

pub async fn look(
    client: Allowed<LinksWrite>,
    Path(id): Path<String>,
    RawQuery(text): RawQuery,
) -> Result<Json<Link>, Failure> {
    let expands = client.expands_stores(&query(text.as_deref(), &["expand"])?)?;
    let Allowed { app, token, .. } = client;
    let (link, attempt) = links::look_for(&app, &token, &read_id(&id)?).await?.ok_or_else(gone)?;
    let mut link = Link::at(app.now(), link, attempt);
    if let Some(attempt) = link.attempt.as_mut().filter(|_| expands)
        && let Some(id) = &attempt.store_id
    {
        attempt.store = stores::find_for(&app, &token, id).await?.as_ref().map(Store::from);
    }
    Ok(Json(link))
}

pub async fn withdraw(client: Allowed<LinksWrite>, Path(id): Path<String>) -> Result<Json<Link>, Failure> {
    let Allowed { app, token, actor, .. } = client;
    let (link, attempt) = links::withdraw_for(&app, &token, &read_id(&id)?, &actor).await?.ok_or_else(gone)?;
    Ok(Json(Link::at(app.now(), link, attempt)))
}

fn read_id(id: &str) -> Result<LinkId, Failure> {
    id.parse().map_err(|_| gone())
}

fn gone() -> Failure {
    Failure::not_found("There is no such link.")
}

/// Confirms an attempt.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// The one-time code from the query of your `return_url`.
    #[schema(value_type = String)]
    code: Secret,
    /// The user who is signed in to your application. If this is not the attempt's `user_id`, Cartkey confirms nothing.
    /// Always send it: it protects you from forwarded links, which could connect someone else's store.
    #[schema(value_type = Option<UserId>)]
    user_id: Option<String>,
}

pub async fn confirm(
    client: Allowed<LinksWrite>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Store>, Failure> {
    let Allowed { app, token, actor, .. } = client;
    let Confirmation { code, user_id } = body(&bytes)?;
    let signed_in: Option<UserId> = read(user_id, "user_id")?;
    let id: AttemptId = id.parse().map_err(|_| Failure::not_found("There is no such attempt."))?;
    let confirmed = return_leg::confirm_by_app(&app, &id, &code, signed_in.as_ref(), &token, &actor).await;
    let store = confirmed.map_err(|error| match error {
        ConfirmError::Code => {
            let back = format!("{}/connect/attempts/{id}", app.site.public_url);
            Failure::from(error).with("attempt_url", json!(back))
        }
        error => error.into(),
    })?;
    Ok(Json(Store::from(&store)))
}

fn new_link(app: &App, asked: NewLink) -> Result<links::NewLink, Failure> {
    let home = asked
        .store_url
        .map(|typed| StoreUrl::typed(&typed, app.site.network))
        .transpose()
        .map_err(|fault| Failure::invalid("store_url", fault.to_string()))?;
    let confirm = match asked.confirm.as_deref() {
        None | Some("browser") => Confirm::Browser,
        Some("app") => Confirm::App,
        Some(_) => return Err(Failure::invalid("confirm", "confirm must be browser or app.")),
    };
    Ok(links::NewLink {
        user_id: asked.user_id.parse().map_err(|fault| Failure::invalid("user_id", format!("{fault}.")))?,
        account_label: asked.account_label,
        home,
        store_id: read(asked.store_id, "store_id")?,
        scope: read(asked.scope, "scope")?,
        return_url: asked.return_url,
        confirm,
        lives: asked.expires_in.map(Duration::from_secs),
    })
}

fn read<T: std::str::FromStr<Err: std::fmt::Display>>(text: Option<String>, field: &str) -> Result<Option<T>, Failure> {
    text.map(|text| text.parse().map_err(|fault: T::Err| Failure::invalid(field, format!("{fault}.")))).transpose()
}
