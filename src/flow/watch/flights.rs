//! Flights: many who want to know of one store at once are told what one check finds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::domain::id::StoreId;
use crate::domain::time::Instant;

/// A check that ended no longer ago than this answers a service that asks for another.
pub const FRESH_FOR: Duration = Duration::from_secs(5);
/// So many ended checks are remembered before the old ones are thrown out.
const MANY: usize = 256;

/// The checks that somebody waits for, and those that have just ended. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<StoreId, Flight>>>);

#[derive(Debug)]
enum Flight {
    /// Under way; its end closes the channel.
    Asking(watch::Receiver<()>),
    /// Ended.
    Asked(Instant),
}

/// What somebody who wants to know of a store does.
pub(super) enum Seat {
    /// Asks it; others wait until this is dropped.
    Pilot(Pilot),
    /// Waits for who is asking.
    Passenger(watch::Receiver<()>),
    /// Takes what has just been found.
    Known,
}

/// Asks on behalf of all that wait.
pub(super) struct Pilot {
    flights: Flights,
    store: StoreId,
    /// When it landed; `None` when it was given up on the way.
    landed: Option<Instant>,
    _ended: watch::Sender<()>,
}

impl Flights {
    /// A seat for a check of `store`. `takes_known`: what was found just before `now` is enough.
    pub fn board(&self, store: &StoreId, now: Instant, takes_known: bool) -> Seat {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match flights.get(store) {
            Some(Flight::Asking(end)) => return Seat::Passenger(end.clone()),
            Some(Flight::Asked(at)) if takes_known && is_fresh(*at, now) => return Seat::Known,
            _ => {}
        }
        if flights.len() >= MANY {
            flights.retain(|_, flight| match flight {
                Flight::Asking(_) => true,
                Flight::Asked(at) => is_fresh(*at, now),
            });
        }
        let (ended, end) = watch::channel(());
        flights.insert(store.clone(), Flight::Asking(end));
        Seat::Pilot(Pilot { flights: self.clone(), store: store.clone(), landed: None, _ended: ended })
    }

    /// Whether somebody is asking the store.
    pub fn is_asking(&self, store: &StoreId) -> bool {
        let flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(flights.get(store), Some(Flight::Asking(_)))
    }
}

impl Pilot {
    /// What was found is kept: who waits can look at it.
    pub fn land(mut self, at: Instant) {
        self.landed = Some(at);
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        let mut flights = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        match self.landed {
            Some(at) => flights.insert(self.store.clone(), Flight::Asked(at)),
            None => flights.remove(&self.store),
        };
    }
}

fn is_fresh(at: Instant, now: Instant) -> bool {
    now.since(at) < FRESH_FOR
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entropy::Entropy;
    use crate::domain::time::Time;

    #[tokio::test]
    async fn one_asks_and_the_others_wait_for_it() {
        let flights = Flights::default();
        let now = Instant::from_millis(1_790_000);
        let [one, other] = [1, 2].map(|seed| StoreId::mint(Time::from_millis(1), &Entropy::seeded(seed)));
        let Seat::Pilot(pilot) = flights.board(&one, now, true) else { panic!("nobody asks yet") };
        let Seat::Passenger(mut end) = flights.board(&one, now, true) else { panic!("somebody asks") };
        assert!(matches!(flights.board(&other, now, true), Seat::Pilot(_)), "another store is another matter");
        assert!(flights.is_asking(&one) && !flights.is_asking(&other));
        pilot.land(now);
        assert!(end.changed().await.is_err(), "the end is told");
        assert!(matches!(flights.board(&one, now, true), Seat::Known));
        assert!(matches!(flights.board(&one, now.plus(FRESH_FOR), true), Seat::Pilot(_)), "that is too old");
        assert!(matches!(flights.board(&one, now, false), Seat::Pilot(_)));
    }

    #[tokio::test]
    async fn a_check_that_was_given_up_leaves_nothing_behind() {
        let flights = Flights::default();
        let now = Instant::from_millis(1_790_000);
        let store = StoreId::mint(Time::from_millis(1), &Entropy::seeded(1));
        let Seat::Pilot(pilot) = flights.board(&store, now, true) else { panic!("nobody asks yet") };
        let Seat::Passenger(mut end) = flights.board(&store, now, true) else { panic!("somebody asks") };
        drop(pilot);
        assert!(end.changed().await.is_err());
        assert!(matches!(flights.board(&store, now, true), Seat::Pilot(_)));
    }
}
