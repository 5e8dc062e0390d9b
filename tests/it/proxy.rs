//! Call a store through Cartkey: signed in the way of the store, on record, and nothing but the store's answer comes back.

use std::time::Duration;

use cartkey::demo::pretend_store::{Pace, Permalinks, Switches};
use cartkey::domain::actor::Actor;
use cartkey::domain::key::AuthMethod;
use cartkey::domain::scope::Scope;
use cartkey::flow::lending::tokens::{self, NewToken};
use cartkey::live::outgoing_limits::{Limits, OutgoingLimits};
use cartkey::woo::{Call, Reply};
use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::application_passwords;
use crate::canary::Listener;
use crate::database::{change, column};
use crate::on_record;
use crate::service::Service;
use crate::watch::relearn::only;
use crate::world::{KEYS, OTHER, World};

mod clients;
mod connections;
mod limits;
mod paths;
mod replicas;
mod streams;
mod troubled;

/// A connected shop, and a service that may call it but not read its key.
struct Called {
    world: World,
    service: Service,
    /// The shop's id.
    id: String,
}

impl Called {
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    async fn with(change: impl FnOnce(&mut Switches)) -> Self {
        let world = World::new().await;
        world.shop.switch(change);
        world.connect("m").await;
        let id = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
        let service = world.service("proxy:read,proxy:write").await;
        Self { world, service, id }
    }

    /// The address of a route at Cartkey.
    fn at(&self, route: &str) -> String {
        format!("{KEYS}/api/v1/stores/{}/wp-json/{route}", self.id)
    }

    async fn get(&self, route: &str) -> Reply {
        self.ask(Method::GET, &self.at(route), &[], "").await
    }

