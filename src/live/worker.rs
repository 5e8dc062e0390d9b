//! Workers: the named background loops. One that panics is restarted; what each last did, and how that ended, is kept for
//! Diagnostics and `/readyz`.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinError;
use tokio::time::{Instant, sleep};

use crate::domain::{Clock, Time};

/// The pause before a worker that panicked is restarted; each further panic doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest such pause. After a worker has run for as long without a panic, its next pause is the first again.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How often the same failure is logged.
const LOGGED_EVERY: Duration = Duration::from_mins(1);
/// A restarted worker counts as down until it has finished a pass, or has run for this long.
const SETTLES_WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Its name, in the log and on Diagnostics.
    pub name: &'static str,
    /// When it runs, as a person reads it: its period, or what wakes it.
    pub runs: &'static str,
    /// The longest pause before it is restarted after a panic.
    pub pause_at_most: Duration,
}

impl Plan {
    /// A worker whose pauses grow to a minute.
    pub const fn new(name: &'static str, runs: &'static str) -> Self {
        Self { name, runs, pause_at_most: LONGEST_PAUSE }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It has not started yet, or has finished.
    Idle,
    /// It runs, or waits for its next turn.
    Running,
    /// It panicked, and has not recovered yet.
    Down,
}

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// How many of them.
    pub count: usize,
    /// What, as text before the number: `keys tried`.
    pub what: &'static str,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.count)
    }
}

#[derive(Debug, Clone)]
pub struct Status {
    pub plan: Plan,
    pub state: State,
    /// When it last finished a pass without an error, including one that found nothing to do.
    pub last_run: Option<Time>,
    /// What it last did, and when.
    pub last_done: Option<(Time, Done)>,
    /// When something last went wrong, and what.
    pub last_fault: Option<(Time, &'static str)>,
    /// Passes that failed since the process started.
    pub faults: u64,
    /// Panics since the process started, including those of its tasks.
    pub panics: u64,
}

/// All workers of a process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Workers {
    clock: Clock,
    all: Arc<Mutex<Vec<Worker>>>,
}

impl Workers {
    /// Creates an empty list; `clock` is used for timestamps.
    pub fn new(clock: Clock) -> Self {
        Self { clock, all: Arc::default() }
    }

    /// Returns the worker with this plan's name, adding it if it is new.
    pub fn enter(&self, plan: Plan) -> Worker {
        let mut all = lock(&self.all);
        if let Some(known) = all.iter().find(|worker| lock(&worker.status).plan.name == plan.name) {
            return known.clone();
        }
        let status = Status {
            plan,
            state: State::Idle,
            last_run: None,
            last_done: None,
            last_fault: None,
            faults: 0,
            panics: 0,
        };
        let worker = Worker { clock: self.clock.clone(), status: Arc::new(Mutex::new(status)) };
        all.push(worker.clone());
        worker
    }

    /// The status of each worker, in the order in which they were added.
    pub fn status(&self) -> Vec<Status> {
        lock(&self.all).iter().map(Worker::status).collect()
    }

    /// The names of those that are down.
    pub fn down(&self) -> Vec<&'static str> {
        let is_down = |status: &Status| status.state == State::Down;
        self.status().iter().filter(|status| is_down(status)).map(|status| status.plan.name).collect()
    }
}

/// A handle on one worker, for its own loop. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Worker {
    clock: Clock,
    status: Arc<Mutex<Status>>,
}

impl Worker {
    pub fn status(&self) -> Status {
        lock(&self.status).clone()
    }

    /// Records a pass that succeeded and did `count` of `what`.
    pub fn did(&self, count: usize, what: &'static str) {
        let now = self.clock.now();
        let mut status = lock(&self.status);
        status.state = State::Running;
        status.last_run = Some(now);
        if count > 0 {
            status.last_done = Some((now, Done { count, what }));
        }
    }

