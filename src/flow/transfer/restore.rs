//! Restore: writes a backup to an empty database of either kind, completely or not at all.
//!
//! The ring is compared with the proofs in the backup before anything is written. The rows are written in one transaction, which is
//! committed only when every checksum in the file is right and the database, read again row by row, has the same checksums.

use std::io::BufRead;

use crate::storage::Db;
use crate::storage::transfer::file::{FileFault, Head, Reader};
use crate::storage::transfer::{self, Fault, Sum};
use crate::vault::{KeyRing, Place, RingFault, RingSource, Vault};

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Copy(#[from] Fault),
    #[error(transparent)]
    Ring(#[from] RingFault),
    #[error("{source} is missing: first put this backup's key ring there (with the key {needs})", source = .source_name)]
    NoRing {
        /// Where the ring was expected.
        source_name: String,
        /// The IDs of the keys that it must contain.
        needs: String,
    },
    #[error("the key ring lacks the key {id}, which is needed by this backup (sealed values: {values}): add its line")]
    Missing {
        id: String,
        /// The number of values sealed under it.
        values: u64,
    },
    #[error(
        "the key {0} in the key ring is not the one that sealed this backup: this is another installation's ring, or a changed one"
    )]
    Wrong(String),
}

impl From<FileFault> for Error {
    fn from(fault: FileFault) -> Self {
        Self::Copy(fault.into())
    }
}

/// Opens a backup and compares it with the ring. If there is no ring and the backup contains one, writes that to the ring's
/// file; writes nothing else.
pub async fn open(from: impl BufRead + Send + 'static, source: &RingSource) -> Result<Reader, Error> {
    let reader = Reader::open(from)?;
    let head = &reader.head;
    let needed = || head.ring_keys.iter().filter(|key| key.values > 0 || head.sealing.as_ref() == Some(&key.id));
    let (ring, is_new) = match (source.load().await?, &head.key_ring) {
        (Some(ring), _) => (Some(ring), false),
        (None, Some(text)) => (Some(KeyRing::of_text(text)?), true),
        (None, None) => (None, false),
    };
    let Some(ring) = ring else {
        if needed().next().is_none() {
            return Ok(reader);
        }
        let needs: Vec<&str> = needed().map(|key| key.id.as_str()).collect();
        return Err(Error::NoRing { source_name: source.to_string(), needs: needs.join(", ") });
    };
    let vault = Vault::new(&head.instance, &ring);
    if let Some(key) = needed().find(|key| !vault.has(&key.id)) {
        return Err(Error::Missing { id: key.id.clone(), values: key.values });
    }
    let fits = |id: &str, proof: &[u8]| vault.open(&Place::ring_proof(id), proof).is_ok();
    if let Some(key) = head.ring_keys.iter().find(|key| vault.has(&key.id) && !fits(&key.id, &key.proof())) {
        return Err(Error::Wrong(key.id.clone()));
    }
    if let (true, Some(path)) = (is_new, source.file()) {
        ring.save_new(path)?;
    }
    Ok(reader)
}

/// Restores into `target`; returns the row count and checksum of each table. An error leaves it empty.
pub async fn into(from: Reader, target: &Db, tell: impl FnMut(u64, u64)) -> Result<Vec<Sum>, Error> {
    Ok(transfer::restore(from, target, tell).await?)
}

/// Describes a backup, for people.
pub fn about(head: &Head) -> String {
    format!("made {} by Cartkey {} from {}", head.made_at, head.version, head.database)
}
