//! The overview: a headline, counts, what needs attention, the connection funnel, and key reads per day.

use askama::Template;
use axum::Router;
use axum::routing::get;

use super::chart::{Columns, HEIGHT, Rows, WIDTH, percent};
use super::guard::SignedIn;
use super::show::{Section, Shell, day};
use super::stores::{reason_name, thousands};
use crate::app::App;
use crate::domain::{Attempt, StoreStatus, Time, Verdict};
use crate::flow::dashboard::overview::{self, Counts, Funnel, Needy, Overview};
use crate::flow::transfer::backup::Standing;
use crate::web::failure::Failure;
use crate::web::page::Page;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/admin", get(look))
}

#[derive(Template)]
#[template(path = "admin/overview.html")]
struct OverviewPage {
    shell: Shell,
    /// The address of the service API.
    api: String,
    seen: Overview,
    stages: Vec<Stage>,
    ends: Vec<End>,
    days: Vec<(String, i64)>,
    columns: Columns,
}

struct Stage {
    name: &'static str,
    n: String,
    share: String,
    length: f64,
}

/// A reason why attempts failed, and how often.
struct End {
    name: String,
    n: String,
    share: String,
}

async fn look(who: SignedIn) -> Result<Page<OverviewPage>, Failure> {
    let seen = overview::look(&who.app).await?;
    let figures: Vec<i64> = seen.reads.iter().map(|day| day.reads).collect();
    Ok(Page(OverviewPage {
        shell: who.shell(Section::Overview),
        api: who.address.unwrap_or_else(|| who.app.site.public_url.clone()),
        stages: stages(&seen.funnel),
        ends: ends(&seen.funnel),
        days: seen.reads.iter().map(|each| (day(&Time::of_day(each.day)), each.reads)).collect(),
        columns: Columns::of(&figures),
        seen,
    }))
}

impl OverviewPage {
    fn headline(&self) -> String {
        headline(&self.seen.counts, self.seen.held.len(), self.seen.held_more, self.seen.untested.len())
    }

    /// The state of the check schedule; `None` if no store is checked.
    fn schedule(&self) -> Option<String> {
        super::labels::schedule(&self.seen.pulse, self.shell.now)
    }

    fn is_well(&self) -> bool {
        self.seen.counts.needy() == 0 && self.seen.held.is_empty() && self.seen.untested.is_empty()
    }

