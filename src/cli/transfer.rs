//! `cartkey import` and `cartkey export`: keys from and to a CSV file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal as _, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use rustix::fs::{FileType, fstat};
use tokio::sync::watch;

use super::Usage;
use super::progress::{Progress, grouped};
use crate::app::App;
use crate::domain::Actor;
use crate::flow::transfer::add_by_keys::{self, Manner};
use crate::flow::transfer::export;
use crate::flow::transfer::import::file::{Counts, File as Lines};
use crate::flow::transfer::import::{self, News, Pace, Tally};

/// The columns of both files.
const HEADER: [&str; 5] = ["user_id", "store_url", "consumer_key", "consumer_secret", "scope"];

#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    /// CSV file with the columns `user_id`, `store_url`, `consumer_key`, `consumer_secret` and, optionally, `scope`, as
    /// programs and spreadsheets write it; `-` reads standard input.
    file: std::path::PathBuf,
    /// How many stores to check at a time; never two on one host.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    at_once: u16,
    /// How many checks to start per second at most.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    per_second: u16,
    /// Check every line and test every key, but write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Imports every store of the file. Rejected lines are reported on stderr.
pub(super) async fn import(app: &App, asked: ImportArguments, out: &mut impl Write) -> anyhow::Result<()> {
    let (input, length) = open(&asked.file)?;
    let mut bar = Progress::new(length);
    let mut lines = Lines::open(input, app.site.scope, app.site.network)?;
    for name in &lines.unknown {
        bar.line(format_args!("ignoring the unknown column {name}"));
    }
    let pace = Pace {
        at_once: usize::from(asked.at_once),
        every: Duration::from_secs(1) / u32::from(asked.per_second),
        manner: if asked.dry_run { Manner::Tried } else { Manner::Imported },
    };
    let (mut done, mut refused) = (0, 0);
    let tell = |number: u64, end: u64, news: &News| {
        done += 1;
        match news {
            News::Refused(faults) => {
                refused += 1;
                bar.line(format_args!("line {number}: {}", faults.join("; ").replace(".; ", "; ")));
            }
            News::Taken(added) => {
                if let Some(remark) = added.remark {
                    let says = add_by_keys::says(remark, added.home.shown());
                    bar.line(format_args!("line {number}: it works; {says} ({})", remark.code()));
                }
            }
        }
        bar.at(end, format_args!("{} lines, {} rejected", grouped(done), grouped(refused)));
    };
    let tally = import::run(app, &mut lines, pace, &Actor::cli(), until_told(), tell).await?;
    drop(bar);
    let counts = lines.counts();
    writeln!(io::stderr(), "{}", account(&tally, &counts))?;
    writeln!(out, "{}", summary(&tally, &counts, asked.dry_run))?;
    if !tally.accounts_for(&counts) {
        bail!(
            "the results do not account for all {} rows in {} lines: not every row was imported or reported; this is a bug in Cartkey",
            grouped(counts.rows),
            grouped(counts.line_ends)
        );
    }
    match (tally.stopped, tally.refused) {
        (true, _) => bail!("stopped before the end of the file: run the command again to continue"),
        (_, 0) => Ok(()),
        (_, 1) => {
            bail!("1 line was rejected: correct it and run the command again; stores already imported are skipped")
        }
        (_, n) => {
            bail!(
                "{} lines were rejected: correct them and run the command again; stores already imported are skipped",
                grouped(n)
            )
        }
    }
}

/// What became of every row of the file.
fn account(tally: &Tally, counts: &Counts) -> String {
    let rows = counts.rows + counts.empty;
    let noun = if rows == 1 { "row" } else { "rows" };
    let (place, unstarted) = if tally.stopped {
        ("before the stop", format!(", {} not started", grouped(tally.unstarted)))
    } else {
        ("in the file", String::new())
    };
    format!(
        "{} {noun} {place}: {} read, {} rejected, {} empty and skipped{unstarted}",
        grouped(rows),
        grouped(tally.taken()),
        grouped(tally.refused),
        grouped(counts.empty),
    )
}

fn summary(tally: &Tally, counts: &Counts, dry_run: bool) -> String {
    let (verb, nothing) = if dry_run { ("would be ", "; nothing was written") } else { ("", "") };
    let skipped = match counts.empty {
        0 => String::new(),
        n => format!(", {} empty", grouped(n)),
    };
    format!(
        "{} {verb}connected, {} {verb}updated with a new key, {} unchanged, {} rejected{skipped}{nothing}",
        grouped(tally.connected),
        grouped(tally.reconnected),
        grouped(tally.same),
        grouped(tally.refused),
    )
}

/// Opens the file; also returns its length, if known.
fn open(path: &Path) -> anyhow::Result<(Box<dyn BufRead>, u64)> {
    if path == Path::new("-") {
        return Ok((Box::new(BufReader::new(io::stdin())), u64::MAX));
    }
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
    let about = file.metadata().with_context(|| format!("cannot read {shown}"))?;
    if about.permissions().mode() & 0o077 != 0 {
        writeln!(
            io::stderr(),
            "warning: {shown} contains keys and can be read by others: chmod 600 {shown}, and delete it after the import"
        )?;
    }
    Ok((Box::new(BufReader::new(file)), about.len()))
}

/// Becomes true at the first SIGINT or SIGTERM; a second one ends the process.
fn until_told() -> watch::Receiver<bool> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        let Ok(mut signals) = crate::serve::StopSignals::listen() else { return };
        signals.wait().await;
        let _ = writeln!(io::stderr(), "\nstopping: finishing the stores in progress; interrupt again to stop at once");
        stop.send_replace(true);
        signals.wait().await;
        std::process::exit(1);
    });
    stopped
}

/// Writes the key of every connected store; to a terminal only with `--with-secrets`.
pub(super) async fn export(app: &App, with_secrets: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if io::stdout().is_terminal() && !with_secrets {
        let says = "this would print every secret on your terminal: write it to a file (umask 077; cartkey export > keys.csv), or add --with-secrets";
        return Err(Usage(says.to_owned()).into());
    }
    warn_of_readers();
    let mut export = export::begin(app, &Actor::cli()).await?;
    let mut file = csv::Writer::from_writer(BufWriter::new(out));
    file.write_record(HEADER)?;
    let (mut n, mut lost) = (0, 0);
    loop {
        let entries = export.next().await?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            let Some(pair) = &entry.pair else {
                writeln!(
                    io::stderr(),
                    "{} ({}): left out, because its key cannot be opened",
                    entry.store_id,
                    entry.home.shown()
                )?;
                lost += 1;
                continue;
            };
            let (key, secret) = (pair.consumer_key.expose(), pair.consumer_secret.expose());
            file.write_record([&*entry.user_id.in_a_file(), entry.home.as_str(), key, secret, entry.granted.as_str()])?;
            n += 1;
        }
    }
    file.flush()?;
    tracing::info!(stores = n, "exported keys with their secrets");
    if lost > 0 {
        bail!("not every key was exported; keys that cannot be opened: {lost}");
    }
    Ok(())
}

/// Warns when standard output is a file that others can read.
fn warn_of_readers() {
    let Ok(about) = fstat(io::stdout()) else { return };
    let is_file = FileType::from_raw_mode(about.st_mode) == FileType::RegularFile;
    if is_file && about.st_mode & 0o077 != 0 {
        let _ = writeln!(
            io::stderr(),
            "warning: the output file can be read by others: chmod 600 it, or set umask 077 first"
        );
    }
}
