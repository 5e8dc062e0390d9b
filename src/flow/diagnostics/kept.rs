//! Whether what is kept can be read: the database's file, and everything that is sealed in it.

use super::{DATABASE, Depth, Finding, State};
use crate::app::App;
use crate::domain::sealed::Sealed;
use crate::flow::seals;
use crate::storage::diagnostics;

const SEALS: &str = "Sealed values";
/// Sealed values of each kind that are opened unless all are.
const SAMPLE: usize = 1_000;
/// Names in one finding.
const NAMES: usize = 10;

/// Whether a database of one file is whole.
pub(super) async fn damage(app: &App) -> Option<Finding> {
    let says = match diagnostics::damage(&app.db).await {
        Ok(_) if app.db.is_postgres() => return None,
        Ok(lines) if lines.is_empty() => {
            return Some(Finding::new(DATABASE, State::Fine, "the database's file is whole"));
        }
        Ok(lines) => format!("the database's file is damaged: {}: restore it from a backup", lines.join("; ")),
        Err(error) => format!("the database's file cannot be read as a whole: {error}"),
    };
    Some(Finding::new(DATABASE, State::Bad, says))
}

/// Opens what is sealed.
pub(super) async fn seals(app: &App, depth: Depth) -> Vec<Finding> {
    let at_most = (depth == Depth::Sample).then_some(SAMPLE);
    let Ok(opened) = seals::open(app, at_most).await else {
        return vec![Finding::new(SEALS, State::Bad, "sealed values could not be read")];
    };
    if opened.shut.is_empty() {
        let n = opened.opened;
        let says = match (n, opened.is_sample) {
            (0, _) => "nothing is sealed yet".to_owned(),
            (n, false) => format!("every sealed value opens ({n})"),
            (n, true) => format!("the {n} sealed values that were tried open; “cartkey doctor --deep” tries all"),
        };
        return vec![Finding::new(SEALS, State::Fine, says)];
    }
    opened.shut.iter().map(shut).collect()
}

/// Names what does not open, and says what helps.
fn shut(shut: &seals::Shut) -> Finding {
    let helps = match shut.what {
        Sealed::Key => "restore the database from a backup, or have the merchant connect the store again",
        Sealed::Grant => "the merchant must begin again",
        Sealed::Parting => "nobody can be asked whether it is revoked; it is wiped in time",
        Sealed::WebhookSecret => "give the webhook a new secret",
        Sealed::OldWebhookSecret => "end the old secret",
        Sealed::SecondFactor => "sign in with a recovery code and turn the second factor on anew",
    };
    let named = shut.whose.iter().take(NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match shut.whose.len().saturating_sub(NAMES) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let says = format!("{} does not open: {named}{more}: {helps}", shut.what.name());
    Finding::new(SEALS, State::Bad, says)
}
