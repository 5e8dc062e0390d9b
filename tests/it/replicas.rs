//! Replicas: two processes share one PostgreSQL, one of them is killed fifty times, and all due work still gets done.
//!
//! The processes are this test program, started again with instructions. Time runs faster in all of them, and leaps when nothing
//! happens: then only a dead process's claims are left. SQLite belongs to one process, and there that one is killed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cartkey::app::App;
use cartkey::demo::pretend_store::{Role, Switches};
use cartkey::domain::actor::Actor;
use cartkey::domain::entropy::Entropy;
use cartkey::domain::key::KeyPair;
use cartkey::domain::news::EventId;
use cartkey::domain::scope::Scope;
use cartkey::domain::secret::Secret;
use cartkey::domain::store_url::{Network, StoreUrl};
use cartkey::domain::time::{Clock, Time};
use cartkey::flow::transfer::add_by_keys::{self, NewKeys};

use cartkey::flow::{feed, lending::tokens, watching::watch, webhooks::dispatch};
use cartkey::live::outgoing_limits::{Limits, OutgoingLimits};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::database::{change, column};
use crate::webhooks::receiver::Receiver;
use crate::world::{self, SHOP, World};

/// The variable with the instructions for a started process.
const ORDER: &str = "CARTKEY_TEST_REPLICA";
/// The speed of time: at this factor, a claim of two minutes still outlasts a check on a busy machine.
const SPEED: u32 = 20;
/// How long nothing happens before time leaps, and between leaps.
const QUIET: Duration = Duration::from_millis(250);
const FROM_LEAP_TO_LEAP: Duration = Duration::from_millis(60);
/// Due stores per round; each changes its status in every round, which is an event.
const STORES: usize = 24;
/// The time limit for one round.
const PATIENCE: Duration = Duration::from_mins(1);
/// An interval so long that no store becomes due on its own.
const SELDOM: Duration = Duration::from_hours(24);
const PRIVATE: (&str, &str) = ("CARTKEY_ALLOW_PRIVATE_STORES", "true");
/// Longer than a round, but short enough that it does not look like a wrong clock.
const LATER: Duration = Duration::from_hours(12);
/// The concurrency of one process: checks of one host, and deliveries to one webhook. A killed one may have done these without
/// recording it, and they are repeated.
const CHECKS_AT_A_TIME: usize = cartkey::live::outgoing_limits::AT_A_TIME;
const DELIVERIES_AT_A_TIME: usize = 4;

/// The instructions for a process.
#[derive(Serialize, Deserialize)]
struct Order {
    database_url: String,
    folder: PathBuf,
    shop: std::net::SocketAddr,
    root: String,
    pace: Pace,
}

/// The main function of a started process, until it is killed.
async fn be_a_process(order: &str) {
    let order: Order = serde_json::from_str(order).unwrap();
    let clock = Clock::test(Time::from_millis(order.pace.at));
    order.pace.drive(&clock);
    let names = world::names(&[("shop.example", order.shop)]);
    let client = world::client(names, STANDARD.decode(&order.root).unwrap().into(), &clock);
    let mut app = world::open(&[PRIVATE], &order.database_url, &order.folder, client, &clock).await;
    // What comes due by the time of the story must not wait for the machine's.
    let budget = Limits { look_again: Duration::from_millis(5), ..Limits::default() };
    app.outgoing = OutgoingLimits::new(budget);
    app.check_every = SELDOM;
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let mut look = tokio::time::interval(budget.look_again);
    let telling = app.dispatching.clone();
    let looking = async {
        loop {
            look.tick().await;
            telling.notify_one();
        }
    };
    tokio::join!(watch::run(app.clone(), stopped.clone()), dispatch::run(app, stopped), looking);
}

/// The clock shared by all processes of a story.
#[derive(Clone, Serialize, Deserialize)]
struct Pace {
    /// The start of fast time, by the machine's and the story's clock, in milliseconds.
    began: i64,
    at: i64,
    /// The file with the total of all leaps, in milliseconds.
    leapt: PathBuf,
}

