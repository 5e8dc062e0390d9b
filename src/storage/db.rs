//! The one API to both databases. A statement is text plus values, a transaction is a value that functions take, and a row
//! reads the same on both.
//!
//! We issue our own `BEGIN`, `COMMIT` and `ROLLBACK` instead of the driver's: after a failed `COMMIT` SQLite has already rolled
//! back, and a driver that still counts the transaction would make savepoints inside one that nobody commits. So a
//! connection on which a begin, commit or rollback failed, or whose transaction was dropped, is closed and never used again.
//!
//! Retries are decided here, within the caller's patience ([`Db::patient`]):
//!
//! | what failed | retried |
//! | --- | --- |
//! | taking a connection, `BEGIN` | yes |
//! | a read | yes, when the database was unreachable, busy or failing over |
//! | a write or transaction that is known to have changed nothing | yes, for the same reasons |
//! | a write or `COMMIT` whose outcome is unknown | no: [`Error::Unknown`]. Only [`Db::insist`] retries those, for work that may run twice |

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;
use sqlx::pool::PoolConnection;
use sqlx::{Database, PgPool, Pool, SqlitePool};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::doubt::{Doubt, Failover};
use super::error::Error;
use super::files::Files;
use super::statement::{Sql, Statement, Target};
use super::tx::{Connection, Ended, Lease, Tx, Writer};

/// How long a caller waits by default for an unreachable or busy database: less than the time limit of a page.
const PATIENCE: Duration = Duration::from_secs(20);

/// The time connecting may take, however little patience the caller has left.
const LEAST_PATIENCE: Duration = Duration::from_secs(3);
/// The first pause between two tries; doubled each time, up to `LONGEST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// An open database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    pools: Pools,
    doubt: Doubt,
    failover: Failover,
    patience: Patience,
    /// SQLite's connection for checkpoints, so that they do not occupy the one that writes.
    checkpointer: Option<SqlitePool>,
    /// SQLite's files.
    files: Option<Files>,
    /// The places of writes that [strangers](Self::for_strangers) cause.
    strangers: Arc<Semaphore>,
    is_for_strangers: bool,
    /// How long writes took until they were on disk, in seconds.
    write_times: Histogram,
}

/// How many writes that strangers cause run or wait for a connection at a time.
const WRITES_OF_STRANGERS: usize = 2;

/// Upper limits of the buckets of [`Db::write_times`], in seconds.
const WRITE_TIMES: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 20.0];

#[derive(Debug, Clone, Copy)]
pub struct Connections {
    /// What the pool is for.
    pub name: &'static str,
    pub open: u32,
    pub busy: u32,
    pub most: u32,
}

/// How long a caller waits for an unreachable database.
#[derive(Debug, Clone, Copy)]
enum Patience {
    For(Duration),
    Until(Instant),
}

impl Patience {
    fn ends(self) -> Instant {
        match self {
            Self::For(duration) => Instant::now() + duration,
            Self::Until(moment) => moment,
        }
    }
}

/// The connections to one of the two databases.
#[derive(Debug, Clone)]
pub enum Pools {
    /// A file. One connection writes, because SQLite has one writer; the others read beside it.
    Sqlite {
        /// For reading.
        read: SqlitePool,
        /// For writing; a pool of one.
        write: SqlitePool,
    },
    /// A server, when one machine is not enough.
    Postgres(PgPool),
}

impl Db {
    /// A database on these connections.
    pub fn on(pools: Pools) -> Self {
        Self::with(pools, Failover::default())
    }

    /// A database whose connections are judged by `failover` each time one is taken.
    pub(super) fn with(pools: Pools, failover: Failover) -> Self {
        Self {
            pools,
            doubt: Doubt::default(),
            failover,
            patience: Patience::For(PATIENCE),
            checkpointer: None,
            files: None,
            strangers: Arc::new(Semaphore::new(WRITES_OF_STRANGERS)),
            is_for_strangers: false,
            write_times: Histogram::new(WRITE_TIMES),
        }
    }

    /// The same database in these files, with a connection for [checkpoints](Self::checkpoint).
    pub(super) fn in_files(self, files: Files, checkpointer: SqlitePool) -> Self {
        Self { checkpointer: Some(checkpointer), files: Some(files), ..self }
    }

    /// The connection for checkpoints, if this is a file.
    pub(super) const fn checkpointer(&self) -> Option<&SqlitePool> {
        self.checkpointer.as_ref()
    }

    /// How long writes took, from taking the connection until they were on disk, in seconds.
    pub const fn write_times(&self) -> &Histogram {
        &self.write_times
    }

