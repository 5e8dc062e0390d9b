//! A token that is revoked while its request waits for something slow, such as a name server, changes nothing any more.

use std::collections::BTreeSet;

use cartkey::storage::Db;
use hyper::Method;
use serde_json::{Value, json};

use crate::api::ROUTES;
use crate::database::{change, column};
use crate::disk::is_file;
use crate::return_leg::app_confirms;
use crate::service::Service;
use crate::world::World;

/// The routes that change nothing, or record what has happened at a store or a receiver whoever asked.
const EXEMPT: [&str; 4] = ["/v1/keys", "/v1/stores/{id}/check", "/v1/webhooks/{id}/test", "wp-json"];

/// Revokes the service's token in the moment in which the next event is about to be recorded.
async fn revoked_in_the_last_moment(db: &Db, service: &Service) {
    let revoke = format!("UPDATE tokens SET revoked_at = 1 WHERE id = '{}';", service.token_id);
    let trigger = if is_file(db) {
        format!("CREATE TRIGGER revoke BEFORE UPDATE ON counters WHEN OLD.name = 'event' BEGIN {revoke} END")
    } else {
        format!(
            "CREATE FUNCTION revoke_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {revoke} RETURN NEW; END $$;
             CREATE TRIGGER revoke BEFORE UPDATE ON counters FOR EACH ROW WHEN (OLD.name = 'event') EXECUTE FUNCTION revoke_it()"
        )
    };
    change(db, &trigger).await;
}

#[tokio::test]
async fn a_token_that_is_revoked_between_its_check_and_the_change_changes_nothing_on_any_route() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, page, callback) = app_confirms::approved(&world, &mut browser).await;
    let code = app_confirms::code(&mut browser, &page).await;
    world.connect("m").await;
    let store = column(&world.app.db, "SELECT id FROM stores WHERE user_id = 'm'").await.remove(0);
    let service = world.trusted_service().await;
    let (rotated, revoked) = (world.service("stores:read").await, world.service("stores:read").await);
    let made = async |path: &str, body: Value| service.post(path, &body).await.ok()["id"].as_str().unwrap().to_owned();
    let link = made("/links", json!({"user_id": "m"})).await;
    let hook = json!({"url": "https://app.example/hook"});
    let (on, off) = (made("/webhooks", hook.clone()).await, made("/webhooks", hook.clone()).await);
    service.ask(Method::PATCH, &format!("/webhooks/{off}"), &[], b"{\"enabled\": false}".to_vec()).await.ok();
    let requests = [
        ("POST", "/links", String::new(), json!({"user_id": "m"})),
        ("DELETE", "/links/{id}", link, Value::Null),
        ("POST", "/attempts/{id}/confirm", callback.attempt.clone(), json!({"code": code})),
        ("POST", "/webhooks", String::new(), hook),
        ("PATCH", "/webhooks/{id}", on.clone(), json!({"description": "new"})),
        ("PATCH", "/webhooks/{id}", on.clone(), json!({"enabled": false})),
        ("PATCH", "/webhooks/{id}", off, json!({"enabled": true})),
        ("POST", "/webhooks/{id}/rotate", on.clone(), json!({})),
        ("DELETE", "/webhooks/{id}", on, Value::Null),
        ("POST", "/tokens", String::new(), json!({"name": "n", "permissions": ["stores:read"]})),
        ("POST", "/tokens/{id}/rotate", rotated.token_id.clone(), json!({})),
        ("DELETE", "/tokens/{id}", revoked.token_id.clone(), Value::Null),
        ("DELETE", "/stores/{id}", store, Value::Null),
    ];
    let asked: BTreeSet<(String, String)> =
        requests.iter().map(|(method, path, ..)| ((*method).to_owned(), format!("/v1{path}"))).collect();
    let changing: BTreeSet<(String, String)> = ROUTES
        .iter()
        .filter(|(method, path, _)| *method != "GET" && !EXEMPT.iter().any(|exempt| path.contains(exempt)))
        .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(asked, changing, "every route that changes something is tried");

    let ask = async |method: &str, path: &str, id: &str, body: &Value| {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        service.ask(method.parse().unwrap(), &path.replace("{id}", id), &[], body).await
    };
    let before = world.happened("%").await;
    revoked_in_the_last_moment(&world.app.db, &service).await;
    for (method, path, id, body) in &requests {
        let late = ask(method, path, id, body).await;
        assert_eq!(late.problem(), (401, "unauthenticated"), "{method} {path}");
        assert_eq!(world.happened("%").await, before, "{method} {path}");
    }
    let on_counters = if is_file(&world.app.db) { "" } else { " ON counters" };
    change(&world.app.db, &format!("DROP TRIGGER revoke{on_counters}")).await;
    for (method, path, id, body) in &requests {
        let done = ask(method, path, id, body).await;
        assert!(done.status.is_success(), "{method} {path}: {done:?}");
    }
}
