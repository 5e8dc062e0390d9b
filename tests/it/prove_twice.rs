//! Prove with several grants, keys, replicas or tries, and with a lost answer to the callback.

use std::time::Duration;

use cartkey::demo::pretend_store::Switches;
use cartkey::domain::actor::Actor;
use cartkey::domain::attempt::Status;
use cartkey::domain::event::Kind;
use cartkey::domain::scope::Scope;
use cartkey::domain::verdict::Verdict;
use cartkey::flow::{connecting::prove, sweep};
use cartkey::storage::attempts::{self, Ending, Still};
use cartkey::storage::{events, grants};
use serde_json::json;

use crate::database::{change, column};
use crate::merchant::Page;
use crate::on_record;
use crate::world::{OTHER, SHOP, World};

/// The number of requests with this key in the Authorization header.
fn asked_with(world: &World, path: &str) -> usize {
    world
        .shop
        .requests()
        .iter()
        .filter(|seen| seen.target.contains(path) && seen.header("authorization").is_some())
        .count()
}

#[tokio::test]
async fn a_key_whose_200_was_lost_is_dead_when_it_is_asked_again_and_is_never_lent() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (link, url) = world.link("m", json!({})).await;
    let sent = world.begin(&mut browser, &url).await;
    let key = world.shop.issue_key("admin", Scope::ReadWrite);
    assert_eq!(world.post_grant(&sent, &key, "read_write").await, 200);
    assert_eq!(world.prove().await, 1, "it works at first");
    assert_eq!(world.stands(&link).await, ("proving".to_owned(), String::new()));
    // WooCommerce waits 60 s for the answer, then deletes the key.
    world.clock.advance(Duration::from_secs(59));
    world.shop.revoke(key.key_id);
    assert_eq!(world.pass(Duration::from_millis(14_999)).await, 0);
    assert_eq!(world.pass(Duration::from_millis(1)).await, 1);
    assert_eq!(world.stands(&link).await, ("failed".to_owned(), "key_rejected".to_owned()));
    assert_eq!(world.service("keys:read").await.get("/users/m/keys").await.problem(), (404, "not_found"));
    assert!(column(&world.app.db, "SELECT id FROM stores").await.is_empty());
    assert!(column(&world.app.db, "SELECT id FROM grants WHERE sealed IS NOT NULL").await.is_empty(), "it is wiped");
}

#[tokio::test]
async fn the_lost_reply_of_a_real_approval_fails_the_attempt() {
    let world = World::with(&[], Switches { lost_reply: true, ..Switches::default() }).await;
    let (mut browser, _, link) = world.approved("m", json!({})).await;
    assert!(world.shop.keys()[0].revoked);
    world.prove().await;
    world.pass(Duration::from_secs(5)).await;
    assert_eq!(world.stands(&link).await, ("failed".to_owned(), "key_rejected".to_owned()));
    let id = column(&world.app.db, "SELECT id FROM attempts").await.remove(0);
    let page = browser.get(&format!("https://keys.example/connect/attempts/{id}")).await;
    assert!(
        page.text().contains("deleted its new key, because our answer did not reach it in time"),
        "{}",
        page.text()
    );
}

#[tokio::test]
async fn a_key_that_lives_at_75_s_waits_for_the_browser_that_began() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (link, url) = world.link("m", json!({})).await;
    let sent = world.begin(&mut browser, &url).await;
    let key = world.shop.issue_key("admin", Scope::ReadWrite);
    world.post_grant(&sent, &key, "read_write").await;
    world.prove().await;
    assert_eq!(world.pass(Duration::from_secs(74)).await, 1);
    assert_eq!(world.stands(&link).await, ("awaiting_confirmation".to_owned(), String::new()));
    assert_eq!(world.service("keys:read").await.get("/users/m/keys").await.problem(), (404, "not_found"));
    let id = column(&world.app.db, "SELECT id FROM attempts").await.remove(0);
    let page = browser.get(&format!("https://keys.example/connect/attempts/{id}")).await;
    let form = page.form("").expect("a button to confirm");
    let button = form.buttons[0].text();
    let done = browser.submit(&page, &button, &[]).await;
    assert!(done.text().contains("shop.example is connected"), "{}", done.text());
    assert_eq!(world.stands(&link).await.0, "connected");
}

