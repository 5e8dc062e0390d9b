//! Segments: key reads moved out of the journal, sorted, in chunks. A segment holds reads of one UTC day. The transaction that
//! removes its reads from the journal marks it complete; only complete segments are searched.
//!
//! A chunk is found by its place: a byte for the sort order, then the sort key of its first read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::count::Counted;
use super::find::Wanted;
use super::packed::{Read, minted_at, pack};
use super::{journal, unpack};
use crate::domain::{RequestId, StoreId, Time};
use crate::storage::lists::{as_list, listed};
use crate::storage::{Db, Error, Tx};

/// Reads per chunk: about 10 KB.
const CHUNK: usize = 512;
/// Reads moved from the journal per pass: about 20 MB while they are sorted.
const MOVED: i64 = 131_072;
/// The maximum number of reads in a merged segment.
const SEGMENT: i64 = 131_072;
/// The number of small segments that are merged while their day is not over.
const MERGED_AT: usize = 8;
/// Chunks written or deleted per transaction: lending waits for that, a few milliseconds.
const CHUNKS_AT_ONCE: usize = 32;
/// The age at which an incomplete segment is deleted: the process that wrote it is dead.
const ABANDONED_AFTER: std::time::Duration = std::time::Duration::from_mins(10);

/// Chunks sorted by time.
const BY_TIME: u8 = 0;
/// Chunks sorted by store, then by time.
const BY_STORE: u8 = 1;
/// For each token, the places of the chunks by time that contain reads by it.
const OF_TOKEN: u8 = 2;

/// A complete segment.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Segment {
    pub(super) number: i64,
    day: i64,
    n: i64,
    pub(super) last_read: RequestId,
}

/// The place of a read in the order by time.
pub(super) fn by_time(id: u128) -> Vec<u8> {
    [&[BY_TIME][..], &id.to_be_bytes()].concat()
}

/// The place of a read in the order by store.
pub(super) fn by_store(store: u128, id: u128) -> Vec<u8> {
    [&[BY_STORE][..], &store.to_be_bytes()[8..], &id.to_be_bytes()].concat()
}

fn of_token(token: u128) -> Vec<u8> {
    [&[OF_TOKEN][..], &token.to_be_bytes()].concat()
}

/// Complete segments that may contain matching reads, those with the newest reads first.
pub(super) async fn between(tx: &mut Tx, wanted: &Wanted) -> Result<Vec<Segment>, Error> {
    let token = wanted.token.as_ref().filter(|_| wanted.store.is_none()).map(|token| of_token(token.ulid()));
    tx.query(
        "SELECT number, day, n, last_read
         FROM read_segments
         WHERE is_complete AND last_read >= $1 AND first_read < $2
           AND ($3 IS NULL OR EXISTS (SELECT 1 FROM read_chunks WHERE segment = number AND place = $3))
         ORDER BY last_read DESC",
    )
    .bind(&wanted.low)
    .bind(&wanted.high)
    .bind(token)
    .all()
    .await
}

/// The last chunk that begins before `place`.
pub(super) async fn before(tx: &mut Tx, segment: i64, place: &[u8]) -> Result<Option<(Vec<u8>, Vec<u8>)>, Error> {
    tx.query(
        "SELECT place, records
         FROM read_chunks
         WHERE segment = $1 AND place < $2
         ORDER BY place DESC
         LIMIT 1",
    )
    .bind(segment)
    .bind(place)
    .optional()
    .await
}

/// The last chunk by time that begins before `place` and contains reads by the token.
pub(super) async fn before_by_token(
    tx: &mut Tx,
    segment: i64,
    token: u128,
    place: &[u8],
) -> Result<Option<(Vec<u8>, Vec<u8>)>, Error> {
    let places: Option<Vec<u8>> = tx
        .query("SELECT records FROM read_chunks WHERE segment = $1 AND place = $2")
        .bind(segment)
        .bind(of_token(token))
        .optional_value()
        .await?;
    let Some(places) = places else { return Ok(None) };
    // The token is in every chunk.
    if places.is_empty() {
        return before(tx, segment, place).await;
    }
    let Some(begins) = places.chunks_exact(place.len()).rev().find(|begins| *begins < place) else { return Ok(None) };
    tx.query("SELECT place, records FROM read_chunks WHERE segment = $1 AND place = $2")
        .bind(segment)
        .bind(begins)
        .optional()
        .await
}