    async fn post(&self, route: &str, headers: &[(&'static str, &str)]) -> Reply {
        let headers: Vec<_> = [("content-type", "application/json")].iter().chain(headers).copied().collect();
        self.ask(Method::POST, &self.at(route), &headers, "{\"name\":\"Blue cup\"}").await
    }

    /// Sends any request with the service's token, unless it has an `authorization` of its own; an empty one sends none.
    async fn ask(&self, method: Method, url: &str, headers: &[(&'static str, &str)], body: &str) -> Reply {
        let bearer = format!("Bearer {}", self.service.token);
        let mut all = vec![("authorization", bearer.as_str())];
        for (name, value) in headers {
            all.retain(|(known, _)| *known != "authorization" || known != name);
            all.push((name, value));
        }
        let headers = all.into_iter().filter(|(_, value)| !value.is_empty());
        let headers =
            headers.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        let call = Call {
            method,
            url,
            headers: headers.collect(),
            body: body.as_bytes().to_vec(),
            within: Duration::from_secs(30),
            at_most: 16 << 20,
        };
        self.world.client().send(call).await.expect("an answer")
    }

    /// The targets of the requests that have reached the shop's orders and products since `from`, with their methods.
    fn reached(&self, from: usize) -> Vec<String> {
        let is_call = |target: &str| target.contains("/orders") || target.contains("/products");
        let seen = self.world.shop.requests().split_off(from);
        let seen = seen.into_iter().filter(|request| is_call(&request.target));
        seen.map(|request| format!("{} {}", request.method, request.target)).collect()
    }

    /// The number of requests that the shop has received.
    fn asked(&self) -> usize {
        self.world.shop.requests().len()
    }
}

fn json_of(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&reply.body)))
}

/// Status and code of a problem.
fn problem(reply: &Reply) -> (u16, String) {
    let is_problem = reply.headers["content-type"] == "application/problem+json";
    assert!(is_problem, "{reply:?} {}", String::from_utf8_lossy(&reply.body));
    (reply.status.as_u16(), json_of(reply)["code"].as_str().unwrap().to_owned())
}

/// The address in a `Link` header with this relation.
fn link(reply: &Reply, rel: &str) -> Option<String> {
    let header = reply.headers.get("link")?.to_str().unwrap();
    let one = header.split(", <").find(|one| one.contains(&format!("rel=\"{rel}\"")))?;
    Some(one.trim_start_matches('<').split('>').next().unwrap().to_owned())
}

#[tokio::test]
async fn pages_are_followed_and_products_made_in_each_way_of_each_kind_of_store() {
    type Kind = fn(&mut Switches);
    let kinds: [Kind; 2] = [|_| (), |s| (s.notices, s.chatty) = (true, true)];
    for (method, kind) in AuthMethod::LADDER.iter().flat_map(|method| kinds.map(|kind| (*method, kind))) {
        let called = Called::with(|s| *s = Switches { orders: 3, ..only(method) }).await;
        called.world.shop.switch(kind);
        let begun = called.asked();
        let (mut page, mut seen) = (called.get("wc/v3/orders?status[]=any&status[]=trash&page=1").await, Vec::new());
        loop {
            assert_eq!(page.status, 200, "{method:?} {}", String::from_utf8_lossy(&page.body));
            assert!(["x-wp-total", "x-wp-totalpages"].iter().all(|name| page.headers[*name] == "3"));
            let orders = json_of(&page);
            seen.push(orders[0]["id"].as_i64().unwrap());
            let own = orders[0]["_links"]["self"][0]["href"].as_str().unwrap();
            assert_eq!(own, called.at(&format!("wc/v3/orders/{}", orders[0]["id"])));
            let Some(next) = link(&page, "next") else { break };
            assert!(next.starts_with(&called.at("wc/v3/orders?")), "{next}");
            page = called.ask(Method::GET, &next, &[], "").await;
        }
        assert_eq!(seen, [1, 2, 3], "{method:?}");
        let made = called.post("wc/v3/products", &[]).await;
        assert_eq!((made.status.as_u16(), &json_of(&made)["name"]), (201, &json!("Blue cup")), "{method:?}");
        let is_noisy = called.world.shop.requests().len() > begun && made.headers.contains_key("cartkey-json-noise");
        assert_eq!(is_noisy, kind as usize == kinds[1] as usize, "{method:?}");
        assert_eq!(called.reached(begun).len(), 4, "each was sent once");
        let sent = called.world.shop.requests().pop().unwrap();
        assert_eq!(sent.body, b"{\"name\":\"Blue cup\"}");
    }
}

#[tokio::test]
async fn a_store_without_pretty_permalinks_is_called_by_parameter() {
    for woocommerce in [(11, 0), (11, 1)] {
        let called = Called::with(|s| s.orders = 2).await;
        called.world.shop.switch(|s| (s.permalinks, s.woocommerce) = (Permalinks::Plain, Some(woocommerce)));
        called.world.trusted_service().await.post(&format!("/stores/{}/check", called.id), &json!({})).await.ok();
        let first = called.get("wc/v3/orders").await;
        assert_eq!(first.status, 200, "{woocommerce:?} {}", String::from_utf8_lossy(&first.body));
        let next = link(&first, "next").unwrap();
        assert_eq!(next.split('?').next().unwrap(), called.at("wc/v3/orders"));
        let second = json_of(&called.ask(Method::GET, &next, &[], "").await);
        assert_eq!(second[0]["id"], 2);
        assert_eq!(second[0]["_links"]["collection"][0]["href"], called.at("wc/v3/orders"));
    }
}

#[tokio::test]
async fn a_store_with_an_application_password_is_called_with_it() {
    let (world, _) = application_passwords::connected().await;
    let id = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    let service = world.service("proxy:read,proxy:write").await;
    let called = Called { world, service, id };
    called.world.shop.switch(|s| (s.orders, s.chatty) = (2, true));
    let first = called.get("wc/v3/orders").await;
    assert_eq!(first.status, 200, "{}", String::from_utf8_lossy(&first.body));
    let second = called.ask(Method::GET, &link(&first, "next").unwrap(), &[], "").await;
    assert_eq!(json_of(&second)[0]["id"], 2);
    let made = called.post("wc/v3/products", &[]).await;
    assert_eq!(made.status, 201);
    let sent = called.world.shop.requests().pop().unwrap();
    let basic = sent.header("authorization").unwrap().trim_start_matches("Basic ").to_owned();
    for reply in [&first, &second, &made] {
        assert!(!format!("{:?} {}", reply.headers, String::from_utf8_lossy(&reply.body)).contains(&basic));
    }
}

#[tokio::test]
async fn official_clients_send_the_token_as_consumer_secret() {
    use base64::Engine as _;
    let called = Called::with(|s| s.orders = 1).await;
    let token = &called.service.token;
    let basic = |user: &str, word: &str| {
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{word}")))
    };
    let by_query = format!("wc/v3/orders?consumer_key=ck_any&consumer_secret={token}&per_page=5");
    for (authorization, route) in [
        (basic("ck_any", token), "wc/v3/orders"),
        (basic("", token), "wc/v3/orders"),
        (String::new(), by_query.as_str()),
        // The header counts, and nothing of the query reaches the store.
        (format!("Bearer {token}"), "wc/v3/orders?consumer_key=a&consumer_secret=b&oauth_nonce=c"),
    ] {
        let reply = called.ask(Method::GET, &called.at(route), &[("authorization", &authorization)], "").await;
        assert_eq!(reply.status, 200, "{authorization} {route}");
        let target = called.world.shop.requests().pop().unwrap().target;
        assert!(
            !target.contains(token.as_str()) && !target.contains("consumer") && !target.contains("oauth"),
            "{target}"
        );
    }
    let begun = called.asked();
    for (authorization, route) in [
        (String::new(), "wc/v3/orders"),
        (basic("ck_any", "cs_any"), "wc/v3/orders"),
        (basic(token, ""), "wc/v3/orders"),
        ("Basic !".to_owned(), "wc/v3/orders"),
        (String::new(), "wc/v3/orders?consumer_secret=cs_any"),
        (String::new(), "wc/v3/orders?oauth_consumer_key=a&oauth_signature=b"),
        (basic("a", "b"), by_query.as_str()),
        (String::new(), &format!("wc/v3/orders?consumer_secret={token}&consumer_secret={token}")),
    ] {
        let reply = called.ask(Method::GET, &called.at(route), &[("authorization", &authorization)], "").await;
        assert_eq!(problem(&reply), (401, "unauthenticated".to_owned()), "{authorization} {route}");
    }
    assert_eq!(called.asked(), begun);
    // Nowhere else do they count.
    let url = format!("{KEYS}/api/v1/stores");
    let elsewhere = called.ask(Method::GET, &url, &[("authorization", &basic("a", token))], "").await;
    assert_eq!(problem(&elsewhere).0, 401);
}

#[tokio::test]
async fn a_token_for_calls_gets_no_key_and_a_limited_one_no_store_of_others() {
    let called = Called::new().await;
    let begun = called.asked();
    assert_eq!(called.service.get("/users/m/keys").await.problem(), (403, "permission_missing"));
    let reader = called.world.service("proxy:read").await;
    let token = format!("Bearer {}", reader.token);
    let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let refused = called.ask(method.clone(), &called.at("wc/v3/products"), &headers, "{}").await;
        assert_eq!(problem(&refused), (403, "permission_missing".to_owned()), "{method}");
        assert_eq!(json_of(&refused)["permission"], "proxy:write");
    }
    // Somebody without permission does not learn what is wrong.
    let refused = called.ask(Method::POST, &called.at("wp/v2/users"), &headers, "{}").await;
    assert_eq!(problem(&refused).0, 403);
    let all = "proxy:read,proxy:write".parse().unwrap();
    let limited =
        called.world.holder(NewToken { users: Some("n".parse().unwrap()), ..NewToken::new("limited", all) }).await;
    let token = format!("Bearer {}", limited.token);
    for url in [called.at("wc/v3/orders"), format!("{KEYS}/api/v1/users/m/wp-json/wc/v3/orders")] {
        let refused = called.ask(Method::GET, &url, &[("authorization", &token)], "").await;
        assert_eq!(problem(&refused), (404, "not_found".to_owned()), "{url}");
    }
    assert_eq!(called.asked(), begun, "nothing was sent");
    assert!(on_record::lines(&called.world.app.db).await.is_empty());
    let token = format!("Bearer {}", reader.token);
    let read = called.ask(Method::GET, &called.at("wc/v3/orders"), &[("authorization", &token)], "").await;
    assert_eq!(read.status, 200);
}

