//! Watching connected stores: whether keys still work, whether given-up keys were revoked, and how long hosts want to be left alone.

pub mod host_pauses;
pub mod revocation;
pub mod watch;
