//! The sample application with Cartkey: the full flow of an application that confirms, and the attack it prevents.

use cartkey::domain::actor::Actor;
use cartkey::flow::connecting::brand::{self, Chosen};

use crate::merchant::{Merchant, Page};
use crate::sample_app::{APP, start};
use crate::world::{KEYS, SHOP, World};

/// A browser signed in at the application.
async fn signed_in(world: &World, name: &str) -> Merchant {
    let mut browser = world.merchant();
    let page = browser.get(APP).await;
    let page = browser.submit(&page, "Sign in", &[("name", name)]).await;
    assert!(page.text().contains(&format!("Signed in as {name}.")), "{}", page.text());
    browser
}

/// From Cartkey's connect page through the approval, back to Cartkey, which has proven the key.
async fn approves(world: &World, browser: &mut Merchant, page: &Page) -> Page {
    assert_eq!(page.url.origin().ascii_serialization(), KEYS, "{}", page.text());
    let sent = browser.submit(page, "Connect store", &[("store_url", SHOP)]).await;
    let back = browser.approve_on(sent).await;
    world.prove().await;
    browser.get(back.url.as_str()).await
}

async fn goes_on(browser: &mut Merchant, page: &Page) -> Page {
    let href = page.link("Continue to Acme Shipping").unwrap_or_else(|| panic!("{}", page.text()));
    browser.follow(page, &href).await
}

async fn owners(world: &World) -> Vec<String> {
    let found = world.service("stores:read").await.get("/stores?status=connected").await.ok();
    found["data"].as_array().unwrap().iter().map(|store| store["user_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_user_connects_a_store_and_comes_back_to_find_it_theirs() {
    let mut world = World::new().await;
    let _app = start(&mut world).await;
    let mut ann = signed_in(&world, "ann").await;
    let page = ann.get(APP).await;
    let page = ann.submit(&page, "Connect a store", &[]).await;
    assert!(page.text().contains("ann"), "the account is named: {}", page.text());
    let page = approves(&world, &mut ann, &page).await;
    assert!(page.text().contains("Acme Shipping must confirm"), "{}", page.text());
    assert_eq!(owners(&world).await, Vec::<String>::new());
    let page = goes_on(&mut ann, &page).await;
    assert!(page.text().contains("https://shop.example is connected"), "{}", page.text());
    assert_eq!(owners(&world).await, ["ann"]);
    assert!(ann.get(APP).await.text().contains("Cups & Plates"), "on the list of their stores");
}

/// Mallory creates a link for her own account and sends it to Ben, who is signed in at the same application. He sees a familiar
/// page at an address he trusts, and approves. Nobody gets his store.
#[tokio::test]
async fn a_link_that_was_forwarded_to_a_victim_does_not_give_the_attacker_the_victims_store() {
    let mut world = World::new().await;
    let _app = start(&mut world).await;
    let mut mallory = signed_in(&world, "mallory").await;
    let home = mallory.get(APP).await;
    let bait = mallory.submit(&home, "Connect a store", &[]).await.url;
    let mut ben = signed_in(&world, "ben").await;
    let page = ben.get(bait.as_str()).await;
    assert!(page.text().contains("mallory"), "it says whose account it is for: {}", page.text());
    let waiting = approves(&world, &mut ben, &page).await;
    let page = goes_on(&mut ben, &waiting).await;
    assert!(page.text().contains("This was not your link"), "{}", page.text());
    assert_eq!(owners(&world).await, Vec::<String>::new());
    // Mallory cannot go on in his place, whatever she knows of the addresses.
    let there = ben.get(&format!("{}/go-on", waiting.url)).await.url;
    for address in [waiting.url.as_str(), &format!("{}/go-on", waiting.url)] {
        assert_eq!(mallory.get(address).await.status, 404, "{address}");
    }
    // Should the very address with his code reach her, it is still not his account that she gets it for, but hers: that is
    // what a one-time code cannot prevent, and why it lives a minute and is never shown.
    world.clock.advance(std::time::Duration::from_mins(1));
    let page = mallory.get(there.as_str()).await;
    assert!(page.text().contains("That took too long"), "{}", page.text());
    assert_eq!(owners(&world).await, Vec::<String>::new());
}

#[tokio::test]
async fn who_is_signed_in_nowhere_or_brings_nonsense_connects_nothing() {
    let mut world = World::new().await;
    let _app = start(&mut world).await;
    let address = format!("{APP}/connected?status=awaiting_confirmation&user_id=ann&attempt_id=at_x&code=guess");
    assert!(world.merchant().get(&address).await.text().contains("Sign in first"));
    let mut ann = signed_in(&world, "ann").await;
    assert!(ann.get(&address).await.text().contains("not_found"));
    for status in ["denied", "failed", "expired", "connected", "<script>"] {
        let page = ann.get(&format!("{APP}/connected?status={status}&user_id=ann&store_id=st_x")).await;
        assert!(page.text().contains("Nothing was connected"), "{status}: {}", page.text());
    }
    assert_eq!(owners(&world).await, Vec::<String>::new());
}

/// The button adds a link in a browser that runs scripts (tests/browser). This tests what is served.
#[tokio::test]
async fn the_buttons_script_may_be_loaded_from_everywhere_and_kept_for_five_minutes() {
    let world = World::new().await;
    let answer = world.merchant().get(&format!("{KEYS}/button.js")).await;
    let header = |name: &str| answer.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    assert_eq!(answer.status, 200);
    assert_eq!(header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(header("cross-origin-resource-policy"), "cross-origin");
    assert_eq!(header("cache-control"), "public, max-age=300");
    assert_eq!(header("set-cookie"), "", "nothing is kept at who loads it");
    assert!(answer.body.len() < 4096 && answer.body.contains("\"home\":\"https://keys.example\""), "{}", answer.body);
    assert!(answer.body.contains("Connect store") && answer.body.contains("ja"), "{}", answer.body);
    let page = world.merchant().get(&format!("{KEYS}/connect")).await;
    assert_eq!(page.headers["cross-origin-resource-policy"], "same-origin", "and nothing else may");
    // Asked again with its ETag it is not sent again; another colour is another script.
    let etag = header("etag");
    let again = asked_again(&world, &etag).await;
    assert_eq!((again.0, again.1.as_str()), (304, ""));
    let chosen = Chosen { accent: Some("#0a7d4b".parse().unwrap()), ..Chosen::default() };
    brand::choose(&world.app, chosen, &Actor::new("test")).await.unwrap();
    let changed = asked_again(&world, &etag).await;
    assert!(changed.0 == 200 && changed.1.contains("#0a7d4b"), "{changed:?}");
}

async fn asked_again(world: &World, etag: &str) -> (u16, String) {
    let headers = [("if-none-match", etag.to_owned())];
    crate::binary::ask(&world.client(), hyper::Method::GET, &format!("{KEYS}/button.js"), &headers, "").await.unwrap()
}
