//! What this process knows about its scheduled backups.

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::Time;

/// The newest backup in the folder, and the newest failure since. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Backups(Arc<Mutex<Known>>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    /// Whether the folder was read.
    pub looked: bool,
    /// When the newest complete backup in it was begun.
    pub newest: Option<Time>,
    /// When the last failure was, if no backup has succeeded since.
    pub failed: Option<Time>,
}

impl Backups {
    pub fn known(&self) -> Known {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the newest backup in the folder.
    pub fn found(&self, newest: Option<Time>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.failed = known.failed.filter(|failed| newest.is_none_or(|newest| newest <= *failed));
        (known.looked, known.newest) = (true, newest);
    }

    pub fn failed(&self, at: Time) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).failed = Some(at);
    }
}
