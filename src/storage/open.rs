//! Opens the database: creates and migrates it, then verifies durability (WAL, `synchronous=FULL`).

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use rustix::fs::{Access, access};
use rustix::process::geteuid;
use sqlx::Connection as _;
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use tokio::time::Instant;

use super::doubt::Failover;
use super::{Db, Error, Pools};
use crate::domain::entropy::Entropy;
use crate::domain::time::Time;

/// How long a write waits for another process's lock: within a callback's time, since WooCommerce waits 60 s (R4).
const LOCK_PATIENCE: Duration = Duration::from_secs(40);

/// How long an idle connection may take to answer a ping; a vanished server never does.
const PING_WITHIN: Duration = Duration::from_secs(2);
/// The pause between attempts to reach a server that is starting.
const START_PAUSE: Duration = Duration::from_millis(200);

/// The default maximum of PostgreSQL connections.
const POSTGRES_CONNECTIONS: u32 = 16;

/// How long a write waits for its turn in this process: a little longer than for another process, a little less than a
/// callback's 45 s.
const WRITER_PATIENCE: Duration = Duration::from_secs(44);

/// The oldest SQLite that does not lose pages when a WAL is reset (docs/protocol/threats.md §9.1).
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);

/// Why a database cannot be used. No text contains the address, which may contain a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenFault {
    /// The address has an unknown scheme.
    #[error("CARTKEY_DATABASE_URL must begin with sqlite: or postgres://")]
    Scheme,
    /// The address is invalid.
    #[error("CARTKEY_DATABASE_URL is not a valid database address")]
    Address,
    /// The database file or its folder cannot be created or written.
    #[error("{what}")]
    File {
        /// The file, and what is in the way if that is known.
        what: String,
        /// The system's error.
        source: io::Error,
    },
    /// The server does not answer, or refuses the connection.
    #[error("the database cannot be opened")]
    Connect(#[source] sqlx::Error),
    /// The database was migrated by a newer version.
    #[error(
        "this database was migrated by a newer version of Cartkey: run that version, or restore a backup made by this one"
    )]
    Newer(#[source] MigrateError),
    /// A migration failed and was rolled back.
    #[error("the database schema could not be migrated")]
    Migrate(#[source] MigrateError),
    /// The server is a pooler that shares connections between transactions.
    #[error(
        "CARTKEY_DATABASE_URL leads to a connection pooler in transaction mode (PgBouncer?), which loses settings and \
         prepared statements between transactions: connect to PostgreSQL directly, or set pool_mode=session"
    )]
    Pooler,
    /// The database would lose committed data.
    #[error("{0}")]
    Unsafe(String),
}

impl OpenFault {
    fn of_file(path: &Path, source: io::Error) -> Self {
        let obstacle = match source.kind() {
            io::ErrorKind::PermissionDenied => obstacle(path),
            io::ErrorKind::ReadOnlyFilesystem => Some("its file system is read-only: mount a volume there".to_owned()),
            _ => None,
        };
        let why = obstacle.map(|obstacle| format!(" ({obstacle})")).unwrap_or_default();
        Self::File { what: format!("cannot create or write {}{why}", path.display()), source }
    }

    fn of_connect(error: sqlx::Error) -> Self {
        if is_of_pooler(&error) { Self::Pooler } else { Self::Connect(error) }
    }

    fn of_migration(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) if is_of_pooler(&error) => Self::Pooler,
            MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => Self::Newer(error),
            error => Self::Migrate(error),
        }
    }
}

/// A prepared statement is missing or already exists (26000, 42P05): the transaction ran on another connection.
fn is_of_pooler(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| matches!(code.as_ref(), "26000" | "42P05"))
}

impl Db {
    /// Opens the database at `url` (`sqlite:PATH` or `postgres://…`), creates a missing SQLite file, and migrates the
    /// schema.
    pub async fn open(url: &str) -> Result<Self, OpenFault> {
        Self::open_with(url, POSTGRES_CONNECTIONS).await
    }

    /// The same, with at most `postgres_connections` connections to PostgreSQL.
    pub async fn open_with(url: &str, postgres_connections: u32) -> Result<Self, OpenFault> {
        let db = if let Some(path) = url.strip_prefix("sqlite:") {
            open_sqlite(path.strip_prefix("//").unwrap_or(path)).await?
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            open_postgres(url, postgres_connections).await?
        } else {
            return Err(OpenFault::Scheme);
        };
        migrate(&db, url).await?;
        Ok(db)
    }

