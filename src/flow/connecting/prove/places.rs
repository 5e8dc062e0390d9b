//! The prover: claims due keys up to its number of places, and picks up new ones as soon as they are due. A slow or hanging store
//! occupies only its own place. A host has two places at most, the open page half of them all, and one wide network on it a few, so
//! keys of links do not wait behind strangers' stores.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};

use super::attempt_one;
use crate::app::App;
use crate::domain::{StoreUrl, Time};
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
    places: Places,
    /// The latest due time of a returned key.
    latest: Option<Time>,
}

/// The key, host and visitor network of a running try.
struct Asker {
    candidate: Candidate,
    host: String,
    wide: Option<String>,
}

/// The places that running tries have taken.
#[derive(Default)]
struct Places {
    all: usize,
    of_open_page: usize,
    hosts: HashMap<String, Busy>,
    /// Tries of the open page, by wide network.
    wides: HashMap<String, Busy>,
}

/// The load on one host or of one network.
#[derive(Default)]
struct Busy {
    running: usize,
    /// Keys returned since the last try ended.
    returned: u32,
}

impl Places {
    /// How many more tries of a kind may start.
    fn free(&self, whose: Whose) -> usize {
        let free = PLACES - self.all;
        match whose {
            Whose::Links => free,
            Whose::OpenPage => free.min(OF_OPEN_PAGE.saturating_sub(self.of_open_page)),
        }
    }

    /// Takes a place at `host`; `wide` is the wide network of a key of the open page. If the host or the network has none, returns
    /// how long the key waits before it is claimed again.
    fn take(&mut self, host: &str, wide: Option<&str>) -> Result<(), Duration> {
        let limits = [(&mut self.hosts, Some(host), AT_A_TIME), (&mut self.wides, wide, OF_WIDE)];
        let full = limits.into_iter().find_map(|(all, name, most)| {
            let busy = all.get_mut(name?)?;
            (busy.running >= most).then_some(busy)
        });
        if let Some(busy) = full {
            busy.returned += 1;
            return Err((PACE * busy.returned).min(LATER_AT_MOST));
        }
        self.all += 1;
        self.hosts.entry(host.to_owned()).or_default().running += 1;
        if let Some(wide) = wide {
            self.of_open_page += 1;
            self.wides.entry(wide.to_owned()).or_default().running += 1;
        }
        Ok(())
    }

    /// Frees what [`Self::take`] took.
    fn leave(&mut self, host: &str, wide: Option<&str>) {
        self.all -= 1;
        leave(&mut self.hosts, host);
        if let Some(wide) = wide {
            self.of_open_page -= 1;
            leave(&mut self.wides, wide);
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

impl Tries {
    /// Starts due tries while places are free. Returns the number started, and when the next key is due if a place is left for it.
    async fn begin(&mut self, app: &App, mut now: Time) -> Result<(usize, Option<Time>), Beneath> {
        let (mut begun, mut fruitless) = (0, 0);
        loop {
            // A claim that this process cannot finish would block other replicas until it expires.
            if self.places.free(Whose::Links) == 0 || app.is_draining() {
                return Ok((begun, None));
            }
            now = now.max(app.now());
            let due = grants::next_due(&app.db).await?;
            if due.is_none_or(|due| due > now) {
                return Ok((begun, due));
            }
            let mut claimed = self.claim(app, Whose::Links, now).await?;
            if claimed.is_empty() {
                claimed = self.claim(app, Whose::OpenPage, now).await?;
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

    async fn claim(&self, app: &App, whose: Whose, now: Time) -> Result<Vec<Candidate>, Beneath> {
        let most = i64::try_from(self.places.free(whose).min(BATCH)).unwrap_or(0);
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
        if let Err(pause) = self.places.take(&host, wide.as_deref()) {
            return Some((candidate, now.plus(pause)));
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
        if let Some(asker) = self.whose.remove(&id) {
            self.places.leave(&asker.host, asker.wide.as_deref());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_two_places_and_its_other_keys_come_back_later_and_later() {
        let mut places = Places::default();
        assert!((0..AT_A_TIME).all(|_| places.take("slow.example", None).is_ok()));
        for n in 1..4 {
            assert_eq!(places.take("slow.example", None), Err(PACE * n));
        }
        assert_eq!(places.all, AT_A_TIME, "those that wait take nobody's place");
        assert!(places.take("other.example", None).is_ok());
        places.leave("slow.example", None);
        assert!(places.take("slow.example", None).is_ok());
        assert_eq!(places.take("slow.example", None), Err(PACE), "a try that ends begins the pauses anew");
    }

    #[test]
    fn the_open_page_has_half_of_the_places_and_one_wide_network_eight_of_them() {
        let mut places = Places::default();
        let host = |n: usize| format!("{n}.example");
        assert!((0..OF_WIDE).all(|n| places.take(&host(n), Some("203.0.113.0/24")).is_ok()));
        assert_eq!(places.take("another.example", Some("203.0.113.0/24")), Err(PACE));
        assert!(places.take("another.example", None).is_ok(), "a link that was opened there");
        for n in OF_WIDE..OF_OPEN_PAGE {
            assert!(places.take(&host(n), Some(&format!("10.0.{n}.0/24"))).is_ok());
        }
        assert_eq!((places.free(Whose::OpenPage), places.free(Whose::Links)), (0, OF_OPEN_PAGE - 1));
        for n in 0..OF_OPEN_PAGE {
            let wide = if n < OF_WIDE { "203.0.113.0/24".to_owned() } else { format!("10.0.{n}.0/24") };
            places.leave(&host(n), Some(&wide));
        }
        places.leave("another.example", None);
        assert_eq!((places.free(Whose::OpenPage), places.free(Whose::Links)), (OF_OPEN_PAGE, PLACES));
        assert!(places.hosts.is_empty() && places.wides.is_empty(), "nobody is remembered who has left");
    }
}
