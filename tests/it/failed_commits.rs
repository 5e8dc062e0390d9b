//! Connections after a failed commit, a dropped transaction or a full disk: they are never reused, and what is later reported as
//! saved is saved.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cartkey::live::durability;
use cartkey::storage::{Db, Error, Making, Pools, PostgresSettings};
use hyper::Method;
use tempfile::TempDir;
use tokio::sync::{Semaphore, watch};

use crate::binary::ask;
use crate::database::{change, column, fresh};
use crate::disk::Refusal;
use crate::on_record;
use crate::process::until_async;
use crate::world::{KEYS, World};

/// A fresh database with a table whose rows may be refused only at commit.
struct Scene {
    db: Db,
    url: String,
    _folder: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = fresh(folder.path()).await;
        let db = Db::open(&url).await.unwrap();
        change(&db, "CREATE TABLE owners (id BIGINT PRIMARY KEY)").await;
        change(
            &db,
            "CREATE TABLE things (id BIGINT PRIMARY KEY,
                                  owner BIGINT REFERENCES owners (id) DEFERRABLE INITIALLY DEFERRED)",
        )
        .await;
        Self { db, url, _folder: folder }
    }

    /// Adds a thing in a transaction. If its owner is missing, the commit fails.
    async fn add(&self, id: i64, owner: Option<i64>) -> Result<(), Error> {
        self.db
            .transaction(|mut tx| async move {
                tx.query("INSERT INTO things (id, owner) VALUES ($1, $2)").bind(id).bind(owner).execute().await?;
                tx.commit(()).await
            })
            .await
    }

    /// The things that another process, or this one after a restart, would find.
    async fn found(&self) -> Vec<String> {
        let other = Db::open(&self.url).await.unwrap();
        let found = column(&other, "SELECT CAST(id AS TEXT) FROM things ORDER BY id").await;
        other.close().await;
        found
    }
}

#[tokio::test]
async fn after_commits_that_failed_what_is_told_as_kept_is_kept() {
    let scene = Scene::new().await;
    for round in 0..5 {
        for n in 0..round {
            let refused = scene.add(100 + n, Some(404)).await;
            assert!(matches!(refused, Err(Error::Unknown(_))), "{refused:?}");
        }
        scene.add(round, None).await.expect("kept");
    }
    assert_eq!(scene.found().await, ["0", "1", "2", "3", "4"]);
}

/// After a full disk, or a failed write or fsync, SQLite rolls back before the commit. A driver that still counts that transaction
/// as open nests the next ones in one that is never committed. A thousand times, alone, in a row and apart.
#[tokio::test]
async fn after_commits_of_what_the_database_has_rolled_back_what_is_told_as_kept_is_kept() {
    let scene = Scene::new().await;
    if scene.db.is_postgres() {
        return;
    }
    let mut kept = Vec::new();
    let mut failed = 0;
    for n in 0.. {
        // 1 in a row, then 2, then 3, then 1 again, with one that is kept after each.
        for _ in 0..=n % 3 {
            let rolled_back = scene.db.transaction(|mut tx| async move {
                tx.query("INSERT INTO things (id) VALUES ($1)").bind(1_000_000_i64).execute().await?;
                tx.query("ROLLBACK").execute().await?;
                tx.commit(()).await
            });
            let refused = rolled_back.await;
            assert!(matches!(refused, Err(Error::Unknown(_))), "{refused:?}");
            failed += 1;
        }
        scene.add(n, None).await.expect("kept");
        kept.push(n);
        if failed >= 1_000 {
            break;
        }
    }
    let mut found: Vec<i64> = scene.found().await.iter().map(|id| id.parse().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, kept);
}

