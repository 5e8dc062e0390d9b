//! Sends one request to a store and returns its answer as it arrives: bodies are streamed both ways.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::Method;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::http::StatusCode;
use tokio::time::{Instant, Sleep};
use url::Position;

use super::http::{self, Client, Fault, Reply};
use super::pool::{Connection, Peer, Pool, SentBody};
use crate::domain::{Secret, StoreId};

pub use super::pool::{BoxError, IDLE_AT_MOST};

/// How long a store may pause within its answer.
const IDLE: Duration = Duration::from_secs(30);
/// The largest answer, in bytes.
const AT_MOST: u64 = 2 * 1024 * 1024 * 1024;
/// How long a whole answer may take, counted from its head.
const WITHIN: Duration = Duration::from_mins(10);

/// The body of a request.
pub enum Sent {
    /// In memory, so it can be sent again.
    Whole(Bytes),
    /// As it arrives, so it can be sent once.
    Streamed(SentBody),
}

/// One request. Not `Debug`: its URL and headers may contain keys.
pub struct Outgoing {
    pub store: StoreId,
    pub method: Method,
    pub url: Secret,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Sent,
    /// The time limit for everything up to the head of the answer.
    pub within: Duration,
    /// How long the connection may have been idle since the store's last answer; zero requires a new one.
    pub idle_at_most: Duration,
    /// The largest body of the answer, in bytes: no more than 2 GiB in any case.
    pub answer_at_most: u64,
    /// When the answer must have ended: ten minutes after its head in any case.
    pub until: Option<Instant>,
}

/// The head of an answer, and its body as it arrives.
pub struct Arriving {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Pieces,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unanswered {
    pub fault: Fault,
    /// Whether the connection ended before anything of an answer arrived.
    pub has_died: bool,
}

impl From<Fault> for Unanswered {
    fn from(fault: Fault) -> Self {
        Self { fault, has_died: false }
    }
}

/// Sends a request through the guard, on an idle connection if there is one. Dropping the future, or the answer before its end,
/// closes the connection.
pub async fn send(client: &Client, request: Outgoing) -> Result<Arriving, Unanswered> {
    let url = client.checked(request.url.expose())?;
    let is_streamed = matches!(request.body, Sent::Streamed(_));
    let body = match request.body {
        Sent::Whole(bytes) => Full::new(bytes).map_err(|never| match never {}).boxed_unsync(),
        Sent::Streamed(body) => body,
    };
    let mut outgoing = client.request(&url, request.method, request.headers, body)?;
    let peer = Peer { store: request.store, origin: url[..Position::BeforePath].to_owned() };
    let at_most = request.answer_at_most.min(AT_MOST);
    let asking = async {
        let mut idle = client.pool.take(&peer, request.idle_at_most);
        loop {
            let is_new = idle.is_none();
            let mut connection = if let Some(connection) = idle.take() {
                connection
            } else {
                let (sender, driving) = client.open(&url).await?;
                client.pool.connection(peer.clone(), sender, driving)
            };
            connection.is_streamed = is_streamed;
            let mut error = match connection.sender.try_send_request(outgoing).await {
                Ok(response) => {
                    let (head, incoming) = response.into_parts();
                    connection.heed(&head.headers);
                    let latest = Instant::now() + WITHIN;
                    let until = request.until.map_or(latest, |until| until.min(latest));
                    let body = Pieces::new(incoming, connection, client.pool.clone(), at_most, until);
                    return Ok(Arriving { status: head.status, headers: head.headers, body });
                }
                Err(error) => error,
            };
            match error.take_message() {
                // The store had closed the connection before anything of the request was written.
                Some(unsent) if !is_new => outgoing = unsent,
                _ => return Err(unanswered(&error.into_error())),
            }
        }
    };
    let within = request
        .until
        .map_or(request.within, |until| request.within.min(until.saturating_duration_since(Instant::now())));
    tokio::time::timeout(within, asking).await.unwrap_or(Err(Fault::TimedOut.into()))
}

fn unanswered(error: &hyper::Error) -> Unanswered {
    // A connection that ends without TLS's own goodbye is an input error.
    let is_io = std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
    let has_died = is_io || error.is_incomplete_message() || error.is_closed() || error.is_canceled();
    Unanswered { fault: if has_died { Fault::Connect } else { http::fault_of(error) }, has_died }
}

/// The body of an answer as it arrives, within its time limits.
pub struct Pieces {
    incoming: Incoming,
    idle: Pin<Box<Sleep>>,
    until: Pin<Box<Sleep>>,
    left: u64,
    has_ended: bool,
    connection: Option<Connection>,
    pool: Pool,
}

impl Pieces {
    fn new(incoming: Incoming, connection: Connection, pool: Pool, left: u64, until: Instant) -> Self {
        let (idle, until) = (Box::pin(tokio::time::sleep(IDLE)), Box::pin(tokio::time::sleep_until(until)));
        Self { incoming, idle, until, left, has_ended: false, connection: Some(connection), pool }
    }

    /// The announced size, or the least that is known of it.
    pub fn announced(&self) -> u64 {
        self.incoming.size_hint().lower()
    }

    /// Reads up to `at_most` bytes into one buffer. True if the body continues.
    pub async fn read(&mut self, into: &mut Vec<u8>, at_most: usize) -> Result<bool, BoxError> {
        while into.len() <= at_most {
            let Some(frame) = self.frame().await else { return Ok(false) };
            // Copied: a slice would keep the whole read buffer alive.
            if let Ok(data) = frame?.into_data() {
                into.extend_from_slice(&data);
            }
        }
        Ok(true)
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let body = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut body.incoming).poll_frame(cx) {
            body.idle.as_mut().reset(Instant::now() + IDLE);
            body.has_ended = frame.is_none();
            let length = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
            let Some(left) = body.left.checked_sub(length as u64) else {
                return Poll::Ready(Some(Err(Fault::TooLarge.into())));
            };
            body.left = left;
            if body.until.as_mut().poll(cx).is_pending() {
                return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
            }
        } else if body.until.as_mut().poll(cx).is_pending() {
            ready!(body.idle.as_mut().poll(cx));
        }
        Poll::Ready(Some(Err(Fault::TimedOut.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        let has_ended = self.has_ended || self.incoming.is_end_stream();
        if let Some(connection) = self.connection.take().filter(|_| has_ended) {
            self.pool.put(connection);
        }
    }
}

/// An answer that was read whole, decompressed if the store compressed it unasked.
pub fn whole(head: Reply, body: Vec<u8>, is_cut: bool, at_most: usize) -> Reply {
    let is_compressed = http::is_compressed(&head.headers, &body);
    let body = if is_compressed { http::decompress(&body, at_most).unwrap_or_default() } else { body };
    Reply { body, is_cut, ..head }
}
