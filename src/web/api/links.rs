//! `/api/v1/links`, and the application's confirmation of an attempt.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::read::{allowed, body};
use super::stores;
use crate::app::App;
use crate::domain::attempt::Attempt;
use crate::domain::id::{AttemptId, LinkId};
use crate::domain::link::{Confirm, Link};
use crate::domain::secret::Secret;
use crate::domain::store_url::StoreUrl;
use crate::domain::token::Permission;
use crate::flow::links::{self, Wish};
use crate::flow::return_leg;
use crate::web::failure::Failure;
use crate::web::guard;

/// The body of `POST /api/v1/links`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewLink {
    user_id: String,
    account_label: Option<String>,
    store_url: Option<String>,
    store_id: Option<String>,
    scope: Option<String>,
    return_url: Option<String>,
    confirm: Option<String>,
    expires_in: Option<u64>,
}

pub async fn make(State(app): State<App>, parts: Parts, bytes: Bytes) -> Result<Response, Failure> {
    let token = allowed(&app, &parts, Permission::LinksWrite).await?;
    let wish = wish(&app, body(&bytes)?)?;
    let (link, url) = links::make_for(&app, &token, wish, &guard::actor(&app, &parts, token.id.as_str())).await?;
    let shown = json!({"id": link.id, "url": url.expose(), "user_id": link.user_id, "expires_at": link.expires_at});
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

pub async fn look(State(app): State<App>, Path(id): Path<String>, parts: Parts) -> Result<Json<Value>, Failure> {
    let token = allowed(&app, &parts, Permission::LinksWrite).await?;
    let gone = || Failure::not_found("There is no such link.");
    let id: LinkId = id.parse().map_err(|_| gone())?;
    let (link, attempt) = links::look_for(&app, &token, &id).await?.ok_or_else(gone)?;
    Ok(Json(show(&app, &link, attempt.as_ref())))
}

/// The body of `POST /api/v1/attempts/{id}/confirm`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    code: Secret,
}

pub async fn confirm(
    State(app): State<App>,
    Path(id): Path<String>,
    parts: Parts,
    bytes: Bytes,
) -> Result<Json<Value>, Failure> {
    let token = allowed(&app, &parts, Permission::LinksWrite).await?;
    let Code { code } = body(&bytes)?;
    let id: AttemptId = id.parse().map_err(|_| Failure::not_found("There is no such attempt."))?;
    let actor = guard::actor(&app, &parts, token.id.as_str());
    let store = return_leg::confirm_by_app(&app, &id, &code, &token, &actor).await?;
    Ok(Json(stores::show(&store)))
}

fn wish(app: &App, asked: NewLink) -> Result<Wish, Failure> {
    let home = asked
        .store_url
        .map(|typed| StoreUrl::parse(&typed, app.site.reach))
        .transpose()
        .map_err(|fault| Failure::invalid("store_url", fault.to_string()))?;
    let confirm = match asked.confirm.as_deref() {
        None | Some("browser") => Confirm::Browser,
        Some("app") => Confirm::App,
        Some(_) => return Err(Failure::invalid("confirm", "confirm must be browser or app.")),
    };
    Ok(Wish {
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

/// A link as services see it, without the address that opens it: that was given once, when the link was made.
fn show(app: &App, link: &Link, attempt: Option<&Attempt>) -> Value {
    let attempt = attempt.map(|attempt| {
        json!({
            "id": attempt.id,
            "status": attempt.status_at(app.now()),
            "reason": attempt.reason,
            "store_id": attempt.store_id,
        })
    });
    json!({
        "id": link.id,
        "user_id": link.user_id,
        "account_label": link.account_label,
        "store_url": link.home,
        "store_id": link.store_id,
        "scope": link.scope,
        "return_url": link.return_url,
        "confirm": link.confirm,
        "created_at": link.created_at,
        "expires_at": link.expires_at,
        "withdrawn_at": link.withdrawn_at,
        "attempt": attempt,
    })
}
