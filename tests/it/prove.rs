//! Prove: the verdict on a new key, found in the background: authentication methods, retries and refusals.

use std::time::Duration;

use cartkey::demo::pretend_store::{Firewall, Role, Switches};
use cartkey::domain::entropy::Entropy;
use cartkey::domain::key::{AuthMethod, KeyPair};
use cartkey::domain::scope::Scope;
use cartkey::domain::secret::Secret;
use cartkey::domain::store_url::{Network, StoreUrl};
use cartkey::woo::Call;
use cartkey::woo::auth::{Ask, authenticate};
use hyper::Method;
use serde_json::{Value, json};

use crate::world::{OTHER, SHOP, World};

type Turn = fn(&mut Switches);
type Happens = fn(&World);

/// The shop's status for a client that uses `keys` exactly as Keys states.
pub async fn status_with(world: &World, keys: &Value) -> u16 {
    let text = |name: &str| keys[name].as_str().unwrap();
    let pair = KeyPair {
        consumer_key: Secret::new(text("consumer_key").to_owned()),
        consumer_secret: Secret::new(text("consumer_secret").to_owned()),
    };
    let how = AuthMethod::LADDER.into_iter().find(|method| method.as_str() == text("auth_method")).unwrap();
    let home = StoreUrl::parse(text("store_url"), Network::Public).unwrap();
    let address = format!("{}/orders", text("api_url"));
    let ask = Ask { method: Method::GET, home: &home, address: &address, query: &[] };
    let ready = authenticate(&ask, &pair, how, world.clock.now(), &Entropy::System);
    let call = Call {
        method: Method::GET,
        url: ready.url.expose(),
        headers: ready.headers,
        body: Vec::new(),
        within: Duration::from_secs(10),
        at_most: 1 << 20,
    };
    world.client().send(call).await.unwrap().status.as_u16()
}

#[tokio::test]
async fn each_rung_of_the_ladder_is_learned_and_works_as_keys_says() {
    let rungs: [(Turn, &str); 5] = [
        (|_| (), "basic"),
        (|s| s.authorization_stripped = true, "query"),
        (|s| s.plain_keys_dropped = true, "oauth1"),
        (|s| s.https_hidden = true, "oauth1_http"),
        (|s| (s.https_hidden, s.authorization_stripped) = (true, true), "oauth1_http"),
    ];
    for (turn, method) in rungs {
        let world = World::new().await;
        world.shop.switch(turn);
        let page = world.connect("m").await;
        assert!(page.text().contains("shop.example is connected"), "{method}: {}", page.text());
        let keys = world.service("keys:read").await.get("/users/m/keys").await.ok();
        assert_eq!(keys["auth_method"], method);
        assert_eq!(status_with(&world, &keys).await, 200, "{method}");
    }
}

#[tokio::test]
async fn a_key_is_first_tried_one_second_after_it_came() {
    let world = World::new().await;
    world.approved("m", json!({})).await;
    assert_eq!(world.pass(Duration::from_millis(999)).await, 0);
    assert_eq!(world.pass(Duration::from_millis(1)).await, 1);
    assert_eq!(world.pass(Duration::from_hours(24)).await, 0, "a key that is connected is not tried again");
}

#[tokio::test]
async fn a_store_that_cannot_be_asked_now_is_asked_again_and_then_connects() {
    let troubles: [(Turn, &str, u64); 6] = [
        (|s| s.server_error = true, "server_error", 5),
        (|s| s.maintenance = true, "maintenance", 600),
        (|s| s.rate_limited = Some(90), "rate_limited", 90),
        (|s| s.rate_limited = Some(1), "rate_limited", 5),
        (|s| s.firewall = Firewall::Cloudflare, "blocked_by_cloudflare", 5),
        (|s| s.rest_closed = true, "rest_closed", 5),
    ];
    for (turn, reason, wait) in troubles {
        let world = World::new().await;
        let (mut browser, waiting, link) = world.approved("m", json!({})).await;
        world.shop.switch(turn);
        assert_eq!(world.prove().await, 1);
        assert_eq!(world.stands(&link).await, ("proving".to_owned(), reason.to_owned()));
        assert_eq!(world.pass(Duration::from_millis(wait * 1_000 - 1)).await, 0, "{reason}");
        world.shop.switch(|s| *s = Switches::default());
        assert_eq!(world.pass(Duration::from_millis(1)).await, 1, "{reason}");
        assert_eq!(world.stands(&link).await, ("connected".to_owned(), String::new()), "{reason}");
        let page = browser.get(waiting.url.as_str()).await;
        assert!(page.text().contains("shop.example is connected"), "{}", page.text());
    }
}

