//! Links.

use super::{Db, Error, on, record};
use crate::domain::attempt::Attempt;
use crate::domain::event::Event;
use crate::domain::id::LinkId;
use crate::domain::link::Link;
use crate::domain::secret::Fingerprint;

/// The columns of a [`Link`].
macro_rules! columns {
    () => {
        "id, user_id, account_label, home, store_id, scope, return_url, confirm, made_by, created_at, expires_at"
    };
}

/// Keeps a new link; `fingerprint` is that of the secret in its address.
pub async fn insert(db: &Db, link: &Link, fingerprint: &Fingerprint, event: &Event) -> Result<(), Error> {
    on!(db.write(), |pool| {
        let mut tx = pool.begin().await?;
        sqlx::query(
            "INSERT INTO links (id, fingerprint, user_id, account_label, home, store_id, scope, return_url, confirm,
                                made_by, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(&link.id)
        .bind(fingerprint)
        .bind(&link.user_id)
        .bind(&link.account_label)
        .bind(&link.home)
        .bind(&link.store_id)
        .bind(link.scope)
        .bind(&link.return_url)
        .bind(link.confirm)
        .bind(&link.made_by)
        .bind(link.created_at)
        .bind(link.expires_at)
        .execute(&mut *tx)
        .await?;
        record!(tx, event);
        tx.commit().await?;
    });
    Ok(())
}

/// The link whose address holds the secret with this fingerprint.
pub async fn by_fingerprint(db: &Db, fingerprint: &Fingerprint) -> Result<Option<Link>, Error> {
    on!(db.read(), |pool| {
        Ok(sqlx::query_as(concat!("SELECT ", columns!(), " FROM links WHERE fingerprint = $1"))
            .bind(fingerprint)
            .fetch_optional(pool)
            .await?)
    })
}

/// The link with this id.
pub async fn find(db: &Db, id: &LinkId) -> Result<Option<Link>, Error> {
    on!(db.read(), |pool| {
        Ok(sqlx::query_as(concat!("SELECT ", columns!(), " FROM links WHERE id = $1"))
            .bind(id)
            .fetch_optional(pool)
            .await?)
    })
}

/// The newest attempt that was begun from a link.
pub async fn newest_attempt(db: &Db, id: &LinkId) -> Result<Option<Attempt>, Error> {
    on!(db.read(), |pool| {
        Ok(sqlx::query_as(concat!(
            "SELECT ",
            super::attempts::columns!(),
            " FROM attempts
             WHERE link_id = $1
             ORDER BY id DESC
             LIMIT 1"
        ))
        .bind(id)
        .fetch_optional(pool)
        .await?)
    })
}
