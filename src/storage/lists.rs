//! Lists of texts as one parameter, in JSON.

use super::{Db, Error};

/// Selects the texts in the JSON list `$1`.
pub(super) const fn listed(db: &Db) -> &'static str {
    if db.is_postgres() {
        "SELECT value FROM json_array_elements_text($1::JSON)"
    } else {
        "SELECT value FROM json_each($1)"
    }
}

/// Encodes texts for [`listed`].
pub(super) fn as_list(texts: &(impl serde::Serialize + ?Sized)) -> Result<String, Error> {
    serde_json::to_string(texts).map_err(|error| Error::Broken(sqlx::Error::Encode(Box::new(error))))
}
