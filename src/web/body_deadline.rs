//! Copies a request's body into one buffer as it arrives, within a size limit and one deadline for the whole body.
//!
//! hyper returns slices of its read buffer, and a slice keeps the whole buffer alive: code that collects slices of a body
//! sent one byte at a time holds kilobytes per byte. Here no slice outlives the call that received it. This layer bounds
//! every surface but that of calls to stores (`None`), whose bodies are streamed, so no other route can bypass it.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::EXPECT;
use axum::http::request::Parts;
use axum::http::{Extensions, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

use super::failure::Failure;

/// How long a whole body may take to arrive, counted from when a handler begins to read it.
const WITHIN: Duration = Duration::from_secs(15);
/// The memory that every body may use, in bytes. Larger bodies share `LARGE_IN_ALL`, so they never block a small one, such as
/// a callback.
const SMALL: usize = 16 * 1024;
/// What all bodies of a surface together may use beyond `SMALL` each: 64 MiB, in KiB.
const LARGE_IN_ALL: usize = 64 * 1024;

/// The limits on bodies of one surface.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    at_most: usize,
    within: Duration,
    large: Arc<Semaphore>,
}

impl Bounds {
    /// Bodies of `at_most` bytes, unless a route [allows](allow) more.
    pub(super) fn new(at_most: usize) -> Self {
        Self { at_most, within: WITHIN, large: Arc::new(Semaphore::new(LARGE_IN_ALL)) }
    }
}

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("the body is too large")]
    TooLarge,
    #[error("the body did not arrive in time")]
    Late,
    #[error("too many large bodies are arriving at once")]
    Crowded,
}

/// The state of a body, shared by the route that reads it and the edge.
#[derive(Debug)]
struct Reading {
    at_most: AtomicUsize,
    refused: OnceLock<Refused>,
    /// Its share of `LARGE_IN_ALL`, held until the request is answered.
    large: Mutex<Vec<OwnedSemaphorePermit>>,
    /// A body that its handler has dropped before its end.
    unread: Mutex<Option<Body>>,
}

/// Allows this request's body `at_most` bytes: for routes that authenticate before they read.
pub(super) fn allow(parts: &Parts, at_most: usize) {
    if let Some(reading) = reading(&parts.extensions) {
        reading.at_most.store(at_most, Ordering::Relaxed);
    }
}

/// Whether reading this request's body has ended because it is too large.
pub(super) fn is_too_large(extensions: &Extensions) -> bool {
    reading(extensions).is_some_and(|reading| reading.refused.get() == Some(&Refused::TooLarge))
}

fn reading(extensions: &Extensions) -> Option<&Reading> {
    extensions.get::<Arc<Reading>>().map(AsRef::as_ref)
}

/// Limits the body of a request, and returns the right status if it was rejected: an extractor only sees an unreadable
/// body and answers 400. A request that is refused before its body was read is answered after the body: a connection that is closed
/// while the client still sends may be reset, and the answer lost (RFC 9112 §9.6).
/// `None` leaves bodies as they are.
pub(super) async fn bound(State(bounds): State<Option<Bounds>>, mut request: Request, next: Next) -> Response {
    let Some(bounds) = bounds.filter(|_| !request.body().is_end_stream()) else { return next.run(request).await };
    let reading = Arc::new(Reading {
        at_most: AtomicUsize::new(bounds.at_most),
        refused: OnceLock::new(),
        large: Mutex::default(),
        unread: Mutex::default(),
    });
    // A client that asks first sends no body once it is refused.
    let asks_first = request.headers().contains_key(EXPECT);
    let Bounds { at_most, within, .. } = bounds;
    request.extensions_mut().insert(Arc::clone(&reading));
    let gathers = Arc::clone(&reading);
    let bounded = request.map(|inner| {
        let Bounds { within, large, .. } = bounds;
        Body::new(Gathered { inner, reading: gathers, within, large, until: None, buffer: Vec::new(), is_over: false })
    });
    let answer = next.run(bounded).await;
    let unread = reading.unread.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(unread) = unread.filter(|_| !asks_first) {
        discard(unread, at_most, within).await;
    }
    if answer.status() != StatusCode::BAD_REQUEST {
        return answer;
    }
    match reading.refused.get() {
        None => answer,
        Some(Refused::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Some(Refused::Late) => StatusCode::REQUEST_TIMEOUT.into_response(),
        Some(Refused::Crowded) => crowded().into_response(),
    }
}

/// Reads a body and keeps nothing of it, within its limits.
async fn discard(mut body: Body, at_most: usize, within: Duration) {
    let mut left = at_most;
    if usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX) > left {
        return;
    }
    let discarding = async {
        while let Some(Ok(frame)) = body.frame().await {
            let Some(less) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
            left = less;
        }
    };
    let _ = tokio::time::timeout(within, discarding).await;
}

