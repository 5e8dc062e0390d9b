//! Diagnostics on the dashboard.

use cartkey::demo::pretend_store::Switches;

use crate::world::World;

#[tokio::test]
async fn diagnostics_say_what_is_in_order_and_what_is_not() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let page = ann.get("/admin/diagnostics").await;
    let text = page.text();
    assert_eq!(page.status, 200, "{text}");
    for seen in [
        "public address https://keys.example answers",
        "requests from stores reach the callback",
        "key ring opened the stored secrets",
        "resolves from here to 127.0.0.1, which is not a public address",
        "operators without a second factor: ann",
        "https://app.example",
    ] {
        assert!(text.contains(seen), "{seen} in {text}");
    }
    // The story's clock stands in September 2026. A database server has a clock of its own, a file has none.
    let is_server = std::env::var("TEST_POSTGRES_URL").is_ok();
    let clock = if is_server { "clock differs from that of the database server" } else { "nothing to compare it with" };
    assert!(text.contains(clock), "{clock} in {text}");
}

#[tokio::test]
async fn our_clock_is_judged_by_what_connected_stores_say() {
    let world = World::new().await;
    world.connect("merchant-1").await;
    let mut ann = world.operator().await;
    let text = ann.get("/admin/diagnostics").await.text();
    // The pretend store's server says what time it is.
    assert!(text.contains("clock differs from that of") && text.contains("synchronize it with NTP"), "{text}");
    assert!(text.contains("Warning"), "one clock against one: {text}");
}

#[tokio::test]
async fn a_proxy_that_is_not_trusted_is_told() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    ann.browser.header("x-forwarded-for", "203.0.113.9");
    let text = ann.get("/admin/diagnostics").await.text();
    assert!(text.contains("requests come through an untrusted proxy at 127.0.0.1"), "{text}");
    let world = World::with(&[("CARTKEY_TRUSTED_PROXIES", "127.0.0.1")], Switches::default()).await;
    let mut ann = world.stranger("ann").await;
    ann.browser.header("x-forwarded-for", "203.0.113.9");
    ann.sign_in(crate::operator::PASSWORD).await;
    assert!(!ann.get("/admin/diagnostics").await.text().contains("come through an untrusted proxy"));
    assert!(ann.get("/admin/account").await.text().contains("203.0.113.9"), "and sessions say where they began");
}
