//! The operators' surface: the dashboard.

mod account;
mod activity;
pub mod attempts;
pub mod chart;
mod diagnostics;
pub mod guard;
mod links;
mod overview;
pub mod qr;
mod settings;
mod setup;
pub mod show;
mod sign_in;
mod store;
pub mod store_page;
mod stores;
pub mod strip;
mod tokens;
mod upload;
mod webhooks;
pub mod words;

use axum::Router;

use crate::app::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .merge(overview::routes())
        .merge(sign_in::routes())
        .merge(setup::routes())
        .merge(account::routes())
        .merge(stores::routes())
        .merge(settings::routes())
        .merge(activity::routes())
        .merge(links::routes())
        .merge(tokens::routes())
        .merge(webhooks::routes())
        .merge(store::routes())
        .merge(attempts::routes())
        .merge(diagnostics::routes())
}
