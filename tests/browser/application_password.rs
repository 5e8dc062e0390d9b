//! Application passwords in Chromium: WordPress makes one by a script of its page, and the browser brings it back.

use std::time::Duration;

use cartkey::demo::pretend_store::{Permalinks, Switches};
use cartkey::domain::actor::Actor;
use cartkey::flow::connecting::application_password;
use serde_json::json;

use crate::chromium::{Browser, Manner};
use crate::world::World;

/// What a merchant opens and reads on the way.
pub const OFFER: &str = "Connect with an application password";
pub const YES: &str = "Yes, I approve of this connection";

/// A world whose operator allows them, with a shop on plain permalinks.
pub async fn world() -> World {
    let world = World::with(&[], Switches { permalinks: Permalinks::Plain, ..Switches::default() }).await;
    application_password::allow(&world.app, true, &Actor::cli()).await.unwrap();
    world
}

/// The password that a service gets.
async fn lent(world: &World) -> String {
    let keys = world.service("keys:read").await.get("/users/merchant-42/keys").await.ok();
    keys["password"].as_str().unwrap().to_owned()
}

/// Opens a link, is stopped, and goes on to the store's page, logging in if asked.
pub async fn until_asked(world: &World, browser: &Browser, link: &str) {
    browser.go(link).await;
    browser.press("Connect store").await;
    browser.press(OFFER).await;
    browser.sees(OFFER).await;
    // The next attempt is a newer one.
    world.clock.advance(Duration::from_secs(1));
    browser.press("Continue to shop.example").await;
}

async fn log_in(browser: &Browser) {
    browser.write("log", "admin").await;
    browser.write("pwd", "demo").await;
    browser.press("Log In").await;
    browser.sees("An application would like to connect to your account.").await;
}

/// Asserts that nothing of the password is in this page, its address, its referrer, or what it loaded.
async fn knows_nothing(browser: &Browser, passwords: &[String]) {
    let script = "return [location.href, document.referrer, document.documentElement.outerHTML, \
                  JSON.stringify(performance.getEntries().map(entry => entry.name))].join('\\n')";
    let all = browser.client.execute(script, Vec::new()).await.unwrap();
    let all = all.as_str().unwrap();
    for password in passwords {
        assert!(!all.contains(password.as_str()) && !all.contains(&password[..4]), "{all}");
    }
    assert!(!all.contains("password=") && !all.contains("user_login="), "{all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn approving_in_a_browser() {
    let world = world().await;
    let browser = Browser::open(&world, Manner::default()).await;
    let (_, link) = world.link("merchant-42", json!({})).await;
    until_asked(&world, &browser, &link).await;
    log_in(&browser).await;
    browser.reads("You will be sent to https://keys.example/connect/return/").await;

    // No: nothing is made, and the page leads on.
    browser.press("No, I do not approve of this connection").await;
    browser.sees("You did not approve").await;
    assert_eq!(world.shop.passwords(), []);
    world.clock.advance(Duration::from_secs(1));
    browser.press("Try again").await;
    browser.sees(OFFER).await;
    browser.press("Continue to shop.example").await;

    // Yes: the password is nowhere that a person or a server could find it.
    browser.press(YES).await;
    browser.sees("Connecting shop.example").await;
    let made = || world.shop.passwords().into_iter().map(|made| made.password).collect::<Vec<_>>();
    knows_nothing(&browser, &made()).await;
    assert_eq!(browser.url().await.query(), None);
    world.prove().await;
    browser.sees("shop.example is connected").await;
    knows_nothing(&browser, &made()).await;
    assert_eq!(vec![lent(&world).await], made());
    let ours = browser.url().await;

    // Back leads to the store, never to the address with the password.
    browser.client.back().await.unwrap();
    browser.sees("An application would like to connect to your account.").await;
    assert_eq!(browser.url().await.host_str(), Some("shop.example"));

    // Yes once more: another password, which is deleted, and nothing changes.
    browser.press(YES).await;
    browser.sees("shop.example is connected").await;
    assert_eq!((browser.url().await, made().len()), (ours, 2));
    knows_nothing(&browser, &made()).await;
    world.prove().await;
    assert_eq!(vec![lent(&world).await], made());

    // Another browser: the owner of the store gets the address of somebody else's approval.
    let (_, link) = world.link("merchant-43", json!({})).await;
    until_asked(&world, &browser, &link).await;
    browser.sees("An application would like to connect to your account.").await;
    let address = browser.url().await;
    let other = Browser::open(&world, Manner::default()).await;
    other.go(address.as_str()).await;
    log_in(&other).await;
    other.press(YES).await;
    other.sees("This approval was started elsewhere").await;
    other.reads("We deleted the new application password at shop.example.").await;
    knows_nothing(&other, &made()).await;
    assert_eq!(made().len(), 1, "that of merchant-42");
    world.prove().await;
    assert_eq!(world.stands(&link_id(&world).await).await.1, "approved_elsewhere");
}

/// The newest link's ID.
async fn link_id(world: &World) -> String {
    crate::database::column(&world.app.db, "SELECT id FROM links ORDER BY id DESC LIMIT 1").await.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn approving_without_scripts() {
    let world = world().await;
    let browser = Browser::open(&world, Manner { without_scripts: true, ..Manner::default() }).await;
    let (_, link) = world.link("merchant-42", json!({})).await;
    until_asked(&world, &browser, &link).await;
    log_in(&browser).await;
    browser.press(YES).await;
    browser.sees("Connecting shop.example").await;
    assert_eq!(browser.url().await.query(), None);
    world.prove().await;
    browser.sees("shop.example is connected").await;
}
