//! What `scripts/bench-proxy` sets beside Cartkey:
//!
//! - `bench_proxy stores PORT COUNT FILE`: one store each on 127.0.0.1, 127.0.0.2, …; all answer with this file,
//!   with links to themselves in place of `https://shop.example`, or with a gigabyte.
//! - `bench_proxy bare PORT STORES_PORT`: a reverse proxy that keeps connections to the stores and does nothing else. It accepts
//!   connections like Cartkey, and finds the store's number in the same paths.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpListener;

type Sent = UnsyncBoxBody<Bytes, hyper::Error>;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let said: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match said[..] {
        ["stores", port, count, file] => {
            let (port, body) = (port.parse()?, std::fs::read_to_string(file)?);
            let answers = |number: u8| {
                let home = format!("http://127.0.0.{number}:{port}");
                answering(body.replace("https://shop.example", &home).into())
            };
            for number in 2..=count.parse()? {
                tokio::spawn(serve(listen(number, port).await?, answers(number)));
            }
            serve(listen(1, port).await?, answers(1)).await
        }
        ["bare", port, stores] => {
            let client = legacy::Client::builder(TokioExecutor::new()).build_http();
            let stores: u16 = stores.parse()?;
            let pass = move |request| {
                let client: legacy::Client<_, Incoming> = client.clone();
                async move { Ok(passed_on(&client, request, stores).await.unwrap_or_else(|error| failed(&error))) }
            };
            serve(listen(1, port.parse()?).await?, pass).await
        }
        _ => bail!("usage: bench_proxy stores PORT COUNT FILE | bare PORT STORES_PORT"),
    }
}

async fn listen(number: u8, port: u16) -> anyhow::Result<TcpListener> {
    Ok(TcpListener::bind((Ipv4Addr::new(127, 0, 0, number), port)).await?)
}

/// One task per connection, with five seconds for the head of a request.
async fn serve<S, F>(listener: TcpListener, service: S) -> anyhow::Result<()>
where
    S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<Sent>, Infallible>> + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(5))
            .serve_connection(TokioIo::new(stream), service_fn(service.clone()));
        tokio::spawn(async move {
            // A client that disconnects only ends its own connection.
            drop(connection.await);
        });
    }
}

/// A store.
fn answering(
    body: Bytes,
) -> impl Fn(Request<Incoming>) -> std::future::Ready<Result<Response<Sent>, Infallible>> + Clone + Send {
    move |request| {
        let is_large = request.uri().path().ends_with("/gigabyte");
        let (kind, sent) = if is_large {
            ("application/octet-stream", Large { left: 1 << 30 }.boxed_unsync())
        } else {
            let body = Full::new(body.clone());
            ("application/json; charset=UTF-8", body.map_err(|never| match never {}).boxed_unsync())
        };
        let mut response = Response::new(sent);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        for name in ["x-wp-total", "x-wp-totalpages"] {
            response.headers_mut().insert(name, HeaderValue::from_static("10"));
        }
        std::future::ready(Ok(response))
    }
}

/// Zeros, and how many are left.
struct Large {
    left: u64,
}

impl Body for Large {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        const PIECE: &[u8] = &[0; 64 * 1024];
        let large = self.get_mut();
        large.left = large.left.saturating_sub(PIECE.len() as u64);
        Poll::Ready((large.left > 0).then(|| Ok(Frame::data(Bytes::from_static(PIECE)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// Passes a request for `…/users/user-N/wp-json/…` on to store N, and the answer back.
async fn passed_on<C>(
    client: &legacy::Client<C, Incoming>,
    request: Request<Incoming>,
    stores: u16,
) -> anyhow::Result<Response<Sent>>
where
    C: legacy::connect::Connect + Clone + Send + Sync + 'static,
{
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path();
    let (_, rest) = path.split_once("/user-").context("no user")?;
    let (number, route) = rest.split_once('/').context("no route")?;
    let host = format!("127.0.0.{}:{stores}", number.parse::<u8>()? + 1);
    parts.uri = format!("http://{host}/{route}").parse()?;
    parts.headers.insert(HOST, host.parse()?);
    parts.headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic Y2tfYTpjc19i"));
    parts.headers.remove(CONNECTION);
    let mut response = client.request(Request::from_parts(parts, body)).await?;
    response.headers_mut().remove(CONNECTION);
    Ok(response.map(http_body_util::BodyExt::boxed_unsync))
}

fn failed(error: &anyhow::Error) -> Response<Sent> {
    let says = Full::new(Bytes::from(format!("{error:#}\n"))).map_err(|never| match never {});
    let mut response = Response::new(says.boxed_unsync());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}
