//! Moves key reads and calls from the journal to segments, and counts them per UTC day and per token.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::watch;

use crate::app::App;
use crate::domain::{Time, TokenId};
use crate::flow::Beneath;
use crate::live::worker::Plan;
use crate::storage::reads;

/// The interval at which the journal is checked.
const EVERY: Duration = Duration::from_secs(1);
/// The number of commits in the journal from which they are moved. Fewer are moved when they are a day old.
const COMMITS: i64 = 1_000;
/// The age at which reads are moved, however few there are.
const LATEST: Duration = Duration::from_hours(24);

pub const WORKER: Plan = Plan::new("key read index", "every second");

/// The reads and calls of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Days since 1970-01-01, in UTC.
    pub day: i64,
    /// The number of keys lent.
    pub reads: i64,
    /// The number of calls made with keys.
    pub calls: i64,
}

/// The key reads and calls of one token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OfToken {
    /// The number of keys since the requested day.
    pub reads: i64,
    /// The number of calls since then.
    pub calls: i64,
    /// The time of its last read or call, however long ago.
    pub last_at: Option<Time>,
}

/// Moves reads until shutdown.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let worker = app.workers.enter(WORKER);
    while !*stop.borrow() {
        match index(&app, COMMITS).await {
            Ok(moved) => {
                worker.did(moved, "key reads moved");
                if moved > 0 {
                    continue;
                }
            }
            Err(error) => worker.failed("key reads could not be moved", &error),
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Moves the oldest reads of the journal if there are `commits` of them or they are a day old, and merges what was moved
/// before. Returns how many were moved: the rest waits for the next call.
pub async fn index(app: &App, commits: i64) -> Result<usize, Beneath> {
    let now = app.now();
    let moved = reads::index(&app.db, commits, now.minus(LATEST), now).await?;
    if moved == 0 {
        while reads::merge(&app.db, now).await? {}
    }
    Ok(moved)
}

/// The key reads and calls of each of the last `days` days, ending today; days without any are included with 0.
pub async fn per_day(app: &App, days: u16) -> Result<Vec<Day>, Beneath> {
    let today = app.now().day();
    let first = today - i64::from(days.max(1)) + 1;
    let known = reads::by_day(&app.db, first).await?;
    let of = |day| known.get(&day).copied().unwrap_or_default();
    Ok((first..=today).map(|day| Day { day, reads: of(day).reads, calls: of(day).calls }).collect())
}

/// Each token's reads and calls since the UTC day of `since`, and its last one ever. Tokens without any are left out.
pub async fn of_tokens(app: &App, since: Time) -> Result<HashMap<TokenId, OfToken>, Beneath> {
    let all = reads::by_token(&app.db, since.day()).await?.into_iter();
    let of = |(token, (count, at)): (TokenId, (reads::Count, Time))| {
        (token, OfToken { reads: count.reads, calls: count.calls, last_at: Some(at) })
    };
    Ok(all.map(of).collect())
}
