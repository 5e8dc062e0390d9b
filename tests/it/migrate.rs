//! Migrate: copies a whole installation to another database, every table or nothing.

use std::collections::BTreeMap;
use std::path::Path;

use cartkey::flow::transfer::migrate;
use cartkey::storage::transfer::{Fault, copy};
use cartkey::storage::{Db, Pools};
use cartkey::vault::RingSource;
use hyper::Method;

use crate::binary::{Installation, client};
use crate::database::{change, column, fresh};
use crate::many_stores::{ManyStores, key_of};
use crate::migrations::{SAMPLES, columns, migrations};
use crate::world::World;

async fn sqlite(folder: &Path, name: &str) -> Db {
    Db::open(&format!("sqlite:{}", folder.join(name).display())).await.unwrap()
}

/// Every row of every table in the migrations, read independently of Cartkey: bytes as hexadecimal.
async fn dump(db: &Db) -> BTreeMap<String, Vec<String>> {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, name, kind) in columns(&migrations().into_iter().map(|(_, sql)| sql).collect::<String>()) {
        let text = match (kind.as_str(), db.pools()) {
            ("BYTEA", Pools::Sqlite { .. }) => format!("LOWER(HEX({name}))"),
            ("BYTEA", Pools::Postgres(_)) => format!("ENCODE({name}, 'hex')"),
            ("BOOLEAN", _) => format!("CASE WHEN {name} THEN 'yes' ELSE 'no' END"),
            _ => format!("CAST({name} AS TEXT)"),
        };
        tables.entry(table).or_default().push(format!("COALESCE({text}, 'nothing')"));
    }
    let mut found = BTreeMap::new();
    for (table, parts) in tables {
        let mut rows = column(db, &format!("SELECT {} FROM {table}", parts.join(" || '|' || "))).await;
        rows.sort();
        found.insert(table, rows);
    }
    found
}

async fn count(db: &Db, table: &str) -> usize {
    column(db, &format!("SELECT 'x' FROM {table}")).await.len()
}

/// A database with a row in every table, one of which references another in the same table.
async fn full(folder: &Path) -> Db {
    let db = sqlite(folder, "full.db").await;
    for sample in SAMPLES {
        change(&db, sample).await;
    }
    change(&db, "INSERT INTO tokens (id, name, fingerprint, permissions, created_at) VALUES ('tk_2', 'b', x'00ff', 'keys:read', 1)").await;
    // The earlier one names the later.
    change(&db, "UPDATE tokens SET successor = 'tk_2' WHERE id = 'tk_1'").await;
    db
}

#[tokio::test]
async fn a_row_of_every_table_arrives_there_and_back_again() {
    let folder = tempfile::tempdir().unwrap();
    let source = full(folder.path()).await;
    let target = Db::open(&fresh(folder.path()).await).await.unwrap();
    let sums = copy(&source, &target, |_, _| ()).await.unwrap();
    let there = dump(&source).await;
    assert_eq!(dump(&target).await, there);
    assert!(there.values().all(|rows| !rows.is_empty()), "every table had something to lose");
    assert_eq!(sums.len(), there.len());
    for sum in &sums {
        assert_eq!(usize::try_from(sum.rows), Ok(there[&sum.table].len()), "{}", sum.table);
    }
    let back = sqlite(folder.path(), "back.db").await;
    assert_eq!(copy(&target, &back, |_, _| ()).await.unwrap(), sums, "the same sums, whichever database counts");
    assert_eq!(dump(&back).await, there);
}

#[tokio::test]
async fn many_rows_arrive_in_little_memory_and_are_told_as_they_do() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(folder.path(), "many.db").await;
    let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25000)
                INSERT INTO read_journal (batch, n, records)
                SELECT 'rq_' || CASE WHEN i % 3 = 0 THEN 'Ä' ELSE 'z' END || i, i, 'packed' FROM n";
    assert_eq!(change(&source, many).await, 25_000);
    let target = Db::open(&fresh(folder.path()).await).await.unwrap();
    let mut told = Vec::new();
    copy(&source, &target, |written, total| told.push((written, total))).await.unwrap();
    assert!(told.len() > 20 && told.windows(2).all(|two| two[0].0 < two[1].0), "{}", told.len());
    assert_eq!(told.last().map(|(written, total)| written == total), Some(true));
    assert_eq!(count(&target, "read_journal").await, 25_000);
}

