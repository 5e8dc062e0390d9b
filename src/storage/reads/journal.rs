//! The journal: what was lent, in the order of commits.

use std::net::IpAddr;

use super::packed::{Read, pack};
use super::unpack;
use crate::domain::id::{RequestId, StoreId, TokenId};
use crate::domain::time::Time;
use crate::storage::{Db, Error, Tx, Writer, lending};

/// One lent key, about to be recorded.
#[derive(Debug)]
pub struct KeyRead {
    /// The id of the request: unique, and sorted by time.
    pub id: RequestId,
    /// When it is recorded.
    pub at: Time,
    /// To whom.
    pub token_id: TokenId,
    /// Whose key.
    pub store_id: StoreId,
    /// Which version.
    pub key_version: i64,
    /// From which address it was requested.
    pub from: IpAddr,
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
        }
    }
}

/// Writes the record. Between batches that follow each other it keeps its connection: a pool asks a connection whether it
/// still lives each time it is taken and returned, and on two busy cores each such question waits its turn at the
/// processor. Other writers take theirs when it lets go.
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

    /// Gives the connection back.
    pub fn let_go(&mut self) {
        self.held = None;
    }

    /// Records what a batch lends, if the lending counter still says `revision`, and returns the counter; when it says
    /// something else, nothing was recorded and nothing of the batch may leave: something that decides who may be lent what
    /// has changed since the answers were made. After an error, the next batch begins with another connection.
    pub async fn record(&mut self, batch: &[KeyRead], revision: i64) -> Result<i64, Error> {
        if let Some(first) = batch.iter().map(|read| &read.id).min() {
            let mut reads: Vec<Read> = batch.iter().map(KeyRead::record).collect();
            reads.sort_unstable_by_key(|read| (read.store, read.id));
            let mut held = match self.held.take() {
                Some(held) => held,
                None => self.db.hold().await?,
            };
            // One statement, which is one transaction. When it fails, the connection is closed with the recorder's hold on it.
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

/// Commits of the journal, each named by the id of its first read, the oldest first, if there are at least as many as `least` or
/// the oldest began before `before`: as many as hold `most` reads.
pub(super) async fn due(
    db: &Db,
    least: i64,
    before: &RequestId,
    most: i64,
) -> Result<Vec<(RequestId, Vec<u8>)>, Error> {
    db.read(
        "SELECT batch, records
         FROM read_journal
         WHERE ((SELECT COUNT(*) FROM read_journal) >= $1 OR (SELECT MIN(batch) FROM read_journal) < $2)
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

/// Every read of the journal.
pub(super) async fn all(tx: &mut Tx) -> Result<Vec<Read>, Error> {
    let mut reads = Vec::new();
    for records in tx.query("SELECT records FROM read_journal").values::<Vec<u8>>().await? {
        reads.append(&mut unpack(&records)?);
    }
    Ok(reads)
}
