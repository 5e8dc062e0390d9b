//! Lending: what is remembered of tokens and stores, and the writer of the record.

mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use quick_cache::sync::Cache;
use tokio::sync::{mpsc, oneshot};

use self::writer::{QUEUE, Waiting};
use super::worker::Workers;
use crate::domain::id::{KeyId, StoreId};
use crate::domain::secret::Fingerprint;
use crate::domain::store::Store;
use crate::domain::time::Time;
use crate::domain::token::ServiceToken;
use crate::domain::user_id::UserId;
use crate::storage::Db;
use crate::storage::reads::KeyRead;

/// Stores remembered: about 1 KB each.
const STORES: usize = 10_000;
/// Tokens remembered.
const TOKENS: usize = 1_000;
/// What memory knows, and the way to the writer of the record. Cheap to clone.
#[derive(Clone)]
pub struct Lending {
    /// What is known.
    pub memory: Arc<Memory>,
    queue: mpsc::Sender<Waiting>,
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
    /// The id of its key.
    pub key_id: KeyId,
    /// The key's version.
    pub version: i64,
    /// The key, sealed.
    pub sealed: Vec<u8>,
    /// When it was proven.
    pub issued_at: Time,
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
    /// Whether what was read under this lending counter still holds, as far as memory knows.
    pub fn is_current(&self, revision: i64) -> bool {
        self.revision.load(Ordering::Acquire) == revision
    }

    /// Takes over a lending counter that was read beside something else.
    pub fn saw(&self, revision: i64) {
        self.revision.fetch_max(revision, Ordering::AcqRel);
    }

    /// Takes over the counter that the writer read. One that is lower than memory's comes from a server that was behind when it
    /// took over, or from a restored backup: what memory holds happened in a history that is gone.
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
    pub fn start(db: Db, workers: &Workers) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let memory = Arc::new(Memory::default());
        tokio::spawn(writer::run(db, Arc::clone(&memory), workers.enter(writer::WORKER), waiting));
        Self { memory, queue }
    }

    /// Waits until what an answer lends is on record; returns the lending counter at that commit. When it differs from
    /// `revision`, under which the answer was made, nothing was recorded. An answer that lends nothing (304) is checked alike.
    /// `None` if it could not be recorded.
    pub async fn record(&self, reads: Vec<KeyRead>, revision: i64) -> Option<i64> {
        let (done, current) = oneshot::channel();
        self.queue.try_send(Waiting { reads, revision, done: Some(done) }).ok()?;
        current.await.ok()
    }
}
