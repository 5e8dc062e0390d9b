//! Operators, and the links that make the first one.

use super::statement::Value;
use super::{Db, Error, events};
use crate::domain::{Event, Fingerprint, Operator, OperatorId, OperatorName, Time};

/// The columns of an [`Operator`].
const COLUMNS: &str = "id, name, second_factor IS NOT NULL AS second_factor, created_at, password_at, signed_in_at";

/// An operator, with what proves them.
#[derive(Debug, sqlx::FromRow)]
pub struct Proof {
    pub id: OperatorId,
    /// What they sign in with.
    pub name: OperatorName,
    /// The password's hash.
    pub password: String,
    /// The second factor, sealed.
    pub second_factor: Option<Vec<u8>>,
    /// When the password was last set.
    pub password_at: Time,
}

/// Adds an operator; false when the name is taken.
pub async fn insert(db: &Db, operator: &Operator, password: &str, event: &Event) -> Result<bool, Error> {
    events::with(db, event, |tx| {
        tx.query(
            "INSERT INTO operators (id, name, password, created_at, password_at)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT DO NOTHING",
        )
        .binds((&operator.id, &operator.name, password, operator.created_at, operator.created_at))
    })
    .await
}

/// Keeps the fingerprint of a set-up link.
pub async fn keep_setup_link(db: &Db, fingerprint: &Fingerprint, until: Time) -> Result<(), Error> {
    db.write("INSERT INTO setup_links (fingerprint, expires_at) VALUES ($1, $2)")
        .binds((fingerprint, until))
        .execute()
        .await?;
    Ok(())
}

/// Whether a set-up link works at `now`: known, in time, and there is no operator yet.
pub async fn setup_link_works(db: &Db, fingerprint: &Fingerprint, now: Time) -> Result<bool, Error> {
    let known: i64 = db.read(
            "SELECT COUNT(*)
             FROM setup_links
             WHERE fingerprint = $1 AND expires_at > $2 AND NOT EXISTS (SELECT 1 FROM operators WHERE removed_at IS NULL)",
        )
        .binds((fingerprint, now))
        .value()
        .await?;
    Ok(known == 1)
}

/// Spends a set-up link on the first operator; false when it does not work (any more). All set-up links end with it: whoever
/// comes second waits for the first one's deletion and then finds none.
pub async fn insert_first(
    db: &Db,
    fingerprint: &Fingerprint,
    operator: &Operator,
    password: &str,
    event: &Event,
) -> Result<bool, Error> {
    db.transaction(|mut tx| async move {
        let links: Vec<(Fingerprint, Time)> =
            tx.query("DELETE FROM setup_links RETURNING fingerprint, expires_at").all().await?;
        if !links.iter().any(|(known, until)| known == fingerprint && *until > operator.created_at) {
            return tx.undo(false).await;
        }
        let added = tx
            .query(
                "INSERT INTO operators (id, name, password, created_at, password_at)
                 SELECT $1, $2, $3, $4, $5
                 WHERE NOT EXISTS (SELECT 1 FROM operators WHERE removed_at IS NULL)",
            )
            .binds((&operator.id, &operator.name, password, operator.created_at, operator.created_at))
            .execute()
            .await?;
        if added == 0 {
            return tx.undo(false).await;
        }
        events::record(&mut tx, event).await?;
        tx.commit(true).await
    })
    .await
}

/// Every operator, by name.
pub async fn all(db: &Db) -> Result<Vec<Operator>, Error> {
    db.read([
        "SELECT ",
        COLUMNS,
        " FROM operators
             WHERE removed_at IS NULL
             ORDER BY name",
    ])
    .all()
    .await
}

/// The operator who signs in with this name.
pub async fn by_name(db: &Db, name: &OperatorName) -> Result<Option<Proof>, Error> {
    proof_where(db, "name = $1", name).await
}

pub async fn by_id(db: &Db, id: &OperatorId) -> Result<Option<Proof>, Error> {
    proof_where(db, "id = $1", id).await
}

async fn proof_where<'v>(db: &'v Db, which: &'static str, value: impl Value<'v>) -> Result<Option<Proof>, Error> {
    let columns = "SELECT id, name, password, second_factor, password_at FROM operators WHERE removed_at IS NULL AND ";
    db.read([columns, which]).bind(value).optional().await
}

