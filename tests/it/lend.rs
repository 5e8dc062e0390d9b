//! Lend: services receive keys, and every key returned is recorded.

use std::collections::HashSet;
use std::sync::Arc;

use cartkey::domain::actor::Actor;
use cartkey::domain::id::{RequestId, StoreId};
use cartkey::domain::secret::Secret;
use cartkey::flow::lending::lend::{self, Lent, Request, Which};
use cartkey::flow::{connecting::disconnect, lending::tokens};
use cartkey::storage::Pools;
use hyper::Method;
use serde_json::{Value, json};

use crate::database::{change, column};
use crate::on_record;
use crate::service::{Answer, Service};
use crate::world::{OTHER, SHOP, World};

async fn connected() -> (World, Service) {
    let world = World::new().await;
    world.connect("m").await;
    let service = world.service("keys:read").await;
    (world, service)
}

/// Connects the other store for the same merchant.
async fn connect_other(world: &World) {
    let (mut browser, _, link) = {
        let (id, url) = world.link("m", json!({"store_url": OTHER})).await;
        let mut browser = world.merchant();
        let sent = world.begin(&mut browser, &url).await;
        let back = browser.approve_on(sent).await;
        (browser, back, id)
    };
    world.prove().await;
    assert_eq!(world.stands(&link).await.0, "connected");
    browser.get("https://keys.example/livez").await;
}

async fn with_etag(service: &Service, etag: &str) -> Answer {
    service.ask(Method::GET, "/users/m/keys", &[("if-none-match", etag)], Vec::new()).await
}

#[tokio::test]
async fn keys_say_exactly_what_the_interface_promises() {
    let (world, service) = connected().await;
    let answer = service.get("/users/m/keys").await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["content-type"], "application/json");
    let issued = &world.shop.keys()[0];
    let id = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    let proven_at = column(&world.app.db, "SELECT CAST(issued_at AS TEXT) FROM keys").await.remove(0);
    let issued_at = cartkey::domain::time::Time::from_millis(proven_at.parse().unwrap()).to_string();
    let expected = json!({
        "store_id": id, "user_id": "m", "store_url": SHOP, "api_url": "https://shop.example/wp-json/wc/v3",
        "consumer_key": issued.consumer_key, "consumer_secret": issued.consumer_secret, "username": null, "password": null,
        "permissions": "read_write", "auth_method": "basic", "notes": [], "key_version": 1, "issued_at": issued_at,
    });
    assert_eq!(answer.json, expected);
    assert!(issued_at.ends_with('Z'));
    assert_eq!(service.get(&format!("/stores/{id}/keys")).await.ok(), expected);
}

#[tokio::test]
async fn a_service_that_has_the_newest_is_told_so_and_lends_nothing() {
    let (world, service) = connected().await;
    let first = service.get("/users/m/keys").await;
    let etag = first.headers["etag"].to_str().unwrap().to_owned();
    for has in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
        let same = with_etag(&service, &has).await;
        assert_eq!((same.status.as_u16(), &same.json), (304, &Value::Null), "{has}");
        assert_eq!(same.headers["etag"], etag.as_str());
        assert_eq!(same.headers["cache-control"], "no-store");
    }
    assert_eq!(on_record::lines(&world.app.db).await.len(), 1, "304 lends nothing, so nothing is recorded");
    assert_eq!(with_etag(&service, "\"other\"").await.status, 200);
    let id = first.text("store_id").to_owned();
    world.approved("m", json!({"store_id": id})).await;
    world.prove().await;
    let newer = with_etag(&service, &etag).await;
    assert_eq!((newer.status.as_u16(), newer.json["key_version"].as_i64()), (200, Some(2)));
    assert_ne!(newer.headers["etag"], etag.as_str());
}