#[tokio::test]
async fn of_two_approvals_the_newest_proven_key_wins_and_the_other_is_named() {
    let world = World::new().await;
    let (mut browser, waiting, _) = world.approved("m", json!({})).await;
    world.clock.advance(Duration::from_millis(100));
    browser.approve_again().await;
    world.prove().await;
    world.pass(Duration::from_secs(1)).await;
    let [first, second] = &world.shop.keys()[..] else { panic!("two keys") };
    let keys = world.service("keys:read").await.get("/users/m/keys").await.ok();
    assert_eq!(keys["consumer_key"], second.consumer_key.as_str());
    assert_eq!(keys["key_version"], 1);
    let page = browser.get(waiting.url.as_str()).await;
    assert!(page.text().contains(&first.consumer_key[first.consumer_key.len() - 7..]), "{}", page.text());
    assert!(column(&world.app.db, "SELECT id FROM grants WHERE sealed IS NOT NULL").await.is_empty());
}

#[tokio::test]
async fn a_double_click_makes_one_store_with_one_of_its_two_keys() {
    let world = World::with(&[], Switches { double_approve: true, ..Switches::default() }).await;
    let page = world.connect("m").await;
    let keys = world.service("keys:read").await.get("/users/m/keys").await.ok();
    let issued = world.shop.keys();
    let surplus = issued.iter().find(|key| keys["consumer_key"] != key.consumer_key.as_str()).unwrap();
    assert_eq!(issued.len(), 2);
    assert!(page.text().contains(&surplus.consumer_key[surplus.consumer_key.len() - 7..]), "{}", page.text());
}

#[tokio::test]
async fn the_first_proven_key_wins_not_the_first_received() {
    // T5: somebody who knows state and token posts first; the key is not the store's.
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, url) = world.link("m", json!({})).await;
    let sent = world.begin(&mut browser, &url).await;
    let forged = world.other.issue_key("admin", Scope::ReadWrite);
    assert_eq!(world.post_grant(&sent, &forged, "read_write").await, 200);
    let waiting = browser.approve_on(sent).await;
    world.prove().await;
    world.pass(Duration::from_secs(5)).await;
    let page = browser.get(waiting.url.as_str()).await;
    assert!(page.text().contains("shop.example is connected"), "{}", page.text());
    let keys = world.service("keys:read").await.get("/users/m/keys").await.ok();
    assert_eq!(keys["consumer_key"], world.shop.keys()[0].consumer_key.as_str());
}

#[tokio::test]
async fn a_key_of_another_store_is_tried_only_at_the_store_of_the_attempt() {
    // F6: nothing in the callback says which store it is from.
    let world = World::new().await;
    let mut browser = world.merchant();
    let (link, url) = world.link("m", json!({})).await;
    let sent = world.begin(&mut browser, &url).await;
    let crossed = world.other.issue_key("admin", Scope::ReadWrite);
    world.post_grant(&sent, &crossed, "read_write").await;
    world.prove().await;
    world.pass(Duration::from_secs(5)).await;
    assert_eq!(world.stands(&link).await, ("failed".to_owned(), "key_rejected".to_owned()));
    assert!(world.other.requests().is_empty(), "the other store never hears of it");
}

#[tokio::test]
async fn a_reconnect_keeps_the_store_and_retires_its_former_key() {
    let world = World::new().await;
    world.connect("m").await;
    let service = world.trusted_service().await;
    let before = service.get("/users/m/keys").await.ok();
    let id = before["store_id"].as_str().unwrap().to_owned();
    let (_, _, link) = world.approved("m", json!({"store_id": id})).await;
    world.prove().await;
    assert_eq!(world.stands(&link).await.0, "connected");
    let after = service.get("/users/m/keys").await.ok();
    assert_eq!((after["store_id"].as_str(), after["key_version"].as_i64()), (Some(id.as_str()), Some(2)));
    assert_eq!(after["consumer_key"], world.shop.keys()[1].consumer_key.as_str());
    let db = &world.app.db;
    let retired = "SELECT CAST(version AS TEXT) FROM keys WHERE sealed IS NULL AND retired_at IS NOT NULL";
    assert_eq!(column(db, retired).await, ["1"]);
    assert_eq!(column(db, "SELECT CAST(version AS TEXT) FROM keys WHERE sealed IS NOT NULL").await, ["2"]);
    let kinds = "SELECT kind FROM events WHERE store_id IS NOT NULL ORDER BY seq";
    assert_eq!(column(db, kinds).await, ["store.connected", "store.reconnected", "key.rotated"]);
}

