//! Import: adds existing keys from a file, each proven, at a limited rate.
//!
//! Each store is one transaction, so an import can be stopped at any point, even by kill -9, and run again: stores already
//! connected with their key are skipped without a request.

mod cells;
mod columns;
pub mod file;
mod lines;

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval};

use self::file::{Counts, Line};
use crate::app::App;
use crate::domain::{Actor, Fingerprint, Secret, StoreUrl};
use crate::flow::transfer::add_by_keys::{self, Added, Became, Manner, NewKeys};
use crate::flow::{Beneath, takes_in_beneath};
use crate::vault::fingerprint;

/// Lines that may wait for a busy host while others overtake them, so one slow host blocks nothing else.
const WAITING: usize = 256;

#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Stores tried concurrently, never two on one host.
    pub at_once: usize,
    /// The shortest time between the starts of two tries.
    pub every: Duration,
    /// Whether keys are saved or only tried.
    pub manner: Manner,
}

#[derive(Debug)]
pub enum News {
    /// The key works.
    Taken(Added),
    /// The line was rejected, for all these reasons, each with its fix.
    Refused(Vec<String>),
}

/// The number of lines by result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// New stores.
    pub connected: u64,
    /// Known stores that got another key.
    pub reconnected: u64,
    /// Stores that already used this key.
    pub same: u64,
    /// Rejected lines.
    pub refused: u64,
    /// Lines that were read but not started, because the import was stopped.
    pub unstarted: u64,
    /// Whether the import was stopped before the end of the file.
    pub stopped: bool,
}

impl Tally {
    /// The lines whose keys work.
    pub const fn taken(&self) -> u64 {
        self.connected + self.reconnected + self.same
    }

    /// Whether every row and every line of what was read has its result, so that none was lost.
    pub const fn accounts_for(&self, counts: &Counts) -> bool {
        self.taken() + self.refused + self.unstarted == counts.rows && counts.lines == counts.line_ends
    }
}

/// Why an import ends early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the file cannot be read to its end")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

/// Imports every line. Calls `tell` for each finished line with its number, the file offset of its end in bytes, and its result. On
/// `stop`, lines in progress are finished and no further ones started.
pub async fn run(
    app: &App,
    lines: impl Iterator<Item = io::Result<Line>>,
    pace: Pace,
    actor: &Actor,
    stop: watch::Receiver<bool>,
    tell: impl FnMut(u64, u64, &News),
) -> Result<Tally, Error> {
    let mut clock = interval(pace.every.max(Duration::from_millis(1)));
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut running = Running {
        app,
        pace,
        actor,
        clock: Arc::new(Mutex::new(clock)),
        seen: Seen::default(),
        waiting: VecDeque::new(),
        busy: HashSet::new(),
        tasks: JoinSet::new(),
        tally: Tally::default(),
        tell,
    };
    running.through(lines, stop).await?;
    Ok(running.tally)
}

/// A finished line: its number, the file offset of its end, its host and its result.
type Done = (u64, u64, String, Result<News, Beneath>);

struct Running<'a, T> {
    app: &'a App,
    pace: Pace,
    actor: &'a Actor,
    clock: Arc<Mutex<Interval>>,
    seen: Seen,
    waiting: VecDeque<(u64, u64, NewKeys)>,
    /// Hosts with a try in progress.
    busy: HashSet<String>,
    tasks: JoinSet<Done>,
    tally: Tally,
    tell: T,
}

