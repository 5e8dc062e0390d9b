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

#[tokio::test]
async fn random_paths_reach_nothing_but_woocommerce() {
    let called = Called::new().await;
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
    ];
    let parts = proptest::collection::vec(part, 0..8);
    let begun = called.asked();
    let mut passed = 0;
    for _ in 0..300 {
        let path = format!("wc/v3/{}", parts.new_tree(&mut runner).unwrap().current().concat());
        let line = format!("GET /api/v1/stores/{}/wp-json/{path}", called.id);
        let status = raw(&address, &line, &called.service.token).await;
        assert!(status < 500 && status != 401, "{path}: {status}");
        passed += usize::from(called.asked() > begun);
    }
    assert!(passed > 0, "some were sent");
    for request in called.world.shop.requests().split_off(begun) {
        let target = request.target.to_ascii_lowercase();
        assert!(target.starts_with("/wp-json/wc/v3"), "{target}");
        let path = target.split('?').next().unwrap();
        let is_plain = path.split('/').skip(1).all(|part| !part.is_empty() && part.bytes().any(|byte| byte != b'.'));
        assert!(is_plain && !path.contains('\\') && !path.contains("%2"), "{target}");
        let query = target.split_once('?').unwrap().1;
        for (name, _) in url::form_urlencoded::parse(query.as_bytes()) {
            let in_php = name.split('[').next().unwrap().trim_start().replace(['.', ' '], "_");
            assert!(in_php != "rest_route" && in_php != "_method", "{target}");
        }
    }
}
