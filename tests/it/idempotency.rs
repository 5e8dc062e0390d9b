//! `Idempotency-Key`: a request that is repeated is done once, whatever fails in between, and each key belongs to one token.

use std::time::Duration;

use cartkey::demo::pretend_store::Pace;
use cartkey::domain::token::Permissions;
use cartkey::flow::idempotency::{self, LIMITS, Limits};
use cartkey::flow::lending::tokens::NewToken;
use cartkey::flow::sweep;
use hyper::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::api::ROUTES;
use crate::binary::ask;
use crate::database::{change, column};
use crate::disk::{Refusal, is_file};
use crate::process::{until_async, whole_answer};
use crate::service::{Answer, Service};
use crate::world::World;

const KEY: &str = "idempotency-key";
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// Asks for a link for `user` under `key`.
async fn post(service: &Service, key: &str, user: &str) -> Answer {
    let body = json!({"user_id": user}).to_string().into_bytes();
    service.ask(Method::POST, "/links", &[(KEY, key)], body).await
}

fn is_replayed(answer: &Answer) -> bool {
    answer.headers.get("idempotency-replayed").is_some_and(|value| value == "true")
}

/// How many links there are.
async fn links(world: &World) -> usize {
    column(&world.app.db, "SELECT id FROM links").await.len()
}

/// How many keys are stored.
async fn keys(world: &World) -> usize {
    column(&world.app.db, "SELECT id FROM idempotency_keys").await.len()
}

