//! An integrator's services manage links, webhooks and tokens over the API, each within the limits of its token.

use std::time::Duration;

use cartkey::demo::pretend_store::Switches;
use cartkey::domain::token::Permissions;
use cartkey::flow::lending::tokens::NewToken;
use hyper::Method;
use serde_json::{Value, json};

use crate::canary::Listener;
use crate::database::{change, column};
use crate::service::{Answer, Service};
use crate::webhooks::receiver::Receiver;
use crate::world::World;

mod escalation;
mod expanded;
mod links;
mod revoked;
mod webhooks;

const HOUR: Duration = Duration::from_hours(1);

/// A service with all permissions, limited to the stores of `users`.
async fn limited(world: &World, users: &str) -> Service {
    world.holder(NewToken { users: users.parse().ok(), ..NewToken::new("limited", Permissions::all()) }).await
}

/// The service that holds the token in an answer.
fn holder(world: &World, made: &Value) -> Service {
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    Service { client: world.client(), token: text("token"), token_id: text("id") }
}

async fn patch(service: &Service, path: &str, body: &Value) -> Answer {
    service.ask(Method::PATCH, path, &[], body.to_string().into_bytes()).await
}

/// The values of `member` in a list.
fn each(list: &Value, member: &str) -> Vec<String> {
    let data = list["data"].as_array().unwrap().iter();
    data.map(|row| row[member].as_str().unwrap_or_default().to_owned()).collect()
}

/// The same on all pages of a list, `limit` at a time.
async fn on_all_pages(service: &Service, path: &str, member: &str, limit: usize) -> Vec<String> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = service.get(&format!("{path}?limit={limit}&cursor={cursor}")).await.ok();
        let found = each(&page, member);
        assert!(found.len() <= limit);
        all.extend(found);
        match &page["next_cursor"] {
            Value::String(next) => cursor.clone_from(next),
            _ => return all,
        }
    }
}

#[tokio::test]
async fn a_service_issues_a_token_for_each_of_its_workers_and_revokes_it_again() {
    let world = World::new().await;
    world.connect("m-1").await;
    let service = world.trusted_service().await;
    let new = json!({"name": " Shipping ", "permissions": ["stores:read", "keys:read"], "user_ids": ["m-2", "m-1"],
                     "expires_in": 3600});
    let made = service.post("/tokens", &new).await;
    assert_eq!(made.status, 201);
    let (worker, id) = (holder(&world, &made.json), made.text("id").to_owned());
    assert!(worker.token.starts_with("cartkey_"));
    assert_eq!(worker.get("/users/m-1/keys").await.ok()["user_id"], "m-1");
    let seen = service.get(&format!("/tokens/{id}")).await.ok();
    let end = world.clock.now().plus(HOUR).to_string();
    assert_eq!(
        seen,
        json!({"id": id, "name": "Shipping", "permissions": ["keys:read", "stores:read"], "user_ids": ["m-1", "m-2"],
               "namespaces": [], "limits": {"seconds": null, "request_bytes": null, "response_bytes": null,
                                            "concurrent": null, "per_minute": null},
               "state": "working", "created_at": world.clock.now().to_string(), "expires_at": end, "revoked_at": null,
               "successor_id": null})
    );
    assert!(on_all_pages(&service, "/tokens", "id", 2).await.contains(&id));

    // Twice is as once.
    for _ in 0..2 {
        let revoked = service.delete(&format!("/tokens/{id}")).await.ok();
        assert_eq!((&revoked["state"], &revoked["revoked_at"]), (&json!("revoked"), &seen["created_at"]));
    }
    assert_eq!(worker.get("/users/m-1/keys").await.problem(), (401, "unauthenticated"));
    let told =
        column(&world.app.db, &format!("SELECT kind || ' ' || actor FROM events WHERE token_id = '{id}' ORDER BY seq"))
            .await;
    assert_eq!(told, ["token.issued", "token.revoked"].map(|kind| format!("{kind} {}", service.token_id)));
    for path in ["/tokens/tk_x", "/tokens/tk_01jd0000000000000000000000"] {
        assert_eq!(service.get(path).await.problem(), (404, "not_found"));
        assert_eq!(service.delete(path).await.problem(), (404, "not_found"));
        assert_eq!(service.post(&format!("{path}/rotate"), &json!({})).await.problem(), (404, "not_found"));
    }
}

