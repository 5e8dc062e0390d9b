//! Wrong decisions do not last: a webhook that never answers is turned off, one that answers again is not, and neither a wrong
//! clock nor a changed filter leaves deliveries behind.

use std::time::Duration;

use cartkey::domain::actor::Actor;
use cartkey::domain::delivery::DeliveryState;
use cartkey::domain::id::WebhookId;
use cartkey::domain::webhook::{TRIES, Webhook};
use cartkey::flow::webhooks::dispatch;
use cartkey::flow::webhooks::{self, Error, NewWebhook};

use super::receiver::Receiver;
use super::{HOUR, deliver, happens, newest, states, until_due, world};
use crate::database::column;
use crate::world::World;

/// The webhook's current state.
async fn standing(world: &World, id: &WebhookId) -> Webhook {
    webhooks::find(&world.app, id).await.unwrap().expect("the webhook")
}

/// Corrects the machine's clock, which was ahead by this much.
pub fn set_back(world: &World, ahead: Duration) {
    world.clock.set_back(ahead);
}

#[tokio::test]
async fn who_takes_nothing_for_three_days_is_turned_off_though_no_delivery_has_used_all_its_tries() {
    let world = world().await;
    let [bad, good] = [Receiver::new().await, Receiver::new().await];
    // Each delivery is tried every twelve hours: as little as where thousands wait for one that hangs.
    bad.answers(|answers| (answers.status, answers.headers) = (503, vec![("retry-after", "43200".to_owned())]));
    let (webhook, _) = bad.joins(&world.app, "link.*").await;
    good.joins(&world.app, "webhook.disabled").await;
    let begun = world.clock.now();
    while standing(&world, &webhook.id).await.disabled_at.is_none() {
        assert!(world.clock.now().since(begun) < 80 * HOUR, "it is tried for ever");
        happens(&world.app, "m").await;
        deliver(&world.app).await;
        world.clock.advance(HOUR);
    }
    assert!(world.clock.now().since(begun) > 60 * HOUR, "and not before somebody can have come back on Monday");
    deliver(&world.app).await;
    assert_eq!(
        (good.told(), newest(&world, "webhook.disabled").await["data"]["reason"].as_str()),
        (vec!["webhook.disabled".to_owned()], Some("failing"))
    );
    let most = column(&world.app.db, "SELECT CAST(MAX(tries) AS TEXT) FROM deliveries").await.remove(0);
    assert!(most.parse::<usize>().unwrap() < TRIES, "{most}");
    let lost =
        column(&world.app.db, "SELECT state FROM deliveries WHERE kind = 'link.created' AND state <> 'waiting'").await;
    assert_eq!(lost, [""; 0]);
}

#[tokio::test]
async fn what_is_not_wanted_any_more_is_not_sent_though_it_waits() {
    let world = world().await;
    let [here, there] = [Receiver::new().await, Receiver::new().await];
    here.answers(|answers| answers.status = 500);
    let (webhook, _) = here.joins(&world.app, "*").await;
    happens(&world.app, "ours").await;
    happens(&world.app, "theirs").await;
    world.service("keys:read").await;
    deliver(&world.app).await;
    let new = NewWebhook { users: Some("ours".parse().unwrap()), ..there.new_webhook("link.*") };
    webhooks::change(&world.app, &webhook.id, new, &Actor::cli()).await.unwrap();
    world.clock.advance(HOUR);
    deliver(&world.app).await;
    assert_eq!(there.users(), ["ours"], "and neither of another merchant nor of what is of another type");
    assert_eq!(states(&world).await, ["delivered", "skipped", "skipped"]);
    let log = webhooks::log(&world.app, &webhook.id, Some(DeliveryState::Skipped), None, None, 10).await.unwrap().rows;
    assert!(log.iter().all(|line| line.fault.as_deref() == Some("not_wanted") && line.ended_at.is_some()), "{log:?}");
    // Nor is a single one sent again, until it is wanted again.
    let theirs = log.iter().find(|line| line.kind == "link.created").unwrap();
    let again = async || webhooks::replay_one(&world.app, &webhook.id, &theirs.id, &Actor::cli()).await;
    assert!(matches!(again().await, Err(Error::NotWanted)));
    webhooks::change(&world.app, &webhook.id, there.new_webhook("link.*"), &Actor::cli()).await.unwrap();
    again().await.unwrap();
    deliver(&world.app).await;
    assert_eq!(there.users(), ["theirs"]);
}

