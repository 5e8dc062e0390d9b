//! The operators' surface: the dashboard.

mod account;
pub mod attempts;
pub mod chart;
pub mod guard;
mod overview;
pub mod qr;
mod setup;
pub mod show;
mod sign_in;
mod store;
pub mod store_page;
mod stores;
pub mod strip;
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
        .merge(store::routes())
        .merge(attempts::routes())
}
