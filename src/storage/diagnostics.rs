//! What the database says of itself.

use std::path::PathBuf;

use super::{Db, Error};
use crate::domain::store_url::StoreUrl;
use crate::domain::time::Time;

/// The addresses of some connected stores, those that were heard of last.
pub async fn some_homes(db: &Db, most: i64) -> Result<Vec<StoreUrl>, Error> {
    db.read(
        "SELECT home
         FROM stores
         WHERE status = 'connected'
         ORDER BY changed_at DESC, id DESC
         LIMIT $1",
    )
    .bind(most)
    .values()
    .await
}

/// The time as the database server has it; `None` where the database is a file and has no clock of its own.
pub async fn clock(db: &Db) -> Result<Option<Time>, Error> {
    if !db.is_postgres() {
        return Ok(None);
    }
    let now = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
    Ok(Some(Time::from_millis(db.read(now).value().await?)))
}

/// What is wrong inside the database's file, at most so many lines; none where it is whole, or a server keeps it. Reads all of it.
pub async fn damage(db: &Db) -> Result<Vec<String>, Error> {
    if db.is_postgres() {
        return Ok(Vec::new());
    }
    let mut lines: Vec<String> = db.read("PRAGMA integrity_check(10)").values().await?;
    lines.retain(|line| line != "ok");
    Ok(lines)
}

/// Where the database's file lies; `None` where a server keeps it.
pub async fn file(db: &Db) -> Result<Option<PathBuf>, Error> {
    if db.is_postgres() {
        return Ok(None);
    }
    let path: String = db.read("SELECT file FROM pragma_database_list WHERE name = 'main'").value().await?;
    Ok(Some(path.into()))
}
