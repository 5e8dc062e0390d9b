//! Accepting connections, and serving each to its end within limits.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::Service as _;

use crate::web::Peer;

/// What a client may take of us before it has asked for anything.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long a client may take to send a request's head, and how long a connection may be idle between two (10 s).
    pub head_within: Duration,
    /// The most headers of a request (64).
    pub headers: usize,
    /// The most bytes of a request's head (16 KiB).
    pub head: usize,
    /// Connections at a time, on each listener; more wait to be accepted (10,000).
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head_within: Duration::from_secs(10), headers: 64, head: 16 * 1024, connections: 10_000 }
    }
}

/// How long a client that has just connected may take to begin its request once we are told to stop.
const FIRST_WORD: Duration = Duration::from_secs(1);

/// Accepts connections until told to stop, then waits until those that are open have had their answers.
///
/// Our own loop because `axum::serve` sets no time for a request's head: a client that sends a byte a second would hold
/// a connection for ever (threats.md §8).
pub async fn accept(listener: TcpListener, router: Router, limits: Limits, stopped: watch::Receiver<bool>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head_within)
        .max_headers(limits.headers)
        .max_buf_size(limits.head);
    let places = Arc::new(Semaphore::new(limits.connections));
    let serve = |stream, peer, place: OwnedSemaphorePermit| {
        let talk = converse(http.clone(), stream, handler(router.clone(), peer), limits.head_within, stopped.clone());
        tokio::spawn(async move {
            talk.await;
            drop(place);
        });
    };
    let mut told = stopped.clone();
    loop {
        let accepted = tokio::select! {
            accepted = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (listener.accept().await, place)
            } => accepted,
            () = said(&mut told) => break,
        };
        match accepted {
            (Ok((stream, peer)), Ok(place)) => serve(stream, peer, place),
            (Err(error), _) => {
                // Out of file descriptors, most likely: connections that end give some back.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            (_, Err(_)) => break,
        }
    }
    // To their clients, connections that wait in the listener's queue are accepted already: they are served too.
    for (stream, peer) in still_queued(listener) {
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { break };
        serve(stream, peer, place);
    }
    // All places are free when all connections have ended.
    let _ = places.acquire_many(u32::try_from(limits.connections).unwrap_or(u32::MAX)).await;
}

/// Serves one connection to its end; told to stop, it answers what was asked and takes nothing more.
async fn converse<S>(
    http: http1::Builder,
    stream: TcpStream,
    service: S,
    within: Duration,
    mut stopped: watch::Receiver<bool>,
) where
    S: hyper::service::Service<Request<Incoming>, Response = axum::response::Response, Error = Infallible>,
{
    // hyper ends a connection on which it has read nothing the moment it is told to: a request that is on its way is
    // waited for here.
    let last_chance = async {
        said(&mut stopped).await;
        tokio::time::sleep(FIRST_WORD).await;
    };
    tokio::select! {
        spoke = tokio::time::timeout(within, stream.readable()) => if spoke.is_err() { return },
        () = last_chance => return,
    }
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(without_delay(stream)), service));
    // A client that hangs up or talks nonsense is its own affair.
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = said(&mut stopped) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// Waits for the word to stop.
async fn said(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// What the kernel had accepted before the listener is closed.
fn still_queued(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let next = || {
        let (stream, peer) = listener.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer))
    };
    std::iter::from_fn(next).collect()
}

fn handler(
    router: Router,
    peer: SocketAddr,
) -> impl hyper::service::Service<Request<Incoming>, Response = axum::response::Response, Error = Infallible, Future: Send>
{
    hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        router.clone().call(request)
    })
}

/// Answers are small and whole: waiting for more to send only delays them.
fn without_delay(stream: TcpStream) -> TcpStream {
    let _ = stream.set_nodelay(true);
    stream
}
