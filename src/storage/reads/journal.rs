//! The journal: what was lent and called, in the order of commits.

use std::net::IpAddr;

use super::packed::{Read, pack};
use super::unpack;
use crate::domain::{RequestId, StoreId, Time, TokenId};
use crate::storage::{Db, Error, Tx, Writer, lending};

/// One lent key or one call with it, about to be recorded.
#[derive(Debug)]
pub struct KeyRead {
    /// The ID of the request: unique, and sorted by time.
    pub id: RequestId,
    /// When it is recorded.
    pub at: Time,
    pub token_id: TokenId,
    pub store_id: StoreId,
    pub key_version: i64,
    /// The address from which it was requested.
    pub from: IpAddr,
    /// For a call, its method and route; `None` if the key itself is lent.
    pub call: Option<String>,
}

impl KeyRead {
    fn record(&self) -> Read {
        Read {
            id: self.id.ulid(),
            at: self.at.millis(),
            token: self.token_id.ulid(),
            store: self.store_id.ulid(),
            key_version: self.key_version,
            from: self.from,
            call: self.call.clone(),
        }
    }
}

/// Writes the record. It keeps its connection between consecutive batches: a pool tests a connection each time it is taken and
/// returned, and on two busy cores each test waits for the processor. Other writers get their turn when it releases the connection.
#[derive(Debug)]
pub struct Recorder {
    db: Db,
    held: Option<Writer>,
}

impl Recorder {
    /// A recorder that holds no connection yet.
    pub const fn new(db: Db) -> Self {
        Self { db, held: None }
    }

    pub fn let_go(&mut self) {
        self.held = None;
    }

    /// Records a batch if the lending counter is still `revision`, and returns the counter. If it differs, nothing was recorded
    /// and no answer of the batch may be sent: who may read which key has changed since the answers were prepared. After an
    /// error, the next batch begins with another connection.
    pub async fn record(&mut self, batch: &[KeyRead], revision: i64) -> Result<i64, Error> {
        if let Some(first) = batch.iter().map(|read| &read.id).min() {
            let mut reads: Vec<Read> = batch.iter().map(KeyRead::record).collect();
            reads.sort_unstable_by_key(|read| (read.store, read.id));
            let mut held = match self.held.take() {
                Some(held) => held,
                None => self.db.hold().await?,
            };
            // One statement, which is one transaction. If it fails, the connection is dropped and closed.
            let recorded = held
                .write(
                    "INSERT INTO read_journal (batch, n, records)
                     SELECT $1, $2, $3
                     FROM counters
                     WHERE name = 'lending' AND n = $4",
                )
                .bind(first)
                .bind(i64::try_from(reads.len()).unwrap_or(i64::MAX))
                .bind(pack(&reads))
                .bind(revision)
                .execute()
                .await?;
            self.held = Some(held);
            if recorded > 0 {
                return Ok(revision);
            }
        }
        lending::revision(&self.db).await
    }
}

/// The oldest commits of the journal, each with the ID of its first read: as many as contain `most` reads. None if there are fewer
/// than `least`, with fewer than `most` reads, and the oldest is not from before `before`.
pub(super) async fn due(
    db: &Db,
    least: i64,
    before: &RequestId,
    most: i64,
) -> Result<Vec<(RequestId, Vec<u8>)>, Error> {
    db.read(
        "SELECT batch, records
         FROM read_journal
         WHERE ((SELECT COUNT(*) FROM read_journal) >= $1
                OR (SELECT SUM(n) FROM read_journal) >= $3
                OR (SELECT MIN(batch) FROM read_journal) < $2)
           AND batch IN (SELECT batch
                         FROM (SELECT batch, SUM(n) OVER (ORDER BY batch) - n AS before FROM read_journal) AS commits
                         WHERE before < $3)
         ORDER BY batch",
    )
    .bind(least)
    .bind(before)
    .bind(most)
    .all()
    .await
}

/// The reads in the journal, without the commits whose reads all have this ID or a later one.
pub(super) async fn up_to(tx: &mut Tx, high: &RequestId) -> Result<Vec<Read>, Error> {
    let mut reads = Vec::new();
    for records in tx.query("SELECT records FROM read_journal WHERE batch < $1").bind(high).values::<Vec<u8>>().await? {
        reads.append(&mut unpack(&records)?);
    }
    Ok(reads)
}