#[tokio::test]
async fn a_token_is_rotated_by_another_or_by_itself() {
    let world = World::new().await;
    let service = world.trusted_service().await;
    let worker = world.service("stores:read").await;
    let path = format!("/tokens/{}/rotate", worker.token_id);
    let made = service.post(&path, &json!({"overlap": 3600})).await;
    assert_eq!(made.status, 201);
    let next = holder(&world, &made.json);
    let works = async |service: &Service| service.get("/stores").await.status.as_u16();
    assert_eq!((works(&worker).await, works(&next).await), (200, 200));
    let old = service.get(&format!("/tokens/{}", worker.token_id)).await.ok();
    assert_eq!((&old["state"], &old["successor_id"]), (&json!("rotating"), &json!(next.token_id)));
    assert_eq!(service.post(&path, &json!({})).await.problem(), (409, "not_rotated"), "a retry makes no second one");
    world.clock.advance(HOUR);
    assert_eq!((works(&worker).await, works(&next).await), (401, 200));
    // Without a body, the overlap is a day.
    let own = service.ask(Method::POST, &format!("/tokens/{}/rotate", service.token_id), &[], Vec::new()).await;
    let renewed = holder(&world, &own.ok());
    assert_eq!((works(&service).await, works(&renewed).await), (200, 200));
    let end = renewed.get(&format!("/tokens/{}", service.token_id)).await.ok()["expires_at"].clone();
    assert_eq!(end, world.clock.now().plus(24 * HOUR).to_string());
    // A token that replaces itself must be able to repeat the request.
    let path = format!("/tokens/{}/rotate", renewed.token_id);
    let refused = renewed.post(&path, &json!({"overlap": 59})).await;
    assert_eq!((refused.problem(), refused.text("field")), ((422, "invalid_request"), "overlap"));
    let last = holder(&world, &renewed.post(&path, &json!({"overlap": 60})).await.ok());
    world.clock.advance(Duration::from_mins(1));
    assert_eq!((works(&renewed).await, works(&last).await), (401, 200));
    let other = world.service("stores:read").await;
    last.post(&format!("/tokens/{}/rotate", other.token_id), &json!({"overlap": 0})).await.ok();
    assert_eq!(works(&other).await, 401);
    let refused = last.post(&format!("/tokens/{}/rotate", next.token_id), &json!({"overlap": 2_592_001})).await;
    assert_eq!((refused.problem(), refused.text("field")), ((422, "invalid_request"), "overlap"));
}

#[tokio::test]
async fn what_is_wrong_with_a_new_token_is_told_with_the_name_of_its_field() {
    let world = World::new().await;
    let service = world.trusted_service().await;
    let before = column(&world.app.db, "SELECT id FROM tokens").await.len();
    for (field, value) in [
        ("name", json!("")),
        ("name", json!("n".repeat(81))),
        ("name", json!("a\nb")),
        ("name", json!(5)),
        ("permissions", json!([])),
        ("permissions", json!("keys:read")),
        ("permissions", json!(["keys:write"])),
        ("permissions", json!(["keys:read,stores:read"])),
        ("user_ids", json!([])),
        ("user_ids", json!(["a b"])),
        ("user_ids", json!((0..1_001).map(|n| n.to_string()).collect::<Vec<_>>())),
        ("expires_in", json!(59)),
        ("expires_in", json!(u64::MAX)),
        ("bogus", json!(1)),
    ] {
        let mut new = json!({"name": "n", "permissions": ["keys:read"]});
        new[field] = value.clone();
        let answer = service.post("/tokens", &new).await;
        let (status, code) = answer.problem();
        assert!(matches!(status, 400 | 422) && code == "invalid_request", "{field}={value}: {answer:?}");
        assert_eq!(answer.text("field"), field, "{value}: {answer:?}");
    }
    let missing = service.post("/tokens", &json!({"name": "n"})).await;
    assert_eq!((missing.problem(), missing.text("field")), ((400, "invalid_request"), "permissions"));
    assert_eq!(column(&world.app.db, "SELECT id FROM tokens").await.len(), before, "nothing was issued");
}

