//! Logs: text or JSON, on standard error. Standard output is reserved for the output of commands.

use std::io;
use std::sync::OnceLock;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt, reload};

use crate::config::Log;

static FILTER: OnceLock<reload::Handle<Targets, Registry>> = OnceLock::new();

/// Starts logging. `main` calls it once; a second call has no effect.
pub fn start(log: &Log) {
    let (filter, handle) = reload::Layer::new(parsed(&log.filter));
    let _ = FILTER.set(handle);
    let lines = if log.json {
        fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_writer(io::stderr)
            .boxed()
    } else {
        fmt::layer().with_ansi(false).with_writer(io::stderr).boxed()
    };
    let lines = lines.with_filter(filter_fn(may_speak));
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}

/// Replaces the filter of the running log.
pub fn filter_by(filter: &str) {
    if let Some(handle) = FILTER.get() {
        let _ = handle.reload(parsed(filter));
    }
}

fn parsed(filter: &str) -> Targets {
    filter.parse().unwrap_or_else(|_| Targets::new().with_default(Level::INFO))
}

/// Below `info`, libraries log the data they handle, which may be secret. Only our own code may log there, whatever the
/// filter says.
fn may_speak(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("cartkey") || *metadata.level() <= Level::INFO
}
