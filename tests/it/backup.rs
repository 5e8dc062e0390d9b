//! Backup and restore: the rehearsal of docs/operations.md, on both databases; what is damaged is refused, and nothing is half done.

use std::fs;
use std::io::{BufReader, Cursor, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cartkey::app::App;
use cartkey::config::BackupSchedule;
use cartkey::demo::pretend_store::Switches;
use cartkey::domain::actor::Actor;
use cartkey::domain::news::EventId;
use cartkey::flow::feed;
use cartkey::flow::lending::tokens::{self, NewToken};
use cartkey::flow::transfer::backup::{self, Standing};
use cartkey::flow::transfer::{restore, seals};
use cartkey::storage::Db;
use cartkey::storage::transfer::back_up;
use cartkey::storage::transfer::file::{About, Reader};
use cartkey::vault::RingSource;
use serde_json::json;

use crate::binary::{Installation, Ran};
use crate::database::{change, column, fresh};
use crate::grown;
use crate::migrations::SAMPLES;
use crate::on_record;
use crate::world::{BEGINNING, SHOP, World, open};

/// Where bytes are gathered.
#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn backed_up(app: &App) -> Vec<u8> {
    let bytes = Bytes::default();
    backup::to_stream(app, None, bytes.clone(), |_, _| ()).await.unwrap();
    bytes.0.lock().unwrap().clone()
}

fn ring_of(folder: &Path) -> RingSource {
    RingSource::File(folder.join("ring/master.key"))
}

/// Restores into the database at `url`, with the ring in `folder`.
async fn restore(bytes: &[u8], folder: &Path, url: &str) -> Result<(), String> {
    let target = Db::open(url).await.unwrap();
    let restored = restore_into(bytes, folder, &target).await;
    target.close().await;
    restored
}

async fn restore_into(bytes: &[u8], folder: &Path, target: &Db) -> Result<(), String> {
    let reader = restore::open(BufReader::new(Cursor::new(bytes.to_vec())), &ring_of(folder)).await;
    let restored = match reader {
        Ok(reader) => restore::into(reader, target, |_, _| ()).await.map(drop),
        Err(refused) => Err(refused),
    };
    restored.map_err(|refused| refused.to_string())
}

async fn started(world: &World, url: &str) -> App {
    open(&[], url, world.folder.path(), world.client(), &world.clock).await
}

/// Everything in the feed, and everything in the activity record.
async fn record(app: &App) -> (Vec<String>, Vec<String>) {
    let events = "SELECT CAST(seq AS TEXT) || ' ' || kind || ' ' || CAST(at AS TEXT) || ' ' || actor || ' ' || COALESCE(user_id, '-') || ' '
                         || COALESCE(store_id, '-')
                  FROM events ORDER BY seq";
    (column(&app.db, events).await, on_record::lines(&app.db).await)
}

/// The rehearsal: SQLite, into the database under test, and back into SQLite.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_stores_move_by_backup_to_the_other_database_and_back() {
    const STORES: usize = 10_000;
    let world = World::new().await;
    let url = |name: &str| format!("sqlite:{}", world.folder.path().join(name).display());
    let here = started(&world, &url("here.db")).await;
    grown::connect_stores(&here, STORES).await;
    let token = grown::token(&here).await;
    grown::lend_all(&here, &token, 500).await;
    let before = record(&here).await;
    assert_eq!((before.0.len(), before.1.len()), (2 * STORES + 1, 500));

    let there_url = fresh(world.folder.path()).await;
    let there_url = if there_url.starts_with("sqlite:") { url("there.db") } else { there_url };
    restore(&backed_up(&here).await, world.folder.path(), &there_url).await.unwrap();
    let there = started(&world, &there_url).await;
    assert_eq!(record(&there).await, before, "the feed and the activity record are the same");
    grown::lend_all(&there, &token, STORES / 10).await;

    let between = record(&there).await;
    restore(&backed_up(&there).await, world.folder.path(), &url("back.db")).await.unwrap();
    let back = started(&world, &url("back.db")).await;
    assert_eq!(record(&back).await, between);
    assert_eq!(between.1.len(), 500 + STORES / 10);
    grown::lend_all(&back, &token, STORES).await;
    let opened = seals::open(&back, None).await.unwrap();
    assert_eq!((opened.opened, opened.shut.len()), (STORES as u64, 0));
}

