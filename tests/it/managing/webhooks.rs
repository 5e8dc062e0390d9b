//! Webhooks are added, changed, tested and deleted by services.

use cartkey::demo::pretend_store::Switches;
use cartkey::domain::actor::Actor;
use cartkey::domain::event::{Event, Kind};
use cartkey::flow::webhooks::dispatch;
use cartkey::storage::events;
use hyper::Method;
use std::time::Duration;

use serde_json::{Value, json};

use super::{HOUR, each, limited, on_all_pages, patch};
use crate::database::column;
use crate::process::until_async;
use crate::service::Service;
use crate::webhooks::receiver::{Receiver, check};
use crate::world::World;

/// A world where webhooks may have loopback addresses.
async fn world() -> World {
    World::with(&[("CARTKEY_ALLOW_PRIVATE_STORES", "true")], Switches::default()).await
}

/// Creates an event about `user`, and runs due deliveries.
async fn happens(world: &World, user: &str) {
    let (now, link) = (world.app.now(), "ln_01jd0000000000000000000000".parse().unwrap());
    let event = Event::new(Kind::LinkCreated, now, &Actor::cli()).user(&user.parse().unwrap()).link(Some(&link));
    events::insert(&world.app.db, &event).await.unwrap();
    dispatch::run_due(&world.app).await.unwrap();
}

