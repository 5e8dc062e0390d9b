//! Replicas: what a host has asked one of them for, the others know on PostgreSQL.

use cartkey::flow::{retention, watching::watch};

use super::*;

fn is_postgres() -> bool {
    std::env::var("TEST_POSTGRES_URL").is_ok()
}

async fn pauses(world: &World) -> usize {
    column(&world.app.db, "SELECT host FROM host_pauses").await.len()
}

#[tokio::test]
async fn a_host_that_asked_one_replica_for_patience_is_left_alone_by_the_other() {
    let called = Called::new().await;
    let world = &called.world;
    let replica = world.replica().await;
    let other = replica.clone();
    let base = world.also(|app| *app = other).await;
    let there = format!("{base}/api/v1/stores/{}/wp-json/wc/v3/orders", called.id);
    let get_there = async || called.ask(Method::GET, &there, &[], "").await;
    assert_eq!(get_there().await.status, 200, "it has the store in memory");
    assert_eq!(pauses(world).await, 0, "usually nothing is written");

    world.shop.switch(|s| s.rate_limited = Some(120));
    assert_eq!(called.get("wc/v3/orders").await.headers["retry-after"], "120");
    world.shop.switch(|s| s.rate_limited = None);
    world.clock.advance(Duration::from_secs(20));
    let begun = called.asked();
    if !is_postgres() {
        assert_eq!((pauses(world).await, get_there().await.status.as_u16()), (0, 200), "SQLite belongs to one process");
        return;
    }
    let told = get_there().await;
    assert_eq!(
        (problem(&told), &told.headers["retry-after"]),
        ((429, "rate_limited".to_owned()), &"100".parse().unwrap())
    );
    change(&world.app.db, "UPDATE stores SET check_at = 0").await;
    watch::check_due(&replica).await.unwrap();
    let actor = Actor::new("test");
    let id = called.id.parse().unwrap();
    let looked = watch::report(&replica, &id, &actor).await.unwrap().unwrap();
    assert_eq!(looked.pause, Some(Duration::from_secs(100)));
    // A third that starts now knows it too.
    let third = world.replica().await;
    assert!(watch::report(&third, &id, &actor).await.unwrap().unwrap().pause.is_some());
    assert_eq!(called.asked(), begun, "nothing was sent");
    world.clock.advance(Duration::from_secs(100));
    assert_eq!(get_there().await.status, 200);
    retention::sweep(&world.app).await.unwrap();
    assert_eq!(pauses(world).await, 0);
}

#[tokio::test]
async fn a_pause_that_a_wrong_clock_has_kept_holds_nobody_off() {
    let called = Called::new().await;
    let world = &called.world;
    if !is_postgres() {
        return;
    }
    let replica = world.replica().await;
    let base = world.also(|app| *app = replica).await;
    let there = format!("{base}/api/v1/stores/{}/wp-json/wc/v3/orders", called.id);
    world.clock.set_ahead(Duration::from_hours(24 * 365));
    world.shop.switch(|s| s.rate_limited = Some(120));
    assert_eq!(problem(&called.get("wc/v3/orders").await).0, 429);
    world.clock.set_back(Duration::from_hours(24 * 365));
    // The host says it again, and that counts.
    let told = called.ask(Method::GET, &there, &[], "").await;
    assert_eq!(told.headers["retry-after"], "120");
    let third = world.replica().await;
    let looked = watch::report(&third, &called.id.parse().unwrap(), &Actor::new("test")).await.unwrap().unwrap();
    assert_eq!(looked.pause, Some(Duration::from_mins(2)));
}
