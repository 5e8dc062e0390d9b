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
use crate::domain::{OperatorName, Secret};
use crate::flow::operators::sign_in;
use crate::flow::operators::{self, Error};
use crate::web::failure::Failure;
use crate::web::form::{Fields, Form, sentence};
use crate::web::guard::same_site;
use crate::web::page::{Page, Refused};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/admin/setup/{link}", get(ask).post(take))
}

#[derive(Default, Template)]
#[template(path = "admin/setup.html")]
struct SetupPage {
    form: Form,
}

async fn ask(State(app): State<App>, Path(link): Path<String>) -> Result<Page<SetupPage>, Failure> {
    let works = operators::setup_link_works(&app, &Secret::new(link)).await?;
    works.then(|| Page(SetupPage::default())).ok_or_else(gone)
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
    let (password, is_same) = (fields.secret("password"), fields.get("again") == fields.get("password"));
    let mut form = Form::of(fields);
    let name = form.read("name", |name| name.parse::<OperatorName>().map_err(|fault| sentence(&fault)));
    let Some(name) = name else { return Ok(Refused(SetupPage { form }).into_response()) };
    if !is_same {
        form.refuse("password", "The two passwords do not match. Type both again.");
        return Ok(Refused(SetupPage { form }).into_response());
    }
    let actor = nobody(&app, &parts);
    match operators::set_up(&app, &link, name, &password, &actor).await {
        // If this fails, the operator can still sign in.
        Ok(id) => match sign_in::begin_for(&app, &id, &actor).await {
            Ok(begun) => Ok(begun_at(&app, &begun, "/admin")),
            Err(_) => Ok(Redirect::to("/admin/sign-in").into_response()),
        },
        Err(Error::Weak(why)) => {
            Ok(Refused(SetupPage { form: form.refused("password", sentence(&why)) }).into_response())
        }
        Err(Error::Beneath(beneath)) => Err(beneath.into()),
        Err(_) => Err(gone()),
    }
}

fn gone() -> Failure {
    let says = "This set-up link no longer works: it was used, or it is older than 30 minutes. Restart Cartkey for a new one, or add an operator with “cartkey operator add”.";
    Failure::new(StatusCode::NOT_FOUND, "setup_gone", says)
}
