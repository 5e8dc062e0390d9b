//! The page of one webhook: its state, and its delivery log.

use askama::Template;
use axum::extract::Path;

use super::{COUNTED, find, labels, path};
use crate::domain::page::USUAL;
use crate::domain::webhook::TRIES;
use crate::domain::{Delivery, DeliveryId, DeliveryState, Webhook, WebhookId};
use crate::flow::webhooks;
use crate::web::admin::guard::{Id, Posted, SignedIn, unknown};
use crate::web::admin::show::{Done, Notice, Section, Shell};
use crate::web::failure::Failure;
use crate::web::form::address;
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

pub(super) async fn show(who: SignedIn, Id(id): Id<WebhookId>) -> Result<Page<WebhookPage>, Failure> {
    let (app, webhook) = (&who.app, find(&who.app, &id).await?);
    let state = who.query.get("state").and_then(DeliveryState::from_text);
    let before: Option<DeliveryId> = who.query.get("before").and_then(|id| id.parse().ok());
    let log = webhooks::log(app, &id, state, None, before.as_ref(), USUAL).await?;
    let href =
        |before: Option<&str>| address(&path(&id), [("state", state.map(DeliveryState::as_str)), ("before", before)]);
    Ok(Page(WebhookPage {
        shell: who.shell(Section::Webhooks),
        waiting: webhooks::count(app, &id, DeliveryState::Waiting, COUNTED).await?,
        failed: webhooks::count(app, &id, DeliveryState::Failed, COUNTED).await?,
        newest: before.map(|_| href(None)),
        older: log.next.map(|next| href(Some(&next))),
        state,
        rows: log.rows,
        webhook,
    }))
}

pub(super) async fn test(Id(id): Id<WebhookId>, Posted { who, .. }: Posted) -> Result<Done, Failure> {
    let outcome = webhooks::test(&who.app, &id, &who.actor).await?;
    let notice = if outcome.is_delivered() { Notice::TestTaken } else { Notice::TestNotTaken };
    Ok(Done::to(&path(&id), notice))
}

pub(super) async fn replay(
    Path((id, delivery)): Path<(String, String)>,
    Posted { who, .. }: Posted,
) -> Result<Done, Failure> {
    let id = id.parse().map_err(|_| unknown::<WebhookId>())?;
    let delivery = delivery.parse().map_err(|_| Failure::from(webhooks::Error::NoDelivery))?;
    webhooks::replay_one(&who.app, &id, &delivery, &who.actor).await?;
    Ok(Done::to(&path(&id), Notice::SentAgain))
}
