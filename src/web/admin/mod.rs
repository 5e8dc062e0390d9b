//! The operators' surface: the dashboard.

mod account;
mod activity;
pub mod attempts;
mod diagnostics;
pub mod guard;
mod links;
pub mod qr;
mod settings;
mod setup;
pub mod show;
mod sign_in;
mod store;
pub mod store_page;
pub mod strip;
mod tokens;
mod upload;
pub mod words;

use axum::Router;
use axum::extract::State;
use axum::routing::get;

use crate::app::App;
use crate::web::page::Page;
use guard::SignedIn;
use show::{Section, Shell};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin", get(overview))
        .merge(sign_in::routes())
        .merge(setup::routes())
        .merge(account::routes())
        .merge(settings::routes())
        .merge(activity::routes())
        .merge(links::routes())
        .merge(tokens::routes())
        .merge(store::routes())
        .merge(attempts::routes())
        .merge(diagnostics::routes())
}

/// The overview, until it shows more.
#[derive(askama::Template)]
#[template(path = "admin/overview.html")]
struct OverviewPage {
    shell: Shell,
}

async fn overview(State(app): State<App>, who: SignedIn) -> Page<OverviewPage> {
    Page(OverviewPage { shell: Shell::new(&app, &who, Section::Overview) })
}
