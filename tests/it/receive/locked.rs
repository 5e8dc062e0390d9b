//! Another program has locked the database: the store is answered when it lets go, not before and not with a refusal (R4).

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::database::Locked;
use crate::world::World;

use super::{open, waiting};

/// Longer than anything that gives up at once would take.
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
