//! What failed writes reveal about the next ones: whether they will be durable, and whether the server accepts writes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::error::Error;

/// Whether writes are durable: in doubt after a failed write, until a write that began later is durable.
#[derive(Debug, Clone, Default)]
pub(super) struct Doubt(Arc<Doubts>);

#[derive(Debug, Default)]
struct Doubts {
    failed: AtomicU64,
    /// How many of those were followed by a durable write.
    answered: AtomicU64,
    new: Notify,
}

impl Doubt {
    /// Records the error of a write that is not retried.
    pub(super) fn judge(&self, error: &Error) {
        // Without a connection, nothing was written; readiness checks for one itself.
        if !error.is_worth_waiting_for() || error.is_of_full_pool() {
            return;
        }
        let was_there = self.is_there();
        self.0.failed.fetch_add(1, Ordering::AcqRel);
        self.0.new.notify_waiters();
        if !was_there {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "a write could not be made durable: not ready until a write succeeds"
            );
        }
    }

    pub(super) fn is_there(&self) -> bool {
        self.0.failed.load(Ordering::Acquire) != self.0.answered.load(Ordering::Acquire)
    }

    /// Waits until there is doubt.
    pub(super) async fn comes(&self) {
        loop {
            let new = self.0.new.notified();
            if self.is_there() {
                return;
            }
            new.await;
        }
    }

    /// How many writes have failed so far.
    pub(super) fn seen(&self) -> u64 {
        self.0.failed.load(Ordering::Acquire)
    }

    /// Records a durable write that began after `seen` writes had failed.
    pub(super) fn ends(&self, seen: u64) {
        let before = self.0.answered.fetch_max(seen, Ordering::AcqRel);
        if before < seen && !self.is_there() {
            tracing::info!("writes are durable again");
        }
    }
}

/// When a server last refused a write because it is read-only. Connections opened before then may lead to the former
/// primary, and are not used again.
#[derive(Debug, Clone, Default)]
pub(super) struct Failover(Arc<Mutex<Option<Instant>>>);

impl Failover {
    /// Retires every existing connection if the server that answered is read-only.
    pub(super) fn judge(&self, error: &Error) {
        if error.is_of_failover() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }

    /// Whether a connection of this age was opened since.
    pub(super) fn outlives(&self, age: Duration) -> bool {
        let seen = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.is_none_or(|seen| age < seen.elapsed())
    }
}