#[tokio::test]
async fn a_target_that_holds_anything_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let source = full(folder.path()).await;
    for (n, there) in [
        "INSERT INTO settings (name, value) VALUES ('app_name', 'Mine')",
        "UPDATE counters SET n = 7 WHERE name = 'event'",
        "INSERT INTO installation (one, instance, created_at) VALUES (1, 'mine', 1)",
    ]
    .into_iter()
    .enumerate()
    {
        let target = sqlite(folder.path(), &format!("target{n}.db")).await;
        change(&target, there).await;
        let before = dump(&target).await;
        assert!(matches!(copy(&source, &target, |_, _| ()).await, Err(Fault::NotEmpty(_))), "{there}");
        assert_eq!(dump(&target).await, before);
    }
}

#[tokio::test]
async fn a_table_that_nobody_would_copy_stops_everything() {
    let folder = tempfile::tempdir().unwrap();
    let source = full(folder.path()).await;
    let target = Db::open(&fresh(folder.path()).await).await.unwrap();
    change(&source, "CREATE TABLE of_a_later_version (id TEXT PRIMARY KEY)").await;
    let refused = copy(&source, &target, |_, _| ()).await.unwrap_err().to_string();
    assert_eq!(refused, "the source does not have the tables of this version: of_a_later_version");
    change(&source, "DROP TABLE of_a_later_version").await;
    change(&target, "DROP TABLE check_spans").await;
    let refused = copy(&source, &target, |_, _| ()).await.unwrap_err().to_string();
    assert_eq!(refused, "the target does not have the tables of this version: no check_spans");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_meanwhile_is_noticed_and_the_target_stays_empty() {
    let folder = tempfile::tempdir().unwrap();
    let source = full(folder.path()).await;
    let target = Db::open(&fresh(folder.path()).await).await.unwrap();
    let empty = dump(&target).await;
    let now = tokio::runtime::Handle::current();
    for meanwhile in [
        "UPDATE counters SET n = n + 1 WHERE name = 'event'",
        "UPDATE check_spans SET n = n + 1",
        "UPDATE deliveries SET tries = tries + 1",
        "UPDATE stores SET checked_at = checked_at + 1",
        "DELETE FROM check_spans",
    ] {
        let mut is_first = true;
        let write = |_, _| {
            if std::mem::take(&mut is_first) {
                // By a thread of its own: this one would take what wakes it from the copy for its own.
                let change = || now.block_on(change(&source, meanwhile));
                let changed = tokio::task::block_in_place(|| {
                    std::thread::scope(|threads| threads.spawn(change).join().expect("it is written"))
                });
                assert!(changed > 0, "{meanwhile}");
            }
        };
        assert!(matches!(copy(&source, &target, write).await, Err(Fault::InUse)), "{meanwhile}");
        assert_eq!(dump(&target).await, empty);
    }
    copy(&source, &target, |_, _| ()).await.expect("in peace it goes");
}

#[tokio::test]
async fn a_target_that_keeps_something_else_than_it_was_given_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let source = full(folder.path()).await;
    for (n, bent) in [
        "AFTER INSERT ON stores BEGIN UPDATE stores SET checked_at = checked_at + 1 WHERE id = NEW.id",
        "AFTER INSERT ON keys BEGIN UPDATE keys SET sealed = x'00' WHERE id = NEW.id",
        "AFTER INSERT ON events BEGIN DELETE FROM events WHERE seq = NEW.seq",
    ]
    .into_iter()
    .enumerate()
    {
        let target = sqlite(folder.path(), &format!("bent{n}.db")).await;
        change(&target, &format!("CREATE TRIGGER bent {bent}; END")).await;
        let empty = dump(&target).await;
        let fault = copy(&source, &target, |_, _| ()).await.unwrap_err();
        assert!(matches!(fault, Fault::Differs(_)), "{bent}: {fault}");
        assert_eq!(dump(&target).await, empty);
    }
}

