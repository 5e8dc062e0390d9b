//! A separate database for each story: a SQLite file, or a schema of the PostgreSQL in `TEST_POSTGRES_URL`.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use cartkey::storage::{Db, Pools};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

static SCHEMAS: AtomicU32 = AtomicU32::new(0);

/// The address of a fresh database; a SQLite file is created in `folder`.
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

/// Changes a database directly; returns the number of rows changed.
pub async fn change(db: &Db, sql: &str) -> u64 {
    let statement = AssertSqlSafe(sql.to_owned());
    match db.pools() {
        Pools::Sqlite { write, .. } => sqlx::raw_sql(statement).execute(write).await.map(|done| done.rows_affected()),
        Pools::Postgres(pool) => sqlx::raw_sql(statement).execute(pool).await.map(|done| done.rows_affected()),
    }
    .unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// Reads one text column directly; NULL is empty.
pub async fn column(db: &Db, sql: &str) -> Vec<String> {
    let statement = AssertSqlSafe(sql.to_owned());
    let read: Result<Vec<Option<String>>, _> = match db.pools() {
        Pools::Sqlite { write, .. } => sqlx::query_scalar(statement).fetch_all(write).await,
        Pools::Postgres(pool) => sqlx::query_scalar(statement).fetch_all(pool).await,
    };
    read.unwrap_or_else(|error| panic!("{sql}: {error}")).into_iter().map(Option::unwrap_or_default).collect()
}