/// The failure when large bodies already use all the memory that they may.
pub(super) fn crowded() -> Failure {
    let says = "Too many large requests are arriving at once. Try again in 5 seconds.";
    let failure = Failure::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", says);
    Failure { retry_after: Some(5), ..failure }
}

/// A body returned as one piece once it is complete.
struct Gathered {
    inner: Body,
    reading: Arc<Reading>,
    within: Duration,
    large: Arc<Semaphore>,
    until: Option<Pin<Box<Sleep>>>,
    buffer: Vec<u8>,
    is_over: bool,
}

impl Gathered {
    fn poll_whole(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, BoxError>> {
        // An announced length that is too large is refused before anything is read.
        let announced = usize::try_from(self.inner.size_hint().lower()).unwrap_or(usize::MAX);
        if let Err(refused) = self.fits(announced) {
            return Poll::Ready(Err(self.refuse(refused)));
        }
        loop {
            // Data is read before the deadline is checked: a process that was suspended rejects nothing
            // that arrived in time.
            let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) else {
                let within = self.within;
                let until = self.until.get_or_insert_with(|| Box::pin(tokio::time::sleep(within)));
                ready!(until.as_mut().poll(cx));
                return Poll::Ready(Err(self.refuse(Refused::Late)));
            };
            let Some(frame) = frame else { break };
            let Ok(data) = frame?.into_data() else { continue };
            if let Err(refused) = self.fits(data.len()).and_then(|()| self.grow(data.len())) {
                return Poll::Ready(Err(self.refuse(refused)));
            }
            self.buffer.extend_from_slice(&data);
        }
        Poll::Ready(Ok(std::mem::take(&mut self.buffer).into()))
    }

    fn at_most(&self) -> usize {
        self.reading.at_most.load(Ordering::Relaxed)
    }

    fn fits(&self, more: usize) -> Result<(), Refused> {
        let whole = self.buffer.len().saturating_add(more);
        if whole <= self.at_most() { Ok(()) } else { Err(Refused::TooLarge) }
    }

    /// Grows the buffer for `more` bytes: to at most twice what has arrived, whatever length was announced.
    fn grow(&mut self, more: usize) -> Result<(), Refused> {
        let (had, needed) = (self.buffer.capacity(), self.buffer.len() + more);
        if needed <= had {
            return Ok(());
        }
        let capacity = needed.max(had * 2).min(self.at_most());
        let large = (capacity.max(SMALL) - had.max(SMALL)).div_ceil(1024);
        if large > 0 {
            let large = u32::try_from(large).unwrap_or(u32::MAX);
            let place = Arc::clone(&self.large).try_acquire_many_owned(large).map_err(|_| Refused::Crowded)?;
            self.reading.large.lock().unwrap_or_else(PoisonError::into_inner).push(place);
        }
        self.buffer.reserve_exact(capacity - self.buffer.len());
        Ok(())
    }

    fn refuse(&mut self, why: Refused) -> BoxError {
        self.buffer = Vec::new();
        self.reading.refused.get_or_init(|| why).to_owned().into()
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        if !self.is_over && self.reading.refused.get().is_none() {
            let unread = std::mem::take(&mut self.inner);
            *self.reading.unread.lock().unwrap_or_else(PoisonError::into_inner) = Some(unread);
        }
    }
}

