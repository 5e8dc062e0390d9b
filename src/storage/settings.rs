//! What operators have set, by name, and the logo.

use super::{Db, Error, events};
use crate::domain::{Event, Logo, LogoFormat};

/// The logo's place among what is set: its hash and its media type, as [`all`] gives them.
pub const LOGO: &str = "logo";

/// Everything that is set: names and values; for [`LOGO`] its hash, a space and its media type.
pub async fn all(db: &Db) -> Result<Vec<(String, String)>, Error> {
    db.read(
        "SELECT name, value
         FROM settings
         UNION ALL
         SELECT 'logo', hash || ' ' || media_type
         FROM logo
         WHERE one = 1",
    )
    .all()
    .await
}

/// Sets each of `changes` to its value, or back to its default where there is none; all or nothing.
pub async fn change(db: &Db, changes: &[(&str, Option<String>)], event: &Event) -> Result<(), Error> {
    db.transaction(|mut tx| async move {
        for (name, value) in changes {
            match value {
                Some(value) => {
                    tx.query(
                        "INSERT INTO settings (name, value)
                         VALUES ($1, $2)
                         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    )
                    .binds((*name, value))
                    .execute()
                    .await?
                }
                None => tx.query("DELETE FROM settings WHERE name = $1").bind(*name).execute().await?,
            };
        }
        events::record(&mut tx, event).await?;
        tx.commit(()).await
    })
    .await
}

pub async fn logo(db: &Db, hash: &str) -> Result<Option<Logo>, Error> {
    let found: Option<(String, Vec<u8>)> =
        db.read("SELECT media_type, bytes FROM logo WHERE one = 1 AND hash = $1").bind(hash).optional().await?;
    Ok(found.and_then(|(kind, bytes)| Some(Logo { format: LogoFormat::of_media_type(&kind)?, bytes })))
}

/// Keeps a logo in place of the former one, or none.
pub async fn set_logo(db: &Db, logo: Option<(&Logo, &str)>, event: &Event) -> Result<(), Error> {
    db.transaction(|mut tx| async move {
        tx.query("DELETE FROM logo WHERE one = 1").execute().await?;
        if let Some((logo, hash)) = logo {
            // Two who set it at the same moment: the later one stays.
            tx.query(
                "INSERT INTO logo (one, media_type, bytes, hash)
                 VALUES (1, $1, $2, $3)
                 ON CONFLICT (one) DO UPDATE
                 SET media_type = excluded.media_type, bytes = excluded.bytes, hash = excluded.hash",
            )
            .binds((logo.format.media_type(), &logo.bytes, hash))
            .execute()
            .await?;
        }
        events::record(&mut tx, event).await?;
        tx.commit(()).await
    })
    .await
}
