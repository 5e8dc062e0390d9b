//! Path tricks: whatever is sent, nothing but WooCommerce's routes is reached.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

/// Sends a request line as it is, over plain HTTP; returns the status.
async fn raw(address: &str, line: &str, token: &str) -> u16 {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let request =
        format!("{line} HTTP/1.1\r\nHost: keys.example\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.split(' ').nth(1).unwrap_or_else(|| panic!("no answer to {line}: {answer}")).parse().unwrap()
}

#[tokio::test]
async fn tricks_with_paths_and_parameters_reach_nothing() {
    let called = Called::new().await;
    let address = called.world.also(|_| ()).await;
    let begun = called.asked();
    for trick in [
        "wc/../wp/v2/users",
        "wc/v3/../../wp/v2/users",
        "wc/%2e%2e/wp/v2/users",
        "wc/%2E%2E/wp/v2/users",
        "wc/.%2e/wp/v2/users",
        "wc%2fv3/orders",
        "wc/v3%2f..%2f..%2fwp/v2/users",
        "wc//v3/orders",
        "/wc/v3/orders",
        "wc/v3/orders//",
        "wc\\v3\\orders",
        "wc/v3/..\\..\\wp",
        "wc/v3/orders%5c..",
        "wc/v3/orders%00",
        "wc/v3/orders%0d%0aX: y",
        "wc/v3/orders%3frest_route=/wp/v2/users",
        "wc/v3/orders%23",
        "wc/v3/orders;x=y",
        "wc/v3/orders%",
        "wc/v3/orders%2",
        "wc/v3/%252e%252e/%252e%252e/wp/v2/users",
        "wc/v3/http://evil.example/",
        "wp/v2/users",
        "batch/v1",
        "wc-auth/v1/authorize",
        "wc/v3/application-passwords",
        "WC/v3/orders",
        "wc",
        "wcx/v3",
        "wc-/v3",
        "wc/v3/orders?rest_route=/wp/v2/users",
        "wc/v3/orders?rest.route=/wp/v2/users",
        "wc/v3/orders?rest%5froute=/wp/v2/users",
        "wc/v3/orders?rest%20route=/wp/v2/users",
        "wc/v3/orders?rest[route=/wp/v2/users",
        "wc/v3/orders?+rest_route[]=/wp/v2/users",
        "wc/v3/orders?_method=DELETE",
        "wc/v3/orders?.method=DELETE",
        "wc/v3/orders?_jsonp=alert",
        "wc/v3/orders?_envelope",
        "wc/v3/orders?wc-api=paypal",
        "wc/v3/orders?wc-auth-route=authorize&wc-auth-version=1",
    ] {
        let line = format!("GET /api/v1/stores/{}/wp-json/{trick}", called.id);
        let status = raw(&address, &line, &called.service.token).await;
        assert!(matches!(status, 400 | 404), "{trick}: {status}");
    }
    for line in [
        "GET http://shop.example/api/v1/stores/{id}/wp-json/wc/v3/orders",
        "GET https://shop.example/wp-json/wc/v3/orders",
        "GET /api/v1/stores/{id}/../{id}/wp-json/wc/v3/orders",
        "GET /api/v1/stores/%2e%2e/wp-json/wc/v3/orders",
        "GET //api/v1/stores/{id}/wp-json/wc/v3/orders",
        "GET /api/v1/stores/{id}/wp-json",
        "GET /api/v1/stores/{id}/wp-json/",
        "CONNECT shop.example:443",
        "GET /api/v1/stores/{id}/wp-admin/index.php",
    ] {
        let status = raw(&address, &line.replace("{id}", &called.id), &called.service.token).await;
        assert!(matches!(status, 400 | 404 | 405), "{line}: {status}");
    }
    for method in ["TRACE", "PROPFIND", "get"] {
        let line = format!("{method} /api/v1/stores/{}/wp-json/wc/v3/orders", called.id);
        assert_eq!(raw(&address, &line, &called.service.token).await, 405, "{method}");
    }
    assert_eq!(called.asked(), begun, "nothing was sent");
}

/// A shop that is connected by an application password, and called with a token that names these namespaces.
async fn naming(namespaces: &str) -> Called {
    let (world, id) = application_passwords::connected().await;
    let new = NewToken::new("n", "proxy:read,proxy:write".parse().unwrap());
    let service = world.holder(NewToken { namespaces: namespaces.parse().unwrap(), ..new }).await;
    Called { world, service, id }
}

#[tokio::test]
async fn a_token_calls_the_namespaces_that_it_names_and_no_others() {
    for (namespaces, route, status) in [
        ("wp/v2", "wp/v2/users/me", 200),
        ("wp/v2/users", "wp/v2/users/me", 200),
        ("wp/v2/users", "wp/v2/users/me/", 200),
        ("wp/v2/users/me", "wp/v2/users/me?context=edit", 200),
        ("my-plugin/v1,wp", "wp/v2/users/me", 200),
        ("wp/v2", "wc/v3/orders", 200),
        ("wp/v2", "wp/v2/nothing", 404),
    ] {
        let called = naming(namespaces).await;
        let begun = called.asked();
        let reply = called.get(route).await;
        assert_eq!(reply.status, status, "{namespaces}: {route} {}", String::from_utf8_lossy(&reply.body));
        assert_eq!(reply.headers["content-type"], "application/json; charset=UTF-8", "it is the store's own answer");
        assert!(called.asked() > begun);
    }
    let called = naming("wp/v2/users,my-plugin").await;
    let begun = called.asked();
    for route in [
        "wp/v2",
        "wp/v2/posts",
        "wp/v2/usersx",
        "wp/v2/Users/me",
        "WP/v2/users/me",
        "wp/v2/users/../posts",
        "wp/v2/users/%2e%2e/posts",
        "wp/v2/users%2fme",
        "wp/v2//users/me",
        "my-plugins/v1",
        "my-plugin.x/v1",
        "wp/v2/users/me?rest_route=/wp/v2/posts",
        "wp/v2/users/me?_method=DELETE",
        "batch/v1",
        "Batch/v1",
        "wc-auth/v1/authorize",
    ] {
        let status = problem(&called.get(route).await).0;
        assert!(matches!(status, 400 | 404), "{route}: {status}");
    }
    // These hand out passwords that work without Cartkey.
    for route in [
        "me/application-passwords",
        "1/Application-Passwords",
        "me/application-passwords/x",
        "me/APPLICATION-PASSWORDS/",
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let url = called.at(&format!("wp/v2/users/{route}"));
            let refused = called.ask(method, &url, &[("content-type", "application/json")], "{\"name\":\"x\"}").await;
            assert_eq!(problem(&refused), (404, "not_found".to_owned()), "{route}");
        }
    }
    let plain = called.world.service("proxy:read").await;
    let bearer = format!("Bearer {}", plain.token);
    let refused = called.ask(Method::GET, &called.at("wp/v2/users/me"), &[("authorization", &bearer)], "").await;
    assert_eq!(problem(&refused), (404, "not_found".to_owned()));
    let new = NewToken { namespaces: "wp/v2".parse().unwrap(), ..NewToken::new("n", "proxy:read".parse().unwrap()) };
    let others = called.world.holder(NewToken { users: Some("n".parse().unwrap()), ..new }).await;
    let bearer = format!("Bearer {}", others.token);
    for url in [called.at("wp/v2/users/me"), format!("{KEYS}/api/v1/users/merchant-42/wp-json/wp/v2/users/me")] {
        let refused = called.ask(Method::GET, &url, &[("authorization", &bearer)], "").await;
        assert_eq!(problem(&refused), (404, "not_found".to_owned()), "{url}");
    }
    assert_eq!(called.asked(), begun, "nothing was sent");
}

