//! A token limited to some merchants cannot see any other, anywhere; and tokens are rotated.

use std::time::Duration;

use cartkey::domain::actor::Actor;
use cartkey::domain::id::{RequestId, TokenId};
use cartkey::domain::secret::Secret;
use cartkey::flow::lending::lend::{self, Lent, Which};
use cartkey::flow::lending::tokens::{self, NewToken, RotateError};
use hyper::StatusCode;
use serde_json::{Value, json};

use crate::admin_stores::make_searchable;
use crate::database::{change, column};
use crate::on_record;
use crate::service::Service;
use crate::world::{OTHER, SHOP, World};

const ALL: &str = "keys:read,stores:read,stores:write,links:write,events:read";
const HOUR: Duration = Duration::from_hours(1);

/// A service with all permissions, limited to the stores of `users`.
async fn limited(world: &World, users: &str) -> Service {
    let users = Some(users.parse().unwrap());
    world.holder(NewToken { users, ..NewToken::new("limited", ALL.parse().unwrap()) }).await
}

/// Two merchants, `ours` and `theirs`, have connected the shop; returns both store ids.
async fn two_merchants() -> (World, String, String) {
    let world = World::new().await;
    world.connect("ours").await;
    world.connect("theirs").await;
    let of = async |user: &str| {
        column(&world.app.db, &format!("SELECT id FROM stores WHERE user_id = '{user}'")).await.remove(0)
    };
    let (ours, theirs) = (of("ours").await, of("theirs").await);
    (world, ours, theirs)
}

#[tokio::test]
async fn keys_of_other_merchants_are_not_there_also_when_memory_knows_them() {
    let (world, ours, theirs) = two_merchants().await;
    let service = limited(&world, "ours\nnobody-yet").await;
    assert_eq!(service.get(&format!("/stores/{theirs}/keys")).await.problem(), (404, "not_found"));
    // Now memory knows the store, by way of somebody who may have it.
    let trusted = world.trusted_service().await;
    for path in [format!("/stores/{theirs}/keys"), "/users/theirs/keys".to_owned()] {
        assert_eq!(trusted.get(&path).await.status, 200);
        assert_eq!(service.get(&path).await.problem(), (404, "not_found"), "{path}");
    }
    for path in [format!("/stores/{ours}/keys"), "/users/ours/keys".to_owned()] {
        assert_eq!(service.get(&path).await.ok()["user_id"], "ours");
    }
    assert_eq!(service.get("/users/nobody-yet/keys").await.problem(), (404, "not_found"));
    let readers = on_record::lines(&world.app.db).await;
    let stranger = format!(" {} {theirs} ", service.token_id);
    assert!(!readers.iter().any(|line| line.contains(&stranger)), "{readers:?}");
}

#[tokio::test]
async fn how_a_store_of_another_merchant_stands_is_not_told_either() {
    let (world, _, theirs) = two_merchants().await;
    let service = limited(&world, "ours").await;
    world.trusted_service().await.delete(&format!("/stores/{theirs}")).await.ok();
    for path in [format!("/stores/{theirs}/keys"), "/users/theirs/keys".to_owned()] {
        assert_eq!(service.get(&path).await.problem(), (404, "not_found"), "{path}");
    }
    // The same words as for what never was.
    let foreign = service.get(&format!("/stores/{theirs}/keys")).await;
    let unknown = service.get("/stores/st_01jd0000000000000000000000/keys").await;
    assert_eq!(foreign.text("detail"), unknown.text("detail"));
}

