//! `cartkey webhook`: addresses of internal services that are told of events.

use std::io::Write;
use std::time::Duration;

use anyhow::bail;
use clap::{ArgGroup, Subcommand};
use serde_json::json;

use super::Usage;
use crate::app::App;
use crate::config::span;
use crate::domain::actor::Actor;
use crate::domain::delivery::DeliveryState;
use crate::domain::id::{DeliveryId, WebhookId};
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
    /// Change a webhook: what is not named stays as it is. It keeps its secrets.
    #[command(group = ArgGroup::new("what").required(true).multiple(true))]
    Change {
        /// Its id (wh_…).
        id: WebhookId,
        /// Where it is from now on.
        #[arg(long, group = "what")]
        url: Option<String>,
        /// What it is told of from now on, as for `add`.
        #[arg(long, group = "what")]
        events: Option<Wanted>,
        /// What you call it.
        #[arg(long, group = "what", value_parser = read_description)]
        description: Option<String>,
        /// The only merchants of whom it is told from now on, comma separated.
        #[arg(long, group = "what", value_parser = super::token::read_users)]
        users: Option<Users>,
        /// It is told of all merchants from now on.
        #[arg(long, group = "what", conflicts_with = "users")]
        all_users: bool,
    },
    /// List what a webhook was sent, the newest first: id, when it happened, type, event, state, last answer, tries.
    Log {
        /// Its id (wh_…).
        id: WebhookId,
        /// Only what is `waiting`, `delivered`, `failed` or `skipped`.
        #[arg(long, value_parser = read_state)]
        state: Option<DeliveryState>,
        /// How many at the most.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1_000))]
        limit: i64,
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
    /// End the old secret of a webhook that was rotated, before its 24 hours are over.
    EndOldSecret {
        /// Its id (wh_…).
        id: WebhookId,
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
    /// Send again everything that happened since a time, or one delivery of the log.
    Replay {
        /// Its id (wh_…).
        id: WebhookId,
        /// A moment such as 2026-11-22T10:00:00Z, or how long ago, such as 24h or 7d.
        #[arg(long, value_parser = read_since, required_unless_present = "delivery", conflicts_with = "delivery")]
        since: Option<Since>,
        /// Only what was not delivered in the last 30 days: the log reaches no further back.
        #[arg(long, requires = "since")]
        missed_only: bool,
        /// A delivery's id (dl_…), from `webhook log`.
        #[arg(long)]
        delivery: Option<DeliveryId>,
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
        match self {
            Self::Add { url, .. } | Self::Change { url: Some(url), .. } => read_url(url, reach).map(drop),
            _ => Ok(()),
        }
    }
}

/// Does what the command line asks.
pub async fn run(app: &App, command: WebhookCommand, out: &mut impl Write) -> anyhow::Result<()> {
    let actor = Actor::cli();
    match command {
        WebhookCommand::Add { url, events, description, users } => {
            let wish = Wish {
                url: read_url(&url, app.site.reach)?,
                description: description.unwrap_or_default(),
                wanted: events.unwrap_or_else(Wanted::everything),
                users,
            };
            let (webhook, secret) = webhooks::add(app, wish, &actor).await?;
            writeln!(out, "{}", secret.expose())?;
            tracing::info!(webhook.id = %webhook.id, "added a webhook: its secret is not shown again");
        }
        WebhookCommand::Change { id, url, events, description, users, all_users } => {
            let now = webhooks::find(app, &id).await?.ok_or(webhooks::Error::Unknown)?;
            let wish = Wish {
                url: url.map_or(Ok(now.url), |url| read_url(&url, app.site.reach))?,
                description: description.unwrap_or(now.description),
                wanted: events.unwrap_or(now.wanted),
                users: users.or(now.users).filter(|_| !all_users),
            };
            webhooks::change(app, &id, wish, &actor).await?;
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
            tracing::info!(webhook.id = %id, old_until = until, "rotated a secret: the new one is not shown again");
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
            (None, None) => return Err(Usage("replay needs --since or --delivery".to_owned()).into()),
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

async fn log(
    app: &App,
    id: &WebhookId,
    state: Option<DeliveryState>,
    limit: i64,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    webhooks::find(app, id).await?.ok_or(webhooks::Error::Unknown)?;
    for line in webhooks::log(app, id, state, None, limit).await?.rows {
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
                (None, fault) => fault.clone().unwrap_or_else(|| "not tried".to_owned()),
            };
            let (made_at, kind, event) = (line.made_at, &line.kind, event.as_deref().unwrap_or("-"));
            let (state, tries) = (line.state.as_str(), line.tries);
            writeln!(out, "{}\t{made_at}\t{kind}\t{event}\t{state}\t{answer}\t{tries}", line.id)?;
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

fn read_url(text: &str, reach: Reach) -> Result<WebhookUrl, Usage> {
    WebhookUrl::parse(text, reach).map_err(|fault| Usage(format!("--url: {fault}")))
}

fn read_state(text: &str) -> Result<DeliveryState, &'static str> {
    DeliveryState::from_text(text).ok_or("waiting, delivered, failed or skipped")
}

fn read_since(text: &str) -> Result<Since, &'static str> {
    let moment = text.parse().ok().map(Since::Moment);
    moment
        .or_else(|| span(text).map(Since::Ago))
        .ok_or("a moment such as 2026-11-22T10:00:00Z, or how long ago, such as 24h")
}
