//! Whether stored data can be read: the database file, and the sealed values in it.

use super::{DATABASE, Depth, Finding, State};
use crate::app::App;
use crate::domain::Sealed;
use crate::flow::transfer::backup::{self, Standing};
use crate::flow::transfer::seals;
use crate::storage::diagnostics;

const BACKUPS: &str = "Backups";
const SEALS: &str = "Sealed values";
/// How many sealed values of each kind a sample opens.
const SAMPLE: usize = 1_000;
/// The most names listed in one finding.
const NAMES: usize = 10;

/// The largest file, in bytes, whose integrity is checked without `--deep`: that takes about a second.
const SMALL: u64 = 256 * 1024 * 1024;

/// Checks the integrity of the database.
pub(super) async fn damage(app: &App, depth: Depth) -> Option<Finding> {
    let deep = depth == Depth::Everything;
    if !deep
        && let Ok(Some(file)) = diagnostics::file(&app.db).await
        && std::fs::metadata(&file).is_ok_and(|about| about.len() > SMALL)
    {
        return None;
    }
    let (what, intact) = if app.db.is_postgres() {
        ("database", "PostgreSQL has found no damaged page")
    } else {
        ("database file", "the database file is intact")
    };
    let (state, says) = match diagnostics::damage(&app.db, deep).await {
        Ok(lines) if lines.is_empty() => match diagnostics::has_checksums(&app.db).await {
            Ok(Some(false)) => {
                let says = "the PostgreSQL server has no page checksums, so damage on its disk goes unnoticed: enable them with pg_checksums";
                (State::Warn, says.to_owned())
            }
            _ => (State::Fine, intact.to_owned()),
        },
        Ok(lines) => (State::Bad, format!("the {what} is damaged ({}): restore it from a backup", lines.join("; "))),
        Err(error) => (State::Bad, format!("the {what} is damaged or cannot be read: {}", root_of(&error))),
    };
    Some(Finding::new(DATABASE, state, says))
}

/// The root cause, in the database's own words.
fn root_of(error: &dyn std::error::Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}

/// Opens sealed values, a sample or all of them.
pub(super) async fn seals(app: &App, depth: Depth) -> Vec<Finding> {
    let at_most = (depth == Depth::Sample).then_some(SAMPLE);
    let Ok(opened) = seals::open(app, at_most).await else {
        return vec![Finding::new(SEALS, State::Bad, "sealed values cannot be read from the database")];
    };
    if opened.shut.is_empty() {
        let n = opened.opened;
        let says = match (n, opened.is_sample) {
            (0, _) => "nothing is sealed yet".to_owned(),
            (n, false) => format!("every sealed value can be opened (tested: {n})"),
            (n, true) => format!(
                "every sealed value in a sample of {n} can be opened; “cartkey doctor --deep” tests all of them"
            ),
        };
        return vec![Finding::new(SEALS, State::Fine, says)];
    }
    opened.shut.iter().map(shut).collect()
}

/// Whether scheduled backups are written.
pub(super) fn backups(app: &App) -> Option<Finding> {
    let (state, says) = match backup::standing(app)? {
        Standing::Fine(at) => (State::Fine, format!("the newest backup was made {at}")),
        Standing::Old(at) => {
            (State::Bad, format!("the newest backup is old (made {at}): check the worker “backups” and the log"))
        }
        Standing::None => (State::Warn, "there is no backup yet in CARTKEY_BACKUP_DIR".to_owned()),
        Standing::Failed(at, newest) => {
            let newest = newest.map_or_else(|| "there is none".to_owned(), |at| format!("the newest was made {at}"));
            (State::Bad, format!("a backup failed {at}, and {newest}: the log says why"))
        }
    };
    Some(Finding::new(BACKUPS, state, says))
}

/// The finding for values that do not open, with the remedy.
fn shut(shut: &seals::Shut) -> Finding {
    let helps = match shut.what {
        Sealed::Key => "restore the database from a backup, or have the merchant connect the store again",
        Sealed::Grant => "the merchant must start again",
        Sealed::Revocation => "Cartkey cannot check whether it is revoked; it will be wiped on schedule",
        Sealed::WebhookSecret => "rotate the secret of the webhook",
        Sealed::OldWebhookSecret => "end the old secret",
        Sealed::Answer => {
            "the request is not answered again under its Idempotency-Key; the copy is deleted after 24 hours"
        }
        Sealed::SecondFactor => "sign in with a recovery code and turn the second factor on again",
    };
    let named = shut.whose.iter().take(NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match shut.whose.len().saturating_sub(NAMES) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let says = format!("{} cannot be opened ({named}{more}): {helps}", shut.what.name());
    Finding::new(SEALS, State::Bad, says)
}
