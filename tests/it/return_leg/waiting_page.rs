//! The attempt's page: in each status, for people and for its script, and only in the browser that began.

use std::time::Duration;

use cartkey::demo::pretend_store::Switches;
use cartkey::flow::sweep;
use serde_json::json;

use super::{begun, page_of, polled, seen_by_maker, shown};
use crate::callback::Callback;
use crate::merchant::Merchant;
use crate::receive::rows;
use crate::world::{KEYS, World};

/// The page, its script's answer and its renewal agree.
async fn assert_stands(world: &World, browser: &mut Merchant, callback: &Callback, status: &str, heading: &str) {
    let page = browser.get(&page_of(callback)).await;
    assert!(page.status == 200 && page.title().starts_with(heading), "{status}: {}", page.title());
    assert!(page.text().contains(heading), "{status}: {}", page.text());
    assert_eq!(polled(world, browser, callback).await["status"], status);
    let is_ended = matches!(status, "connected" | "denied" | "failed" | "expired");
    let noscript = page.body.find("<noscript>").map(|at| &page.body[at..page.body.find("</noscript>").unwrap()]);
    let renews = noscript.is_some_and(|inside| inside.contains("http-equiv=\"refresh\""));
    assert_eq!(renews, !is_ended, "{status} works without JavaScript");
    assert_eq!(page.body.contains("data-poll="), !is_ended, "{status}");
    let html = shown(world, browser, &page_of(callback), "text/html,application/xhtml+xml,*/*").await;
    assert!(html.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    assert_eq!(html.headers["vary"], "Accept, Accept-Language, Cookie");
}

#[tokio::test]
async fn each_status_has_its_page() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, sent, callback) = begun(&world, &mut browser, json!({})).await;
    assert_stands(&world, &mut browser, &callback, "open", "Waiting for shop.example").await;
    browser.approve_on(sent).await;
    assert_stands(&world, &mut browser, &callback, "received", "Connecting shop.example").await;
    world.shop.switch(|s| s.maintenance = true);
    world.prove().await;
    assert_stands(&world, &mut browser, &callback, "proving", "The key of shop.example could not be tested yet").await;
    assert_eq!(polled(&world, &browser, &callback).await["reason"], "maintenance");
    world.shop.switch(|s| s.maintenance = false);
    // The shop said Retry-After: 600.
    world.pass(Duration::from_mins(10)).await;
    assert_stands(&world, &mut browser, &callback, "connected", "shop.example is connected").await;
    let news = polled(&world, &browser, &callback).await;
    assert!(news["store_id"].as_str().unwrap().starts_with("st_"), "{news}");

    let (_, sent, callback) = begun(&world, &mut browser, json!({})).await;
    world.merchant().approve(&sent.refresh().unwrap()).await;
    world.pass(Duration::from_secs(75)).await;
    assert_stands(&world, &mut browser, &callback, "awaiting_confirmation", "Did you approve this?").await;

    let (_, sent, callback) = begun(&world, &mut browser, json!({})).await;
    browser.deny(&sent.refresh().unwrap()).await;
    assert_stands(&world, &mut browser, &callback, "denied", "You pressed Deny").await;

    world.shop.switch(|s| s.insert_fails = true);
    let (_, sent, callback) = begun(&world, &mut browser, json!({})).await;
    browser.approve_on(sent).await;
    assert_stands(&world, &mut browser, &callback, "failed", "shop.example could not be connected").await;
    let news = polled(&world, &browser, &callback).await;
    assert!(news["says"].as_str().unwrap().contains("Update WooCommerce, then try again."), "{news}");

    let (_, _, callback) = begun(&world, &mut browser, json!({})).await;
    world.clock.advance(Duration::from_hours(1));
    assert_stands(&world, &mut browser, &callback, "expired", "This attempt has expired").await;
}

#[tokio::test]
async fn it_is_for_the_browser_that_began_and_for_no_other() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, _, callback) = begun(&world, &mut browser, json!({})).await;
    let mut stranger = world.merchant();
    begun(&world, &mut stranger, json!({})).await;
    for page in ["", "/again"] {
        let page = stranger.get(&format!("{}{page}", page_of(&callback))).await;
        assert_eq!(page.status, 404, "a cookie of another attempt is not enough");
        assert!(!page.text().contains("shop.example"), "{}", page.text());
    }
    for (who, accept) in [(world.merchant(), "application/json"), (stranger, "application/json")] {
        let answer = shown(&world, &who, &page_of(&callback), accept).await;
        assert_eq!(answer.status, 404);
        assert!(!answer.body.contains("shop.example"), "{}", answer.body);
    }
    assert_eq!(browser.get(&format!("{KEYS}/connect/attempts/at_0")).await.status, 404);
}

