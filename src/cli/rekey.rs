//! `cartkey rekey`: replaces the sealing key and re-seals everything.

use std::io::{self, Write};

use super::progress::{Progress, grouped};
use crate::app::App;
use crate::flow::transfer::rekey::{self, Rekeyed, Role, Step};

/// Rekeys, or resumes an interrupted rekey; prints which key seals and which lines can be removed.
pub(super) async fn run(app: &App, out: &mut impl Write) -> anyhow::Result<()> {
    let mut bar = Progress::new(0);
    let mut said = None;
    let tell = |step: Step| {
        let line = match &step {
            Step::Resealing { done, of } => {
                bar.of(*of);
                return bar.at(*done, format_args!("{} of {} values re-sealed", grouped(*done), grouped(*of)));
            }
            Step::Added { key } => format!("added the key {key} to the key ring: back up the ring now"),
            Step::Lacking { key, processes } => format!(
                "waiting: {processes} running process(es) do not have the key {key} yet. Add its line to their key ring; they read the file again within seconds. A process that has ended is forgotten after 3 minutes"
            ),
            Step::Seals { key } => format!("the key {key} seals from now on"),
            Step::Learning { processes } => {
                format!("waiting: {processes} running process(es) still seal with the former key")
            }
        };
        if said.as_ref() != Some(&step) {
            bar.line(line);
            said = Some(step);
        }
    };
    let rekeyed = rekey::run(app, tell).await?;
    drop(bar);
    report(&rekeyed, out)
}

fn report(rekeyed: &Rekeyed, out: &mut impl Write) -> anyhow::Result<()> {
    if rekeyed.resealed > 0 {
        writeln!(io::stderr(), "re-sealed {} values", grouped(rekeyed.resealed))?;
    }
    for (id, role) in &rekeyed.keys {
        let says = match role {
            Role::Seals => "seals".to_owned(),
            Role::Ready => "ready".to_owned(),
            Role::Unneeded => "no longer needed: remove its line from every key ring, then restart".to_owned(),
            Role::Needed(values) => format!(
                "still needed by {} sealed values that cannot be opened, and so cannot be re-sealed: keep its line; “cartkey doctor --deep” lists them",
                grouped(*values)
            ),
        };
        writeln!(out, "{id}\t{says}")?;
    }
    Ok(())
}
