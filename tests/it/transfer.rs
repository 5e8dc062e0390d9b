//! `cartkey import` and `cartkey export`: output, exit codes, and the state after a kill.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::Duration;

use cartkey::storage::Db;
use rustix::process::Signal;

use crate::binary::{Installation, Ran, Running};
use crate::database::column;
use crate::many_stores::{ManyStores, key_of};

const HEADER: &str = "user_id,store_url,consumer_key,consumer_secret,scope\n";

/// The address of the `n`th store: each loopback address is a separate host.
fn host(n: usize) -> String {
    format!("127.1.{}.{}", n / 250, n % 250 + 1)
}

fn row(network: &ManyStores, n: usize) -> String {
    let (key, secret) = key_of(&host(n));
    format!("m{n},http://{}:{},{key},{secret},read\n", host(n), network.addr.port())
}

/// A bad line and the report on it. `{host}`, `{at}` (host and port), `{key}` and `{secret}` are those of its own store.
const BAD: [(&str, &str); 13] = [
    ("a b,http://{at},{key},{secret},", "user_id: it must be 1 to 128 visible ASCII"),
    ("b{n},ftp://{host},{key},{secret},", "store_url: A store's address begins with"),
    ("b{n},http://{at},{secret},{key},", "consumer_key: That is the consumer secret"),
    ("b{n},http://{at},{key},cs_short,", "consumer_secret: That is"),
    ("b{n},http://{at},{key},{secret},all", "scope: it must be read"),
    ("b{n},http://{at},{key}", "it has 3 fields"),
    ("m0,http://127.1.0.1:{port}/wp-admin/,{key},{secret},", "are the same as in line 2"),
    ("b{n},http://{at},{wrong},{secret},", "key_rejected"),
    ("b{n},http://{at},{key},{wrong_secret},", "secret_rejected"),
    ("b{n},http://127.250.{n}.1:{port},{key},{secret},", "server_error"),
    ("b{n},http://127.251.{n}.1:{port},{key},{secret},", "no_wordpress"),
    ("b{n},http://127.252.{n}.1:{port},{key},{secret},", "rate_limited"),
    ("b{n},http://127.0.0.1:1,{key},{secret},", "connect_failed"),
];

/// The `n`th of them.
fn bad_row(network: &ManyStores, n: usize) -> String {
    let host = format!("127.2.{}.{}", n / 250, n % 250 + 1);
    let ((key, secret), (wrong, wrong_secret)) = (key_of(&host), key_of("x"));
    let port = network.addr.port().to_string();
    let at = format!("{host}:{port}");
    let number = n.to_string();
    let values = [
        ("{host}", &host),
        ("{at}", &at),
        ("{key}", &key),
        ("{secret}", &secret),
        ("{wrong}", &wrong),
        ("{wrong_secret}", &wrong_secret),
        ("{port}", &port),
        ("{n}", &number),
    ];
    let line = BAD[n % BAD.len()].0;
    values.into_iter().fold(line.to_owned(), |line, (name, value)| line.replace(name, value)) + "\n"
}

