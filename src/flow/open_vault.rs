//! Creates the key ring on first run, and refuses to start with a ring that cannot open what is stored.

use std::path::Path;

use crate::domain::{Entropy, Time};
use crate::storage::{self, Db, seals};
use crate::vault::{KeyRing, Place, RingFault, Vault, is_older};

/// Why the vault cannot be opened. Start-up exits with this text.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ring file cannot be read or written.
    #[error(transparent)]
    Ring(#[from] RingFault),
    /// The database holds sealed keys, but the ring file is missing.
    #[error(
        "{path} is missing, but this database holds keys that were sealed with it: restore the file from its backup; a new one cannot open them"
    )]
    Lost {
        /// The path of the missing file.
        path: String,
    },
    /// The ring lacks a key that sealed values in this database.
    #[error("the key ring lacks the key {id}, which sealed values in this database: add its line again")]
    Missing {
        /// The ring key's id.
        id: String,
    },
    /// A ring key has the right id but the wrong bytes.
    #[error(
        "the key {id} in the key ring is not the one that sealed this database: this is another installation's ring, or a changed one"
    )]
    Wrong {
        /// The ring key's id.
        id: String,
    },
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// Opens the vault: reads the ring at `path`, or creates it if nothing in this database was ever sealed. Then verifies each
/// ring key against the proofs in the database.
pub async fn open_vault(db: &Db, path: &Path, now: Time, entropy: &Entropy) -> Result<Vault, Error> {
    let instance = db.instance(now, entropy).await?;
    let proofs = db.ring_proofs().await?;
    let ring = match KeyRing::load(path)? {
        Some(ring) => ring,
        None if proofs.is_empty() => make(path, entropy)?,
        None => return Err(Error::Lost { path: path.display().to_string() }),
    };
    let vault = Vault::new(&instance, &ring);
    if let Some((id, _)) = proofs.iter().find(|(id, _)| !vault.key_ids().any(|known| known == id)) {
        return Err(Error::Missing { id: id.clone() });
    }
    let ids: Vec<String> = vault.key_ids().map(str::to_owned).collect();
    for id in ids.iter().filter(|id| !proofs.iter().any(|(known, _)| known == *id)) {
        let proof = vault.seal_with(entropy, &Place::ring_proof(id), b"cartkey", id).unwrap_or_default();
        db.save_ring_proof(id, &proof).await?;
    }
    // Read again: another replica may have saved its proof first, with a different ring.
    for (id, proof) in db.ring_proofs().await? {
        let place = Place::ring_proof(&id);
        if vault.open(&place, &proof).is_err() {
            return Err(Error::Wrong { id });
        }
        if is_older(&proof)
            && let Some(anew) = vault.seal_with(entropy, &place, b"cartkey", &id)
        {
            seals::replace_proof(db, &id, &proof, &anew).await?;
        }
    }
    Ok(vault)
}

fn make(path: &Path, entropy: &Entropy) -> Result<KeyRing, RingFault> {
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        use std::os::unix::fs::DirBuilderExt as _;
        let io = |source| RingFault::Io { path: folder.display().to_string(), source };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io)?;
    }
    let ring = KeyRing::mint(entropy);
    ring.save_new(path)?;
    tracing::info!(path = %path.display(), "created a new key ring: back it up separately from the database");
    Ok(ring)
}
