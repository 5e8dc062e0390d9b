//! Running the service: bind, open, serve, and stop without dropping what was accepted.

mod accept;
mod connections;
mod limits;
mod refusal;
mod reload;
mod sent;
mod starting;
mod write_deadline;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::config::{Config, Site};
use crate::domain::entropy::Entropy;
use crate::domain::store_url::Network;
use crate::domain::time::Clock;
use crate::flow::{
    connecting::prove,
    dashboard::{diagnostics::PLAIN_TEXT, words},
    lending::key_reads,
    open_vault, operators, sweep,
    transfer::{backup, rekey},
    watching::watch as watching,
    webhooks::dispatch,
};
use crate::live::worker::{self, Plan};
use crate::live::{checkpoint, durability};
use crate::storage::{Db, Making, PostgresSettings, diagnostics, ring_keys};
use crate::web;
use crate::woo;

pub use self::accept::accept;
pub use self::limits::Limits;

/// How long requests that were accepted may still take after SIGTERM: a callback's own limit. After that they are cut
/// off, so whoever starts this must wait longer before killing it (docker-compose.yml: 60 s).
const DRAIN: Duration = Duration::from_secs(48);
/// How long the database may take to let go of us at the end.
const CLOSE: Duration = Duration::from_secs(2);

/// Opens everything that `config` names; makes and migrates what is missing or older.
pub async fn open(config: &Config) -> anyhow::Result<App> {
    open_with(config, Making::Allowed).await
}

/// The same, but fails if the service has never run with this database, or only an older version of it has.
pub async fn open_existing(config: &Config) -> anyhow::Result<App> {
    open_with(config, Making::Refused).await
}

/// How `config` says that PostgreSQL is used.
pub fn postgres_settings(config: &Config) -> PostgresSettings {
    PostgresSettings {
        connections: config.database_connections,
        statement_timeout: config.database_statement_timeout,
        tls: config.database_tls.clone(),
        tls_roots: config.database_tls_roots.clone(),
    }
}

async fn open_with(config: &Config, making: Making) -> anyhow::Result<App> {
    let clock = Clock::System;
    let entropy = Entropy::System;
    let db = Db::open_with(config.database_url.expose(), &postgres_settings(config), making).await?;
    if making == Making::Refused && ring_keys::all(&db).await?.is_empty() {
        bail!("the service has never run with this database: start “cartkey serve” once, which makes the key ring");
    }
    let vault = open_vault::open_vault(&db, &config.master_key, clock.now(), &entropy).await?;
    let outgoing = woo::Outgoing {
        network: config.site.network,
        resolver: woo::Resolver::System,
        extra_roots: Vec::new(),
        user_agent: woo::user_agent(&config.site.public_url),
        own_host: Some(config.site.public_host.clone()),
    };
    let client = woo::Client::new(outgoing, clock.clone(), entropy.clone());
    let mut app = App::new(db, vault, client, clock, entropy, config.site.clone());
    app.check_every = config.check_every;
    app.ring = Some(config.master_key.clone());
    app.backup.clone_from(&config.backup);
    Ok(app)
}

