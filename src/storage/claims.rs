//! Claims of candidates that are given back without a try.

use super::{Db, Error, on};
use crate::domain::id::GrantId;
use crate::domain::time::Time;

/// Gives a candidate back that was claimed until `until`, to be claimed from `at` on. One whose claim is no longer ours stays
/// as it is.
pub async fn give_back(db: &Db, id: &GrantId, until: Time, at: Time) -> Result<(), Error> {
    on!(db.write(), |pool| {
        sqlx::query("UPDATE grants SET claimed_until = $1 WHERE id = $2 AND claimed_until = $3")
            .bind(at)
            .bind(id)
            .bind(until)
            .execute(pool)
            .await?;
    });
    Ok(())
}
