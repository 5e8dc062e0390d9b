//! Receive: what a store posts, our answers, and the fate of its key.

mod forged;
mod locked;
mod refused;

use cartkey::demo::pretend_store::Switches;
use cartkey::domain::id::AttemptId;
use cartkey::storage::Pools;
use cartkey::storage::{Db, grants};
use hyper::Method;
use serde_json::{Value, json};

use crate::callback::{Callback, ask, post};
use crate::merchant::{Merchant, Page};
use crate::world::World;

const JSON: &str = "application/json;charset=UTF-8";

/// Begins for `user_id` at `store` and stops before the browser goes to the store.
pub async fn opened(world: &World, browser: &mut Merchant, user_id: &str, store: &str) -> (Page, Callback) {
    let (_, link) = world.link(user_id, json!({"store_url": store})).await;
    let sent = world.begin(browser, &link).await;
    let callback = Callback::of(&sent);
    (sent, callback)
}

/// An attempt waiting for its store's post.
async fn open(world: &World) -> Callback {
    opened(world, &mut world.merchant(), "merchant-1", crate::world::SHOP).await.1
}

/// The attempt's keys waiting to be tried.
pub async fn waiting(world: &World, callback: &Callback) -> i64 {
    let id: AttemptId = callback.attempt.parse().unwrap();
    grants::waiting(&world.app.db, &id).await.unwrap()
}

/// All rows of grants, attempts and events.
pub async fn rows(db: &Db) -> [i64; 3] {
    let sql = "SELECT (SELECT COUNT(*) FROM grants), (SELECT COUNT(*) FROM attempts), (SELECT COUNT(*) FROM events)";
    let (grants, attempts, events) = match db.pools() {
        Pools::Sqlite { read, .. } => sqlx::query_as(sql).fetch_one(read).await.unwrap(),
        Pools::Postgres(pool) => sqlx::query_as(sql).fetch_one(pool).await.unwrap(),
    };
    [grants, attempts, events]
}

#[tokio::test]
async fn a_grant_is_on_disk_when_the_store_is_told_200() {
    let world = World::new().await;
    let callback = open(&world).await;
    let posted = post(&world, &callback.url, JSON, callback.body(7).to_string()).await;
    assert_eq!((posted.status, posted.body.as_str()), (200, "{}"));
    assert!(posted.headers.get("location").is_none() && posted.headers.get("set-cookie").is_none());
    assert_eq!(waiting(&world, &callback).await, 1);
    // Another replica sees it too.
    let id: AttemptId = callback.attempt.parse().unwrap();
    assert_eq!(grants::waiting(&world.replica().await.db, &id).await.unwrap(), 1);
    assert!(world.shop.requests().iter().all(|r| !r.target.contains("wc/v3")), "the store is not asked meanwhile");
}

#[tokio::test]
async fn only_a_post_is_taken_and_a_person_is_told_what_this_is() {
    let world = World::new().await;
    let callback = open(&world).await;
    let body = callback.body(1).to_string();
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
        let posted = ask(&world, method.clone(), &callback.url, JSON, body.clone().into_bytes()).await;
        assert_eq!((posted.status, posted.headers["allow"].to_str().unwrap()), (405, "POST"), "{method}");
        if method == Method::GET {
            assert_eq!(posted.body, "Stores post their keys here; there is nothing to see.\n");
        }
    }
    assert_eq!(waiting(&world, &callback).await, 0);
    assert_eq!(callback.post(&world, &callback.body(1)).await, 200);
}

/// WooCommerce follows redirects and sends the secrets along (docs/protocol/store-answers.md §1).
#[tokio::test]
async fn no_input_is_ever_answered_with_a_redirect() {
    let world = World::new().await;
    let callback = open(&world).await;
    let at = "https://keys.example/wc-auth";
    let urls = [
        callback.url.clone(),
        format!("{}/", callback.url),
        format!("{}?success=1", callback.url),
        callback.url.replace("/callback/", "/callback//"),
        callback.url.replace("/wc-auth/", "//wc-auth/"),
        callback.url.replace("wc-auth", "WC-Auth"),
        callback.url.replace("https://keys.example/", "https://keys.example/./x/../"),
        format!("{at}/callback/"),
        format!("{at}/callback"),
        format!("{at}/"),
        at.to_owned(),
        format!("{at}/callback/%2e%2e%2f"),
        format!("{at}/callback/%ff%00"),
    ];
    for method in [Method::POST, Method::GET, Method::PUT, Method::HEAD] {
        for url in &urls {
            for body in ["", "{}", "[", "success=1"] {
                let posted = ask(&world, method.clone(), url, JSON, body.as_bytes().to_vec()).await;
                assert!((400..500).contains(&posted.status), "{method} {url} {body:?}: {}", posted.status);
                assert!(posted.headers.get("location").is_none(), "{method} {url}");
            }
        }
    }
}

#[tokio::test]
async fn the_body_is_json_whatever_it_is_called() {
    let world = World::new().await;
    let mut browser = world.merchant();
    for (n, kind) in
        ["application/xml", "application/json", "text/html; charset=EUC-JP", "application/x-www-form-urlencoded", "x"]
            .into_iter()
            .enumerate()
    {
        let (_, callback) = opened(&world, &mut browser, &format!("m-{n}"), crate::world::SHOP).await;
        assert_eq!(post(&world, &callback.url, kind, callback.body(1).to_string()).await.status, 200, "{kind}");
    }
}

#[tokio::test]
async fn an_old_store_that_calls_it_xml_is_connected() {
    let world = World::with(&[], Switches { callback_as_xml: true, ..Switches::default() }).await;
    let page = world.connect("merchant-1").await;
    assert!(page.text().contains("shop.example is connected"), "{}", page.text());
}