/// Sets a password and ends all sessions of its operator.
pub async fn set_password(db: &Db, id: &OperatorId, password: &str, now: Time, event: &Event) -> Result<(), Error> {
    db.transaction(|mut tx| async move {
        tx.query("UPDATE operators SET password = $1, password_at = $2 WHERE id = $3")
            .binds((password, now, id))
            .execute()
            .await?;
        tx.query("DELETE FROM sessions WHERE operator_id = $1").bind(id).execute().await?;
        events::record(&mut tx, event).await?;
        tx.commit(()).await
    })
    .await
}

/// Removes an operator: no session and no code of theirs works any more. Their name stays in the records.
pub async fn remove(db: &Db, id: &OperatorId, now: Time, event: &Event) -> Result<(), Error> {
    db.transaction(|mut tx| async move {
        tx.query("UPDATE operators SET removed_at = $1, second_factor = NULL WHERE id = $2 AND removed_at IS NULL")
            .binds((now, id))
            .execute()
            .await?;
        tx.query("DELETE FROM sessions WHERE operator_id = $1").bind(id).execute().await?;
        tx.query("DELETE FROM recovery_codes WHERE operator_id = $1").bind(id).execute().await?;
        events::record(&mut tx, event).await?;
        tx.commit(()).await
    })
    .await
}

/// Sets an operator's second factor, sealed, with the fingerprints of its recovery codes, and ends all their sessions but
/// `here`; false when there is one already.
pub async fn set_second_factor(
    db: &Db,
    id: &OperatorId,
    sealed: &[u8],
    step: i64,
    codes: &[Fingerprint],
    here: &Fingerprint,
    event: &Event,
) -> Result<bool, Error> {
    db.transaction(|mut tx| async move {
        let set = tx.query(
            "UPDATE operators SET second_factor = $1, second_factor_step = $2 WHERE id = $3 AND second_factor IS NULL",
        )
        .binds((sealed, step, id))
        .execute()
        .await?;
        if set == 0 {
            return tx.undo(false).await;
        }
        tx.query("DELETE FROM sessions WHERE operator_id = $1 AND fingerprint <> $2")
            .binds((id, here))
            .execute()
            .await?;
        tx.query("DELETE FROM recovery_codes WHERE operator_id = $1").bind(id).execute().await?;
        for code in codes {
            tx.query("INSERT INTO recovery_codes (operator_id, fingerprint) VALUES ($1, $2)")
                .binds((id, code))
                .execute()
                .await?;
        }
        events::record(&mut tx, event).await?;
        tx.commit(true).await
    })
    .await
}

/// Turns an operator's second factor off, and its recovery codes with it.
pub async fn drop_second_factor(db: &Db, id: &OperatorId, event: &Event) -> Result<(), Error> {
    db.transaction(|mut tx| async move {
        tx.query("UPDATE operators SET second_factor = NULL WHERE id = $1").bind(id).execute().await?;
        tx.query("DELETE FROM recovery_codes WHERE operator_id = $1").bind(id).execute().await?;
        events::record(&mut tx, event).await?;
        tx.commit(()).await
    })
    .await
}

/// Uses up a time step of an operator's second factor; false when it, or a later one, was used before.
pub async fn spend_step(db: &Db, id: &OperatorId, step: i64) -> Result<bool, Error> {
    let spent = db
        .write("UPDATE operators SET second_factor_step = $1 WHERE id = $2 AND second_factor_step < $3")
        .binds((step, id, step))
        .execute()
        .await?;
    Ok(spent == 1)
}

/// Uses up a recovery code; false when there is no such one.
pub async fn spend_recovery_code(db: &Db, id: &OperatorId, code: &Fingerprint, event: &Event) -> Result<bool, Error> {
    events::with(db, event, |tx| {
        tx.query("DELETE FROM recovery_codes WHERE operator_id = $1 AND fingerprint = $2").binds((id, code))
    })
    .await
}

/// How many recovery codes are unspent.
pub async fn recovery_codes(db: &Db, id: &OperatorId) -> Result<i64, Error> {
    db.read("SELECT COUNT(*) FROM recovery_codes WHERE operator_id = $1").bind(id).value().await
}
