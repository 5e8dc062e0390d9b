//! The budget of the watch: what it may take of this machine, of the network, and of the hosts that it asks.
//!
//! Each process has its own. All that is kept in memory is bounded by it, and not by the number of stores.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::flights::Flights;
use crate::domain::time::Instant;
use crate::live::outgoing_limits::OutgoingLimits;

/// What the watch of one process may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Scheduled checks at a time, each of them one connection (64).
    pub places: usize,
    /// Checks at a time that somebody waits for; more wait their turn (32).
    pub demanded: usize,
    /// How long somebody waits for a turn (4 s). With the time of the check this is less than a service waits for its
    /// answer.
    pub patience: Duration,
    /// Scheduled checks that may begin in a second (100). With more stores than that the interval gets longer by itself.
    pub per_second: u32,
    /// Scheduled checks that write what they found at a time (2).
    pub keeping: usize,
    /// How long all questions of one check may take together (25 s): less than a service waits for the answer, so that a
    /// slow store is recorded as one.
    pub within: Duration,
    /// The longest that the worker sleeps (10 s): what another replica puts on the schedule does not wake this one.
    pub look_again: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            places: 64,
            demanded: 32,
            patience: Duration::from_secs(4),
            per_second: 100,
            keeping: 2,
            within: Duration::from_secs(25),
            look_again: Duration::from_secs(10),
        }
    }
}

/// The checks that are under way in this process, and how many may be. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Watching {
    pub(super) budget: Budget,
    pub(super) demanded: Arc<Semaphore>,
    pub(super) keeping: Arc<Semaphore>,
    pub(super) hosts: OutgoingLimits,
    pub(super) flights: Flights,
}

impl Watching {
    /// Nothing is under way yet.
    pub fn new(budget: Budget) -> Self {
        Self {
            budget,
            demanded: Arc::new(Semaphore::new(budget.demanded)),
            keeping: Arc::new(Semaphore::new(budget.keeping)),
            hosts: OutgoingLimits::default(),
            flights: Flights::default(),
        }
    }

    /// The places of a host, which all share who ask it for whatever reason.
    pub fn places(&self, host: &str, now: Instant) -> Arc<Semaphore> {
        self.hosts.places(host, now)
    }

    /// How many checks may be asked for at a time by somebody who waits for each.
    pub fn demanded(&self) -> usize {
        self.budget.demanded
    }
}

impl Default for Watching {
    fn default() -> Self {
        Self::new(Budget::default())
    }
}
