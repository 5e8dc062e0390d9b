//! Metrics as Prometheus reads them: what this process counted, and the state of its memory, its workers and the database.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::app::App;
use crate::domain::{Status, Time, Verdict};
use crate::files::{free_space, memory, open_files};
use crate::live::worker::{self, State};
use crate::storage::measures::{self, Measures, Queue};

/// How long what was read from the database is reported, however often it is asked for.
const FRESH_FOR: Duration = Duration::from_secs(5);
/// How long a scrape waits for the database; shorter than the surface's time limit.
const PATIENCE: Duration = Duration::from_secs(3);

/// The media type of [`text`].
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics, in the text format of `OpenMetrics`.
pub async fn text(app: &App) -> Result<String, fmt::Error> {
    let measures = measured(app).await;
    let mut now = Sheet(Registry::with_prefix("cartkey"));
    now.number(
        "database_up",
        "Whether the database answered; if not, what only it knows is left out",
        measures.is_some(),
    );
    if let Some(measures) = measures {
        now.database(app.now(), &measures);
    }
    now.live(app);
    now.workers(&app.workers.status());
    now.backups(app);
    let mut text = String::new();
    encode_registry(&mut text, app.metrics.registry())?;
    encode_registry(&mut text, &now.0)?;
    encode_registry(&mut text, &process(app).0)?;
    encode_eof(&mut text)?;
    Ok(text)
}

/// What the database knows, as of a moment ago. Scrapes at the same time wait for one reading.
async fn measured(app: &App) -> Option<Arc<Measures>> {
    let mut last = app.metrics.of_database().lock().await;
    let now = app.clock.instant();
    if let Some((at, measures)) = last.as_ref()
        && now.since(*at) < FRESH_FOR
    {
        return measures.clone();
    }
    let read = tokio::time::timeout(PATIENCE, measures::read(&app.db.patient(PATIENCE), app.now())).await;
    let measures = match read {
        Ok(Ok(found)) => Some(Arc::new(found)),
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "metrics could not be read from the database");
            None
        }
        Err(_) => None,
    };
    *last = Some((now, measures.clone()));
    measures
}

/// Values of this moment.
struct Sheet(Registry);

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// A number as metrics have it.
trait Number {
    fn float(self) -> f64;
}

impl Number for i64 {
    #[expect(clippy::cast_precision_loss, reason = "metrics are floats: exact up to 2⁵³")]
    fn float(self) -> f64 {
        self as f64
    }
}

impl Number for u64 {
    fn float(self) -> f64 {
        i64::try_from(self).unwrap_or(i64::MAX).float()
    }
}

impl Number for usize {
    fn float(self) -> f64 {
        i64::try_from(self).unwrap_or(i64::MAX).float()
    }
}

impl Number for u32 {
    fn float(self) -> f64 {
        self.into()
    }
}

impl Number for bool {
    fn float(self) -> f64 {
        u8::from(self).into()
    }
}

impl Number for Duration {
    fn float(self) -> f64 {
        self.as_secs_f64()
    }
}

/// Seconds since 1970, as timestamps are in metrics.
impl Number for Time {
    fn float(self) -> f64 {
        self.millis().float() / 1_000.0
    }
}

impl Sheet {
    fn number(&mut self, name: &str, help: &str, value: impl Number) {
        self.numbers(name, help, [([], value)]);
    }