    /// The installation's random name, created on first use.
    pub async fn instance(&self, now: Time, entropy: &Entropy) -> Result<String, Error> {
        let mut fresh = [0_u8; 16];
        entropy.fill(&mut fresh);
        let fresh = fresh.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let insert = "INSERT INTO installation (one, instance, created_at)
                      VALUES (1, $1, $2)
                      ON CONFLICT (one) DO NOTHING";
        self.write(insert).bind(fresh).bind(now).execute().await?;
        self.read("SELECT instance FROM installation WHERE one = 1").value().await
    }

    /// Checks that the database answers, by reading a row.
    pub async fn ping(&self) -> Result<(), Error> {
        let _: i64 = self.read("SELECT n FROM counters WHERE name = 'probe'").value().await?;
        Ok(())
    }

    /// Closes every connection; SQLite then merges its WAL into the file.
    pub async fn close(&self) {
        match self.pools() {
            Pools::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    /// The database's name and version, for people.
    pub async fn version(&self) -> Result<String, Error> {
        let (name, version) = if self.is_postgres() {
            ("PostgreSQL", "SHOW server_version")
        } else {
            ("SQLite", "SELECT sqlite_version()")
        };
        let version: String = self.read(version).value().await?;
        Ok(format!("{name} {version}"))
    }
}

/// Migrates the schema, on a connection without timeouts: a large migration may take longer than any statement may.
async fn migrate(db: &Db, url: &str) -> Result<(), OpenFault> {
    let migrator = sqlx::migrate!("./migrations");
    match db.pools() {
        Pools::Sqlite { write, .. } => migrator.run(write).await,
        Pools::Postgres(_) => {
            let options = PgConnectOptions::from_str(url).map_err(|_| OpenFault::Address)?.application_name("cartkey");
            let mut connection = first_connection(&options).await.map_err(OpenFault::of_connect)?;
            let patient = "SET statement_timeout = 0; SET lock_timeout = 0";
            sqlx::raw_sql(patient).execute(&mut connection).await.map_err(OpenFault::of_connect)?;
            let migrated = migrator.run(&mut connection).await;
            let _ = connection.close().await;
            migrated
        }
    }
    .map_err(OpenFault::of_migration)
}

async fn open_sqlite(path: &str) -> Result<Db, OpenFault> {
    let file = Path::new(path.split('?').next().unwrap_or(path));
    make_file(file).map_err(|fault| OpenFault::of_file(file, fault))?;
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
    // Checked on every new writing connection, including replacements.
    let write = pool(1)
        .after_connect(|connection, _| {
            Box::pin(async move {
                match loses_data(connection).await? {
                    None => Ok(()),
                    Some(why) => Err(sqlx::Error::Configuration(why.into())),
                }
            })
        })
        .connect_with(options.clone())
        .await
        .map_err(|error| match error {
            sqlx::Error::Configuration(why) => OpenFault::Unsafe(why.to_string()),
            error => OpenFault::Connect(error),
        })?;
    let read = pool(4).connect_lazy_with(options.read_only(true));
    Ok(Db::on(Pools::Sqlite { read, write }))
}

/// Why this database may lose committed data, if it may.
async fn loses_data(connection: &mut SqliteConnection) -> Result<Option<String>, sqlx::Error> {
    let (version, journal, synchronous): (String, String, i64) = sqlx::query_as(
        "SELECT sqlite_version(),
         (SELECT journal_mode FROM pragma_journal_mode),
         (SELECT synchronous FROM pragma_synchronous)",
    )
    .fetch_one(connection)
    .await?;
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let version_is = (parts.next().unwrap_or(0), parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if version_is < OLDEST_SQLITE {
        return Ok(Some(format!("SQLite {version} can lose data when its WAL is reset: use 3.51.3 or newer")));
    }
    if !journal.eq_ignore_ascii_case("wal") || synchronous != 2 {
        return Ok(Some("the database's file system does not support SQLite's WAL: use a local disk".to_owned()));
    }
    Ok(None)
}

async fn open_postgres(url: &str, connections: u32) -> Result<Db, OpenFault> {
    let options = PgConnectOptions::from_str(url).map_err(|_| OpenFault::Address)?.application_name("cartkey");
    let mut first = first_connection(&options).await.map_err(OpenFault::of_connect)?;
    if let Some(why) = prepare(&mut first).await.map_err(OpenFault::of_connect)? {
        return Err(OpenFault::Unsafe(why));
    }
    if shares_sessions(&mut first, &options).await.map_err(OpenFault::of_connect)? {
        return Err(OpenFault::Pooler);
    }
    let _ = first.close().await;
    let failover = Failover::default();
    let judge = failover.clone();
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(LOCK_PATIENCE)
        // The driver's own connection test has no timeout.
        .test_before_acquire(false)
        .before_acquire(move |connection, about| {
            let outlives = judge.outlives(about.age);
            Box::pin(async move {
                let answers = tokio::time::timeout(PING_WITHIN, connection.ping()).await;
                answers.map_err(|_| sqlx::Error::Io(io::ErrorKind::TimedOut.into()))??;
                Ok(outlives)
            })
        })
        // After a failover the server may be another one, with settings of its own.
        .after_connect(|connection, _| {
            Box::pin(async move {
                match prepare(connection).await? {
                    None => Ok(()),
                    Some(why) => Err(sqlx::Error::Configuration(why.into())),
                }
            })
        })
        .connect_lazy_with(options);
    Ok(Db::with(Pools::Postgres(pool), failover))
}

/// Connects, waiting for a server that is still starting.
async fn first_connection(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match PgConnection::connect_with(options).await {
            Err(error) if is_starting(&error) && Instant::now() < until => tokio::time::sleep(START_PAUSE).await,
            outcome => return outcome,
        }
    }
}

/// Whether the server may still be starting: nothing listens yet, or it answers `cannot_connect_now` (57P03).
fn is_starting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code == "57P03"),
        _ => false,
    }
}

