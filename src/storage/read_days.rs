//! Key reads, counted by day and token, and those that were not counted yet.

use super::{Db, Error};
use crate::domain::id::{RequestId, TokenId};
use crate::domain::time::Time;

/// The least id that is not counted yet: all before it are in `read_days`, each once.
pub async fn counted(db: &Db) -> Result<RequestId, Error> {
    db.read("SELECT before FROM reads_counted WHERE one = 1").value().await
}

/// The read that has `most` others before it, from `from` on; `None` when there are not so many before `to`.
pub async fn after_so_many(db: &Db, from: &RequestId, to: &RequestId, most: i64) -> Result<Option<RequestId>, Error> {
    db.read(
        "SELECT id
         FROM key_reads
         WHERE id >= $1 AND id < $2
         ORDER BY id
         LIMIT 1 OFFSET $3",
    )
    .bind(from)
    .bind(to)
    .bind(most)
    .optional_value()
    .await
}

/// Counts the reads from `from` to just before `to`; false when another process has counted since `from` was asked for.
pub async fn count(db: &Db, from: &RequestId, to: &RequestId) -> Result<bool, Error> {
    db.transaction(|mut tx| async move {
        let mine =
            tx.query("UPDATE reads_counted SET before = $1 WHERE before = $2").bind(to).bind(from).execute().await?;
        if mine == 1 {
            tx.query(
                "INSERT INTO read_days (day, token_id, n)
                 SELECT at / 86400000, token_id, COUNT(*)
                 FROM key_reads
                 WHERE id >= $1 AND id < $2
                 GROUP BY at / 86400000, token_id
                 ON CONFLICT (day, token_id) DO UPDATE
                 SET n = read_days.n + excluded.n",
            )
            .bind(from)
            .bind(to)
            .execute()
            .await?;
        }
        tx.commit(mine == 1).await
    })
    .await
}

/// Reads of each day from `day` on, oldest first; days without one are left out.
///
/// `counted` was asked for before: it tells the planner how little there is to look through. What is counted by the time
/// this statement runs, the statement itself sees.
pub async fn by_day(db: &Db, day: i64, counted: &RequestId) -> Result<Vec<(i64, i64)>, Error> {
    db.read(
        "SELECT day, CAST(SUM(n) AS BIGINT)
         FROM (SELECT day, n FROM read_days WHERE day >= $1
               UNION ALL
               SELECT at / 86400000, 1
               FROM key_reads
               WHERE id >= $2 AND id >= (SELECT before FROM reads_counted WHERE one = 1) AND at / 86400000 >= $3)
              AS reads
         GROUP BY day
         ORDER BY day",
    )
    .bind(day)
    .bind(counted)
    .bind(day)
    .planned_each_time()
    .all()
    .await
}

/// Reads by each token from `day` on; `counted` as for [`by_day`].
pub async fn by_token(db: &Db, day: i64, counted: &RequestId) -> Result<Vec<(TokenId, i64)>, Error> {
    db.read(
        "SELECT token_id, CAST(SUM(n) AS BIGINT)
         FROM (SELECT token_id, n FROM read_days WHERE day >= $1
               UNION ALL
               SELECT token_id, 1
               FROM key_reads
               WHERE id >= $2 AND id >= (SELECT before FROM reads_counted WHERE one = 1) AND at / 86400000 >= $3)
              AS reads
         GROUP BY token_id
         ORDER BY token_id",
    )
    .bind(day)
    .bind(counted)
    .bind(day)
    .planned_each_time()
    .all()
    .await
}

/// When each token last read a key; tokens that never did are left out.
pub async fn last_by_token(db: &Db) -> Result<Vec<(TokenId, Time)>, Error> {
    let rows: Vec<(TokenId, Option<Time>)> = db
        .read(
            "SELECT id, (SELECT at FROM key_reads WHERE token_id = tokens.id ORDER BY key_reads.id DESC LIMIT 1)
             FROM tokens
             ORDER BY id",
        )
        .all()
        .await?;
    Ok(rows.into_iter().filter_map(|(token, at)| Some((token, at?))).collect())
}
