//! The prover: claims due keys up to its number of places, and picks up new ones as soon as they are due. A slow or hanging store
//! occupies only its own place. A host has two places at most, the open page half of them all, and one wide network on it a few, so
//! keys of links do not wait behind strangers' stores.

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

/// Keys tried concurrently.
const PLACES: usize = 128;
/// Of those, keys of the open page.
const OF_OPEN_PAGE: usize = PLACES / 2;
/// Of those, keys from one wide network (an IPv4 /24, an IPv6 /48) on the open page.
const OF_WIDE: usize = 8;
/// The most keys claimed at once, so that other replicas get their share.
const BATCH: usize = 16;
/// The number of consecutive batches without a new try after which a pass ends, so that finished tries free their places first.
const FRUITLESS: usize = 4;
/// The lifetime of a claim: longer than the wait for the host and the try together.
const CLAIM: Duration = Duration::from_mins(2);
/// How long a key waits for its host, which the watch may also be using, before it is returned to the queue.
const HOST_WITHIN: Duration = Duration::from_secs(30);
/// The spacing between keys returned because their host or network is full: about the duration of a try.
const PACE: Duration = Duration::from_millis(500);
/// The longest delay of a returned key.
const LATER_AT_MOST: Duration = Duration::from_secs(30);
/// The delay of a key that could not be tried because the database failed.
const AFTER_FAULT: Duration = Duration::from_secs(5);
/// The longest sleep: other replicas' grants do not wake this process.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// The shortest sleep.
const A_MOMENT: Duration = Duration::from_millis(50);
/// The pause after a database failure.
const PAUSE: Duration = Duration::from_secs(1);
/// How long running tries may take at shutdown; the rest are returned to the queue.
const LAST_TRIES: Duration = Duration::from_secs(3);

/// The prover, as listed in diagnostics.
pub const WORKER: Plan = Plan::new("prover", "when a key is due for a test; polls every 10 s");

/// Proves due keys until shutdown.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let worker = app.workers.enter(WORKER);
    let mut tries = Tries::default();
    while !*stop.borrow() {
        let wait = match tries.begin(&app, app.now()).await {
            Ok((begun, due)) => {
                worker.did(begun, "key tests started");
                due.map_or(LOOK_AGAIN, |due| due.since(app.now()).clamp(A_MOMENT, LOOK_AGAIN))
            }
            Err(error) => {
                worker.failed("keys could not be tested", &error);
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
            worker.failed("keys could not be returned to the queue; their claims expire", &error);
        }
    }
}

/// Tries every key that is due, including those that become due meanwhile or wait for their host. Returns the number of tries.
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

/// The running tries of this process.
#[derive(Default)]
struct Tries {
    running: JoinSet<()>,
    whose: HashMap<Id, Asker>,
    hosts: HashMap<String, Busy>,
    /// Tries of the open page, by wide network.
    wides: HashMap<String, Busy>,
    of_open_page: usize,
    /// The latest due time of a returned key.
    latest: Option<Time>,
}

/// The key, host and visitor network of a running try.
struct Asker {
    candidate: Candidate,
    host: String,
    wide: Option<String>,
}

/// The load on one host or of one network.
#[derive(Default)]
struct Busy {
    running: usize,
    /// Keys returned since the last try ended.
    returned: u32,
}

impl Tries {
    /// Starts due tries while places are free. Returns the number started, and when the next key is due if a place is left for it.
    async fn begin(&mut self, app: &App, mut now: Time) -> Result<(usize, Option<Time>), Beneath> {
        let (mut begun, mut fruitless) = (0, 0);
        loop {
            let free = PLACES - self.running.len();
            // A claim that this process cannot finish would block other replicas until it expires.
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
                // The due keys wait for a place of the open page, or another replica has them.
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

    /// Starts a try. If the host or network has no place, returns the key and when to claim it again.
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
                // Best effort: if this fails, the claim expires.
                let _ = grants::release(&app.db, &[(tried, app.now().plus(AFTER_FAULT))]).await;
            }
        });
        self.whose.insert(running.id(), Asker { candidate, host, wide });
        None
    }

    /// Waits until a try has ended; forever if none is running.
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

/// Waits for one of the host's places, which the watch shares, and tries the key.
async fn in_turn(app: &App, candidate: &Candidate, home: &StoreUrl) -> Result<(), Beneath> {
    let places = app.outgoing.places(home.host(), app.clock.instant());
    let place = tokio::time::timeout(HOST_WITHIN, places.acquire_owned()).await;
    if place.is_err() || app.is_draining() {
        return Ok(grants::release(&app.db, &[(candidate.clone(), app.now())]).await?);
    }
    attempt_one(app, candidate).await
}

fn log(candidate: &Candidate, error: &(dyn std::error::Error + 'static)) {
    tracing::error!(grant.id = %candidate.id, error, "a key could not be tested");
}