#[tokio::test]
async fn stores_of_other_merchants_cannot_be_seen_checked_or_disconnected() {
    let (world, ours, theirs) = two_merchants().await;
    let service = limited(&world, "ours").await;
    let asked = world.shop.requests().len();
    let path = format!("/stores/{theirs}");
    assert_eq!(service.get(&path).await.problem(), (404, "not_found"));
    assert_eq!(service.post(&format!("{path}/check"), &json!({})).await.problem(), (404, "not_found"));
    assert_eq!(service.delete(&path).await.problem(), (404, "not_found"));
    assert_eq!(world.shop.requests().len(), asked, "their store was not asked");
    assert_eq!(world.trusted_service().await.get(&path).await.ok()["status"], "connected");
    let path = format!("/stores/{ours}");
    assert_eq!(service.get(&path).await.ok()["id"], ours.as_str());
    assert_eq!(service.post(&format!("{path}/check"), &json!({})).await.ok()["status"], "connected");
    assert_eq!(service.delete(&path).await.status, 200);
}

#[tokio::test]
async fn links_are_made_and_followed_for_its_own_merchants_alone() {
    let world = World::new().await;
    let service = limited(&world, "ours").await;
    let refused = service.post("/links", &json!({"user_id": "theirs"})).await;
    assert_eq!((refused.problem(), refused.text("field")), ((422, "invalid_request"), "user_id"));
    let made = service.post("/links", &json!({"user_id": "ours", "store_url": SHOP})).await.ok();
    assert_eq!(service.get(&format!("/links/{}", made["id"].as_str().unwrap())).await.ok()["user_id"], "ours");
    let (theirs, _) = world.link("theirs", json!({})).await;
    assert_eq!(service.get(&format!("/links/{theirs}")).await.problem(), (404, "not_found"));
}

#[tokio::test]
async fn an_approval_of_another_merchant_is_not_its_to_confirm() {
    let world = World::new().await;
    let more = json!({"return_url": "https://app.example/done", "confirm": "app"});
    let (mut browser, page, _) = world.approved("theirs", more).await;
    world.prove().await;
    let page = browser.get(page.url.as_str()).await;
    let there = browser.follow(&page, &page.link("Continue to").expect("the way to the application")).await;
    let code = there.url.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
    let attempt = column(&world.app.db, "SELECT id FROM attempts").await.remove(0);
    let body = json!({"code": code.expect("a code")});
    let path = format!("/attempts/{attempt}/confirm");
    assert_eq!(limited(&world, "ours").await.post(&path, &body).await.problem(), (404, "not_found"));
    assert_eq!(
        limited(&world, "theirs").await.post(&path, &body).await.ok()["user_id"],
        "theirs",
        "the code is unspent"
    );
}

/// The `user_id`s on all pages of a list, and the number of pages.
async fn pages(service: &Service, query: &str) -> (Vec<String>, usize) {
    let (mut users, mut count, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let page = service.get(&format!("/stores?{query}&cursor={cursor}")).await.ok();
        count += 1;
        let data = page["data"].as_array().unwrap();
        users.extend(data.iter().map(|store| store["user_id"].as_str().unwrap().to_owned()));
        match &page["next_cursor"] {
            Value::String(next) => cursor.clone_from(next),
            _ => return (users, count),
        }
    }
}

/// Inserts the `n`th store.
async fn store(world: &World, n: u32, user: &str, home: &str, status: &str) {
    let sql = format!(
        "INSERT INTO stores (id, user_id, home, name, status, scope, woo_key_id, key_last7, key_version, auth_method,
                             connected_at, checked_at, changed_at)
         VALUES ('st_01jd00000000000000000000{n:02}', '{user}', '{home}', 'Shop {n}', '{status}', 'read', 1, 'abcdefg', 1,
                 'basic', 1, 1, 1)"
    );
    change(&world.app.db, &sql).await;
}

