//! Answers while the database is opened and migrated, which may take minutes: `/livez` is ok, `/readyz` reports that it is
//! starting. Every other request waits for the service, as long as a callback may take.

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;
use tower::ServiceExt as _;

use crate::web;

/// How long a request waits for the service: a little less than a callback's 45 s.
const PATIENCE: Duration = Duration::from_secs(43);
/// How long waiting and answering may take together: a store gives up after 60 s.
const IN_ALL: Duration = Duration::from_secs(52);

/// The service, once it has started.
type Service = watch::Receiver<Option<Router>>;

/// Returns a router for `listener` that answers right away, and forwards requests to the real router once that is sent. Those that wait are
/// answered 503 when the sender is dropped. `secure` says whether browsers come by https.
pub fn router(listener: TcpListener, secure: bool) -> (watch::Sender<Option<Router>>, (TcpListener, Router)) {
    let (start, service) = watch::channel(None);
    (start, (listener, of(service, secure)))
}

fn of(service: Service, secure: bool) -> Router {
    Router::new().fallback(answer).with_state((service, secure))
}

async fn answer(State((mut service, secure)): State<(Service, bool)>, request: Request) -> Response {
    let started = service.borrow().clone();
    if let Some(router) = started {
        return router.oneshot(request).await.into_response();
    }
    let unavailable =
        |says: &'static str| (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], says).into_response();
    let mut answer = match request.uri().path() {
        "/livez" => "ok\n".into_response(),
        "/readyz" => unavailable("starting: the database is being opened\n"),
        _ => {
            let until = Instant::now() + IN_ALL;
            let there = tokio::time::timeout(PATIENCE, service.wait_for(Option::is_some)).await;
            if let Some(router) = there.ok().and_then(Result::ok).and_then(|router| router.clone())
                && let Ok(answer) = tokio::time::timeout_at(until, router.oneshot(request)).await
            {
                return answer.into_response();
            }
            unavailable("Cartkey is starting or stopping. Try again in 5 seconds.\n")
        }
    };
    web::add_headers(secure, answer.headers_mut());
    answer
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;

    use super::*;

    async fn ask(router: &Router, path: &str) -> Response {
        let request = Request::builder().uri(path).body(Body::empty()).expect("a request");
        router.clone().oneshot(request).await.expect("an answer")
    }

    fn waits(router: &Router) -> tokio::task::JoinHandle<StatusCode> {
        let router = router.clone();
        tokio::spawn(async move { ask(&router, "/wc-auth/callback/token").await.status() })
    }

    #[tokio::test]
    async fn while_it_starts_it_lives_is_not_ready_and_what_comes_waits_for_it() {
        let (start, service) = watch::channel(None);
        let router = of(service, true);
        let alive = ask(&router, "/livez").await;
        assert_eq!(alive.status(), StatusCode::OK);
        assert_eq!(alive.headers()["x-frame-options"], "DENY");
        assert_eq!(ask(&router, "/readyz").await.status(), StatusCode::SERVICE_UNAVAILABLE);
        let waits = waits(&router);
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        let there = Router::new().route("/wc-auth/callback/{token}", get(|| async { StatusCode::CREATED }));
        start.send_replace(Some(there.route("/readyz", get(|| async { StatusCode::OK }))));
        assert_eq!(waits.await.expect("no panic"), StatusCode::CREATED);
        assert_eq!(ask(&router, "/readyz").await.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn what_waits_is_answered_when_it_does_not_start() {
        let (start, service) = watch::channel(None);
        let router = of(service, false);
        let waits = waits(&router);
        tokio::task::yield_now().await;
        drop(start);
        assert_eq!(waits.await.expect("no panic"), StatusCode::SERVICE_UNAVAILABLE);
    }
}
