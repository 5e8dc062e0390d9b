//! Adds a store by keys that an operator holds.

use cartkey::demo::pretend_store::{IssuedKey, Pace, Permalinks, Switches};
use cartkey::domain::actor::Actor;
use cartkey::domain::id::StoreId;
use cartkey::domain::key::KeyPair;
use cartkey::domain::scope::Scope;
use cartkey::domain::secret::Secret;
use cartkey::domain::store_url::{Network, StoreUrl};
use cartkey::flow::transfer::add_by_keys::{self, NewKeys};
use cartkey::flow::{connecting::disconnect, watching::watch};

use crate::database::column;
use crate::merchant::Page;
use crate::operator::Operator;
use crate::world::{SHOP, World};

const ADD: &str = "Test the key and add the store";

/// Types a key for merchant-7.
async fn add(ann: &mut Operator, store: &str, key: &str, secret: &str, scope: &str) -> Page {
    let page = ann.get("/admin/stores/add").await;
    let values = [
        ("user_id", "merchant-7"),
        ("store_url", store),
        ("consumer_key", key),
        ("consumer_secret", secret),
        ("scope", scope),
    ];
    ann.submit(&page, ADD, &values).await
}

async fn add_key(ann: &mut Operator, store: &str, key: &IssuedKey) -> Page {
    add(ann, store, &key.consumer_key, &key.consumer_secret, "read_write").await
}

async fn kinds(world: &World) -> Vec<String> {
    let sql = "SELECT kind || ' ' || SUBSTR(actor, 1, 3) FROM events WHERE kind LIKE 'store.%' OR kind LIKE 'key.%' ORDER BY seq";
    column(&world.app.db, sql).await
}

fn says(page: &Page, words: &str) {
    assert!(page.text().contains(words), "{words}: {}", page.text());
}

#[tokio::test]
async fn a_key_that_works_is_kept_under_the_stores_own_address_and_lent() {
    let (world, key) = (World::new().await, |world: &World| world.shop.issue_key("admin", Scope::ReadWrite));
    let (mut ann, key) = (world.operator().await, key(&world));
    let page = add_key(&mut ann, "www.shop.example/wp-admin/edit.php", &key).await;
    assert!(page.url.path().starts_with("/admin/stores/st_"), "{}", page.text());
    for words in [
        "The key works, and the store is connected.",
        "Cups & Plates",
        SHOP,
        "the key was entered manually or imported",
    ] {
        says(&page, words);
    }
    assert!(!page.body.contains(&key.consumer_key) && !page.body.contains(&key.consumer_secret));
    let keys = world.service("keys:read").await.get("/users/merchant-7/keys").await.ok();
    assert_eq!(keys["consumer_key"], key.consumer_key.as_str());
    assert_eq!(keys["consumer_secret"], key.consumer_secret.as_str());
    assert_eq!((&keys["store_url"], &keys["permissions"]), (&SHOP.into(), &"read_write".into()));
    assert_eq!(kinds(&world).await, ["store.connected op_"]);
}

#[tokio::test]
async fn the_same_key_again_asks_nobody_and_changes_nothing() {
    let world = World::new().await;
    let (mut ann, key) = (world.operator().await, world.shop.issue_key("admin", Scope::ReadWrite));
    add_key(&mut ann, SHOP, &key).await;
    let asked = world.shop.requests().len();
    for address in ["shop.example", "www.shop.example"] {
        says(&add_key(&mut ann, address, &key).await, "The store already has this key. Nothing was changed.");
    }
    assert_eq!(world.shop.requests().len(), asked);
    assert_eq!(kinds(&world).await.len(), 1);
    // The right key with another secret is not the same.
    let page =
        add(&mut ann, SHOP, &key.consumer_key, &key.consumer_secret.replace(['a', 'b'], "c"), "read_write").await;
    says(&page, "recognizes this key, but not this secret");
}

