//! Counts key reads per day and per token.
//!
//! The record has one row per read and may have millions. Settled rows are therefore counted once, into `read_days`; only the last
//! minutes are counted on demand. Days are UTC days.

use std::collections::HashMap;
use std::time::Duration;

use crate::app::App;
use crate::domain::id::{RequestId, TokenId};
use crate::domain::time::Time;
use crate::flow::Beneath;
use crate::storage::read_days;

/// The age at which a read is settled. Its id is minted when the request arrives. It is written only if the client still waits when
/// its batch begins, at most 30 s later (the handler's limit), and a batch takes at most 44 s (the writer's limit). The rest allows
/// for replicas whose clocks differ.
const SETTLED_AFTER: Duration = Duration::from_mins(2);
/// Reads counted per transaction: it holds the writer for about 20 ms.
const AT_ONCE: i64 = 20_000;
/// Transactions per pass; the rest waits for the next pass.
const TRANSACTIONS: usize = 50;

/// The reads of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Days since 1970-01-01, in UTC.
    pub day: i64,
    /// The number of keys lent.
    pub reads: i64,
}

/// The key reads of one token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OfToken {
    /// The number of keys since the requested day.
    pub reads: i64,
    /// The time of its last read, however long ago.
    pub last_at: Option<Time>,
}

/// Counts settled reads; replicas may do so concurrently. Returns false if some remain for the next pass.
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

/// The key reads of each of the last `days` days, ending today; days without reads are included with 0.
pub async fn per_day(app: &App, days: u16) -> Result<Vec<Day>, Beneath> {
    let today = app.now().day();
    let first = today - i64::from(days.max(1)) + 1;
    let counted = read_days::counted(&app.db).await?;
    let known: HashMap<i64, i64> = read_days::by_day(&app.db, first, &counted).await?.into_iter().collect();
    Ok((first..=today).map(|day| Day { day, reads: known.get(&day).copied().unwrap_or(0) }).collect())
}

/// Each token's reads since the UTC day of `since`, and its last read ever. Tokens that never read a key are left out.
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
