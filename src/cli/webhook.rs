//! `cartkey webhook`: addresses of internal services that are told of events.

use std::io::Write;
use std::time::Duration;

use anyhow::bail;
use clap::Subcommand;
use serde_json::json;

use super::Usage;
use crate::app::App;
use crate::config::span;
use crate::domain::actor::Actor;
use crate::domain::id::WebhookId;
use crate::domain::store_url::Reach;
use crate::domain::time::Time;
use crate::domain::token::Users;
use crate::domain::webhook::{DESCRIPTION_AT_MOST, Wanted, Webhook, WebhookUrl};
use crate::flow::webhooks::{self, GivesWay, Wish};

#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// Add a webhook; prints its secret, once.
    Add {
        /// Where your service takes what happened: a public address with https.
        #[arg(long)]
        url: String,
        /// What it is told of, comma separated: types such as store.connected, groups such as store.*; everything when left out.
        #[arg(long)]
        events: Option<Wanted>,
        /// What you call it.
        #[arg(long, value_parser = read_description)]
        description: Option<String>,
        /// The only merchants of whom it is told, comma separated; all when left out.
        #[arg(long, value_parser = super::token::read_users)]
        users: Option<Users>,
    },
    /// List the webhooks, without their secrets: id, state, address, what each is told of, last delivery, description.
    List {
        /// As one JSON document per line.
        #[arg(long)]
        json: bool,
    },
    /// Delete a webhook, its secret and its log.
    Remove {
        /// Its id (wh_…).
        id: WebhookId,
    },
    /// Make a new secret; prints it, once. The old one signs too for 24 hours.
    Rotate {
        /// Its id (wh_…).
        id: WebhookId,
        /// While two secrets sign: end the older of them now.
        #[arg(long, conflicts_with = "drop_new")]
        drop_old: bool,
        /// While two secrets sign: end the newer of them now, because nobody has it.
        #[arg(long)]
        drop_new: bool,
    },
    /// Send a test and say what came of it.
    Test {
        /// Its id (wh_…).
        id: WebhookId,
    },
    /// Turn a webhook off.
    Disable {
        /// Its id (wh_…).
        id: WebhookId,
    },
    /// Turn a webhook on again, and send what it missed.
    Enable {
        /// Its id (wh_…).
        id: WebhookId,
        /// Send only what happens from now on.
        #[arg(long)]
        from_now: bool,
    },
    /// Send again everything that happened since a time.
    Replay {
        /// Its id (wh_…).
        id: WebhookId,
        /// A moment such as 2026-11-22T10:00:00Z, or how long ago, such as 24h or 7d.
        #[arg(long, value_parser = read_since)]
        since: Since,
        /// Only what was not delivered in the last 30 days: the log reaches no further back.
        #[arg(long)]
        missed_only: bool,
    },
}

/// Since when events are sent again.
#[derive(Debug, Clone, Copy)]
pub enum Since {
    /// A moment.
    Moment(Time),
    /// So long ago.
    Ago(Duration),
}

impl WebhookCommand {
    /// Refuses an address that cannot be a webhook's before anything is opened. What may be one, the configuration decides,
    /// so clap cannot read it.
    pub fn check(&self, reach: Reach) -> Result<(), Usage> {
        let Self::Add { url, .. } = self else { return Ok(()) };
        WebhookUrl::parse(url, reach).map(drop).map_err(|fault| Usage(format!("--url: {fault}")))
    }
}

