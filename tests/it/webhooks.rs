//! Webhooks: events are delivered to internal services, signed, at least once.

mod caught_up;
mod guard;
mod mended;
pub mod receiver;
mod replay;
mod retries;
mod secrets;
mod shared;
mod steadfast;

use std::time::Duration;

use cartkey::app::App;
use cartkey::domain::actor::Actor;
use cartkey::domain::event::Kind;
use cartkey::flow::webhooks::{self, NewWebhook};
use cartkey::flow::{sweep, webhooks::dispatch};
use cartkey::storage::events;
use serde_json::{Value, json};

use self::receiver::{Receiver, check};
use crate::database::{change, column};
use crate::on_record;
use crate::world::World;

const HOUR: Duration = Duration::from_hours(1);

/// A world where webhooks may have loopback addresses.
async fn world() -> World {
    World::with(&[("CARTKEY_ALLOW_PRIVATE_STORES", "true")], cartkey::demo::pretend_store::Switches::default()).await
}

/// Creates an event about `user`.
async fn happens(app: &App, user: &str) {
    let event = on_record::event(Kind::LinkCreated, app.now(), &Actor::cli()).user(&user.parse().unwrap());
    events::insert(&app.db, &event).await.unwrap();
}

/// Runs due deliveries; returns the number of tries.
async fn deliver(app: &App) -> usize {
    dispatch::run_due(app).await.unwrap()
}

/// Moves the clock to the next due delivery, and returns how far it moved.
async fn until_due(world: &World) -> Duration {
    let due = column(&world.app.db, "SELECT CAST(MIN(due_at) AS TEXT) FROM deliveries").await.remove(0);
    let due = cartkey::domain::time::Time::from_millis(due.parse().expect("something is due"));
    let pause = due.since(world.clock.now());
    world.clock.advance(pause);
    pause
}

/// The states of all deliveries, in the order of events.
async fn states(world: &World) -> Vec<String> {
    column(&world.app.db, "SELECT state FROM deliveries ORDER BY event, id").await
}

