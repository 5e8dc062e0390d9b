//! Which calls share a connection, and what happens when the store closes it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::Method;
use hyper::body::Bytes;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use super::http::{Client, Fault};
use super::loopback::{answer, client, next};
use super::relay::{self, IDLE_AT_MOST, Outgoing, Sent, Unanswered};
use crate::domain::{Entropy, Secret, StoreId, Time};

/// A client, and a server that tells what arrived on which of its connections.
struct Shared {
    client: Client,
    store: StoreId,
    seen: Arc<Mutex<Vec<String>>>,
}

fn store(number: i64) -> StoreId {
    StoreId::mint(Time::from_millis(number), &Entropy::seeded(1))
}

impl Shared {
    /// The path says what the server does: `/cut` ends the connection without an answer, `/then-close` behind it, `/said` says so, `/N`
    /// promises to wait N seconds, `/more` sends more than it said, `/half` less.
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            let mut number = 0;
            while let Ok((stream, _)) = listener.accept().await {
                let log = Arc::clone(&log);
                number += 1;
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    while let Some(seen) = next(&mut stream).await {
                        log.lock().unwrap().push(format!("{number} {} {}", seen.method, seen.path()));
                        let raw = match seen.path() {
                            "/cut" => return,
                            "/said" => answer(200, "connection: close", "ok"),
                            "/more" => answer(200, "", "ok") + &answer(200, "", "forged"),
                            "/half" => answer(200, "", "ok").replace(": 2", ": 200"),
                            path => match path[1..].parse::<u64>() {
                                Ok(seconds) => answer(200, &format!("keep-alive: timeout={seconds}, max=100"), "ok"),
                                Err(_) => answer(200, "", "ok"),
                            },
                        };
                        stream.write_all(raw.as_bytes()).await.unwrap();
                        if seen.path() == "/then-close" {
                            return;
                        }
                    }
                });
            }
        });
        Self { client: client(&["shop.example.com"], address), store: store(1), seen }
    }

    async fn send(&self, method: Method, path: &str, idle_at_most: Duration) -> Result<relay::Arriving, Unanswered> {
        let url = Secret::new(format!("http://shop.example.com{path}"));
        let (headers, body, within) = (Vec::new(), Sent::Whole(Bytes::new()), Duration::from_secs(10));
        let store = self.store.clone();
        let (answer_at_most, until) = (u64::MAX, None);
        let outgoing = Outgoing { store, method, url, headers, body, within, idle_at_most, answer_at_most, until };
        relay::send(&self.client, outgoing).await
    }

    /// Sends a GET and reads its answer.
    async fn get(&self, path: &str) -> String {
        let (mut answer, mut body) = (self.send(Method::GET, path, IDLE_AT_MOST).await.unwrap(), Vec::new());
        let _ = answer.body.read(&mut body, 1_000).await;
        drop(answer);
        // The task of the connection has then seen the end too.
        tokio::task::yield_now().await;
        String::from_utf8(body).unwrap()
    }

    /// Waits until the pool has noticed that its connections were closed.
    async fn closed(&self) {
        while self.client.pool.size() > 0 {
            tokio::task::yield_now().await;
        }
    }

    fn pass(&self, span: Duration) {
        self.client.clock().advance(span);
    }

    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

#[tokio::test]
async fn calls_to_one_store_follow_each_other_on_a_connection() {
    let mut shared = Shared::new().await;
    for path in ["/a", "/b", "/said", "/c", "/3", "/d"] {
        assert_eq!(shared.get(path).await, "ok");
    }
    assert_eq!(shared.seen(), ["1 GET /a", "1 GET /b", "1 GET /said", "2 GET /c", "2 GET /3", "2 GET /d"]);
    shared.pass(Duration::from_secs(2));
    shared.get("/e").await;
    assert_eq!(shared.seen(), ["3 GET /e"], "a second less than the store promised");
    shared.pass(Duration::from_millis(3_999));
    shared.get("/f").await;
    shared.pass(IDLE_AT_MOST);
    shared.get("/g").await;
    assert_eq!(shared.seen(), ["3 GET /f", "4 GET /g"]);
    shared.send(Method::POST, "/h", Duration::ZERO).await.unwrap();
    assert_eq!(shared.seen(), ["5 POST /h"]);
    shared.store = store(2);
    shared.get("/i").await;
    assert_eq!(shared.seen(), ["6 GET /i"], "another store of the same host");
}

#[tokio::test]
async fn addresses_and_certificates_are_checked_again() {
    let shared = Shared::new().await;
    for _ in 0..21 {
        shared.get("/a").await;
        shared.pass(Duration::from_secs(3));
    }
    shared.get("/a").await;
    assert_eq!(shared.seen().pop().unwrap(), "2 GET /a", "a minute has passed");
    shared.client.forget_roots();
    shared.get("/b").await;
    shared.get("/c").await;
    shared.pass(Duration::from_millis(1));
    shared.get("/d").await;
    shared.get("/e").await;
    assert_eq!(shared.seen(), ["3 GET /b", "4 GET /c", "5 GET /d", "5 GET /e"]);
    assert_eq!(shared.client.for_ourselves().pool.size(), 0, "without the guard there are other connections");
}

#[tokio::test]
async fn a_connection_that_the_store_has_closed_is_not_used() {
    let shared = Shared::new().await;
    for _ in 0..3 {
        assert_eq!(shared.get("/then-close").await, "ok");
        shared.closed().await;
        shared.send(Method::POST, "/a", IDLE_AT_MOST).await.unwrap();
    }
    let seen = shared.seen();
    assert_eq!((seen.len(), seen[5].as_str()), (6, "6 POST /a"));
    // It ends after it was taken, and before anything was written.
    shared.get("/b").await;
    shared.client.pool.cut();
    shared.send(Method::POST, "/c", IDLE_AT_MOST).await.unwrap();
    assert_eq!(shared.seen(), ["7 GET /b", "8 POST /c"]);
}

#[tokio::test]
async fn nothing_is_sent_twice_by_itself() {
    let shared = Shared::new().await;
    shared.get("/a").await;
    let died = shared.send(Method::POST, "/cut", IDLE_AT_MOST).await.err();
    assert_eq!(died, Some(Unanswered { fault: Fault::Connect, has_died: true }));
    assert_eq!(shared.seen(), ["1 GET /a", "1 POST /cut"]);
}

#[tokio::test]
async fn an_answer_that_was_not_read_to_its_end_closes_its_connection() {
    let shared = Shared::new().await;
    drop(shared.send(Method::GET, "/a", IDLE_AT_MOST).await.unwrap());
    shared.get("/b").await;
    let (mut half, mut body) = (shared.send(Method::GET, "/half", IDLE_AT_MOST).await.unwrap(), Vec::new());
    assert!(half.body.read(&mut body, 1).await.unwrap());
    drop(half);
    shared.get("/c").await;
    assert_eq!(shared.seen(), ["1 GET /a", "2 GET /b", "2 GET /half", "3 GET /c"]);
    // What follows an answer unasked answers nothing.
    assert_eq!(shared.get("/more").await, "ok");
    shared.closed().await;
    assert_eq!(shared.get("/d").await, "ok");
    assert_eq!(shared.seen(), ["3 GET /more", "4 GET /d"]);
}

#[tokio::test]
async fn few_connections_are_kept() {
    let mut shared = Shared::new().await;
    for number in 1..=4 {
        shared.store = store(number);
        shared.get("/a").await;
    }
    assert_eq!(shared.client.pool.size(), 2, "to one host");
    shared.get("/b").await;
    assert_eq!(shared.seen().pop().unwrap(), "4 GET /b", "the newest");
}