#[tokio::test]
async fn numbers_may_be_text_and_fields_that_nobody_knows_are_passed_over() {
    let world = World::new().await;
    let callback = open(&world).await;
    let mut body = callback.body(12);
    body["key_id"] = json!("12");
    body["more"] = json!({"deep": [[[{"er": null}]]]});
    assert_eq!(callback.post(&world, &body).await, 200);
    assert_eq!(waiting(&world, &callback).await, 1);
}

#[tokio::test]
async fn the_same_grant_twice_is_one_grant() {
    let world = World::new().await;
    let callback = open(&world).await;
    assert_eq!(callback.post(&world, &callback.body(1)).await, 200);
    let before = rows(&world.app.db).await;
    for _ in 0..3 {
        assert_eq!(callback.post(&world, &callback.body(1)).await, 200);
    }
    assert_eq!(rows(&world.app.db).await, before, "docs/protocol/threats.md 3");
}

#[tokio::test]
async fn fifty_at_once_are_one_grant() {
    let world = World::new().await;
    let callback = open(&world).await;
    let body = callback.body(1);
    let posts = (0..50).map(|_| callback.post(&world, &body));
    let answers = futures_of(posts).await;
    assert_eq!(answers, vec![200; 50]);
    assert_eq!(waiting(&world, &callback).await, 1, "docs/protocol/threats.md R11");
}

/// Runs all of them concurrently, on this one thread.
async fn futures_of<F: Future<Output = u16>>(futures: impl Iterator<Item = F>) -> Vec<u16> {
    let mut running: Vec<_> = futures.map(Box::pin).collect();
    let mut answers = Vec::new();
    std::future::poll_fn(|cx| {
        running.retain_mut(|future| match future.as_mut().poll(cx) {
            std::task::Poll::Ready(status) => {
                answers.push(status);
                false
            }
            std::task::Poll::Pending => true,
        });
        if running.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    answers
}

#[tokio::test]
async fn a_replay_after_the_connection_changes_nothing() {
    let world = World::new().await;
    world.connect("merchant-1").await;
    let made = world.shop.callbacks()[0].clone();
    let service = world.trusted_service().await;
    let before = service.get("/users/merchant-1/keys").await.ok();
    let rows_before = rows(&world.app.db).await;
    assert_eq!(post(&world, &made.url, JSON, made.body.clone()).await.status, 200);
    world.prove().await;
    assert_eq!(rows(&world.app.db).await, rows_before);
    world.clock.advance(std::time::Duration::from_mins(10));
    assert_eq!(post(&world, &made.url, JSON, made.body.clone()).await.status, 404);
    assert_eq!(service.get("/users/merchant-1/keys").await.ok(), before);
}

#[tokio::test]
async fn after_a_double_approve_one_key_is_used_and_the_other_named_for_tidying_up() {
    let world = World::with(&[], Switches { double_approve: true, ..Switches::default() }).await;
    let page = world.connect("merchant-1").await;
    assert!(page.text().contains("shop.example is connected"), "{}", page.text());
    let keys = world.shop.keys();
    assert!(keys.len() == 2 && keys.iter().all(|key| !key.revoked), "{keys:?}");
    let lent = world.service("keys:read").await.get("/users/merchant-1/keys").await.ok();
    let (used, other): (Vec<_>, Vec<_>) =
        keys.iter().partition(|key| lent["consumer_key"] == key.consumer_key.as_str());
    assert_eq!((used.len(), other.len()), (1, 1));
    let last7 = |key: &str| key[key.len() - 7..].to_owned();
    let says = format!("revoke any key that ends in …{}", last7(&other[0].consumer_key));
    assert!(page.text().contains("has a key that is not used") && page.text().contains(&says), "{}", page.text());
    assert!(page.text().contains(&format!("The key in use ends in …{}", last7(&used[0].consumer_key))));
}

#[tokio::test]
async fn a_key_that_the_store_did_not_save_is_told_to_the_merchant() {
    let world = World::with(&[], Switches { insert_fails: true, ..Switches::default() }).await;
    let (id, link) = world.link("merchant-1", json!({})).await;
    let mut browser = world.merchant();
    let sent = world.begin(&mut browser, &link).await;
    let page = browser.approve_on(sent).await;
    assert_eq!(page.url.host_str(), Some("keys.example"), "answered 200, so that the merchant comes back");
    assert!(page.text().contains("sent a key that it did not save"), "{}", page.text());
    assert!(page.text().contains("Update WooCommerce, then try again."), "{}", page.text());
    let attempt = &world.service("links:write").await.get(&format!("/links/{id}")).await.ok()["attempt"];
    assert_eq!((&attempt["status"], &attempt["reason"]), (&json!("failed"), &json!("key_not_saved")));
    assert_eq!(world.happened("attempt.failed").await, ["attempt.failed key_not_saved store"]);
    assert_eq!(world.prove().await, 0, "there is nothing to try");
    // The plugin is mended: the same button leads on.
    world.shop.switch(|s| s.insert_fails = false);
    let again = browser.click(&page, "Try again").await;
    let sent = browser.submit(&again, "Connect store", &[]).await;
    browser.approve_on(sent).await;
    world.prove().await;
    world.service("keys:read").await.get("/users/merchant-1/keys").await.ok();
}

#[tokio::test]
async fn a_second_approve_that_was_not_saved_leaves_the_first_alone() {
    let world = World::new().await;
    let callback = open(&world).await;
    assert_eq!(callback.post(&world, &callback.body(1)).await, 200);
    let mut unsaved: Value = callback.body(2);
    unsaved["key_id"] = json!(0);
    assert_eq!(callback.post(&world, &unsaved).await, 200);
    assert_eq!(waiting(&world, &callback).await, 1);
}
