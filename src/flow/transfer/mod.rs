//! Moving keys in and out: typed keys, files, another database, backups, and re-sealing.

pub mod add_by_keys;
pub mod backup;
pub mod export;
pub mod import;
pub mod migrate;
pub mod rekey;
pub mod restore;
pub mod seals;
