//! For machines that watch this one: liveness, readiness and metrics.

use std::borrow::Cow;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::failure::Failure;
use super::guard::peer;
use crate::app::App;
use crate::flow::dashboard::{diagnostics, metrics};

/// How long a probe waits for the database; shorter than the surface's time limit.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn routes() -> Router<App> {
    Router::new().route("/livez", get(livez)).route("/readyz", get(readyz))
}

/// Metrics, on the internal listener.
pub(super) fn metrics() -> Router<App> {
    Router::new().route("/metrics", get(show))
}

/// Metrics, on a listener that the internet may reach: only for programs on this machine.
pub(super) fn metrics_for_this_machine() -> Router<App> {
    Router::new().route("/metrics", get(show_to_this_machine))
}

async fn show(State(app): State<App>) -> Result<Response, Failure> {
    let text = metrics::text(&app).await.map_err(|_| Failure::broken("the metrics could not be encoded"))?;
    Ok(([(header::CONTENT_TYPE, metrics::MEDIA_TYPE)], text).into_response())
}

/// A proxy on this machine is not the one that asks; it names its client in one of these headers.
async fn show_to_this_machine(state: State<App>, request: Request) -> Result<Response, Failure> {
    let is_forwarded = ["x-forwarded-for", "forwarded", "via"].iter().any(|name| request.headers().contains_key(*name));
    if is_forwarded || !peer(request.extensions()).is_loopback() {
        return Err(Failure::of_status(StatusCode::NOT_FOUND));
    }
    show(state).await
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
