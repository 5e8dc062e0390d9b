//! Keys that are typed, for everybody: axe-core finds nothing on the pages that take them, nor on how they end.

use cartkey::domain::actor::Actor;
use cartkey::domain::scope::Scope;
use cartkey::flow::connecting::by_hand;
use serde_json::json;

use crate::accessible::troubles_of;
use crate::axe;
use crate::chromium::{Browser, Manner};
use crate::operator::PASSWORD;
use crate::world::{KEYS, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_nothing_where_a_merchant_types_a_key() {
    let axe = axe::source();
    let world = World::new().await;
    by_hand::allow(&world.app, true, &Actor::cli()).await.unwrap();
    let browser = Browser::open(&world, Manner::default()).await;
    let (_, link) = world.link("merchant-42", json!({"account_label": "Cups Ltd"})).await;
    browser.go(&link).await;
    let mut troubles = troubles_of(&browser, &axe, "connect, by hand offered").await;
    browser.press("connect it manually").await;
    browser.sees("Connect your store manually").await;
    troubles.extend(troubles_of(&browser, &axe, "by hand").await);
    browser.go(&format!("{link}/by-hand?lang=ja")).await;
    troubles.extend(troubles_of(&browser, &axe, "by hand, Japanese").await);
    browser.go(&format!("{link}/by-hand?lang=en")).await;
    browser.write("consumer_key", "cs_0123456789abcdef0123456789abcdef01234567").await;
    browser.write("consumer_secret", "7654321").await;
    browser.press("Connect store").await;
    browser.reads("That is the consumer secret.").await;
    troubles.extend(troubles_of(&browser, &axe, "by hand, wrong").await);
    let key = world.shop.issue_key("admin", Scope::ReadWrite);
    browser.write("consumer_key", &key.consumer_key).await;
    browser.write("consumer_secret", &key.consumer_secret).await;
    browser.press("Connect store").await;
    browser.sees("Connecting shop.example").await;
    troubles.extend(troubles_of(&browser, &axe, "by hand, waiting").await);
    world.prove().await;
    browser.sees("shop.example is connected").await;
    assert!(troubles.is_empty(), "{}", troubles.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_nothing_where_an_operator_types_a_key() {
    let axe = axe::source();
    let world = World::new().await;
    let browser = Browser::open(&world, Manner::default()).await;
    world.stranger("ann").await;
    browser.sign_in("ann", PASSWORD).await;
    let type_it = async |secret: &str| {
        let key = &world.shop.keys()[0];
        browser.go(&format!("{KEYS}/admin/stores/add")).await;
        browser.write("user_id", "merchant-7").await;
        browser.write("store_url", "shop.example").await;
        browser.write("consumer_key", &key.consumer_key).await;
        browser.write("consumer_secret", secret).await;
        browser.press("Test the key and add the store").await;
    };
    let key = world.shop.issue_key("admin", Scope::ReadWrite);
    type_it("cs_").await;
    browser.reads("The store was not added.").await;
    let mut troubles = troubles_of(&browser, &axe, "store add, wrong").await;
    type_it(&format!("cs_{:040}", 7)).await;
    browser.reads("The key was not saved.").await;
    troubles.extend(troubles_of(&browser, &axe, "store add, refused").await);
    type_it(&key.consumer_secret).await;
    browser.reads("The key works, and the store is connected.").await;
    troubles.extend(troubles_of(&browser, &axe, "store added").await);
    browser.go(&format!("{KEYS}/admin/settings")).await;
    troubles.extend(troubles_of(&browser, &axe, "settings, by hand").await);
    assert!(troubles.is_empty(), "{}", troubles.join("\n"));
}
