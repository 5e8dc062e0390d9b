//! Key reads looked up: the newest of all, of a store, or by a token.

use std::collections::BTreeMap;

use super::count::Count;
use super::segments::{self, Segment};
use super::{Read, journal, unpack};
use crate::domain::{RequestId, StoreId, Time, TokenId};
use crate::storage::lists::{as_list, listed};
use crate::storage::{Db, Error, Tx};

/// Selects reads.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Only reads of this store.
    pub store: Option<StoreId>,
    /// Only reads by this token.
    pub token: Option<TokenId>,
    /// The lowest ID, inclusive.
    pub low: RequestId,
    /// The highest ID, exclusive.
    pub high: RequestId,
}

/// [`Wanted`], with the store as the searched place names it: a ULID in the journal, a number in segments.
struct Sieve {
    store: Option<u128>,
    token: Option<u128>,
    low: u128,
    high: u128,
}

impl Sieve {
    fn passes(&self, read: &Read) -> bool {
        (self.low..self.high).contains(&read.id)
            && self.store.is_none_or(|store| store == read.store)
            && self.token.is_none_or(|token| token == read.token)
    }
}

/// The newest reads found so far.
struct Newest {
    /// By id; a read that is found twice is kept once.
    found: BTreeMap<u128, Read>,
    most: usize,
}

impl Newest {
    fn add(&mut self, read: Read) {
        self.found.insert(read.id, read);
        if self.found.len() > self.most {
            self.found.pop_first();
        }
    }

    /// Whether no read with an ID up to this one can still be among the newest.
    fn needs_nothing_up_to(&self, id: u128) -> bool {
        self.found.len() >= self.most && self.found.first_key_value().is_none_or(|(oldest, _)| *oldest > id)
    }
}

/// The newest matching reads, newest first; at most `most`.
pub async fn newest(db: &Db, wanted: &Wanted, most: i64) -> Result<Vec<Read>, Error> {
    let mut newest = Newest { found: BTreeMap::new(), most: usize::try_from(most).unwrap_or(0) };
    let mut sieve = Sieve {
        store: wanted.store.as_ref().map(StoreId::ulid),
        token: wanted.token.as_ref().map(TokenId::ulid),
        low: wanted.low.ulid(),
        high: wanted.high.ulid(),
    };
    let mut tx = db.view().await?;
    let in_journal = journal::up_to(&mut tx, &wanted.high).await?;
    in_journal.into_iter().filter(|read| sieve.passes(read)).for_each(|read| newest.add(read));
    let is_in_segments = match &wanted.store {
        None => true,
        Some(store) => {
            sieve.store = segments::number_of(&mut tx, store).await?;
            sieve.store.is_some()
        }
    };
    if is_in_segments {
        let mut kept = Newest { found: BTreeMap::new(), ..newest };
        for segment in segments::between(&mut tx, wanted).await? {
            if newest.needs_nothing_up_to(segment.last_read.ulid())
                || kept.needs_nothing_up_to(segment.last_read.ulid())
            {
                break;
            }
            search(&mut tx, &segment, &sieve, &mut kept).await?;
        }
        let ids = store_ids(&mut tx, db, kept.found.values()).await?;
        for mut read in kept.found.into_values() {
            let id = ids.get(&read.store).ok_or(Error::Broken(sqlx::Error::RowNotFound))?;
            read.store = id.ulid();
            newest.add(read);
        }
    }
    Ok(tx.undo(newest.found.into_values().rev().collect()).await?.0)
}

/// Adds a segment's matching reads. Reads only the chunks that may contain some, from the newest on: those sorted by store if a
/// store is given, otherwise those sorted by time.
async fn search(tx: &mut Tx, segment: &Segment, sieve: &Sieve, newest: &mut Newest) -> Result<(), Error> {
    let place = |id| sieve.store.map_or_else(|| segments::by_time(id), |store| segments::by_store(store, id));
    let (low, mut high) = (place(sieve.low), place(sieve.high));
    loop {
        let chunk: Option<(Vec<u8>, Vec<u8>)> = match sieve.token {
            Some(token) if sieve.store.is_none() => segments::before_by_token(tx, segment.number, token, &high).await?,
            _ => segments::before(tx, segment.number, &high).await?,
        };
        // Chunks in the other sort order have places that begin with another byte.
        let Some((begins, records)) = chunk.filter(|(begins, _)| begins.first() == low.first()) else { return Ok(()) };
        let mut passed = unpack(&records)?;
        passed.retain(|read| sieve.passes(read));
        let first = passed.first().map(|read| read.id);
        for read in passed {
            newest.add(read);
        }
        if begins <= low || first.is_some_and(|first| newest.needs_nothing_up_to(first.saturating_sub(1))) {
            return Ok(());
        }
        high = begins;
    }
}

/// The IDs of the stores that segments name by number.
async fn store_ids(tx: &mut Tx, db: &Db, reads: impl Iterator<Item = &Read>) -> Result<BTreeMap<u128, StoreId>, Error> {
    let mut numbers: Vec<i64> = reads.map(|read| i64::try_from(read.store).unwrap_or(i64::MAX)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
    let found: Vec<(i64, StoreId)> = tx
        .query([
            "SELECT number, store_id FROM read_stores WHERE number IN (SELECT CAST(value AS BIGINT) FROM (",
            listed(db),
            ") AS numbers)",
        ])
        .bind(as_list(&numbers)?)
        .all()
        .await?;
    Ok(found.into_iter().map(|(number, id)| (number.unsigned_abs().into(), id)).collect())
}

/// A service that reads a store's key or calls the store: its token, how many of the examined reads and calls are its own, and the
/// time of the last.
pub type Reader = (TokenId, Count, Time);

/// Who has read a store's key or called it since `since`, the latest first. Examines only the newest `most` reads and calls.
pub async fn readers(db: &Db, store: &StoreId, since: Time, most: i64) -> Result<Vec<Reader>, Error> {
    let wanted = Wanted {
        store: Some(store.clone()),
        token: None,
        low: RequestId::least(since),
        high: RequestId::least(Time::from_millis(i64::MAX)),
    };
    let mut readers: BTreeMap<u128, (Count, i64)> = BTreeMap::new();
    for read in newest(db, &wanted, most).await? {
        let (n, last) = readers.entry(read.token).or_insert((Count::default(), read.at));
        n.add(Count::of(&read));
        *last = read.at.max(*last);
    }
    let named = |(token, (n, last))| (TokenId::of_ulid(token), n, Time::from_millis(last));
    let mut readers: Vec<Reader> = readers.into_iter().map(named).collect();
    readers.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.0.cmp(&b.0)));
    Ok(readers)
}
