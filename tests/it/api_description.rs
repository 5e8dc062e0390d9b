//! Compares the API with its description: every route and every answer is described, and nothing else.

use std::collections::BTreeSet;

use cartkey::web::api::describe::openapi;
use cartkey::web::problem::CODES;
use hyper::Method;
use hyper::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::described::{faults, holds};
use crate::visitors;
use crate::world::{KEYS, World};

/// The method and path of every described route.
fn described(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
        })
        .collect()
}

#[test]
fn every_route_is_described_and_nothing_else_is() {
    let in_api = visitors::routes().into_iter().filter(|(_, path)| path.starts_with("/api/"));
    // OpenAPI has no parameter that contains slashes.
    let there: BTreeSet<_> = in_api.map(|(method, path)| (method, path.replace("{*route}", "wc/v3/{route}"))).collect();
    assert!(there.len() > 10, "the routes were read");
    assert_eq!(described(openapi()), there);
}

#[test]
fn what_a_route_needs_is_what_its_description_says() {
    for (method, path, permission) in crate::api::ROUTES {
        let path = path.replace("{*route}", "wc/v3/{route}");
        let operation = &openapi()["paths"][format!("/api{path}")][method.to_lowercase()];
        assert_eq!(operation["security"], json!([{"token": [permission]}]), "{method} {path}");
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_route_has_a_name_of_its_own() {
    let text = openapi().to_string();
    for place in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(openapi().pointer(place).is_some(), "{place}");
    }
    let paths = openapi()["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|item| item.as_object().unwrap().values());
    let names: Vec<&str> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    assert_eq!(names.len(), described(openapi()).len());
}

#[test]
fn every_example_is_as_its_schema_says() {
    let mut seen = 0;
    for operation in
        openapi()["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values())
    {
        let bodies = operation["responses"].as_object().unwrap().values().chain([&operation["requestBody"]]);
        for content in bodies.filter_map(|body| body["content"].as_object()).flat_map(|contents| contents.values()) {
            if let Some(example) = content.get("example") {
                assert_eq!(holds(example, &content["schema"]), Vec::<String>::new());
                seen += 1;
            }
        }
    }
    assert!(seen > 8, "{seen} examples");
}

#[test]
fn every_code_is_described_somewhere() {
    let text = openapi().to_string();
    for code in CODES.iter().filter(|code| code.code != "method_not_allowed") {
        assert!(text.contains(&format!("`{}`: ", code.code)), "{}", code.code);
    }
}

#[test]
fn an_answer_that_is_not_described_is_found() {
    let store =
        openapi()["paths"]["/api/v1/stores/{id}"]["get"]["responses"]["200"]["content"]["application/json"]["example"]
            .clone();
    let faults = |path: &str, status: u16, kind: &str, body: &Value| {
        let headers = [(CONTENT_TYPE, kind.parse().unwrap())].into_iter().collect();
        faults("GET", path, status, &headers, body).len()
    };
    let with = |name: &str, value: Value| {
        let mut changed = store.clone();
        changed[name] = value;
        faults("/stores/st_x", 200, "application/json", &changed)
    };
    assert_eq!(faults("/stores/st_x", 200, "application/json", &store), 0);
    for (name, value) in [
        ("status", json!("fine")),
        ("reason", json!("because")),
        ("name", json!(3)),
        ("key_version", json!("1")),
        ("key_version", json!(0)),
        ("connected_at", json!("yesterday")),
        ("consumer_secret", json!("cs_")),
        ("id", json!("st_x")),
        ("id", json!(format!("{}0", store["id"].as_str().unwrap()))),
        ("url", json!("shop.example")),
    ] {
        assert_eq!(with(name, value.clone()), 1, "{name} {value}");
    }
    assert_eq!(with("user_id", json!("u".repeat(129))), 2, "too long, and not as its pattern says");
    let mut short = store.clone();
    short.as_object_mut().unwrap().remove("name");
    assert_eq!(faults("/stores/st_x", 200, "application/json", &short), 1);
    assert_eq!(faults("/stores/st_x", 302, "application/json", &store), 1);
    assert_eq!(faults("/stores/st_x", 200, "text/html", &store), 1);
    let mut problem = json!({"type": "urn:x", "title": "t", "status": 404, "code": "gone", "detail": "d",
                             "request_id": "rq_01kayjt000e8k2m4c6q9s1vwxy"});
    assert_eq!(faults("/stores/st_x", 404, "application/problem+json", &problem), 1);
    problem["code"] = json!("unavailable");
    assert_eq!(faults("/stores/st_x", 503, "application/problem+json", &problem), 1, "it lacks Retry-After");
    assert_eq!(faults("/nowhere", 200, "application/json", &store), 1);
}

#[tokio::test]
async fn the_page_for_people_shows_every_route_and_runs_nothing() {
    let world = World::new().await;
    let page = world.merchant().get(&format!("{KEYS}/api/v1/docs")).await;
    assert_eq!((page.status, page.headers["content-type"].to_str().unwrap()), (200, "text/html; charset=utf-8"));
    for (method, path) in described(openapi()) {
        let operation = &openapi()["paths"][&path][method.to_lowercase()];
        assert!(page.text().contains(&format!("{method} {path}")), "{method} {path}");
        assert!(page.body.contains(&format!("id=\"{}\"", operation["operationId"].as_str().unwrap())));
    }
    assert!(page.text().contains("export CARTKEY=https://keys.example"), "commands can be run as they stand");
    for code in CODES {
        assert!(page.body.contains(&format!("id=\"problem-{}\"", code.code)), "{}", code.code);
    }
    for place in page.body.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(page.body.contains(&format!("id=\"{place}\"")), "#{place} leads nowhere");
    }
}

#[tokio::test]
async fn the_description_is_served_to_whoever_asks_and_names_no_one() {
    let world = World::new().await;
    let service = world.service("keys:read").await;
    for authorization in ["", "Bearer nonsense"] {
        let headers = [("authorization", authorization)];
        let answer = service.ask(Method::GET, "/openapi.json", &headers, Vec::new()).await;
        assert_eq!(&answer.ok(), openapi());
    }
    assert_eq!(openapi()["openapi"], "3.1.0");
    let text = openapi().to_string();
    assert!(!text.contains("keys.example\"") && !text.contains("Acme"), "nothing of this installation");
}
