use std::sync::atomic::AtomicUsize;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequest as _};
use axum::middleware::from_fn_with_state;
use axum::routing::post;
use tower::ServiceExt as _;

use super::*;
use crate::web::stream::streamed;

const LARGE: usize = 40 * 1024;

/// What is answered to this body by a route that reads it, and by one that first allows more.
async fn asked(bounds: &Bounds, path: &str, body: Body) -> StatusCode {
    let more = async |request: Request| {
        let (parts, body) = request.into_parts();
        allow(&parts, LARGE);
        Bytes::from_request(Request::from_parts(parts, body), &()).await.map(|_| ())
    };
    let router = Router::new()
        .route("/", post(async |_: Bytes| ()))
        .route("/more", post(more))
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(bounds.clone(), bound));
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
    assert_eq!(large().await, StatusCode::OK, "the first has given back what it took");
    let _taken = bounds.large.try_acquire().unwrap();
    assert_eq!(large().await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(asked(&bounds, "/more", Body::from(vec![b'a'; SMALL])).await, StatusCode::OK);
    assert_eq!(asked(&bounds, "/", Body::from("small")).await, StatusCode::OK);
}

/// A slice as hyper hands it out: one byte of a buffer of kilobytes.
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
