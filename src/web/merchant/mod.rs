//! The surface for merchants: connecting a store in a browser.

mod attempt;
pub mod by_hand;
mod connect;
pub mod frame;
pub mod pages;

use axum::Router;
use axum::routing::get;

use crate::app::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/connect", get(connect::open_page).post(connect::begin_open))
        .route("/connect/by-hand", get(by_hand::open_page).post(by_hand::begin_open))
        .route("/connect/{link}", get(connect::link_page).post(connect::begin_link))
        .route("/connect/{link}/by-hand", get(by_hand::link_page).post(by_hand::begin_link))
        .route("/connect/return/{attempt}", get(attempt::came_back))
        .route("/connect/attempts/{attempt}", get(attempt::look))
        .route("/connect/attempts/{attempt}/again", get(connect::again_page).post(connect::begin_again))
        .route("/connect/attempts/{attempt}/go-on", get(attempt::go_on_to_app))
        .route("/connect/attempts/{attempt}/by-hand", get(by_hand::again_page).post(by_hand::begin_again))
        .route("/connect/attempts/{attempt}/confirm", get(attempt::to_attempt).post(attempt::confirm))
        .route("/connect/attempts/{attempt}/disown", get(attempt::to_attempt).post(attempt::disown))
}
