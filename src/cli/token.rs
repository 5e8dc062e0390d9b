//! `cartkey token`: issue, list, rotate, revoke.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Subcommand;

use super::Usage;
use crate::app::App;
use crate::config::span;
use crate::domain::actor::Actor;
use crate::domain::calls::{CallLimit, CallLimits, Namespaces};
use crate::domain::id::TokenId;
use crate::domain::page::MOST;
use crate::domain::time::Time;
use crate::domain::token::{Permission, Permissions, ServiceToken, TokenState, Users};
use crate::flow::lending::key_reads::{self, OfToken};
use crate::flow::lending::tokens::{self, NewToken};

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Issue a token and print it, once.
    Issue {
        /// A name for the token, such as the name of the service.
        #[arg(long, value_parser = read_name)]
        name: String,
        #[arg(long, help = format!("Permissions, comma separated: {}", Permission::ALL.map(Permission::as_str).join(", ")))]
        allow: Permissions,
        /// Limit the token to these user IDs, comma separated; all by default.
        #[arg(long, value_parser = read_users)]
        users: Option<Users>,
        /// Read the user IDs from a file, one per line.
        #[arg(long, conflicts_with = "users")]
        users_file: Option<PathBuf>,
        /// Namespaces of the stores' API that the token may call beside wc/ and wc-…/, comma separated, such as wp/v2/media. With
        /// wp/v2 and proxy:write, it can take over a store that is connected by an application password.
        #[arg(long, default_value = "", hide_default_value = true)]
        namespaces: Namespaces,
        #[arg(long, default_value = "", hide_default_value = true, help = format!(
            "Limits on the token's calls to stores, such as seconds=30,per_minute=60; none by default. The limits: {}",
            CallLimit::ALL.map(CallLimit::as_str).join(", ")
        ))]
        limits: CallLimits,
        /// When the token expires, such as 90d or 12h; never by default.
        #[arg(long, value_parser = read_span)]
        expires_in: Option<Duration>,
    },
    /// List the tokens, without their secrets: ID, name, permissions, state, user IDs, last used, namespaces, limits.
    List,
    /// Replace a token with a new one and print it, once.
    Rotate {
        /// The ID (tk_…) of the token to replace.
        id: TokenId,
        /// How long the old token keeps working: a time such as 1h or 7d, or `now` to end it at once.
        #[arg(long, value_parser = read_overlap, default_value = "24h")]
        overlap: Duration,
    },
    /// Revoke a token immediately.
    Revoke {
        /// The token's ID (tk_…).
        id: TokenId,
    },
}

/// Runs the command.
pub async fn run(app: &App, command: TokenCommand, out: &mut impl Write) -> anyhow::Result<()> {
    match command {
        TokenCommand::Issue { name, allow, users, users_file, namespaces, limits, expires_in } => {
            let users = match users_file {
                Some(file) => Some(read_users_file(&file)?),
                None => users,
            };
            let new = NewToken { users, namespaces, limits, lives: expires_in, ..NewToken::new(name, allow) };
            let (token, secret) = tokens::issue(app, new, &Actor::cli()).await?;
            writeln!(out, "{}", secret.expose())?;
            tracing::info!(token.id = %token.id, "issued a token; it is not shown again");
        }
        TokenCommand::List => list(app, out).await?,
        TokenCommand::Rotate { id, overlap } => {
            let (token, secret) = tokens::rotate(app, &id, overlap, &Actor::cli()).await?;
            writeln!(out, "{}", secret.expose())?;
            tracing::info!(token.id = %token.id, replaces = %id, "issued a token; it is not shown again");
        }
        TokenCommand::Revoke { id } => {
            if !tokens::revoke(app, &id, &Actor::cli()).await? {
                bail!("there is no active token {id}");
            }
        }
    }
    Ok(())
}

async fn list(app: &App, out: &mut impl Write) -> anyhow::Result<()> {
    let reads = key_reads::of_tokens(app, app.now()).await?;
    let mut after = TokenId::least(Time::from_millis(0));
    loop {
        let page = tokens::after(app, &after, MOST).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id.clone();
        for token in page {
            write_line(app, &token, reads.get(&token.id), out)?;
        }
    }
}

fn write_line(app: &App, token: &ServiceToken, reads: Option<&OfToken>, out: &mut impl Write) -> anyhow::Result<()> {
    let users = token.users.as_ref().map_or_else(
        || "all user_ids".to_owned(),
        |u| if u.count() == 1 { "1 user_id".to_owned() } else { format!("{} user_ids", u.count()) },
    );
    let last = reads.and_then(|read| read.last_at);
    let used = last.map_or_else(|| "never used".to_owned(), |at| format!("last used {at}"));
    let ServiceToken { id, name, permissions, namespaces, limits, .. } = token;
    let or = |text: String, none: &str| if text.is_empty() { none.to_owned() } else { text };
    let (namespaces, limits) = (or(namespaces.to_string(), "no namespaces"), or(limits.to_string(), "no limits"));
    writeln!(out, "{id}\t{name}\t{permissions}\t{}\t{users}\t{used}\t{namespaces}\t{limits}", state(app, token))?;
    Ok(())
}

fn state(app: &App, token: &ServiceToken) -> String {
    let end = || token.expires_at.map_or_else(|| "never expires".to_owned(), |end| format!("expires {end}"));
    match token.state_at(app.now()) {
        TokenState::Working => end(),
        TokenState::Rotating => format!("replaced, {}", end()),
        TokenState::Replaced => "replaced".to_owned(),
        TokenState::Expired => "expired".to_owned(),
        TokenState::Revoked => "revoked".to_owned(),
    }
}

fn read_name(text: &str) -> Result<String, &'static str> {
    let name = text.trim();
    let fits = (1..=80).contains(&name.chars().count());
    fits.then(|| name.to_owned()).ok_or("a name must be 1 to 80 characters long")
}

fn read_span(text: &str) -> Result<Duration, &'static str> {
    span(text).ok_or("must be a time such as 90d, 12h or 30m")
}

fn read_overlap(text: &str) -> Result<Duration, &'static str> {
    if text == "now" { Ok(Duration::ZERO) } else { read_span(text) }
}

pub(super) fn read_users(text: &str) -> Result<Users, String> {
    text.replace(',', "\n").parse().map_err(|fault: crate::domain::token::NotUsers| fault.to_string())
}

fn read_users_file(file: &std::path::Path) -> anyhow::Result<Users> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text.parse().map_err(|fault| Usage(format!("--users-file: {fault}")))?)
}
