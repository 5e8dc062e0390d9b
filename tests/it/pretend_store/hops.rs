//! How the hops of the approval change the values.

use super::{HOME, Town, authorize};

#[tokio::test]
async fn a_user_id_goes_through_the_login_as_measured() {
    let town = Town::new().await;
    let long = "x".repeat(200);
    let rows = [
        ("AZaz09-_.~", "AZaz09-_.~"),
        (":/@,;a=b", ":/@,;a=b"),
        ("50% off", "50% off"),
        ("Кириллица", "Кириллица"),
        (long.as_str(), long.as_str()),
        ("a+b/c==", "a b/c"),
        ("abc==", "abc"),
        ("a&b=c", "a"),
        ("{\"a\":1}", "a:1"),
        ("100%41x", "100x"),
        ("a%2Fb", "ab"),
        ("O'Brien", "OBrien"),
        ("a$b", "ab"),
        (" \ta\n", "a"),
        ("<b>bold</b>", "bold"),
    ];
    for (given, arrives) in rows {
        let page = town.merchant().approve(&authorize(HOME, &[("user_id", given)])).await;
        assert_eq!((page.status, page.url.host_str()), (200, Some("app.example")), "{given}: {}", page.text());
        assert_eq!(town.delivered_user_id(), arrives, "{given}");
        assert_eq!(page.param("user_id").as_deref(), Some(arrives), "{given}");
        assert_eq!(page.param("success").as_deref(), Some("1"));
    }
}

#[tokio::test]
async fn who_is_logged_in_already_sees_less_damage() {
    let town = Town::new().await;
    let rows = [
        ("a'b\"c", "a'b\"c", "abc"),
        ("a\\b`c|d^e{f}$", "a\\b`c|d^e{f}$", "abcdef"),
        ("日本 😀", "日本 😀", "日本 😀"),
        ("abc==", "abc=", "abc"),
        ("a%2Fb", "ab", "ab"),
    ];
    for (given, posted, returned) in rows {
        let page = town.logged_in().await.approve(&authorize(HOME, &[("user_id", given)])).await;
        assert_eq!(town.delivered_user_id(), posted, "{given}");
        assert_eq!(page.param("user_id").as_deref(), Some(returned), "{given}");
    }
}

#[tokio::test]
async fn a_hash_breaks_the_request() {
    let town = Town::new().await;
    for (change, missing) in [(("user_id", "a#b"), "return_url"), (("app_name", "App #1"), "user_id")] {
        for mut merchant in [town.merchant(), town.logged_in().await] {
            let page = merchant.approve(&authorize(HOME, &[change])).await;
            assert_eq!((page.status, page.text()), (401, format!("Error: Missing parameter {missing}.")));
        }
    }
    assert!(town.store.callbacks().is_empty());
}

#[tokio::test]
async fn an_app_name_is_cut_in_the_description() {
    let town = Town::new().await;
    for (given, kept) in [("Key & Desk", "Key"), ("C++ Shop", "C Shop"), ("Tom's «Ключ»", "Toms «Ключ»")] {
        let page = town.merchant().approve(&authorize(HOME, &[("app_name", given)])).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let description = town.store.keys().last().unwrap().description.clone();
        assert_eq!(description, format!("{kept} - API (2026-09-21 14:13:20)"), "{given}");
    }
    let page = town.logged_in().await.get(&authorize(HOME, &[("app_name", "Key & Desk")])).await;
    assert_eq!(page.title(), "Key & Desk would like to connect to your store");
}

#[tokio::test]
async fn a_callback_url_is_decoded_again_and_again() {
    let town = Town::new().await;
    let rows = [
        ("https://keys.example/c?a=1&b=2", "https://keys.example/c?a=1&b=2"),
        ("https%3A%2F%2Fkeys.example%2Fc%3Fa%3D1%26b%3D2", "https://keys.example/c?a=1&b=2"),
        ("https://keys.example/c/a%2Fb", "https://keys.example/c/a/b"),
        ("https://keys.example/c?u=https%3A%2F%2Fx", "https://keys.example/c?u=https://x"),
        ("https://keys.example/c?t=%26c%3D1", "https://keys.example/c?t=&c=1"),
        ("https://keys.example/c?t=ab==", "https://keys.example/c?t=ab=="),
        ("keys.example/c", "https://keys.example/c"),
    ];
    for (given, arrives) in rows {
        let page = town.merchant().approve(&authorize(HOME, &[("callback_url", given)])).await;
        assert_eq!(page.status, 200, "{given}: {}", page.text());
        assert_eq!(town.store.callbacks().last().unwrap().url, arrives, "{given}");
    }
    let fragment = authorize(HOME, &[("callback_url", "https://keys.example/c#frag")]);
    town.merchant().approve(&fragment).await;
    assert!(town.listener.seen().iter().any(|request| request.starts_with("POST /c HTTP/1.1")));
}

