//! The service API: permissions, and the format of every error.

use std::collections::BTreeSet;
use std::time::Duration;

use cartkey::domain::actor::Actor;
use cartkey::domain::token::{Permission, Permissions};
use cartkey::flow::lending::tokens;
use hyper::Method;
use serde_json::{Value, json};

use crate::service::Service;
use crate::world::{BEGINNING, World};

const ROUTER: &str = include_str!("../../src/web/api/mod.rs");

/// The public routes that describe the others.
const OPEN: [(&str, &str); 3] = [("GET", "/v1/openapi.json"), ("GET", "/v1/postman.json"), ("GET", "/v1/docs")];

/// Every other service route and the permission it needs (from the design's interface table).
pub const ROUTES: [(&str, &str, &str); 36] = [
    ("GET", "/v1/links", "links:write"),
    ("POST", "/v1/links", "links:write"),
    ("GET", "/v1/links/{id}", "links:write"),
    ("DELETE", "/v1/links/{id}", "links:write"),
    ("POST", "/v1/attempts/{id}/confirm", "links:write"),
    ("GET", "/v1/stores", "stores:read"),
    ("GET", "/v1/stores/{id}", "stores:read"),
    ("DELETE", "/v1/stores/{id}", "stores:write"),
    ("POST", "/v1/stores/{id}/check", "stores:write"),
    ("GET", "/v1/stores/{id}/keys", "keys:read"),
    ("GET", "/v1/users/{user_id}/keys", "keys:read"),
    ("POST", "/v1/keys", "keys:read"),
    ("GET", "/v1/events", "events:read"),
    ("GET", "/v1/webhooks", "webhooks:read"),
    ("POST", "/v1/webhooks", "webhooks:write"),
    ("GET", "/v1/webhooks/{id}", "webhooks:read"),
    ("PATCH", "/v1/webhooks/{id}", "webhooks:write"),
    ("POST", "/v1/webhooks/{id}/test", "webhooks:write"),
    ("POST", "/v1/webhooks/{id}/rotate", "webhooks:write"),
    ("GET", "/v1/webhooks/{id}/deliveries", "webhooks:read"),
    ("DELETE", "/v1/webhooks/{id}", "webhooks:write"),
    ("GET", "/v1/tokens", "tokens:read"),
    ("POST", "/v1/tokens", "tokens:write"),
    ("GET", "/v1/tokens/{id}", "tokens:read"),
    ("POST", "/v1/tokens/{id}/rotate", "tokens:write"),
    ("DELETE", "/v1/tokens/{id}", "tokens:write"),
    ("GET", "/v1/stores/{id}/wp-json/{*route}", "proxy:read"),
    ("POST", "/v1/stores/{id}/wp-json/{*route}", "proxy:write"),
    ("PUT", "/v1/stores/{id}/wp-json/{*route}", "proxy:write"),
    ("PATCH", "/v1/stores/{id}/wp-json/{*route}", "proxy:write"),
    ("DELETE", "/v1/stores/{id}/wp-json/{*route}", "proxy:write"),
    ("GET", "/v1/users/{user_id}/wp-json/{*route}", "proxy:read"),
    ("POST", "/v1/users/{user_id}/wp-json/{*route}", "proxy:write"),
    ("PUT", "/v1/users/{user_id}/wp-json/{*route}", "proxy:write"),
    ("PATCH", "/v1/users/{user_id}/wp-json/{*route}", "proxy:write"),
    ("DELETE", "/v1/users/{user_id}/wp-json/{*route}", "proxy:write"),
];

/// Method and path of every `.route(…)` in a router's source.
fn routes_of(source: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for part in source.split(".route(").skip(1) {
        let (path, rest) = part.trim_start()[1..].split_once('"').expect("a path in quotes");
        let handlers = rest.split("\n        .").next().unwrap_or_default().split("\n}").next().unwrap_or_default();
        let methods = ["get", "post", "put", "patch", "delete", "any"];
        for method in methods.iter().filter(|method| handlers.contains(&format!("{method}("))) {
            found.insert((method.to_uppercase(), path.to_owned()));
        }
    }
    found
}

fn in_table() -> BTreeSet<(String, String)> {
    let closed = ROUTES.iter().map(|(method, path, _)| (*method, *path));
    closed.chain(OPEN).map(|(method, path)| (method.to_owned(), path.to_owned())).collect()
}

