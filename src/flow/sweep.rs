//! Sweep: attempts that nobody brought to an end are ended, and their keys wiped; keys that were given up are asked
//! about; what strangers left is deleted; key reads are counted, and deleted when they are too old; so are the logs of webhooks.
//! What an earlier version sealed is sealed anew.

use std::time::Duration;

use tokio::sync::watch;

use super::{Beneath, overview, parting, prove, reads, retention, seals, sign_in, webhooks};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::attempt::Status;
use crate::domain::event::{Event, Kind};
use crate::domain::verdict::Verdict;
use crate::live::worker::Plan;
use crate::storage::attempts::{self, Still};
use crate::storage::{budgets, strangers};

/// How often to look.
const EVERY: Duration = Duration::from_mins(1);
/// How long a received key waits for its proof and confirmation before it is wiped.
const UNCONFIRMED_FOR: Duration = Duration::from_hours(24);

/// How long an attempt of the open page is kept that came to nothing: its operator sees it for a day.
const FRUITLESS_FOR: Duration = Duration::from_hours(23);

/// How often to look for values that a process of an earlier version sealed beside this one.
const RENEW_EVERY: Duration = Duration::from_hours(1);

/// This worker.
pub const WORKER: Plan = Plan::new("sweeper", "every minute");

/// Sweeps until told to stop.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let worker = app.workers.enter(WORKER);
    let mut renew_from = app.now();
    while !*stop.borrow() {
        match sweep(&app).await {
            Ok(ended) => worker.did(ended, "attempts ended"),
            Err(error) => worker.failed("the sweep failed", &error),
        }
        if let Err(error) = reads::count(&app).await {
            worker.failed("key reads could not be counted", &error);
        }
        if let Err(error) = retention::sweep(&app).await {
            worker.failed("expired records could not be deleted", &error);
        }
        if let Err(error) = webhooks::sweep(&app).await {
            worker.failed("webhook delivery logs could not be pruned", &error);
        }
        if app.now() >= renew_from {
            match seals::renew(&app).await {
                Ok(renewed) if seals::is_full(renewed) => {}
                Ok(_) => renew_from = app.now().plus(RENEW_EVERY),
                Err(error) => worker.failed("values sealed by an earlier version could not be re-sealed", &error),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Ends what is overdue now, and asks about keys that were given up; gives back how many attempts were ended.
pub async fn sweep(app: &App) -> Result<usize, Beneath> {
    // Each is done whatever becomes of the others; the first fault is reported.
    let (settled, signed_in, ended) = (prove::settle(app).await, sign_in::sweep(app).await, end_overdue(app).await);
    let (forgotten, asked) = (forget_strangers(app).await, parting::ask_due(app).await);
    settled.and(signed_in).and(forgotten).and(asked)?;
    ended
}

/// Deletes attempts of the open page that came to nothing, and budgets that are there again.
async fn forget_strangers(app: &App) -> Result<(), Beneath> {
    let now = app.now();
    while strangers::sweep(&app.db, now.minus(FRUITLESS_FOR)).await? > 0 {
        // Whoever waits for the writer goes first.
        tokio::task::yield_now().await;
    }
    strangers::forget_days(&app.db, now.day() - i64::from(overview::DAYS) - 1).await?;
    Ok(budgets::sweep(&app.db, now).await?)
}

async fn end_overdue(app: &App) -> Result<usize, Beneath> {
    let now = app.now();
    let mut ended = 0;
    loop {
        let overdue = attempts::overdue(&app.db, now, now.minus(UNCONFIRMED_FOR)).await?;
        if overdue.is_empty() {
            return Ok(ended);
        }
        for attempt in overdue {
            let (still, status, kind, reason) = match attempt.status {
                Status::Open => (Still::Open, Status::Expired, Kind::AttemptExpired, Verdict::NotFinished),
                Status::AwaitingConfirmation => {
                    (Still::Unended, Status::Failed, Kind::AttemptFailed, Verdict::NotConfirmed)
                }
                _ => (Still::Unended, Status::Failed, Kind::AttemptFailed, Verdict::NotFinished),
            };
            let event = Event::new(kind, now, &Actor::cartkey())
                .user(&attempt.user_id)
                .link(attempt.link_id.as_ref())
                .attempt(&attempt.id)
                .because(Some(reason));
            attempts::end(&app.db, &attempt.id, still, status, reason, now, &event).await?;
            ended += 1;
        }
    }
}