/// The number that stands for a store in segments; `None` if it has none.
pub(super) async fn number_of(tx: &mut Tx, store: &StoreId) -> Result<Option<u128>, Error> {
    let number: Option<i64> =
        tx.query("SELECT number FROM read_stores WHERE store_id = $1").bind(store).optional_value().await?;
    Ok(number.map(|number| number.unsigned_abs().into()))
}

/// Moves the oldest commits of the journal to segments, if there are `least` or the oldest is from before `before`. Returns
/// the number of reads moved: 0 if another process moved them first.
pub async fn index(db: &Db, least: i64, before: Time, now: Time) -> Result<usize, Error> {
    let due = journal::due(db, least, &RequestId::least(before), MOVED).await?;
    if due.is_empty() {
        return Ok(0);
    }
    let (mut batches, mut reads) = (Vec::with_capacity(due.len()), Vec::new());
    for (batch, records) in due {
        batches.push(batch.to_string());
        reads.append(&mut unpack(&records)?);
    }
    let (n, mut made) = (reads.len(), Vec::new());
    let moved = take(db, &batches, reads, now, &mut made).await;
    Ok(if settle(db, moved, &made).await? { n } else { 0 })
}

/// Writes segments of these reads, and removes their commits from the journal. Returns false if another process has removed
/// them. `made` receives the segments, which are complete only if this returns true.
async fn take(db: &Db, batches: &[String], reads: Vec<Read>, now: Time, made: &mut Vec<i64>) -> Result<bool, Error> {
    let counted = &Counted::of(&reads);
    let numbers = number(db, &reads).await?;
    let mut days: BTreeMap<i64, Vec<Read>> = BTreeMap::new();
    for mut read in reads {
        read.store = *numbers.get(&read.store).ok_or(Error::Broken(sqlx::Error::RowNotFound))?;
        days.entry(Time::from_millis(minted_at(read.id)).day()).or_default().push(read);
    }
    for (day, reads) in days {
        write(db, day, reads, now, made).await?;
    }
    let expected = u64::try_from(batches.len()).unwrap_or(u64::MAX);
    let (batches, wrote) = (&as_list(batches)?, &*made);
    db.transaction(|mut tx| async move {
        let taken =
            tx.query(["DELETE FROM read_journal WHERE batch IN (", listed(db), ")"]).bind(batches).execute().await?;
        if taken != expected {
            return tx.undo(false).await;
        }
        counted.add(&mut tx).await?;
        for segment in wrote {
            if !complete(&mut tx, *segment, true).await? {
                return tx.undo(false).await;
            }
        }
        tx.commit(true).await
    })
    .await
}

/// Deletes the segments that were written for nothing. If that fails too, [`tidy`] does it later.
async fn settle(db: &Db, is_done: Result<bool, Error>, made: &[i64]) -> Result<bool, Error> {
    if !matches!(is_done, Ok(true)) {
        for segment in made {
            let discarded = discard(db, *segment).await;
            if is_done.is_ok() {
                discarded?;
            }
        }
    }
    is_done
}

