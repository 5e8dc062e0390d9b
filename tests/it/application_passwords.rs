//! Application passwords: the way that is left where WooCommerce's approval cannot finish, if the operator allows it.

use std::time::Duration;

use cartkey::demo::pretend_store::{Permalinks, Switches};
use cartkey::domain::actor::Actor;
use cartkey::domain::scope::Scope;
use cartkey::domain::store_url::Network;
use cartkey::domain::verdict::Verdict;
use cartkey::flow::connecting::application_password;
use cartkey::flow::transfer::add_by_keys::Manner;
use cartkey::flow::transfer::export;
use cartkey::flow::transfer::import::file::File;
use cartkey::flow::transfer::import::{self, News, Pace};
use cartkey::flow::watching::watch;
use cartkey::flow::{dashboard::stores, sweep};
use cartkey::woo::Call;
use hyper::Method;
use hyper::header::{AUTHORIZATION, HeaderValue};
use serde_json::{Value, json};
use tokio::sync::watch::channel as watch_channel;

use crate::database::column;
use crate::merchant::{Merchant, Page};
use crate::world::{KEYS, OTHER, SHOP, World};

/// The button of the page that offers it.
const OFFER: &str = "Connect with an application password";
/// The button that leads to the store.
const GO: &str = "Continue to shop.example";

fn plain() -> Switches {
    Switches { permalinks: Permalinks::Plain, ..Switches::default() }
}

/// A world whose operator allows application passwords.
async fn allowing(switches: Switches) -> World {
    let world = World::with(&[], switches).await;
    application_password::allow(&world.app, true, &Actor::cli()).await.unwrap();
    world
}

fn says(page: &Page, words: &str) {
    assert!(page.text().contains(words), "{words}: {}", page.text());
}

/// Begins with a link, is stopped, and takes the way that is offered; returns the page that leads to the store, or why not.
async fn offered(world: &World, browser: &mut Merchant, link: &str) -> Page {
    let page = world.begin(browser, link).await;
    // The next attempt is a newer one.
    world.clock.advance(Duration::from_millis(1));
    let page = browser.click(&page, "pplication password").await;
    says(&page, "whatever the WordPress user who approves may do");
    browser.submit(&page, GO, &[]).await
}

/// A merchant connects the shop for `user_id` with an application password; returns their browser and the result's page.
async fn connect(world: &World, user_id: &str, login: &str) -> (Merchant, Page) {
    let mut browser = world.merchant();
    login.clone_into(&mut browser.login);
    let (_, link) = world.link(user_id, json!({})).await;
    let sent = offered(world, &mut browser, &link).await;
    let back = browser.approve_password(sent).await;
    world.prove().await;
    let page = browser.get(back.url.as_str()).await;
    (browser, page)
}

/// The shop on plain permalinks, connected for merchant-42, and the store's ID.
pub async fn connected() -> (World, String) {
    let world = allowing(plain()).await;
    let (_, page) = connect(&world, "merchant-42", "admin").await;
    says(&page, "shop.example is connected");
    let id = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    (world, id)
}

async fn keys(world: &World, user_id: &str) -> Value {
    world.service("keys:read").await.get(&format!("/users/{user_id}/keys")).await.ok()
}

#[tokio::test]
async fn nobody_is_offered_it_until_an_operator_says_so_who_reads_what_it_means() {
    let world = World::with(&[], plain()).await;
    let mut browser = world.merchant();
    let (_, link) = world.link("merchant-42", json!({})).await;
    let page = world.begin(&mut browser, &link).await;
    says(&page, "plain_permalinks");
    assert!(page.link(OFFER).is_none());
    let here = format!("{}/application-password", page.url);
    assert_eq!(browser.get(&here).await.status, 404);
    assert_eq!(browser.post_form(&here, &[]).await.status, 404);
    let mut ann = world.operator().await;
    let page = ann.get("/admin/settings").await;
    says(&page, "It may do whatever its owner may do in WordPress");
    says(&ann.submit(&page, "Save this setting", &[("passwords", "yes")]).await, "Saved.");
    assert_eq!(browser.get(&here).await.status, 200);
    ann.submit(&page, "Save this setting", &[]).await;
    assert_eq!(browser.get(&here).await.status, 404, "and no more");
}

