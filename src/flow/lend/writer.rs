//! The one writer of the lending record: commits whatever has gathered as one statement.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::storage::Db;
use crate::storage::reads::{Read, Recorder};

/// Reads that share one commit at most.
const BATCH: usize = 256;
/// Reads that may wait for the writer; more are refused as unavailable.
pub(super) const QUEUE: usize = 4_096;
/// Batches that follow each other on one connection, before other writers have their turn: some milliseconds.
const IN_A_ROW: u32 = 8;
/// How soon a batch must follow to be the next in a row.
const FOLLOWS_WITHIN: Duration = Duration::from_millis(1);

/// A lending that waits for its record to be on disk.
pub(super) struct Waiting {
    pub read: Read,
    /// Told the lending counter at the commit; dropped when the record could not be written.
    pub done: Option<oneshot::Sender<i64>>,
}

/// Takes whatever has gathered while the last commit ran, and commits it as one. Of answers that were made under
/// different counters, only the newest can be good.
pub(super) async fn write(db: Db, mut waiting: mpsc::Receiver<Waiting>) {
    let mut recorder = Recorder::new(db);
    let mut gathered: Vec<Waiting> = Vec::with_capacity(BATCH);
    let mut in_a_row = 0;
    loop {
        if in_a_row < IN_A_ROW && in_a_row > 0 {
            // Reads that follow at once find the connection still held; when none does, others may have it.
            if tokio::time::timeout(FOLLOWS_WITHIN, waiting.recv_many(&mut gathered, BATCH)).await.is_err() {
                in_a_row = 0;
            }
        } else {
            in_a_row = 0;
        }
        if in_a_row == 0 {
            recorder.let_go();
            waiting.recv_many(&mut gathered, BATCH).await;
        }
        if gathered.is_empty() {
            return;
        }
        gather(&mut waiting, &mut gathered).await;
        in_a_row += 1;
        let newest = gathered.iter().map(|w| w.read.revision).max().unwrap_or(-1);
        gathered.retain_mut(|w| w.read.revision == newest || w.tell(newest));
        let (batch, told): (Vec<Read>, Vec<Option<oneshot::Sender<i64>>>) =
            gathered.drain(..).map(|w| (w.read, w.done)).unzip();
        match recorder.record(&batch, newest).await {
            Ok(revision) => told.into_iter().flatten().for_each(|done| {
                // Whoever hung up meanwhile does not need to know.
                let _ = done.send(revision);
            }),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    reads = batch.len(),
                    "lent keys could not be recorded, so none left"
                );
            }
        }
    }
}

/// Steps back while reads that are ready to run keep adding to the batch: without that, the first one would wake the
/// writer before the others have had their turn, and each would pay for a commit of its own.
async fn gather(waiting: &mut mpsc::Receiver<Waiting>, gathered: &mut Vec<Waiting>) {
    loop {
        let before = gathered.len();
        tokio::task::yield_now().await;
        while gathered.len() < BATCH
            && let Ok(next) = waiting.try_recv()
        {
            gathered.push(next);
        }
        if gathered.len() == before || gathered.len() >= BATCH {
            return;
        }
    }
}

impl Waiting {
    /// Tells the counter to whoever waits; false, for a list from which that is dropped.
    fn tell(&mut self, revision: i64) -> bool {
        if let Some(done) = self.done.take() {
            let _ = done.send(revision);
        }
        false
    }
}
