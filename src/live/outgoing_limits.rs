//! Limits on the requests of this process to stores: in total, and per host. Thousands of stores may share a host, as the
//! sub-directories of a multisite do; they take turns.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::single_flight::SingleFlight;
use crate::domain::Instant;

/// The watch's limits per process. They, and not the number of stores, bound its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Concurrent scheduled checks, each with one connection (64).
    pub places: usize,
    /// Concurrent checks that a caller waits for (32); more wait their turn.
    pub demanded: usize,
    /// How long a caller waits for a turn (4 s). With the check itself, it is less than the timeout of a service.
    pub patience: Duration,
    /// Scheduled checks that may start per second (100). If there are too many stores, the interval between checks grows.
    pub per_second: u32,
    /// Scheduled checks whose results are saved concurrently (2).
    pub keeping: usize,
    /// How long all requests of one check may take together (25 s): less than the timeout of a service, so that a slow store is
    /// recorded as slow.
    pub within: Duration,
    /// How long a store may take to begin its answer to a service's call, including the time to receive the request (1 min).
    pub call_within: Duration,
    /// The longest sleep of the worker (10 s): changes to the schedule by another replica do not wake it.
    pub look_again: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            places: 64,
            demanded: 32,
            patience: Duration::from_secs(4),
            per_second: 100,
            keeping: 2,
            within: Duration::from_secs(25),
            call_within: Duration::from_mins(1),
            look_again: Duration::from_secs(10),
        }
    }
}

/// The checks in progress in this process, and their limits. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OutgoingLimits {
    pub limits: Limits,
    /// Permits for checks that a caller waits for.
    pub demanded: Arc<Semaphore>,
    /// Permits to save the result of a scheduled check.
    pub keeping: Arc<Semaphore>,
    pub hosts: Hosts,
    /// The checks that callers wait for.
    pub single_flight: SingleFlight,
    /// Permits to hold a large answer of a store in memory, to rewrite it for the service that called.
    pub whole: Arc<Semaphore>,
}

impl OutgoingLimits {
    /// Limits with nothing in progress.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            demanded: Arc::new(Semaphore::new(limits.demanded)),
            keeping: Arc::new(Semaphore::new(limits.keeping)),
            hosts: Hosts::default(),
            single_flight: SingleFlight::default(),
            whole: Arc::new(Semaphore::new(WHOLE)),
        }
    }

    /// The places of a host, shared by everything that sends requests to it.
    pub fn places(&self, host: &str, now: Instant) -> Arc<Semaphore> {
        self.hosts.places(host, now)
    }

    /// How many concurrent checks callers may wait for.
    pub fn demanded(&self) -> usize {
        self.limits.demanded
    }
}

impl Default for OutgoingLimits {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

/// Concurrent requests to one host, for whatever reason (docs/protocol/wc-auth.md §7.7).
pub const AT_A_TIME: usize = 2;
/// Large answers in memory at a time; with [`WHOLE_AT_MOST`] each, these are 64 MiB.
const WHOLE: usize = 16;
/// The largest answer that is rewritten, in bytes.
pub const WHOLE_AT_MOST: usize = 4 * 1024 * 1024;
/// The time between the starts of two scheduled checks of one host.
const PACE: Duration = Duration::from_millis(500);
/// The most hosts kept in memory.
const MOST: usize = 1_024;

/// The hosts that are being asked, or asked us to stay away; each process has its own. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Hosts(Arc<Mutex<HashMap<String, Host>>>);

#[derive(Debug)]
struct Host {
    places: Arc<Semaphore>,
    /// No scheduled check starts before this.
    not_before: Instant,
    /// The time assigned to the last store that had to wait.
    tail: Instant,
}

/// Whether a store of a host may be asked now.
pub enum Turn {
    /// The check may run for as long as this is held.
    Now(OwnedSemaphorePermit),
    /// The check must wait for this long.
    Later(Duration),
}

impl Hosts {
    /// Takes a turn for a scheduled check of the host `name`, or returns how long that store must wait; each gets a time of its own.
    pub fn turn(&self, name: &str, now: Instant) -> Turn {
        self.at(name, now, |host| {
            if host.not_before <= now
                && let Ok(place) = Arc::clone(&host.places).try_acquire_owned()
            {
                host.not_before = now.plus(PACE);
                return Turn::Now(place);
            }
            host.tail = host.tail.max(host.not_before).max(now).plus(PACE);
            Turn::Later(host.tail.since(now))
        })
    }

