//! The service API, `/api/v1`.

pub mod answers;
pub mod describe;
mod events;
mod idempotency;
mod keys;
mod links;
mod proxy;
mod read;
mod stores;
mod tokens;
mod values;
mod webhooks;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

pub use self::keys::Direct;
use self::proxy::{store, user};
use crate::app::App;

pub(super) fn routes(app: &App) -> Router<App> {
    let description = Router::new()
        .route("/v1/openapi.json", get(describe::document))
        .route("/v1/postman.json", get(describe::collection))
        .route("/v1/docs", get(describe::docs));
    let with_token = Router::new()
        .route("/v1/links", get(links::list).post(links::make))
        .route("/v1/links/{id}", get(links::look).delete(links::withdraw))
        .route("/v1/attempts/{id}/confirm", post(links::confirm))
        .route("/v1/stores", get(stores::list))
        .route("/v1/stores/{id}", get(stores::look).delete(stores::disconnect))
        .route("/v1/stores/{id}/check", post(stores::check))
        .route("/v1/events", get(events::read))
        .route("/v1/webhooks", get(webhooks::list).post(webhooks::add))
        .route("/v1/webhooks/{id}", get(webhooks::look).patch(webhooks::change).delete(webhooks::delete))
        .route("/v1/webhooks/{id}/test", post(webhooks::test))
        .route("/v1/webhooks/{id}/rotate", post(webhooks::rotate))
        .route("/v1/webhooks/{id}/deliveries", get(webhooks::deliveries))
        .route("/v1/tokens", get(tokens::list).post(tokens::issue))
        .route("/v1/tokens/{id}", get(tokens::look).delete(tokens::revoke))
        .route("/v1/tokens/{id}/rotate", post(tokens::rotate))
        // Every POST above takes an `Idempotency-Key`. Those below read keys: a repetition does no harm, and they are the most frequent.
        .route_layer(from_fn_with_state(app.clone(), idempotency::once))
        .route("/v1/stores/{id}/keys", get(keys::of_store))
        .route("/v1/users/{user_id}/keys", get(keys::of_user))
        .route("/v1/keys", post(keys::of_several));
    description.merge(with_token.with_state(read::Api::new(app)))
}

/// Calls to stores. Their bodies are streamed.
pub(super) fn proxy_routes(app: &App) -> Router<App> {
    Router::new()
        .route(
            "/v1/stores/{id}/wp-json/{*route}",
            get(store).post(store).put(store).patch(store).delete(store).options(store),
        )
        .route(
            "/v1/users/{user_id}/wp-json/{*route}",
            get(user).post(user).put(user).patch(user).delete(user).options(user),
        )
        .with_state(read::Api::new(app))
}
