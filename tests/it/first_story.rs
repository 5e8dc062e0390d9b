//! The whole flow once: a merchant connects a store, and a service reads the keys.

use crate::world::{SHOP, World};

#[tokio::test]
async fn a_merchant_connects_and_a_service_fetches_the_keys() {
    let world = World::new().await;
    let page = world.connect("merchant-42").await;
    assert!(page.text().contains("shop.example is connected"), "{}", page.text());

    let service = world.service("keys:read").await;
    let keys = service.get("/users/merchant-42/keys").await.ok();
    let issued = &world.shop.keys()[0];
    assert_eq!(keys["consumer_key"], issued.consumer_key.as_str());
    assert_eq!(keys["consumer_secret"], issued.consumer_secret.as_str());
    assert_eq!(keys["store_url"], SHOP);
    assert_eq!(keys["api_url"], "https://shop.example/wp-json/wc/v3");
    assert_eq!(keys["auth_method"], "basic");
    assert_eq!(keys["permissions"], "read_write");
    assert_eq!(keys["key_version"], 1);
}
