//! By hand: a merchant creates a key in their store's settings and copies it, if the operator allows it.

use std::time::Duration;

use cartkey::demo::pretend_store::{Firewall, Permalinks, Switches};
use cartkey::domain::actor::Actor;
use cartkey::domain::language::Language;
use cartkey::domain::scope::Scope;
use cartkey::flow::connecting::by_hand;
use serde_json::json;

use crate::database::column;
use crate::merchant::{Merchant, Page, html};
use crate::world::{KEYS, OTHER, SHOP, World};

const CONNECT: &str = "Connect store";

async fn allowing(switches: Switches) -> World {
    let world = World::with(&[], switches).await;
    by_hand::allow(&world.app, true, &Actor::cli()).await.unwrap();
    world
}

/// Opens the key-entry page of a link for merchant-42 and enters this key.
async fn typed(world: &World, browser: &mut Merchant, key: &str, secret: &str) -> Page {
    let (_, link) = world.link("merchant-42", json!({})).await;
    let page = browser.get(&link).await;
    let page = browser.click(&page, "connect it manually").await;
    browser.submit(&page, CONNECT, &[("consumer_key", key), ("consumer_secret", secret)]).await
}

fn says(page: &Page, words: &str) {
    assert!(page.text().contains(words), "{words}: {}", page.text());
}

#[tokio::test]
async fn nobody_is_offered_it_until_an_operator_says_so_in_the_settings() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, link) = world.link("merchant-42", json!({})).await;
    let page = browser.get(&link).await;
    assert!(page.link("connect it manually").is_none());
    for path in [format!("{link}/by-hand"), format!("{KEYS}/connect/by-hand")] {
        assert_eq!(browser.get(&path).await.status, 404);
        assert_eq!(browser.post_form(&path, &[("consumer_key", "x")]).await.status, 404);
    }
    let mut ann = world.operator().await;
    let page = ann.get("/admin/settings").await;
    let page = ann.submit(&page, "Save setting", &[("allowed", "yes")]).await;
    says(&page, "Saved.");
    assert!(page.body.contains("name=\"allowed\" value=\"yes\" checked"), "{}", page.body);
    let page = browser.get(&link).await;
    assert_eq!(browser.click(&page, "connect it manually").await.status, 200);
    let form = ann.get("/admin/settings").await.form("Save setting").unwrap();
    let token = form.fields.iter().find(|(name, _)| name == "form_token").unwrap().1.clone();
    ann.browser.post_form(&format!("{KEYS}/admin/settings/by-hand"), &[("form_token", &token)]).await;
    assert_eq!(browser.get(&format!("{link}/by-hand")).await.status, 404, "and no more");
    assert_eq!(column(&world.app.db, "SELECT kind FROM events WHERE kind LIKE 'settings%'").await.len(), 2);
}

