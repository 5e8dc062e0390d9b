//! The ring keys that the database knows, which of them seals, and which processes have them.
//!
//! The row of `installation` is locked by whoever starts to serve and by whoever lets another key seal, so that none starts
//! without a key that has just begun to seal.

use super::{Db, Error, Tx};
use crate::domain::time::Time;

/// A key that was ever in the ring.
#[derive(Debug, sqlx::FromRow)]
pub struct RingKey {
    /// Its id.
    pub id: String,
    /// A value that it sealed.
    pub proof: Vec<u8>,
    /// When another key took its place as the one that seals.
    pub retired_at: Option<Time>,
}

/// A process that serves.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Process {
    /// Its random name.
    pub id: String,
    /// The ids of the keys in its ring, separated by spaces; the first one seals.
    pub ring: String,
    /// When it last said so.
    pub seen_at: Time,
}

impl Process {
    /// Whether its ring has this key.
    pub fn has(&self, id: &str) -> bool {
        self.ring.split(' ').any(|known| known == id)
    }

    /// Whether this key seals there.
    pub fn seals_with(&self, id: &str) -> bool {
        self.ring.split(' ').next() == Some(id)
    }
}

/// All of them, by id.
pub async fn all(db: &Db) -> Result<Vec<RingKey>, Error> {
    db.read("SELECT id, proof, retired_at FROM ring_keys ORDER BY id").all().await
}

/// Saves the proof of a ring key; the first one saved stays.
pub async fn save(db: &Db, id: &str, proof: &[u8]) -> Result<(), Error> {
    db.write("INSERT INTO ring_keys (id, proof) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
        .bind(id)
        .bind(proof)
        .execute()
        .await?;
    Ok(())
}

/// Puts a new proof of a ring key in the place of the one that was read, if that is still there.
pub async fn replace_proof(db: &Db, id: &str, was: &[u8], proof: &[u8]) -> Result<(), Error> {
    db.write("UPDATE ring_keys SET proof = $1 WHERE id = $2 AND proof = $3")
        .bind(proof)
        .bind(id)
        .bind(was)
        .execute()
        .await?;
    Ok(())
}

/// The key that seals; `None` until one was [chosen](choose).
pub async fn sealing(db: &Db) -> Result<Option<String>, Error> {
    Ok(db.read("SELECT sealing FROM installation WHERE one = 1").optional_value().await?.flatten())
}

/// Lets this key seal, unless another one does; returns the one that does.
pub async fn choose(db: &Db, id: &str) -> Result<String, Error> {
    db.write("UPDATE installation SET sealing = $1 WHERE one = 1 AND sealing IS NULL").bind(id).execute().await?;
    db.read("SELECT sealing FROM installation WHERE one = 1").value().await
}

/// Waits for all others who are in one of these transactions.
async fn lock(tx: &mut Tx) -> Result<(), Error> {
    tx.query("UPDATE installation SET one = one WHERE one = 1").execute().await?;
    Ok(())
}

/// Says that a process serves, and with which ring. Returns the key that seals; no other does before this process has said
/// that it has that one. Processes that were not seen since `gone` are forgotten.
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

/// Says that a process does not serve any more.
pub async fn leave(db: &Db, process: &str) -> Result<(), Error> {
    db.write("DELETE FROM processes WHERE id = $1").bind(process).execute().await?;
    Ok(())
}

/// The processes that were seen since then; others are gone.
pub async fn processes(db: &Db, since: Time) -> Result<Vec<Process>, Error> {
    db.read("SELECT id, ring, seen_at FROM processes WHERE seen_at >= $1 ORDER BY id").bind(since).all().await
}

/// Lets another key seal, unless a process that was seen since then lacks it; false in that case. The key that did is retired.
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
