//! Refused callbacks: the store deletes its key after each.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::{JSON, open, opened, rows, waiting};
use crate::callback::{Callback, post};
use crate::merchant::Page;
use crate::world::{OTHER, SHOP, World};

/// The store shows the merchant an error, and keeps no key.
fn assert_refused_by_us(world: &World, page: &Page) {
    assert_eq!((page.status, page.title().as_str()), (401, "Access denied"), "{}", page.text());
    assert_eq!(world.shop.callbacks().last().unwrap().answer, Ok(404));
    assert!(world.shop.keys().last().unwrap().revoked, "the store deleted the key");
}

#[tokio::test]
async fn a_body_of_the_wrong_form_is_refused_by_field_and_never_repeated() {
    let world = World::new().await;
    let callback = open(&world).await;
    let long = "x".repeat(201);
    for (field, value, says) in [
        ("key_id", Value::Null, "key_id is not a whole number from 0 up"),
        ("key_id", json!(-1), "key_id is not a whole number from 0 up"),
        ("key_id", json!("SECRET"), "key_id is not a whole number from 0 up"),
        ("user_id", json!(["SECRET"]), "user_id is not a text of 1 to 200 bytes or a number"),
        ("user_id", json!(long), "user_id is not a text of 1 to 200 bytes or a number"),
        ("consumer_key", json!("SECRET"), "consumer_key is not its prefix and 20 to 128 letters or digits"),
        ("consumer_key", json!("cs_SECRET0123456789SECRET"), "consumer_key is not its prefix and 20 to 128"),
        ("consumer_secret", json!("cs_SECRET"), "consumer_secret is not its prefix and 20 to 128"),
        ("key_permissions", json!("SECRET"), "key_permissions is not read, write or read_write"),
        ("key_permissions", json!(true), "key_permissions is not read, write or read_write"),
    ] {
        let mut body = callback.body(1);
        body[field] = value.clone();
        let posted = post(&world, &callback.url, JSON, body.to_string()).await;
        assert_eq!(posted.status, 400, "{field} {value}");
        assert!(posted.body.starts_with(says), "{field} {value}: {}", posted.body);
        assert!(!posted.body.contains("SECRET") && !posted.body.contains(&callback.state), "{}", posted.body);
    }
    for field in ["key_id", "user_id", "consumer_key", "consumer_secret", "key_permissions"] {
        let mut body = callback.body(1);
        body.as_object_mut().unwrap().remove(field);
        let posted = post(&world, &callback.url, JSON, body.to_string()).await;
        assert_eq!((posted.status, posted.body), (400, format!("{field} is missing\n")));
        let twice = callback.body(1).to_string().replacen('{', &format!("{{\"{field}\":1,"), 1);
        let posted = post(&world, &callback.url, JSON, twice).await;
        assert_eq!((posted.status, posted.body), (400, format!("{field} is given twice\n")));
    }
    for body in ["", "null", "[]", "{", "key_id=1", "{}{}", "\u{feff}", "<xml/>"] {
        let posted = post(&world, &callback.url, JSON, body).await;
        assert_eq!((posted.status, posted.body.as_str()), (400, "the body is not a JSON object\n"), "{body}");
    }
    assert_eq!(waiting(&world, &callback).await, 0);
    assert_eq!(callback.post(&world, &callback.body(1)).await, 200, "and the attempt is still open");
}

#[tokio::test]
async fn eight_kibibytes_are_taken_and_not_one_more() {
    let world = World::new().await;
    let callback = open(&world).await;
    let sized = |bytes: usize| {
        let mut body = callback.body(1);
        body["padding"] = json!("");
        let short = body.to_string().len();
        body["padding"] = json!("p".repeat(bytes - short));
        body.to_string()
    };
    assert_eq!(post(&world, &callback.url, JSON, sized(8 * 1024 + 1)).await.status, 413);
    assert_eq!(waiting(&world, &callback).await, 0);
    assert_eq!(post(&world, &callback.url, JSON, sized(8 * 1024)).await.status, 200);
}