#[tokio::test]
async fn what_a_limited_token_finds_tells_nothing_of_how_others_call_their_stores() {
    let world = World::new().await;
    store(&world, 1, "m-1", "https://acme.shop", "connected").await;
    make_searchable(&world.app.db).await;
    let service = limited(&world, "m-1").await;
    let found = async |q: &str| pages(&service, &format!("q={q}")).await.0;
    assert_eq!((found("acme").await, found("shop-1").await), (vec!["m-1".to_owned()], vec!["m-1".to_owned()]));
    // Another merchant's store, which the words fit as well or better, changes nothing for who may not know of it.
    store(&world, 2, "m-2", "https://shop-1.example", "connected").await;
    make_searchable(&world.app.db).await;
    let everywhere = pages(&world.trusted_service().await, "q=shop-1").await.0;
    assert_eq!(everywhere, ["m-1", "m-2"]);
    assert_eq!((found("acme").await, found("shop-1").await), (vec!["m-1".to_owned()], vec!["m-1".to_owned()]));
    for q in ["shop-1.example", "m-2", "st_01jd0000000000000000000002"] {
        assert_eq!(found(q).await, Vec::<String>::new(), "{q}");
    }
    assert_eq!(found("st_01jd0000000000000000000001").await, ["m-1"]);
}

#[tokio::test]
async fn the_list_of_a_limited_token_pages_through_its_own_stores_alone() {
    let world = World::new().await;
    for n in 0..90 {
        let status = if n % 3 == 0 { "unreachable" } else { "connected" };
        store(&world, n, &format!("m-{}", n % 9), &format!("https://s{n}.example"), status).await;
    }
    make_searchable(&world.app.db).await;
    let service = limited(&world, "m-2\nm-7\nm-none").await;
    let (users, count) = pages(&service, "limit=7").await;
    assert_eq!((users.len(), count), (20, 3), "{users:?}");
    assert!(users.iter().all(|user| user == "m-2" || user == "m-7"), "{users:?}");
    assert_eq!(pages(&service, "limit=20").await, (users.clone(), 1));
    assert_eq!(pages(&service, "user_id=m-7").await.0, vec!["m-7"; 10]);
    assert_eq!(pages(&service, "user_id=m-1").await.0, Vec::<String>::new());
    assert_eq!(pages(&service, "status=unreachable").await.0.len(), 0, "every third is one of m-0, m-3, m-6");
    assert_eq!(pages(&service, "q=s11.example").await.0, ["m-2"]);
    assert_eq!(pages(&world.trusted_service().await, "limit=200").await.0.len(), 90);
}

/// The version of the shop's key that `app` returns for `token`, or the error.
async fn lent(world: &World, app: &cartkey::app::App, token: &str) -> Result<i64, String> {
    let (token, id) = (Secret::new(token.to_owned()), RequestId::mint(world.clock.now(), &app.entropy));
    let request = lend::Request { token: &token, id: &id, from: [127, 0, 0, 1].into(), has: None };
    match lend::keys(app, &request, &Which::User("m".parse().unwrap(), None)).await {
        Ok(Lent::Keys(keys)) => Ok(keys.version()),
        Ok(Lent::Same(_)) => Ok(0),
        Err(why) => Err(why.to_string()),
    }
}

fn id(service: &Service) -> TokenId {
    service.token_id.parse().unwrap()
}

#[tokio::test]
async fn a_rotated_token_works_until_the_overlap_is_over_and_its_successor_from_the_start() {
    let world = World::new().await;
    world.connect("m").await;
    let new = NewToken { users: Some("m".parse().unwrap()), ..NewToken::new("Shipping", "keys:read".parse().unwrap()) };
    let old = world.holder(new).await;
    let replica = world.replica().await;
    assert_eq!(lent(&world, &replica, &old.token).await, Ok(1));
    let (new, secret) = tokens::rotate(&world.app, &id(&old), HOUR, &Actor::cli()).await.unwrap();
    assert_eq!((new.name.as_str(), new.permissions.to_string().as_str()), ("Shipping", "keys:read"));
    assert_eq!((new.users.map(|users| users.to_string()), new.expires_at), (Some("m".to_owned()), None));
    for app in [&world.app, &replica] {
        assert_eq!(lent(&world, app, &old.token).await, Ok(1));
        assert_eq!(lent(&world, app, secret.expose()).await, Ok(1));
    }
    world.clock.advance(HOUR);
    for app in [&world.app, &replica] {
        assert_eq!(lent(&world, app, &old.token).await, Err("the token is unknown, revoked or expired".to_owned()));
        assert_eq!(lent(&world, app, secret.expose()).await, Ok(1));
    }
    let told =
        column(&world.app.db, "SELECT kind || ' ' || token_id FROM events WHERE actor = 'cli' ORDER BY seq").await;
    assert_eq!(told, [format!("token.rotated {}", old.token_id), format!("token.issued {}", new.id)]);
}

