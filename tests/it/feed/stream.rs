//! The feed as a stream of server-sent events.

use std::time::Duration;

use cartkey::domain::actor::Actor;
use cartkey::flow::lending::tokens;
use rustix::process::Signal;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;

use super::{happens, reader, until_somebody_waits};
use crate::binary::Installation;
use crate::service::Service;
use crate::world::World;

/// An open stream.
struct Stream(Lines<BufReader<TcpStream>>);

impl Stream {
    /// Opens the stream at `path` with `more` headers. Uses HTTP/1.0, so the body is not chunked.
    async fn open(world: &World, service: &Service, path: &str, more: &str) -> (String, Self) {
        let address = world.also(|_| {}).await;
        let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
        let token = &service.token;
        let request = format!(
            "GET /api/v1{path} HTTP/1.0\r\nauthorization: Bearer {token}\r\naccept: text/event-stream\r\n{more}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(stream).lines();
        let mut head = String::new();
        while let Some(line) = lines.next_line().await.unwrap().filter(|line| !line.is_empty()) {
            head = format!("{head}{}\n", line.to_lowercase());
        }
        (head, Self(lines))
    }

    /// The next event's id, type and data; `None` at the end of the stream.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        let (mut id, mut kind) = (String::new(), String::new());
        loop {
            let line =
                tokio::time::timeout(Duration::from_secs(20), self.0.next_line()).await.expect("in time").unwrap()?;
            match line.split_once(": ") {
                Some(("id", value)) => value.clone_into(&mut id),
                Some(("event", value)) => value.clone_into(&mut kind),
                Some(("data", value)) => return Some((id, kind, serde_json::from_str(value).unwrap())),
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn a_stream_brings_the_stores_of_events_to_whoever_may_see_them() {
    let world = World::new().await;
    world.connect("m-1").await;
    let service = world.service("events:read,stores:read").await;
    let (_, mut stream) = Stream::open(&world, &service, "/events?expand=store", "").await;
    let connected = loop {
        let (_, kind, event) = stream.next().await.unwrap();
        if kind == "store.connected" {
            break event;
        }
        assert_eq!(event.get("store"), None, "{kind}");
    };
    assert_eq!(connected["store"], service.get("/stores").await.ok()["data"][0]);
    let reader = reader(&world, None).await;
    let (head, _) = Stream::open(&world, &reader, "/events?expand=store", "").await;
    assert!(head.contains(" 403 "), "{head}");
}

#[tokio::test]
async fn a_stream_tells_what_happened_and_then_what_happens() {
    let world = World::new().await;
    let reader = reader(&world, None).await;
    happens(&world.app, "m-1").await;
    let (head, mut stream) = Stream::open(&world, &reader, "/events", "").await;
    assert!(head.contains(" 200 ") && head.contains("content-type: text/event-stream\n"), "{head}");
    assert!(head.contains("cache-control: no-store\n") && head.contains("x-accel-buffering: no\n"), "{head}");
    for (number, kind) in [(1, "token.issued"), (2, "link.created")] {
        let (id, told, data) = stream.next().await.unwrap();
        assert_eq!((id.as_str(), told.as_str()), (format!("ev_{number:016}").as_str(), kind));
        assert_eq!((data["id"].as_str().unwrap(), data["type"].as_str().unwrap()), (id.as_str(), kind));
    }
    for user in ["m-2", "m-3"] {
        happens(&world.app, user).await;
        assert_eq!(stream.next().await.unwrap().2["data"]["user_id"], user);
    }
}

#[tokio::test]
async fn a_lost_stream_goes_on_after_the_last_event_that_came() {
    let world = World::new().await;
    let reader = reader(&world, None).await;
    for user in ["m-1", "m-2", "m-3"] {
        happens(&world.app, user).await;
    }
    let last = "last-event-id: ev_0000000000000003\r\n";
    let (_, mut stream) = Stream::open(&world, &reader, "/events?after=ev_0000000000000001", last).await;
    let (id, _, data) = stream.next().await.unwrap();
    assert_eq!((id.as_str(), &data["data"]["user_id"]), ("ev_0000000000000004", &Value::from("m-3")));
    let bad = "last-event-id: ev_0000000000000099\r\n";
    let (head, _) = Stream::open(&world, &reader, "/events", bad).await;
    assert!(head.contains(" 400 ") && head.contains("application/problem+json"), "{head}");
}

#[tokio::test]
async fn a_stream_of_a_limited_token_tells_of_its_merchants_alone() {
    let world = World::new().await;
    let ours = reader(&world, Some("ours")).await;
    let (_, mut stream) = Stream::open(&world, &ours, "/events", "").await;
    for user in ["theirs", "ours"] {
        happens(&world.app, user).await;
    }
    assert_eq!(stream.next().await.unwrap().2["data"]["user_id"], "ours");
}

#[tokio::test]
async fn a_stream_ends_when_its_token_is_revoked_and_tells_nothing_more() {
    let world = World::new().await;
    let reader = reader(&world, None).await;
    let (_, mut stream) = Stream::open(&world, &reader, "/events?after=latest", "").await;
    until_somebody_waits(&world).await;
    tokens::revoke(&world.app, &reader.token_id.parse().unwrap(), &Actor::cli()).await.unwrap();
    happens(&world.app, "m").await;
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_stream_ends_when_the_process_is_told_to_stop_and_gives_its_place_back() {
    let world = World::new().await;
    let reader = reader(&world, None).await;
    let (_, mut stream) = Stream::open(&world, &reader, "/events?after=latest", "").await;
    until_somebody_waits(&world).await;
    world.app.drain();
    assert!(stream.next().await.is_none());
    assert_eq!(stream.0.into_inner().read_to_end(&mut Vec::new()).await.unwrap(), 0);
    while world.app.feed.waiting() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_process_answers_those_who_wait_and_ends_at_once_when_it_is_told_to_stop() {
    let here = Installation::new().await;
    let token = here.token("events:read");
    let mut cartkey = here.serve().await;
    let ask = |kind: &str, query: &str| {
        format!("GET /api/v1/events?{query} HTTP/1.0\r\nauthorization: Bearer {token}\r\naccept: {kind}\r\n\r\n")
    };
    let mut waiting = TcpStream::connect(cartkey.listen).await.unwrap();
    waiting.write_all(ask("application/json", "wait=30&after=latest").as_bytes()).await.unwrap();
    let mut stream = TcpStream::connect(cartkey.listen).await.unwrap();
    stream.write_all(ask("text/event-stream", "after=latest").as_bytes()).await.unwrap();
    // The stream has begun, so the other request was read before it.
    let mut head = [0; 15];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.0 200 OK");
    cartkey.tell(Signal::TERM);
    let mut answer = String::new();
    let whole = async {
        waiting.read_to_string(&mut answer).await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
        cartkey.ended().await
    };
    let ended = tokio::time::timeout(Duration::from_secs(10), whole).await.expect("within ten seconds");
    assert_eq!(ended.code(), Some(0));
    assert!(answer.contains(" 200 OK") && answer.contains("\"next\":\"ev_"), "{answer}");
}