/// Reconnects by a link of a service; returns the merchant's final page.
async fn connected_again(world: &World) -> Page {
    let id = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    let (mut browser, page, _) = world.approved("m", json!({"store_id": id})).await;
    world.prove().await;
    let page = browser.get(page.url.as_str()).await;
    assert!(page.text().contains("is connected"), "{}", page.text());
    page
}

#[tokio::test]
async fn whoever_reconnects_is_told_which_key_to_remove_and_where() {
    let world = World::new().await;
    world.connect("m").await;
    let former = world.shop.keys().remove(0);
    let page = connected_again(&world).await;
    let last7 = &former.consumer_key[former.consumer_key.len() - 7..];
    assert!(page.text().contains(&format!("…{last7} , is no longer needed")), "{}", page.text());
    let page_of_key = page.link(&format!("the page for key {}", former.key_id)).expect("where it is removed");
    assert!(page_of_key.ends_with(&format!("section=keys&edit-key={}", former.key_id)), "{page_of_key}");
}

#[tokio::test]
async fn a_key_that_the_store_does_not_know_any_more_needs_no_removing() {
    let world = World::new().await;
    world.connect("m").await;
    world.shop.revoke(1);
    let id = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    let checked = world.trusted_service().await.post(&format!("/stores/{id}/check"), &json!({})).await.ok();
    assert_eq!(checked["reason"], "key_rejected");
    let page = connected_again(&world).await;
    assert!(!page.text().contains("no longer needed"), "{}", page.text());
    let revoked = "SELECT CAST(version AS TEXT) FROM keys WHERE revoked_at IS NOT NULL";
    assert_eq!(column(&world.app.db, revoked).await, ["1"]);
}

#[tokio::test]
async fn a_link_to_reconnect_one_store_refuses_another() {
    let world = World::new().await;
    world.connect("m").await;
    let id = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    let service = world.trusted_service().await;
    let new = json!({"user_id": "m", "store_id": id, "store_url": OTHER});
    let refused = service.post("/links", &new).await;
    assert_eq!((refused.problem(), refused.text("field")), ((422, "invalid_request"), "store_url"));
    let made = service.post("/links", &json!({"user_id": "m", "store_id": id})).await.ok();
    let mut browser = world.merchant();
    let page = browser.get(made["url"].as_str().unwrap()).await;
    // What is typed does not matter here, and a shop that says it is another is not taken for the wanted one.
    let sent = browser.post_form(page.url.as_str(), &[("store_url", OTHER)]).await;
    assert!(sent.text().contains("Taking you to shop.example"), "{}", sent.text());
    world.clock.advance(Duration::from_millis(1));
    world.shop.switch(|s| s.moved_to = Some("https://moved.example".to_owned()));
    let held = browser.post_form(page.url.as_str(), &[]).await;
    assert!(held.text().contains("This link is for a store other than"), "{}", held.text());
    assert_eq!(world.stands(made["id"].as_str().unwrap()).await, ("failed".to_owned(), "wrong_store".to_owned()));
}

#[tokio::test]
async fn the_record_tells_what_the_rows_say_in_the_order_in_which_it_happened() {
    let world = World::new().await;
    world.connect("m").await;
    let told = events::after(&world.app.db, 0, 100).await.unwrap();
    let numbers: Vec<i64> = told.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (1..=i64::try_from(told.len()).unwrap()).collect::<Vec<_>>(), "without gaps");
    let kinds = "SELECT kind FROM events WHERE attempt_id IS NOT NULL ORDER BY seq";
    let story = ["attempt.begun", "attempt.received", "attempt.confirmed", "store.connected"];
    assert_eq!(column(&world.app.db, kinds).await, story);
    let rows = "SELECT s.id || ' ' || s.home FROM stores s JOIN attempts a ON a.store_id = s.id
                JOIN events e ON e.store_id = s.id AND e.attempt_id = a.id WHERE a.status = 'connected'";
    let [row] = &column(&world.app.db, rows).await[..] else { panic!("one store, one attempt, one event") };
    assert!(row.ends_with(SHOP));
}