/// Writes a file of the installation, readable only by its owner.
fn write(here: &Installation, name: &str, text: &str) {
    let path = here.folder.path().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// The content of the installation's database without ids and times.
async fn stores(here: &Installation) -> Vec<String> {
    let db = Db::open(&here.settings["CARTKEY_DATABASE_URL"]).await.unwrap();
    let sql = "SELECT user_id || ' ' || home || ' ' || status || ' ' || scope || ' ' || key_last7 || ' ' || CAST(key_version AS TEXT)
                      || ' ' || (SELECT COUNT(*) FROM keys WHERE keys.store_id = stores.id)
                      || ' ' || (SELECT COUNT(*) FROM events WHERE events.store_id = stores.id)
               FROM stores ORDER BY user_id";
    let found = column(&db, sql).await;
    db.close().await;
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_prints_one_line_and_tells_what_it_could_not_take_by_line() {
    let (here, network) = (Installation::new().await, ManyStores::open().await);
    let bad = format!("m9,http://{}:{},{},{},read\n", host(9), network.addr.port(), key_of("x").0, key_of(&host(9)).1);
    write(&here, "stores.csv", &[HEADER, &row(&network, 0), "m7,,,,\n", &bad, &row(&network, 1)].concat());
    let dry = here.run(&["import", "--dry-run", "stores.csv"]);
    assert_eq!(dry.code, Some(1));
    assert_eq!(
        dry.out,
        "2 would be connected, 0 would be updated with a new key, 0 unchanged, 2 rejected; nothing was written\n"
    );
    assert_eq!(stores(&here).await.len(), 0);

    let ran = here.run(&["import", "stores.csv"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(1), "2 connected, 0 updated with a new key, 0 unchanged, 2 rejected\n")
    );
    let told: Vec<&str> = ran.err.lines().filter(|line| line.starts_with("line ")).collect();
    let [third, fourth] = told[..] else { panic!("{}", ran.err) };
    assert!(third.starts_with("line 3: store_url: Type the address") && third.contains("consumer_secret: "), "{third}");
    assert!(fourth.starts_with("line 4: ") && fourth.ends_with("(key_rejected)"), "{fourth}");
    assert!(ran.err.lines().last().unwrap().starts_with("cartkey: 2 lines were rejected"), "{}", ran.err);
    for n in [0, 1, 9] {
        let (key, secret) = key_of(&host(n));
        assert!(!ran.err.contains(&key[3..]) && !ran.err.contains(&secret[3..]), "no key is told");
    }

    // What was wrong is mended, and the file run again.
    write(&here, "stores.csv", &[HEADER, &row(&network, 0), &row(&network, 2), &row(&network, 1)].concat());
    let ran = here.run(&["import", "stores.csv"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "1 connected, 0 updated with a new key, 2 unchanged, 0 rejected\n")
    );
    assert!(!ran.err.contains("warning"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_others_may_read_or_that_lacks_a_column_is_told() {
    let (here, network) = (Installation::new().await, ManyStores::open().await);
    write(&here, "stores.csv", &[HEADER, &row(&network, 0)].concat());
    fs::set_permissions(here.folder.path().join("stores.csv"), fs::Permissions::from_mode(0o644)).unwrap();
    let ran = here.run(&["import", "stores.csv"]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.err.contains("warning: stores.csv contains keys and can be read by others: chmod 600"), "{}", ran.err);
    write(&here, "stores.csv", "user_id,store_url,consumer_key,note\n");
    let (code, says) = (here.run(&["import", "stores.csv"]), "consumer_secret is missing");
    assert!(code.complaint().0 == Some(1) && code.complaint().1.contains(says), "{code:?}");
    let ran = here.run(&["import", "nowhere.csv"]);
    assert!(ran.complaint().0 == Some(1) && ran.complaint().1.contains("cannot open nowhere.csv"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_row_of_a_file_that_a_spreadsheet_wrote_is_passed_over() {
    let (here, network) = (Installation::new().await, ManyStores::open().await);
    let fields = |n: usize| row(&network, n).trim_end().replace(',', ";");
    let rounded = fields(3).replacen("m3", "1.23457E+11", 1);
    let whole = fields(4);
    let short = whole.rsplitn(3, ';').nth(2).unwrap();
    let padded = fields(1).replace(";ck_", ";\u{a0}ck_");
    // Lines 3 to 10, with every kind of line end; the last has none.
    let text = format!(
        "sep=;\r\nUser ID;Store URL;Consumer key;Consumer-Secret;Permissions\r\n{};;;\r\n;;;;\r{padded}\r{rounded}\r\r\n{short}\n{};x\n{}",
        fields(0),
        fields(2),
        fields(2)
    );
    let ends_in_cr = text.replace("\r\n", "\r").replace('\n', "\r");
    let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        format!("\u{feff}{text}").encode_utf16().flat_map(bytes).collect()
    };
    let files = [
        text.clone().into_bytes(),
        ends_in_cr.clone().into_bytes(),
        utf16(&text, u16::to_le_bytes),
        utf16(&ends_in_cr, u16::to_be_bytes),
    ];
    write(&here, "stores.csv", "");
    for (at, file) in files.iter().enumerate() {
        fs::write(here.folder.path().join("stores.csv"), file).unwrap();
        let ran = here.run(&["import", "stores.csv"]);
        let (connected, unchanged) = if at == 0 { (3, 0) } else { (0, 3) };
        let wanted =
            format!("{connected} connected, 0 updated with a new key, {unchanged} unchanged, 3 rejected, 2 empty\n");
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), wanted.as_str()), "{at}: {}", ran.err);
        assert!(ran.err.contains("8 rows in the file: 3 read, 3 rejected, 2 empty and skipped\n"), "{}", ran.err);
        for says in [
            "line 6: user_id: a spreadsheet shortened this number",
            "line 8: it has 3 fields, but the first line names 5 columns, so consumer_secret is missing",
            "line 9: it has 6 fields, but the first line names 5 columns",
        ] {
            assert!(ran.err.lines().any(|line| line.starts_with(says)), "{at}: {says}: {}", ran.err);
        }
    }
    assert_eq!(stores(&here).await.len(), 3);

    // A file that is not text, or that names other columns, is no import of nothing.
    fs::write(here.folder.path().join("stores.csv"), b"PK\x03\x04\0\0\0\0").unwrap();
    let ran = here.run(&["import", "stores.csv"]);
    assert!(ran.complaint().0 == Some(1) && ran.complaint().1.contains("not UTF-8 text"), "{ran:?}");
    write(&here, "stores.csv", "customer,store,key,secret\n");
    let ran = here.run(&["import", "stores.csv"]);
    let says = "user_id is missing; found customer, store, key, secret (";
    assert!(ran.complaint().0 == Some(1) && ran.complaint().1.contains(says), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_killed_half_way_and_run_again_comes_to_the_same_as_one_clean_run() {
    const ROWS: usize = 300;
    let network = ManyStores::open().await;
    // Behind every third store that can be taken there is a line that cannot, in one way after the other.
    let rows: String = (0..ROWS)
        .map(|n| row(&network, n) + &if n % 3 == 2 { bad_row(&network, n / 3) } else { String::new() })
        .collect();
    let refused = |ran: &Ran| -> Vec<String> {
        let mut lines: Vec<_> = ran.err.lines().filter(|line| line.starts_with("line ")).map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    let import = ["import", "--per-second", "1000", "stores.csv"];
    let (clean, killed) = (Installation::new().await, Installation::new().await);
    for here in [&clean, &killed] {
        write(here, "stores.csv", &[HEADER, &rows].concat());
    }
    let mut running = Running::start(killed.command(&import));
    let mut look = tokio::time::interval(Duration::from_millis(2));
    while network.stores_asked() < ROWS / 2 {
        look.tick().await;
    }
    running.tell(Signal::KILL);
    assert_eq!(running.ended().await.code(), None, "killed");
    let there = stores(&killed).await.len();
    assert!(there > 10 && there < ROWS, "{there}");
    let (asked, known) = (network.asked(&host(0)), stores(&killed).await[0].clone());
    assert!(known.starts_with("m0 "), "the first row is in");
    let again = killed.run(&import);
    let tally =
        format!("{} connected, 0 updated with a new key, {there} unchanged, {} rejected\n", ROWS - there, ROWS / 3);
    assert_eq!((again.code, again.out.as_str()), (Some(1), tally.as_str()));
    assert_eq!(network.asked(&host(0)), asked, "a store that is in is not asked again");
    let at_once = clean.run(&import);
    assert_eq!(at_once.code, Some(1));
    assert_eq!(stores(&killed).await, stores(&clean).await);
    assert_eq!((refused(&again).len(), refused(&again)), (ROWS / 3, refused(&at_once)));
    for (_, says) in BAD {
        assert!(refused(&again).iter().any(|line| line.contains(says)), "{says}: {}", again.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_told_to_stop_ends_between_two_rows() {
    let (here, network) = (Installation::new().await, ManyStores::open().await);
    let rows: String = (0..300).map(|n| row(&network, n)).collect();
    write(&here, "stores.csv", &[HEADER, &rows].concat());
    let mut running = Running::start(here.command(&["import", "--per-second", "200", "stores.csv"]));
    let mut look = tokio::time::interval(Duration::from_millis(2));
    while network.stores_asked() < 20 {
        look.tick().await;
    }
    running.tell(Signal::INT);
    let says = running.logged_line("stopped before the end of the file").await;
    assert!(says.contains("run the command again to continue"), "{says}");
    assert_eq!(running.ended().await.code(), Some(1));
    let there = stores(&here).await.len();
    let again = here.run(&["import", "--per-second", "1000", "stores.csv"]);
    assert!(
        again.out.contains(&format!("{} connected, 0 updated with a new key, {there} unchanged", 300 - there)),
        "{again:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_exported_is_on_record_and_can_be_imported_elsewhere() {
    let (here, there, network) = (Installation::new().await, Installation::new().await, ManyStores::open().await);
    let rows: String = (0..20).map(|n| row(&network, n)).collect();
    // A spreadsheet would take this one for a formula; and one that only looks as if that had been seen to.
    let rows = rows.replace("m1,", "'=HYPERLINK(0),").replace("m2,", "''@x,");
    write(&here, "stores.csv", &[HEADER, &rows].concat());
    here.run(&["import", "--per-second", "1000", "stores.csv"]);
    let db = Db::open(&here.settings["CARTKEY_DATABASE_URL"]).await.unwrap();
    let mut gone =
        "UPDATE keys SET sealed = NULL, retired_at = 1 WHERE store_id IN (SELECT id FROM stores WHERE user_id = 'm3')";
    for _ in 0..2 {
        crate::database::change(&db, gone).await;
        gone = "UPDATE stores SET status = 'disconnected' WHERE user_id = 'm3'";
    }
    let exported = here.run(&["export"]);
    assert_eq!(exported.code, Some(0));
    let mut lines: Vec<&str> = exported.out.lines().collect();
    assert_eq!(lines.remove(0), HEADER.trim_end());
    let known = column(&db, "SELECT user_id FROM stores WHERE user_id NOT LIKE 'm%' ORDER BY user_id").await;
    assert_eq!(known, ["'@x", "=HYPERLINK(0)"]);
    let mut wanted: Vec<String> = rows.lines().map(str::to_owned).filter(|row| !row.starts_with("m3,")).collect();
    lines.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(lines, wanted);
    assert!(!exported.err.contains("cs_") && !exported.err.contains("ck_"), "{}", exported.err);
    write(&there, "stores.csv", &exported.out);
    assert_eq!(there.run(&["import", "--per-second", "1000", "stores.csv"]).code, Some(0));
    let left: Vec<String> = stores(&here).await.into_iter().filter(|line| !line.starts_with("m3 ")).collect();
    assert_eq!(stores(&there).await, left);

    // Nothing could be written; it is on record all the same.
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ran = here.command(&["export"]).stdout(Stdio::from(full)).output().unwrap();
    assert_eq!(Ran::of(ran).code, Some(1));
    let kinds = column(&db, "SELECT kind || ' ' || actor FROM events WHERE kind LIKE 'keys.%'").await;
    assert_eq!(kinds, ["keys.exported cli", "keys.exported cli"]);

    // A file that others may read is told of.
    let file = fs::File::create(here.folder.path().join("out.csv")).unwrap();
    file.set_permissions(fs::Permissions::from_mode(0o644)).unwrap();
    let ran = here.command(&["export"]).stdout(Stdio::from(file)).output().unwrap();
    assert!(Ran::of(ran).err.contains("can be read by others"));
}
