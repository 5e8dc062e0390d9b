//! The vault: Cartkey starts only with a ring that fits the data, and a sealed value opens only in its own place.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use cartkey::config::Config;
use cartkey::domain::entropy::Entropy;
use cartkey::flow::connecting::prove;
use cartkey::flow::open_vault;
use cartkey::storage::Pools;
use cartkey::vault::{KeyRing, RingSource, Vault};
use serde_json::json;

use crate::database::{change, column};
use crate::on_record;
use crate::world::{BEGINNING, OTHER, World};

fn ring(world: &World) -> PathBuf {
    world.folder.path().join("ring/master.key")
}

/// Restarts on this world's database; returns the vault, or the error that ends start-up.
async fn start_up(world: &World) -> Result<Vault, String> {
    let vault =
        open_vault::open_vault(&world.app.db, &RingSource::File(ring(world)), BEGINNING, &Entropy::System).await;
    vault.map_err(|refused| refused.to_string())
}

async fn refused(world: &World) -> String {
    start_up(world).await.expect_err("start-up is refused")
}

fn write(world: &World, text: &str) {
    fs::write(ring(world), text).unwrap();
}

#[tokio::test]
async fn the_first_run_makes_a_ring_for_its_owner_alone() {
    let world = World::new().await;
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(ring(&world)), 0o600);
    assert_eq!(mode(world.folder.path().join("ring")), 0o700);
    let text = fs::read_to_string(ring(&world)).unwrap();
    assert_eq!(text.lines().count(), 1);
    start_up(&world).await.unwrap();
    assert_eq!(fs::read_to_string(ring(&world)).unwrap(), text, "a later run leaves it as it is");
}

#[tokio::test]
async fn a_ring_that_does_not_fit_is_refused_with_what_to_do() {
    let world = World::new().await;
    world.connect("m").await;
    let right = fs::read_to_string(ring(&world)).unwrap();
    let (id, bytes) = right.trim().split_once(':').unwrap();
    let strange = KeyRing::mint(&Entropy::System).to_text().expose().to_owned();
    let (strange_id, strange_bytes) = strange.trim().split_once(':').unwrap();

    fs::remove_file(ring(&world)).unwrap();
    let lost = refused(&world).await;
    assert!(lost.contains("is missing") && lost.contains("restore the file from its backup"), "{lost}");
    assert!(!ring(&world).exists(), "no new ring is made in its place");

    KeyRing::parse(&right).unwrap().save_new(&ring(&world)).unwrap();
    start_up(&world).await.unwrap();
    write(&world, &strange);
    assert_eq!(
        refused(&world).await,
        format!(
            "the key ring lacks the key {id}, which is still needed by 1 sealed value in this database: add its line again, and run “cartkey rekey” before you remove it"
        )
    );
    write(&world, &format!("{id}:{strange_bytes}\n"));
    let swapped = refused(&world).await;
    assert!(swapped.contains(id) && swapped.contains("another installation's ring"), "{swapped}");
    assert!(!swapped.contains(bytes) && !swapped.contains(strange_bytes));
    write(&world, "# empty\n");
    assert!(refused(&world).await.contains("the key ring is empty"));
    write(&world, "nonsense\n");
    assert!(refused(&world).await.contains("line 1 of the key ring"));

    write(&world, &right);
    for mode in [0o644, 0o640, 0o604] {
        fs::set_permissions(ring(&world), fs::Permissions::from_mode(mode)).unwrap();
        let exposed = refused(&world).await;
        assert!(exposed.contains("can be read by others") && exposed.contains("chmod 600"), "{exposed}");
    }
    fs::set_permissions(ring(&world), fs::Permissions::from_mode(0o600)).unwrap();

    // A second key may be added, and removed as long as nothing needs it. Another under its name is refused.
    write(&world, &format!("{strange}{right}"));
    assert_eq!(start_up(&world).await.unwrap().key_ids(), [id, strange_id], "the one that sealed before still does");
    write(&world, &right);
    start_up(&world).await.unwrap();
    write(&world, &format!("{right}{strange_id}:{bytes}\n"));
    assert!(refused(&world).await.contains("another installation's ring"));
}

#[tokio::test]
async fn another_installations_database_is_refused() {
    // The same ring beside data that was sealed for another instance: both halves of a restored copy must match.
    let world = World::new().await;
    world.connect("m").await;
    change(&world.app.db, "UPDATE installation SET instance = 'another'").await;
    assert!(refused(&world).await.contains("another installation's ring"));
}

/// Two merchants with a store each. No key was lent yet, so none is cached.
async fn two_stores() -> World {
    let world = World::new().await;
    for user in ["a", "b"] {
        world.connect(user).await;
    }
    world
}

