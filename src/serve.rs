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
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::app::App;
use crate::config::{Config, Site};
use crate::domain::{Clock, Entropy, Network};
use crate::flow::{
    connecting::prove,
    dashboard::diagnostics::{PLAIN_TEXT, on_network},
    lending::key_reads,
    open_vault, operators, sweep,
    transfer::{backup, rekey},
    watching::watch as watching,
    webhooks::dispatch,
};
use crate::live::worker::{self, Plan};
use crate::live::{checkpoint, durability};
use crate::storage::{self, Db, Making, PostgresSettings, diagnostics, grants, idempotency, ring_keys};
use crate::web;
use crate::woo;

pub use self::accept::accept;
pub use self::limits::Limits;
use self::starting::Door;

/// How long accepted requests may take after SIGTERM: a little longer than a callback. After that they are cut off, so a supervisor
/// must wait longer before it kills the process (docker-compose.yml: 60 s).
const DRAIN: Duration = Duration::from_secs(48);
/// How long workers may take to finish when the process stops: a delivery takes at most 15 s, then its result is saved. Unfinished
/// work continues after the restart, because all of a worker's state is in the database. Without this limit, a worker that waits
/// for a locked database would delay the exit for 40 s.
const WORKERS_WITHIN: Duration = Duration::from_secs(17);
/// How long closing the database may take at the end.
const CLOSE: Duration = Duration::from_secs(2);

/// Opens the database and the vault, and creates the shared state; creates a missing database or ring, and migrates an older schema.
pub async fn open(config: &Config) -> anyhow::Result<App> {
    open_with(config, Making::Allowed).await
}

/// The same, but fails if the service has never run with this database, or only an older version of it has.
pub async fn open_existing(config: &Config) -> anyhow::Result<App> {
    open_with(config, Making::Refused).await
}

