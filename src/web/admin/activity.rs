//! The activity page: what happened and which keys were read, filtered; its export; how long reads are kept.

mod asked;
mod export;
mod row;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use self::asked::{Asked, Wrong};
use self::row::Row;
pub(super) use self::row::who as who_in_words;
use super::guard::{Posted, SignedIn};
use super::show::{Done, Notice, Section, Shell};
use crate::app::App;
use crate::domain::activity::{Group, Keep, Position};
use crate::domain::page::{Page as Rows, USUAL};
use crate::domain::time::Time;
use crate::flow::{activity, operators, retention, tokens};
use crate::web::failure::Failure;
use crate::web::form::Fields;
use crate::web::page::Page;
use crate::web::stream::streamed;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/activity", get(list))
        .route("/admin/activity.ndjson", get(export))
        .route("/admin/activity/retention", post(keep))
}

/// Who may be chosen in the filter: the value, and what they are called.
type Who = (String, String);

/// The list with its filters.
#[derive(Template)]
#[template(path = "admin/activity.html")]
struct ActivityPage {
    shell: Shell,
    asked: Asked,
    wrong: Vec<Wrong>,
    roles: Vec<Who>,
    operators: Vec<Who>,
    tokens: Vec<Who>,
    rows: Vec<Row>,
    /// The first page, unless this is it.
    newest: Option<String>,
    older: Option<String>,
    export: String,
    keep: Keep,
}

impl ActivityPage {
    /// What is wrong with the filter of this name.
    fn wrong(&self, name: &str) -> Option<&'static str> {
        self.wrong.iter().find(|(field, _)| *field == name).map(|(_, says)| *says)
    }
}

/// Asks before anything is deleted.
#[derive(Template)]
#[template(path = "admin/activity_keep.html")]
struct KeepPage {
    shell: Shell,
    keep: Keep,
    before: Time,
}

async fn list(State(app): State<App>, who: SignedIn, parts: Parts) -> Result<Response, Failure> {
    let fields = Fields::of_query(parts.uri.query())?;
    let (asked, position) = (Asked::of(&fields), asked::position(&fields));
    let (page, wrong) = match asked.filter() {
        Ok(filter) => (activity::list(&app, &filter, &position, USUAL).await?, Vec::new()),
        Err(wrong) => (Rows { rows: Vec::new(), next: None }, wrong),
    };
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let path = Section::Activity.href();
    let [roles, operators, tokens] = choices(&app, &asked.who).await?;
    let page = ActivityPage {
        shell: Shell::new(&app, &who, Section::Activity),
        rows: page.rows.iter().map(Row::of).collect(),
        newest: (position != Position::newest()).then(|| asked.href(path, None)),
        older: page.next.map(|next| asked.href(path, Some(&next))),
        export: asked.href("/admin/activity.ndjson", None),
        keep: retention::kept(&app).await?,
        asked,
        wrong,
        roles,
        operators,
        tokens,
    };
    Ok((status, Page(page)).into_response())
}

/// Roles, operators and tokens that the filter offers; also the one that was chosen, if nobody knows it any more.
async fn choices(app: &App, chosen: &str) -> Result<[Vec<Who>; 3], Failure> {
    let mut roles: Vec<Who> =
        ["merchant", "store", "cli", "cartkey"].map(|role| (role.to_owned(), row::who(role, None))).into();
    let operators: Vec<Who> =
        operators::all(app).await?.iter().map(|one| (one.id.to_string(), one.name.to_string())).collect();
    let is_offered =
        |token: &&crate::domain::token::ServiceToken| token.works_at(app.now()) || token.id.as_str() == chosen;
    let all = tokens::all(app).await?;
    let tokens: Vec<Who> =
        all.iter().filter(is_offered).map(|token| (token.id.to_string(), token.name.clone())).collect();
    if !chosen.is_empty() && ![&roles, &operators, &tokens].iter().any(|list| list.iter().any(|(id, _)| id == chosen)) {
        roles.push((chosen.to_owned(), row::who(chosen, None)));
    }
    Ok([roles, operators, tokens])
}

async fn export(State(app): State<App>, who: SignedIn, parts: Parts) -> Result<Response, Failure> {
    let filter = Asked::of(&Fields::of_query(parts.uri.query())?).filter_or_fail()?;
    // On record before the first line leaves, and therefore in the file too.
    activity::exported(&app, &who.actor).await?;
    let (pieces, body) = streamed();
    let name = format!("attachment; filename=\"activity-{}.ndjson\"", super::show::day(&app.now()));
    tokio::spawn(export::write(app, filter, Position::newest(), pieces));
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, body).into_response())
}

/// Keeping less deletes for good, so that is asked once more.
async fn keep(State(app): State<App>, Posted { who, fields }: Posted) -> Result<Response, Failure> {
    let wanted = fields.get("keep").and_then(|text| text.parse::<Keep>().ok());
    let keep = wanted.ok_or_else(|| Failure::invalid("keep", "Choose one of the offered times."))?;
    let is_shorter = keep.is_shorter_than(retention::kept(&app).await?);
    if let Some(before) = retention::before(&app, keep).filter(|_| is_shorter && fields.get("sure") != Some("yes")) {
        let shell = Shell::new(&app, &who, Section::Activity);
        return Ok(Page(KeepPage { shell, keep, before }).into_response());
    }
    retention::keep(&app, keep, &who.actor).await?;
    Ok(Done::to("/admin/activity", Notice::Saved).into_response())
}