#[tokio::test]
async fn no_secret_is_in_a_list_an_event_or_the_log() {
    let log = Listener::new();
    let world = World::with(&[("CARTKEY_ALLOW_PRIVATE_STORES", "true")], Switches::default()).await;
    let service = world.trusted_service().await;
    let receiver = Receiver::new().await;
    let new = json!({"url": format!("{}?token=wh-canary-of-managing", receiver.url)});
    let hook = service.post("/webhooks", &new).await.ok();
    let path = format!("/webhooks/{}", hook["id"].as_str().unwrap());
    let rotated = service.post(&format!("{path}/rotate"), &json!({})).await.ok();
    let token = service.post("/tokens", &json!({"name": "n", "permissions": ["keys:read"]})).await.ok();
    let next = service.post(&format!("/tokens/{}/rotate", token["id"].as_str().unwrap()), &json!({})).await.ok();
    let link = service.post("/links", &json!({"user_id": "m"})).await.ok();
    service.post(&format!("{path}/test"), &json!({})).await.ok();
    let mut told = String::new();
    for path in ["/webhooks", &path, &format!("{path}/deliveries"), "/tokens", "/links", "/events?limit=200"] {
        told += &service.get(path).await.ok().to_string();
    }
    told += &patch(&service, &path, &json!({"description": "x"})).await.ok().to_string();
    told += &service.delete(&format!("/tokens/{}", token["id"].as_str().unwrap())).await.ok().to_string();
    told += &service.delete(&format!("/links/{}", link["id"].as_str().unwrap())).await.ok().to_string();
    told += &log.text();
    assert!(told.contains("webhook.secret_rotated") && told.contains("webhook.test"), "it was read");
    let secrets = [&hook["secret"], &rotated["secret"], &token["token"], &next["token"]].map(|s| s.as_str().unwrap());
    let in_link = link["url"].as_str().unwrap().rsplit('/').next().unwrap();
    for secret in secrets.into_iter().chain([in_link, "wh-canary-of-managing"]) {
        assert!(secret.len() > 20 && !told.contains(secret), "{secret}");
    }
    let kept = column(&world.app.db, "SELECT COALESCE(reason, '') || actor FROM events").await.join("\n");
    assert!(secrets.iter().all(|secret| !kept.contains(secret)));
}

/// Tokens that work, as if this many had been issued. Their IDs are `tk_01jd…`, older than those of today.
async fn fill(world: &World, tokens: usize) {
    let row = |n: usize| format!("('tk_01jd{n:0>22}', 'filler', 'f{n}', 'stores:read', 1)");
    let rows: Vec<String> = (0..tokens).map(row).collect();
    let rows = rows.join(", ");
    change(
        &world.app.db,
        &format!("INSERT INTO tokens (id, name, fingerprint, permissions, created_at) VALUES {rows}"),
    )
    .await;
}

#[tokio::test]
async fn of_tokens_a_thousand_work_at_the_most_and_room_is_made_by_revoking_one() {
    let world = World::new().await;
    let (service, worker) = (world.trusted_service().await, world.service("stores:read").await);
    fill(&world, 997).await;
    let issue = async || service.post("/tokens", &json!({"name": "n", "permissions": ["stores:read"]})).await;
    assert_eq!(issue().await.status, 201);
    let full = issue().await;
    assert_eq!(full.problem(), (409, "too_many_tokens"));
    assert!(full.text("detail").contains("revoke those that are not needed"), "{full:?}");
    let mut ann = world.operator().await;
    let form = ann.get("/admin/tokens/new").await;
    let page = ann.submit(&form, "Create token", &[("name", "Shipping"), ("allow", "stores:read")]).await;
    assert!(page.status == 409 && page.text().contains("1,000 active tokens"), "{}", page.text());
    // While both would work, a rotation adds one.
    let rotate = format!("/tokens/{}/rotate", worker.token_id);
    assert_eq!(service.post(&rotate, &json!({})).await.problem(), (409, "too_many_tokens"));
    assert_eq!(service.post(&rotate, &json!({"overlap": 0})).await.status, 201);
    assert_eq!(issue().await.problem(), (409, "too_many_tokens"));
    service.delete("/tokens/tk_01jd0000000000000000000000").await.ok();
    assert_eq!(issue().await.status, 201);
    assert_eq!(issue().await.problem(), (409, "too_many_tokens"));
}

#[tokio::test]
async fn tokens_that_no_longer_work_are_listed_a_page_at_a_time() {
    let world = World::new().await;
    fill(&world, 120).await;
    change(&world.app.db, "UPDATE tokens SET revoked_at = 2 WHERE id < 'tk_01jd0000000000000000000110'").await;
    let mut ann = world.operator().await;
    let mut page = ann.get("/admin/tokens").await;
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let rows = crate::merchant::html::elements(&page.body, "tr");
        let ids = rows.iter().filter_map(|row| row.attribute("id")).map(str::to_owned);
        let ended: Vec<String> = ids.filter(|id| id.as_str() < "tk_01jd0000000000000000000110").collect();
        assert_eq!(rows.iter().filter(|row| row.attribute("id").is_some()).count(), ended.len() + 10, "all that work");
        assert!(ended.len() <= 50);
        (pages, seen) = (pages + 1, [seen, ended].concat());
        if page.link("Older").is_none() {
            break;
        }
        page = ann.click(&page, "Older").await;
    }
    assert_eq!((pages, seen.len()), (3, 110));
    assert!(seen.is_sorted_by(|a, b| a > b), "newest first");
    // The record offers those that work, and the one that is chosen.
    for (who, offered) in [("", 10), (seen[0].as_str(), 11)] {
        let page = ann.get(&format!("/admin/activity?who={who}")).await;
        assert_eq!(page.body.matches("<option value=\"tk_").count(), offered, "{who}");
    }
}