/// A key of WooCommerce is refused outside its namespaces. Without a bound, each such call would have the store checked.
#[tokio::test]
async fn a_refusal_outside_woocommerce_has_the_store_checked_once_in_five_seconds() {
    let mut called = Called::with(|s| s.woocommerce = Some((11, 1))).await;
    let new = NewToken { namespaces: "wp/v2".parse().unwrap(), ..NewToken::new("n", "proxy:read".parse().unwrap()) };
    called.service = called.world.holder(new).await;
    let mut asked = Vec::new();
    for _ in 0..3 {
        let before = called.asked();
        let reply = called.get("wp/v2/users/me").await;
        assert_eq!(
            (reply.status.as_u16(), &json_of(&reply)["code"]),
            (401, &json!("woocommerce_rest_authentication_error"))
        );
        asked.push(called.asked() - before);
    }
    assert!(asked[0] > 1 && asked[1..] == [1, 1], "the call and a check, then only calls: {asked:?}");
    assert_eq!(column(&called.world.app.db, "SELECT status FROM stores").await, ["connected"]);
}

#[tokio::test]
async fn random_paths_reach_nothing_but_what_the_token_may_call() {
    let mut called = Called::new().await;
    let new =
        NewToken { namespaces: "wp/v2/media".parse().unwrap(), ..NewToken::new("n", "proxy:read".parse().unwrap()) };
    called.service = called.world.holder(new).await;
    let address = called.world.also(|_| ()).await;
    let mut runner = TestRunner::deterministic();
    let part = prop_oneof![
        Just("wc"),
        Just("/"),
        Just("//"),
        Just("v3"),
        Just(".."),
        Just("."),
        Just("%2e"),
        Just("%2f"),
        Just("%5c"),
        Just("\\"),
        Just("orders"),
        Just("wp"),
        Just("?"),
        Just("&"),
        Just("rest_route"),
        Just("="),
        Just("%00"),
        Just("#"),
        Just("%25"),
        Just(";"),
        Just("@"),
        Just(":"),
        Just("wc-admin"),
        Just("_method"),
        Just("["),
        Just("]"),
        Just("index.php"),
        Just("media"),
        Just("users/me/application-passwords"),
        Just("batch/v1"),
        Just("%61"),
    ];
    let beginnings = ["wc/v3/", "wp/v2/media/", "wp/v2/media", "wp/v2/", "wp/"];
    let parts = proptest::collection::vec(part, 0..8);
    let begun = called.asked();
    let mut passed = 0;
    for n in 0..500 {
        let path =
            format!("{}{}", beginnings[n % beginnings.len()], parts.new_tree(&mut runner).unwrap().current().concat());
        let line = format!("GET /api/v1/stores/{}/wp-json/{path}", called.id);
        let status = raw(&address, &line, &called.service.token).await;
        assert!(status < 500 && status != 401, "{path}: {status}");
        passed += usize::from(called.asked() > begun);
    }
    assert!(passed > 0, "some were sent");
    for request in called.world.shop.requests().split_off(begun) {
        let target = request.target.to_ascii_lowercase();
        let path = target.split('?').next().unwrap();
        let may = ["/wp-json/wc/v3", "/wp-json/wp/v2/media"];
        let is_within =
            |space: &&str| path.strip_prefix(*space).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        assert!(may.iter().any(is_within) && !path.split('/').any(|part| part == "application-passwords"), "{target}");
        let is_plain = path.split('/').skip(1).all(|part| !part.is_empty() && part.bytes().any(|byte| byte != b'.'));
        assert!(is_plain && !path.contains('\\') && !path.contains("%2"), "{target}");
        let query = target.split_once('?').unwrap().1;
        for (name, _) in url::form_urlencoded::parse(query.as_bytes()) {
            let in_php = name.split('[').next().unwrap().trim_start().replace(['.', ' '], "_");
            assert!(in_php != "rest_route" && in_php != "_method", "{target}");
        }
    }
}
