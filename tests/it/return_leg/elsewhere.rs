//! A return in another browser than the one that began the attempt (docs/protocol/threats.md 7).

use std::time::Duration;

use cartkey::flow::dashboard::history;
use serde_json::json;

use super::{begun, is_lent, page_of, polled, seen_by_maker};
use crate::callback::Callback;
use crate::merchant::{Merchant, Page};
use crate::world::{KEYS, World};

/// One person begins and sends the approval address to another, who approves. Returns both and the second one's page.
async fn approved_elsewhere(world: &World) -> (String, Merchant, Merchant, Page, Callback) {
    let mut first = world.merchant();
    let (id, sent, callback) = begun(world, &mut first, json!({"account_label": "Cups Ltd"})).await;
    let mut second = world.merchant();
    let page = second.approve(&sent.refresh().unwrap()).await;
    (id, first, second, page, callback)
}

/// Who confirmed, as shown to operators.
async fn confirmer(world: &World, callback: &Callback) -> Option<String> {
    let attempt = callback.attempt.parse().unwrap();
    history::of_attempt(&world.app, &attempt).await.unwrap().expect("an attempt").approval.confirmed_by
}

fn last7(world: &World) -> String {
    let key = world.shop.keys()[0].consumer_key.clone();
    key[key.len() - 7..].to_owned()
}

#[tokio::test]
async fn an_approval_in_another_browser_is_held_until_the_first_confirms() {
    let world = World::new().await;
    let (id, mut first, mut second, page, callback) = approved_elsewhere(&world).await;
    assert!(page.text().contains("This approval was started elsewhere"), "{}", page.text());
    assert!(
        page.text().contains(
            "Someone started connecting shop.example to Acme Shipping in another browser. Nothing is connected yet."
        ),
        "{}",
        page.text()
    );
    assert!(page.text().contains("Cups Ltd"), "and whose account it would go to: {}", page.text());
    world.prove().await;
    world.pass(Duration::from_secs(75)).await;
    assert_eq!(seen_by_maker(&world, &id).await.0, "awaiting_confirmation");
    assert!(!is_lent(&world, "merchant-1").await, "a key in quarantine is lent to nobody");
    // The one who approved cannot confirm.
    let refused = second.post_form(&format!("{}/confirm", page_of(&callback)), &[]).await;
    assert_eq!(refused.status, 404);
    assert!(!is_lent(&world, "merchant-1").await);
    let page = first.get(&page_of(&callback)).await;
    assert!(page.text().contains("Did you approve this? The key of shop.example works"), "{}", page.text());
    let page = first.submit(&page, "Yes, connect it", &[]).await;
    assert!(page.text().contains("shop.example is connected"), "{}", page.text());
    assert!(is_lent(&world, "merchant-1").await);
    let again = first.post_form(&format!("{}/confirm", page_of(&callback)), &[]).await;
    assert!(again.text().contains("shop.example is connected"), "twice is the same as once");
}

#[tokio::test]
async fn this_was_not_me_throws_the_key_away_and_names_it() {
    let world = World::new().await;
    let (id, mut first, mut second, page, callback) = approved_elsewhere(&world).await;
    let page = second.submit(&page, "This was not me", &[]).await;
    assert!(page.text().contains("The key was discarded"), "{}", page.text());
    assert!(page.text().contains(&format!("revoke the key that ends in …{}", last7(&world))), "{}", page.text());
    let keys_page = page.link("View the keys of shop.example").unwrap();
    assert!(keys_page.starts_with("https://shop.example/wp-admin/admin.php?page=wc-settings"), "{keys_page}");
    assert_eq!(seen_by_maker(&world, &id).await, ("failed".to_owned(), "disowned".to_owned()));
    assert_eq!(world.happened("attempt.failed").await, ["attempt.failed disowned merchant"]);
    world.prove().await;
    world.pass(Duration::from_secs(75)).await;
    assert!(!world.shop.requests().iter().any(|r| r.target.contains("wc/v3/")), "it is not even tried");
    first.post_form(&format!("{}/confirm", page_of(&callback)), &[]).await;
    let page = first.get(&page_of(&callback)).await;
    assert!(page.text().contains("The key was discarded shop.example is not connected"), "{}", page.text());
    assert!(!is_lent(&world, "merchant-1").await);
}

