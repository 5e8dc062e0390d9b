//! Key reads and calls: the record of every key that was lent, and of every call that Cartkey made with one for a service.
//!
//! Each is first recorded in the `journal`: one row per commit, with everything in it. A worker moves them to `segments`,
//! each for one UTC day, which store them twice: sorted by time and by store. `find` searches both in one snapshot, so no read is
//! missed while it is moved.

mod count;
mod find;
mod journal;
mod packed;
mod segments;

pub use count::{Count, by_day, by_token};
pub use find::{Wanted, newest, readers};
pub use journal::{KeyRead, Recorder};
pub use packed::Read;
pub use segments::{delete_before, index, merge, tidy};

use super::Error;

/// Unpacks records of this database; failing is a bug or damage.
fn unpack(records: &[u8]) -> Result<Vec<Read>, Error> {
    packed::unpack(records).map_err(|fault| Error::Broken(sqlx::Error::Decode(Box::new(fault))))
}
