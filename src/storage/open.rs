//! Opens the database: creates and migrates it, then verifies durability (WAL, `synchronous=FULL`).

use std::cmp::Ordering;
use std::fs::{self, OpenOptions};
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use rustix::fs::{Access, access};
use sqlx::Connection as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions, PgSslMode};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use tokio::time::Instant;
use url::Url;

use super::doubt::Failover;
use super::files::Files;
use super::{Db, Error, Pools};
use crate::domain::{Entropy, Time};
use crate::files::{folder_of, why_unwritable};

/// How long a write waits for another process's lock: within a callback's time, since WooCommerce waits 60 s (R4).
const LOCK_PATIENCE: Duration = Duration::from_secs(40);

/// Pages of the WAL (4 KiB each) at which a commit makes a checkpoint itself. Normally, `live::checkpoint` makes them earlier; this
/// limits the WAL if it cannot keep up.
const WAL_PAGES: &str = "16384";

/// How long an idle connection may take to answer a ping; a vanished server never does.
const PING_WITHIN: Duration = Duration::from_secs(2);
/// The pause between attempts to reach a server that is starting.
const START_PAUSE: Duration = Duration::from_millis(200);

/// How this process connects to PostgreSQL; SQLite ignores it.
#[derive(Debug, Clone)]
pub struct PostgresSettings {
    /// The maximum number of connections (16).
    pub connections: u32,
    /// The time after which the server cancels a statement (40 s, also the maximum: a store does not wait longer for its answer).
    pub statement_timeout: Duration,
    /// How TLS is used if the address does not say so with `sslmode`: `disable`, `prefer`, `require`, `verify-ca` or `verify-full`.
    /// Without either, `verify-full`, and `prefer` for a server on this machine.
    pub tls: Option<String>,
    /// The CA certificates to trust for the server, instead of the system's (PEM).
    pub tls_roots: Option<PathBuf>,
}

impl Default for PostgresSettings {
    fn default() -> Self {
        Self { connections: 16, statement_timeout: LOCK_PATIENCE, tls: None, tls_roots: None }
    }
}

/// Whether a missing database may be created and an older one migrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Making {
    /// Yes: the service is starting.
    Allowed,
    /// No: a command must neither create a database unexpectedly nor migrate one under a running service.
    Refused,
}

/// How long a write waits for its turn in this process: a little longer than for another process, a little less than a
/// callback's 45 s.
const WRITER_PATIENCE: Duration = Duration::from_secs(44);

/// The migration that creates the index of the search text.
const OF_SEARCH: i64 = 2;

/// The oldest SQLite that does not lose pages when a WAL is reset (docs/protocol/threats.md §9.1).
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);

/// Why a database cannot be used. No text contains the address, which may contain a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenFault {
    #[error("CARTKEY_DATABASE_URL must begin with sqlite: or postgres://")]
    Scheme,
    #[error("CARTKEY_DATABASE_URL is not a valid database address")]
    Address,
    /// The database file or its folder cannot be created or written.
    #[error("{what}")]
    File {
        /// The file, and what is in the way if that is known.
        what: String,
        source: io::Error,
    },
    #[error(
        "there is no Cartkey database at {place}: run this where the service runs and with its settings \
         (CARTKEY_DATABASE_URL), or start “cartkey serve” once, which creates it"
    )]
    Missing {
        /// The file with its folder, or the setting with the server's address.
        place: String,
    },
    #[error(
        "this database has the schema of an older version of Cartkey: start this version’s “cartkey serve”, which migrates \
         it, or run this command of the version that is serving"
    )]
    Older,
    /// The file is not a database, or is too damaged to be opened.
    #[error("the database file {path} cannot be opened: restore it from a backup if it is damaged")]
    Damaged { path: String, source: sqlx::Error },
    /// The server does not answer, or refuses the connection.
    #[error("the database cannot be opened")]
    Connect(#[source] sqlx::Error),
    #[error(
        "the connection to PostgreSQL cannot be encrypted and verified: name the CA’s certificate in \
         CARTKEY_DATABASE_TLS_ROOTS, or choose a weaker mode with ?sslmode=… in CARTKEY_DATABASE_URL"
    )]
    Tls(#[source] sqlx::Error),
    #[error(
        "this database was migrated by a newer version of Cartkey: run that version, or restore a backup made by this one"
    )]
    Newer(#[source] MigrateError),
    /// A migration failed and was rolled back.
    #[error("the database schema could not be migrated")]
    Migrate(#[source] MigrateError),
    #[error(
        "PostgreSQL's extension pg_trgm, which search needs, cannot be created ({0}): as the owner of the database or a \
         superuser, run CREATE EXTENSION pg_trgm in it; if it is not available, install the server's contrib package"
    )]
    Extension(sqlx::Error),
    #[error(
        "CARTKEY_DATABASE_URL leads to a connection pooler in transaction mode (PgBouncer?), which loses settings and \
         prepared statements between transactions: connect to PostgreSQL directly, or set pool_mode=session"
    )]
    Pooler,
    /// The database would lose committed data.
    #[error("{0}")]
    Unsafe(String),
    /// The schema's version cannot be read.
    #[error("the database cannot be read")]
    Read(#[source] Error),
}

