//! The stores that a token limited to some merchants may see.

use super::stores::{Filter, columns};
use super::{Db, Error, Pool};
use crate::domain::store::Store;
use crate::domain::token::Users;

/// The list, with `$1` the merchants as JSON. It begins with them, who are few, not with all stores in the order of their
/// ids. The dialects differ in how they read JSON.
macro_rules! listed {
    ($merchants:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM stores
             WHERE user_id IN (",
            $merchants,
            ")
               AND ($2 IS NULL OR user_id = $2)
               AND ($3 IS NULL OR status = $3)
               AND ($4 IS NULL OR LOWER(home) LIKE $4 ESCAPE '\\'
                               OR LOWER(user_id) LIKE $4 ESCAPE '\\'
                               OR LOWER(name) LIKE $4 ESCAPE '\\')
               AND ($5 IS NULL OR id > $5)
             ORDER BY id
             LIMIT $6"
        )
    };
}

/// Binds what the list is asked, and fetches it.
macro_rules! fetch {
    ($sql:expr, $users:expr, $filter:expr, $most:expr, $pool:ident) => {
        sqlx::query_as($sql)
            .bind($users)
            .bind(&$filter.user_id)
            .bind($filter.status)
            .bind(super::stores::like($filter))
            .bind(&$filter.after)
            .bind($most)
            .fetch_all($pool)
            .await?
    };
}

/// Stores of `users` alone, in the order in which they were first connected; at most `most`.
pub async fn list(db: &Db, users: &Users, filter: &Filter, most: i64) -> Result<Vec<Store>, Error> {
    let names: Vec<&str> = users.iter().map(crate::domain::user_id::UserId::as_str).collect();
    let users = serde_json::to_string(&names).map_err(|error| Error::Broken(sqlx::Error::Encode(Box::new(error))))?;
    Ok(match db.read() {
        Pool::Sqlite(pool) => {
            fetch!(listed!("SELECT value FROM json_each($1)"), users, filter, most, pool)
        }
        Pool::Postgres(pool) => {
            fetch!(listed!("SELECT value FROM json_array_elements_text($1::JSON)"), users, filter, most, pool)
        }
    })
}
