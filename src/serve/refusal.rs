//! Refuses clients that have too many connections: one sentence, at almost no cost.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::connections::Full;
use crate::web;

/// How many refused clients are waited for at a time. A connection that is closed while a request is still arriving is reset,
/// and the client may not get the sentence; beyond this number we accept that.
const WAITED_FOR: usize = 64;
/// How long each is waited for.
const WAIT: Duration = Duration::from_secs(1);
/// After how many seconds they may try again.
const RETRY_AFTER: u64 = 10;
/// The shortest time between two log lines about refusals.
const LOGGED_EVERY: Duration = Duration::from_mins(1);

fn says(full: &Full) -> String {
    format!("{full} Close some, or try again in {RETRY_AFTER} seconds.\n")
}

/// The same, as the answer to a request that came through a proxy.
pub(super) fn answer(full: &Full, secure: bool) -> Response {
    unavailable(says(full), secure)
}

/// For a request on a connection that was just cut to make room.
pub(super) fn cut(secure: bool) -> Response {
    unavailable(format!("Too many connections. Try again in {RETRY_AFTER} seconds.\n"), secure)
}

/// For a request that names no host, or several.
pub(super) fn without_host(secure: bool) -> Response {
    let mut answer = (StatusCode::BAD_REQUEST, "A request must have exactly one Host header.\n").into_response();
    web::add_headers(secure, answer.headers_mut());
    answer
}

fn unavailable(says: String, secure: bool) -> Response {
    let mut answer = (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, RETRY_AFTER)], says).into_response();
    web::add_headers(secure, answer.headers_mut());
    answer
}

/// The refusals of one listener.
pub(super) struct Refusals {
    secure: bool,
    waited_for: Arc<Semaphore>,
    logged: Mutex<(Option<Instant>, u64)>,
}

impl Refusals {
    pub(super) fn new(secure: bool) -> Self {
        Self { secure, waited_for: Arc::new(Semaphore::new(WAITED_FOR)), logged: Mutex::default() }
    }

    /// Sends `peer` the limit it has reached, and closes the connection.
    pub(super) fn refuse(&self, mut stream: TcpStream, peer: SocketAddr, full: &Full) {
        self.log(peer, full);
        let says = says(full);
        let mut head =
            format!("HTTP/1.1 503 Service Unavailable\r\ncontent-length: {}\r\nconnection: close\r\n", says.len());
        for (name, value) in answer(full, self.secure).headers() {
            head.extend([name.as_str(), ": ", value.to_str().unwrap_or_default(), "\r\n"]);
        }
        let answer = format!("{head}\r\n{says}");
        // Straight into the kernel's send buffer, which is empty: this never blocks.
        let _ = SockRef::from(&stream).send(answer.as_bytes());
        let Ok(place) = Arc::clone(&self.waited_for).try_acquire_owned() else { return };
        tokio::spawn(async move {
            let _place = place;
            let mut thrown_away = [0; 1024];
            let until_closed = async {
                let _ = stream.shutdown().await;
                while stream.read(&mut thrown_away).await.is_ok_and(|bytes| bytes > 0) {}
            };
            let _ = tokio::time::timeout(WAIT, until_closed).await;
        });
    }

    fn log(&self, peer: SocketAddr, full: &Full) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        logged.1 += 1;
        if logged.0.is_none_or(|at| at.elapsed() >= LOGGED_EVERY) {
            tracing::warn!(peer = %peer.ip(), refused = logged.1, "connections were refused: {full}");
            *logged = (Some(Instant::now()), 0);
        }
    }
}