#[tokio::test]
async fn a_webhook_is_told_what_happens_and_anybody_can_check_who_says_so() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let (webhook, secret) = receiver.joins(&world.app, "*").await;
    assert_eq!(deliver(&world.app).await, 0, "what happened before, and its own beginning, it is not told");
    happens(&world.app, "m-1").await;
    assert_eq!(deliver(&world.app).await, 1);
    let [sent] = &receiver.sent()[..] else { panic!("one was sent") };
    let event = check(sent, secret.expose(), world.clock.now()).expect("the signature is right");
    let feed = world.service("events:read").await.get("/events?limit=200").await.ok();
    let told = feed["data"].as_array().unwrap().iter().find(|event| event["type"] == "link.created").unwrap();
    assert_eq!(&event, told, "the feed and webhooks tell the same");
    assert_eq!(sent.header("webhook-id"), event["id"].as_str().unwrap());
    assert_eq!(sent.header("webhook-timestamp"), world.clock.now().seconds().to_string());
    assert_eq!(sent.header("content-type"), "application/json");
    assert!(sent.header("user-agent").starts_with("Cartkey/"), "{sent:?}");

    let mut bent = sent.clone();
    bent.body = bent.body.replace("m-1", "m-2");
    let refused = Err("No matching signature found".to_owned());
    assert_eq!(check(&bent, secret.expose(), world.clock.now()), refused);
    assert_eq!(check(sent, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", world.clock.now()), refused);
    let late = world.clock.now().plus(Duration::from_mins(6));
    assert_eq!(check(sent, secret.expose(), late), Err("Message timestamp too old".to_owned()));
    let line = webhooks::log(&world.app, &webhook.id, None, None, None, 10).await.unwrap().rows.remove(0);
    assert_eq!((line.status, line.tries, line.kind.as_str()), (Some(204), 1, "link.created"));
}

#[tokio::test]
async fn a_store_that_is_connected_is_told_to_the_webhook() {
    let world = world().await;
    let receiver = Receiver::new().await;
    receiver.joins(&world.app, "store.*").await;
    world.connect("m").await;
    deliver(&world.app).await;
    let sent = receiver.sent().remove(0).json();
    let store = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    assert_eq!((&sent["type"], &sent["data"]["store_id"]), (&json!("store.connected"), &json!(store)));
    assert_eq!(receiver.told(), ["store.connected"], "and nothing else");
}

#[tokio::test]
async fn each_webhook_is_told_what_it_wants_and_of_whom() {
    let world = world().await;
    let [all, links, tokens, ours] =
        [Receiver::new().await, Receiver::new().await, Receiver::new().await, Receiver::new().await];
    all.joins(&world.app, "*").await;
    links.joins(&world.app, "link.created").await;
    tokens.joins(&world.app, "token.*,key.rotated").await;
    let new = NewWebhook { users: Some("ours".parse().unwrap()), ..ours.new_webhook("*") };
    webhooks::add(&world.app, new, &Actor::cli()).await.unwrap();
    deliver(&world.app).await;
    all.told();
    happens(&world.app, "ours").await;
    happens(&world.app, "theirs").await;
    world.service("keys:read").await;
    deliver(&world.app).await;
    assert_eq!(links.users(), ["ours", "theirs"]);
    assert_eq!(tokens.told(), ["token.issued"]);
    assert_eq!(ours.users(), ["ours"], "nor of what is about nobody");
    assert_eq!(all.users(), ["ours", "theirs", ""]);
}

#[tokio::test]
async fn while_a_secret_is_rotated_both_sign_and_then_the_new_one_alone() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let (webhook, old) = receiver.joins(&world.app, "link.*").await;
    let (rotated, new) = webhooks::rotate(&world.app, &webhook.id, None, &Actor::cli()).await.unwrap();
    assert_eq!(rotated.old_until, Some(world.clock.now().plus(24 * HOUR)));
    let works = async || {
        happens(&world.app, "m").await;
        deliver(&world.app).await;
        let sent = receiver.sent().pop().unwrap();
        let signatures = sent.header("webhook-signature").split(' ').count();
        let is_right = |secret: &str| check(&sent, secret, world.clock.now()).is_ok();
        (signatures, is_right(old.expose()), is_right(new.expose()))
    };
    assert_eq!(works().await, (2, true, true));
    world.clock.advance(24 * HOUR);
    assert_eq!(works().await, (1, false, true));
    webhooks::sweep(&world.app).await.unwrap();
    assert_eq!(column(&world.app.db, "SELECT 'x' FROM webhooks WHERE old_secret IS NULL").await, ["x"]);
    // Ended by hand, it stops at once.
    let (_, newest) = webhooks::rotate(&world.app, &webhook.id, None, &Actor::cli()).await.unwrap();
    webhooks::end_old_secret(&world.app, &webhook.id, &Actor::cli()).await.unwrap();
    assert_eq!(works().await, (1, false, false));
    let sent = receiver.sent().pop().unwrap();
    assert!(check(&sent, newest.expose(), world.clock.now()).is_ok());
    let twice = webhooks::end_old_secret(&world.app, &webhook.id, &Actor::cli()).await;
    assert!(matches!(twice, Err(webhooks::Error::OneSecret)));
}

#[tokio::test]
async fn a_changed_webhook_keeps_its_secrets_and_is_sent_elsewhere() {
    let world = world().await;
    let [here, there] = [Receiver::new().await, Receiver::new().await];
    let (webhook, old) = here.joins(&world.app, "link.*").await;
    let (_, new) = webhooks::rotate(&world.app, &webhook.id, None, &Actor::cli()).await.unwrap();
    webhooks::change(&world.app, &webhook.id, there.new_webhook("token.*"), &Actor::cli()).await.unwrap();
    happens(&world.app, "m").await;
    world.service("keys:read").await;
    deliver(&world.app).await;
    assert_eq!(world.happened("webhook.changed").await, ["webhook.changed - cli"]);
    let [sent] = &there.sent()[..] else { panic!("one was sent") };
    assert_eq!((sent.json()["type"].as_str(), here.sent().len()), (Some("token.issued"), 0));
    for secret in [old, new] {
        check(sent, secret.expose(), world.clock.now()).expect("the signature is right");
    }
    // Whoever changes the address behind Cartkey's back is sent nothing: the secret does not open for it.
    change(&world.app.db, &format!("UPDATE webhooks SET url = '{}'", here.url)).await;
    world.service("keys:read").await;
    deliver(&world.app).await;
    assert_eq!(here.sent().len(), 0);
    assert_eq!(
        column(&world.app.db, "SELECT fault FROM deliveries WHERE state = 'waiting'").await,
        ["secret_unopenable"]
    );
}

