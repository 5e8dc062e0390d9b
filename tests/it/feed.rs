//! The feed: services read events in order without gaps, and wait for news when they have read everything.

mod stream;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cartkey::domain::actor::Actor;
use cartkey::domain::event::Kind;
use cartkey::domain::news::EventId;
use cartkey::flow::{connecting::links, feed, lending::tokens};
use cartkey::storage::events;
use hyper::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::binary::{Installation, client};
use crate::database::column;
use crate::on_record;
use crate::service::Service;
use crate::world::{SHOP, World};

/// A service that follows the feed, limited to the events of `users` if any are given.
async fn reader(world: &World, users: Option<&str>) -> Service {
    let new = tokens::NewToken::new("reader", "events:read".parse().unwrap());
    world.holder(tokens::NewToken { users: users.map(|users| users.parse().unwrap()), ..new }).await
}

/// The event types, and the next cursor.
fn told(part: &Value) -> (Vec<&str>, &str) {
    let kinds = part["data"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    (kinds, part["next"].as_str().unwrap())
}

/// Creates an event about `user`.
async fn happens(app: &cartkey::app::App, user: &str) {
    let event = on_record::event(Kind::LinkCreated, app.now(), &Actor::cli()).user(&user.parse().unwrap());
    events::insert(&app.db, &event).await.unwrap();
}

#[tokio::test]
async fn what_happened_is_read_in_order_from_the_beginning_a_part_at_a_time() {
    let world = World::new().await;
    world.connect("m").await;
    let reader = reader(&world, None).await;
    let whole = reader.get("/events?limit=200").await.ok();
    let (kinds, next) = told(&whole);
    assert_eq!(
        kinds,
        [
            "token.issued",
            "link.created",
            "attempt.begun",
            "attempt.received",
            "attempt.confirmed",
            "store.connected",
            "token.issued"
        ]
    );
    let connected = &whole["data"][5];
    let store = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    assert_eq!((&connected["id"], &connected["data"]["store_id"]), (&json!("ev_0000000000000006"), &json!(store)));
    assert_eq!(connected["data"]["user_id"], "m");
    assert!(connected["timestamp"].as_str().unwrap().ends_with('Z'), "{connected}");
    let names: Vec<&String> = connected.as_object().unwrap().keys().collect();
    assert_eq!(names, ["id", "type", "timestamp", "data", "related"]);
    assert!(!whole.to_string().contains("127.0.0.1"), "no address of a person is told");
    assert_eq!(next, "ev_0000000000000007");

    let (mut parts, mut after) = (Vec::new(), String::new());
    loop {
        let part = reader.get(&format!("/events?limit=3&after={after}")).await.ok();
        let data = part["data"].as_array().unwrap().clone();
        if data.is_empty() {
            assert_eq!(part["next"], after.as_str(), "who has read everything stays where they are");
            break;
        }
        parts.extend(data);
        part["next"].as_str().unwrap().clone_into(&mut after);
    }
    assert_eq!(&parts, whole["data"].as_array().unwrap());
}

#[tokio::test]
async fn whoever_begins_at_the_newest_event_reads_what_happens_from_then_on() {
    let world = World::new().await;
    let reader = reader(&world, None).await;
    happens(&world.app, "m-1").await;
    let here = reader.get("/events?after=latest").await.ok();
    assert_eq!(told(&here), (vec![], "ev_0000000000000002"));
    happens(&world.app, "m-2").await;
    let news = reader.get(&format!("/events?after={}", told(&here).1)).await.ok();
    assert_eq!((told(&news).0.len(), &news["data"][0]["data"]["user_id"]), (1, &json!("m-2")));
}

#[tokio::test]
async fn what_is_wrong_with_the_question_is_told_by_its_field() {
    let world = World::new().await;
    let reader = reader(&world, None).await;
    for (query, field) in [
        ("after=42", "after"),
        ("after=ev_42", "after"),
        ("after=ev_9999999999999999", "after"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("wait=31", "wait"),
        ("wait=-1", "wait"),
        ("since=1", "since"),
    ] {
        let refused = reader.get(&format!("/events?{query}")).await;
        assert_eq!((refused.problem(), refused.text("field")), ((400, "invalid_request"), field), "{query}");
    }
    let ahead = reader.get("/events?after=ev_0000000000000009").await;
    assert!(ahead.text("detail").contains("the newest is ev_0000000000000001"), "{ahead:?}");
    let other = world.service("stores:read").await;
    assert_eq!(other.get("/events").await.problem(), (403, "permission_missing"));
}

#[tokio::test]
async fn a_limited_token_reads_of_its_merchants_alone_and_is_led_past_the_rest() {
    let world = World::new().await;
    let ours = reader(&world, Some("ours\nalso-ours")).await;
    for user in ["theirs", "ours", "theirs", "also-ours", "theirs"] {
        happens(&world.app, user).await;
    }
    let part = ours.get("/events").await.ok();
    let users: Vec<&str> =
        part["data"].as_array().unwrap().iter().map(|event| event["data"]["user_id"].as_str().unwrap()).collect();
    assert_eq!(users, ["ours", "also-ours"]);
    assert_eq!(part["next"], "ev_0000000000000006", "past what is not for it");
    let first = ours.get("/events?limit=1").await.ok();
    assert_eq!((told(&first).0.len(), told(&first).1), (1, "ev_0000000000000003"));
    // What is about nobody's store is not for it either: tokens, operators, settings.
    world.operator().await;
    let rest = ours.get(&format!("/events?after={}", told(&part).1)).await.ok();
    assert_eq!(told(&rest).0, Vec::<&str>::new());
    let everything = reader(&world, None).await.get("/events?limit=200").await.ok();
    assert!(told(&everything).0.contains(&"operator.signed_in"), "{everything}");
}

#[tokio::test]
async fn a_limited_token_that_reads_one_at_a_time_reads_each_of_its_events_once() {
    let world = World::new().await;
    let ours = reader(&world, Some("ours\nalso-ours")).await;
    for user in ["theirs", "ours", "ours", "theirs", "also-ours", "ours", "theirs"] {
        happens(&world.app, user).await;
    }
    let (mut seen, mut after) = (Vec::new(), "ev_0000000000000000".to_owned());
    loop {
        let part = ours.get(&format!("/events?limit=1&after={after}")).await.ok();
        told(&part).1.clone_into(&mut after);
        let Some(event) = part["data"].as_array().unwrap().first() else { break };
        seen.push(event["id"].as_str().unwrap().to_owned());
        assert!(seen.len() < 9, "it never ends: {seen:?}");
    }
    assert_eq!(seen, ["ev_0000000000000003", "ev_0000000000000004", "ev_0000000000000006", "ev_0000000000000007"]);
    assert_eq!(after, "ev_0000000000000008", "past what is not for it");
}

#[tokio::test]
async fn whoever_waits_is_answered_as_soon_as_something_happens() {
    let world = World::new().await;
    let reader = Arc::new(reader(&world, None).await);
    let waits = |after: &str| {
        let (reader, path) = (Arc::clone(&reader), format!("/events?wait=30&after={after}"));
        tokio::spawn(async move { reader.get(&path).await.ok() })
    };
    let waiting = waits("latest");
    until_somebody_waits(&world).await;
    happens(&world.app, "m-1").await;
    let news = waiting.await.unwrap();
    assert_eq!(news["data"][0]["data"]["user_id"], "m-1");
    // Who comes when it has happened does not wait for more.
    let waiting = waits("ev_0000000000000001");
    assert_eq!(waiting.await.unwrap()["data"][0]["data"]["user_id"], "m-1");
}

/// Another process does not notify this one: its events are found by polling.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_is_answered_soon_when_something_happens_in_another_process() {
    let here = Installation::new().await;
    let cartkey = Arc::new(here.serve().await);
    let token = here.token("events:read");
    let asks = async |query: &str| {
        let path = format!("/api/v1/events?{query}");
        cartkey.ask(&client(), Method::GET, &path, &token, "").await
    };
    let after = told(&asks("after=latest").await.1).1.to_owned();
    let mut waiting = JoinSet::new();
    for _ in 0..51 {
        let (cartkey, token, path) =
            (Arc::clone(&cartkey), token.clone(), format!("/api/v1/events?wait=30&after={after}"));
        waiting.spawn(async move { cartkey.ask(&client(), Method::GET, &path, &token, "").await });
    }
    // One is refused when the fifty places of its token are taken: now the others wait.
    assert_eq!(waiting.join_next().await.unwrap().unwrap().0, 429);
    let before = Instant::now();
    here.token("keys:read");
    while let Some(answer) = waiting.join_next().await {
        let (status, news) = answer.unwrap();
        assert_eq!((status, told(&news).0), (200, vec!["token.issued"]));
    }
    assert!(before.elapsed() < Duration::from_secs(20), "{:?}", before.elapsed());
}

#[tokio::test]
async fn a_limited_token_is_not_woken_for_nothing_by_what_is_not_for_it() {
    let world = World::new().await;
    let ours = reader(&world, Some("ours")).await;
    let waiting = tokio::spawn(async move { ours.get("/events?wait=30&after=latest").await.ok() });
    until_somebody_waits(&world).await;
    happens(&world.app, "theirs").await;
    tokens::issue(&world.app, tokens::NewToken::new("x", "keys:read".parse().unwrap()), &Actor::cli()).await.unwrap();
    happens(&world.app, "ours").await;
    let news = waiting.await.unwrap();
    assert_eq!((told(&news).0.len(), &news["data"][0]["data"]["user_id"]), (1, &json!("ours")));
}

#[tokio::test]
async fn when_nothing_happens_the_wait_ends_with_where_to_go_on() {
    let world = World::new().await;
    let ours = reader(&world, Some("ours")).await;
    happens(&world.app, "theirs").await;
    let before = Instant::now();
    let nothing = ours.get("/events?wait=1&after=ev_0000000000000001").await.ok();
    assert_eq!(told(&nothing), (vec![], "ev_0000000000000002"));
    assert!(before.elapsed() >= Duration::from_secs(1), "it was waited for: {:?}", before.elapsed());
}

#[tokio::test]
async fn a_token_that_is_revoked_while_it_waits_is_told_nothing_more() {
    let world = World::new().await;
    let reader = reader(&world, None).await;
    let id = reader.token_id.parse().unwrap();
    let waiting = tokio::spawn(async move { reader.get("/events?wait=30&after=latest").await });
    until_somebody_waits(&world).await;
    tokens::revoke(&world.app, &id, &Actor::cli()).await.unwrap();
    assert_eq!(waiting.await.unwrap().problem(), (401, "unauthenticated"));
}

#[tokio::test]
async fn whoever_waits_is_answered_when_the_process_is_told_to_stop() {
    let world = World::new().await;
    let reader = reader(&world, None).await;
    let waiting = tokio::spawn(async move { reader.get("/events?wait=30&after=latest").await.ok() });
    until_somebody_waits(&world).await;
    world.app.drain();
    assert_eq!(told(&waiting.await.unwrap()), (vec![], "ev_0000000000000001"));
}

#[tokio::test]
async fn one_token_cannot_wait_more_often_than_its_places() {
    let world = World::new().await;
    let reader = reader(&world, None).await;
    let token = tokens::find(&world.app, &reader.token_id.parse().unwrap()).await.unwrap().unwrap();
    let places: Vec<_> = std::iter::from_fn(|| feed::enter(&world.app, &token).ok()).collect();
    assert_eq!(places.len(), 50);
    let refused = reader.get("/events?wait=30&after=latest").await;
    assert_eq!((refused.problem(), refused.headers["retry-after"].as_bytes()), ((429, "rate_limited"), &b"5"[..]));
    assert_eq!(reader.get("/events?after=latest").await.status, 200, "who does not wait needs no place");
    drop(places);
    assert_eq!(reader.get("/events?wait=1").await.status, 200);
}

/// Waits until a request is waiting, so that its reader is watching.
async fn until_somebody_waits(world: &World) {
    let mut look = tokio::time::interval(Duration::from_millis(2));
    while world.app.feed.waiting() == 0 {
        look.tick().await;
    }
}

/// Writers of this proof, each with a number of transactions, and readers, each with a page size.
const WRITERS: usize = 8;
const EACH: usize = 25;
const PARTS: [i64; 3] = [1, 7, 200];

/// One writer: transactions of one or two events, and some that are rolled back.
async fn write(app: cartkey::app::App, writer: usize) {
    for n in 0..EACH {
        let user = format!("m-{writer}");
        let new = links::NewLink {
            user_id: user.parse().unwrap(),
            account_label: None,
            home: Some(cartkey::domain::store_url::StoreUrl::parse(SHOP, app.site.network).unwrap()),
            store_id: None,
            scope: None,
            return_url: None,
            confirm: cartkey::domain::link::Confirm::Browser,
            lives: None,
        };
        let actor = Actor::cli();
        links::make(&app, new, &actor).await.unwrap();
        if n % 5 == 0 {
            let new = tokens::NewToken::new("w", "stores:read".parse().unwrap());
            let (token, _) = tokens::issue(&app, new, &actor).await.unwrap();
            // Two events in one transaction; the second try is rolled back with a token that was written already.
            tokens::rotate(&app, &token.id, Duration::ZERO, &actor).await.unwrap();
            tokens::rotate(&app, &token.id, Duration::ZERO, &actor).await.unwrap_err();
        }
        tokio::task::yield_now().await;
    }
}

/// Reads until this event; returns the numbers in order of arrival.
async fn follow(app: cartkey::app::App, token: tokens::NewToken, limit: i64, last: i64) -> Vec<i64> {
    let (token, _) = tokens::issue(&app, token, &Actor::new("test")).await.unwrap();
    let (mut seen, mut after) = (Vec::new(), EventId::BEGINNING);
    while after.number() < last {
        let part = feed::wait(&app, &token, after, limit, Duration::from_secs(30)).await.unwrap();
        assert!(!part.news.is_empty(), "something happens all the time");
        seen.extend(part.news.iter().map(|news| news.id.number()));
        after = part.next;
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_write_through_two_replicas_and_every_reader_sees_everything_once_and_in_order() {
    let world = World::new().await;
    let apps = [world.app.clone(), world.replica().await];
    let before = feed::newest(&world.app).await.unwrap().number();
    let readers = 2 * i64::try_from(PARTS.len()).unwrap();
    let each = EACH + 3 * EACH.div_ceil(5);
    let last = before + readers + i64::try_from(WRITERS * each).unwrap();
    let (mut reading, mut writing) = (JoinSet::new(), JoinSet::new());
    for (app, limit) in apps.iter().flat_map(|app| PARTS.map(|limit| (app.clone(), limit))) {
        let new = tokens::NewToken::new("reader", "events:read".parse().unwrap());
        reading.spawn(follow(app, new, limit, last));
    }
    for writer in 0..WRITERS {
        writing.spawn(write(apps[writer % 2].clone(), writer));
    }
    writing.join_all().await;
    let all: Vec<i64> = (1..=last).collect();
    for seen in reading.join_all().await {
        assert_eq!(seen, all);
    }
    assert_eq!(feed::newest(&world.app).await.unwrap().number(), last, "nothing that was undone has a number");
    let numbers: BTreeSet<String> =
        column(&world.app.db, "SELECT CAST(seq AS TEXT) FROM events").await.into_iter().collect();
    assert_eq!(numbers.len(), all.len());
}
