//! The activity page: events and key reads with filters, their export, and how long reads are stored.

mod export;
mod query;
mod row;

use askama::Template;
use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use self::row::Row;
pub(super) use self::row::who as who_in_words;
use super::guard::{Posted, SignedIn};
use super::show::{Done, Notice, Section, Shell};
use crate::app::App;
use crate::domain::page::{Page as Rows, USUAL};
use crate::domain::{Group, Keep, Position, Time};
use crate::flow::{dashboard::activity, lending::tokens, operators, retention};
use crate::web::failure::Failure;
use crate::web::form::{A_TIME, Form};
use crate::web::page::{Page, Refused};
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
    form: Form,
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

/// Asks for confirmation before anything is deleted.
#[derive(Template)]
#[template(path = "admin/activity_keep.html")]
struct KeepPage {
    shell: Shell,
    keep: Keep,
    before: Time,
}

async fn list(mut who: SignedIn) -> Result<Response, Failure> {
    let position = query::position(&who.query);
    let mut form = Form::of(std::mem::take(&mut who.query));
    let filter = query::filter(&mut form);
    let page = if form.is_wrong() {
        Rows { rows: Vec::new(), next: None }
    } else {
        activity::list(&who.app, &filter, &position, USUAL).await?
    };
    let path = Section::Activity.href();
    let [roles, operators, tokens] = choices(&who.app, form.value("who")).await?;
    let page = ActivityPage {
        shell: who.shell(Section::Activity),
        rows: page.rows.iter().map(Row::of).collect(),
        newest: (position != Position::newest()).then(|| query::href(&form, path, None)),
        older: page.next.map(|next| query::href(&form, path, Some(&next))),
        export: query::href(&form, "/admin/activity.ndjson", None),
        keep: retention::kept(&who.app).await?,
        form,
        roles,
        operators,
        tokens,
    };
    Ok(if page.form.is_wrong() { Refused(page).into_response() } else { Page(page).into_response() })
}

/// The roles, operators and tokens offered in the filter, and the chosen one even if it no longer exists.
async fn choices(app: &App, chosen: &str) -> Result<[Vec<Who>; 3], Failure> {
    let mut roles: Vec<Who> =
        ["merchant", "store", "cli", "cartkey"].map(|role| (role.to_owned(), row::who(role, None))).into();
    let operators: Vec<Who> =
        operators::all(app).await?.iter().map(|one| (one.id.to_string(), one.name.to_string())).collect();
    let mut offered = tokens::working(app).await?;
    if let Ok(id) = chosen.parse()
        && offered.iter().all(|token| token.id != id)
    {
        offered.extend(tokens::find(app, &id).await?);
    }
    let tokens: Vec<Who> = offered.into_iter().map(|token| (token.id.to_string(), token.name)).collect();
    if !chosen.is_empty() && ![&roles, &operators, &tokens].iter().any(|list| list.iter().any(|(id, _)| id == chosen)) {
        roles.push((chosen.to_owned(), row::who(chosen, None)));
    }
    Ok([roles, operators, tokens])
}

async fn export(mut who: SignedIn) -> Result<Response, Failure> {
    let mut form = Form::of(std::mem::take(&mut who.query));
    let filter = query::filter(&mut form);
    if let Some((field, says)) = form.first_wrong() {
        return Err(Failure::invalid(field, says.to_owned()));
    }
    // Recorded before the first line is sent, and therefore included in the file.
    activity::exported(&who.app, &who.actor).await?;
    let (pieces, body) = streamed();
    let name = format!("attachment; filename=\"activity-{}.ndjson\"", super::show::day(&who.app.now()));
    tokio::spawn(export::write(who.app, filter, Position::newest(), pieces));
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, body).into_response())
}

/// Shortening the retention deletes data permanently, so it asks for confirmation.
async fn keep(Posted { who, fields }: Posted) -> Result<Response, Failure> {
    let wanted = fields.get("keep").and_then(|text| text.parse::<Keep>().ok());
    let keep = wanted.ok_or_else(|| Failure::invalid("keep", A_TIME))?;
    let is_shorter = keep.is_shorter_than(retention::kept(&who.app).await?);
    let before = retention::before(&who.app, keep);
    if let Some(before) = before.filter(|_| is_shorter && fields.get("sure") != Some("yes")) {
        return Ok(Page(KeepPage { shell: who.shell(Section::Activity), keep, before }).into_response());
    }
    retention::keep(&who.app, keep, &who.actor).await?;
    Ok(Done::to("/admin/activity", Notice::Saved).into_response())
}
