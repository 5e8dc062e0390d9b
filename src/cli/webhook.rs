//! `cartkey webhook`: manages webhooks.

use std::io::Write;
use std::time::Duration;

use anyhow::bail;
use clap::{ArgGroup, Subcommand};
use serde_json::json;

use super::Usage;
use crate::app::App;
use crate::config::span;
use crate::domain::webhook::DESCRIPTION_AT_MOST;
use crate::domain::{Actor, DeliveryId, DeliveryState, Network, Time, Users, Wanted, Webhook, WebhookId, WebhookUrl};
use crate::flow::webhooks::{self, GivesWay, NewWebhook};

#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// Add a webhook and print its secret, once.
    Add {
        /// The address of your service that receives events: public, with https.
        #[arg(long)]
        url: String,
        /// The events to send, comma separated: types such as store.connected, groups such as store.*; all by default.
        #[arg(long)]
        events: Option<Wanted>,
        /// A description for your own use.
        #[arg(long, value_parser = read_description)]
        description: Option<String>,
        /// Send only events of these user IDs, comma separated; all by default.
        #[arg(long, value_parser = super::token::read_users)]
        users: Option<Users>,
    },
    /// List the webhooks, without their secrets: ID, state, address, events, last delivery, description.
    List {
        /// Print one JSON document per line.
        #[arg(long)]
        json: bool,
    },
    /// Change a webhook; options left out do not change. It keeps its secrets.
    #[command(group = ArgGroup::new("what").required(true).multiple(true))]
    Change {
        /// The webhook's ID (wh_…).
        id: WebhookId,
        /// The new address.
        #[arg(long, group = "what")]
        url: Option<String>,
        /// The events to send from now on, as for `add`.
        #[arg(long, group = "what")]
        events: Option<Wanted>,
        /// A description for your own use.
        #[arg(long, group = "what", value_parser = read_description)]
        description: Option<String>,
        /// Send only events of these user IDs from now on, comma separated.
        #[arg(long, group = "what", value_parser = super::token::read_users)]
        users: Option<Users>,
        /// Send events of all user IDs from now on.
        #[arg(long, group = "what", conflicts_with = "users")]
        all_users: bool,
    },
    /// List a webhook's deliveries, newest first: ID, time of the event, type, event, state, last response, attempts.
    Log {
        /// The webhook's ID (wh_…).
        id: WebhookId,
        /// Only deliveries that are `waiting`, `delivered`, `failed` or `skipped`.
        #[arg(long, value_parser = read_state)]
        state: Option<DeliveryState>,
        /// How many to list at most.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1_000))]
        limit: i64,
        /// Print one JSON document per line.
        #[arg(long)]
        json: bool,
    },
    /// Delete a webhook with its secret and log.
    Remove {
        /// The webhook's ID (wh_…).
        id: WebhookId,
    },
    /// Create a new secret and print it, once. The old one keeps signing too for 24 hours.
    Rotate {
        /// The webhook's ID (wh_…).
        id: WebhookId,
        /// If two secrets are active: end the older one now.
        #[arg(long, conflicts_with = "drop_new")]
        drop_old: bool,
        /// If two secrets are active: end the newer one now, because nobody has it.
        #[arg(long)]
        drop_new: bool,
    },
    /// After a rotation, end the old secret before its 24 hours are over.
    EndOldSecret {
        /// The webhook's ID (wh_…).
        id: WebhookId,
    },
    /// Send a test event and report the result.
    Test {
        /// The webhook's ID (wh_…).
        id: WebhookId,
    },
    /// Turn a webhook off.
    Disable {
        /// The webhook's ID (wh_…).
        id: WebhookId,
    },
    /// Turn a webhook back on and send what it missed.
    Enable {
        /// The webhook's ID (wh_…).
        id: WebhookId,
        /// Send only new events, not those it missed.
        #[arg(long)]
        from_now: bool,
    },
    /// Send all events since a time again, or one delivery from the log.
    Replay {
        /// The webhook's ID (wh_…).
        id: WebhookId,
        /// A time such as 2026-11-22T10:00:00Z, or how long ago, such as 24h or 7d.
        #[arg(long, value_parser = read_since, required_unless_present = "delivery", conflicts_with = "delivery")]
        since: Option<Since>,
        /// Only undelivered events of the last 30 days (the length of the log).
        #[arg(long, requires = "since")]
        missed_only: bool,
        /// A delivery's ID (dl_…), from `webhook log`.
        #[arg(long)]
        delivery: Option<DeliveryId>,
    },
}

/// The start of a replay.
#[derive(Debug, Clone, Copy)]
pub enum Since {
    /// A point in time.
    Moment(Time),
    /// This long ago.
    Ago(Duration),
}

impl WebhookCommand {
    /// Rejects an invalid address before anything is opened. Which addresses are allowed depends on the configuration, so clap
    /// cannot parse it.
    pub fn check(&self, network: Network) -> Result<(), Usage> {
        match self {
            Self::Add { url, .. } | Self::Change { url: Some(url), .. } => read_url(url, network).map(drop),
            _ => Ok(()),
        }
    }
}