#[tokio::test]
async fn another_key_takes_the_place_of_the_one_that_is_there() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let keys = [(); 2].map(|()| world.shop.issue_key("admin", Scope::ReadWrite));
    add_key(&mut ann, SHOP, &keys[0]).await;
    let page = add_key(&mut ann, SHOP, &keys[1]).await;
    says(&page, "The key works and replaced the store's previous key.");
    assert_eq!(kinds(&world).await, ["store.connected op_", "store.reconnected op_", "key.rotated op_"]);
    let sealed = "SELECT CAST(version AS TEXT) FROM keys WHERE sealed IS NOT NULL";
    assert_eq!(column(&world.app.db, sealed).await, ["2"]);
    // Nobody knows the number of a typed key: the way to revoke it is the list of keys.
    let list = "https://shop.example/wp-admin/admin.php?page=wc-settings&tab=advanced&section=keys";
    assert_eq!(page.link("the list of keys at the store").as_deref(), Some(list));
    assert!(!page.body.contains("edit-key"), "{}", page.body);
    let store = page.url.path().rsplit('/').next().unwrap();
    let gone = world.trusted_service().await.delete(&format!("/stores/{store}")).await.ok();
    assert_eq!(gone["revoke_url"], list);
}

#[tokio::test]
async fn a_key_that_may_do_less_takes_the_place_of_a_wider_one_only_when_less_is_asked_for() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let [wide, narrow] = [Scope::ReadWrite, Scope::Read].map(|scope| world.shop.issue_key("admin", scope));
    says(&add_key(&mut ann, SHOP, &narrow).await, "The key works, and the store is connected.");
    says(&add_key(&mut ann, SHOP, &wide).await, "replaced the store's previous key");
    let page = add_key(&mut ann, SHOP, &narrow).await;
    assert_eq!(page.status, 422);
    says(&page, "The key was not saved. This key has less access than the current key of shop.example");
    says(
        &add(&mut ann, SHOP, &narrow.consumer_key, &narrow.consumer_secret, "read").await,
        "replaced the store's previous key",
    );
}

#[tokio::test]
async fn what_becomes_of_a_store_while_a_typed_key_is_tried_is_not_undone() {
    for given_up in [false, true] {
        let world = World::new().await;
        let mut ann = world.operator().await;
        let [first, second, typed] = [(); 3].map(|()| world.shop.issue_key("admin", Scope::ReadWrite));
        let path = add_key(&mut ann, SHOP, &first).await.url.path().to_owned();
        let asked = world.shop.requests().len();
        let slow = tokio::spawn(async move { add_key(&mut ann, SHOP, &typed).await });
        let is_tried = || {
            let seen = &world.shop.requests()[asked..];
            seen.iter().any(|seen| seen.header("authorization").is_some())
        };
        while !is_tried() {
            // What finds the store comes first, and is answered.
            if !world.shop.requests()[asked..].is_empty() {
                world.shop.switch(|s| s.pace = Pace::WhenReleased);
            }
            tokio::task::yield_now().await;
        }
        world.shop.switch(|s| s.pace = Pace::Brisk);
        let id: StoreId = path.rsplit('/').next().unwrap().parse().unwrap();
        if given_up {
            disconnect::disconnect(&world.app, &id, &Actor::cli()).await.unwrap();
        } else {
            let pair = KeyPair {
                consumer_key: Secret::new(second.consumer_key.clone()),
                consumer_secret: Secret::new(second.consumer_secret.clone()),
            };
            let typed = StoreUrl::parse(SHOP, Network::Public).unwrap();
            let new = NewKeys {
                user_id: "merchant-7".parse().unwrap(),
                typed,
                pair,
                scope: Scope::ReadWrite,
                is_password: false,
            };
            add_by_keys::add(&world.app, &new, &Actor::cli()).await.unwrap();
        }
        world.shop.release();
        let page = slow.await.unwrap();
        says(&page, "While this key was being tested, shop.example got another key or was disconnected.");
        let kept = if given_up { vec![] } else { vec![second.consumer_key[36..].to_owned()] };
        assert_eq!(column(&world.app.db, "SELECT last7 FROM keys WHERE sealed IS NOT NULL").await, kept);
    }
}

