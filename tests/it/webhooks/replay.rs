//! Replays one delivery, or everything since a time.

use std::time::Duration;

use cartkey::domain::actor::Actor;
use cartkey::flow::webhooks::dispatch;
use cartkey::flow::webhooks::{self, Error};

use super::receiver::Receiver;
use super::{HOUR, deliver, happens, states, world};
use crate::database::column;

#[tokio::test]
async fn one_delivery_is_sent_again_under_the_same_id() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let (webhook, _) = receiver.joins(&world.app, "link.*").await;
    happens(&world.app, "m-1").await;
    happens(&world.app, "m-2").await;
    deliver(&world.app).await;
    let line = webhooks::log(&world.app, &webhook.id, None, None, None, 10).await.unwrap().rows.remove(0);
    webhooks::replay_one(&world.app, &webhook.id, &line.id, &Actor::cli()).await.unwrap();
    assert_eq!(deliver(&world.app).await, 1);
    let sent = receiver.sent();
    assert_eq!(sent.len(), 3);
    assert_eq!(sent[2].header("webhook-id"), line.event.unwrap().to_string());
    assert_eq!(receiver.users(), ["m-1", "m-2", "m-2"]);
    // Not a trial, not another webhook's.
    world.clock.advance(HOUR);
    webhooks::test(&world.app, &webhook.id, &Actor::cli()).await.unwrap();
    let trial = webhooks::log(&world.app, &webhook.id, None, None, None, 1).await.unwrap().rows.remove(0);
    let (other, _) = receiver.joins(&world.app, "link.*").await;
    for (webhook, delivery) in [(&webhook.id, &trial.id), (&other.id, &line.id)] {
        let refused = webhooks::replay_one(&world.app, webhook, delivery, &Actor::cli()).await;
        assert!(matches!(refused, Err(Error::NoDelivery)));
    }
}

#[tokio::test]
async fn everything_since_a_time_is_sent_again_or_what_was_missed_of_it() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let (webhook, _) = receiver.joins(&world.app, "link.*").await;
    for user in ["m-1", "m-2", "m-3", "m-4"] {
        happens(&world.app, user).await;
        world.service("keys:read").await;
        deliver(&world.app).await;
        world.clock.advance(HOUR);
    }
    assert_eq!(receiver.users().len(), 4);
    let since = world.clock.now().minus(Duration::from_mins(125));
    webhooks::replay(&world.app, &webhook.id, since, true, &Actor::cli()).await.unwrap();
    deliver(&world.app).await;
    assert_eq!(receiver.users(), [""; 0], "nothing was missed");
    webhooks::replay(&world.app, &webhook.id, since, false, &Actor::cli()).await.unwrap();
    deliver(&world.app).await;
    assert_eq!(receiver.users(), ["m-3", "m-4"]);
    assert_eq!(states(&world).await.len(), 4, "one line of the log for each event");
    let told = column(&world.app.db, "SELECT kind FROM events WHERE kind = 'webhook.replayed'").await;
    assert_eq!(told.len(), 2);
}

#[tokio::test]
async fn a_new_webhook_can_be_sent_what_happened_before_it_was_there() {
    let world = world().await;
    for n in 0..450 {
        happens(&world.app, &format!("m-{n}")).await;
    }
    let receiver = Receiver::new().await;
    let (webhook, _) = receiver.joins(&world.app, "link.*").await;
    webhooks::replay(&world.app, &webhook.id, world.clock.now().minus(HOUR), true, &Actor::cli()).await.unwrap();
    assert_eq!(deliver(&world.app).await, 450);
    let users: Vec<String> = (0..450).map(|n| format!("m-{n}")).collect();
    assert_eq!(receiver.users(), users);
    // What happens meanwhile is not lost, and what happened later is not sent twice.
    webhooks::replay(&world.app, &webhook.id, world.clock.now().plus(HOUR), false, &Actor::cli()).await.unwrap();
    happens(&world.app, "new").await;
    deliver(&world.app).await;
    assert_eq!(receiver.users(), ["new"]);
}

#[tokio::test]
async fn events_that_nobody_wants_are_passed_over_by_a_replay() {
    let world = world().await;
    for _ in 0..250 {
        happens(&world.app, "m").await;
    }
    world.connect("m").await;
    let receiver = Receiver::new().await;
    let (webhook, _) = receiver.joins(&world.app, "store.*").await;
    webhooks::replay(&world.app, &webhook.id, world.clock.now().minus(HOUR), true, &Actor::cli()).await.unwrap();
    assert_eq!((deliver(&world.app).await, receiver.told()), (1, vec!["store.connected".to_owned()]));
}

#[tokio::test]
async fn what_is_on_its_way_is_not_sent_beside_itself_when_what_was_missed_is_sent() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let (webhook, _) = receiver.joins(&world.app, "link.*").await;
    receiver.answers(|answers| answers.holds = true);
    happens(&world.app, "m").await;
    let app = world.app.clone();
    let telling = tokio::spawn(async move { dispatch::run_due(&app).await.unwrap() });
    receiver.is_sent(1).await;
    receiver.answers(|answers| answers.holds = false);
    webhooks::replay(&world.app, &webhook.id, world.clock.now().minus(HOUR), true, &Actor::cli()).await.unwrap();
    assert_eq!(deliver(&world.replica().await).await, 0);
    receiver.let_go();
    assert_eq!(telling.await.unwrap(), 1);
    assert_eq!((receiver.count(), states(&world).await), (1, vec!["delivered".to_owned()]));
}
