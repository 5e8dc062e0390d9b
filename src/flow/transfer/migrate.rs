//! Migrate: copies a whole installation to another database. The key ring file stays unchanged.

use crate::app::App;
use crate::domain::StoreId;
use crate::flow::open_vault::{self, open_vault};
use crate::storage::transfer::{self, Fault};
use crate::storage::{self, Db, keys};
use crate::vault::{Place, RingSource, Vault};

pub use crate::storage::transfer::Sum;

/// Keys opened per batch.
const PAGE: i64 = 200;

/// Why a migration failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Copying failed; the target is unchanged.
    #[error(transparent)]
    Copy(#[from] Fault),
    #[error("everything was copied, but the key ring does not match the target")]
    Ring(#[from] open_vault::Error),
    #[error("everything was copied, but some keys can be opened in the source and not in the target: {0}")]
    Unopenable(u64),
    /// The target database failed.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// The result of a migration.
#[derive(Debug)]
pub struct Moved {
    /// The row count and checksum of each table, equal on both sides.
    pub sums: Vec<Sum>,
    /// The number of keys that open in the target.
    pub opened: u64,
    /// The number of keys that open in neither database.
    pub broken: u64,
}

/// Copies everything to `target`, then verifies that the ring opens every served key there.
pub async fn to(app: &App, target: &Db, ring: &RingSource, tell: impl FnMut(u64, u64)) -> Result<Moved, Error> {
    let sums = transfer::copy(&app.db, target, tell).await?;
    let vault = open_vault(target, ring, app.now(), &app.entropy).await?;
    let (mut opened, mut broken, mut shut) = (0, 0, 0);
    let mut after: Option<StoreId> = None;
    loop {
        let page = keys::held(target, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.store_id.clone());
        for key in &page {
            match (opens(&vault, key), opens(&app.vault, key)) {
                (true, _) => opened += 1,
                (false, true) => shut += 1,
                (false, false) => broken += 1,
            }
        }
    }
    if shut > 0 { Err(Error::Unopenable(shut)) } else { Ok(Moved { sums, opened, broken }) }
}

fn opens(vault: &Vault, key: &keys::SealedKey) -> bool {
    vault.open_pair(&Place::key(&key.id, &key.home, &key.user_id), &key.sealed).is_ok()
}
