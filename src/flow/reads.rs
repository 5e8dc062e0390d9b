//! Key reads, counted: how many there were each day, and by which token.
//!
//! The record has a row for each read and may have millions, so what is settled is counted once, into `read_days`, and only
//! the last minutes are counted when somebody asks. Days are UTC days.

use std::collections::HashMap;
use std::time::Duration;

use super::Beneath;
use crate::app::App;
use crate::domain::id::{RequestId, TokenId};
use crate::domain::time::Time;
use crate::storage::read_days;

/// How old a read is before it is counted. A read has its id when it is asked for; it is written only if its asker still
/// waits when its batch begins, which is for 30 s (a handler's time), and a batch takes 44 s (a writer's patience) at most.
/// The rest is for replicas whose clocks differ.
const SETTLED_AFTER: Duration = Duration::from_mins(2);
/// Reads that one transaction counts: it holds the writer for some 20 ms.
const AT_ONCE: i64 = 20_000;
/// Transactions of one pass; what is left waits for the next.
const TRANSACTIONS: usize = 50;

/// The reads of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Days since 1970-01-01, in UTC.
    pub day: i64,
    /// How many keys were lent.
    pub reads: i64,
}

/// What a token has read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OfToken {
    /// How many keys, from the day that was asked for on.
    pub reads: i64,
    /// When it last read one, however long ago.
    pub last_at: Option<Time>,
}

/// Counts what is settled by now; replicas may do so at the same time. False when some is left for the next pass.
pub async fn count(app: &App) -> Result<bool, Beneath> {
    let settled = RequestId::least(app.now().minus(SETTLED_AFTER));
    for _ in 0..TRANSACTIONS {
        let from = read_days::counted(&app.db).await?;
        if from >= settled {
            return Ok(true);
        }
        let far = read_days::after_so_many(&app.db, &from, &settled, AT_ONCE).await?;
        read_days::count(&app.db, &from, &far.unwrap_or_else(|| settled.clone())).await?;
    }
    Ok(false)
}

/// Key reads of each of the last `days` days, today the last; a day without one is there with 0.
pub async fn per_day(app: &App, days: u16) -> Result<Vec<Day>, Beneath> {
    let today = app.now().day();
    let first = today - i64::from(days.max(1)) + 1;
    let counted = read_days::counted(&app.db).await?;
    let known: HashMap<i64, i64> = read_days::by_day(&app.db, first, &counted).await?.into_iter().collect();
    Ok((first..=today).map(|day| Day { day, reads: known.get(&day).copied().unwrap_or(0) }).collect())
}

/// What each token has read from the UTC day of `since` on, and when it last read at all; tokens that never read a key are
/// left out.
pub async fn of_tokens(app: &App, since: Time) -> Result<HashMap<TokenId, OfToken>, Beneath> {
    let mut all: HashMap<TokenId, OfToken> = HashMap::new();
    let counted = read_days::counted(&app.db).await?;
    for (token, reads) in read_days::by_token(&app.db, since.day(), &counted).await? {
        all.entry(token).or_default().reads = reads;
    }
    for (token, at) in read_days::last_by_token(&app.db).await? {
        all.entry(token).or_default().last_at = Some(at);
    }
    Ok(all)
}