#[tokio::test]
async fn a_rotation_without_overlap_stops_the_old_token_at_once_also_in_memory() {
    let world = World::new().await;
    world.connect("m").await;
    let old = world.service("keys:read").await;
    let replica = world.replica().await;
    assert_eq!((lent(&world, &world.app, &old.token).await, lent(&world, &replica, &old.token).await), (Ok(1), Ok(1)));
    tokens::rotate(&world.app, &id(&old), Duration::ZERO, &Actor::cli()).await.unwrap();
    for app in [&replica, &world.app] {
        assert_eq!(lent(&world, app, &old.token).await, Err("the token is unknown, revoked or expired".to_owned()));
    }
}

#[tokio::test]
async fn an_overlap_never_makes_a_token_live_longer_and_a_successor_lives_as_long_as_it_was_meant_to() {
    let world = World::new().await;
    let new = NewToken { lives: Some(HOUR * 10), ..NewToken::new("brief", "stores:read".parse().unwrap()) };
    let old = world.holder(new).await;
    world.clock.advance(HOUR * 9);
    let (new, _) = tokens::rotate(&world.app, &id(&old), HOUR * 24, &Actor::cli()).await.unwrap();
    assert_eq!(new.expires_at, Some(world.clock.now().plus(HOUR * 10)));
    assert_eq!(old.get("/stores").await.status, StatusCode::OK);
    world.clock.advance(HOUR);
    assert_eq!(old.get("/stores").await.problem(), (401, "unauthenticated"));
}

#[tokio::test]
async fn what_works_no_more_or_was_rotated_before_is_not_rotated() {
    let world = World::new().await;
    let rotate = async |service: &Service| tokens::rotate(&world.app, &id(service), HOUR, &Actor::cli()).await;
    let service = world.service("stores:read").await;
    let (new, _) = rotate(&service).await.unwrap();
    assert!(matches!(rotate(&service).await, Err(RotateError::Replaced(by)) if by == new.id));
    let revoked = world.service("stores:read").await;
    tokens::revoke(&world.app, &id(&revoked), &Actor::cli()).await.unwrap();
    assert!(matches!(rotate(&revoked).await, Err(RotateError::Revoked)));
    let expired =
        world.holder(NewToken { lives: Some(HOUR), ..NewToken::new("x", "stores:read".parse().unwrap()) }).await;
    world.clock.advance(HOUR);
    assert!(matches!(rotate(&expired).await, Err(RotateError::Expired)));
    let count = column(&world.app.db, "SELECT CAST(COUNT(*) AS TEXT) FROM tokens").await.remove(0);
    assert_eq!(count, "4", "a refused rotation leaves no token behind");
    let unknown = TokenId::mint(world.clock.now(), &world.app.entropy);
    let none = tokens::rotate(&world.app, &unknown, HOUR, &Actor::cli()).await;
    assert!(matches!(none, Err(RotateError::Unknown)));
}

#[tokio::test]
async fn a_limited_token_with_several_stores_of_its_merchant_is_told_them() {
    let world = World::new().await;
    world.connect("ours").await;
    let mut browser = world.merchant();
    let (_, url) = world.link("ours", json!({"store_url": OTHER})).await;
    let sent = world.begin(&mut browser, &url).await;
    browser.approve_on(sent).await;
    world.prove().await;
    let several = limited(&world, "ours").await.get("/users/ours/keys").await;
    assert_eq!(several.problem(), (409, "several_stores"));
    assert_eq!(limited(&world, "theirs").await.get("/users/ours/keys").await.problem(), (404, "not_found"));
}
