//! Idle connections to stores, each kept for a few seconds for the next call to the same store.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::header::HeaderMap;
use tokio::task::JoinHandle;

use crate::domain::{Clock, Instant, StoreId};

/// What the body of a request may fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(super) type SentBody = UnsyncBoxBody<Bytes, BoxError>;

/// How long a connection is kept. Apache and `LiteSpeed` close theirs after 5 s by default, nginx after 75 s; closing first avoids that
/// a request meets the store's closing.
pub const IDLE_AT_MOST: Duration = Duration::from_secs(4);
/// How long a connection is used. The next one resolves the name and checks address and certificate again.
const AGE_AT_MOST: Duration = Duration::from_mins(1);
/// Idle connections to one host, as many as it has places: each may occupy one of its workers.
const PER_HOST: usize = 2;
/// Idle connections in all.
const IN_ALL: usize = 256;

/// Whom a connection reaches. Stores that share a host share no connection: one of them could append to its answer what would then
/// be taken for the answer of another.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Peer {
    pub store: StoreId,
    /// Scheme, host and port.
    pub origin: String,
}

/// The idle connections. Clones share them.
#[derive(Clone)]
pub(super) struct Pool {
    state: Arc<Mutex<State>>,
    clock: Clock,
}

#[derive(Default)]
struct State {
    /// The one that became idle last is at the end.
    idle: Vec<Connection>,
    /// Connections that were opened until then are not kept.
    emptied: Option<Instant>,
    is_swept: bool,
}

/// A connection to a store, for one request at a time. Closed when dropped.
pub(super) struct Connection {
    pub sender: SendRequest<SentBody>,
    /// Whether the body of its request may still be arriving when the answer ends.
    pub is_streamed: bool,
    peer: Peer,
    opened: Instant,
    idle_since: Instant,
    idle_at_most: Duration,
    #[cfg_attr(not(test), expect(dead_code, reason = "dropping it closes the connection"))]
    driver: Driver,
}

/// Drives a connection until it is dropped.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Connection {
    /// Limits how long it is kept, by the headers of an answer: a second less than the store announces.
    pub(super) fn heed(&mut self, headers: &HeaderMap) {
        let announced = headers.get("keep-alive").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let seconds = announced.split(',').find_map(|part| part.trim().strip_prefix("timeout=")?.parse::<u64>().ok());
        if let Some(seconds) = seconds {
            self.idle_at_most = self.idle_at_most.min(Duration::from_secs(seconds.saturating_sub(1)));
        }
    }
}

impl Pool {
    pub(super) fn new(clock: Clock) -> Self {
        Self { state: Arc::default(), clock }
    }

    /// A new connection, driven by a task of its own.
    pub(super) fn connection(
        &self,
        peer: Peer,
        sender: SendRequest<SentBody>,
        driving: impl Future<Output = hyper::Result<()>> + Send + 'static,
    ) -> Connection {
        let now = self.clock.instant();
        let driver = Driver(tokio::spawn(async move { drop(driving.await) }));
        Connection {
            sender,
            is_streamed: false,
            peer,
            opened: now,
            idle_since: now,
            idle_at_most: IDLE_AT_MOST,
            driver,
        }
    }

    /// Takes an open connection to `peer` that has been idle for less than `idle_at_most`, the most recent one first.
    pub(super) fn take(&self, peer: &Peer, idle_at_most: Duration) -> Option<Connection> {
        let now = self.clock.instant();
        let mut state = self.lock();
        if !state.is_swept {
            state.is_swept = true;
            self.sweep();
        }
        state.evict(now);
        let is_fit = |connection: &Connection| {
            connection.peer == *peer && now.since(connection.idle_since) < idle_at_most && connection.sender.is_ready()
        };
        let at = state.idle.iter().rposition(is_fit)?;
        Some(state.idle.remove(at))
    }

    /// Keeps a connection whose answer was read to its end, in place of the oldest if there are too many.
    pub(super) fn put(&self, mut connection: Connection) {
        let now = self.clock.instant();
        let mut state = self.lock();
        state.evict(now);
        let is_old = now.since(connection.opened) >= AGE_AT_MOST
            || state.emptied.is_some_and(|emptied| connection.opened <= emptied);
        if is_old || (connection.is_streamed && !connection.sender.is_ready()) {
            return;
        }
        let is_same_host = |other: &Connection| other.peer.origin == connection.peer.origin;
        if state.idle.iter().filter(|other| is_same_host(other)).count() >= PER_HOST {
            let oldest = state.idle.iter().position(is_same_host);
            oldest.map(|at| state.idle.remove(at));
        } else if state.idle.len() >= IN_ALL {
            state.idle.remove(0);
        }
        connection.idle_since = now;
        state.idle.push(connection);
    }

    /// Closes the idle connections, and keeps none of those in use.
    pub(super) fn empty(&self) {
        let mut state = self.lock();
        state.idle.clear();
        state.emptied = Some(self.clock.instant());
    }

    /// How many connections are idle.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        let mut state = self.lock();
        state.evict(self.clock.instant());
        state.idle.len()
    }

    /// Ends the idle connections, which still look open.
    #[cfg(test)]
    pub(super) fn cut(&self) {
        self.lock().idle.iter().for_each(|connection| connection.driver.0.abort());
    }

    /// Closes connections that nobody takes, for as long as the pool exists.
    fn sweep(&self) {
        let (state, clock) = (Arc::downgrade(&self.state), self.clock.clone());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(IDLE_AT_MOST / 4).await;
                let Some(state) = state.upgrade() else { return };
                state.lock().unwrap_or_else(PoisonError::into_inner).evict(clock.instant());
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn evict(&mut self, now: Instant) {
        self.idle.retain(|connection| {
            !connection.sender.is_closed() && now.since(connection.idle_since) < connection.idle_at_most
        });
    }
}