#[tokio::test]
async fn a_password_is_proven_lent_and_called_what_it_is() {
    let world = allowing(plain()).await;
    let (mut browser, page) = connect(&world, "merchant-42", "admin").await;
    says(&page, "Acme Shipping can now do on shop.example whatever the WordPress user who approved can do");
    assert!(
        page.link("Application Passwords").unwrap().ends_with("/wp-admin/profile.php#application-passwords-section")
    );
    let made = world.shop.passwords().remove(0);
    assert_eq!((made.name.as_str(), made.owner.as_str()), ("Acme Shipping", "admin"));
    let keys = keys(&world, "merchant-42").await;
    assert_eq!((&keys["consumer_key"], &keys["consumer_secret"]), (&Value::Null, &Value::Null));
    assert_eq!((&keys["username"], &keys["password"]), (&json!("admin"), &json!(made.password)));
    assert_eq!((&keys["permissions"], &keys["auth_method"]), (&json!("owner"), &json!("application_password")));
    assert_eq!(keys["api_url"], format!("{SHOP}/index.php?rest_route=/wc/v3"));
    let store = world.trusted_service().await.get("/stores").await.ok()["data"][0].clone();
    assert_eq!((&store["scope"], &store["key_id"], &store["reason"]), (&json!("owner"), &json!(0), &Value::Null));
    let last7 = store["key_last7"].as_str().unwrap();
    assert!(last7.len() == 7 && !made.password.contains(last7), "a part of it is nowhere");
    // The address in the bar, and what the browser was sent, have nothing of it.
    assert!(!page.url.as_str().contains(&made.password) && page.url.query().is_none(), "{}", page.url);
    let again = browser.get(page.url.as_str()).await;
    assert!(!again.body.contains(&made.password) && !again.body.contains("user_login"));
    let happened = column(&world.app.db, "SELECT kind FROM events WHERE attempt_id IS NOT NULL ORDER BY seq").await;
    let ends = ["attempt.begun", "attempt.received", "attempt.confirmed", "store.connected"];
    assert_eq!(happened[happened.len() - 4..], ends);
    let mut ann = world.operator().await;
    let shown = ann.get(&format!("/admin/stores/{}", store["id"].as_str().unwrap())).await;
    says(&shown, "Whatever its WordPress user may do");
    assert!(!shown.body.contains(&made.password));
}

#[tokio::test]
async fn it_finishes_wherever_the_approval_cannot_and_only_there() {
    for (change, stopped) in [
        ((|s| s.permalinks = Permalinks::Index) as fn(&mut Switches), true),
        (|s| s.path_blocked = Some("/wc-auth/"), true),
        (|s| s.outgoing_blocked = true, false),
        (|s| s.path_blocked = Some("/wc-auth/v1/access_granted"), false),
        (|s| s.lost_reply = true, false),
    ] {
        let world = allowing(Switches::default()).await;
        world.shop.switch(change);
        let (mut browser, (id, link)) = (world.merchant(), world.link("merchant-42", json!({})).await);
        let mut page = world.begin(&mut browser, &link).await;
        if !stopped {
            browser.approve_on(page).await;
            // The merchant sees an error at the store, and comes back.
            page = browser.get(&link).await;
            world.pass(Duration::from_secs(80)).await;
            world.pass(Duration::from_secs(10)).await;
            page = browser.get(page.url.as_str()).await;
        }
        let page = browser.click(&page, "pplication password").await;
        world.clock.advance(Duration::from_millis(1));
        let sent = browser.submit(&page, GO, &[]).await;
        let back = browser.approve_password(sent).await;
        world.prove().await;
        says(&browser.get(back.url.as_str()).await, "shop.example is connected");
        assert_eq!(world.stands(&id).await.0, "connected");
    }
    // Where the approval works, this is not offered.
    let world = allowing(Switches::default()).await;
    let (mut browser, waiting, _) = world.approved("merchant-42", json!({})).await;
    world.prove().await;
    let page = browser.get(waiting.url.as_str()).await;
    assert!(page.link("pplication password").is_none(), "{}", page.text());
    assert_eq!(browser.get(&format!("{}/application-password", page.url)).await.status, 404);
    let mut other = world.merchant();
    let (_, link) = world.link("merchant-43", json!({})).await;
    assert!(other.get(&link).await.link("pplication password").is_none());
    assert_eq!(other.get(&format!("{link}/application-password")).await.status, 404);
}

