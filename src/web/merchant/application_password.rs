//! Application passwords: states plainly what one may do, and takes the browser back from WordPress.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::attempt::{href, read_id, return_href};
use super::connect::{Start, back, secret_in, to_attempt, within_limits};
use super::frame::Frame;
use super::pages::Finding;
use crate::app::App;
use crate::domain::attempt::Attempt;
use crate::domain::store_url::StoreUrl;
use crate::flow::connecting::application_password::{self, Answered, Arrival};
use crate::flow::connecting::disconnect::passwords_url;
use crate::web::failure::Failure;
use crate::web::form::Fields;
use crate::web::guard::{browser, merchant, own_form};
use crate::web::page::Page;

/// What an application password is, and the button that leads to the store.
#[derive(Debug, Clone, Template)]
#[template(path = "connect/application_password.html")]
pub struct PasswordPage {
    /// The frame around the page.
    pub frame: Frame,
    /// The account's name in the application.
    pub account: Option<String>,
    /// The action of the form.
    pub action: String,
    /// The store.
    pub store: StoreUrl,
    /// The host that receives the password, which the store names on its page.
    pub host: String,
    /// Why this way does not work at this store.
    pub stop: Option<Finding>,
    /// The address for approving a key instead.
    pub approve_href: String,
}

impl PasswordPage {
    fn passwords_page(&self) -> String {
        passwords_url(&self.store)
    }
}

/// `GET …/application-password`.
pub(super) async fn page(
    State(app): State<App>,
    start: Start,
    frame: Frame,
    parts: Parts,
) -> Result<Response, Failure> {
    within_limits(&Fields::of_query(parts.uri.query())?)?;
    let (action, store) = offered(&app, &start).await?;
    Ok(shown(blank(&app.site.public_host, frame, &start, action, store)))
}

/// `POST …/application-password`: finds out whether the store offers them, and begins.
pub(super) async fn begin(State(app): State<App>, start: Start, parts: Parts) -> Result<Response, Failure> {
    own_form(&app.site, &parts)?;
    let (form, store) = offered(&app, &start).await?;
    let mine = browser(&app.site, &parts.headers);
    match application_password::begin(&app, start.invitation, &store, &merchant(&app, &parts), mine).await {
        Ok(begun) => to_attempt(&app, &begun),
        Err(refused) => back(&form, Vec::new(), refused),
    }
}

/// `GET /connect/return/{attempt}/{state}?site_url=…&user_login=…&password=…`: takes the password and redirects at once, whatever
/// happens, so that the address is in no history and no referrer.
pub(super) async fn came_back(
    State(app): State<App>,
    Path((id, state)): Path<(String, String)>,
    parts: Parts,
) -> Response {
    let to = match read_id(&id) {
        Some(id) => {
            let state = secret_in(&state);
            let fields = Fields::of_query(parts.uri.query()).unwrap_or_default();
            let answered = Answered::read(|name| {
                let mut values = fields.all(name);
                values.next().filter(|_| values.next().is_none())
            });
            let cookie = browser(&app.site, &parts.headers);
            let actor = merchant(&app, &parts);
            match application_password::arrive(&app, &id, &state, answered, cookie.as_ref(), &actor).await {
                Ok(Arrival::Mine) => href(&id),
                Ok(Arrival::Elsewhere { deleted }) => {
                    let note = if deleted { "&deleted=1" } else { "" };
                    format!("{}{note}", return_href(&id, true, Some(&state)))
                }
                Ok(Arrival::Unknown) => format!("/connect/return/{id}"),
                Err(error) => {
                    tracing::error!(attempt.id = %id, error = &error as &dyn std::error::Error, "an application password could not be saved");
                    href(&id)
                }
            }
        }
        None => "/connect/return/unknown".to_owned(),
    };
    ([(header::REFERRER_POLICY, "no-referrer")], Redirect::to(&to)).into_response()
}

/// The page of an attempt that the store makes impossible.
pub(super) fn stopped(host: &str, frame: Frame, start: &Start, attempt: &Attempt, action: String) -> Response {
    let stop = attempt.reason.map(|reason| Finding::of(frame.words, reason, attempt.home.shown()));
    shown(PasswordPage { stop, ..blank(host, frame, start, action, attempt.home.clone()) })
}

/// The action of the form and the store, if this way is offered here.
async fn offered(app: &App, start: &Start) -> Result<(String, StoreUrl), Failure> {
    let action = start.password(app).await?;
    let found = action.zip(start.invitation.home.clone());
    found.ok_or_else(|| Failure::of_status(StatusCode::NOT_FOUND))
}

fn blank(host: &str, frame: Frame, start: &Start, action: String, store: StoreUrl) -> PasswordPage {
    PasswordPage {
        frame,
        account: start.invitation.account_label.clone(),
        action,
        store,
        host: host.to_owned(),
        stop: None,
        approve_href: start.form(),
    }
}

fn shown(page: PasswordPage) -> Response {
    page.frame.clone().answer(Page(page))
}
