//! A webhook is turned on again: with what it missed, or with new events only.

use cartkey::domain::actor::Actor;
use cartkey::flow::webhooks::{self, Error};

use super::receiver::Receiver;
use super::{HOUR, deliver, happens, states, until_due, world};

#[tokio::test]
async fn who_is_turned_on_again_is_sent_what_it_missed_in_one_click() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let (webhook, _) = receiver.joins(&world.app, "link.*").await;
    happens(&world.app, "before").await;
    deliver(&world.app).await;
    // One fails with all its tries, one waits, and two happen while it is off.
    receiver.answers(|answers| answers.status = 500);
    happens(&world.app, "failed").await;
    deliver(&world.app).await;
    while !states(&world).await.contains(&"failed".to_owned()) {
        until_due(&world).await;
        deliver(&world.app).await;
    }
    assert!(webhooks::find(&world.app, &webhook.id).await.unwrap().unwrap().disabled_at.is_some());
    happens(&world.app, "missed-1").await;
    happens(&world.app, "missed-2").await;
    deliver(&world.app).await;
    receiver.answers(|answers| answers.status = 200);
    receiver.told();
    webhooks::enable(&world.app, &webhook.id, true, &Actor::cli()).await.unwrap();
    deliver(&world.app).await;
    assert_eq!(receiver.users(), ["failed", "missed-1", "missed-2"], "and not what was delivered");
    let twice = webhooks::enable(&world.app, &webhook.id, true, &Actor::cli()).await;
    assert!(matches!(twice, Err(Error::On)));
    assert_eq!(world.happened("webhook.enabled").await, ["webhook.enabled - cli"]);
}

#[tokio::test]
async fn who_was_gone_goes_on_with_the_one_that_it_would_not_take() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let (webhook, _) = receiver.joins(&world.app, "link.*").await;
    receiver.answers(|answers| answers.status = 410);
    happens(&world.app, "m").await;
    deliver(&world.app).await;
    receiver.answers(|answers| answers.status = 200);
    receiver.told();
    webhooks::enable(&world.app, &webhook.id, true, &Actor::cli()).await.unwrap();
    deliver(&world.app).await;
    assert_eq!(receiver.users(), ["m"]);
}

#[tokio::test]
async fn who_is_turned_on_from_now_on_is_not_sent_what_it_missed() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let (webhook, _) = receiver.joins(&world.app, "link.*").await;
    receiver.answers(|answers| answers.status = 500);
    happens(&world.app, "waits").await;
    deliver(&world.app).await;
    webhooks::disable(&world.app, &webhook.id, &Actor::cli()).await.unwrap();
    happens(&world.app, "missed").await;
    world.clock.advance(HOUR);
    assert_eq!(deliver(&world.app).await, 0, "who is off is sent nothing");
    receiver.answers(|answers| answers.status = 200);
    receiver.told();
    webhooks::enable(&world.app, &webhook.id, false, &Actor::cli()).await.unwrap();
    happens(&world.app, "new").await;
    deliver(&world.app).await;
    assert_eq!(
        (receiver.users(), states(&world).await),
        (vec!["new".to_owned()], vec!["skipped".to_owned(), "delivered".to_owned()])
    );
    // It is still there for whoever asks for it.
    webhooks::replay(&world.app, &webhook.id, world.clock.now().minus(2 * HOUR), true, &Actor::cli()).await.unwrap();
    deliver(&world.app).await;
    assert_eq!(receiver.users(), ["waits", "missed"]);
}

#[tokio::test]
async fn a_trial_shows_whether_it_is_mended_before_it_is_turned_on() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let (webhook, _) = receiver.joins(&world.app, "link.*").await;
    webhooks::disable(&world.app, &webhook.id, &Actor::cli()).await.unwrap();
    assert!(webhooks::test(&world.app, &webhook.id, &Actor::cli()).await.unwrap().is_delivered());
    let off = webhooks::replay(&world.app, &webhook.id, world.clock.now(), false, &Actor::cli()).await;
    assert!(matches!(off, Err(Error::Off)), "but nothing else is sent");
    let twice = webhooks::disable(&world.app, &webhook.id, &Actor::cli()).await;
    assert!(matches!(twice, Err(Error::Off)));
}