    pub fn connections(&self) -> Vec<Connections> {
        fn of<D: Database>(name: &'static str, pool: &Pool<D>) -> Connections {
            let (open, idle) = (pool.size(), u32::try_from(pool.num_idle()).unwrap_or(u32::MAX));
            Connections { name, open, busy: open.saturating_sub(idle), most: pool.options().get_max_connections() }
        }
        match &self.pools {
            Pools::Sqlite { read, write } => vec![of("read", read), of("write", write)],
            Pools::Postgres(pool) => vec![of("all", pool)],
        }
    }

    /// The connection pools, for everything but statements: migrations, full copies, tests.
    pub const fn pools(&self) -> &Pools {
        &self.pools
    }

    /// Whether this is PostgreSQL, for the few statements that must differ.
    pub const fn is_postgres(&self) -> bool {
        matches!(self.pools, Pools::Postgres(_))
    }

    /// The same database for a caller that waits at most `patience` in total while the database is unreachable.
    #[must_use]
    pub fn patient(&self, patience: Duration) -> Self {
        Self { patience: Patience::Until(Instant::now() + patience), ..self.clone() }
    }

    /// The same database for writes that anybody can cause. They wait for each other before they wait for a connection, so that no
    /// flood of them holds up a callback, which waits behind two at most.
    #[must_use]
    pub fn for_strangers(&self) -> Self {
        Self { is_for_strangers: true, ..self.clone() }
    }