fn path(webhook: &Value) -> String {
    format!("/webhooks/{}", webhook["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_service_adds_a_webhook_for_itself_and_reads_what_became_of_its_deliveries() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let service = world.service("webhooks:read,webhooks:write").await;
    let new = json!({"url": format!("{}?token=x", receiver.url), "events": ["link.*"], "description": "Shipping"});
    let made = service.post("/webhooks", &new).await;
    assert_eq!(made.status, 201);
    let secret = made.text("secret").to_owned();
    let seen = service.get(&path(&made.json)).await.ok();
    assert!(secret.starts_with("whsec_") && seen.get("secret").is_none());
    let address = format!("{}?…", receiver.url.strip_prefix("http://").unwrap());
    for (name, value) in [
        ("state", json!("on")),
        ("address", json!(address)),
        ("description", json!("Shipping")),
        ("events", json!(["link.*"])),
        ("user_ids", Value::Null),
        ("old_secret_until", Value::Null),
    ] {
        assert_eq!(seen[name], value, "{name}");
    }
    assert_eq!(service.get("/webhooks").await.ok(), json!({"data": [seen]}));

    happens(&world, "m-1").await;
    let sent = receiver.sent().remove(0);
    check(&sent, &secret, world.clock.now()).expect("the signature is right");
    let log = service.get(&format!("{}/deliveries", path(&made.json))).await.ok();
    let line = &log["data"][0];
    assert_eq!(
        (&line["type"], &line["state"], &line["status"]),
        (&json!("link.created"), &json!("delivered"), &json!(204))
    );
    assert_eq!(line["event_id"], sent.header("webhook-id"));
    for n in 2..5 {
        happens(&world, &format!("m-{n}")).await;
    }
    let log = format!("{}/deliveries", path(&made.json));
    assert_eq!(on_all_pages(&service, &log, "event_id", 2).await.len(), 4);
    assert_eq!(each(&service.get(&format!("{log}?state=failed")).await.ok(), "id"), [""; 0]);
    let refused = service.get(&format!("{log}?state=gone")).await;
    assert_eq!((refused.problem(), refused.text("field")), ((400, "invalid_request"), "state"));

    assert_eq!(service.delete(&path(&made.json)).await.status, 204);
    assert_eq!(service.get(&path(&made.json)).await.problem(), (404, "not_found"));
    assert_eq!(service.delete(&path(&made.json)).await.problem(), (404, "not_found"));
    let told =
        column(&world.app.db, "SELECT kind || ' ' || actor FROM events WHERE kind LIKE 'webhook.%' ORDER BY seq").await;
    assert_eq!(told, ["webhook.created", "webhook.deleted"].map(|kind| format!("{kind} {}", service.token_id)));
}

#[tokio::test]
async fn a_webhook_is_changed_member_by_member_turned_off_and_on_again() {
    let world = world().await;
    let [here, there] = [Receiver::new().await, Receiver::new().await];
    let service = world.trusted_service().await;
    let made =
        service.post("/webhooks", &json!({"url": here.url, "events": ["link.*"], "user_ids": ["m-1"]})).await.ok();
    let path = path(&made);
    let changed = patch(&service, &path, &json!({"description": "Billing"})).await.ok();
    assert_eq!((&changed["description"], &changed["events"]), (&json!("Billing"), &json!(["link.*"])));
    let changed = patch(&service, &path, &json!({"url": there.url, "user_ids": null, "enabled": false})).await.ok();
    assert_eq!((&changed["user_ids"], &changed["state"]), (&Value::Null, &json!("off")));
    assert_eq!(changed["disabled_reason"], "by_hand");
    happens(&world, "m-2").await;
    assert_eq!(there.count(), 0, "it is off");
    // Whoever asks twice is told the same.
    for _ in 0..2 {
        assert_eq!(patch(&service, &path, &json!({"enabled": true})).await.ok()["state"], "on");
    }
    dispatch::run_due(&world.app).await.unwrap();
    assert_eq!((there.users(), here.count()), (vec!["m-2".to_owned()], 0), "what it missed, at its new address");
    let kinds = column(&world.app.db, "SELECT kind FROM events WHERE kind LIKE 'webhook.%' ORDER BY seq").await;
    assert_eq!(kinds[1..], ["webhook.changed", "webhook.changed", "webhook.disabled", "webhook.enabled"]);
    patch(&service, &path, &json!({})).await.ok();
    assert_eq!(
        column(&world.app.db, "SELECT kind FROM events WHERE kind LIKE 'webhook.%'").await.len(),
        5,
        "nothing new"
    );
}

#[tokio::test]
async fn a_test_and_a_rotation_are_asked_for_and_the_secret_is_shown_once() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let service = world.service("webhooks:write,webhooks:read").await;
    let made = service.post("/webhooks", &json!({"url": receiver.url})).await.ok();
    let path = path(&made);
    let result = service.post(&format!("{path}/test"), &json!({})).await.ok();
    assert_eq!((&result["delivered"], &result["status"], &result["fault"]), (&json!(true), &json!(204), &Value::Null));
    receiver.answers(|answers| answers.status = 500);
    let result = service.ask(Method::POST, &format!("{path}/test"), &[], Vec::new()).await.ok();
    assert_eq!((&result["delivered"], &result["status"]), (&json!(false), &json!(500)));
    receiver.answers(|answers| answers.status = 204);

    let rotated = service.ask(Method::POST, &format!("{path}/rotate"), &[], Vec::new()).await.ok();
    assert_eq!(rotated["old_secret_until"], world.clock.now().plus(24 * HOUR).to_string());
    let secrets = [&made["secret"], &rotated["secret"]].map(|secret| secret.as_str().unwrap().to_owned());
    assert_ne!(secrets[0], secrets[1]);
    service.post(&format!("{path}/test"), &json!({})).await.ok();
    let sent = receiver.sent().pop().unwrap();
    for secret in &secrets {
        check(&sent, secret, world.clock.now()).expect("both sign");
    }
    let refused = service.post(&format!("{path}/rotate"), &json!({})).await;
    assert_eq!(refused.problem(), (409, "webhook_conflict"));
    assert!(refused.text("detail").contains("drop"), "{refused:?}");
    let wrong = service.post(&format!("{path}/rotate"), &json!({"drop": "both"})).await;
    assert_eq!((wrong.problem(), wrong.text("field")), ((400, "invalid_request"), "drop"));
    // The first leaked: it ends at once.
    let newest = service.post(&format!("{path}/rotate"), &json!({"drop": "older"})).await.ok();
    service.post(&format!("{path}/test"), &json!({})).await.ok();
    let sent = receiver.sent().pop().unwrap();
    let is_right = |secret: &str| check(&sent, secret, world.clock.now()).is_ok();
    assert!(!is_right(&secrets[0]) && is_right(&secrets[1]) && is_right(newest["secret"].as_str().unwrap()));
}

#[tokio::test]
async fn of_two_changes_at_once_none_is_lost() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let service = world.trusted_service().await;
    let made = service.post("/webhooks", &json!({"url": receiver.url})).await.ok();
    let path = path(&made);
    for n in 0..20 {
        let (description, user) = (format!("number {n}"), format!("m-{n}"));
        let changes = [json!({"description": description}), json!({"user_ids": [user]})];
        let [one, other] = &changes;
        let (one, other) = tokio::join!(patch(&service, &path, one), patch(&service, &path, other));
        let now = service.get(&path).await.ok();
        for (answer, is_there) in
            [(&one, now["description"] == *description), (&other, now["user_ids"] == json!([user]))]
        {
            let is_done = answer.status == 200;
            assert!(is_done || answer.problem() == (409, "webhook_conflict"), "{answer:?}");
            assert_eq!(is_done, is_there, "{now}");
        }
        assert!(one.status == 200 || other.status == 200);
    }
}