impl<T: FnMut(u64, u64, &News)> Running<'_, T> {
    async fn through(
        &mut self,
        mut lines: impl Iterator<Item = io::Result<Line>>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), Error> {
        let mut is_read = false;
        loop {
            if *stop.borrow_and_update() {
                self.tally.stopped |= !is_read || !self.waiting.is_empty();
                self.tally.unstarted += self.waiting.len() as u64;
                self.waiting.clear();
                is_read = true;
            }
            while !is_read && self.waiting.len() < WAITING {
                match lines.next() {
                    Some(line) => self.take_in(line?),
                    None => is_read = true,
                }
            }
            self.begin();
            let Some(done) = (tokio::select! {
                done = self.tasks.join_next() => done,
                Ok(()) = stop.changed() => continue,
            }) else {
                if is_read && self.waiting.is_empty() {
                    return Ok(());
                }
                continue;
            };
            self.end(done.map_err(io::Error::other)?)?;
        }
    }

    fn take_in(&mut self, line: Line) {
        let Line { number, end, row } = line;
        let keys = row.and_then(|keys| match self.seen.claim(number, &keys, &keys.typed) {
            Some(other) => Err(vec![format!(
                "user_id and store_url are the same as in line {other}: keep only one of the two lines"
            )]),
            None => Ok(keys),
        });
        match keys {
            Ok(keys) => self.waiting.push_back((number, end, keys)),
            Err(faults) => self.count(number, end, &News::Refused(faults)),
        }
    }

    /// Starts lines while limits allow. Lines of one host run one after the other, in file order.
    fn begin(&mut self) {
        let mut at = 0;
        while self.tasks.len() < self.pace.at_once.max(1) && at < self.waiting.len() {
            let host = self.waiting[at].2.typed.bare_host().to_owned();
            if self.busy.contains(&host) {
                at += 1;
                continue;
            }
            let Some((number, end, keys)) = self.waiting.remove(at) else { return };
            self.busy.insert(host.clone());
            let one = One {
                app: self.app.clone(),
                actor: self.actor.clone(),
                manner: self.pace.manner,
                clock: Arc::clone(&self.clock),
                seen: self.seen.clone(),
                number,
                keys,
            };
            self.tasks.spawn(async move { (number, end, host, one.take_over().await) });
        }
    }

    fn end(&mut self, (number, end, host, result): Done) -> Result<(), Error> {
        self.busy.remove(&host);
        let news = result?;
        self.count(number, end, &news);
        Ok(())
    }

    fn count(&mut self, number: u64, end: u64, news: &News) {
        match news {
            News::Refused(_) => self.tally.refused += 1,
            News::Taken(added) => match added.became {
                Became::Connected => self.tally.connected += 1,
                Became::Reconnected => self.tally.reconnected += 1,
                Became::Same => self.tally.same += 1,
            },
        }
        (self.tell)(number, end, news);
    }
}

/// A line in progress.
struct One {
    app: App,
    actor: Actor,
    manner: Manner,
    clock: Arc<Mutex<Interval>>,
    seen: Seen,
    number: u64,
    keys: NewKeys,
}

impl One {
    async fn take_over(self) -> Result<News, Beneath> {
        match self.add().await {
            Ok(news) => Ok(news),
            Err(add_by_keys::Error::Refused { verdict, home }) => {
                Ok(News::Refused(vec![format!("{} ({})", add_by_keys::says(verdict, home.shown()), verdict.code())]))
            }
            Err(told @ (add_by_keys::Error::Better { .. } | add_by_keys::Error::NoTurn(_))) => {
                Ok(News::Refused(vec![told.to_string()]))
            }
            Err(add_by_keys::Error::Beneath(beneath)) => Err(beneath),
        }
    }

    async fn add(&self) -> Result<News, add_by_keys::Error> {
        let (app, keys) = (&self.app, &self.keys);
        if let Some(same) = add_by_keys::same(app, keys, &keys.typed).await? {
            return Ok(self.claimed(&same.home).map_or(News::Taken(same), News::Refused));
        }
        // Only lines that send requests wait for their turn; known keys cost stores nothing.
        self.clock.lock().await.tick().await;
        let home = add_by_keys::find(app, keys).await?;
        match self.claimed(&home) {
            Some(faults) => Ok(News::Refused(faults)),
            None => Ok(News::Taken(add_by_keys::prove(app, keys, home, self.manner, &self.actor).await?)),
        }
    }

    /// The fault if the address leads to a store that another line has claimed.
    fn claimed(&self, home: &StoreUrl) -> Option<Vec<String>> {
        let other = self.seen.claim(self.number, &self.keys, home)?;
        Some(vec![format!(
            "store_url: it leads to {}, the same store as line {other}: keep only one of the two lines",
            home.shown()
        )])
    }
}

/// The first line to name each store: a fingerprint of merchant and address, and the line's number. This is all the import
/// remembers of the file, about a hundred bytes a line.
#[derive(Clone, Default)]
struct Seen(Arc<std::sync::Mutex<HashMap<Fingerprint, u64>>>);

impl Seen {
    /// Claims a store for a line; returns the number of the line that already has it, if another. Addresses with and without `www.`
    /// are the same.
    fn claim(&self, number: u64, keys: &NewKeys, home: &StoreUrl) -> Option<u64> {
        let home = if home.host() == home.bare_host() { home.clone() } else { home.other_www() };
        let name = Secret::new(format!("{} {}", keys.user_id, home));
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = *seen.entry(fingerprint(&name)).or_insert(number);
        Some(first).filter(|first| *first != number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_without_a_result_and_a_line_without_a_row_are_noticed() {
        let tally = Tally { connected: 1, reconnected: 2, same: 3, refused: 4, unstarted: 5, stopped: true };
        let counts = Counts { rows: 15, empty: 7, lines: 23, line_ends: 23 };
        assert!(tally.accounts_for(&counts));
        for wrong in [Counts { rows: 16, ..counts }, Counts { rows: 14, ..counts }, Counts { line_ends: 24, ..counts }]
        {
            assert!(!tally.accounts_for(&wrong), "{wrong:?}");
        }
    }
}
