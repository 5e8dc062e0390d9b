//! The one writer of the lending record: saves all waiting reads in one statement.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::Instant;

use super::Memory;
use crate::live::metrics::Metrics;
use crate::live::worker::{Plan, Worker, supervise};
use crate::storage::Db;
use crate::storage::reads::{KeyRead, Recorder};

/// The most answers that share one commit.
const BATCH: usize = 256;
/// The most answers that may wait for the writer; more are refused as unavailable.
pub(super) const QUEUE: usize = 4_096;
/// Consecutive batches on one connection before other writers get their turn: a few milliseconds.
const IN_A_ROW: u32 = 8;
/// How soon the next batch must arrive to continue on the same connection.
const FOLLOWS_WITHIN: Duration = Duration::from_millis(1);

/// The worker. Services wait for it, so it restarts within a second after a panic.
pub(super) const WORKER: Plan =
    Plan { name: "lending record", runs: "when a key is read", pause_at_most: Duration::from_secs(1) };

/// The reads that wait for the writer. The queue survives a panic of the writer: the reads of its batch are refused, and the next
/// writer serves the others.
type Queue = Arc<Mutex<mpsc::Receiver<Waiting>>>;

/// Runs the writer until the last sender of the queue is gone.
pub(super) async fn run(
    db: Db,
    memory: Arc<Memory>,
    worker: Worker,
    metrics: Metrics,
    waiting: mpsc::Receiver<Waiting>,
) {
    let queue = Arc::new(Mutex::new(waiting));
    let begin = || write(db.clone(), Arc::clone(&memory), worker.clone(), metrics.clone(), Arc::clone(&queue));
    supervise(worker.clone(), pending(), begin).await;
}

/// An answer that waits until its reads are recorded.
pub(super) struct Waiting {
    pub reads: Vec<KeyRead>,
    /// The lending counter under which it was prepared.
    pub revision: i64,
    /// Receives the lending counter at the commit; dropped if the record could not be written.
    pub done: Option<oneshot::Sender<i64>>,
    /// Its room in the queue, until its batch is recorded.
    pub room: Option<OwnedSemaphorePermit>,
}

