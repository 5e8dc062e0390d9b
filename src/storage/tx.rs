//! Leased connections, and transactions. A connection is reused only if everything on it succeeded; otherwise it is closed.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Postgres, Sqlite};
use tokio::sync::OwnedSemaphorePermit;

use super::db::Db;
use super::error::Error;
use super::statement::{Sql, Statement, Target};

/// How long a statement may wait for the server's answer. The server gives up after 40 s (`statement_timeout`); one that has
/// vanished would never answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(45);

/// A connection of either database.
#[derive(Debug)]
pub(super) enum Connection {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

/// A connection taken from its pool. When dropped it returns there, or is closed if something on it failed or was
/// cancelled.
#[derive(Debug)]
pub(super) struct Lease {
    connection: Connection,
    is_well: bool,
    /// How long a statement may take.
    within: Option<Duration>,
    /// Its place among the writes of strangers, if it is for one.
    place: Option<OwnedSemaphorePermit>,
}

impl Lease {
    pub(super) fn of(connection: Connection) -> Self {
        let within = matches!(connection, Connection::Postgres(_)).then_some(ANSWERS_WITHIN);
        Self { connection, is_well: true, within, place: None }
    }

    /// The same, which holds this place for as long.
    pub(super) fn in_place(mut self, place: Option<OwnedSemaphorePermit>) -> Self {
        self.place = place;
        self
    }

    pub(super) const fn is_postgres(&self) -> bool {
        matches!(self.connection, Connection::Postgres(_))
    }

    /// Runs `work` on the connection, which is marked bad until `work` succeeds or fails with an error that does not spoil it.
    pub(super) async fn run<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Connection) -> Result<T, sqlx::Error>,
        fault: impl FnOnce(sqlx::Error) -> Error,
    ) -> Result<T, Error> {
        self.is_well = false;
        let outcome = match self.within {
            None => work(&mut self.connection).await,
            Some(within) => tokio::time::timeout(within, work(&mut self.connection))
                .await
                .unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))),
        };
        let outcome = outcome.map_err(fault);
        self.is_well = !outcome.as_ref().is_err_and(Error::spoils_connection);
        outcome
    }

    /// The connection, for streaming rows. Afterwards only its transaction may use it again.
    pub(super) const fn raw(&mut self) -> &mut Connection {
        &mut self.connection
    }

    async fn send(&mut self, sql: &'static str, fault: impl FnOnce(sqlx::Error) -> Error) -> Result<(), Error> {
        let send = async |connection: &mut Connection| match connection {
            Connection::Sqlite(connection) => sqlx::raw_sql(sql).execute(&mut **connection).await.map(drop),
            Connection::Postgres(connection) => sqlx::raw_sql(sql).execute(&mut **connection).await.map(drop),
        };
        self.run(send, fault).await
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.is_well {
            match &mut self.connection {
                Connection::Sqlite(connection) => connection.close_on_drop(),
                Connection::Postgres(connection) => connection.close_on_drop(),
            }
        }
        drop(self.place.take());
    }
}

/// The writing connection, held by a caller that writes repeatedly.
#[derive(Debug)]
pub struct Writer {
    pub(super) lease: Lease,
    pub(super) db: Db,
}

impl Writer {
    /// A statement that writes, and is a transaction of its own.
    pub fn write(&mut self, sql: impl Sql) -> Statement<'_> {
        Statement::new(sql, Target::Writer(self))
    }
}

/// One transaction. Dropping it before its end closes its connection, which rolls it back.
#[derive(Debug)]
pub struct Tx {
    pub(super) lease: Lease,
    /// Whether a statement failed or was cancelled: PostgreSQL then answers a commit as if it had succeeded.
    pub(super) has_failed: bool,
    ended: bool,
}

impl Tx {
    pub(super) async fn begin(lease: Lease, begin: &'static str) -> Result<Self, Error> {
        // From here on, dropping it closes the connection.
        let mut tx = Self { lease, has_failed: false, ended: false };
        tx.lease.send(begin, Error::before_commit).await?;
        Ok(tx)
    }

    pub fn query(&mut self, sql: impl Sql) -> Statement<'_> {
        Statement::new(sql, Target::Tx(self))
    }

    /// Whether this is PostgreSQL, for the few statements that must differ.
    pub const fn is_postgres(&self) -> bool {
        self.lease.is_postgres()
    }

    /// Removes the time limits on this transaction's statements and on the pauses between them.
    pub(super) async fn without_timeout(&mut self) -> Result<(), Error> {
        if self.is_postgres() {
            self.query("SET LOCAL statement_timeout = 0").execute().await?;
            self.query("SET LOCAL idle_in_transaction_session_timeout = 0").execute().await?;
        }
        self.lease.within = None;
        Ok(())
    }

    /// Commits, and returns `value`.
    ///
    /// Errors: [`Error::Unknown`] when it may or may not have been kept; [`Error::Broken`] when one of its statements had failed.
    /// The connection is then closed.
    pub async fn commit<T>(mut self, value: T) -> Result<Ended<T>, Error> {
        if self.has_failed {
            let says = "tried to commit a transaction in which a statement had failed";
            return Err(Error::Broken(sqlx::Error::Configuration(says.into())));
        }
        self.lease.send("COMMIT", Error::of_commit).await?;
        self.ended = true;
        Ok(Ended(value))
    }

    /// Rolls back, and returns `value`.
    pub async fn undo<T>(mut self, value: T) -> Result<Ended<T>, Error> {
        // When this fails, the connection is closed, which also rolls back.
        self.ended = self.lease.send("ROLLBACK", Error::before_commit).await.is_ok();
        Ok(Ended(value))
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if !self.ended {
            self.lease.is_well = false;
        }
    }
}

/// The result of a transaction that has ended: work that forgets to end its transaction does not compile.
#[derive(Debug)]
#[must_use]
pub struct Ended<T>(pub(super) T);
