//! Seals: a key opens only for the merchant who connected the store. One that does not open is a status, not an error. Values
//! sealed by an earlier version open and are re-sealed.

use std::collections::BTreeMap;
use std::time::Duration;

use cartkey::domain::entropy::Entropy;
use cartkey::flow::{connecting::prove, dashboard::overview, open_vault, sweep, transfer::seals, watching::watch};
use cartkey::storage::Pools;
use cartkey::vault::RingSource;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::json;

use crate::binary::{Installation, Ran};
use crate::database::{change, column};
use crate::on_record;
use crate::world::{BEGINNING, SHOP, World};

const QUARTER: Duration = Duration::from_mins(17);

fn blob(world: &World, hex: &str) -> String {
    match world.app.db.pools() {
        Pools::Sqlite { .. } => format!("X'{hex}'"),
        Pools::Postgres(_) => format!("'\\x{hex}'"),
    }
}

/// A sealed value, in hex.
async fn hex(world: &World, column_of: &str, table: &str, which: &str) -> String {
    let text = match world.app.db.pools() {
        Pools::Sqlite { .. } => format!("lower(hex({column_of}))"),
        Pools::Postgres(_) => format!("encode({column_of}, 'hex')"),
    };
    column(&world.app.db, &format!("SELECT {text} FROM {table} WHERE {which}")).await.remove(0)
}

/// Flips the last bit of the sealed key of `user`'s store; returns what it was.
async fn bend(world: &World, user: &str) -> String {
    let which = format!("store_id = (SELECT id FROM stores WHERE user_id = '{user}')");
    let right = hex(world, "sealed", "keys", &which).await;
    let last = u8::from_str_radix(&right[right.len() - 1..], 16).unwrap() ^ 1;
    put(world, user, &format!("{}{last:x}", &right[..right.len() - 1])).await;
    right
}

async fn put(world: &World, user: &str, hex: &str) {
    let which = format!("store_id = (SELECT id FROM stores WHERE user_id = '{user}')");
    let sealed = blob(world, hex);
    assert_eq!(change(&world.app.db, &format!("UPDATE keys SET sealed = {sealed} WHERE {which}")).await, 1);
}

async fn stands(world: &World, user: &str) -> String {
    let said = "status || ' ' || COALESCE(reason, '-')";
    column(&world.app.db, &format!("SELECT {said} FROM stores WHERE user_id = '{user}'")).await.remove(0)
}

async fn two_stores() -> World {
    let world = World::new().await;
    for user in ["a", "b"] {
        world.connect(user).await;
    }
    world
}

/// Moves the clock and runs due checks.
async fn passes(world: &World, span: Duration) {
    world.clock.advance(span);
    // Both stores are at one host: which of them has its turn later is chance.
    for _ in 0..3 {
        watch::check_due(&world.app).await.unwrap();
        world.clock.advance(Duration::from_secs(20));
    }
}

/// Runs the program on this world's database and ring.
fn run(here: &Installation, world: &World, arguments: &[&str]) -> Ran {
    let mut command = here.command(arguments);
    command.env("CARTKEY_DATABASE_URL", &world.database_url);
    command.env("CARTKEY_MASTER_KEY", world.folder.path().join("ring/master.key"));
    Ran::of(command.output().unwrap())
}

#[tokio::test]
async fn a_row_given_to_another_merchant_does_not_lend_its_key() {
    let world = two_stores().await;
    change(&world.app.db, "UPDATE stores SET user_id = 'mallory' WHERE user_id = 'a'").await;
    let mallory = world.service("keys:read").await;
    for _ in 0..2 {
        let refused = mallory.get("/users/mallory/keys").await;
        assert_eq!((refused.problem(), refused.text("reason")), ((409, "store_not_connected"), "key_unreadable"));
        assert_eq!(refused.text("store_status"), "unauthorized");
    }
    assert_eq!(on_record::lines(&world.app.db).await, [""; 0]);
    assert_eq!(world.happened("store.un%").await, ["store.unauthorized key_unreadable cartkey"], "once");
    mallory.get("/users/b/keys").await.ok();
    // The row is put right: the next check finds it, and the store is back by itself.
    change(&world.app.db, "UPDATE stores SET user_id = 'a' WHERE user_id = 'mallory'").await;
    passes(&world, QUARTER).await;
    mallory.get("/users/a/keys").await.ok();
    assert_eq!(world.happened("store.recovered").await, ["store.recovered - cartkey"]);
}

