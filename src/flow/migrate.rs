//! Migrate: a whole installation moves to another database. The key ring stays the file it is.

use std::path::Path;

use super::keep::{self, open_vault};
use crate::app::App;
use crate::domain::id::StoreId;
use crate::storage::transfer::{self, Fault};
use crate::storage::{self, Db, keys};
use crate::vault::{Place, Vault};

pub use crate::storage::transfer::Sum;

/// Keys that are opened at a time.
const PAGE: i64 = 200;

/// Why an installation was not moved.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Copying; the target is left as it was.
    #[error(transparent)]
    Copy(#[from] Fault),
    /// The key ring and the target do not belong together.
    #[error("everything was copied, but the key ring does not fit the target")]
    Ring(#[from] keep::Error),
    /// Keys that open in the source do not open in the target.
    #[error("everything was copied, but {0} keys open in the source and not in the target")]
    Unopenable(u64),
    /// The target.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// What was moved.
#[derive(Debug)]
pub struct Moved {
    /// What each table adds up to, on both sides.
    pub sums: Vec<Sum>,
    /// Keys that the ring opens in the target.
    pub opened: u64,
    /// Keys that it opened in neither.
    pub broken: u64,
}

/// Copies everything to `target` and opens there, with the ring at `ring`, every key that is served.
pub async fn to(app: &App, target: &Db, ring: &Path, tell: impl FnMut(u64, u64)) -> Result<Moved, Error> {
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

fn opens(vault: &Vault, key: &keys::Held) -> bool {
    vault.open_pair(&Place::key(&key.id, &key.home, &key.user_id), &key.sealed).is_ok()
}
