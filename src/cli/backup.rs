//! `cartkey backup` and `cartkey restore`: everything in one file, and back into an empty database.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal as _, Write};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::Usage;
use super::progress::{Progress, grouped};
use crate::app::App;
use crate::config::Config;
use crate::flow::transfer::{backup, restore, seals};
use crate::serve;
use crate::storage::{Db, Making};

#[derive(Debug, Args)]
pub(super) struct BackupArguments {
    /// The folder to write the backup into; `-` writes it to standard output.
    to: PathBuf,
    /// Then delete all but the newest N complete backups in the folder.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Include the key ring in the backup. Anyone who has that file can open every key in it.
    #[arg(long)]
    with_key_ring: bool,
}

impl BackupArguments {
    /// Rejects arguments that do not fit together, before anything is opened.
    pub(super) fn check(&self) -> Result<(), Usage> {
        let to_stream = self.to == Path::new("-");
        if to_stream && self.keep.is_some() {
            return Err(Usage("--keep needs a folder".to_owned()));
        }
        if to_stream && io::stdout().is_terminal() {
            let says =
                "a backup cannot go to a terminal: name a folder, or use a pipe (cartkey backup - | age -r … > FILE)";
            return Err(Usage(says.to_owned()));
        }
        Ok(())
    }
}

/// Writes a backup; prints the path of its file.
pub(super) async fn back_up(app: &App, asked: BackupArguments, out: &mut impl Write) -> anyhow::Result<()> {
    let ring = if asked.with_key_ring {
        writeln!(
            io::stderr(),
            "warning: this backup contains the key ring, so anyone who has it can open every key in it: encrypt it, and keep it as safe as the ring"
        )?;
        Some(backup::ring(app).await?)
    } else {
        None
    };
    let mut bar = Progress::new(0);
    let tell = move |written, total| bar.rows(written, total);
    let written = if asked.to == Path::new("-") {
        backup::to_stream(app, ring, BufWriter::new(File::from(standard_output()?)), tell).await?
    } else {
        backup::to_folder(app, &asked.to, ring, asked.keep, tell).await?
    };
    if let Some(path) = &written.path {
        writeln!(out, "{}", path.display())?;
    }
    for path in &written.deleted {
        writeln!(io::stderr(), "deleted {}", path.display())?;
    }
    let rows: u64 = written.sums.iter().map(|sum| sum.rows).sum();
    let ring = if asked.with_key_ring { "" } else { "; the key ring is not in it: back it up separately" };
    writeln!(io::stderr(), "{} tables, {} rows{ring}", written.sums.len(), grouped(rows))?;
    Ok(())
}

/// A second handle to standard output, for another thread: this one holds the lock.
fn standard_output() -> io::Result<OwnedFd> {
    io::stdout().as_fd().try_clone_to_owned()
}

/// Restores a backup into the database of the configuration, and opens every sealed value there.
pub(super) async fn restore(config: &Config, from: &Path, out: &mut impl Write) -> anyhow::Result<()> {
    let input: Box<dyn BufRead + Send> = if from == Path::new("-") {
        if io::stdin().is_terminal() {
            return Err(Usage("pipe a backup to standard input, or name its file".to_owned()).into());
        }
        Box::new(BufReader::new(io::stdin()))
    } else {
        let file = File::open(from).with_context(|| format!("cannot open {}", from.display()))?;
        Box::new(BufReader::new(file))
    };
    let backup = restore::open(input, &config.master_key).await?;
    writeln!(io::stderr(), "restoring a backup {}", restore::about(&backup.head))?;
    let target =
        Db::open_with(config.database_url.expose(), &serve::postgres_settings(config), Making::Allowed).await?;
    let mut bar = Progress::new(0);
    let sums = restore::into(backup, &target, |written, total| bar.rows(written, total)).await;
    drop(bar);
    target.close().await;
    let sums = sums?;
    for sum in &sums {
        writeln!(out, "{:<14} {:>12}  {}", sum.table, grouped(sum.rows), sum.sha256)?;
    }
    let app = serve::open(config).await.context("everything was restored, but")?;
    let opened = seals::open(&app, None).await;
    app.db.close().await;
    let opened = opened?;
    let rows: u64 = sums.iter().map(|sum| sum.rows).sum();
    writeln!(
        out,
        "restored: {} tables, {} rows; the key ring opens {} sealed values",
        sums.len(),
        grouped(rows),
        grouped(opened.opened)
    )?;
    writeln!(
        io::stderr(),
        "next: start the service; operators must sign in again. Anything revoked after the backup works again: tokens, operators, links and webhooks"
    )?;
    let shut: usize = opened.shut.iter().map(|shut| shut.whose.len()).sum();
    if shut > 0 {
        bail!(
            "{shut} sealed values cannot be opened, and could not be when the backup was made: “cartkey doctor --deep” lists them"
        );
    }
    Ok(())
}
