//! The page of one store, and its actions.

use axum::Router;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};

use super::guard::{Id, Posted, SignedIn, unknown};
use super::show::{Done, Notice, Section};
use super::store_page::{DisconnectPage, LinkPage, StorePage};
use crate::app::App;
use crate::domain::{AuthMethod, StoreId, StoreStatus, Verdict};
use crate::flow::dashboard::history::{self, OfStore};
use crate::flow::watching::watch::{self, Looked};
use crate::flow::{
    connecting::{disconnect, reconnect},
    watching::revocation,
};
use crate::web::failure::Failure;
use crate::web::page::Page;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/stores/{id}", get(look))
        .route("/admin/stores/{id}/check", post(check))
        .route("/admin/stores/{id}/link", post(make_link))
        .route("/admin/stores/{id}/disconnect", get(ask_before_disconnect).post(disconnect_now))
        .route("/admin/stores/{id}/revoked", post(ask_whether_revoked))
}

async fn look(who: SignedIn, Id(id): Id<StoreId>) -> Result<Page<StorePage>, Failure> {
    let days = if who.query.get("days") == Some("90") { 90 } else { 30 };
    let whole = find(&who.app, &id, days).await?;
    Ok(Page(StorePage::new(who.shell(Section::Stores), whole, days)))
}

async fn check(Id(id): Id<StoreId>, Posted { who, .. }: Posted) -> Result<Response, Failure> {
    let checked = watch::check(&who.app, &id, &who.actor).await?;
    let Looked { store, had_no_turn, .. } = checked.ok_or_else(unknown::<StoreId>)?;
    let is_well = store.status == StoreStatus::Connected && store.reason.is_none_or(Verdict::is_works);
    let notice = match store.status {
        // No check was made.
        StoreStatus::Disconnected => return Ok(Redirect::to(&href(&id)).into_response()),
        _ if had_no_turn => Notice::NoTurn,
        _ if is_well => Notice::CheckedWell,
        _ => Notice::CheckedBad,
    };
    Ok(Done::to(&href(&id), notice).into_response())
}

async fn make_link(Id(id): Id<StoreId>, Posted { who, .. }: Posted) -> Result<Page<LinkPage>, Failure> {
    let made = reconnect::link(&who.app, &id, &who.actor).await?;
    let (store, link, url) = made.ok_or_else(unknown::<StoreId>)?;
    Ok(Page(LinkPage { shell: who.shell(Section::Stores), store, link, url: url.expose().to_owned() }))
}

async fn ask_before_disconnect(who: SignedIn, Id(id): Id<StoreId>) -> Result<Response, Failure> {
    let OfStore { store, readers, .. } = find(&who.app, &id, 30).await?;
    if store.status == StoreStatus::Disconnected {
        return Ok(Redirect::to(&href(&id)).into_response());
    }
    Ok(Page(DisconnectPage { shell: who.shell(Section::Stores), store, readers }).into_response())
}

async fn disconnect_now(Id(id): Id<StoreId>, Posted { who, .. }: Posted) -> Result<Done, Failure> {
    let ended = disconnect::disconnect(&who.app, &id, &who.actor).await?.ok_or_else(unknown::<StoreId>)?;
    let notice = match (ended.store.auth_method, ended.revoked) {
        (AuthMethod::ApplicationPassword, true) => Notice::PasswordDeleted,
        (AuthMethod::ApplicationPassword, false) => Notice::PasswordLeft,
        _ => Notice::Disconnected,
    };
    Ok(Done::to(&href(&id), notice))
}

async fn ask_whether_revoked(Id(id): Id<StoreId>, Posted { who, .. }: Posted) -> Result<Response, Failure> {
    let told = revocation::ask_now(&who.app, &id, &who.actor).await?;
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
    history::of_store(app, id, days).await?.ok_or_else(unknown::<StoreId>)
}

fn href(id: &StoreId) -> String {
    format!("/admin/stores/{id}")
}
