//! How many keys were read and calls made: counted by day and token when they are moved to segments; the journal is counted on
//! demand.

use std::collections::BTreeMap;

use super::{Read, journal};
use crate::domain::{RequestId, Time, TokenId};
use crate::storage::{Db, Error, Tx};

/// How many keys were read, and how many calls were made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    pub reads: i64,
    pub calls: i64,
}

impl Count {
    pub(super) fn of(read: &Read) -> Self {
        let calls = i64::from(read.call.is_some());
        Self { reads: 1 - calls, calls }
    }

    pub(super) fn add(&mut self, more: Self) {
        self.reads += more.reads;
        self.calls += more.calls;
    }
}

/// The counts per day and token, and the time of the last.
pub(super) struct Counted(BTreeMap<(i64, TokenId), (Count, Time)>);

impl Counted {
    pub(super) fn of(reads: &[Read]) -> Self {
        let mut counts = BTreeMap::new();
        for read in reads {
            let at = Time::from_millis(read.at);
            let (n, last) = counts.entry((at.day(), TokenId::of_ulid(read.token))).or_insert((Count::default(), at));
            n.add(Count::of(read));
            *last = at.max(*last);
        }
        Self(counts)
    }

    /// Adds these counts to those of each day, in the transaction that moves the reads out of the journal.
    pub(super) async fn add(&self, tx: &mut Tx) -> Result<(), Error> {
        for ((day, token), (n, last)) in &self.0 {
            tx.query(
                "INSERT INTO read_days (day, token_id, n, last_at, calls)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (day, token_id) DO UPDATE
                 SET n = read_days.n + excluded.n,
                     calls = read_days.calls + excluded.calls,
                     last_at = CASE WHEN excluded.last_at > read_days.last_at THEN excluded.last_at ELSE read_days.last_at END",
            )
            .bind(*day)
            .bind(token)
            .bind(n.reads)
            .bind(*last)
            .bind(n.calls)
            .execute()
            .await?;
        }
        Ok(())
    }
}

async fn in_journal(tx: &mut Tx) -> Result<Counted, Error> {
    Ok(Counted::of(&journal::up_to(tx, &RequestId::least(Time::from_millis(i64::MAX))).await?))
}

/// Reads and calls of each day from `day` on, oldest first; days without any are left out.
pub async fn by_day(db: &Db, day: i64) -> Result<BTreeMap<i64, Count>, Error> {
    let mut tx = db.view().await?;
    let kept = tx
        .query(
            "SELECT day, CAST(SUM(n) AS BIGINT), CAST(SUM(calls) AS BIGINT) FROM read_days WHERE day >= $1 GROUP BY day",
        )
        .bind(day);
    let kept: Vec<(i64, i64, i64)> = kept.all().await?;
    let mut all: BTreeMap<i64, Count> =
        kept.into_iter().map(|(day, reads, calls)| (day, Count { reads, calls })).collect();
    for ((of, _), (n, _)) in in_journal(&mut tx).await?.0 {
        if of >= day {
            all.entry(of).or_default().add(n);
        }
    }
    Ok(tx.undo(all).await?.0)
}

/// For each token that ever read a key or made a call: its reads and calls from `day` on, and when the last one was.
pub async fn by_token(db: &Db, day: i64) -> Result<BTreeMap<TokenId, (Count, Time)>, Error> {
    let mut tx = db.view().await?;
    let kept = tx
        .query(
            "SELECT token_id, CAST(SUM(CASE WHEN day >= $1 THEN n ELSE 0 END) AS BIGINT),
                    CAST(SUM(CASE WHEN day >= $1 THEN calls ELSE 0 END) AS BIGINT), MAX(last_at)
             FROM read_days
             GROUP BY token_id",
        )
        .bind(day);
    let kept: Vec<(TokenId, i64, i64, Time)> = kept.all().await?;
    let mut all: BTreeMap<TokenId, (Count, Time)> =
        kept.into_iter().map(|(token, reads, calls, at)| (token, (Count { reads, calls }, at))).collect();
    for ((of, token), (n, at)) in in_journal(&mut tx).await?.0 {
        let (sum, last) = all.entry(token).or_insert((Count::default(), at));
        if of >= day {
            sum.add(n);
        }
        *last = at.max(*last);
    }
    Ok(tx.undo(all).await?.0)
}