#[tokio::test]
async fn a_ring_that_does_not_fit_is_said() {
    let world = World::new().await;
    world.connect("m").await;
    let folder = tempfile::tempdir().unwrap();
    let target = sqlite(folder.path(), "target.db").await;
    let ring = RingSource::File(folder.path().join("another.key"));
    let moved = migrate::to(&world.app, &target, &ring, |_, _| ()).await;
    assert!(matches!(moved, Err(migrate::Error::Ring(_))), "{moved:?}");
}

#[tokio::test]
async fn a_copy_that_fails_leaves_the_target_empty() {
    let folder = tempfile::tempdir().unwrap();
    let source = full(folder.path()).await;
    let target = sqlite(folder.path(), "target.db").await;
    // The disk of the target is full at the last table but one, as far as it can tell.
    change(&target, "CREATE TRIGGER full BEFORE INSERT ON check_spans BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        .await;
    let empty = dump(&target).await;
    copy(&source, &target, |_, _| ()).await.expect_err("the trigger fires");
    assert_eq!(dump(&target).await, empty);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_moves_and_lends_its_keys_from_there() {
    let network = ManyStores::open().await;
    let here = Installation::empty().await.with("CARTKEY_DATABASE_URL", "sqlite:data/cartkey.db").made().await;
    let target = fresh(here.folder.path()).await;
    let row = |n: u8| {
        let (host, port) = (format!("127.2.0.{}", n + 1), network.addr.port());
        let (key, secret) = key_of(&host);
        format!("m{n},http://{host}:{port},{key},{secret},read\n")
    };
    let rows: String = (0..12).map(row).collect();
    std::fs::write(
        here.folder.path().join("stores.csv"),
        format!("user_id,store_url,consumer_key,consumer_secret,scope\n{rows}"),
    )
    .unwrap();
    assert_eq!(here.run(&["import", "--per-second", "1000", "stores.csv"]).code, Some(0));
    let token = here.token("keys:read");

    let moved = here.run(&["migrate-to", &target]);
    assert_eq!(moved.code, Some(0), "{}", moved.err);
    let last = moved.out.lines().last().unwrap();
    assert!(
        last.starts_with("identical on both sides: ") && last.ends_with("the key ring opens 12 keys in the target"),
        "{last}"
    );
    let stores = moved.out.lines().find(|line| line.starts_with("stores ")).unwrap();
    let parts: Vec<&str> = stores.split_whitespace().collect();
    assert!(parts[1] == "12" && parts[2].len() == 64, "{stores}");
    assert!(moved.err.contains("next: set CARTKEY_DATABASE_URL"), "{}", moved.err);

    let there = here.with("CARTKEY_DATABASE_URL", &target);
    let cartkey = there.serve().await;
    let (status, keys) = cartkey.ask(&client(), Method::GET, "/api/v1/users/m7/keys", &token, "").await;
    assert_eq!((status, keys["consumer_secret"].as_str()), (200, Some(key_of("127.2.0.8").1.as_str())), "{keys}");
    drop(cartkey);

    let again = there.with("CARTKEY_DATABASE_URL", "sqlite:data/cartkey.db").run(&["migrate-to", &target]);
    assert!(again.complaint().0 == Some(1) && again.complaint().1.contains("the target is not empty"), "{again:?}");
}

#[tokio::test]
async fn a_target_that_cannot_be_one_is_wrong_usage_or_a_failure_and_its_password_is_not_told() {
    let here = Installation::empty().await.with("CARTKEY_DATABASE_URL", "sqlite:data/cartkey.db").made().await;
    let ran = here.run(&["migrate-to", "mysql://me:hunter2@db/x"]);
    assert_eq!(ran.complaint().0, Some(2));
    assert!(!ran.err.contains("hunter2"));
    // Something listens there, but no database: it hangs up.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let ran = here.run(&["migrate-to", &format!("postgres://me:hunter2@127.0.0.1:{port}/x")]);
    assert_eq!(ran.complaint().0, Some(1));
    assert!(ran.complaint().1.contains("the target") && !ran.err.contains("hunter2"), "{}", ran.err);
}
