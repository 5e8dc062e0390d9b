//! The worker: claims due stores a few at a time, and checks as many as the limits allow.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::super::host_pauses;
use super::{Beneath, CLAIM, judge, scheduled};
use crate::app::App;
use crate::domain::{Instant, Time};
use crate::live::outgoing_limits::Turn;
use crate::live::worker::Plan;
use crate::storage::schedule;

/// The most stores claimed at once, so that other replicas get their share.
const BATCH: usize = 16;
/// Stores made due at once after a wrong clock postponed them.
const BROUGHT_BACK: i64 = 500;
/// The accepted difference between the clocks of two processes.
const CLOCKS_DIFFER: Duration = Duration::from_mins(1);
/// The interval between searches for stores that a wrong clock, of this machine or another, has postponed.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// A difference of this much between the wall clock and the elapsed time means that the clock was set.
const JUMP: Duration = Duration::from_secs(5);
/// The shortest sleep.
const A_MOMENT: Duration = Duration::from_millis(50);
/// How long running checks may take at shutdown. The claims of abandoned ones expire, and another process checks those stores.
const DRAIN: Duration = Duration::from_secs(3);

pub const WORKER: Plan = Plan::new("watch", "when a store is due for a check; polls every 10 s");

/// Checks due stores until shutdown.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let worker = app.workers.enter(WORKER);
    let mut running = JoinSet::new();
    let mut begins = Begins {
        rate: Rate::new(app.outgoing.limits.per_second, app.clock.instant()),
        wrong_clock: WrongClock::default(),
    };
    while !*stop.borrow() {
        while let Some(ended) = running.try_join_next() {
            worker.task_ended(ended);
        }
        let free = app.outgoing.limits.places.saturating_sub(running.len());
        let already = running.len();
        let wait = match begin(&app, free, &mut begins, &mut running).await {
            Ok(wait) => {
                worker.did(running.len() - already, "checks started");
                wait
            }
            Err(error) => {
                worker.failed("stores could not be checked", &error);
                app.outgoing.limits.look_again
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            Some(ended) = running.join_next(), if free == 0 => drop(worker.task_ended(ended)),
            _ = stop.changed() => {}
        }
    }
    let ended = async { while running.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(DRAIN, ended).await;
}

/// Starts as many checks as places and rate allow. Returns how long to wait before the next call.
async fn begin(app: &App, free: usize, begins: &mut Begins, running: &mut JoinSet<()>) -> Result<Duration, Beneath> {
    let most = free.min(BATCH).min(begins.rate.allows(app.clock.instant()));
    if free == 0 {
        return Ok(app.outgoing.limits.look_again);
    }
    if most == 0 {
        return Ok(A_MOMENT);
    }
    let claimed = claim(app, most, running).await?;
    begins.rate.spend(claimed);
    if claimed == most {
        return Ok(Duration::ZERO);
    }
    let longest = app.outgoing.limits.look_again;
    if begins.wrong_clock.bring_back(app).await? > 0 {
        return Ok(A_MOMENT);
    }
    let due = schedule::next(&app.db).await?.map_or(longest, |due| due.since(app.now()));
    Ok(due.max(A_MOMENT).min(longest))
}

/// State kept between calls of [`begin`].
struct Begins {
    rate: Rate,
    wrong_clock: WrongClock,
}

/// Finds stores that were postponed by a clock that was ahead and has been corrected: periodically, because it may have been
/// another machine's clock, and at once when ours was set.
#[derive(Default)]
struct WrongClock {
    /// The last search, on both clocks; `None` if there may be more to find.
    looked: Option<(Time, Instant)>,
}

impl WrongClock {
    fn is_to_look(&self, now: Time, instant: Instant) -> bool {
        let Some((then, begun)) = self.looked else { return true };
        let passed = instant.since(begun);
        let shown = now.since(then);
        passed >= LOOK_EVERY || then > now || shown.abs_diff(passed) > JUMP
    }

    /// Makes postponed stores due, and returns their number.
    async fn bring_back(&mut self, app: &App) -> Result<u64, Beneath> {
        let (now, instant) = (app.now(), app.clock.instant());
        if !self.is_to_look(now, instant) {
            return Ok(0);
        }
        let latest = now.plus(judge::longest(app.check_every));
        let soon = now.plus(CLOCKS_DIFFER);
        let brought_back = schedule::bring_back(&app.db, now, soon, soon.plus(CLAIM), latest, BROUGHT_BACK).await?;
        self.looked = (brought_back == 0).then_some((now, instant));
        if brought_back > 0 {
            tracing::warn!(
                stores = brought_back,
                "the clock was set back: checks that this would have postponed are due now"
            );
        }
        Ok(brought_back)
    }
}

/// Checks all due stores, including those that become due meanwhile, as fast as places allow. Returns the number of checks.
pub async fn check_due(app: &App) -> Result<usize, Beneath> {
    let (mut running, mut wrong_clock) = (JoinSet::new(), WrongClock::default());
    let mut checks = 0;
    loop {
        while running.try_join_next().is_some() {
            checks += 1;
        }
        let free = app.outgoing.limits.places.saturating_sub(running.len());
        let claimed = if free == 0 { 0 } else { claim(app, free.min(BATCH), &mut running).await? };
        if claimed > 0 || (free > 0 && wrong_clock.bring_back(app).await? > 0) {
            continue;
        }
        match running.join_next().await {
            Some(_) => checks += 1,
            None => return Ok(checks),
        }
    }
}

/// Claims at most `most` stores and starts their checks. Returns the number claimed. A store whose host has no place is put back at
/// once with a later time, so that it takes no place from others.
async fn claim(app: &App, most: usize, running: &mut JoinSet<()>) -> Result<usize, Beneath> {
    // A claim that this process cannot finish would block other replicas until it expires.
    if app.is_draining() {
        return Ok(0);
    }
    let (now, instant) = (app.now(), app.clock.instant());
    let until = now.plus(CLAIM);
    let due = schedule::claim(&app.db, now, until, i64::try_from(most).unwrap_or(i64::MAX)).await?;
    let claimed = due.len();
    host_pauses::learn(app, &due.iter().map(|store| store.home.host()).collect::<Vec<_>>()).await?;
    let mut later = Vec::new();
    for store in due {
        match app.outgoing.hosts.turn(store.home.host(), instant) {
            Turn::Later(pause) => later.push((store.id, now.plus(pause))),
            Turn::Now(turn) => {
                let app = app.clone();
                running.spawn(async move {
                    let _turn = turn;
                    if let Err(error) = scheduled(&app, &store.id).await {
                        tracing::error!(store.id = %store.id, error = &error as &dyn std::error::Error, "a store could not be checked");
                    }
                });
            }
        }
    }
    if !later.is_empty() {
        schedule::put_back(&app.db, until, later).await?;
    }
    Ok(claimed)
}

/// Limits the rate at which checks start.
struct Rate {
    per_second: u32,
    /// Checks that may start at once, in thousandths.
    saved: u64,
    since: Instant,
}

impl Rate {
    fn new(per_second: u32, since: Instant) -> Self {
        // One check may start at once.
        Self { per_second, saved: 1_000, since }
    }

    /// The number of checks that may start at `now`. Unused ones accumulate up to one batch.
    fn allows(&mut self, now: Instant) -> usize {
        let millis = u64::try_from(now.since(self.since).as_millis()).unwrap_or(u64::MAX);
        let earned = millis.saturating_mul(u64::from(self.per_second));
        self.saved = self.saved.saturating_add(earned).min(1_000 * BATCH as u64);
        self.since = now;
        usize::try_from(self.saved / 1_000).unwrap_or(BATCH)
    }

    fn spend(&mut self, checks: usize) {
        self.saved = self.saved.saturating_sub(1_000 * checks as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_checks_begin_than_the_rate_allows() {
        let begun = Instant::from_millis(1_790_000);
        let mut rate = Rate::new(100, begun);
        let mut checks = 0;
        for millis in (0..10_000).step_by(7) {
            let most = rate.allows(begun.plus(Duration::from_millis(millis)));
            assert!(most <= BATCH);
            rate.spend(most);
            checks += most;
        }
        assert!((990..=1_000).contains(&checks), "{checks} in ten seconds");
        assert_eq!(rate.allows(begun.plus(Duration::from_hours(1))), BATCH, "an idle hour is not made up for");
    }
    #[test]
    fn what_a_wrong_clock_put_off_is_looked_for_once_a_minute_and_when_the_clock_is_set() {
        let (now, begun) = (Time::from_millis(1_790_000_000_000), Instant::from_millis(5));
        assert!(WrongClock::default().is_to_look(now, begun), "nobody has looked yet");
        let clock = WrongClock { looked: Some((now, begun)) };
        let after = |shown: i64, passed: u64| {
            clock.is_to_look(Time::from_millis(now.millis() + shown), begun.plus(Duration::from_millis(passed)))
        };
        assert!(!after(0, 0) && !after(50, 50) && !after(59_999, 59_999));
        assert!(!after(30_800, 30_000), "it is steered, not set");
        assert!(after(60_000, 60_000), "once a minute, whatever clock was wrong");
        assert!(after(-1, 10) && after(10, 10_000) && after(86_400_000, 10), "it was set");
    }
}
