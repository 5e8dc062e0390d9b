//! Creates the key ring on first run, and refuses to start with a ring that cannot open what is stored.

use std::path::Path;

use crate::app::App;
use crate::domain::{Entropy, Time};
use crate::flow::Beneath;
use crate::storage::ring_keys::{self, RingKey};
use crate::storage::{self, Db, seals};
use crate::vault::{KeyRing, Place, RingFault, RingSource, Unopenable, Vault, is_older, sealed_under};

/// What is sealed as the proof of a ring key.
pub const PROOF: &[u8] = b"cartkey";

/// Why the vault cannot be opened. Start-up exits with this text.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Ring(#[from] RingFault),
    #[error(
        "{path} is missing, but this database holds keys that were sealed with it: restore the file from its backup; a new one cannot open them"
    )]
    Lost { path: String },
    #[error(
        "the key ring lacks the key {id}, which is still needed by {} in this database: add its line again, and run “cartkey rekey” before you remove it",
        if *.values == 1 { "1 sealed value".to_owned() } else { format!("{values} sealed values") }
    )]
    Missing {
        id: String,
        /// The number of values sealed under it.
        values: u64,
    },
    #[error("the key ring lacks the key {id}, which seals new values in this installation: add its line")]
    Sealing { id: String },
    #[error(
        "the key {id} in the key ring is not the one that sealed this database: this is another installation's ring, or a changed one"
    )]
    Wrong { id: String },
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

impl From<Beneath> for Error {
    fn from(error: Beneath) -> Self {
        match error {
            Beneath::Storage(error) => Self::Storage(error),
            Beneath::RingBehind(id) => Self::Sealing { id },
        }
    }
}

/// Opens the vault: reads the ring, or creates its file if nothing in this database was ever sealed. Then verifies each ring key
/// against the proofs in the database, and that no sealed value needs a key that is not in the ring.
pub async fn open_vault(db: &Db, source: &RingSource, now: Time, entropy: &Entropy) -> Result<Vault, Error> {
    let instance = db.instance(now, entropy).await?;
    let known = ring_keys::all(db).await?;
    let ring = match (source.load().await?, source.file()) {
        (Some(ring), _) => ring,
        (None, Some(path)) if known.is_empty() => make(path, entropy)?,
        (None, _) => return Err(Error::Lost { path: source.to_string() }),
    };
    let vault = Vault::new(&instance, &ring);
    for key in known.iter().filter(|key| !vault.has(&key.id)) {
        match seals::count_under(db, &key.id).await? {
            0 => {}
            values => return Err(Error::Missing { id: key.id.clone(), values }),
        }
    }
    for id in vault.key_ids().iter().filter(|id| !known.iter().any(|key| key.id == **id)) {
        let proof = vault.seal_with(entropy, &Place::ring_proof(id), PROOF, id).unwrap_or_default();
        ring_keys::save(db, id, &proof).await?;
    }
    // Read again: another replica may have saved its proof first, with a different ring.
    for RingKey { id, proof, .. } in ring_keys::all(db).await?.into_iter().filter(|key| vault.has(&key.id)) {
        let place = Place::ring_proof(&id);
        if vault.open(&place, &proof).is_err() {
            return Err(Error::Wrong { id });
        }
        if is_older(&proof)
            && let Some(anew) = vault.seal_with(entropy, &place, PROOF, &id)
        {
            ring_keys::replace_proof(db, &id, &proof, &anew).await?;
        }
    }
    let sealing = ring_keys::choose(db, &vault.key_ids().remove(0)).await?;
    if vault.seal_from_now_on_with(&sealing) { Ok(vault) } else { Err(Error::Sealing { id: sealing }) }
}

/// Returns what was opened, or `None` if the value is damaged. Errors: [`Beneath::RingBehind`], as [`is_known`].
pub(in crate::flow) async fn or_damaged<T>(
    app: &App,
    sealed: &[u8],
    opened: Result<T, Unopenable>,
) -> Result<Option<T>, Beneath> {
    if opened.is_err() {
        is_known(app, sealed).await?;
    }
    Ok(opened.ok())
}

/// Fails with [`Beneath::RingBehind`] if the value is sealed under a ring key that this installation uses and this process lacks:
/// that it does not open here says nothing about the value.
pub(in crate::flow) async fn is_known(app: &App, sealed: &[u8]) -> Result<(), Beneath> {
    match sealed_under(sealed) {
        Some(id) if !app.vault.has(id) && ring_keys::all(&app.db).await?.iter().any(|key| key.id == id) => {
            Err(Beneath::RingBehind(id.to_owned()))
        }
        _ => Ok(()),
    }
}

fn make(path: &Path, entropy: &Entropy) -> Result<KeyRing, RingFault> {
    let ring = KeyRing::mint(entropy);
    ring.save_new(path)?;
    tracing::info!(path = %path.display(), "created a new key ring: back it up separately from the database");
    Ok(ring)
}
