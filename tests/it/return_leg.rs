//! Return: who returns, what they see, and what changes.

pub mod app_confirms;
mod elsewhere;
mod onward;
mod waiting_page;

use std::time::Duration;

use cartkey::woo::Call;
use hyper::Method;
use hyper::header::{ACCEPT, COOKIE, HeaderValue};
use serde_json::{Value, json};

use crate::callback::{Callback, Posted};
use crate::merchant::{Merchant, Page};
use crate::receive::{opened, rows};
use crate::world::{KEYS, SHOP, World};

/// The attempt's own page.
fn page_of(callback: &Callback) -> String {
    format!("{KEYS}/connect/attempts/{}", callback.attempt)
}

/// The answer to `browser`'s cookie at `url`, which may be another front of this Cartkey.
async fn shown(world: &World, browser: &Merchant, url: &str, accept: &'static str) -> Posted {
    let cookie = browser.cookie("keys.example", "__Host-cartkey").unwrap_or("none");
    let cookie = HeaderValue::from_str(&format!("__Host-cartkey={cookie}")).unwrap();
    let headers = vec![(COOKIE, cookie), (ACCEPT, HeaderValue::from_static(accept))];
    let call =
        Call { method: Method::GET, url, headers, body: Vec::new(), within: Duration::from_secs(30), at_most: 1 << 20 };
    let reply = world.client().send(call).await.expect("an answer");
    let body = String::from_utf8_lossy(&reply.body).into_owned();
    Posted { status: reply.status.as_u16(), headers: reply.headers, body }
}

/// The attempt's status, as its page's script receives it.
async fn polled(world: &World, browser: &Merchant, callback: &Callback) -> Value {
    let answer = shown(world, browser, &page_of(callback), "application/json").await;
    assert_eq!((answer.status, answer.headers["content-type"].to_str().unwrap()), (200, "application/json"));
    serde_json::from_str(&answer.body).unwrap()
}

/// Whether the keys of `user_id` can be read.
async fn is_lent(world: &World, user_id: &str) -> bool {
    let answer = world.service("keys:read").await.get(&format!("/users/{user_id}/keys")).await;
    assert!(answer.status == 200 || answer.problem() == (404, "not_found"), "{answer:?}");
    answer.status == 200
}

/// The status and reason of the link's newest attempt, as its creator sees them.
async fn seen_by_maker(world: &World, link: &str) -> (String, String) {
    let link = world.service("links:write").await.get(&format!("/links/{link}")).await.ok();
    let text = |name: &str| link["attempt"][name].as_str().unwrap_or_default().to_owned();
    (text("status"), text("reason"))
}

/// Begins for merchant-1 with a link that has the fields `more`, and stops before the browser goes to the store.
async fn begun(world: &World, browser: &mut Merchant, more: Value) -> (String, Page, Callback) {
    let (id, link) = world.link("merchant-1", more).await;
    let sent = world.begin(browser, &link).await;
    let callback = Callback::of(&sent);
    (id, sent, callback)
}

#[tokio::test]
async fn the_browser_that_began_comes_back_and_the_state_leaves_its_address_bar() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, sent, callback) = begun(&world, &mut browser, json!({})).await;
    let page = browser.approve_on(sent).await;
    assert_eq!(page.url.as_str(), page_of(&callback), "{}", page.text());
    assert!(!is_lent(&world, "merchant-1").await, "not before it is proven");
    world.prove().await;
    assert!(is_lent(&world, "merchant-1").await);
}

/// Link checkers and previews send HEAD; browsers may fetch a page in advance.
#[tokio::test]
async fn a_program_that_only_looks_at_the_return_address_changes_nothing() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (id, sent, callback) = begun(&world, &mut browser, json!({})).await;
    for url in [callback.approved(), callback.denied(), format!("{}/go-on", page_of(&callback))] {
        let looked = crate::callback::ask(&world, Method::HEAD, &url, "text/plain", Vec::new()).await;
        assert_eq!(looked.status, 200, "{url}");
        assert!(looked.headers.get("set-cookie").is_none());
        let mut ahead = world.merchant();
        ahead.header("sec-purpose", "prefetch;prerender");
        assert_eq!(ahead.get(&url).await.status, 503, "{url}");
    }
    assert_eq!(seen_by_maker(&world, &id).await.0, "open");
    browser.approve_on(sent).await;
    world.prove().await;
    assert!(is_lent(&world, "merchant-1").await, "the return confirmed it, and nobody came back elsewhere");
}

#[tokio::test]
async fn deny_ends_the_attempt_and_offers_another() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (id, sent, _) = begun(&world, &mut browser, json!({})).await;
    let page = browser.deny(&sent.refresh().unwrap()).await;
    assert!(page.text().contains("You pressed Deny Nothing was connected."), "{}", page.text());
    assert_eq!(seen_by_maker(&world, &id).await, ("denied".to_owned(), "denied".to_owned()));
    assert_eq!(world.happened("attempt.denied").await, ["attempt.denied denied merchant"]);
    assert!(page.link("Try again").is_some());
    assert!(world.shop.keys().is_empty());
}

