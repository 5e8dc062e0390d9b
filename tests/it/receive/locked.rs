//! The database cannot save anything at the moment: the store is answered once it can, not earlier and not with a refusal (R4).

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::Method;

use crate::binary::ask;
use crate::disk::{Locked, Refusal, Way};
use crate::world::{self, World};

use super::{open, waiting};

/// Longer than an immediate refusal would take.
const HELD_FOR: Duration = Duration::from_millis(1_500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_waits_for_a_locked_database_and_is_kept() {
    let world = Arc::new(World::new().await);
    let callback = open(&world).await;
    let locked = Locked::hold(&world.database_url).await;
    let begun = Instant::now();
    let mut posting = tokio::spawn({
        let (world, callback) = (Arc::clone(&world), callback.clone());
        async move { callback.post(&world, &callback.body(1)).await }
    });
    let early = tokio::time::timeout(HELD_FOR, &mut posting).await;
    assert!(early.is_err(), "nothing is said while nothing can be kept: {early:?}");
    assert_eq!(waiting(&world, &callback).await, 0);
    locked.release().await;
    assert_eq!(posting.await.unwrap(), 200);
    assert!(begun.elapsed() < HELD_FOR + Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(waiting(&world, &callback).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_whose_commit_fails_is_tried_again_and_kept_once() {
    let world = Arc::new(World::new().await);
    let callback = open(&world).await;
    let refusal = Refusal::of_commits(&world.app.db, "grants").await;
    let mut posting = tokio::spawn({
        let (world, callback) = (Arc::clone(&world), callback.clone());
        async move { callback.post(&world, &callback.body(1)).await }
    });
    let early = tokio::time::timeout(HELD_FOR, &mut posting).await;
    assert!(early.is_err(), "nothing is said while nothing can be kept: {early:?}");
    refusal.ends(&world.app.db).await;
    assert_eq!(posting.await.unwrap(), 200);
    assert_eq!(waiting(&world, &callback).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_waits_for_a_server_that_is_away_and_is_kept() {
    let world = World::new().await;
    if !world.app.db.is_postgres() {
        return;
    }
    let callback = open(&world).await;
    let way = Way::to(&world.database_url).await;
    let replica = world::open(&[], &way.url, world.folder.path(), world.client(), &world.clock).await;
    let at = world.also(|app| *app = replica).await;
    way.set_open(false);
    let token = callback.url.rsplit('/').next().unwrap();
    let (client, url) = (world.client(), format!("{at}/wc-auth/callback/{token}"));
    let body = callback.body(1).to_string();
    let json = [("content-type", "application/json".to_owned())];
    let mut posting = tokio::spawn(async move { ask(&client, Method::POST, &url, &json, &body).await });
    let early = tokio::time::timeout(HELD_FOR, &mut posting).await;
    assert!(early.is_err(), "nothing is said while nothing can be kept: {early:?}");
    assert_eq!(ask(&world.client(), Method::GET, &format!("{at}/livez"), &[], "").await.unwrap().0, 200);
    assert_eq!(ask(&world.client(), Method::GET, &format!("{at}/readyz"), &[], "").await.unwrap().0, 503);
    way.set_open(true);
    assert_eq!(posting.await.unwrap().unwrap().0, 200);
    assert_eq!(waiting(&world, &callback).await, 1);
}
