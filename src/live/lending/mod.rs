//! Lending: tokens and stores in memory, and the queue of the lending record's writer.

mod writer;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use quick_cache::sync::Cache;
use tokio::sync::{Semaphore, mpsc, oneshot};

use self::writer::{QUEUE, Waiting};
use super::metrics::Metrics;
use super::worker::Workers;
use crate::domain::id::{KeyId, StoreId};
use crate::domain::rest_base::RestBase;
use crate::domain::secret::Fingerprint;
use crate::domain::store::Store;
use crate::domain::time::{Instant, Time};
use crate::domain::token::ServiceToken;
use crate::domain::user_id::UserId;
use crate::storage::Db;
use crate::storage::reads::KeyRead;

/// The maximum number of stores in memory: about 1 KB each, allocated as they are asked for.
const STORES: usize = 100_000;
/// The maximum number of tokens in memory.
const TOKENS: usize = 1_000;
/// The maximum number of reads that wait for the writer: about 1 MB. More are refused as unavailable.
const READS: usize = 8_192;

/// The memory and the writer's queue. Cheap to clone.
#[derive(Clone)]
pub struct Lending {
    /// Tokens and stores in memory.
    pub memory: Arc<Memory>,
    queue: mpsc::Sender<Waiting>,
    /// One permit for each read that may wait.
    room: Arc<Semaphore>,
}

/// Tokens that work and stores that are connected, each with the lending counter under which it was read.
pub struct Memory {
    /// The newest lending counter that was seen.
    revision: AtomicI64,
    /// Tokens, by their fingerprint.
    pub tokens: Cache<Fingerprint, Arc<(i64, ServiceToken)>>,
    /// Connected stores.
    pub stores: Cache<StoreId, Arc<Lendable>>,
    /// The only store of a merchant.
    pub users: Cache<UserId, (i64, StoreId)>,
}

/// A connected store with its sealed key.
pub struct Lendable {
    /// The lending counter under which it was read.
    pub revision: i64,
    /// The store.
    pub store: Store,
    /// Where its REST API answers.
    pub rest: RestBase,
    /// The ETag of an answer with its key.
    pub etag: String,
    /// The id of its key.
    pub key_id: KeyId,
    /// The key's version.
    pub version: i64,
    /// The key, sealed.
    pub sealed: Vec<u8>,
    /// When it was proven.
    pub issued_at: Time,
    /// When a check last found that it works although the store had refused a call.
    pub worked: Mutex<Option<Instant>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            revision: AtomicI64::new(-1),
            tokens: Cache::new(TOKENS),
            stores: Cache::new(STORES),
            users: Cache::new(STORES),
        }
    }
}

impl Memory {
    /// Whether this is the newest lending counter seen.
    pub fn is_current(&self, revision: i64) -> bool {
        self.revision.load(Ordering::Acquire) == revision
    }

    /// Records a lending counter that was read.
    pub fn saw(&self, revision: i64) {
        self.revision.fetch_max(revision, Ordering::AcqRel);
    }

    /// Records the counter that the writer read. If it is lower than memory's, the database was restored or failed over to a
    /// replica that was behind: memory may hold changes that were lost, so it is cleared.
    fn found(&self, revision: i64) {
        if self.revision.fetch_max(revision, Ordering::AcqRel) > revision {
            self.forget();
            self.revision.store(revision, Ordering::Release);
        }
    }

    fn forget(&self) {
        self.tokens.clear();
        self.stores.clear();
        self.users.clear();
    }
}

impl Lending {
    /// Starts the writer of the record; it ends when the last clone of this is dropped and the queue is empty.
    pub fn start(db: Db, workers: &Workers, metrics: Metrics) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let memory = Arc::new(Memory::default());
        let worker = workers.enter(writer::WORKER);
        let is_postgres = db.is_postgres();
        let writer = writer::run(db, Arc::clone(&memory), worker, metrics, waiting);
        if is_postgres {
            tokio::spawn(writer);
        } else {
            on_its_own_thread(writer);
        }
        Self { memory, queue, room: Arc::new(Semaphore::new(READS)) }
    }

    /// How many reads wait for their commit, or are being committed.
    pub fn waiting(&self) -> usize {
        READS.saturating_sub(self.room.available_permits())
    }

    /// Waits until an answer's reads are recorded; returns the lending counter at that commit. If it differs from `revision`,
    /// under which the answer was prepared, nothing was recorded. An answer without keys (304) is checked in the same way. `None`
    /// if the reads could not be recorded.
    pub async fn record(&self, reads: Vec<KeyRead>, revision: i64) -> Option<i64> {
        let (done, current) = oneshot::channel();
        let n = u32::try_from(reads.len().max(1)).ok()?;
        let room = Arc::clone(&self.room).try_acquire_many_owned(n).ok()?;
        self.queue.try_send(Waiting { reads, revision, done: Some(done), room: Some(room) }).ok()?;
        current.await.ok()
    }
}

/// Runs the writer of an SQLite database on a thread of its own: a task that another thread wakes must wait for the tasks that are
/// already runnable, and here every answer would wait with it.
fn on_its_own_thread(writer: impl Future<Output = ()> + Send + 'static) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime without I/O needs nothing of the system");
    let thread = std::thread::Builder::new().name("lending-record".to_owned());
    // It logs to where its caller logs.
    let log = tracing::dispatcher::get_default(Clone::clone);
    let run = move || tracing::dispatcher::with_default(&log, || runtime.block_on(writer));
    thread.spawn(run).expect("the system has a thread for us when we start");
}
