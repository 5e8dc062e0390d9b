//! Metrics: what this process has counted and timed since it started. Labels have few values, all of them known beforehand: never an
//! ID, an address or anything that others chose.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::sync::Mutex;

use crate::domain::{Instant, Status, Time, Verdict};
use crate::storage::Db;
use crate::storage::measures::Measures;

/// Upper limits of the buckets of durations, in seconds.
const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
/// Upper limits of the buckets of the reads in one commit; the largest is what one commit takes.
const READS: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1_024.0, 8_192.0];
/// The results of a try of a webhook delivery.
const DELIVERIES: [&str; 4] = ["delivered", "retried", "failed", "turned_off"];

/// What became of a service's call to a store.
const CALLS: [&str; 6] = ["answered", "refused", "rate_limited", "redirected", "relearned", "unanswered"];

/// Labels that are constants of ours.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// A route, as the router spells it, and the status of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    status: u16,
}

/// What was last read from the database, and when.
pub type OfDatabase = Option<(Instant, Option<Arc<Measures>>)>;

/// The metrics of one process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    started: Time,
    registry: Registry,
    requests: Family<Answered, Histogram, fn() -> Histogram>,
    lent: Counter,
    refused: Family<Labels<1>, Counter>,
    calls: Family<Labels<1>, Counter>,
    call_times: Histogram,
    lending_commits: Histogram,
    lending_commit_reads: Histogram,
    attempts_begun: Counter,
    attempts: Family<Labels<2>, Counter>,
    checks: Family<Labels<1>, Counter>,
    deliveries: Family<Labels<1>, Counter>,
    delivery_times: Histogram,
    database: Mutex<OfDatabase>,
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

impl Metrics {
    /// Metrics with nothing counted yet, and those of `db`. The process starts `now`.
    pub fn new(db: &Db, now: Time) -> Self {
        let mut registry = Registry::with_prefix("cartkey");
        let requests = Family::<Answered, Histogram, fn() -> Histogram>::new_with_constructor(seconds);
        let name = "http_request_duration_seconds";
        registry.register(name, "Requests by route and status, and how long they took", requests.clone());
        let lent = Counter::default();
        registry.register("keys_lent", "Keys lent to services; each read is on disk", lent.clone());
        let refused = Family::<Labels<1>, Counter>::default();
        registry.register("keys_refused", "Keys that services asked for and did not get, by reason", refused.clone());
        let calls = Family::<Labels<1>, Counter>::default();
        for outcome in CALLS {
            drop(calls.get_or_create(&[("outcome", outcome)]));
        }
        registry.register("store_calls", "Calls of services to stores, by outcome; each is on disk", calls.clone());
        let call_times = seconds();
        let help = "How long calls to stores took until the answer was passed on";
        registry.register("store_call_duration_seconds", help, call_times.clone());
        let lending_commits = seconds();
        let help = "How long commits of key reads took; services wait for them";
        registry.register("lending_commit_duration_seconds", help, lending_commits.clone());
        let lending_commit_reads = Histogram::new(READS);
        registry.register("lending_commit_reads", "How many key reads shared a commit", lending_commit_reads.clone());
        let help = "How long writes took, from taking the connection until they were on disk";
        registry.register("database_write_duration_seconds", help, db.write_times().clone());
        let attempts_begun = Counter::default();
        registry.register("attempts_begun", "Attempts to connect a store that were begun", attempts_begun.clone());
        let attempts = Family::<Labels<2>, Counter>::default();
        registry.register("attempts_ended", "Attempts that ended, by status and reason", attempts.clone());
        let checks = Family::<Labels<1>, Counter>::default();
        registry.register("checks", "Checks of connected stores, by verdict", checks.clone());
        let deliveries = Family::<Labels<1>, Counter>::default();
        for outcome in DELIVERIES {
            drop(deliveries.get_or_create(&[("outcome", outcome)]));
        }
        registry.register("webhook_deliveries", "Tries of webhook deliveries, by outcome", deliveries.clone());
        let delivery_times = seconds();
        let help = "How long webhooks took to answer";
        registry.register("webhook_delivery_duration_seconds", help, delivery_times.clone());
        Self(Arc::new(Parts {
            started: now,
            registry,
            requests,
            lent,
            refused,
            calls,
            call_times,
            lending_commits,
            lending_commit_reads,
            attempts_begun,
            attempts,
            checks,
            deliveries,
            delivery_times,
            database: Mutex::default(),
        }))
    }

    /// All of them, to be encoded.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    pub fn started(&self) -> Time {
        self.0.started
    }

    /// What was last read from the database, and when; `None` if it did not answer. The lock makes concurrent scrapes share one
    /// reading.
    pub fn of_database(&self) -> &Mutex<OfDatabase> {
        &self.0.database
    }

    /// Counts a request. `route` is the router's pattern, never a path.
    pub fn request(&self, route: &str, status: u16, took: Duration) {
        let answered = Answered { route: route.to_owned(), status };
        self.0.requests.get_or_create(&answered).observe(took.as_secs_f64());
    }

    /// Counts a commit of key reads and calls; `lent` of them are keys that were lent.
    pub fn lent(&self, reads: usize, lent: usize, took: Duration) {
        let reads = u32::try_from(reads).unwrap_or(u32::MAX);
        self.0.lent.inc_by(u64::try_from(lent).unwrap_or(u64::MAX));
        self.0.lending_commits.observe(took.as_secs_f64());
        self.0.lending_commit_reads.observe(reads.into());
    }

    /// Counts a key that was not lent.
    pub fn refused(&self, reason: &'static str) {
        self.0.refused.get_or_create(&[("reason", reason)]).inc();
    }

    /// Counts a call to a store: `answered`, `refused`, `rate_limited`, `redirected`, `relearned` or `unanswered`.
    pub fn call(&self, outcome: &'static str, took: Duration) {
        self.0.calls.get_or_create(&[("outcome", outcome)]).inc();
        self.0.call_times.observe(took.as_secs_f64());
    }

    pub fn attempt_begun(&self) {
        self.0.attempts_begun.inc();
    }

    pub fn attempt_ended(&self, status: Status, reason: Option<Verdict>) {
        let reason = reason.map_or("", Verdict::code);
        self.0.attempts.get_or_create(&[("status", status.as_str()), ("reason", reason)]).inc();
    }

    pub fn check(&self, verdict: Verdict) {
        self.0.checks.get_or_create(&[("verdict", verdict.code())]).inc();
    }

    /// Counts a try of a delivery: one of `delivered`, `retried`, `failed` and `turned_off`.
    pub fn delivery(&self, outcome: &'static str, took: Duration) {
        self.0.deliveries.get_or_create(&[("outcome", outcome)]).inc();
        self.0.delivery_times.observe(took.as_secs_f64());
    }
}