    /// Whether the first-run steps are shown: until they are done.
    fn is_first_run(&self) -> bool {
        self.seen.counts.all() == 0 || !self.seen.steps.are_done()
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates hand on references")]
    fn count(&self, status: &StoreStatus) -> String {
        let counts = &self.seen.counts;
        thousands(match status {
            StoreStatus::Connected => counts.connected,
            StoreStatus::Unauthorized => counts.unauthorized,
            StoreStatus::Unreachable => counts.unreachable,
            StoreStatus::Disconnected => counts.disconnected,
        })
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates hand on references")]
    fn n(n: &i64) -> String {
        thousands(*n)
    }

    fn today(&self) -> String {
        thousands(self.days.last().map_or(0, |(_, n)| *n))
    }

    fn reads(&self) -> String {
        thousands(self.days.iter().map(|(_, n)| n).sum())
    }

    /// The days with their figures, today first.
    fn table(&self) -> Vec<(&str, String)> {
        self.days.iter().rev().map(|(day, n)| (day.as_str(), thousands(*n))).collect()
    }

    fn first_day(&self) -> &str {
        self.days.first().map_or("", |(day, _)| day)
    }

    /// The chart's description for screen readers.
    fn reads_said(&self) -> String {
        let most = self.days.iter().max_by_key(|(_, n)| *n);
        match most {
            Some((day, n)) if *n > 0 => format!(
                "Key reads in 30 days: {0}. Most in one day: {1}, on {day}. Today: {2}.",
                self.reads(),
                thousands(*n),
                self.today()
            ),
            _ => "No key was read in the last 30 days.".to_owned(),
        }
    }

    fn funnel_said(&self) -> String {
        let said: Vec<String> =
            self.stages.iter().map(|stage| format!("{} {}", stage.n, stage.name.to_lowercase())).collect();
        format!("{}.", said.join(", "))
    }

    /// A store's problem, for people.
    fn why(needy: &Needy) -> String {
        super::labels::stands(&needy.store)
    }

    /// Whether reconnecting helps, rather than another check.
    fn is_for_reconnect(needy: &Needy) -> bool {
        let scope = matches!(needy.store.reason, Some(Verdict::ScopeNarrower | Verdict::ScopeWider));
        (needy.store.status == StoreStatus::Unauthorized && needy.store.reason != Some(Verdict::CloneSuspected))
            || scope
    }

    /// What prevented the last test of an approval's key.
    fn untested(attempt: &Attempt) -> String {
        attempt.reason.map(|reason| reason.says(attempt.home.shown())).unwrap_or_default()
    }

    /// Why an approval is waiting.
    fn waits(attempt: &Attempt) -> &'static str {
        if attempt.elsewhere_at.is_some() {
            "The approval came back in a different browser from the one that started it: someone must confirm that this was intended."
        } else {
            "Approved, but the browser that started it has not come back: someone must confirm that this was intended."
        }
    }
}

/// Summarises the state of all stores in one sentence.
fn headline(counts: &Counts, held: usize, held_more: bool, untested: usize) -> String {
    let live = counts.all() - counts.disconnected;
    let waiting = match (held, held_more) {
        (0, _) => None,
        (1, _) => Some("1 approval is waiting for confirmation".to_owned()),
        (n, more) => Some(format!("{n}{} approvals are waiting for confirmation", if more { "+" } else { "" })),
    };
    let stores = match (counts.needy(), live) {
        (0, 0) if counts.disconnected > 0 => "No store is connected anymore".to_owned(),
        (0, 0) => "No store is connected yet".to_owned(),
        (0, 1) => "Your store is working".to_owned(),
        (0, n) => format!("All {} stores are working", thousands(n)),
        (1, _) => "1 store needs attention".to_owned(),
        (n, _) => format!("{} stores need attention", thousands(n)),
    };
    let untested = match untested {
        0 => None,
        1 => Some("1 new key cannot be tested yet".to_owned()),
        n => Some(format!("{n} new keys cannot be tested yet")),
    };
    match (waiting, untested) {
        (None, None) => format!("{stores}."),
        (Some(waits), None) | (None, Some(waits)) => format!("{stores}, and {waits}."),
        (Some(waiting), Some(untested)) => format!("{stores}, {waiting}, and {untested}."),
    }
}

fn stages(funnel: &Funnel) -> Vec<Stage> {
    let figures = [("Started", funnel.begun), ("Key received", funnel.received), ("Connected", funnel.connected)];
    let rows = Rows::of(&figures.map(|(_, n)| n));
    let stage = |((name, n), length): ((&'static str, i64), f64)| {
        let share = if name == "Started" { String::new() } else { percent(n, funnel.begun) };
        Stage { name, n: thousands(n), share, length }
    };
    figures.into_iter().zip(rows.lengths).map(stage).collect()
}

/// How failed attempts ended; omits outcomes that did not occur.
fn ends(funnel: &Funnel) -> Vec<End> {
    let failed = |reason: Option<Verdict>| match reason {
        Some(reason) => format!("Failed: {}", reason_name(reason).to_lowercase()),
        None => "Failed".to_owned(),
    };
    let mut ends = vec![
        ("In progress".to_owned(), funnel.going),
        ("Denied by the merchant".to_owned(), funnel.denied),
        ("Expired: nobody approved in time".to_owned(), funnel.expired),
    ];
    ends.extend(funnel.failed.iter().map(|(reason, n)| (failed(*reason), *n)));
    let end = |(name, n): (String, i64)| End { name, n: thousands(n), share: percent(n, funnel.begun) };
    ends.into_iter().filter(|(_, n)| *n > 0).map(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(connected: i64, unauthorized: i64, unreachable: i64, disconnected: i64, remarked: i64) -> Counts {
        Counts { connected, unauthorized, unreachable, disconnected, remarked }
    }

    #[test]
    fn one_sentence_says_whether_all_is_well() {
        for (counts, held, says) in [
            (counts(0, 0, 0, 0, 0), 0, "No store is connected yet."),
            (counts(0, 0, 0, 3, 0), 0, "No store is connected anymore."),
            (counts(1, 0, 0, 0, 0), 0, "Your store is working."),
            (counts(1_204, 0, 0, 9, 0), 0, "All 1,204 stores are working."),
            (
                counts(1_204, 0, 0, 0, 0),
                2,
                "All 1,204 stores are working, and 2 approvals are waiting for confirmation.",
            ),
            (counts(10, 1, 0, 0, 0), 0, "1 store needs attention."),
            (counts(10, 1, 1, 5, 1), 1, "3 stores need attention, and 1 approval is waiting for confirmation."),
        ] {
            assert_eq!(headline(&counts, held, false, 0), says);
        }
        assert!(headline(&counts(2, 0, 0, 0, 0), 10, true, 0).ends_with("10+ approvals are waiting for confirmation."));
        assert_eq!(
            headline(&counts(2, 0, 0, 0, 0), 0, false, 1),
            "All 2 stores are working, and 1 new key cannot be tested yet."
        );
    }

    #[test]
    fn a_funnel_of_nothing_is_drawn_and_has_no_ends() {
        let stages = stages(&Funnel::default());
        assert!(stages.iter().all(|stage| stage.n == "0" && stage.length == 0.0 && stage.share.is_empty()));
        assert!(ends(&Funnel::default()).is_empty());
    }
}
