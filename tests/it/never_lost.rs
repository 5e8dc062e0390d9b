//! The merchant is never lost: every form leads to a page of its own, a link knows its state, the wait is honest, and what is
//! approved is said beforehand in the store's words.

use std::time::Duration;

use cartkey::demo::pretend_store::Switches;
use cartkey::domain::actor::Actor;
use cartkey::domain::scope::Scope;
use cartkey::flow::{connecting::by_hand, dashboard::overview};
use serde_json::json;

use crate::callback::Callback;
use crate::database::column;
use crate::merchant::{Merchant, Page, html};
use crate::world::{KEYS, SHOP, World};

/// The page at the address that a form led to says the same when it is opened again, as Back and a reload do.
async fn is_a_page_of_its_own(browser: &mut Merchant, page: &Page) {
    let again = browser.get(page.url.as_str()).await;
    let text = |page: &Page| page.text().split("rq_").next().unwrap_or_default().to_owned();
    assert_eq!((again.status, text(&again)), (page.status, text(page)), "{}", page.url);
}

#[tokio::test]
async fn what_a_form_answered_is_there_again_when_its_page_is_opened_again() {
    let world = World::new().await;
    by_hand::allow(&world.app, true, &Actor::cli()).await.unwrap();
    let mut browser = world.merchant();
    let (_, link) = world.link("m", json!({"store_url": null})).await;
    let form = browser.get(&link).await;
    let wrong = browser.submit(&form, "Connect store", &[("store_url", "me:secret@127.0.0.1")]).await;
    assert!(wrong.text().contains("Remove the part before the @ sign"), "{}", wrong.text());
    assert!(!wrong.url.as_str().contains("secret") && !wrong.body.contains("secret"), "{}", wrong.url);
    is_a_page_of_its_own(&mut browser, &wrong).await;

    let page = browser.get(&format!("{link}/by-hand")).await;
    let values = [("store_url", SHOP), ("consumer_key", "cs_x"), ("consumer_secret", "")];
    let wrong = browser.submit(&page, "Connect store", &values).await;
    assert!(wrong.text().contains("Paste the consumer secret here"), "{}", wrong.text());
    assert!(!wrong.url.as_str().contains("cs_x") && !wrong.body.contains("cs_x"), "{}", wrong.url);
    is_a_page_of_its_own(&mut browser, &wrong).await;

    world.shop.switch(|s| s.maintenance = true);
    let stopped = browser.submit(&form, "Connect store", &[("store_url", SHOP)]).await;
    assert!(stopped.text().contains("maintenance mode"), "{}", stopped.text());
    is_a_page_of_its_own(&mut browser, &stopped).await;
    let key = world.shop.issue_key("admin", Scope::ReadWrite);
    let values = [("store_url", SHOP), ("consumer_key", &key.consumer_key), ("consumer_secret", &key.consumer_secret)];
    let stopped = browser.submit(&page, "Connect store", &values).await;
    assert!(stopped.text().contains("maintenance mode"), "{}", stopped.text());
    is_a_page_of_its_own(&mut browser, &stopped).await;

    world.shop.switch(|s| (s.maintenance, s.notices) = (false, true));
    let warned = browser.submit(&form, "Connect store", &[("store_url", SHOP)]).await;
    assert!(warned.form("Continue anyway").is_some(), "{}", warned.text());
    is_a_page_of_its_own(&mut browser, &warned).await;
    let sent = browser.submit(&warned, "Continue anyway", &[]).await;
    assert!(sent.text().contains("Taking you to shop.example"), "{}", sent.text());
    is_a_page_of_its_own(&mut browser, &sent).await;
    // Another address has not been warned of yet.
    let other = browser.submit(&warned, "Continue anyway", &[("store_url", "www.shop.example")]).await;
    assert!(other.form("Continue anyway").is_some(), "{}", other.text());
}

/// In a browser, Back from the store leads to the attempt's page; tests/browser shows how.
#[tokio::test]
async fn the_attempts_page_knows_the_way_to_the_store_and_what_stores_say() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, link) = world.link("m", json!({})).await;
    let sent = world.begin(&mut browser, &link).await;
    let callback = Callback::of(&sent);
    let page = browser.get(&format!("{KEYS}/connect/attempts/{}", callback.attempt)).await;
    assert!(page.text().contains("Waiting for shop.example"), "{}", page.text());
    assert!(page.body.contains("<details class=\"ruled\" open>"), "the help is open");
    assert!(page.text().contains("“Invalid nonce verification”"), "{}", page.text());
    assert_eq!(page.link("Continue to shop.example"), sent.refresh(), "with the same state");
    let back = browser.click(&page, "Continue to shop.example").await;
    let back = browser.approve_on(back).await;
    world.prove().await;
    is_connected(&browser.get(back.url.as_str()).await);
}

