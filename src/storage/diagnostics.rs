//! What the database says of itself.

use std::path::PathBuf;

use super::{Db, Error};
use crate::domain::{StoreUrl, Time};

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

/// Damage in the database, at most ten lines; none if it is intact. Reads the whole SQLite file; if `deep`, also compares its indexes
/// with its tables. PostgreSQL reports the pages that it has found damaged, if it computes checksums.
pub async fn damage(db: &Db, deep: bool) -> Result<Vec<String>, Error> {
    if db.is_postgres() {
        let failures = "SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()";
        let failures: Option<i64> = db.read(failures).value().await?;
        return Ok(match failures {
            Some(n) if n > 0 => vec![format!("{n} pages with a wrong checksum")],
            _ => Vec::new(),
        });
    }
    let check = if deep { "PRAGMA integrity_check(10)" } else { "PRAGMA quick_check(10)" };
    let mut lines: Vec<String> = db.read(check).values().await?;
    lines.retain(|line| line != "ok");
    Ok(lines)
}

/// Whether the server verifies each page's checksum when it reads it; `None` where the database is a file.
pub async fn has_checksums(db: &Db) -> Result<Option<bool>, Error> {
    if !db.is_postgres() {
        return Ok(None);
    }
    Ok(Some(db.read("SELECT current_setting('data_checksums') = 'on'").value().await?))
}

/// Whether the connection to the database crosses a network in plain text.
pub async fn is_plain_text(db: &Db) -> Result<bool, Error> {
    if !db.is_postgres() {
        return Ok(false);
    }
    // A socket has no address.
    db.read(
        "SELECT NOT ssl
            AND inet_client_addr() IS NOT NULL
            AND NOT inet_client_addr() <<= inet '127.0.0.0/8'
            AND inet_client_addr() <> inet '::1'
         FROM pg_stat_ssl
         WHERE pid = pg_backend_pid()",
    )
    .value()
    .await
}

/// Where the database's file lies; `None` where a server keeps it.
pub async fn file(db: &Db) -> Result<Option<PathBuf>, Error> {
    if db.is_postgres() {
        return Ok(None);
    }
    let path: String = db.read("SELECT file FROM pragma_database_list WHERE name = 'main'").value().await?;
    Ok(Some(path.into()))
}
