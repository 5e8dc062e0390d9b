//! Hosts: thousands of stores may live on one, as the sub-directories of a multisite, and are asked in turn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::time::Time;

/// Checks of one host at a time (wc-auth.md §7.7).
pub const AT_A_TIME: usize = 2;
/// The time between the beginnings of two scheduled checks of one host.
const PACE: Duration = Duration::from_millis(500);
/// The most hosts of which anything is remembered.
const MOST: usize = 1_024;

/// A clock that goes back further than this was wrong, and so are the times that it gave.
const JUMP: Duration = Duration::from_mins(1);

/// The hosts that are being asked, or asked us to stay away; each process has its own. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Hosts(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    hosts: HashMap<String, Host>,
    /// The latest time that the clock has shown.
    latest: Option<Time>,
}

#[derive(Debug)]
struct Host {
    places: Arc<Semaphore>,
    /// Before this no scheduled check begins.
    not_before: Time,
    /// The time that was given to the last store that had to wait.
    tail: Time,
}

/// Whether a store of a host may be asked now.
pub(super) enum Turn {
    /// Yes, for as long as this is held.
    Now(OwnedSemaphorePermit),
    /// Not before then.
    Later(Time),
}

impl Hosts {
    /// A turn for a scheduled check of `name`. Who must wait is given a time of their own.
    pub fn turn(&self, name: &str, now: Time) -> Turn {
        self.at(name, now, |host| {
            if host.not_before <= now
                && let Ok(place) = Arc::clone(&host.places).try_acquire_owned()
            {
                host.not_before = now.plus(PACE);
                return Turn::Now(place);
            }
            host.tail = host.tail.max(host.not_before).max(now).plus(PACE);
            Turn::Later(host.tail)
        })
    }

    /// The places of `name`, for somebody who waits for their turn.
    pub fn places(&self, name: &str, now: Time) -> Arc<Semaphore> {
        self.at(name, now, |host| Arc::clone(&host.places))
    }

    /// The host asked us to stay away until `until`.
    pub fn stay_away(&self, name: &str, until: Time, now: Time) {
        self.at(name, now, |host| host.not_before = host.not_before.max(until));
    }

    /// Whether the host asked us to stay away, for longer than the pace of checks would.
    pub fn is_shut(&self, name: &str, now: Time) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.look_at_the_clock(now);
        known.hosts.get(name).is_some_and(|host| host.not_before > now.plus(PACE))
    }

    fn at<T>(&self, name: &str, now: Time, look: impl FnOnce(&mut Host) -> T) -> T {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.look_at_the_clock(now);
        let hosts = &mut known.hosts;
        if hosts.len() >= MOST && !hosts.contains_key(name) {
            hosts.retain(|_, host| host.is_used() || host.not_before.max(host.tail) > now);
            if hosts.len() >= MOST {
                // Who asked for patience is asked too early then; the store's own time still holds.
                hosts.retain(|_, host| host.is_used());
            }
        }
        let begin = || Host { places: Arc::new(Semaphore::new(AT_A_TIME)), not_before: now, tail: now };
        look(hosts.entry(name.to_owned()).or_insert_with(begin))
    }
}

impl Known {
    /// Forgets the times that hosts were given, when the clock that gave them was wrong.
    fn look_at_the_clock(&mut self, now: Time) {
        if self.latest.is_some_and(|latest| latest > now.plus(JUMP)) {
            for host in self.hosts.values_mut() {
                (host.not_before, host.tail) = (now, now);
            }
            self.latest = None;
        }
        self.latest = self.latest.max(Some(now));
    }
}

impl Host {
    /// Whether somebody asks it or waits for it.
    fn is_used(&self) -> bool {
        Arc::strong_count(&self.places) > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_790_000_000_000);

    fn at(millis: u64) -> Time {
        NOW.plus(Duration::from_millis(millis))
    }

    #[test]
    fn two_at_a_time_and_none_before_the_pace_allows_it() {
        let hosts = Hosts::default();
        let Turn::Now(first) = hosts.turn("a", NOW) else { panic!("the first") };
        let later = |now| match hosts.turn("a", now) {
            Turn::Later(time) => time,
            Turn::Now(_) => panic!("not now"),
        };
        assert_eq!(later(NOW), at(1_000));
        assert_eq!(later(NOW), at(1_500), "each is given a time of its own");
        let Turn::Now(second) = hosts.turn("a", at(500)) else { panic!("the second") };
        assert_eq!(later(at(1_000)), at(2_000), "both places are taken");
        drop(first);
        assert!(matches!(hosts.turn("a", at(1_000)), Turn::Now(_)));
        assert!(matches!(hosts.turn("b", NOW), Turn::Now(_)), "another host is another matter");
        drop(second);
    }

    #[test]
    fn a_host_that_asked_for_patience_is_left_alone() {
        let hosts = Hosts::default();
        drop(hosts.turn("a", NOW));
        assert!(!hosts.is_shut("a", NOW), "the pace is no request");
        hosts.stay_away("a", at(600_000), NOW);
        assert!(hosts.is_shut("a", NOW) && !hosts.is_shut("b", NOW));
        assert!(matches!(hosts.turn("a", at(599_999)), Turn::Later(time) if time > at(600_000)));
        assert!(matches!(hosts.turn("a", at(600_000)), Turn::Now(_)));
    }

    #[test]
    fn what_is_remembered_is_bounded_whatever_hosts_ask_for() {
        let hosts = Hosts::default();
        let Turn::Now(held) = hosts.turn("held", NOW) else { panic!("the first") };
        for n in 0..5_000 {
            hosts.stay_away(&n.to_string(), at(86_400_000), NOW);
        }
        let known = &hosts.0.lock().unwrap().hosts;
        assert!(known.len() <= MOST, "{}", known.len());
        assert!(known.contains_key("held"), "one that is being asked is not forgotten");
        drop(held);
    }

    #[test]
    fn what_a_wrong_clock_said_is_forgotten_when_it_is_set_right() {
        let hosts = Hosts::default();
        let wrong = at(86_400_000);
        drop(hosts.turn("a", wrong));
        assert!(matches!(hosts.turn("a", wrong), Turn::Later(_)));
        hosts.stay_away("b", wrong, wrong);
        assert!(!hosts.is_shut("b", NOW));
        assert!(matches!(hosts.turn("a", NOW), Turn::Now(_)));
        assert!(matches!(hosts.turn("b", NOW), Turn::Now(_)));
    }
}
