//! Who may begin, and how often (docs/protocol/threats.md 8, 38, 48 to 50): the open page is limited, and strangers there cannot
//! use up what links need.

use std::time::Duration;

use cartkey::app::App;
use cartkey::demo::pretend_store::{Firewall, Switches};
use cartkey::domain::actor::Actor;
use cartkey::flow::connecting::connect::{self, Begun, Error, Invitation, Limit};
use cartkey::flow::{dashboard::overview, sweep};
use serde_json::json;

use super::type_address;
use crate::callback::Callback;
use crate::database::{change, column};
use crate::merchant::Merchant;
use crate::world::{KEYS, SHOP, World};

/// A visitor at this IP address enters a store's address on the open page.
async fn begin(app: &App, from: &str, store: &str) -> Result<Begun, Error> {
    let actor = Actor::merchant().asking(from.parse().unwrap(), None);
    connect::begin(app, Invitation::open(app).unwrap(), store, true, &actor, None).await
}

/// The limit that refuses a visitor at this address.
async fn refused(app: &App, from: &str) -> Option<Limit> {
    match begin(app, from, "shop.example").await {
        Ok(_) => None,
        Err(Error::Limited(limit, wait)) => {
            assert!(!wait.is_zero());
            Some(limit)
        }
        Err(other) => panic!("{other}"),
    }
}

/// The number of attempts that meet this condition.
async fn attempts(world: &World, of: &str) -> usize {
    let n = column(&world.app.db, &format!("SELECT CAST(COUNT(*) AS TEXT) FROM attempts WHERE {of}")).await;
    n[0].parse().unwrap()
}

async fn begin_ten(browser: &mut Merchant, status: u16) {
    for n in 0..10 {
        let page = type_address(browser, "shop.example").await;
        assert_eq!(page.status, status, "{n}: {}", page.text());
    }
}

async fn is_told_to_wait(browser: &mut Merchant) {
    let page = type_address(browser, "shop.example").await;
    assert_eq!(page.status, 429, "{}", page.text());
    assert_eq!(page.headers["retry-after"], "20");
    assert!(page.text().contains("Try again in half a minute"), "{}", page.text());
    assert!(page.text().contains("ask the operator of this service for a link"), "{}", page.text());
    assert!(page.link("Connect a store").is_some(), "and there is a way on");
}

#[tokio::test]
async fn one_network_begins_ten_times_then_once_in_twenty_seconds_and_links_go_on() {
    let world = World::new().await;
    let mut browser = world.merchant();
    begin_ten(&mut browser, 200).await;
    let asked = world.shop.requests().len();
    // Another browser of the same network.
    let mut other = browser.another();
    is_told_to_wait(&mut other).await;
    assert_eq!(world.shop.requests().len(), asked, "the store is left alone");
    let (_, link) = world.link("merchant-1", json!({})).await;
    assert_eq!(world.begin(&mut other, &link).await.status, 200, "a link counts for itself");
    world.clock.advance(Duration::from_secs(20));
    assert_eq!(type_address(&mut other, "shop.example").await.status, 200);
    is_told_to_wait(&mut other).await;
}

#[tokio::test]
async fn stops_and_warnings_count_too() {
    for switches in [
        Switches { maintenance: true, ..Switches::default() },
        Switches { firewall: Firewall::Sucuri, ..Switches::default() },
    ] {
        let world = World::with(&[], switches).await;
        let mut browser = world.merchant();
        begin_ten(&mut browser, 200).await;
        assert_eq!(attempts(&world, "reason IS NOT NULL").await, 10, "each was stopped or warned");
        is_told_to_wait(&mut browser).await;
    }
}