    /// A statement that only reads.
    pub fn read(&self, sql: impl Sql) -> Statement<'_> {
        Statement::new(sql, Target::Read(self))
    }

    /// A statement that writes, and is a transaction of its own.
    pub fn write(&self, sql: impl Sql) -> Statement<'_> {
        Statement::new(sql, Target::Write(self))
    }

    /// Runs `work` in a transaction, which it ends with [`Tx::commit`] or [`Tx::undo`]; a dropped transaction is rolled back.
    /// `work` runs again when the database was away, busy or failed over before anything was committed.
    ///
    /// Errors: those of `work`; [`Error::Unavailable`] when the database was unreachable for as long as the caller waits;
    /// [`Error::Unknown`] when the commit failed and may or may not have been kept.
    pub async fn transaction<T, F>(&self, mut work: impl FnMut(Tx) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<Ended<T>, Error>>,
    {
        let (mut tries, begun) = (self.tries(), Instant::now());
        loop {
            let outcome = match self.begin().await {
                Ok(tx) => work(tx).await,
                Err(error) => Err(error),
            };
            let outcome = outcome.and_then(|Ended(value)| self.wrote(begun, value));
            match outcome.inspect_err(|error| self.failover.judge(error)) {
                Err(error) if error.may_pass() && tries.pause().await => {}
                Ok(value) => return Ok(value),
                Err(error) => {
                    self.doubt.judge(&error);
                    return Err(error);
                }
            }
        }
    }

    /// A read transaction that sees one snapshot of everything, without a time limit.
    pub async fn snapshot(&self) -> Result<Tx, Error> {
        let mut tx = self.view().await?;
        tx.without_timeout().await?;
        Ok(tx)
    }

    /// A read transaction that sees one snapshot of everything.
    pub async fn view(&self) -> Result<Tx, Error> {
        let begin = if self.is_postgres() { "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY" } else { "BEGIN" };
        let mut tries = self.tries();
        loop {
            let view = async { Tx::begin(self.reading().await?, begin).await };
            match view.await {
                Err(error) if error.may_pass() && tries.pause().await => {}
                outcome => return outcome,
            }
        }
    }

    /// Retries `work` until it succeeds or fails for good, even after an unknown outcome, for as long as the caller waits.
    /// Only for work that may run twice.
    pub async fn insist<T, F>(&self, mut work: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut tries = self.tries();
        loop {
            match work().await {
                Err(error) if error.is_worth_waiting_for() && tries.pause().await => {}
                outcome => return outcome,
            }
        }
    }

    /// Whether a write failed and no [probe](Self::probe) has been durable since.
    pub fn is_in_doubt(&self) -> bool {
        self.doubt.is_there()
    }

    /// Waits until [in doubt](Self::is_in_doubt).
    pub async fn doubted(&self) {
        self.doubt.comes().await;
    }

    /// Writes a row to check that writes are durable; success clears the doubt left by earlier failures.
    ///
    /// Errors: those of that write.
    pub async fn probe(&self) -> Result<(), Error> {
        let seen = self.doubt.seen();
        let probe = "UPDATE counters SET n = n + 1 WHERE name = 'probe'";
        let changed = self.patient(Duration::ZERO).write(probe).execute().await?;
        if changed != 1 {
            return Err(Error::Broken(sqlx::Error::RowNotFound));
        }
        self.doubt.ends(seen);
        Ok(())
    }

    /// Copies committed pages from SQLite's WAL to the file without blocking readers or the writer; returns how many pages of the
    /// WAL are in the file now. Once all of them are, the WAL is overwritten from its beginning.
    ///
    /// Errors: disk errors. Nothing is lost then: the WAL still has the pages.
    pub async fn checkpoint(&self) -> Result<usize, Error> {
        let Some(pool) = &self.checkpointer else { return Ok(0) };
        let (_, _, copied): (i64, i64, i64) =
            sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(pool).await.map_err(Error::before_commit)?;
        Ok(usize::try_from(copied).unwrap_or(0))
    }

    pub(super) async fn reading(&self) -> Result<Lease, Error> {
        match &self.pools {
            Pools::Sqlite { read, .. } => self.take(read).await.map(Connection::Sqlite),
            Pools::Postgres(pool) => self.take(pool).await.map(Connection::Postgres),
        }
        .map(Lease::of)
    }

    pub(super) async fn writing(&self) -> Result<Lease, Error> {
        let place = if self.is_for_strangers { Some(self.place_of_stranger().await?) } else { None };
        let connection = match &self.pools {
            Pools::Sqlite { write, .. } => self.take(write).await.map(Connection::Sqlite),
            Pools::Postgres(pool) => self.take(pool).await.map(Connection::Postgres),
        };
        connection.map(|connection| Lease::of(connection).in_place(place))
    }

    async fn place_of_stranger(&self) -> Result<OwnedSemaphorePermit, Error> {
        let place = tokio::time::timeout_at(self.must_have_by(), Arc::clone(&self.strangers).acquire_owned()).await;
        place.ok().and_then(Result::ok).ok_or(Error::Unavailable(sqlx::Error::PoolTimedOut))
    }

    /// Takes a connection within the caller's patience; the pool alone would wait longer.
    async fn take<D: Database>(&self, pool: &Pool<D>) -> Result<PoolConnection<D>, Error> {
        let taken = tokio::time::timeout_at(self.must_have_by(), pool.acquire()).await;
        taken.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(Error::Unavailable)
    }

    /// When the caller gives up waiting for a connection.
    fn must_have_by(&self) -> Instant {
        self.patience.ends().max(Instant::now() + LEAST_PATIENCE)
    }

    /// The writing connection, for a caller that writes repeatedly.
    pub(super) async fn hold(&self) -> Result<Writer, Error> {
        let lease = self.writing().await.inspect_err(|error| self.doubt.judge(error))?;
        Ok(Writer { lease, db: self.clone() })
    }

    /// Records a write that began at `begun`, is on disk and returned `value`, which it passes on.
    ///
    /// Errors: [`Error::Unknown`] when the next start would not find it, because a file of the database was moved or deleted.
    pub(super) fn wrote<T>(&self, begun: Instant, value: T) -> Result<T, Error> {
        self.in_place().map_err(Error::Unknown)?;
        self.write_times.observe(begun.elapsed().as_secs_f64());
        Ok(value)
    }

    /// Fails when SQLite's files are no longer where the next start looks for them.
    pub(super) fn in_place(&self) -> Result<(), sqlx::Error> {
        self.files.as_ref().map_or(Ok(()), Files::in_place).map_err(sqlx::Error::Io)
    }

    /// Records the error of a write that is not retried.
    pub(super) fn gave_up(&self, error: &Error) {
        self.failover.judge(error);
        self.doubt.judge(error);
    }

    /// Records the error of a statement that may be retried.
    pub(super) fn tried(&self, error: &Error) {
        self.failover.judge(error);
    }

    /// The retries of one caller.
    pub(super) fn tries(&self) -> Tries {
        Tries { until: self.patience.ends(), next: FIRST_PAUSE }
    }

    /// Begins a transaction that the caller ends; it is not retried.
    pub(super) async fn begin(&self) -> Result<Tx, Error> {
        Tx::begin(self.writing().await?, if self.is_postgres() { "BEGIN" } else { "BEGIN IMMEDIATE" }).await
    }
}

/// The retries of one caller, with pauses that double.
pub(super) struct Tries {
    until: Instant,
    next: Duration,
}

impl Tries {
    /// Waits before the next try; returns false when the caller's time would be up by then.
    pub(super) async fn pause(&mut self) -> bool {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST_PAUSE);
        if Instant::now() + pause > self.until {
            return false;
        }
        tokio::time::sleep(pause).await;
        true
    }
}
