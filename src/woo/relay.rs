//! Sends one request to a store and returns its answer as it arrives: bodies are streamed both ways.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::Method;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::http::StatusCode;
use tokio::task::JoinHandle;
use tokio::time::Sleep;

use super::http::{self, Client, Fault, Reply};
use crate::domain::secret::Secret;

/// What a body may fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

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
    Streamed(UnsyncBoxBody<Bytes, BoxError>),
}

/// One request. Not `Debug`: its URL and headers may contain keys.
pub struct Outgoing {
    pub method: Method,
    pub url: Secret,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Sent,
    /// The time limit for everything up to the head of the answer.
    pub within: Duration,
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

/// Sends a request through the guard. Dropping the future or the answer closes the connection.
pub async fn send(client: &Client, request: Outgoing) -> Result<Arriving, Unanswered> {
    let url = client.checked(request.url.expose())?;
    let body = match request.body {
        Sent::Whole(bytes) => Full::new(bytes).map_err(|never| match never {}).boxed_unsync(),
        Sent::Streamed(body) => body,
    };
    let outgoing = client.request(&url, request.method, request.headers, body)?;
    let asking = async {
        let (mut sender, connection) = client.open(&url).await?;
        let driver = Driver(tokio::spawn(async move { drop(connection.await) }));
        let response = sender.send_request(outgoing).await.map_err(|error| {
            // A connection that ends without TLS's own goodbye is an input error.
            let is_io = std::error::Error::source(&error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
            let has_died = is_io || error.is_incomplete_message() || error.is_closed() || error.is_canceled();
            Unanswered { fault: if has_died { Fault::Connect } else { http::fault_of(&error) }, has_died }
        })?;
        let (head, incoming) = response.into_parts();
        let idle = Box::pin(tokio::time::sleep(IDLE));
        let body =
            Pieces { incoming, idle, until: Box::pin(tokio::time::sleep(WITHIN)), left: AT_MOST, _driver: driver };
        Ok(Arriving { status: head.status, headers: head.headers, body })
    };
    tokio::time::timeout(request.within, asking).await.unwrap_or(Err(Fault::TimedOut.into()))
}

/// Drives a connection until it is dropped.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The body of an answer as it arrives, within its time limits.
pub struct Pieces {
    incoming: Incoming,
    idle: Pin<Box<Sleep>>,
    until: Pin<Box<Sleep>>,
    left: u64,
    _driver: Driver,
}

impl Pieces {
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
            body.idle.as_mut().reset(tokio::time::Instant::now() + IDLE);
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

/// An answer that was read whole, decompressed if the store compressed it unasked.
pub fn whole(head: Reply, body: Vec<u8>, is_cut: bool, at_most: usize) -> Reply {
    let is_compressed = http::is_compressed(&head.headers, &body);
    let body = if is_compressed { http::decompress(&body, at_most).unwrap_or_default() } else { body };
    Reply { body, is_cut, ..head }
}