impl HttpBody for Gathered {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let body = self.get_mut();
        if body.is_over {
            return Poll::Ready(None);
        }
        let whole = ready!(body.poll_whole(cx));
        body.is_over = true;
        Poll::Ready(Some(whole.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use axum::Router;
    use axum::extract::{DefaultBodyLimit, FromRequest as _};
    use axum::middleware::from_fn_with_state;
    use axum::routing::post;
    use tower::ServiceExt as _;

    use super::*;
    use crate::web::stream::streamed;

    const LARGE: usize = 40 * 1024;

    /// The response to this body from a route that reads it, and from one that first allows more.
    async fn asked(bounds: &Bounds, path: &str, body: Body) -> StatusCode {
        let more = async |request: Request| {
            let (parts, body) = request.into_parts();
            allow(&parts, LARGE);
            Bytes::from_request(Request::from_parts(parts, body), &()).await.map(|_| ())
        };
        let router = Router::new()
            .route("/", post(async |_: Bytes| ()))
            .route("/more", post(more))
            .route("/unread", post(async || StatusCode::UNAUTHORIZED))
            .layer(DefaultBodyLimit::disable())
            .layer(from_fn_with_state(Some(bounds.clone()), bound));
        router.oneshot(Request::post(path).body(body).unwrap()).await.unwrap().status()
    }

    fn bounds() -> Bounds {
        Bounds { within: Duration::from_millis(20), ..Bounds::new(1000) }
    }

    #[tokio::test]
    async fn a_body_that_stops_arriving_is_late_and_one_that_breaks_off_is_not() {
        assert_eq!(asked(&bounds(), "/", Body::from("whole")).await, StatusCode::OK);
        let (pieces, body) = streamed();
        pieces.put("half").await.unwrap();
        assert_eq!(asked(&bounds(), "/", body).await, StatusCode::REQUEST_TIMEOUT);
        drop(pieces);
        let (pieces, body) = streamed();
        pieces.fail("it hangs up").await;
        assert_eq!(asked(&bounds(), "/", body).await, StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn a_body_that_keeps_arriving_has_one_deadline_for_all_of_it() {
        let (pieces, body) = streamed();
        let dripping = async {
            let mut each = tokio::time::interval(Duration::from_millis(2));
            while pieces.put("a").await.is_ok() {
                each.tick().await;
            }
        };
        let bounds = bounds();
        assert_eq!(tokio::join!(asked(&bounds, "/", body), dripping).0, StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test]
    async fn a_request_that_is_refused_unread_is_answered_once_its_body_has_arrived_or_is_too_large_or_late() {
        let sent = async |size: usize, ends: bool| {
            let (pieces, body) = streamed();
            let sends = async move {
                for n in 0..size / 100 {
                    if pieces.put(vec![b'a'; 100]).await.is_err() {
                        return n * 100;
                    }
                }
                if !ends {
                    pieces.put("").await.unwrap();
                    std::future::pending::<()>().await;
                }
                size
            };
            let bounds = bounds();
            let asked = asked(&bounds, "/unread", body);
            let (status, sent) = if ends {
                tokio::join!(asked, sends)
            } else {
                tokio::select! {
                    status = asked => (status, 0),
                    sent = sends => (StatusCode::OK, sent),
                }
            };
            assert_eq!(status, StatusCode::UNAUTHORIZED);
            sent
        };
        assert_eq!(sent(1_000, true).await, 1_000);
        assert!(sent(100_000, true).await < 3_000, "it does not wait for what is too large");
        assert_eq!(sent(100, false).await, 0, "nor for what never ends");
    }

    #[tokio::test]
    async fn a_body_has_the_size_of_its_surface_unless_its_route_allows_more() {
        let bounds = bounds();
        let chunked = async |bytes: usize| {
            let (pieces, body) = streamed();
            let sends = async move {
                for _ in 0..bytes / 100 {
                    let _ = pieces.put(vec![b'a'; 100]).await;
                }
            };
            tokio::join!(asked(&bounds, "/", body), sends).0
        };
        assert_eq!((chunked(1000).await, chunked(1100).await), (StatusCode::OK, StatusCode::PAYLOAD_TOO_LARGE));
        let sized = async |path, bytes| asked(&bounds, path, Body::from(vec![b'a'; bytes])).await;
        assert_eq!((sized("/", 1000).await, sized("/", 1001).await), (StatusCode::OK, StatusCode::PAYLOAD_TOO_LARGE));
        assert_eq!(sized("/more", LARGE).await, StatusCode::OK);
        assert_eq!(sized("/more", LARGE + 1).await, StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn large_bodies_share_what_there_is_and_small_ones_need_none_of_it() {
        let bounds = Bounds { large: Arc::new(Semaphore::new(24)), ..bounds() };
        let large = async || asked(&bounds, "/more", Body::from(vec![b'a'; LARGE])).await;
        assert_eq!(large().await, StatusCode::OK);
        assert_eq!(large().await, StatusCode::OK, "the first has returned what it took");
        let _taken = bounds.large.try_acquire().unwrap();
        assert_eq!(large().await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(asked(&bounds, "/more", Body::from(vec![b'a'; SMALL])).await, StatusCode::OK);
        assert_eq!(asked(&bounds, "/", Body::from("small")).await, StatusCode::OK);
    }

    /// A slice as hyper returns it: one byte of a buffer of kilobytes.
    struct Slice(Arc<AtomicUsize>);

    impl AsRef<[u8]> for Slice {
        fn as_ref(&self) -> &[u8] {
            b"a"
        }
    }

    impl Drop for Slice {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn nothing_of_the_read_buffers_is_kept_while_a_body_arrives() {
        let kept = Arc::new(AtomicUsize::new(0));
        let (pieces, body) = streamed();
        let sends = async {
            for _ in 0..500 {
                kept.fetch_add(1, Ordering::Relaxed);
                pieces.put(Bytes::from_owner(Slice(Arc::clone(&kept)))).await.unwrap();
                assert!(kept.load(Ordering::Relaxed) <= 5, "those on their way, and no more");
            }
            drop(pieces);
        };
        let bounds = Bounds::new(1000);
        assert_eq!(tokio::join!(asked(&bounds, "/", body), sends).0, StatusCode::OK);
    }
}
