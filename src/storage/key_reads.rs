//! The activity record of lent keys: one commit serves a whole batch.

use super::{Db, Error, Writer, lending};

/// One lent key, about to be recorded.
#[derive(Debug)]
pub struct KeyRead {
    /// The id of the request: unique, and sorted by time.
    pub id: String,
    /// Milliseconds since the epoch.
    pub at: i64,
    /// To whom.
    pub token_id: String,
    /// Whose key.
    pub store_id: String,
    /// Which version.
    pub key_version: i64,
    /// From which address it was asked.
    pub read_from: String,
    /// The lending counter under which the answer was made.
    pub revision: i64,
    /// False for an answer that lends nothing (304): it is checked, not recorded.
    pub lends: bool,
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
    pub fn new(db: Db) -> Self {
        Self { db, held: None }
    }

    /// Gives the connection back.
    pub fn let_go(&mut self) {
        self.held = None;
    }

    /// Records those of `batch` that lend, if the lending counter still says `revision`, and returns the counter; when it
    /// says something else, nothing was recorded and nothing of the batch may leave: something that decides who may be
    /// lent what has changed since the answers were made. After an error, the next batch begins with another connection.
    pub async fn record(&mut self, batch: &[KeyRead], revision: i64) -> Result<i64, Error> {
        let rows: Vec<_> = batch
            .iter()
            .filter(|read| read.lends)
            .map(|read| (&read.id, read.at, &read.token_id, &read.store_id, read.key_version, &read.read_from))
            .collect();
        if !rows.is_empty() {
            let json =
                serde_json::to_string(&rows).map_err(|error| Error::Broken(sqlx::Error::Encode(Box::new(error))))?;
            let mut held = match self.held.take() {
                Some(held) => held,
                None => self.db.hold().await?,
            };
            // The dialects differ in how they read JSON, so both stand here in the open.
            let insert = if self.db.is_postgres() {
                "INSERT INTO key_reads (id, at, token_id, store_id, key_version, read_from)
                 SELECT value ->> 0, (value ->> 1)::BIGINT, value ->> 2, value ->> 3, (value ->> 4)::BIGINT, value ->> 5
                 FROM json_array_elements($1::JSON)
                 WHERE (SELECT n FROM counters WHERE name = 'lending') = $2"
            } else {
                "INSERT INTO key_reads (id, at, token_id, store_id, key_version, read_from)
                 SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
                 FROM json_each($1)
                 WHERE (SELECT n FROM counters WHERE name = 'lending') = $2"
            };
            // One statement, which is one transaction. When it fails, the connection is closed with the recorder's hold on it.
            let recorded = held.write(insert).bind(json).bind(revision).execute().await?;
            self.held = Some(held);
            if recorded > 0 {
                return Ok(revision);
            }
        }
        lending::revision(&self.db).await
    }
}