#[tokio::test]
async fn a_row_of_every_table_survives_but_for_what_must_not_outlive_a_restore() {
    let folder = tempfile::tempdir().unwrap();
    let url = fresh(folder.path()).await;
    let db = Db::open(&url).await.unwrap();
    for sample in SAMPLES {
        change(&db, sample).await;
    }
    change(&db, "UPDATE counters SET n = 42 WHERE name = 'lending'").await;
    let bytes = Bytes::default();
    let about = About { made_at: BEGINNING.to_string(), database: "a test".to_owned(), key_ring: None };
    let (sums, _) = back_up(&db, about, bytes.clone(), |_, _| ()).await.unwrap();
    assert!(sums.iter().all(|sum| sum.rows > 0), "{sums:?}");
    let target = Db::open(&format!("sqlite:{}", folder.path().join("target.db").display())).await.unwrap();
    let text = bytes.0.lock().unwrap().clone();
    let reader = Reader::open(Cursor::new(text)).unwrap();
    assert_eq!(cartkey::storage::transfer::restore(reader, &target, |_, _| ()).await.unwrap(), sums);
    for sum in sums {
        let left = column(&target, &format!("SELECT 'x' FROM {}", sum.table)).await.len() as u64;
        let ends = ["sessions", "setup_links", "processes"].contains(&sum.table.as_str());
        assert_eq!(left, if ends { 0 } else { sum.rows }, "{}", sum.table);
    }
    let counters =
        column(&target, "SELECT CAST(n AS TEXT) FROM counters WHERE name IN ('event', 'lending') ORDER BY n").await;
    assert_eq!(counters, ["1000000001", "1000000042"], "no number of what is lost is used again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_taken_while_writes_run_holds_what_was_acknowledged_and_nothing_half() {
    let world = World::new().await;
    grown::connect_stores(&world.app, 1_000).await;
    let (acknowledged, over) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(AtomicBool::new(false)));
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (app, acknowledged, over) = (world.app.clone(), Arc::clone(&acknowledged), Arc::clone(&over));
        writers.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let wish = NewToken::new("a service", "keys:read".parse().unwrap());
                let (token, _) = tokens::issue(&app, wish, &Actor::new("test")).await.unwrap();
                acknowledged.lock().unwrap().push(token.id.to_string());
            }
        });
    }
    let so_far = || acknowledged.lock().unwrap().clone();
    while so_far().len() < 50 {
        tokio::task::yield_now().await;
    }
    let (mut backups, mut all) = (Vec::new(), 0);
    for _ in 0..3 {
        let before = so_far();
        backups.push((before, backed_up(&world.app).await));
        all = so_far().len();
    }
    over.store(true, Ordering::Relaxed);
    writers.join_all().await;
    assert!(all > backups[0].0.len(), "writes went on");
    for (n, (before, bytes)) in backups.into_iter().enumerate() {
        let url = format!("sqlite:{}", world.folder.path().join(format!("restored{n}.db")).display());
        restore(&bytes, world.folder.path(), &url).await.unwrap();
        let restored = Db::open(&url).await.unwrap();
        let tokens = column(&restored, "SELECT id FROM tokens").await;
        let lost: Vec<&String> = before.iter().filter(|id| !tokens.contains(id)).collect();
        assert!(lost.is_empty(), "{lost:?}");
        // Each token was issued with its event and its number in one transaction.
        let mut evented = column(&restored, "SELECT token_id FROM events WHERE kind = 'token.issued'").await;
        let mut tokens = tokens;
        evented.sort_unstable();
        tokens.sort_unstable();
        assert_eq!(evented, tokens);
        let numbers = "SELECT CAST(n - 1000000000 AS TEXT) || ' ' || CAST((SELECT MAX(seq) FROM events) AS TEXT) || ' '
                              || CAST((SELECT COUNT(*) FROM events) AS TEXT)
                       FROM counters WHERE name = 'event'";
        let numbers = column(&restored, numbers).await.remove(0);
        let numbers: Vec<&str> = numbers.split(' ').collect();
        assert!(numbers[0] == numbers[1] && numbers[1] == numbers[2], "{numbers:?}");
    }
}