    fn numbers<const N: usize, V: Number>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<N>, V)>,
    ) {
        let family = Family::<Labels<N>, Gauge<f64, AtomicU64>>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).set(value.float());
        }
        self.0.register(name, help, family);
    }

    /// A queue: its length, and for how long its first has waited.
    fn queue(&mut self, name: &str, what: &str, now: Time, queue: Queue) {
        self.number(name, &format!("{what}: how many; counted up to 100,000"), queue.waiting);
        let age = queue.oldest.map_or(Duration::ZERO, |oldest| now.since(oldest));
        self.number(&format!("{name}_age_seconds"), &format!("{what}: for how long the first has waited"), age);
    }

    /// The installation as a whole: every process reports the same.
    fn database(&mut self, now: Time, measures: &Measures) {
        let stores = measures.stores.iter();
        let stores = stores.map(|(status, reason, n)| {
            ([("status", status.as_str()), ("reason", reason.map_or("", Verdict::code))], *n)
        });
        self.numbers("stores", "Stores by status and reason", stores);
        let going = [Status::Open, Status::Received, Status::Proving, Status::AwaitingConfirmation];
        let attempts = going.map(|status| {
            let found = measures.attempts.iter().find(|(found, _)| *found == status);
            ([("status", status.as_str())], found.map_or(0, |(_, n)| *n))
        });
        self.numbers("attempts_going", "Attempts that have not ended, by status", attempts);
        let webhooks = ["on", "failing", "off"].map(|state| {
            let found = measures.webhooks.iter().find(|(found, _)| found == state);
            ([("state", state)], found.map_or(0, |(_, n)| *n))
        });
        self.numbers("webhooks", "Webhooks by state", webhooks);
        self.queue("keys_to_prove", "Received keys whose next try is due", now, measures.grants);
        self.queue("checks_due", "Stores whose check is due", now, measures.checks);
        self.queue("deliveries_waiting", "Webhook deliveries that have not ended", now, measures.deliveries);
        if let Some(checked) = measures.checked {
            self.number("last_check_timestamp_seconds", "When a store was last checked", checked);
        }
        let help = "Commits of key reads that are not indexed yet; counted up to 100,000";
        self.number("lending_journal_commits", help, measures.journal);
        self.0.register("events", "Events recorded so far", ConstCounter::new(measures.events));
        self.number(
            "database_size_bytes",
            "The size of the tables with their indexes, without SQLite's WAL",
            measures.size,
        );
        if let Some(file) = &measures.file {
            let wal = std::fs::metadata(file.with_extension(wal_of(file))).map_or(0, |wal| wal.len());
            self.number("database_wal_bytes", "The size of SQLite's WAL", wal);
            if let Some(free) = free_space(file) {
                self.number("database_disk_free_bytes", "Free space on the disk of the SQLite file", free);
            }
        }
    }

    /// What this process keeps in memory.
    fn live(&mut self, app: &App) {
        let help = "Whether a write failed and none has been durable since: not ready";
        self.number("database_writes_in_doubt", help, app.db.is_in_doubt());
        let connections = app.db.connections();
        let states = connections.iter().flat_map(|pool| {
            [("open", pool.open), ("busy", pool.busy), ("most", pool.most)]
                .map(|(state, n)| ([("pool", pool.name), ("state", state)], n))
        });
        self.numbers("database_connections", "Database connections: open, busy, and the most there may be", states);
        self.number("lending_queue", "Key reads that wait for their commit", app.lending.waiting());
        self.number("feed_waiting", "Requests that wait for events", app.feed.waiting());
        let free = app.outgoing.demanded.available_permits();
        let running = app.outgoing.demanded().saturating_sub(free);
        self.number("checks_on_demand", "Checks that a caller waits for", running);
    }

    fn workers(&mut self, workers: &[worker::Status]) {
        fn of(worker: &worker::Status) -> Labels<1> {
            [("worker", worker.plan.name)]
        }
        let up = workers.iter().map(|worker| (of(worker), worker.state != State::Down));
        self.numbers("worker_up", "Whether the worker is not down after a panic", up);
        let runs = workers.iter().filter_map(|worker| Some((of(worker), worker.last_run?)));
        let help = "When the worker last finished a pass without an error";
        self.numbers("worker_last_success_timestamp_seconds", help, runs);
        self.counters("worker_failures", "Passes that failed", workers.iter().map(|it| (of(it), it.faults)));
        self.counters("worker_panics", "Panics of the worker", workers.iter().map(|it| (of(it), it.panics)));
    }

    fn counters<const N: usize>(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (Labels<N>, u64)>) {
        let family = Family::<Labels<N>, Counter>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).inc_by(value);
        }
        self.0.register(name, help, family);
    }

    /// Only if backups are scheduled.
    fn backups(&mut self, app: &App) {
        let Some(schedule) = &app.backup else { return };
        let known = app.backups.known();
        self.number("backup_interval_seconds", "The interval between scheduled backups", schedule.every);
        self.number("backup_failed", "Whether the last scheduled backup failed", known.failed.is_some());
        if let Some(newest) = known.newest {
            self.number("backup_last_timestamp_seconds", "When the newest complete backup was begun", newest);
        }
    }
}

/// `cartkey.db` has its WAL beside it in `cartkey.db-wal`.
fn wal_of(file: &Path) -> OsString {
    let mut extension = file.extension().unwrap_or_default().to_owned();
    extension.push("-wal");
    extension
}

/// The process, under the names that every Prometheus client gives it.
fn process(app: &App) -> Sheet {
    let mut sheet = Sheet(Registry::default());
    sheet.0.register("cartkey_build", "The version", Info::new([("version", crate::VERSION)]));
    sheet.number("process_start_time_seconds", "When the process started", app.metrics.started());
    if let Some(memory) = memory() {
        sheet.number("process_resident_memory_bytes", "Resident memory", memory);
    }
    if let Some((open, most)) = open_files() {
        sheet.number("process_open_fds", "Open file descriptors", open);
        sheet.number("process_max_fds", "The most file descriptors there may be", most);
    }
    sheet
}
