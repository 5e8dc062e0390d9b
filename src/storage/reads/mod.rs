//! Key reads: the record of every key that was lent.
//!
//! A lent key is first on record in the `journal`: one row for each commit, with all its reads. In the background they are
//! moved to `segments`, each of one UTC day, where they stand twice: by time and by store. Whoever looks them up (`find`)
//! reads both in one snapshot, so nothing is missing while it is moved.

mod count;
mod find;
mod journal;
mod packed;
mod segments;

pub use count::{by_day, by_token, is_any, last_by_token};
pub use find::{Wanted, newest, readers};
pub use journal::{KeyRead, Recorder};
pub use packed::Read;
pub use segments::{delete_before, index, merge, tidy};

use super::Error;

/// Packed reads that cannot be unpacked were not written by this program.
fn unpack(records: &[u8]) -> Result<Vec<Read>, Error> {
    packed::unpack(records).map_err(|fault| Error::Broken(sqlx::Error::Decode(Box::new(fault))))
}