#[tokio::test]
async fn a_store_that_stays_away_ends_in_a_failed_attempt_with_its_sentence() {
    let world = World::new().await;
    let (mut browser, waiting, link) = world.approved("m", json!({})).await;
    world.shop.stop();
    assert_eq!(world.prove().await, 1);
    for wait in [5, 30, 75, 300, 900, 3_600] {
        assert_eq!(world.stands(&link).await, ("proving".to_owned(), "connect_failed".to_owned()));
        assert_eq!(world.pass(Duration::from_secs(wait - 1)).await, 0, "before {wait} s");
        assert_eq!(world.pass(Duration::from_secs(1)).await, 1, "after {wait} s");
    }
    assert_eq!(world.stands(&link).await, ("failed".to_owned(), "connect_failed".to_owned()));
    assert_eq!(world.happened("attempt.failed").await, ["attempt.failed connect_failed cartkey"]);
    assert_eq!(world.pass(Duration::from_hours(24)).await, 0);
    let page = browser.get(waiting.url.as_str()).await;
    assert!(page.text().contains("Nothing answers at shop.example"), "{}", page.text());
}

#[tokio::test]
async fn a_refusal_ends_an_attempt_only_when_it_is_heard_twice() {
    let cases: [(Happens, &str, &str); 3] = [
        (|w| w.shop.revoke(1), "key_rejected", "does not accept the key that it has just created"),
        (|w| w.shop.demote("admin"), "role_lost", "is not allowed to read its orders"),
        (|w| w.shop.switch(|s| s.claims_home = Some(OTHER.to_owned())), "other_store", "belongs to a store other than"),
    ];
    for (happens, reason, sentence) in cases {
        let world = World::new().await;
        let (mut browser, waiting, link) = world.approved("m", json!({})).await;
        happens(&world);
        assert_eq!(world.prove().await, 1);
        assert_eq!(world.stands(&link).await, ("proving".to_owned(), reason.to_owned()));
        assert_eq!(world.pass(Duration::from_secs(5)).await, 1);
        assert_eq!(world.stands(&link).await, ("failed".to_owned(), reason.to_owned()));
        assert_eq!(world.happened("attempt.failed").await, [format!("attempt.failed {reason} cartkey")]);
        let page = browser.get(waiting.url.as_str()).await;
        assert!(page.text().contains(sentence), "{}", page.text());
        assert_eq!(world.service("keys:read").await.get("/users/m/keys").await.problem(), (404, "not_found"));
    }
}

#[tokio::test]
async fn one_refusal_after_other_trouble_is_still_only_one() {
    let world = World::new().await;
    let (_, _, link) = world.approved("m", json!({})).await;
    world.shop.switch(|s| s.server_error = true);
    world.prove().await;
    world.shop.switch(|s| s.server_error = false);
    world.shop.demote("admin");
    assert_eq!(world.pass(Duration::from_secs(5)).await, 1);
    assert_eq!(world.stands(&link).await, ("proving".to_owned(), "role_lost".to_owned()));
    world.shop.promote("admin", Role::Administrator);
    assert_eq!(world.pass(Duration::from_secs(5)).await, 1);
    assert_eq!(world.stands(&link).await.0, "connected");
}