/// Asserts that the keys of `user` are refused as unreadable, and no part of any key is returned.
async fn refuses_to_lend(world: &World, user: &str) {
    let answer = world.service("keys:read").await.get(&format!("/users/{user}/keys")).await;
    assert_eq!((answer.problem(), answer.text("reason")), ((409, "store_not_connected"), "key_unreadable"));
    let text = answer.json.to_string();
    assert!(!text.contains("ck_") && !text.contains("cs_") && !text.contains("seal"), "{text}");
    assert!(on_record::lines(&world.app.db).await.is_empty(), "what did not leave is not recorded");
}

/// Checks the store of `user` on demand.
async fn check(world: &World, user: &str) {
    let id = column(&world.app.db, &format!("SELECT id FROM stores WHERE user_id = '{user}'")).await.remove(0);
    world.trusted_service().await.post(&format!("/stores/{id}/check"), &json!({})).await.ok();
}

#[tokio::test]
async fn sealed_keys_that_were_swapped_between_two_stores_do_not_open() {
    // C2: row swap.
    let world = two_stores().await;
    let swap = "CREATE TABLE copy AS SELECT id, sealed FROM keys;
                UPDATE keys SET sealed = (SELECT copy.sealed FROM copy WHERE copy.id <> keys.id)";
    change(&world.app.db, swap).await;
    refuses_to_lend(&world, "a").await;
    refuses_to_lend(&world, "b").await;
    let back = "UPDATE keys SET sealed = (SELECT copy.sealed FROM copy WHERE copy.id = keys.id);
                UPDATE counters SET n = n + 1 WHERE name = 'lending'";
    change(&world.app.db, back).await;
    check(&world, "a").await;
    world.service("keys:read").await.get("/users/a/keys").await.ok();
}

#[tokio::test]
async fn a_store_whose_address_was_changed_lends_nothing_and_sends_its_key_nowhere() {
    // T29: a key opens only for the store that it was made at.
    let world = two_stores().await;
    change(&world.app.db, &format!("UPDATE stores SET home = '{OTHER}' WHERE user_id = 'a'")).await;
    refuses_to_lend(&world, "a").await;
    check(&world, "a").await;
    assert!(world.other.requests().is_empty(), "the other store hears nothing");
    assert_eq!(world.service("keys:read").await.get("/users/b/keys").await.status, 200, "the others are not touched");
}

#[tokio::test]
async fn a_candidate_whose_address_was_changed_is_not_tried_there() {
    let world = World::new().await;
    world.approved("m", json!({})).await;
    change(&world.app.db, &format!("UPDATE attempts SET home = '{OTHER}'")).await;
    world.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(prove::run_due(&world.app).await.unwrap(), 1);
    assert!(world.other.requests().is_empty());
    assert!(column(&world.app.db, "SELECT id FROM stores").await.is_empty());
}

#[tokio::test]
async fn one_changed_bit_in_the_database_is_noticed() {
    let world = two_stores().await;
    let (hex, literal): (&str, fn(&str) -> String) = match world.app.db.pools() {
        Pools::Sqlite { .. } => ("SELECT hex(sealed) FROM keys ORDER BY id", |hex| format!("X'{hex}'")),
        Pools::Postgres(_) => ("SELECT encode(sealed, 'hex') FROM keys ORDER BY id", |hex| format!("'\\x{hex}'")),
    };
    let sealed = column(&world.app.db, hex).await;
    let id = column(&world.app.db, "SELECT id FROM keys ORDER BY id").await.remove(0);
    // Version, ring key's id, nonce, text, tag: the vault's own tests try every bit.
    for at in [0, 2, 4, 24, sealed[0].len() / 2, sealed[0].len() - 1] {
        let digit = u8::from_str_radix(&sealed[0][at..=at], 16).unwrap() ^ 1;
        let bent = format!("{}{digit:x}{}", &sealed[0][..at], &sealed[0][at + 1..]);
        change(&world.app.db, &format!("UPDATE keys SET sealed = {} WHERE id = '{id}'", literal(&bent))).await;
        change(&world.app.db, "UPDATE counters SET n = n + 1 WHERE name = 'lending'").await;
        refuses_to_lend(&world, "a").await;
        change(&world.app.db, "UPDATE stores SET status = 'connected'").await;
    }
}

#[tokio::test]
async fn debugging_shows_no_secret() {
    let world = World::new().await;
    let text = fs::read_to_string(ring(&world)).unwrap();
    let (_, bytes) = text.trim().split_once(':').unwrap();
    let vars = [("CARTKEY_DATABASE_URL", "postgres://me:swordfish@db/x")];
    let config = Config::read(vars.map(|(name, value)| (name.to_owned(), value.to_owned())).into()).unwrap();
    let shown = format!("{:?} {:?} {config:?} {:#?}", world.app.vault, world.app.entropy, world.app.site);
    assert!(!shown.contains(bytes) && !shown.contains("swordfish"), "{shown}");
    assert!(shown.contains("Vault"), "{shown}");
}
