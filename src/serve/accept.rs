//! Accepts connections and serves each within limits.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, Version, header};
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::connections::{Connection, Connections, Refused};
use super::limits::Limits;
use super::refusal::{self, Refusals};
use super::sent::Sent;
use super::starting::Door;
use super::write_deadline::Timely;
use crate::web::{self, Peer};

/// How long a client that has just connected may take to begin its request once we are stopping.
const FIRST_WORD: Duration = Duration::from_secs(1);
/// How many connections are cut at a time when all places are taken, so that the search for them rarely runs.
const CUT_AT_ONCE: usize = 100;
/// How soon others are looked for that can be cut, while all places are taken.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How much of an answer the kernel may hold unsent. Kept small, so that progress of a slow client shows early.
const UNSENT: u32 = 64 * 1024;
/// After how long the kernel drops a connection whose peer acknowledges nothing, even one that we have already closed.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Accepts connections until `stopped`, then waits until the open ones have been answered.
///
/// `axum::serve` has no timeout for a request's head, hence our own loop: a client that sends a byte a second would hold
/// a connection forever (docs/protocol/threats.md §8).
pub async fn accept(listener: TcpListener, door: impl Into<Door>, limits: Limits, mut stopped: watch::Receiver<bool>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head_within)
        .max_headers(limits.headers)
        .max_buf_size(limits.head);
    let most = limits.connections;
    let places = Arc::new(Semaphore::new(most));
    let connections = Connections::new(limits.per_address, limits.per_site, limits.trusted_proxies.clone());
    let refusals = Refusals::new(limits.secure);
    let talk = Talk { http, door: Arc::new(door.into()), limits: Arc::new(limits), stopped: stopped.clone() };
    let serve = |stream, peer, connection, place: OwnedSemaphorePermit| {
        let talk = talk.clone().converse(stream, peer, connection);
        tokio::spawn(async move {
            talk.await;
            drop(place);
        });
    };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping(&mut stopped) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Most likely out of file descriptors: closing connections frees some.
                tracing::warn!(%error, "a connection could not be accepted");
                connections.make_room(CUT_AT_ONCE);
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let connection = match connections.enter(peer.ip()) {
            Ok(connection) => connection,
            Err(full) => {
                refusals.refuse(stream, peer, &full);
                continue;
            }
        };
        let place = a_place(&places, &connections, most).await;
        serve(stream, peer, connection, place);
    }
    // Clients already see connections in the listener's queue as accepted, so those are served too.
    for (stream, peer) in still_queued(listener) {
        let Ok(connection) = connections.enter(peer.ip()) else { continue };
        let place = a_place(&places, &connections, most).await;
        serve(stream, peer, connection, place);
    }
    // All places are free when all connections have ended.
    let _ = places.acquire_many(u32::try_from(most).unwrap_or(u32::MAX)).await;
}

/// A place for one connection more; while all are taken, others are cut for it as soon as they may be.
async fn a_place(places: &Arc<Semaphore>, connections: &Connections, most: usize) -> OwnedSemaphorePermit {
    let mut place = std::pin::pin!(Arc::clone(places).acquire_owned());
    loop {
        tokio::select! {
            biased;
            place = place.as_mut() => return place.expect("the semaphore is never closed"),
            () = std::future::ready(()) => connections.make_room((most / CUT_AT_ONCE).clamp(1, CUT_AT_ONCE)),
        }
        tokio::select! {
            place = place.as_mut() => return place.expect("the semaphore is never closed"),
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// Sets the socket options for answers.
fn prepare(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    // Answers are small and complete: Nagle's algorithm would only delay them.
    let _ = socket.set_tcp_nodelay(true);
    #[cfg(target_os = "linux")]
    {
        let _ = socket.set_tcp_notsent_lowat(UNSENT);
        let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    }
}

/// What every connection of a listener is served with.
#[derive(Clone)]
struct Talk {
    http: http1::Builder,
    door: Arc<Door>,
    limits: Arc<Limits>,
    stopped: watch::Receiver<bool>,
}

impl Talk {
    /// Serves one connection to its end; when stopping, answers the current request and takes no more.
    async fn converse(mut self, stream: TcpStream, peer: SocketAddr, place: Connection) {
        prepare(&stream);
        // On shutdown, hyper closes a connection at once if it has read nothing from it; so wait here for a request that is
        // already on its way.
        let last_chance = async {
            stopping(&mut self.stopped).await;
            tokio::time::sleep(FIRST_WORD).await;
        };
        tokio::select! {
            spoke = tokio::time::timeout(self.limits.head_within, stream.readable()) => if spoke.is_err() { return },
            () = last_chance => return,
            () = place.cut() => return,
        }
        let place = Arc::new(place);
        let stream = TokioIo::new(Timely::new(stream, self.limits.unread_within));
        let service =
            handler(self.door, Arc::clone(&self.limits), peer, Arc::clone(&place), Instant::now() + self.limits.life);
        let mut connection = std::pin::pin!(self.http.serve_connection(stream, service));
        // A client that hangs up or sends nonsense is not our error.
        tokio::select! {
            biased;
            _ = connection.as_mut() => return,
            () = place.cut() => return,
            () = stopping(&mut self.stopped) => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}

/// Waits for the stop signal.
async fn stopping(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Connections that the kernel has accepted but we have not.
fn still_queued(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let next = || {
        let (stream, peer) = listener.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer))
    };
    std::iter::from_fn(next).collect()
}

/// The service, for one connection. From `old_at` on, the next request is the last: closing between two requests could cut
/// off one that is on its way.
fn handler(
    door: Arc<Door>,
    limits: Arc<Limits>,
    peer: SocketAddr,
    place: Arc<Connection>,
    old_at: Instant,
) -> impl hyper::service::Service<Request<Incoming>, Response = Response<Sent>, Error = Infallible, Future: Send> {
    hyper::service::service_fn(move |request: Request<Incoming>| {
        let limits = Arc::clone(&limits);
        let busy = place.begin(|| web::client_of(&limits.trusted_proxies, peer.ip(), request.headers()));
        let names_its_host = names_its_host(&request);
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(Peer(peer));
        let door = Arc::clone(&door);
        async move {
            let (mut answer, busy) = match busy {
                Ok(_) if !names_its_host => (refusal::without_host(limits.secure), None),
                Ok(busy) => (door.answer(request).await, Some(busy)),
                Err(Refused::Full(full)) => (refusal::answer(&full, limits.secure), None),
                Err(Refused::Cut) => (refusal::cut(limits.secure), None),
            };
            if busy.is_none() || Instant::now() >= old_at {
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(answer.map(|body| Sent::new(body, busy)))
        }
    })
}

/// Whether the request names exactly one host, as HTTP/1.1 demands (RFC 9112 §3.2): a proxy may take the first of two, and we the second.
fn names_its_host(request: &Request<Incoming>) -> bool {
    let named = request.headers().get_all(header::HOST).iter().count();
    named == 1 || (named == 0 && request.version() == Version::HTTP_10)
}