#[tokio::test]
async fn a_key_is_never_used_beyond_its_scope() {
    for (scope, fine, refused) in [(Scope::Read, Method::GET, Method::POST), (Scope::Write, Method::POST, Method::GET)]
    {
        let called = Called::with(|s| s.grants_instead = Some(scope)).await;
        let begun = called.asked();
        let headers = [("content-type", "application/json")];
        let reply = called.ask(refused, &called.at("wc/v3/products"), &headers, "{}").await;
        assert_eq!(problem(&reply), (403, "scope_missing".to_owned()));
        assert_eq!(json_of(&reply)["scope"], scope.as_str());
        assert_eq!(called.asked(), begun, "nothing was sent");
        let reply = called.ask(fine, &called.at("wc/v3/products"), &headers, "{}").await;
        assert!(reply.status.is_success(), "{reply:?}");
    }
}

#[tokio::test]
async fn each_call_is_on_record_before_it_is_sent() {
    let called = Called::new().await;
    let (world, id) = (&called.world, &called.id);
    let token = &called.service.token_id;
    let one = called.get("wc/v3/orders?search=ann").await;
    let other = called.post("wc/v3/products", &[]).await;
    let lines = |replies: [&Reply; 2]| {
        let [one, other] = replies.map(|reply| reply.headers["cartkey-request-id"].to_str().unwrap().to_owned());
        let mut lines = [
            format!("{one} {token} {id} 1 127.0.0.1 GET wc/v3/orders"),
            format!("{other} {token} {id} 1 127.0.0.1 POST wc/v3/products"),
        ];
        lines.sort();
        lines
    };
    for _ in 0..2 {
        assert_eq!(on_record::lines(&world.app.db).await, lines([&one, &other]));
        on_record::index(&world.app).await;
    }
    // Calls are no key reads.
    let of = cartkey::flow::lending::key_reads::of_tokens(&world.app, world.clock.now()).await.unwrap();
    let of = of[&token.parse().unwrap()];
    assert_eq!((of.reads, of.calls), (0, 2));
    let mut ann = world.operator().await;
    let text = ann.get("/admin/activity").await.text();
    assert!(text.contains("Call to the store") && text.contains("GET wc/v3/orders"), "{text}");
    let text = ann.get(&format!("/admin/stores/{id}")).await.text();
    assert!(text.contains("POST wc/v3/products"), "{text}");
    assert!(ann.get("/admin/tokens").await.text().contains("2 calls in 30 days"));

    let begun = called.asked();
    change(&world.app.db, "ALTER TABLE read_journal RENAME TO gone").await;
    assert_eq!(problem(&called.get("wc/v3/orders").await), (503, "unavailable".to_owned()));
    change(&world.app.db, "ALTER TABLE gone RENAME TO read_journal").await;
    assert_eq!(called.asked(), begun, "what cannot be recorded is not sent");
    tokens::revoke(&world.app, &token.parse().unwrap(), &Actor::new("test")).await.unwrap();
    assert_eq!(problem(&called.get("wc/v3/orders").await), (401, "unauthenticated".to_owned()));
    assert_eq!(called.asked(), begun);
    assert_eq!(on_record::lines(&world.app.db).await.len(), 2);
}

