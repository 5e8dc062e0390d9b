//! The activity record of lent keys: one commit serves a whole batch.

use std::collections::HashMap;

use super::{Db, Error, Pool, on};

/// One lent key, about to be recorded.
#[derive(Debug)]
pub struct Read {
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

/// Records those of `batch` that lend, if the lending counter still says `revision`, and gives the counter back; when it
/// says something else, nothing was recorded and nothing of the batch may leave: something that decides who may be lent
/// what has changed since the answers were made.
///
/// One statement, which is one transaction: on two busy cores, each further one would wait its turn at the processor. The
/// dialects differ in how they read JSON, so both stand here in the open.
pub async fn record(db: &Db, batch: &[Read], revision: i64) -> Result<i64, Error> {
    let rows: Vec<_> = batch
        .iter()
        .filter(|read| read.lends)
        .map(|read| (&read.id, read.at, &read.token_id, &read.store_id, read.key_version, &read.read_from))
        .collect();
    if !rows.is_empty() {
        let json = serde_json::to_string(&rows).map_err(|error| Error::Broken(sqlx::Error::Encode(Box::new(error))))?;
        let recorded = match db.write() {
            Pool::Sqlite(pool) => sqlx::query(
                "INSERT INTO key_reads (id, at, token_id, store_id, key_version, read_from)
                 SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
                 FROM json_each($1)
                 WHERE (SELECT n FROM counters WHERE name = 'lending') = $2",
            )
            .bind(json)
            .bind(revision)
            .execute(pool)
            .await?
            .rows_affected(),
            Pool::Postgres(pool) => sqlx::query(
                "INSERT INTO key_reads (id, at, token_id, store_id, key_version, read_from)
                 SELECT value ->> 0, (value ->> 1)::BIGINT, value ->> 2, value ->> 3, (value ->> 4)::BIGINT, value ->> 5
                 FROM json_array_elements($1::JSON)
                 WHERE (SELECT n FROM counters WHERE name = 'lending') = $2",
            )
            .bind(json)
            .bind(revision)
            .execute(pool)
            .await?
            .rows_affected(),
        };
        if recorded > 0 {
            return Ok(revision);
        }
    }
    on!(db.read(), |pool| {
        Ok(sqlx::query_scalar("SELECT n FROM counters WHERE name = 'lending'").fetch_one(pool).await?)
    })
}

/// How many keys each token was lent.
pub async fn count_by_token(db: &Db) -> Result<HashMap<String, i64>, Error> {
    on!(db.read(), |pool| {
        let counts: Vec<(String, i64)> =
            sqlx::query_as("SELECT token_id, COUNT(*) FROM key_reads GROUP BY token_id").fetch_all(pool).await?;
        Ok(counts.into_iter().collect())
    })
}
