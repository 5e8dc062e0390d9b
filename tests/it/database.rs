//! A database of its own for each story: a SQLite file, or a schema of the PostgreSQL that `TEST_POSTGRES_URL` names.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use cartkey::storage::{Db, Pools};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

static SCHEMAS: AtomicU32 = AtomicU32::new(0);

/// The address of a fresh database; a SQLite file lies in `folder`.
pub async fn fresh(folder: &Path) -> String {
    let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
        return format!("sqlite:{}", folder.join("cartkey.db").display());
    };
    let schema = format!("story_{}_{}", std::process::id(), SCHEMAS.fetch_add(1, Ordering::Relaxed));
    let mut connection = PgConnection::connect(&server).await.expect("TEST_POSTGRES_URL answers");
    let statement = format!("CREATE SCHEMA {schema}");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.expect("a fresh schema");
    connection.close().await.expect("closed");
    let sign = if server.contains('?') { '&' } else { '?' };
    format!("{server}{sign}options=-c%20search_path%3D{schema}")
}

/// Changes a database behind Cartkey's back; gives back how many rows that were.
pub async fn change(db: &Db, sql: &str) -> u64 {
    let statement = AssertSqlSafe(sql.to_owned());
    match db.pools() {
        Pools::Sqlite { write, .. } => sqlx::raw_sql(statement).execute(write).await.map(|done| done.rows_affected()),
        Pools::Postgres(pool) => sqlx::raw_sql(statement).execute(pool).await.map(|done| done.rows_affected()),
    }
    .unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// One column of text, read behind Cartkey's back; NULL is empty.
pub async fn column(db: &Db, sql: &str) -> Vec<String> {
    let statement = AssertSqlSafe(sql.to_owned());
    let read: Result<Vec<Option<String>>, _> = match db.pools() {
        Pools::Sqlite { write, .. } => sqlx::query_scalar(statement).fetch_all(write).await,
        Pools::Postgres(pool) => sqlx::query_scalar(statement).fetch_all(pool).await,
    };
    read.unwrap_or_else(|error| panic!("{sql}: {error}")).into_iter().map(Option::unwrap_or_default).collect()
}

/// Where nothing that was acknowledged is at stake, a story need not wait for the disk thousands of times. A file of ours; a
/// server decides for itself.
pub async fn hurry(db: &Db) {
    if is_file(db) {
        change(db, "PRAGMA synchronous = OFF").await;
    }
}

/// Whether this database is a file of ours, not a server.
pub fn is_file(db: &Db) -> bool {
    matches!(db.pools(), Pools::Sqlite { .. })
}

/// How many grants have a key that is not wiped.
pub async fn sealed_grants(db: &Db) -> usize {
    column(db, "SELECT id FROM grants WHERE sealed IS NOT NULL").await.len()
}

/// Everything sealed that stands in this table of a SQLite file, as it stands there.
pub async fn sealed_bytes(db: &Db, table: &str) -> Vec<Vec<u8>> {
    let hex = column(db, &format!("SELECT hex(sealed) FROM {table} WHERE sealed IS NOT NULL")).await;
    let byte = |hex: &str, at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    hex.iter().map(|hex| (0..hex.len()).step_by(2).map(|at| byte(hex, at)).collect()).collect()
}

/// Brings everything that stands in the WAL of a SQLite file into the file, and empties the WAL.
pub async fn fold_wal(db: &Db) {
    change(db, "PRAGMA wal_checkpoint(TRUNCATE)").await;
}

/// Another program that keeps everybody else from writing, until it lets go.
pub enum Locked {
    /// Of a file.
    File(SqliteConnection),
    /// Of a server.
    Server(PgConnection),
}

impl Locked {
    /// Begins to.
    pub async fn hold(database_url: &str) -> Self {
        if database_url.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(database_url).await.expect("the file is there");
            sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.expect("nobody writes just now");
            return Self::File(connection);
        }
        let mut connection = PgConnection::connect(database_url).await.expect("the server answers");
        let lock = "BEGIN; LOCK TABLE attempts, grants, events IN SHARE ROW EXCLUSIVE MODE";
        sqlx::raw_sql(lock).execute(&mut connection).await.expect("nobody writes just now");
        Self::Server(connection)
    }

    /// Lets go.
    pub async fn release(self) {
        match self {
            Self::File(mut connection) => sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.map(drop),
            Self::Server(mut connection) => sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.map(drop),
        }
        .expect("the lock was held");
    }
}
