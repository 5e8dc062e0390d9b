//! Who waits for news in this process, and the one look at the database that serves them all.
//!
//! What happens here is seen at once, because whoever writes an event says so. What another process writes is seen by
//! looking, twice a second, while anybody waits. Nobody is told what happened: they read for themselves.
//!
//! PostgreSQL's `NOTIFY` would save half a second between replicas, but SQLite would still need this.

use std::collections::HashMap;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::domain::{EventId, TokenId};
use crate::live::worker::{Plan, Worker, Workers, supervise};
use crate::storage::{Db, events};

/// How many may wait at a time in one process: each holds a connection.
pub const PLACES: usize = 1_000;
/// How many of them with one token, so that one service does not take the places of all others.
pub const PLACES_OF_ONE: usize = 50;
/// The longest pause between two looks: what another process writes is seen within it.
const LONGEST: Duration = Duration::from_millis(500);
/// The first pause after an event was written here: its transaction has yet to end.
const SHORTEST: Duration = Duration::from_millis(5);

/// Who waits for news in this process. Cheap to clone.
#[derive(Clone)]
pub struct Feed(Arc<Shared>);

struct Shared {
    seen: watch::Sender<Seen>,
    /// Whether somebody looks at the database.
    looking: AtomicBool,
    places: Mutex<HashMap<TokenId, usize>>,
    worker: Worker,
}

/// This worker.
const WORKER: Plan = Plan::new("event feed", "twice a second while a request waits for events");

#[derive(Debug, Clone, Copy)]
struct Seen {
    newest: EventId,
    /// Nobody is to wait any longer.
    over: bool,
}

/// All places are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowded {
    /// Those that one token may take.
    ByOne,
    ByAll,
}

impl Feed {
    /// Nobody waits yet.
    pub fn new(workers: &Workers) -> Self {
        let (seen, _) = watch::channel(Seen { newest: EventId::BEGINNING, over: false });
        let (looking, places, worker) = (AtomicBool::new(false), Mutex::default(), workers.enter(WORKER));
        Self(Arc::new(Shared { seen, looking, places, worker }))
    }

    /// Takes a place among those who wait, until it is dropped.
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

    /// Begins to look out for news; needs a tokio runtime. Whoever reads after this misses nothing.
    pub fn watch(&self, db: &Db) -> Watcher {
        let watcher = Watcher(self.0.seen.subscribe());
        if !self.0.looking.swap(true, Ordering::AcqRel) {
            let (shared, db) = (Arc::clone(&self.0), db.clone());
            let begin = move || look(Arc::clone(&shared), db.clone());
            tokio::spawn(supervise(self.0.worker.clone(), pending(), begin));
        }
        watcher
    }

    /// How many look out for news now.
    pub fn waiting(&self) -> usize {
        self.0.seen.receiver_count()
    }

    /// Nobody is to wait any longer.
    pub fn end(&self) {
        self.0.seen.send_modify(|seen| seen.over = true);
    }
}

/// One who looks out for news.
pub struct Watcher(watch::Receiver<Seen>);

impl Watcher {
    /// Waits until there is an event after `after`; false when nobody is to wait any longer.
    pub async fn beyond(&mut self, after: EventId) -> bool {
        let seen = self.0.wait_for(|seen| seen.over || seen.newest > after).await;
        seen.is_ok_and(|seen| !seen.over)
    }
}

/// A place among those who wait.
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

/// Looks for as long as anybody wants to know.
async fn look(shared: Arc<Shared>, db: Db) {
    let mut pause = LONGEST;
    loop {
        // From before the look on: what is written while it lasts is looked for once more.
        let changed = events::changed();
        match events::newest(&db).await {
            Ok(newest) => {
                // A server that was behind when it took over knows fewer events: what memory has seen of others is gone.
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
            // Somebody may have come in between, and have found that there is one who looks.
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
