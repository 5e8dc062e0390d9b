//! A webhook is turned on again or replayed: nothing arrives twice because it has left the log, no delivery in progress is lost,
//! and other writers get their turn.

use std::time::Duration;

use cartkey::domain::actor::Actor;
use cartkey::domain::id::DeliveryId;
use cartkey::domain::news::EventId;
use cartkey::flow::webhooks;
use cartkey::storage::deliveries::{self, Batch, New};

use super::receiver::Receiver;
use super::{HOUR, deliver, happens, states, world};
use crate::database::column;

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn what_was_delivered_and_has_left_the_log_is_not_missed() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let (webhook, _) = receiver.joins(&world.app, "link.*").await;
    receiver.answers(|answers| answers.status = 500);
    happens(&world.app, "waits").await;
    deliver(&world.app).await;
    receiver.answers(|answers| answers.status = 204);
    happens(&world.app, "delivered").await;
    deliver(&world.app).await;
    webhooks::disable(&world.app, &webhook.id, &Actor::cli()).await.unwrap();
    world.clock.advance(31 * DAY);
    webhooks::sweep(&world.app).await.unwrap();
    assert_eq!(states(&world).await, ["waiting"], "the log has forgotten what was delivered");
    happens(&world.app, "while-off").await;
    receiver.told();
    webhooks::enable(&world.app, &webhook.id, true, &Actor::cli()).await.unwrap();
    deliver(&world.app).await;
    assert_eq!(receiver.users(), ["waits", "while-off"]);
    webhooks::replay(&world.app, &webhook.id, world.clock.now().minus(60 * DAY), true, &Actor::cli()).await.unwrap();
    deliver(&world.app).await;
    assert_eq!(receiver.users(), [""; 0], "nothing was missed");
    webhooks::replay(&world.app, &webhook.id, world.clock.now().minus(60 * DAY), false, &Actor::cli()).await.unwrap();
    deliver(&world.app).await;
    assert_eq!(receiver.users(), ["waits", "delivered", "while-off"], "all of it can still be had");
}

#[tokio::test]
async fn what_was_being_sent_again_goes_on_when_it_is_turned_on_with_what_it_missed() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let (webhook, _) = receiver.joins(&world.app, "link.*").await;
    for n in 0..3 {
        happens(&world.app, &format!("m-{n}")).await;
    }
    deliver(&world.app).await;
    assert_eq!(receiver.users(), ["m-0", "m-1", "m-2"]);
    webhooks::replay(&world.app, &webhook.id, world.clock.now().minus(HOUR), false, &Actor::cli()).await.unwrap();
    webhooks::disable(&world.app, &webhook.id, &Actor::cli()).await.unwrap();
    happens(&world.app, "m-3").await;
    webhooks::enable(&world.app, &webhook.id, true, &Actor::cli()).await.unwrap();
    deliver(&world.app).await;
    assert_eq!(receiver.users(), ["m-0", "m-1", "m-2", "m-3"]);
}

#[tokio::test]
async fn whoever_writes_has_a_turn_while_many_deliveries_are_made() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let mut batches = Vec::new();
    for _ in 0..10 {
        let (webhook, _) = receiver.joins(&world.app, "link.*").await;
        let from = column(&world.app.db, "SELECT CAST(MAX(cursor) AS TEXT) FROM webhooks").await.remove(0);
        let from = EventId::of_number(from.parse().unwrap());
        let new = |n| New {
            id: DeliveryId::mint(world.clock.now(), &world.app.entropy),
            event: EventId::of_number(from.number() + n),
            kind: "link.created".to_owned(),
        };
        let to = EventId::of_number(from.number() + 200);
        batches.push(Batch { webhook_id: webhook.id, from, to, deliveries: (1..=200).map(new).collect() });
    }
    let (app, now) = (world.app.clone(), world.clock.now());
    let making = tokio::spawn(async move { deliveries::make(&app.db, &batches, now).await.unwrap() });
    let mut made = Vec::new();
    while made.last() != Some(&2_000) {
        happens(&world.app, "m").await;
        made.push(column(&world.app.db, "SELECT id FROM deliveries").await.len());
    }
    assert_eq!(making.await.unwrap(), 10);
    let most = made.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(2_000);
    assert!(most < 2_000, "all were made in one: {made:?}");
}
