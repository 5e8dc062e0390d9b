//! Large bodies: passed on as they arrive, in bounded memory.

use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

const MB: usize = 1024 * 1024;

#[tokio::test]
async fn an_endless_answer_is_passed_on_no_faster_than_it_is_read() {
    let called = Called::new().await;
    let address = called.world.also(|_| ()).await;
    called.world.shop.switch(|s| s.pace = Pace::Endless);
    let stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get(format!("/api/v1/stores/{}/wp-json/wc/v3/products", called.id))
        .header("host", "keys.example")
        .header("authorization", format!("Bearer {}", called.service.token))
        .body(http_body_util::Empty::<hyper::body::Bytes>::new())
        .unwrap();
    let mut answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut read = 0;
    while read < 64 * MB {
        read += answer.frame().await.unwrap().unwrap().data_ref().unwrap().len();
    }
    let sent = usize::try_from(called.world.shop.endless()).unwrap();
    // The sockets on the way hold some; Cartkey itself no more than what it looks through for JSON.
    assert!(sent - read < 24 * MB, "{} bytes are on their way", sent - read);
    // Both places of the host are free again once the service hangs up.
    drop((answer, sender));
    called.world.shop.switch(|s| s.pace = Pace::Brisk);
    for _ in 0..3 {
        assert_eq!(called.get("wc/v3/products").await.status, 200);
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_to_rewrite_is_passed_on_as_it_is() {
    for (size, notices) in [(3 * MB, false), (3 * MB, true), (5 * MB, false), (5 * MB, true)] {
        let called = Called::new().await;
        called.world.shop.switch(|s| (s.description, s.notices) = (size, notices));
        let reply = called.get("wc/v3/products").await;
        assert_eq!(reply.status, 200);
        let is_removed = reply.headers.contains_key("cartkey-json-noise");
        assert_eq!(is_removed, notices && size < 4 * MB, "{size}");
        let is_json = serde_json::from_slice::<Value>(&reply.body).is_ok();
        assert_eq!(is_json, !notices || is_removed, "{size}");
        assert!(reply.body.len() > size);
    }
}

#[tokio::test]
async fn a_body_is_streamed_to_the_store_and_one_that_is_too_large_is_refused() {
    let called = Called::new().await;
    let large = format!("{{\"description\":\"{}\"}}", "d".repeat(MB - 100));
    let headers = [("content-type", "application/json;charset=utf-8")];
    let reply = called.ask(Method::POST, &called.at("wc/v3/products"), &headers, &large).await;
    assert_eq!(reply.status, 201);
    let seen = called.world.shop.requests().pop().unwrap();
    assert!(seen.body == large.as_bytes() && seen.header("content-length") == Some(large.len().to_string().as_str()));
    // Both an announced size and one that turns out are refused.
    let address = called.world.also(|_| ()).await;
    let piece = format!("100000\r\n{}\r\n", "d".repeat(MB));
    for (how, pieces) in [(format!("Content-Length: {}", 33 * MB), 0), ("Transfer-Encoding: chunked".to_owned(), 33)] {
        let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
        let head = format!(
            "POST /api/v1/stores/{}/wp-json/wc/v3/products HTTP/1.1\r\nHost: keys.example\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nConnection: close\r\n{how}\r\n\r\n",
            called.id, called.service.token
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut reads, mut writes) = stream.split();
        let sends = async {
            for _ in 0..pieces {
                if writes.write_all(piece.as_bytes()).await.is_err() {
                    break;
                }
            }
        };
        let mut answer = [0; 12];
        let (read, ()) = tokio::join!(reads.read_exact(&mut answer), sends);
        read.unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 413", "{how}");
    }
    assert_eq!(called.world.shop.count(|request| request.method == "POST" && request.body.len() > MB), 0);
}
