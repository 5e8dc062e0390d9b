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
        fmt::layer().with_ansi(false).with_writer(|| OneLine(io::stderr())).boxed()
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

/// Writes each event as one line: what strangers send may contain line feeds and escape sequences, and error messages repeat it.
struct OneLine<W>(W);

impl<W: io::Write> io::Write for OneLine<W> {
    /// Writes one event, which the formatter hands over whole.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let is_harmless = |c: char| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}');
        let mut line = String::with_capacity(text.len());
        for c in text.trim_end_matches('\n').chars() {
            if is_harmless(c) { line.push(c) } else { line.extend(c.escape_default()) }
        }
        line.push('\n');
        self.0.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Below `info`, libraries log the data they handle, which may be secret. Only our own code may log there, whatever the
/// filter says.
fn may_speak(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("cartkey") || *metadata.level() <= Level::INFO
}
