//! The page of one attempt, where an operator decides on quarantined approvals.

use std::time::Duration;

use cartkey::domain::actor::Actor;
use cartkey::domain::secret::Secret;
use cartkey::flow::connecting::approvals::{self, Decided};
use cartkey::flow::connecting::return_leg;
use serde_json::json;

use crate::database::column;
use crate::merchant::{Merchant, Page};
use crate::operator::Operator;
use crate::world::World;

/// An approval that returned in another browser than the one that began, with a working key. Returns the first browser and the path
/// of the operator's page.
async fn held(world: &World, more: serde_json::Value) -> (Merchant, String) {
    let mut first = world.merchant();
    let (_, link) = world.link("m", more).await;
    let sent = world.begin(&mut first, &link).await;
    world.merchant().approve(&sent.refresh().unwrap()).await;
    world.prove().await;
    world.pass(Duration::from_secs(75)).await;
    (first, path(world).await)
}

async fn path(world: &World) -> String {
    format!("/admin/attempts/{}", column(&world.app.db, "SELECT id FROM attempts ORDER BY id DESC").await.remove(0))
}

async fn waiting(world: &World) -> usize {
    approvals::held(&world.app, 10).await.unwrap().len()
}

async fn status(world: &World) -> Vec<String> {
    column(&world.app.db, "SELECT status FROM attempts ORDER BY id").await
}

async fn look(ann: &mut Operator, path: &str, parts: &[&str]) -> Page {
    let page = ann.get(path).await;
    says(&page, parts);
    page
}

fn says(page: &Page, parts: &[&str]) {
    for part in parts {
        assert!(page.text().contains(part), "{part:?} is not on {}: {}", page.url, page.text());
    }
}

#[tokio::test]
async fn an_approval_that_came_back_elsewhere_waits_and_is_connected_when_an_operator_confirms() {
    let world = World::new().await;
    let (_, path) = held(&world, json!({"account_label": "Cups Ltd"})).await;
    assert_eq!(waiting(&world).await, 1);
    let mut ann = world.operator().await;
    let page =
        look(&mut ann, &path, &["Waiting for confirmation", "another browser", "Cups Ltd (m)", "127.0.0.1"]).await;
    says(&page, &["Before you confirm, ask the owner of shop.example", "a service", "No problems were found."]);
    says(
        &page,
        &["Connection started", "Key received from the store", "Approval came back in another browser", "Works"],
    );
    assert!(!page.body.contains(&world.shop.keys()[0].consumer_key) && !page.body.contains("cs_"));

    let page = ann.submit(&page, "Confirm: connect shop.example", &[]).await;
    says(&page, &["The approval was confirmed.", "Connected", "Approval confirmed", "ann", "key version 1", "In use"]);
    assert!(page.form("Reject").is_none() && page.form("Confirm").is_none());
    world.service("keys:read").await.get("/users/m/keys").await.ok();
    assert_eq!((waiting(&world).await, status(&world).await), (0, vec!["connected".to_owned()]));
    let page = ann.click(&page, "the store shop.example").await;
    says(&page, &["in another browser", "ann"]);
}

#[tokio::test]
async fn a_rejected_approval_is_wiped_and_names_the_key_to_revoke() {
    let world = World::new().await;
    let (mut first, path) = held(&world, json!({})).await;
    let mut ann = world.operator().await;
    let page = ann.get(&path).await;
    let page = ann.submit(&page, "Reject and wipe the key", &[]).await;
    let last7 = world.shop.keys()[0].consumer_key[36..].to_owned();
    says(
        &page,
        &[
            "rejected and its key was wiped",
            "Failed",
            "An operator rejected this approval",
            "Approval rejected",
            &last7,
            "Wiped",
        ],
    );
    let theirs = page.link("its page at the store").expect("where the merchant revokes it");
    assert!(theirs.starts_with("https://shop.example/wp-admin/") && theirs.ends_with("&edit-key=1"), "{theirs}");
    assert_eq!(column(&world.app.db, "SELECT id FROM grants WHERE sealed IS NOT NULL").await, [""; 0]);
    let told = column(&world.app.db, "SELECT actor FROM events WHERE kind = 'attempt.rejected'").await;
    assert!(told.len() == 1 && told[0].starts_with("op_"), "{told:?}");
    // Whoever began cannot bring it back.
    let id = path.rsplit('/').next().unwrap();
    first.post_form(&format!("https://keys.example/connect/attempts/{id}/confirm"), &[]).await;
    world.pass(Duration::from_secs(75)).await;
    assert_eq!((status(&world).await, waiting(&world).await), (vec!["failed".to_owned()], 0));
    let page = first.get(&format!("https://keys.example/connect/attempts/{id}")).await;
    says(&page, &["The key was discarded", "is not connected to Acme Shipping"]);
}

#[tokio::test]
async fn an_approval_whose_browser_did_not_come_back_waits_too() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, link) = world.link("m", json!({})).await;
    let sent = world.begin(&mut browser, &link).await;
    let key = world.shop.issue_key("admin", cartkey::domain::scope::Scope::ReadWrite);
    assert_eq!(world.post_grant(&sent, &key, "read_write").await, 200);
    assert_eq!(waiting(&world).await, 0, "not while it may still come back by itself");
    world.prove().await;
    world.pass(Duration::from_secs(75)).await;
    assert_eq!(waiting(&world).await, 1);
    let mut ann = world.operator().await;
    let page = look(&mut ann, &path(&world).await, &["the browser that started the attempt has not come back"]).await;
    let page = ann.submit(&page, "Confirm: connect shop.example", &[]).await;
    says(&page, &["The approval was confirmed.", "Connected"]);
}

