//! The POST that delivers the key: its format, the effect of each answer, and failures.

use cartkey::demo::pretend_store::{Role, Switches};
use cartkey::domain::scope::Scope;

use super::{HOME, Town, authorize};

const NOT_200: &str = "Error: An error occurred in the request and at the time were unable to send the consumer data.";

#[tokio::test]
async fn the_post_is_the_one_that_was_captured() {
    let town = Town::with("https://shop.example/shop", Switches::default()).await;
    let url = authorize("https://shop.example/shop", &[("callback_url", "https://keys.example/raw?x=1")]);
    town.merchant().approve(&url).await;
    let key = &town.store.keys()[0];
    let sent = town.listener.seen()[0].clone();
    let (head, body) = sent.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<String> = head.lines().map(str::to_lowercase).collect();
    assert_eq!(lines.remove(0), "post /raw?x=1 http/1.1");
    lines.sort();
    let length = format!("content-length: {}", body.len());
    let expected = [
        "accept-encoding: deflate, gzip, br, zstd",
        "accept: */*",
        "connection: close",
        length.as_str(),
        "content-type: application/json;charset=utf-8",
        "host: keys.example",
        "user-agent: wordpress/7.0.4; https://shop.example/shop",
    ];
    assert_eq!(lines, expected);
    assert_eq!(
        body,
        format!(
            r#"{{"key_id":1,"user_id":"abc123","consumer_key":"{}","consumer_secret":"{}","key_permissions":"read_write"}}"#,
            key.consumer_key, key.consumer_secret
        )
    );
    for (text, prefix) in [(&key.consumer_key, "ck_"), (&key.consumer_secret, "cs_")] {
        let digits = text.strip_prefix(prefix).unwrap();
        assert!(digits.len() == 40 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
    }
}

#[tokio::test]
async fn only_exactly_200_keeps_the_key() {
    let town = Town::new().await;
    for status in [201, 202, 204, 304, 400, 401, 403, 404, 409, 410, 422, 429, 500, 502, 503] {
        let callback = format!("https://keys.example/answer/{status}");
        let page = town.merchant().approve(&authorize(HOME, &[("callback_url", &callback)])).await;
        assert_eq!((page.status, page.text().as_str(), page.title().as_str()), (401, NOT_200, "Access denied"));
        assert_eq!(page.url.path(), "/wc-auth/v1/access_granted/");
        assert!(town.store.keys().last().unwrap().revoked, "{status}");
    }
    let page = town.merchant().approve(&authorize(HOME, &[])).await;
    assert_eq!(page.url.as_str(), "https://app.example/return?success=1&user_id=abc123");
    assert!(!town.store.keys().last().unwrap().revoked);
}

#[tokio::test]
async fn a_redirect_sends_the_secrets_on() {
    let town = Town::new().await;
    for (status, method) in [(301, "POST"), (307, "POST"), (308, "POST"), (302, "GET"), (303, "GET")] {
        let callback = format!("https://keys.example/redirect/{status}/200");
        let page = town.merchant().approve(&authorize(HOME, &[("callback_url", &callback)])).await;
        assert_eq!(page.status, 200, "{status}: {}", page.text());
        let seen = town.listener.seen();
        let second = seen.iter().rev().find(|request| request.contains(" /answer/200 ")).unwrap();
        assert!(second.starts_with(method) && second.contains("\"consumer_secret\":\"cs_"), "{second}");
        assert!(!town.store.keys().last().unwrap().revoked);
    }
    let page =
        town.merchant().approve(&authorize(HOME, &[("callback_url", "https://keys.example/redirect/302/500")])).await;
    assert_eq!((page.status, page.text().as_str()), (401, NOT_200));
}

#[tokio::test]
async fn what_curl_says_reaches_the_merchant() {
    let town = Town::new().await;
    let rows = [
        ("https://closed.example/", "cURL error 7: Failed to connect to closed.example port 443"),
        ("https://other.example/", "cURL error 60: SSL"),
        ("https://keys.example/drop", "cURL error "),
    ];
    for (callback, says) in rows {
        let page = town.merchant().approve(&authorize(HOME, &[("callback_url", callback)])).await;
        assert_eq!(page.status, 401, "{callback}");
        assert!(page.text().starts_with(&format!("Error: {says}")), "{callback}: {}", page.text());
    }
    town.store.switch(|s| s.lost_reply = true);
    let lost = town.merchant().approve(&authorize(HOME, &[])).await;
    assert_eq!(
        lost.text(),
        "Error: cURL error 28: Operation timed out after 60001 milliseconds with 0 bytes received."
    );
    assert!(town.store.keys().iter().all(|key| key.revoked));
}

#[tokio::test]
async fn some_addresses_are_refused_only_after_approve() {
    let town = Town::new().await;
    for callback in [
        "https://keys.example:8443/c",
        "https://keys.example:9443/c",
        "https://user:word@keys.example/c",
        "https://127.0.0.1/c",
        "https://localhost/c",
        "https://10.1.2.3/c",
        "https://nowhere.example/c",
    ] {
        let page = town.merchant().approve(&authorize(HOME, &[("callback_url", callback)])).await;
        assert_eq!((page.status, page.text().as_str()), (401, "Error: A valid URL was not provided.."), "{callback}");
        assert!(town.store.keys().last().unwrap().revoked);
    }
    assert!(town.listener.seen().is_empty());
}

#[tokio::test]
async fn the_approve_link_can_be_opened_again_and_changed() {
    let town = Town::new().await;
    let mut merchant = town.merchant();
    merchant.approve(&authorize(HOME, &[])).await;
    let again = merchant.approve_again().await;
    assert_eq!(again.param("success").as_deref(), Some("1"));
    let keys = town.store.keys();
    assert_eq!((keys.len(), keys[0].key_id, keys[1].key_id), (2, 1, 2));
    assert_ne!(keys[0].consumer_key, keys[1].consumer_key);

    let approved = town.store.requests().into_iter().rfind(|r| r.target.contains("access_granted")).unwrap().target;
    merchant.get(&format!("{HOME}{}", approved.replace("abc123", "another"))).await;
    assert_eq!(town.delivered_user_id(), "another");
    // Bound to person and session all the same.
    let mut other = town.merchant();
    other.login = "manager".to_owned();
    other.approve(&authorize(HOME, &[])).await;
    let page = other.get(&format!("{HOME}{approved}")).await;
    assert_eq!((page.status, page.text().as_str()), (401, "Error: Invalid nonce verification."));
}

#[tokio::test]
async fn deny_and_cancel_send_nothing() {
    let town = Town::new().await;
    let denied = town.merchant().deny(&authorize(HOME, &[])).await;
    assert_eq!(denied.url.as_str(), "https://app.example/return?success=0&user_id=abc123");
    let mut merchant = town.merchant();
    let login = merchant.get(&authorize(HOME, &[])).await;
    assert_eq!(login.title(), "Application authentication request");
    let cancelled = merchant.click(&login, "cancel and return").await;
    assert_eq!(cancelled.param("success").as_deref(), Some("0"));
    assert!(town.store.keys().is_empty() && town.store.callbacks().is_empty());
}

#[tokio::test]
async fn only_who_manages_the_shop_may_approve() {
    let town = Town::new().await;
    let no = "Error: You do not have permission to access this page.";
    let mut customer = town.merchant();
    customer.login = "customer".to_owned();
    let page = customer.approve(&authorize(HOME, &[])).await;
    assert_eq!((page.status, page.text().as_str()), (401, no));
    let mut wrong = town.merchant();
    wrong.password = "guess".to_owned();
    let page = wrong.approve(&authorize(HOME, &[])).await;
    assert_eq!((page.status, page.title().as_str()), (200, "Application authentication request"));
    assert!(page.text().contains("Error:"));
    let granted = authorize(HOME, &[]).replace("authorize", "access_granted");
    assert_eq!(town.merchant().get(&granted).await.text(), no);
    let other = authorize(HOME, &[]).replace("authorize", "settings");
    assert_eq!(town.merchant().get(&other).await.text(), no);
    town.store.promote("customer", Role::ShopManager);
    let page = customer.approve(&authorize(HOME, &[("scope", "read")])).await;
    assert_eq!(page.status, 200);
    let key = &town.store.keys()[0];
    assert_eq!((key.owner.as_str(), key.permissions.as_str()), ("customer", "read"));
}

#[tokio::test]
async fn the_switches_of_delivery() {
    let town = Town::new().await;
    let mut merchant = town.merchant();
    town.store.switch(|s| (s.insert_fails, s.grants_instead) = (true, Some(Scope::Read)));
    merchant.approve(&authorize(HOME, &[])).await;
    let posted = town.store.callbacks()[0].body.clone();
    assert!(posted.starts_with("{\"key_id\":0,") && posted.ends_with("\"key_permissions\":\"read\"}"), "{posted}");
    assert!(town.store.keys()[0].revoked);

    town.store.switch(|s| *s = Switches { user_id_as_number: true, callback_as_xml: true, ..Switches::default() });
    merchant.approve(&authorize(HOME, &[("user_id", "123")])).await;
    assert!(town.store.callbacks()[1].body.contains("\"user_id\":123,"));
    assert!(town.listener.seen().iter().any(|request| request.contains("application/xml")));

    town.store.switch(|s| *s = Switches { callback_swallowed: true, ..Switches::default() });
    let page = merchant.approve(&authorize(HOME, &[])).await;
    assert_eq!((page.param("success").as_deref(), town.store.callbacks().len()), (Some("1"), 2));

    town.store.switch(|s| *s = Switches { double_approve: true, ..Switches::default() });
    merchant.approve(&authorize(HOME, &[])).await;
    assert_eq!((town.store.callbacks().len(), town.store.keys().len()), (4, 5));
}