#[tokio::test]
async fn try_again_begins_anew_with_the_address_filled_in() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let page = browser.get(&format!("{KEYS}/connect")).await;
    let sent = browser.submit(&page, "Connect store", &[("store_url", "my other store, sorry")]).await;
    let sent = browser.submit(&sent, "Connect store", &[("store_url", "other.example")]).await;
    let first = Callback::of(&sent);
    let page = browser.deny(&sent.refresh().unwrap()).await;
    world.clock.advance(Duration::from_secs(5));
    let form = browser.click(&page, "Try again").await;
    let filled = form.form("Connect store").unwrap().fields;
    assert!(filled.contains(&("store_url".to_owned(), "https://other.example".to_owned())), "{filled:?}");
    let sent = browser.submit(&form, "Connect store", &[]).await;
    let second = Callback::of(&sent);
    assert!(first.attempt != second.attempt && first.state != second.state && first.url != second.url);
    browser.approve_on(sent).await;
    world.prove().await;
    let stores = world.service("stores:read").await.get("/stores").await.ok();
    assert_eq!(
        (stores["data"].as_array().unwrap().len(), &stores["data"][0]["url"]),
        (1, &json!("https://other.example"))
    );
    assert_eq!(first.post(&world, &first.body(1)).await, 404, "the first attempt stays denied");
}

#[tokio::test]
async fn when_the_link_is_past_its_time_the_page_says_whom_to_ask() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, sent, callback) = begun(&world, &mut browser, json!({"expires_in": 60})).await;
    world.clock.advance(Duration::from_mins(1));
    let page = browser.deny(&sent.refresh().unwrap()).await;
    assert!(page.link("Try again").is_none());
    assert!(page.text().contains("or ask Acme Shipping for a new one"), "{}", page.text());
    let page = browser.get(&format!("{}/again", page_of(&callback))).await;
    assert_eq!((page.status, page.title().as_str()), (404, "This link no longer works · Acme Shipping"));
}

#[tokio::test]
async fn what_nobody_ends_is_ended_by_the_sweep_once() {
    let world = World::with(&[], Switches::default()).await;
    let mut browser = world.merchant();
    let (open, _, _) = begun(&world, &mut browser, json!({})).await;
    let (held, sent, callback) = begun(&world, &mut browser, json!({})).await;
    world.merchant().approve(&sent.refresh().unwrap()).await;
    world.pass(Duration::from_secs(75)).await;
    assert_eq!(sweep::sweep(&world.app).await.unwrap(), 0, "nothing is overdue");
    world.clock.advance(Duration::from_mins(59));
    assert_eq!(seen_by_maker(&world, &open).await, ("expired".to_owned(), String::new()), "lazily");
    assert_eq!(sweep::sweep(&world.app).await.unwrap(), 1);
    assert_eq!(seen_by_maker(&world, &open).await, ("expired".to_owned(), "not_finished".to_owned()));
    assert_eq!(seen_by_maker(&world, &held).await.0, "awaiting_confirmation", "a key that came has a day");
    world.clock.advance(Duration::from_hours(23));
    assert_eq!(sweep::sweep(&world.app).await.unwrap(), 1);
    assert_eq!(seen_by_maker(&world, &held).await, ("failed".to_owned(), "not_confirmed".to_owned()));
    assert_eq!(world.happened("attempt.expired").await, ["attempt.expired not_finished cartkey"]);
    assert_eq!(world.happened("attempt.failed").await, ["attempt.failed not_confirmed cartkey"]);
    let before = rows(&world.app.db).await;
    assert_eq!(sweep::sweep(&world.replica().await).await.unwrap(), 0);
    assert_eq!(rows(&world.app.db).await, before);
    let late = browser.post_form(&format!("{}/confirm", page_of(&callback)), &[]).await;
    assert!(late.text().contains("could not be connected"), "{}", late.text());
    assert!(!super::is_lent(&world, "merchant-1").await);
}
