//! How many keys were read: counted by day and token when reads are moved to segments; the journal is counted on demand.

use std::collections::{BTreeMap, HashMap};

use super::{Read, journal};
use crate::domain::id::TokenId;
use crate::domain::time::Time;
use crate::storage::{Db, Error, Tx};

/// The number of reads per day and token, and the time of the last.
type Counts = BTreeMap<(i64, TokenId), (i64, Time)>;

fn counted(reads: &[Read]) -> Counts {
    let mut counts = Counts::new();
    for read in reads {
        let at = Time::from_millis(read.at);
        let (n, last) = counts.entry((at.day(), TokenId::of_ulid(read.token))).or_insert((0, at));
        (*n, *last) = (*n + 1, at.max(*last));
    }
    counts
}

/// Adds these reads to the daily counts, in the transaction that moves them out of the journal.
pub(super) async fn add(tx: &mut Tx, reads: &[Read]) -> Result<(), Error> {
    for ((day, token), (n, last)) in counted(reads) {
        tx.query(
            "INSERT INTO read_days (day, token_id, n, last_at)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (day, token_id) DO UPDATE
             SET n = read_days.n + excluded.n,
                 last_at = CASE WHEN excluded.last_at > read_days.last_at THEN excluded.last_at ELSE read_days.last_at END",
        )
        .bind(day)
        .bind(token)
        .bind(n)
        .bind(last)
        .execute()
        .await?;
    }
    Ok(())
}

/// Combines the daily counts with the journal: `kept` selects from the daily counts; `add` receives each row and each count of the
/// journal.
async fn both<K: Ord, V>(
    db: &Db,
    kept: &'static str,
    since: i64,
    of_journal: impl Fn(&(i64, TokenId), (i64, Time)) -> Option<(K, V)>,
    add: impl Fn(&mut V, V),
) -> Result<BTreeMap<K, V>, Error>
where
    (K, V): crate::storage::statement::FromRow,
{
    let mut tx = db.view().await?;
    let mut all: BTreeMap<K, V> = tx.query(kept).bind(since).all::<(K, V)>().await?.into_iter().collect();
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

/// Reads of each day from `day` on, oldest first; days without one are left out.
pub async fn by_day(db: &Db, day: i64) -> Result<BTreeMap<i64, i64>, Error> {
    let kept = "SELECT day, CAST(SUM(n) AS BIGINT) FROM read_days WHERE day >= $1 GROUP BY day";
    both(db, kept, day, |(of, _), (n, _)| (*of >= day).then_some((*of, n)), |sum, n| *sum += n).await
}

/// Reads by each token from `day` on.
pub async fn by_token(db: &Db, day: i64) -> Result<BTreeMap<TokenId, i64>, Error> {
    let kept = "SELECT token_id, CAST(SUM(n) AS BIGINT) FROM read_days WHERE day >= $1 GROUP BY token_id";
    both(db, kept, day, |(of, token), (n, _)| (*of >= day).then(|| (token.clone(), n)), |sum, n| *sum += n).await
}

/// When each token last read a key; tokens that never did are left out.
pub async fn last_by_token(db: &Db) -> Result<HashMap<TokenId, Time>, Error> {
    let kept = "SELECT token_id, MAX(last_at) FROM read_days WHERE day >= $1 GROUP BY token_id";
    let all =
        both(db, kept, 0, |(_, token), (_, at)| Some((token.clone(), at)), |last, at| *last = at.max(*last)).await?;
    Ok(all.into_iter().collect())
}

/// Whether a key was ever read.
pub async fn is_any(db: &Db) -> Result<bool, Error> {
    db.read("SELECT EXISTS (SELECT 1 FROM read_journal) OR EXISTS (SELECT 1 FROM read_days)").value().await
}