#[tokio::test]
async fn what_stands_in_its_way_is_found_before_the_merchant_approves() {
    for (change, code) in [
        ((|s| s.passwords_off = true) as fn(&mut Switches), "application_passwords_off"),
        (|s| s.https_hidden = true, "application_passwords_off"),
        (|s| s.authorization_stripped = true, "header_stripped"),
        (|s| s.basic_taken = true, "rest_closed"),
        (|s| s.index_closed = true, "rest_closed"),
    ] {
        for switches in [plain(), Switches { path_blocked: Some("/wc-auth/"), ..Switches::default() }] {
            let world = allowing(switches).await;
            let (mut browser, (_, link)) = (world.merchant(), world.link("merchant-42", json!({})).await);
            let page = world.begin(&mut browser, &link).await;
            world.shop.switch(change);
            let page = browser.click(&page, OFFER).await;
            let page = browser.submit(&page, GO, &[]).await;
            says(&page, code);
            if code == "application_passwords_off" {
                says(
                    &page,
                    "Wordfence → All Options → Brute Force Protection → Disable WordPress application passwords",
                );
            }
            assert_eq!(world.shop.passwords(), [], "nobody approved in vain");
            // Once that is out of the way, the same page goes on.
            world.shop.switch(|s| {
                (s.passwords_off, s.https_hidden, s.authorization_stripped) = (false, false, false);
                (s.basic_taken, s.index_closed) = (false, false);
            });
            let sent = browser.submit(&page, "Check again", &[]).await;
            let back = browser.approve_password(sent).await;
            world.prove().await;
            says(&browser.get(back.url.as_str()).await, "shop.example is connected");
        }
    }
}

#[tokio::test]
async fn no_and_not_available_for_this_user_end_the_attempt_with_a_way_on() {
    let world = allowing(plain()).await;
    let (mut browser, (id, link)) = (world.merchant(), world.link("merchant-42", json!({})).await);
    let sent = offered(&world, &mut browser, &link).await;
    let page = browser.until_password_page(sent).await;
    says(&page, "You will be sent to https://keys.example/connect/return/");
    let page = browser.submit(&page, "No, I do not approve", &[]).await;
    says(&page, "You did not approve");
    assert_eq!((page.url.query(), world.stands(&id).await), (None, ("denied".to_owned(), "denied".to_owned())));
    let page = browser.click(&page, "Try again").await;
    world.clock.advance(Duration::from_millis(1));
    world.shop.switch(|s| s.passwords_off_for = Some("admin"));
    let sent = browser.submit(&page, GO, &[]).await;
    let page = browser.until_password_page(sent).await;
    says(&page, "Application passwords are not available for your account.");
    let page = browser.click(&page, "Go Back").await;
    says(&page, "application_passwords_off");
    assert_eq!(world.stands(&id).await, ("failed".to_owned(), "application_passwords_off".to_owned()));
    assert_eq!(world.shop.passwords(), []);
}

#[tokio::test]
async fn only_the_browser_that_began_may_bring_a_password() {
    let world = allowing(plain()).await;
    let (mut browser, (id, link)) = (world.merchant(), world.link("merchant-42", json!({})).await);
    let sent = offered(&world, &mut browser, &link).await;
    // Somebody sends the address of the approval to the owner of the store, who approves.
    let mut victim = world.merchant();
    let page = victim.approve_password(sent.clone()).await;
    says(&page, "The approval came back in this one, so nothing was connected.");
    says(&page, "We deleted the new application password at shop.example.");
    assert_eq!(world.shop.passwords(), [], "nobody has it, and it opens nothing");
    assert_eq!(world.stands(&id).await, ("failed".to_owned(), "approved_elsewhere".to_owned()));
    world.prove().await;
    assert_eq!(column(&world.app.db, "SELECT id FROM stores").await.len(), 0);
    assert_eq!(column(&world.app.db, "SELECT id FROM grants").await.len(), 0, "it was not even saved");
    says(&browser.get(&link).await, "came back in a different browser");

    // Where it cannot be deleted, the person is told where to do it.
    let sent = offered(&world, &mut browser, &link).await;
    let page = victim.until_password_page(sent).await;
    world.shop.switch(|s| s.user_routes_off = true);
    let page = victim.submit(&page, "Yes, I approve", &[]).await;
    says(&page, "revoke the newest one named Acme Shipping");
}

