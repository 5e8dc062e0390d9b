//! What is answered while the database is opened and migrated, which may take minutes: `/livez` at once, `/readyz` that it is
//! starting. Everything else waits for the service to be there, as long as a callback may take.

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt as _;

/// How long a request waits for the service: a little less than a callback's 45 s.
const PATIENCE: Duration = Duration::from_secs(43);

/// The service, once it is there.
type Service = watch::Receiver<Option<Router>>;

/// A router for `listener` that answers from now on, and hands requests on to the one that is sent later.
pub fn router(listener: TcpListener) -> (watch::Sender<Option<Router>>, (TcpListener, Router)) {
    let (start, service) = watch::channel(None);
    (start, (listener, of(service)))
}

fn of(service: Service) -> Router {
    Router::new()
        .route(
            "/livez",
            get(|State(service): State<Service>, request| at_once(service, request, StatusCode::OK, "ok\n")),
        )
        .route(
            "/readyz",
            get(|State(service): State<Service>, request| {
                at_once(service, request, StatusCode::SERVICE_UNAVAILABLE, "starting: the database is being opened\n")
            }),
        )
        .fallback(in_time)
        .with_state(service)
}

/// Answers for the service until it is there.
async fn at_once(service: Service, request: Request, status: StatusCode, says: &'static str) -> Response {
    let started = service.borrow().clone();
    match started {
        Some(router) => answer(router, request).await,
        None => (status, says).into_response(),
    }
}

/// Waits for the service.
async fn in_time(State(mut service): State<Service>, request: Request) -> Response {
    let started = tokio::time::timeout(PATIENCE, service.wait_for(Option::is_some)).await;
    let router = started.ok().and_then(Result::ok).and_then(|router| router.clone());
    match router {
        Some(router) => answer(router, request).await,
        None => (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], "starting\n").into_response(),
    }
}

async fn answer(router: Router, request: Request) -> Response {
    router.oneshot(request).await.into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    async fn ask(router: &Router, path: &str) -> StatusCode {
        let request = Request::builder().uri(path).body(Body::empty()).expect("a request");
        router.clone().oneshot(request).await.expect("an answer").status()
    }

    #[tokio::test]
    async fn while_it_starts_it_lives_is_not_ready_and_what_comes_waits_for_it() {
        let (start, service) = watch::channel(None);
        let router = of(service);
        assert_eq!(ask(&router, "/livez").await, StatusCode::OK);
        assert_eq!(ask(&router, "/readyz").await, StatusCode::SERVICE_UNAVAILABLE);
        let waits = tokio::spawn({
            let router = router.clone();
            async move { ask(&router, "/wc-auth/callback/token").await }
        });
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        let there = Router::new().route("/wc-auth/callback/{token}", get(|| async { StatusCode::CREATED }));
        start.send_replace(Some(there.route("/readyz", get(|| async { StatusCode::OK }))));
        assert_eq!(waits.await.expect("no panic"), StatusCode::CREATED);
        assert_eq!(ask(&router, "/readyz").await, StatusCode::OK);
    }
}
