//! Data at rest: what a SQLite installation leaves on disk, and who may read it. Does not apply to PostgreSQL, whose server manages
//! its own files.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use cartkey::domain::actor::Actor;
use cartkey::flow::connecting::disconnect;

use crate::binary::Installation;
use crate::database::column;
use crate::disk::{fold_wal, is_file, sealed_bytes};
use crate::world::World;

/// How many pieces of the sealed values remain in any file of this folder. Freed space is overwritten from its start, so a piece
/// may remain where the whole does not; the first piece of each contains only how it was sealed.
fn pieces_on_disk(folder: &Path, sealed: &[Vec<u8>]) -> usize {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let files: Vec<Vec<u8>> = files.map(|path| fs::read(path).unwrap()).collect();
    let is_there = |piece: &&[u8]| files.iter().any(|file| file.windows(piece.len()).any(|at| at == *piece));
    sealed.iter().flat_map(|bytes| bytes.chunks_exact(16).skip(1)).filter(is_there).count()
}

/// R2, docs/protocol/threats.md §9.2: the system keeps a killed process's writes; only synced ones survive a power failure.
#[tokio::test]
async fn every_commit_is_on_the_disk_before_it_returns() {
    let world = World::new().await;
    if !is_file(&world.app.db) {
        return;
    }
    world.connect("m").await;
    // Of the connection that writes, and after it has written.
    for (pragma, wanted) in [
        ("synchronous", "2"),
        ("journal_mode", "wal"),
        ("secure_delete", "1"),
        ("foreign_keys", "1"),
        ("trusted_schema", "0"),
        ("cell_size_check", "1"),
    ] {
        let sql = format!("SELECT CAST({pragma} AS TEXT) FROM pragma_{pragma}");
        assert_eq!(column(&world.app.db, &sql).await, [wanted], "{pragma}");
    }
}

/// docs/protocol/threats.md 44: whatever the umask of the user who starts it.
#[tokio::test]
async fn the_database_and_its_folder_are_their_owners_alone() {
    let here = Installation::new().await.with("CARTKEY_DATABASE_URL", "sqlite:data/cartkey.db");
    let cartkey = env!("CARGO_BIN_EXE_cartkey");
    let mut run = Command::new("/bin/sh");
    // A process that dies with the database open leaves the files beside it, too.
    run.args(["-c", &format!("umask 000; exec {cartkey} serve")]).current_dir(here.folder.path());
    run.env_clear().envs(&here.settings);
    let mut running = crate::binary::Running::start(run);
    running.logged("is serving").await;
    let mode = |path: &str| {
        let found = fs::metadata(here.folder.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        found.permissions().mode() & 0o777
    };
    assert_eq!(mode("data"), 0o700);
    for file in ["cartkey.db", "cartkey.db-wal", "cartkey.db-shm", "master.key"] {
        assert_eq!(mode(&format!("data/{file}")), 0o600, "{file}");
    }
}

/// docs/protocol/threats.md 32: a process's memory is not written to disk when it dies, nor readable by other processes.
#[tokio::test]
async fn a_process_that_dies_leaves_no_memory_behind_and_shows_it_to_nobody() {
    let here = Installation::new().await;
    let cartkey = here.serve().await;
    let of = format!("/proc/{}", cartkey.pid().as_raw_nonzero());
    let limits = fs::read_to_string(format!("{of}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("Linux says so");
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");
    // What is not dumpable belongs to root, whoever runs it.
    let owner = fs::metadata(format!("{of}/environ")).unwrap().uid();
    assert_eq!(owner, 0);
}

/// docs/protocol/threats.md §9.2: wiped values are overwritten, not only freed.
#[tokio::test]
async fn of_a_disconnected_store_not_one_sealed_byte_is_left_in_any_file() {
    let world = World::new().await;
    if !is_file(&world.app.db) {
        return;
    }
    for n in 0..4 {
        world.approved(&format!("m{n}"), serde_json::json!({})).await;
    }
    let grants = sealed_bytes(&world.app.db, "grants").await;
    world.prove().await;
    let keys = sealed_bytes(&world.app.db, "keys").await;
    assert_eq!((grants.len(), keys.len()), (4, 4));
    fold_wal(&world.app.db).await;
    let folder = world.folder.path();
    assert_eq!(pieces_on_disk(folder, &grants), 0, "a grant is wiped when it becomes a store's key");
    let whole = keys.iter().map(|bytes| bytes.len() / 16 - 1).sum::<usize>();
    assert_eq!(pieces_on_disk(folder, &keys), whole, "the stores have their keys");
    for id in column(&world.app.db, "SELECT id FROM stores").await {
        disconnect::disconnect(&world.app, &id.parse().unwrap(), &Actor::cli()).await.unwrap();
    }
    fold_wal(&world.app.db).await;
    assert_eq!(pieces_on_disk(folder, &keys), 0);
}