/// Runs the command.
pub async fn run(app: &App, command: WebhookCommand, out: &mut impl Write) -> anyhow::Result<()> {
    let actor = Actor::cli();
    match command {
        WebhookCommand::Add { url, events, description, users } => {
            let new = NewWebhook {
                url: read_url(&url, app.site.network)?,
                description: description.unwrap_or_default(),
                wanted: events.unwrap_or_else(Wanted::everything),
                users,
            };
            let (webhook, secret) = webhooks::add(app, new, &actor).await?;
            writeln!(out, "{}", secret.expose())?;
            tracing::info!(webhook.id = %webhook.id, "added a webhook; its secret is not shown again");
        }
        WebhookCommand::Change { id, url, events, description, users, all_users } => {
            let now = webhooks::find(app, &id).await?.ok_or(webhooks::Error::Unknown)?;
            let new = NewWebhook {
                url: url.map_or(Ok(now.url), |url| read_url(&url, app.site.network))?,
                description: description.unwrap_or(now.description),
                wanted: events.unwrap_or(now.wanted),
                users: users.or(now.users).filter(|_| !all_users),
            };
            webhooks::change(app, &id, new, &actor).await?;
        }
        WebhookCommand::List { json } => list(app, json, out).await?,
        WebhookCommand::Log { id, state, limit, json } => log(app, &id, state, limit, json, out).await?,
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
            tracing::info!(webhook.id = %id, old_until = until, "rotated a secret; the new one is not shown again");
        }
        WebhookCommand::EndOldSecret { id } => webhooks::end_old_secret(app, &id, &actor).await?,
        WebhookCommand::Test { id } => test(app, &id, &actor, out).await?,
        WebhookCommand::Disable { id } => webhooks::disable(app, &id, &actor).await?,
        WebhookCommand::Enable { id, from_now } => webhooks::enable(app, &id, !from_now, &actor).await?,
        WebhookCommand::Replay { id, since, missed_only, delivery } => match (since, delivery) {
            (_, Some(delivery)) => webhooks::replay_one(app, &id, &delivery, &actor).await?,
            (Some(Since::Moment(at)), None) => webhooks::replay(app, &id, at, missed_only, &actor).await?,
            (Some(Since::Ago(span)), None) => {
                webhooks::replay(app, &id, app.now().minus(span), missed_only, &actor).await?;
            }
            (None, None) => return Err(Usage("replay requires --since or --delivery".to_owned()).into()),
        },
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
        bail!("the test was not delivered: {answer}");
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
            writeln!(out, "{}\t{}\t{url}\t{wanted}\t{last}\t{}", webhook.id, webhook.state(), webhook.description)?;
        }
    }
    Ok(())
}

async fn log(
    app: &App,
    id: &WebhookId,
    state: Option<DeliveryState>,
    limit: i64,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    webhooks::find(app, id).await?.ok_or(webhooks::Error::Unknown)?;
    for line in webhooks::log(app, id, state, None, None, limit).await?.rows {
        let event = line.event.map(|event| event.to_string());
        if json {
            let document = json!({
                "id": line.id, "event": event, "type": line.kind, "state": line.state.as_str(),
                "made_at": line.made_at, "due_at": line.due_at, "tries": line.tries, "tried_at": line.tried_at,
                "ended_at": line.ended_at, "status": line.status, "fault": line.fault, "took_ms": line.took_ms,
            });
            writeln!(out, "{document}")?;
        } else {
            let answer = match (line.status, &line.fault) {
                (Some(status), _) => format!("HTTP {status}"),
                (None, fault) => fault.clone().unwrap_or_else(|| "not attempted".to_owned()),
            };
            let (made_at, kind, event) = (line.made_at, &line.kind, event.as_deref().unwrap_or("-"));
            let (state, tries) = (line.state.as_str(), line.tries);
            writeln!(out, "{}\t{made_at}\t{kind}\t{event}\t{state}\t{answer}\t{tries}", line.id)?;
        }
    }
    Ok(())
}

/// A webhook as JSON; its address is shown without the query, which may be secret.
fn document(webhook: &Webhook) -> serde_json::Value {
    json!({
        "id": webhook.id,
        "state": webhook.state(),
        "address": webhook.url.shown(),
        "description": webhook.description,
        "events": webhook.wanted.iter().collect::<Vec<_>>(),
        "users": webhook.users.as_ref().map(|users| users.iter().map(ToString::to_string).collect::<Vec<_>>()),
        "created_at": webhook.created_at,
        "succeeded_at": webhook.succeeded_at,
        "failing_since": webhook.failing_since,
        "disabled_at": webhook.disabled_at,
        "reason": webhook.disabled_why.map(crate::domain::webhook::WhyOff::as_str),
        "old_secret_until": webhook.old_until,
    })
}

fn read_description(text: &str) -> Result<String, String> {
    let fits = text.chars().count() <= DESCRIPTION_AT_MOST && !text.contains(char::is_control);
    if fits { Ok(text.trim().to_owned()) } else { Err(format!("at most {DESCRIPTION_AT_MOST} characters")) }
}

fn read_url(text: &str, network: Network) -> Result<WebhookUrl, Usage> {
    WebhookUrl::parse(text, network).map_err(|fault| Usage(format!("--url: {fault}")))
}

fn read_state(text: &str) -> Result<DeliveryState, &'static str> {
    DeliveryState::from_text(text).ok_or("must be waiting, delivered, failed or skipped")
}

fn read_since(text: &str) -> Result<Since, &'static str> {
    let moment = text.parse().ok().map(Since::Moment);
    moment
        .or_else(|| span(text).map(Since::Ago))
        .ok_or("must be a time such as 2026-11-22T10:00:00Z, or how long ago, such as 24h")
}