/// One writer makes all commits of SQLite, in the order in which they ask for it.
#[tokio::test]
async fn a_flood_of_what_strangers_write_holds_up_nobody_else() {
    let scene = Scene::new().await;
    let (first, written) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let holds = {
        let (db, first) = (scene.db.clone(), first.clone());
        tokio::spawn(async move {
            db.transaction(|mut tx| {
                let first = first.clone();
                async move {
                    tx.query("INSERT INTO things (id) VALUES (0)").execute().await?;
                    let _ = first.acquire().await;
                    tx.commit(()).await
                }
            })
            .await
        })
    };
    until_async(async || scene.db.connections().iter().any(|pool| pool.busy > 0)).await;
    let strangers: Vec<_> = (1..=200)
        .map(|id| {
            let (db, written) = (scene.db.for_strangers(), written.clone());
            tokio::spawn(async move {
                let done = db.write("INSERT INTO things (id) VALUES ($1)").bind(id).execute().await;
                written.fetch_add(1, Ordering::AcqRel);
                done
            })
        })
        .collect();
    let everybody_asks = async || {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    };
    everybody_asks().await;
    let (db, before) = (scene.db.clone(), written.clone());
    let callback = tokio::spawn(async move {
        db.write("INSERT INTO things (id) VALUES (1000)").execute().await.expect("kept");
        before.load(Ordering::Acquire)
    });
    everybody_asks().await;
    first.add_permits(1);
    let before_it = callback.await.unwrap();
    assert!(before_it < 100, "{before_it} of 200 came first");
    holds.await.unwrap().expect("kept");
    for each in strangers {
        each.await.unwrap().expect("kept, too");
    }
}

/// SQLite goes on writing to a file that was deleted or replaced, and every commit succeeds: the next start finds none of it.
#[tokio::test]
async fn what_is_written_to_files_that_were_moved_or_replaced_is_not_told_as_kept() {
    let scene = Scene::new().await;
    let Some(path) = scene.url.strip_prefix("sqlite:") else { return };
    for end in ["", "-wal", "-shm"] {
        let (file, aside) = (format!("{path}{end}"), format!("{path}{end}.aside"));
        scene.add(1, None).await.expect("kept");
        for is_replaced in [false, true] {
            fs::rename(&file, &aside).unwrap();
            if is_replaced {
                fs::copy(&aside, &file).unwrap();
            }
            let refused = scene.add(2, None).await;
            assert!(matches!(refused, Err(Error::Unknown(_))), "{end}, replaced: {is_replaced}: {refused:?}");
            assert!(scene.db.is_in_doubt());
            assert!(scene.db.write("DELETE FROM things").execute().await.is_err(), "{end}, replaced: {is_replaced}");
            assert!(scene.db.ping().await.is_err(), "not ready: {end}, replaced: {is_replaced}");
            assert!(scene.db.probe().await.is_err(), "{end}, replaced: {is_replaced}");
            fs::rename(&aside, &file).unwrap();
            scene.db.probe().await.expect("durable again");
            scene.db.ping().await.expect("ready again");
        }
        scene.add(3, None).await.expect("kept");
        assert_eq!(scene.found().await, ["3"]);
        change(&scene.db, "DELETE FROM things").await;
    }
}

#[tokio::test]
async fn a_change_whose_commit_fails_is_answered_503_and_nothing_is_ready_until_a_write_is_durable() {
    let world = World::new().await;
    world.connect("merchant-1").await;
    let service = world.trusted_service().await;
    let id = service.get("/stores").await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    let readyz = async || {
        let client = world.client();
        ask(&client, Method::GET, &format!("{KEYS}/readyz"), &[], "").await.unwrap()
    };
    assert_eq!(readyz().await.0, 200);
    let refusal = Refusal::of_commits(&world.app.db, "stores").await;
    assert_eq!(service.delete(&format!("/stores/{id}")).await.problem(), (503, "unavailable"));
    let (status, says) = readyz().await;
    assert!(status == 503 && says.contains("no test write has been durable since"), "{status} {says}");
    refusal.ends(&world.app.db).await;
    assert_eq!(readyz().await.0, 503, "nothing has been durable since");
    world.app.db.probe().await.expect("durable");
    assert_eq!(readyz().await.0, 200);
    assert_eq!(service.get(&format!("/stores/{id}")).await.ok()["status"], "connected", "nothing is half done");
    service.delete(&format!("/stores/{id}")).await.ok();
    assert_eq!(service.get(&format!("/stores/{id}")).await.ok()["status"], "disconnected");
}