#[tokio::test]
async fn an_approval_given_to_another_merchant_connects_nothing_and_says_so() {
    let world = World::new().await;
    let (_, _, link) = world.approved("a", json!({})).await;
    change(&world.app.db, "UPDATE attempts SET user_id = 'mallory'").await;
    world.prove().await;
    assert_eq!(world.stands(&link).await, ("failed".to_owned(), "key_unreadable".to_owned()));
    assert_eq!(column(&world.app.db, "SELECT id FROM stores").await, [""; 0]);
    assert_eq!(column(&world.app.db, "SELECT id FROM grants WHERE sealed IS NOT NULL").await, [""; 0]);
}

#[tokio::test]
async fn a_proven_grant_that_is_damaged_keeps_nobody_else_from_the_sweep() {
    let world = World::new().await;
    let (_, _, link) = world.approved("a", json!({"confirm": "app", "return_url": "https://app.example/back"})).await;
    world.prove().await;
    assert_eq!(world.stands(&link).await.0, "awaiting_confirmation");
    change(&world.app.db, "UPDATE attempts SET user_id = 'mallory', confirmed_at = 1").await;
    sweep::sweep(&world.app).await.unwrap();
    assert_eq!(world.stands(&link).await, ("failed".to_owned(), "key_unreadable".to_owned()));
    assert_eq!(prove::run_due(&world.app).await.unwrap(), 0);
}

#[tokio::test]
async fn a_damaged_key_is_a_status_that_a_check_finds_and_that_ends_by_itself() {
    let world = two_stores().await;
    let right = bend(&world, "a").await;
    passes(&world, QUARTER).await;
    assert_eq!(stands(&world, "a").await, "unauthorized key_unreadable");
    assert_eq!(stands(&world, "b").await, "connected -", "the others are checked as ever");
    passes(&world, QUARTER).await;
    assert_eq!(world.happened("store.un%").await, ["store.unauthorized key_unreadable cartkey"], "once");
    let needy = overview::look(&world.app).await.unwrap().needy;
    assert_eq!(needy.len(), 1);
    let mut ann = world.operator().await;
    let page = ann.get("/admin").await.text();
    assert!(page.contains("We cannot read our copy of the key of shop.example"), "{page}");
    let diagnostics = ann.get("/admin/diagnostics").await.text();
    assert!(diagnostics.contains("the key of a store cannot be opened (st_"), "{diagnostics}");
    // Mended, and the store is away: that it opens is known, that it works is not.
    put(&world, "a", &right).await;
    world.shop.switch(|switches| switches.page_instead = Some(503));
    passes(&world, QUARTER).await;
    assert_eq!(stands(&world, "a").await, "unreachable server_error");
    world.shop.switch(|switches| switches.page_instead = None);
    passes(&world, Duration::from_hours(1)).await;
    assert_eq!(stands(&world, "a").await, "connected -");
    world.service("keys:read").await.get("/users/a/keys").await.ok();
}

#[tokio::test]
async fn doctor_and_check_name_what_does_not_open_and_go_on() {
    let (world, here) = (two_stores().await, Installation::new().await);
    let ran = run(&here, &world, &["doctor", "--deep"]);
    assert!(ran.out.contains("ok    every sealed value can be opened (tested: 2)"), "{ran:?}");
    assert_eq!(ran.out.contains("file is intact"), matches!(world.app.db.pools(), Pools::Sqlite { .. }), "{ran:?}");
    bend(&world, "a").await;
    let ids = column(&world.app.db, "SELECT id FROM stores ORDER BY user_id").await;
    for arguments in [&["doctor"][..], &["doctor", "--deep"]] {
        let ran = run(&here, &world, arguments);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.out.contains(&format!("bad   the key of a store cannot be opened ({}): ", ids[0])), "{ran:?}");
        assert!(!ran.out.contains(&ids[1]), "{ran:?}");
    }
    let ran = run(&here, &world, &["check"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains(&format!("{}\tunauthorized\ta\t{SHOP}\tkey_unreadable", ids[0])), "{ran:?}");
    assert!(ran.out.contains(&ids[1]), "{ran:?}");
}

