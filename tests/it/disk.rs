//! What a story does to the database as another program would, and what it finds in the file.

use cartkey::storage::{Db, Pools};
use sqlx::{Connection as _, PgConnection, SqliteConnection};

use crate::database::{change, column};

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
