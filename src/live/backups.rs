//! What this process knows of its scheduled backups.

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::time::Time;

/// The newest backup in the folder, and the newest failure since. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Backups(Arc<Mutex<Known>>);

/// What is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    /// Whether the folder was looked through.
    pub looked: bool,
    /// When the newest complete backup in it was begun.
    pub newest: Option<Time>,
    /// When one failed, if none has succeeded since.
    pub failed: Option<Time>,
}

impl Backups {
    /// What is known now.
    pub fn known(&self) -> Known {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what the folder shows.
    pub fn found(&self, newest: Option<Time>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.failed = known.failed.filter(|failed| newest.is_none_or(|newest| newest <= *failed));
        (known.looked, known.newest) = (true, newest);
    }

    /// Notes a failure.
    pub fn failed(&self, at: Time) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).failed = Some(at);
    }
}