#[tokio::test]
async fn a_browser_that_reports_nothing_about_its_form_throws_it_away_with_the_state_alone() {
    let world = World::new().await;
    let (id, _, mut second, page, callback) = approved_elsewhere(&world).await;
    second.without("sec-fetch-site");
    second.header("origin", "null");
    let refused = second.post_form(&format!("{}/disown", page_of(&callback)), &[]).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    let page = second.submit(&page, "This was not me", &[]).await;
    assert!(page.text().contains("The key was discarded"), "{}", page.text());
    assert_eq!(seen_by_maker(&world, &id).await.1, "disowned");
}

#[tokio::test]
async fn the_first_browser_may_throw_it_away_as_well() {
    let world = World::new().await;
    let (id, mut first, _, _, callback) = approved_elsewhere(&world).await;
    world.pass(Duration::from_secs(75)).await;
    let page = first.get(&page_of(&callback)).await;
    let page = first.submit(&page, "No, discard the key", &[]).await;
    assert!(page.text().contains(&last7(&world)), "{}", page.text());
    assert_eq!(seen_by_maker(&world, &id).await.1, "disowned");
}

/// The first person also holds the state and can return first. The store's own redirect comes before the key is tried.
#[tokio::test]
async fn a_first_browser_that_hurries_back_is_put_on_hold_again() {
    let world = World::new().await;
    let mut first = world.merchant();
    let (id, sent, callback) = begun(&world, &mut first, json!({})).await;
    assert_eq!(callback.post(&world, &callback.body(1)).await, 200);
    first.get(&callback.approved()).await;
    assert_eq!(confirmer(&world, &callback).await.as_deref(), Some("merchant"));
    let mut second = world.merchant();
    let page = second.approve(&sent.refresh().unwrap()).await;
    assert!(page.text().contains("This approval was started elsewhere"), "{}", page.text());
    assert_eq!(confirmer(&world, &callback).await, None, "what was taken back is not said to operators");
    first.get(&callback.approved()).await;
    world.prove().await;
    world.pass(Duration::from_secs(75)).await;
    assert_eq!(seen_by_maker(&world, &id).await.0, "awaiting_confirmation");
    assert!(!is_lent(&world, "merchant-1").await);
    second.submit(&page, "This was not me", &[]).await;
    assert_eq!(polled(&world, &first, &callback).await["reason"], "disowned");
}

#[tokio::test]
async fn who_comes_too_late_is_told_the_truth_and_what_is_left_to_do() {
    let world = World::new().await;
    let (_, mut first, mut second, early, callback) = approved_elsewhere(&world).await;
    world.pass(Duration::from_secs(75)).await;
    let page = first.get(&page_of(&callback)).await;
    first.submit(&page, "Yes, connect it", &[]).await;
    let pressed = second.submit(&early, "This was not me", &[]).await;
    // Somebody who sees the page only now must not read that nothing is connected.
    let late = second.get(&callback.approved()).await;
    assert_eq!(pressed.text(), late.text());
    assert!(!late.text().contains("Nothing is connected yet"), "{}", late.text());
    assert!(late.text().contains("The store is now connected.") && late.text().contains("revoke"), "{}", late.text());
    assert!(late.link("View the keys of shop.example").is_some() && late.form("This was not me").is_none());
}

#[tokio::test]
async fn a_form_from_another_site_neither_confirms_nor_disowns() {
    let world = World::new().await;
    let (id, mut first, _, _, callback) = approved_elsewhere(&world).await;
    world.pass(Duration::from_secs(75)).await;
    for action in ["confirm", "disown"] {
        let mut evil = first.get("https://other.example/").await;
        let (url, state) = (page_of(&callback), &callback.state);
        evil.body = format!(
            "<form method=post action=\"{url}/{action}\"><input name=state value=\"{state}\"><button>Go</button></form>"
        );
        let page = first.submit(&evil, "Go", &[]).await;
        assert_eq!(page.status, 403, "{action}");
    }
    assert_eq!(seen_by_maker(&world, &id).await.0, "awaiting_confirmation");
    let mut stranger = world.merchant();
    let url = format!("{KEYS}/connect/attempts/{}/disown", callback.attempt);
    for fields in [&[][..], &[("state", "AAAA")]] {
        assert_eq!(stranger.post_form(&url, fields).await.status, 404, "only who holds the state or began");
    }
    assert_eq!(seen_by_maker(&world, &id).await.0, "awaiting_confirmation");
}
