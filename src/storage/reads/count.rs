//! How many keys were read and calls made: counted by day and token when they are moved to segments; the journal is counted on
//! demand.

use std::collections::{BTreeMap, HashMap};

use super::{Read, journal};
use crate::domain::id::TokenId;
use crate::domain::time::Time;
use crate::storage::statement::FromRow;
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
type Counts = BTreeMap<(i64, TokenId), (Count, Time)>;

fn counted(reads: &[Read]) -> Counts {
    let mut counts = Counts::new();
    for read in reads {
        let at = Time::from_millis(read.at);
        let (n, last) = counts.entry((at.day(), TokenId::of_ulid(read.token))).or_insert((Count::default(), at));
        n.add(Count::of(read));
        *last = at.max(*last);
    }
    counts
}

/// Adds these reads to the daily counts, in the transaction that moves them out of the journal.
pub(super) async fn add(tx: &mut Tx, reads: &[Read]) -> Result<(), Error> {
    for ((day, token), (n, last)) in counted(reads) {
        tx.query(
            "INSERT INTO read_days (day, token_id, n, last_at, calls)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (day, token_id) DO UPDATE
             SET n = read_days.n + excluded.n,
                 calls = read_days.calls + excluded.calls,
                 last_at = CASE WHEN excluded.last_at > read_days.last_at THEN excluded.last_at ELSE read_days.last_at END",
        )
        .bind(day)
        .bind(token)
        .bind(n.reads)
        .bind(last)
        .bind(n.calls)
        .execute()
        .await?;
    }
    Ok(())
}

/// Combines the daily counts with the journal: `kept` selects from the daily counts; `add` receives each row and each count of the
/// journal.
async fn both<R: FromRow, K: Ord, V>(
    db: &Db,
    (kept, of_row): (&'static str, impl Fn(R) -> (K, V)),
    since: i64,
    of_journal: impl Fn(&(i64, TokenId), (Count, Time)) -> Option<(K, V)>,
    add: impl Fn(&mut V, V),
) -> Result<BTreeMap<K, V>, Error> {
    let mut tx = db.view().await?;
    let mut all: BTreeMap<K, V> = tx.query(kept).bind(since).all::<R>().await?.into_iter().map(of_row).collect();
    let journal = journal::all(&mut tx).await?;
    for (of, value) in counted(&journal).iter().filter_map(|(of, value)| of_journal(of, *value)) {
        match all.entry(of) {
            std::collections::btree_map::Entry::Vacant(empty) => {
                empty.insert(value);
            }
            std::collections::btree_map::Entry::Occupied(mut there) => add(there.get_mut(), value),
        }
    }
    Ok(tx.undo(all).await?.0)
}

fn of_row<K>((of, reads, calls): (K, i64, i64)) -> (K, Count) {
    (of, Count { reads, calls })
}

/// Reads and calls of each day from `day` on, oldest first; days without any are left out.
pub async fn by_day(db: &Db, day: i64) -> Result<BTreeMap<i64, Count>, Error> {
    let kept =
        "SELECT day, CAST(SUM(n) AS BIGINT), CAST(SUM(calls) AS BIGINT) FROM read_days WHERE day >= $1 GROUP BY day";
    both(db, (kept, of_row), day, |(of, _), (n, _)| (*of >= day).then_some((*of, n)), Count::add).await
}

/// Reads and calls by each token from `day` on.
pub async fn by_token(db: &Db, day: i64) -> Result<BTreeMap<TokenId, Count>, Error> {
    let kept = "SELECT token_id, CAST(SUM(n) AS BIGINT), CAST(SUM(calls) AS BIGINT)
                FROM read_days
                WHERE day >= $1
                GROUP BY token_id";
    both(db, (kept, of_row), day, |(of, token), (n, _)| (*of >= day).then(|| (token.clone(), n)), Count::add).await
}

/// When each token last read a key or made a call; tokens that never did are left out.
pub async fn last_by_token(db: &Db) -> Result<HashMap<TokenId, Time>, Error> {
    let kept = "SELECT token_id, MAX(last_at) FROM read_days WHERE day >= $1 GROUP BY token_id";
    let row = |row: (TokenId, Time)| row;
    let later = |last: &mut Time, at: Time| *last = at.max(*last);
    let all = both(db, (kept, row), 0, |(_, token), (_, at)| Some((token.clone(), at)), later).await?;
    Ok(all.into_iter().collect())
}

/// Whether a key was ever read or used for a call.
pub async fn is_any(db: &Db) -> Result<bool, Error> {
    db.read("SELECT EXISTS (SELECT 1 FROM read_journal) OR EXISTS (SELECT 1 FROM read_days)").value().await
}
