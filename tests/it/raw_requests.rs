//! Requests that parsers read differently: whoever hides a second request behind one, past a proxy in front, is not answered.

use std::net::SocketAddr;

use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::binary::{Installation, Running};
use crate::process::connect;

/// The request that is hidden behind another. It ends the connection, so that each answer can be awaited.
const HIDDEN: &str = "GET /livez HTTP/1.1\r\nHost: keys\r\nConnection: close\r\n\r\n";
/// The end of a chunked body.
const LAST_CHUNK: &str = "0\r\n\r\n";

/// The statuses of all answers on one connection.
async fn answered(listen: SocketAddr, raw: &str) -> Vec<u16> {
    let mut stream = connect(listen).await;
    stream.write_all(raw.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    // A connection that is closed while something is unread may be reset.
    let _ = stream.read_to_end(&mut said).await;
    let said = String::from_utf8_lossy(&said);
    said.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].parse().unwrap()).collect()
}

/// A request with these header lines and this body, and the hidden one behind it.
fn framed(lines: &str, body: &str) -> String {
    format!("POST /api/v1/links HTTP/1.1\r\nHost: keys\r\n{lines}\r\n{body}{HIDDEN}")
}

#[tokio::test]
async fn a_request_hidden_behind_one_of_unclear_length_is_never_answered() {
    let (here, chunked) = (Installation::new().await, "Transfer-Encoding: chunked\r\n");
    let cartkey = here.serve().await;
    for (lines, body) in [
        // With both lengths: read as chunked, then the connection is closed (RFC 9112 §6.3).
        ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", LAST_CHUNK),
        ("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", LAST_CHUNK),
        ("Content-Length: 0\r\nContent-Length: 60\r\n", ""),
        ("Content-Length: 0, 60\r\n", ""),
        ("Content-Length: +0\r\n", ""),
        ("Content-Length: -1\r\n", ""),
        ("Content-Length: 0x0\r\n", ""),
        ("Content-Length: 99999999999999999999999\r\n", ""),
        ("Content-Length : 0\r\n", ""),
        ("Content-Length:\r\n", ""),
        ("Transfer-Encoding : chunked\r\n", LAST_CHUNK),
        ("Transfer-Encoding: xchunked\r\n", LAST_CHUNK),
        ("Transfer-Encoding: chunked, identity\r\n", LAST_CHUNK),
        ("Transfer-Encoding: identity\r\nContent-Length: 0\r\n", ""),
        ("Transfer-Encoding: \"chunked\"\r\n", LAST_CHUNK),
        ("Transfer-Encoding: \u{b}chunked\r\n", LAST_CHUNK),
        ("Transfer-Encoding:\r\n chunked\r\n", LAST_CHUNK),
        ("X: a\r\n b\r\n", ""),
        ("X: a\rb\r\n", ""),
        ("X: a\0b\r\n", ""),
        ("no colon\r\n", ""),
        (chunked, "+0\r\n\r\n"),
        (chunked, "0x0\r\n\r\n"),
        (chunked, "10000000000000000\r\n"),
        (chunked, "0\n\n"),
        (chunked, "1\r\naX0\r\n\r\n"),
        ("Host: others\r\n", ""),
    ] {
        let answers = answered(cartkey.listen, &framed(lines, body)).await;
        assert!(matches!(answers[..], [400..=499]), "{lines:?} {body:?}: {answers:?}");
    }
}

#[tokio::test]
async fn a_request_whose_length_is_clear_leaves_the_connection_to_the_next() {
    let (here, chunked) = (Installation::new().await, "Transfer-Encoding: chunked\r\n");
    let cartkey = here.serve().await;
    for (lines, body) in [
        ("", ""),
        ("Content-Length: 0\r\n", ""),
        ("Content-Length: 0\r\nContent-Length: 0\r\n", ""),
        (chunked, LAST_CHUNK),
        (chunked, "0;extension=is ignored\r\n\r\n"),
        (chunked, "0\r\nContent-Length: 60\r\nHost: others\r\n\r\n"),
    ] {
        assert_eq!(answered(cartkey.listen, &framed(lines, body)).await, [401, 200], "{lines:?} {body:?}");
    }
    // A body is a body, also of a request that needs none.
    let length = HIDDEN.len();
    let swallowed = format!("POST /livez HTTP/1.1\r\nHost: keys\r\nContent-Length: {length}\r\n\r\n{HIDDEN}{HIDDEN}");
    assert_eq!(answered(cartkey.listen, &swallowed).await, [405, 200]);
}

