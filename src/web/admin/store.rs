//! The page of one store, and its actions.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};

use super::guard::{Posted, SignedIn};
use super::show::{Done, Notice, Section, Shell};
use super::store_page::{DisconnectPage, LinkPage, StorePage};
use crate::app::App;
use crate::domain::id::StoreId;
use crate::domain::store::{Store, StoreStatus};
use crate::domain::verdict::Verdict;
use crate::flow::dashboard::history::{self, OfStore};
use crate::flow::watching::watch::{self, Looked};
use crate::flow::{
    connecting::{disconnect, reconnect},
    watching::revocation,
};
use crate::web::failure::Failure;
use crate::web::form::Fields;
use crate::web::page::Page;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/stores/{id}", get(look))
        .route("/admin/stores/{id}/check", post(check))
        .route("/admin/stores/{id}/link", post(make_link))
        .route("/admin/stores/{id}/disconnect", get(ask_before_disconnect).post(disconnect_now))
        .route("/admin/stores/{id}/revoked", post(ask_whether_revoked))
}

async fn look(
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
    who: SignedIn,
) -> Result<Page<StorePage>, Failure> {
    let days = if Fields::of_query(uri.query())?.get("days") == Some("90") { 90 } else { 30 };
    let whole = find(&app, &read_id(&id)?, days).await?;
    Ok(Page(StorePage::new(Shell::new(&app, &who, Section::Stores), whole, days)))
}

async fn check(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { who, .. }: Posted,
) -> Result<Response, Failure> {
    let Looked { store, had_no_turn } = watch::check(&app, &read_id(&id)?, &who.actor).await?.ok_or_else(unknown)?;
    let is_well = store.status == StoreStatus::Connected && store.reason.is_none_or(Verdict::is_works);
    Ok(match store.status {
        // No check was made.
        StoreStatus::Disconnected => Redirect::to(&href(&store.id)).into_response(),
        _ if had_no_turn => Done::to(&href(&store.id), Notice::NoTurn).into_response(),
        _ if is_well => Done::to(&href(&store.id), Notice::CheckedWell).into_response(),
        _ => Done::to(&href(&store.id), Notice::CheckedBad).into_response(),
    })
}

async fn make_link(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { who, .. }: Posted,
) -> Result<Page<LinkPage>, Failure> {
    let (store, link, url) = reconnect::link(&app, &read_id(&id)?, &who.actor).await?.ok_or_else(unknown)?;
    let shell = Shell::new(&app, &who, Section::Stores);
    Ok(Page(LinkPage { shell, store, link, url: url.expose().to_owned() }))
}

async fn ask_before_disconnect(
    State(app): State<App>,
    Path(id): Path<String>,
    who: SignedIn,
) -> Result<Response, Failure> {
    let OfStore { store, readers, .. } = find(&app, &read_id(&id)?, 30).await?;
    if store.status == StoreStatus::Disconnected {
        return Ok(Redirect::to(&href(&store.id)).into_response());
    }
    let shell = Shell::new(&app, &who, Section::Stores);
    Ok(Page(DisconnectPage { shell, store, readers }).into_response())
}

async fn disconnect_now(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { who, .. }: Posted,
) -> Result<Done, Failure> {
    let store: Store = disconnect::disconnect(&app, &read_id(&id)?, &who.actor).await?.ok_or_else(unknown)?;
    Ok(Done::to(&href(&store.id), Notice::Disconnected))
}

async fn ask_whether_revoked(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { who, .. }: Posted,
) -> Result<Response, Failure> {
    let id = read_id(&id)?;
    let told = revocation::ask_now(&app, &id, &who.actor).await?;
    let notice = if told.is_empty() {
        return Ok(Redirect::to(&href(&id)).into_response());
    } else if told.contains(&Verdict::SecretRejected) {
        Notice::KeyStillThere
    } else if told.iter().all(|verdict| *verdict == Verdict::KeyRejected) {
        Notice::KeyRevoked
    } else {
        Notice::KeyNotTold
    };
    Ok(Done::to(&href(&id), notice).into_response())
}

async fn find(app: &App, id: &StoreId, days: u64) -> Result<OfStore, Failure> {
    history::of_store(app, id, days).await?.ok_or_else(unknown)
}

fn read_id(id: &str) -> Result<StoreId, Failure> {
    id.parse().map_err(|_| unknown())
}

fn unknown() -> Failure {
    Failure::not_found(
        "There is no store with this ID. Search for it in the list of stores: the ID may be spelled differently.",
    )
}

fn href(id: &StoreId) -> String {
    format!("/admin/stores/{id}")
}
