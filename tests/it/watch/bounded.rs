//! Bounded resources: a process's use does not grow with the number of checks, and bad stores leave nothing behind.
//!
//! Memory belongs to a process, so each pass runs in a process of its own: this test program, started again.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::pretend_network::PretendNetwork;
use cartkey::domain::time::Clock;
use cartkey::flow::watching::watch;
use cartkey::live::outgoing_limits::Limits;
use serde::{Deserialize, Serialize};

use super::many::{LATE, fill, watcher_at};
use crate::binary;
use crate::database::change;
use crate::disk::hurry;
use crate::world::{self, World};

/// The variable with the instructions for a started process.
const ORDER: &str = "CARTKEY_TEST_PASS";
/// The prefix of the line in which such a process reports its usage.
const TOOK: &str = "took ";
const PLACES: usize = 64;
/// The time limit per store: good ones answer at once, and bad ones are not waited for any longer.
const WITHIN: Duration = Duration::from_millis(250);
/// Every pass makes the same number of checks. A process that kept something of each would grow in every pass. One that does not
/// grows occasionally, as its pools and heap reach the machine's concurrency, and not in other passes.
const PASSES: usize = 6;

#[derive(Serialize, Deserialize)]
struct Order {
    database_url: String,
    folder: std::path::PathBuf,
    network: SocketAddr,
    passes: usize,
}

/// A process's resource usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Took {
    checks: usize,
    /// The peak memory, in KiB.
    most_memory: u64,
    /// Open files and connections.
    open: usize,
}

/// The main function of a started process.
#[expect(clippy::print_stdout, reason = "the story reads what is printed")]
async fn be_a_process(order: &str) {
    let order: Order = serde_json::from_str(order).unwrap();
    let client = binary::client();
    let app = world::open(&[], &order.database_url, &order.folder, client, &Clock::System).await;
    hurry(&app.db).await;
    let budget = Limits { places: PLACES, within: WITHIN, ..Limits::default() };
    let app = watcher_at(&app, order.network, budget);
    for _ in 0..order.passes {
        change(&app.db, "UPDATE stores SET check_at = 0").await;
        let took = Took {
            checks: watch::check_due(&app).await.unwrap(),
            most_memory: most_memory(),
            open: std::fs::read_dir("/proc/self/fd").unwrap().count(),
        };
        println!("\n{TOOK}{}", serde_json::to_string(&took).unwrap());
    }
}

fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The smallest growth of peak memory in any pass, in KiB.
fn least_growth(took: &[Took]) -> u64 {
    took.windows(2).map(|two| two[1].most_memory.saturating_sub(two[0].most_memory)).min().unwrap()
}

/// Has a process check these stores repeatedly; returns its usage after each pass.
async fn passes(homes: &[String]) -> Vec<Took> {
    let world = World::new().await;
    let network = PretendNetwork::start(false).await.unwrap();
    fill(&world.app, homes).await;
    let order = Order {
        database_url: world.database_url.clone(),
        folder: world.folder.path().to_owned(),
        network: network.addr(),
        passes: PASSES,
    };
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "watch::bounded::thousands_of_checks_take_what_the_first_took"]);
    command.env(ORDER, serde_json::to_string(&order).unwrap());
    let ran = tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output()).await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{told}{}", String::from_utf8_lossy(&ran.stderr));
    let took: Vec<Took> = told
        .lines()
        .filter_map(|line| line.strip_prefix(TOOK))
        .map(|took| serde_json::from_str(took).unwrap())
        .collect();
    assert!(took.len() == PASSES && took.iter().all(|took| took.checks == homes.len()), "{took:?}");
    // Whoever has hung up is noticed a little later.
    while network.figures().open > 0 {
        tokio::task::yield_now().await;
    }
    let figures = network.figures();
    assert!(figures.peak <= PLACES + LATE, "{figures:?}");
    let last = took.last().unwrap();
    assert!(last.open < took[0].open + 16, "nothing is left open: {took:?}");
    assert!(last.most_memory < 96 * 1024, "{took:?}");
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_checks_take_what_the_first_took() {
    if let Ok(order) = std::env::var(ORDER) {
        return be_a_process(&order).await;
    }
    // `scripts/bench-watch` does the same with a hundred thousand stores, and prints what that took.
    let homes: Vec<String> = (0..600).map(|n| format!("good-{n}.example")).collect();
    let took = passes(&homes).await;
    // Half a KiB that each check left behind would be 300 KiB with every pass.
    assert!(least_growth(&took) < 250, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_that_hang_drip_or_flood_leave_nothing_open_and_nothing_in_memory() {
    let kinds = ["hang", "drip", "flood", "good", "good", "good", "good", "good", "good"];
    let homes: Vec<String> = (0..270).map(|n| format!("{}-{n}.example", kinds[n % 9])).collect();
    let took = passes(&homes).await;
    // Ninety of them are bad each time: a buffer of 8 KiB that each left behind would be 720 KiB with every pass.
    assert!(least_growth(&took) < 600, "{took:?}");
}
