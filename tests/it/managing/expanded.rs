//! `expand=store` saves a second request.

use serde_json::{Value, json};

use super::limited;
use crate::world::World;

#[tokio::test]
async fn the_store_of_an_attempt_comes_with_its_link() {
    let world = World::new().await;
    let (_, _, link) = world.approved("m", json!({})).await;
    let service = world.service("links:write,stores:read").await;
    let path = format!("/links/{link}?expand=store");
    assert_eq!(service.get(&path).await.ok()["attempt"].get("store"), None, "there is none yet");
    world.prove().await;
    let attempt = service.get(&path).await.ok()["attempt"].clone();
    assert_eq!(attempt["store"], service.get(&format!("/stores/{}", attempt["store_id"].as_str().unwrap())).await.ok());
    assert_eq!(service.get(&format!("/links/{link}")).await.ok()["attempt"].get("store"), None, "nobody asked");
    let refused = world.service("links:write").await.get(&path).await;
    assert_eq!((refused.problem(), refused.text("permission")), ((403, "permission_missing"), "stores:read"));
}

#[tokio::test]
async fn the_stores_of_events_come_with_the_feed() {
    let world = World::new().await;
    world.connect("ours").await;
    world.connect("theirs").await;
    let service = world.service("events:read,stores:read").await;
    let feed = service.get("/events?limit=200&expand=store").await.ok();
    let stores = service.get("/stores").await.ok();
    let connected: Vec<&Value> =
        feed["data"].as_array().unwrap().iter().filter(|event| event["type"] == "store.connected").collect();
    assert_eq!(connected.len(), 2);
    for (event, store) in connected.into_iter().zip(stores["data"].as_array().unwrap()) {
        assert_eq!((&event["data"]["store_id"], &event["store"]), (&store["id"], store));
    }
    let others = feed["data"].as_array().unwrap().iter().filter(|event| event["data"].get("store_id").is_none());
    assert!(others.into_iter().all(|event| event.get("store").is_none()));
    let plain = service.get("/events?limit=200").await.ok().to_string();
    assert!(!plain.contains("\"store\":"), "nobody asked");
    let limited = limited(&world, "ours").await.get("/events?limit=200&expand=store").await.ok().to_string();
    assert!(limited.contains("\"store\":") && !limited.contains("theirs"), "{limited}");
    let refused = world.service("events:read").await.get("/events?expand=store").await;
    assert_eq!((refused.problem(), refused.text("permission")), ((403, "permission_missing"), "stores:read"));
}

#[tokio::test]
async fn what_cannot_be_expanded_is_told() {
    let world = World::new().await;
    let (link, _) = world.link("m", json!({})).await;
    let service = world.trusted_service().await;
    for path in [format!("/links/{link}"), "/events".to_owned()] {
        for wrong in ["", "stores", "keys", "store,store", "STORE"] {
            let refused = service.get(&format!("{path}?expand={wrong}")).await;
            assert_eq!((refused.problem(), refused.text("field")), ((400, "invalid_request"), "expand"), "{wrong}");
        }
    }
    let refused = service.get("/stores?expand=store").await;
    assert_eq!((refused.problem(), refused.text("field")), ((400, "invalid_request"), "expand"));
}
