//! Failures around a webhook's secrets: two rotations at once, a secret ended during a change, and secrets that do not open.

use std::time::Duration;

use cartkey::domain::actor::Actor;
use cartkey::domain::event::Kind;
use cartkey::flow::webhooks;
use cartkey::storage::webhooks as kept;

use super::receiver::{Receiver, check};
use super::steadfast::set_back;
use super::{HOUR, deliver, happens, world};
use crate::database::{change, column};
use crate::on_record;

#[tokio::test]
async fn of_two_who_rotate_at_the_same_moment_one_is_refused_and_the_secret_in_use_goes_on() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let (webhook, used) = receiver.joins(&world.app, "link.*").await;
    let actor = Actor::cli();
    let rotate = || webhooks::rotate(&world.app, &webhook.id, None, &actor);
    let (one, other) = tokio::join!(rotate(), rotate());
    let ((_, new), Err(refused)) = (match (one, other) {
        (Ok(made), refused) | (refused, Ok(made)) => (made, refused),
        both => panic!("{both:?}"),
    }) else {
        panic!("both were made")
    };
    assert!(matches!(refused, webhooks::Error::Changed | webhooks::Error::TwoSecrets), "{refused}");
    happens(&world.app, "m").await;
    deliver(&world.app).await;
    let sent = receiver.sent().remove(0);
    for secret in [used, new] {
        check(&sent, secret.expose(), world.clock.now()).expect("both sign");
    }
}

#[tokio::test]
async fn who_has_a_secret_that_does_not_open_is_mended_by_a_new_one_at_once() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let elsewhere = Receiver::new().await;
    let (webhook, _) = elsewhere.joins(&world.app, "link.*").await;
    change(&world.app.db, &format!("UPDATE webhooks SET url = '{}'", receiver.url)).await;
    // It can be called something else, though nothing can be sealed anew.
    webhooks::change(&world.app, &webhook.id, receiver.new_webhook("link.*,token.*"), &Actor::cli()).await.unwrap();
    happens(&world.app, "m-1").await;
    deliver(&world.app).await;
    assert_eq!(receiver.count() + elsewhere.count(), 0);
    let (rotated, secret) = webhooks::rotate(&world.app, &webhook.id, None, &Actor::cli()).await.unwrap();
    assert_eq!(rotated.old_until, None, "what does not open does not sign");
    happens(&world.app, "m-2").await;
    deliver(&world.app).await;
    let [sent] = &receiver.sent()[..] else { panic!("one was sent") };
    check(sent, secret.expose(), world.clock.now()).expect("the signature is right");
}

#[tokio::test]
async fn an_old_secret_that_does_not_open_does_not_keep_the_new_one_from_signing() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let (webhook, _) = receiver.joins(&world.app, "link.*").await;
    let (_, secret) = webhooks::rotate(&world.app, &webhook.id, None, &Actor::cli()).await.unwrap();
    change(&world.app.db, "UPDATE webhooks SET old_secret = substr(old_secret, 1, 9)").await;
    happens(&world.app, "m").await;
    deliver(&world.app).await;
    let [sent] = &receiver.sent()[..] else { panic!("one was sent") };
    check(sent, secret.expose(), world.clock.now()).expect("the signature is right");
    assert!(!sent.header("webhook-signature").contains(' '));
    webhooks::change(&world.app, &webhook.id, receiver.new_webhook("*"), &Actor::cli()).await.unwrap();
}

#[tokio::test]
async fn a_secret_that_is_ended_while_the_webhook_is_changed_stays_ended() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let (webhook, _) = receiver.joins(&world.app, "link.*").await;
    webhooks::rotate(&world.app, &webhook.id, None, &Actor::cli()).await.unwrap();
    // Whoever changes it has read both secrets; then the old one is ended, then the change is kept.
    let was = kept::find(&world.app.db, &webhook.id).await.unwrap().unwrap();
    webhooks::end_old_secret(&world.app, &webhook.id, &Actor::cli()).await.unwrap();
    let to = kept::Change {
        url: &was.webhook.url,
        description: "changed",
        wanted: &was.webhook.wanted,
        users: None,
        secret: &was.secret,
        old_secret: was.old_secret.as_deref(),
    };
    let event = on_record::event(Kind::WebhookChanged, world.clock.now(), &Actor::cli());
    assert!(kept::change(&world.app.db, &was, &to, &event).await.unwrap());
    let left = column(&world.app.db, "SELECT description FROM webhooks WHERE old_secret IS NULL").await;
    assert_eq!(left, ["changed"]);
}

#[tokio::test]
async fn a_secret_opens_again_when_the_address_is_put_right() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let (webhook, secret) = receiver.joins(&world.app, "link.*").await;
    change(&world.app.db, "UPDATE webhooks SET url = 'http://127.0.0.1:1/hook'").await;
    happens(&world.app, "m").await;
    deliver(&world.app).await;
    webhooks::change(&world.app, &webhook.id, receiver.new_webhook("link.*"), &Actor::cli()).await.unwrap();
    world.clock.advance(Duration::from_mins(1));
    deliver(&world.app).await;
    let [sent] = &receiver.sent()[..] else { panic!("one was sent") };
    check(sent, secret.expose(), world.clock.now()).expect("the signature is right");
}

#[tokio::test]
async fn an_old_secret_ends_after_a_day_though_the_clock_was_years_ahead_when_it_became_one() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let (webhook, old) = receiver.joins(&world.app, "link.*").await;
    world.clock.advance(100_000 * HOUR);
    let (_, new) = webhooks::rotate(&world.app, &webhook.id, None, &Actor::cli()).await.unwrap();
    set_back(&world, 100_000 * HOUR);
    webhooks::sweep(&world.app).await.unwrap();
    world.clock.advance(24 * HOUR);
    happens(&world.app, "m").await;
    deliver(&world.app).await;
    let sent = receiver.sent().remove(0);
    let [old, new] = [old, new].map(|secret| check(&sent, secret.expose(), world.clock.now()).is_ok());
    assert_eq!((old, new), (false, true));
}