#[tokio::test]
async fn a_return_that_is_not_wordpress_own_is_not_heard() {
    let world = allowing(plain()).await;
    let (mut browser, (_, link)) = (world.merchant(), world.link("merchant-42", json!({})).await);
    let made = world.other.make_password("admin", "x", "");
    let pairs = |site: &str| format!("site_url={site}&user_login=admin&password={}", made.password);
    for (query, reason) in [
        // Parameters of our own come first, and the real ones after them.
        (format!("{}&password=AAAAbbbbCCCCddddEEEEffff", pairs(SHOP)), "answer_unreadable"),
        (format!("{}&user_login=eve", pairs(SHOP)), "answer_unreadable"),
        (format!("{}&success=false", pairs(SHOP)), "answer_unreadable"),
        ("user_login=admin&password=short&site_url=https://shop.example".to_owned(), "answer_unreadable"),
        ("nothing=1".to_owned(), "answer_unreadable"),
        // The password of another store is not tried at this one.
        (pairs(OTHER), "other_store"),
    ] {
        let sent = offered(&world, &mut browser, &link).await;
        let back = back_address(&mut browser, sent).await;
        let asked = world.shop.requests().len();
        // Without the state, or with another one, nothing happens.
        let (path, state) = back.rsplit_once('/').unwrap();
        let guess = format!("{path}/{}?{}", "A".repeat(43), pairs(SHOP));
        let page = browser.get(&guess).await;
        assert_eq!(page.url.query(), None, "{}", page.url);
        says(&page, "Waiting for shop.example");
        let page = world.merchant().get(&guess).await;
        assert_eq!((page.status, page.url.query()), (404, None), "{}", page.url);
        assert!(!state.is_empty());
        // Nor does a scanner or a prefetch change anything.
        browser.header("sec-purpose", "prefetch");
        assert_eq!(browser.get(&format!("{back}?{query}")).await.status, 503);
        browser.header("sec-purpose", "");
        let page = browser.get(&format!("{back}?{query}")).await;
        says(&page, reason);
        assert_eq!(page.url.query(), None, "{}", page.url);
        assert_eq!(world.shop.requests().len(), asked, "{query}");
    }
    assert_eq!(column(&world.app.db, "SELECT id FROM grants").await.len(), 0);
}

/// The address to which WordPress will send the browser back.
async fn back_address(browser: &mut Merchant, sent: Page) -> String {
    let page = browser.until_password_page(sent).await;
    let form = page.form("Yes, I approve").unwrap();
    form.fields.iter().find(|(name, _)| name == "success_url").unwrap().1.clone()
}

#[tokio::test]
async fn a_second_approval_changes_nothing_and_its_password_is_deleted() {
    let world = allowing(plain()).await;
    let (mut browser, (_, link)) = (world.merchant(), world.link("merchant-42", json!({})).await);
    let sent = offered(&world, &mut browser, &link).await;
    let page = browser.until_password_page(sent).await;
    let back = browser.submit(&page, "Yes, I approve", &[]).await;
    world.prove().await;
    let used = keys(&world, "merchant-42").await;
    // Back, and Yes once more.
    browser.submit(&page, "Yes, I approve", &[]).await;
    assert_eq!(world.shop.passwords().len(), 2);
    world.prove().await;
    assert_eq!(keys(&world, "merchant-42").await, used);
    let left: Vec<String> = world.shop.passwords().into_iter().map(|made| made.password).collect();
    assert_eq!(left, [used["password"].as_str().unwrap()]);
    says(&browser.get(back.url.as_str()).await, "shop.example is connected");
    // Much later the state opens nothing any more.
    world.clock.advance(Duration::from_mins(11));
    browser.submit(&page, "Yes, I approve", &[]).await;
    world.prove().await;
    assert_eq!(keys(&world, "merchant-42").await, used);
}