#[tokio::test]
async fn only_http_1_with_one_host_is_served() {
    let here = Installation::new().await;
    let cartkey = here.serve().await;
    for (head, status) in [
        ("GET /livez HTTP/1.1\r\n", 400),
        ("GET /livez HTTP/1.1\r\nHost: keys\r\nHost: keys\r\n", 400),
        ("GET /livez HTTP/2.0\r\nHost: keys\r\n", 400),
        ("GET /livez\r\n", 400),
        ("GET /li vez HTTP/1.1\r\nHost: keys\r\n", 400),
        (" GET /livez HTTP/1.1\r\nHost: keys\r\n", 400),
        ("GET /livez HTTP/1.1\r\n Host: keys\r\n", 400),
        ("CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\nConnection: close\r\n", 404),
        ("GET http://other/livez HTTP/1.1\r\nHost: keys\r\nConnection: close\r\n", 200),
        ("GET /livez HTTP/1.1\r\nHost: keys\r\nUpgrade: h2c\r\nConnection: close, Upgrade\r\n", 200),
    ] {
        assert_eq!(answered(cartkey.listen, &format!("{head}\r\n")).await, [status], "{head:?}");
    }
}

#[tokio::test]
async fn nothing_that_is_sent_begins_a_line_of_the_log() {
    let here = Installation::new().await.with("CARTKEY_LOG_FORMAT", "text").with("CARTKEY_LOG", "debug");
    let token = here.token("links:write,stores:read");
    let mut cartkey = Running::start(here.command(&["serve"]));
    let line = cartkey.logged_line("is serving").await;
    let listen = line.split("listen=").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    // A line feed, a carriage return, an escape sequence and a line separator, percent-encoded and in JSON.
    let (in_paths, in_json) = ("%0Aforged%0D%1B%5B31m%E2%80%A8forged", "\\nforged\\r\\u001b[31m\\u2028forged");
    let authorized = format!(
        "Host: keys\r\nConnection: close\r\nOrigin: http://localhost:8080\r\nAuthorization: Bearer {token}\r\n"
    );
    for (request, body) in [
        (format!("GET /{in_paths}"), String::new()),
        (format!("GET /connect/{in_paths}"), String::new()),
        (format!("GET /api/v1/stores/{in_paths}"), String::new()),
        (format!("GET /api/v1/stores?{in_paths}=1"), String::new()),
        (format!("GET /api/v1/stores?status={in_paths}"), String::new()),
        ("POST /api/v1/links".to_owned(), format!("{{\"{in_json}\":1}}")),
        ("POST /api/v1/links".to_owned(), format!("{{\"user_id\":\"{in_json}\"}}")),
        ("POST /api/v1/links".to_owned(), format!("{{\"user_id\":\"m\",\"scope\":\"{in_json}\"}}")),
        ("POST /api/v1/links".to_owned(), format!("{{\"user_id\":\"m\",\"store_url\":\"{in_json}\"}}")),
        ("POST /connect".to_owned(), format!("store_url={in_paths}")),
        ("POST /admin/sign-in".to_owned(), format!("name={in_paths}&password={in_paths}")),
        (format!("POST /wc-auth/callback/{}", "A".repeat(43)), format!("{{\"user_id\":\"{in_json}\"}}")),
    ] {
        let length = body.len();
        let kind = if body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
        let head =
            format!("{request} HTTP/1.1\r\n{authorized}Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
        let answers = answered(listen, &(head + &body)).await;
        assert!(matches!(answers[..], [300..=499]), "{request}: {answers:?}");
    }
    cartkey.tell(Signal::TERM);
    let log = cartkey.rest().await;
    assert!(log.lines().filter(|line| line.contains("cartkey::request") || line.contains(" 4")).count() >= 12, "{log}");
    for line in log.lines() {
        assert!(!line.starts_with("forged") && !line.contains(['\u{1b}', '\u{2028}', '\r']), "{line:?}");
    }
}