#[tokio::test]
async fn of_several_stores_one_must_be_named() {
    let (world, service) = connected().await;
    connect_other(&world).await;
    let several = service.get("/users/m/keys").await;
    assert_eq!(several.problem(), (409, "several_stores"));
    let listed: HashSet<&str> =
        several.json["stores"].as_array().unwrap().iter().map(|s| s["store_url"].as_str().unwrap()).collect();
    assert_eq!(listed, HashSet::from([SHOP, OTHER]));
    for (named, url) in [(SHOP, SHOP), (OTHER, OTHER), ("other.example/wp-admin/", OTHER)] {
        assert_eq!(service.get(&format!("/users/m/keys?store_url={named}")).await.ok()["store_url"], url);
    }
    let unknown = service.get("/users/m/keys?store_url=third.example").await;
    assert_eq!(unknown.problem(), (404, "not_found"));
    // One that was given up does not stand in the way.
    let trusted = world.trusted_service().await;
    let id = service.get(&format!("/users/m/keys?store_url={OTHER}")).await.ok()["store_id"].clone();
    trusted.delete(&format!("/stores/{}", id.as_str().unwrap())).await.ok();
    assert_eq!(service.get("/users/m/keys").await.ok()["store_url"], SHOP);
}

#[tokio::test]
async fn a_store_that_is_not_connected_is_refused_with_its_status_and_reason() {
    let (world, service) = connected().await;
    let trusted = world.trusted_service().await;
    let id = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    let refused = async |status: &str, reason: Value| {
        for path in [format!("/stores/{id}/keys"), "/users/m/keys".to_owned()] {
            let answer = service.get(&path).await;
            assert_eq!(answer.problem(), (409, "store_not_connected"));
            assert_eq!((answer.text("store_status"), &answer.json["reason"]), (status, &reason));
        }
    };
    let check = async || {
        world.clock.advance(std::time::Duration::from_secs(5));
        trusted.post(&format!("/stores/{id}/check"), &json!({})).await.ok();
    };
    world.shop.switch(|s| s.server_error = true);
    check().await;
    assert_eq!(service.get("/users/m/keys").await.status, 200, "one failure says little");
    check().await;
    refused("unreachable", json!("server_error")).await;
    world.shop.switch(|s| s.server_error = false);
    check().await;
    assert_eq!(service.get("/users/m/keys").await.status, 200);
    world.shop.revoke(1);
    check().await;
    refused("unauthorized", json!("key_rejected")).await;
    trusted.delete(&format!("/stores/{id}")).await.ok();
    refused("disconnected", Value::Null).await;
    assert_eq!(on_record::lines(&world.app.db).await.len(), 2, "a refusal lends nothing");
}

#[tokio::test]
async fn what_nobody_knows_is_404() {
    let (world, service) = connected().await;
    let fresh = StoreId::mint(world.clock.now(), &world.app.entropy);
    for path in ["/users/nobody/keys".to_owned(), format!("/stores/{fresh}/keys"), "/stores/st_x/keys".to_owned()] {
        assert_eq!(service.get(&path).await.problem(), (404, "not_found"), "{path}");
    }
}

