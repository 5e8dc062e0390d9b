//! No token makes another that may do more than it may itself, whichever way it tries.

use cartkey::domain::actor::Actor;
use cartkey::domain::token::Permissions;
use cartkey::flow::lending::tokens::{self, IssueError, NewToken};
use serde_json::{Value, json};

use super::{HOUR, holder, limited, on_all_pages};
use crate::database::column;
use crate::world::World;

/// No token has been issued or rotated by a token.
async fn has_issued_nothing(world: &World, before: usize) {
    assert_eq!(column(&world.app.db, "SELECT id FROM tokens").await.len(), before, "a refusal leaves no token behind");
    let by_tokens = "SELECT kind FROM events WHERE kind LIKE 'token.%' AND actor LIKE 'tk_%'";
    assert_eq!(column(&world.app.db, by_tokens).await, [""; 0]);
}

#[tokio::test]
async fn a_token_gives_only_permissions_that_it_has() {
    let world = World::new().await;
    let service = world.service("tokens:write,stores:read").await;
    for wanted in [json!(["keys:read"]), json!(["stores:read", "tokens:read"]), json!(["tokens:write", "links:write"])]
    {
        let refused = service.post("/tokens", &json!({"name": "n", "permissions": wanted})).await;
        assert_eq!(refused.problem(), (403, "permission_missing"), "{wanted}");
        let missing = refused.text("permission");
        assert!(
            wanted.as_array().unwrap().contains(&json!(missing)) && !["stores:read", "tokens:write"].contains(&missing)
        );
    }
    has_issued_nothing(&world, 1).await;
    let made =
        service.post("/tokens", &json!({"name": "n", "permissions": ["stores:read", "tokens:write"]})).await.ok();
    let child = holder(&world, &made);
    let refused = child.post("/tokens", &json!({"name": "n", "permissions": ["tokens:read"]})).await;
    assert_eq!(refused.problem(), (403, "permission_missing"), "nor does what it has issued");
}

#[tokio::test]
async fn a_token_does_not_get_the_secret_of_a_stronger_one_by_rotating_it() {
    let world = World::new().await;
    let service = world.service("tokens:write,stores:read").await;
    let stronger = world.service("stores:read,keys:read").await;
    let refused = service.post(&format!("/tokens/{}/rotate", stronger.token_id), &json!({})).await;
    assert_eq!((refused.problem(), refused.text("permission")), ((403, "permission_missing"), "keys:read"));
    has_issued_nothing(&world, 2).await;
    assert_eq!(stronger.get("/stores").await.status, 200, "it works on");
}

#[tokio::test]
async fn a_limited_token_issues_only_tokens_within_its_own_limit() {
    let world = World::new().await;
    let service = limited(&world, "m-1\nm-2").await;
    let ask = async |users: Value| {
        service.post("/tokens", &json!({"name": "n", "permissions": ["links:write"], "user_ids": users})).await
    };
    for beyond in [json!(["m-3"]), json!(["m-1", "m-3"]), json!(["m-1", "m-2", "m-10"])] {
        let refused = ask(beyond).await;
        assert_eq!((refused.problem(), refused.text("field")), ((422, "invalid_request"), "user_ids"));
    }
    has_issued_nothing(&world, 1).await;
    // Whoever leaves it out, or says null, gets the same limit, not none.
    let left_out = service.post("/tokens", &json!({"name": "n", "permissions": ["links:write"]})).await.ok();
    for made in [left_out, ask(Value::Null).await.ok()] {
        assert_eq!(made["user_ids"], json!(["m-1", "m-2"]));
        let child = holder(&world, &made);
        assert_eq!(child.post("/links", &json!({"user_id": "m-3"})).await.problem(), (422, "invalid_request"));
    }
    assert_eq!(ask(json!(["m-2"])).await.ok()["user_ids"], json!(["m-2"]));
}