#[tokio::test]
async fn eight_steps_with_a_drawing_each_lead_to_a_key_that_is_proven_like_any_other() {
    let world = allowing(Switches::default()).await;
    let mut browser = world.merchant();
    let (id, link) = world.link("merchant-42", json!({"account_label": "Cups Ltd"})).await;
    let page = browser.get(&link).await;
    let page = browser.click(&page, "connect it manually").await;
    let drawings = html::elements(&page.body, "img");
    let drawings: Vec<_> = drawings.iter().filter(|image| image.attribute("width") == Some("240")).collect();
    assert_eq!(drawings.len(), 8);
    for drawing in drawings {
        assert!(drawing.attribute("alt").unwrap().starts_with("Drawing: "));
        let image = browser.follow(&page, drawing.attribute("src").unwrap()).await;
        assert_eq!((image.status, image.headers["content-type"].to_str().unwrap()), (200, "image/svg+xml"));
    }
    for words in ["Cups Ltd", "WooCommerce → Settings", "Acme Shipping", "Read/Write", "Generate API key"] {
        says(&page, words);
    }
    let new = page.link("your store's page for a new key").unwrap();
    assert_eq!(new, format!("{SHOP}/wp-admin/admin.php?page=wc-settings&tab=advanced&section=keys&create-key=1"));

    let key = world.shop.issue_key("admin", Scope::ReadWrite);
    let values = [("consumer_key", key.consumer_key.as_str()), ("consumer_secret", key.consumer_secret.as_str())];
    let page = browser.submit(&page, CONNECT, &values).await;
    assert!(page.url.path().starts_with("/connect/attempts/at_"), "{}", page.text());
    says(&page, "Connecting shop.example");
    assert_eq!(world.stands(&id).await.0, "received");
    world.prove().await;
    let page = browser.get(page.url.as_str()).await;
    says(&page, "shop.example is connected");
    assert!(page.link("Settings → Advanced → REST API").unwrap().ends_with("section=keys"));
    assert_eq!(world.stands(&id).await.0, "connected");
    let lent = world.service("keys:read").await.get("/users/merchant-42/keys").await.ok();
    assert_eq!(lent["consumer_secret"], key.consumer_secret.as_str());
    let happened = column(&world.app.db, "SELECT kind FROM events WHERE attempt_id IS NOT NULL ORDER BY seq").await;
    assert_eq!(happened, ["attempt.begun", "attempt.received", "attempt.confirmed", "store.connected"]);
    let mut ann = world.operator().await;
    let attempt = page.url.path().rsplit('/').next().unwrap();
    says(&ann.get(&format!("/admin/attempts/{attempt}")).await, "created manually in the store’s settings");
}

#[tokio::test]
async fn what_was_typed_wrongly_is_said_and_not_shown_again() {
    let world = allowing(Switches::default()).await;
    let (mut browser, key) = (world.merchant(), world.shop.issue_key("admin", Scope::ReadWrite));
    let (ck, cs) = (key.consumer_key.as_str(), key.consumer_secret.as_str());
    for (one, two, wrong) in [
        (cs, ck, "That is the consumer secret. The consumer key goes here"),
        (ck, "", "Paste the consumer secret here"),
        (&ck[36..], cs, "That is only the end of a key"),
        (ck, &cs[..20], "That is not a complete consumer secret"),
    ] {
        let page = typed(&world, &mut browser, one, two).await;
        says(&page, wrong);
        assert!(!page.body.contains(&ck[4..24]) && !page.body.contains(&cs[4..24]), "{wrong}");
    }
    assert_eq!(column(&world.app.db, "SELECT id FROM attempts").await.len(), 0, "nobody was asked anything");
}

#[tokio::test]
async fn a_key_that_does_not_work_ends_with_a_word_for_who_typed_it_and_the_way_back() {
    let world = allowing(Switches::default()).await;
    let (mut browser, key) = (world.merchant(), world.shop.issue_key("admin", Scope::ReadWrite));
    world.shop.revoke(key.key_id);
    let page = typed(&world, &mut browser, &key.consumer_key, &key.consumer_secret).await;
    world.prove().await;
    world.pass(Duration::from_secs(5)).await;
    let page = browser.get(page.url.as_str()).await;
    says(&page, "does not recognize this key: it was created at another store or was revoked");
    let page = browser.click(&page, "Try again").await;
    assert!(page.url.path().ends_with("/by-hand"), "{}", page.url);
    let key = world.shop.issue_key("admin", Scope::ReadWrite);
    let values = [("consumer_key", key.consumer_key.as_str()), ("consumer_secret", key.consumer_secret.as_str())];
    let page = browser.submit(&page, CONNECT, &values).await;
    world.prove().await;
    says(&browser.get(page.url.as_str()).await, "shop.example is connected");
}