#[tokio::test]
async fn the_key_of_a_disconnect_that_comes_back_is_not_one_to_revoke() {
    let world = World::new().await;
    let (mut ann, key) = (world.operator().await, world.shop.issue_key("admin", Scope::ReadWrite));
    let page = add_key(&mut ann, SHOP, &key).await;
    let path = page.url.path().to_owned();
    let page = ann.get(&format!("{path}/disconnect")).await;
    ann.submit(&page, "Disconnect", &[]).await;
    let page = add_key(&mut ann, SHOP, &key).await;
    says(&page, "replaced the store's previous key");
    says(&page, "In use again as version 2");
    assert!(page.link("the list of keys at the store").is_none(), "{}", page.text());
    let asked = world.shop.requests().len();
    world.clock.advance(std::time::Duration::from_mins(3));
    assert_eq!(
        cartkey::flow::watching::revocation::ask_due(&world.app).await.unwrap(),
        0,
        "nobody asks whether it is gone"
    );
    assert_eq!(world.shop.requests().len(), asked);
}

#[tokio::test]
async fn what_was_typed_wrongly_is_named_and_no_key_is_shown_again() {
    let world = World::new().await;
    let (mut ann, key) = (world.operator().await, world.shop.issue_key("admin", Scope::ReadWrite));
    let (ck, cs) = (key.consumer_key.as_str(), key.consumer_secret.as_str());
    for (store, key, secret, scope, wrong) in [
        (SHOP, cs, ck, "read", "That is the consumer secret. The consumer key goes here"),
        (SHOP, &ck[..20], cs, "read", "That is not a complete consumer key"),
        (SHOP, ck, &cs[36..], "read", "That is only the end of a key"),
        ("ftp://shop.example", ck, cs, "read", "A store's address begins with https://."),
        (SHOP, ck, cs, "all", "Choose the scope that the key needs."),
    ] {
        let page = add(&mut ann, store, key, secret, scope).await;
        assert_eq!(page.status, 422);
        says(&page, wrong);
        says(&page, "The store was not added.");
        assert!(page.title().starts_with("Problem: ") && page.body.contains("value=\"merchant-7\""), "{}", page.body);
        assert!(!page.body.contains(&ck[4..20]) && !page.body.contains(&cs[4..20]), "{wrong}");
    }
    let page = add(&mut ann, "shop.example", &format!(" {ck}\t"), &format!("\n{cs} "), "read").await;
    says(&page, "The key works");
}