/// The PostgreSQL settings in `config`.
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
        bail!("the service has never run with this database: start “cartkey serve” once, which creates the key ring");
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
    let mut signals = StopSignals::listen()?;
    let hangups = signal(SignalKind::hangup())?;
    let public = bind(config.listen, "CARTKEY_LISTEN")?;
    let internal = match config.internal_listen {
        Some(address) => Some(bind(address, "CARTKEY_INTERNAL_LISTEN")?),
        None => None,
    };
    let (listen, internal_listen) = (public.local_addr()?, internal.as_ref().map(TcpListener::local_addr).transpose()?);
    // Requests wait while the database is opened and migrated; `/livez` is answered at once.
    let starting = |listener| {
        let (start, door) = Door::closed(config.site.secure);
        (start, (listener, door))
    };
    let (start, listeners): (Vec<_>, Vec<_>) = std::iter::once(public).chain(internal).map(starting).unzip();
    let serving = Serving::begin(listeners, &config.site);
    let started = async {
        let app = open(&config).await?;
        rekey::enter(&app).await?;
        // This is the only process on an SQLite file, so a process that claimed a grant or an idempotency key is dead: nobody
        // need wait until the claim expires.
        if !app.db.is_postgres()
            && let Err(error) = release_claims(&app.db).await
        {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "claims of an earlier process were not released; they expire"
            );
        }
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
        if let Some(says) = on_network(&app).await {
            tracing::warn!("{says}");
        }
        offer_set_up(&app, &config).await?;
        anyhow::Ok(app)
    };
    let outcome = tokio::select! {
        app = started => app.map(Some),
        () = signals.wait() => Ok(None),
    };
    let app = match outcome {
        Ok(Some(app)) => app,
        // Waiting requests get this answer before the process ends.
        not_started => {
            drop(start);
            serving.drain(&mut signals, []).await;
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
    serving.until_stopped(signals, app).await
}

async fn release_claims(db: &Db) -> Result<(), storage::Error> {
    grants::release_all(db).await?;
    idempotency::end_all(db).await
}

/// While there is no operator, prints a link that creates the first one: on standard error, not in the log.
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

/// The address of the dashboard, without a trailing slash.
pub fn dashboard(config: &Config) -> String {
    match config.internal_listen {
        None => config.site.public_url.clone(),
        // Browsers accept the session cookie over plain http only from localhost; elsewhere, `ssh -L` forwards to it.
        Some(address) => format!("http://localhost:{}", address.port()),
    }
}

/// Serves `listeners` and runs the workers until the process is told to stop, then drains.
pub async fn until_stopped(
    signals: StopSignals,
    app: App,
    listeners: Vec<(TcpListener, web::Routes)>,
) -> anyhow::Result<()> {
    let listeners = listeners.into_iter().map(|(listener, routes)| (listener, routes.into())).collect();
    Serving::begin(listeners, &app.site).until_stopped(signals, app).await
}

struct Serving {
    listeners: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
    stopped: watch::Receiver<bool>,
}

impl Serving {
    /// Starts serving `listeners`.
    fn begin(listeners: Vec<(TcpListener, Door)>, site: &Site) -> Self {
        let (stop, stopped) = watch::channel(false);
        let limits = Limits::of(site, listeners.len());
        let serve = |(listener, door)| tokio::spawn(accept(listener, door, limits.clone(), stopped.clone()));
        Self { listeners: listeners.into_iter().map(serve).collect(), stop, stopped }
    }

    /// Runs the workers until the process is told to stop, then drains.
    async fn until_stopped(self, mut signals: StopSignals, app: App) -> anyhow::Result<()> {
        let mut workers = vec![
            work(&app, &self.stopped, prove::WORKER, prove::run),
            work(&app, &self.stopped, sweep::WORKER, sweep::run),
            work(&app, &self.stopped, watching::WORKER, watching::run),
            work(&app, &self.stopped, key_reads::WORKER, key_reads::run),
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
        // Only if backups are scheduled, so that Diagnostics does not list a worker that never runs.
        if app.backup.is_some() {
            workers.push(work(&app, &self.stopped, backup::WORKER, backup::run));
        }
        signals.wait().await;
        app.drain();
        self.drain(&mut signals, workers).await;
        // A request that was cut off may still hold a connection to a database that hangs.
        let _ = tokio::time::timeout(CLOSE, app.db.close()).await;
        Ok(())
    }

    /// Stops accepting, and waits until accepted requests are answered and the workers have ended or timed out.
    async fn drain(self, signals: &mut StopSignals, workers: impl IntoIterator<Item = Working>) {
        tracing::info!("stopping: finishing accepted requests");
        self.stop.send_replace(true);
        let answered = async {
            for listener in self.listeners {
                let _ = listener.await;
            }
        };
        let ended = async {
            let left = end(workers, WORKERS_WITHIN).await;
            if !left.is_empty() {
                tracing::warn!(
                    workers = left.join(", "),
                    "stopping without these workers, which took too long: their work continues after the restart"
                );
            }
        };
        let drained = async {
            tokio::join!(answered, ended);
        };
        match drain(drained, DRAIN, signals.wait()).await {
            Drained::Whole => tracing::info!("stopped"),
            Drained::CutOff => tracing::warn!("stopped: some requests took too long and were cut off"),
            Drained::Hurried => tracing::warn!("second stop signal: not waiting any longer"),
        }
    }
}

/// A worker that was started, by name.
type Working = (&'static str, JoinHandle<()>);

/// Starts a worker that is restarted when it panics.
fn work<F>(
    app: &App,
    stopped: &watch::Receiver<bool>,
    plan: Plan,
    run: impl Fn(App, watch::Receiver<bool>) -> F + Send + 'static,
) -> Working
where
    F: Future<Output = ()> + Send + 'static,
{
    let (app, worker, stopped) = (app.clone(), app.workers.enter(plan), stopped.clone());
    let stop = worker::stop_requested(stopped.clone());
    let run = move || run(app.clone(), stopped.clone());
    (plan.name, tokio::spawn(worker::supervise(worker, stop, run)))
}

/// Waits until the workers have ended, and aborts those that take longer; returns their names.
async fn end(workers: impl IntoIterator<Item = Working>, within: Duration) -> Vec<&'static str> {
    let until = Instant::now() + within;
    let mut left = Vec::new();
    for (name, mut worker) in workers {
        if timeout_at(until, &mut worker).await.is_err() {
            worker.abort();
            left.push(name);
        }
    }
    left
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drained {
    /// Every accepted request was answered.
    Whole,
    /// The time limit was reached: a hard stop.
    CutOff,
    /// A second signal: a hard stop.
    Hurried,
}

async fn drain(all: impl Future<Output = ()>, within: Duration, again: impl Future<Output = ()>) -> Drained {
    tokio::select! {
        () = all => Drained::Whole,
        () = tokio::time::sleep(within) => Drained::CutOff,
        () = again => Drained::Hurried,
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

/// SIGTERM and SIGINT, listened to for as long as the process runs, so that a second one is not missed.
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    pub fn listen() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

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

    #[tokio::test]
    async fn a_worker_that_takes_too_long_is_left_and_named_and_the_others_are_waited_for() {
        let done = || tokio::spawn(ready(()));
        let hangs = || tokio::spawn(pending());
        let long = Duration::from_hours(1);
        assert_eq!(end([("a", done()), ("b", done())], long).await, Vec::<&str>::new());
        let ended = done();
        while !ended.is_finished() {
            tokio::task::yield_now().await;
        }
        assert_eq!(end([("a", hangs()), ("b", ended), ("c", hangs())], Duration::ZERO).await, ["a", "c"]);
    }
}
