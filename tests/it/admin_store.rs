//! The page of one store: its content and an operator's actions.

use std::time::Duration;

use cartkey::demo::pretend_store::Switches;
use serde_json::json;

use crate::database::{change, column};
use crate::merchant::Page;
use crate::operator::{Operator, PASSWORD};
use crate::world::{KEYS, SHOP, World};

const DAY: Duration = Duration::from_hours(24);

/// A connected shop, an operator who opens it, and the path of its page.
async fn connected() -> (World, Operator, String) {
    let world = World::new().await;
    world.connect("m").await;
    let ann = world.operator().await;
    let id = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    (world, ann, format!("/admin/stores/{id}"))
}

fn last7(world: &World, at: usize) -> String {
    world.shop.keys()[at].consumer_key[36..].to_owned()
}

fn says(page: &Page, parts: &[&str]) {
    assert_eq!(page.status, 200, "{}", page.text());
    for part in parts {
        assert!(page.text().contains(part), "{part:?} is not on {}: {}", page.url, page.text());
    }
}

fn says_not(page: &Page, parts: &[&str]) {
    for part in parts {
        assert!(!page.body.contains(part), "{part:?} is on {}: {}", page.url, page.text());
    }
}

#[tokio::test]
async fn a_store_is_shown_whole_and_without_its_secrets() {
    let (world, mut ann, path) = connected().await;
    let service = world.service("keys:read").await;
    for _ in 0..3 {
        service.get("/users/m/keys").await.ok();
    }
    world.clock.advance(Duration::from_mins(5));
    let page = ann.get(&path).await;
    let (last7, key) = (last7(&world, 0), &world.shop.keys()[0]);
    says(
        &page,
        &[
            "Cups & Plates",
            "shop.example",
            "Connected last changed 5 min ago",
            "The key works.",
            "11.0.1",
            "7.0.4",
            &last7,
        ],
    );
    let reads = format!("a service {} 3 0 5 min ago", service.token_id);
    says(
        &page,
        &[
            "Read and write",
            "Basic: key and secret in a header",
            &reads,
            "The key works. 2026-09-21 14:13 2026-09-21 14:13 1",
        ],
    );
    assert!(page.body.contains("aria-label=\"1 check: the key worked each time. The table shows when.\""));
    says(&page, &["the merchant's browser", "127.0.0.1", "Store connected", "Key read", "In use"]);
    says_not(&page, &[&key.consumer_key, &key.consumer_secret, "cs_", "ck_"]);
    assert_eq!(page.link("shop.example").as_deref(), Some("https://shop.example"));
    let id = path.rsplit('/').next().unwrap();
    assert_eq!(page.link("View all"), Some(format!("/admin/activity?store={id}")));
}

#[tokio::test]
async fn an_unknown_store_leads_back() {
    let (_world, mut ann, _) = connected().await;
    for id in ["st_01jd0000000000000000000000", "nonsense", "%3Cscript%3E"] {
        let page = ann.get(&format!("/admin/stores/{id}")).await;
        assert_eq!(page.status, 404);
        assert!(page.text().contains("There is no store with this ID"), "{}", page.text());
        assert!(page.link("Go to the overview").is_some());
    }
}

#[tokio::test]
async fn check_now_says_what_came_of_it_and_what_to_do_next() {
    let (world, mut ann, path) = connected().await;
    let page = ann.get(&path).await;
    let page = ann.submit(&page, "Check now", &[]).await;
    says(&page, &["The store was checked: its key works.", "The key works."]);
    says_not(&page, &["Next:"]);

    world.shop.switch(|s| s.maintenance = true);
    let page = ann.submit(&page, "Check now", &[]).await;
    says(&page, &["See the result below", "Connected", "in maintenance mode", "Next: One check failed"]);
    world.clock.advance(Duration::from_mins(1));
    let page = ann.submit(&page, "Check now", &[]).await;
    says(&page, &["Unreachable last changed just now", "Next: There is no need to reconnect"]);

    world.shop.switch(|s| *s = Switches::default());
    world.shop.demote("admin");
    let page = ann.submit(&page, "Check now", &[]).await;
    says(
        &page,
        &[
            "Unauthorized",
            "no longer an administrator or shop manager",
            "Next: Ask the merchant to restore that person",
        ],
    );
    world.shop.revoke(1);
    let page = ann.submit(&page, "Check now", &[]).await;
    says(&page, &["Unauthorized", "no longer accepts the key", "Next: Create a reconnect link"]);
    let who = column(&world.app.db, "SELECT actor FROM events WHERE kind = 'store.unauthorized'").await;
    assert!(who[0].starts_with("op_"), "{who:?}");
}

