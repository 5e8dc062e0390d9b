//! The overview: within five seconds an operator sees whether all is well, and what to click.

use std::time::Duration;

use cartkey::domain::entropy::Entropy;
use cartkey::domain::id::StoreId;
use cartkey::flow::dashboard::overview::{self, Counts, Funnel, Steps};
use serde_json::json;

use crate::database::change;
use crate::merchant::html;
use crate::world::{BEGINNING, SHOP, World};

#[tokio::test]
async fn at_first_it_leads_through_three_steps_to_the_first_key() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let page = ann.get("/admin").await;
    assert!(page.text().contains("No store is connected yet."), "{}", page.text());
    assert!(page.text().contains("Get your first key in three steps"));
    assert_eq!(page.link("Create token").as_deref(), Some("/admin/tokens/new"));
    assert!(page.text().contains("https://keys.example/api/v1/users/USER_ID/keys"));
    assert!(!page.text().contains("Needs attention") && !page.text().contains("Key reads per day"));
    let service = world.service("keys:read").await;
    let seen = overview::look(&world.app).await.unwrap();
    assert_eq!(seen.steps, Steps { token: true, link: false, fetched: false });
    assert!(ann.get("/admin").await.link("Create token").is_none());
    world.link("m", json!({})).await;
    assert!(ann.get("/admin").await.text().contains("Waiting for approval"));
    world.connect("m").await;
    let page = ann.get("/admin").await;
    assert!(
        page.text().contains("Your store is working.") && page.text().contains("in three steps"),
        "{}",
        page.text()
    );
    service.get("/users/m/keys").await.ok();
    let page = ann.get("/admin").await;
    assert!(!page.text().contains("in three steps"), "{}", page.text());
    assert!(page.text().contains("1 in 30 days, 1 today"), "{}", page.text());
}

#[tokio::test]
async fn a_store_that_refuses_its_key_stands_first_with_its_reason_since_when_and_its_button() {
    let world = World::new().await;
    world.connect("m").await;
    let mut ann = world.operator().await;
    let id = crate::database::column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    world.shop.demote("admin");
    world.trusted_service().await.post(&format!("/stores/{id}/check"), &json!({})).await.ok();
    world.clock.advance(Duration::from_mins(7));
    let page = ann.get("/admin").await;
    for says in
        ["1 store needs attention.", "no longer an administrator or shop manager", "7 min ago", "1 unauthorized"]
    {
        assert!(page.text().contains(says), "{says}: {}", page.text());
    }
    assert_eq!(page.link("1 unauthorized").as_deref(), Some("/admin/stores?status=unauthorized"));
    let made = ann.submit(&page, "Create reconnect link", &[]).await;
    assert_eq!((made.status, made.url.path()), (200, format!("/admin/stores/{id}/link").as_str()));
    assert!(made.body.contains("https://keys.example/connect/"), "{}", made.text());
}

#[tokio::test]
async fn a_store_that_cannot_be_asked_is_asked_again_from_there() {
    let world = World::new().await;
    world.connect("m").await;
    let mut ann = world.operator().await;
    change(&world.app.db, "UPDATE stores SET status = 'unreachable', reason = 'timed_out'").await;
    let page = ann.get("/admin").await;
    assert!(page.text().contains("1 store needs attention.") && page.text().contains("did not answer in time"));
    let page = ann.submit(&page, "Check now", &[]).await;
    assert!(page.text().contains("its key works"), "{}", page.text());
    assert!(ann.get("/admin").await.text().contains("Your store is working."));
}

#[tokio::test]
async fn an_approval_that_came_back_elsewhere_waits_there_for_somebody() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, link) = world.link("m", json!({})).await;
    let sent = world.begin(&mut browser, &link).await;
    let mut stranger = world.merchant();
    stranger.approve_on(sent).await;
    world.prove().await;
    let mut ann = world.operator().await;
    let page = ann.get("/admin").await;
    assert!(page.text().contains("1 approval is waiting for confirmation."), "{}", page.text());
    assert!(page.text().contains("The approval came back in a different browser"), "{}", page.text());
    let page = ann.click(&page, "Review").await;
    assert_eq!(page.status, 200);
    assert!(page.url.path().starts_with("/admin/attempts/at_") && page.text().contains("shop.example"));
}