#[tokio::test]
async fn a_backup_that_is_cut_changed_or_newer_is_refused_and_the_place_stays_empty() {
    let world = World::new().await;
    world.connect("m").await;
    let right = backed_up(&world.app).await;
    let text = String::from_utf8(right.clone()).unwrap();
    let folder = world.folder.path();
    let url = fresh(&folder.join("x")).await;
    let url = if url.starts_with("sqlite:") { format!("sqlite:{}", folder.join("target.db").display()) } else { url };
    let target = Db::open(&url).await.unwrap();
    let mut bad: Vec<(Vec<u8>, &str)> = vec![
        (b"user_id,store_url\n".to_vec(), "this is not a backup of Cartkey"),
        (Vec::new(), "this is not a backup of Cartkey"),
        (
            b"{\"cartkey_backup\":2,\"version\":\"9.1\",\"more\":[]}\n".to_vec(),
            "made by a newer version of Cartkey (9.1)",
        ),
        ([right.as_slice(), b"\n"].concat(), "damaged"),
        (
            text.replace("[\"woo_key_id\",\"number\"]", "[\"woo_key\",\"number\"]").into_bytes(),
            "has other tables than this version",
        ),
        (text.replace("\"Cups & Plates\"", "\"Cups & plates\"").into_bytes(), "damaged"),
    ];
    // A whole line missing, and cuts everywhere.
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for gone in [lines.len() / 2, lines.len() - 2] {
        let rest = lines.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, line)| *line).collect::<String>();
        bad.push((rest.into_bytes(), "his"));
    }
    bad.extend((1..12).map(|n| (right[..right.len() * n / 12].to_vec(), "incomplete")));
    bad.push((right[..right.len() - 1].to_vec(), "incomplete"));
    for at in (0..right.len()).step_by(right.len() / 25) {
        let mut bent = right.clone();
        bent[at] ^= 1;
        bad.push((bent, ""));
    }
    for (bytes, says) in bad {
        let refused = restore_into(&bytes, folder, &target).await.expect_err(says);
        assert!(refused.contains(says), "{says}: {refused}");
    }
    restore_into(&right, folder, &target).await.expect("nothing of all that was left behind");
    let again = restore_into(&right, folder, &target).await.unwrap_err();
    assert!(again.contains("the target is not empty: there are rows in"), "{again}");
}

#[tokio::test]
async fn a_restore_that_is_cut_off_leaves_the_place_empty() {
    let world = World::new().await;
    grown::connect_stores(&world.app, 2_000).await;
    let bytes = backed_up(&world.app).await;
    let url = format!("sqlite:{}", world.folder.path().join("target.db").display());
    let target = Db::open(&url).await.unwrap();
    let cut = tokio::sync::Notify::new();
    let reader = restore::open(Cursor::new(bytes.clone()), &ring_of(world.folder.path())).await.unwrap();
    tokio::select! {
        biased;
        () = cut.notified() => {}
        ended = restore::into(reader, &target, |written, _| if written > 3_000 { cut.notify_one() }) => panic!("{ended:?}"),
    }
    target.close().await;
    restore(&bytes, world.folder.path(), &url).await.expect("it is still empty");
}

#[tokio::test]
async fn a_ring_that_does_not_fit_is_refused_before_anything_is_written() {
    let world = World::new().await;
    world.connect("m").await;
    let bytes = backed_up(&world.app).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", elsewhere.path().join("target.db").display());
    let id = world.app.vault.key_ids().remove(0);
    let refused = restore(&bytes, elsewhere.path(), &url).await.unwrap_err();
    assert!(
        refused.contains(&format!("master.key is missing: first put this backup's key ring there (with the key {id})")),
        "{refused}"
    );
    assert!(!elsewhere.path().join("ring").exists(), "no new ring is made");
    let ring = elsewhere.path().join("ring/master.key");
    cartkey::vault::KeyRing::mint(&world.app.entropy).save_new(&ring).unwrap();
    let refused = restore(&bytes, elsewhere.path(), &url).await.unwrap_err();
    assert!(refused.contains(&format!("lacks the key {id}")) && refused.contains("sealed values: 1"), "{refused}");
    let text = fs::read_to_string(&ring).unwrap();
    fs::write(&ring, format!("{id}:{}", text.split_once(':').unwrap().1)).unwrap();
    let refused = restore(&bytes, elsewhere.path(), &url).await.unwrap_err();
    assert!(refused.contains("another installation's ring"), "{refused}");
    let target = Db::open(&url).await.unwrap();
    assert!(column(&target, "SELECT id FROM stores").await.is_empty());
}