#[tokio::test]
async fn a_request_that_is_repeated_is_done_once_and_answered_the_same_for_a_day() {
    let world = World::new().await;
    let service = world.service("links:write,stores:write").await;
    let first = post(&service, "k", "m").await;
    assert_eq!((first.status.as_u16(), is_replayed(&first)), (201, false));
    world.clock.advance(Duration::from_mins(24 * 60 - 1));
    sweep::sweep(&world.app).await.unwrap();
    let again = post(&service, "k", "m").await;
    assert_eq!((again.status.as_u16(), is_replayed(&again)), (201, true));
    assert_eq!((&again.json, &again.headers["content-type"]), (&first.json, &first.headers["content-type"]));
    assert_ne!(again.headers["cartkey-request-id"], first.headers["cartkey-request-id"]);
    assert_eq!(links(&world).await, 1);
    assert_eq!(world.happened("link.%").await, ["link.created - tk"], "once");

    // Another request under the key, and the key of another token.
    assert_eq!(post(&service, "k", "other").await.problem(), (422, "idempotency_key_reused"));
    let check = "/stores/st_01jd0000000000000000000000/check";
    let elsewhere = service.ask(Method::POST, check, &[(KEY, "k")], Vec::new()).await;
    assert_eq!(elsewhere.problem(), (422, "idempotency_key_reused"));
    assert_eq!(links(&world).await, 1);
    let other = world.service("links:write").await;
    let theirs = post(&other, "k", "m").await;
    assert!(theirs.json["id"] != first.json["id"] && !is_replayed(&theirs));

    world.clock.advance(MINUTE);
    let later = post(&service, "k", "m").await;
    assert!(later.json["id"] != first.json["id"] && !is_replayed(&later), "the key is free again");
    world.clock.advance(DAY);
    sweep::sweep(&world.app).await.unwrap();
    assert_eq!(keys(&world).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_at_the_same_moment_to_two_replicas_make_one_link() {
    let world = World::new().await;
    let token = world.service("links:write").await.token;
    let replica = world.replica().await;
    let addresses = [world.also(|_| ()).await, world.also(|app| *app = replica).await];
    for round in 0..5 {
        let mut asked = JoinSet::new();
        for n in 0..8 {
            let (client, url) = (world.client(), format!("{}/api/v1/links", addresses[n % 2]));
            let headers = [("authorization", format!("Bearer {token}")), (KEY, format!("k{round}"))];
            asked.spawn(
                async move { ask(&client, Method::POST, &url, &headers, "{\"user_id\": \"m\"}").await.unwrap() },
            );
        }
        let mut made: Vec<String> = Vec::new();
        for (status, body) in asked.join_all().await {
            let body: Value = serde_json::from_str(&body).unwrap();
            match status {
                201 => made.push(body["id"].to_string()),
                status => assert_eq!((status, &body["code"]), (409, &json!("idempotency_key_in_use"))),
            }
        }
        made.dedup();
        assert_eq!((made.len(), links(&world).await), (1, round + 1));
    }
}

#[tokio::test]
async fn a_refusal_frees_the_key_for_the_corrected_request() {
    let world = World::new().await;
    let service = world.service("links:write").await;
    for _ in 0..2 {
        let refused = post(&service, "k", "not valid").await;
        assert_eq!((refused.problem(), is_replayed(&refused)), ((422, "invalid_request"), false));
    }

    let reader = world.service("stores:read").await;
    assert_eq!(post(&reader, "k", "m").await.problem(), (403, "permission_missing"));
    let headers = [(KEY, "k"), ("authorization", "Bearer nonsense")];
    let unknown = service.ask(Method::POST, "/links", &headers, Vec::new()).await;
    assert_eq!(unknown.problem(), (401, "unauthenticated"));
    let unread = service.ask(Method::POST, "/links", &[(KEY, "k")], vec![b' '; 65 * 1024]).await;
    assert_eq!(unread.problem(), (413, "too_large"));
    assert_eq!(service.ask(Method::POST, "/stores", &[(KEY, "k")], Vec::new()).await.status, 405);
    assert_eq!(keys(&world).await, 0, "none of them is kept");

    let refusal = Refusal::of_commits(&world.app.db, "links").await;
    assert_eq!(post(&service, "k", "m").await.problem(), (503, "unavailable"));
    refusal.ends(&world.app.db).await;
    let done = post(&service, "k", "m").await;
    assert_eq!((done.status.as_u16(), is_replayed(&done)), (201, false), "a retry does the work");
}

#[tokio::test]
async fn without_a_durable_claim_nothing_is_done_and_what_was_done_is_not_done_again_when_its_answer_is_lost() {
    let world = World::new().await;
    let service = world.service("links:write").await;
    let refusal = Refusal::of_commits(&world.app.db, "idempotency_keys").await;
    assert!(post(&service, "k", "m").await.status.is_server_error());
    assert_eq!(links(&world).await, 0);
    refusal.ends(&world.app.db).await;

    // The work is done and its answer cannot be kept: the answer is true. It is as if the process had died, had it not been sent.
    let (refuse, accept) = if is_file(&world.app.db) {
        let refuse = "CREATE TRIGGER refuse BEFORE UPDATE OF answer ON idempotency_keys WHEN NEW.answer IS NOT NULL
                      BEGIN SELECT RAISE(ABORT, 'refused'); END";
        (refuse, "DROP TRIGGER refuse")
    } else {
        let refuse =
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
                      CREATE TRIGGER refuse BEFORE UPDATE OF answer ON idempotency_keys FOR EACH ROW
                      WHEN (NEW.answer IS NOT NULL) EXECUTE FUNCTION refuse()";
        (refuse, "DROP TRIGGER refuse ON idempotency_keys")
    };
    change(&world.app.db, refuse).await;
    let first = post(&service, "k", "m").await;
    assert_eq!(first.status, 201);
    change(&world.app.db, accept).await;
    for (waited, wait) in [(0, "1"), (1, "1"), (4, "5"), (84, "89")] {
        world.clock.advance(Duration::from_secs(waited));
        let early = post(&service, "k", "m").await;
        assert_eq!(early.problem(), (409, "idempotency_key_in_use"));
        assert_eq!(early.headers["retry-after"], wait);
    }
    assert_eq!(post(&service, "k", "other").await.problem(), (422, "idempotency_key_reused"));
    world.clock.advance(Duration::from_secs(1));
    for _ in 0..2 {
        let again = post(&service, "k", "m").await;
        assert_eq!(again.problem(), (409, "idempotency_answer_lost"));
        assert_eq!(again.text("related"), format!("/api/v1/links/{}", first.text("id")));
        world.clock.advance(MINUTE);
    }
    assert_eq!(post(&service, "k", "other").await.problem(), (422, "idempotency_key_reused"));
    assert_eq!(links(&world).await, 1);
    world.clock.advance(DAY);
    assert_eq!(post(&service, "k", "m").await.status, 201, "the key is free again");
}

/// A commit may have been saved although nobody was told.
#[tokio::test]
async fn after_a_503_the_work_is_done_again_only_if_it_was_not_saved() {
    let world = World::new().await;
    let service = world.service("links:write").await;
    let refusal = Refusal::of_commits(&world.app.db, "links").await;
    let asked = post(&service, "k", "m").await;
    assert_eq!(asked.problem(), (503, "unavailable"));
    refusal.ends(&world.app.db).await;
    // As if it had been saved.
    let id = asked.headers["cartkey-request-id"].to_str().unwrap();
    let saved = "UPDATE counters SET n = n + 1 WHERE name = 'event'";
    assert_eq!(change(&world.app.db, saved).await, 1);
    let event = format!(
        "INSERT INTO events (seq, kind, at, actor, user_id, link_id, request_id)
         SELECT n, 'link.created', 1, '{}', 'm', 'ln_01jd0000000000000000000000', '{id}' FROM counters WHERE name = 'event'",
        service.token_id
    );
    change(&world.app.db, &event).await;
    assert_eq!(post(&service, "k", "m").await.problem(), (409, "idempotency_answer_lost"));
    assert_eq!(links(&world).await, 0);
}

#[tokio::test]
async fn the_work_goes_on_when_the_client_hangs_up_and_its_answer_is_there_when_it_asks_again() {
    let world = World::new().await;
    world.connect("m").await;
    let id = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    let service = world.service("stores:write").await;
    let check = async || {
        let path = format!("/stores/{id}/check");
        service.ask(Method::POST, &path, &[(KEY, "k")], Vec::new()).await
    };
    world.shop.switch(|s| s.pace = Pace::WhenReleased);
    let asked = world.shop.requests().len();
    {
        let mut hangs_up = std::pin::pin!(check());
        while world.shop.requests().len() == asked {
            tokio::select! {
                biased;
                answer = &mut hangs_up => panic!("{answer:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    assert_eq!(check().await.problem(), (409, "idempotency_key_in_use"));
    world.shop.release();
    until_async(async || check().await.status == 200).await;
    let answer = check().await;
    assert!(is_replayed(&answer), "{answer:?}");
    assert_eq!(answer.ok()["status"], "connected");
}

/// The token's limit is part of the answer, so a small request may have a large one.
#[tokio::test]
async fn an_answer_as_large_as_the_limit_of_a_token_is_kept_too() {
    let world = World::new().await;
    let users: Vec<String> = (0..1_000).map(|n| format!("{n:0>4}{}", "\"".repeat(124))).collect();
    let users = Some(users.join("\n").parse().unwrap());
    let service = world.holder(NewToken { users, ..NewToken::new("limited", Permissions::all()) }).await;
    let new = json!({"name": "another", "permissions": ["stores:read"]}).to_string().into_bytes();
    let first = service.ask(Method::POST, "/tokens", &[(KEY, "k")], new.clone()).await;
    let again = service.ask(Method::POST, "/tokens", &[(KEY, "k")], new).await;
    assert_eq!((first.status.as_u16(), is_replayed(&again)), (201, true));
    assert_eq!(first.ok()["token"], again.ok()["token"]);
}

/// A client may send the end of its request later than its beginning.
#[tokio::test]
async fn a_token_that_is_revoked_while_a_request_arrives_changes_nothing() {
    let world = World::new().await;
    let service = world.trusted_service().await;
    let body = json!({"url": "https://app.example/hook"}).to_string();
    let address = world.also(|_| {}).await;
    let mut stream = TcpStream::connect(address.strip_prefix("http://").unwrap()).await.unwrap();
    let head = format!(
        "POST /api/v1/webhooks HTTP/1.1\r\nHost: keys\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{}",
        service.token,
        body.len(),
        &body[..5]
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    service.delete(&format!("/tokens/{}", service.token_id)).await.ok();
    stream.write_all(&body.as_bytes()[5..]).await.unwrap();
    let answer = whole_answer(stream).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert_eq!(world.happened("webhook.%").await, Vec::<String>::new());
}

#[tokio::test]
async fn every_post_that_changes_something_takes_a_key_and_reading_keys_ignores_it() {
    let world = World::new().await;
    let service = world.trusted_service().await;
    let described = cartkey::web::api::describe::openapi();
    let mut seen = 0;
    for (_, path, _) in ROUTES.iter().filter(|(method, path, _)| *method == "POST" && !path.contains("wp-json")) {
        let parameters = &described["paths"][format!("/api{path}")]["post"]["parameters"];
        let is_described = parameters.as_array().unwrap().iter().any(|one| one["name"] == "Idempotency-Key");
        for key in ["", "a b", &"k".repeat(256)] {
            let at = path.strip_prefix("/v1").unwrap().replace("{id}", "x");
            let answer = service.ask(Method::POST, &at, &[(KEY, key)], b"{}".to_vec()).await;
            let is_refused = answer.problem() == (400, "invalid_request") && answer.text("field") == "Idempotency-Key";
            assert_eq!((is_refused, is_described), (*path != "/v1/keys", *path != "/v1/keys"), "{path} {key}");
        }
        seen += 1;
    }
    assert!(seen > 3);
    world.connect("m").await;
    let wanted = json!({"user_ids": ["m"]}).to_string().into_bytes();
    for _ in 0..2 {
        let lent = service.ask(Method::POST, "/keys", &[(KEY, "k")], wanted.clone()).await;
        assert!(lent.status == 200 && !is_replayed(&lent));
    }
    assert_eq!(post(&service, &"~".repeat(255), "m").await.status, 201);
    assert_eq!(keys(&world).await, 1);
}

#[tokio::test]
async fn an_answer_opens_only_for_its_own_request_and_the_work_is_not_done_again() {
    let world = World::new().await;
    let service = world.service("links:write").await;
    for key in ["a", "b"] {
        assert_eq!(post(&service, key, key).await.status, 201);
    }
    let swap = "UPDATE idempotency_keys
                SET answer = (SELECT other.answer FROM idempotency_keys other WHERE other.id <> idempotency_keys.id)";
    change(&world.app.db, swap).await;
    assert_eq!(post(&service, "a", "a").await.problem(), (500, "internal"));
    assert_eq!(links(&world).await, 2);
}

#[tokio::test]
async fn of_a_token_with_too_many_keys_the_oldest_are_forgotten() {
    let world = World::new().await;
    let (busy, other) = (world.service("links:write").await, world.service("links:write").await);
    assert_eq!(post(&other, "k", "m").await.status, 201);
    for key in ["a", "b", "c"] {
        world.clock.advance(MINUTE);
        assert_eq!(post(&busy, key, "m").await.status, 201);
    }
    idempotency::sweep(&world.app, Limits { keys: 2, ..LIMITS }).await.unwrap();
    assert_eq!(keys(&world).await, 3);
    for (service, key, is_kept) in [(&other, "k", true), (&busy, "b", true), (&busy, "c", true), (&busy, "a", false)] {
        assert_eq!(is_replayed(&post(service, key, "m").await), is_kept, "{key}");
    }
}

#[tokio::test]
async fn of_answers_that_are_too_large_together_the_oldest_of_the_tokens_with_the_most_are_forgotten() {
    let world = World::new().await;
    let (busy, other) = (world.trusted_service().await, world.trusted_service().await);
    let users: Vec<String> = (0..1_000).map(|n| format!("{n:0>128}")).collect();
    let users = users.join("\n").parse().ok();
    let limited = world.holder(NewToken { users, ..NewToken::new("limited", Permissions::all()) }).await;
    let issue = json!({"name": "n", "permissions": ["stores:read"]}).to_string().into_bytes();
    for key in ["a", "b", "c"] {
        world.clock.advance(MINUTE);
        assert_eq!(limited.ask(Method::POST, "/tokens", &[(KEY, key)], issue.clone()).await.status, 201);
    }
    for (service, key) in [(&busy, "a"), (&other, "a"), (&busy, "b")] {
        assert_eq!(post(service, key, "m").await.status, 201);
    }
    // Room for one large answer, and for two.
    let kept = async |limits: Limits| {
        idempotency::sweep(&world.app, limits).await.unwrap();
        keys(&world).await
    };
    assert_eq!(kept(LIMITS).await, 6);
    assert_eq!(kept(Limits { bytes: 300 << 10, ..LIMITS }).await, 5, "of one token");
    assert_eq!(kept(Limits { bytes_in_all: 200 << 10, ..LIMITS }).await, 4, "of all");
    for (service, key) in [(&busy, "a"), (&other, "a"), (&busy, "b")] {
        assert!(is_replayed(&post(service, key, "m").await));
    }
    assert!(is_replayed(&limited.ask(Method::POST, "/tokens", &[(KEY, "c")], issue).await), "the newest is kept");
}