/// Does what the command line asks.
pub async fn run(app: &App, command: WebhookCommand, out: &mut impl Write) -> anyhow::Result<()> {
    let actor = Actor::cli();
    match command {
        WebhookCommand::Add { url, events, description, users } => {
            let wish = Wish {
                url: WebhookUrl::parse(&url, app.site.reach).map_err(|fault| Usage(format!("--url: {fault}")))?,
                description: description.unwrap_or_default(),
                wanted: events.unwrap_or_else(Wanted::everything),
                users,
            };
            let (webhook, secret) = webhooks::add(app, wish, &actor).await?;
            writeln!(out, "{}", secret.expose())?;
            tracing::info!(webhook.id = %webhook.id, "added a webhook: its secret is not shown again");
        }
        WebhookCommand::List { json } => list(app, json, out).await?,
        WebhookCommand::Remove { id } => webhooks::delete(app, &id, &actor).await?,
        WebhookCommand::Rotate { id, drop_old, drop_new } => {
            let until = webhooks::find(app, &id).await?.and_then(|webhook| webhook.old_until);
            let gives_way = match (drop_old, drop_new) {
                (true, _) => until.map(GivesWay::Older),
                (_, true) => until.map(GivesWay::Newer),
                _ => None,
            };
            let (webhook, secret) = webhooks::rotate(app, &id, gives_way, &actor).await?;
            writeln!(out, "{}", secret.expose())?;
            let until = webhook.old_until.map(tracing::field::display);
            tracing::info!(webhook.id = %id, old_until = until, "rotated a secret: the new one is not shown again");
        }
        WebhookCommand::Test { id } => test(app, &id, &actor, out).await?,
        WebhookCommand::Disable { id } => webhooks::disable(app, &id, &actor).await?,
        WebhookCommand::Enable { id, from_now } => webhooks::enable(app, &id, !from_now, &actor).await?,
        WebhookCommand::Replay { id, since, missed_only } => {
            let since = match since {
                Since::Moment(at) => at,
                Since::Ago(span) => app.now().minus(span),
            };
            webhooks::replay(app, &id, since, missed_only, &actor).await?;
        }
    }
    Ok(())
}

async fn test(app: &App, id: &WebhookId, actor: &Actor, out: &mut impl Write) -> anyhow::Result<()> {
    let outcome = webhooks::test(app, id, actor).await?;
    let answer = match outcome.status {
        Some(status) => format!("HTTP {}", status.as_u16()),
        None => outcome.fault.unwrap_or("no answer").to_owned(),
    };
    if !outcome.is_delivered() {
        bail!("the webhook did not take the test: {answer}");
    }
    writeln!(out, "{answer} in {} ms", outcome.took_ms())?;
    Ok(())
}

async fn list(app: &App, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    for webhook in webhooks::all(app).await? {
        if json {
            writeln!(out, "{}", document(&webhook))?;
        } else {
            let last =
                webhook.succeeded_at.map_or_else(|| "never delivered".to_owned(), |at| format!("delivered {at}"));
            let (url, wanted) = (webhook.url.shown(), &webhook.wanted);
            writeln!(out, "{}\t{}\t{url}\t{wanted}\t{last}\t{}", webhook.id, state(&webhook), webhook.description)?;
        }
    }
    Ok(())
}

/// A webhook for machines; its address ends before the query, which may be secret.
fn document(webhook: &Webhook) -> serde_json::Value {
    json!({
        "id": webhook.id,
        "state": state(webhook),
        "address": webhook.url.shown(),
        "description": webhook.description,
        "events": webhook.wanted.iter().collect::<Vec<_>>(),
        "users": webhook.users.as_ref().map(|users| users.iter().map(ToString::to_string).collect::<Vec<_>>()),
        "created_at": webhook.created_at,
        "succeeded_at": webhook.succeeded_at,
        "failing_since": webhook.failing_since,
        "disabled_at": webhook.disabled_at,
        "reason": webhook.disabled_why.map(crate::domain::webhook::WhyOff::code),
        "old_secret_until": webhook.old_until,
    })
}

const fn state(webhook: &Webhook) -> &'static str {
    match (webhook.disabled_at, webhook.failing_since) {
        (Some(_), _) => "off",
        (None, Some(_)) => "failing",
        (None, None) => "on",
    }
}

fn read_description(text: &str) -> Result<String, String> {
    let fits = text.chars().count() <= DESCRIPTION_AT_MOST && !text.contains(char::is_control);
    if fits { Ok(text.trim().to_owned()) } else { Err(format!("at most {DESCRIPTION_AT_MOST} characters")) }
}

fn read_since(text: &str) -> Result<Since, &'static str> {
    let moment = text.parse().ok().map(Since::Moment);
    moment
        .or_else(|| span(text).map(Since::Ago))
        .ok_or("a moment such as 2026-11-22T10:00:00Z, or how long ago, such as 24h")
}