impl Pace {
    /// Drives `clock` from now on.
    fn drive(&self, clock: &Clock) {
        let (pace, clock) = (self.clone(), clock.clone());
        let set = move || clock.advance(pace.now().since(clock.now()));
        // Whoever begins late begins in the present: to one whose clock is behind, those of the others are wrong.
        set();
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(Duration::from_millis(2));
                set();
            }
        });
    }

    fn now(&self) -> Time {
        let passed = Clock::System.now().since(Time::from_millis(self.began)) * SPEED;
        Time::from_millis(self.at).plus(passed).plus(self.leapt())
    }

    fn leapt(&self) -> Duration {
        let written = std::fs::read_to_string(&self.leapt).ok();
        Duration::from_millis(written.and_then(|text| text.parse().ok()).unwrap_or_default())
    }

    /// Leaps often enough to pass a claim's lifetime, each time by less than the accepted clock difference, because not all
    /// processes see a leap at once.
    fn leap(&self) {
        let leapt = (self.leapt() + Duration::from_secs(30)).as_millis().to_string();
        let beside = self.leapt.with_extension("new");
        std::fs::write(&beside, leapt).unwrap();
        std::fs::rename(&beside, &self.leapt).unwrap();
    }
}

/// A process, killed on drop.
struct Replica(Child);

impl Replica {
    fn start(order: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "replicas::what_is_due_is_done_whichever_process_is_killed"]);
        command.env(ORDER, order).stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.spawn().expect("this program starts"))
    }

    /// kill -9.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The shop for another merchant, with its own key.
async fn take_over(world: &World, user: &str) {
    let key = world.shop.issue_key("admin", Scope::ReadWrite);
    let new = NewKeys {
        user_id: user.parse().unwrap(),
        typed: StoreUrl::parse(SHOP, Network::Public).unwrap(),
        pair: KeyPair {
            consumer_key: Secret::new(key.consumer_key),
            consumer_secret: Secret::new(key.consumer_secret),
        },
        scope: Scope::ReadWrite,
        is_password: false,
    };
    add_by_keys::add(&world.app, &new, &Actor::cli()).await.unwrap();
}

/// The number of requests with a key to the shop.
fn asked(world: &World) -> usize {
    world.shop.count(|request| request.target.contains("/system_status"))
}

/// Whether every store has this status, and all webhooks have been notified.
async fn is_done(world: &World, status: &str) -> bool {
    // What has come to this is not looked at again in this round: a first refusal would be, soon. What a process is just
    // writing is left for the next look.
    let unlocked = if std::env::var("TEST_POSTGRES_URL").is_ok() { "FOR UPDATE SKIP LOCKED" } else { "" };
    let [soon, later] = [LATER / 2, LATER].map(|span| world.clock.now().plus(span).millis());
    let done = format!("SELECT id FROM stores WHERE check_at < {soon} AND status = '{status}' {unlocked}");
    change(&world.app.db, &format!("UPDATE stores SET check_at = {later} WHERE id IN ({done})")).await;
    let undone = format!(
        "SELECT CAST((SELECT COUNT(*) FROM stores WHERE status <> '{status}')
              + (SELECT COUNT(*) FROM deliveries WHERE state <> 'delivered')
              + (SELECT n FROM counters WHERE name = 'event') - (SELECT MIN(cursor) FROM webhooks) AS TEXT)"
    );
    column(&world.app.db, &undone).await == ["0"]
}

