//! Links and stores in the service API.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use cartkey::domain::entropy::Entropy;
use cartkey::domain::id::StoreId;
use serde_json::{Value, json};

use crate::admin_stores::make_searchable;
use crate::database::{change, column};
use crate::world::{BEGINNING, SHOP, World};

#[tokio::test]
async fn a_link_says_everything_but_the_secret_that_opens_it() {
    let world = World::new().await;
    let service = world.service("links:write").await;
    let new = json!({
        "user_id": "m-1", "account_label": "Ann’s account", "store_url": "HTTP://www.Shop.example/wp-admin/",
        "scope": "read", "return_url": "https://app.example/done?x=1", "confirm": "app", "expires_in": 60,
    });
    let made = service.post("/links", &new).await;
    assert_eq!(made.status, 201);
    let members: BTreeSet<&String> = made.json.as_object().unwrap().keys().collect();
    assert_eq!(members.into_iter().collect::<Vec<_>>(), ["expires_at", "id", "url", "user_id", "warning"]);
    assert_eq!(made.json["expires_at"], BEGINNING.plus(Duration::from_mins(1)).to_string());
    let secret = made.text("url").strip_prefix("https://keys.example/connect/").unwrap();
    assert_eq!(secret.len(), 43);
    let seen = service.get(&format!("/links/{}", made.text("id"))).await.ok();
    assert!(!seen.to_string().contains(secret));
    for (name, value) in [
        ("id", made.json["id"].clone()),
        ("user_id", json!("m-1")),
        ("account_label", json!("Ann’s account")),
        ("store_url", json!("https://www.shop.example")),
        ("store_id", Value::Null),
        ("scope", json!("read")),
        ("return_url", json!("https://app.example/done?x=1")),
        ("confirm", json!("app")),
        ("created_at", json!(BEGINNING.to_string())),
        ("attempt", Value::Null),
    ] {
        assert_eq!(seen[name], value, "{name}");
    }
}

#[tokio::test]
async fn a_link_tells_how_its_newest_attempt_stands() {
    let world = World::new().await;
    let (_, _, link) = world.approved("m", json!({})).await;
    assert_eq!(world.stands(&link).await.0, "received");
    world.prove().await;
    let seen = world.service("links:write").await.get(&format!("/links/{link}")).await.ok();
    let store = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    let attempt = column(&world.app.db, "SELECT id FROM attempts").await.remove(0);
    let expected = json!({"id": attempt, "status": "connected", "reason": null, "store_id": store});
    assert_eq!(seen["attempt"], expected);
}

#[tokio::test]
async fn a_link_lives_half_an_hour_unless_it_is_told_otherwise() {
    let world = World::new().await;
    let (_, url) = world.link("m", json!({})).await;
    world.clock.advance(Duration::from_millis(30 * 60_000 - 1));
    assert_eq!(world.merchant().get(&url).await.status, 200);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.merchant().get(&url).await.status, 404);
}

#[tokio::test]
async fn a_store_is_shown_whole_and_without_secrets() {
    let world = World::new().await;
    world.connect("m").await;
    let service = world.trusted_service().await;
    let id = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    let seen = service.get(&format!("/stores/{id}")).await.ok();
    let issued = &world.shop.keys()[0];
    let at = BEGINNING.plus(Duration::from_secs(1)).to_string();
    let expected = json!({
        "id": id, "user_id": "m", "url": SHOP, "name": "Cups & Plates", "status": "connected", "reason": null,
        "scope": "read_write", "key_id": 1, "key_last7": issued.consumer_key[36..], "key_version": 1,
        "auth_method": "basic", "woocommerce_version": "11.0.1", "wordpress_version": "7.0.4", "moved_to": null,
        "connected_at": at, "checked_at": at, "changed_at": at,
    });
    assert_eq!(seen, expected);
    assert_eq!(service.get("/stores").await.ok(), json!({"data": [expected], "next_cursor": null}));
}

#[tokio::test]
async fn a_check_asks_the_store_now_and_answers_with_what_it_told() {
    let world = World::new().await;
    world.connect("m").await;
    let service = world.trusted_service().await;
    let id = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    let path = format!("/stores/{id}/check");
    world.clock.advance(Duration::from_mins(5));
    let checked = service.post(&path, &json!({})).await.ok();
    assert_eq!((&checked["status"], &checked["reason"]), (&json!("connected"), &Value::Null));
    assert_eq!(checked["checked_at"], world.clock.now().to_string());
    assert_ne!(checked["changed_at"], checked["checked_at"]);
    world.shop.demote("admin");
    world.clock.advance(Duration::from_secs(5));
    let checked = service.post(&path, &json!({})).await.ok();
    assert_eq!((&checked["status"], &checked["reason"]), (&json!("unauthorized"), &json!("role_lost")));
    assert_eq!(checked["changed_at"], world.clock.now().to_string());
    let actor = column(&world.app.db, "SELECT actor FROM events WHERE kind = 'store.unauthorized'").await;
    assert_eq!(actor, [service.token_id.as_str()]);
    world.clock.advance(Duration::from_secs(5));
    service.post(&path, &json!({})).await.ok();
    let told = column(&world.app.db, "SELECT kind FROM events WHERE kind = 'store.unauthorized'").await;
    assert_eq!(told.len(), 1, "only a change is an event");
    let unknown = StoreId::mint(world.clock.now(), &Entropy::System);
    assert_eq!(service.post(&format!("/stores/{unknown}/check"), &json!({})).await.problem(), (404, "not_found"));
}

