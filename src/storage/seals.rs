//! Sealed values, wherever they are: walked through to see whether they open, and replaced when they are sealed anew.

use super::{Db, Error};
use crate::domain::Sealed;

/// A sealed value with what its seal is bound to.
#[derive(Debug, sqlx::FromRow)]
pub struct Row {
    pub id: String,
    /// The address that it is for; empty where there is none.
    pub origin: String,
    /// Whose it is; empty where it is no merchant's.
    pub user_id: String,
    /// What a person knows it by: the id of a store, an attempt or a webhook, or an operator's name.
    pub whose: String,
    /// The value.
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
    }
}

async fn page(db: &Db, what: Sealed, after: &str, most: i64, only: Only) -> Result<Vec<Row>, Error> {
    let Column { table, name, origin, user_id, whose, join } = column(what);
    let text = [
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
        " AS sealed FROM ",
        table,
        join,
        " WHERE ",
        table,
        ".",
        name,
        " IS NOT NULL AND ",
        table,
        ".id > ",
    ];
    let mut statement = db.read(text).push_bind(after);
    statement = match only {
        Only::All => statement,
        Only::Unreadable => statement.push(" AND stores.reason = 'key_unreadable'"),
        Only::Before(version) => {
            statement.push(" AND substr(").push(table).push(".").push(name).push(", 1, 1) < ").push_bind(vec![version])
        }
    };
    statement.push(" ORDER BY ").push(table).push(".id LIMIT ").push_bind(most).all().await
}

/// Which of them are wanted.
enum Only {
    All,
    /// Keys of stores that are known to be unreadable.
    Unreadable,
    /// Sealed in a layout before this.
    Before(u8),
}

/// The values of a kind, by their rows' ids, those after `after`; at most `most`.
pub async fn all(db: &Db, what: Sealed, after: &str, most: i64) -> Result<Vec<Row>, Error> {
    page(db, what, after, most, Only::All).await
}

/// Those whose first byte, the layout, is less than `version`.
pub async fn older(db: &Db, what: Sealed, version: u8, after: &str, most: i64) -> Result<Vec<Row>, Error> {
    page(db, what, after, most, Only::Before(version)).await
}

/// The keys of stores that a check or a service found unreadable; at most `most`.
pub async fn unreadable(db: &Db, most: i64) -> Result<Vec<Row>, Error> {
    page(db, Sealed::Key, "", most, Only::Unreadable).await
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

/// Puts a new proof of a ring key in the place of the one that was read, if that is still there.
pub async fn replace_proof(db: &Db, id: &str, was: &[u8], proof: &[u8]) -> Result<(), Error> {
    db.write("UPDATE ring_keys SET proof = $1 WHERE id = $2 AND proof = $3").binds((proof, id, was)).execute().await?;
    Ok(())
}
