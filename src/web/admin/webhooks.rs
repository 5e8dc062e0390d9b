//! Webhooks: the list, the forms, and each webhook's page.

mod acts;
mod form;
pub(super) mod labels;
mod one;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use self::form::Typed;
use super::guard::{Posted, SignedIn};
use super::show::{Done, Notice, Section, Shell};
use crate::app::App;
use crate::domain::delivery::DeliveryState;
use crate::domain::id::WebhookId;
use crate::domain::secret::Secret;
use crate::domain::time::Time;
use crate::domain::webhook::{Wanted, Webhook};
use crate::flow::webhooks::{self, Error, GivesWay};
use crate::web::failure::Failure;
use crate::web::page::Page;

/// Deliveries in one state are counted up to this number.
const COUNTED: i64 = 1_000;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/webhooks", get(list).post(add))
        .route("/admin/webhooks/new", get(offer))
        .route("/admin/webhooks/{id}", get(one::show))
        .route("/admin/webhooks/{id}/test", post(one::test))
        .route("/admin/webhooks/{id}/deliveries/{delivery}/replay", post(one::replay))
        .route("/admin/webhooks/{id}/edit", get(acts::ask_edit).post(edit))
        .route("/admin/webhooks/{id}/rotate", get(acts::ask_rotate).post(rotate))
        .route("/admin/webhooks/{id}/old-secret/end", post(acts::end_old_secret))
        .route("/admin/webhooks/{id}/disable", post(acts::disable))
        .route("/admin/webhooks/{id}/enable", post(acts::enable))
        .route("/admin/webhooks/{id}/replay", get(acts::ask_replay).post(acts::replay))
        .route("/admin/webhooks/{id}/delete", get(acts::ask_delete).post(acts::delete))
}

/// A webhook, and its number of waiting deliveries.
struct Row {
    webhook: Webhook,
    waiting: i64,
}

#[derive(Template)]
#[template(path = "admin/webhooks.html")]
struct WebhooksPage {
    shell: Shell,
    rows: Vec<Row>,
}

/// The form of a new or existing webhook.
#[derive(Template)]
#[template(path = "admin/webhook_form.html")]
struct FormPage {
    shell: Shell,
    form: Typed,
    /// The webhook being changed.
    webhook: Option<Webhook>,
}

/// A webhook's secret, shown once.
#[derive(Template)]
#[template(path = "admin/webhook_secret.html")]
struct SecretPage {
    shell: Shell,
    webhook: Webhook,
    secret: String,
}

async fn list(State(app): State<App>, who: SignedIn) -> Result<Page<WebhooksPage>, Failure> {
    let mut rows = Vec::new();
    for webhook in webhooks::all(&app).await? {
        let waiting = webhooks::count(&app, &webhook.id, DeliveryState::Waiting, COUNTED).await?;
        rows.push(Row { webhook, waiting });
    }
    Ok(Page(WebhooksPage { shell: shell(&app, &who), rows }))
}

async fn offer(State(app): State<App>, who: SignedIn) -> Page<FormPage> {
    Page(FormPage { shell: shell(&app, &who), form: Typed::default(), webhook: None })
}

async fn add(State(app): State<App>, Posted { who, fields }: Posted) -> Result<Response, Failure> {
    let again = |form| wrong(&app, &who, form, None);
    let (form, new) = match Typed::of(&fields).read(app.site.network) {
        Ok(wished) => wished,
        Err(form) => return Ok(again(*form)),
    };
    match webhooks::add(&app, new, &who.actor).await {
        Ok((webhook, secret)) => Ok(secret_page(&app, &who, webhook, &secret)),
        Err(error @ (Error::Address(_) | Error::TooMany)) => Ok(again(form.refused(&error))),
        Err(error) => Err(error.into()),
    }
}

async fn edit(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { who, fields }: Posted,
) -> Result<Response, Failure> {
    let webhook = find(&app, &id).await?;
    let id = webhook.id.clone();
    let again = |form| wrong(&app, &who, form, Some(webhook.clone()));
    let (form, new) = match Typed::of(&fields).read(app.site.network) {
        Ok(wished) => wished,
        Err(form) => return Ok(again(*form)),
    };
    match webhooks::change(&app, &id, new, &who.actor).await {
        Ok(()) => Ok(Done::to(&path(&id), Notice::Saved).into_response()),
        Err(error @ Error::Address(_)) => Ok(again(form.refused(&error))),
        Err(error) => Err(error.into()),
    }
}

async fn rotate(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Result<Response, Failure> {
    // Only the page that shows two secrets states which of them is replaced.
    let until: Option<Time> = posted.fields.get("until").and_then(|until| until.parse().ok());
    let gives_way = match posted.fields.get("gives_way") {
        Some("older") => until.map(GivesWay::Older),
        Some("newer") => until.map(GivesWay::Newer),
        _ => None,
    };
    let (webhook, secret) = webhooks::rotate(&app, &read_id(&id)?, gives_way, &posted.who.actor).await?;
    Ok(secret_page(&app, &posted.who, webhook, &secret))
}

fn secret_page(app: &App, who: &SignedIn, webhook: Webhook, secret: &Secret) -> Response {
    Page(SecretPage { shell: shell(app, who), webhook, secret: secret.expose().to_owned() }).into_response()
}

fn wrong(app: &App, who: &SignedIn, form: Typed, webhook: Option<Webhook>) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Page(FormPage { shell: shell(app, who), form, webhook })).into_response()
}

fn shell(app: &App, who: &SignedIn) -> Shell {
    Shell::new(app, who, Section::Webhooks)
}

fn path(id: &WebhookId) -> String {
    format!("/admin/webhooks/{id}")
}

async fn find(app: &App, id: &str) -> Result<Webhook, Failure> {
    webhooks::find(app, &read_id(id)?).await?.ok_or_else(gone)
}

fn read_id(id: &str) -> Result<WebhookId, Failure> {
    id.parse().map_err(|_| gone())
}

fn gone() -> Failure {
    Failure::not_found("There is no such webhook. The list of webhooks shows all webhooks.")
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Unknown => gone(),
            Error::NoDelivery => Self::not_found("This delivery no longer exists, so it cannot be resent."),
            Error::Beneath(beneath) => beneath.into(),
            Error::TwoSecrets => Self::new(
                StatusCode::CONFLICT,
                "webhook_conflict",
                "This webhook already has a new secret, and the previous one signs too. If you clicked twice, the new secret was created but not shown: rotate again from the webhook's page, and replace the newer secret.",
            ),
            Error::Address(says) => Self::invalid("url", says),
            other => {
                Self::new(StatusCode::CONFLICT, "webhook_conflict", format!("{}.", form::capital(&other.to_string())))
            }
        }
    }
}
