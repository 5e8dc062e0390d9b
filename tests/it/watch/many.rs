//! Thousands of stores in a pretend network: the cost of the whole schedule, and that bad stores cost the good ones nothing.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use crate::pretend_network::PretendNetwork;
use cartkey::app::App;
use cartkey::domain::entropy::Entropy;
use cartkey::domain::id::{KeyId, StoreId};
use cartkey::domain::key::KeyPair;
use cartkey::domain::secret::Secret;
use cartkey::domain::store_url::{Network, StoreUrl};
use cartkey::flow::watching::watch;
use cartkey::live::outgoing_limits::AT_A_TIME;
use cartkey::live::outgoing_limits::{Limits, OutgoingLimits};
use cartkey::storage::{Db, Pools};
use cartkey::vault::Place;
use cartkey::woo::{Client, Outgoing, Resolver};

use crate::database::{change, column};
use crate::disk::hurry;
use crate::world::World;

/// A server sees a connection end a little after its client has begun the next one.
pub const LATE: usize = 8;
/// Rows of one statement.
const AT_ONCE: usize = 500;

/// Inserts a connected, due store at each of these addresses (without scheme) directly into the database.
pub async fn fill(app: &App, homes: &[String]) {
    let now = app.now();
    for chunk in homes.chunks(AT_ONCE) {
        let (mut stores, mut keys) = (String::new(), String::new());
        for (n, home) in chunk.iter().enumerate() {
            let (id, key) = (StoreId::mint(now, &Entropy::System), KeyId::mint(now, &Entropy::System));
            let origin = format!("http://{home}");
            let (store, user) = (StoreUrl::parse(&origin, Network::PrivateToo).unwrap(), "m".parse().unwrap());
            let pair = KeyPair {
                consumer_key: Secret::new(format!("ck_{n:040x}")),
                consumer_secret: Secret::new(format!("cs_{n:040x}")),
            };
            let place = Place::key(&key, &store, &user);
            let sealed = blob(&app.db, &app.vault.seal_pair(&app.entropy, &place, &pair));
            let (at, comma) = (now.millis(), if n == 0 { "" } else { "," });
            write!(
                stores,
                "{comma}('{id}', 'm', '{origin}', 'connected', 'read_write', 1, 'abcdefg', 1, 'basic', {at}, {at}, {at})"
            )
            .unwrap();
            write!(keys, "{comma}('{key}', '{id}', 1, 1, 'abcdefg', 'read_write', 'basic', {sealed}, {at})").unwrap();
        }
        let stores = format!(
            "INSERT INTO stores (id, user_id, home, status, scope, woo_key_id, key_last7, key_version, auth_method,
                                 connected_at, checked_at, changed_at) VALUES {stores}"
        );
        assert_eq!(change(&app.db, &stores).await, chunk.len() as u64);
        let keys = format!(
            "INSERT INTO keys (id, store_id, version, woo_key_id, last7, scope, auth_method, sealed, issued_at)
             VALUES {keys}"
        );
        assert_eq!(change(&app.db, &keys).await, chunk.len() as u64);
    }
}

fn blob(db: &Db, bytes: &[u8]) -> String {
    let hex = bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    match db.pools() {
        Pools::Sqlite { .. } => format!("X'{hex}'"),
        Pools::Postgres(_) => format!("'\\x{hex}'"),
    }
}

/// A Cartkey for which every name leads to `network`.
pub fn watcher(of: &App, network: &PretendNetwork, budget: Limits) -> App {
    watcher_at(of, network.addr(), budget)
}

/// The same for a network at `addr`.
pub fn watcher_at(of: &App, addr: SocketAddr, budget: Limits) -> App {
    let outgoing = Outgoing {
        network: Network::PrivateToo,
        resolver: Resolver::Everywhere(addr),
        extra_roots: Vec::new(),
        user_agent: "Test/1.0".to_owned(),
        own_host: None,
    };
    let mut app = of.clone();
    app.woo = Client::new(outgoing, app.clock.clone(), Entropy::System);
    app.outgoing = OutgoingLimits::new(budget);
    app
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_stores_take_no_more_than_the_budget() {
    let world = World::new().await;
    let network = PretendNetwork::start(true).await.unwrap();
    let app = watcher(&world.app, &network, Limits { places: 24, ..Limits::default() });
    let single = (0..1_700).map(|n| format!("good-{n}.example"));
    let multisite = (0..300).map(|n| format!("good-multi.example/s{n}"));
    let homes: Vec<String> = single.chain(multisite).collect();
    hurry(&app.db).await;
    fill(&app, &homes).await;
    // The stores of the multisite are given times of their own; nobody else waits for them.
    assert!(watch::check_due(&app).await.unwrap() >= 1_700);
    for n in 0..1_700 {
        assert_eq!(network.asked()[&format!("good-{n}.example")], 1, "{n}");
    }
    // Two a second: these minutes are more than they take, and less than until the others are due again.
    for _ in 0..400 {
        world.clock.advance(Duration::from_millis(500));
        watch::check_due(&app).await.unwrap();
    }
    let (figures, asked) = (network.figures(), network.asked());
    assert_eq!(asked.len(), homes.len(), "each was asked");
    assert!(asked.values().all(|n| *n == 1), "and each once: {asked:?}");
    assert!(figures.peak <= 24 + LATE, "{figures:?}");
    assert!(figures.peak_of_a_host <= AT_A_TIME, "{figures:?}");
    let status = column(&app.db, "SELECT DISTINCT status || COALESCE(reason, '') FROM stores").await;
    assert_eq!(status, ["connected"]);
}
