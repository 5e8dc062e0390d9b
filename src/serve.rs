//! Running the service: bind, open, serve, and stop without dropping what was accepted.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tower::Service as _;

use crate::app::App;
use crate::config::Config;
use crate::domain::entropy::Entropy;
use crate::domain::store_url::Reach;
use crate::domain::time::Clock;
use crate::flow::{keep, operators, prove, sweep, tell, watch as watching, words};
use crate::live::worker::{self, Plan};
use crate::storage::Db;
use crate::web::{self, Peer};
use crate::woo;

/// What a client may take of us before it has asked for anything.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long a client may take to send a request's head, and how long a connection may be idle between two (10 s).
    pub head_within: Duration,
    /// The most headers of a request (64).
    pub headers: usize,
    /// The most bytes of a request's head (16 KiB).
    pub head: usize,
    /// Connections at a time, on each listener; more wait to be accepted (10,000).
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head_within: Duration::from_secs(10), headers: 64, head: 16 * 1024, connections: 10_000 }
    }
}

/// How long requests that were accepted may still take after SIGTERM: a callback's own limit. After that they are cut
/// off, so whoever starts this must wait longer before killing it (docker-compose.yml: 60 s).
const DRAIN: Duration = Duration::from_secs(48);
/// How long a client that has just connected may take to begin its request once we are told to stop.
const FIRST_WORD: Duration = Duration::from_secs(1);
/// How long the database may take to let go of us at the end.
const CLOSE: Duration = Duration::from_secs(2);

/// Opens everything that `config` names.
pub async fn open(config: &Config) -> anyhow::Result<App> {
    let clock = Clock::System;
    let entropy = Entropy::System;
    let db = Db::open(config.database_url.expose()).await?;
    let vault = keep::open_vault(&db, &config.master_key, clock.now(), &entropy).await?;
    let outgoing = woo::Outgoing {
        reach: config.site.reach,
        resolver: woo::Resolver::System,
        extra_roots: Vec::new(),
        user_agent: woo::user_agent(&config.site.public_url),
        own_host: Some(config.site.public_host.clone()),
    };
    let client = woo::Client::new(outgoing, clock.clone(), entropy.clone());
    let mut app = App::new(db, vault, client, clock, entropy, config.site.clone());
    app.check_every = config.check_every;
    Ok(app)
}

/// Serves until SIGTERM or SIGINT; a second one ends the process at once.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let public = bind(config.listen, "CARTKEY_LISTEN").await?;
    let internal = match config.internal_listen {
        Some(address) => Some(bind(address, "CARTKEY_INTERNAL_LISTEN").await?),
        None => None,
    };
    let app = open(&config).await?;
    warn_about(&config);
    tracing::info!(
        listen = %public.local_addr()?,
        internal = internal.as_ref().map(TcpListener::local_addr).transpose()?.map(tracing::field::display),
        public_url = %config.site.public_url,
        database = %app.db.version().await?,
        "Cartkey {} is serving", env!("CARGO_PKG_VERSION")
    );
    offer_set_up(&app, &config).await?;
    let listeners = match internal {
        None => vec![(public, web::all(&app))],
        Some(internal) => vec![(public, web::public(&app)), (internal, web::internal(&app))],
    };
    until_stopped(app, listeners).await
}

