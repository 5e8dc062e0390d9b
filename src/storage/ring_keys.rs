//! The ring keys that the database knows, which of them seals, and which processes have them.
//!
//! Starting to serve and changing the sealing key both lock the row of `installation`, so that no process starts without a key that
//! has just become the sealing key.

use super::{Db, Error, Tx};
use crate::domain::Time;

/// A key that was ever in the ring.
#[derive(Debug, sqlx::FromRow)]
pub struct RingKey {
    pub id: String,
    /// A value that it sealed.
    pub proof: Vec<u8>,
    /// When another key replaced it as the sealing key.
    pub retired_at: Option<Time>,
}

#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Process {
    /// Its random name.
    pub id: String,
    /// The IDs of the keys in its ring, separated by spaces; the first one seals.
    pub ring: String,
    /// When it last recorded that.
    pub seen_at: Time,
}

impl Process {
    /// Whether its ring has this key.
    pub fn has(&self, id: &str) -> bool {
        self.ring.split(' ').any(|known| known == id)
    }

    /// Whether it seals with this key.
    pub fn seals_with(&self, id: &str) -> bool {
        self.ring.split(' ').next() == Some(id)
    }
}

/// All ring keys, sorted by ID.
pub async fn all(db: &Db) -> Result<Vec<RingKey>, Error> {
    db.read("SELECT id, proof, retired_at FROM ring_keys ORDER BY id").all().await
}

/// Saves the proof of a ring key, unless it has one.
pub async fn save(db: &Db, id: &str, proof: &[u8]) -> Result<(), Error> {
    db.write("INSERT INTO ring_keys (id, proof) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
        .bind(id)
        .bind(proof)
        .execute()
        .await?;
    Ok(())
}

/// Replaces the proof of a ring key, if it is still `was`.
pub async fn replace_proof(db: &Db, id: &str, was: &[u8], proof: &[u8]) -> Result<(), Error> {
    db.write("UPDATE ring_keys SET proof = $1 WHERE id = $2 AND proof = $3")
        .bind(proof)
        .bind(id)
        .bind(was)
        .execute()
        .await?;
    Ok(())
}

/// The sealing key; `None` until one was [chosen](choose).
pub async fn sealing(db: &Db) -> Result<Option<String>, Error> {
    Ok(db.read("SELECT sealing FROM installation WHERE one = 1").optional_value().await?.flatten())
}

/// Makes this the sealing key, unless there is one; returns the sealing key.
pub async fn choose(db: &Db, id: &str) -> Result<String, Error> {
    db.write("UPDATE installation SET sealing = $1 WHERE one = 1 AND sealing IS NULL").bind(id).execute().await?;
    db.read("SELECT sealing FROM installation WHERE one = 1").value().await
}

/// Waits until no other process is in one of these transactions.
async fn lock(tx: &mut Tx) -> Result<(), Error> {
    tx.query("UPDATE installation SET one = one WHERE one = 1").execute().await?;
    Ok(())
}

/// Records that a process serves, and with which ring. Returns the sealing key: it is not changed again until this process has
/// recorded that it has the next one. Deletes processes that were not seen since `gone`.
pub async fn enter(db: &Db, process: &Process, gone: Time) -> Result<Option<String>, Error> {
    db.transaction(|mut tx| async move {
        lock(&mut tx).await?;
        tx.query("DELETE FROM processes WHERE seen_at < $1").bind(gone).execute().await?;
        tx.query(
            "INSERT INTO processes (id, ring, seen_at)
             VALUES ($1, $2, $3)
             ON CONFLICT (id) DO UPDATE SET ring = excluded.ring, seen_at = excluded.seen_at",
        )
        .bind(&process.id)
        .bind(&process.ring)
        .bind(process.seen_at)
        .execute()
        .await?;
        let sealing = tx.query("SELECT sealing FROM installation WHERE one = 1").value().await?;
        tx.commit(sealing).await
    })
    .await
}

/// Records that a process no longer serves.
pub async fn leave(db: &Db, process: &str) -> Result<(), Error> {
    db.write("DELETE FROM processes WHERE id = $1").bind(process).execute().await?;
    Ok(())
}

/// The processes seen since then; others are considered dead.
pub async fn processes(db: &Db, since: Time) -> Result<Vec<Process>, Error> {
    db.read("SELECT id, ring, seen_at FROM processes WHERE seen_at >= $1 ORDER BY id").bind(since).all().await
}

/// Changes the sealing key and retires the former one. Returns false, and changes nothing, if a process seen since then lacks the
/// key.
pub async fn seal_with(db: &Db, id: &str, since: Time, now: Time) -> Result<bool, Error> {
    db.transaction(|mut tx| async move {
        lock(&mut tx).await?;
        let there: Vec<Process> =
            tx.query("SELECT id, ring, seen_at FROM processes WHERE seen_at >= $1").bind(since).all().await?;
        if !there.iter().all(|process| process.has(id)) {
            return tx.undo(false).await;
        }
        tx.query(
            "UPDATE ring_keys
             SET retired_at = $1
             WHERE id <> $2 AND id = (SELECT sealing FROM installation WHERE one = 1)",
        )
        .bind(now)
        .bind(id)
        .execute()
        .await?;
        tx.query("UPDATE ring_keys SET retired_at = NULL WHERE id = $1").bind(id).execute().await?;
        tx.query("UPDATE installation SET sealing = $1 WHERE one = 1").bind(id).execute().await?;
        tx.commit(true).await
    })
    .await
}
