//! The stores that a token limited to some merchants may see.

use super::store_list::{Beside, Filter, Order, SortKey, narrow, page_of};
use super::{Db, Error, stores};
use crate::domain::{Store, StoreId, UserId, Users, Word};

/// Reads the merchants out of the JSON that is `$1`.
pub(super) const fn listed(db: &Db) -> &'static str {
    if db.is_postgres() {
        "SELECT value FROM json_array_elements_text($1::JSON)"
    } else {
        "SELECT value FROM json_each($1)"
    }
}

/// Merchants as [`listed`] takes them.
pub(super) fn as_json(users: &Users) -> Result<String, Error> {
    let names: Vec<&str> = users.iter().map(UserId::as_str).collect();
    as_list(&names)
}

/// Texts as [`listed`] takes them.
pub(super) fn as_list(texts: &(impl serde::Serialize + ?Sized)) -> Result<String, Error> {
    serde_json::to_string(texts).map_err(|error| Error::Broken(sqlx::Error::Encode(Box::new(error))))
}

/// Stores of `users` alone, in the order in which they were first connected, after `after`; at most `most`.
pub async fn list(
    db: &Db,
    users: &Users,
    filter: &Filter,
    after: Option<&StoreId>,
    most: i64,
) -> Result<Vec<Store>, Error> {
    let id = after.map_or("", StoreId::as_str).to_owned();
    let beside = Beside { key: SortKey::Text(id.clone()), id, back: false };
    // Begins with the merchants, who are few.
    let statement =
        db.read(["SELECT ", stores::COLUMNS, " FROM stores WHERE user_id IN (", listed(db), ")"]).bind(as_json(users)?);
    page_of(narrow(statement, filter), Order::Id, &beside, most).all().await
}

/// How often stores of `users` have this word; counted up to `most`.
pub async fn count(db: &Db, users: &Users, word: &Word, most: i64) -> Result<i64, Error> {
    db.read([
        "SELECT COUNT(*)
         FROM (SELECT 1
               FROM stores
               JOIN store_words ON store_words.store_id = stores.id
               WHERE user_id IN (",
        listed(db),
        ") AND word >= $2 AND word < $3
               LIMIT $4) AS found",
    ])
    .binds((as_json(users)?, word.from(), word.to(), most))
    .value()
    .await
}