#[tokio::test]
async fn a_service_that_has_seen_what_is_lost_misses_nothing_of_what_comes() {
    let world = World::new().await;
    world.connect("m").await;
    let bytes = backed_up(&world.app).await;
    // What happens after the backup is lost; a service has seen it.
    let secret = grown::token(&world.app).await;
    grown::token(&world.app).await;
    let seen = feed::newest(&world.app).await.unwrap();
    drop(secret);
    let url = format!("sqlite:{}", world.folder.path().join("restored.db").display());
    restore(&bytes, world.folder.path(), &url).await.unwrap();
    let app = started(&world, &url).await;
    let wish = NewToken::new("a service", "events:read".parse().unwrap());
    let (token, _) = tokens::issue(&app, wish, &Actor::new("test")).await.unwrap();
    let part = feed::read(&app, &token, seen, 100).await.unwrap();
    let kinds: Vec<&str> = part.news.iter().map(|news| news.kind.as_str()).collect();
    assert_eq!(kinds, ["token.issued"]);
    assert!(part.news[0].id > EventId::of_number(1_000_000_000));
}

fn scheduled(world: &World, folder: &Path) -> App {
    let mut app = world.app.clone();
    let schedule = BackupSchedule { folder: folder.to_owned(), every: Duration::from_hours(24), keep: 2 };
    app.backup = Some(Arc::new(schedule));
    app
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort_unstable();
    names
}

#[tokio::test]
async fn backups_are_written_on_schedule_kept_so_many_and_missed_on_the_overview() {
    let world = World::new().await;
    world.connect("m").await;
    let folder = world.folder.path().join("backups");
    let app = scheduled(&world, &folder);
    assert_eq!(backup::standing(&app), None, "nobody has looked yet");
    assert!(backup::run_due(&app).await.unwrap());
    assert!(!backup::run_due(&app).await.unwrap(), "once a day");
    let first = files(&folder).remove(0);
    assert_eq!(fs::metadata(folder.join(&first)).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    // Left by a process that died, and a stranger's file.
    fs::write(folder.join(format!("{first}.partial")), "half").unwrap();
    fs::write(folder.join("notes.backup"), "mine").unwrap();
    for _ in 0..3 {
        world.clock.advance(Duration::from_hours(24));
        assert!(backup::run_due(&app).await.unwrap());
    }
    let names = files(&folder);
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.contains(&"notes.backup".to_owned()) && !names.contains(&first), "{names:?}");
    assert_eq!(backup::standing(&app), Some(Standing::Fine(app.now())));
    restore(
        &fs::read(folder.join(&names[0])).unwrap(),
        world.folder.path(),
        &format!("sqlite:{}", world.folder.path().join("r.db").display()),
    )
    .await
    .unwrap();

    // Another process that shares the folder sees that there is one.
    let other = scheduled(&world, &folder);
    assert!(!backup::run_due(&other).await.unwrap());
    // The folder is gone, and something else is in its place.
    let newest = app.now();
    fs::rename(&folder, world.folder.path().join("away")).unwrap();
    fs::write(&folder, "").unwrap();
    world.clock.advance(Duration::from_hours(24));
    backup::run_due(&app).await.expect_err("it cannot be written");
    assert_eq!(backup::standing(&app), Some(Standing::Failed(app.now(), Some(newest))));
    assert!(!backup::run_due(&app).await.unwrap(), "not again at once");
    fs::remove_file(&folder).unwrap();
    fs::rename(world.folder.path().join("away"), &folder).unwrap();
    world.clock.advance(Duration::from_mins(10));
    assert!(backup::run_due(&app).await.unwrap());
    assert_eq!(backup::standing(&app), Some(Standing::Fine(app.now())));

    // The clock was ahead for a while: what was written then neither counts as the newest nor takes the place of another.
    world.clock.advance(Duration::from_hours(24 * 365));
    assert!(backup::run_due(&app).await.unwrap());
    let ahead = files(&folder).into_iter().rev().find(|name| name.starts_with("cartkey-")).unwrap();
    world.clock.set_back(Duration::from_hours(24 * 365));
    for _ in 0..3 {
        world.clock.advance(Duration::from_hours(24));
        assert!(backup::run_due(&app).await.unwrap());
        assert_eq!(backup::standing(&app), Some(Standing::Fine(app.now())));
    }
    assert_eq!(files(&folder).len(), 4, "two, the one from the future and the stranger's");
    assert!(files(&folder).contains(&ahead));

    let newest = app.now();
    world.clock.advance(Duration::from_hours(49));
    assert_eq!(backup::standing(&app), Some(Standing::Old(newest)));
}

