//! Moving keys in and out: typed keys, files, another database, and re-sealing.

pub mod add_by_keys;
pub mod export;
pub mod import;
pub mod migrate;
pub mod seals;
