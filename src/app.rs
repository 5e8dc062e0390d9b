//! The shared state passed to every flow and handler.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::config::{BackupSchedule, Site};
use crate::domain::{Clock, Entropy, Time};
use crate::live::backups::Backups;
use crate::live::call_counts::CallCounts;
use crate::live::feed::Feed;
use crate::live::icons::Icons;
use crate::live::lending::Lending;
use crate::live::metrics::Metrics;
use crate::live::outgoing_limits::OutgoingLimits;
use crate::live::preflights::Preflights;
use crate::live::webhook_tests::WebhookTests;
use crate::live::worker::Workers;
use crate::storage::Db;
use crate::vault::password::{Cost, Passwords};
use crate::vault::{RingSource, Vault};
use crate::woo::http::Client;
use crate::woo::preflight::ALL_WITHIN;

/// The shared state of one process. A clone increments one reference count, because every request makes several.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The fields of [`App`].
#[derive(Clone)]
pub struct Parts {
    /// The database.
    pub db: Db,
    /// Encrypts and decrypts stored secrets.
    pub vault: Vault,
    /// Where the key ring came from; `None` if it cannot be read again or changed.
    pub ring: Option<RingSource>,
    /// The random name by which processes on the same database tell this one apart.
    pub process: String,
    /// When and where backups are written; `None` if they are not scheduled.
    pub backup: Option<Arc<BackupSchedule>>,
    /// The newest backup and the newest failure.
    pub backups: Backups,
    /// The HTTP client for all requests to stores.
    pub woo: Client,
    /// The source of the current time.
    pub clock: Clock,
    /// The source of random bytes.
    pub entropy: Entropy,
    /// The public part of the configuration.
    pub site: Arc<Site>,
    /// What this process has counted and timed.
    pub metrics: Metrics,
    /// The workers of this process and their status.
    pub workers: Workers,
    /// The cache that keys are lent from, and the writer that records the reads.
    pub lending: Lending,
    /// The feed readers waiting in this process.
    pub feed: Feed,
    /// Wakes the prover after a grant is received or an attempt is confirmed.
    pub proving: Arc<Notify>,
    /// Wakes the webhook dispatcher when it has something to deliver other than an event.
    pub dispatching: Arc<Notify>,
    /// The interval between checks of a healthy connected store (15 minutes).
    pub check_every: Duration,
    /// The limits on requests to stores, and the checks in progress.
    pub outgoing: OutgoingLimits,
    /// The calls of tokens that have a limit on them.
    pub calls: CallCounts,
    /// True once the process is shutting down.
    pub draining: Arc<AtomicBool>,
    /// The limits on concurrent preflights. Each one sends requests to an unverified server for up to twenty seconds.
    pub preflights: Preflights,
    /// The icons of the stores that merchants are connecting.
    pub icons: Icons,
    /// Hashes and verifies operator passwords.
    pub passwords: Passwords,
    /// Permits for concurrent password checks. Each check takes 64 MiB and one core.
    pub password_turns: Arc<tokio::sync::Semaphore>,
    /// Permits for password checks of strangers, running or queued. Further ones are refused.
    pub password_places: Arc<tokio::sync::Semaphore>,
    /// The bytes of answers kept for idempotency keys since the last time that old ones were forgotten.
    pub answers_kept: Arc<AtomicUsize>,
    /// The limits on concurrent webhook tests.
    pub webhook_tests: WebhookTests,
    /// The time limit for one preflight: [`ALL_WITHIN`], except in tests that need a shorter one.
    pub preflight_within: Duration,
    /// The time limit for one webhook delivery: [`DELIVER_WITHIN`], except in tests that need a shorter one.
    pub deliver_within: Duration,
}

/// See [`Parts::check_every`].
pub const CHECK_EVERY: Duration = Duration::from_mins(15);
/// See [`Parts::deliver_within`].
pub const DELIVER_WITHIN: Duration = Duration::from_secs(15);
/// See [`Parts::password_turns`].
pub const PASSWORDS_AT_ONCE: usize = 2;
/// See [`Parts::password_places`].
pub const PASSWORD_PLACES: usize = 10;

impl App {
    /// Creates the state and starts the writer that records lent keys. Must be called within a tokio runtime.
    pub fn new(db: Db, vault: Vault, woo: Client, clock: Clock, entropy: Entropy, site: Site) -> Self {
        let workers = Workers::new(clock.clone());
        let mut process = [0; 8];
        entropy.fill(&mut process);
        let metrics = Metrics::new(&db, clock.now());
        Self(Arc::new(Parts {
            lending: Lending::start(db.clone(), &workers, metrics.clone()),
            feed: Feed::new(&workers),
            metrics,
            workers,
            db,
            vault,
            ring: None,
            backup: None,
            backups: Backups::default(),
            process: format!("{:016x}", u64::from_le_bytes(process)),
            woo,
            clock,
            entropy,
            site: Arc::new(site),
            proving: Arc::default(),
            dispatching: Arc::default(),
            check_every: CHECK_EVERY,
            outgoing: OutgoingLimits::default(),
            calls: CallCounts::default(),
            draining: Arc::default(),
            preflights: Preflights::default(),
            icons: Icons::default(),
            passwords: Passwords::new(Cost::Full),
            password_turns: Arc::new(tokio::sync::Semaphore::new(PASSWORDS_AT_ONCE)),
            password_places: Arc::new(tokio::sync::Semaphore::new(PASSWORD_PLACES)),
            answers_kept: Arc::default(),
            webhook_tests: WebhookTests::default(),
            preflight_within: ALL_WITHIN,
            deliver_within: DELIVER_WITHIN,
        }))
    }

    /// The current time, from the configured clock.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Starts the shutdown: waiting feed readers are answered now, and no new work is started.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.feed.end();
    }

    /// Whether the process is shutting down.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Lets a test replace one field. The changed clone is independent of the others from then on.
impl DerefMut for App {
    fn deref_mut(&mut self) -> &mut Parts {
        Arc::make_mut(&mut self.0)
    }
}