#[tokio::test]
async fn the_log_of_a_webhook_that_was_narrowed_shows_a_limited_token_its_own_merchants_alone() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let trusted = world.trusted_service().await;
    let made = trusted.post("/webhooks", &json!({"url": receiver.url, "events": ["link.created"]})).await.ok();
    for user in ["theirs", "ours"] {
        happens(&world, user).await;
    }
    let path = path(&made);
    // The log shows the newest first.
    world.clock.advance(Duration::from_secs(1));
    trusted.post(&format!("{path}/test"), &json!({})).await.ok();
    patch(&trusted, &path, &json!({"user_ids": ["ours"]})).await.ok();
    let log = format!("{path}/deliveries");
    assert_eq!(each(&trusted.get(&log).await.ok(), "type").len(), 3);
    let service = limited(&world, "ours").await;
    assert_eq!(each(&service.get(&log).await.ok(), "type"), ["webhook.test", "link.created"]);
    assert_eq!(each(&service.get(&format!("{log}?state=delivered")).await.ok(), "type").len(), 2);
}

#[tokio::test]
async fn a_limited_token_has_webhooks_for_its_own_merchants_alone() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let trusted = world.trusted_service().await;
    let add = async |service: &Service, users: Value| {
        service.post("/webhooks", &json!({"url": receiver.url, "user_ids": users, "events": ["link.created"]})).await
    };
    let theirs = [
        add(&trusted, json!(["theirs"])).await.ok(),
        add(&trusted, json!(["ours", "theirs"])).await.ok(),
        add(&trusted, Value::Null).await.ok(),
    ];
    for webhook in &theirs {
        patch(&trusted, &path(webhook), &json!({"enabled": false})).await.ok();
    }
    let service = limited(&world, "ours\nours-too").await;
    for webhook in &theirs {
        let path = path(webhook);
        assert_eq!(service.get(&path).await.problem(), (404, "not_found"));
        assert_eq!(service.get(&format!("{path}/deliveries")).await.problem(), (404, "not_found"));
        assert_eq!(patch(&service, &path, &json!({"enabled": true})).await.problem(), (404, "not_found"));
        assert_eq!(service.post(&format!("{path}/test"), &json!({})).await.problem(), (404, "not_found"));
        assert_eq!(service.post(&format!("{path}/rotate"), &json!({})).await.problem(), (404, "not_found"));
        assert_eq!(service.delete(&path).await.problem(), (404, "not_found"));
    }
    let beyond = add(&service, json!(["ours", "theirs"])).await;
    assert_eq!((beyond.problem(), beyond.text("field")), ((422, "invalid_request"), "user_ids"));
    let made = add(&service, Value::Null).await.ok();
    assert_eq!(made["user_ids"], json!(["ours", "ours-too"]), "not everyone");
    assert_eq!(service.get("/webhooks").await.ok()["data"].as_array().unwrap().len(), 1);
    // Nor later.
    let wider = patch(&service, &path(&made), &json!({"user_ids": ["theirs"]})).await;
    assert_eq!((wider.problem(), wider.text("field")), ((422, "invalid_request"), "user_ids"));
    let same = patch(&service, &path(&made), &json!({"user_ids": null})).await.ok();
    assert_eq!(same["user_ids"], json!(["ours", "ours-too"]));
    for user in ["theirs", "ours"] {
        happens(&world, user).await;
    }
    assert_eq!(receiver.users(), ["ours"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_webhook_is_told_with_the_name_of_its_field() {
    let world = World::new().await;
    let service = world.trusted_service().await;
    for (field, value) in [
        ("url", json!("")),
        ("url", json!("http://app.example/hook")),
        ("url", json!("https://10.0.0.1/hook")),
        ("url", json!("https://nowhere.example/hook")),
        ("url", json!(5)),
        ("description", json!("d".repeat(121))),
        ("description", json!("a\nb")),
        ("events", json!([])),
        ("events", json!(["store.gone"])),
        ("events", json!("*")),
        ("user_ids", json!([])),
        ("user_ids", json!(["a b"])),
        ("secret", json!("whsec_mine")),
    ] {
        let mut new = json!({"url": "https://app.example/hook"});
        new[field] = value.clone();
        let answer = service.post("/webhooks", &new).await;
        let (status, code) = answer.problem();
        assert!(matches!(status, 400 | 422) && code == "invalid_request", "{field}={value}: {answer:?}");
        assert_eq!(answer.text("field"), field, "{value}: {answer:?}");
    }
    assert_eq!(service.get("/webhooks").await.ok(), json!({"data": []}));
    for _ in 0..50 {
        service.post("/webhooks", &json!({"url": "https://app.example/hook"})).await.ok();
    }
    let full = service.post("/webhooks", &json!({"url": "https://app.example/hook"})).await;
    assert_eq!(full.problem(), (409, "webhook_conflict"));
    assert!(full.text("detail").contains("50 webhooks"), "{full:?}");
}

#[tokio::test]
async fn tests_of_webhooks_have_places_of_which_one_that_hangs_takes_two() {
    let world = world().await;
    let (hanging, quick) = (Receiver::new().await, Receiver::new().await);
    let service = world.trusted_service().await;
    let add = async |receiver: &Receiver| path(&service.post("/webhooks", &json!({"url": receiver.url})).await.ok());
    let (slow, well) = (add(&hanging).await, add(&quick).await);
    hanging.answers(|answers| answers.holds = true);
    let test = async |webhook: &str| service.post(&format!("{webhook}/test"), &json!({})).await;
    let (first, second, ()) = tokio::join!(test(&slow), test(&slow), async {
        until_async(async || hanging.count() == 2).await;
        let third = test(&slow).await;
        assert_eq!((third.problem(), &third.headers["retry-after"]), ((503, "unavailable"), &"15".parse().unwrap()));
        assert_eq!(hanging.count(), 2, "nothing is sent");
        assert_eq!(test(&well).await.ok()["delivered"], true, "others are tested");
        let ids = (0..14).map(|n| format!("wh_01jd{n:0>22}").parse().unwrap());
        let taken: Vec<_> = ids.map(|id| world.app.webhook_tests.enter(&id).expect("a place")).collect();
        assert_eq!(test(&well).await.problem(), (503, "unavailable"), "16 in all");
        drop(taken);
        hanging.let_go();
    });
    for tested in [first, second, test(&slow).await, test(&well).await] {
        assert_eq!(tested.ok()["delivered"], true);
    }
}