#[tokio::test]
async fn after_a_fault_it_is_ready_again_by_itself() {
    let world = World::new().await;
    let (stop, stopped) = watch::channel(false);
    let worker = world.app.workers.enter(durability::WORKER);
    let client = world.client();
    let readyz = async || ask(&client, Method::GET, &format!("{KEYS}/readyz"), &[], "").await.unwrap().0;
    world.connect("merchant-1").await;
    let service = world.trusted_service().await;
    let id = service.get("/stores").await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    let refusal = Refusal::of_commits(&world.app.db, "stores").await;
    assert_eq!(service.delete(&format!("/stores/{id}")).await.problem(), (503, "unavailable"));
    refusal.ends(&world.app.db).await;
    assert_eq!(readyz().await, 503, "nothing has been durable since");
    let running = tokio::spawn(durability::run(world.app.db.clone(), worker, stopped));
    until_async(async || readyz().await == 200).await;
    stop.send_replace(true);
    running.await.unwrap();
}

/// What a server answers to a transaction that met another one.
#[tokio::test]
async fn a_transaction_that_met_another_is_done_again() {
    let scene = Scene::new().await;
    if !scene.db.is_postgres() {
        return;
    }
    let fails = "CREATE FUNCTION fails() RETURNS BIGINT LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'met another' USING ERRCODE = '40001'; END $$";
    change(&scene.db, fails).await;
    let meets = std::sync::atomic::AtomicBool::new(true);
    let meets = &meets;
    scene
        .db
        .transaction(|mut tx| async move {
            tx.query("INSERT INTO things (id) VALUES (1)").execute().await?;
            if meets.swap(false, Ordering::Relaxed) {
                tx.query("SELECT fails()").value::<i64>().await?;
            }
            tx.commit(()).await
        })
        .await
        .expect("done again");
    assert!(!scene.db.is_in_doubt());
    assert_eq!(scene.found().await, ["1"]);
}

#[tokio::test]
async fn there_are_as_many_connections_as_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let few = PostgresSettings { connections: 3, ..PostgresSettings::default() };
    let db = Db::open_with(&fresh(folder.path()).await, &few, Making::Allowed).await.unwrap();
    if let Pools::Postgres(pool) = db.pools() {
        assert_eq!(pool.options().get_max_connections(), 3);
    }
}

#[tokio::test]
async fn a_key_whose_record_fails_to_commit_does_not_leave() {
    let world = World::new().await;
    world.connect("merchant-1").await;
    let service = world.trusted_service().await;
    let refusal = Refusal::of_commits(&world.app.db, "read_journal").await;
    let refused = service.get("/users/merchant-1/keys").await;
    assert_eq!(refused.problem(), (503, "unavailable"));
    assert_eq!(refused.text("consumer_key"), "");
    refusal.ends(&world.app.db).await;
    assert!(on_record::lines(&world.app.db).await.is_empty());
    assert!(service.get("/users/merchant-1/keys").await.ok()["consumer_key"].is_string());
    assert_eq!(on_record::lines(&world.app.db).await.len(), 1);
}