#[tokio::test]
async fn a_key_that_does_not_work_is_not_kept_and_the_store_says_why() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let [mine, theirs] = ["admin", "manager"].map(|owner| world.shop.issue_key(owner, Scope::ReadWrite));
    // Every pretend store makes the same keys in the same order: the third of the other is none of this shop's.
    let foreign = [(); 3].map(|()| world.other.issue_key("admin", Scope::ReadWrite));
    says(&add_key(&mut ann, SHOP, &foreign[2]).await, "does not recognize this key: it was created at another store");
    world.shop.demote("manager");
    says(&add_key(&mut ann, SHOP, &theirs).await, "neither an administrator nor a shop manager");
    for (change, code) in [
        ((|s: &mut Switches| s.woocommerce_off = true) as fn(&mut Switches), "no_woocommerce"),
        (|s| s.maintenance = true, "maintenance"),
        (|s| s.claims_home = Some("https://elsewhere.example".to_owned()), "other_store"),
        (|s| s.server_error = true, "server_error"),
    ] {
        world.shop.switch(change);
        let page = add_key(&mut ann, SHOP, &mine).await;
        assert_eq!(page.status, 422, "{code}: {}", page.text());
        says(&page, code);
        world.shop.switch(|switches| *switches = Switches::default());
    }
    for (address, code) in [("unknown.example", "dns_failed"), ("mistrusted.example", "tls_failed")] {
        says(&add_key(&mut ann, address, &mine).await, code);
    }
    for table in ["stores", "keys"] {
        assert_eq!(column(&world.app.db, &format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}")).await, ["0"]);
    }
    assert_eq!(kinds(&world).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_key_works_wherever_the_stores_api_is() {
    for (change, base) in [
        ((|s: &mut Switches| s.permalinks = Permalinks::Index) as fn(&mut Switches), "/index.php/wp-json/wc/v3"),
        (|s| (s.permalinks, s.woocommerce) = (Permalinks::Plain, Some((11, 1))), "/index.php?rest_route=/wc/v3"),
        (|s| s.permalinks = Permalinks::Plain, "/index.php?for=wp-json/wc/&rest_route=/wc/v3"),
        (|s| s.rest_prefix = Some("api"), "/api/wc/v3"),
    ] {
        let world = World::new().await;
        let (mut ann, key) = (world.operator().await, world.shop.issue_key("admin", Scope::ReadWrite));
        world.shop.switch(change);
        says(&add_key(&mut ann, SHOP, &key).await, "The key works");
        let keys = world.service("keys:read").await.get("/users/merchant-7/keys").await.ok();
        assert_eq!(keys["api_url"], format!("{SHOP}{base}"));
        assert_eq!(crate::prove::status_with(&world, &keys).await, 200, "{base}");
    }
}

#[tokio::test]
async fn stores_that_take_keys_only_in_their_own_way_are_taken_over_too() {
    for (change, method) in [
        ((|s: &mut Switches| s.authorization_stripped = true) as fn(&mut Switches), "query"),
        (|s| s.plain_keys_dropped = true, "oauth1"),
        (|s| s.https_hidden = true, "oauth1_http"),
    ] {
        let world = World::new().await;
        let (mut ann, key) = (world.operator().await, world.shop.issue_key("admin", Scope::ReadWrite));
        world.shop.switch(change);
        says(&add_key(&mut ann, SHOP, &key).await, "The key works");
        assert_eq!(column(&world.app.db, "SELECT auth_method FROM stores").await, [method]);
    }
}

#[tokio::test]
async fn a_key_that_may_less_than_it_is_to_be_good_for_is_kept_with_a_remark() {
    let world = World::new().await;
    let (mut ann, key) = (world.operator().await, world.shop.issue_key("admin", Scope::Read));
    let page = add_key(&mut ann, SHOP, &key).await;
    says(&page, "The key works, and the store is connected.");
    assert_eq!(column(&world.app.db, "SELECT scope || ' ' || reason FROM stores").await, ["read scope_narrower"]);
    assert_eq!(
        column(&world.app.db, "SELECT reason FROM events WHERE kind = 'store.connected'").await,
        ["scope_narrower"]
    );
}

/// A check may run while a store gets another key, all within one tick of a clock.
#[tokio::test]
async fn what_a_store_says_late_of_its_former_key_says_nothing_of_the_new_one() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let [former, new] = [(); 2].map(|()| world.shop.issue_key("admin", Scope::ReadWrite));
    let path = add_key(&mut ann, SHOP, &former).await.url.path().to_owned();
    let id: StoreId = path.rsplit('/').next().unwrap().parse().unwrap();
    world.shop.revoke(former.key_id);
    let asked = world.shop.requests().len();
    world.shop.switch(|s| s.pace = Pace::WhenReleased);
    let late = tokio::spawn({
        let (app, id) = (world.app.clone(), id.clone());
        async move { watch::check(&app, &id, &Actor::new("test")).await.unwrap() }
    });
    while world.shop.requests().len() == asked {
        tokio::task::yield_now().await;
    }
    world.shop.switch(|s| s.pace = Pace::Brisk);
    says(&add_key(&mut ann, SHOP, &new).await, "replaced the store's previous key");
    world.shop.release();
    let told = late.await.unwrap().expect("the store").store;
    assert_eq!((told.status.as_str(), told.key_version), ("connected", 2));
    assert_eq!(column(&world.app.db, "SELECT status FROM stores").await, ["connected"]);
    assert!(world.happened("store.unauthorized").await.is_empty());
    let keys = world.service("keys:read").await.get("/users/merchant-7/keys").await.ok();
    assert_eq!(keys["consumer_key"], new.consumer_key.as_str());
}
