//! Health checks: liveness and readiness.

use std::borrow::Cow;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use crate::app::App;
use crate::flow::dashboard::diagnostics;

/// How long a probe waits for the database; shorter than the surface's time limit.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn routes() -> Router<App> {
    Router::new().route("/livez", get(livez)).route("/readyz", get(readyz))
}

/// The process is running. Does not check the database, which a restart would not repair.
async fn livez() -> &'static str {
    "ok\n"
}

/// Ready for requests: the database answers, its disk has space, its writes are durable, no worker is down, and the process is not
/// shutting down.
async fn readyz(State(app): State<App>) -> (StatusCode, Cow<'static, str>) {
    let not_ready = |says| (StatusCode::SERVICE_UNAVAILABLE, says);
    if app.is_draining() {
        return not_ready("stopping\n".into());
    }
    let down = app.workers.down();
    if !down.is_empty() {
        return not_ready(format!("down after a panic, restarting soon: {}\n", down.join(", ")).into());
    }
    if app.db.is_in_doubt() {
        return not_ready("a write failed, and no test write has been durable since\n".into());
    }
    match app.db.patient(PATIENCE).ping().await {
        Ok(()) if diagnostics::is_disk_full(&app).await => not_ready("the disk of the database is full\n".into()),
        Ok(()) => (StatusCode::OK, "ok\n".into()),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "not ready");
            not_ready("the database does not answer\n".into())
        }
    }
}
