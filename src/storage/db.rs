//! The one API to both databases. A statement is text plus values, a transaction is a value that functions take, and a row
//! reads the same on both.
//!
//! Transactions are begun and ended by statements of our own, not by the driver's: after a failed `COMMIT` SQLite has rolled
//! back by itself, and a driver that counts on would make savepoints inside a transaction that nobody commits. So a
//! connection on which a begin, commit or rollback failed, or whose transaction was dropped, is closed and never used again.
//!
//! What is tried again is decided here, within the caller's patience ([`Db::patient`]):
//!
//! | what failed | is tried again |
//! | --- | --- |
//! | taking a connection, `BEGIN` | yes |
//! | a read | yes, when the database was away, busy or just failed over |
//! | a write or transaction that is known to have changed nothing | yes, for the same reasons |
//! | a write or `COMMIT` whose outcome nobody knows | no: [`Error::Unknown`]. Only [`Db::insist`] repeats those, for what may run twice |

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool};
use tokio::time::Instant;

use super::error::Error;
use super::statement::{Sql, Statement, Target};

/// For how long what failed because the database was away, busy or failed over is tried again.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long connecting may take, however little patience there is.
const LEAST_PATIENCE: Duration = Duration::from_secs(3);
/// The first pause between two tries; doubled each time, up to `LONGEST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// An open database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    pools: Pools,
    /// True from a write that could not be made durable until one was again.
    in_doubt: Arc<AtomicBool>,
    failover: Failover,
    patience: Patience,
}

/// For how long a caller waits for a database that is away.
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

/// When a server last refused to write because it only reads. Connections that were made before lead to a server that is
/// no longer the one to ask, and are not used again.
#[derive(Debug, Clone, Default)]
pub(super) struct Failover(Arc<Mutex<Option<Instant>>>);

