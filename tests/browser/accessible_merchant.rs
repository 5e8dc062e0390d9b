//! The merchant's way for everybody: axe-core finds nothing on any page of it, however it ends.

use std::time::Duration;

use cartkey::demo::pretend_store::Permalinks;
use serde_json::json;

use crate::accessible::troubles_of;
use crate::axe;
use crate::chromium::{Browser, Manner};
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_nothing_on_what_stands_in_a_merchants_way_nor_on_the_way() {
    let axe = axe::source();
    let world = World::new().await;
    let browser = Browser::open(&world, Manner::default()).await;
    let mut troubles = Vec::new();
    let (_, link) = world.link("merchant-42", json!({"store_url": null, "account_label": "Cups Ltd"})).await;
    browser.go(&link).await;
    browser.write("store_url", "127.0.0.1").await;
    browser.press("Connect store").await;
    browser.reads("Error:").await;
    troubles.extend(troubles_of(&browser, &axe, "not an address").await);
    world.shop.switch(|shop| shop.permalinks = Permalinks::Plain);
    let (_, link) = world.link("merchant-42", json!({})).await;
    browser.go(&link).await;
    browser.press("Connect store").await;
    browser.reads("Your store cannot be connected yet").await;
    troubles.extend(troubles_of(&browser, &axe, "stopped").await);
    world.shop.switch(|shop| (shop.permalinks, shop.notices) = (Permalinks::Pretty, true));
    browser.press("Check again").await;
    browser.reads("There may be a problem").await;
    troubles.extend(troubles_of(&browser, &axe, "warned").await);
    world.shop.switch(|shop| shop.notices = false);
    world.clock.advance(Duration::from_secs(1));
    browser.press("Check again").await;
    browser.sees("Taking you to shop.example").await;
    // It would go on by itself before it has been looked at.
    let stay = "for (let timer = 0; timer < 10000; timer += 1) clearTimeout(timer)";
    browser.client.execute(stay, Vec::new()).await.unwrap();
    troubles.extend(troubles_of(&browser, &axe, "on to the store").await);
    browser.press("Continue to shop.example").await;
    browser.log_in().await;
    browser.client.back().await.unwrap();
    browser.client.back().await.unwrap();
    browser.sees("Waiting for shop.example").await;
    troubles.extend(troubles_of(&browser, &axe, "back from the store").await);
    browser.press("Continue to shop.example").await;
    browser.press("Approve").await;
    browser.sees("Connecting shop.example").await;
    troubles.extend(troubles_of(&browser, &axe, "waiting").await);
    world.shop.switch(|shop| shop.server_error = true);
    world.prove().await;
    browser.sees("The key of shop.example could not be tested yet").await;
    troubles.extend(troubles_of(&browser, &axe, "waiting, trouble").await);
    world.shop.switch(|shop| shop.server_error = false);
    browser.press("Try now").await;
    world.pass(Duration::from_secs(5)).await;
    browser.sees("shop.example is connected").await;
    troubles.extend(troubles_of(&browser, &axe, "connected").await);
    let other = Browser::open(&world, Manner::default()).await;
    other.go(&link).await;
    other.reads("There is nothing left to do.").await;
    troubles.extend(troubles_of(&other, &axe, "link, connected").await);
    let store = crate::database::column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    world.shop.revoke(world.shop.keys()[0].key_id);
    world.trusted_service().await.post(&format!("/stores/{store}/check"), &json!({})).await.ok();
    let (_, link) = world.link("merchant-42", json!({"store_id": store})).await;
    other.go(&link).await;
    other.reads("Why connect again").await;
    troubles.extend(troubles_of(&other, &axe, "reconnect").await);
    assert!(troubles.is_empty(), "{}", troubles.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_nothing_on_any_end_without_a_store() {
    let axe = axe::source();
    let world = World::new().await;
    let (first, second) =
        (Browser::open(&world, Manner::default()).await, Browser::open(&world, Manner::default()).await);
    let mut troubles = Vec::new();
    let (_, link) = world.link("merchant-42", json!({"expires_in": 86_400})).await;
    begin(&first, &link).await;
    first.log_in().await;
    first.press("Deny").await;
    first.sees("You pressed Deny").await;
    troubles.extend(troubles_of(&first, &axe, "denied").await);
    world.clock.advance(Duration::from_secs(1));
    first.go(&link).await;
    first.press("Try again").await;
    first.press("Connect store").await;
    first.sees("Acme Shipping would like to connect to your store").await;
    second.go(first.url().await.as_str()).await;
    second.log_in().await;
    second.press("Approve").await;
    second.sees("This approval was started elsewhere").await;
    troubles.extend(troubles_of(&second, &axe, "started elsewhere").await);
    let attempt = second.url().await.path().rsplit('/').next().unwrap().to_owned();
    let page = format!("https://keys.example/connect/attempts/{attempt}");
    world.pass(Duration::from_secs(80)).await;
    first.go(&page).await;
    first.sees("Did you approve this?").await;
    troubles.extend(troubles_of(&first, &axe, "to be confirmed").await);
    second.press("This was not me").await;
    second.sees("The key was discarded").await;
    troubles.extend(troubles_of(&second, &axe, "discarded").await);
    first.go(&page).await;
    first.sees("The key was discarded").await;
    world.shop.switch(|shop| shop.insert_fails = true);
    let (_, link) = world.link("merchant-43", json!({"expires_in": 86_400})).await;
    begin(&first, &link).await;
    first.press("Approve").await;
    first.sees("shop.example could not be connected").await;
    troubles.extend(troubles_of(&first, &axe, "failed").await);
    world.clock.advance(Duration::from_secs(1));
    first.press("Try again").await;
    first.press("Connect store").await;
    first.sees("Acme Shipping would like to connect to your store").await;
    let attempts = crate::database::column(&world.app.db, "SELECT id FROM attempts ORDER BY id").await;
    let open = attempts.last().expect("an attempt");
    world.clock.advance(Duration::from_mins(61));
    first.go(&format!("https://keys.example/connect/attempts/{open}")).await;
    first.sees("This attempt has expired").await;
    troubles.extend(troubles_of(&first, &axe, "expired").await);
    assert!(troubles.is_empty(), "{}", troubles.join("\n"));
}

/// From the link to the store's own pages.
async fn begin(browser: &Browser, link: &str) {
    browser.go(link).await;
    browser.press("Connect store").await;
    browser.sees("Taking you to shop.example").await;
    browser.press("Continue to shop.example").await;
}
