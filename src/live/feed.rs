//! Requests that wait for new events in this process, and the one poll of the database that wakes them all.
//!
//! Events written by this process wake them at once. Events written by another process are found by polling, twice a second, while
//! any request waits. A waiter learns only that there is something new, and reads the events itself.
//!
//! PostgreSQL's `NOTIFY` would save half a second between replicas, but SQLite would still need this.

use std::collections::HashMap;
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::domain::{EventId, TokenId};
use crate::live::worker::{Plan, Worker, Workers, supervise};
use crate::storage::{Db, events};

/// The most requests that wait at a time in one process: each holds a connection.
pub const PLACES: usize = 1_000;
/// The most of them with one token, so that one service does not use all places.
pub const PLACES_OF_ONE: usize = 50;
/// The longest pause between two polls: the delay after which another process's events are seen.
const LONGEST: Duration = Duration::from_millis(500);
/// The first pause after an event was written here: its transaction has not committed yet.
const SHORTEST: Duration = Duration::from_millis(5);

/// The requests of this process that wait for events. Cheap to clone.
#[derive(Clone)]
pub struct Feed(Arc<Shared>);

struct Shared {
    seen: watch::Sender<Seen>,
    /// Whether the poll is running.
    looking: AtomicBool,
    places: Mutex<HashMap<TokenId, usize>>,
    waiting: AtomicUsize,
    worker: Worker,
}

const WORKER: Plan = Plan::new("event feed", "twice a second while a request waits for events");

#[derive(Debug, Clone, Copy)]
struct Seen {
    newest: EventId,
    /// The process is shutting down: waiting has ended.
    over: bool,
}

/// No request may wait any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowded {
    /// The token already uses as many places as one may.
    ByOne,
    ByAll,
}

impl Feed {
    /// Creates a feed for which nothing waits.
    pub fn new(workers: &Workers) -> Self {
        let (seen, _) = watch::channel(Seen { newest: EventId::BEGINNING, over: false });
        let (looking, places, worker) = (AtomicBool::new(false), Mutex::default(), workers.enter(WORKER));
        Self(Arc::new(Shared { seen, looking, places, waiting: AtomicUsize::default(), worker }))
    }

    /// Takes one of the places for requests that wait.
    pub fn enter(&self, token: &TokenId) -> Result<Place, Crowded> {
        let mut places = self.0.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.values().sum::<usize>() >= PLACES {
            return Err(Crowded::ByAll);
        }
        let mine = places.entry(token.clone()).or_default();
        if *mine >= PLACES_OF_ONE {
            return Err(Crowded::ByOne);
        }
        *mine += 1;
        Ok(Place { shared: Arc::clone(&self.0), token: token.clone() })
    }

    /// Returns a watcher, and starts the poll if it is not running; needs a tokio runtime. A caller that reads events after this misses
    /// none.
    pub fn watch(&self, db: &Db) -> Watcher {
        let watcher = Watcher { seen: self.0.seen.subscribe(), shared: Arc::clone(&self.0) };
        if !self.0.looking.swap(true, Ordering::AcqRel) {
            let (shared, db) = (Arc::clone(&self.0), db.clone());
            let begin = move || look(Arc::clone(&shared), db.clone());
            tokio::spawn(supervise(self.0.worker.clone(), pending(), begin));
        }
        watcher
    }

    /// How many requests have read all events that there are, and wait for more.
    pub fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::Acquire)
    }

    /// Ends all waiting, at shutdown.
    pub fn end(&self) {
        self.0.seen.send_modify(|seen| seen.over = true);
    }
}

/// Waits for events; see [`Feed::watch`].
pub struct Watcher {
    seen: watch::Receiver<Seen>,
    shared: Arc<Shared>,
}

/// Counts a watcher that waits, until dropped.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn on(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::AcqRel);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Watcher {
    /// Waits until there is an event after `after`; returns false at shutdown.
    pub async fn beyond(&mut self, after: EventId) -> bool {
        let _waits = Waits::on(&self.shared.waiting);
        let seen = self.seen.wait_for(|seen| seen.over || seen.newest > after).await;
        seen.is_ok_and(|seen| !seen.over)
    }
}

/// A place for a request that waits; freed when dropped.
pub struct Place {
    shared: Arc<Shared>,
    token: TokenId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.shared.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mine) = places.get_mut(&self.token) {
            *mine -= 1;
            if *mine == 0 {
                places.remove(&self.token);
            }
        }
    }
}

/// Polls for as long as there are watchers.
async fn look(shared: Arc<Shared>, db: Db) {
    let mut pause = LONGEST;
    loop {
        // Subscribed before the read: an event written during the read causes another one.
        let changed = events::changed();
        match events::newest(&db).await {
            Ok(newest) => {
                // After a failover the number may be lower: a replica that was behind lacks the last events.
                let is_news =
                    shared.seen.send_if_modified(|seen| std::mem::replace(&mut seen.newest, newest) != newest);
                shared.worker.did(is_news.into(), "batches of new events");
            }
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "new events could not be read");
                shared.worker.failed_again("new events could not be read");
            }
        }
        tokio::select! {
            () = changed => {
                pause = SHORTEST;
                tokio::time::sleep(pause).await;
            }
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST),
        }
        if shared.seen.receiver_count() == 0 {
            shared.looking.store(false, Ordering::Release);
            // A watcher may have subscribed in between and found the poll running.
            if shared.seen.receiver_count() == 0 || shared.looking.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entropy::Entropy;
    use crate::domain::time::{Clock, Time};

    #[test]
    fn one_service_cannot_take_the_places_of_all_others() {
        let (feed, entropy) = (Feed::new(&Workers::new(Clock::System)), Entropy::seeded(7));
        let somebody = || TokenId::mint(Time::from_millis(1), &entropy);
        let greedy = somebody();
        let mut taken: Vec<Place> = (0..PLACES_OF_ONE).map(|_| feed.enter(&greedy).expect("a place")).collect();
        assert_eq!(feed.enter(&greedy).err(), Some(Crowded::ByOne));
        taken.pop();
        taken.push(feed.enter(&greedy).expect("the place that was left"));
        while taken.len() < PLACES {
            let other = somebody();
            taken.extend((0..PLACES_OF_ONE).map(|_| feed.enter(&other).expect("a place")));
        }
        assert_eq!(feed.enter(&somebody()).err(), Some(Crowded::ByAll));
        taken.clear();
        assert!(feed.enter(&somebody()).is_ok());
        assert!(feed.0.places.lock().unwrap().is_empty(), "nobody is remembered who has left");
    }
}
