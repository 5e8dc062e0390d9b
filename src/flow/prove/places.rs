//! The prover: claims keys that are due, as many as there are places, and takes up new ones as soon as they are due. A store
//! that is slow or hangs takes up its own place and no other. One host has two places at most, visitors of the open page have
//! half of them all, and one wide network of theirs a few: keys of links do not wait behind strangers' stores.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};

use super::attempt_one;
use crate::app::App;
use crate::domain::store_url::StoreUrl;
use crate::domain::time::Time;
use crate::flow::Beneath;
use crate::live::outgoing_limits::AT_A_TIME;
use crate::live::worker::{Plan, Worker};
use crate::storage::attempts;
use crate::storage::grants::{self, Candidate, Whose};

/// Keys tried at a time.
const PLACES: usize = 128;
/// Of those, keys of the open page.
const OF_OPEN_PAGE: usize = PLACES / 2;
/// Of those, keys of attempts that one wide network (an IPv4 /24, an IPv6 /48) began.
const OF_WIDE: usize = 8;
/// The most that is claimed at once: other replicas come between.
const BATCH: usize = 16;
/// Batches of one pass in which nothing could be begun; then ended tries free their places before more is claimed.
const FRUITLESS: usize = 4;
/// How long a claim holds: longer than the wait for the host and a try can take together.
const CLAIM: Duration = Duration::from_mins(2);
/// How long a key waits for its host, which the watch may be asking, before it is returned.
const HOST_WITHIN: Duration = Duration::from_secs(30);
/// The time between two keys that are returned because their host or network has no place: about as long as a try takes.
const PACE: Duration = Duration::from_millis(500);
/// The longest that a key is returned for.
const LATER_AT_MOST: Duration = Duration::from_secs(30);
/// How soon a key is claimed again that could not be tried because the database did not answer.
const AFTER_FAULT: Duration = Duration::from_secs(5);
/// The longest that the prover sleeps: another replica's grants do not wake this one.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// The shortest that it sleeps.
const A_MOMENT: Duration = Duration::from_millis(50);
/// How long it waits when the database does not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// How long tries under way may still take when the process is told to stop; the others are returned.
const LAST_TRIES: Duration = Duration::from_secs(3);

/// This worker.
pub const WORKER: Plan = Plan::new("prover", "when a key is due; polls every 10 s");

/// Proves what is due until told to stop.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let worker = app.workers.enter(WORKER);
    let mut tries = Tries::default();
    while !*stop.borrow() {
        let wait = match tries.begin(&app, app.now()).await {
            Ok((begun, due)) => {
                worker.did(begun, "proofs started");
                due.map_or(LOOK_AGAIN, |due| due.since(app.now()).clamp(A_MOMENT, LOOK_AGAIN))
            }
            Err(error) => {
                worker.failed("proving could not continue", &error);
                PAUSE
            }
        };
        tokio::select! {
            () = tries.one_ended(&worker) => {}
            () = tokio::time::sleep(wait) => {}
            () = app.proving.notified() => {}
            _ = stop.changed() => {}
        }
    }
    let ended = async {
        while !tries.running.is_empty() {
            tries.one_ended(&worker).await;
        }
    };
    if tokio::time::timeout(LAST_TRIES, ended).await.is_err() {
        tries.running.shutdown().await;
        let now = app.now();
        let left: Vec<_> = tries.whose.drain().map(|(_, asker)| (asker.candidate, now)).collect();
        if let Err(error) = grants::release(&app.db, &left).await {
            worker.failed("keys could not be returned; their claims run out", &error);
        }
    }
}

/// Tries everything that is due now, also what comes due meanwhile or waits for its host; returns how many tries that were.
pub async fn run_due(app: &App) -> Result<usize, Beneath> {
    let worker = app.workers.enter(WORKER);
    let (mut tries, mut count, mut at) = (Tries::default(), 0, app.now());
    loop {
        count += tries.begin(app, at.max(app.now())).await?.0;
        if !tries.running.is_empty() {
            tries.one_ended(&worker).await;
        } else if let Some(later) = tries.latest.take() {
            at = later;
        } else {
            return Ok(count);
        }
    }
}

/// The tries that are under way in this process.
#[derive(Default)]
struct Tries {
    running: JoinSet<()>,
    whose: HashMap<Id, Asker>,
    hosts: HashMap<String, Busy>,
    /// Of the open page, by wide network.
    wides: HashMap<String, Busy>,
    of_open_page: usize,
    /// The latest time for which a key was returned.
    latest: Option<Time>,
}

/// Whom a try asks, and for whom.
struct Asker {
    candidate: Candidate,
    host: String,
    wide: Option<String>,
}

/// A host that is being asked, or a network whose keys are being tried.
#[derive(Default)]
struct Busy {
    running: usize,
    /// Keys that were returned since one ended.
    returned: u32,
}