#[tokio::test]
async fn token_and_state_must_be_of_the_same_attempt() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, a) = opened(&world, &mut browser, "m-a", SHOP).await;
    let (_, b) = opened(&world, &mut browser, "m-b", OTHER).await;
    let before = rows(&world.app.db).await;
    let crossed = |token: &Callback, state: &Callback| Callback { url: token.url.clone(), ..state.clone() };
    // Crossed before, between and after the honest ones, in both directions (docs/protocol/threats.md 6).
    for honest in [None, Some(&a), Some(&b)] {
        if let Some(honest) = honest {
            assert_eq!(honest.post(&world, &honest.body(1)).await, 200);
        }
        for (token, state) in [(&a, &b), (&b, &a)] {
            let mixed = crossed(token, state);
            assert_eq!(mixed.post(&world, &mixed.body(2)).await, 404);
        }
        let nobody = Callback { state: "A".repeat(43), ..a.clone() };
        assert_eq!(nobody.post(&world, &nobody.body(3)).await, 404, "right token, wrong state");
        let nowhere =
            Callback { url: format!("https://keys.example/wc-auth/callback/{}", "A".repeat(43)), ..a.clone() };
        assert_eq!(nowhere.post(&world, &nowhere.body(3)).await, 404, "right state, unknown token");
    }
    assert_eq!((waiting(&world, &a).await, waiting(&world, &b).await), (1, 1));
    let after = rows(&world.app.db).await;
    assert_eq!((after[0] - before[0], after[1] - before[1]), (2, 0));
}

#[tokio::test]
async fn approved_too_late_the_store_deletes_the_key() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (sent, callback) = opened(&world, &mut browser, "merchant-1", SHOP).await;
    world.clock.advance(Duration::from_hours(1));
    let page = browser.approve_on(sent).await;
    assert_refused_by_us(&world, &page);
    let page = browser.get(&format!("https://keys.example/connect/attempts/{}", callback.attempt)).await;
    assert!(page.text().contains("This attempt has expired"), "expired lazily, before any sweep: {}", page.text());
    cartkey::flow::sweep::sweep(&world.app).await.unwrap();
    assert_eq!(callback.post(&world, &callback.body(1)).await, 404, "and after it");
}

#[tokio::test]
async fn approved_again_after_ten_minutes_the_store_deletes_the_second_key() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (sent, _) = opened(&world, &mut browser, "merchant-1", SHOP).await;
    browser.approve_on(sent).await;
    world.prove().await;
    let page = browser.approve_again().await;
    assert!(page.text().contains("shop.example is connected"), "within ten minutes it is taken: {}", page.text());
    world.clock.advance(Duration::from_mins(10));
    let page = browser.approve_again().await;
    assert_refused_by_us(&world, &page);
    assert_eq!(world.shop.keys().iter().filter(|key| !key.revoked).count(), 2);
    let keys = world.service("keys:read").await.get("/users/merchant-1/keys").await.ok();
    assert_eq!(keys["consumer_key"], world.shop.keys()[0].consumer_key.as_str(), "the first stays in use");
}

#[tokio::test]
async fn the_sixth_key_of_an_attempt_is_deleted_by_the_store() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (sent, callback) = opened(&world, &mut browser, "merchant-1", SHOP).await;
    browser.approve_on(sent).await;
    for _ in 1..5 {
        browser.approve_again().await;
    }
    assert_eq!(waiting(&world, &callback).await, 5);
    let page = browser.approve_again().await;
    assert_refused_by_us(&world, &page);
    assert_eq!(world.shop.keys().iter().filter(|key| !key.revoked).count(), 5);
}

#[tokio::test]
async fn denied_first_and_approved_with_the_back_button_the_store_deletes_the_key() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (sent, _) = opened(&world, &mut browser, "merchant-1", SHOP).await;
    let page = browser.deny(&sent.refresh().unwrap()).await;
    assert!(page.text().contains("You pressed Deny"), "{}", page.text());
    let page = browser.approve_on(sent).await;
    assert_refused_by_us(&world, &page);
}

/// A store that disconnects has still sent its key: proving it finds out whether our answer arrived.
#[tokio::test]
async fn who_hangs_up_right_after_sending_still_has_the_grant_kept() {
    let world = World::new().await;
    let address = world.also(|_| ()).await;
    let callback = open(&world).await;
    let body = callback.body(1).to_string();
    let path = callback.url.strip_prefix("https://keys.example").unwrap();
    let request = format!("POST {path} HTTP/1.1\r\nhost: keys.example\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut stream = dial(address.strip_prefix("http://").unwrap()).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    drop(stream);
    for _ in 0..10_000 {
        if waiting(&world, &callback).await == 1 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the grant was lost");
}

#[expect(clippy::disallowed_methods, reason = "a store that hangs up is made by hand")]
async fn dial(address: &str) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}
