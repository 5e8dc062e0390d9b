//! Why a statement failed, by what that means for the caller: nothing changed, outcome unknown, or a bug of ours.

use sqlx::sqlite::SqliteError;

/// Why a statement or a transaction failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached, is too busy, or refuses to write. Nothing was changed; trying again may help.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// The connection or the disk failed while a change was being made durable: it may or may not have been kept.
    #[error("it is unknown whether the database saved the change")]
    Unknown(#[source] sqlx::Error),
    /// A statement or a stored value is not what this program expects.
    #[error("the database returned something unexpected")]
    Broken(#[source] sqlx::Error),
    /// The token that asked for the change was revoked or has expired in the meantime. Nothing was changed.
    #[error("the token is unknown, revoked or expired")]
    TokenStopped,
}

/// What a driver's error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// The connection is gone, or was never made.
    Away,
    /// We closed the database ourselves.
    Closed,
    /// The connection leads to a server that only reads, as after a failover.
    ReadOnlyServer,
    /// Another transaction conflicted; the database rolled this one back, or never began it.
    Conflict,
    /// The disk failed: full, broken, read-only or corrupt.
    Disk,
    /// Anything else: an error in the statement or the value.
    Other,
}

impl Error {
    /// A read failed, or a statement of a transaction that was not committed.
    pub(super) fn before_commit(error: sqlx::Error) -> Self {
        match Class::of(&error) {
            Class::Other => Self::Broken(error),
            _ => Self::Unavailable(error),
        }
    }

    /// A statement failed that was its own transaction.
    pub(super) fn of_write(error: sqlx::Error) -> Self {
        match Class::of(&error) {
            Class::Other => Self::Broken(error),
            Class::Conflict | Class::ReadOnlyServer | Class::Closed => Self::Unavailable(error),
            // A server that reports an error has rolled back; a failed disk or a broken connection proves nothing.
            Class::Away if matches!(error, sqlx::Error::Database(_)) => Self::Unavailable(error),
            Class::Away | Class::Disk => Self::Unknown(error),
        }
    }

    /// A `COMMIT` failed.
    pub(super) fn of_commit(error: sqlx::Error) -> Self {
        match Class::of(&error) {
            Class::Conflict => Self::Unavailable(error),
            _ => Self::Unknown(error),
        }
    }

    /// Whether a retry may succeed in a moment. Disk errors are not retried automatically.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable(error) if !matches!(Class::of(error), Class::Disk | Class::Closed))
    }

    /// Whether a caller that can wait should retry: the database may recover.
    pub(super) fn is_worth_waiting_for(&self) -> bool {
        matches!(self, Self::Unavailable(error) | Self::Unknown(error) if Class::of(error) != Class::Closed)
    }

    /// Whether there was no connection to be had in time.
    pub(super) const fn is_of_full_pool(&self) -> bool {
        matches!(self, Self::Unavailable(sqlx::Error::PoolTimedOut))
    }

    /// Whether the connection that returned this error must not be used again.
    pub(super) fn spoils_connection(&self) -> bool {
        matches!(self, Self::Unknown(_))
            || matches!(self.class(), Some(Class::Away | Class::ReadOnlyServer | Class::Disk))
    }

    /// Whether the statement names a table that does not exist.
    pub(super) fn is_of_missing_table(&self) -> bool {
        let Self::Broken(sqlx::Error::Database(error)) = self else { return false };
        error.code().is_some_and(|code| code == "42P01") || error.message().starts_with("no such table")
    }

    /// Whether the server that answered is read-only, so that every older connection may lead to it too.
    pub(super) fn is_of_failover(&self) -> bool {
        self.class() == Some(Class::ReadOnlyServer)
    }

    fn class(&self) -> Option<Class> {
        match self {
            Self::Unavailable(error) | Self::Unknown(error) | Self::Broken(error) => Some(Class::of(error)),
            Self::TokenStopped => None,
        }
    }
}

impl From<sqlx::Error> for Error {
    /// For reads, and for statements of a transaction before its commit.
    fn from(error: sqlx::Error) -> Self {
        Self::before_commit(error)
    }
}

impl Class {
    fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::WorkerCrashed => Self::Away,
            sqlx::Error::PoolClosed => Self::Closed,
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default();
                if database.try_downcast_ref::<SqliteError>().is_some() {
                    Self::of_sqlite(&code)
                } else {
                    Self::of_postgres(&code)
                }
            }
            _ => Self::Other,
        }
    }

    /// SQLite reports its extended result code (`sqlite3.h`); the low byte is the primary code.
    fn of_sqlite(code: &str) -> Self {
        match code.parse::<i32>().unwrap_or_default() & 0xff {
            // SQLITE_BUSY, SQLITE_LOCKED.
            5 | 6 => Self::Conflict,
            // SQLITE_NOMEM, _READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _PROTOCOL, _NOTADB.
            7 | 8 | 10 | 11 | 13 | 14 | 15 | 26 => Self::Disk,
            _ => Self::Other,
        }
    }

    /// The SQLSTATEs of PostgreSQL (its manual, appendix A).
    fn of_postgres(code: &str) -> Self {
        match code {
            // read_only_sql_transaction: a standby, or a database set to read-only.
            "25006" => Self::ReadOnlyServer,
            // disk_full, data_corrupted, index_corrupted.
            "53100" | "XX001" | "XX002" => Self::Disk,
            // idle_in_transaction_session_timeout: the server closed the connection.
            "25P03" => Self::Away,
            // lock_not_available, query_canceled (statement timeout).
            "55P03" | "57014" => Self::Conflict,
            _ => match code.get(..2) {
                // Serialization failures and deadlocks.
                Some("40") => Self::Conflict,
                // System errors: disk failure, a missing file.
                Some("58") => Self::Disk,
                // Connection exceptions, insufficient resources, operator intervention.
                Some("08" | "53" | "57") => Self::Away,
                _ => Self::Other,
            },
        }
    }
}
