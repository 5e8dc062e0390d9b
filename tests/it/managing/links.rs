//! Links are listed and withdrawn by services.

use std::time::Duration;

use serde_json::{Value, json};

use super::{HOUR, each, limited, on_all_pages};
use crate::database::column;
use crate::world::{SHOP, World};

#[tokio::test]
async fn a_service_lists_the_links_of_its_merchants_and_withdraws_one() {
    let world = World::new().await;
    let service = world.service("links:write").await;
    let make = async |user: &str| service.post("/links", &json!({"user_id": user, "store_url": SHOP})).await.ok();
    let (first, second, third) = (make("m-1").await, make("m-2").await, make("m-1").await);
    world.clock.advance(Duration::from_millis(1));
    let mut browser = world.merchant();
    world.begin(&mut browser, second["url"].as_str().unwrap()).await;
    let list = async |query: &str| {
        let list = service.get(&format!("/links?{query}")).await.ok();
        let mut ids = each(&list, "id");
        ids.sort();
        ids
    };
    let ids = |links: &[&Value]| {
        let mut ids: Vec<String> = links.iter().map(|link| link["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    assert_eq!(list("").await, ids(&[&first, &second, &third]));
    assert_eq!(list("user_id=m-1").await, ids(&[&first, &third]));
    assert_eq!((list("status=used").await, list("status=expired").await), (ids(&[&second]), vec![]));
    let mut paged = on_all_pages(&service, "/links", "id", 2).await;
    assert!(paged.is_sorted_by(|a, b| a >= b), "newest first: {paged:?}");
    paged.sort();
    assert_eq!(paged, ids(&[&first, &second, &third]));
    // A link in the list is what it is alone.
    let seen = service.get("/links?status=used").await.ok()["data"][0].clone();
    assert_eq!((&seen["status"], &seen["attempt"]["status"]), (&json!("used"), &json!("open")));
    assert_eq!(seen, service.get(&format!("/links/{}", second["id"].as_str().unwrap())).await.ok());

    let path = format!("/links/{}", second["id"].as_str().unwrap());
    for _ in 0..2 {
        let withdrawn = service.delete(&path).await.ok();
        assert_eq!(
            (&withdrawn["status"], &withdrawn["attempt"]["reason"]),
            (&json!("withdrawn"), &json!("link_withdrawn"))
        );
        assert_eq!(withdrawn["withdrawn_at"], world.clock.now().to_string());
    }
    assert_eq!(list("status=withdrawn").await, ids(&[&second]));
    assert_eq!(world.merchant().get(second["url"].as_str().unwrap()).await.status, 404);
    let told = column(&world.app.db, "SELECT actor FROM events WHERE kind = 'link.withdrawn'").await;
    assert_eq!(told, [service.token_id.as_str()], "once");
    world.clock.advance(HOUR);
    assert_eq!(list("status=expired").await, ids(&[&first, &third]));
    assert_eq!(service.delete("/links/ln_01jd0000000000000000000000").await.problem(), (404, "not_found"));
    for (query, field) in [
        ("user_id=", "user_id"),
        ("status=gone", "status"),
        ("cursor=st_x", "cursor"),
        ("limit=0", "limit"),
        ("q=x", "q"),
    ] {
        let refused = service.get(&format!("/links?{query}")).await;
        assert_eq!((refused.problem(), refused.text("field")), ((400, "invalid_request"), field));
    }
}

#[tokio::test]
async fn a_limited_token_lists_and_withdraws_only_links_of_its_merchants() {
    let world = World::new().await;
    let (theirs, url) = world.link("theirs", json!({})).await;
    let (ours, _) = world.link("ours", json!({})).await;
    let service = limited(&world, "ours\nnobody-yet").await;
    assert_eq!(each(&service.get("/links").await.ok(), "id"), [ours.as_str()]);
    assert_eq!(each(&service.get("/links?user_id=ours").await.ok(), "id"), [ours.as_str()]);
    assert_eq!(each(&service.get("/links?user_id=theirs").await.ok(), "id"), [""; 0]);
    assert_eq!(service.delete(&format!("/links/{theirs}")).await.problem(), (404, "not_found"));
    assert_eq!(world.merchant().get(&url).await.status, 200, "it opens still");
    service.delete(&format!("/links/{ours}")).await.ok();
}
