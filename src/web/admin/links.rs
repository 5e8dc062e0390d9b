//! Links: list, create, show once, withdraw.

use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::activity::who_in_words;
use super::guard::{Id, Posted, SignedIn, unknown};
use super::labels::{self, SCOPES};
use super::qr::Qr;
use super::show::{Done, Notice, Section, Shell};
use crate::app::App;
use crate::domain::page::{Page as Rows, USUAL};
use crate::domain::{Confirm, Link, LinkId, LinkState, Network, Status, StoreUrl, UserId, Verdict};
use crate::flow::connecting::links::{self, Error, Filter, Listed, NewLink};
use crate::web::failure::Failure;
use crate::web::form::{A_TIME, Choice, Form, address};
use crate::web::page::{Page, Refused};

/// The lifetimes offered: the value, minutes, label.
const LIVES: [Choice<u64>; 6] = [
    ("30m", 30, "30 minutes"),
    ("4h", 4 * 60, "4 hours"),
    ("1d", 24 * 60, "1 day"),
    ("3d", 3 * 24 * 60, "3 days"),
    ("7d", 7 * 24 * 60, "7 days"),
    ("30d", 30 * 24 * 60, "30 days"),
];

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/links", get(list).post(make))
        .route("/admin/links/new", get(offer))
        .route("/admin/links/{id}/withdraw", get(ask_withdraw).post(withdraw))
}

#[derive(Template)]
#[template(path = "admin/links.html")]
struct LinksPage {
    shell: Shell,
    state: Option<LinkState>,
    /// The filter by merchant.
    form: Form,
    rows: Vec<Listed>,
    /// The address of the first page; `None` on the first page.
    newest: Option<String>,
    older: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/link_new.html")]
struct NewPage {
    shell: Shell,
    form: Form,
    /// The allowed return origins.
    returns: Vec<String>,
}

/// A link's address, shown once.
#[derive(Template)]
#[template(path = "admin/link_made.html")]
struct MadePage {
    shell: Shell,
    link: Link,
    address: String,
    picture: Option<Qr>,
}

/// Asks for confirmation before a link is withdrawn.
#[derive(Template)]
#[template(path = "admin/link_withdraw.html")]
struct WithdrawPage {
    shell: Shell,
    link: Link,
    /// The status of its newest attempt.
    attempt: Option<Status>,
}

async fn list(who: SignedIn) -> Result<Response, Failure> {
    let fields = &who.query;
    let state = fields.get("state").and_then(LinkState::from_text);
    let before: Option<LinkId> = fields.get("before").and_then(|id| id.parse().ok());
    let mut form = Form::filled([("user_id", fields.text("user_id").to_owned())]);
    let says = "A user_id must be 1 to 128 visible characters, without spaces.";
    let user_id = form.optional("user_id", |id| id.parse().map_err(|_| says));
    let is_first = before.is_none();
    let page = if form.is_wrong() {
        Rows { rows: Vec::new(), next: None }
    } else {
        links::list(&who.app, &Filter { state, user_id, before, ..Filter::default() }, USUAL).await?
    };
    let href = |before: Option<&str>| {
        let pairs = [("state", state.map(LinkState::as_str)), ("user_id", Some(form.value("user_id")))];
        address("/admin/links", pairs.into_iter().chain([("before", before)]))
    };
    let page = LinksPage {
        shell: who.shell(Section::Links),
        newest: (!is_first).then(|| href(None)),
        older: page.next.map(|next| href(Some(&next))),
        rows: page.rows,
        state,
        form,
    };
    Ok(if page.form.is_wrong() { Refused(page).into_response() } else { Page(page).into_response() })
}

async fn offer(who: SignedIn) -> Page<NewPage> {
    let form = Form::filled([
        ("user_id", who.query.text("user_id").to_owned()),
        ("store", who.query.text("store_url").to_owned()),
        ("scope", who.app.site.scope.to_string()),
        ("lives", "1d".to_owned()),
    ]);
    Page(new_page(&who, form))
}

async fn make(Posted { who, fields }: Posted) -> Result<Response, Failure> {
    let mut form = Form::of(fields);
    let Some(new) = new_link(&mut form, who.app.site.network) else {
        return Ok(Refused(new_page(&who, form)).into_response());
    };
    let (field, says) = match links::make(&who.app, new, &who.actor).await {
        Ok((link, address)) => {
            let address = address.expose().to_owned();
            let page = MadePage { shell: who.shell(Section::Links), link, picture: Qr::of(&address), address };
            return Ok(Page(page).into_response());
        }
        Err(Error::Beneath(beneath)) => return Err(beneath.into()),
        Err(Error::Label) => ("label", "Use 1 to 80 characters.".to_owned()),
        Err(Error::ReturnNotAllowed) => {
            ("return_url", "Use a web address whose origin is listed in CARTKEY_RETURN_ORIGINS.".to_owned())
        }
        Err(error) => ("user_id", format!("{error}.")),
    };
    Ok(Refused(new_page(&who, form.refused(field, says))).into_response())
}

/// Parses the form; records errors.
fn new_link(form: &mut Form, network: Network) -> Option<NewLink> {
    let user_id = form.read("user_id", user_id);
    let home = form.optional("store", |text| StoreUrl::typed(text, network));
    let scope = form.choose("scope", &SCOPES, "Choose the scope.");
    let lives = form.choose("lives", &LIVES, A_TIME);
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let (user_id, scope, lives) = (user_id?, scope?, lives?);
    (!form.is_wrong()).then(|| NewLink {
        user_id,
        account_label: some(form.value("label")),
        home,
        store_id: None,
        scope: Some(scope),
        return_url: some(form.value("return_url")),
        confirm: Confirm::Browser,
        lives: Some(Duration::from_mins(lives)),
    })
}

/// Parses a `user_id` that an operator types.
pub(super) fn user_id(text: &str) -> Result<UserId, &'static str> {
    let says = "Type your application’s ID for the merchant: 1 to 128 visible characters, without spaces.";
    text.parse().map_err(|_| says)
}