#[tokio::test]
async fn a_transaction_that_is_dropped_leaves_nothing_and_the_next_one_is_kept() {
    let scene = Scene::new().await;
    let dropped = scene.db.transaction(|mut tx| async move {
        tx.query("INSERT INTO things (id) VALUES (1)").execute().await?;
        // Whoever asked has gone away.
        std::future::pending::<()>().await;
        tx.commit(()).await
    });
    assert!(tokio::time::timeout(Duration::from_millis(200), dropped).await.is_err());
    let failed: Result<(), Error> = scene
        .db
        .transaction(|mut tx| async move {
            tx.query("INSERT INTO things (id) VALUES (2)").execute().await?;
            tx.query("INSERT INTO things (id) VALUES (2)").execute().await?;
            tx.commit(()).await
        })
        .await;
    assert!(matches!(failed, Err(Error::Broken(_))), "{failed:?}");
    scene.add(3, None).await.expect("kept");
    assert_eq!(scene.found().await, ["3"]);
}

#[tokio::test]
async fn what_is_undone_is_not_there_and_the_connection_goes_on() {
    let scene = Scene::new().await;
    let undone = scene
        .db
        .transaction(|mut tx| async move {
            tx.query("INSERT INTO things (id) VALUES (1)").execute().await?;
            tx.undo("undone").await
        })
        .await;
    assert_eq!(undone.unwrap(), "undone");
    scene.add(2, None).await.expect("kept");
    assert_eq!(scene.found().await, ["2"]);
}

/// Limits the number of pages on each connection: a disk that is full for as long as that connection lives.
#[tokio::test]
async fn a_disk_that_was_full_is_seen_until_a_write_is_durable_again() {
    let scene = Scene::new().await;
    let Pools::Sqlite { write, .. } = scene.db.pools() else { return };
    assert!(!scene.db.is_in_doubt());
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(write).await.unwrap();
    let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
    sqlx::raw_sql(limit).execute(write).await.unwrap();
    let big = "x".repeat(100_000);
    let full = scene.db.write("INSERT INTO settings (name, value) VALUES ('big', $1)").bind(&big).execute().await;
    assert!(matches!(full, Err(Error::Unknown(_))), "{full:?}");
    assert!(scene.db.is_in_doubt());
    // The connection that was refused is closed; the next one is told of no limit.
    scene.db.probe().await.expect("durable");
    assert!(!scene.db.is_in_doubt());
    scene.add(1, None).await.expect("kept");
    assert_eq!(scene.found().await, ["1"]);
}

/// After a failover, pooled connections lead to a server that is now read-only.
#[tokio::test]
async fn connections_to_a_server_that_only_reads_are_replaced() {
    let scene = Scene::new().await;
    let Pools::Postgres(pool) = scene.db.pools() else { return };
    let mut all = Vec::new();
    for _ in 0..pool.options().get_max_connections() {
        let mut connection = pool.acquire().await.unwrap();
        sqlx::raw_sql("SET default_transaction_read_only = on").execute(&mut *connection).await.unwrap();
        all.push(connection);
    }
    drop(all);
    scene.add(1, None).await.expect("kept, by a transaction");
    scene.db.write("INSERT INTO things (id) VALUES (2)").execute().await.expect("kept, by a statement of its own");
    assert!(scene.db.ping().await.is_ok());
    assert_eq!(scene.found().await, ["1", "2"]);
}

/// The server ends every connection, as in a restart: uncommitted work is repeated.
#[tokio::test]
async fn a_transaction_whose_connection_ends_before_its_commit_is_done_again() {
    let scene = Scene::new().await;
    let Pools::Postgres(pool) = scene.db.pools() else { return };
    let ends = std::sync::atomic::AtomicBool::new(true);
    let ends = &ends;
    scene
        .db
        .transaction(|mut tx| async move {
            tx.query("INSERT INTO things (id) VALUES (1)").execute().await?;
            if ends.swap(false, Ordering::Relaxed) {
                let this: i32 = tx.query("SELECT pg_backend_pid()").value().await?;
                sqlx::query("SELECT pg_terminate_backend($1)").bind(this).execute(pool).await.unwrap();
            }
            tx.query("INSERT INTO things (id) VALUES (2)").execute().await?;
            tx.commit(()).await
        })
        .await
        .expect("done again");
    assert_eq!(scene.found().await, ["1", "2"]);
}