#[tokio::test]
async fn it_is_offered_where_the_approval_is_in_the_way() {
    // The callback never comes.
    let world = allowing(Switches { callback_swallowed: true, ..Switches::default() }).await;
    let (mut browser, page, _) = world.approved("merchant-42", json!({})).await;
    says(&page, "We did not receive a key");
    let page = browser.click(&page, "Connect manually").await;
    let key = world.shop.issue_key("admin", Scope::ReadWrite);
    let values = [("consumer_key", key.consumer_key.as_str()), ("consumer_secret", key.consumer_secret.as_str())];
    let page = browser.submit(&page, CONNECT, &values).await;
    world.prove().await;
    says(&browser.get(page.url.as_str()).await, "shop.example is connected");

    // The host's firewall refuses the approval page.
    let firewall = Firewall::ModSecurityUrlInParameter;
    let world = allowing(Switches { firewall, ..Switches::default() }).await;
    let (mut browser, (_, link)) = (world.merchant(), world.link("merchant-42", json!({})).await);
    let page = world.begin(&mut browser, &link).await;
    says(&page, "blocked_by_modsecurity");
    assert!(page.link("Connect manually").is_some(), "{}", page.text());
    let key = world.shop.issue_key("admin", Scope::ReadWrite);
    let page = typed(&world, &mut browser, &key.consumer_key, &key.consumer_secret).await;
    world.prove().await;
    says(&browser.get(page.url.as_str()).await, "shop.example is connected");

    // With plain permalinks an approval cannot finish, but a typed key works.
    let world = allowing(Switches { permalinks: Permalinks::Plain, ..Switches::default() }).await;
    let (mut browser, (_, link)) = (world.merchant(), world.link("merchant-42", json!({})).await);
    let page = world.begin(&mut browser, &link).await;
    says(&page, "plain_permalinks");
    let key = world.shop.issue_key("admin", Scope::ReadWrite);
    let page = browser.click(&page, "Connect manually").await;
    let values = [("consumer_key", key.consumer_key.as_str()), ("consumer_secret", key.consumer_secret.as_str())];
    let page = browser.submit(&page, CONNECT, &values).await;
    world.prove().await;
    says(&browser.get(page.url.as_str()).await, "shop.example is connected");
}

#[tokio::test]
async fn a_link_for_one_store_refuses_another() {
    let world = allowing(Switches::default()).await;
    world.connect("merchant-42").await;
    let service = world.trusted_service().await;
    let store = service.get("/stores").await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    let (_, link) = world.link("merchant-42", json!({"store_id": store, "store_url": null})).await;
    let mut browser = world.merchant();
    let page = browser.get(&format!("{link}/by-hand")).await;
    assert!(page.form(CONNECT).is_some_and(|form| !form.has("store_url")), "{}", page.text());
    // The shop has become another one.
    world.shop.switch(|s| s.moved_to = Some(OTHER.to_owned()));
    let key = world.shop.issue_key("admin", Scope::ReadWrite);
    let values = [("consumer_key", key.consumer_key.as_str()), ("consumer_secret", key.consumer_secret.as_str())];
    let page = browser.submit(&page, CONNECT, &values).await;
    says(&page, "wrong_store");
    assert_eq!(column(&world.app.db, "SELECT home FROM stores").await, [SHOP]);
}

#[tokio::test]
async fn where_the_application_confirms_it_confirms_a_typed_key_too() {
    let world = allowing(Switches::default()).await;
    let (mut browser, key) = (world.merchant(), world.shop.issue_key("admin", Scope::ReadWrite));
    let more = json!({"confirm": "app", "return_url": "https://app.example/done"});
    let (_, link) = world.link("merchant-42", more).await;
    let page = browser.get(&format!("{link}/by-hand")).await;
    let values = [("consumer_key", key.consumer_key.as_str()), ("consumer_secret", key.consumer_secret.as_str())];
    let page = browser.submit(&page, CONNECT, &values).await;
    world.prove().await;
    let page = browser.get(page.url.as_str()).await;
    says(&page, "Acme Shipping must confirm");
    assert_eq!(column(&world.app.db, "SELECT id FROM stores").await.len(), 0);
    let go_on = page.link("Continue").unwrap();
    let there = browser.follow(&page, &go_on).await.url;
    let param = |name: &str| there.query_pairs().find(|(n, _)| n == name).unwrap().1.into_owned();
    let confirm = format!("/attempts/{}/confirm", param("attempt_id"));
    let store = world.trusted_service().await.post(&confirm, &json!({"code": param("code")})).await.ok();
    assert_eq!(store["status"], "connected");
}