    /// The places of the host `name`.
    pub fn places(&self, name: &str, now: Instant) -> Arc<Semaphore> {
        self.at(name, now, |host| Arc::clone(&host.places))
    }

    /// Records that the host asked for a pause.
    pub fn stay_away(&self, name: &str, pause: Duration, now: Instant) {
        self.at(name, now, |host| host.not_before = host.not_before.max(now.plus(pause)));
    }

    /// How long the pause still lasts that the host asked for; `None` if it is no longer than the pace of checks.
    pub fn pause(&self, name: &str, now: Instant) -> Option<Duration> {
        let hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let not_before = hosts.get(name)?.not_before;
        (not_before > now.plus(PACE)).then(|| not_before.since(now))
    }

    fn at<T>(&self, name: &str, now: Instant, look: impl FnOnce(&mut Host) -> T) -> T {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() >= MOST && !hosts.contains_key(name) {
            hosts.retain(|_, host| host.is_used() || host.not_before.max(host.tail) > now);
            if hosts.len() >= MOST {
                // A host that asked for a pause may then be contacted too early; the store's own due time still holds.
                hosts.retain(|_, host| host.is_used());
            }
        }
        let begin = || Host { places: Arc::new(Semaphore::new(AT_A_TIME)), not_before: now, tail: now };
        look(hosts.entry(name.to_owned()).or_insert_with(begin))
    }
}

impl Host {
    /// Whether a request to it is in progress or waiting.
    fn is_used(&self) -> bool {
        Arc::strong_count(&self.places) > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_millis(1_790_000);

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn at(millis: u64) -> Instant {
        NOW.plus(ms(millis))
    }

    #[test]
    fn two_at_a_time_and_none_before_the_pace_allows_it() {
        let hosts = Hosts::default();
        let Turn::Now(first) = hosts.turn("a", NOW) else { panic!("the first") };
        let later = |now| match hosts.turn("a", now) {
            Turn::Later(pause) => pause,
            Turn::Now(_) => panic!("not now"),
        };
        assert_eq!(later(NOW), ms(1_000));
        assert_eq!(later(NOW), ms(1_500), "each is given a time of its own");
        let Turn::Now(second) = hosts.turn("a", at(500)) else { panic!("the second") };
        assert_eq!(later(at(1_000)), ms(1_000), "both places are taken");
        drop(first);
        assert!(matches!(hosts.turn("a", at(1_000)), Turn::Now(_)));
        assert!(matches!(hosts.turn("b", NOW), Turn::Now(_)), "another host is another matter");
        drop(second);
    }

    #[test]
    fn a_host_that_asked_for_patience_is_left_alone() {
        let hosts = Hosts::default();
        drop(hosts.turn("a", NOW));
        assert!(hosts.pause("a", NOW).is_none(), "the pace is no request");
        hosts.stay_away("a", ms(600_000), NOW);
        assert!(hosts.pause("a", NOW).is_some() && hosts.pause("b", NOW).is_none());
        assert_eq!(hosts.pause("a", at(100)), Some(ms(599_900)));
        assert!(matches!(hosts.turn("a", at(599_999)), Turn::Later(pause) if pause > ms(1)));
        assert!(matches!(hosts.turn("a", at(600_000)), Turn::Now(_)));
    }

    #[test]
    fn what_is_remembered_is_bounded_whatever_hosts_ask_for() {
        let hosts = Hosts::default();
        let Turn::Now(held) = hosts.turn("held", NOW) else { panic!("the first") };
        for n in 0..5_000 {
            hosts.stay_away(&n.to_string(), ms(86_400_000), NOW);
        }
        let known = hosts.0.lock().unwrap();
        assert!(known.len() <= MOST, "{}", known.len());
        assert!(known.contains_key("held"), "one that is being asked is not forgotten");
        drop(held);
    }
}
