//! The load of `scripts/bench-watch`:
//!
//! - `bench_watch network PORT`: serves a pretend network of any number of stores until stopped.
//! - `bench_watch fill DATABASE_URL RING_FILE STORES good|storm`: connects this many stores of it, all due for a check.
//! - `bench_watch pass DATABASE_URL RING_FILE PORT`: checks all stores that are due, as fast as the limits allow.
//! - `bench_watch serve DATABASE_URL RING_FILE PORT LISTEN calm|watch`: serves callbacks on port LISTEN, with or without checks.
//!
//! The last two print their resource usage.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, bail};
use cartkey::app::App;
use cartkey::config::Config;
use cartkey::domain::entropy::Entropy;
use cartkey::domain::id::{KeyId, StoreId};
use cartkey::domain::key::KeyPair;
use cartkey::domain::secret::Secret;
use cartkey::domain::store_url::{Network, StoreUrl};
use cartkey::domain::time::Clock;
use cartkey::flow::{open_vault, watching::watch};
use cartkey::storage::{Db, Pools};
use cartkey::vault::{Place, RingSource};
use cartkey::woo::{Client, Outgoing, Resolver};
use cartkey::{serve, web};
use sqlx::AssertSqlSafe;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch as channel;

use pretend_network::PretendNetwork;

#[expect(dead_code, reason = "the stories ask for its counters, here another process does")]
#[path = "../tests/it/pretend_network.rs"]
mod pretend_network;

/// Rows per statement.
const AT_ONCE: usize = 500;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "what it was asked for")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let said: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match said[..] {
        ["network", port] => {
            let network = PretendNetwork::on(port.parse()?, false).await?;
            stopped().await?;
            drop(network);
        }
        ["fill", url, ring, stores, kind] => fill(&open(url, ring, 1).await?, stores.parse()?, kind).await?,
        ["pass", url, ring, port] => {
            let app = open(url, ring, port.parse()?).await?;
            let begun = app.now();
            let checks = watch::check_due(&app).await?;
            let seconds = app.now().since(begun).as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
            let rate = checks as f64 / seconds;
            println!("{checks} checks in {seconds:.1} s: {rate:.0}/s, memory {}", memory()?);
            app.db.close().await;
        }
        ["serve", url, ring, port, listen, mode] => {
            let app = open(url, ring, port.parse()?).await?;
            serve_callbacks(&app, listen.parse()?, mode == "watch").await?;
            println!("memory {}", memory()?);
        }
        _ => bail!("usage: bench_watch network|fill|pass|serve …"),
    }
    Ok(())
}

async fn stopped() -> anyhow::Result<()> {
    signal(SignalKind::terminate())?.recv().await;
    Ok(())
}

/// A Cartkey that resolves every name to `port` on loopback.
async fn open(url: &str, ring: &str, port: u16) -> anyhow::Result<App> {
    let clock = Clock::System;
    let settings = BTreeMap::from([("CARTKEY_PUBLIC_URL".to_owned(), "http://localhost".to_owned())]);
    let db = Db::open(url).await?;
    let vault = open_vault::open_vault(&db, &RingSource::File(ring.into()), clock.now(), &Entropy::System).await?;
    let outgoing = Outgoing {
        network: Network::PrivateToo,
        resolver: Resolver::Everywhere(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        extra_roots: Vec::new(),
        user_agent: "Cartkey".to_owned(),
        own_host: None,
    };
    let client = Client::new(outgoing, clock.clone(), Entropy::System);
    Ok(App::new(db, vault, client, clock, Entropy::System, Config::read(settings)?.site))
}

/// Serves the public pages until stopped, and runs the watch if `watches`.
async fn serve_callbacks(app: &App, listen: u16, watches: bool) -> anyhow::Result<()> {
    let (stop, told) = channel::channel(false);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, listen)).await?;
    let serving = tokio::spawn(serve::accept(listener, web::all(app), serve::Limits::default(), told.clone()));
    let watching = watches.then(|| tokio::spawn(watch::run(app.clone(), told)));
    stopped().await?;
    stop.send_replace(true);
    serving.await?;
    if let Some(watching) = watching {
        watching.await?;
    }
    app.db.close().await;
    Ok(())
}

/// The peak and current memory of this process.
fn memory() -> anyhow::Result<String> {
    let status = fs::read_to_string("/proc/self/status")?;
    let read = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context("a line of /proc/self/status")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        anyhow::Ok(kilobytes / 1024)
    };
    Ok(format!("peak {} MB, {} MB at the end", read("VmHWM:")?, read("VmRSS:")?))
}

async fn fill(app: &App, stores: usize, kind: &str) -> anyhow::Result<()> {
    let behaves = |n: usize| match n % 9 {
        0 if kind == "storm" => "hang",
        1 if kind == "storm" => "drip",
        2 if kind == "storm" => "flood",
        _ => "good",
    };
    let (mut rows, mut keys) = (Vec::new(), Vec::new());
    let at = app.now().millis();
    for n in 0..stores {
        let (id, key) = (StoreId::mint(app.now(), &app.entropy), KeyId::mint(app.now(), &app.entropy));
        let home = format!("http://{}-{n}.example", behaves(n));
        let [consumer_key, consumer_secret] = ["ck", "cs"].map(|half| Secret::new(format!("{half}_{n:040x}")));
        let (url, user) = (StoreUrl::parse(&home, Network::PrivateToo)?, format!("m-{n}").parse()?);
        let place = Place::key(&key, &url, &user);
        let sealed = app.vault.seal_pair(&app.entropy, &place, &KeyPair { consumer_key, consumer_secret });
        rows.push(format!(
            "('{id}', 'm-{n}', '{home}', 'connected', 'read_write', {n}, 'abcdefg', 1, 'basic', {at}, {at}, {at})"
        ));
        keys.push(format!(
            "('{key}', '{id}', 1, {n}, 'abcdefg', 'read_write', 'basic', {}, {at})",
            blob(&app.db, &sealed)
        ));
    }
    let columns =
        "stores (id, user_id, home, status, scope, woo_key_id, key_last7, key_version, auth_method, connected_at,
                           checked_at, changed_at)";
    insert(&app.db, columns, &rows).await?;
    let columns = "keys (id, store_id, version, woo_key_id, last7, scope, auth_method, sealed, issued_at)";
    insert(&app.db, columns, &keys).await?;
    app.db.close().await;
    Ok(())
}

fn blob(db: &Db, bytes: &[u8]) -> String {
    let hex = bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    if db.is_postgres() { format!("'\\x{hex}'") } else { format!("X'{hex}'") }
}

#[expect(clippy::disallowed_methods, reason = "every value was made above")]
async fn insert(db: &Db, table: &str, rows: &[String]) -> anyhow::Result<()> {
    for rows in rows.chunks(AT_ONCE) {
        let statement = AssertSqlSafe(format!("INSERT INTO {table} VALUES {}", rows.join(", ")));
        match db.pools() {
            Pools::Sqlite { write, .. } => sqlx::raw_sql(statement).execute(write).await.map(drop)?,
            Pools::Postgres(pool) => sqlx::raw_sql(statement).execute(pool).await.map(drop)?,
        }
    }
    Ok(())
}