#[tokio::test]
async fn those_who_come_at_the_same_time_are_counted_before_a_store_is_asked_on_every_replica() {
    let world = World::new().await;
    let replica = world.replica().await;
    let all: Vec<_> = (0..40)
        .map(|n| {
            let app = if n % 2 == 0 { world.app.clone() } else { replica.clone() };
            tokio::spawn(async move { begin(&app, &format!("2001:db8:5:5::{n:x}"), "shop.example").await })
        })
        .collect();
    let mut ready = 0;
    for one in all {
        match one.await.unwrap() {
            Ok(_) => ready += 1,
            Err(Error::Limited(limit, _)) => assert_eq!(limit, Limit::Network),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((ready, attempts(&world, "link_id IS NULL").await), (10, 10));
}

#[tokio::test]
async fn a_wide_network_begins_forty_times_and_leaves_the_next_alone() {
    let world = World::new().await;
    for n in 0..40 {
        assert_eq!(refused(&world.app, &format!("2001:db8:1:{n:x}::1")).await, None, "{n}");
    }
    assert_eq!(refused(&world.app, "2001:db8:1:ffff::1").await, Some(Limit::Network));
    assert_eq!(refused(&world.app, "2001:db8:2::1").await, None);
    assert_eq!(refused(&world.app, "192.0.2.1").await, None);
}

#[tokio::test]
async fn thirty_failing_addresses_of_one_link_are_no_attack_and_concern_that_link_alone() {
    let world = World::with(&[], Switches { maintenance: true, ..Switches::default() }).await;
    let (mut browser, (_, link)) = (world.merchant(), world.link("merchant-1", json!({})).await);
    for n in 0..30 {
        assert!(world.begin(&mut browser, &link).await.form("Check again").is_some(), "{n}");
    }
    let page = world.begin(&mut browser, &link).await;
    assert_eq!((page.status, page.headers["retry-after"].to_str().unwrap()), (429, "20"));
    assert!(page.text().contains("This link was used too many times"), "{}", page.text());
    world.shop.switch(|s| s.maintenance = false);
    let (_, other) = world.link("merchant-2", json!({})).await;
    assert_eq!(world.begin(&mut browser, &other).await.status, 200);
    assert_eq!(type_address(&mut browser, "shop.example").await.status, 200);
    world.clock.advance(Duration::from_secs(20));
    assert_eq!(world.begin(&mut browser, &link).await.status, 200);
}

#[tokio::test]
async fn of_one_network_and_of_one_link_the_oldest_open_attempt_gives_way() {
    let world = World::new().await;
    let (mut browser, (id, link)) = (world.merchant(), world.link("merchant-1", json!({})).await);
    fill(&world, 220, "'203.0.113.1'", "open", false).await;
    change(
        &world.app.db,
        &format!("UPDATE attempts SET link_id = '{id}', recorded = TRUE WHERE begun_from = '203.0.113.1'"),
    )
    .await;
    assert_eq!(world.begin(&mut browser, &link).await.status, 200);
    assert_eq!(attempts(&world, &format!("link_id = '{id}' AND status = 'open'")).await, 220);
    assert_eq!(world.happened("attempt.expired").await, ["attempt.expired not_finished cartkey"]);

    let world = World::new().await;
    assert_eq!(refused(&world.app, "192.0.2.1").await, None);
    fill(&world, 200, "'198.51.100.1'", "open", false).await;
    assert_eq!(refused(&world.app, "198.51.100.1").await, None);
    assert_eq!(attempts(&world, "begun_from = '198.51.100.1' AND status = 'open'").await, 200);
    assert_eq!(attempts(&world, "begun_from = '192.0.2.1' AND status = 'open'").await, 1, "others lose nothing");
    assert_eq!(world.happened("attempt.expired").await, [""; 0]);
    let gone = "SELECT status || ' ' || reason FROM attempts WHERE begun_from = '198.51.100.1' ORDER BY id LIMIT 1";
    assert_eq!(column(&world.app.db, gone).await, ["expired not_finished"]);
}

/// Inserts `n` attempts of the open page, begun when the world began; `wide` and `status` are SQL over their number `i`.
async fn fill(world: &World, n: u32, wide: &str, status: &str, received: bool) {
    let now = world.clock.now();
    let until = now.plus(Duration::from_hours(1)).millis();
    let received = if received { now.millis().to_string() } else { "NULL".to_owned() };
    let sql = format!(
        "INSERT INTO attempts (id, user_id, home, scope, confirm, state, callback, browser, begun_from, begun_wide, status,
                               reason, created_at, expires_at, recorded, received_at)
         SELECT 'at_00' || CAST(1000000 + i AS TEXT), 'u', 'https://x.example', 'read', 'browser',
                CAST(CAST(i AS TEXT) AS BYTEA), CAST(CAST(i AS TEXT) AS BYTEA), CAST(CAST(i AS TEXT) AS BYTEA),
                {wide}, {wide}, '{status}', 'timed_out', {}, {until}, FALSE, {received}
         FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n}) SELECT i FROM n) AS those",
        now.millis()
    );
    change(&world.app.db, &sql).await;
}

