//! `cartkey import`, `cartkey export`: keys in and out as a file.

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
use crate::domain::actor::Actor;
use crate::flow::adopt::{self, Manner};
use crate::flow::export;
use crate::flow::import::file::File as Lines;
use crate::flow::import::{self, News, Pace, Tally};

/// The columns of both.
const HEADER: [&str; 5] = ["user_id", "store_url", "consumer_key", "consumer_secret", "scope"];

#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    /// The file, with the columns `user_id`, `store_url`, `consumer_key`, `consumer_secret` and, if you like, `scope`; `-`
    /// reads standard input.
    file: std::path::PathBuf,
    /// Stores that are asked at a time; never two at one host.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    at_once: u16,
    /// Stores that begin to be asked in a second, at most.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    per_second: u16,
    /// Check every line and try every key, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Takes over every store of the file. Lines that cannot be are told on standard error, and the rest go in.
pub(super) async fn import(app: &App, asked: ImportArguments, out: &mut impl Write) -> anyhow::Result<()> {
    let (input, length) = open(&asked.file)?;
    let mut bar = Progress::new(length);
    let lines = Lines::open(input, app.site.scope, app.site.reach)?;
    for name in &lines.unknown {
        bar.line(format_args!("the column {name} is not one of ours and is passed over"));
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
            News::Taken(adopted) => {
                if let Some(remark) = adopted.remark {
                    let says = adopt::says(remark, adopted.home.shown());
                    bar.line(format_args!("line {number}: it works; {says} ({})", remark.code()));
                }
            }
        }
        bar.at(end, format_args!("{} lines, {} refused", grouped(done), grouped(refused)));
    };
    let tally = import::run(app, lines, pace, &Actor::cli(), until_told(), tell).await?;
    drop(bar);
    writeln!(out, "{}", summary(&tally, asked.dry_run))?;
    match (tally.stopped, tally.refused) {
        (true, _) => bail!("stopped before the end of the file: run it again, and it goes on where it was"),
        (_, 0) => Ok(()),
        (_, 1) => bail!("1 line was refused: correct it and run the file again; what is in already is passed over"),
        (_, n) => {
            bail!(
                "{} lines were refused: correct them and run the file again; what is in already is passed over",
                grouped(n)
            )
        }
    }
}

fn summary(tally: &Tally, dry_run: bool) -> String {
    let (verb, nothing) = if dry_run { ("would be ", "; nothing was written") } else { ("", "") };
    format!(
        "{} {verb}connected, {} {verb}given another key, {} as before, {} refused{nothing}",
        grouped(tally.connected),
        grouped(tally.reconnected),
        grouped(tally.same),
        grouped(tally.refused),
    )
}

/// The file, and how long it is as far as that is known.
fn open(path: &Path) -> anyhow::Result<(Box<dyn BufRead>, u64)> {
    if path == Path::new("-") {
        return Ok((Box::new(BufReader::new(io::stdin())), u64::MAX));
    }
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("{shown} cannot be opened"))?;
    let about = file.metadata().with_context(|| format!("{shown} cannot be looked at"))?;
    if about.permissions().mode() & 0o077 != 0 {
        writeln!(
            io::stderr(),
            "warning: {shown} holds keys and can be read by others: chmod 600 {shown}, and delete it once all is in"
        )?;
    }
    Ok((Box::new(BufReader::new(file)), about.len()))
}

/// Becomes true at the first SIGINT or SIGTERM; a second one ends the process.
fn until_told() -> watch::Receiver<bool> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        let Ok(mut told) = crate::serve::Told::listen() else { return };
        told.wait().await;
        let _ = writeln!(io::stderr(), "\nstopping: finishing the stores that are being asked; once more ends at once");
        stop.send_replace(true);
        told.wait().await;
        std::process::exit(1);
    });
    stopped
}

/// Writes every key that is served. To a terminal only when that is asked for.
pub(super) async fn export(app: &App, with_secrets: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if io::stdout().is_terminal() && !with_secrets {
        let says = "this would print every secret on your terminal: write it to a file (umask 077; cartkey export > keys.csv), or say --with-secrets";
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
                    "{} ({}): its key does not open and is left out",
                    entry.store_id,
                    entry.home.shown()
                )?;
                lost += 1;
                continue;
            };
            let (key, secret) = (pair.consumer_key.expose(), pair.consumer_secret.expose());
            file.write_record([&*entry.user_id.in_a_file(), entry.home.as_str(), key, secret, entry.scope.as_str()])?;
            n += 1;
        }
    }
    file.flush()?;
    tracing::info!(stores = n, "exported keys with their secrets");
    if lost > 0 {
        bail!("{lost} keys do not open");
    }
    Ok(())
}

/// A file that others may read is told of before it holds secrets.
fn warn_of_readers() {
    let Ok(about) = fstat(io::stdout()) else { return };
    let is_file = FileType::from_raw_mode(about.st_mode) == FileType::RegularFile;
    if is_file && about.st_mode & 0o077 != 0 {
        let _ = writeln!(
            io::stderr(),
            "warning: the file that this is written to can be read by others: chmod 600, or umask 077 before"
        );
    }
}
