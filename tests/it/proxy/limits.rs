//! Tokens with limits on their calls: whoever goes over one is told which, and what goes on counts together.

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

const MINUTE: Duration = Duration::from_mins(1);

/// A shop that is called with a token that has these limits.
async fn limited(limits: &str) -> Called {
    let mut called = Called::new().await;
    let new = NewToken::new("limited", "proxy:read,proxy:write,tokens:read,tokens:write".parse().unwrap());
    called.service = called.world.holder(NewToken { limits: limits.parse().unwrap(), ..new }).await;
    called
}

/// Status, limit and value of a refusal, which says who can change it.
#[track_caller]
fn over(reply: &Reply) -> (u16, String, u64) {
    let (status, code) = problem(reply);
    assert_eq!(code, "token_limit");
    let told = json_of(reply);
    let value = told["value"].as_u64().unwrap();
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.contains(&value.to_string()) && detail.contains("ask an operator"), "{detail}");
    (status, told["limit"].as_str().unwrap().to_owned(), value)
}

#[tokio::test]
async fn calls_per_minute_are_counted_with_those_of_the_successor_and_of_what_was_issued() {
    let called = limited("per_minute=3").await;
    let (first, id) = (called.get("wc/v3/orders").await, &called.service.token_id);
    assert_eq!(first.status, 200);
    called.world.clock.advance(Duration::from_secs(15));
    let rotated = called.service.post(&format!("/tokens/{id}/rotate"), &json!({})).await.ok();
    let issued = called.service.post("/tokens", &json!({"name": "n", "permissions": ["proxy:read"]})).await.ok();
    assert_eq!((&rotated["limits"]["per_minute"], &issued["limits"]["per_minute"]), (&json!(3), &json!(3)));
    let with = |token: &Value| format!("Bearer {}", token["token"].as_str().unwrap());
    let get = async |authorization: &str| {
        called.ask(Method::GET, &called.at("wc/v3/orders"), &[("authorization", authorization)], "").await
    };
    for token in [&rotated, &issued] {
        assert_eq!(get(&with(token)).await.status, 200);
    }
    let begun = called.asked();
    for refused in [called.get("wc/v3/orders").await, get(&with(&rotated)).await, get(&with(&issued)).await] {
        assert_eq!(over(&refused), (429, "per_minute".to_owned(), 3));
        assert_eq!(refused.headers["retry-after"], "45");
    }
    assert_eq!(called.asked(), begun, "nothing was sent");
    assert_eq!(on_record::lines(&called.world.app.db).await.len(), 3, "and nothing recorded");
    let other = called.world.service("proxy:read").await;
    assert_eq!(get(&format!("Bearer {}", other.token)).await.status, 200, "others are not concerned");
    called.world.clock.advance(MINUTE);
    assert_eq!(get(&with(&issued)).await.status, 200);
}

#[tokio::test]
async fn a_call_too_many_at_the_same_time_is_refused_and_the_next_is_not() {
    let called = limited("concurrent=1").await;
    called.world.shop.switch(|s| s.pace = Pace::WhenReleased);
    let begun = called.asked();
    let second = async {
        while called.asked() == begun {
            tokio::task::yield_now().await;
        }
        let refused = called.get("wc/v3/orders").await;
        called.world.shop.switch(|s| s.pace = Pace::Brisk);
        called.world.shop.release();
        refused
    };
    let (first, second) = tokio::join!(called.get("wc/v3/products"), second);
    assert_eq!(first.status, 200);
    assert_eq!(
        (over(&second), &second.headers["retry-after"]),
        ((429, "concurrent".to_owned(), 1), &"1".parse().unwrap())
    );
    assert_eq!(called.get("wc/v3/orders").await.status, 200);
    // One that failed is over too.
    called.world.shop.switch(|s| s.pace = Pace::HangUp(9));
    assert_eq!(problem(&called.post("wc/v3/products", &[]).await).0, 502);
    called.world.shop.switch(|s| s.pace = Pace::Brisk);
    assert_eq!(called.get("wc/v3/orders").await.status, 200);
}

