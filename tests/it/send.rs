//! Send: the page that sends the browser on, and what reaches the store.

use serde_json::json;
use url::Url;

use crate::callback::Callback;
use crate::world::{SHOP, World};

#[tokio::test]
async fn the_page_names_the_store_the_account_and_what_is_asked() {
    let world = World::new().await;
    let (_, link) = world.link("merchant-1", json!({"account_label": "Cups Ltd", "scope": "read"})).await;
    let sent = world.begin(&mut world.merchant(), &link).await;
    assert_eq!((sent.status, sent.title().as_str()), (200, "Continue on shop.example · Acme Shipping"));
    for words in ["Taking you to shop.example", "Cups Ltd", "keys.example", "View orders and sales reports"] {
        assert!(sent.text().contains(words), "{words}: {}", sent.text());
    }
    assert_eq!(sent.link("Continue to shop.example"), sent.refresh(), "a link for when it does not go by itself");
    let own = sent.link("the page for this connection").unwrap();
    assert_eq!(own, format!("/connect/attempts/{}", Callback::of(&sent).attempt));
}

/// No redirect (Chromium applies `form-action` to those), and no secret outside the link and the refresh.
#[tokio::test]
async fn the_state_and_the_token_stand_nowhere_else() {
    let world = World::new().await;
    let (id, link) = world.link("merchant-1", json!({})).await;
    let mut browser = world.merchant();
    let sent = world.begin(&mut browser, &link).await;
    let callback = Callback::of(&sent);
    let token = callback.url.rsplit('/').next().unwrap().to_owned();
    let cookie = browser.cookie("keys.example", "__Host-cartkey").expect("a cookie").to_owned();
    for (secret, times) in [(&callback.state, 2), (&token, 2), (&cookie, 0)] {
        assert_eq!(secret.len(), 43, "256 bits");
        assert_eq!(sent.body.matches(secret.as_str()).count(), times);
    }
    assert!(callback.state != token && token != cookie && cookie != callback.state);
    assert_eq!(sent.headers["cache-control"], "no-store");
    assert_eq!(sent.headers["referrer-policy"], "no-referrer");
    let headers = format!("{:?}", sent.headers);
    assert!(!headers.contains(&callback.state) && !headers.contains(&token), "{headers}");

    let page = browser.get(&format!("https://keys.example/connect/attempts/{}", callback.attempt)).await;
    let seen = world.service("links:write").await.get(&format!("/links/{id}")).await.ok().to_string();
    for (secret, times) in [(&callback.state, 1), (&token, 1), (&cookie, 0)] {
        assert_eq!(page.body.matches(secret.as_str()).count(), times, "for as long as it is open");
        assert!(!seen.contains(secret.as_str()));
        let asked_before = world.shop.requests();
        assert!(!asked_before.iter().any(|r| r.target.contains(secret.as_str())), "the preflight shows stand-ins only");
    }
}

#[tokio::test]
async fn the_cookie_stays_with_this_host_and_out_of_scripts() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, link) = world.link("merchant-1", json!({})).await;
    assert!(browser.get(&link).await.headers.get("set-cookie").is_none(), "looking sets none");
    let sent = world.begin(&mut browser, &link).await;
    let cookie = browser.set_cookies.last().unwrap().clone();
    let mut parts = cookie.split("; ");
    assert!(parts.next().unwrap().starts_with("__Host-cartkey="));
    assert_eq!(parts.collect::<Vec<_>>(), ["Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=86400", "Secure"]);
    // A second attempt in the same browser leaves the first one's page open.
    let first = Callback::of(&sent);
    let second = Callback::of(&world.begin(&mut browser, &link).await);
    assert!(first.state != second.state && first.url != second.url && first.attempt != second.attempt);
    for callback in [first, second] {
        let page = browser.get(&format!("https://keys.example/connect/attempts/{}", callback.attempt)).await;
        assert_eq!(page.status, 200, "{}", page.text());
    }
}

/// The store re-inserts some values raw at each hop, and only merchants who must log in pass through two of them.
#[tokio::test]
async fn all_five_values_survive_a_merchant_who_must_log_in_first() {
    for app_name in ["Acme Shipping", "Tom & Jerry's 50% + #1 <Shop> = \"fun\" …"] {
        let world =
            World::with(&[("CARTKEY_APP_NAME", app_name)], cartkey::demo::pretend_store::Switches::default()).await;
        let (_, link) = world.link("a/b+c&d=e#f%41", json!({"scope": "read"})).await;
        let mut browser = world.merchant();
        let sent = world.begin(&mut browser, &link).await;
        let callback = Callback::of(&sent);
        let asked: Url = sent.refresh().unwrap().parse().unwrap();
        assert!(asked.as_str().len() < 1_500 && asked.as_str().starts_with(&format!("{SHOP}/wc-auth/v1/authorize?")));
        let value = |name: &str| asked.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned()).unwrap();
        let named = value("app_name");
        assert!(named.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ' || b == b'-'), "{named}");
        assert!(!asked.as_str().contains("merchant") && !value("user_id").contains('/'), "user_id is never sent");

        let back = browser.approve_on(sent).await;
        assert_eq!(back.url.path(), format!("/connect/attempts/{}", callback.attempt), "{}", back.text());
        assert!(world.shop.requests().iter().any(|r| r.method == "POST" && r.target.contains("/wc-auth/v1/login")));
        let made = &world.shop.callbacks()[0];
        assert_eq!((made.url.as_str(), made.answer.unwrap()), (callback.url.as_str(), 200));
        assert!(made.body.contains(&callback.state), "{}", made.body);
        let key = &world.shop.keys()[0];
        assert_eq!((key.permissions.as_str(), key.revoked), ("read", false));
        assert!(key.description.starts_with(&format!("{named} - API (")), "{}", key.description);
        world.prove().await;
        let keys = world.service("keys:read").await.get("/users/a%2Fb%2Bc%26d%3De%23f%2541/keys").await.ok();
        assert_eq!((&keys["user_id"], &keys["permissions"]), (&json!("a/b+c&d=e#f%41"), &json!("read")));
    }
}
