//! Hosts that asked for a pause, when, and until when. Written only on PostgreSQL, whose replicas share them.

use std::time::Duration;

use super::lists::{as_list, listed};
use super::{Db, Error};
use crate::domain::Time;

/// How much the clocks of two processes may differ. A pause that was asked for later than this was written by a wrong clock.
const CLOCKS_DIFFER: Duration = Duration::from_mins(1);

/// Those of `hosts` that are to be left alone at `now`, and until when.
pub async fn of(db: &Db, hosts: &[&str], now: Time) -> Result<Vec<(String, Time)>, Error> {
    db.read(["SELECT host, until FROM host_pauses WHERE host IN (", listed(db), ") AND until > $2 AND asked_at <= $3"])
        .binds((as_list(hosts)?, now, now.plus(CLOCKS_DIFFER)))
        .all()
        .await
}

/// Keeps that a host asked at `now` to be left alone until `until`, unless a longer pause is known.
pub async fn save(db: &Db, host: &str, now: Time, until: Time) -> Result<(), Error> {
    db.write(
        "INSERT INTO host_pauses (host, asked_at, until)
         VALUES ($1, $2, $3)
         ON CONFLICT (host) DO UPDATE SET asked_at = excluded.asked_at, until = excluded.until
         WHERE host_pauses.until < excluded.until OR host_pauses.asked_at > $4",
    )
    .binds((host, now, until, now.plus(CLOCKS_DIFFER)))
    .execute()
    .await?;
    Ok(())
}

/// Deletes pauses that have ended at `now`, and those of a wrong clock.
pub async fn tidy(db: &Db, now: Time) -> Result<(), Error> {
    let latest = now.plus(CLOCKS_DIFFER);
    db.write("DELETE FROM host_pauses WHERE until <= $1 OR asked_at > $2").binds((now, latest)).execute().await?;
    Ok(())
}
