//! Lending: tokens and stores in memory, and the queue of the lending record's writer.

mod writer;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
use crate::storage::reads::KeyRead;
use crate::storage::{Db, Error, lending};

/// The maximum number of stores in memory: about 1 KB each, allocated as they are asked for.
const STORES: usize = 100_000;
/// The maximum number of tokens in memory.
const TOKENS: usize = 1_000;
/// The counter of a memory that knows nothing.
const UNKNOWN: i64 = -1;
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

/// Tokens that work and stores that are connected, as they are at one value of the lending counter.
pub struct Memory {
    /// That value; negative while nothing is known.
    revision: AtomicI64,
    /// Held while something is added, and while what has changed is removed and the counter moves on.
    turn: Mutex<()>,
    tokens: Cache<Fingerprint, Arc<ServiceToken>>,
    /// Connected stores.
    stores: Cache<StoreId, Arc<Lendable>>,
    /// The only store of a merchant.
    users: Cache<UserId, StoreId>,
}

/// A connected store with its sealed key.
pub struct Lendable {
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
            revision: AtomicI64::new(UNKNOWN),
            turn: Mutex::default(),
            tokens: Cache::new(TOKENS),
            stores: Cache::new(STORES),
            users: Cache::new(STORES),
        }
    }
}

impl Memory {
    /// The lending counter of everything in memory; `None` while nothing is known. Look up after this, never before: what is found is
    /// then as it was at this value or a later one, and [`Lending::record`] refuses an answer if the counter is no longer this.
    pub fn revision(&self) -> Option<i64> {
        Some(self.revision.load(Ordering::Acquire)).filter(|revision| *revision > UNKNOWN)
    }

    /// A token that works, unless it has expired.
    pub fn token(&self, fingerprint: &Fingerprint) -> Option<Arc<ServiceToken>> {
        self.tokens.get(fingerprint)
    }

    /// A connected store.
    pub fn store(&self, id: &StoreId) -> Option<Arc<Lendable>> {
        self.stores.get(id)
    }

    /// The only store of a merchant.
    pub fn store_of(&self, user: &UserId) -> Option<StoreId> {
        self.users.get(user)
    }

    /// Adds a token that was read under this counter.
    pub fn add_token(&self, revision: i64, fingerprint: Fingerprint, token: &Arc<ServiceToken>) {
        self.add(revision, || self.tokens.insert(fingerprint, Arc::clone(token)));
    }

    /// Adds a store that was read under this counter.
    pub fn add_store(&self, revision: i64, store: &Arc<Lendable>) {
        self.add(revision, || self.stores.insert(store.store.id.clone(), Arc::clone(store)));
    }

    /// Adds a merchant's only store that was read under this counter.
    pub fn add_store_of(&self, revision: i64, user: &UserId, store: &StoreId) {
        self.add(revision, || self.users.insert(user.clone(), store.clone()));
    }

    /// Adds what was read under the counter that memory has; anything else might have changed meanwhile.
    fn add(&self, revision: i64, insert: impl FnOnce()) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.revision() == Some(revision) {
            insert();
        }
    }

    /// Removes what has changed in the database, so that memory is as of the newest lending counter.
    ///
    /// # Errors
    ///
    /// The database failed; memory is unchanged.
    pub async fn catch_up(&self, db: &Db) -> Result<(), Error> {
        let before = self.revision.load(Ordering::Acquire);
        let changes = lending::changes(db, before).await?;
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have been here first.
        if self.revision.load(Ordering::Acquire) == before {
            self.remove(changes.known);
            // Last: who reads this counter must not find what was removed.
            self.revision.store(changes.revision, Ordering::Release);
        }
        Ok(())
    }

    fn remove(&self, changed: Option<Vec<Option<(UserId, StoreId)>>>) {
        let Some(changed) = changed else {
            self.tokens.clear();
            self.stores.clear();
            self.users.clear();
            return;
        };
        for change in changed {
            match change {
                Some((user, store)) => {
                    self.users.remove(&user);
                    self.stores.remove(&store);
                }
                None => self.tokens.clear(),
            }
        }
    }

    /// Clears memory: the database may no longer be what it was.
    fn forget(&self) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.revision.store(UNKNOWN, Ordering::Release);
        self.remove(None);
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
