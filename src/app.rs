//! What every flow is given: one concrete state, cheap to clone.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::config::Site;
use crate::domain::entropy::Entropy;
use crate::domain::time::{Clock, Time};
use crate::flow::feed::Feed;
use crate::flow::lend::Lending;
use crate::flow::tell;
use crate::flow::watch::Watching;
use crate::live::preflights::Preflights;
use crate::live::worker::Workers;
use crate::storage::Db;
use crate::vault::Vault;
use crate::vault::password::{Cost, Passwords};
use crate::woo::http::Client;
use crate::woo::preflight::ALL_WITHIN;

/// The state of one running Cartkey. Every request is given clones of it, so a clone is one counter more, not a dozen
/// that two processors pull to and fro.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What [`App`] consists of.
#[derive(Clone)]
pub struct Parts {
    /// The database.
    pub db: Db,
    /// What seals and opens.
    pub vault: Vault,
    /// The one client that speaks to stores.
    pub woo: Client,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// The public part of the configuration.
    pub site: Arc<Site>,
    /// The workers of this process, and how they are doing.
    pub workers: Workers,
    /// What is lent from memory, and the writer of its record.
    pub lending: Lending,
    /// Who waits for news in this process.
    pub feed: Feed,
    /// Wakes the prover when a grant came or an attempt was confirmed.
    pub proving: Arc<Notify>,
    /// Wakes who tells webhooks when there is something to deliver that is no event.
    pub telling: Arc<Notify>,
    /// How often a connected store is checked that is well (15 minutes).
    pub check_every: Duration,
    /// The checks that are under way, and how many may be.
    pub watching: Watching,
    /// Set once the process has been told to stop.
    pub draining: Arc<AtomicBool>,
    /// How many preflights may run at a time, and for whom: each asks a stranger's server for up to eight seconds.
    pub preflights: Preflights,
    /// Makes and checks the passwords of operators.
    pub passwords: Passwords,
    /// How many passwords may be checked at a time: each takes 64 MiB and a processor.
    pub password_turns: Arc<tokio::sync::Semaphore>,
    /// How many passwords may be checked or wait for their turn; more are refused.
    pub password_places: Arc<tokio::sync::Semaphore>,
    /// How long one preflight may take: [`ALL_WITHIN`], except where a test cannot wait that long.
    pub preflight_within: Duration,
    /// How long a webhook may take to answer: [`tell::WITHIN`], except where a test cannot wait that long.
    pub tell_within: Duration,
}

/// See [`Parts::check_every`].
pub const CHECK_EVERY: Duration = Duration::from_mins(15);
/// See [`Parts::password_turns`].
pub const PASSWORDS_AT_ONCE: usize = 2;
/// See [`Parts::password_places`].
pub const PASSWORD_PLACES: usize = 10;

impl App {
    /// Puts the parts together and starts the writer of the lending record; needs a tokio runtime.
    pub fn new(db: Db, vault: Vault, woo: Client, clock: Clock, entropy: Entropy, site: Site) -> Self {
        let workers = Workers::new(clock.clone());
        Self(Arc::new(Parts {
            lending: Lending::start(db.clone(), &workers),
            feed: Feed::new(&workers),
            workers,
            db,
            vault,
            woo,
            clock,
            entropy,
            site: Arc::new(site),
            proving: Arc::default(),
            telling: Arc::default(),
            check_every: CHECK_EVERY,
            watching: Watching::default(),
            draining: Arc::default(),
            preflights: Preflights::default(),
            passwords: Passwords::new(Cost::Full),
            password_turns: Arc::new(tokio::sync::Semaphore::new(PASSWORDS_AT_ONCE)),
            password_places: Arc::new(tokio::sync::Semaphore::new(PASSWORD_PLACES)),
            preflight_within: ALL_WITHIN,
            tell_within: tell::WITHIN,
        }))
    }

    /// Now.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// The process has been told to stop: whoever waits for news is answered now, and nothing new is begun.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.feed.end();
    }

    /// Whether the process has been told to stop.
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

/// For a test that wants one part to be different: the clone that is changed goes its own way from then on.
impl DerefMut for App {
    fn deref_mut(&mut self) -> &mut Parts {
        Arc::make_mut(&mut self.0)
    }
}