#[tokio::test]
async fn checks_over_time_are_drawn_and_told() {
    let (world, _, path) = connected().await;
    world.clock.advance(40 * DAY);
    let mut bob = world.operator_named("bob").await;
    let page = bob.get(&path).await;
    says(&page, &["There were no checks in the last 30 days."]);
    let page = bob.click(&page, "90 days").await;
    says(&page, &["90 days ago", "The key works."]);
    world.shop.switch(|s| s.server_error = true);
    let page = bob.submit(&page, "Check now", &[]).await;
    assert!(page.body.contains(r#"<rect class="warn" x="994" y="16" width="6" height="24"/>"#), "{}", page.body);
    assert!(
        page.body.contains("aria-label=\"1 check: at times the store could not be checked. The table shows when.\"")
    );
    says(&page, &["answered with a server error"]);
}

#[tokio::test]
async fn a_reconnect_link_is_shown_once_and_takes_this_store_only() {
    let (world, mut ann, path) = connected().await;
    let page = ann.get(&path).await;
    let page = ann.submit(&page, "Create reconnect link", &[]).await;
    says(&page, &["This link is shown only once", "valid until 2026-09-28", "shop.example"]);
    let address = page.body.split("value=\"").find(|part| part.starts_with(&format!("{KEYS}/connect/"))).unwrap();
    let address = address.split('"').next().unwrap().to_owned();
    let again = ann.get(&path).await;
    says_not(&again, &[&address]);

    let mut merchant = world.merchant();
    let sent = world.begin(&mut merchant, &address).await;
    merchant.approve_on(sent).await;
    world.prove().await;
    let page = ann.get(&path).await;
    let former = last7(&world, 0);
    says(&page, &["Connected last changed just now", "key version 2", "Replaced", &former, "ann"]);
    let remove = page.link("its page at the store").expect("where the merchant removes the former key");
    assert!(remove.ends_with("section=keys&edit-key=1"), "{remove}");
    let made_by = column(&world.app.db, "SELECT made_by FROM links WHERE store_id IS NOT NULL").await;
    assert!(made_by[0].starts_with("op_"), "{made_by:?}");
}

#[tokio::test]
async fn a_reconnect_link_is_for_the_same_account_and_confirmed_by_the_same() {
    let world = World::new().await;
    let more = json!({"account_label": "Cups Ltd", "confirm": "app", "return_url": "https://app.example/done"});
    let (mut browser, waiting, _) = world.approved("m", more).await;
    world.prove().await;
    let page = browser.get(waiting.url.as_str()).await;
    let brought = browser.click(&page, "Continue to Acme Shipping").await;
    let (attempt, code) = (brought.param("attempt_id").unwrap(), brought.param("code").unwrap());
    let path = format!("/attempts/{attempt}/confirm");
    world.service("links:write").await.post(&path, &json!({"code": code, "user_id": "m"})).await.ok();
    let mut ann = world.operator().await;
    let id = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    let page = ann.get(&format!("/admin/stores/{id}")).await;
    ann.submit(&page, "Create reconnect link", &[]).await;
    let links = "SELECT account_label || ' ' || confirm || ' ' || return_url || ' ' || scope FROM links WHERE store_id IS NOT NULL";
    assert_eq!(column(&world.app.db, links).await, ["Cups Ltd app https://app.example/done read_write"]);
}

#[tokio::test]
async fn disconnecting_asks_first_then_says_where_the_merchant_revokes_the_key() {
    let (world, mut ann, path) = connected().await;
    let service = world.trusted_service().await;
    service.get("/users/m/keys").await.ok();
    let page = ann.get(&path).await;
    let asks = ann.click(&page, "Disconnect…").await;
    says(
        &asks,
        &[
            "Disconnect Cups & Plates?",
            "services no longer get the key of shop.example",
            "will lose access",
            "a service",
        ],
    );
    service.get("/users/m/keys").await.ok();
    let kept = ann.click(&asks, "Keep it connected").await;
    says(&kept, &["Connected last changed"]);

    let page = ann.submit(&asks, "Disconnect shop.example", &[]).await;
    says(
        &page,
        &["The store was disconnected and its secret was wiped", "Disconnected last changed just now", "Not known yet"],
    );
    says(&page, &["shop manager sees only their own keys", &last7(&world, 0), "not checked yet, next check in 2 min"]);
    assert!(page.form("Check now").is_none() && page.link("Disconnect…").is_none());
    assert_eq!(service.get("/users/m/keys").await.status, 409);
    assert_eq!(column(&world.app.db, "SELECT id FROM keys WHERE sealed IS NOT NULL").await, [""; 0]);
    // The address opens the store's own page of that key.
    let revoke = format!("{SHOP}/wp-admin/admin.php?page=wc-settings&tab=advanced&section=keys&edit-key=1");
    assert!(page.body.contains(&format!("value=\"{}\"", revoke.replace('&', "&#38;"))), "{}", page.body);
    let mut merchant = world.merchant();
    merchant.post_form(&format!("{SHOP}/wp-login.php"), &[("log", "admin"), ("pwd", "demo")]).await;
    let theirs = merchant.get(&revoke).await;

    let page = ann.submit(&page, "Check whether it is revoked", &[]).await;
    says(&page, &["the key is not revoked", "Not revoked"]);
    merchant.click(&theirs, "Revoke key").await;
    let page = ann.submit(&page, "Check whether it is revoked", &[]).await;
    says(
        &page,
        &[
            "the key is revoked. There is nothing left",
            "Its key …",
            "is revoked. The store confirmed this",
            "Key revoked at the store",
        ],
    );
    assert!(page.form("Check whether it is revoked").is_none());
    // Going back and pressing once more changes nothing.
    let page = ann.submit(&asks, "Disconnect shop.example", &[]).await;
    says(&page, &["Revoked"]);
    let told =
        column(&world.app.db, "SELECT actor FROM events WHERE kind IN ('store.disconnected', 'key.revoked')").await;
    assert!(told.len() == 2 && told.iter().all(|actor| actor.starts_with("op_")), "{told:?}");
}

#[tokio::test]
async fn a_store_that_cannot_be_asked_whether_its_key_is_revoked_is_said_to_be_unknown() {
    let (world, mut ann, path) = connected().await;
    let page = ann.get(&format!("{path}/disconnect")).await;
    let page = ann.submit(&page, "Disconnect shop.example", &[]).await;
    world.shop.switch(|s| s.maintenance = true);
    let page = ann.submit(&page, "Check whether it is revoked", &[]).await;
    says(
        &page,
        &["it is not known whether the key is revoked", "Not known yet", "in maintenance mode", "checked just now"],
    );
    assert_eq!(ann.get(&format!("{path}/disconnect")).await.url.path(), path, "there is nothing left to disconnect");
}

#[tokio::test]
async fn what_others_named_is_text_on_the_page() {
    let (world, mut ann, path) = connected().await;
    change(&world.app.db, "UPDATE stores SET name = '<script>alert(1)</script>', woocommerce_version = '\"><img>'")
        .await;
    change(&world.app.db, "UPDATE links SET made_by = '<b>'").await;
    let page = ann.get(&path).await;
    says(&page, &["<script>alert(1)</script>", "\"><img>", "<b>"]);
    says_not(&page, &["<script>alert", "<img>", "<b>"]);
}

#[tokio::test]
async fn of_a_key_with_nothing_left_to_ask_with_it_is_said_that_only_the_store_knows() {
    let (world, mut ann, path) = connected().await;
    let page = ann.get(&format!("{path}/disconnect")).await;
    ann.submit(&page, "Disconnect shop.example", &[]).await;
    // As it was left by a version that kept nothing to ask with.
    change(&world.app.db, "UPDATE keys SET revocation = NULL, ask_at = NULL").await;
    let page = ann.get(&path).await;
    says(&page, &["Cannot be checked", "Cartkey no longer has what it needs for a check", "its page at the store"]);
    assert!(!page.text().contains("Not known yet") && page.form("Check whether it is revoked").is_none());
}

#[tokio::test]
async fn what_was_done_is_told_by_the_dashboard_and_by_nobody_elses_link() {
    let (_world, mut ann, path) = connected().await;
    let forged = format!("{KEYS}{path}?done=disconnected");
    let told = "The store was disconnected";
    let page = ann.browser.get(&forged).await;
    assert!(page.status == 200 && !page.text().contains(told), "{}", page.text());
    let mail = ann.browser.get("https://other.example/").await;
    let page = ann.browser.follow(&mail, &forged).await;
    assert_eq!(page.param("next").as_deref(), Some(path.as_str()), "{}", page.url);
    let page = ann.submit(&page, "Sign in", &[("name", "ann"), ("password", PASSWORD)]).await;
    assert_eq!((page.url.path(), page.url.query()), (path.as_str(), None));
    assert!(!page.text().contains(told), "{}", page.text());
    let page = ann.submit(&page, "Check now", &[]).await;
    says(&page, &["The store was checked: its key works."]);
}