#[tokio::test]
async fn a_clock_that_was_ahead_and_is_corrected_leaves_nothing_waiting_for_it() {
    for ahead in [24 * HOUR, 10 * 365 * 24 * HOUR] {
        let world = world().await;
        let receiver = Receiver::new().await;
        let (webhook, _) = receiver.joins(&world.app, "link.*").await;
        world.clock.advance(ahead);
        happens(&world.app, "m-1").await;
        deliver(&world.app).await;
        receiver.answers(|answers| answers.status = 500);
        happens(&world.app, "m-2").await;
        deliver(&world.app).await;
        set_back(&world, ahead);
        receiver.answers(|answers| answers.status = 204);
        webhooks::sweep(&world.app).await.unwrap();
        assert_eq!(deliver(&world.app).await, 1, "{ahead:?}");
        assert_eq!(states(&world).await, ["delivered", "delivered"]);
        assert_eq!(standing(&world, &webhook.id).await.succeeded_at, Some(world.clock.now()));
        // What waits rightly is not hurried.
        receiver
            .answers(|answers| (answers.status, answers.headers) = (503, vec![("retry-after", "43200".to_owned())]));
        happens(&world.app, "m-3").await;
        deliver(&world.app).await;
        webhooks::sweep(&world.app).await.unwrap();
        assert_eq!(until_due(&world).await, 12 * HOUR);
    }
}

#[tokio::test]
async fn who_began_to_fail_in_a_future_that_never_came_is_judged_from_now_on() {
    let world = world().await;
    let receiver = Receiver::new().await;
    receiver.answers(|answers| answers.status = 500);
    let (webhook, _) = receiver.joins(&world.app, "link.*").await;
    world.clock.advance(100_000 * HOUR);
    happens(&world.app, "m").await;
    deliver(&world.app).await;
    set_back(&world, 100_000 * HOUR);
    webhooks::sweep(&world.app).await.unwrap();
    deliver(&world.app).await;
    assert_eq!(standing(&world, &webhook.id).await.failing_since, Some(world.clock.now()));
    while states(&world).await == ["waiting"] {
        until_due(&world).await;
        deliver(&world.app).await;
    }
    assert!(standing(&world, &webhook.id).await.disabled_at.is_some());
}

#[tokio::test]
async fn who_takes_something_while_the_last_try_of_another_fails_is_not_turned_off() {
    let world = world().await;
    let receiver = Receiver::new().await;
    receiver.answers(|answers| answers.status = 500);
    let (webhook, _) = receiver.joins(&world.app, "link.*").await;
    happens(&world.app, "m-1").await;
    for _ in 1..TRIES {
        deliver(&world.app).await;
        until_due(&world).await;
    }
    // The last try of the first hangs; meanwhile another process brings the second.
    receiver.answers(|answers| answers.holds = true);
    let held = receiver.count() + 1;
    let app = world.app.clone();
    let last = tokio::spawn(async move { dispatch::run_due(&app).await.unwrap() });
    receiver.is_sent(held).await;
    receiver.answers(|answers| (answers.holds, answers.status) = (false, 204));
    happens(&world.app, "m-2").await;
    assert_eq!(deliver(&world.replica().await).await, 1);
    receiver.let_go();
    last.await.unwrap();
    assert_eq!(states(&world).await, ["failed", "delivered"]);
    assert_eq!(standing(&world, &webhook.id).await.disabled_at, None);
    let told = column(&world.app.db, "SELECT kind FROM events WHERE kind = 'webhook.disabled'").await;
    assert_eq!(told, [""; 0]);
}
