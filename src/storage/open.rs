//! Opening a database: made if it is not there, migrated, and found to keep what it is told.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::{Db, Error, Pool, on};
use crate::domain::entropy::Entropy;
use crate::domain::time::Time;

/// How long a write waits for another process's: the callback's budget, since WooCommerce waits 60 s (R4).
const LOCK_PATIENCE: Duration = Duration::from_secs(40);

/// How long a write waits for its turn in this process: a little longer than for another process, a little less than a
/// callback's 45 s.
const WRITER_PATIENCE: Duration = Duration::from_secs(44);

/// The oldest SQLite that does not lose pages when a WAL is reset (threats.md §9.1).
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);

/// Why a database cannot be used; each text says what to do. None holds the address, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenFault {
    /// The address is not one of ours.
    #[error("CARTKEY_DATABASE_URL must begin with sqlite: or postgres://")]
    Scheme,
    /// The address cannot be read.
    #[error("CARTKEY_DATABASE_URL cannot be read as the address of a database")]
    Address,
    /// The database file or its folder cannot be made.
    #[error("the database file cannot be made")]
    File(#[source] std::io::Error),
    /// Nothing answers, or it refuses us.
    #[error("the database cannot be opened")]
    Connect(#[source] sqlx::Error),
    /// The schema cannot be brought up to date.
    #[error("the database's schema cannot be brought up to date (made by a newer version of Cartkey?)")]
    Migrate(#[source] MigrateError),
    /// The database would not keep what it is told.
    #[error("{0}")]
    Unsafe(String),
}

impl Db {
    /// Opens the database at `url` (`sqlite:PATH` or `postgres://…`), makes a SQLite file that is not there, and
    /// brings the schema up to date.
    pub async fn open(url: &str) -> Result<Self, OpenFault> {
        let db = if let Some(path) = url.strip_prefix("sqlite:") {
            open_sqlite(path.strip_prefix("//").unwrap_or(path)).await?
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            open_postgres(url).await?
        } else {
            return Err(OpenFault::Scheme);
        };
        let migrator = sqlx::migrate!("./migrations");
        on!(db.write(), |pool| migrator.run(pool).await).map_err(OpenFault::Migrate)?;
        Ok(db)
    }

    /// The installation's own name, minted on first use.
    pub async fn instance(&self, now: Time, entropy: &Entropy) -> Result<String, Error> {
        let mut fresh = [0_u8; 16];
        entropy.fill(&mut fresh);
        let fresh = fresh.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        on!(self.write(), |pool| {
            sqlx::query(
                "INSERT INTO installation (one, instance, created_at)
                 VALUES (1, $1, $2)
                 ON CONFLICT (one) DO NOTHING",
            )
            .bind(&fresh)
            .bind(now)
            .execute(pool)
            .await?;
            Ok(sqlx::query_scalar("SELECT instance FROM installation WHERE one = 1").fetch_one(pool).await?)
        })
    }

    /// The ring keys that ever sealed here, each with its proof.
    pub async fn ring_proofs(&self) -> Result<Vec<(String, Vec<u8>)>, Error> {
        on!(self.read(), |pool| Ok(sqlx::query_as("SELECT id, proof FROM ring_keys ORDER BY id")
            .fetch_all(pool)
            .await?))
    }

    /// Keeps the proof of a ring key; the first one kept stays.
    pub async fn keep_ring_proof(&self, id: &str, proof: &[u8]) -> Result<(), Error> {
        on!(self.write(), |pool| {
            sqlx::query("INSERT INTO ring_keys (id, proof) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
                .bind(id)
                .bind(proof)
                .execute(pool)
                .await?;
        });
        Ok(())
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        on!(self.read(), |pool| sqlx::query("SELECT 1").execute(pool).await.map(drop))?;
        Ok(())
    }

    /// Closes every connection; SQLite folds its WAL into the file.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }

    /// The database's name and version, for people.
    pub async fn version(&self) -> Result<String, Error> {
        match self.read() {
            Pool::Sqlite(pool) => {
                let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(pool).await?;
                Ok(format!("SQLite {version}"))
            }
            Pool::Postgres(pool) => {
                let version: String = sqlx::query_scalar("SHOW server_version").fetch_one(pool).await?;
                Ok(format!("PostgreSQL {version}"))
            }
        }
    }
}

async fn open_sqlite(path: &str) -> Result<Db, OpenFault> {
    make_file(Path::new(path.split('?').next().unwrap_or(path))).map_err(OpenFault::File)?;
    let options = SqliteConnectOptions::from_str(&format!("sqlite:{path}"))
        .map_err(|_| OpenFault::Address)?
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(LOCK_PATIENCE)
        .foreign_keys(true)
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .pragma("secure_delete", "ON")
        .pragma("journal_size_limit", "67108864");
    let pool = |connections| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .acquire_timeout(WRITER_PATIENCE)
    };
    let write = pool(1).connect_with(options.clone()).await.map_err(OpenFault::Connect)?;
    assert_sqlite_keeps(&write).await?;
    let read = pool(4).connect_lazy_with(options.read_only(true));
    Ok(Db::Sqlite { read, write })
}

async fn assert_sqlite_keeps(pool: &sqlx::SqlitePool) -> Result<(), OpenFault> {
    let (version, journal, synchronous): (String, String, i64) = sqlx::query_as(
        "SELECT sqlite_version(),
                (SELECT journal_mode FROM pragma_journal_mode),
                (SELECT synchronous FROM pragma_synchronous)",
    )
    .fetch_one(pool)
    .await
    .map_err(OpenFault::Connect)?;
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let version_is = (parts.next().unwrap_or(0), parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if version_is < OLDEST_SQLITE {
        return Err(OpenFault::Unsafe(format!(
            "SQLite {version} can lose data when its WAL is reset: 3.51.3 or newer is needed"
        )));
    }
    if !journal.eq_ignore_ascii_case("wal") || synchronous != 2 {
        return Err(OpenFault::Unsafe(
            "the database's file system does not keep SQLite's WAL: use a local disk".to_owned(),
        ));
    }
    Ok(())
}

async fn open_postgres(url: &str) -> Result<Db, OpenFault> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| OpenFault::Address)?
        .application_name("cartkey")
        .options([("statement_timeout", "40000")]);
    let pool =
        PgPoolOptions::new().max_connections(16).acquire_timeout(LOCK_PATIENCE).connect_with(options.clone()).await;
    let pool = match pool {
        Ok(pool) => pool,
        // The pool tries again and again, and forgets why it could not: one more try tells.
        Err(sqlx::Error::PoolTimedOut) => {
            let last = PgConnection::connect_with(&options).await;
            return Err(OpenFault::Connect(last.err().unwrap_or(sqlx::Error::PoolTimedOut)));
        }
        Err(error) => return Err(OpenFault::Connect(error)),
    };
    let (commit, fsync): (String, String) =
        sqlx::query_as("SELECT current_setting('synchronous_commit'), current_setting('fsync')")
            .fetch_one(&pool)
            .await
            .map_err(OpenFault::Connect)?;
    if matches!(commit.as_str(), "off") || fsync != "on" {
        return Err(OpenFault::Unsafe(format!(
            "PostgreSQL would lose what it acknowledged (synchronous_commit={commit}, fsync={fsync}): set both to on"
        )));
    }
    Ok(Db::Postgres(pool))
}

/// Makes the folder for its owner alone and the file with mode 0600: SQLite gives its WAL the same mode.
fn make_file(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty() && !p.exists()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(drop)
}