#[tokio::test]
async fn one_that_the_application_must_confirm_can_only_be_rejected() {
    let world = World::new().await;
    let more = json!({"confirm": "app", "return_url": "https://app.example/done"});
    world.approved("m", more).await;
    world.prove().await;
    let mut ann = world.operator().await;
    let path = path(&world).await;
    let page = look(
        &mut ann,
        &path,
        &["The application must confirm this", "You can reject the approval here, but you cannot confirm it"],
    )
    .await;
    assert!(page.form("Confirm").is_none());
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let decided = approvals::confirm(&world.app, &id, false, &"op_1".into()).await.unwrap();
    assert_eq!(
        (decided, status(&world).await),
        (Some(Decided::OnlyTheApplication), vec!["awaiting_confirmation".into()])
    );
    let page = ann.submit(&page, "Reject and wipe the key", &[]).await;
    says(&page, &["rejected and its key was wiped"]);
}

#[tokio::test]
async fn what_changed_since_the_operator_looked_is_not_decided_on() {
    let world = World::new().await;
    // The operator saw that nobody came back; then somebody did, in another browser.
    let mut first = world.merchant();
    let (_, link) = world.link("m", json!({})).await;
    let sent = world.begin(&mut first, &link).await;
    let key = world.shop.issue_key("admin", cartkey::domain::scope::Scope::ReadWrite);
    world.post_grant(&sent, &key, "read_write").await;
    world.prove().await;
    world.pass(Duration::from_secs(75)).await;
    let mut ann = world.operator().await;
    let path = path(&world).await;
    let seen = ann.get(&path).await;
    world.merchant().approve(&sent.refresh().unwrap()).await;
    let page = ann.submit(&seen, "Confirm: connect shop.example", &[]).await;
    assert_eq!(page.status, 409);
    says(&page, &["Nothing was done: the approval has changed since you opened its page"]);
    assert_eq!(column(&world.app.db, "SELECT id FROM stores").await, [""; 0]);

    // The merchant who began comes back and says that it was them, while the operator makes up their mind to reject.
    let seen = ann.get(&path).await;
    let id: String = path.rsplit('/').next().unwrap().to_owned();
    let page = first.get(&format!("https://keys.example/connect/attempts/{id}")).await;
    first.submit(&page, "Yes, connect it", &[]).await;
    let page = ann.submit(&seen, "Reject and wipe the key", &[]).await;
    assert_eq!(page.status, 409);
    world.service("keys:read").await.get("/users/m/keys").await.ok();
    let page = ann.submit(&seen, "Confirm: connect shop.example", &[]).await;
    assert_eq!(page.status, 409, "twice is not once more");
    assert_eq!(column(&world.app.db, "SELECT kind FROM events WHERE kind = 'attempt.confirmed'").await.len(), 1);
}

#[tokio::test]
async fn of_two_who_decide_at_the_same_moment_one_counts() {
    for _ in 0..5 {
        let world = World::new().await;
        let (first, path) = held(&world, json!({})).await;
        let id = path.rsplit('/').next().unwrap().parse().unwrap();
        let cookie = Secret::new(first.cookie("keys.example", "__Host-cartkey").unwrap().to_owned());
        let (ann, merchant) = ("op_1".into(), Actor::merchant());
        let (rejected, confirmed, again) = tokio::join!(
            approvals::reject(&world.app, &id, &ann),
            return_leg::confirm(&world.app, &id, Some(&cookie), &merchant),
            approvals::confirm(&world.app, &id, true, &ann),
        );
        confirmed.unwrap();
        let expected = if rejected.unwrap() == Some(Decided::Done) { "failed" } else { "connected" };
        assert_eq!(status(&world).await, [expected]);
        assert!(expected == "connected" || again.unwrap() == Some(Decided::Changed));
        let kinds = "SELECT kind FROM events WHERE kind IN ('attempt.confirmed', 'attempt.rejected')";
        assert_eq!(column(&world.app.db, kinds).await.len(), 1);
    }
}

#[tokio::test]
async fn the_page_says_what_the_preflight_said() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    world.shop.switch(|s| s.woocommerce_off = true);
    let mut browser = world.merchant();
    let (_, link) = world.link("m", json!({})).await;
    world.begin(&mut browser, &link).await;
    look(
        &mut ann,
        &path(&world).await,
        &["Failed", "Stopped the attempt.", "WooCommerce 3.5 or newer is not active", "No key was received."],
    )
    .await;
    // Each of them is the newest in its time.
    world.clock.advance(Duration::from_secs(1));
    world.shop.switch(|s| (s.woocommerce_off, s.notices) = (false, true));
    let (_, link) = world.link("m", json!({})).await;
    let page = world.begin(&mut browser, &link).await;
    look(&mut ann, &path(&world).await, &["Stopped the attempt.", "adds other text to its API responses"]).await;
    world.clock.advance(Duration::from_secs(1));
    browser.submit(&page, "Continue anyway", &[]).await;
    look(&mut ann, &path(&world).await, &["Gave a warning; the merchant continued.", "adds other text to"]).await;
    let page = ann.get("/admin/attempts/at_01jd0000000000000000000000").await;
    assert_eq!(page.status, 404);
    says(&page, &["There is no attempt with this ID"]);
}
