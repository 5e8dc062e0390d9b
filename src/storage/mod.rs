//! SQL and nothing else. A transaction never leaves this room: whatever must be atomic is one function here.
//!
//! Every statement stands once and runs on both databases: `on!` expands its body for each. The price is that
//! statements are checked by running them, which the stories do on both.

pub mod activity;
pub mod approvals;
pub mod attempts;
pub mod checks;
pub mod claims;
pub mod deliveries;
pub mod delivery_log;
pub mod diagnostics;
pub mod events;
pub mod grants;
pub mod history;
pub mod keys;
pub mod links;
mod open;
pub mod operators;
pub mod overview;
pub mod reach;
pub mod read_days;
pub mod reads;
pub mod retention;
pub mod schedule;
pub mod sessions;
pub mod settings;
pub mod store_list;
pub mod store_words;
pub mod stores;
mod text;
pub mod tokens;
pub mod transfer;
pub mod webhooks;

use sqlx::{PgPool, SqlitePool};

pub use open::OpenFault;

/// One of the two databases, open. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Db {
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

/// The pool that a statement runs on; what [`on!`] takes apart.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pool<'a> {
    Sqlite(&'a SqlitePool),
    Postgres(&'a PgPool),
}

impl Db {
    pub(crate) fn read(&self) -> Pool<'_> {
        match self {
            Self::Sqlite { read, .. } => Pool::Sqlite(read),
            Self::Postgres(pool) => Pool::Postgres(pool),
        }
    }

    pub(crate) fn write(&self) -> Pool<'_> {
        match self {
            Self::Sqlite { write, .. } => Pool::Sqlite(write),
            Self::Postgres(pool) => Pool::Postgres(pool),
        }
    }
}

/// Expands `$body` once for each database. `?` and `return` in it are the surrounding function's.
macro_rules! on {
    ($on:expr, |$pool:ident| $body:expr) => {
        match $on {
            $crate::storage::Pool::Sqlite($pool) => $body,
            $crate::storage::Pool::Postgres($pool) => $body,
        }
    };
}

/// Writes an event inside the open transaction `$tx`, and says so to those who wait for news in this process. The counter's row lock holds until the transaction ends, so
/// events are numbered in the order in which they become visible, without gaps.
macro_rules! record {
    ($tx:ident, $event:expr) => {{
        let event: &$crate::domain::event::Event = $event;
        let seq: i64 = sqlx::query_scalar("UPDATE counters SET n = n + 1 WHERE name = 'event' RETURNING n")
            .fetch_one(&mut *$tx)
            .await?;
        sqlx::query(
            "INSERT INTO events (seq, kind, at, actor, user_id, store_id, link_id, attempt_id, token_id, operator_id,
                                 webhook_id, reason, came_from, request_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(seq)
        .bind(event.kind)
        .bind(event.at)
        .bind(event.actor.name())
        .bind(&event.user_id)
        .bind(&event.store_id)
        .bind(&event.link_id)
        .bind(&event.attempt_id)
        .bind(&event.token_id)
        .bind(&event.operator_id)
        .bind(&event.webhook_id)
        .bind(event.reason)
        .bind(event.actor.from().map(|from| from.to_string()))
        .bind(event.actor.request())
        .execute(&mut *$tx)
        .await?;
        $crate::storage::events::stir();
    }};
}

/// Says, inside the open transaction `$tx`, that who may be lent what has changed.
macro_rules! lending_changed {
    ($tx:ident) => {
        sqlx::query("UPDATE counters SET n = n + 1 WHERE name = 'lending'").execute(&mut *$tx).await?
    };
}

/// Writes the words by which a store is found, inside the open transaction `$tx`, in place of those it was found by.
macro_rules! rewrite_words {
    ($tx:ident, $store:expr, $words:expr) => {{
        sqlx::query("DELETE FROM store_words WHERE store_id = $1").bind($store).execute(&mut *$tx).await?;
        for word in $words {
            sqlx::query("INSERT INTO store_words (word, store_id) VALUES ($1, $2)")
                .bind(word.into_bytes())
                .bind($store)
                .execute(&mut *$tx)
                .await?;
        }
    }};
}

pub(crate) use {lending_changed, on, record, rewrite_words};

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached or is too busy; trying again may help.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// A statement or a stored value is not what this program expects.
    #[error("the database gave something unexpected")]
    Broken(#[source] sqlx::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let passing = match &error {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                true
            }
            // SQLite: busy or locked. PostgreSQL class 08, 40, 53, 57: connection, deadlock, resources, shutdown.
            sqlx::Error::Database(db) => db.code().is_some_and(|code| {
                matches!(code.as_ref(), "5" | "6" | "13")
                    || code.starts_with("08")
                    || code.starts_with("53")
                    || code.starts_with("57")
                    || code.starts_with("40")
            }),
            _ => false,
        };
        if passing { Self::Unavailable(error) } else { Self::Broken(error) }
    }
}