/// While there is no operator, prints a link that makes the first: to whoever started the process, past the log.
async fn offer_set_up(app: &App, config: &Config) -> anyhow::Result<()> {
    if let Some(link) = operators::setup_link(app, &dashboard(config)).await? {
        let from = if config.internal_listen.is_some() { ", on this machine or through ssh -L" } else { "" };
        let minutes = operators::SETUP_LINK_LIVES.as_secs() / 60;
        writeln!(
            io::stderr(),
            "\nThere is no operator yet. Open this within {minutes} minutes{from} to make the first; it works once:\n\n    {}\n",
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
pub async fn until_stopped(app: App, listeners: Vec<(TcpListener, Router)>) -> anyhow::Result<()> {
    let mut told = Told::listen()?;
    let (stop, stopped) = watch::channel(false);
    let workers = [
        work(&app, &stopped, prove::WORKER, prove::run),
        work(&app, &stopped, sweep::WORKER, sweep::run),
        work(&app, &stopped, watching::WORKER, watching::run),
        work(&app, &stopped, words::WORKER, words::run),
        work(&app, &stopped, tell::WORKER, tell::run),
    ];
    let serving: Vec<_> = listeners
        .into_iter()
        .map(|(listener, router)| tokio::spawn(accept(listener, router, Limits::default(), stopped.clone())))
        .collect();
    told.wait().await;
    app.drain();
    tracing::info!("stopping: finishing what was accepted");
    stop.send_replace(true);
    let drained = async {
        for each in serving.into_iter().chain(workers) {
            let _ = each.await;
        }
    };
    match drain(drained, DRAIN, told.wait()).await {
        Drained::Whole => tracing::info!("stopped"),
        Drained::CutOff => tracing::warn!("stopped: some requests took too long and were cut off"),
        Drained::Hurried => tracing::warn!("told twice to stop: not waiting any longer"),
    }
    // What was cut off may still hold a connection to a database that hangs.
    let _ = tokio::time::timeout(CLOSE, app.db.close()).await;
    Ok(())
}

/// Starts a worker that is begun again when it panics.
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

/// Accepts connections until told to stop, then waits until those that are open have had their answers.
///
/// Our own loop because `axum::serve` sets no time for a request's head: a client that sends a byte a second would hold
/// a connection for ever (threats.md §8).
pub async fn accept(listener: TcpListener, router: Router, limits: Limits, stopped: watch::Receiver<bool>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head_within)
        .max_headers(limits.headers)
        .max_buf_size(limits.head);
    let places = Arc::new(Semaphore::new(limits.connections));
    let serve = |stream, peer, place: OwnedSemaphorePermit| {
        let talk = converse(http.clone(), stream, handler(router.clone(), peer), limits.head_within, stopped.clone());
        tokio::spawn(async move {
            talk.await;
            drop(place);
        });
    };
    let mut told = stopped.clone();
    loop {
        let accepted = tokio::select! {
            accepted = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (listener.accept().await, place)
            } => accepted,
            () = said(&mut told) => break,
        };
        match accepted {
            (Ok((stream, peer)), Ok(place)) => serve(stream, peer, place),
            (Err(error), _) => {
                // Out of file descriptors, most likely: connections that end give some back.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            (_, Err(_)) => break,
        }
    }
    // To their clients, connections that wait in the listener's queue are accepted already: they are served too.
    for (stream, peer) in still_queued(listener) {
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { break };
        serve(stream, peer, place);
    }
    // All places are free when all connections have ended.
    let _ = places.acquire_many(u32::try_from(limits.connections).unwrap_or(u32::MAX)).await;
}

/// Serves one connection to its end; told to stop, it answers what was asked and takes nothing more.
async fn converse<S>(
    http: http1::Builder,
    stream: TcpStream,
    service: S,
    within: Duration,
    mut stopped: watch::Receiver<bool>,
) where
    S: hyper::service::Service<Request<Incoming>, Response = axum::response::Response, Error = Infallible>,
{
    // hyper ends a connection on which it has read nothing the moment it is told to: a request that is on its way is
    // waited for here.
    let last_chance = async {
        said(&mut stopped).await;
        tokio::time::sleep(FIRST_WORD).await;
    };
    tokio::select! {
        spoke = tokio::time::timeout(within, stream.readable()) => if spoke.is_err() { return },
        () = last_chance => return,
    }
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(without_delay(stream)), service));
    // A client that hangs up or talks nonsense is its own affair.
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = said(&mut stopped) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// Waits for the word to stop.
async fn said(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// What the kernel had accepted before the listener is closed.
fn still_queued(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let next = || {
        let (stream, peer) = listener.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer))
    };
    std::iter::from_fn(next).collect()
}

fn handler(
    router: Router,
    peer: SocketAddr,
) -> impl hyper::service::Service<Request<Incoming>, Response = axum::response::Response, Error = Infallible, Future: Send>
{
    hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        router.clone().call(request)
    })
}

/// Answers are small and whole: waiting for more to send only delays them.
fn without_delay(stream: TcpStream) -> TcpStream {
    let _ = stream.set_nodelay(true);
    stream
}

async fn bind(address: SocketAddr, variable: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{variable}: cannot listen on {address}"))
}

/// SIGTERM and SIGINT. Listened to from the start to the end, so that no second one is missed.
pub(crate) struct Told {
    terminate: Signal,
    interrupt: Signal,
}

impl Told {
    /// Listens from now on.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next of the two.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn warn_about(config: &Config) {
    if config.site.reach == Reach::PrivateToo {
        tracing::warn!(
            "CARTKEY_ALLOW_PRIVATE_STORES is on: anyone who can open the connect page can have this machine ask addresses inside your network. Never use it in production"
        );
    }
    if !config.site.secure {
        tracing::warn!(
            public_url = %config.site.public_url,
            "CARTKEY_PUBLIC_URL is not https: real stores refuse to send their keys there. Fine for trying things out"
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