#[tokio::test]
async fn a_token_gives_only_namespaces_that_it_may_call_and_no_higher_limits() {
    let world = World::new().await;
    let new = NewToken::new("n", Permissions::all());
    let (namespaces, limits) = ("wp/v2/media,my-plugin".parse().unwrap(), "seconds=30,per_minute=60".parse().unwrap());
    let service = world.holder(NewToken { namespaces, limits, ..new.clone() }).await;
    let ask = async |more: Value| {
        let mut new = json!({"name": "n", "permissions": ["proxy:read"]});
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        service.post("/tokens", &new).await
    };
    for (more, field) in [
        (json!({"namespaces": ["wp/v2"]}), "namespaces"),
        (json!({"namespaces": ["my-plugin/v1", "my-plugins"]}), "namespaces"),
        (json!({"namespaces": ["../wp"]}), "namespaces"),
        (json!({"namespaces": ["wc/v3"]}), "namespaces"),
        (json!({"namespaces": ["batch/v1"]}), "namespaces"),
        (json!({"namespaces": [""]}), "namespaces"),
        (json!({"namespaces": (0..21).map(|n| format!("my-plugin/v{n}")).collect::<Vec<_>>()}), "namespaces"),
        (json!({"limits": {"seconds": 31}}), "limits.seconds"),
        (json!({"limits": {"per_minute": 61, "seconds": 1}}), "limits.per_minute"),
        (json!({"limits": {"seconds": 0}}), "limits.seconds"),
        (json!({"limits": {"concurrent": 1001}}), "limits.concurrent"),
    ] {
        let refused = ask(more.clone()).await;
        assert_eq!((refused.problem(), refused.text("field")), ((422, "invalid_request"), field), "{more}");
    }
    assert_eq!(ask(json!({"limits": {"hours": 1}})).await.problem(), (400, "invalid_request"));
    has_issued_nothing(&world, 1).await;
    let made = ask(json!({"namespaces": ["my-plugin/v1"], "limits": {"seconds": 10, "concurrent": 2}})).await.ok();
    assert_eq!(made["namespaces"], json!(["my-plugin/v1"]));
    let limits =
        json!({"seconds": 10, "request_bytes": null, "response_bytes": null, "concurrent": 2, "per_minute": 60});
    assert_eq!(made["limits"], limits);
    let left_out = ask(json!({"namespaces": null, "limits": null})).await.ok();
    assert_eq!((&left_out["namespaces"], &left_out["limits"]["seconds"]), (&json!([]), &json!(30)));
    // Nor does it get the secret of a token that may do more.
    for stronger in [new.clone(), NewToken { limits: "seconds=30,per_minute=61".parse().unwrap(), ..new.clone() }] {
        let stronger = world.holder(stronger).await;
        let refused = service.post(&format!("/tokens/{}/rotate", stronger.token_id), &json!({})).await;
        assert_eq!(refused.problem(), (422, "invalid_request"));
    }
    let other = world
        .holder(NewToken {
            namespaces: "wp".parse().unwrap(),
            limits: "seconds=1,per_minute=1".parse().unwrap(),
            ..new
        })
        .await;
    let refused = service.post(&format!("/tokens/{}/rotate", other.token_id), &json!({})).await;
    assert_eq!((refused.problem(), refused.text("field")), ((422, "invalid_request"), "namespaces"));
    let rotated = service.post(&format!("/tokens/{}/rotate", made["id"].as_str().unwrap()), &json!({})).await.ok();
    assert_eq!((&rotated["namespaces"], &rotated["limits"]), (&json!(["my-plugin/v1"]), &limits));
    let found = service.get(&format!("/tokens/{}", rotated["id"].as_str().unwrap())).await.ok();
    assert_eq!((&found["namespaces"], &found["limits"]), (&json!(["my-plugin/v1"]), &limits));
}

