//! Lists of texts as one parameter: JSON.

use super::{Db, Error};

/// Reads the texts out of the JSON that is `$1`.
pub(super) const fn listed(db: &Db) -> &'static str {
    if db.is_postgres() {
        "SELECT value FROM json_array_elements_text($1::JSON)"
    } else {
        "SELECT value FROM json_each($1)"
    }
}

/// Texts as [`listed`] takes them.
pub(super) fn as_list(texts: &(impl serde::Serialize + ?Sized)) -> Result<String, Error> {
    serde_json::to_string(texts).map_err(|error| Error::Broken(sqlx::Error::Encode(Box::new(error))))
}
