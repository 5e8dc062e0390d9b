//! A withdrawn link connects nothing, whatever stage its attempt has reached.

use cartkey::domain::actor::Actor;
use cartkey::domain::id::LinkId;
use cartkey::domain::secret::Secret;
use cartkey::flow::connecting::connect::{self, Invitation};
use cartkey::flow::connecting::links;
use serde_json::json;

use crate::database::column;
use crate::world::{SHOP, World};

async fn withdraw(world: &World, id: &str) -> Option<usize> {
    links::withdraw(&world.app, &id.parse().unwrap(), &Actor::cli()).await.unwrap()
}

#[tokio::test]
async fn a_withdrawn_link_looks_like_one_that_never_was() {
    let world = World::new().await;
    let (id, url) = world.link("m", json!({})).await;
    let mut browser = world.merchant();
    let page = browser.get(&url).await;
    assert_eq!(withdraw(&world, &id).await, Some(0));
    let gone = browser.get(&url).await;
    let unknown = browser.get(&format!("https://keys.example/connect/{}", "A".repeat(43))).await;
    assert_eq!((gone.status, gone.title()), (404, unknown.title()));
    let sent = browser.submit(&page, "Connect store", &[]).await;
    assert_eq!((sent.status, sent.title()), (404, unknown.title()), "nor does a page that is open already");
    assert!(world.shop.requests().is_empty(), "no store was asked");
    let told =
        column(&world.app.db, "SELECT kind || ' ' || actor || ' ' || user_id || ' ' || link_id FROM events").await;
    assert_eq!(told.last(), Some(&format!("link.withdrawn cli m {id}")));
    assert_eq!(withdraw(&world, &id).await, None, "twice is as once");
    assert_eq!(column(&world.app.db, "SELECT kind FROM events").await.len(), told.len());
    let seen = world.service("links:write").await.get(&format!("/links/{id}")).await.ok();
    assert_eq!(seen["withdrawn_at"], world.clock.now().to_string());
}

#[tokio::test]
async fn who_is_on_the_way_to_the_store_connects_nothing_and_the_store_keeps_no_key() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (id, url) = world.link("m", json!({})).await;
    let sent = world.begin(&mut browser, &url).await;
    assert_eq!(withdraw(&world, &id).await, Some(1));
    browser.approve_on(sent).await;
    let keys = world.shop.keys();
    assert!(keys.len() == 1 && keys[0].revoked, "it was told 404, so it has deleted the key");
    assert_eq!(world.stands(&id).await, ("failed".to_owned(), "link_withdrawn".to_owned()));
}

#[tokio::test]
async fn a_key_that_came_before_is_wiped_and_the_merchant_reads_why() {
    let world = World::new().await;
    let (mut browser, page, id) = world.approved("m", json!({})).await;
    assert_eq!(withdraw(&world, &id).await, Some(1));
    world.prove().await;
    let page = browser.get(page.url.as_str()).await;
    assert!(page.text().contains("was withdrawn, so nothing was connected. Ask for a new one."), "{}", page.text());
    assert_eq!(page.link("Try again"), None, "its link opens nothing");
    assert!(column(&world.app.db, "SELECT id FROM stores").await.is_empty());
    assert!(column(&world.app.db, "SELECT id FROM grants WHERE sealed IS NOT NULL").await.is_empty());
    let told = column(&world.app.db, "SELECT kind FROM events WHERE reason = 'link_withdrawn'").await;
    assert_eq!(told, ["attempt.failed"]);
}

#[tokio::test]
async fn what_is_connected_stays_connected() {
    let world = World::new().await;
    let (_, _, id) = world.approved("m", json!({})).await;
    world.prove().await;
    assert_eq!(withdraw(&world, &id).await, Some(0));
    assert_eq!(world.stands(&id).await.0, "connected");
    assert_eq!(world.service("keys:read").await.get("/users/m/keys").await.status, 200);
}

#[tokio::test]
async fn an_attempt_that_begins_while_its_link_is_withdrawn_does_not_begin() {
    let world = World::new().await;
    let (id, url) = world.link("m", json!({})).await;
    let secret = Secret::new(url.rsplit('/').next().unwrap().to_owned());
    let invitation = Invitation::of_link(links::open(&world.app, &secret).await.unwrap().unwrap());
    // Somebody has opened the link, and the store is being looked at.
    withdraw(&world, &id).await;
    let begun = connect::begin(&world.app, invitation, SHOP, false, &Actor::merchant(), None).await;
    assert!(matches!(begun, Err(connect::Error::Withdrawn)), "{begun:?}");
    assert!(column(&world.app.db, "SELECT id FROM attempts").await.is_empty());
}

#[tokio::test]
async fn there_is_nothing_to_withdraw_that_was_not_made() {
    let world = World::new().await;
    assert_eq!(withdraw(&world, LinkId::mint(world.clock.now(), &world.app.entropy).as_str()).await, None);
}