#[tokio::test]
async fn a_network_that_fills_the_open_page_gives_way_to_the_others() {
    let world = World::new().await;
    fill(&world, 5_000, "'198.51.100.0/24'", "open", false).await;
    assert_eq!(refused(&world.app, "192.0.2.1").await, None);
    assert_eq!(attempts(&world, "status = 'open' AND begun_wide = '198.51.100.0/24'").await, 4_999);
    assert_eq!(attempts(&world, "status = 'open' AND begun_wide = '192.0.2.0/24'").await, 1);
}

/// A provider with an IPv6 /32 has 65,536 wide networks, and needs only one attempt in each.
#[tokio::test]
async fn a_provider_whose_networks_fill_the_open_page_gives_way_to_the_others() {
    let world = World::new().await;
    fill(&world, 5_000, "'2001:db8:' || CAST(i AS TEXT) || '::/48'", "open", false).await;
    assert_eq!(refused(&world.app, "192.0.2.1").await, None);
    assert_eq!(attempts(&world, "status = 'open' AND begun_wide LIKE '2001:db8:%'").await, 4_999);
    assert_eq!(attempts(&world, "status = 'open' AND begun_wide = '192.0.2.0/24'").await, 1);
    assert!(refused(&world.app, "2001:db8:ffff::1").await.is_some(), "it gives way only to others");
}

#[tokio::test]
async fn the_open_page_holds_five_thousand_in_all_and_none_that_a_link_needs() {
    let world = World::new().await;
    fill(&world, 5_000, "CAST(i AS TEXT)", "open", false).await;
    let mut browser = world.merchant();
    let page = type_address(&mut browser, "shop.example").await;
    assert_eq!((page.status, page.headers["retry-after"].to_str().unwrap()), (503, "60"));
    assert!(page.text().contains("with a link you can continue right away"), "{}", page.text());
    let (_, link) = world.link("merchant-1", json!({})).await;
    assert_eq!(world.begin(&mut browser, &link).await.status, 200);
    world.clock.advance(Duration::from_hours(1));
    assert_eq!(type_address(&mut browser, "shop.example").await.status, 200, "what is past its time counts no more");
}

#[tokio::test]
async fn whoever_brought_a_hundred_approvals_today_goes_on_with_a_link_or_tomorrow() {
    let world = World::new().await;
    fill(&world, 100, "'127.0.0.1'", "failed", true).await;
    change(&world.app.db, "UPDATE attempts SET begun_wide = '127.0.0.0/24'").await;
    let mut browser = world.merchant();
    let page = type_address(&mut browser, "shop.example").await;
    assert_eq!((page.status, page.headers["retry-after"].to_str().unwrap()), (429, "3600"));
    assert!(page.text().contains("as many stores as this page allows in a day"), "{}", page.text());
    let (_, link) = world.link("merchant-1", json!({})).await;
    assert_eq!(world.begin(&mut browser, &link).await.status, 200);
    world.clock.advance(Duration::from_hours(24));
    assert_eq!(type_address(&mut browser, "shop.example").await.status, 200);
}

#[tokio::test]
async fn what_came_to_nothing_on_the_open_page_is_in_no_feed_and_gone_within_a_day() {
    let world = World::with(&[], Switches { maintenance: true, ..Switches::default() }).await;
    assert_eq!(refused(&world.app, "192.0.2.1").await, None);
    world.shop.switch(|s| s.maintenance = false);
    let mut browser = world.merchant();
    let sent = type_address(&mut browser, "shop.example").await;
    browser.get(&Callback::of(&sent).denied()).await;
    assert_eq!(refused(&world.app, "192.0.2.2").await, None);
    world.clock.advance(Duration::from_hours(1));
    sweep::sweep(&world.app).await.unwrap();
    let stand = "SELECT status FROM attempts ORDER BY status";
    assert_eq!(column(&world.app.db, stand).await, ["denied", "expired", "failed"], "seen for a day");
    let funnel = overview::look(&world.app).await.unwrap().funnel;
    assert_eq!((funnel.begun, funnel.denied, funnel.expired, funnel.failed.len()), (3, 1, 1, 1));
    world.clock.advance(Duration::from_hours(23));
    sweep::sweep(&world.app).await.unwrap();
    assert_eq!(attempts(&world, "TRUE").await, 0);
    assert_eq!(overview::look(&world.app).await.unwrap().funnel, funnel, "still counted");
    assert_eq!(column(&world.app.db, "SELECT subject FROM budgets").await, Vec::<String>::new());
    assert_eq!(world.happened("attempt.%").await, Vec::<String>::new());
}

