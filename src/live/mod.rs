//! What a process keeps in memory for as long as it runs, and its workers.

pub mod backups;
pub mod call_counts;
pub mod checkpoint;
pub mod durability;
pub mod feed;
pub mod icons;
pub mod lending;
pub mod metrics;
pub mod outgoing_limits;
pub mod preflights;
pub mod single_flight;
pub mod webhook_tests;
pub mod worker;
