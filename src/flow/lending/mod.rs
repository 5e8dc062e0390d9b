//! Lending keys to services: service tokens, the lending itself, and counts of key reads.

pub mod key_reads;
pub mod lend;
pub mod subject;
pub mod tokens;