fn is_connected(page: &Page) {
    assert!(page.text().contains("shop.example is connected"), "{}", page.text());
}

#[tokio::test]
async fn a_link_opened_again_shows_what_became_of_it() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, link) = world.link("m", json!({"return_url": "https://app.example/done"})).await;
    let sent = world.begin(&mut browser, &link).await;
    let mut phone = world.merchant();
    let news = async |phone: &mut Merchant, says: &str, button: &str| {
        let page = phone.get(&link).await;
        assert!(page.text().contains(says) && page.form(button).is_some(), "{says}: {}", page.text());
    };
    let page = browser.get(&link).await;
    assert!(page.text().contains("Waiting for shop.example"), "{}", page.text());
    news(&mut phone, "Someone used this link in another browser", "Start here").await;

    browser.deny(&sent.refresh().unwrap()).await;
    let page = browser.get(&link).await;
    assert!(page.text().contains("You pressed Deny") && page.link("Try again").is_some(), "{}", page.text());
    news(&mut phone, "The approval was denied on shop.example", "Start here").await;

    world.clock.advance(Duration::from_secs(1));
    let sent = world.begin(&mut browser, &link).await;
    browser.approve_on(sent).await;
    let page = browser.get(&link).await;
    assert!(page.text().contains("Connecting shop.example"), "{}", page.text());
    news(&mut phone, "its key is being tested", "Start here").await;

    world.prove().await;
    is_connected(&browser.get(&link).await);
    news(&mut phone, "There is nothing left to do.", "Connect another store").await;
    world.clock.advance(Duration::from_hours(1));
    is_connected(&browser.get(&link).await);
    let page = phone.get(&link).await;
    assert!(
        page.text().contains("already connected shop.example to Acme Shipping"),
        "its time is over: {}",
        page.text()
    );
    assert!(page.form("Connect").is_none() && page.link("Continue to Acme Shipping").is_some(), "{}", page.text());
}

#[tokio::test]
async fn a_withdrawn_link_tells_nobody_else_what_became_of_it() {
    let world = World::new().await;
    let (id, link) = world.link("m", json!({})).await;
    let mut browser = world.merchant();
    let sent = world.begin(&mut browser, &link).await;
    browser.approve_on(sent).await;
    world.prove().await;
    let mut ann = world.operator().await;
    let page = ann.get(&format!("/admin/links/{id}/withdraw")).await;
    ann.submit(&page, "Withdraw", &[]).await;
    is_connected(&browser.get(&link).await);
    assert_eq!(world.merchant().get(&link).await.status, 404);
}

#[tokio::test]
async fn nothing_that_began_with_a_link_leads_to_the_open_page() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, link) = world.link("m", json!({})).await;
    let sent = world.begin(&mut browser, &link).await;
    let attempt = format!("{KEYS}/connect/attempts/{}", Callback::of(&sent).attempt);
    let leads_there =
        |page: &Page| html::elements(&page.body, "a").iter().any(|a| a.attribute("href") == Some("/connect"));
    let mut stranger = world.merchant();
    for url in [attempt.clone(), format!("{attempt}/go-on"), format!("{KEYS}/connect/return/x"), format!("{link}/x")] {
        let page = stranger.get(&url).await;
        assert!(page.status == 404 && !leads_there(&page), "{url}: {}", page.text());
    }
    for _ in 0..30 {
        world.begin(&mut browser, &link).await;
    }
    let page = world.begin(&mut browser, &link).await;
    assert!(page.status == 429 && !leads_there(&page), "{}", page.text());
    is_a_page_of_its_own(&mut browser, &page).await;
    let page = browser.click(&page, "Try again").await;
    assert!(page.url.path().starts_with("/connect/attempts/"), "{}", page.url);
}

