//! Workers: the loops that run beside the requests, each under a name. One that panics is begun again; what each did last
//! and how it ended is kept for Diagnostics and `/readyz`.

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

use crate::domain::time::{Clock, Time};

/// The pause before a worker that panicked is begun again; each further panic doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest such pause. A worker that ran for as long without a panic has run well: its next pause is the first again.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A worker that was begun again counts as down until it has ended a pass, or has run for so long.
const SETTLES_WITHIN: Duration = Duration::from_secs(5);

/// What is fixed about a worker.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Its name, in the log and on Diagnostics.
    pub name: &'static str,
    /// When it runs, for a person: its period, or what wakes it.
    pub runs: &'static str,
    /// The longest pause before it is begun again after a panic.
    pub pause_at_most: Duration,
}

impl Plan {
    /// A worker whose pauses grow to a minute.
    pub const fn new(name: &'static str, runs: &'static str) -> Self {
        Self { name, runs, pause_at_most: LONGEST_PAUSE }
    }
}

/// Whether a worker runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// There is nothing for it to do: it was not begun yet, or has come to its end.
    Idle,
    /// It runs, or waits for its next turn.
    Running,
    /// It panicked, and has not worked since.
    Down,
}

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// How many of them.
    pub count: usize,
    /// What, as it follows the number: `keys tried`.
    pub what: &'static str,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.count, self.what)
    }
}

/// How a worker is doing.
#[derive(Debug, Clone)]
pub struct Status {
    /// What is fixed about it.
    pub plan: Plan,
    /// Whether it runs.
    pub state: State,
    /// When it last ended a pass without a fault, also one that found nothing to do.
    pub last_run: Option<Time>,
    /// What it last did, and when.
    pub last_done: Option<(Time, Done)>,
    /// When something last went wrong, and what.
    pub last_fault: Option<(Time, &'static str)>,
    /// Panics since the start of the process, those of its tasks included.
    pub panics: u64,
}

/// All workers of a process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Workers {
    clock: Clock,
    all: Arc<Mutex<Vec<Worker>>>,
}

impl Workers {
    /// No workers yet; `clock` says when something happened.
    pub fn new(clock: Clock) -> Self {
        Self { clock, all: Arc::default() }
    }

    /// The worker of this plan's name, entered if it is new.
    pub fn enter(&self, plan: Plan) -> Worker {
        let mut all = lock(&self.all);
        if let Some(known) = all.iter().find(|worker| lock(&worker.status).plan.name == plan.name) {
            return known.clone();
        }
        let status = Status { plan, state: State::Idle, last_run: None, last_done: None, last_fault: None, panics: 0 };
        let worker = Worker { clock: self.clock.clone(), status: Arc::new(Mutex::new(status)) };
        all.push(worker.clone());
        worker
    }

    /// How each of them is doing, in the order in which they were entered.
    pub fn status(&self) -> Vec<Status> {
        lock(&self.all).iter().map(Worker::status).collect()
    }

    /// The names of those that are down.
    pub fn down(&self) -> Vec<&'static str> {
        let is_down = |status: &Status| status.state == State::Down;
        self.status().iter().filter(|status| is_down(status)).map(|status| status.plan.name).collect()
    }
}

/// One worker, as its own loop sees it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Worker {
    clock: Clock,
    status: Arc<Mutex<Status>>,
}

impl Worker {
    /// How it is doing.
    pub fn status(&self) -> Status {
        lock(&self.status).clone()
    }

    /// A pass has ended well, and has done so many of `what`.
    pub fn did(&self, count: usize, what: &'static str) {
        let now = self.clock.now();
        let mut status = lock(&self.status);
        status.state = State::Running;
        status.last_run = Some(now);
        if count > 0 {
            status.last_done = Some((now, Done { count, what }));
        }
    }

    /// A pass has ended with an error; the loop goes on. `says` is logged with the error and shown without it.
    pub fn failed(&self, says: &'static str, error: &(dyn Error + 'static)) {
        tracing::error!(worker = self.status().plan.name, error, "{says}");
        self.failed_again(says);
    }

    /// The same without a line in the log: for what would be said there many times a minute.
    pub fn failed_again(&self, says: &'static str) {
        let now = self.clock.now();
        let mut status = lock(&self.status);
        status.state = State::Running;
        status.last_fault = Some((now, says));
    }

    /// How a task of the worker has ended. One that panicked is counted and logged; the loop goes on.
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

    /// What a panic said stays out of the log: it may name what the worker was working on.
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

/// Runs what `begin` begins until that ends by itself. When it panics, it is begun again after a pause, unless `stopped` ends
/// first. What the panic has interrupted is lost: a loop keeps nothing in memory that the database does not know.
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

/// The pause after a panic of a loop that `ran` for so long, when it was begun after the pause `last`.
fn pause_after(ran: Duration, last: Option<Duration>) -> Duration {
    match last {
        Some(last) if ran < LONGEST_PAUSE => (last * 2).min(LONGEST_PAUSE),
        _ => FIRST_PAUSE,
    }
}

/// Ends when the process is told to stop.
pub async fn told(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

struct Panicked;

async fn caught(run: impl Future<Output = ()>) -> Result<(), Panicked> {
    let mut run = pin!(run);
    // Whatever the panic left half done belongs to `run`, which is never polled again.
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
        assert_eq!(status.last_done.map(|(_, done)| done.to_string()), Some("3 keys tried".to_owned()));
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
        let running = tokio::spawn(supervise(worker, told(stopped), || async { panic!("always") }));
        until(|| !workers.down().is_empty()).await;
        stop.send_replace(true);
        tokio::time::timeout(FIRST_PAUSE / 2, running).await.expect("it ends at once").expect("without a panic");
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
