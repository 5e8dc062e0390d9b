//! Revocation: after a disconnect, the store itself reports whether its merchant has revoked the key.

use std::time::Duration;

use cartkey::demo::pretend_store::{Firewall, Switches};
use cartkey::domain::id::{KeyId, StoreId};
use cartkey::domain::key::Standing;
use cartkey::domain::store_url::{Network, StoreUrl};
use cartkey::flow::{dashboard::stores, sweep, watching::revocation};
use cartkey::vault::Place;
use serde_json::json;

use crate::database::{change, column};
use crate::world::{OTHER, SHOP, World};

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// A shop with these switches, connected and disconnected.
async fn parted(switches: Switches) -> (World, StoreId) {
    let world = World::with(&[], switches).await;
    world.connect("m").await;
    let id = disconnect(&world, "m").await;
    (world, id)
}

async fn disconnect(world: &World, user: &str) -> StoreId {
    let id = column(&world.app.db, &format!("SELECT id FROM stores WHERE user_id = '{user}'")).await.remove(0);
    world.trusted_service().await.delete(&format!("/stores/{id}")).await.ok();
    id.parse().unwrap()
}

/// Moves the clock and sweeps; returns the newest key's standing.
async fn after(world: &World, span: Duration, id: &StoreId) -> Standing {
    world.clock.advance(span);
    sweep::sweep(&world.app).await.unwrap();
    stands(world, id).await
}

async fn stands(world: &World, id: &StoreId) -> Standing {
    let key = stores::versions(&world.app, id).await.unwrap().remove(0);
    key.standing(key.version)
}

async fn told(world: &World) -> Vec<String> {
    column(&world.app.db, "SELECT told FROM keys ORDER BY id").await
}

async fn revocations(world: &World) -> Vec<String> {
    column(&world.app.db, "SELECT actor FROM events WHERE kind = 'key.revoked' ORDER BY seq").await
}

#[tokio::test]
async fn the_store_tells_by_itself_when_its_merchant_has_revoked_the_key() {
    let (world, id) = parted(Switches::default()).await;
    assert_eq!(stands(&world, &id).await, Standing::NotKnown);
    let asked = world.shop.requests().len();
    assert_eq!(after(&world, MINUTE, &id).await, Standing::NotKnown);
    assert_eq!(world.shop.requests().len(), asked, "the merchant is given a moment");
    assert_eq!(after(&world, MINUTE, &id).await, Standing::StillThere(world.clock.now()));
    world.shop.revoke(1);
    assert_eq!(after(&world, 5 * MINUTE, &id).await, Standing::Revoked(world.clock.now()));
    assert_eq!(revocations(&world).await, ["cartkey"]);
    assert_eq!(column(&world.app.db, "SELECT revocation FROM keys WHERE revocation IS NOT NULL").await, [""; 0]);
    let asked = world.shop.requests().len();
    after(&world, 2 * DAY, &id).await;
    revocation::ask_now(&world.app, &id, &"op_1".into()).await.unwrap();
    assert_eq!((world.shop.requests().len(), revocations(&world).await.len()), (asked, 1), "and that is the end of it");
}

#[tokio::test]
async fn it_works_with_every_way_in_which_a_store_takes_keys() {
    let all = |change: fn(&mut Switches)| {
        let mut switches = Switches::default();
        change(&mut switches);
        switches
    };
    for (method, switches) in [
        ("basic", all(|s| s.invalid_username = true)),
        ("query", all(|s| s.authorization_stripped = true)),
        ("oauth1", all(|s| s.plain_keys_dropped = true)),
        ("oauth1_http", all(|s| s.https_hidden = true)),
    ] {
        let (world, id) = parted(switches).await;
        assert_eq!(column(&world.app.db, "SELECT auth_method FROM keys").await, [method]);
        assert_eq!(after(&world, 2 * MINUTE, &id).await, Standing::StillThere(world.clock.now()), "{method}");
        world.shop.delete_user("admin");
        assert_eq!(after(&world, DAY, &id).await, Standing::Revoked(world.clock.now()), "{method}");
    }
}