/// Seals like version 1: an independent implementation of its layout.
fn seal_as_version_1(ring: &str, instance: &str, place: [&str; 4], plain: &[u8]) -> String {
    let (id, key) = ring.trim().split_once(':').unwrap();
    let key: Vec<u8> = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, key).unwrap();
    let mut bound = Vec::new();
    for part in ["cartkey/v1", instance].into_iter().chain(place).chain([id]) {
        bound.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bound.extend_from_slice(part.as_bytes());
    }
    let (nonce, mut text) = ([7; 12], plain.to_vec());
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap());
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound), &mut text).unwrap();
    let sealed = [&[1, u8::try_from(id.len()).unwrap()], id.as_bytes(), &nonce, &text].concat();
    sealed.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

#[tokio::test]
async fn what_an_earlier_version_sealed_opens_and_is_sealed_anew_for_its_merchant() {
    let world = two_stores().await;
    let db = &world.app.db;
    let ring = std::fs::read_to_string(world.folder.path().join("ring/master.key")).unwrap();
    let instance = column(db, "SELECT instance FROM installation").await.remove(0);
    let keys: BTreeMap<_, _> = ["a", "b"].into_iter().zip(world.shop.keys()).collect();
    for (user, key) in &keys {
        let row = format!("SELECT keys.id FROM keys JOIN stores ON stores.id = store_id WHERE user_id = '{user}'");
        let row = column(db, &row).await.remove(0);
        let plain = format!("{}\n{}", key.consumer_key, key.consumer_secret);
        put(&world, user, &seal_as_version_1(&ring, &instance, ["keys", &row, "sealed", SHOP], plain.as_bytes())).await;
    }
    let (id, _) = ring.split_once(':').unwrap();
    let proof = blob(&world, &seal_as_version_1(&ring, &instance, ["ring_keys", id, "proof", ""], b"cartkey"));
    assert_eq!(change(db, &format!("UPDATE ring_keys SET proof = {proof}")).await, 1);
    change(db, "UPDATE counters SET n = n + 1 WHERE name = 'lending'").await;

    let service = world.service("keys:read").await;
    let lent = service.get("/users/a/keys").await.ok();
    assert_eq!(lent["consumer_key"].as_str(), Some(keys["a"].consumer_key.as_str()), "it is lent as ever");
    // One is damaged: it is left as it is, and keeps nobody from the rest.
    bend(&world, "b").await;
    let damaged = hex(&world, "sealed", "keys", "id = (SELECT MAX(id) FROM keys)").await;
    assert_eq!(seals::renew(&world.app, usize::MAX, |_| ()).await.unwrap(), 1);
    assert_eq!(seals::renew(&world.app, usize::MAX, |_| ()).await.unwrap(), 0, "once");
    assert_eq!(hex(&world, "sealed", "keys", "id = (SELECT MAX(id) FROM keys)").await, damaged);
    let anew = hex(&world, "sealed", "keys", "id = (SELECT MIN(id) FROM keys)").await;
    assert!(anew.starts_with("02") && damaged.starts_with("01"), "{anew} {damaged}");
    let again = service.get("/users/a/keys").await.ok();
    assert_eq!(again["consumer_secret"], lent["consumer_secret"]);
    // From now on it is bound to its merchant, also under the number of the version before.
    change(db, "UPDATE counters SET n = n + 1 WHERE name = 'lending'").await;
    put(&world, "a", &format!("01{}", &anew[2..])).await;
    assert_eq!(service.get("/users/a/keys").await.text("reason"), "key_unreadable");

    let ring = RingSource::File(world.folder.path().join("ring/master.key"));
    for _ in 0..2 {
        open_vault::open_vault(db, &ring, BEGINNING, &Entropy::System).await.unwrap();
        assert!(hex(&world, "proof", "ring_keys", "id IS NOT NULL").await.starts_with("02"));
    }
}