#[tokio::test]
async fn a_return_without_a_key_says_what_to_do_also_without_javascript() {
    let world = World::new().await;
    world.shop.switch(|s| s.callback_swallowed = true);
    let mut browser = world.merchant();
    let (_, sent, callback) = begun(&world, &mut browser, json!({})).await;
    let mut page = browser.approve_on(sent).await;
    for _ in 0..2 {
        assert!(page.text().contains("We did not receive a key"), "{}", page.text());
        assert!(page.text().contains("revoke the newest “Acme Shipping” key"), "{}", page.text());
        assert!(page.text().contains("let the store's server reach https://keys.example without redirects"));
        assert!(page.link("Try again").is_some());
        // What the refresh of a browser without scripts shows next.
        page = browser.follow(&page, &page.refresh().expect("it renews itself")).await;
    }
    assert_eq!(polled(&world, &browser, &callback).await["status"], "open");
    // A key that comes after all is taken.
    assert_eq!(callback.post(&world, &callback.body(1)).await, 200);
    let page = browser.follow(&page, &page.refresh().unwrap()).await;
    assert!(page.text().contains("The key has arrived,"), "{}", page.text());
}

/// docs/protocol/threats.md 10: forged parameters in an address change nothing and reveal nothing.
#[tokio::test]
async fn a_return_with_a_wrong_state_or_without_the_cookie_learns_nothing() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, callback) = opened(&world, &mut browser, "merchant-1", SHOP).await;
    assert_eq!(callback.post(&world, &callback.body(1)).await, 200);
    let mut stranger = world.merchant();
    let unknown = callback.return_url.replace(&callback.attempt[callback.attempt.len() - 4..], "0000");
    let mut told = Vec::new();
    for url in [&callback.return_url, &unknown, &format!("{KEYS}/connect/return/x")] {
        for query in ["", "?success=1", "?success=0&user_id=", "?success=1&user_id=AAAA", "?user_id=%ff"] {
            let page = stranger.get(&format!("{url}{query}")).await;
            assert_eq!(page.status, 404, "{url}{query}");
            told.push(page.text().split("rq_").next().unwrap().to_owned());
        }
    }
    told.dedup();
    assert_eq!(told.len(), 1, "unknown or not yours: the same page {told:?}");
    assert!(told[0].contains("This page opens only in the browser where you started"), "{told:?}");
    // Not even the browser that began confirms without the state, or denies.
    for query in ["", "?success=1", "?success=0", "?success=1&user_id=AAAA", "?success=0&user_id=AAAA"] {
        let page = browser.get(&format!("{}{query}", callback.return_url)).await;
        assert!(page.text().contains("The key has arrived,"), "{query}: {}", page.text());
    }
    world.prove().await;
    assert_eq!(polled(&world, &browser, &callback).await["status"], "proving");
    assert!(!is_lent(&world, "merchant-1").await);
}

#[tokio::test]
async fn nothing_that_comes_back_creates_anything() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, callback) = opened(&world, &mut browser, "merchant-1", SHOP).await;
    let before = rows(&world.app.db).await;
    let mut stranger = world.merchant();
    for _ in 0..3 {
        for visitor in [&mut stranger, &mut browser] {
            visitor.get(&callback.approved()).await;
            visitor.get(&page_of(&callback)).await;
            visitor.post_form(&format!("{}/confirm", page_of(&callback)), &[]).await;
            visitor.get(&format!("{}/again", page_of(&callback))).await;
        }
    }
    assert_eq!(polled(&world, &browser, &callback).await["status"], "open");
    browser.get(&callback.denied()).await;
    let after = rows(&world.app.db).await;
    assert_eq!(after[..2], before[..2], "no grant, no attempt");
    assert_eq!(world.prove().await, 0);
    assert!(world.service("stores:read").await.get("/stores").await.ok()["data"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn an_approval_whose_browser_was_closed_is_asked_about() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (id, callback) = {
        let (id, sent, callback) = begun(&world, &mut browser, json!({})).await;
        // The store is open in a window that is closed before it has answered.
        let mut window = world.merchant();
        window.approve(&sent.refresh().unwrap()).await;
        (id, callback)
    };
    world.prove().await;
    assert_eq!(seen_by_maker(&world, &id).await.0, "proving", "our 200 may not have arrived");
    world.pass(Duration::from_secs(75)).await;
    assert_eq!(seen_by_maker(&world, &id).await.0, "awaiting_confirmation");
    let page = browser.get(&page_of(&callback)).await;
    assert!(page.text().contains("Did you approve this?"), "{}", page.text());
    assert!(!is_lent(&world, "merchant-1").await);
    let page = browser.submit(&page, "Yes, connect it", &[]).await;
    assert!(page.text().contains("shop.example is connected"), "{}", page.text());
    assert!(is_lent(&world, "merchant-1").await);
}
