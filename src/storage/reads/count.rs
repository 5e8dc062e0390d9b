//! How many keys were read: counted by day and token when reads are moved to segments; the journal is counted on demand.

use std::collections::BTreeMap;

use super::{Read, journal};
use crate::domain::id::{RequestId, TokenId};
use crate::domain::time::Time;
use crate::storage::{Db, Error, Tx};

/// The number of reads per day and token, and the time of the last.
pub(super) struct Counted(BTreeMap<(i64, TokenId), (i64, Time)>);

impl Counted {
    pub(super) fn of(reads: &[Read]) -> Self {
        let mut counts = BTreeMap::new();
        for read in reads {
            let at = Time::from_millis(read.at);
            let (n, last) = counts.entry((at.day(), TokenId::of_ulid(read.token))).or_insert((0, at));
            (*n, *last) = (*n + 1, at.max(*last));
        }
        Self(counts)
    }

    /// Adds these counts to those of each day, in the transaction that moves the reads out of the journal.
    pub(super) async fn add(&self, tx: &mut Tx) -> Result<(), Error> {
        for ((day, token), (n, last)) in &self.0 {
            tx.query(
                "INSERT INTO read_days (day, token_id, n, last_at)
                 VALUES ($1, $2, $3, $4)
                 ON CONFLICT (day, token_id) DO UPDATE
                 SET n = read_days.n + excluded.n,
                     last_at = CASE WHEN excluded.last_at > read_days.last_at THEN excluded.last_at ELSE read_days.last_at END",
            )
            .bind(*day)
            .bind(token)
            .bind(*n)
            .bind(*last)
            .execute()
            .await?;
        }
        Ok(())
    }
}

/// The counts of the journal.
async fn in_journal(tx: &mut Tx) -> Result<Counted, Error> {
    Ok(Counted::of(&journal::up_to(tx, &RequestId::least(Time::from_millis(i64::MAX))).await?))
}

/// Reads of each day from `day` on, oldest first; days without one are left out.
pub async fn by_day(db: &Db, day: i64) -> Result<BTreeMap<i64, i64>, Error> {
    let mut tx = db.view().await?;
    let kept = tx.query("SELECT day, CAST(SUM(n) AS BIGINT) FROM read_days WHERE day >= $1 GROUP BY day").bind(day);
    let mut all: BTreeMap<i64, i64> = kept.all::<(i64, i64)>().await?.into_iter().collect();
    for ((of, _), (n, _)) in in_journal(&mut tx).await?.0 {
        if of >= day {
            *all.entry(of).or_default() += n;
        }
    }
    Ok(tx.undo(all).await?.0)
}

/// For each token that ever read a key: its reads from `day` on, and when the last one was.
pub async fn by_token(db: &Db, day: i64) -> Result<BTreeMap<TokenId, (i64, Time)>, Error> {
    let mut tx = db.view().await?;
    let kept = tx
        .query(
            "SELECT token_id, CAST(SUM(CASE WHEN day >= $1 THEN n ELSE 0 END) AS BIGINT), MAX(last_at)
             FROM read_days
             GROUP BY token_id",
        )
        .bind(day);
    let kept: Vec<(TokenId, i64, Time)> = kept.all().await?;
    let mut all: BTreeMap<TokenId, (i64, Time)> = kept.into_iter().map(|(token, n, at)| (token, (n, at))).collect();
    for ((of, token), (n, at)) in in_journal(&mut tx).await?.0 {
        let (sum, last) = all.entry(token).or_insert((0, at));
        (*sum, *last) = (*sum + if of >= day { n } else { 0 }, at.max(*last));
    }
    Ok(tx.undo(all).await?.0)
}
