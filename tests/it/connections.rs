//! Connections: limits per network, which connections are closed when there are too many, and clients that do not read.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use cartkey::serve::{self, Limits};
use cartkey::web::stream::streamed;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::binary::PATIENCE;
use crate::process::{until_async, whole_answer};

const HELLO: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
const HERE: &str = "127.0.0.1";
const ELSEWHERE: &str = "127.0.0.2";

/// Our accept loop in front of a page that says hello, and one that never ends.
struct Served {
    listen: SocketAddr,
    /// Signals when an endless answer was cut off.
    given_up: mpsc::UnboundedReceiver<()>,
    _stop: watch::Sender<bool>,
}

impl Served {
    async fn with(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listen = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let (ends, given_up) = mpsc::unbounded_channel();
        let endless = async move || {
            let (pieces, body) = streamed();
            tokio::spawn(async move {
                while pieces.put(vec![b'x'; 64 * 1024]).await.is_ok() {}
                let _ = ends.send(());
            });
            body
        };
        let router = Router::new().route("/", get("hello")).route("/endless", get(endless));
        tokio::spawn(serve::accept(listener, router, limits, stopped));
        Self { listen, given_up, _stop: stop }
    }

    async fn connect(&self, from: &str) -> TcpStream {
        connect(self.listen, from, 8 * 1024).await
    }

    async fn asked(&self, from: &str) -> String {
        ask(self.listen, from).await
    }

    async fn is_served(&self, from: &str) -> bool {
        self.asked(from).await.ends_with("hello")
    }

    async fn endless(&self, unread: u32) -> TcpStream {
        let mut stream = connect(self.listen, HERE, unread).await;
        stream.write_all(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        stream
    }

    async fn gives_up(&mut self) {
        tokio::time::timeout(PATIENCE, self.given_up.recv()).await.expect("the answer is given up");
    }
}

/// A connection with a receive buffer of `unread` bytes.
async fn connect(to: SocketAddr, from: &str, unread: u32) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from.parse::<IpAddr>().unwrap(), 0)).unwrap();
    socket.set_recv_buffer_size(unread).unwrap();
    socket.connect(to).await.unwrap()
}

async fn ask(to: SocketAddr, from: &str) -> String {
    let mut stream = connect(to, from, 8 * 1024).await;
    // One that is refused may be closed before all is written.
    let _ = stream.write_all(HELLO).await;
    whole_answer(stream).await
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up() {
    let mut served = Served::with(Limits { unread_within: Duration::from_millis(200), ..Limits::default() }).await;
    let _unread = served.endless(8 * 1024).await;
    served.gives_up().await;
}

#[tokio::test]
async fn an_answer_that_is_read_byte_by_byte_is_given_up() {
    let mut served = Served::with(Limits { unread_within: Duration::from_millis(200), ..Limits::default() }).await;
    let mut slow = served.endless(8 * 1024).await;
    let sips = async {
        let mut each = tokio::time::interval(Duration::from_millis(10));
        while slow.read_u8().await.is_ok() {
            each.tick().await;
        }
    };
    // What the kernel has taken for it may be read for a while yet.
    tokio::select! {
        () = served.gives_up() => {}
        () = sips => {}
    }
}

#[tokio::test]
async fn an_answer_that_is_read_slowly_and_steadily_is_not() {
    let within = Duration::from_millis(800);
    let mut served = Served::with(Limits { unread_within: within, ..Limits::default() }).await;
    let mut slow = served.endless(64 * 1024).await;
    let mut each = tokio::time::interval(within / 40);
    let mut piece = vec![0; 16 * 1024];
    for _ in 0..80 {
        each.tick().await;
        slow.read_exact(&mut piece).await.expect("it goes on");
    }
    assert!(served.given_up.try_recv().is_err());
}

#[tokio::test]
async fn a_network_with_too_many_connections_is_told_so_and_others_are_served() {
    let served = Served::with(Limits { per_address: 3, ..Limits::default() }).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(served.connect(HERE).await);
    }
    let answer = served.asked(HERE).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 10\r\n"), "{answer}");
    assert!(answer.contains("an IPv4 address may have 3 at a time"), "{answer}");
    assert!(served.is_served(ELSEWHERE).await);
    silent.pop();
    until_async(async || served.is_served(HERE).await).await;
}

#[tokio::test]
async fn the_connections_of_a_trusted_proxy_are_not_counted() {
    let trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let served = Served::with(Limits { per_address: 3, trusted_proxies, ..Limits::default() }).await;
    let mut silent = Vec::new();
    for _ in 0..9 {
        silent.push(served.connect(HERE).await);
    }
    assert!(served.is_served(HERE).await);
}

#[tokio::test]
async fn whoever_has_most_connections_makes_room_when_all_places_are_taken() {
    let served = Served::with(Limits { connections: 60, per_address: 30, ..Limits::default() }).await;
    let (mut idle, mut unread) = (Vec::new(), Vec::new());
    for _ in 0..30 {
        idle.push(served.connect("127.0.0.3").await);
        unread.push(served.endless(8 * 1024).await);
    }
    for _ in 0..20 {
        assert!(served.is_served(ELSEWHERE).await);
    }
    let together: JoinSet<_> = (0..20).map(|_| ask(served.listen, ELSEWHERE)).collect();
    assert!(together.join_all().await.iter().all(|answer| answer.ends_with("hello")), "at once as well");
}

#[tokio::test]
async fn an_old_connection_is_closed_behind_an_answer() {
    let served = Served::with(Limits { life: Duration::ZERO, ..Limits::default() }).await;
    let mut stream = served.connect(HERE).await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let answer = whole_answer(stream).await;
    assert!(answer.contains("connection: close\r\n") && answer.ends_with("hello"), "{answer}");
}
