//! The stores that a token limited to some merchants may see.

use super::store_list::{Filter, MOST_WORDS, Reason, any_status, bind_filter, matching, page_of};
use super::{Db, Error, Pool, stores};
use crate::domain::id::StoreId;
use crate::domain::search::Word;
use crate::domain::store::Store;
use crate::domain::token::Users;
use crate::domain::user_id::UserId;

/// Begins with the merchants, who are few, `$1` as JSON. The dialects differ in how they read that.
macro_rules! listed {
    ($merchants:literal) => {
        page_of!(
            concat!(
                "user_id IN (",
                $merchants,
                ") AND $2 IS NULL AND $3 IS NULL AND $4 IS NULL AND $5 IS NULL AND $6 IS NULL AND $7 IS NULL"
            ),
            any_status!(),
            "(id, id) > ($35, $36)",
            "id"
        )
    };
}

/// Counts a word in stores of the merchants, `$1` as JSON.
macro_rules! counted {
    ($merchants:literal) => {
        concat!(
            "SELECT COUNT(*)
             FROM (SELECT 1
                   FROM stores
                   JOIN store_words ON store_words.store_id = stores.id
                   WHERE user_id IN (",
            $merchants,
            ") AND word >= $2 AND word < $3
                   LIMIT $4) AS found"
        )
    };
}

/// Binds what the list is asked, and fetches it.
macro_rules! fetch {
    ($sql:expr, $users:expr, $filter:expr, $after:expr, $most:expr, $pool:ident) => {{
        let nobody: [Option<&str>; 6] = [None; 6];
        let query = nobody.into_iter().fold(sqlx::query_as($sql).bind($users), |query, none| query.bind(none));
        bind_filter!(query, $filter).bind($after).bind($after).bind($most).fetch_all($pool).await?
    }};
}

/// Stores of `users` alone, in the order in which they were first connected, after `after`; at most `most`.
pub async fn list(
    db: &Db,
    users: &Users,
    filter: &Filter,
    after: Option<&StoreId>,
    most: i64,
) -> Result<Vec<Store>, Error> {
    let users = as_json(users)?;
    let after = after.map_or("", StoreId::as_str);
    Ok(match db.read() {
        Pool::Sqlite(pool) => {
            fetch!(listed!("SELECT value FROM json_each($1)"), users, filter, after, most, pool)
        }
        Pool::Postgres(pool) => {
            fetch!(listed!("SELECT value FROM json_array_elements_text($1::JSON)"), users, filter, after, most, pool)
        }
    })
}

/// How often stores of `users` have this word; counted up to `most`.
pub async fn count(db: &Db, users: &Users, word: &Word, most: i64) -> Result<i64, Error> {
    let users = as_json(users)?;
    macro_rules! fetch {
        ($sql:expr, $pool:ident) => {
            sqlx::query_scalar($sql).bind(users).bind(word.from()).bind(word.to()).bind(most).fetch_one($pool).await?
        };
    }
    Ok(match db.read() {
        Pool::Sqlite(pool) => fetch!(counted!("SELECT value FROM json_each($1)"), pool),
        Pool::Postgres(pool) => fetch!(counted!("SELECT value FROM json_array_elements_text($1::JSON)"), pool),
    })
}

fn as_json(users: &Users) -> Result<String, Error> {
    let names: Vec<&str> = users.iter().map(UserId::as_str).collect();
    serde_json::to_string(&names).map_err(|error| Error::Broken(sqlx::Error::Encode(Box::new(error))))
}
