//! `/api/v1/webhooks`: a service adds, changes, tests and deletes webhooks, within the limit of its token.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::answers::{self, DeliveryList, MadeWebhook, TestResult, WebhookList};
use super::read::{
    Allowed, WebhooksRead, WebhooksWrite, bad, body, cursor, limit, optional_body, parameter, query, user_ids,
};
use crate::app::App;
use crate::domain::webhook::{DESCRIPTION_AT_MOST, Webhook};
use crate::domain::{DeliveryId, DeliveryState, Network, Secret, ServiceToken, UserId, Wanted, WebhookId, WebhookUrl};
use crate::flow::webhooks::{self, Changes, Error, GivesWay};
use crate::web::failure::Failure;
use crate::web::form::sentence;

/// A webhook to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// The address of your service that receives events: a public host with https, on port 443 or 8443.
    #[schema(format = "uri", max_length = 2000)]
    url: String,
    /// What it is for. No control characters.
    #[schema(max_length = 120)]
    description: Option<String>,
    /// The event types to send: `*`, groups such as `store.*`, or types such as `store.connected`; by default all.
    #[schema(min_items = 1)]
    events: Option<Vec<String>>,
    /// The only merchants whose events are sent; by default all that your token may access.
    #[schema(value_type = Option<Vec<UserId>>, min_items = 1, max_items = 1000)]
    user_ids: Option<Vec<String>>,
}

/// What to change of a webhook. Members that are left out do not change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookChange {
    /// The new address.
    #[schema(format = "uri", max_length = 2000)]
    url: Option<String>,
    /// What it is for. No control characters.
    #[schema(max_length = 120)]
    description: Option<String>,
    /// The event types to send from now on.
    #[schema(min_items = 1)]
    events: Option<Vec<String>>,
    /// The only merchants whose events are sent from now on; null for all that your token may access.
    #[serde(default)]
    #[schema(value_type = Option<Vec<UserId>>, min_items = 1, max_items = 1000)]
    user_ids: Whose,
    /// False turns it off. True turns it on again and sends what it missed.
    enabled: Option<bool>,
}

/// `user_ids` in a change: null is not the same as a missing member.
#[derive(Default)]
enum Whose {
    #[default]
    Unchanged,
    /// Null.
    All,
    These(Vec<String>),
}

impl<'de> Deserialize<'de> for Whose {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(from)?.map_or(Self::All, Self::These))
    }
}

pub async fn list(client: Allowed<WebhooksRead>, RawQuery(text): RawQuery) -> Result<Json<WebhookList>, Failure> {
    query(text.as_deref(), &[])?;
    let Allowed { app, token, .. } = client;
    let all = webhooks::all_for(&app, &token).await?.into_iter();
    Ok(Json(WebhookList { data: all.map(|webhook| answers::Webhook::at(app.now(), webhook)).collect() }))
}

pub async fn add(client: Allowed<WebhooksWrite>, bytes: Bytes) -> Result<Response, Failure> {
    let Allowed { app, token, actor, .. } = client;
    let asked: NewWebhook = body(&bytes)?;
    let new = webhooks::NewWebhook {
        url: url(&asked.url, app.site.network)?,
        description: asked.description.map(description).transpose()?.unwrap_or_default(),
        wanted: asked.events.map(|events| wanted(&events)).transpose()?.unwrap_or_else(Wanted::everything),
        users: user_ids(asked.user_ids)?,
    };
    let (webhook, secret) = webhooks::add_for(&app, &token, new, &actor).await.map_err(failure)?;
    Ok(shown_once(&app, StatusCode::CREATED, webhook, &secret))
}

pub async fn look(client: Allowed<WebhooksRead>, Path(id): Path<String>) -> Result<Json<answers::Webhook>, Failure> {
    let webhook = reached(&client.app, &client.token, &id).await?;
    Ok(Json(answers::Webhook::at(client.app.now(), webhook)))
}

