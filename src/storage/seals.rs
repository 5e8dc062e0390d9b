//! Sealed values, wherever they are: walked through to see whether they open, and replaced when they are sealed anew.

use super::statement::Statement;
use super::{Db, Error, Tx};
use crate::domain::Sealed;
use crate::domain::sealed::key_header;

/// A sealed value with what its seal is bound to.
#[derive(Debug, sqlx::FromRow)]
pub struct Row {
    pub id: String,
    /// The address that it is for; empty where there is none.
    pub origin: String,
    /// Whose it is; empty where it is no merchant's.
    pub user_id: String,
    /// What a person knows it by: the id of a store, an attempt, a webhook or a token, or an operator's name.
    pub whose: String,
    pub sealed: Vec<u8>,
}

/// Where a kind of value stands, in SQL.
struct Column {
    table: &'static str,
    name: &'static str,
    origin: &'static str,
    user_id: &'static str,
    whose: &'static str,
    join: &'static str,
}

const fn column(what: Sealed) -> Column {
    let of_store = Column {
        table: "keys",
        name: "sealed",
        origin: "stores.home",
        user_id: "stores.user_id",
        whose: "keys.store_id",
        join: " JOIN stores ON stores.id = keys.store_id",
    };
    let of_webhook = Column {
        table: "webhooks",
        name: "secret",
        origin: "webhooks.url",
        user_id: "''",
        whose: "webhooks.id",
        join: "",
    };
    match what {
        Sealed::Grant => Column {
            table: "grants",
            name: "sealed",
            origin: "attempts.home",
            user_id: "attempts.user_id",
            whose: "grants.attempt_id",
            join: " JOIN attempts ON attempts.id = grants.attempt_id",
        },
        Sealed::Key => of_store,
        Sealed::Revocation => Column { name: "revocation", ..of_store },
        Sealed::WebhookSecret => of_webhook,
        Sealed::OldWebhookSecret => Column { name: "old_secret", ..of_webhook },
        Sealed::SecondFactor => Column {
            table: "operators",
            name: "second_factor",
            origin: "''",
            user_id: "''",
            whose: "operators.name",
            join: "",
        },
        Sealed::Answer => Column {
            table: "idempotency_keys",
            name: "answer",
            origin: "idempotency_keys.request",
            user_id: "''",
            whose: "idempotency_keys.token_id",
            join: "",
        },
    }
}

/// Selects sealed values.
enum Only<'a> {
    All,
    /// Keys of stores that are known to be unreadable.
    Unreadable,
    /// Those that begin with other bytes.
    Not(&'a [u8]),
    /// Those with these bytes after the first one.
    Under(&'a [u8]),
}

/// Picks them in a statement that begins with `select`, for [`page`] and [`count`].
fn those<'t>(statement: Statement<'t>, what: Sealed, only: &Only<'_>) -> Statement<'t> {
    let Column { table, name, join, .. } = column(what);
    let value = |statement: Statement<'t>| statement.push(table).push(".").push(name);
    let statement = value(statement.push(" FROM ").push(table).push(join).push(" WHERE ")).push(" IS NOT NULL");
    let begins = |statement: Statement<'t>, from: &'static str, is: &'static str, bytes: &[u8]| {
        let statement = value(statement.push(" AND substr(")).push(from).push(", length(").push_bind(bytes);
        statement.push("))").push(is).push_bind(bytes)
    };
    match only {
        Only::All => statement,
        Only::Unreadable => statement.push(" AND stores.reason = 'key_unreadable'"),
        Only::Not(header) => begins(statement, ", 1", " <> ", header),
        Only::Under(key) => begins(statement, ", 2", " = ", key),
    }
}

async fn page(db: &Db, what: Sealed, after: &str, most: i64, only: Only<'_>) -> Result<Vec<Row>, Error> {
    let Column { table, name, origin, user_id, whose, .. } = column(what);
    let select = [
        "SELECT ",
        table,
        ".id AS id, ",
        origin,
        " AS origin, ",
        user_id,
        " AS user_id, ",
        whose,
        " AS whose, ",
        table,
        ".",
        name,
        " AS sealed",
    ];
    let statement = those(db.read(select), what, &only).push(" AND ").push(table).push(".id > ").push_bind(after);
    statement.push(" ORDER BY ").push(table).push(".id LIMIT ").push_bind(most).all().await
}

/// The values of a kind, by their rows' ids, those after `after`; at most `most`.
pub async fn all(db: &Db, what: Sealed, after: &str, most: i64) -> Result<Vec<Row>, Error> {
    page(db, what, after, most, Only::All).await
}

/// Those that do not begin with `header`.
pub async fn stale(db: &Db, what: Sealed, header: &[u8], after: &str, most: i64) -> Result<Vec<Row>, Error> {
    page(db, what, after, most, Only::Not(header)).await
}

/// The keys of stores that a check or a service found unreadable; at most `most`.
pub async fn unreadable(db: &Db, most: i64) -> Result<Vec<Row>, Error> {
    page(db, Sealed::Key, "", most, Only::Unreadable).await
}

/// The number of values of all kinds that do not begin with `header`.
pub async fn count_stale(db: &Db, header: &[u8]) -> Result<u64, Error> {
    let mut n = 0;
    for what in Sealed::ALL {
        n += count(those(db.read("SELECT COUNT(*)"), what, &Only::Not(header))).await?;
    }
    Ok(n)
}

/// The number of values of all kinds that are sealed under the ring key `id`.
pub async fn count_under(db: &Db, id: &str) -> Result<u64, Error> {
    let mut n = 0;
    for what in Sealed::ALL {
        n += count(those(db.read("SELECT COUNT(*)"), what, &Only::Under(&key_header(id)))).await?;
    }
    Ok(n)
}

/// The same in a transaction.
pub(super) async fn count_under_in(tx: &mut Tx, id: &str) -> Result<u64, Error> {
    let mut n = 0;
    for what in Sealed::ALL {
        n += count(those(tx.query("SELECT COUNT(*)"), what, &Only::Under(&key_header(id)))).await?;
    }
    Ok(n)
}

async fn count(statement: Statement<'_>) -> Result<u64, Error> {
    let n: i64 = statement.value().await?;
    Ok(u64::try_from(n).unwrap_or(0))
}

/// In one transaction: puts each new value in the place of the one that was read, where that is still there; returns how
/// many were.
pub async fn replace(db: &Db, what: Sealed, rows: &[(Row, Vec<u8>)]) -> Result<u64, Error> {
    let Column { table, name, .. } = column(what);
    db.transaction(|mut tx| async move {
        let mut replaced = 0;
        for (row, sealed) in rows {
            replaced += tx
                .query(["UPDATE ", table, " SET ", name, " = $1 WHERE id = $2 AND ", name, " = $3"])
                .binds((sealed, &row.id, &row.sealed))
                .execute()
                .await?;
        }
        tx.commit(replaced).await
    })
    .await
}
