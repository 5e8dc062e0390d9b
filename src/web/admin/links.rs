//! Links: list, create, show once, withdraw.

mod form;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use self::form::LinkForm;
use super::activity::who_in_words;
use super::guard::{Posted, SignedIn};
use super::qr::Qr;
use super::show::{Done, Notice, Section, Shell};
use crate::app::App;
use crate::domain::attempt::Status;
use crate::domain::id::LinkId;
use crate::domain::link::{Link, LinkState};
use crate::domain::page::{Page as Rows, USUAL};
use crate::domain::scope::Scope;
use crate::domain::time::Time;
use crate::domain::verdict::Verdict;
use crate::flow::connecting::links::{self, Filter, Listed};
use crate::web::failure::Failure;
use crate::web::form::Fields;
use crate::web::page::Page;

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
    user_id: String,
    user_wrong: Option<&'static str>,
    rows: Vec<Listed>,
    /// The address of the first page; `None` on the first page.
    newest: Option<String>,
    older: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/link_new.html")]
struct NewPage {
    shell: Shell,
    form: LinkForm,
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

async fn list(State(app): State<App>, who: SignedIn, parts: Parts) -> Result<Response, Failure> {
    let fields = Fields::of_query(parts.uri.query())?;
    let state = fields.get("state").and_then(LinkState::from_text);
    let user_id = fields.get("user_id").unwrap_or_default().trim().to_owned();
    let before: Option<LinkId> = fields.get("before").and_then(|id| id.parse().ok());
    let (newest, href) = (before.is_some(), |before: Option<&str>| href(state, &user_id, before));
    let user = if user_id.is_empty() { Ok(None) } else { user_id.parse().map(Some) };
    let (page, user_wrong) = if let Ok(user_id) = user {
        (links::list(&app, &Filter { state, user_id, before }, USUAL).await?, None)
    } else {
        let says = "A user_id must be 1 to 128 visible characters, without spaces.";
        (Rows { rows: Vec::new(), next: None }, Some(says))
    };
    let status = if user_wrong.is_none() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = LinksPage {
        shell: Shell::new(&app, &who, Section::Links),
        newest: newest.then(|| href(None)),
        older: page.next.map(|next| href(Some(&next))),
        rows: page.rows,
        state,
        user_wrong,
        user_id,
    };
    Ok((status, Page(page)).into_response())
}

/// The list with these filters, continuing after this link.
fn href(state: Option<LinkState>, user_id: &str, before: Option<&str>) -> String {
    let pairs = [("state", state.map(LinkState::as_str)), ("user_id", Some(user_id)), ("before", before)];
    let pairs: Vec<_> =
        pairs.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?))).collect();
    format!("/admin/links?{}", serde_urlencoded::to_string(pairs).unwrap_or_default())
}

async fn offer(State(app): State<App>, who: SignedIn, parts: Parts) -> Result<Page<NewPage>, Failure> {
    let form = LinkForm::blank(&app, &Fields::of_query(parts.uri.query())?);
    Ok(Page(new_page(&app, &who, form)))
}

async fn make(State(app): State<App>, Posted { who, fields }: Posted) -> Result<Response, Failure> {
    let form = LinkForm::of(&fields);
    let again = |form| {
        let page = Page(new_page(&app, &who, form));
        Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
    };
    let (form, new) = match form.read(&app) {
        Ok(wished) => wished,
        Err(form) => return again(*form),
    };
    let (link, address) = match links::make(&app, new, &who.actor).await {
        Ok(made) => made,
        Err(links::Error::Beneath(beneath)) => return Err(beneath.into()),
        Err(error) => return again(form.refused(&error)),
    };
    let shell = Shell::new(&app, &who, Section::Links);
    let address = address.expose().to_owned();
    Ok(Page(MadePage { shell, link, picture: Qr::of(&address), address }).into_response())
}

fn new_page(app: &App, who: &SignedIn, form: LinkForm) -> NewPage {
    NewPage { shell: Shell::new(app, who, Section::Links), form, returns: app.site.return_origins.clone() }
}

async fn ask_withdraw(
    State(app): State<App>,
    Path(id): Path<String>,
    who: SignedIn,
) -> Result<Page<WithdrawPage>, Failure> {
    let (link, attempt) = links::look(&app, &read_id(&id)?).await?.ok_or_else(gone)?;
    if link.withdrawn_at.is_some() {
        return Err(withdrawn_before());
    }
    let attempt = attempt.map(|attempt| attempt.status_at(app.now()));
    Ok(Page(WithdrawPage { shell: Shell::new(&app, &who, Section::Links), link, attempt }))
}

async fn withdraw(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Result<Done, Failure> {
    let ended = links::withdraw(&app, &read_id(&id)?, &posted.who.actor).await?;
    ended.map(|_| Done::to("/admin/links", Notice::LinkWithdrawn)).ok_or_else(withdrawn_before)
}

fn read_id(id: &str) -> Result<LinkId, Failure> {
    id.parse().map_err(|_| gone())
}

fn gone() -> Failure {
    Failure::not_found("There is no such link. The list of links shows all links.")
}

fn withdrawn_before() -> Failure {
    Failure::new(
        StatusCode::CONFLICT,
        "withdrawn_before",
        "This link was already withdrawn. There is nothing left to do.",
    )
}

/// An attempt's badge: class and text.
const fn attempt_badge(status: Status) -> (&'static str, &'static str) {
    match status {
        Status::Open => ("", "Waiting for approval"),
        Status::Received | Status::Proving => ("", "Testing the key"),
        Status::AwaitingConfirmation => ("warn", "Waiting for confirmation"),
        Status::Connected => ("good", "Connected"),
        Status::Denied => ("bad", "Denied"),
        Status::Failed => ("bad", "Failed"),
        Status::Expired => ("quiet", "Expired"),
    }
}

impl LinksPage {
    /// A link's badge: class and text; for a used link, those of its newest attempt.
    fn badge(&self, row: &Listed) -> (&'static str, &'static str) {
        match (row.link.state_at(self.shell.now, row.attempt_id.is_some()), self.attempt(row)) {
            (LinkState::Withdrawn, _) => ("quiet", "Withdrawn"),
            (_, Some(status)) => attempt_badge(status),
            (LinkState::Open | LinkState::Used, None) => ("good", "Open"),
            (LinkState::Expired, None) => ("quiet", "Expired, not used"),
        }
    }

    /// The status of a link's newest attempt.
    fn attempt(&self, row: &Listed) -> Option<Status> {
        let is_late = row.attempt_expires_at.is_some_and(|end: Time| self.shell.now >= end);
        row.attempt_status.map(|status| if status == Status::Open && is_late { Status::Expired } else { status })
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

/// The scopes that a link may request, in display order.
const SCOPES: [Scope; 3] = [Scope::ReadWrite, Scope::Read, Scope::Write];

const fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "Read",
        Scope::Write => "Write",
        Scope::ReadWrite => "Read and write",
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