/// Configures a session; returns the reason if its server must not be used. The server cancels a statement after 40 s, and an
/// idle transaction after a minute: one whose client has vanished blocks every other write until then.
async fn prepare(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    sqlx::raw_sql(
        "SET statement_timeout = 40000;
         SET idle_in_transaction_session_timeout = 60000;
         SET tcp_keepalives_idle = 30;
         SET tcp_keepalives_interval = 10;
         SET tcp_keepalives_count = 3",
    )
    .execute(&mut *connection)
    .await?;
    let (read_only, commit, fsync): (String, String, String) = sqlx::query_as(
        "SELECT current_setting('transaction_read_only'), current_setting('synchronous_commit'),
                current_setting('fsync')",
    )
    .fetch_one(connection)
    .await?;
    Ok(if read_only == "on" {
        Some("the PostgreSQL server is read-only (a standby?): connect to the primary".to_owned())
    } else if commit == "off" || fsync != "on" {
        Some(format!(
            "PostgreSQL would lose committed data (synchronous_commit={commit}, fsync={fsync}): set both to on"
        ))
    } else {
        None
    })
}

/// Whether another session sees a setting of this one, which means that a pooler shares connections between transactions.
async fn shares_sessions(first: &mut PgConnection, options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    sqlx::raw_sql("SET cartkey.session = 'first'").execute(&mut *first).await?;
    let mut second = PgConnection::connect_with(options).await?;
    let seen: Option<String> =
        sqlx::query_scalar("SELECT current_setting('cartkey.session', true)").fetch_one(&mut second).await?;
    let _ = second.close().await;
    Ok(seen.is_some_and(|seen| seen == "first"))
}

/// Creates the folder with mode 0700 and the file with mode 0600: SQLite gives its WAL the same mode, and creates it in the folder.
fn make_file(path: &Path) -> io::Result<()> {
    let folder = folder_of(path);
    if !folder.exists() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    access(folder, Access::WRITE_OK).map_err(io::Error::from)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// For people: the existing file or folder of `path` that this process may not write, its owner, and what to do.
fn obstacle(path: &Path) -> Option<String> {
    let places = path.ancestors().map(|place| if place.as_os_str().is_empty() { Path::new(".") } else { place });
    // The file and its folder, or, if they do not exist, where the folder would be created.
    let mut places = places.filter(|place| place.exists()).take(2);
    let place = places.find(|place| access(*place, Access::WRITE_OK).is_err())?;
    let about = fs::metadata(place).ok()?;
    let (shown, owner, me) = (place.display(), about.uid(), geteuid().as_raw());
    Some(if owner == me {
        format!("{shown} has mode {:o}: run chmod u+w {shown}", about.mode() & 0o7777)
    } else {
        format!(
            "{shown} belongs to uid {owner}, this process runs as uid {me}: run chown {me} {shown}, or run as its owner"
        )
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    async fn refused(path: &Path) -> String {
        let fault = Db::open(&format!("sqlite:{}", path.display())).await.expect_err("it cannot be opened");
        assert!(matches!(fault, OpenFault::File { .. }), "{fault:?}");
        fault.to_string()
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_made_is_named_with_what_is_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let said = refused(&file.join("cartkey.db")).await;
        assert!(said.contains(&format!("{}/cartkey.db", file.display())), "{said}");
        if geteuid().is_root() {
            return;
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).unwrap();
        for name in ["file", "cartkey.db", "data/cartkey.db"] {
            let said = refused(&folder.path().join(name)).await;
            assert!(said.contains(&format!("({} has mode 500", folder.path().display())), "{said}");
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    }
}
