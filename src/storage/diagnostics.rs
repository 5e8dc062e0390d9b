//! What the database says of itself.

use std::path::PathBuf;

use super::{Db, Error, Pool, on};
use crate::domain::store_url::StoreUrl;
use crate::domain::time::Time;

/// The addresses of some connected stores, those that were heard of last.
pub async fn some_homes(db: &Db, most: i64) -> Result<Vec<StoreUrl>, Error> {
    on!(db.read(), |pool| {
        Ok(sqlx::query_scalar(
            "SELECT home
             FROM stores
             WHERE status = 'connected'
             ORDER BY changed_at DESC, id DESC
             LIMIT $1",
        )
        .bind(most)
        .fetch_all(pool)
        .await?)
    })
}

/// The time as the database server has it; `None` where the database is a file and has no clock of its own.
pub async fn clock(db: &Db) -> Result<Option<Time>, Error> {
    match db.read() {
        Pool::Sqlite(_) => Ok(None),
        Pool::Postgres(pool) => {
            let now = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
            Ok(Some(Time::from_millis(sqlx::query_scalar(now).fetch_one(pool).await?)))
        }
    }
}

/// Where the database's file lies; `None` where a server keeps it.
pub async fn file(db: &Db) -> Result<Option<PathBuf>, Error> {
    match db.read() {
        Pool::Sqlite(pool) => {
            let path: String =
                sqlx::query_scalar("SELECT file FROM pragma_database_list WHERE name = 'main'").fetch_one(pool).await?;
            Ok(Some(path.into()))
        }
        Pool::Postgres(_) => Ok(None),
    }
}
