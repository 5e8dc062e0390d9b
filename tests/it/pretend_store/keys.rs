//! Using keys: the table of permissions, the exact refusals, OAuth 1.0a, and revocation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cartkey::demo::pretend_store::{IssuedKey, Switches};
use cartkey::domain::scope::Scope;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac;
use std::time::Duration;

use super::{Town, authorize, body, header};

const STATUS: &str = "/wp-json/wc/v3/system_status?_fields=environment.version,environment.home_url";
const CANNOT_VIEW: &str =
    r#"{"code":"woocommerce_rest_cannot_view","message":"Sorry, you cannot list resources.","data":{"status":401}}"#;

fn error(message: &str) -> String {
    format!(r#"{{"code":"woocommerce_rest_authentication_error","message":"{message}","data":{{"status":401}}}}"#)
}

fn basic(key: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{key}:{secret}")))
}

fn of(key: &IssuedKey) -> String {
    basic(&key.consumer_key, &key.consumer_secret)
}

fn in_query(target: &str, key: &IssuedKey) -> String {
    let mark = if target.contains('?') { '&' } else { '?' };
    format!("{target}{mark}consumer_key={}&consumer_secret={}", key.consumer_key, key.consumer_secret)
}

#[tokio::test]
async fn each_scope_may_do_what_was_measured() {
    let town = Town::new().await;
    let [read, write, both] = [Scope::Read, Scope::Write, Scope::ReadWrite].map(|s| town.store.issue_key("admin", s));
    let rows = [
        ("GET", STATUS, [200, 401, 200]),
        ("GET", "/wp-json/wc/v3/orders?per_page=1", [200, 401, 200]),
        ("GET", "/wp-json/wc/v3/data/currencies/current", [200, 401, 200]),
        ("GET", "/wp-json/wc/v3/", [200, 401, 200]),
        ("GET", "/wp-json/?_fields=name", [200, 200, 200]),
        ("HEAD", "/wp-json/wc/v3/orders", [200, 401, 200]),
        ("OPTIONS", "/wp-json/wc/v3/orders", [200, 200, 200]),
        ("POST", "/wp-json/wc/v3/products", [401, 201, 201]),
        ("DELETE", "/wp-json/wc/v3/products/12", [401, 200, 200]),
        ("POST", "/wp-json/wc/v3/orders/batch", [401, 200, 200]),
    ];
    for (method, target, expected) in rows {
        for (key, status) in [&read, &write, &both].into_iter().zip(expected) {
            let by_header = town.ask(method, target, Some(of(key))).await;
            assert_eq!(by_header.status.as_u16(), status, "{method} {target} {}", key.permissions);
            let by_query = town.ask(method, &in_query(target, key), None).await;
            assert_eq!(by_query.status.as_u16(), status, "{method} {target} {} by query", key.permissions);
        }
    }
    let found = town.ask("GET", STATUS, Some(of(&read))).await;
    assert_eq!(body(&found), r#"{"environment":{"home_url":"https:\/\/shop.example","version":"11.0.1"}}"#);
    assert_eq!(body(&town.ask("POST", "/wp-json/wc/v3/products/batch", Some(of(&both))).await), "[]");
    let refused = town.ask("GET", STATUS, Some(of(&write))).await;
    assert_eq!(body(&refused), error("The API key provided does not have read permissions."));
    let refused = town.ask("POST", "/wp-json/wc/v3/products", Some(of(&read))).await;
    assert_eq!(body(&refused), error("The API key provided does not have write permissions."));
}

#[tokio::test]
async fn refusals_are_the_measured_bytes() {
    let town = Town::new().await;
    let key = town.store.issue_key("manager", Scope::ReadWrite);
    let wrong = error("Consumer secret is invalid.");
    for (method, target) in [("GET", STATUS), ("GET", "/wp-json/wc/v3/"), ("OPTIONS", "/wp-json/wc/v3/orders")] {
        let reply = town.ask(method, target, Some(basic(&key.consumer_key, "cs_wrong"))).await;
        assert_eq!((reply.status.as_u16(), body(&reply)), (401, wrong.as_str()), "{method} {target}");
    }
    for nobody in [None, Some(basic("ck_unknown", "cs_unknown")), Some(basic(&key.consumer_key, ""))] {
        let reply = town.ask("GET", STATUS, nobody).await;
        assert_eq!((reply.status.as_u16(), body(&reply)), (401, CANNOT_VIEW));
        assert_eq!(header(&reply, "www-authenticate"), "");
    }
    // The index is no test of a key.
    assert_eq!(town.ask("GET", "/wp-json/wc/v3/", Some(basic("ck_no", "cs_no"))).await.status.as_u16(), 200);
    assert_eq!(town.ask("GET", "/wp-json/wc/v3/nothing", Some(of(&key))).await.status.as_u16(), 404);
    // The query wins over the header.
    assert_eq!(town.ask("GET", &in_query(STATUS, &key), Some(basic("site", "word"))).await.status.as_u16(), 200);

    town.store.demote("manager");
    let reply = town.ask("GET", STATUS, Some(of(&key))).await;
    assert_eq!((reply.status.as_u16(), body(&reply)), (403, CANNOT_VIEW.replace("401", "403").as_str()));
    town.store.delete_user("manager");
    assert_eq!(body(&town.ask("GET", STATUS, Some(of(&key))).await), CANNOT_VIEW);
}

#[tokio::test]
async fn hosts_that_lose_the_header_or_hide_https() {
    let town = Town::new().await;
    let key = town.store.issue_key("admin", Scope::Read);
    town.store.switch(|s| s.authorization_stripped = true);
    assert_eq!(body(&town.ask("GET", STATUS, Some(of(&key))).await), CANNOT_VIEW);
    assert_eq!(town.ask("GET", &in_query(STATUS, &key), None).await.status.as_u16(), 200);
    town.store.switch(|s| *s = Switches { https_hidden: true, ..Switches::default() });
    assert_eq!(body(&town.ask("GET", STATUS, Some(of(&key))).await), CANNOT_VIEW);
    assert_eq!(body(&town.ask("GET", &in_query(STATUS, &key), None).await), CANNOT_VIEW);
    let index = town.get("/wp-json/?_fields=authentication").await;
    assert_eq!(body(&index), r#"{"authentication":[]}"#);
    town.store.switch(|s| *s = Switches { invalid_username: true, ..Switches::default() });
    assert!(body(&town.ask("GET", STATUS, Some(basic("ck_no", "cs_no"))).await).contains("\"invalid_username\""));
    assert_eq!(town.ask("GET", STATUS, Some(of(&key))).await.status.as_u16(), 200);
}

/// Signs like a client that uses `base` as the address.
fn signed(base: &str, key: &str, secret: &str, timestamp: i64, nonce: &str, sha1: bool) -> String {
    const RAW: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    let encode = |text: &str| utf8_percent_encode(text, RAW).to_string();
    let timestamp = timestamp.to_string();
    let (name, algorithm) =
        if sha1 { ("HMAC-SHA1", hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY) } else { ("HMAC-SHA256", hmac::HMAC_SHA256) };
    let params = [
        ("_fields", "environment.version,environment.home_url"),
        ("oauth_consumer_key", key),
        ("oauth_nonce", nonce),
        ("oauth_signature_method", name),
        ("oauth_timestamp", &timestamp),
    ];
    let query = params.map(|(name, value)| format!("{name}={}", encode(value))).join("&");
    let text = format!("GET&{}&{}", encode(&format!("{base}/wp-json/wc/v3/system_status")), encode(&query));
    let tag = hmac::sign(&hmac::Key::new(algorithm, format!("{secret}&").as_bytes()), text.as_bytes());
    format!("/wp-json/wc/v3/system_status?{query}&oauth_signature={}", encode(&STANDARD.encode(tag)))
}

#[tokio::test]
async fn oauth_1_0a_as_measured() {
    let town = Town::new().await;
    let key = town.store.issue_key("admin", Scope::Read);
    let (ck, cs) = (key.consumer_key.as_str(), key.consumer_secret.as_str());
    let now = town.clock.now().seconds();
    let (https, http) = ("https://shop.example", "http://shop.example");
    let mismatch = error("Invalid signature - provided signature does not match.");
    let ok = r#"{"environment":{"home_url":"https:\/\/shop.example","version":"11.0.1"}}"#;
    let hidden = Switches { https_hidden: true, ..Switches::default() };
    let stripped = Switches { authorization_stripped: true, ..Switches::default() };
    let rows = [
        (Switches::default(), https, ck, cs, ok.to_owned()),
        (Switches::default(), http, ck, cs, mismatch.clone()),
        (hidden.clone(), http, ck, cs, ok.to_owned()),
        (hidden, https, ck, cs, mismatch.clone()),
        (stripped, https, ck, cs, ok.to_owned()),
        (Switches::default(), https, "ck_unknown", cs, error("Consumer key is invalid.")),
        (Switches::default(), https, ck, "cs_wrong", mismatch),
    ];
    for (n, (switches, base, ck, cs, expected)) in rows.into_iter().enumerate() {
        town.store.switch(|s| *s = switches);
        let reply = town.get(&signed(base, ck, cs, now - i64::try_from(n).unwrap(), &format!("n{n}"), n == 0)).await;
        assert_eq!(body(&reply), expected, "row {n}");
    }
    // The order: key, signature, timestamp, nonce.
    town.store.switch(|s| *s = Switches::default());
    let late = town.get(&signed(https, ck, cs, now - 16 * 60, "late", false)).await;
    assert_eq!(body(&late), error("Invalid timestamp."));
    let replay = town.get(&signed(https, ck, cs, now, "n0", false)).await;
    assert_eq!(body(&replay), error("Invalid nonce - nonce has already been used."));
    town.clock.advance(Duration::from_mins(20));
    // Old nonces are forgotten by the next request that succeeds, not before.
    for (nonce, status) in [("n0", 401), ("fresh", 200), ("n0", 200)] {
        let after = town.get(&signed(https, ck, cs, now + 20 * 60, nonce, false)).await;
        assert_eq!(after.status.as_u16(), status, "{nonce}");
    }
    let partly = town.get("/wp-json/wc/v3/orders?oauth_nonce=1&oauth_timestamp=2&oauth_signature=3").await;
    assert!(body(&partly).contains("authentication_missing_parameter"), "{}", body(&partly));
}

#[tokio::test]
async fn plain_routes_take_keys_only_from_11_1_on() {
    let town = Town::new().await;
    let key = town.store.issue_key("admin", Scope::Read);
    let target = "/?rest_route=/wc/v3/orders";
    assert_eq!(body(&town.ask("GET", target, Some(of(&key))).await), CANNOT_VIEW);
    assert_eq!(town.ask("GET", &format!("{target}&x=wp-json/wc/"), Some(of(&key))).await.status.as_u16(), 200);
    let me = "/?rest_route=/wp/v2/users/me&x=wp-json/wc/";
    assert_eq!(town.ask("GET", me, Some(of(&key))).await.status.as_u16(), 200);
    town.store.switch(|s| s.woocommerce = Some((11, 1)));
    assert_eq!(town.ask("GET", target, Some(of(&key))).await.status.as_u16(), 200);
    let refused = town.ask("GET", me, Some(of(&key))).await;
    assert_eq!(body(&refused), error("The provided API key cannot be used to access this endpoint."));
}

#[tokio::test]
async fn a_key_is_revoked_on_the_settings_page() {
    let town = Town::new().await;
    let mut merchant = town.merchant();
    merchant.approve(&authorize(super::HOME, &[])).await;
    let key = town.store.keys()[0].clone();
    assert_eq!(town.ask("GET", STATUS, Some(of(&key))).await.status.as_u16(), 200);
    let settings = "https://shop.example/wp-admin/admin.php?page=wc-settings&tab=advanced&section=keys";
    let page = town.merchant().get(&format!("{settings}&edit-key=1")).await;
    assert_eq!((page.url.path(), page.title().as_str()), ("/wp-login.php", "Log in"));

    let list = merchant.get(settings).await;
    assert!(list.text().contains(&key.consumer_key[36..]), "{}", list.text());
    let page = merchant.get(&format!("{settings}&edit-key=1")).await;
    let page = merchant.click(&page, "Revoke key").await;
    assert!(page.text().contains("API Key revoked."), "{}", page.text());
    assert_eq!(body(&town.ask("GET", STATUS, Some(of(&key))).await), CANNOT_VIEW);
    let empty = merchant.get(&format!("{settings}&edit-key=1")).await;
    assert_eq!((empty.status, empty.link("Revoke key")), (200, None));

    let admins = town.store.issue_key("admin", Scope::Read).key_id;
    let mut manager = town.merchant();
    let page = manager.get(&format!("{settings}&edit-key={admins}")).await;
    let page = manager.submit(&page, "Log In", &[("log", "manager"), ("pwd", "demo")]).await;
    assert!(page.text().contains("You do not have permission to edit this API Key"), "{}", page.text());
}
