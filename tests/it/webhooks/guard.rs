//! Webhooks have public addresses only, like stores. A refused address comes with the fix.

use cartkey::domain::actor::Actor;
use cartkey::domain::store_url::Network;
use cartkey::domain::webhook::WebhookUrl;
use cartkey::flow::webhooks::{self, NewWebhook};

use super::receiver::Receiver;
use super::{deliver, happens, world};
use crate::database::column;
use crate::world::World;

/// Why a webhook at this address is refused.
async fn refused(world: &World, url: &str) -> String {
    let mut app = world.app.clone();
    app.woo = world.guarded_client();
    let url = match WebhookUrl::parse(url, Network::Public) {
        Ok(url) => url,
        Err(why) => return why.to_string(),
    };
    let new = NewWebhook { url, description: String::new(), wanted: "*".parse().unwrap(), users: None };
    let added = webhooks::add(&app, new, &Actor::cli()).await;
    added.expect_err("it is refused").to_string()
}

#[tokio::test]
async fn an_address_that_is_not_public_is_refused_with_a_sentence_that_says_what_to_do() {
    let world = World::new().await;
    for (url, says) in [
        ("https://shop.example/hook", "leads to an address that is not public"),
        ("https://keys.example/hook", "or to Cartkey itself"),
        ("https://unknown.example/hook", "This name does not exist."),
        ("https://127.0.0.1/hook", "Webhooks are sent only to public host names"),
        ("https://localhost/hook", "CARTKEY_ALLOW_PRIVATE_STORES=true"),
        ("http://shop.example/hook", "must begin with https://"),
    ] {
        let why = refused(&world, url).await;
        assert!(why.contains(says), "{url}: {why}");
    }
    assert_eq!(column(&world.app.db, "SELECT id FROM webhooks").await, [""; 0]);
}

#[tokio::test]
async fn a_name_that_leads_inside_later_is_not_asked() {
    let world = world().await;
    world.webhook("https://shop.example/hook", "link.*").await;
    happens(&world.app, "m").await;
    let mut app = world.app.clone();
    app.woo = world.guarded_client();
    let asked = world.shop.requests().len();
    deliver(&app).await;
    assert_eq!(world.shop.requests().len(), asked);
    assert_eq!(column(&world.app.db, "SELECT fault FROM deliveries").await, ["private_address"]);
}

#[tokio::test]
async fn there_are_not_more_webhooks_than_can_be_told_side_by_side() {
    let world = world().await;
    let receiver = Receiver::new().await;
    for _ in 0..50 {
        receiver.joins(&world.app, "store.*").await;
    }
    let one_more = webhooks::add(&world.app, receiver.new_webhook("store.*"), &Actor::cli()).await;
    assert!(matches!(one_more, Err(webhooks::Error::TooMany)));
    assert_eq!(column(&world.app.db, "SELECT id FROM webhooks").await.len(), 50);
    assert_eq!(column(&world.app.db, "SELECT kind FROM events WHERE kind = 'webhook.created'").await.len(), 50);
}
