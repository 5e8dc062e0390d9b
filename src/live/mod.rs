//! What a process keeps in memory for as long as it runs, and its workers.

pub mod durability;
pub mod outgoing_limits;
pub mod preflights;
pub mod worker;
