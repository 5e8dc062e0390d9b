//! Actions on a webhook: change, rotate the secret, turn off and on, resend events, delete. Irreversible actions ask
//! for confirmation.

use std::time::Duration;

use askama::Template;

use super::{FormPage, find, form, labels, path};
use crate::domain::{Time, Webhook, WebhookId};
use crate::flow::webhooks;
use crate::web::admin::guard::{Id, Posted, SignedIn};
use crate::web::admin::show::{Done, Notice, Section, Shell};
use crate::web::failure::Failure;
use crate::web::form::{A_TIME, Choice};
use crate::web::page::Page;

/// How far back events are resent: the value, hours, label.
const SINCE: [Choice<u64>; 6] = [
    ("1h", 1, "in the last hour"),
    ("6h", 6, "in the last 6 hours"),
    ("24h", 24, "in the last 24 hours"),
    ("3d", 72, "in the last 3 days"),
    ("7d", 168, "in the last 7 days"),
    ("30d", 720, "in the last 30 days"),
];

/// Asks for confirmation before the secret is rotated.
#[derive(Template)]
#[template(path = "admin/webhook_rotate.html")]
pub(super) struct RotatePage {
    shell: Shell,
    webhook: Webhook,
}

impl RotatePage {
    /// Until when two secrets sign; `None` if only one does.
    fn two_until(&self) -> Option<Time> {
        self.webhook.old_until.filter(|_| self.webhook.has_two_secrets(self.shell.now))
    }
}

/// Asks which events to resend.
#[derive(Template)]
#[template(path = "admin/webhook_replay.html")]
pub(super) struct ReplayPage {
    shell: Shell,
    webhook: Webhook,
    choices: [Choice<u64>; 6],
}

/// Asks for confirmation before a webhook is deleted.
#[derive(Template)]
#[template(path = "admin/webhook_delete.html")]
pub(super) struct DeletePage {
    shell: Shell,
    webhook: Webhook,
}

pub(super) async fn ask_edit(who: SignedIn, Id(id): Id<WebhookId>) -> Result<Page<FormPage>, Failure> {
    let webhook = find(&who.app, &id).await?;
    let (shell, form) = (who.shell(Section::Webhooks), form::of_webhook(&webhook));
    Ok(Page(FormPage { shell, form, webhook: Some(webhook) }))
}

pub(super) async fn ask_rotate(who: SignedIn, Id(id): Id<WebhookId>) -> Result<Page<RotatePage>, Failure> {
    Ok(Page(RotatePage { shell: who.shell(Section::Webhooks), webhook: find(&who.app, &id).await? }))
}

pub(super) async fn end_old_secret(Id(id): Id<WebhookId>, Posted { who, .. }: Posted) -> Result<Done, Failure> {
    webhooks::end_old_secret(&who.app, &id, &who.actor).await?;
    Ok(Done::to(&path(&id), Notice::OldSecretEnded))
}

pub(super) async fn disable(Id(id): Id<WebhookId>, Posted { who, .. }: Posted) -> Result<Done, Failure> {
    webhooks::disable(&who.app, &id, &who.actor).await?;
    Ok(Done::to(&path(&id), Notice::WebhookOff))
}

pub(super) async fn enable(Id(id): Id<WebhookId>, Posted { who, fields }: Posted) -> Result<Done, Failure> {
    let catches_up = fields.get("from") != Some("now");
    webhooks::enable(&who.app, &id, catches_up, &who.actor).await?;
    Ok(Done::to(&path(&id), if catches_up { Notice::WebhookOnWithMissed } else { Notice::WebhookOn }))
}

pub(super) async fn ask_replay(who: SignedIn, Id(id): Id<WebhookId>) -> Result<Page<ReplayPage>, Failure> {
    let webhook = find(&who.app, &id).await?;
    if webhook.disabled_at.is_some() {
        return Err(webhooks::Error::Off.into());
    }
    Ok(Page(ReplayPage { shell: who.shell(Section::Webhooks), webhook, choices: SINCE }))
}

pub(super) async fn replay(Id(id): Id<WebhookId>, Posted { who, fields }: Posted) -> Result<Done, Failure> {
    let since = match fields.text("exact") {
        "" => {
            let hours = fields.chosen("since", &SINCE).ok_or_else(|| Failure::invalid("since", A_TIME))?;
            who.app.now().minus(Duration::from_hours(hours))
        }
        exact => moment(exact).ok_or_else(|| Failure::invalid("exact", "Type the time as in 2026-11-22T10:00."))?,
    };
    webhooks::replay(&who.app, &id, since, fields.get("which") != Some("all"), &who.actor).await?;
    Ok(Done::to(&path(&id), Notice::SentAgain))
}

/// Parses a browser's date-time field as UTC: `2026-11-22T10:00`, with or without seconds.
fn moment(text: &str) -> Option<Time> {
    let seconds = if text.len() == 16 { ":00" } else { "" };
    format!("{text}{seconds}Z").parse().ok()
}

pub(super) async fn ask_delete(who: SignedIn, Id(id): Id<WebhookId>) -> Result<Page<DeletePage>, Failure> {
    Ok(Page(DeletePage { shell: who.shell(Section::Webhooks), webhook: find(&who.app, &id).await? }))
}

pub(super) async fn delete(Id(id): Id<WebhookId>, Posted { who, .. }: Posted) -> Result<Done, Failure> {
    webhooks::delete(&who.app, &id, &who.actor).await?;
    Ok(Done::to("/admin/webhooks", Notice::WebhookDeleted))
}