    /// Records a pass that failed; the loop continues. `says` is logged with the error, and shown without it. The same failure is
    /// logged again only after a pass that succeeded, or a minute later.
    pub fn failed(&self, says: &'static str, error: &(dyn Error + 'static)) {
        let status = self.status();
        let is_known = status.last_fault.is_some_and(|(at, last)| {
            last == says && status.last_run < Some(at) && self.clock.now() < at.plus(LOGGED_EVERY)
        });
        if is_known {
            // Its time stays that of the line in the log.
            self.is(State::Running);
        } else {
            tracing::error!(worker = status.plan.name, error, "{says}");
            self.failed_again(says);
        }
    }

    /// The same without a log line: for errors that would fill the log.
    pub fn failed_again(&self, says: &'static str) {
        let now = self.clock.now();
        let mut status = lock(&self.status);
        status.state = State::Running;
        status.faults += 1;
        status.last_fault = Some((now, says));
    }

    /// Returns a task's result. A panic is counted and logged; the loop continues.
    pub fn task_ended<T>(&self, ended: Result<T, JoinError>) -> Option<T> {
        if ended.as_ref().is_err_and(JoinError::is_panic) {
            let now = self.clock.now();
            let mut status = lock(&self.status);
            status.panics += 1;
            status.last_fault = Some((now, "a task panicked"));
            tracing::error!(worker = status.plan.name, panics = status.panics, "a task of a worker panicked");
        }
        ended.ok()
    }

    fn is(&self, state: State) {
        lock(&self.status).state = state;
    }

    /// The panic's message stays out of the log: it may contain data that the worker was handling.
    fn panicked(&self, pause: Duration) {
        let now = self.clock.now();
        let mut status = lock(&self.status);
        status.state = State::Down;
        status.panics += 1;
        status.last_fault = Some((now, "it panicked"));
        let (name, panics) = (status.plan.name, status.panics);
        tracing::error!(worker = name, panics, again_in_s = pause.as_secs(), "the worker “{name}” panicked");
    }
}

/// Runs the loop that `begin` returns until it finishes. When it panics, it is restarted after a pause, unless `stopped`
/// completes first. Interrupted work is lost, so a loop must keep nothing in memory that is not in the database.
pub async fn supervise<F: Future<Output = ()>>(
    worker: Worker,
    stopped: impl Future<Output = ()>,
    mut begin: impl FnMut() -> F,
) {
    let mut stopped = pin!(stopped);
    let longest = worker.status().plan.pause_at_most;
    let mut last_pause = None;
    loop {
        let since = Instant::now();
        let ended = {
            let mut run = pin!(caught(async { begin().await }));
            if last_pause.is_none() {
                worker.is(State::Running);
                run.await
            } else {
                tokio::select! {
                    ended = run.as_mut() => ended,
                    () = sleep(SETTLES_WITHIN) => {
                        worker.is(State::Running);
                        run.await
                    }
                }
            }
        };
        if ended.is_ok() {
            break;
        }
        let pause = pause_after(since.elapsed(), last_pause).min(longest);
        worker.panicked(pause);
        tokio::select! {
            () = sleep(pause) => {}
            () = stopped.as_mut() => break,
        }
        last_pause = Some(pause);
    }
    worker.is(State::Idle);
}

/// The pause after a panic of a loop that ran for `ran`, and was itself started after the pause `last`.
fn pause_after(ran: Duration, last: Option<Duration>) -> Duration {
    match last {
        Some(last) if ran < LONGEST_PAUSE => (last * 2).min(LONGEST_PAUSE),
        _ => FIRST_PAUSE,
    }
}