#[tokio::test]
async fn a_token_issues_none_that_outlives_it() {
    let world = World::new().await;
    let service = world.holder(NewToken { lives: Some(HOUR), ..NewToken::new("brief", Permissions::all()) }).await;
    let end = world.clock.now().plus(HOUR).to_string();
    let ask = async |more: Value| {
        let mut new = json!({"name": "n", "permissions": ["stores:read", "tokens:write"]});
        for (name, value) in more.as_object().unwrap() {
            new[name] = value.clone();
        }
        service.post("/tokens", &new).await
    };
    let refused = ask(json!({"expires_in": 3601})).await;
    assert_eq!((refused.problem(), refused.text("field")), ((422, "invalid_request"), "expires_in"));
    assert!(refused.text("detail").contains(&end));
    has_issued_nothing(&world, 1).await;
    assert_eq!(ask(json!({"expires_in": 3600})).await.ok()["expires_at"], end.as_str());
    assert_eq!(ask(json!({})).await.ok()["expires_at"], end.as_str(), "left out, it is the same end");
    // Neither by rotating itself nor by rotating another, which would live longer.
    let other = world.service("stores:read").await;
    for id in [&other.token_id, &service.token_id] {
        let made = service.post(&format!("/tokens/{id}/rotate"), &json!({})).await.ok();
        assert_eq!(made["expires_at"], end.as_str());
    }
    world.clock.advance(HOUR);
    assert_eq!(ask(json!({})).await.problem(), (401, "unauthenticated"));
}

#[tokio::test]
async fn a_limited_token_sees_revokes_and_rotates_only_what_is_limited_within_its_limit() {
    let world = World::new().await;
    let service = limited(&world, "m-1\nm-2").await;
    let within = limited(&world, "m-1").await;
    let beyond = [world.trusted_service().await, limited(&world, "m-3").await, limited(&world, "m-1\nm-3").await];
    for other in &beyond {
        let path = format!("/tokens/{}", other.token_id);
        assert_eq!(service.get(&path).await.problem(), (404, "not_found"));
        assert_eq!(service.delete(&path).await.problem(), (404, "not_found"));
        assert_eq!(service.post(&format!("{path}/rotate"), &json!({})).await.problem(), (404, "not_found"));
        assert_eq!(other.get("/stores").await.status, 200, "it works on");
    }
    // However long the pages are, and whatever lies between.
    for limit in [1, 2, 200] {
        let mut seen = on_all_pages(&service, "/tokens", "id", limit).await;
        assert!(seen.is_sorted(), "oldest first");
        seen.sort_by_key(|id| *id != service.token_id);
        assert_eq!(seen, [service.token_id.as_str(), within.token_id.as_str()], "{limit}");
    }
    assert_eq!(on_all_pages(&beyond[0], "/tokens", "id", 2).await.len(), 5);
    assert_eq!(within.get(&format!("/tokens/{}", service.token_id)).await.problem(), (404, "not_found"));
    service.delete(&format!("/tokens/{}", within.token_id)).await.ok();
    assert_eq!(within.get("/stores").await.problem(), (401, "unauthenticated"));
    service.delete(&format!("/tokens/{}", service.token_id)).await.ok();
    assert_eq!(service.get("/tokens").await.problem(), (401, "unauthenticated"), "also itself");
}

#[tokio::test]
async fn a_token_that_is_revoked_while_it_issues_another_leaves_none_behind() {
    let world = World::new().await;
    let issuer = world.trusted_service().await;
    let worker = world.service("stores:read").await;
    let token = tokens::find(&world.app, &issuer.token_id.parse().unwrap()).await.unwrap().unwrap();
    tokens::revoke(&world.app, &token.id, &Actor::cli()).await.unwrap();
    // It was valid when the request came.
    let new = NewToken::new("late", "keys:read".parse().unwrap());
    let late = tokens::issue_for(&world.app, &token, new, &Actor::new(issuer.token_id.as_str())).await;
    let has_stopped = |error| matches!(error, IssueError::Beneath(beneath) if beneath.is_of_stopped_token());
    assert!(late.is_err_and(has_stopped));
    let id = worker.token_id.parse().unwrap();
    let actor = Actor::new(issuer.token_id.as_str());
    let late = tokens::rotate_for(&world.app, &token, &id, HOUR, &actor).await;
    assert!(late.is_err_and(has_stopped), "nor does it rotate");
    has_issued_nothing(&world, 2).await;
    assert_eq!(worker.get("/stores").await.status, 200);
}