/// Serves until SIGTERM or SIGINT; a second one ends the process at once.
pub async fn run(config: Config) -> anyhow::Result<()> {
    // Before anyone can connect: a process stopped during start-up may already have accepted connections to answer.
    let mut told = Told::listen()?;
    let hangups = signal(SignalKind::hangup())?;
    let public = bind(config.listen, "CARTKEY_LISTEN")?;
    let internal = match config.internal_listen {
        Some(address) => Some(bind(address, "CARTKEY_INTERNAL_LISTEN")?),
        None => None,
    };
    let (listen, internal_listen) = (public.local_addr()?, internal.as_ref().map(TcpListener::local_addr).transpose()?);
    // Requests wait while the database is opened and migrated; `/livez` is answered at once.
    let starting = |listener| starting::router(listener, config.site.secure);
    let (start, listeners): (Vec<_>, Vec<_>) = std::iter::once(public).chain(internal).map(starting).unzip();
    let serving = Serving::begin(listeners, &config.site);
    let started = async {
        let app = open(&config).await?;
        rekey::enter(&app).await?;
        warn_about(&config);
        tracing::info!(
            %listen,
            internal = internal_listen.map(tracing::field::display),
            public_url = %config.site.public_url,
            database = %app.db.version().await?,
            "Cartkey {} is serving", crate::VERSION
        );
        if diagnostics::is_plain_text(&app.db).await? {
            tracing::warn!("{PLAIN_TEXT}");
        }
        offer_set_up(&app, &config).await?;
        anyhow::Ok(app)
    };
    let outcome = tokio::select! {
        app = started => app.map(Some),
        () = told.wait() => Ok(None),
    };
    let app = match outcome {
        Ok(Some(app)) => app,
        // Those who wait are told so, and have their answer before the process ends.
        not_started => {
            drop(start);
            serving.drain(&mut told, []).await;
            return not_started.map(drop);
        }
    };
    match start.as_slice() {
        [public, internal] => {
            public.send_replace(Some(web::public(&app)));
            internal.send_replace(Some(web::internal(&app)));
        }
        all => all.iter().for_each(|listener| drop(listener.send_replace(Some(web::all(&app))))),
    }
    tokio::spawn(reload::run(hangups, app.clone(), serving.stopped.clone()));
    serving.until_stopped(told, app).await
}

/// While there is no operator, prints a link that makes the first: to whoever started the process, past the log.
async fn offer_set_up(app: &App, config: &Config) -> anyhow::Result<()> {
    if let Some(link) = operators::setup_link(app, &dashboard(config)).await? {
        let from = if config.internal_listen.is_some() { ", on this machine or through ssh -L" } else { "" };
        let minutes = operators::SETUP_LINK_LIVES.as_secs() / 60;
        writeln!(
            io::stderr(),
            "\nThere is no operator yet. Open this within {minutes} minutes{from} to create the first one; it works once:\n\n    {}\n",
            link.expose()
        )?;
    }
    Ok(())
}

/// Where operators reach the dashboard, without a slash at its end.
pub fn dashboard(config: &Config) -> String {
    match config.internal_listen {
        None => config.site.public_url.clone(),
        // Browsers take the session's cookie over plain http from localhost only; `ssh -L` leads there from elsewhere.
        Some(address) => format!("http://localhost:{}", address.port()),
    }
}

/// Serves `listeners` and runs the workers until the process is told to stop, then drains.
pub async fn until_stopped(told: Told, app: App, listeners: Vec<(TcpListener, Router)>) -> anyhow::Result<()> {
    Serving::begin(listeners, &app.site).until_stopped(told, app).await
}

/// The listeners being served.
struct Serving {
    listeners: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
    stopped: watch::Receiver<bool>,
}

impl Serving {
    /// Serves each of `listeners` from now on.
    fn begin(listeners: Vec<(TcpListener, Router)>, site: &Site) -> Self {
        let (stop, stopped) = watch::channel(false);
        let limits = Limits::of(site, listeners.len());
        let serve = |(listener, router)| tokio::spawn(accept(listener, router, limits.clone(), stopped.clone()));
        Self { listeners: listeners.into_iter().map(serve).collect(), stop, stopped }
    }

