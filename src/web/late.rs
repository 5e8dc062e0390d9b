//! A request whose body stops arriving is told so: 408, whichever handler wanted to read it.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use tower_http::timeout::TimeoutError;

/// Stands inside the layer that sets the time. To an extractor a late body is one that cannot be read, and it answers 400.
pub(super) async fn tell(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let late = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&late);
    let watched = request.map(|body| {
        Body::new(body.map_err(move |error| {
            seen.fetch_or(is_late(&error), Ordering::Relaxed);
            error
        }))
    });
    let answer = next.run(watched).await;
    let is_late = late.load(Ordering::Relaxed) && answer.status() == StatusCode::BAD_REQUEST;
    if is_late { StatusCode::REQUEST_TIMEOUT.into_response() } else { answer }
}

fn is_late(error: &axum::Error) -> bool {
    let error: &(dyn Error + 'static) = error;
    std::iter::successors(Some(error), |error| (*error).source()).any(<dyn Error>::is::<TimeoutError>)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::Router;
    use axum::body::Bytes;
    use axum::middleware::from_fn;
    use axum::routing::post;
    use tower::ServiceExt as _;
    use tower_http::timeout::RequestBodyTimeoutLayer;

    use super::*;
    use crate::web::stream::streamed;

    /// What is answered to this body, which may pause for a few milliseconds.
    async fn status(body: Body) -> StatusCode {
        let router = Router::new()
            .route("/", post(async |_: Bytes| ()))
            .layer(from_fn(tell))
            .layer(RequestBodyTimeoutLayer::new(Duration::from_millis(5)));
        let request = Request::post("/").body(body).expect("a request");
        router.oneshot(request).await.expect("an answer").status()
    }

    #[tokio::test]
    async fn a_body_that_stops_arriving_is_late_and_one_that_breaks_off_is_not() {
        assert_eq!(status(Body::from("whole")).await, StatusCode::OK);
        let (pieces, body) = streamed();
        pieces.put("half").await.unwrap();
        assert_eq!(status(body).await, StatusCode::REQUEST_TIMEOUT);
        drop(pieces);
        let (pieces, body) = streamed();
        pieces.fail("it hangs up").await;
        assert_eq!(status(body).await, StatusCode::BAD_REQUEST);
    }
}
