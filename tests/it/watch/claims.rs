//! Claims: each due store is checked once, whichever process does it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::pretend_network::PretendNetwork;
use cartkey::flow::watching::watch::{self, CLAIM};
use cartkey::live::outgoing_limits::Limits;
use cartkey::storage::schedule;

use super::many::{fill, watcher};
use crate::database::column;
use crate::world::World;

const STORES: usize = 400;
const PLACES: usize = 16;

async fn network() -> (World, PretendNetwork) {
    let world = World::new().await;
    let homes: Vec<String> = (0..STORES).map(|n| format!("good-{n}.example")).collect();
    fill(&world.app, &homes).await;
    (world, PretendNetwork::start(true).await.unwrap())
}

/// Asserts that every store was checked exactly once.
fn assert_each_once(network: &PretendNetwork) {
    let asked = network.asked();
    assert_eq!((asked.len(), asked.values().max()), (STORES, Some(&1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_what_is_due_and_check_nothing_twice() {
    let (world, network) = network().await;
    let mut replicas = Vec::new();
    for _ in 0..3 {
        let app = watcher(&world.replica().await, &network, Limits { places: PLACES, ..Limits::default() });
        replicas.push(tokio::spawn(async move { watch::check_due(&app).await.unwrap() }));
    }
    let mut shares = Vec::new();
    for replica in replicas {
        shares.push(replica.await.unwrap());
    }
    assert_eq!(shares.iter().sum::<usize>(), STORES);
    // Who claims has as many in hand as it has places, and the others come between: nobody takes all there is.
    // One that comes late may find nothing left.
    assert!(shares.iter().filter(|share| **share >= PLACES).count() >= 2, "they share: {shares:?}");
    assert_each_once(&network);
    let checks = column(&world.app.db, "SELECT CAST(COUNT(*) AS TEXT) FROM check_spans WHERE n = 1").await;
    assert_eq!(checks, [STORES.to_string()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_process_claimed_is_given_back_when_its_claim_runs_out() {
    let (world, network) = network().await;
    let now = world.clock.now();
    let dead = schedule::claim(&world.app.db, now, now.plus(CLAIM), 40).await.unwrap();
    assert_eq!(dead.len(), 40);
    let app = watcher(&world.app, &network, Limits::default());
    assert_eq!(watch::check_due(&app).await.unwrap(), STORES - 40);
    world.clock.advance(CLAIM.checked_sub(Duration::from_millis(1)).unwrap());
    assert_eq!(watch::check_due(&app).await.unwrap(), 0, "the claim may still be seen through");
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(watch::check_due(&app).await.unwrap(), 40);
    assert_each_once(&network);
}

#[tokio::test]
async fn a_process_that_is_told_to_stop_claims_nothing() {
    let (world, network) = network().await;
    let app = watcher(&world.app, &network, Limits::default());
    app.draining.store(true, Ordering::Relaxed);
    assert_eq!(watch::check_due(&app).await.unwrap(), 0);
    assert_eq!(network.figures().asked, 0);
    let due = schedule::next(&app.db).await.unwrap().unwrap();
    assert!(due <= world.clock.now(), "another process takes them at once");
}

#[tokio::test]
async fn those_that_wait_longest_are_claimed_first() {
    let (world, _network) = network().await;
    let now = world.clock.now();
    let late = "UPDATE stores SET check_at = 5 WHERE home = 'http://good-399.example'";
    crate::database::change(&world.app.db, &format!("UPDATE stores SET check_at = {}", now.millis() - 10)).await;
    crate::database::change(&world.app.db, late).await;
    let first = schedule::claim(&world.app.db, now, now.plus(CLAIM), 1).await.unwrap();
    assert_eq!(first[0].home.as_str(), "http://good-399.example");
    assert!(schedule::claim(&world.app.db, now.minus(Duration::from_secs(1)), now, 1).await.unwrap().is_empty());
}
