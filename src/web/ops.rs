//! The machine's surface: is the process alive, is it ready.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use crate::app::App;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/livez", get(livez)).route("/readyz", get(readyz))
}

/// The process runs. Says nothing of the database: restarting does not mend that.
async fn livez() -> &'static str {
    "ok\n"
}

/// Requests may be sent here: the database answers, and the process was not told to stop.
async fn readyz(State(app): State<App>) -> (StatusCode, &'static str) {
    if app.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    match app.db.ping().await {
        Ok(()) => (StatusCode::OK, "ok\n"),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}
