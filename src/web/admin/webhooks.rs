//! Webhooks: the list, the forms, and each webhook's page.

mod acts;
mod form;
pub(super) mod labels;
mod one;

use askama::Template;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use super::guard::{Id, Posted, SignedIn, unknown};
use super::show::{Done, Notice, Section, Shell};
use crate::app::App;
use crate::domain::{DeliveryState, Secret, Time, Wanted, Webhook, WebhookId};
use crate::flow::webhooks::{self, Error, GivesWay};
use crate::web::failure::Failure;
use crate::web::form::{Form, capital, sentence};
use crate::web::page::{Page, Refused};

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
    form: Form,
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

async fn list(who: SignedIn) -> Result<Page<WebhooksPage>, Failure> {
    let mut rows = Vec::new();
    for webhook in webhooks::all(&who.app).await? {
        let waiting = webhooks::count(&who.app, &webhook.id, DeliveryState::Waiting, COUNTED).await?;
        rows.push(Row { webhook, waiting });
    }
    Ok(Page(WebhooksPage { shell: who.shell(Section::Webhooks), rows }))
}

async fn offer(who: SignedIn) -> Page<FormPage> {
    let form = Form::filled([("which", "all".to_owned())]);
    Page(FormPage { shell: who.shell(Section::Webhooks), form, webhook: None })
}

async fn add(Posted { who, fields }: Posted) -> Result<Response, Failure> {
    let mut form = Form::of(fields);
    let added = match form::new_webhook(&mut form, who.app.site.network) {
        Some(new) => webhooks::add(&who.app, new, &who.actor).await,
        None => return Ok(wrong(&who, form, None)),
    };
    match added {
        Ok((webhook, secret)) => Ok(secret_page(&who, webhook, &secret)),
        Err(error @ (Error::Address(_) | Error::TooMany)) => {
            Ok(wrong(&who, form.refused("url", capital(&error.to_string())), None))
        }
        Err(error) => Err(error.into()),
    }
}

async fn edit(Id(id): Id<WebhookId>, Posted { who, fields }: Posted) -> Result<Response, Failure> {
    let webhook = Some(find(&who.app, &id).await?);
    let mut form = Form::of(fields);
    let changed = match form::new_webhook(&mut form, who.app.site.network) {
        Some(new) => webhooks::change(&who.app, &id, new, &who.actor).await,
        None => return Ok(wrong(&who, form, webhook)),
    };
    match changed {
        Ok(()) => Ok(Done::to(&path(&id), Notice::Saved).into_response()),
        Err(Error::Address(says)) => Ok(wrong(&who, form.refused("url", capital(says)), webhook)),
        Err(error) => Err(error.into()),
    }
}

async fn rotate(Id(id): Id<WebhookId>, Posted { who, fields }: Posted) -> Result<Response, Failure> {
    // Only the page that shows two secrets states which of them is replaced.
    let until: Option<Time> = fields.get("until").and_then(|until| until.parse().ok());
    let gives_way = match fields.get("gives_way") {
        Some("older") => until.map(GivesWay::Older),
        Some("newer") => until.map(GivesWay::Newer),
        _ => None,
    };
    let (webhook, secret) = webhooks::rotate(&who.app, &id, gives_way, &who.actor).await?;
    Ok(secret_page(&who, webhook, &secret))
}

fn secret_page(who: &SignedIn, webhook: Webhook, secret: &Secret) -> Response {
    let secret = secret.expose().to_owned();
    Page(SecretPage { shell: who.shell(Section::Webhooks), webhook, secret }).into_response()
}

fn wrong(who: &SignedIn, form: Form, webhook: Option<Webhook>) -> Response {
    Refused(FormPage { shell: who.shell(Section::Webhooks), form, webhook }).into_response()
}

fn path(id: &WebhookId) -> String {
    format!("/admin/webhooks/{id}")
}

async fn find(app: &App, id: &WebhookId) -> Result<Webhook, Failure> {
    webhooks::find(app, id).await?.ok_or_else(unknown::<WebhookId>)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Unknown => unknown::<WebhookId>(),
            Error::NoDelivery => Self::not_found("This delivery no longer exists, so it cannot be resent."),
            Error::Beneath(beneath) => beneath.into(),
            Error::TwoSecrets => Self::conflict(
                "webhook_conflict",
                "This webhook already has a new secret, and the previous one signs too. If you clicked twice, the new secret was created but not shown: rotate again from the webhook's page, and replace the newer secret.",
            ),
            Error::Address(says) => Self::invalid("url", says),
            Error::OtherUsers(fault) => Self::invalid("user_ids", sentence(&fault)),
            Error::TestsRunning => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", sentence(&error)).after(15)
            }
            other => Self::conflict("webhook_conflict", sentence(&other)),
        }
    }
}
