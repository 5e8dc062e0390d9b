//! Prove, with places: a slow or hanging store delays only its own keys.

use std::time::Duration;

use cartkey::demo::pretend_store::{Pace, Switches};
use cartkey::flow::connecting::prove;
use cartkey::live::outgoing_limits::AT_A_TIME;
use serde_json::json;
use tokio::sync::watch;

use crate::process::until_async;
use crate::world::{OTHER, World};

/// The number of key tries at the shop.
fn asked(world: &World) -> usize {
    world.shop.requests().iter().filter(|seen| seen.target.contains("system_status")).count()
}

#[tokio::test]
async fn a_store_that_hangs_holds_up_nobody_elses_key_and_has_two_places_at_most() {
    let world = World::new().await;
    let mut links = Vec::new();
    for n in 0..4 {
        links.push(world.approved(&format!("m{n}"), json!({})).await.2);
    }
    world.shop.switch(|s| s.pace = Pace::WhenReleased);
    world.clock.advance(Duration::from_secs(1));
    let (stop, stopped) = watch::channel(false);
    let worker = world.app.workers.enter(prove::WORKER);
    let prover = tokio::spawn(prove::run(world.app.clone(), stopped));
    until_async(async || asked(&world) == AT_A_TIME).await;
    let (_, _, link) = world.approved("n", json!({"store_url": OTHER})).await;
    world.clock.advance(Duration::from_secs(1));
    world.app.proving.notify_one();
    until_async(async || world.stands(&link).await.0 == "connected").await;
    assert_eq!(asked(&world), AT_A_TIME, "the others of that host wait, and take nobody's place");
    assert!(worker.status().last_done.is_some() && worker.status().last_fault.is_none());
    world.shop.switch(|s| *s = Switches::default());
    world.shop.release();
    let connected = async || {
        let mut connected = 0;
        for link in &links {
            connected += usize::from(world.stands(link).await.0 == "connected");
        }
        connected
    };
    until_async(async || connected().await == AT_A_TIME).await;
    // Those that found no place are tried again some seconds later.
    world.clock.advance(Duration::from_mins(1));
    world.app.proving.notify_one();
    until_async(async || connected().await == links.len()).await;
    assert_eq!(asked(&world), links.len(), "each once");
    stop.send_replace(true);
    prover.await.unwrap();
}

/// As if the watch were checking other stores on a large host.
#[tokio::test]
async fn a_key_waits_for_its_host_while_the_watch_asks_it() {
    let world = World::new().await;
    let (_, _, link) = world.approved("m", json!({})).await;
    let host = world.app.outgoing.places("shop.example", world.clock.instant());
    let taken = host.clone().acquire_many_owned(2).await.unwrap();
    world.clock.advance(Duration::from_secs(1));
    let app = world.app.clone();
    let proving = tokio::spawn(async move { prove::run_due(&app).await.unwrap() });
    let claimed = "SELECT id FROM grants WHERE claimed_until > 0";
    until_async(async || !crate::database::column(&world.app.db, claimed).await.is_empty()).await;
    assert_eq!(asked(&world), 0);
    drop(taken);
    assert_eq!(proving.await.unwrap(), 1);
    assert_eq!(world.stands(&link).await.0, "connected");
}
