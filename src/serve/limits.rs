//! What a client may use before it has sent a request.

use std::time::Duration;

use ipnet::IpNet;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Site;

/// What a client may use before it has sent a request.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long a client may take to send a request's head, and how long a connection may be idle between two (10 s).
    pub head_within: Duration,
    /// How long an answer may wait for the client to read it; see `write_deadline` (15 s).
    pub unread_within: Duration,
    /// The age at which a connection is closed after its next answer (10 min).
    pub life: Duration,
    /// The most headers of a request (64).
    pub headers: usize,
    /// The most bytes of a request's head (16 KiB).
    pub head: usize,
    /// Connections at a time, on each listener (10,000). When all are taken, a new one replaces one of the largest network.
    pub connections: usize,
    /// … from one IPv4 address, or one IPv6 /64 (256); more are refused at once.
    pub per_address: usize,
    /// … from one IPv6 /48 (1,024). An IPv4 /24 that has a quarter of it, or an IPv4 /16 or IPv6 /32 that has all of it, makes room
    /// before others.
    pub per_site: usize,
    /// Proxies whose connections are not counted (none).
    pub trusted_proxies: Vec<IpNet>,
    /// Whether merchants and stores reach the service by https (false): what is refused here has the headers for it.
    pub secure: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_within: Duration::from_secs(10),
            unread_within: Duration::from_secs(15),
            life: Duration::from_mins(10),
            headers: 64,
            head: 16 * 1024,
            connections: 10_000,
            per_address: 256,
            per_site: 1_024,
            trusted_proxies: Vec::new(),
            secure: false,
        }
    }
}

/// Open files that are not client connections: databases, connections to stores and webhooks.
const OTHER_FILES: usize = 512;

impl Limits {
    /// The limits for each of `listeners` listeners of this site. Raises the open-file limit as far as the system allows, and
    /// lowers the number of connections to fit it.
    pub fn of(site: &Site, listeners: usize) -> Self {
        let usual = Self { trusted_proxies: site.trusted_proxies.clone(), secure: site.secure, ..Self::default() };
        let Some(files) = open_files() else { return usual };
        let connections = (files.saturating_sub(OTHER_FILES) / listeners.max(1)).clamp(64, usual.connections);
        if connections < usual.connections {
            tracing::warn!(
                files,
                connections,
                "the open-file limit is low, so fewer connections are accepted: raise it (LimitNOFILE, ulimits)"
            );
        }
        Self { connections, ..usual }
    }
}

/// Raises the open-file limit as far as allowed and returns it; `None` means unlimited.
fn open_files() -> Option<usize> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let now = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    now.and_then(|files| usize::try_from(files).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_limits_are_those_that_are_documented() {
        let usual = Limits::default();
        assert_eq!([usual.head_within, usual.unread_within].map(|within| within.as_secs()), [10, 15]);
        assert_eq!([usual.connections, usual.per_address, usual.per_site], [10_000, 256, 1_024]);
    }
}
