//! Indexes for search the stores that were connected before search existed.

use tokio::sync::watch;

use crate::app::App;
use crate::domain::id::StoreId;
use crate::flow::Beneath;
use crate::live::worker::Plan;
use crate::storage::store_words;

/// Stores indexed per transaction: it holds the writer for about 20 ms.
const AT_ONCE: i64 = 100;

/// The indexer, as listed in diagnostics.
pub const WORKER: Plan = Plan::new("search index", "once, after start-up");

/// Indexes stores until none is left or the process shuts down. Each store is indexed atomically, so the next start continues where
/// a dead process stopped.
pub async fn run(app: App, stop: watch::Receiver<bool>) {
    let worker = app.workers.enter(WORKER);
    let (mut after, mut done) = (None, 0);
    while !*stop.borrow() {
        match give(&app, after.as_ref()).await {
            Ok(Some(last)) => (after, done) = (Some(last), done + 1),
            Ok(None) => break,
            Err(error) => {
                // Unindexed stores are not found, but nothing else depends on the index: the next start tries again.
                worker.failed("stores could not be indexed for search", &error);
                return;
            }
        }
        tokio::task::yield_now().await;
    }
    worker.did(done, "batches of stores indexed");
    if done > 0 {
        tracing::info!("all stores are now indexed for search");
    }
}

/// Indexes some stores after `after`. Returns the last of them; `None` if none was left.
pub async fn give(app: &App, after: Option<&StoreId>) -> Result<Option<StoreId>, Beneath> {
    let after = after.map_or("", StoreId::as_str);
    if !store_words::is_any_wordless(&app.db, after).await? {
        return Ok(None);
    }
    Ok(store_words::give_words(&app.db, after, AT_ONCE).await?)
}