#[tokio::test]
async fn an_approval_after_the_hour_is_too_late_and_leaves_no_password() {
    let world = allowing(plain()).await;
    let (mut browser, (_, link)) = (world.merchant(), world.link("merchant-42", json!({})).await);
    let sent = offered(&world, &mut browser, &link).await;
    let page = browser.until_password_page(sent).await;
    world.clock.advance(Duration::from_mins(61));
    let page = browser.submit(&page, "Yes, I approve", &[]).await;
    says(&page, "This attempt has expired");
    assert_eq!(world.shop.passwords(), []);
}

#[tokio::test]
async fn who_may_nothing_in_the_shop_is_told_so() {
    let world = allowing(plain()).await;
    let (_, page) = connect(&world, "merchant-42", "editor").await;
    says(&page, "is not allowed to read its orders");
    world.pass(Duration::from_secs(5)).await;
    let attempt = column(&world.app.db, "SELECT status || ' ' || reason FROM attempts ORDER BY id DESC LIMIT 1").await;
    assert_eq!(attempt, ["failed role_lost"]);
    let (_, page) = connect(&world, "merchant-42", "manager").await;
    says(&page, "shop.example is connected");
}

#[tokio::test]
async fn a_reconnect_leaves_one_password_of_this_connection_and_those_of_others() {
    let (world, _) = connected().await;
    let first = world.shop.passwords().remove(0);
    world.shop.make_password("admin", "Acme Shipping", &first.app_id);
    world.shop.make_password("admin", "Somebody else", "11111111-2222-4333-8444-555555555555");
    connect(&world, "merchant-43", "admin").await;
    let (_, page) = connect(&world, "merchant-42", "admin").await;
    says(&page, "shop.example is connected");
    let left: Vec<String> = world.shop.passwords().into_iter().map(|made| made.password).collect();
    let password_of = |keys: Value| keys["password"].as_str().unwrap().to_owned();
    assert!(left.contains(&password_of(keys(&world, "merchant-42").await)), "the new one");
    assert!(left.contains(&password_of(keys(&world, "merchant-43").await)), "the other merchant's");
    assert_eq!((left.len(), left.contains(&first.password)), (3, false));

    // Another user approves: the password of the first deletes itself.
    let former = password_of(keys(&world, "merchant-42").await);
    connect(&world, "merchant-42", "manager").await;
    world.clock.advance(Duration::from_mins(3));
    sweep::sweep(&world.app).await.unwrap();
    assert!(!world.shop.passwords().iter().any(|made| made.password == former));

    // And so it does when a key takes its place.
    let former = password_of(keys(&world, "merchant-42").await);
    world.shop.switch(|s| s.permalinks = Permalinks::Pretty);
    world.connect("merchant-42").await;
    assert_eq!(keys(&world, "merchant-42").await["auth_method"], "basic");
    world.clock.advance(Duration::from_mins(3));
    sweep::sweep(&world.app).await.unwrap();
    assert!(!world.shop.passwords().iter().any(|made| made.password == former));
}

#[tokio::test]
async fn what_is_wrong_with_a_password_is_told_apart() {
    let (world, id) = connected().await;
    let id = id.parse().unwrap();
    let kept = world.shop.passwords();
    for pretty in [false, true] {
        for (change, reason) in [
            ((|world| world.shop.revoke_passwords()) as fn(&World), "key_rejected"),
            (|world| world.shop.switch(|s| s.passwords_off = true), "application_passwords_off"),
            (|world| world.shop.switch(|s| s.passwords_off_for = Some("admin")), "application_passwords_off"),
            (|world| world.shop.switch(|s| s.authorization_stripped = true), "header_stripped"),
            (|world| world.shop.demote("admin"), "role_lost"),
        ] {
            if pretty {
                world.shop.switch(|s| s.permalinks = Permalinks::Pretty);
            }
            change(&world);
            watch::check(&world.app, &id, &Actor::cli()).await.unwrap();
            let store = stores::find(&world.app, &id).await.unwrap().unwrap();
            let told = store.reason.map(Verdict::code);
            assert_eq!((store.status.as_str(), told), ("unauthorized", Some(reason)), "pretty: {pretty}");
            world.shop.switch(|s| *s = plain());
            world.shop.promote("admin", cartkey::demo::pretend_store::Role::Administrator);
            world.shop.put_back(&kept);
            watch::check(&world.app, &id, &Actor::cli()).await.unwrap();
            let store = stores::find(&world.app, &id).await.unwrap().unwrap();
            assert_eq!((store.status.as_str(), store.reason), ("connected", None), "after {reason}");
        }
    }
    world.shop.delete_user("admin");
    watch::check(&world.app, &id, &Actor::cli()).await.unwrap();
    let store = stores::find(&world.app, &id).await.unwrap().unwrap();
    assert_eq!(store.reason.map(Verdict::code), Some("user_gone"));
}