    /// Runs the workers until the process is told to stop, then drains.
    async fn until_stopped(self, mut told: Told, app: App) -> anyhow::Result<()> {
        let mut workers = vec![
            work(&app, &self.stopped, prove::WORKER, prove::run),
            work(&app, &self.stopped, sweep::WORKER, sweep::run),
            work(&app, &self.stopped, watching::WORKER, watching::run),
            work(&app, &self.stopped, key_reads::WORKER, key_reads::run),
            work(&app, &self.stopped, words::WORKER, words::run),
            work(&app, &self.stopped, rekey::WORKER, rekey::run_worker),
            work(&app, &self.stopped, dispatch::WORKER, dispatch::run),
            work(&app, &self.stopped, durability::WORKER, |app, stop| {
                durability::run(app.db.clone(), app.workers.enter(durability::WORKER), stop)
            }),
        ];
        if !app.db.is_postgres() {
            workers.push(work(&app, &self.stopped, checkpoint::WORKER, |app, stop| {
                checkpoint::run(app.db.clone(), app.workers.enter(checkpoint::WORKER), stop)
            }));
        }
        // Only where they are scheduled, so that Diagnostics does not list what never runs.
        if app.backup.is_some() {
            workers.push(work(&app, &self.stopped, backup::WORKER, backup::run));
        }
        told.wait().await;
        app.drain();
        self.drain(&mut told, workers).await;
        // What was cut off may still hold a connection to a database that hangs.
        let _ = tokio::time::timeout(CLOSE, app.db.close()).await;
        Ok(())
    }

    /// Takes nothing new, and ends when everything that was accepted is answered and `workers` have ended, or it takes too long.
    async fn drain(self, told: &mut Told, workers: impl IntoIterator<Item = JoinHandle<()>>) {
        tracing::info!("stopping: finishing accepted requests");
        self.stop.send_replace(true);
        let drained = async {
            for each in self.listeners.into_iter().chain(workers) {
                let _ = each.await;
            }
        };
        match drain(drained, DRAIN, told.wait()).await {
            Drained::Whole => tracing::info!("stopped"),
            Drained::CutOff => tracing::warn!("stopped: some requests took too long and were cut off"),
            Drained::Hurried => tracing::warn!("second stop signal: not waiting any longer"),
        }
    }
}

/// Starts a worker that is restarted when it panics.
fn work<F>(
    app: &App,
    stopped: &watch::Receiver<bool>,
    plan: Plan,
    run: impl Fn(App, watch::Receiver<bool>) -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (app, worker, stopped) = (app.clone(), app.workers.enter(plan), stopped.clone());
    tokio::spawn(worker::supervise(worker, worker::told(stopped.clone()), move || run(app.clone(), stopped.clone())))
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drained {
    /// Everything that was accepted was answered.
    Whole,
    /// The time was over: a hard stop.
    CutOff,
    /// Told to stop once more: a hard stop.
    Hurried,
}

async fn drain(all: impl Future<Output = ()>, within: Duration, told_again: impl Future<Output = ()>) -> Drained {
    tokio::select! {
        () = all => Drained::Whole,
        () = tokio::time::sleep(within) => Drained::CutOff,
        () = told_again => Drained::Hurried,
    }
}

/// Connections that may wait to be accepted; the kernel may allow fewer. Clients that find the queue full retry after a second.
const QUEUE: u32 = 4_096;

fn bind(address: SocketAddr, variable: &str) -> anyhow::Result<TcpListener> {
    listen(address).with_context(|| format!("{variable}: cannot listen on {address}"))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(QUEUE)
}

/// SIGTERM and SIGINT. Listened to from the start to the end, so that no second one is missed.
pub struct Told {
    terminate: Signal,
    interrupt: Signal,
}

impl Told {
    /// Listens from now on.
    pub fn listen() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next of the two.
    pub async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn warn_about(config: &Config) {
    if config.site.network == Network::PrivateToo {
        tracing::warn!(
            "CARTKEY_ALLOW_PRIVATE_STORES is on: anyone who can open the connect page can make this machine send requests into your internal network. Never use it in production"
        );
    }
    if !config.site.secure {
        tracing::warn!(
            public_url = %config.site.public_url,
            "CARTKEY_PUBLIC_URL is not https: real stores refuse to send their keys there. Use this for testing only"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn a_drain_ends_by_itself_at_its_limit_or_at_the_second_signal() {
        let long = Duration::from_hours(1);
        assert_eq!(drain(ready(()), long, pending()).await, Drained::Whole);
        assert_eq!(drain(pending(), Duration::ZERO, pending()).await, Drained::CutOff);
        assert_eq!(drain(pending(), long, ready(())).await, Drained::Hurried);
    }
}