/// Waits for a condition; fails the story after too long.
async fn until(is_so: impl AsyncFn() -> bool, what: &str) {
    let mut look = tokio::time::interval(Duration::from_millis(10));
    let looking = async {
        while !is_so().await {
            look.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("it does not come to that: {what}"));
}

/// Reads the feed in small pages, waiting for more, until event `last`; returns the numbers.
async fn follow(app: App, last: tokio::sync::watch::Receiver<Option<i64>>) -> Vec<i64> {
    let new = tokens::NewToken::new("a reader", "events:read".parse().unwrap());
    let (token, _) = tokens::issue(&app, new, &Actor::cli()).await.unwrap();
    let (mut after, mut numbers) = (EventId::BEGINNING, Vec::new());
    while last.borrow().is_none_or(|last| after.number() < last) {
        let part = feed::wait(&app, &token, after, 7, Duration::from_millis(200)).await.unwrap();
        numbers.extend(part.news.iter().map(|news| news.id.number()));
        after = part.next;
    }
    numbers
}

#[expect(clippy::print_stderr, reason = "how often something was done twice is worth reading")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_due_is_done_whichever_process_is_killed() {
    if let Ok(order) = std::env::var(ORDER) {
        return be_a_process(&order).await;
    }
    let is_postgres = std::env::var("TEST_POSTGRES_URL").is_ok();
    let (processes, rounds) = if is_postgres { (2, 50) } else { (1, 10) };
    // In the order in which the processes lock the rows of several stores.
    let ordered = if is_postgres { "WHERE id IN (SELECT id FROM stores ORDER BY id FOR UPDATE)" } else { "" };
    let due = format!("UPDATE stores SET check_at = 0 {ordered}");
    let world = World::with(&[PRIVATE], Switches::default()).await;
    for n in 0..STORES {
        take_over(&world, &format!("m{n}")).await;
    }
    let receiver = Receiver::new().await;
    receiver.joins(&world.app, "store.*").await;
    let pace = Pace {
        began: Clock::System.now().millis(),
        at: world.clock.now().millis(),
        leapt: world.folder.path().join("leapt"),
    };
    pace.drive(&world.clock);
    let order = Order {
        database_url: world.database_url.clone(),
        folder: world.folder.path().to_owned(),
        shop: world.shop.addr(),
        root: STANDARD.encode(&world.root),
        pace: pace.clone(),
    };
    let order = serde_json::to_string(&order).unwrap();
    let (end, last) = tokio::sync::watch::channel(None);
    let readers = [world.replica().await, world.replica().await].map(|app| tokio::spawn(follow(app, last.clone())));

    let mut replicas: Vec<Replica> = (0..processes).map(|_| Replica::start(&order)).collect();
    let (chance, mut checks_again) = (Entropy::seeded(4), 0);
    for round in 0..rounds {
        let status = if round % 2 == 0 { "unauthorized" } else { "connected" };
        match status {
            "unauthorized" => world.shop.demote("admin"),
            _ => world.shop.promote("admin", Role::Administrator),
        }
        let (asked_before, told_before) = (asked(&world), receiver.count());
        assert_eq!(change(&world.app.db, &due).await, STORES as u64);
        // A random moment: when so many questions and deliveries of the round have come.
        let [moment, victim] = random(&chance, [2 * STORES, processes]);
        let came = || asked(&world) - asked_before + receiver.count() - told_before;
        until(async || came() >= moment, &format!("round {round}: {moment} have come")).await;
        replicas[victim].kill();
        replicas[victim] = Replica::start(&order);
        let seen = Mutex::new((0, Instant::now() + QUIET));
        let done = async || {
            let mut seen = seen.lock().await;
            if came() != seen.0 {
                *seen = (came(), Instant::now() + QUIET);
            } else if Instant::now() > seen.1 {
                pace.leap();
                seen.1 = Instant::now() + FROM_LEAP_TO_LEAP;
            }
            is_done(&world, status).await
        };
        until(done, &format!("round {round}: all are {status} and told of")).await;
        checks_again += asked(&world) - asked_before - STORES;
    }
    drop(replicas);

    let newest = column(&world.app.db, "SELECT CAST(n AS TEXT) FROM counters WHERE name = 'event'").await.remove(0);
    let newest: i64 = newest.parse().unwrap();
    end.send_replace(Some(newest));
    for reader in readers {
        assert_eq!(reader.await.unwrap(), (1..=newest).collect::<Vec<_>>(), "every event, in order, each once");
    }
    let each = "SELECT kind || ' ' || COUNT(*) FROM events
                WHERE kind IN ('store.unauthorized', 'store.recovered')
                GROUP BY kind
                ORDER BY kind";
    let half = STORES * rounds / 2;
    assert_eq!(
        column(&world.app.db, each).await,
        [format!("store.recovered {half}"), format!("store.unauthorized {half}")],
        "no check counts twice, whoever was killed"
    );
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for sent in receiver.sent() {
        *told.entry(sent.header("webhook-id").to_owned()).or_default() += 1;
    }
    assert_eq!(told.len(), STORES * rounds, "every event was told");
    let told_again: usize = told.values().map(|times| times - 1).sum();
    eprintln!("{rounds} kills: {checks_again} checks and {told_again} deliveries were made again");
    assert!(checks_again <= rounds * CHECKS_AT_A_TIME, "{checks_again} checks were made again");
    assert!(told_again <= rounds * DELIVERIES_AT_A_TIME, "{told_again} deliveries were made again");
}

/// Random numbers from 0 to below each of these.
fn random<const N: usize>(chance: &Entropy, below: [usize; N]) -> [usize; N] {
    below.map(|below| {
        let mut bytes = [0; 4];
        chance.fill(&mut bytes);
        usize::try_from(u32::from_le_bytes(bytes)).unwrap() % below
    })
}
