//! Lending keys to services: service tokens, the lending itself, calls with lent keys, and counts of both.

pub mod call;
pub mod key_reads;
pub mod lend;
pub mod subject;
pub mod tokens;
