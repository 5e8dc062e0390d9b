//! Stores in trouble: what the service is told, and what is never sent twice.

use super::*;

/// The same Cartkey with little patience.
async fn impatient(called: &Called) -> String {
    let limits = Limits { call_within: Duration::from_millis(300), ..Limits::default() };
    called.world.also(|app| app.outgoing = OutgoingLimits::new(limits)).await
}

#[tokio::test]
async fn a_store_that_moved_is_named_and_never_gets_the_key() {
    let called = Called::new().await;
    called.world.shop.switch(|s| s.redirects_to = Some("https://moved.example".to_owned()));
    let begun = called.asked();
    let reply = called.get("wc/v3/orders?page=2").await;
    assert_eq!(problem(&reply), (502, "store_redirects".to_owned()));
    assert_eq!(json_of(&reply)["location"], "https://moved.example/wp-json/wc/v3/orders");
    assert_eq!(called.reached(begun).len(), 1, "the redirect was not followed");
}

#[tokio::test]
async fn a_store_that_asks_for_patience_is_left_alone() {
    type Turn = fn(&mut Switches);
    let turns: [(Turn, &str); 2] = [(|s| s.rate_limited = Some(120), "120"), (|s| s.maintenance = true, "600")];
    for (turn, seconds) in turns {
        let called = Called::new().await;
        called.world.shop.switch(turn);
        let begun = called.asked();
        let reply = called.post("wc/v3/products", &[]).await;
        assert_eq!(problem(&reply), (429, "rate_limited".to_owned()));
        assert_eq!(reply.headers["retry-after"], seconds);
        called.world.clock.advance(Duration::from_secs(20));
        let reply = called.get("wc/v3/orders").await;
        assert_eq!(problem(&reply).0, 429);
        assert_eq!(
            reply.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() + 20,
            seconds.parse::<u64>().unwrap()
        );
        assert_eq!(called.reached(begun).len(), 1, "the second was not sent");
        called.world.shop.switch(|s| *s = Switches::default());
        called.world.clock.advance(Duration::from_mins(10));
        assert_eq!(called.get("wc/v3/orders").await.status, 200);
    }
}