/// Completes when the process is asked to stop.
pub async fn stop_requested(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

struct Panicked;

async fn caught(run: impl Future<Output = ()>) -> Result<(), Panicked> {
    let mut run = pin!(run);
    // Whatever the panic left unfinished belongs to `run`, which is never polled again.
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(context))) {
        Ok(polled) => polled.map(Ok),
        Err(_) => Poll::Ready(Err(Panicked)),
    })
    .await
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::Notify;

    use super::*;

    const PLAN: Plan = Plan { name: "loop", runs: "in a test", pause_at_most: Duration::ZERO };

    fn workers() -> Workers {
        Workers::new(Clock::test(Time::from_millis(1_790_000_000_000)))
    }

    async fn until(is_so: impl Fn() -> bool) {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn pauses_double_to_a_minute_until_it_has_run_well() {
        let mut pauses = Vec::new();
        for _ in 0..8 {
            pauses.push(pause_after(Duration::ZERO, pauses.last().copied()));
        }
        assert_eq!(pauses.iter().map(Duration::as_secs).collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(pause_after(LONGEST_PAUSE, pauses.last().copied()), FIRST_PAUSE);
    }

    #[tokio::test]
    async fn a_loop_that_panics_is_begun_again_and_down_until_it_has_worked() {
        let workers = workers();
        let worker = workers.enter(PLAN);
        let (go, end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let mut times = 0;
        let (own, gone, ended) = (worker.clone(), Arc::clone(&go), Arc::clone(&end));
        let run = move || {
            times += 1;
            let (n, worker, go, end) = (times, own.clone(), Arc::clone(&gone), Arc::clone(&ended));
            async move {
                assert!(n > 3, "the first three panic");
                go.notified().await;
                worker.did(3, "keys tried");
                end.notified().await;
            }
        };
        let running = tokio::spawn(supervise(worker.clone(), pending(), run));
        until(|| worker.status().panics == 3).await;
        assert_eq!(workers.down(), ["loop"], "it was begun, and has not worked yet");
        go.notify_one();
        until(|| workers.down().is_empty()).await;
        let status = worker.status();
        assert_eq!((status.state, status.panics), (State::Running, 3));
        assert_eq!(status.last_done.map(|(_, done)| done.to_string()), Some("keys tried: 3".to_owned()));
        assert_eq!(status.last_fault.map(|(_, says)| says), Some("it panicked"));
        end.notify_one();
        running.await.expect("it ends by itself");
        assert_eq!(worker.status().state, State::Idle);
    }

    #[tokio::test]
    async fn a_process_that_stops_does_not_wait_for_a_worker_that_is_down() {
        let workers = workers();
        let worker = workers.enter(Plan::new("loop", "in a test"));
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(supervise(worker, stop_requested(stopped), || async { panic!("always") }));
        until(|| !workers.down().is_empty()).await;
        stop.send_replace(true);
        tokio::time::timeout(FIRST_PAUSE / 2, running).await.expect("it ends at once").expect("without a panic");
    }

    #[test]
    fn the_same_failure_is_reported_once_a_minute_until_a_pass_succeeds() {
        let clock = Clock::test(Time::from_millis(1_790_000_000_000));
        let worker = Workers::new(clock.clone()).enter(PLAN);
        let error = std::io::Error::other("disk");
        let fails_after = |seconds| {
            clock.advance(Duration::from_secs(seconds));
            worker.failed("not written", &error);
            worker.status().last_fault.map(|(at, _)| at)
        };
        let first = fails_after(0);
        assert_eq!(fails_after(1), first);
        assert_eq!(fails_after(58), first);
        let second = fails_after(1);
        assert!(second > first, "a minute later");
        worker.did(0, "written");
        assert!(fails_after(1) > second, "after a pass that succeeded");
    }

    #[tokio::test]
    async fn a_task_that_panics_is_counted_and_its_worker_goes_on() {
        let workers = workers();
        let worker = workers.enter(PLAN);
        assert_eq!(worker.task_ended(tokio::spawn(async { 7 }).await), Some(7));
        assert_eq!(worker.task_ended(tokio::spawn(async { panic!("a task") }).await), None::<()>);
        let status = workers.enter(PLAN).status();
        assert_eq!((status.panics, status.last_fault.map(|(_, says)| says)), (1, Some("a task panicked")));
        assert!(workers.down().is_empty() && workers.status().len() == 1);
    }
}
