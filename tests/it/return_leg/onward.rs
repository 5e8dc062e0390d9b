//! Back to the application: only to allowed origins, with the outcome.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::{begun, page_of, shown};
use crate::merchant::Page;
use crate::world::World;

const BACK: &str = "https://app.example/stores/new?tab=2&x=%26#top";

#[tokio::test]
async fn a_link_returns_only_to_allowed_origins() {
    let world = World::with(
        &[("CARTKEY_RETURN_ORIGINS", "https://app.example,https://b.example:8443")],
        cartkey::demo::pretend_store::Switches::default(),
    )
    .await;
    let service = world.service("links:write").await;
    for (url, allowed) in [
        (BACK, true),
        ("https://b.example:8443/", true),
        ("https://APP.example/", true),
        ("https://b.example/", false),
        ("http://app.example/", false),
        ("https://app.example.evil.example/", false),
        ("https://app.example@evil.example/", false),
        ("https://evil.example/?https://app.example", false),
        ("//app.example/", false),
        ("javascript:alert(1)//https://app.example", false),
        ("/stores", false),
    ] {
        let answer = service.post("/links", &json!({"user_id": "u", "return_url": url})).await;
        if allowed {
            assert_eq!(answer.status, 201, "{url}");
        } else {
            assert_eq!((answer.problem(), answer.text("field")), ((422, "invalid_request"), "return_url"), "{url}");
        }
    }
}

fn onward(page: &Page, label: &str) -> String {
    page.link(label).unwrap_or_else(|| panic!("no {label:?}: {}", page.text()))
}

#[tokio::test]
async fn connected_leads_on_with_status_user_and_store() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, sent, _) = begun(&world, &mut browser, json!({"return_url": BACK})).await;
    let page = browser.approve_on(sent).await;
    assert!(page.link("Continue to Acme Shipping").is_none(), "not before");
    world.prove().await;
    let page = browser.get(page.url.as_str()).await;
    let store = world.service("keys:read").await.get("/users/merchant-1/keys").await.ok();
    let id = store["store_id"].as_str().unwrap();
    let expected =
        format!("https://app.example/stores/new?tab=2&x=%26&status=connected&user_id=merchant-1&store_id={id}#top");
    assert_eq!(onward(&page, "Continue to Acme Shipping"), expected);
}

#[tokio::test]
async fn every_other_end_leads_back_too_beside_trying_again() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let back = |status: &str| format!("https://app.example/r?status={status}&user_id=merchant-1");
    let more = || json!({"return_url": "https://app.example/r", "expires_in": 7200});

    let (_, sent, _) = begun(&world, &mut browser, more()).await;
    let page = browser.deny(&sent.refresh().unwrap()).await;
    assert_eq!(onward(&page, "Back to Acme Shipping"), back("denied"));
    assert!(page.link("Try again").is_some());

    let (_, _, callback) = begun(&world, &mut browser, more()).await;
    let page = browser.get(&page_of(&callback)).await;
    assert!(page.link("Back to Acme Shipping").is_none(), "not while it is open");
    world.clock.advance(Duration::from_hours(1));
    let page = browser.get(&page_of(&callback)).await;
    assert_eq!(onward(&page, "Back to Acme Shipping"), back("expired"));

    world.shop.switch(|s| s.insert_fails = true);
    let (_, sent, _) = begun(&world, &mut browser, more()).await;
    let page = browser.approve_on(sent).await;
    assert_eq!(onward(&page, "Back to Acme Shipping"), back("failed"));
}

#[tokio::test]
async fn an_origin_that_is_taken_off_the_list_takes_the_button_with_it() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, sent, callback) = begun(&world, &mut browser, json!({"return_url": BACK})).await;
    browser.approve_on(sent).await;
    world.prove().await;
    let front = world.also(|app| Arc::make_mut(&mut app.site).return_origins.clear()).await;
    let page = shown(&world, &browser, &format!("{front}/connect/attempts/{}", callback.attempt), "text/html").await;
    assert!(page.body.contains("shop.example is connected") && page.body.contains("You can close this page"));
    assert!(!page.body.contains("app.example"), "{}", page.body);
    // Without a return_url there is no way on either, and nothing is made up.
    let (_, sent, callback) = begun(&world, &mut browser, json!({})).await;
    browser.approve_on(sent).await;
    world.prove().await;
    assert!(browser.get(&page_of(&callback)).await.link("Continue to Acme Shipping").is_none());
}