#[tokio::test]
async fn an_old_or_failed_backup_is_on_the_overview_and_on_diagnostics() {
    let world = World::with(&[("CARTKEY_BACKUP_DIR", "/proc/nowhere")], Switches::default()).await;
    let mut ann = world.operator().await;
    assert!(!ann.get("/admin").await.text().contains("backup"), "nobody has looked yet");
    backup::run_due(&world.app).await.expect_err("it cannot be written");
    assert!(ann.get("/admin").await.text().contains("A backup failed"));
    let text = ann.get("/admin/diagnostics").await.text();
    assert!(text.contains("a backup failed 2026-") && text.contains("and there is none: the log says why"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_write_a_backup_while_serving_and_restore_it_elsewhere() {
    let here = Installation::new().await;
    let token = here.token("keys:read");
    let serving = here.serve().await;
    let first = here.run(&["backup", "backups", "--keep", "1"]).printed();
    let ran = here.run(&["backup", "backups", "--keep", "1"]);
    let second = ran.printed();
    assert!(first != second && here.has(&second) && !here.has(&first), "{ran:?}");
    assert!(ran.err.contains("the key ring is not in it") && ran.err.contains(&format!("deleted {first}")), "{ran:?}");
    let piped = Ran::of(here.command(&["backup", "-"]).output().unwrap());
    assert!(piped.code == Some(0) && piped.out.starts_with("{\"cartkey_backup\":1,"), "{piped:?}");
    let beside = here.run(&["backup", "data"]);
    assert!(beside.complaint().1.contains("is in this folder"), "{beside:?}");
    assert_eq!(here.run(&["backup", "-", "--keep", "1"]).complaint().0, Some(2));

    let there = Installation::empty().await;
    let file = |name: &str| -> PathBuf { here.folder.path().join(name) };
    let refused = there.run(&["restore", file(&second).to_str().unwrap()]);
    assert!(
        refused.complaint().1.contains("master.key is missing: first put this backup's key ring there"),
        "{refused:?}"
    );
    fs::create_dir(there.folder.path().join("data")).unwrap();
    fs::copy(file("data/master.key"), there.folder.path().join("data/master.key")).unwrap();
    let mut restoring = there
        .command(&["restore", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    restoring.stdin.take().unwrap().write_all(piped.out.as_bytes()).unwrap();
    let ran = Ran::of(restoring.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.out.lines().last().unwrap().starts_with("restored: ") && ran.err.contains("operators must sign in again"),
        "{ran:?}"
    );
    assert!(there.run(&["token", "list"]).out.contains("a service"), "{token}");
    let again = there.run(&["restore", file(&second).to_str().unwrap()]);
    assert!(again.complaint().1.contains("the target is not empty"), "{again:?}");

    // With the ring in it, it is all that is needed, and says so.
    let whole = Installation::empty().await;
    let ran = here.run(&["backup", "whole", "--with-key-ring"]);
    assert!(ran.err.contains("warning: this backup contains the key ring"), "{ran:?}");
    let ran = whole.run(&["restore", file(&ran.printed()).to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(
        fs::read(file("data/master.key")).unwrap(),
        fs::read(whole.folder.path().join("data/master.key")).unwrap()
    );
    drop(serving);
}

/// What is sealed stays sealed: nobody who finds a backup learns a key.
#[tokio::test]
async fn no_secret_is_in_a_backup() {
    let world = World::new().await;
    world.connect("m").await;
    world.link("n", json!({"store_url": SHOP})).await;
    let text = String::from_utf8(backed_up(&world.app).await).unwrap();
    let key = world.shop.keys().remove(0);
    let ring = fs::read_to_string(world.folder.path().join("ring/master.key")).unwrap();
    for secret in [key.consumer_key.as_str(), key.consumer_secret.as_str(), ring.split_once(':').unwrap().1.trim()] {
        assert!(!text.contains(secret));
    }
}