fn new_page(who: &SignedIn, form: Form) -> NewPage {
    NewPage { shell: who.shell(Section::Links), form, returns: who.app.site.return_origins.clone() }
}

async fn ask_withdraw(who: SignedIn, Id(id): Id<LinkId>) -> Result<Page<WithdrawPage>, Failure> {
    let (link, attempt) = links::look(&who.app, &id).await?.ok_or_else(unknown::<LinkId>)?;
    if link.withdrawn_at.is_some() {
        return Err(withdrawn_before());
    }
    let attempt = attempt.map(|attempt| attempt.status_at(who.app.now()));
    Ok(Page(WithdrawPage { shell: who.shell(Section::Links), link, attempt }))
}

async fn withdraw(Id(id): Id<LinkId>, Posted { who, .. }: Posted) -> Result<Done, Failure> {
    let ended = links::withdraw(&who.app, &id, &who.actor).await?;
    ended.map(|_| Done::to("/admin/links", Notice::LinkWithdrawn)).ok_or_else(withdrawn_before)
}

fn withdrawn_before() -> Failure {
    Failure::conflict("withdrawn_before", "This link was already withdrawn. There is nothing left to do.")
}

impl LinksPage {
    /// A link's badge: class and text; for a used link, those of its newest attempt.
    fn badge(&self, row: &Listed) -> (&'static str, &'static str) {
        match (row.link.state_at(self.shell.now, row.attempt_id.is_some()), self.attempt(row)) {
            (LinkState::Withdrawn, _) => ("quiet", "Withdrawn"),
            (_, Some(status)) => labels::attempt(status),
            (LinkState::Open | LinkState::Used, None) => ("good", "Open"),
            (LinkState::Expired, None) => ("quiet", "Expired, not used"),
        }
    }

    fn attempt(&self, row: &Listed) -> Option<Status> {
        row.attempt_status_at(self.shell.now)
    }

    /// Why the attempt failed, unless its status implies it.
    fn why(&self, row: &Listed) -> Option<String> {
        let is_told = matches!(self.attempt(row), Some(Status::Denied | Status::Expired));
        let reason = row.attempt_reason.filter(|reason| !is_told && *reason != Verdict::LinkWithdrawn)?;
        Some(reason.code().replace('_', " "))
    }

    /// Whether withdrawing has an effect: the link still opens, or an attempt is in progress.
    fn may_withdraw(&self, row: &Listed) -> bool {
        let on_the_way = self.attempt(row).is_some_and(|status| !status.is_ended());
        row.link.withdrawn_at.is_none() && (row.link.is_open_at(self.shell.now) || on_the_way)
    }

    fn maker(row: &Listed) -> String {
        who_in_words(&row.link.made_by, row.maker.as_deref())
    }
}

impl WithdrawPage {
    fn is_connected(&self) -> bool {
        self.attempt == Some(Status::Connected)
    }

    fn is_on_the_way(&self) -> bool {
        self.attempt.is_some_and(|status| !status.is_ended())
    }
}

const fn state_name(state: LinkState) -> &'static str {
    match state {
        LinkState::Open => "Open",
        LinkState::Used => "Used",
        LinkState::Expired => "Expired, not used",
        LinkState::Withdrawn => "Withdrawn",
    }
}
