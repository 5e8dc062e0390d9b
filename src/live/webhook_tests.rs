//! Webhook tests: limits how many run at a time in this process. Each waits up to fifteen seconds for a receiver.

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::WebhookId;

/// The most tests at a time.
pub const PLACES: usize = 16;
/// The most of them of one webhook, so that one that hangs does not use all places.
pub const PLACES_OF_ONE: usize = 2;

/// The tests that are running. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct WebhookTests(Arc<Mutex<Vec<WebhookId>>>);

/// A place that is held until it is dropped.
#[derive(Debug)]
pub struct Place {
    running: WebhookTests,
    id: WebhookId,
}

impl WebhookTests {
    /// Takes a place for a test of a webhook; `None` if all that it may have are taken.
    pub fn enter(&self, id: &WebhookId) -> Option<Place> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_one = running.iter().filter(|other| *other == id).count();
        if running.len() >= PLACES || of_one >= PLACES_OF_ONE {
            return None;
        }
        running.push(id.clone());
        Some(Place { running: self.clone(), id: id.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut running = self.running.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = running.iter().position(|id| *id == self.id) {
            running.swap_remove(at);
        }
    }
}
