//! Compares the API with its description: every route and every answer is described, and nothing else.

use std::collections::BTreeSet;

use cartkey::domain::actor::Actor;
use cartkey::domain::event::Kind;
use cartkey::domain::verdict::Verdict;
use cartkey::storage::events;
use cartkey::web::api::describe::openapi;
use cartkey::web::problem::CODES;
use hyper::Method;
use hyper::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::described::{faults, faults_of_event, holds};
use crate::world::{KEYS, World};
use crate::{on_record, visitors};

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
fn every_type_of_event_has_its_schema_and_an_example_of_it() {
    let hooks = openapi()["webhooks"].as_object().unwrap();
    let described: BTreeSet<&str> = hooks.keys().map(String::as_str).collect();
    let there = Kind::ALL.iter().map(|kind| kind.as_str()).chain(["webhook.test"]).collect();
    assert_eq!(described, there);
    let mut names = BTreeSet::new();
    for (kind, hook) in hooks {
        let example = &hook["post"]["requestBody"]["content"]["application/json"]["example"];
        assert_eq!(example["type"], **kind);
        assert_eq!(faults_of_event(example), Vec::<String>::new());
        assert!(names.insert(hook["post"]["operationId"].as_str().unwrap()), "{kind}");
        let mut odd = example.clone();
        odd["data"]["consumer_secret"] = json!("cs_");
        odd["timestamp"] = json!("yesterday");
        assert_eq!(faults_of_event(&odd).len(), 2, "this check can fail");
    }
}

#[tokio::test]
async fn every_type_of_event_is_read_from_the_feed_as_it_is_described_and_says_where_to_look() {
    let world = World::new().await;
    let at = world.clock.now();
    for kind in Kind::ALL {
        events::insert(&world.app.db, &on_record::event(kind, at, &Actor::cli())).await.unwrap();
    }
    // Every answer is compared with its description.
    let feed = world.service("events:read").await.get("/events?limit=200").await.ok();
    let told = feed["data"].as_array().unwrap();
    assert!(told.len() > Kind::ALL.len());
    for event in told {
        let shown = ["store", "link", "webhook", "token"].into_iter().find_map(|what| {
            let id = event["data"][format!("{what}_id")].as_str()?;
            Some(json!(format!("/api/v1/{what}s/{id}")))
        });
        let is_gone = event["type"] == "webhook.deleted";
        assert_eq!(event["related"], shown.filter(|_| !is_gone).unwrap_or_default(), "{event}");
    }

    world.connect("m").await;
    let service = world.trusted_service().await;
    let feed = service.get("/events?limit=200").await.ok();
    for kind in ["link.created", "store.connected"] {
        let event = feed["data"].as_array().unwrap().iter().rfind(|event| event["type"] == kind).unwrap();
        let path = event["related"].as_str().unwrap().strip_prefix("/api/v1").unwrap();
        assert_eq!(service.get(path).await.ok()["user_id"], "m", "{event}");
    }
}

#[tokio::test]
async fn the_collection_has_every_request_once_and_says_where_it_goes() {
    let world = World::new().await;
    let collection = world.service("keys:read").await.get("/postman.json").await.ok();
    assert_eq!(collection["info"]["schema"], "https://schema.getpostman.com/json/collection/v2.1.0/collection.json");
    assert_eq!(collection["variable"][0], json!({"key": "base_url", "value": KEYS}));
    assert_eq!(collection["variable"][1], json!({"key": "token", "value": ""}));
    assert_eq!(collection["auth"]["bearer"][0]["value"], "{{token}}");
    let items = collection["item"].as_array().unwrap();
    let asked: Vec<(String, String)> = items
        .iter()
        .map(|item| {
            let (request, url) = (&item["request"], &item["request"]["url"]);
            let parts: Vec<&str> = url["path"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
            assert_eq!(url["raw"], json!(format!("{{{{base_url}}}}/{}", parts.join("/"))));
            assert_eq!(url["host"], json!(["{{base_url}}"]));
            let named: Vec<&str> = parts.iter().filter_map(|part| part.strip_prefix(':')).collect();
            let variables = url["variable"].as_array().unwrap();
            assert_eq!(variables.iter().map(|each| each["key"].as_str().unwrap()).collect::<Vec<_>>(), named);
            assert!(variables.iter().all(|each| !each["value"].as_str().unwrap().is_empty()), "{item}");
            let rest = url["query"].as_array().unwrap().iter().chain(request["header"].as_array().unwrap());
            assert!(rest.into_iter().all(|each| each["disabled"] == true), "{item}");
            let path: Vec<String> = parts
                .iter()
                .map(|part| part.strip_prefix(':').map_or((*part).to_owned(), |name| format!("{{{name}}}")))
                .collect();
            let (method, path) = (request["method"].as_str().unwrap().to_owned(), format!("/{}", path.join("/")));
            let operation = &openapi()["paths"][&path][method.to_lowercase()];
            assert_eq!((&item["id"], &item["name"]), (&operation["operationId"], &operation["summary"]));
            assert_eq!(request["auth"]["type"] == "noauth", operation["security"] == json!([]), "{item}");
            let body = request["body"]["raw"].as_str().map(|body| serde_json::from_str::<Value>(body).unwrap());
            assert_eq!(body.as_ref(), operation["requestBody"]["content"]["application/json"].get("example"));
            (method, path)
        })
        .collect();
    assert_eq!(asked.iter().cloned().collect::<BTreeSet<_>>(), described(openapi()));
    assert_eq!(asked.len(), described(openapi()).len());
}

/// The rows of the table under this heading of docs/errors.md.
fn rows(heading: &str) -> Vec<String> {
    let page = include_str!("../../docs/errors.md");
    let (_, section) = page.split_once(&format!("\n{heading}\n")).unwrap();
    let section = section.split("\n#").next().unwrap();
    section.lines().filter(|line| line.starts_with("| ")).skip(2).map(str::to_owned).collect()
}

#[test]
fn the_page_of_errors_has_every_code_and_reason_and_says_what_the_source_says() {
    let codes: Vec<String> = CODES
        .iter()
        .map(|code| {
            let statuses = code.statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
            let adds = code.adds.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            format!("| `{}` | {statuses} | {adds} | {} | {} |", code.code, code.means, code.fix)
        })
        .collect();
    assert_eq!(rows("## Codes").join("\n"), codes.join("\n"));
    let reasons: Vec<String> = Verdict::ALL
        .iter()
        .map(|verdict| format!("| `{}` | {} |", verdict.code(), verdict.says("shop.example")))
        .collect();
    assert_eq!(rows("## Reasons").join("\n"), reasons.join("\n"));
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
        let mut document = service.ask(Method::GET, "/openapi.json", &headers, Vec::new()).await.ok();
        assert_eq!(document.as_object_mut().unwrap().remove("servers"), Some(json!([{"url": KEYS}])));
        assert_eq!(&document, openapi());
    }
    assert_eq!(openapi()["openapi"], "3.1.0");
    let text = openapi().to_string();
    assert!(!text.contains("keys.example\"") && !text.contains("Acme"), "nothing of this installation");
}