#[tokio::test]
async fn errors_of_a_store_are_passed_on_as_text() {
    let called = Called::new().await;
    called.world.shop.switch(|s| s.server_error = true);
    let reply = called.get("wc/v3/orders").await;
    assert_eq!(
        (reply.status.as_u16(), &reply.headers["content-type"]),
        (500, &"text/plain; charset=UTF-8".parse().unwrap())
    );
    assert!(String::from_utf8_lossy(&reply.body).contains("critical error"));
    called.world.shop.switch(|s| s.server_error = false);
    let reply = called.get("wc/v3/nothing").await;
    assert_eq!((reply.status.as_u16(), &json_of(&reply)["code"]), (404, &json!("rest_no_route")));
    assert_eq!(reply.headers["content-type"], "application/json; charset=UTF-8");
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_told_by_its_reason() {
    let called = Called::new().await;
    let base = impatient(&called).await;
    let url = format!("{base}/api/v1/stores/{}/wp-json/wc/v3/products", called.id);
    called.world.shop.switch(|s| s.pace = Pace::Never);
    let begun = called.asked();
    let reply = called.ask(Method::POST, &url, &[("content-type", "application/json")], "{}").await;
    assert_eq!(problem(&reply), (504, "store_unreachable".to_owned()));
    assert_eq!(json_of(&reply)["reason"], "timed_out");
    assert_eq!(called.reached(begun).len(), 1);
    called.world.shop.switch(|s| s.pace = Pace::Cut);
    let reply = called.get("wc/v3/products").await;
    assert_eq!(problem(&reply), (502, "store_unreachable".to_owned()), "{}", String::from_utf8_lossy(&reply.body));
    called.world.shop.stop();
    let reply = called.get("wc/v3/products").await;
    assert_eq!(problem(&reply), (502, "store_unreachable".to_owned()));
    assert_eq!(json_of(&reply)["reason"], "connect_failed");
}

#[tokio::test]
async fn only_what_may_be_repeated_is_sent_again() {
    let called = Called::new().await;
    let sends = async |method: Method, headers: &[(&'static str, &str)], hang_ups: u32| {
        called.world.shop.switch(|s| s.pace = Pace::HangUp(hang_ups));
        let begun = called.asked();
        let headers: Vec<_> = [("content-type", "application/json")].iter().chain(headers).copied().collect();
        let reply = called.ask(method, &called.at("wc/v3/products"), &headers, "{\"a\":1}").await;
        called.world.shop.switch(|s| s.pace = Pace::Brisk);
        (reply.status.as_u16(), called.reached(begun).len())
    };
    let key = [("idempotency-key", "k1")];
    assert_eq!(sends(Method::GET, &[], 1).await, (200, 2));
    assert_eq!(sends(Method::GET, &[], 2).await, (502, 2));
    assert_eq!(sends(Method::POST, &[], 1).await, (502, 1), "it may have been carried out");
    assert_eq!(sends(Method::POST, &key, 1).await, (201, 2));
    assert_eq!(sends(Method::DELETE, &[], 1).await, (502, 1));
    let sent = called.world.shop.requests();
    let bodies = sent.iter().filter(|request| request.method == "POST" && request.target.contains("/products?"));
    assert!(bodies.clone().count() >= 3 && bodies.clone().all(|request| request.body == b"{\"a\":1}"));
    let repeated = [sent[sent.len() - 3].target.clone(), sent[sent.len() - 2].target.clone()];
    assert_ne!(repeated[0], repeated[1], "each has a parameter of its own");
}

#[tokio::test]
async fn a_store_that_refuses_its_key_is_checked_at_once() {
    for method in AuthMethod::LADDER {
        let called = Called::with(|s| *s = only(method)).await;
        called.world.shop.revoke(1);
        let reply = called.get("wc/v3/orders").await;
        assert_eq!(problem(&reply), (409, "store_not_connected".to_owned()), "{method:?}");
        let told = json_of(&reply);
        assert_eq!(
            (&told["store_status"], &told["reason"]),
            (&json!("unauthorized"), &json!("key_rejected")),
            "{method:?}"
        );
        let status = column(&called.world.app.db, "SELECT status FROM stores").await;
        assert_eq!(status, ["unauthorized"]);
        let begun = called.asked();
        assert_eq!(problem(&called.get("wc/v3/orders").await).0, 409);
        assert_eq!(called.asked(), begun, "nothing more is sent");
    }
    let called = Called::new().await;
    called.world.shop.demote("admin");
    let reply = called.post("wc/v3/products", &[]).await;
    assert_eq!(problem(&reply).0, 409);
    assert_eq!(json_of(&reply)["reason"], "role_lost");
}

/// Without a bound, each such call would have the store checked once more.
#[tokio::test]
async fn a_call_that_the_key_may_not_make_has_the_store_checked_once_in_five_seconds() {
    let called = Called::with(|s| s.forbidden = Some("/wc/v3/settings")).await;
    let mut asked = Vec::new();
    for _ in 0..4 {
        let before = called.asked();
        let reply = called.get("wc/v3/settings").await;
        assert_eq!((reply.status.as_u16(), &json_of(&reply)["code"]), (403, &json!("woocommerce_rest_cannot_view")));
        asked.push(called.asked() - before);
    }
    assert!(asked[0] > 1, "the call and a check: {asked:?}");
    assert_eq!(asked[1..], [1, 1, 1]);
    called.world.clock.advance(Duration::from_secs(5));
    let before = called.asked();
    assert_eq!(called.get("wc/v3/settings").await.status, 403);
    assert_eq!(called.asked() - before, asked[0]);
    called.world.shop.revoke(1);
    assert_eq!(problem(&called.get("wc/v3/settings").await).0, 409, "a key that is refused is checked at once");
}

#[tokio::test]
async fn a_store_that_begins_to_take_its_key_in_another_way_is_called_in_that_way() {
    let called = Called::with(|s| *s = only(AuthMethod::Basic)).await;
    called.world.shop.switch(|s| *s = only(AuthMethod::Oauth1Http));
    let reply = called.get("wc/v3/orders").await;
    assert_eq!(problem(&reply), (503, "unavailable".to_owned()));
    assert_eq!(reply.headers["retry-after"], "1");
    assert_eq!(called.get("wc/v3/orders").await.status, 200);
}
