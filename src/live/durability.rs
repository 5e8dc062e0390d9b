//! Durability: after a write that failed, whether writes are durable again. Until then the process is not ready.

use std::time::Duration;

use tokio::sync::watch;

use super::worker::{Plan, Worker};
use crate::storage::Db;

/// The pause between two writes that are tried.
const EVERY: Duration = Duration::from_secs(1);

/// This worker.
pub const WORKER: Plan = Plan::new("durability check", "every second after a write that failed");

/// Tries a write after one that failed, until one is durable; ends when told to stop.
pub async fn run(db: Db, worker: Worker, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = db.doubted() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        match db.probe().await {
            Ok(()) => worker.did(1, "writes found durable again"),
            Err(error) => worker.failed("writes are not durable", &error),
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}
