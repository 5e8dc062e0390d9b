//! A webhook's secrets, when something goes wrong with them: made twice, ended while they are changed, or not to be opened.

use cartkey::domain::actor::Actor;
use cartkey::flow::webhooks;

use super::receiver::{Receiver, check};
use super::{deliver, happens, world};

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
