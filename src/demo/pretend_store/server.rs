//! The accept loop: HTTP/1.1, plain or over TLS, with the ways an answer can be slow.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::answer::{Answer, Asked};
use super::front;
use super::state::{SeenRequest, Shop};
use super::switches::Pace;

/// The maximum request body in bytes; WooCommerce's own requests are far smaller.
const BODY_AT_MOST: usize = 64 * 1024 * 1024;
/// The time between two bytes of [`Pace::Drip`].
const DRIP_EVERY: Duration = Duration::from_millis(100);

/// Serves until aborted; its connections end too.
pub(super) async fn serve(listener: TcpListener, tls: Option<Arc<ServerConfig>>, shop: Arc<Shop>) {
    let acceptor = tls.map(TlsAcceptor::from);
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let (shop, acceptor) = (Arc::clone(&shop), acceptor.clone());
        connections.spawn(async move {
            match acceptor {
                None => connection(stream, shop).await,
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        connection(stream, shop).await;
                    }
                }
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, shop: Arc<Shop>) {
    shop.connections.send_modify(|(accepted, open)| (*accepted, *open) = (*accepted + 1, *open + 1));
    let service = hyper::service::service_fn(|request| respond(request, &shop));
    let mut serving =
        std::pin::pin!(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    // A client that disconnects early is not an error.
    tokio::select! {
        _ = serving.as_mut() => {}
        () = shop.hang_up.notified() => {
            serving.as_mut().graceful_shutdown();
            drop(serving.await);
        }
    }
    shop.connections.send_modify(|(_, open)| *open -= 1);
}

async fn respond(request: Request<Incoming>, shop: &Shop) -> io::Result<Response<Sent>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_AT_MOST).collect().await.map(http_body_util::Collected::to_bytes);
    let asked = Asked {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: body.unwrap_or_default(),
    };
    record(&asked, shop);
    let pace = wait(shop).await;
    if let Pace::HangUp(_) = pace {
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    let mut answer = front::answer(&asked, shop).await;
    if shop.switches().closes_connections {
        answer = answer.with("connection", "close");
    }
    Ok(sent(answer, pace, Arc::clone(&shop.endless)))
}

/// Waits as the switch demands; returns the pace of the answer.
async fn wait(shop: &Shop) -> Pace {
    loop {
        // Created before the switch is read, so that a release in between is not missed.
        let released = shop.released.notified();
        match shop.switches().pace {
            Pace::WhenReleased => released.await,
            Pace::Never => std::future::pending().await,
            pace @ Pace::HangUp(left) => {
                let next = if left > 1 { Pace::HangUp(left - 1) } else { Pace::Brisk };
                shop.with(|inner| inner.switches.pace = next);
                return pace;
            }
            pace @ (Pace::Brisk | Pace::Drip | Pace::Endless | Pace::Cut) => return pace,
        }
    }
}

fn record(asked: &Asked, shop: &Shop) {
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = asked.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let seen =
        SeenRequest { method: asked.method.to_string(), target: asked.target(), headers, body: asked.body.to_vec() };
    shop.with(|inner| inner.requests.push(seen));
}

fn sent(answer: Answer, pace: Pace, endless: Arc<AtomicU64>) -> Response<Sent> {
    let body = match pace {
        Pace::Drip => Sent::Drip(Box::pin(tokio::time::sleep(Duration::ZERO))),
        Pace::Endless => Sent::Endless(endless),
        Pace::Cut => Sent::Cut(Full::new(Bytes::from(answer.body)), false),
        Pace::Brisk | Pace::WhenReleased | Pace::Never | Pace::HangUp(_) => {
            Sent::Whole(Full::new(Bytes::from(answer.body)))
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        // Values come from addresses sanitized to ASCII; any other is left out.
        if let Ok(value) = value.parse() {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// The body of an answer.
enum Sent {
    Whole(Full<Bytes>),
    Drip(Pin<Box<tokio::time::Sleep>>),
    /// Counts what it has sent.
    Endless(Arc<AtomicU64>),
    /// Whether half was sent.
    Cut(Full<Bytes>, bool),
}

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Self::Drip(sleep) => {
                std::task::ready!(sleep.as_mut().poll(cx));
                sleep.set(tokio::time::sleep(DRIP_EVERY));
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b" ")))))
            }
            Self::Endless(sent) => {
                const PIECE: &[u8] = &[b' '; 16 * 1024];
                sent.fetch_add(PIECE.len() as u64, Ordering::Relaxed);
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(PIECE)))))
            }
            Self::Cut(body, is_half) => {
                if *is_half {
                    return Poll::Ready(Some(Err(io::ErrorKind::BrokenPipe.into())));
                }
                *is_half = true;
                let half = |frame: Frame<Bytes>| frame.map_data(|data| data.slice(..data.len() / 2));
                Pin::new(body).poll_frame(cx).map_ok(half).map_err(|never| match never {})
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(body) if body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) | Self::Cut(body, false) => body.size_hint(),
            Self::Drip(_) | Self::Endless(_) | Self::Cut(..) => SizeHint::default(),
        }
    }
}