#[tokio::test]
async fn two_replicas_share_the_queue_and_each_key_is_tried_once() {
    let world = World::new().await;
    let replica = world.replica().await;
    for n in 0..4 {
        world.approved(&format!("m{n}"), json!({})).await;
    }
    world.clock.advance(Duration::from_secs(1));
    let (here, there) = tokio::join!(prove::run_due(&world.app), prove::run_due(&replica));
    assert_eq!(here.unwrap() + there.unwrap(), 4);
    assert_eq!(asked_with(&world, "system_status"), 4);
    assert_eq!(column(&world.app.db, "SELECT status FROM stores").await, ["connected"; 4]);
}

#[tokio::test]
async fn what_a_dead_process_had_claimed_is_tried_when_its_claim_runs_out() {
    let world = World::new().await;
    let (_, _, link) = world.approved("m", json!({})).await;
    world.clock.advance(Duration::from_secs(1));
    let now = world.clock.now();
    // The other process claims, and dies.
    let claimed = grants::claim_due(&world.app.db, grants::Whose::Links, now, now.plus(Duration::from_mins(2)), 32)
        .await
        .unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!(world.pass(Duration::from_secs(119)).await, 0);
    assert_eq!(world.pass(Duration::from_secs(1)).await, 1);
    assert_eq!(world.stands(&link).await.0, "connected");
}

#[tokio::test]
async fn an_application_confirms_the_proven_key_though_another_has_just_come() {
    let world = World::new().await;
    let more = json!({"confirm": "app", "return_url": "https://app.example/done"});
    let (mut browser, waiting, link) = world.approved("m", more).await;
    world.prove().await;
    world.clock.advance(Duration::from_millis(100));
    let page = browser.approve_again().await;
    let go_on = page.link("Continue").expect("the way to the application");
    let there = browser.follow(&page, &go_on).await.url;
    let code = there.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned();
    let id = column(&world.app.db, "SELECT id FROM attempts").await.remove(0);
    let service = world.trusted_service().await;
    let store = service.post(&format!("/attempts/{id}/confirm"), &json!({"code": code})).await.ok();
    assert_eq!(store["status"], "connected");
    assert_eq!(world.stands(&link).await.0, "connected");
    world.prove().await;
    let keys = service.get("/users/m/keys").await.ok();
    assert_eq!(keys["consumer_key"], world.shop.keys()[0].consumer_key.as_str());
    let page = browser.get(waiting.url.as_str()).await;
    let unused = &world.shop.keys()[1].consumer_key[36..];
    assert!(page.text().contains(unused), "{}", page.text());
}

/// A process dies after saving the try and before its consequences.
#[tokio::test]
async fn what_a_process_left_undone_after_a_try_is_seen_through() {
    let world = World::new().await;
    let (_, _, id) = world.approved("m", json!({})).await;
    let proven = "UPDATE grants SET state = 'proven', verdict = 'works', auth_method = 'basic', \
                  proven_scope = 'read_write', next_try_at = NULL";
    assert_eq!(change(&world.app.db, proven).await, 1);
    assert_eq!(world.prove().await, 0, "nothing is left to try");
    sweep::sweep(&world.app).await.unwrap();
    assert_eq!(world.stands(&id).await, ("connected".to_owned(), String::new()));

    let (_, _, id) = world.approved("n", json!({})).await;
    let rejected = "UPDATE grants SET state = 'rejected', verdict = 'key_rejected', sealed = NULL, next_try_at = NULL \
                    WHERE state = 'waiting'";
    assert_eq!(change(&world.app.db, rejected).await, 1);
    sweep::sweep(&world.app).await.unwrap();
    assert_eq!(world.stands(&id).await, ("failed".to_owned(), "key_rejected".to_owned()));
}

/// A denial, expiry or unsaved key that was decided before a grant was acknowledged does not wipe it.
#[tokio::test]
async fn a_grant_that_was_acknowledged_is_not_wiped_on_an_older_reading() {
    let world = World::new().await;
    world.approved("m", json!({})).await;
    let id = column(&world.app.db, "SELECT id FROM attempts").await.remove(0).parse().unwrap();
    let event = on_record::event(Kind::AttemptDenied, world.clock.now(), &Actor::merchant());
    for still in [Still::Open, Still::Fruitless] {
        let db = &world.app.db;
        let denied = Ending { still, status: Status::Denied, reason: Verdict::Denied };
        assert!(!attempts::end(db, &id, denied, &event).await.unwrap(), "{still:?}");
    }
    world.prove().await;
    assert_eq!(column(&world.app.db, "SELECT status FROM attempts").await, ["connected"]);
}
