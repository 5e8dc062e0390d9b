//! SQLite checkpoints: copies committed WAL pages to the database file on a separate connection, so that no commit, and so no
//! response, waits for it.

use std::time::Duration;

use tokio::sync::watch;

use super::worker::{Plan, Worker};
use crate::storage::Db;

/// The pause between two checkpoints.
const EVERY: Duration = Duration::from_secs(1);

pub const WORKER: Plan = Plan::new("checkpoint", "every second");

/// Makes checkpoints until shutdown.
pub async fn run(db: Db, worker: Worker, mut stop: watch::Receiver<bool>) {
    let mut before = 0_usize;
    while !*stop.borrow() {
        match db.checkpoint().await {
            Ok(copied) => {
                worker.did(copied.saturating_sub(before), "pages copied into the file");
                before = copied;
            }
            Err(error) => worker.failed("the WAL could not be copied into the database file", &error),
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stop.changed() => {}
        }
    }
}
