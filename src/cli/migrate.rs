//! `cartkey migrate-to`: copies a whole installation to another database.

use std::io::{self, BufRead as _, Write};

use anyhow::{Context as _, bail};

use super::Usage;
use super::progress::{Progress, grouped};
use crate::app::App;
use crate::config::Config;
use crate::domain::Secret;
use crate::flow::transfer::migrate::{self, Moved};
use crate::serve;
use crate::storage::{Db, Making};

/// Copies everything to the database at `url`; `-` reads the address from standard input, which keeps it out of the process list.
pub(super) async fn run(app: &App, url: &str, config: &Config, out: &mut impl Write) -> anyhow::Result<()> {
    let url = Secret::new(if url == "-" { first_line()? } else { url.to_owned() });
    if !["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.expose().starts_with(scheme)) {
        return Err(Usage("the target must begin with sqlite: or postgres://".to_owned()).into());
    }
    let settings = serve::postgres_settings(config);
    let target = Db::open_with(url.expose(), &settings, Making::Allowed).await.context("the target database")?;
    writeln!(
        io::stderr(),
        "copying {} to {}; changes made meanwhile are not copied, so the service must be stopped",
        app.db.version().await?,
        target.version().await?
    )?;
    let mut bar = Progress::new(0);
    let moved = migrate::to(app, &target, &config.master_key, |written, total| bar.rows(written, total)).await;
    drop(bar);
    target.close().await;
    report(&moved?, out)
}

fn report(moved: &Moved, out: &mut impl Write) -> anyhow::Result<()> {
    for sum in &moved.sums {
        writeln!(out, "{:<14} {:>12}  {}", sum.table, grouped(sum.rows), sum.sha256)?;
    }
    let rows: u64 = moved.sums.iter().map(|sum| sum.rows).sum();
    writeln!(
        out,
        "identical on both sides: {} tables, {} rows; the key ring opens {} keys in the target",
        moved.sums.len(),
        grouped(rows),
        grouped(moved.opened)
    )?;
    writeln!(
        io::stderr(),
        "next: set CARTKEY_DATABASE_URL to the target, leave CARTKEY_MASTER_KEY as it is, and start the service; keep the old database until you have seen it work"
    )?;
    if moved.broken > 0 {
        bail!("{} keys cannot be opened in either database: their merchants must connect again", grouped(moved.broken));
    }
    Ok(())
}

fn first_line() -> anyhow::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("cannot read standard input")?;
    Ok(line.trim().to_owned())
}
