//! The activity record of lent keys: one commit serves a whole batch.

use std::collections::HashMap;

use super::{Db, Error};

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

/// Records, in one transaction, those of `batch` that were made under the lending counter as it is now, and gives the
/// counter back. The others must not leave: something that decides who may be lent what has changed since.
///
/// The statements differ (`json_each`, `json_to_recordset`), so both stand here in the open: one statement for a whole
/// batch is three times as quick as one for each row.
pub async fn record(db: &Db, batch: &[Read]) -> Result<i64, Error> {
    let revision: i64;
    match db {
        Db::Sqlite { write, .. } => {
            // IMMEDIATE: the counter is read before the first write, and nobody may change it between the two.
            let mut tx = write.begin_with("BEGIN IMMEDIATE").await?;
            revision = sqlx::query_scalar("SELECT n FROM counters WHERE name = 'lending'").fetch_one(&mut *tx).await?;
            if let Some(rows) = rows(batch, revision)? {
                sqlx::query(
                    "INSERT INTO key_reads (id, at, token_id, store_id, key_version, read_from)
                     SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
                     FROM json_each($1)",
                )
                .bind(rows)
                .execute(&mut *tx)
                .await?;
            }
            tx.commit().await?;
        }
        Db::Postgres(pool) => {
            let mut tx = pool.begin().await?;
            // FOR SHARE: a change of the counter waits until this batch is recorded, or this batch sees it.
            revision = sqlx::query_scalar("SELECT n FROM counters WHERE name = 'lending' FOR SHARE")
                .fetch_one(&mut *tx)
                .await?;
            if let Some(rows) = rows(batch, revision)? {
                sqlx::query(
                    "INSERT INTO key_reads (id, at, token_id, store_id, key_version, read_from)
                     SELECT value ->> 0, (value ->> 1)::BIGINT, value ->> 2, value ->> 3, (value ->> 4)::BIGINT,
                            value ->> 5
                     FROM json_array_elements($1::JSON)",
                )
                .bind(rows)
                .execute(&mut *tx)
                .await?;
            }
            tx.commit().await?;
        }
    }
    Ok(revision)
}

/// How many keys each token was lent.
pub async fn count_by_token(db: &Db) -> Result<HashMap<String, i64>, Error> {
    super::on!(db.read(), |pool| {
        let counts: Vec<(String, i64)> =
            sqlx::query_as("SELECT token_id, COUNT(*) FROM key_reads GROUP BY token_id").fetch_all(pool).await?;
        Ok(counts.into_iter().collect())
    })
}

/// The rows to insert, as a JSON array of arrays; `None` when there are none.
fn rows(batch: &[Read], revision: i64) -> Result<Option<String>, Error> {
    let rows: Vec<_> = batch
        .iter()
        .filter(|read| read.lends && read.revision == revision)
        .map(|read| (&read.id, read.at, &read.token_id, &read.store_id, read.key_version, &read.read_from))
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(&rows).map(Some).map_err(|error| Error::Broken(sqlx::Error::Encode(Box::new(error))))
}