#[tokio::test]
async fn a_healthy_check_is_one_request() {
    let (world, id) = connected().await;
    world.shop.switch(|s| s.permalinks = Permalinks::Pretty);
    let id = id.parse().unwrap();
    watch::check(&world.app, &id, &Actor::cli()).await.unwrap();
    let since = world.shop.requests().len();
    let store = stores::find(&world.app, &id).await.unwrap().unwrap();
    world.clock.advance(store.check_at.since(world.clock.now()));
    watch::check_due(&world.app).await.unwrap();
    assert_eq!(world.shop.requests().len() - since, 1);
}

#[tokio::test]
async fn a_disconnect_deletes_the_password_at_the_store() {
    for change in [(|_| ()) as fn(&mut Switches), |s| s.delete_refused = true, |s| s.permalinks = Permalinks::Pretty] {
        let (world, id) = connected().await;
        world.shop.switch(change);
        let ended = world.trusted_service().await.delete(&format!("/stores/{id}")).await.ok();
        assert_eq!(ended["revoked"], true);
        assert!(ended["revoke_url"].as_str().unwrap().ends_with("/wp-admin/profile.php#application-passwords-section"));
        assert_eq!(world.shop.passwords(), []);
        let left =
            column(&world.app.db, "SELECT id FROM keys WHERE sealed IS NOT NULL OR revocation IS NOT NULL").await;
        assert_eq!(left.len(), 0);
        assert_eq!(column(&world.app.db, "SELECT kind FROM events WHERE kind = 'key.revoked'").await.len(), 1);
    }
}

#[tokio::test]
async fn a_disconnect_that_cannot_delete_it_says_so_and_keeps_trying() {
    let (world, id) = connected().await;
    world.shop.switch(|s| s.server_error = true);
    let mut ann = world.operator().await;
    let page = ann.get(&format!("/admin/stores/{id}/disconnect")).await;
    says(&page, "Cartkey deletes the application password at the store");
    let page = ann.submit(&page, "Disconnect shop.example", &[]).await;
    says(&page, "The store was disconnected, but has not deleted its application password yet.");
    says(&page, "Cartkey could not delete the application password at the store yet and keeps trying.");
    says(&page, "sealed, only to delete it at the store");
    assert_eq!(world.shop.passwords().len(), 1);
    let again = world.trusted_service().await.delete(&format!("/stores/{id}")).await.ok();
    assert_eq!(again["revoked"], false);
    assert_eq!(world.service("keys:read").await.get(&format!("/stores/{id}/keys")).await.status.as_u16(), 409);
    world.shop.switch(|s| s.server_error = false);
    world.clock.advance(Duration::from_mins(10));
    sweep::sweep(&world.app).await.unwrap();
    assert_eq!(world.shop.passwords(), []);
    says(&ann.get(&format!("/admin/stores/{id}")).await, "application password");
    let left = column(&world.app.db, "SELECT id FROM keys WHERE sealed IS NOT NULL OR revocation IS NOT NULL").await;
    assert_eq!(left.len(), 0);
}

