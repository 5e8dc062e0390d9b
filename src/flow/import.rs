//! Import: the keys that a company already has, from a file, each proven at a bounded rate.
//!
//! Each store that is taken over is one transaction, so an import can be stopped anywhere, also by kill -9, and run again:
//! what is there already is passed over without asking the store.

pub mod file;

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval};

use self::file::Line;
use super::adopt::{self, Adopted, Became, Manner, Wish};
use super::{Beneath, takes_in_beneath};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::secret::{Fingerprint, Secret};
use crate::domain::store_url::StoreUrl;
use crate::vault::fingerprint;

/// Lines that wait because their host is being asked: others may overtake them, so one slow host holds up nothing else.
const WAITING: usize = 256;

/// How an import is run.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Stores that are asked at a time; never two at one host.
    pub at_once: usize,
    /// The shortest time between two stores that begin to be asked.
    pub every: Duration,
    /// Whether keys are kept, or only tried.
    pub manner: Manner,
}

/// What came of one line.
#[derive(Debug)]
pub enum News {
    /// Its key works.
    Taken(Adopted),
    /// Nothing came of it; everything that is wrong, each with its fix.
    Refused(Vec<String>),
}

/// How many lines came to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Stores that are new.
    pub connected: u64,
    /// Stores that were known and have another key now.
    pub reconnected: u64,
    /// Stores that had this very key.
    pub same: u64,
    /// Lines of which nothing came.
    pub refused: u64,
    /// Whether it was stopped before the end of the file.
    pub stopped: bool,
}

/// Why an import cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file.
    #[error("the file cannot be read any further")]
    Io(#[from] io::Error),
    /// The database.
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

/// Takes over every line; tells of each as it is done, with how many bytes of the file are behind it. Told to `stop`, it
/// ends what is begun and begins nothing more.
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

/// A line that is done: its number, where it ends, its host, and what came of it.
type Done = (u64, u64, String, Result<News, Beneath>);

struct Running<'a, T> {
    app: &'a App,
    pace: Pace,
    actor: &'a Actor,
    clock: Arc<Mutex<Interval>>,
    seen: Seen,
    waiting: VecDeque<(u64, u64, Wish)>,
    /// Hosts that are being asked.
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
        let wish = row.and_then(|wish| match self.seen.claim(number, &wish, &wish.typed) {
            Some(other) => Err(vec![format!("user_id and store_url are those of line {other}: keep one of the two")]),
            None => Ok(wish),
        });
        match wish {
            Ok(wish) => self.waiting.push_back((number, end, wish)),
            Err(faults) => self.told(number, end, &News::Refused(faults)),
        }
    }

    /// Begins what may begin. Lines of one host begin one after the other, in the file's order.
    fn begin(&mut self) {
        let mut at = 0;
        while self.tasks.len() < self.pace.at_once.max(1) && at < self.waiting.len() {
            let host = self.waiting[at].2.typed.bare_host().to_owned();
            if self.busy.contains(&host) {
                at += 1;
                continue;
            }
            let Some((number, end, wish)) = self.waiting.remove(at) else { return };
            self.busy.insert(host.clone());
            let one = One {
                app: self.app.clone(),
                actor: self.actor.clone(),
                manner: self.pace.manner,
                clock: Arc::clone(&self.clock),
                seen: self.seen.clone(),
                number,
                wish,
            };
            self.tasks.spawn(async move { (number, end, host, one.take_over().await) });
        }
    }

    fn end(&mut self, (number, end, host, result): Done) -> Result<(), Error> {
        self.busy.remove(&host);
        let news = result?;
        self.told(number, end, &news);
        Ok(())
    }

    fn told(&mut self, number: u64, end: u64, news: &News) {
        match news {
            News::Refused(_) => self.tally.refused += 1,
            News::Taken(adopted) => match adopted.became {
                Became::Connected => self.tally.connected += 1,
                Became::Reconnected => self.tally.reconnected += 1,
                Became::Same => self.tally.same += 1,
            },
        }
        (self.tell)(number, end, news);
    }
}

/// One line, on its way.
struct One {
    app: App,
    actor: Actor,
    manner: Manner,
    clock: Arc<Mutex<Interval>>,
    seen: Seen,
    number: u64,
    wish: Wish,
}

impl One {
    async fn take_over(self) -> Result<News, Beneath> {
        match self.adopt().await {
            Ok(news) => Ok(news),
            Err(adopt::Error::Refused { verdict, home }) => {
                Ok(News::Refused(vec![format!("{} ({})", adopt::says(verdict, home.shown()), verdict.code())]))
            }
            Err(told @ (adopt::Error::Better { .. } | adopt::Error::NoTurn(_))) => {
                Ok(News::Refused(vec![told.to_string()]))
            }
            Err(adopt::Error::Beneath(beneath)) => Err(beneath),
        }
    }

    async fn adopt(&self) -> Result<News, adopt::Error> {
        let (app, wish) = (&self.app, &self.wish);
        if let Some(same) = adopt::same(app, wish, &wish.typed).await? {
            return Ok(self.claimed(&same.home).map_or(News::Taken(same), News::Refused));
        }
        // Only who asks waits for a turn: what is there already costs no store anything.
        self.clock.lock().await.tick().await;
        let home = adopt::find(app, wish).await?;
        match self.claimed(&home) {
            Some(faults) => Ok(News::Refused(faults)),
            None => Ok(News::Taken(adopt::prove(app, wish, home, self.manner, &self.actor).await?)),
        }
    }

    /// What is wrong when the store that an address led to is another line's.
    fn claimed(&self, home: &StoreUrl) -> Option<Vec<String>> {
        let other = self.seen.claim(self.number, &self.wish, home)?;
        Some(vec![format!("store_url: it leads to {}, the store of line {other}: keep one of the two", home.shown())])
    }
}

/// Which line was the first to name a store: a fingerprint of merchant and address, and the line's number. About a hundred
/// bytes a line are all that an import keeps of the file.
#[derive(Clone, Default)]
struct Seen(Arc<std::sync::Mutex<HashMap<Fingerprint, u64>>>);

impl Seen {
    /// Claims a store for a line; the number of the line that has it, if that is another. An address with `www.` in front
    /// is the one without.
    fn claim(&self, number: u64, wish: &Wish, home: &StoreUrl) -> Option<u64> {
        let home = if home.host() == home.bare_host() { home.clone() } else { home.other_www() };
        let name = Secret::new(format!("{} {}", wish.user_id, home));
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = *seen.entry(fingerprint(&name)).or_insert(number);
        Some(first).filter(|first| *first != number)
    }
}