#[tokio::test]
async fn a_scope_other_than_the_asked_one_is_said_and_the_granted_one_is_lent() {
    let cases = [
        ("read_write", Scope::Read, "scope_narrower", "granted less access than requested"),
        ("read_write", Scope::Write, "scope_narrower", "granted less access than requested"),
        ("write", Scope::ReadWrite, "scope_wider", "granted more access than requested"),
        ("read", Scope::ReadWrite, "scope_wider", "granted more access than requested"),
        ("read", Scope::Write, "scope_narrower", "granted less access than requested"),
    ];
    for (asked, granted, reason, sentence) in cases {
        let world = World::new().await;
        let (mut browser, waiting, link) = {
            world.shop.switch(|s| s.grants_instead = Some(granted));
            world.approved("m", json!({"scope": asked})).await
        };
        world.prove().await;
        assert_eq!(world.stands(&link).await, ("connected".to_owned(), reason.to_owned()), "{asked} {granted}");
        let page = browser.get(waiting.url.as_str()).await;
        assert!(page.text().contains(sentence), "{}", page.text());
        let keys = world.service("keys:read").await.get("/users/m/keys").await.ok();
        assert_eq!(keys["permissions"], granted.as_str(), "{asked}");
    }
}

#[tokio::test]
async fn each_scope_can_be_asked_and_is_proven_for_what_it_is() {
    for scope in ["read", "write", "read_write"] {
        let world = World::new().await;
        let (_, _, link) = world.approved("m", json!({"scope": scope})).await;
        world.prove().await;
        assert_eq!(world.stands(&link).await, ("connected".to_owned(), String::new()), "{scope}");
        let keys = world.service("keys:read").await.get("/users/m/keys").await.ok();
        assert_eq!(keys["permissions"], scope);
        let wrote = world.shop.requests().iter().any(|seen| seen.method == "POST" && seen.target.contains("/batch"));
        assert_eq!(wrote, scope != "read", "a key for reading is not tried at writing");
    }
}

#[tokio::test]
async fn a_store_that_lies_about_the_permissions_is_not_believed() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (link, url) = world.link("m", json!({"scope": "read_write"})).await;
    let sent = world.begin(&mut browser, &url).await;
    let key = world.shop.issue_key("admin", Scope::Read);
    assert_eq!(world.post_grant(&sent, &key, "read_write").await, 200);
    world.pass(Duration::from_secs(75)).await;
    assert_eq!(world.stands(&link).await, ("awaiting_confirmation".to_owned(), "scope_narrower".to_owned()));
}

#[tokio::test]
async fn notices_of_php_before_the_answer_are_a_remark_and_no_failure() {
    let world = World::new().await;
    let (mut browser, waiting, link) = world.approved("m", json!({})).await;
    world.shop.switch(|s| s.notices = true);
    world.prove().await;
    assert_eq!(world.stands(&link).await, ("connected".to_owned(), "noisy_answer".to_owned()));
    let page = browser.get(waiting.url.as_str()).await;
    assert!(page.text().contains("adds other text to its API responses"), "{}", page.text());
    assert_eq!(world.service("keys:read").await.get("/users/m/keys").await.ok()["store_url"], SHOP);
}

#[tokio::test]
async fn a_store_that_moved_is_told_where() {
    let world = World::new().await;
    let (mut browser, waiting, link) = world.approved("m", json!({"expires_in": 604_800})).await;
    world.shop.switch(|s| s.claims_home = Some("https://www.shop.example".to_owned()));
    world.prove().await;
    while world.stands(&link).await.0 == "proving" {
        world.pass(Duration::from_hours(1)).await;
    }
    assert_eq!(world.stands(&link).await, ("failed".to_owned(), "moved".to_owned()));
    let page = browser.get(waiting.url.as_str()).await;
    assert!(page.text().contains("It now reports www.shop.example as its address."), "{}", page.text());
    // Who tries again need not type it.
    let again = browser.click(&page, "Try again").await;
    assert!(again.body.contains("value=\"https://www.shop.example\""), "{}", again.body);
}
