//! Keep: the ring is made on first run, and start-up proves that it opens what is stored, or refuses.

use std::path::Path;

use crate::domain::entropy::Entropy;
use crate::domain::time::Time;
use crate::storage::{self, Db, seals};
use crate::vault::{KeyRing, Place, RingFault, Vault, is_older};

/// Why the vault cannot be opened. Each text is the one clear sentence that start-up ends with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ring cannot be used.
    #[error(transparent)]
    Ring(#[from] RingFault),
    /// The database holds sealed keys, and there is no ring.
    #[error(
        "{path} is not there, but this database holds keys that were sealed with it: restore the file from its copy; a new one cannot open them"
    )]
    Lost {
        /// Where the ring was looked for.
        path: String,
    },
    /// A ring key that sealed here is missing.
    #[error("the key ring lacks the key {id}, which sealed values in this database: add its line again")]
    Missing {
        /// The ring key's id.
        id: String,
    },
    /// A ring key has the right id and the wrong bytes.
    #[error(
        "the key {id} in the key ring is not the one that sealed this database: this is another installation's ring, or a changed one"
    )]
    Wrong {
        /// The ring key's id.
        id: String,
    },
    /// The database.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// Opens the vault: reads the ring at `path`, or makes it when nothing was ever sealed here, and proves each of its
/// keys against the database.
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
    // Read again: another replica may have kept its proof first, with another ring.
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
    tracing::info!(path = %path.display(), "made a new key ring: keep a copy of it apart from the database");
    Ok(ring)
}
