//! The page of one attempt, where an operator confirms or rejects a quarantined approval.

use askama::Template;
use axum::Router;
use axum::routing::{get, post};

use super::guard::{Id, Posted, SignedIn, unknown};
use super::labels;
use super::show::{Done, Notice, Section, Shell};
use crate::app::App;
use crate::domain::{Attempt, AttemptId, AuthMethod, Confirm, Kind, Status, Time, Verdict};
use crate::flow::connecting::approvals::{self, Decided};
use crate::flow::connecting::brand;
use crate::flow::connecting::disconnect::{keys_url, revoke_url};
use crate::flow::dashboard::history::{self, Came, OfAttempt, State as Stands};
use crate::web::failure::Failure;
use crate::web::page::Page;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/attempts/{id}", get(look))
        .route("/admin/attempts/{id}/confirm", post(confirm))
        .route("/admin/attempts/{id}/reject", post(reject))
}

async fn look(who: SignedIn, Id(id): Id<AttemptId>) -> Result<Page<AttemptPage>, Failure> {
    let whole = history::of_attempt(&who.app, &id).await?.ok_or_else(unknown::<AttemptId>)?;
    let app_name = brand::current(&who.app).await?.app_name.to_string();
    Ok(Page(AttemptPage { shell: who.shell(Section::Stores), app_name, whole }))
}

async fn confirm(Id(id): Id<AttemptId>, Posted { who, fields }: Posted) -> Result<Done, Failure> {
    // What the operator saw when they decided.
    let elsewhere = fields.get("elsewhere") == Some("yes");
    let decided = approvals::confirm(&who.app, &id, elsewhere, &who.actor).await?;
    after(&id, decided, Notice::Confirmed)
}

async fn reject(Id(id): Id<AttemptId>, Posted { who, .. }: Posted) -> Result<Done, Failure> {
    let decided = approvals::reject(&who.app, &id, &who.actor).await?;
    after(&id, decided, Notice::Rejected)
}

fn after(id: &AttemptId, decided: Option<Decided>, notice: Notice) -> Result<Done, Failure> {
    let refused = |code, says| Err(Failure::conflict(code, says));
    match decided.ok_or_else(unknown::<AttemptId>)? {
        Decided::Done => Ok(Done::to(&format!("/admin/attempts/{id}"), notice)),
        Decided::OnlyTheApplication => refused(
            "only_the_application",
            "Only the application can confirm this approval, because only the application knows which of its users is signed in. You can reject the approval.",
        ),
        Decided::Changed => refused(
            "changed",
            "Nothing was done: the approval has changed since you opened its page. Go back, reload the page, and decide again.",
        ),
    }
}

#[derive(Template)]
#[template(path = "admin/attempt.html")]
pub struct AttemptPage {
    shell: Shell,
    app_name: String,
    whole: OfAttempt,
}

struct Step {
    at: Time,
    what: &'static str,
    who: String,
    from: Option<String>,
    note: Option<String>,
}

impl AttemptPage {
    fn attempt(&self) -> &Attempt {
        &self.whole.approval.attempt
    }

    fn badge(&self) -> (&'static str, &'static str) {
        match (self.attempt().is_held(), self.attempt().status_at(self.shell.now)) {
            (true, _) => ("warn", "Waiting for confirmation"),
            (false, status) => labels::attempt(status),
        }
    }

    fn by_app(&self) -> bool {
        self.attempt().confirm == Confirm::App
    }

    /// The account to which the approval would connect the store.
    fn account(&self) -> String {
        let attempt = self.attempt();
        match &attempt.account_label {
            Some(label) => format!("{label} ({})", attempt.user_id),
            None => attempt.user_id.to_string(),
        }
    }

    fn maker(&self) -> &str {
        let approval = &self.whole.approval;
        approval.made_by.as_deref().map_or("nobody (the open page)", |by| labels::who(by, approval.maker.as_deref()))
    }

    /// Why it ended, or a remark.
    fn outcome(&self) -> Option<String> {
        if self.whole.happened.iter().any(|event| event.kind == Kind::AttemptRejected) {
            return Some(
                "An operator rejected this approval, and its key was wiped. The key may still exist at the store: the merchant can revoke it on the page linked below."
                    .to_owned(),
            );
        }
        self.attempt().reason.map(|reason| labels::check_result(&reason, self.attempt().home.shown()))
    }

    /// The preflight's result, and what followed.
    fn preflight(&self) -> String {
        let is = |kind| move |event: &&history::Happened| event.kind == kind;
        let found = match self.whole.happened.iter().find(is(Kind::AttemptBegun)) {
            Some(begun) => begun.reason,
            // Nothing is recorded: so far, an attempt from the open page without a result.
            None => self.attempt().reason.filter(|_| self.attempt().status == Status::Failed),
        };
        let home = self.attempt().home.shown();
        match (found, self.attempt().reason) {
            (None, _) => "No problems were found.".to_owned(),
            (Some(found), Some(reason)) if found == reason && self.whole.came.is_empty() => {
                format!("Stopped the attempt. {}", found.says(home))
            }
            (Some(found), _) => format!("Gave a warning; the merchant continued. {}", found.says(home)),
        }
    }

    /// The attempt's history, in order.
    fn steps(&self) -> Vec<Step> {
        let home = self.attempt().home.shown();
        let of_event = |event: &history::Happened| Step {
            at: event.at,
            what: event.kind.in_words(),
            who: labels::who(&event.actor, event.name.as_deref()).to_owned(),
            from: event.came_from.clone(),
            // The preflight's result is shown separately, and a rejection needs no note.
            note: event
                .reason
                .filter(|_| !matches!(event.kind, Kind::AttemptBegun | Kind::AttemptRejected))
                .map(|reason| labels::check_result(&reason, home)),
        };
        let mut steps: Vec<Step> = self.whole.happened.iter().map(of_event).collect();
        steps.extend(self.attempt().returned_at.map(|at| Step {
            at,
            what: "Approval came back in the browser that started it",
            who: labels::who("merchant", None).to_owned(),
            from: None,
            note: None,
        }));
        steps.sort_by_key(|step| step.at);
        steps
    }

    fn keys_url(&self) -> String {
        keys_url(&self.attempt().home)
    }

    fn revoke_url(&self, came: &Came) -> String {
        revoke_url(&self.attempt().home, came.auth_method.unwrap_or(AuthMethod::Basic), came.woo_key_id)
    }

    /// The state of a received key: the badge's class and text.
    fn worth(&self, came: &Came) -> (&'static str, &'static str) {
        match came.state {
            Stands::Waiting if came.tries == 0 => ("quiet", "Not tested yet"),
            Stands::Waiting => ("quiet", "Being tested"),
            Stands::Proven if self.attempt().store_id.is_some() => ("good", "In use"),
            Stands::Proven => ("good", "Works"),
            Stands::Rejected => ("bad", "Wiped"),
            Stands::Surplus => ("warn", "Not needed"),
        }
    }

    /// Whether the merchant should remove a received key: it is not stored here, but the store may still have it.
    fn is_left_over(came: &Came) -> bool {
        came.woo_key_id > 0
            && matches!(came.state, Stands::Surplus | Stands::Rejected)
            && came.verdict != Some(Verdict::KeyRejected)
    }
}
