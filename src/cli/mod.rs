//! The command line. Only a command's result goes to stdout; everything else goes to stderr.

mod backup;
mod check;
mod migrate;
mod operator;
mod progress;
mod rekey;
mod token;
mod transfer;
mod webhook;

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::app::App;
use crate::config::Config;
use crate::domain::page::MOST;
use crate::domain::{Actor, Confirm, Scope, Store, StoreId, StoreUrl, UserId};
use crate::flow::connecting::links::NewLink;
use crate::flow::dashboard::diagnostics::Depth;
use crate::flow::dashboard::store_list::Filter;
use crate::flow::{connecting::links, dashboard::store_list};
use crate::web::api::answers;
use crate::{doctor, serve, telemetry};

/// Connects WooCommerce stores without anyone copying API keys, and serves the keys to your services.
#[derive(Debug, Parser)]
#[command(name = "cartkey", version = crate::VERSION, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service (the default command).
    Serve,
    /// Run the service and a pretend store on loopback with throw-away data.
    Demo,
    /// Manage service tokens, which internal services authenticate with.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Manage webhooks, which send events to internal services.
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    /// Manage operators, who can sign in to the dashboard.
    #[command(subcommand)]
    Operator(operator::OperatorCommand),
    /// Create a link to connect a merchant's store; prints its address.
    Link {
        /// Your application's ID of the merchant.
        #[arg(long)]
        user_id: UserId,
        /// The store's address, if you know it.
        #[arg(long)]
        store_url: Option<String>,
        /// The scope to request: `read`, `write` or `read_write`.
        #[arg(long)]
        scope: Option<Scope>,
    },
    /// List all stores.
    Stores {
        /// Print one JSON document per line.
        #[arg(long)]
        json: bool,
    },
    /// Check whether the key of one store (or all) still works.
    Check {
        /// The store's ID; without it, every store that is not disconnected is checked.
        id: Option<StoreId>,
    },
    /// Import stores whose keys you already have from a CSV file.
    Import(transfer::ImportArguments),
    /// Export every connected store with its key as CSV for `import`. The export is recorded in the activity log.
    Export {
        /// Write the secrets even to a terminal.
        #[arg(long)]
        with_secrets: bool,
    },
    /// Copy the whole installation into another, empty database.
    MigrateTo {
        /// The database's address, sqlite:PATH or postgres://…; `-` reads it from standard input.
        url: String,
    },
    /// Back up everything to one file, while the service runs. The key ring is not included.
    Backup(backup::BackupArguments),
    /// Restore a backup into the configured database, which must be empty (SQLite or PostgreSQL).
    Restore {
        /// The backup; `-` reads standard input.
        from: PathBuf,
    },
    /// Replace the sealing key and re-seal everything, while the service runs. Run it again if it was interrupted.
    Rekey,
    /// Check the configuration, the database and the key ring.
    Doctor {
        /// Only check that a running service answers /livez (for container health checks).
        #[arg(long)]
        live: bool,
        /// Open every sealed value, and check the integrity of a SQLite file; may take a long time.
        #[arg(long, conflicts_with = "live")]
        deep: bool,
    },
}

/// Runs the command.
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
        Command::Restore { from } => backup::restore(&config, &from, &mut io::stdout().lock()).await,
        other => {
            // An invalid command line must not create a database first.
            let home = named_home(&other, &config)?;
            if let Command::Webhook(command) = &other {
                command.check(config.site.network)?;
            }
            if let Command::Backup(asked) = &other {
                asked.check()?;
            }
            let app = serve::open_existing(&config).await?;
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
        Command::Import(asked) => transfer::import(app, asked, out).await,
        Command::Export { with_secrets } => transfer::export(app, with_secrets, out).await,
        Command::MigrateTo { url } => migrate::run(app, &url, config, out).await,
        Command::Backup(asked) => backup::back_up(app, asked, out).await,
        Command::Rekey => rekey::run(app, out).await,
        Command::Serve | Command::Demo | Command::Doctor { .. } | Command::Restore { .. } => Ok(()),
    }
}

/// Parses `--store-url`. Which addresses are allowed depends on the configuration, so clap cannot parse it.
fn named_home(command: &Command, config: &Config) -> Result<Option<StoreUrl>, Usage> {
    let Command::Link { store_url: Some(typed), .. } = command else { return Ok(None) };
    StoreUrl::typed(typed, config.site.network).map(Some).map_err(|fault| Usage(format!("--store-url: {fault}")))
}

/// The command line is invalid: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(String);

async fn link(
    app: &App,
    user_id: UserId,
    home: Option<StoreUrl>,
    scope: Option<Scope>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let new = NewLink {
        user_id,
        account_label: None,
        home,
        store_id: None,
        scope,
        return_url: None,
        confirm: Confirm::Browser,
        lives: None,
    };
    let (link, url) = links::make(app, new, &Actor::cli()).await?;
    writeln!(out, "{}", url.expose())?;
    tracing::info!(link.id = %link.id, expires_at = %link.expires_at, "created a link");
    Ok(())
}

async fn list_stores(app: &App, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    each_store(app, |store| {
        let line = if json { serde_json::to_string(&answers::Store::from(&store))? } else { line(&store) };
        Ok(writeln!(out, "{line}")?)
    })
    .await
}

async fn each_store(app: &App, mut tell: impl FnMut(Store) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let (everything, mut after) = (Filter::default(), None);
    loop {
        let page = store_list::list(app, &everything, after.as_ref(), MOST).await?;
        page.rows.into_iter().try_for_each(&mut tell)?;
        let Some(next) = page.next else { return Ok(()) };
        after = Some(next.parse().context("a page ends with a store's id")?);
    }
}

fn line(store: &Store) -> String {
    let reason = store.reason.map_or("-", |reason| reason.code());
    format!("{}\t{}\t{}\t{}\t{reason}\t{}", store.id, store.status.as_str(), store.user_id, store.home, store.scope)
}

/// The exit code for an error: 2 if the command line is invalid, otherwise 1.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() { 2 } else { 1 }
}
