//! Actions on a webhook: change, rotate the secret, turn off and on, resend events, delete. Irreversible actions ask
//! for confirmation.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};

use super::form::Typed;
use super::{FormPage, find, labels, path, read_id, shell};
use crate::app::App;
use crate::domain::time::Time;
use crate::domain::webhook::Webhook;
use crate::flow::webhooks;
use crate::web::admin::guard::{Posted, SignedIn};
use crate::web::admin::show::{Done, Notice, Shell};
use crate::web::failure::Failure;
use crate::web::page::Page;

/// How far back events are resent: the value, hours, label.
const SINCE: [(&str, u64, &str); 6] = [
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
    choices: [(&'static str, u64, &'static str); 6],
}

/// Asks for confirmation before a webhook is deleted.
#[derive(Template)]
#[template(path = "admin/webhook_delete.html")]
pub(super) struct DeletePage {
    shell: Shell,
    webhook: Webhook,
}

pub(super) async fn ask_edit(
    State(app): State<App>,
    Path(id): Path<String>,
    who: SignedIn,
) -> Result<Page<FormPage>, Failure> {
    let webhook = find(&app, &id).await?;
    Ok(Page(FormPage { shell: shell(&app, &who), form: Typed::of_webhook(&webhook), webhook: Some(webhook) }))
}

pub(super) async fn ask_rotate(
    State(app): State<App>,
    Path(id): Path<String>,
    who: SignedIn,
) -> Result<Page<RotatePage>, Failure> {
    Ok(Page(RotatePage { shell: shell(&app, &who), webhook: find(&app, &id).await? }))
}

pub(super) async fn end_old_secret(
    State(app): State<App>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Done, Failure> {
    let id = read_id(&id)?;
    webhooks::end_old_secret(&app, &id, &posted.who.actor).await?;
    Ok(Done::to(&path(&id), Notice::OldSecretEnded))
}

pub(super) async fn disable(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Result<Done, Failure> {
    let id = read_id(&id)?;
    webhooks::disable(&app, &id, &posted.who.actor).await?;
    Ok(Done::to(&path(&id), Notice::WebhookOff))
}

pub(super) async fn enable(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Result<Done, Failure> {
    let id = read_id(&id)?;
    let catches_up = posted.fields.get("from") != Some("now");
    webhooks::enable(&app, &id, catches_up, &posted.who.actor).await?;
    Ok(Done::to(&path(&id), if catches_up { Notice::WebhookOnWithMissed } else { Notice::WebhookOn }))
}

pub(super) async fn ask_replay(
    State(app): State<App>,
    Path(id): Path<String>,
    who: SignedIn,
) -> Result<Page<ReplayPage>, Failure> {
    let webhook = find(&app, &id).await?;
    if webhook.disabled_at.is_some() {
        return Err(webhooks::Error::Off.into());
    }
    Ok(Page(ReplayPage { shell: shell(&app, &who), webhook, choices: SINCE }))
}

pub(super) async fn replay(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Result<Done, Failure> {
    let id = read_id(&id)?;
    let (choice, exact) = (posted.fields.get("since"), posted.fields.get("exact").unwrap_or_default().trim());
    let since = match exact {
        "" => {
            let chosen = SINCE.iter().find(|(value, ..)| choice == Some(value));
            let (_, hours, _) = chosen.ok_or_else(|| Failure::invalid("since", "Choose a time from the list."))?;
            app.now().minus(Duration::from_hours(*hours))
        }
        exact => moment(exact).ok_or_else(|| Failure::invalid("exact", "Type the time as in 2026-11-22T10:00."))?,
    };
    let missed_only = posted.fields.get("which") != Some("all");
    webhooks::replay(&app, &id, since, missed_only, &posted.who.actor).await?;
    Ok(Done::to(&path(&id), Notice::SentAgain))
}

/// Parses a browser's date-time field as UTC: `2026-11-22T10:00`, with or without seconds.
fn moment(text: &str) -> Option<Time> {
    let seconds = if text.len() == 16 { ":00" } else { "" };
    format!("{text}{seconds}Z").parse().ok()
}

pub(super) async fn ask_delete(
    State(app): State<App>,
    Path(id): Path<String>,
    who: SignedIn,
) -> Result<Page<DeletePage>, Failure> {
    Ok(Page(DeletePage { shell: shell(&app, &who), webhook: find(&app, &id).await? }))
}

pub(super) async fn delete(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Result<Done, Failure> {
    webhooks::delete(&app, &read_id(&id)?, &posted.who.actor).await?;
    Ok(Done::to("/admin/webhooks", Notice::WebhookDeleted))
}