impl OpenFault {
    fn of_file(path: &Path, source: io::Error) -> Self {
        let why = why_unwritable(path, &source);
        Self::File { what: format!("cannot create or write {}{why}", path.display()), source }
    }

    fn of_connect(error: sqlx::Error) -> Self {
        match error {
            error if is_of_pooler(&error) => Self::Pooler,
            error @ sqlx::Error::Tls(_) => Self::Tls(error),
            // The certificate was refused.
            sqlx::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => Self::Tls(error.into()),
            error => Self::Connect(error),
        }
    }

    /// Converts an error for the file at `path`: only reading it shows that it is not a database.
    fn of_sqlite(path: &Path, error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Configuration(why) => Self::Unsafe(why.to_string()),
            source if is_of_damage(&source) => Self::Damaged { path: path.display().to_string(), source },
            error => Self::Connect(error),
        }
    }

    fn of_migration(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) if is_of_pooler(&error) => Self::Pooler,
            MigrateError::ExecuteMigration(error, OF_SEARCH) if is_of_extension(&error) => Self::Extension(error),
            MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => Self::Newer(error),
            error => Self::Migrate(error),
        }
    }
}

/// `SQLITE_CORRUPT` (11) and `SQLITE_NOTADB` (26), including extended codes.
fn is_of_damage(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| matches!(code & 0xff, 11 | 26))
}

/// A prepared statement is missing or already exists (26000, 42P05): the transaction ran on another connection.
fn is_of_pooler(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| matches!(code.as_ref(), "26000" | "42P05"))
}

/// Not permitted (42501), or not available on the server (0A000; 58P01 before PostgreSQL 15).
fn is_of_extension(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| matches!(code.as_ref(), "42501" | "0A000" | "58P01"))
}

impl Db {
    /// Opens the database at `url` (`sqlite:PATH` or `postgres://…`), creates a missing SQLite file, and migrates the
    /// schema.
    pub async fn open(url: &str) -> Result<Self, OpenFault> {
        Self::open_with(url, &PostgresSettings::default(), Making::Allowed).await
    }

