//! Sweep: ends abandoned attempts and wipes their keys, checks whether given-up keys were revoked, deletes expired data
//! from the open page and expired idempotency keys, and prunes key reads and webhook logs.

use std::time::Duration;

use tokio::sync::watch;

use crate::app::App;
use crate::domain::{Actor, Status, Verdict};
use crate::flow::{
    Beneath,
    connecting::{self, prove},
    dashboard::overview,
    idempotency,
    operators::sign_in,
    retention,
    watching::revocation,
    webhooks,
};
use crate::live::worker::Plan;
use crate::storage::attempts::{self, Ending, Still};
use crate::storage::{budgets, strangers};

/// The interval between sweeps.
const EVERY: Duration = Duration::from_mins(1);
/// How long a received key may wait for its proof and confirmation before it is wiped.
const UNCONFIRMED_FOR: Duration = Duration::from_hours(24);

/// How long a fruitless attempt of the open page is kept: operators see it for a day.
const FRUITLESS_FOR: Duration = Duration::from_hours(23);

pub const WORKER: Plan = Plan::new("sweeper", "every minute");

/// Sweeps until shutdown.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let worker = app.workers.enter(WORKER);
    while !*stop.borrow() {
        match sweep(&app).await {
            Ok(ended) => worker.did(ended, "attempts ended"),
            Err(error) => worker.failed("the sweep failed", &error),
        }
        if let Err(error) = retention::sweep(&app).await {
            worker.failed("expired records could not be deleted", &error);
        }
        if let Err(error) = webhooks::sweep(&app).await {
            worker.failed("webhook delivery logs could not be pruned", &error);
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Ends overdue attempts and checks given-up keys. Returns the number of attempts ended.
pub async fn sweep(app: &App) -> Result<usize, Beneath> {
    // Each step runs even if another fails. The first error is returned.
    let (settled, signed_in, ended) = (prove::settle(app).await, sign_in::sweep(app).await, end_overdue(app).await);
    let (forgotten, asked) = (forget_strangers(app).await, revocation::ask_due(app).await);
    let expired = idempotency::sweep(app, idempotency::LIMITS).await;
    settled.and(signed_in).and(forgotten).and(asked).and(expired)?;
    ended
}

/// Deletes fruitless attempts of the open page, and rate-limit budgets that have refilled.
async fn forget_strangers(app: &App) -> Result<(), Beneath> {
    let now = app.now();
    while strangers::sweep(&app.db, now.minus(FRUITLESS_FOR)).await? > 0 {
        // Let tasks that wait for the writer go first.
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
            let (still, status, reason) = match attempt.status {
                Status::Open => (Still::Open, Status::Expired, Verdict::NotFinished),
                Status::AwaitingConfirmation => (Still::Unended, Status::Failed, Verdict::NotConfirmed),
                _ => (Still::Unended, Status::Failed, Verdict::NotFinished),
            };
            connecting::end(app, &attempt, Ending { still, status, reason }, &Actor::cartkey()).await?;
            ended += 1;
        }
    }
}