#[tokio::test]
async fn a_disconnected_store_is_wiped_and_says_where_its_key_is_revoked() {
    let world = World::new().await;
    world.connect("m").await;
    let service = world.trusted_service().await;
    let id = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    let last7 = world.shop.keys()[0].consumer_key[36..].to_owned();
    let first = service.delete(&format!("/stores/{id}")).await.ok();
    assert_eq!(first["key_last7"], last7.as_str());
    assert!(column(&world.app.db, "SELECT id FROM keys WHERE sealed IS NOT NULL").await.is_empty());
    assert_eq!(service.delete(&format!("/stores/{id}")).await.ok(), first, "twice is as once");
    let told = column(&world.app.db, "SELECT kind FROM events WHERE kind = 'store.disconnected'").await;
    assert_eq!(told.len(), 1);
    assert_eq!(service.get(&format!("/stores/{id}")).await.ok()["status"], "disconnected");
    // The address opens the store's own page of that key.
    let mut merchant = world.merchant();
    merchant.post_form(&format!("{SHOP}/wp-login.php"), &[("log", "admin"), ("pwd", "demo")]).await;
    let page = merchant.get(first["revoke_url"].as_str().unwrap()).await;
    assert!(page.text().contains(&last7) && page.text().contains("Revoke"), "{}", page.text());
    // A check of what is given up changes nothing and asks nobody.
    let asked = world.shop.requests().len();
    assert_eq!(service.post(&format!("/stores/{id}/check"), &json!({})).await.ok()["status"], "disconnected");
    assert_eq!(world.shop.requests().len(), asked);
}

/// 120 stores of 40 merchants, inserted directly into the database; every third is unreachable.
async fn with_120_stores() -> World {
    let world = World::new().await;
    let mut rows = String::new();
    for n in 0..120_u64 {
        let id = StoreId::mint(BEGINNING.plus(Duration::from_millis(n)), &Entropy::System);
        let status = if n % 3 == 0 { "unreachable" } else { "connected" };
        let comma = if n == 0 { "" } else { "," };
        write!(
            rows,
            "{comma}('{id}', 'u{}', 'https://s{n:03}.example', 'Shop 100%_{n} \\', '{status}', 'read', 1, 'abcdefg', 1,
              'basic', 0, 0, 0)",
            n % 40
        )
        .unwrap();
    }
    let sql = format!(
        "INSERT INTO stores (id, user_id, home, name, status, scope, woo_key_id, key_last7, key_version, auth_method,
                             connected_at, checked_at, changed_at) VALUES {rows}"
    );
    assert_eq!(change(&world.app.db, &sql).await, 120);
    make_searchable(&world.app.db).await;
    world
}

#[tokio::test]
async fn a_long_list_is_paged_in_order_with_none_missing_and_none_twice() {
    let world = with_120_stores().await;
    let service = world.service("stores:read").await;
    for (limit, pages) in [("", 3), ("&limit=200", 1), ("&limit=120", 1), ("&limit=7", 18), ("&limit=60", 2)] {
        let (mut seen, mut cursor, mut asked) = (Vec::new(), String::new(), 0);
        loop {
            let page = service.get(&format!("/stores?cursor={cursor}{limit}")).await.ok();
            asked += 1;
            seen.extend(page["data"].as_array().unwrap().iter().map(|s| s["url"].as_str().unwrap().to_owned()));
            let Some(next) = page["next_cursor"].as_str() else { break };
            next.clone_into(&mut cursor);
        }
        let all: Vec<String> = (0..120).map(|n| format!("https://s{n:03}.example")).collect();
        assert_eq!((seen, asked), (all, pages), "{limit}");
    }
}

#[tokio::test]
async fn a_list_is_narrowed_by_merchant_status_and_text() {
    let world = with_120_stores().await;
    let service = world.service("stores:read").await;
    for (query, found) in [
        ("user_id=u7", 3),
        ("user_id=U7", 0),
        ("status=unreachable&limit=200", 40),
        ("status=disconnected", 0),
        ("user_id=u7&status=unreachable", 1),
        ("q=S007.EXAMPLE", 1),
        ("q=https%3A%2F%2Fwww.s007.example%2Fwp-admin%2F", 1),
        ("q=s00&limit=200", 10),
        ("q=shop%20100%25_7%20", 1),
        ("q=SHOP%20s007", 1),
        ("q=s007%20s008", 0),
        ("q=hop", 50),
        ("q=sh", 50),
        ("q=ho", 0),
        ("q=10", 1),
        ("q=%25", 0),
        ("q=_", 0),
        ("q=1__", 1),
        ("q=*", 0),
        ("q=%22s007%22%20OR%20x", 0),
        ("q=%20", 50),
        ("q='%20OR%201=1", 0),
        ("q=u39&user_id=u39", 3),
        ("q=", 50),
    ] {
        let page = service.get(&format!("/stores?{query}")).await.ok();
        assert_eq!(page["data"].as_array().unwrap().len(), found, "{query}");
    }
    let id = column(&world.app.db, "SELECT id FROM stores WHERE home = 'https://s007.example'").await.remove(0);
    for (query, found) in
        [(format!("q={id}"), 1), (format!("q={}", id.to_uppercase()), 1), (format!("q={}", &id[..28]), 0)]
    {
        let page = service.get(&format!("/stores?{query}")).await.ok();
        assert_eq!(page["data"].as_array().unwrap().len(), found, "{query}");
    }
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("limit=-1", "limit"),
        ("cursor=st_x", "cursor"),
        ("cursor=1", "cursor"),
        ("status=gone", "status"),
        ("user_id=a%20b", "user_id"),
        ("bogus=1", "bogus"),
        ("limit=5&limit=6", "limit"),
    ] {
        let answer = service.get(&format!("/stores?{query}")).await;
        assert_eq!((answer.problem(), answer.text("field")), ((400, "invalid_request"), field), "{query}");
    }
}