#[tokio::test]
async fn a_trial_goes_to_one_webhook_alone_is_not_tried_again_and_is_in_no_feed() {
    let world = world().await;
    let [tried, other] = [Receiver::new().await, Receiver::new().await];
    let (webhook, secret) = tried.joins(&world.app, "store.*").await;
    other.joins(&world.app, "*").await;
    let outcome = webhooks::test(&world.app, &webhook.id, &Actor::cli()).await.unwrap();
    assert!(outcome.is_delivered());
    let sent = tried.sent().remove(0);
    let told = check(&sent, secret.expose(), world.clock.now()).expect("the signature is right");
    assert_eq!((&told["type"], &told["data"]["webhook_id"]), (&json!("webhook.test"), &json!(webhook.id)));
    assert_eq!(told["id"], sent.header("webhook-id"));
    tried.answers(|answers| answers.status = 500);
    let outcome = webhooks::test(&world.app, &webhook.id, &Actor::cli()).await.unwrap();
    assert_eq!(outcome.status.map(|status| status.as_u16()), Some(500));
    deliver(&world.app).await;
    assert_eq!((tried.sent().len(), states(&world).await.contains(&"waiting".to_owned())), (2, false));
    // That somebody tried is told; the trial itself is not.
    assert_eq!(other.told(), ["webhook.tested", "webhook.tested"]);
    let feed = world.service("events:read").await.get("/events?limit=200").await.ok();
    assert!(!feed.to_string().contains("webhook.test\""), "{feed}");
}

#[tokio::test]
async fn the_log_is_kept_for_thirty_days_and_a_deleted_webhook_leaves_nothing_but_what_happened() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let (webhook, _) = receiver.joins(&world.app, "link.*").await;
    happens(&world.app, "m-1").await;
    deliver(&world.app).await;
    world.clock.advance(30 * 24 * HOUR);
    happens(&world.app, "m-2").await;
    deliver(&world.app).await;
    webhooks::sweep(&world.app).await.unwrap();
    assert_eq!(states(&world).await.len(), 2, "not a moment too early");
    world.clock.advance(Duration::from_millis(1));
    webhooks::sweep(&world.app).await.unwrap();
    assert_eq!(states(&world).await.len(), 1);

    happens(&world.app, "m-3").await;
    webhooks::delete(&world.app, &webhook.id, &Actor::cli()).await.unwrap();
    assert_eq!(column(&world.app.db, "SELECT 'x' FROM webhooks WHERE secret IS NULL").await, ["x"]);
    receiver.told();
    assert_eq!((deliver(&world.app).await, receiver.told().len()), (0, 0));
    assert!(webhooks::find(&world.app, &webhook.id).await.unwrap().is_none());
    sweep::sweep(&world.app).await.unwrap();
    webhooks::sweep(&world.app).await.unwrap();
    webhooks::sweep(&world.app).await.unwrap();
    assert_eq!(column(&world.app.db, "SELECT id FROM webhooks").await, [""; 0]);
    assert_eq!(column(&world.app.db, "SELECT id FROM deliveries").await, [""; 0]);
    let told = column(&world.app.db, "SELECT kind FROM events WHERE webhook_id IS NOT NULL ORDER BY seq").await;
    assert_eq!(told, ["webhook.created", "webhook.deleted"]);
}

/// The delivered body of the newest event of this kind.
async fn newest(world: &World, kind: &str) -> Value {
    let feed = world.service("events:read").await.get("/events?limit=200").await.ok();
    let all = feed["data"].as_array().unwrap();
    all.iter().rfind(|event| event["type"] == kind).unwrap_or_else(|| panic!("no {kind}")).clone()
}