#[tokio::test]
async fn the_key_that_is_in_use_is_not_taken_for_another() {
    let world = allowing(Switches::default()).await;
    let (mut browser, key) = (world.merchant(), world.shop.issue_key("admin", Scope::ReadWrite));
    typed(&world, &mut browser, &key.consumer_key, &key.consumer_secret).await;
    world.prove().await;
    let store = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    let back = "https://app.example/settings";
    let on = format!("{back}?status=connected&user_id=merchant-42&store_id={store}");
    // What an application that confirms is told, it looks up for itself.
    for (more, label, href) in [
        (json!({}), "", None),
        (json!({"return_url": back}), "Continue to", Some(on.as_str())),
        (json!({"return_url": back, "confirm": "app"}), "Back to", Some(back)),
    ] {
        let (_, link) = world.link("merchant-42", more).await;
        let page = browser.get(&format!("{link}/by-hand")).await;
        let values = [("consumer_key", key.consumer_key.as_str()), ("consumer_secret", key.consumer_secret.as_str())];
        let page = browser.submit(&page, CONNECT, &values).await;
        assert_eq!(page.status, 200);
        says(&page, "shop.example is already connected with this key");
        assert_eq!(page.link(&format!("{label} Acme Shipping")).as_deref(), href, "{}", page.text());
    }
    assert_eq!(column(&world.app.db, "SELECT CAST(key_version AS TEXT) FROM stores").await, ["1"]);
}

#[tokio::test]
async fn a_key_that_may_do_less_takes_no_place_of_one_that_may_do_what_is_asked() {
    let world = allowing(Switches::default()).await;
    let mut browser = world.merchant();
    let [wide, narrow] = [Scope::ReadWrite, Scope::Read].map(|scope| world.shop.issue_key("admin", scope));
    // While there is no other, it is better than none, and what is wrong is said in words for who typed it.
    for (key, heading) in [(&narrow, "is connected"), (&wide, "is connected"), (&narrow, "could not be connected")] {
        let page = typed(&world, &mut browser, &key.consumer_key, &key.consumer_secret).await;
        world.prove().await;
        let page = browser.get(page.url.as_str()).await;
        assert!(page.text().contains(heading), "{}", page.text());
        let says_so = page.text().contains("Create a key with all the requested permissions and enter that one.");
        assert_eq!(says_so, key.key_id == narrow.key_id, "{}", page.text());
    }
    let lent = world.service("keys:read").await.get("/users/merchant-42/keys").await.ok();
    assert_eq!(lent["consumer_key"], wide.consumer_key.as_str());
}

#[tokio::test]
async fn guessing_is_counted_as_beginning_is() {
    let world = allowing(Switches::default()).await;
    let (mut browser, wrong) = (world.merchant(), format!("{:040}", 7));
    let (_, link) = world.link("merchant-42", json!({})).await;
    for (at, times) in [(link.as_str(), 30), (&format!("{KEYS}/connect"), 10)] {
        let page = browser.get(&format!("{at}/by-hand")).await;
        let (key, secret) = (format!("ck_{wrong}"), format!("cs_{wrong}"));
        let values = [("store_url", SHOP), ("consumer_key", key.as_str()), ("consumer_secret", secret.as_str())];
        for _ in 0..times {
            assert_eq!(browser.submit(&page, CONNECT, &values).await.status, 200);
        }
        let page = browser.submit(&page, CONNECT, &values).await;
        assert_eq!(page.status, 429, "{}", page.text());
    }
}

#[tokio::test]
async fn the_steps_are_told_in_every_language() {
    let world = allowing(Switches::default()).await;
    let (_, link) = world.link("merchant-42", json!({})).await;
    let mut seen = std::collections::BTreeSet::new();
    for language in Language::ALL {
        let page = world.merchant().get(&format!("{link}/by-hand?lang={}", language.code())).await;
        assert_eq!(page.status, 200);
        let alts = html::elements(&page.body, "img");
        assert!(seen.insert(alts.last().unwrap().attribute("alt").unwrap().to_owned()), "{language:?}");
        assert!(seen.insert(page.title()), "{language:?}");
    }
    assert_eq!(seen.len(), 12);
}