#[tokio::test]
async fn the_funnel_counts_what_was_begun_in_thirty_days_and_how_it_ended() {
    let world = World::new().await;
    world.connect("a").await;
    // Denied.
    let (_, link) = world.link("b", json!({})).await;
    let mut browser = world.merchant();
    let sent = world.begin(&mut browser, &link).await;
    browser.deny(&sent.refresh().unwrap()).await;
    // Still going on.
    let (_, link) = world.link("c", json!({})).await;
    world.begin(&mut world.merchant(), &link).await;
    let expected = Funnel { begun: 3, received: 1, connected: 1, going: 1, denied: 1, expired: 0, failed: vec![] };
    assert_eq!(overview::look(&world.app).await.unwrap().funnel, expected);
    // Nobody approves.
    world.clock.advance(Duration::from_hours(2));
    cartkey::flow::sweep::sweep(&world.app).await.unwrap();
    let expected = Funnel { going: 0, expired: 1, ..expected };
    assert_eq!(overview::look(&world.app).await.unwrap().funnel, expected);
    let page = world.operator().await.get("/admin").await;
    for says in [
        "Started 3",
        "Key received 1 33%",
        "Connected 1 33%",
        "Denied by the merchant 1 33%",
        "nobody approved in time 1",
    ] {
        assert!(page.text().contains(says), "{says}: {}", page.text());
    }
    world.clock.advance(Duration::from_hours(30 * 24));
    assert_eq!(overview::look(&world.app).await.unwrap().funnel, Funnel::default());
}

#[tokio::test]
async fn what_needs_attention_is_bounded_and_leads_to_all_of_them() {
    let world = World::new().await;
    let mut rows = Vec::new();
    for n in 0..100_u64 {
        let id = StoreId::mint(BEGINNING.plus(Duration::from_millis(n)), &Entropy::System);
        let (status, reason) = match n % 5 {
            0 => ("unauthorized", "'key_rejected'"),
            1 => ("unreachable", "'dns_failed'"),
            2 => ("connected", "'scope_narrower'"),
            3 => ("disconnected", "NULL"),
            _ => ("connected", "NULL"),
        };
        rows.push(format!(
            "('{id}', 'm', '{SHOP}/{n}', 'Shop {n}', '{status}', {reason}, 'read', 1, 'abcdefg', 1, 'basic', 0, 0, {n})"
        ));
    }
    let sql = format!(
        "INSERT INTO stores (id, user_id, home, name, status, reason, scope, woo_key_id, key_last7, key_version, auth_method,
                             connected_at, checked_at, changed_at) VALUES {}",
        rows.join(", ")
    );
    change(&world.app.db, &sql).await;
    let seen = overview::look(&world.app).await.unwrap();
    let counts = Counts { connected: 40, unauthorized: 20, unreachable: 20, disconnected: 20, remarked: 20 };
    assert_eq!((seen.counts, seen.needy.len()), (counts, overview::MOST));
    let mut ann = world.operator().await;
    let page = ann.get("/admin").await;
    assert!(page.text().contains("60 stores need attention."), "{}", page.text());
    for words in ["20 unauthorized", "20 unreachable", "20 connected with a warning"] {
        let list = ann.click(&page, words).await;
        assert!(list.text().contains("20 stores found"), "{words}: {}", list.text());
    }
}

#[tokio::test]
async fn an_address_that_is_not_there_leads_an_operator_back_to_the_dashboard() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    for path in ["/admin/operators", "/admin/tokens/none/none", "/admin/stores/st_1/x"] {
        let page = ann.get(path).await;
        let links = html::elements(&page.body, "a");
        assert!(
            page.status == 404 && links.iter().any(|link| link.attribute("href") == Some("/admin")),
            "{path}: {}",
            page.text()
        );
    }
}