#[tokio::test]
async fn the_application_confirms_a_password_too() {
    let world = allowing(plain()).await;
    let (mut browser, service) = (world.merchant(), world.trusted_service().await);
    let more = json!({"confirm": "app", "return_url": "https://app.example/done"});
    let (_, link) = world.link("merchant-42", more).await;
    let sent = offered(&world, &mut browser, &link).await;
    let back = browser.approve_password(sent).await;
    world.prove().await;
    let page = browser.get(back.url.as_str()).await;
    assert_eq!(column(&world.app.db, "SELECT id FROM stores").await.len(), 0);
    let go_on = page.link("Continue").unwrap();
    let there = browser.follow(&page, &go_on).await.url;
    let part = |wanted: &str| there.query_pairs().find(|(name, _)| name == wanted).unwrap().1.into_owned();
    let confirm = format!("/attempts/{}/confirm", part("attempt_id"));
    let store = service.post(&confirm, &json!({"code": part("code"), "user_id": "merchant-42"})).await.ok();
    assert_eq!((&store["status"], &store["scope"]), (&json!("connected"), &json!("owner")));
}

#[tokio::test]
async fn a_link_that_asks_to_read_says_that_more_was_given() {
    let world = allowing(plain()).await;
    let mut browser = world.merchant();
    let (_, link) = world.link("merchant-42", json!({"scope": "read"})).await;
    let sent = offered(&world, &mut browser, &link).await;
    browser.approve_password(sent).await;
    world.prove().await;
    let store = world.trusted_service().await.get("/stores").await.ok()["data"][0].clone();
    assert_eq!((&store["scope"], &store["reason"]), (&json!("owner"), &json!("scope_wider")));
}

#[tokio::test]
async fn an_export_of_it_can_be_imported_elsewhere() {
    let (world, _) = connected().await;
    let entry = export::begin(&world.app, &Actor::cli()).await.unwrap().next().await.unwrap().remove(0);
    let pair = entry.pair.unwrap();
    assert_eq!(entry.granted.as_str(), "owner");
    let (login, password) = (pair.consumer_key.expose(), pair.consumer_secret.expose());
    let file = format!(
        "user_id,store_url,consumer_key,consumer_secret,scope\nm-1,{SHOP},{login},{password},owner\n\
         m-2,{SHOP},{login},short,owner\nm-3,{SHOP},{login},AAAABBBBCCCCDDDDEEEEFFFF,owner\n"
    );
    let lines = File::open(file.as_bytes(), Scope::Read, Network::PrivateToo).unwrap();
    let (_stop, stopped) = watch_channel(false);
    let mut told = Vec::new();
    let tell = |number, _, news: &News| {
        if let News::Refused(faults) = news {
            told.push((number, faults.join("; ")));
        }
    };
    let pace = Pace { at_once: 1, every: Duration::ZERO, manner: Manner::Imported };
    import::run(&world.app, lines, pace, &Actor::cli(), stopped, tell).await.unwrap();
    let keys = keys(&world, "m-1").await;
    assert_eq!((&keys["password"], &keys["permissions"]), (&json!(password), &json!("owner")));
    told.sort();
    assert!(
        told[0].1.contains("not a user name and an application password") && told[1].1.contains("key_rejected"),
        "{told:?}"
    );
    let names = column(&world.app.db, "SELECT DISTINCT name FROM stores").await;
    assert_eq!(names, ["Cups & Plates"], "it is known like any other store");
}

#[tokio::test]
async fn a_service_that_may_only_call_the_store_gets_its_answers_and_never_the_password() {
    let (world, id) = connected().await;
    let service = world.service("proxy:read").await;
    for path in [format!("/stores/{id}"), "/users/merchant-42".to_owned()] {
        let url = format!("{KEYS}/api/v1{path}/wp-json/wc/v3/products");
        let bearer = HeaderValue::from_str(&format!("Bearer {}", service.token)).unwrap();
        let (headers, within) = (vec![(AUTHORIZATION, bearer)], Duration::from_secs(30));
        let call = Call { method: Method::GET, url: &url, headers, body: Vec::new(), within, at_most: 1 << 16 };
        let answer = world.client().send(call).await.unwrap();
        assert_eq!(answer.status.as_u16(), 200, "{path}");
        assert!(String::from_utf8_lossy(&answer.body).contains("Blue cup"));
    }
    assert_eq!(service.get("/users/merchant-42/keys").await.status.as_u16(), 403);
}
