//! What a client may take of us before it has asked for anything.

use std::time::Duration;

use ipnet::IpNet;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Site;

/// What a client may take of us before it has asked for anything.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long a client may take to send a request's head, and how long a connection may be idle between two (10 s).
    pub head_within: Duration,
    /// For how long an answer may wait to be read, see `write_deadline` (15 s).
    pub unread_within: Duration,
    /// After how long a connection is closed behind the next answer (10 min).
    pub life: Duration,
    /// The most headers of a request (64).
    pub headers: usize,
    /// The most bytes of a request's head (16 KiB).
    pub head: usize,
    /// Connections at a time, on each listener (10,000). When all are taken, the next takes one from whoever has most.
    pub connections: usize,
    /// … from one IPv4 address, or one IPv6 /64 (256); more are refused at once.
    pub per_address: usize,
    /// … from one IPv6 /48 (1,024).
    pub per_site: usize,
    /// Whose connections are not counted (none).
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

/// Open files that are not connections of clients: databases, stores that are asked, webhooks that are told.
const OTHER_FILES: usize = 512;

impl Limits {
    /// The limits of each of `listeners` listeners of this site: fewer connections where this process may not open so many
    /// files. It takes as many as the system lets it have.
    pub fn of(site: &Site, listeners: usize) -> Self {
        let usual = Self { trusted_proxies: site.trusted_proxies.clone(), secure: site.secure, ..Self::default() };
        let Some(files) = open_files() else { return usual };
        let connections = (files.saturating_sub(OTHER_FILES) / listeners.max(1)).clamp(64, usual.connections);
        if connections < usual.connections {
            tracing::warn!(
                files,
                connections,
                "this process may open few files, so it takes fewer connections: raise the limit (LimitNOFILE, ulimits)"
            );
        }
        Self { connections, ..usual }
    }
}

/// How many files this process may open, once it has raised that as far as it may; `None`: without a limit.
fn open_files() -> Option<usize> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let now = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    now.and_then(|files| usize::try_from(files).ok())
}