#[tokio::test]
async fn an_unencoded_callback_url_is_cut() {
    let town = Town::new().await;
    let url = format!(
        "{HOME}/wc-auth/v1/authorize?app_name=A&scope=read&user_id=u&return_url=https://app.example/\
         &callback_url=https://keys.example/c?a=1&b=2"
    );
    town.merchant().approve(&url).await;
    assert_eq!(town.store.callbacks()[0].url, "https://keys.example/c?a=1");
}

#[tokio::test]
async fn unusable_addresses_are_refused_in_these_words() {
    let town = Town::new().await;
    let rows = [
        (("callback_url", "http://keys.example/c"), "The callback_url needs to be over SSL"),
        (("callback_url", "ftp://keys.example/c"), "The callback_url needs to be over SSL"),
        (("callback_url", "https://keys.example/ä"), "The https://keys.example/ä is not a valid URL"),
        (("callback_url", "https://keys.example/a b"), "The https://keys.example/a b is not a valid URL"),
        (("callback_url", "https://a_b.example/"), "The https://a_b.example/ is not a valid URL"),
        (("return_url", "https://app.example/ж"), "The https://app.example/ж is not a valid URL"),
        (("scope", "Admin"), "Invalid scope Admin"),
        (("scope", "Read"), "Invalid scope Read"),
        (("user_id", "0"), "Missing parameter user_id"),
        (("app_name", ""), "Missing parameter app_name"),
    ];
    for (change, says) in rows {
        // At once, before any login.
        let page = town.merchant().get(&authorize(HOME, &[change])).await;
        assert_eq!((page.status, page.text()), (401, format!("Error: {says}.")));
        assert_eq!((page.title().as_str(), page.url.path()), ("Access denied", "/wc-auth/v1/authorize"));
    }
    // A plus sign is lost only at the second hop.
    let page = town.merchant().get(&authorize(HOME, &[("callback_url", "https://keys.example/c?x=a%2Bb")])).await;
    assert_eq!(page.text(), "Error: The https://keys.example/c?x=a b is not a valid URL.");
    assert_eq!(page.url.path(), "/wc-auth/v1/login/");
}

#[tokio::test]
async fn arrays_get_as_far_as_the_login_until_11_1() {
    let town = Town::new().await;
    let url = authorize("", &[]).replace("user_id=abc123", "user_id[]=1");
    let reply = town.get(&url).await;
    assert_eq!(reply.status.as_u16(), 302);
    assert!(super::header(&reply, "location").contains("/wc-auth/v1/login/?app_name=Key%20Desk&user_id%5B0%5D=1&"));
    town.store.switch(|s| s.woocommerce = Some((11, 1)));
    let reply = town.get(&url).await;
    assert!(super::body(&reply).contains("Error: Invalid parameter user_id."), "{}", super::body(&reply));
}

#[tokio::test]
async fn the_return_address_keeps_what_it_has() {
    let town = Town::new().await;
    let rows = [
        ("https://app.example/r?a=1&success=9", "https://app.example/r?a=1&success=1&user_id=abc123"),
        ("https://app.example/r#part", "https://app.example/r?success=1&user_id=abc123#part"),
        ("https://app.example/r?x[]=1", "https://app.example/r?x%5B0%5D=1&success=1&user_id=abc123"),
    ];
    for (given, arrives) in rows {
        let page = town.logged_in().await.approve(&authorize(HOME, &[("return_url", given)])).await;
        assert_eq!(page.url.as_str(), arrives);
    }
    // A scheme that WordPress does not know: key made and posted, then a blank page.
    let page = town.merchant().approve(&authorize(HOME, &[("return_url", "myapp://done")])).await;
    assert_eq!((page.status, page.body.as_str(), page.url.path()), (200, "", "/wc-auth/v1/access_granted/"));
    assert_eq!(town.store.keys().len(), 4);
}
