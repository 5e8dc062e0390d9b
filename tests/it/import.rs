//! Import: ten thousand rows with every kind of bad row. An import that is stopped half-way and run again has the same result as
//! one that is not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cartkey::app::App;
use cartkey::demo::pretend_store::IssuedKey;
use cartkey::domain::actor::Actor;
use cartkey::domain::id::StoreId;
use cartkey::domain::scope::Scope;
use cartkey::domain::store_url::Network;
use cartkey::flow::transfer::add_by_keys::Manner;
use cartkey::flow::transfer::import::file::File;
use cartkey::flow::transfer::import::{self, News, Pace, Tally};
use cartkey::flow::{connecting::disconnect, transfer::export, watching::watch as watch_flow};
use tokio::sync::watch;

use crate::binary::client_with;
use crate::database::{change, column};
use crate::disk::hurry;
use crate::many_stores::{ManyStores, key_of};
use crate::world::{SHOP, World};

const ROWS: u64 = 10_000;
/// One in this many is good, and few of the others cause a request.
const ONE_IN: u64 = 8;

const HEADER: &str = "user_id,store_url,consumer_key,consumer_secret,scope\n";
const PACE: Pace = Pace { at_once: 32, every: Duration::from_millis(1), manner: Manner::Imported };

/// A file with this many rows, every other one bad.
fn file(network: &ManyStores, rows: u64) -> (String, Vec<(u64, &'static str)>) {
    file_with(network, rows, 2)
}

/// A file with this many rows, one in `one_in` good. The others cycle through the kinds of bad rows, favouring those that cause no
/// request. Returns the report of each kind.
fn file_with(network: &ManyStores, rows: u64, one_in: u64) -> (String, Vec<(u64, &'static str)>) {
    let port = network.addr.port();
    let (mut text, mut bad) = (HEADER.to_owned(), Vec::new());
    for row in 0..rows {
        let host = format!("s{row}.example");
        let (key, secret) = key_of(&host);
        let line = row + 2;
        let kind = if row % one_in == 0 {
            KINDS
        } else {
            match (row - row / one_in - 1) % (one_in * 3 / 2 * KINDS) {
                kind if kind < KINDS => kind,
                kind => kind % 9,
            }
        };
        let (fields, says) = match kind {
            0 => (format!("a b,{host}:{port},{key},{secret},"), "user_id: it must be 1 to 128 visible ASCII"),
            1 => (format!("m{row},ftp://{host},{key},{secret},"), "store_url: A store's address begins with"),
            2 => (format!("m{row},http://{host}:{port},{secret},{key},"), "consumer_key: That is the consumer secret"),
            3 => (format!("m{row},http://{host}:{port},{key},cs_short,"), "consumer_secret: That is"),
            4 => (format!("m{row},http://{host}:{port},{key},{secret},all"), "scope: it must be read"),
            5 => (format!("m{row},http://{host}:{port},{key}"), "it has 3 fields"),
            6 => (format!("m{row},http://{host}:{port},\"{key},{secret},read"), "it has 3 fields"),
            7 => (format!("m0,http://s0.example:{port}/wp-admin/,{key},{secret},"), "are the same as in line 2"),
            8 => (format!("m0,http://www.s0.example:{port},{key},{secret},"), "keep only one of the two"),
            9 => (format!("m{row},http://{host}:{port},{},{secret},", key_of("x").0), "key_rejected"),
            10 => (format!("m{row},http://{host}:{port},{key},{},", key_of("x").1), "secret_rejected"),
            11 => (format!("m{row},http://broken{row}.example:{port},{key},{secret},"), "server_error"),
            12 => (format!("m{row},http://nothing{row}.example:{port},{key},{secret},"), "no_wordpress"),
            13 => (format!("m{row},http://unknown{row}.example:{port},{key},{secret},"), "dns_failed"),
            14 => (format!("m{row},http://closed.example:1,{key},{secret},"), "connect_failed"),
            15 => {
                let (key, secret) = key_of(&format!("clone{row}.example"));
                (format!("m{row},http://clone{row}.example:{port},{key},{secret},"), "other_store")
            }
            16 => (format!("m{row},http://busy{row}.example:{port},{key},{secret},"), "rate_limited"),
            _ => (
                format!(
                    "m{row},http://{host}:{port},{key},{secret},{}",
                    ["read", "read", "", "read_write"][usize::try_from(row / one_in % 4).unwrap()]
                ),
                "",
            ),
        };
        if !says.is_empty() {
            bad.push((line, says));
        }
        text.push_str(&fields);
        text.push('\n');
    }
    (text, bad)
}

const KINDS: u64 = 17;

/// Every host name in the file, except the unknown ones.
fn names(network: &ManyStores, rows: u64) -> cartkey::woo::Resolver {
    let kinds = ["s", "broken", "nothing", "clone", "busy", "www.s"];
    network.names((0..rows).flat_map(|row| kinds.map(|kind| format!("{kind}{row}.example"))))
}

/// A Cartkey whose host names lead to the network.
async fn cartkey(world: &World, network: &ManyStores, rows: u64) -> App {
    let mut app = world.app.clone();
    app.woo = client_with(names(network, rows));
    hurry(&app.db).await;
    app
}

/// Runs an import to its end, or until this many lines are reported. Returns the tally and the reports of bad lines.
async fn import(app: &App, text: &str, pace: Pace) -> (Tally, BTreeMap<u64, String>) {
    let mut told = BTreeMap::new();
    let lines = File::open(text.as_bytes(), Scope::ReadWrite, Network::PrivateToo).unwrap();
    let (_stop, stopped) = watch::channel(false);
    let tell = |number, _, news: &News| {
        if let News::Refused(faults) = news {
            told.insert(number, faults.join("; "));
        }
    };
    let tally = import::run(app, lines, pace, &Actor::cli(), stopped, tell).await.unwrap();
    (tally, told)
}

/// The result of an import in the database without ids and times, with every key decrypted.
async fn left(app: &App) -> Vec<String> {
    let stores = "SELECT user_id || ' ' || home || ' ' || COALESCE(name, '-') || ' ' || status || ' ' || COALESCE(reason, '-') || ' '
                         || scope || ' ' || CAST(woo_key_id AS TEXT) || ' ' || key_last7 || ' ' || CAST(key_version AS TEXT) || ' '
                         || auth_method || ' ' || woocommerce_version || ' ' || wordpress_version
                  FROM stores ORDER BY user_id, home";
    let keys =
        "SELECT stores.user_id || ' ' || CAST(keys.version AS TEXT) || ' ' || keys.last7 || ' ' || keys.scope || ' '
                       || CASE WHEN keys.sealed IS NULL THEN 'wiped' ELSE 'sealed' END
                FROM keys JOIN stores ON stores.id = keys.store_id ORDER BY stores.user_id, stores.home, keys.version";
    let events = "SELECT kind || ' ' || actor || ' ' || user_id FROM events ORDER BY kind, user_id, seq";
    let search = "SELECT search FROM stores ORDER BY user_id, home";
    let mut all = Vec::new();
    for sql in [stores, keys, events, search] {
        all.extend(column(&app.db, sql).await);
    }
    let mut export = export::begin(app, &Actor::cli()).await.unwrap();
    let mut open = Vec::new();
    loop {
        let entries = export.next().await.unwrap();
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            let pair = entry.pair.expect("every key opens");
            open.push(format!("{} {} {}", entry.user_id, pair.consumer_key.expose(), pair.consumer_secret.expose()));
        }
    }
    open.sort();
    all.extend(open);
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_thousand_rows_the_good_are_connected_and_each_bad_one_is_told_why() {
    let network = ManyStores::open().await;
    let (text, bad) = file_with(&network, ROWS, ONE_IN);
    let world = World::new().await;
    let app = cartkey(&world, &network, ROWS).await;
    clean_run(&app, &network, ROWS, &text, &bad).await;
    let there = column(&app.db, "SELECT CAST(COUNT(*) AS TEXT) FROM stores").await;
    assert_eq!(there, [(ROWS - bad.len() as u64).to_string()]);
}

/// Imports a file with this many rows, and compares the reports with the file; returns the reports.
async fn clean_run(
    app: &App,
    network: &ManyStores,
    rows: u64,
    text: &str,
    bad: &[(u64, &str)],
) -> BTreeMap<u64, String> {
    let (tally, told) = import(app, text, PACE).await;
    for (line, says) in bad {
        assert!(told.get(line).is_some_and(|told| told.contains(says)), "line {line}: {says}: {:?}", told.get(line));
    }
    assert_eq!(told.len(), bad.len(), "nothing else was refused");
    let good = rows - bad.len() as u64;
    assert_eq!(tally, Tally { connected: good, refused: bad.len() as u64, ..Tally::default() });
    let (at_one_host, at_once) = network.most();
    assert!(at_one_host == 1 && at_once <= PACE.at_once, "{at_one_host} at one host, {at_once} at once");
    for line in told.values() {
        assert!(!line.contains(&key_of("s1.example").0[3..]) && !line.contains("ck_0"), "no key is told: {line}");
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_stopped_half_way_and_run_again_comes_to_the_same_as_one_clean_run() {
    let (network, rows) = (ManyStores::open().await, ROWS / 8);
    let (text, bad) = file(&network, rows);
    let clean = World::new().await;
    let clean = (cartkey(&clean, &network, rows).await, clean);
    let told = clean_run(&clean.0, &network, rows, &text, &bad).await;
    let good = rows - bad.len() as u64;

    // The same, but the process ends in the middle of everything.
    let stopped = World::new().await;
    let stopped = (cartkey(&stopped, &network, rows).await, stopped);
    let done = Arc::new(AtomicU64::new(0));
    let (app, counted, half) = (stopped.0.clone(), Arc::clone(&done), text.clone());
    let (_stop, told_to) = watch::channel(false);
    let running = tokio::spawn(async move {
        let lines = File::open(half.as_bytes(), Scope::ReadWrite, Network::PrivateToo).unwrap();
        let tell = |_, _, _: &News| _ = counted.fetch_add(1, Ordering::SeqCst);
        import::run(&app, lines, PACE, &Actor::cli(), told_to, tell).await
    });
    let mut look = tokio::time::interval(Duration::from_millis(2));
    while done.load(Ordering::SeqCst) < rows / 2 {
        look.tick().await;
    }
    running.abort();
    assert!(running.await.is_err_and(|error| error.is_cancelled()), "it was not through");
    let there: u64 = column(&stopped.0.db, "SELECT CAST(COUNT(*) AS TEXT) FROM stores").await[0].parse().unwrap();
    assert!(there > good / 4 && there < good, "{there} stores");

    let before = network.asked("s0.example");
    let (again, told_again) = import(&stopped.0, &text, PACE).await;
    // What was being committed when the process ended may have come in since it was counted.
    assert!(again.same >= there, "{again:?}");
    assert_eq!((again.same + again.connected, again.reconnected), (good, 0));
    assert_eq!(told_again, told);
    assert_eq!(network.asked("s0.example"), before, "a store that is in already is not asked");
    assert_eq!(left(&stopped.0).await, left(&clean.0).await);

    // And once more: nothing is to be done, and no store that is in is asked.
    let asked = network.stores_asked();
    let (third, _) = import(&stopped.0, &text, PACE).await;
    assert_eq!((third.same, third.connected, third.refused), (good, 0, bad.len() as u64));
    assert_eq!(network.stores_asked(), asked);
}

#[tokio::test]
async fn a_dry_run_tells_the_same_and_writes_nothing() {
    let network = ManyStores::open().await;
    let world = World::new().await;
    let app = cartkey(&world, &network, 100).await;
    let (text, bad) = file(&network, 100);
    let (tally, told) = import(&app, &text, Pace { manner: Manner::Tried, ..PACE }).await;
    assert_eq!((tally.connected, tally.refused), (100 - bad.len() as u64, bad.len() as u64));
    assert_eq!(told.len(), bad.len());
    for table in ["stores", "keys", "events"] {
        assert_eq!(column(&app.db, &format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}")).await, ["0"], "{table}");
    }
}

#[tokio::test]
async fn a_file_that_is_older_than_what_became_of_its_stores_changes_nothing_of_that() {
    let world = World::new().await;
    let (old, newer) =
        (world.shop.issue_key("admin", Scope::ReadWrite), world.shop.issue_key("admin", Scope::ReadWrite));
    let of = |key: &IssuedKey, user: &str, scope: &str| {
        format!("{HEADER}{user},{SHOP},{},{},{scope}\n", key.consumer_key, key.consumer_secret)
    };
    let served = async || column(&world.app.db, "SELECT last7 FROM keys WHERE sealed IS NOT NULL").await;
    assert_eq!(import(&world.app, &of(&old, "m", ""), PACE).await.0.connected, 1);
    assert_eq!(import(&world.app, &of(&newer, "m", ""), PACE).await.0.reconnected, 1);
    let events = "SELECT CAST(COUNT(*) AS TEXT) FROM events";
    let before = (served().await, column(&world.app.db, events).await);
    for manner in [Manner::Imported, Manner::Tried] {
        let (tally, told) = import(&world.app, &of(&old, "m", ""), Pace { manner, ..PACE }).await;
        assert_eq!((tally.refused, tally.reconnected), (1, 0));
        assert!(told[&2].contains("A newer key of shop.example replaced this one at 2026-"), "{told:?}");
        assert_eq!((served().await, column(&world.app.db, events).await), before);
    }
    // A key that may do less than the one that is there.
    let narrow = world.shop.issue_key("admin", Scope::Read);
    let (_, told) = import(&world.app, &of(&narrow, "m", ""), PACE).await;
    assert!(told[&2].contains("This key has less access than the current key of shop.example"), "{told:?}");
    assert_eq!((served().await, column(&world.app.db, events).await), before);
    // Unless less is what the line asks for.
    assert_eq!(import(&world.app, &of(&narrow, "m", "read"), PACE).await.0.reconnected, 1);
    // When the newer one does not work any more, the older is better than none.
    world.shop.revoke(narrow.key_id);
    let id: StoreId = column(&world.app.db, "SELECT id FROM stores").await.remove(0).parse().unwrap();
    watch_flow::check(&world.app, &id, &Actor::cli()).await.unwrap();
    assert_eq!(import(&world.app, &of(&newer, "m", ""), PACE).await.0.reconnected, 1);
    // What somebody gave up stays given up.
    disconnect::disconnect(&world.app, &id, &Actor::cli()).await.unwrap();
    let (_, told) = import(&world.app, &of(&newer, "m", ""), PACE).await;
    assert!(told[&2].contains("shop.example was disconnected at 2026-"), "{told:?}");
    let (_, told) = import(&world.app, &of(&old, "m", ""), PACE).await;
    assert!(told[&2].contains("A newer key of shop.example replaced this one"), "{told:?}");
    assert_eq!(
        (served().await, column(&world.app.db, "SELECT status FROM stores").await),
        (vec![], vec!["disconnected".to_owned()])
    );
}

#[tokio::test]
async fn of_two_lines_for_one_store_the_first_counts_also_when_it_names_it_with_www() {
    let network = ManyStores::open().await;
    let world = World::new().await;
    let app = cartkey(&world, &network, 5).await;
    let port = network.addr.port();
    let (key, secret) = key_of("s0.example");
    let text =
        format!("{HEADER}m,http://www.s0.example:{port},{key},{secret},\nm,http://s0.example:{port},{key},{secret},\n");
    for (connected, same) in [(1, 0), (0, 1)] {
        let (tally, told) = import(&app, &text, PACE).await;
        assert_eq!((tally.connected, tally.same, tally.refused), (connected, same, 1));
        assert!(told[&3].contains("are the same as in line 2"), "{told:?}");
    }
}

#[tokio::test]
async fn stores_begin_to_be_asked_no_faster_than_was_said() {
    const FEW: u64 = 50;
    let network = ManyStores::open().await;
    let world = World::new().await;
    let app = cartkey(&world, &network, 2 * FEW).await;
    let every = Duration::from_millis(10);
    let (text, bad) = file(&network, 2 * FEW);
    let is_good = |line: usize| bad.iter().all(|(bad, _)| *bad != line as u64 + 1);
    let good: String =
        text.lines().enumerate().filter(|(n, _)| is_good(*n)).map(|(_, line)| line.to_owned() + "\n").collect();
    let begun = std::time::Instant::now();
    let (tally, _) = import(&app, &good, Pace { every, ..PACE }).await;
    assert_eq!((tally.connected, tally.refused), (FEW, 0));
    assert!(begun.elapsed() >= every * 49, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn another_key_in_the_file_takes_the_place_of_the_one_that_is_there() {
    let network = ManyStores::open().await;
    let world = World::new().await;
    let app = cartkey(&world, &network, 5).await;
    let (text, _) = file(&network, 5);
    import(&app, &text, PACE).await;
    // As if another key had been there.
    let last7 =
        "UPDATE keys SET sealed = (SELECT sealed FROM keys AS other WHERE other.id < keys.id ORDER BY id DESC LIMIT 1)
                 WHERE id = (SELECT MAX(id) FROM keys)";
    assert_eq!(change(&app.db, last7).await, 1);
    let (tally, _) = import(&app, &text, PACE).await;
    assert_eq!((tally.same, tally.reconnected), (2, 1));
    let events =
        column(&app.db, "SELECT kind FROM events WHERE kind LIKE 'key.%' OR kind LIKE 'store.re%' ORDER BY seq").await;
    assert_eq!(events, ["store.reconnected", "key.rotated"]);
    assert_eq!(column(&app.db, "SELECT CAST(COUNT(*) AS TEXT) FROM keys WHERE sealed IS NOT NULL").await, ["3"]);
}

#[tokio::test]
async fn a_store_whose_key_failed_for_a_while_is_mended_by_the_same_row() {
    let network = ManyStores::open().await;
    let world = World::new().await;
    let app = cartkey(&world, &network, 1).await;
    let (text, _) = file(&network, 1);
    import(&app, &text, PACE).await;
    change(&app.db, "UPDATE stores SET status = 'unauthorized', reason = 'key_rejected'").await;
    let (tally, _) = import(&app, &text, PACE).await;
    assert_eq!((tally.same, tally.reconnected, tally.refused), (1, 0, 0));
    assert_eq!(column(&app.db, "SELECT status FROM stores").await, ["connected"]);
    assert_eq!(column(&app.db, "SELECT kind FROM events ORDER BY seq").await, ["store.connected", "store.recovered"]);
}

#[tokio::test]
async fn told_to_stop_it_ends_between_two_rows_and_says_so() {
    let network = ManyStores::open().await;
    let world = World::new().await;
    let app = cartkey(&world, &network, 400).await;
    let (text, _) = file(&network, 400);
    let lines = File::open(text.as_bytes(), Scope::ReadWrite, Network::PrivateToo).unwrap();
    let (stop, stopped) = watch::channel(false);
    let mut seen = 0;
    let tell = |_, _, _: &News| {
        seen += 1;
        if seen == 50 {
            stop.send_replace(true);
        }
    };
    let tally = import::run(&app, lines, PACE, &Actor::cli(), stopped, tell).await.unwrap();
    assert!(tally.stopped && tally.connected < 100, "{tally:?}");
    let there: u64 = column(&app.db, "SELECT CAST(COUNT(*) AS TEXT) FROM stores").await[0].parse().unwrap();
    assert_eq!(there, tally.connected);
}
