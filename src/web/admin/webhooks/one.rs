//! The page of one webhook: its state, and its delivery log.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::request::Parts;

use super::{COUNTED, find, labels, path, read_id, shell};
use crate::app::App;
use crate::domain::delivery::{Delivery, DeliveryState};
use crate::domain::id::DeliveryId;
use crate::domain::page::USUAL;
use crate::domain::webhook::{TRIES, Webhook};
use crate::flow::webhooks;
use crate::web::admin::guard::{Posted, SignedIn};
use crate::web::admin::show::{Done, Notice, Shell};
use crate::web::failure::Failure;
use crate::web::form::Fields;
use crate::web::page::Page;

#[derive(Template)]
#[template(path = "admin/webhook.html")]
pub(super) struct WebhookPage {
    shell: Shell,
    webhook: Webhook,
    waiting: i64,
    failed: i64,
    state: Option<DeliveryState>,
    rows: Vec<Delivery>,
    /// The address of the first page; `None` on the first page.
    newest: Option<String>,
    older: Option<String>,
}

impl WebhookPage {
    fn is_off(&self) -> bool {
        self.webhook.disabled_at.is_some()
    }

    /// The path of this webhook's page.
    fn here(&self) -> String {
        path(&self.webhook.id)
    }
}

pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    who: SignedIn,
    parts: Parts,
) -> Result<Page<WebhookPage>, Failure> {
    let webhook = find(&app, &id).await?;
    let fields = Fields::of_query(parts.uri.query())?;
    let state = fields.get("state").and_then(DeliveryState::from_text);
    let before: Option<DeliveryId> = fields.get("before").and_then(|id| id.parse().ok());
    let log = webhooks::log(&app, &webhook.id, state, before.as_ref(), USUAL).await?;
    let href = |before: Option<&str>| {
        let pairs = [("state", state.map(DeliveryState::as_str)), ("before", before)];
        let pairs: Vec<_> = pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        format!("{}?{}", path(&webhook.id), serde_urlencoded::to_string(pairs).unwrap_or_default())
    };
    let (newest, older) = (before.map(|_| href(None)), log.next.map(|next| href(Some(&next))));
    Ok(Page(WebhookPage {
        shell: shell(&app, &who),
        waiting: webhooks::count(&app, &webhook.id, DeliveryState::Waiting, COUNTED).await?,
        failed: webhooks::count(&app, &webhook.id, DeliveryState::Failed, COUNTED).await?,
        state,
        rows: log.rows,
        newest,
        older,
        webhook,
    }))
}

pub(super) async fn test(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Result<Done, Failure> {
    let id = read_id(&id)?;
    let outcome = webhooks::test(&app, &id, &posted.who.actor).await?;
    let notice = if outcome.is_delivered() { Notice::TestTaken } else { Notice::TestNotTaken };
    Ok(Done::to(&path(&id), notice))
}

pub(super) async fn replay(
    State(app): State<App>,
    Path((id, delivery)): Path<(String, String)>,
    posted: Posted,
) -> Result<Done, Failure> {
    let id = read_id(&id)?;
    let delivery = delivery.parse().map_err(|_| Failure::from(webhooks::Error::NoDelivery))?;
    webhooks::replay_one(&app, &id, &delivery, &posted.who.actor).await?;
    Ok(Done::to(&path(&id), Notice::SentAgain))
}
