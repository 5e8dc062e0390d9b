//! The dashboard for operators.

mod account;
mod activity;
pub mod attempts;
pub mod chart;
mod diagnostics;
pub mod guard;
pub mod labels;
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
mod tokens;
mod upload;
pub mod uptime_bar;
mod webhooks;

use axum::Router;
use axum::routing::get;

use crate::app::App;
use crate::web::failure;

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
        // An operator who follows an old link is led back to the dashboard, not to the connect page.
        .route("/admin/{*unknown}", get(failure::not_found))
}
