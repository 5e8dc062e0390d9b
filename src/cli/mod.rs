//! The command line. What a command was asked for goes to standard output, alone; everything else to standard error.

mod carry;
mod check;
mod migrate;
mod operator;
mod progress;
mod token;
mod webhook;

use std::io::{self, Write};

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::app::App;
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::id::StoreId;
use crate::domain::link::Confirm;
use crate::domain::page::MOST;
use crate::domain::scope::Scope;
use crate::domain::store::Store;
use crate::domain::store_url::StoreUrl;
use crate::domain::user_id::UserId;
use crate::flow::diagnostics::Depth;
use crate::flow::links::Wish;
use crate::flow::store_list::Filter;
use crate::flow::{links, store_list};
use crate::web::api::answers;
use crate::{doctor, serve, telemetry};

/// Connects WooCommerce stores without anyone copying API keys, and lends the keys to your services.
#[derive(Debug, Parser)]
#[command(name = "cartkey", version, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service (what `cartkey` alone does).
    Serve,
    /// Run the service and a pretend store on loopback, with throw-away data.
    Demo,
    /// Service tokens: what internal services show to be let in.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Webhooks: addresses of internal services that are told of events.
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    /// Operators: who may sign in to the dashboard.
    #[command(subcommand)]
    Operator(operator::OperatorCommand),
    /// Make a link that connects a merchant's store; prints its address.
    Link {
        /// Your application's own id of the merchant.
        #[arg(long)]
        user_id: UserId,
        /// The store's address, when you know it.
        #[arg(long)]
        store_url: Option<String>,
        /// What to ask: `read`, `write` or `read_write`.
        #[arg(long)]
        scope: Option<Scope>,
    },
    /// List the connected stores.
    Stores {
        /// As one JSON document per line.
        #[arg(long)]
        json: bool,
    },
    /// Ask a store (or all) whether its key still works.
    Check {
        /// The store's id; all connected stores when left out.
        id: Option<StoreId>,
    },
    /// Take over stores whose keys you already have, from a CSV file.
    Import(carry::ImportArguments),
    /// Write every store with its key, as CSV that `import` reads. On record before the first key leaves.
    Export {
        /// Write the secrets even to a terminal.
        #[arg(long)]
        with_secrets: bool,
    },
    /// Copy the whole installation into another, empty database: sqlite:PATH or postgres://…
    MigrateTo {
        /// Its address; `-` reads it from standard input.
        url: String,
    },
    /// Check the configuration, the database and the key ring.
    Doctor {
        /// Only ask a running service whether it is alive, for a container's health check.
        #[arg(long)]
        live: bool,
        /// Open every sealed value and check the integrity of a SQLite file; may take a long time.
        #[arg(long, conflicts_with = "live")]
        deep: bool,
    },
}

/// Does what the command line asks.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let command = arguments.command.unwrap_or(Command::Serve);
    if let Command::Demo = command {
        return crate::demo::run().await;
    }
    let config = Config::load()?;
    telemetry::start(&config.log);
    match command {
        Command::Serve => serve::run(config).await,
        Command::Demo => Ok(()),
        Command::Doctor { live: true, .. } => doctor::live(&config).await,
        Command::Doctor { deep, .. } => {
            let depth = if deep { Depth::Everything } else { Depth::Sample };
            doctor::run(&config, depth, &mut io::stdout().lock()).await
        }
        other => {
            // A command line that is wrong must not make a database first.
            let home = named_home(&other, &config)?;
            if let Command::Webhook(command) = &other {
                command.check(config.site.reach)?;
            }
            let app = serve::open(&config).await?;
            let done = on_data(&app, other, home, &config, &mut io::stdout().lock()).await;
            app.db.close().await;
            done
        }
    }
}

async fn on_data(
    app: &App,
    command: Command,
    home: Option<StoreUrl>,
    config: &Config,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match command {
        Command::Token(command) => token::run(app, command, out).await,
        Command::Webhook(command) => webhook::run(app, command, out).await,
        Command::Operator(command) => operator::run(app, command, out).await,
        Command::Link { user_id, scope, .. } => link(app, user_id, home, scope, out).await,
        Command::Stores { json } => list_stores(app, json, out).await,
        Command::Check { id } => check::run(app, id, out).await,
        Command::Import(asked) => carry::import(app, asked, out).await,
        Command::Export { with_secrets } => carry::export(app, with_secrets, out).await,
        Command::MigrateTo { url } => migrate::run(app, &url, &config.master_key, out).await,
        Command::Serve | Command::Demo | Command::Doctor { .. } => Ok(()),
    }
}

/// The store's address on the command line. What may be one, the configuration decides, so clap cannot read it.
fn named_home(command: &Command, config: &Config) -> Result<Option<StoreUrl>, Usage> {
    let Command::Link { store_url: Some(typed), .. } = command else { return Ok(None) };
    StoreUrl::parse(typed, config.site.reach).map(Some).map_err(|fault| Usage(format!("--store-url: {fault}")))
}

/// The command line itself is wrong: exit code 2.
#[derive(Debug)]
pub struct Usage(String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

async fn link(
    app: &App,
    user_id: UserId,
    home: Option<StoreUrl>,
    scope: Option<Scope>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let wish = Wish {
        user_id,
        account_label: None,
        home,
        store_id: None,
        scope,
        return_url: None,
        confirm: Confirm::Browser,
        lives: None,
    };
    let (link, url) = links::make(app, wish, &Actor::cli()).await?;
    writeln!(out, "{}", url.expose())?;
    tracing::info!(link.id = %link.id, expires_at = %link.expires_at, "made a link");
    Ok(())
}

async fn list_stores(app: &App, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let (everything, mut after) = (Filter::default(), None);
    loop {
        let page = store_list::list(app, &everything, after.as_ref(), MOST).await?;
        for store in &page.rows {
            if json {
                writeln!(out, "{}", serde_json::to_string(&answers::Store::from(store))?)?;
            } else {
                writeln!(out, "{}", line(store))?;
            }
        }
        let Some(next) = page.next else { return Ok(()) };
        after = Some(next.parse().context("a page ends with a store's id")?);
    }
}

fn line(store: &Store) -> String {
    let reason = store.reason.map_or("-", |reason| reason.code());
    format!("{}\t{}\t{}\t{}\t{reason}\t{}", store.id, store.status.as_str(), store.user_id, store.home, store.scope)
}

/// How a process that failed ends: 2 when the command line was wrong, else 1.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() { 2 } else { 1 }
}
