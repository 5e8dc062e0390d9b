//! Seals: checks that sealed values open, and re-seals those in an older layout or under a former ring key.

use std::collections::BTreeSet;

use crate::app::App;
use crate::domain::Sealed;
use crate::flow::Beneath;
use crate::storage::seals::{self, Row};
use crate::vault::Place;

/// Values read per batch and re-sealed per transaction.
const PAGE: i64 = 100;
/// Keys known as unreadable that are tried first.
const KNOWN: i64 = 100;

/// Sealed values that do not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shut {
    pub what: Sealed,
    /// Their owners: ids of stores, attempts, webhooks or tokens, or names of operators.
    pub whose: Vec<String>,
}

/// The result of [`open`].
#[derive(Debug, Default)]
pub struct Opened {
    pub opened: u64,
    /// The values that did not open, by kind.
    pub shut: Vec<Shut>,
    /// Whether some values were not tried.
    pub is_sample: bool,
}

/// Tries to open sealed values: all of them, or about `at_most` of each kind plus the keys known as unreadable.
pub async fn open(app: &App, at_most: Option<usize>) -> Result<Opened, Beneath> {
    let mut all = Opened::default();
    for what in Sealed::ALL {
        let (mut whose, mut looked, mut after) = (BTreeSet::new(), 0, String::new());
        let known = if what == Sealed::Key { seals::unreadable(&app.db, KNOWN).await? } else { Vec::new() };
        whose.extend(known.into_iter().filter(|row| !opens(app, what, row)).map(|row| row.whose));
        loop {
            let page = seals::all(&app.db, what, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            if at_most.is_some_and(|most| looked >= most) {
                all.is_sample = true;
                break;
            }
            after.clone_from(&last.id);
            looked += page.len();
            for row in page {
                if opens(app, what, &row) {
                    all.opened += 1;
                } else {
                    whose.insert(row.whose);
                }
            }
        }
        if !whose.is_empty() {
            all.shut.push(Shut { what, whose: whose.into_iter().collect() });
        }
    }
    Ok(all)
}

/// Re-seals up to `at_most` values that are in an older layout or under a former ring key; returns their number. Skips values that
/// were replaced meanwhile, and values that cannot be opened. Calls `tell` with the number so far.
pub async fn renew(app: &App, at_most: usize, mut tell: impl FnMut(usize)) -> Result<usize, Beneath> {
    let header = app.vault.current_header();
    let mut renewed = 0;
    for what in Sealed::ALL {
        let mut after = String::new();
        while renewed < at_most && !app.is_draining() {
            let page = seals::stale(&app.db, what, &header, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.id);
            let anew = page.into_iter().filter_map(|row| {
                let sealed = app.vault.reseal(&app.entropy, &place(what, &row), &row.sealed).ok()?;
                Some((row, sealed))
            });
            let anew: Vec<_> = anew.collect();
            renewed += usize::try_from(seals::replace(&app.db, what, &anew).await?).unwrap_or(0);
            tell(renewed);
        }
    }
    if renewed > 0 {
        tracing::info!(values = renewed, "re-sealed values");
    }
    Ok(renewed)
}

fn opens(app: &App, what: Sealed, row: &Row) -> bool {
    app.vault.open(&place(what, row), &row.sealed).is_ok()
}

fn place(what: Sealed, row: &Row) -> Place<'_> {
    Place::of(what, &row.id, &row.origin, &row.user_id)
}