#[tokio::test]
async fn failed_attempts_of_the_open_page_are_bounded_the_oldest_go_first() {
    let world = World::with(&[], Switches { maintenance: true, ..Switches::default() }).await;
    fill(&world, 1_000, "CAST(i AS TEXT)", "failed", false).await;
    for _ in 0..31 {
        assert_eq!(refused(&world.app, "192.0.2.1").await, None);
        world.clock.advance(Duration::from_secs(20));
    }
    assert_eq!(attempts(&world, "TRUE").await, 1_000);
    assert_eq!(attempts(&world, "begun_from = '192.0.2.1'").await, 30);
    let oldest =
        column(&world.app.db, "SELECT MIN(begun_wide) FROM attempts WHERE begun_wide IN ('1', '30', '31')").await;
    assert_eq!(oldest, ["31"]);
    let funnel = overview::look(&world.app).await.unwrap().funnel;
    assert_eq!(funnel.begun, 1_031, "each was counted");
}

#[tokio::test]
async fn an_attempt_of_the_open_page_is_told_from_its_beginning_once_a_grant_comes() {
    let world = World::with(&[], Switches { firewall: Firewall::Sucuri, ..Switches::default() }).await;
    let mut browser = world.merchant();
    let warned = type_address(&mut browser, "shop.example").await;
    let sent = browser.submit(&warned, "Continue anyway", &[]).await;
    assert_eq!(sent.status, 200, "{}", warned.text());
    let (begun, from) = (world.clock.now(), browser.get(&format!("{KEYS}/connect")).await);
    assert_eq!((world.happened("attempt.%").await.len(), from.status), (0, 200));
    world.clock.advance(Duration::from_mins(5));
    world.shop.switch(|s| s.firewall = Firewall::None);
    browser.approve_on(sent).await;
    let told =
        "SELECT kind || ' ' || COALESCE(came_from, '-') || ' ' || CAST(at AS TEXT) || ' ' || COALESCE(reason, '-')
                FROM events WHERE kind IN ('attempt.begun', 'attempt.received') ORDER BY seq";
    let told = column(&world.app.db, told).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with(&format!("attempt.begun 127.0.0.1 {} blocked", begun.millis())), "{told:?}");
    assert!(told[1].starts_with("attempt.received"), "{told:?}");
    assert_eq!(column(&world.app.db, "SELECT COUNT(begun_request) || '' FROM attempts WHERE recorded").await, ["0"]);
}

#[tokio::test]
async fn a_link_that_is_tried_for_ever_fills_neither_the_feed_nor_the_database() {
    let world = World::with(&[], Switches { maintenance: true, ..Switches::default() }).await;
    let (mut browser, (id, link)) = (world.merchant(), world.link("merchant-1", json!({"expires_in": 86_400})).await);
    change(&world.app.db, "UPDATE links SET begun = 49").await;
    for _ in 0..30 {
        assert!(world.begin(&mut browser, &link).await.form("Check again").is_some());
        world.clock.advance(Duration::from_secs(20));
    }
    assert_eq!(world.happened("attempt.begun").await.len(), 1, "the fiftieth");
    assert_eq!(attempts(&world, "TRUE").await, 21);
    assert_eq!(world.stands(&id).await.0, "failed", "the newest is told");
    world.shop.switch(|s| s.maintenance = false);
    let sent = world.begin(&mut browser, &link).await;
    browser.approve_on(sent).await;
    assert_eq!(world.happened("attempt.begun").await.len(), 2, "and one that comes to something is on record");
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
