//! The prover: claims keys that are due, as many as there are places, and takes up new ones as soon as they are due. A store
//! that is slow or hangs keeps its own place and no other, and one host has two at most.

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
use crate::storage::grants::{self, Candidate};

/// Keys tried at a time.
const PLACES: usize = 128;
/// The most that is claimed at once: other replicas come between.
const BATCH: usize = 16;
/// How long a claim holds: longer than the wait for the host and a try can take together.
const CLAIM: Duration = Duration::from_mins(2);
/// How long a key waits for its host, which the watch may be asking, before it is given back.
const HOST_WITHIN: Duration = Duration::from_secs(30);
/// The time between two keys of one host that are given back because the host has no place: about as long as a try takes.
const PACE: Duration = Duration::from_millis(500);
/// The longest that a key is given back for.
const LATER_AT_MOST: Duration = Duration::from_secs(30);
/// The longest that the prover sleeps: another replica's grants do not wake this one.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// The shortest that it sleeps.
const A_MOMENT: Duration = Duration::from_millis(50);
/// How long it waits when the database does not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// This worker.
pub const WORKER: Plan = Plan::new("prover", "when a key is due; it looks every 10 s");

/// Proves what is due until told to stop, then sees through what has begun.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let worker = app.workers.enter(WORKER);
    let mut tries = Tries::default();
    while !*stop.borrow() {
        let wait = match tries.begin(&app, app.now()).await {
            Ok((begun, due)) => {
                worker.did(begun, "keys taken up");
                due.map_or(LOOK_AGAIN, |due| due.since(app.now()).clamp(A_MOMENT, LOOK_AGAIN))
            }
            Err(error) => {
                worker.failed("proving could not go on", &error);
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
    while !tries.running.is_empty() {
        tries.one_ended(&worker).await;
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
    /// Which host each of them asks.
    whose: HashMap<Id, String>,
    hosts: HashMap<String, Host>,
    /// The latest time for which a key was given back.
    latest: Option<Time>,
}

/// A host that is being asked.
#[derive(Default)]
struct Host {
    running: usize,
    /// Keys that were given back since there was no place.
    given_back: u32,
}

impl Tries {
    /// Begins what is due at `now`, as far as there are places; returns how many tries that were and when the next is due, if
    /// there is a place for it.
    async fn begin(&mut self, app: &App, now: Time) -> Result<(usize, Option<Time>), Beneath> {
        let mut begun = 0;
        loop {
            let free = PLACES - self.running.len();
            // A claim that this process cannot see through would keep the others away until it runs out.
            if free == 0 || app.is_draining() {
                return Ok((begun, None));
            }
            let due = grants::next_due(&app.db).await?;
            if due.is_none_or(|due| due > now) {
                return Ok((begun, due));
            }
            let (until, most) = (now.plus(CLAIM), free.min(BATCH));
            let claimed = grants::claim_due(&app.db, now, until, i64::try_from(most).unwrap_or(0)).await?;
            if claimed.is_empty() {
                return Ok((begun, due));
            }
            for candidate in claimed {
                begun += usize::from(self.take(app, candidate, now, until).await);
            }
        }
    }

    /// Begins a try, or gives the key back when its host has no place; whether it was begun.
    async fn take(&mut self, app: &App, candidate: Candidate, now: Time, until: Time) -> bool {
        let home = match attempts::find(&app.db, &candidate.attempt_id).await {
            Ok(Some(found)) => found.attempt.home,
            Ok(None) => return false,
            Err(error) => {
                log(&candidate, &error);
                return false;
            }
        };
        let name = home.host().to_owned();
        let host = self.hosts.entry(name.clone()).or_default();
        if host.running >= AT_A_TIME {
            host.given_back += 1;
            let at = now.plus((PACE * host.given_back).min(LATER_AT_MOST));
            self.latest = self.latest.max(Some(at));
            if let Err(error) = grants::release(&app.db, &candidate.id, until, at).await {
                log(&candidate, &error);
            }
            return false;
        }
        host.running += 1;
        let app = app.clone();
        let running = self.running.spawn(async move {
            if let Err(error) = in_turn(&app, &candidate, &home, until).await {
                log(&candidate, &error);
            }
        });
        self.whose.insert(running.id(), name);
        true
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
        let Some(name) = self.whose.remove(&id) else { return };
        if let Some(host) = self.hosts.get_mut(&name) {
            host.running -= 1;
            if host.running == 0 {
                self.hosts.remove(&name);
            }
        }
    }
}

/// Waits for a place at the host, which the watch may be asking too, and tries the key.
async fn in_turn(app: &App, candidate: &Candidate, home: &StoreUrl, until: Time) -> Result<(), Beneath> {
    let places = app.watching.places(home.host(), app.clock.instant());
    let place = tokio::time::timeout(HOST_WITHIN, places.acquire_owned()).await;
    if place.is_err() || app.is_draining() {
        return Ok(grants::release(&app.db, &candidate.id, until, app.now()).await?);
    }
    attempt_one(app, candidate).await
}

fn log(candidate: &Candidate, error: &(dyn std::error::Error + 'static)) {
    tracing::error!(grant.id = %candidate.id, error, "a key could not be tried");
}