#[tokio::test]
async fn each_lent_key_is_on_the_record_before_the_answer_leaves() {
    let (world, service) = connected().await;
    let store = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    for n in 1..=3 {
        let answer = service.get("/users/m/keys").await;
        let request = answer.headers["x-request-id"].to_str().unwrap().to_owned();
        let row = format!("{request} {} {store} 1 127.0.0.1", service.token_id);
        let record = on_record::lines(&world.app.db).await;
        assert_eq!(record.len(), n);
        assert!(record.contains(&row), "{record:?} lacks {row}");
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_recorded_does_not_leave() {
    // U1: the record's table is gone, so its insert fails, as on a full disk.
    let (world, service) = connected().await;
    service.get("/users/m/keys").await.ok();
    change(&world.app.db, "ALTER TABLE read_journal RENAME TO gone").await;
    let refused = service.get("/users/m/keys").await;
    assert_eq!(refused.problem(), (503, "unavailable"));
    assert!(refused.headers.contains_key("retry-after"));
    assert!(!refused.json.to_string().contains("ck_"));
    change(&world.app.db, "ALTER TABLE gone RENAME TO read_journal").await;
    service.get("/users/m/keys").await.ok();
    assert_eq!(on_record::lines(&world.app.db).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_reads_at_once_have_a_row_each() {
    let (world, service) = connected().await;
    let service = Arc::new(service);
    let mut reads = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (app, service) = (world.app.clone(), Arc::clone(&service));
        reads.spawn(async move { lent(&app, &service.token).await });
    }
    assert!(reads.join_all().await.into_iter().all(|version| version == Ok(1)));
    let ids: HashSet<u128> = on_record::all(&world.app.db).await.into_iter().map(|read| read.id).collect();
    assert_eq!(ids.len(), 200);
    let commits = commits(&world).await;
    assert!((1..=100).contains(&commits), "{commits} commits for 200 reads");
}

/// The number of transactions that wrote key reads.
async fn commits(world: &World) -> usize {
    if let Pools::Postgres(_) = world.app.db.pools() {
        return column(&world.app.db, "SELECT batch FROM read_journal").await.len();
    }
    // SQLite: the WAL's frames that end a transaction name the database's size, in 4 bytes after the page's number.
    let wal = std::fs::read(world.folder.path().join("cartkey.db-wal")).unwrap();
    let number = |at: usize| u32::from_be_bytes(wal[at..at + 4].try_into().unwrap());
    let frame = 24 + usize::try_from(number(8)).unwrap();
    let all = (0..(wal.len() - 32) / frame).filter(|n| number(32 + n * frame + 4) != 0).count();
    assert!(all > 0, "the WAL was read");
    // Those of the story before are fewer than a hundred, and counted here too.
    all
}

/// The version of the key that `app` returns for `token`, or the error.
async fn lent(app: &cartkey::app::App, token: &str) -> Result<i64, String> {
    lent_to(app, token, "m").await
}

/// The same for the store of this merchant.
async fn lent_to(app: &cartkey::app::App, token: &str, merchant: &str) -> Result<i64, String> {
    let (token, id) = (Secret::new(token.to_owned()), RequestId::mint(app.now(), &app.entropy));
    let request = Request { token: &token, id: &id, from: [127, 0, 0, 1].into(), has: None };
    match lend::keys(app, &request, &Which::User(merchant.parse().unwrap(), None)).await {
        Ok(Lent::Keys(keys)) => Ok(keys.version()),
        Ok(Lent::Same(_)) => Ok(0),
        Err(why) => Err(why.to_string()),
    }
}

#[tokio::test]
async fn a_new_key_version_is_served_at_once_everywhere() {
    let (world, service) = connected().await;
    let replica = world.replica().await;
    assert_eq!((lent(&world.app, &service.token).await, lent(&replica, &service.token).await), (Ok(1), Ok(1)));
    let id = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    world.approved("m", json!({"store_id": id})).await;
    world.prove().await;
    assert_eq!((lent(&replica, &service.token).await, lent(&world.app, &service.token).await), (Ok(2), Ok(2)));
}

#[tokio::test]
async fn a_revoked_token_lends_nothing_at_once_anywhere() {
    let (world, service) = connected().await;
    let replica = world.replica().await;
    assert_eq!((lent(&world.app, &service.token).await, lent(&replica, &service.token).await), (Ok(1), Ok(1)));
    assert!(tokens::revoke(&world.app, &service.token_id.parse().unwrap(), &Actor::new("test")).await.unwrap());
    let refused = Err("the token is unknown, revoked or expired".to_owned());
    assert_eq!(
        (lent(&replica, &service.token).await, lent(&world.app, &service.token).await),
        (refused.clone(), refused)
    );
    assert_eq!(on_record::lines(&world.app.db).await.len(), 2, "what was refused is not on the record of what left");
}

#[tokio::test]
async fn a_disconnected_store_lends_nothing_at_once_anywhere() {
    let (world, service) = connected().await;
    let replica = world.replica().await;
    assert_eq!((lent(&world.app, &service.token).await, lent(&replica, &service.token).await), (Ok(1), Ok(1)));
    let id = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    disconnect::disconnect(&world.app, &id.parse().unwrap(), &Actor::new("test")).await.unwrap();
    let refused = Err("the store is disconnected".to_owned());
    assert_eq!(
        (lent(&replica, &service.token).await, lent(&world.app, &service.token).await),
        (refused.clone(), refused)
    );
}

#[tokio::test]
async fn a_second_store_makes_the_only_one_several_at_once_everywhere() {
    let (world, service) = connected().await;
    let replica = world.replica().await;
    assert_eq!(lent(&replica, &service.token).await, Ok(1));
    connect_other(&world).await;
    assert_eq!(lent(&replica, &service.token).await, Err("the merchant has several stores".to_owned()));
}

#[tokio::test]
async fn what_changes_at_one_store_leaves_the_others_in_memory_everywhere() {
    let (world, service) = connected().await;
    world.approved("n", json!({})).await;
    world.prove().await;
    let (replica, token) = (world.replica().await, &service.token);
    for app in [&world.app, &replica] {
        assert_eq!((lent_to(app, token, "m").await, lent_to(app, token, "n").await), (Ok(1), Ok(1)));
    }
    let id = column(&world.app.db, "SELECT id FROM stores WHERE user_id = 'n'").await.remove(0);
    disconnect::disconnect(&world.app, &id.parse().unwrap(), &Actor::new("test")).await.unwrap();
    // What is in memory is lent without the table.
    change(&world.app.db, "ALTER TABLE stores RENAME TO gone").await;
    for app in [&world.app, &replica] {
        assert_eq!(lent_to(app, token, "m").await, Ok(1));
        lent_to(app, token, "n").await.unwrap_err();
    }
    // Somebody who does not say what has changed may have changed everything.
    change(&world.app.db, "UPDATE counters SET n = n + 1 WHERE name = 'lending'").await;
    for app in [&world.app, &replica] {
        lent_to(app, token, "m").await.unwrap_err();
    }
    change(&world.app.db, "ALTER TABLE gone RENAME TO stores").await;
    for app in [&world.app, &replica] {
        assert_eq!(lent_to(app, token, "m").await, Ok(1));
        assert_eq!(lent_to(app, token, "n").await, Err("the store is disconnected".to_owned()));
    }
}

#[tokio::test]
async fn of_the_changes_at_stores_the_newest_ten_thousand_are_stored() {
    let (world, service) = connected().await;
    let replica = world.replica().await;
    assert_eq!(lent(&replica, &service.token).await, Ok(1));
    // As if that many had changed since: this one is the last that is stored.
    let later = "UPDATE counters SET n = 20000 WHERE name = 'lending';
                 INSERT INTO lending_changes (n) VALUES (5000), (15000)";
    change(&world.app.db, later).await;
    assert!(tokens::revoke(&world.app, &service.token_id.parse().unwrap(), &Actor::new("test")).await.unwrap());
    assert_eq!(
        column(&world.app.db, "SELECT CAST(n AS TEXT) FROM lending_changes ORDER BY n").await,
        ["15000", "20001"]
    );
    lent(&replica, &service.token).await.unwrap_err();
}

#[tokio::test]
async fn a_token_that_expires_stops_lending_from_memory_too() {
    let (world, _) = connected().await;
    let lives = std::time::Duration::from_mins(1);
    let new = tokens::NewToken { lives: Some(lives), ..tokens::NewToken::new("brief", "keys:read".parse().unwrap()) };
    let brief = world.holder(new).await;
    assert_eq!(lent(&world.app, &brief.token).await, Ok(1));
    world.clock.advance(lives);
    assert_eq!(lent(&world.app, &brief.token).await, Err("the token is unknown, revoked or expired".to_owned()));
}
