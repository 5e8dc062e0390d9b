//! Words: stores that were there before there was a search get the words by which they are found.

use tokio::sync::watch;

use super::Beneath;
use crate::app::App;
use crate::domain::id::StoreId;
use crate::live::worker::Plan;
use crate::storage::store_words;

/// Stores that one transaction gives words to: it holds the writer for some 20 ms.
const AT_ONCE: i64 = 100;

/// This worker.
pub const WORKER: Plan = Plan::new("search words", "once, after start-up");

/// Gives words to the stores that have none until none is left or the process is told to stop. A store is either done or
/// not, so a process that dies leaves nothing half done; the next start goes on.
pub async fn run(app: App, stop: watch::Receiver<bool>) {
    let worker = app.workers.enter(WORKER);
    let (mut after, mut done) = (None, 0);
    while !*stop.borrow() {
        match give(&app, after.as_ref()).await {
            Ok(Some(last)) => (after, done) = (Some(last), done + 1),
            Ok(None) => break,
            Err(error) => {
                // Stores without words are not found, but nothing else depends on them: the next start tries again.
                worker.failed("stores could not be indexed for search", &error);
                return;
            }
        }
        tokio::task::yield_now().await;
    }
    worker.did(done, "batches of stores indexed");
    if done > 0 {
        tracing::info!("the search knows all stores now");
    }
}

/// Gives words to some stores after `after`; gives back the last of them, `None` when there was none left.
pub async fn give(app: &App, after: Option<&StoreId>) -> Result<Option<StoreId>, Beneath> {
    let after = after.map_or("", StoreId::as_str);
    if !store_words::is_any_wordless(&app.db, after).await? {
        return Ok(None);
    }
    Ok(store_words::give_words(&app.db, after, AT_ONCE).await?)
}