/// Assigns a number to each store of these reads that has none.
async fn number(db: &Db, reads: &[Read]) -> Result<HashMap<u128, u128>, Error> {
    let stores: BTreeSet<u128> = reads.iter().map(|read| read.store).collect();
    let ids: Vec<StoreId> = stores.into_iter().map(StoreId::of_ulid).collect();
    let mut numbers = numbers_of(db, &ids).await?;
    let new: Vec<&StoreId> = ids.iter().filter(|id| !numbers.contains_key(id)).collect();
    for some in new.chunks(1_000) {
        let (some, n) = (&as_list(some)?, i64::try_from(some.len()).unwrap_or(0));
        db.transaction(|mut tx| async move {
            let last: i64 = tx
                .query("UPDATE counters SET n = n + $1 WHERE name = 'read_store' RETURNING n")
                .bind(n)
                .value()
                .await?;
            tx.query([
                "INSERT INTO read_stores (number, store_id)
                 SELECT $2 - ROW_NUMBER() OVER (ORDER BY value), value
                 FROM (",
                listed(db),
                ") AS new
                 WHERE TRUE
                 ON CONFLICT (store_id) DO NOTHING",
            ])
            .bind(some)
            .bind(last + 1)
            .execute()
            .await?;
            tx.commit(()).await
        })
        .await?;
    }
    if !new.is_empty() {
        numbers = numbers_of(db, &ids).await?;
    }
    Ok(numbers.into_iter().map(|(id, number)| (id.ulid(), number.unsigned_abs().into())).collect())
}

async fn numbers_of(db: &Db, ids: &[StoreId]) -> Result<HashMap<StoreId, i64>, Error> {
    let found: Vec<(StoreId, i64)> = db
        .read(["SELECT store_id, number FROM read_stores WHERE store_id IN (", listed(db), ")"])
        .bind(as_list(ids)?)
        .all()
        .await?;
    Ok(found.into_iter().collect())
}

/// Writes an incomplete segment, and adds its number to `made`.
async fn write(db: &Db, day: i64, mut reads: Vec<Read>, now: Time, made: &mut Vec<i64>) -> Result<(), Error> {
    reads.sort_unstable_by_key(|read| read.id);
    let id = |read: Option<&Read>| RequestId::of_ulid(read.map_or(0, |read| read.id));
    let number: i64 = db.write("UPDATE counters SET n = n + 1 WHERE name = 'read_segment' RETURNING n").value().await?;
    db.write(
        "INSERT INTO read_segments (number, day, n, first_read, last_read, created_at, is_complete)
         VALUES ($1, $2, $3, $4, $5, $6, FALSE)",
    )
    .bind(number)
    .bind(day)
    .bind(i64::try_from(reads.len()).unwrap_or(i64::MAX))
    .bind(id(reads.first()))
    .bind(id(reads.last()))
    .bind(now)
    .execute()
    .await?;
    made.push(number);
    for some in chunks(reads).chunks(CHUNKS_AT_ONCE) {
        let mut statement = db.write("INSERT INTO read_chunks (segment, place, records) VALUES ");
        for (n, (place, records)) in some.iter().enumerate() {
            statement = statement.push(if n == 0 { "(" } else { ", (" }).push_bind(number);
            statement = statement.push(", ").push_bind(place).push(", ").push_bind(records).push(")");
        }
        statement.planned_each_time().execute().await?;
        // Let tasks that wait for the writer go first.
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// The chunks of a segment, each with its place. `reads` are sorted by time.
fn chunks(mut reads: Vec<Read>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut chunks = Vec::new();
    let mut tokens: BTreeMap<u128, Vec<u8>> = BTreeMap::new();
    for some in reads.chunks(CHUNK) {
        let place = by_time(some[0].id);
        for token in some.iter().map(|read| read.token).collect::<BTreeSet<u128>>() {
            tokens.entry(token).or_default().extend_from_slice(&place);
        }
        chunks.push((place, pack(some)));
    }
    let all = chunks.iter().map(|(place, _)| place.len()).sum::<usize>();
    reads.sort_unstable_by_key(|read| (read.store, read.id));
    chunks.extend(reads.chunks(CHUNK).map(|some| (by_store(some[0].store, some[0].id), pack(some))));
    let places = |places: Vec<u8>| if places.len() == all { Vec::new() } else { places };
    chunks.extend(tokens.into_iter().map(|(token, those)| (of_token(token), places(those))));
    chunks
}

async fn complete(tx: &mut Tx, segment: i64, is_complete: bool) -> Result<bool, Error> {
    let changed = tx
        .query("UPDATE read_segments SET is_complete = $1 WHERE number = $2 AND is_complete <> $1 AND n >= 0")
        .bind(is_complete)
        .bind(segment)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Deletes an incomplete segment, a few chunks at a time. First its `n` becomes -1, so that no process completes it meanwhile.
async fn discard(db: &Db, segment: i64) -> Result<(), Error> {
    let is_incomplete = db
        .write("UPDATE read_segments SET n = -1 WHERE number = $1 AND NOT is_complete")
        .bind(segment)
        .execute()
        .await?;
    if is_incomplete == 0 {
        return Ok(());
    }
    let most = i64::try_from(CHUNKS_AT_ONCE).unwrap_or(i64::MAX);
    loop {
        let deleted = db
            .write(
                "DELETE FROM read_chunks
                 WHERE segment = $1 AND place IN (SELECT place FROM read_chunks WHERE segment = $1 ORDER BY place LIMIT $2)",
            )
            .bind(segment)
            .bind(most)
            .execute()
            .await?;
        if deleted == 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
    db.write("DELETE FROM read_segments WHERE number = $1 AND NOT is_complete").bind(segment).execute().await?;
    Ok(())
}

/// Merges small segments of one day: eight while the day is not over, any number afterwards. Returns whether there was something
/// to merge.
pub async fn merge(db: &Db, now: Time) -> Result<bool, Error> {
    let small: Vec<Segment> = db
        .read(
            "SELECT number, day, n, last_read
             FROM read_segments
             WHERE is_complete AND n < $1
             ORDER BY day, n, number",
        )
        .bind(SEGMENT / 2)
        .all()
        .await?;
    let is_over = |day: i64| day + 1 < now.day();
    let enough = |day: i64, some: &[Segment]| some.len() >= if is_over(day) { 2 } else { MERGED_AT };
    let Some(some) = small.chunk_by(|a, b| a.day == b.day).find(|some| enough(some[0].day, some)) else {
        return Ok(false);
    };
    let mut room = SEGMENT;
    let fits = |segment: &&Segment| {
        room -= segment.n;
        room >= 0
    };
    let some: Vec<&Segment> = some.iter().take_while(fits).collect();
    let mut reads = Vec::new();
    for segment in &some {
        let chunks: Vec<Vec<u8>> = db
            .read("SELECT records FROM read_chunks WHERE segment = $1 AND place >= $2 AND place < $3 ORDER BY place")
            .bind(segment.number)
            .bind([BY_TIME].as_slice())
            .bind([BY_STORE].as_slice())
            .values()
            .await?;
        for records in chunks {
            reads.append(&mut unpack(&records)?);
        }
    }
    if i64::try_from(reads.len()) != Ok(some.iter().map(|segment| segment.n).sum()) {
        // Another process has merged one of them meanwhile.
        return Ok(false);
    }
    let mut made = Vec::new();
    let merged = replace(db, &some, reads, now, &mut made).await;
    let is_mine = settle(db, merged, &made).await?;
    if is_mine {
        for segment in some {
            discard(db, segment.number).await?;
        }
    }
    Ok(is_mine)
}

/// Replaces segments of one day by one with all their reads. Returns false if another process has merged or deleted one.
async fn replace(
    db: &Db,
    merged: &[&Segment],
    reads: Vec<Read>,
    now: Time,
    made: &mut Vec<i64>,
) -> Result<bool, Error> {
    write(db, merged[0].day, reads, now, made).await?;
    let made = &*made;
    db.transaction(|mut tx| async move {
        for (number, is_complete) in
            merged.iter().map(|old| (old.number, false)).chain(made.iter().map(|new| (*new, true)))
        {
            if !complete(&mut tx, number, is_complete).await? {
                return tx.undo(false).await;
            }
        }
        tx.commit(true).await
    })
    .await
}

/// Deletes incomplete segments of processes that died while they moved, merged or deleted reads.
pub async fn tidy(db: &Db, now: Time) -> Result<(), Error> {
    let left: Vec<i64> = db
        .read("SELECT number FROM read_segments WHERE NOT is_complete AND created_at < $1 ORDER BY number")
        .bind(now.minus(ABANDONED_AFTER))
        .values()
        .await?;
    for segment in left {
        discard(db, segment).await?;
    }
    Ok(())
}

/// Deletes the oldest segment whose reads all have IDs before this one; returns whether there was one.
pub async fn delete_before(db: &Db, before: &RequestId) -> Result<bool, Error> {
    let oldest: Option<i64> = db
        .write(
            "UPDATE read_segments
             SET is_complete = FALSE
             WHERE number = (SELECT number FROM read_segments WHERE is_complete AND last_read < $1 ORDER BY last_read LIMIT 1)
               AND is_complete
             RETURNING number",
        )
        .bind(before)
        .optional_value()
        .await?;
    if let Some(segment) = oldest {
        discard(db, segment).await?;
    }
    Ok(oldest.is_some())
}
