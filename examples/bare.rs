//! The baseline of `scripts/bench`: a bare axum handler that returns one fixed JSON body and does nothing else.
//!
//! It serves the way Cartkey does (its own accept loop, hyper's HTTP/1 with a header timeout, the same headers), so the
//! difference between the two is Cartkey's own work.

use std::{env, fs, io, net::Ipv4Addr, time::Duration};

use axum::{
    Router,
    body::Bytes,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    routing::get,
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let (Some(port), Some(file)) = (arguments.next().and_then(|port| port.parse::<u16>().ok()), arguments.next())
    else {
        return Err(io::Error::other("usage: bare PORT FILE_WITH_THE_BODY"));
    };
    let body = Bytes::from(fs::read(file)?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    announce(&listener)?;
    serve(listener, router(body)).await
}

/// Answers every GET with the same bytes, and with the headers of a response with keys.
fn router(body: Bytes) -> Router {
    let answer = move || {
        let body = body.clone();
        async move { ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], body) }
    };
    Router::new().route("/", get(answer.clone())).route("/{*path}", get(answer))
}

/// One task per connection, with five seconds for the request headers, which a service on the internet needs.
async fn serve(listener: TcpListener, router: Router) -> io::Result<()> {
    let service = TowerToHyperService::new(router);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(5))
            .serve_connection(TokioIo::new(stream), service.clone());
        tokio::spawn(async move {
            // A client that disconnects only ends its own connection.
            drop(connection.await);
        });
    }
}

#[expect(clippy::print_stdout, reason = "scripts/bench waits for this line")]
fn announce(listener: &TcpListener) -> io::Result<()> {
    println!("listening on http://{}", listener.local_addr()?);
    Ok(())
}
