//! Back from the store: whatever it says, the merchant comes to a page of ours that names it and offers what works.

use std::time::Duration;

use serde_json::json;

use crate::chromium::{Browser, Manner};
use crate::pages::{lent, until_asked};
use crate::world::World;

/// Presses Back until a page of ours is shown; it must not send the browser on again, nor ask to post a form again.
async fn back_to_us(browser: &Browser) {
    for _ in 0..6 {
        browser.client.back().await.unwrap();
        if browser.url().await.host_str() == Some("keys.example") {
            assert!(!browser.text().await.contains("Confirm Form Resubmission"));
            return;
        }
    }
    panic!("Back never leads to us: {}", browser.text().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn back_from_an_error_of_the_store_leads_to_the_page_that_knows_it() {
    let world = World::new().await;
    let browser = Browser::open(&world, Manner::default()).await;
    let (_, link) = world.link("merchant-42", json!({})).await;
    browser.go(&link).await;
    browser.press("Connect store").await;
    browser.sees("Application authentication request").await;
    browser.write("username", "customer").await;
    browser.write("password", "demo").await;
    browser.press("Login").await;
    browser.reads("You do not have permission to access this page").await;
    back_to_us(&browser).await;
    browser.sees("Waiting for shop.example").await;
    browser.reads("Log out of the store, log in again as an administrator or shop manager").await;
    // Once more: still here, and the link shows the same.
    browser.client.back().await.unwrap();
    browser.sees("Waiting for shop.example").await;
    browser.go(&link).await;
    browser.sees("Waiting for shop.example").await;
    // What works is on the page.
    browser.client.delete_all_cookies().await.unwrap();
    let page = browser.url().await;
    browser.go(page.as_str()).await;
    browser.sees("Not found").await;
    browser.go(&link).await;
    browser.reads("Someone used this link in another browser").await;
    browser.press("Start here").await;
    browser.sees("Taking you to shop.example").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn back_from_a_lost_answer_leads_to_what_came_of_it() {
    let world = World::new().await;
    world.shop.switch(|shop| shop.lost_reply = true);
    let browser = Browser::open(&world, Manner::default()).await;
    let (_, link) = world.link("merchant-42", json!({})).await;
    until_asked(&world, &browser, &link).await;
    browser.press("Approve").await;
    browser.reads("cURL error 28").await;
    back_to_us(&browser).await;
    browser.sees("Connecting shop.example").await;
    world.prove().await;
    world.pass(Duration::from_secs(5)).await;
    browser.sees("shop.example could not be connected").await;
    browser.reads("deleted its new key, because our answer did not reach it in time").await;
    world.shop.switch(|shop| shop.lost_reply = false);
    world.clock.advance(Duration::from_secs(1));
    browser.press("Try again").await;
    browser.press("Connect store").await;
    browser.sees("Acme Shipping would like to connect to your store").await;
    browser.press("Approve").await;
    browser.sees("Connecting shop.example").await;
    world.prove().await;
    browser.sees("shop.example is connected").await;
    assert_eq!(lent(&world).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn back_works_without_scripts_too() {
    let world = World::new().await;
    let browser = Browser::open(&world, Manner { without_scripts: true, ..Manner::default() }).await;
    let (_, link) = world.link("merchant-42", json!({})).await;
    until_asked(&world, &browser, &link).await;
    back_to_us(&browser).await;
    browser.sees("Waiting for shop.example").await;
    browser.press("Continue to shop.example").await;
    browser.press("Approve").await;
    browser.sees("Connecting shop.example").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn back_leads_from_each_answer_of_a_form_to_the_form() {
    let world = World::new().await;
    let browser = Browser::open(&world, Manner::default()).await;
    let (_, link) = world.link("merchant-42", json!({"store_url": null})).await;
    browser.go(&link).await;
    browser.write("store_url", "127.0.0.1").await;
    browser.press("Connect store").await;
    browser.reads("instead of a numeric address").await;
    assert_eq!(browser.value_of("store_url").await, "127.0.0.1");
    world.shop.switch(|shop| shop.maintenance = true);
    browser.client.back().await.unwrap();
    browser.client.forward().await.unwrap();
    browser.reads("instead of a numeric address").await;
    browser.client.back().await.unwrap();
    browser.sees("Connect your store").await;
    browser.write("store_url", "shop.example").await;
    browser.press("Connect store").await;
    browser.reads("Your store cannot be connected yet").await;
    browser.client.back().await.unwrap();
    browser.reads("Your store cannot be connected yet").await;
    browser.press("Check again").await;
    browser.reads("Your store cannot be connected yet").await;
    browser.client.back().await.unwrap();
    browser.sees("Connect your store").await;
}