pub async fn change(
    client: Allowed<WebhooksWrite>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<answers::Webhook>, Failure> {
    let Allowed { app, token, actor, .. } = client;
    let now = reached(&app, &token, &id).await?;
    let (id, is_off) = (now.id, now.disabled_at.is_some());
    let asked: WebhookChange = body(&bytes)?;
    let new = Changes {
        url: asked.url.map(|typed| url(&typed, app.site.network)).transpose()?,
        description: asked.description.map(description).transpose()?,
        wanted: asked.events.map(|events| wanted(&events)).transpose()?,
        users: match asked.user_ids {
            Whose::Unchanged => None,
            Whose::All => Some(None),
            Whose::These(ids) => Some(user_ids(Some(ids))?),
        },
    };
    if new.is_any() {
        webhooks::change_for(&app, &token, &id, new, &actor).await.map_err(failure)?;
    }
    match asked.enabled {
        Some(true) if is_off => webhooks::enable(&app, &id, true, &actor).await.map_err(failure)?,
        Some(false) if !is_off => webhooks::disable(&app, &id, &actor).await.map_err(failure)?,
        _ => {}
    }
    let webhook = reached(&app, &token, id.as_str()).await?;
    Ok(Json(answers::Webhook::at(app.now(), webhook)))
}

pub async fn delete(client: Allowed<WebhooksWrite>, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    let id = reached(&client.app, &client.token, &id).await?.id;
    webhooks::delete(&client.app, &id, &client.actor).await.map_err(failure)?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn test(client: Allowed<WebhooksWrite>, Path(id): Path<String>) -> Result<Json<TestResult>, Failure> {
    let id = reached(&client.app, &client.token, &id).await?.id;
    let outcome = webhooks::test(&client.app, &id, &client.actor).await.map_err(failure)?;
    Ok(Json(TestResult {
        delivered: outcome.is_delivered(),
        status: outcome.status.map(|status| status.as_u16()),
        fault: outcome.fault,
        took_ms: outcome.took_ms(),
    }))
}

/// How to rotate a webhook's secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretRotation {
    /// Which secret ends at once if there are two already: `older`, or `newer` if no receiver uses it yet. Required in that case.
    drop: Option<WhichSecret>,
}

/// Which of two secrets ends.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhichSecret {
    Older,
    Newer,
}

pub async fn rotate(client: Allowed<WebhooksWrite>, Path(id): Path<String>, bytes: Bytes) -> Result<Response, Failure> {
    let Allowed { app, token, actor, .. } = client;
    let webhook = reached(&app, &token, &id).await?;
    let SecretRotation { drop } = optional_body(&bytes)?;
    let gives_way = webhook.old_until.zip(drop).map(|(until, drop)| match drop {
        WhichSecret::Older => GivesWay::Older(until),
        WhichSecret::Newer => GivesWay::Newer(until),
    });
    let (webhook, secret) =
        webhooks::rotate_for(&app, &token, &webhook.id, gives_way, &actor).await.map_err(failure)?;
    Ok(shown_once(&app, StatusCode::OK, webhook, &secret))
}

pub async fn deliveries(
    client: Allowed<WebhooksRead>,
    Path(id): Path<String>,
    RawQuery(text): RawQuery,
) -> Result<Json<DeliveryList>, Failure> {
    let pairs = query(text.as_deref(), &["state", "limit", "cursor"])?;
    let state = match parameter::<String>(&pairs, "state", "a state")? {
        None => None,
        Some(text) => {
            let says = || bad("state", "state must be waiting, delivered, failed or skipped.".to_owned());
            Some(DeliveryState::from_text(&text).ok_or_else(says)?)
        }
    };
    let before: Option<DeliveryId> = cursor(&pairs)?;
    let Allowed { app, token, .. } = client;
    let id = reached(&app, &token, &id).await?.id;
    let page = webhooks::log(&app, &id, state, token.users.as_ref(), before.as_ref(), limit(&pairs)?).await?;
    Ok(Json(DeliveryList { data: page.rows.into_iter().map(Into::into).collect(), next_cursor: page.next }))
}

/// The webhook with this ID. One that is not within the token's limit is reported as not found.
async fn reached(app: &App, token: &ServiceToken, id: &str) -> Result<Webhook, Failure> {
    let id: WebhookId = id.parse().map_err(|_| gone())?;
    webhooks::find_for(app, token, &id).await?.ok_or_else(gone)
}

fn gone() -> Failure {
    Failure::not_found("There is no such webhook.")
}

fn shown_once(app: &App, status: StatusCode, webhook: Webhook, secret: &Secret) -> Response {
    let made = MadeWebhook { webhook: answers::Webhook::at(app.now(), webhook), secret: secret.expose() };
    (status, Json(made)).into_response()
}

fn url(typed: &str, network: Network) -> Result<WebhookUrl, Failure> {
    WebhookUrl::parse(typed, network).map_err(|fault| Failure::invalid("url", fault.to_string()))
}

fn description(text: String) -> Result<String, Failure> {
    let fits = text.chars().count() <= DESCRIPTION_AT_MOST && !text.contains(char::is_control);
    let says = "description must be at most 120 characters long, without control characters.";
    fits.then_some(text).ok_or_else(|| Failure::invalid("description", says))
}

fn wanted(events: &[String]) -> Result<Wanted, Failure> {
    events.join(",").parse::<Wanted>().map_err(|fault| Failure::invalid("events", sentence(&fault)))
}

/// The failure, in the words of the API where the dashboard's are about its pages.
fn failure(error: Error) -> Failure {
    let says = match &error {
        Error::Unknown => return gone(),
        Error::TwoSecrets => {
            "This webhook has two secrets already. Say which of them ends: drop \"older\" or \"newer\"."
        }
        _ => return error.into(),
    };
    Failure { says: says.into(), ..Failure::from(error) }
}
