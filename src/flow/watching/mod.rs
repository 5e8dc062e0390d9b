//! Watching connected stores: whether keys still work, and whether given-up keys were revoked.

pub mod revocation;
pub mod watch;