#[tokio::test]
async fn a_store_has_the_time_that_the_token_gives_it_to_begin_and_to_end() {
    for pace in [Pace::Never, Pace::Drip] {
        let called = limited("seconds=1").await;
        assert_eq!(called.get("wc/v3/products").await.status, 200);
        called.world.shop.switch(|s| s.pace = pace);
        let begun = called.asked();
        assert_eq!(over(&called.get("wc/v3/products").await), (504, "seconds".to_owned(), 1), "{pace:?}");
        assert_eq!(called.reached(begun).len(), 1, "and it is not sent again");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_for_the_token_is_refused() {
    let called = limited("request_bytes=20").await;
    let begun = called.asked();
    let post = async |body: &str, headers: &[(&'static str, &str)]| {
        let headers: Vec<_> = [("content-type", "application/json")].iter().chain(headers).copied().collect();
        called.ask(Method::POST, &called.at("wc/v3/products"), &headers, body).await
    };
    for headers in [&[][..], &[("idempotency-key", "k")]] {
        assert_eq!(over(&post("{\"name\":\"Blue cups!\"}", headers).await), (413, "request_bytes".to_owned(), 20));
    }
    assert_eq!(called.asked(), begun, "nothing was sent");
    assert_eq!(post("{\"name\":\"Blue cup\"}", &[]).await.status, 201);
    // One whose size shows only as it comes.
    let address = called.world.also(|_| ()).await;
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST /api/v1/stores/{}/wp-json/wc/v3/products HTTP/1.1\r\nHost: keys.example\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n{}\r\n1\r\n \r\n0\r\n\r\n",
        called.id, called.service.token, "{\"name\":\"Blue cup\"} "
    );
    let before = called.world.shop.count(|request| request.method == "POST");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("\"limit\":\"request_bytes\""), "{answer}");
    assert_eq!(called.world.shop.count(|request| request.method == "POST"), before);
}

#[tokio::test]
async fn an_answer_that_is_too_large_for_the_token_is_refused_or_cut() {
    const MOST: usize = 5 * 1024 * 1024;
    let called = limited(&format!("response_bytes={MOST}")).await;
    called.world.shop.switch(|s| s.description = MOST);
    assert_eq!(over(&called.get("wc/v3/products").await), (502, "response_bytes".to_owned(), MOST as u64));
    called.world.shop.switch(|s| s.description = MOST - 1_000);
    assert!(called.get("wc/v3/products").await.body.len() > MOST - 1_000);
    // One that grows while it passes ends without an end.
    called.world.shop.switch(|s| s.pace = Pace::Endless);
    let address = called.world.also(|_| ()).await;
    let stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get(format!("/api/v1/stores/{}/wp-json/wc/v3/products", called.id))
        .header("host", "keys.example")
        .header("authorization", format!("Bearer {}", called.service.token))
        .body(Empty::<Bytes>::new())
        .unwrap();
    let mut answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut read = 0;
    let end = loop {
        match answer.frame().await {
            Some(Ok(frame)) => read += frame.data_ref().unwrap().len(),
            end => break end,
        }
    };
    assert!(end.is_some_and(|end| end.is_err()), "it is cut, not ended");
    assert!(read <= MOST && read > MOST / 2, "{read}");

    let called = limited("response_bytes=1000").await;
    called.world.shop.switch(|s| s.description = 2_000);
    assert_eq!(over(&called.get("wc/v3/products").await), (502, "response_bytes".to_owned(), 1_000));
    called.world.shop.switch(|s| s.pace = Pace::Endless);
    assert_eq!(over(&called.get("wc/v3/products").await), (502, "response_bytes".to_owned(), 1_000));
    called.world.shop.switch(|s| (s.pace, s.description) = (Pace::Brisk, 0));
    assert_eq!(called.get("wc/v3/products").await.status, 200);
}

#[tokio::test]
async fn a_token_of_an_older_version_has_no_limits() {
    let called = limited("per_minute=1").await;
    let older = "INSERT INTO tokens (id, name, fingerprint, permissions, created_at)
                 SELECT 'tk_01jd0000000000000000000000', name, 'another', permissions, created_at FROM tokens
                 WHERE limits <> ''";
    assert_eq!(change(&called.world.app.db, older).await, 1);
    let token = called.service.get("/tokens/tk_01jd0000000000000000000000").await.ok();
    assert_eq!(token["namespaces"], json!([]));
    assert!(token["limits"].as_object().unwrap().values().all(Value::is_null), "{token}");
}
