//! What becomes of a connection on which a commit failed, a transaction was dropped, or a disk refused: it is never used
//! again, and what is told as kept after it is kept.

use std::time::Duration;

use cartkey::storage::{Db, Error, Pools};
use tempfile::TempDir;

use crate::database::{change, column, fresh};

/// A fresh database with a table whose rows may be refused as late as by the commit.
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

    /// Adds a thing in a transaction; one whose owner is not there fails when it is committed.
    async fn add(&self, id: i64, owner: Option<i64>) -> Result<(), Error> {
        self.db
            .transaction(|mut tx| async move {
                tx.query("INSERT INTO things (id, owner) VALUES ($1, $2)").bind(id).bind(owner).execute().await?;
                tx.commit(()).await
            })
            .await
    }

    /// The things that somebody else finds: another process, or this one after a restart.
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

/// SQLite refuses to let the file grow beyond a number of pages that each connection is told: a disk that is full for as
/// long as that connection lives.
#[tokio::test]
async fn a_disk_that_was_full_is_seen_until_a_write_is_durable_again() {
    let scene = Scene::new().await;
    let Pools::Sqlite { write, .. } = scene.db.pools() else { return };
    assert!(scene.db.ping().await.is_ok());
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(write).await.unwrap();
    let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
    sqlx::raw_sql(limit).execute(write).await.unwrap();
    let big = "x".repeat(100_000);
    let full = scene.db.write("INSERT INTO settings (name, value) VALUES ('big', $1)").bind(&big).execute().await;
    assert!(matches!(full, Err(Error::Unknown(_))), "{full:?}");
    // The connection that was refused is closed; the next one is told of no limit.
    assert!(scene.db.ping().await.is_ok(), "a write was tried, and is durable");
    scene.add(1, None).await.expect("kept");
    assert_eq!(scene.found().await, ["1"]);
}

/// After a failover, connections of the pool lead to the server that only reads now.
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

/// Every connection is ended by the server, as when it restarts: what was not committed is done again.
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
            if ends.swap(false, std::sync::atomic::Ordering::Relaxed) {
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