/// Commits everything that arrived during the last commit as one batch. Of responses prepared under different counters, only those
/// under the newest can be current.
async fn write(db: Db, memory: Arc<Memory>, worker: Worker, metrics: Metrics, queue: Queue) {
    let mut waiting = queue.lock().await;
    let mut recorder = Recorder::new(db.clone());
    let mut gathered: Vec<Waiting> = Vec::with_capacity(BATCH);
    let mut in_a_row = 0;
    loop {
        if in_a_row < IN_A_ROW && in_a_row > 0 {
            // The connection is kept for reads that arrive at once; if none does, other writers may have it.
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
        // Skip clients that have disconnected.
        gathered.retain(|w| w.done.as_ref().is_some_and(|done| !done.is_closed()));
        if gathered.is_empty() {
            continue;
        }
        in_a_row += 1;
        let newest = gathered.iter().map(|w| w.revision).max().unwrap_or(-1);
        gathered.retain_mut(|w| w.revision == newest || w.tell(newest));
        let (mut batch, mut waiters) = (Vec::with_capacity(gathered.len()), Vec::with_capacity(gathered.len()));
        let mut rooms = Vec::with_capacity(gathered.len());
        for Waiting { mut reads, done, room, .. } in gathered.drain(..) {
            batch.append(&mut reads);
            waiters.extend(done);
            rooms.extend(room);
        }
        let begun = Instant::now();
        match recorder.record(&batch, newest).await {
            Ok(revision) => {
                // Before the answers are told: they are prepared again from memory.
                if memory.revision() != Some(revision)
                    && let Err(error) = memory.catch_up(&db).await
                {
                    memory.forget();
                    worker.failed("what changed could not be read, so keys are looked up again", &error);
                }
                // Reads prepared under another counter were not recorded, and an answer without keys has none.
                if revision == newest && !batch.is_empty() {
                    let lent = batch.iter().filter(|read| read.call.is_none()).count();
                    metrics.lent(batch.len(), lent, begun.elapsed());
                }
                worker.did(batch.len(), "key reads recorded");
                drop(rooms);
                for done in waiters {
                    // The client may have disconnected meanwhile.
                    let _ = done.send(revision);
                }
            }
            Err(error) => {
                // The server may have failed over to a replica that was behind, and what memory knows may be lost.
                memory.forget();
                worker.failed("key reads could not be recorded, so no keys were lent", &error);
            }
        }
    }
}

/// Yields while others keep adding reads to the batch: otherwise the first would wake the writer before the others ran, and
/// each read would have a commit of its own.
async fn gather(waiting: &mut mpsc::Receiver<Waiting>, gathered: &mut Vec<Waiting>) {
    loop {
        let before = gathered.len();
        // To other tasks, and to the threads that run them.
        tokio::task::yield_now().await;
        std::thread::yield_now();
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
    /// Sends the counter to the waiting request; returns false, so that `retain_mut` drops it.
    fn tell(&mut self, revision: i64) -> bool {
        if let Some(done) = self.done.take() {
            let _ = done.send(revision);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::{Clock, Time};
    use crate::live::worker::Workers;
    use crate::storage::reads;

    const STORE: &str = "st_01jd0000000000000000000000";

    fn read(token: &str, n: u8) -> KeyRead {
        KeyRead {
            id: format!("rq_01jd000000000000000000000{n}").parse().unwrap(),
            at: Time::from_millis(1),
            token_id: format!("tk_01jd000000000000000000000{token}").parse().unwrap(),
            store_id: STORE.parse().unwrap(),
            key_version: 1,
            from: [192, 0, 2, 1].into(),
            call: None,
        }
    }

    fn metrics(db: &Db) -> Metrics {
        Metrics::new(db, Time::from_millis(1))
    }

    fn worker(plan: Plan) -> Worker {
        Workers::new(Clock::System).enter(plan)
    }

    #[tokio::test]
    async fn a_read_whose_asker_is_gone_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("cartkey.db").display())).await.unwrap();
        let (queue, waiting) = mpsc::channel(QUEUE);
        let mut here = Vec::new();
        // Alone in its batch or beside another: the writer goes on either way.
        for (token, n, stays) in [("1", 1, false), ("2", 2, true), ("3", 3, false)] {
            let (done, told) = oneshot::channel();
            assert!(
                queue
                    .try_send(Waiting { revision: 0, reads: vec![read(token, n)], done: Some(done), room: None })
                    .is_ok()
            );
            if stays {
                here.push(told);
            }
        }
        let writer = tokio::spawn(run(db.clone(), Arc::default(), worker(WORKER), metrics(&db), waiting));
        assert_eq!(here.remove(0).await, Ok(0));
        let (done, _) = oneshot::channel();
        assert!(
            queue.try_send(Waiting { revision: 0, reads: vec![read("4", 4)], done: Some(done), room: None }).is_ok()
        );
        drop(queue);
        writer.await.unwrap();
        let readers = reads::readers(&db, &STORE.parse().unwrap(), Time::from_millis(0), 9).await.unwrap();
        let tokens: Vec<String> = readers.into_iter().map(|(token, ..)| token.to_string()).collect();
        assert_eq!(tokens, ["tk_01jd0000000000000000000002"]);
    }

    #[tokio::test]
    async fn a_writer_that_panics_refuses_its_batch_and_the_next_serves_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("cartkey.db").display())).await.unwrap();
        let (sender, waiting) = mpsc::channel(QUEUE);
        let mut told = Vec::new();
        for n in [1, 2] {
            let (done, answer) = oneshot::channel();
            assert!(
                sender
                    .try_send(Waiting { revision: 0, reads: vec![read("1", n)], done: Some(done), room: None })
                    .is_ok()
            );
            told.push(answer);
        }
        let worker = worker(Plan { pause_at_most: Duration::ZERO, ..WORKER });
        let (seen, queue, mut times) = (worker.clone(), Arc::new(Mutex::new(waiting)), 0);
        let begin = move || {
            times += 1;
            let (n, db, worker, queue) = (times, db.clone(), worker.clone(), Arc::clone(&queue));
            async move {
                if n == 1 {
                    let _batch = queue.lock().await.recv().await;
                    panic!("in the middle of a batch");
                }
                let metrics = metrics(&db);
                write(db, Arc::default(), worker, metrics, queue).await;
            }
        };
        let supervised = tokio::spawn(supervise(seen.clone(), pending(), begin));
        assert!(told.remove(0).await.is_err(), "what the panic has interrupted is refused");
        assert_eq!(told.remove(0).await, Ok(0));
        assert_eq!(seen.status().panics, 1);
        drop(sender);
        supervised.await.expect("it ends when nobody can ask any more");
    }
}
