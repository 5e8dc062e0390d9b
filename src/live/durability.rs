//! Durability: after a write that failed, whether writes are durable again. Until then the process is not ready.

use std::time::Duration;

use tokio::sync::watch;

use super::worker::{Plan, Worker};
use crate::storage::Db;

/// The pause between two writes that are tried.
const EVERY: Duration = Duration::from_secs(1);

pub const WORKER: Plan = Plan::new("durability check", "every second after a failed write");

/// After a failed write, tries one until it is durable; runs until shutdown.
pub async fn run(db: Db, worker: Worker, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = db.doubted() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let tried = tokio::select! {
            tried = db.probe() => tried,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match tried {
            Ok(()) => worker.did(1, "durable test writes"),
            // The first failure was logged where it happened.
            Err(_) => worker.failed_again("writes are not durable"),
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}
