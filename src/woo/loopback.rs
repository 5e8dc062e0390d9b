//! For tests: a server on loopback with scripted answers, and clients that reach it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpListener;

use super::dial::Resolver;
use super::http::{Client, Outgoing};
use crate::domain::{Clock, Entropy, Network, StoreUrl, Time};

/// A request as received.
pub(super) struct Seen {
    pub method: String,
    pub target: String,
    /// Names are in lower case.
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(super) fn query(&self) -> Vec<(String, String)> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    pub(super) fn parameter(&self, name: &str) -> String {
        self.query().into_iter().find(|(n, _)| n == name).map(|(_, v)| v).unwrap_or_default()
    }
}

pub(super) fn answer(status: u16, headers: &str, body: &str) -> String {
    let lines: String = headers.lines().flat_map(|line| [line, "\r\n"]).collect();
    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{lines}\r\n{body}", body.len())
}

/// Answers each connection once with the result of `respond`.
pub(super) async fn serve(respond: impl Fn(&Seen) -> String + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let respond = Arc::new(respond);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let respond = Arc::clone(&respond);
            tokio::spawn(async move { one(stream, respond.as_ref()).await });
        }
    });
    address
}

/// Reads one request and writes the raw answer.
pub(super) async fn one(stream: impl AsyncRead + AsyncWrite + Unpin, respond: &(impl Fn(&Seen) -> String + ?Sized)) {
    let mut stream = BufReader::new(stream);
    if let Some(seen) = next(&mut stream).await {
        drop(stream.write_all(respond(&seen).as_bytes()).await);
        drop(stream.shutdown().await);
    }
}

/// Reads one request; `None` if the connection has ended.
pub(super) async fn next(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<Seen> {
    let mut first = String::new();
    if stream.read_line(&mut first).await.unwrap_or(0) == 0 {
        return None;
    }
    let mut words = first.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    Some(Seen { method, target, headers, body: String::from_utf8(body).unwrap() })
}

/// A client for which all `names` resolve to `address`, and which may connect to it.
pub(super) fn client(names: &[&str], address: SocketAddr) -> Client {
    with(Network::PrivateToo, names, address)
}

pub(super) fn with(network: Network, names: &[&str], address: SocketAddr) -> Client {
    let names = names.iter().map(|name| ((*name).to_owned(), vec![address])).collect();
    let outgoing = Outgoing {
        network,
        resolver: Resolver::Fixed(Arc::new(names)),
        extra_roots: Vec::new(),
        user_agent: super::user_agent("https://keys.example.com"),
        own_host: Some("keys.example.com".to_owned()),
    };
    Client::new(outgoing, Clock::test(Time::from_millis(1_763_812_800_000)), Entropy::seeded(7))
}

pub(super) fn home(text: &str) -> StoreUrl {
    StoreUrl::parse(text, Network::PrivateToo).unwrap()
}
