//! The set-up link: creates the first operator.

use askama::Template;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;

use super::sign_in::{begun_at, nobody};
use crate::app::App;
use crate::domain::operator::OperatorName;
use crate::domain::secret::Secret;
use crate::flow::operators::sign_in;
use crate::flow::operators::{self, Error};
use crate::web::failure::Failure;
use crate::web::form::Fields;
use crate::web::guard::same_site;
use crate::web::page::Page;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/admin/setup/{link}", get(ask).post(take))
}

#[derive(Debug, Default, Template)]
#[template(path = "admin/setup.html")]
struct SetupPage {
    typed_name: String,
    name_wrong: Option<String>,
    password_wrong: Option<String>,
}

async fn ask(State(app): State<App>, Path(link): Path<String>) -> Result<Page<SetupPage>, Failure> {
    if operators::setup_link_works(&app, &Secret::new(link)).await? {
        Ok(Page(SetupPage::default()))
    } else {
        Err(gone())
    }
}

async fn take(
    State(app): State<App>,
    Path(link): Path<String>,
    parts: Parts,
    body: Bytes,
) -> Result<Response, Failure> {
    same_site(&app.site, &parts.headers)?;
    let link = Secret::new(link);
    // Checked before any hashing: only the holder of the link may cause that work.
    if !operators::setup_link_works(&app, &link).await? {
        return Err(gone());
    }
    let fields = Fields::of_form(&body)?;
    let mut page = SetupPage { typed_name: fields.get("name").unwrap_or_default().to_owned(), ..SetupPage::default() };
    let name = match page.typed_name.parse::<OperatorName>() {
        Ok(name) => name,
        Err(fault) => {
            page.name_wrong = Some(sentence(&fault));
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, Page(page)).into_response());
        }
    };
    let password = fields.get("password").unwrap_or_default();
    if fields.get("again") != Some(password) {
        page.password_wrong = Some("The two passwords do not match. Type both again.".to_owned());
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, Page(page)).into_response());
    }
    let actor = nobody(&app, &parts);
    match operators::set_up(&app, &link, name, &Secret::new(password.to_owned()), &actor).await {
        Ok(id) => {
            // If this fails, the operator can still sign in.
            match sign_in::begin_for(&app, &id, &actor).await {
                Ok(begun) => Ok(begun_at(&app, &begun, "/admin")),
                Err(_) => Ok(Redirect::to("/admin/sign-in").into_response()),
            }
        }
        Err(Error::Weak(why)) => {
            page.password_wrong = Some(sentence(&why));
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Page(page)).into_response())
        }
        Err(Error::Beneath(beneath)) => Err(beneath.into()),
        Err(_) => Err(gone()),
    }
}

/// An error as a sentence.
pub(super) fn sentence(fault: &impl ToString) -> String {
    let text = fault.to_string();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

fn gone() -> Failure {
    let says = "This set-up link no longer works: it was used, or it is older than 30 minutes. Restart Cartkey for a new one, or add an operator with “cartkey operator add”.";
    Failure::new(StatusCode::NOT_FOUND, "setup_gone", says)
}