#[tokio::test]
async fn one_of_several_stores_is_named_in_the_query_or_in_a_header() {
    let called = Called::with(|s| s.orders = 1).await;
    let world = &called.world;
    let (id, url) = world.link("m", json!({"store_url": OTHER})).await;
    let mut browser = world.merchant();
    let sent = world.begin(&mut browser, &url).await;
    browser.approve_on(sent).await;
    world.prove().await;
    assert_eq!(world.stands(&id).await.0, "connected");
    let at = |query: &str| format!("{KEYS}/api/v1/users/m/wp-json/wc/v3/orders{query}");
    assert_eq!(problem(&called.ask(Method::GET, &at(""), &[], "").await), (409, "several_stores".to_owned()));
    for (query, headers) in
        [("?store_url=shop.example", &[][..]), ("", &[("cartkey-store", "https://shop.example/")][..])]
    {
        let reply = called.ask(Method::GET, &at(query), headers, "").await;
        assert_eq!(json_of(&reply)[0]["id"], 1);
        assert_eq!(json_of(&reply)[0]["_links"]["self"][0]["href"], called.at("wc/v3/orders/1"));
        assert!(!world.shop.requests().pop().unwrap().target.contains("store_url"));
    }
    let reply = called.ask(Method::GET, &at("?store_url=%20"), &[], "").await;
    assert_eq!((problem(&reply).0, &json_of(&reply)["field"]), (400, &json!("store_url")));
}