#[tokio::test]
async fn a_store_that_passes_keys_over_since_is_not_taken_for_one_that_revoked() {
    // T: "revoked" while the key works would be the worst answer of all.
    for change in [
        (|s| s.authorization_stripped = true) as fn(&mut Switches),
        |s| s.plain_keys_dropped = true,
        |s| s.https_hidden = true,
    ] {
        let (world, id) = parted(Switches::default()).await;
        world.shop.switch(change);
        assert_eq!(after(&world, 2 * MINUTE, &id).await, Standing::StillThere(world.clock.now()));
        world.shop.revoke(1);
        assert_eq!(after(&world, DAY, &id).await, Standing::Revoked(world.clock.now()));
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_asked_stays_not_known_until_it_can() {
    let (world, id) = parted(Switches::default()).await;
    world.shop.revoke(1);
    for (change, verdict) in [
        ((|s| s.maintenance = true) as fn(&mut Switches), "maintenance"),
        (|s| s.server_error = true, "server_error"),
        (|s| s.rate_limited = Some(60), "rate_limited"),
        (|s| s.rest_closed = true, "rest_closed"),
        (|s| s.firewall = Firewall::Cloudflare, "blocked_by_cloudflare"),
        (|s| s.woocommerce_off = true, "no_woocommerce"),
        (|s| s.login_wall = true, "login_wall"),
    ] {
        world.shop.switch(change);
        assert_eq!(after(&world, DAY, &id).await, Standing::NotKnown, "{verdict}");
        assert_eq!(told(&world).await, [verdict]);
        world.shop.switch(|s| *s = Switches::default());
    }
    assert_eq!(after(&world, DAY, &id).await, Standing::Revoked(world.clock.now()));
}

#[tokio::test]
async fn after_thirty_days_of_ever_longer_pauses_the_consumer_key_is_wiped_unasked() {
    let (world, id) = parted(Switches::default()).await;
    let begun = world.clock.now();
    let (mut asked_at, mut before) = (vec![begun], world.shop.requests().len());
    for _ in 0..30 * 24 * 2 - 1 {
        after(&world, 30 * MINUTE, &id).await;
        if world.shop.requests().len() > before {
            asked_at.push(world.clock.now());
            before = world.shop.requests().len();
        }
    }
    let pauses: Vec<Duration> = asked_at.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    assert!(pauses.is_sorted() && pauses.last() == Some(&DAY), "{pauses:?}");
    assert!((30..40).contains(&pauses.len()), "{} times", pauses.len());
    assert_eq!(column(&world.app.db, "SELECT id FROM keys WHERE revocation IS NOT NULL").await.len(), 1);
    let last = world.clock.now();
    let standing = after(&world, 30 * MINUTE, &id).await;
    assert!(matches!(standing, Standing::StillThere(at) if at < last), "what it told last stands: {standing:?}");
    assert_eq!(world.shop.requests().len(), before, "it is not asked any more");
    assert_eq!(
        column(&world.app.db, "SELECT id FROM keys WHERE revocation IS NOT NULL OR ask_at IS NOT NULL").await,
        [""; 0]
    );
}

#[tokio::test]
async fn two_replicas_ask_once() {
    let (world, _) = parted(Switches::default()).await;
    let replica = world.replica().await;
    world.clock.advance(2 * MINUTE);
    let before = world.shop.requests().len();
    let (one, two) = tokio::join!(revocation::ask_due(&world.app), revocation::ask_due(&replica));
    assert_eq!(one.unwrap() + two.unwrap(), 1);
    // With Basic, with the store's own word that the key is known: one question is enough.
    assert_eq!(world.shop.requests().len() - before, 1);
}

#[tokio::test]
async fn what_is_kept_is_the_consumer_key_alone_and_opens_only_where_it_belongs() {
    let (world, _) = parted(Switches::default()).await;
    let key = world.shop.keys().remove(0);
    for table in ["keys", "grants"] {
        assert_eq!(column(&world.app.db, &format!("SELECT id FROM {table} WHERE sealed IS NOT NULL")).await, [""; 0]);
    }
    let row: KeyId = column(&world.app.db, "SELECT id FROM keys").await.remove(0).parse().unwrap();
    let due = world.clock.now().plus(DAY);
    let sealed = cartkey::storage::keys::due(&world.app.db, due, 9).await.unwrap().remove(0).revocation;
    let home = |url| StoreUrl::parse(url, Network::Public).unwrap();
    let (shop, other, m, n) = (home(SHOP), home(OTHER), "m".parse().unwrap(), "n".parse().unwrap());
    let place = Place::revocation(&row, &shop, &m);
    assert_eq!(world.app.vault.open(&place, &sealed).unwrap().as_slice(), key.consumer_key.as_bytes());
    for elsewhere in
        [Place::key(&row, &shop, &m), Place::revocation(&row, &other, &m), Place::revocation(&row, &shop, &n)]
    {
        assert!(world.app.vault.open(&elsewhere, &sealed).is_err());
    }
    // A store whose address was changed is not asked with it.
    change(&world.app.db, &format!("UPDATE stores SET home = '{OTHER}'")).await;
    world.clock.advance(DAY);
    sweep::sweep(&world.app).await.unwrap();
    assert!(world.other.requests().is_empty());
}

#[tokio::test]
async fn a_store_that_is_connected_again_is_still_asked_about_its_former_key() {
    let (world, id) = parted(Switches::default()).await;
    world.connect("m").await;
    world.connect("m").await;
    let versions = stores::versions(&world.app, &id).await.unwrap();
    let standing: Vec<Standing> = versions.iter().map(|key| key.standing(3)).collect();
    assert_eq!(standing, [Standing::Served, Standing::Replaced, Standing::NotKnown]);
    world.shop.revoke(1);
    after(&world, DAY, &id).await;
    let former = stores::versions(&world.app, &id).await.unwrap().remove(2);
    assert_eq!(former.standing(3), Standing::Revoked(world.clock.now()));
    assert_eq!(world.trusted_service().await.get("/users/m/keys").await.ok()["key_version"], json!(3));
}

#[tokio::test]
async fn a_key_that_does_not_open_any_more_is_wiped_by_a_disconnect_all_the_same() {
    let world = World::new().await;
    world.connect("m").await;
    change(&world.app.db, "UPDATE keys SET id = 'ky_01jd0000000000000000000000'").await;
    let id = disconnect(&world, "m").await;
    assert_eq!(
        column(&world.app.db, "SELECT id FROM keys WHERE sealed IS NOT NULL OR revocation IS NOT NULL").await,
        [""; 0]
    );
    assert_eq!(after(&world, DAY, &id).await, Standing::NeverAsked);
}