/// The service, with another token.
fn holding(service: &Service, token: &str) -> Service {
    Service { client: service.client.clone(), token: token.to_owned(), token_id: String::new() }
}

async fn ask(service: &Service, method: &str, path: &str) -> crate::service::Answer {
    let path = path.strip_prefix("/v1").unwrap().replace("{id}", "st_x").replace("{user_id}", "nobody");
    let path = path.replace("{*route}", "wc/v3/orders");
    service.ask(method.parse().unwrap(), &path, &[], Vec::new()).await
}

#[test]
fn every_route_of_the_router_stands_in_the_table() {
    // S5: a route that nobody has thought about fails here.
    assert_eq!(routes_of(ROUTER), in_table());
    let forgotten = ROUTER.replace(".route(\"/v1/stores\"", ".route(\"/v1/new\", put(x::y))\n.route(\"/v1/stores\"");
    assert_ne!(routes_of(&forgotten), in_table(), "this check can fail");
    let files = std::fs::read_dir(format!("{}/src/web/api", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let files: Vec<_> = files.map(|file| file.unwrap().path()).filter(|path| path.is_file()).collect();
    let others =
        files.iter().filter(|path| !path.ends_with("mod.rs")).map(|path| std::fs::read_to_string(path).unwrap());
    let others: Vec<String> = others.collect();
    assert!(others.len() > 8, "the sources were read");
    assert!(others.iter().all(|source| !source.contains(".route(")), "routes are made in one place");
}

#[tokio::test]
async fn each_route_takes_the_one_permission_and_no_other_token() {
    let world = World::new().await;
    let service = world.trusted_service().await;
    let revoked = world.trusted_service().await;
    tokens::revoke(&world.app, &revoked.token_id.parse().unwrap(), &Actor::new("test")).await.unwrap();
    let all = Permissions::all();
    let lives = Some(Duration::from_secs(1));
    let expired = world.holder(tokens::NewToken { lives, ..tokens::NewToken::new("expired", all) }).await;
    world.clock.advance(Duration::from_secs(1));
    let mut single = Vec::new();
    for permission in Permission::ALL {
        single.push((permission, world.service(permission.as_str()).await));
    }
    for (method, path, needed) in ROUTES {
        for token in ["", "x", "cartkey_", &"A".repeat(4_000), &revoked.token, &expired.token, &service.token_id] {
            let answer = ask(&holding(&service, token), method, path).await;
            assert_eq!(answer.problem(), (401, "unauthenticated"), "{method} {path} {token:.20}");
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
        for (permission, holder) in &single {
            let answer = ask(holder, method, path).await;
            if permission.as_str() == needed {
                assert!(!matches!(answer.status.as_u16(), 401 | 403), "{method} {path} {permission}: {answer:?}");
            } else {
                assert_eq!(answer.problem(), (403, "permission_missing"), "{method} {path} {permission}");
                assert_eq!(answer.text("permission"), needed);
            }
        }
    }
}

#[tokio::test]
async fn only_a_bearer_token_in_the_header_counts() {
    let world = World::new().await;
    let service = world.trusted_service().await;
    let token = service.token.clone();
    for authorization in ["", "Bearer", "Basic dXNlcjpwYXNz", &format!("Basic {token}"), &token, "Bearer \t"] {
        let answer = service.ask(Method::GET, "/stores", &[("authorization", authorization)], Vec::new()).await;
        assert_eq!(answer.problem(), (401, "unauthenticated"), "{authorization:.12}");
    }
    let lower = format!("bearer {token}");
    assert_eq!(service.ask(Method::GET, "/stores", &[("authorization", &lower)], Vec::new()).await.status, 200);
    for name in ["token", "access_token", "key"] {
        let path = format!("/stores?{name}={token}");
        assert_eq!(service.ask(Method::GET, &path, &[("authorization", "")], Vec::new()).await.status, 401);
        let refused = service.get(&path).await;
        assert_eq!((refused.problem(), refused.text("field")), ((400, "invalid_request"), name));
        assert!(!refused.json.to_string().contains(&token));
        assert_eq!(service.get(&format!("/users/m/keys?{name}={token}")).await.problem(), (400, "invalid_request"));
    }
}

#[tokio::test]
async fn who_has_no_token_learns_nothing_about_what_is_asked() {
    let world = World::new().await;
    let nobody = holding(&world.trusted_service().await, "x");
    for path in ["/users/%20/keys", "/users/m/keys?store_url=%20", "/users/m/keys?x=1", "/stores/st_x/keys?x=1"] {
        assert_eq!(nobody.get(path).await.problem(), (401, "unauthenticated"), "{path}");
    }
    assert_eq!(nobody.get("/stores?limit=x").await.problem(), (401, "unauthenticated"));
    assert_eq!(nobody.post("/links", &json!({"user_id": 5})).await.problem(), (401, "unauthenticated"));
}

#[tokio::test]
async fn each_bad_input_is_told_with_the_name_of_its_field() {
    let world = World::new().await;
    let service = world.trusted_service().await;
    let long = |n: usize| "x".repeat(n);
    let bad: Vec<(&str, Value)> = vec![
        ("user_id", json!("")),
        ("user_id", json!("a b")),
        ("user_id", json!("ä")),
        ("user_id", json!(long(129))),
        ("user_id", json!(5)),
        ("user_id", Value::Null),
        ("account_label", json!("")),
        ("account_label", json!(long(81))),
        ("account_label", json!("a\nb")),
        ("account_label", json!({})),
        ("store_url", json!("")),
        ("store_url", json!("https://user:pass@shop.example")),
        ("store_url", json!("127.0.0.1")),
        ("store_url", json!("javascript:alert(1)")),
        ("store_url", json!([])),
        ("store_id", json!("st_x")),
        ("store_id", json!("st_01jd0000000000000000000000")),
        ("store_id", json!(true)),
        ("scope", json!("admin")),
        ("scope", json!("READ")),
        ("scope", json!(1)),
        ("return_url", json!("https://evil.example/")),
        ("return_url", json!("https://app.example.evil.example/")),
        ("return_url", json!("https://app.example@evil.example/")),
        ("return_url", json!("//app.example/")),
        ("return_url", json!("javascript:alert(1)")),
        ("return_url", json!(format!("https://app.example/{}", long(2_000)))),
        ("return_url", json!(7)),
        ("confirm", json!("operator")),
        ("confirm", json!(1)),
        ("expires_in", json!(59)),
        ("expires_in", json!(2_592_001)),
        ("expires_in", json!(-1)),
        ("expires_in", json!(1.5)),
        ("expires_in", json!("60")),
        ("expires_in", json!(u64::MAX)),
        ("bogus", json!(1)),
    ];
    for (field, value) in bad {
        let mut new = json!({"user_id": "m"});
        new[field] = value.clone();
        let answer = service.post("/links", &new).await;
        let (status, code) = answer.problem();
        assert!(matches!(status, 400 | 422) && code == "invalid_request", "{field}={value}: {answer:?}");
        assert_eq!(answer.text("field"), field, "{value}: {answer:?}");
        assert!(answer.text("detail").ends_with('.'), "{answer:?}");
    }
    let missing = service.post("/links", &json!({})).await;
    assert_eq!((missing.problem(), missing.text("field")), ((400, "invalid_request"), "user_id"));
    let twice = br#"{"user_id":"m","user_id":"n"}"#.to_vec();
    let twice = service.ask(Method::POST, "/links", &[], twice).await;
    assert_eq!((twice.problem(), twice.text("field")), ((400, "invalid_request"), "user_id"));
    let app = service.post("/links", &json!({"user_id": "m", "confirm": "app"})).await;
    assert_eq!((app.problem(), app.text("field")), ((422, "invalid_request"), "return_url"));
    let code = service.post("/attempts/at_x/confirm", &json!({"code": 1})).await;
    assert_eq!((code.problem(), code.text("field")), ((400, "invalid_request"), "code"));
}

#[tokio::test]
async fn of_a_link_that_names_nobody_service_and_merchant_are_warned() {
    let world = World::new().await;
    let service = world.trusted_service().await;
    let safe = [
        json!({"user_id": "m", "account_label": "Jane’s Shop"}),
        json!({"user_id": "m", "confirm": "app", "return_url": "https://app.example/settings"}),
    ];
    let whose = "Continue only if you started this in";
    for link in safe {
        let made = service.post("/links", &link).await.ok();
        assert_eq!(made["warning"], Value::Null, "{link}");
        let page = world.merchant().get(made["url"].as_str().unwrap()).await;
        assert!(!page.text().contains(whose), "{}", page.text());
    }
    let made = service.post("/links", &json!({"user_id": "m"})).await.ok();
    assert!(made["warning"].as_str().unwrap().contains("confirm: \"app\""), "{made}");
    let page = world.merchant().get(made["url"].as_str().unwrap()).await;
    assert!(page.text().contains(whose), "{}", page.text());
}

#[tokio::test]
async fn a_body_that_is_no_json_object_or_too_large_is_refused() {
    let world = World::new().await;
    let service = world.trusted_service().await;
    let deep = "[".repeat(10_000);
    for body in [
        "",
        "x",
        "[]",
        "\"m\"",
        "null",
        "{\"user_id\":\"m\"} {}",
        "user_id=m",
        "{\"user_id\":\"m\"",
        &deep,
        "\u{feff}{}",
    ] {
        let answer = service.ask(Method::POST, "/links", &[], body.as_bytes().to_vec()).await;
        assert_eq!(answer.problem(), (400, "invalid_request"), "{body:.20}");
    }
    let answer = service.ask(Method::POST, "/links", &[], b"{\"user_id\":\"\xff\"}".to_vec()).await;
    assert_eq!(answer.problem(), (400, "invalid_request"));
    let padded = |to: usize| {
        let mut body = json!({"user_id": "m"}).to_string().into_bytes();
        body.resize(to, b' ');
        body
    };
    assert_eq!(service.ask(Method::POST, "/links", &[], padded(64 * 1024)).await.status, 201);
    let large = service.ask(Method::POST, "/links", &[], padded(64 * 1024 + 1)).await;
    assert_eq!(large.problem(), (413, "too_large"));
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        let answer = service.ask(Method::POST, "/links", &[("content-type", kind)], padded(20)).await;
        assert_eq!(answer.status, 201, "JSON is JSON, whatever its label says");
    }
}

#[tokio::test]
async fn a_parameter_that_came_out_empty_is_told_and_does_not_widen_what_is_asked_for() {
    let world = World::new().await;
    world.connect("merchant-1").await;
    let service = world.trusted_service().await;
    for (path, field) in [
        ("/stores?user_id=", "user_id"),
        ("/stores?status=", "status"),
        ("/stores?limit=", "limit"),
        ("/users/merchant-1/keys?store_url=", "store_url"),
    ] {
        let answer = service.get(path).await;
        assert_eq!((answer.problem(), answer.text("field")), ((400, "invalid_request"), field), "{path}");
    }
    let all = service.get("/stores?q=&cursor=").await.ok();
    assert_eq!(all["data"].as_array().unwrap().len(), 1, "a search field is sent so, and the first page of a loop");
}

#[tokio::test]
async fn a_whole_number_is_one_however_it_is_written() {
    let world = World::new().await;
    let service = world.service("links:write").await;
    for written in ["60", "60.0", "6e1"] {
        let body = format!("{{\"user_id\": \"m\", \"expires_in\": {written}}}");
        let made = service.ask(Method::POST, "/links", &[], body.into_bytes()).await.ok();
        assert_eq!(made["expires_at"], BEGINNING.plus(Duration::from_mins(1)).to_string(), "{written}");
    }
    for (written, status) in [("60.5", 400), ("\"60\"", 400), ("-60", 400), ("59", 422), ("59.0", 422), ("1e300", 422)]
    {
        let body = format!("{{\"user_id\": \"m\", \"expires_in\": {written}}}");
        let answer = service.ask(Method::POST, "/links", &[], body.into_bytes()).await;
        assert_eq!(answer.problem(), (status, "invalid_request"), "{written}");
        assert_eq!(answer.text("field"), "expires_in", "{written}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too_and_nothing_is_kept_by_caches() {
    let world = World::new().await;
    let service = world.trusted_service().await;
    for path in ["/nope", "", "/", "/stores/", "/links/ln_x", "/stores/%2e%2e/nope", "/attempts/at_x/confirm/y"] {
        let answer = service.get(path).await;
        assert_eq!(answer.problem(), (404, "not_found"), "{path}");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
    for (method, path, allow) in [
        (Method::PUT, "/links", "POST"),
        (Method::DELETE, "/stores", "GET"),
        (Method::GET, "/stores/st_x/check", "POST"),
    ] {
        let answer = service.ask(method, path, &[], Vec::new()).await;
        assert_eq!(answer.problem(), (405, "method_not_allowed"), "{path}");
        assert!(answer.headers["allow"].to_str().unwrap().contains(allow));
    }
    for answer in [service.get("/stores").await, service.post("/links", &json!({"user_id": "m"})).await] {
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert!(answer.headers["x-request-id"].to_str().unwrap().starts_with("rq_"));
    }
}