#[tokio::test]
async fn only_the_headers_that_concern_the_request_pass_in_either_direction() {
    let called = Called::with(|s| s.orders = 1).await;
    called.world.shop.switch(|s| s.chatty = true);
    let sent = [
        ("accept-language", "de"),
        ("cookie", "wordpress_logged_in=admin"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-http-method-override", "DELETE"),
        ("x-wp-nonce", "n"),
        ("connection", "close, accept-language"),
        ("te", "trailers"),
        ("expect", "100-continue"),
        ("user-agent", "Somebody/1.0"),
    ];
    let reply = called.ask(Method::GET, &called.at("wc/v3/orders"), &sent, "").await;
    assert_eq!(reply.status, 200);
    let seen = called.world.shop.requests().pop().unwrap();
    let mut names: Vec<&str> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "accept-encoding", "accept-language", "authorization", "host", "user-agent"]);
    assert!(seen.header("user-agent").unwrap().starts_with("Cartkey/"));
    for name in ["set-cookie", "x-powered-by", "x-debug", "cart-token", "server"] {
        assert!(!reply.headers.contains_key(name), "{name}");
    }
    assert_eq!(reply.headers["cache-control"], "no-store");
    // A form could name another route in its body.
    let begun = called.asked();
    for kind in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""] {
        let url = called.at("wc/v3/products");
        let refused = called.ask(Method::POST, &url, &[("content-type", kind)], "rest_route=/wp/v2/users").await;
        assert_eq!((problem(&refused).0, &json_of(&refused)["field"]), (400, &json!("content-type")), "{kind}");
    }
    assert_eq!(called.asked(), begun);
}

#[tokio::test]
async fn no_key_and_no_token_is_in_any_answer_or_in_the_log() {
    use base64::Engine as _;
    let log = Listener::new();
    for method in AuthMethod::LADDER {
        let called = Called::with(|s| *s = Switches { orders: 2, ..only(method) }).await;
        called.world.shop.switch(|s| s.chatty = true);
        let key = &called.world.shop.keys()[0];
        let pair = format!("{}:{}", key.consumer_key, key.consumer_secret);
        let basic = base64::engine::general_purpose::STANDARD.encode(pair);
        let token = &called.service.token;
        let mut replies = vec![called.post("wc/v3/products", &[]).await];
        for route in ["wc/v3/orders", "wc/v3/nothing", "wc/v3/orders?page=2", "wp/v2/users"] {
            replies.push(called.get(route).await);
            let by_query =
                format!("{}{}consumer_secret={token}", called.at(route), if route.contains('?') { '&' } else { '?' });
            replies.push(called.ask(Method::GET, &by_query, &[("authorization", "")], "").await);
            replies.push(called.ask(Method::HEAD, &called.at(route), &[], "").await);
        }
        called.world.shop.switch(|s| s.redirects_to = Some("https://moved.example".to_owned()));
        replies.push(called.get("wc/v3/orders").await);
        called.world.shop.switch(|s| (s.redirects_to, s.server_error) = (None, true));
        replies.push(called.get("wc/v3/orders").await);
        called.world.shop.revoke(1);
        called.world.shop.switch(|s| s.server_error = false);
        replies.push(called.get("wc/v3/orders").await);
        let mut said = log.text();
        for reply in replies {
            said.push_str(&String::from_utf8_lossy(&reply.body));
            reply.headers.values().for_each(|value| said.push_str(&String::from_utf8_lossy(value.as_bytes())));
        }
        assert!(said.contains("wc/v3"), "something was looked at");
        for secret in [&key.consumer_key, &key.consumer_secret, &basic, token, "cookie-canary"] {
            assert!(!said.contains(secret), "{method:?}: {secret:?} in {said}");
        }
    }
}