#[tokio::test]
async fn while_a_key_cannot_be_tested_the_page_says_why_and_tries_more_often_while_it_is_looked_at() {
    let world = World::with(&[], Switches::default()).await;
    by_hand::allow(&world.app, true, &Actor::cli()).await.unwrap();
    let (mut browser, page, link) = world.approved("m", json!({})).await;
    world.shop.switch(|s| s.server_error = true);
    world.prove().await;
    // The maker of the link and the operator see it at once.
    assert_eq!(world.stands(&link).await, ("proving".to_owned(), "server_error".to_owned()));
    let seen = overview::look(&world.app).await.unwrap();
    assert_eq!(seen.untested.len(), 1);
    let mut ann = world.operator().await;
    let text = ann.get("/admin").await.text();
    assert!(text.contains("Key cannot be tested yet shop.example answered with a server error."), "{text}");

    let page = browser.get(page.url.as_str()).await;
    assert!(page.text().contains("The key of shop.example could not be tested yet"), "{}", page.text());
    assert!(page.text().contains("answered with a server error") && page.text().contains("For support: server_error"));
    assert!(page.link("Connect manually").is_some() && page.link("Start over").is_some(), "{}", page.text());
    // The second try of an unwatched page would follow after 30 s, the third after 75 s.
    for _ in 0..3 {
        assert_eq!(world.pass(Duration::from_secs(5)).await, 1);
        browser.get(page.url.as_str()).await;
    }
    let page = browser.submit(&page, "Try now", &[]).await;
    assert_eq!(world.pass(Duration::ZERO).await, 1, "{}", page.text());
    assert_eq!(world.pass(Duration::from_secs(5)).await, 0, "nobody has looked since");
    world.shop.switch(|s| s.server_error = false);
    browser.submit(&page, "Try now", &[]).await;
    assert_eq!(world.pass(Duration::ZERO).await, 1);
    is_connected(&browser.get(page.url.as_str()).await);
    assert!(overview::look(&world.app).await.unwrap().untested.is_empty());
}

#[tokio::test]
async fn looking_brings_a_bounded_number_of_tries_forward_and_none_of_the_usual_ones_is_lost() {
    let world = World::new().await;
    let (mut browser, page, link) = world.approved("m", json!({})).await;
    world.shop.switch(|s| s.server_error = true);
    world.prove().await;
    let mut tries = 0;
    for _ in 0..100 {
        browser.get(page.url.as_str()).await;
        tries += world.pass(Duration::from_secs(5)).await;
    }
    assert!((40..48).contains(&tries), "{tries}");
    assert_eq!(column(&world.app.db, "SELECT CAST(hastened AS TEXT) FROM grants").await, ["40"]);
    assert_eq!(world.stands(&link).await.0, "proving");
    for hours in [1, 1, 1] {
        world.pass(Duration::from_hours(hours)).await;
    }
    assert_eq!(world.stands(&link).await.0, "failed", "in the end");

    // A store that asks for fewer requests gets them, whoever looks.
    let (mut browser, page, _) = world.approved("n", json!({})).await;
    world.shop.switch(|s| (s.server_error, s.rate_limited) = (false, Some(300)));
    world.prove().await;
    browser.get(page.url.as_str()).await;
    assert_eq!(world.pass(Duration::from_mins(1)).await, 0);
}

/// The permissions that a page lists.
fn listed(page: &Page) -> Vec<String> {
    html::elements(&page.body, "ul")
        .iter()
        .find_map(|list| {
            let items: Vec<String> = html::elements(&list.inside, "li").iter().map(html::Element::text).collect();
            items.iter().any(|item| item.contains("coupons")).then_some(items)
        })
        .unwrap_or_default()
}

#[tokio::test]
async fn what_will_be_approved_is_listed_as_the_store_lists_it() {
    let world = World::new().await;
    let mut browser = world.merchant();
    for scope in ["read", "write", "read_write"] {
        let (_, link) = world.link("m", json!({"scope": scope, "account_label": "Cups Ltd"})).await;
        let before = browser.get(&link).await;
        assert!(before.text().contains("only Acme Shipping can use it"), "{}", before.text());
        let sent = world.begin(&mut browser, &link).await;
        assert!(sent.text().contains("Cups & Plates shop.example"), "the store's own name: {}", sent.text());
        let target = sent.refresh().unwrap();
        let mut asked = browser.follow(&sent, &target).await;
        if asked.form("Login").is_some() {
            asked = browser.submit(&asked, "Login", &[("username", "admin"), ("password", "demo")]).await;
        }
        let at_the_store = listed(&asked);
        assert!(at_the_store.len() >= 4, "{}", asked.text());
        assert_eq!((listed(&before), listed(&sent)), (at_the_store.clone(), at_the_store), "{scope}");
    }
}

#[tokio::test]
async fn a_reconnect_says_why_it_is_needed() {
    let world = World::new().await;
    world.connect("m").await;
    let service = world.trusted_service().await;
    let store = service.get("/users/m/keys").await.ok()["store_id"].as_str().unwrap().to_owned();
    let (_, link) = world.link("m", json!({"store_id": store})).await;
    let page = world.merchant().get(&link).await;
    assert!(page.text().contains("The connection to shop.example works now."), "{}", page.text());
    world.shop.revoke(world.shop.keys()[0].key_id);
    service.post(&format!("/stores/{store}/check"), &json!({})).await.ok();
    let page = world.merchant().get(&link).await;
    let why = "Why connect again shop.example no longer accepts the key: it was revoked";
    assert!(page.text().contains(why), "{}", page.text());
    service.delete(&format!("/stores/{store}")).await.ok();
    let page = world.merchant().get(&link).await;
    assert!(page.text().contains("shop.example was disconnected."), "{}", page.text());
}
