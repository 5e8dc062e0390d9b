//! The worker: claims what is due, a few at a time, and asks as many as the budget allows.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Beneath, CLAIM, judge, scheduled};
use crate::app::App;
use crate::domain::time::{Instant, Time};
use crate::live::outgoing_limits::Turn;
use crate::live::worker::Plan;
use crate::storage::schedule;

/// The most that is claimed at once: other replicas come between.
const BATCH: usize = 16;
/// Stores that a wrong clock has put off and that are brought back at once.
const BROUGHT_BACK: i64 = 500;
/// How far ahead of ours the clock of another process may be.
const CLOCKS_DIFFER: Duration = Duration::from_mins(1);
/// How often to look for stores that a wrong clock, of this machine or another, has put off.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// A clock that shows so much more or less than has passed was set.
const JUMP: Duration = Duration::from_secs(5);
/// The shortest that it sleeps.
const A_MOMENT: Duration = Duration::from_millis(50);
/// How long checks that are under way may still take once we are told to stop. The claims of those that are given up run
/// out, and somebody else asks those stores.
const DRAIN: Duration = Duration::from_secs(3);

/// This worker.
pub const WORKER: Plan = Plan::new("watch", "when a store is due; polls every 10 s");

/// Checks what is due, until told to stop.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let worker = app.workers.enter(WORKER);
    let mut running = JoinSet::new();
    let mut begins = Begins {
        rate: Rate::new(app.watching.budget.per_second, app.clock.instant()),
        wrong_clock: WrongClock::default(),
    };
    while !*stop.borrow() {
        while let Some(ended) = running.try_join_next() {
            worker.task_ended(ended);
        }
        let free = app.watching.budget.places.saturating_sub(running.len());
        let already = running.len();
        let wait = match begin(&app, free, &mut begins, &mut running).await {
            Ok(wait) => {
                worker.did(running.len() - already, "checks started");
                wait
            }
            Err(error) => {
                worker.failed("stores could not be checked", &error);
                app.watching.budget.look_again
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

/// Begins as many checks as there is room and time for; gives back how long to wait before the next.
async fn begin(app: &App, free: usize, begins: &mut Begins, running: &mut JoinSet<()>) -> Result<Duration, Beneath> {
    let most = free.min(BATCH).min(begins.rate.allows(app.clock.instant()));
    if free == 0 {
        return Ok(app.watching.budget.look_again);
    }
    if most == 0 {
        return Ok(A_MOMENT);
    }
    let claimed = claim(app, most, running).await?;
    begins.rate.spend(claimed);
    if claimed == most {
        return Ok(Duration::ZERO);
    }
    let longest = app.watching.budget.look_again;
    if begins.wrong_clock.bring_back(app).await? > 0 {
        return Ok(A_MOMENT);
    }
    let due = schedule::next(&app.db).await?.map_or(longest, |due| due.since(app.now()));
    Ok(due.max(A_MOMENT).min(longest))
}

/// What is kept between the beginnings of checks.
struct Begins {
    rate: Rate,
    wrong_clock: WrongClock,
}

/// Looks for what a clock has put off that was ahead and has been set right: now and then, because that may have been the
/// clock of another machine, and at once when ours was set.
#[derive(Default)]
struct WrongClock {
    /// When it was last looked, on both clocks; `None` when there may be more to bring back.
    looked: Option<(Time, Instant)>,
}

impl WrongClock {
    fn is_to_look(&self, now: Time, instant: Instant) -> bool {
        let Some((then, begun)) = self.looked else { return true };
        let passed = instant.since(begun);
        let shown = now.since(then);
        passed >= LOOK_EVERY || then > now || shown.abs_diff(passed) > JUMP
    }

    /// Makes due what was put off; returns the number of those stores.
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
            tracing::warn!(stores = brought_back, "the clock was set back: stores that it had put off are checked now");
        }
        Ok(brought_back)
    }
}

/// Checks everything that is due now, also what comes due meanwhile, as fast as the places allow; gives back how many
/// checks that were.
pub async fn check_due(app: &App) -> Result<usize, Beneath> {
    let (mut running, mut wrong_clock) = (JoinSet::new(), WrongClock::default());
    let mut checks = 0;
    loop {
        while running.try_join_next().is_some() {
            checks += 1;
        }
        let free = app.watching.budget.places.saturating_sub(running.len());
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

/// Claims at most `most` stores and begins to ask them; gives back how many were claimed. A store whose host has no place
/// is given back at once, with a time of its own: it must not keep a place here from others.
async fn claim(app: &App, most: usize, running: &mut JoinSet<()>) -> Result<usize, Beneath> {
    // A claim that this process cannot see through would keep the others away until it runs out.
    if app.is_draining() {
        return Ok(0);
    }
    let (now, instant) = (app.now(), app.clock.instant());
    let until = now.plus(CLAIM);
    let due = schedule::claim(&app.db, now, until, i64::try_from(most).unwrap_or(i64::MAX)).await?;
    let claimed = due.len();
    let mut later = Vec::new();
    for store in due {
        match app.watching.hosts.turn(store.home.host(), instant) {
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

/// How many checks may begin.
struct Rate {
    per_second: u32,
    /// Thousandths of checks that may begin at once.
    saved: u64,
    since: Instant,
}

impl Rate {
    fn new(per_second: u32, since: Instant) -> Self {
        // One may begin at once.
        Self { per_second, saved: 1_000, since }
    }

    /// How many may begin at `now`: what was not used is kept for a batch, not for longer.
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