    /// The same with these settings. If `making` is refused, a missing database is not created and an older one is not migrated:
    /// both are errors.
    pub async fn open_with(url: &str, settings: &PostgresSettings, making: Making) -> Result<Self, OpenFault> {
        let db = if let Some(path) = url.strip_prefix("sqlite:") {
            open_sqlite(path.strip_prefix("//").unwrap_or(path), making).await?
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            open_postgres(url, settings).await?
        } else {
            return Err(OpenFault::Scheme);
        };
        match making {
            Making::Allowed => migrate(&db, url, settings).await?,
            Making::Refused => require_current(&db, url).await?,
        }
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

    /// Checks that the database answers, by reading a row, and that SQLite's files are in place.
    pub async fn ping(&self) -> Result<(), Error> {
        self.in_place().map_err(Error::Unavailable)?;
        let _: i64 = self.read("SELECT n FROM counters WHERE name = 'probe'").value().await?;
        Ok(())
    }

    /// Closes every connection; SQLite then merges its WAL into the file.
    pub async fn close(&self) {
        if let Some(pool) = self.checkpointer() {
            pool.close().await;
        }
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

/// The migrations of this version: those of both databases, and those of this one.
fn migrator(db: &Db) -> Migrator {
    let of_kind =
        if db.is_postgres() { sqlx::migrate!("./migrations/postgres") } else { sqlx::migrate!("./migrations/sqlite") };
    let both = sqlx::migrate!("./migrations");
    Migrator::with_migrations(both.iter().chain(of_kind.iter()).cloned().collect())
}

/// Migrates the schema, on a connection without timeouts: a large migration may take longer than any statement may.
async fn migrate(db: &Db, url: &str, settings: &PostgresSettings) -> Result<(), OpenFault> {
    let migrator = migrator(db);
    match db.pools() {
        Pools::Sqlite { write, .. } => migrator.run(write).await,
        Pools::Postgres(_) => {
            let options = postgres_options(url, settings)?;
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

/// Fails unless the schema is exactly this version's.
async fn require_current(db: &Db, url: &str) -> Result<(), OpenFault> {
    let newest = migrator(db).iter().map(|migration| migration.version).max();
    match db.read("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version DESC LIMIT 1").optional().await {
        Ok(Some((version,))) => match Some::<i64>(version).cmp(&newest) {
            Ordering::Equal => Ok(()),
            Ordering::Less => Err(OpenFault::Older),
            Ordering::Greater => Err(OpenFault::Newer(MigrateError::VersionMissing(version))),
        },
        Ok(None) => Err(missing(url)),
        Err(error) if error.is_of_missing_table() => Err(missing(url)),
        Err(error) => Err(OpenFault::Read(error)),
    }
}

fn missing(url: &str) -> OpenFault {
    let place = match url.strip_prefix("sqlite:") {
        Some(path) => {
            let path = path.strip_prefix("//").unwrap_or(path).split('?').next().unwrap_or_default();
            std::path::absolute(path).unwrap_or_else(|_| path.into()).display().to_string()
        }
        None => "the address in CARTKEY_DATABASE_URL".to_owned(),
    };
    OpenFault::Missing { place }
}

async fn open_sqlite(path: &str, making: Making) -> Result<Db, OpenFault> {
    let file = Path::new(path.split('?').next().unwrap_or(path));
    if making == Making::Refused && !file.try_exists().map_err(|fault| OpenFault::of_file(file, fault))? {
        return Err(missing(&format!("sqlite:{path}")));
    }
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
        .pragma("journal_size_limit", "67108864")
        .pragma("wal_autocheckpoint", WAL_PAGES);
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
        .map_err(|error| OpenFault::of_sqlite(file, error))?;
    // Open from the start to the end, so that the WAL stays the same file however often the others are replaced.
    let checkpointer =
        pool(1).connect_with(options.clone()).await.map_err(|error| OpenFault::of_sqlite(file, error))?;
    let files = Files::of(file).map_err(|fault| OpenFault::of_file(file, fault))?;
    let read = pool(4).connect_lazy_with(options.read_only(true));
    Ok(Db::on(Pools::Sqlite { read, write }).in_files(files, checkpointer))
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

/// The address, with the TLS mode if it does not have one.
fn postgres_options(url: &str, settings: &PostgresSettings) -> Result<PgConnectOptions, OpenFault> {
    let parsed = Url::parse(url).map_err(|_| OpenFault::Address)?;
    let mut options = PgConnectOptions::from_str(url).map_err(|_| OpenFault::Address)?.application_name("cartkey");
    if let Some(roots) = &settings.tls_roots {
        options = options.ssl_root_cert(roots);
    }
    let says_how = parsed.query_pairs().any(|(name, _)| name == "sslmode" || name == "ssl-mode");
    if says_how || std::env::var_os("PGSSLMODE").is_some() {
        return Ok(options);
    }
    let mode = match &settings.tls {
        Some(mode) => PgSslMode::from_str(mode).map_err(|_| OpenFault::Address)?,
        None if is_local(&options) => PgSslMode::Prefer,
        None => PgSslMode::VerifyFull,
    };
    Ok(options.ssl_mode(mode))
}

/// Whether the server is on this machine, so that nobody on a network sees the traffic.
fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

async fn open_postgres(url: &str, settings: &PostgresSettings) -> Result<Db, OpenFault> {
    let options = postgres_options(url, settings)?;
    let statement_timeout = settings.statement_timeout;
    let mut first = first_connection(&options).await.map_err(OpenFault::of_connect)?;
    if let Some(why) = prepare(&mut first, statement_timeout).await.map_err(OpenFault::of_connect)? {
        return Err(OpenFault::Unsafe(why));
    }
    if shares_sessions(&mut first, &options).await.map_err(OpenFault::of_connect)? {
        return Err(OpenFault::Pooler);
    }
    let _ = first.close().await;
    let failover = Failover::default();
    let judge = failover.clone();
    let pool = PgPoolOptions::new()
        .max_connections(settings.connections)
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
        .after_connect(move |connection, _| {
            Box::pin(async move {
                match prepare(connection, statement_timeout).await? {
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

/// Configures a session; returns the reason if its server must not be used. The server cancels a statement after
/// `statement_timeout`, and an idle transaction after a minute: one whose client has vanished blocks every other write until then.
async fn prepare(connection: &mut PgConnection, statement_timeout: Duration) -> Result<Option<String>, sqlx::Error> {
    sqlx::raw_sql(
        "SET idle_in_transaction_session_timeout = 60000;
         SET tcp_keepalives_idle = 30;
         SET tcp_keepalives_interval = 10;
         SET tcp_keepalives_count = 3",
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query("SELECT set_config('statement_timeout', $1, false)")
        .bind(statement_timeout.as_millis().to_string())
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use rustix::process::geteuid;

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
