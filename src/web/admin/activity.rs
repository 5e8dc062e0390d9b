//! The activity page: events and key reads with filters, their export, and how long reads are stored.

mod export;
mod query;
mod row;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use self::query::{ActivityQuery, Wrong};
use self::row::Row;
pub(super) use self::row::who as who_in_words;
use super::guard::{Posted, SignedIn};
use super::show::{Done, Notice, Section, Shell};
use crate::app::App;
use crate::domain::activity::{Group, Keep, Position};
use crate::domain::page::{Page as Rows, USUAL};
use crate::domain::time::Time;
use crate::flow::{dashboard::activity, lending::tokens, operators, retention};
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

/// A choice in the actor filter: its value and its name.
type Who = (String, String);

#[derive(Template)]
#[template(path = "admin/activity.html")]
struct ActivityPage {
    shell: Shell,
    query: ActivityQuery,
    wrong: Vec<Wrong>,
    roles: Vec<Who>,
    operators: Vec<Who>,
    tokens: Vec<Who>,
    rows: Vec<Row>,
    /// The address of the first page; `None` on the first page.
    newest: Option<String>,
    older: Option<String>,
    export: String,
    keep: Keep,
}

impl ActivityPage {
    /// The error of the filter with this name.
    fn wrong(&self, name: &str) -> Option<&'static str> {
        self.wrong.iter().find(|(field, _)| *field == name).map(|(_, says)| *says)
    }
}

/// Asks for confirmation before anything is deleted.
#[derive(Template)]
#[template(path = "admin/activity_keep.html")]
struct KeepPage {
    shell: Shell,
    keep: Keep,
    before: Time,
}

async fn list(State(app): State<App>, who: SignedIn, parts: Parts) -> Result<Response, Failure> {
    let fields = Fields::of_query(parts.uri.query())?;
    let (query, position) = (ActivityQuery::of(&fields), query::position(&fields));
    let (page, wrong) = match query.filter() {
        Ok(filter) => (activity::list(&app, &filter, &position, USUAL).await?, Vec::new()),
        Err(wrong) => (Rows { rows: Vec::new(), next: None }, wrong),
    };
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let path = Section::Activity.href();
    let [roles, operators, tokens] = choices(&app, &query.who).await?;
    let page = ActivityPage {
        shell: Shell::new(&app, &who, Section::Activity),
        rows: page.rows.iter().map(Row::of).collect(),
        newest: (position != Position::newest()).then(|| query.href(path, None)),
        older: page.next.map(|next| query.href(path, Some(&next))),
        export: query.href("/admin/activity.ndjson", None),
        keep: retention::kept(&app).await?,
        query,
        wrong,
        roles,
        operators,
        tokens,
    };
    Ok((status, Page(page)).into_response())
}

/// The roles, operators and tokens offered in the filter, and the chosen one even if it no longer exists.
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
    let filter = ActivityQuery::of(&Fields::of_query(parts.uri.query())?).filter_or_fail()?;
    // Recorded before the first line is sent, and therefore included in the file.
    activity::exported(&app, &who.actor).await?;
    let (pieces, body) = streamed();
    let name = format!("attachment; filename=\"activity-{}.ndjson\"", super::show::day(&app.now()));
    tokio::spawn(export::write(app, filter, Position::newest(), pieces));
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, body).into_response())
}

/// Shortening the retention deletes data permanently, so it asks for confirmation.
async fn keep(State(app): State<App>, Posted { who, fields }: Posted) -> Result<Response, Failure> {
    let wanted = fields.get("keep").and_then(|text| text.parse::<Keep>().ok());
    let keep = wanted.ok_or_else(|| Failure::invalid("keep", "Choose a time from the list."))?;
    let is_shorter = keep.is_shorter_than(retention::kept(&app).await?);
    if let Some(before) = retention::before(&app, keep).filter(|_| is_shorter && fields.get("sure") != Some("yes")) {
        let shell = Shell::new(&app, &who, Section::Activity);
        return Ok(Page(KeepPage { shell, keep, before }).into_response());
    }
    retention::keep(&app, keep, &who.actor).await?;
    Ok(Done::to("/admin/activity", Notice::Saved).into_response())
}
