//! Answers while the database is opened and migrated, which may take minutes: `/livez` is ok, `/readyz` reports that it is
//! starting. Every other request waits for the service, as long as a callback may take.

use std::time::Duration;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tokio::sync::watch;
use tokio::time::Instant;
use tower::Service as _;

use crate::web::{self, Routes};

/// How long a request waits for the service: a little less than a callback's 45 s.
const PATIENCE: Duration = Duration::from_secs(43);
/// How long waiting and answering may take together: a store gives up after 60 s.
const IN_ALL: Duration = Duration::from_secs(52);

/// Answers the requests of a listener: with the service, once it has started. Until then requests wait; if it does not start, they
/// are answered 503.
pub struct Door {
    service: watch::Receiver<Option<Routes>>,
    /// Whether browsers connect over https.
    secure: bool,
}

/// The door of a service that has started.
impl<R: Into<Routes>> From<R> for Door {
    fn from(routes: R) -> Self {
        Self { service: watch::channel(Some(routes.into())).1, secure: false }
    }
}

impl Door {
    /// Returns a door that opens when the routes are sent; if the sender is dropped first, it never opens. `secure` says whether
    /// browsers connect over https.
    pub fn closed(secure: bool) -> (watch::Sender<Option<Routes>>, Self) {
        let (start, service) = watch::channel(None);
        (start, Self { service, secure })
    }

    pub(super) async fn answer(&self, request: Request) -> Response {
        let started = self.service.borrow().clone();
        match started {
            Some(mut routes) => routes.call(request).await.into_response(),
            None => Box::pin(self.wait(request)).await,
        }
    }

    async fn wait(&self, request: Request) -> Response {
        let unavailable =
            |says: &'static str| (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], says).into_response();
        let mut answer = match request.uri().path() {
            "/livez" => "ok\n".into_response(),
            "/readyz" => unavailable("starting: the database is being opened\n"),
            _ => {
                let until = Instant::now() + IN_ALL;
                let mut service = self.service.clone();
                let there = tokio::time::timeout(PATIENCE, service.wait_for(Option::is_some)).await;
                if let Some(mut routes) = there.ok().and_then(Result::ok).and_then(|routes| routes.clone())
                    && let Ok(answer) = tokio::time::timeout_at(until, routes.call(request)).await
                {
                    return answer.into_response();
                }
                unavailable("Cartkey is starting or stopping. Try again in 5 seconds.\n")
            }
        };
        web::add_headers(self.secure, answer.headers_mut());
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;

    use super::*;

    async fn ask(door: &Door, path: &str) -> Response {
        door.answer(Request::builder().uri(path).body(Body::empty()).expect("a request")).await
    }

    fn waits(door: &Arc<Door>) -> tokio::task::JoinHandle<StatusCode> {
        let door = Arc::clone(door);
        tokio::spawn(async move { ask(&door, "/wc-auth/callback/token").await.status() })
    }

    #[tokio::test]
    async fn while_it_starts_it_lives_is_not_ready_and_what_comes_waits_for_it() {
        let (start, door) = Door::closed(true);
        let door = Arc::new(door);
        let alive = ask(&door, "/livez").await;
        assert_eq!(alive.status(), StatusCode::OK);
        assert_eq!(alive.headers()["x-frame-options"], "DENY");
        assert_eq!(ask(&door, "/readyz").await.status(), StatusCode::SERVICE_UNAVAILABLE);
        let waits = waits(&door);
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        let there = Router::new().route("/wc-auth/callback/{token}", get(|| async { StatusCode::CREATED }));
        let there = there.route("/readyz", get(|| async { StatusCode::OK }));
        start.send_replace(Some(there.into()));
        assert_eq!(waits.await.expect("no panic"), StatusCode::CREATED);
        assert_eq!(ask(&door, "/readyz").await.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn what_waits_is_answered_when_it_does_not_start() {
        let (start, door) = Door::closed(false);
        let door = Arc::new(door);
        let waits = waits(&door);
        tokio::task::yield_now().await;
        drop(start);
        assert_eq!(waits.await.expect("no panic"), StatusCode::SERVICE_UNAVAILABLE);
    }
}
