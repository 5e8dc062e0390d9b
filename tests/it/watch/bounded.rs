//! Bounded: what the schedule takes of a process does not grow with what it has done, and bad stores leave nothing behind.
//!
//! Memory is a process's own, so each pass is made by a process of its own: this test program, started once more.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use cartkey::demo::pretend_network::{Figures, PretendNetwork};
use cartkey::domain::time::Clock;
use cartkey::flow::watch::{self, Budget};
use serde::{Deserialize, Serialize};

use super::many::{LATE, fill, watcher_at};
use crate::binary;
use crate::database::change;
use crate::world::{self, World};

/// Names the order of a process that is not the one of the tests.
const ORDER: &str = "CARTKEY_TEST_PASS";
/// What begins a line in which such a process tells what it took.
const TOOK: &str = "took ";
const PLACES: usize = 64;
/// Files, connections and tasks that may be more after a pass than after the first: pools still grow.
const MORE: usize = 16;
/// How long what was hung up may take to be gone, on a machine that has much else to do.
const SETTLES_WITHIN: Duration = Duration::from_secs(30);

#[derive(Serialize, Deserialize)]
struct Order {
    database_url: String,
    folder: std::path::PathBuf,
    network: SocketAddr,
    passes: usize,
}

/// What a process has taken so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Took {
    checks: usize,
    /// The most memory there was, in KiB.
    most_memory: u64,
    /// Files and connections that are open.
    open: usize,
    /// Tasks that have not ended.
    tasks: usize,
}

/// What a process does that a story has started.
#[expect(clippy::print_stdout, reason = "the story reads what is printed")]
async fn be_a_process(order: &str) {
    let order: Order = serde_json::from_str(order).unwrap();
    let client = binary::client();
    let app = world::open(&[], &order.database_url, &order.folder, client, &Clock::System).await;
    let budget = Budget { places: PLACES, within: Duration::from_secs(1), ..Budget::default() };
    let app = watcher_at(&app, order.network, budget);
    let mut first = None;
    for _ in 0..order.passes {
        change(&app.db, "UPDATE stores SET check_at = 0").await;
        let checks = watch::check_due(&app).await.unwrap();
        let took = settled(checks, first).await;
        first = first.or(Some(took));
        println!("\n{TOOK}{}", serde_json::to_string(&took).unwrap());
    }
}

/// What was taken once what was hung up is gone; as it is, when that does not come to an end.
async fn settled(checks: usize, first: Option<Took>) -> Took {
    let took = || Took {
        checks,
        most_memory: most_memory(),
        open: std::fs::read_dir("/proc/self/fd").unwrap().count(),
        tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
    };
    let settles = async {
        // Beside the first pass there is nothing to compare with: it is compared with the others.
        while first.is_some_and(|first| !leaves_nothing_open(&first, &took())) {
            tokio::task::yield_now().await;
        }
    };
    let _ = tokio::time::timeout(SETTLES_WITHIN, settles).await;
    took()
}

fn leaves_nothing_open(first: &Took, later: &Took) -> bool {
    later.open < first.open + MORE && later.tasks < first.tasks + MORE
}

fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Has a process check stores at these homes so many times; gives what it took after each, and what the network has seen.
async fn passes(homes: &[String], passes: usize) -> (Vec<Took>, Figures) {
    let world = World::new().await;
    let network = PretendNetwork::start(false).await.unwrap();
    fill(&world.app, homes).await;
    let order = Order {
        database_url: world.database_url.clone(),
        folder: world.folder.path().to_owned(),
        network: network.addr(),
        passes,
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
    assert!(took.len() == passes && took.iter().all(|took| took.checks == homes.len()), "{took:?}");
    // Whoever has hung up is noticed a little later.
    while network.figures().open > 0 {
        tokio::task::yield_now().await;
    }
    (took, network.figures())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_checks_take_what_the_first_took() {
    if let Ok(order) = std::env::var(ORDER) {
        return be_a_process(&order).await;
    }
    // `scripts/bench-watch` does the same with a hundred thousand stores, and prints what that took.
    let homes: Vec<String> = (0..1_500).map(|n| format!("good-{n}.example")).collect();
    let (took, figures) = passes(&homes, 4).await;
    let (first, last) = (took[0], took[3]);
    // Half a KiB that each check left behind would be 2,250 KiB here.
    assert!(last.most_memory < first.most_memory + 2_000, "{took:?}");
    assert!(last.most_memory < 96 * 1024 && leaves_nothing_open(&first, &last), "{took:?}");
    assert!(figures.peak <= PLACES + LATE, "{figures:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_that_hang_drip_or_flood_leave_nothing_open_and_nothing_in_memory() {
    let kinds = ["hang", "drip", "flood", "good", "good", "good", "good", "good", "good"];
    let homes: Vec<String> = (0..270).map(|n| format!("{}-{n}.example", kinds[n % 9])).collect();
    let (took, figures) = passes(&homes, 4).await;
    // Ninety of them are bad each time.
    assert!(leaves_nothing_open(&took[0], took.last().unwrap()), "{took:?}");
    // Thirty flood, each until half a MiB is read. How many do so at once is the machine's affair, and so is the peak, up to
    // all thirty with as much again while their buffers grow. What each left behind would be 45 MiB more after the first.
    assert!(took[3].most_memory < took[0].most_memory + 30 * 1_024, "{took:?}");
    assert!(figures.peak <= PLACES + LATE, "{figures:?}");
}
