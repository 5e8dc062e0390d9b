//! Who may begin, and how often (docs/protocol/threats.md 8, 38).

use std::time::Duration;

use cartkey::demo::pretend_store::{Firewall, Switches};
use cartkey::storage::{Db, Pools};
use serde_json::json;

use super::type_address;
use crate::merchant::{Merchant, Page};
use crate::world::{KEYS, SHOP, World};

async fn begin_ten(browser: &mut Merchant, status: u16) {
    for n in 0..10 {
        let page = type_address(browser, "shop.example").await;
        assert_eq!(page.status, status, "{n}: {}", page.text());
    }
}

fn assert_told_to_wait(page: &Page) {
    assert_eq!(page.status, 429, "{}", page.text());
    assert_eq!(page.headers["retry-after"], "600");
    assert!(page.text().contains("Wait ten minutes, then try again."), "{}", page.text());
    assert!(page.link("Connect a store").is_some(), "and there is a way on");
}

#[tokio::test]
async fn one_network_begins_ten_times_in_ten_minutes() {
    let world = World::new().await;
    let mut browser = world.merchant();
    begin_ten(&mut browser, 200).await;
    let asked = world.shop.requests().len();
    // Another browser of the same network; a link does not help either.
    let mut other = browser.another();
    assert_told_to_wait(&type_address(&mut other, "shop.example").await);
    let (_, link) = world.link("merchant-1", json!({})).await;
    assert_told_to_wait(&world.begin(&mut other, &link).await);
    assert_eq!(world.shop.requests().len(), asked, "the store is left alone");
    world.clock.advance(Duration::from_mins(10));
    assert_eq!(type_address(&mut other, "shop.example").await.status, 200);
}

#[tokio::test]
async fn stops_and_warnings_count_too() {
    for switches in [
        Switches { maintenance: true, ..Switches::default() },
        Switches { firewall: Firewall::Sucuri, ..Switches::default() },
    ] {
        let world = World::with(&[], switches).await;
        let mut browser = world.merchant();
        begin_ten(&mut browser, 422).await;
        assert_told_to_wait(&type_address(&mut browser, "shop.example").await);
    }
}

/// Ten thousand attempts that are open until `expires_at`.
async fn ten_thousand_open(db: &Db, expires_at: i64) {
    let sql = "INSERT INTO attempts (id, user_id, home, scope, confirm, state, callback, browser, begun_from, status,
                                     created_at, expires_at)
               WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
               SELECT 'at_' || CAST(i AS TEXT), 'u', 'https://x.example', 'read', 'browser',
                      CAST(CAST(i AS TEXT) AS BYTEA), CAST(CAST(i AS TEXT) AS BYTEA), CAST(CAST(i AS TEXT) AS BYTEA),
                      '192.0.2.1', 'open', 0, $1
               FROM n";
    match db.pools() {
        Pools::Sqlite { write, .. } => drop(sqlx::query(sql).bind(expires_at).execute(write).await.unwrap()),
        Pools::Postgres(pool) => drop(sqlx::query(sql).bind(expires_at).execute(pool).await.unwrap()),
    }
}

#[tokio::test]
async fn ten_thousand_may_be_open_in_all() {
    let world = World::new().await;
    ten_thousand_open(&world.app.db, world.clock.now().plus(Duration::from_hours(1)).millis()).await;
    let mut browser = world.merchant();
    let page = type_address(&mut browser, "shop.example").await;
    assert_eq!((page.status, page.headers["retry-after"].to_str().unwrap()), (429, "60"));
    assert!(page.text().contains("Wait a minute, then try again."), "{}", page.text());
    assert!(world.shop.requests().is_empty());
    world.clock.advance(Duration::from_hours(1));
    assert_eq!(type_address(&mut browser, "shop.example").await.status, 200, "what is past its time counts no more");
}

#[tokio::test]
async fn a_form_from_another_site_begins_nothing() {
    let world = World::new().await;
    let (id, link) = world.link("merchant-1", json!({})).await;
    let mut browser = world.merchant();
    let html = format!(
        "<form method=post action=\"{link}\"><input name=store_url value=\"{SHOP}\"><button>Win a cup</button></form>\
         <form method=post action=\"{KEYS}/connect\"><input name=store_url value=\"{SHOP}\"><button>Win two</button></form>"
    );
    let mut evil = browser.get("https://other.example/").await;
    evil.body = html;
    for button in ["Win a cup", "Win two"] {
        let page = browser.submit(&evil, button, &[]).await;
        assert_eq!(page.status, 403);
        assert!(page.text().contains("This form was sent from another site"), "{}", page.text());
        assert!(page.headers.get("set-cookie").is_none());
    }
    assert!(world.shop.requests().is_empty());
    assert!(world.service("links:write").await.get(&format!("/links/{id}")).await.ok()["attempt"].is_null());
}