impl Failover {
    /// Retires every connection there is.
    fn seen(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether a connection of this age was made since.
    pub(super) fn outlives(&self, age: Duration) -> bool {
        let seen = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.is_none_or(|seen| age < seen.elapsed())
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

/// A connection taken out of its pool.
#[derive(Debug)]
pub(super) enum Connection {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl Connection {
    /// Closes the connection as soon as it is dropped, instead of giving it back to its pool.
    pub(super) fn close_on_drop(&mut self) {
        match self {
            Self::Sqlite(connection) => connection.close_on_drop(),
            Self::Postgres(connection) => connection.close_on_drop(),
        }
    }

    async fn run(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => sqlx::raw_sql(sql).execute(&mut **connection).await.map(drop),
            Self::Postgres(connection) => sqlx::raw_sql(sql).execute(&mut **connection).await.map(drop),
        }
    }
}

impl Db {
    /// A database on these connections.
    pub fn on(pools: Pools) -> Self {
        Self::with(pools, Failover::default())
    }

    /// A database whose connections are judged by `failover` each time one is taken.
    pub(super) fn with(pools: Pools, failover: Failover) -> Self {
        Self { pools, in_doubt: Arc::default(), failover, patience: Patience::For(PATIENCE) }
    }

    /// The connections, for what is no statement: migrations, copies of everything, tests.
    pub const fn pools(&self) -> &Pools {
        &self.pools
    }

    /// True on PostgreSQL, where a statement must differ.
    pub const fn is_postgres(&self) -> bool {
        matches!(self.pools, Pools::Postgres(_))
    }

    /// The same database for a caller that can wait `patience` from now on while it is away: for all that it asks.
    #[must_use]
    pub fn patient(&self, patience: Duration) -> Self {
        Self { patience: Patience::Until(Instant::now() + patience), ..self.clone() }
    }

    /// A statement that only reads.
    pub fn read(&self, sql: impl Sql) -> Statement<'_> {
        Statement::new(sql, Target::Read(self))
    }

    /// A statement that writes, and is a transaction of its own.
    pub fn write(&self, sql: impl Sql) -> Statement<'_> {
        Statement::new(sql, Target::Write(self))
    }

    /// Runs `work` in a transaction, which it ends by [`Tx::commit`] or [`Tx::undo`]; a transaction that it drops is undone.
    /// `work` runs again when the database was away, busy or failed over before anything was committed.
    ///
    /// Errors: those of `work`; [`Error::Unavailable`] when the database was away for as long as the caller waits;
    /// [`Error::Unknown`] when the commit failed and may or may not have been kept.
    pub async fn transaction<T, F>(&self, mut work: impl FnMut(Tx) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<Ended<T>, Error>>,
    {
        let mut tries = self.tries();
        loop {
            let outcome = match self.begin().await {
                Ok(tx) => work(tx).await,
                Err(error) => Err(error),
            };
            match outcome.inspect_err(|error| self.failed(error)) {
                Err(error) if error.may_pass() && tries.pause().await => {}
                outcome => return outcome.map(|Ended(value)| value),
            }
        }
    }

    /// A transaction that reads everything as it stands at one moment, for as long as it takes.
    pub async fn snapshot(&self) -> Result<Tx, Error> {
        let connection = self.reading().await?;
        let mut tx = self.begin_on(connection, "BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
        tx.without_timeout().await?;
        Ok(tx)
    }

    /// Repeats `work` until it succeeds or fails for good, also after an unknown outcome, for as long as the caller waits:
    /// only for work that may run twice.
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

    /// Whether writes are durable now. Costs nothing until a write failed; from then on each call tries one, until it is synced.
    ///
    /// Errors: those of the write that was tried.
    pub async fn check_durable(&self) -> Result<(), Error> {
        if self.in_doubt.load(Ordering::Acquire) {
            let probe = "UPDATE counters SET n = n + 1 WHERE name = 'probe'";
            self.patient(Duration::ZERO).write(probe).execute().await?;
            if self.in_doubt.swap(false, Ordering::AcqRel) {
                tracing::info!("writes are durable again");
            }
        }
        Ok(())
    }

    /// Remembers a write that failed.
    pub(super) fn failed(&self, error: &Error) {
        if error.is_of_failover() {
            self.failover.seen();
        }
        if error.spoils_connection() && !self.in_doubt.swap(true, Ordering::AcqRel) {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "a write could not be made durable: not ready until one can"
            );
        }
    }

    pub(super) async fn reading(&self) -> Result<Connection, Error> {
        match &self.pools {
            Pools::Sqlite { read, .. } => read.acquire().await.map(Connection::Sqlite),
            Pools::Postgres(pool) => self.connect(pool).await,
        }
        .map_err(Error::Unavailable)
    }

    pub(super) async fn writing(&self) -> Result<Connection, Error> {
        match &self.pools {
            Pools::Sqlite { write, .. } => write.acquire().await.map(Connection::Sqlite),
            Pools::Postgres(pool) => self.connect(pool).await,
        }
        .map_err(Error::Unavailable)
    }

    /// Waits for a connection as long as the pool does, or until the caller's time is over.
    async fn connect(&self, pool: &PgPool) -> Result<Connection, sqlx::Error> {
        let connection = match self.patience {
            Patience::For(_) => pool.acquire().await,
            Patience::Until(moment) => {
                let until = moment.max(Instant::now() + LEAST_PATIENCE);
                tokio::time::timeout_at(until, pool.acquire()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
            }
        };
        connection.map(Connection::Postgres)
    }

    /// Takes the writing connection out of its pool.
    pub(super) async fn hold(&self) -> Result<Held, Error> {
        Ok(Held { connection: self.writing().await?, db: self.clone(), is_well: true })
    }

    /// For callers that repeat a statement.
    pub(super) fn tries(&self) -> Tries {
        Tries { until: self.patience.ends(), next: FIRST_PAUSE }
    }

    /// Begins a transaction that the caller ends, and that is not tried again.
    pub(super) async fn begin(&self) -> Result<Tx, Error> {
        self.begin_on(self.writing().await?, "BEGIN IMMEDIATE", "BEGIN").await
    }

    async fn begin_on(
        &self,
        connection: Connection,
        sqlite: &'static str,
        postgres: &'static str,
    ) -> Result<Tx, Error> {
        // From here on, whoever drops it closes the connection.
        let mut tx = Tx { connection, ended: false };
        let begin = if tx.is_postgres() { postgres } else { sqlite };
        tx.connection.run(begin).await.map_err(Error::before_commit)?;
        Ok(tx)
    }
}

/// The writing connection, kept by whoever writes again at once. After a statement that failed, or was not waited for, it is
/// closed.
#[derive(Debug)]
pub struct Held {
    pub(super) connection: Connection,
    pub(super) db: Db,
    pub(super) is_well: bool,
}

impl Held {
    /// A statement that writes, and is a transaction of its own.
    pub fn write(&mut self, sql: impl Sql) -> Statement<'_> {
        Statement::new(sql, Target::Held(self))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.is_well {
            self.connection.close_on_drop();
        }
    }
}

/// One transaction. Dropped before its end, it closes its connection, which undoes it.
#[derive(Debug)]
pub struct Tx {
    pub(super) connection: Connection,
    ended: bool,
}

impl Tx {
    /// A statement in this transaction.
    pub fn query(&mut self, sql: impl Sql) -> Statement<'_> {
        Statement::new(sql, Target::Tx(self))
    }

    /// True on PostgreSQL, where a statement must differ.
    pub const fn is_postgres(&self) -> bool {
        matches!(self.connection, Connection::Postgres(_))
    }

    /// Lets the statements of this transaction take as long as they need.
    pub(super) async fn without_timeout(&mut self) -> Result<(), Error> {
        if self.is_postgres() {
            self.query("SET LOCAL statement_timeout = 0").execute().await?;
        }
        Ok(())
    }

    /// Commits, and returns `value`.
    ///
    /// Errors: [`Error::Unknown`] when it may or may not have been kept; the connection is closed then.
    pub async fn commit<T>(mut self, value: T) -> Result<Ended<T>, Error> {
        self.connection.run("COMMIT").await.map_err(Error::of_commit)?;
        self.ended = true;
        Ok(Ended(value))
    }

    /// Undoes all of it, and returns `value`.
    pub async fn undo<T>(mut self, value: T) -> Result<Ended<T>, Error> {
        // When this fails the connection is closed, which undoes as well.
        self.ended = self.connection.run("ROLLBACK").await.is_ok();
        Ok(Ended(value))
    }
}

/// What a transaction came to, once it has ended: work that forgets to end its transaction does not compile.
#[derive(Debug)]
#[must_use]
pub struct Ended<T>(pub(super) T);

impl Drop for Tx {
    fn drop(&mut self) {
        if !self.ended {
            self.connection.close_on_drop();
        }
    }
}

/// Tries of one caller, with pauses that double.
pub(super) struct Tries {
    until: Instant,
    next: Duration,
}

impl Tries {
    /// Waits before the next try; false when the caller would not wait for it.
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