impl Tries {
    /// Begins what is due at `now`, as far as there are places; returns how many tries that were and when the next is due, if
    /// there is a place for it.
    async fn begin(&mut self, app: &App, mut now: Time) -> Result<(usize, Option<Time>), Beneath> {
        let (mut begun, mut fruitless) = (0, 0);
        loop {
            let free = PLACES - self.running.len();
            // A claim that this process cannot see through would keep the others away until it runs out.
            if free == 0 || app.is_draining() {
                return Ok((begun, None));
            }
            now = now.max(app.now());
            let due = grants::next_due(&app.db).await?;
            if due.is_none_or(|due| due > now) {
                return Ok((begun, due));
            }
            let mut claimed = self.claim(app, Whose::Links, free, now).await?;
            if claimed.is_empty() {
                let free = free.min(OF_OPEN_PAGE.saturating_sub(self.of_open_page));
                claimed = self.claim(app, Whose::OpenPage, free, now).await?;
            }
            if claimed.is_empty() {
                // What is due waits for a place of the open page, or another replica has it.
                return Ok((begun, due.map(|due| due.max(now.plus(PACE)))));
            }
            let before = begun;
            let mut returned = Vec::new();
            for candidate in claimed {
                match self.take(app, candidate, now).await {
                    None => begun += 1,
                    Some(later) => returned.push(later),
                }
            }
            grants::release(&app.db, &returned).await?;
            self.latest = returned.iter().map(|(_, at)| *at).max().max(self.latest);
            fruitless = if begun == before { fruitless + 1 } else { 0 };
            if fruitless >= FRUITLESS {
                return Ok((begun, Some(now)));
            }
        }
    }

    async fn claim(&self, app: &App, whose: Whose, free: usize, now: Time) -> Result<Vec<Candidate>, Beneath> {
        let most = i64::try_from(free.min(BATCH)).unwrap_or(0);
        if most == 0 {
            return Ok(Vec::new());
        }
        Ok(grants::claim_due(&app.db, whose, now, now.plus(CLAIM), most).await?)
    }

    /// Begins a try; otherwise returns the key, and when it is to be claimed again, when its host or its network has no place.
    async fn take(&mut self, app: &App, candidate: Candidate, now: Time) -> Option<(Candidate, Time)> {
        let (home, wide) = match attempts::asker(&app.db, &candidate.attempt_id).await {
            Ok(Some(asker)) => asker,
            Ok(None) => return Some((candidate, now.plus(LATER_AT_MOST))),
            Err(error) => {
                log(&candidate, &error);
                return Some((candidate, now.plus(AFTER_FAULT)));
            }
        };
        if self.whose.values().any(|asker| asker.candidate.id == candidate.id) {
            return Some((candidate, now.plus(LATER_AT_MOST)));
        }
        let host = home.host().to_owned();
        let full = [(&mut self.hosts, Some(&host), AT_A_TIME), (&mut self.wides, wide.as_ref(), OF_WIDE)]
            .into_iter()
            .find_map(|(all, name, most)| {
                let busy = all.get_mut(name?)?;
                (busy.running >= most).then_some(busy)
            });
        if let Some(busy) = full {
            busy.returned += 1;
            return Some((candidate, now.plus((PACE * busy.returned).min(LATER_AT_MOST))));
        }
        self.hosts.entry(host.clone()).or_default().running += 1;
        if let Some(wide) = &wide {
            self.wides.entry(wide.clone()).or_default().running += 1;
            self.of_open_page += 1;
        }
        let (app, tried) = (app.clone(), candidate.clone());
        let running = self.running.spawn(async move {
            if let Err(error) = in_turn(&app, &tried, &home).await {
                log(&tried, &error);
                // Best effort: otherwise the claim runs out.
                let _ = grants::release(&app.db, &[(tried, app.now().plus(AFTER_FAULT))]).await;
            }
        });
        self.whose.insert(running.id(), Asker { candidate, host, wide });
        None
    }

    /// Waits until a try has ended; for ever when none is under way.
    async fn one_ended(&mut self, worker: &Worker) {
        let Some(mut ended) = self.running.join_next_with_id().await else { return std::future::pending().await };
        loop {
            self.leave(ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id));
            worker.task_ended(ended);
            match self.running.try_join_next_with_id() {
                Some(next) => ended = next,
                None => return,
            }
        }
    }

    fn leave(&mut self, id: Id) {
        let Some(asker) = self.whose.remove(&id) else { return };
        leave(&mut self.hosts, &asker.host);
        if let Some(wide) = &asker.wide {
            leave(&mut self.wides, wide);
            self.of_open_page -= 1;
        }
    }
}

fn leave(all: &mut HashMap<String, Busy>, name: &str) {
    if let Some(busy) = all.get_mut(name) {
        (busy.running, busy.returned) = (busy.running - 1, 0);
        if busy.running == 0 {
            all.remove(name);
        }
    }
}

/// Waits for a place at the host, which the watch may be asking too, and tries the key.
async fn in_turn(app: &App, candidate: &Candidate, home: &StoreUrl) -> Result<(), Beneath> {
    let places = app.watching.places(home.host(), app.clock.instant());
    let place = tokio::time::timeout(HOST_WITHIN, places.acquire_owned()).await;
    if place.is_err() || app.is_draining() {
        return Ok(grants::release(&app.db, &[(candidate.clone(), app.now())]).await?);
    }
    attempt_one(app, candidate).await
}

fn log(candidate: &Candidate, error: &(dyn std::error::Error + 'static)) {
    tracing::error!(grant.id = %candidate.id, error, "a key could not be tried");
}
