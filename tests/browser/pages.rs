//! What merchants do, and what they see.

use std::time::Duration;

use cartkey::demo::pretend_store::SiteIcon;
use fantoccini::Locator;
use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::key::Key;
use serde_json::json;

use crate::chromium::{Browser, Manner};
use crate::world::{SHOP, World};

/// From the link to the store's question; our pages on the way are in order.
pub async fn until_asked(world: &World, browser: &Browser, link: &str) {
    browser.go(link).await;
    browser.sees("Connect your store").await;
    browser.press("Connect store").await;
    browser.sees("Application authentication request").await;
    browser.log_in().await;
    browser.sees("Acme Shipping would like to connect to your store").await;
    assert!(browser.text().await.contains("share credentials with keys.example"));
    assert!(world.shop.keys().is_empty(), "nothing was made yet");
}

/// The status of a service that asks for merchant-42's keys, and the consumer key.
pub async fn lent(world: &World) -> (u16, String) {
    let answer = world.service("keys:read").await.get("/users/merchant-42/keys").await;
    (answer.status.as_u16(), answer.json["consumer_key"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merchant_connects_and_a_service_fetches_the_keys() {
    let world = World::new().await;
    let browser = Browser::open(&world, Manner::default()).await;
    let (_, link) = world.link("merchant-42", json!({"account_label": "Cups Ltd"})).await;
    browser.go(&link).await;
    browser.sees("Connect your store").await;
    browser.is_in_order().await;
    browser.press("Connect store").await;
    // The page that sends on goes by itself; its script waits long enough for a person to read where to.
    browser.sees("Taking you to shop.example").await;
    browser.is_in_order().await;
    browser.sees("Application authentication request").await;
    assert_eq!(browser.url().await.origin().ascii_serialization(), SHOP, "form-action let it go on");
    browser.log_in().await;
    browser.press("Approve").await;
    browser.sees("Connecting shop.example").await;
    assert_eq!(browser.url().await.query(), None, "the state does not stay in the address bar");
    world.prove().await;
    // Nobody reloads: the page notices by itself.
    browser.sees("shop.example is connected").await;
    assert!(browser.text().await.contains("Cups Ltd"));
    browser.is_in_order().await;
    assert_eq!(lent(&world).await, (200, world.shop.keys()[0].consumer_key.clone()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deny_ends_on_a_page_that_says_so_and_nothing_is_lent() {
    let world = World::new().await;
    let browser = Browser::open(&world, Manner::default()).await;
    let (_, link) = world.link("merchant-42", json!({})).await;
    until_asked(&world, &browser, &link).await;
    browser.press("Deny").await;
    browser.sees("You pressed Deny").await;
    browser.is_in_order().await;
    assert_eq!(lent(&world).await.0, 404);
    browser.press("Try again").await;
    browser.sees("Connect your store").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_return_in_another_browser_waits_for_the_first() {
    let world = World::new().await;
    let (first, second) =
        (Browser::open(&world, Manner::default()).await, Browser::open(&world, Manner::default()).await);
    let (_, link) = world.link("merchant-42", json!({})).await;
    first.go(&link).await;
    first.press("Connect store").await;
    first.sees("Application authentication request").await;
    // The store's address is carried over to another device, and approved there.
    second.go(first.url().await.as_str()).await;
    second.log_in().await;
    second.press("Approve").await;
    second.sees("This approval was started elsewhere").await;
    second.is_in_order().await;
    world.pass(Duration::from_secs(80)).await;
    assert_eq!(lent(&world).await.0, 404, "a proven key that nobody confirmed is not lent");

    let back = format!("https://keys.example/connect/attempts/{}", attempt_of(&second).await);
    second.go(&back).await;
    second.sees("Not found").await;
    first.go(&back).await;
    first.sees("Did you approve this?").await;
    first.is_in_order().await;
    first.press("Yes, connect it").await;
    first.sees("shop.example is connected").await;
    assert_eq!(lent(&world).await, (200, world.shop.keys()[0].consumer_key.clone()));
}

/// The id in the address of the return.
async fn attempt_of(browser: &Browser) -> String {
    let url = browser.url().await;
    url.path().strip_prefix("/connect/return/").expect("on the return's page").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_flow_works_without_scripts() {
    let world = World::new().await;
    let browser = Browser::open(&world, Manner { without_scripts: true, ..Manner::default() }).await;
    let (_, link) = world.link("merchant-42", json!({})).await;
    until_asked(&world, &browser, &link).await;
    browser.press("Approve").await;
    browser.sees("Connecting shop.example").await;
    world.prove().await;
    browser.sees("shop.example is connected").await;
    let blocked = browser.console().await;
    assert!(blocked.iter().all(|line| !line.contains("Content Security Policy")), "{blocked:?}");
    assert_eq!(lent(&world).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_flow_needs_no_mouse() {
    let world = World::new().await;
    let browser = Browser::open(&world, Manner::default()).await;
    let (_, link) = world.link("merchant-42", json!({})).await;
    browser.go(&link).await;
    browser.sees("Connect your store").await;
    tab_to(&browser, "Connect store").await;
    keys(&browser, &[Key::Enter.into()]).await;
    browser.sees("Application authentication request").await;
    let form: Vec<char> = "\u{e004}admin\u{e004}demo\u{e007}".chars().collect();
    tab_to(&browser, "cancel and return to Acme Shipping").await;
    keys(&browser, &form).await;
    browser.sees("Acme Shipping would like to connect to your store").await;
    tab_to(&browser, "Approve").await;
    keys(&browser, &[Key::Enter.into()]).await;
    browser.sees("Connecting shop.example").await;
    world.prove().await;
    browser.sees("shop.example is connected").await;
}

/// How somebody works at a page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Hands {
    /// Points and presses.
    Mouse,
    /// Has no mouse: everything is reached with Tab.
    Keyboard,
}

impl Hands {
    /// Presses the button or link with these words.
    pub async fn operate(self, browser: &Browser, words: &str) {
        match self {
            Self::Mouse => browser.press(words).await,
            Self::Keyboard => {
                tab_to(browser, words).await;
                keys(browser, &[Key::Enter.into()]).await;
            }
        }
    }

    /// Writes into the field of this name.
    pub async fn fill(self, browser: &Browser, field: &str, text: &str) {
        if self == Self::Mouse {
            return browser.write(field, text).await;
        }
        for _ in 0..STOPS {
            let focused = browser.client.active_element().await.unwrap();
            if focused.attr("name").await.unwrap().as_deref() == Some(field) {
                let typed: Vec<char> = text.chars().collect();
                return keys(browser, &typed).await;
            }
            keys(browser, &[Key::Tab.into()]).await;
        }
        panic!("Tab never comes to the field {field:?}");
    }
}

/// How often somebody presses Tab before they give up.
const STOPS: usize = 60;

/// Presses Tab until what is in focus has these words, as somebody who watches the focus does; it must be to be seen.
async fn tab_to(browser: &Browser, words: &str) {
    for _ in 0..STOPS {
        keys(browser, &[Key::Tab.into()]).await;
        let focused = browser.client.active_element().await.unwrap();
        if focused.text().await.unwrap().trim() == words {
            let outline = focused.css_value("outline-style").await.unwrap();
            assert_ne!(outline, "none", "{words:?} in focus looks like any other");
            return;
        }
    }
    panic!("Tab never comes to {words:?}");
}

async fn keys(browser: &Browser, keys: &[char]) {
    let strokes = keys.iter().fold(KeyActions::new("keyboard".to_owned()), |strokes, key| {
        strokes.then(KeyAction::Down { value: *key }).then(KeyAction::Up { value: *key })
    });
    browser.client.perform_actions(strokes).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_fits_a_phone() {
    let world = World::new().await;
    let browser = Browser::open(&world, Manner { phone: true, ..Manner::default() }).await;
    let label = "Donaudampfschifffahrtsgesellschaftskapitaenswitwenverein-Versand-Gmb-H & Co.";
    let (_, link) = world.link("merchant-42", json!({"account_label": label})).await;
    browser.go(&link).await;
    browser.sees("Connect your store").await;
    browser.is_in_order().await;
    browser.press("Connect store").await;
    browser.sees("Taking you to shop.example").await;
    browser.is_in_order().await;
    browser.sees("Application authentication request").await;
    browser.is_in_order().await;
    browser.log_in().await;
    browser.sees("Acme Shipping would like to connect to your store").await;
    browser.is_in_order().await;
    browser.press("Approve").await;
    browser.sees("Connecting shop.example").await;
    browser.is_in_order().await;
    world.prove().await;
    browser.sees("shop.example is connected").await;
    browser.is_in_order().await;
    browser.go("https://keys.example/connect/no-such-link").await;
    browser.sees("This link no longer works").await;
    // The console names a page that was not found; that is its whole complaint.
    assert!(browser.console().await.iter().all(|line| line.contains("404")));
}

/// The attempt that was begun last, on its own page.
async fn open_newest_attempt(world: &World, browser: &Browser, link: &str) {
    browser.go(link).await;
    browser.press("Connect store").await;
    browser.sees("Taking you to shop.example").await;
    let attempts = crate::database::column(&world.app.db, "SELECT id FROM attempts ORDER BY id").await;
    browser.go(&format!("https://keys.example/connect/attempts/{}", attempts.last().expect("an attempt"))).await;
    browser.sees("Waiting for shop.example").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stores_icon_takes_the_place_of_its_letter_and_what_is_no_image_leaves_it() {
    let world = World::new().await;
    let browser = Browser::open(&world, Manner::default()).await;
    let (_, link) = world.link("merchant-42", json!({})).await;
    open_newest_attempt(&world, &browser, &link).await;
    let icon = browser.client.wait().for_element(Locator::Css(".tile.store.pictured img")).await.expect("the icon");
    let width = "return document.querySelector('.tile.store img').naturalWidth";
    assert_eq!(browser.client.execute(width, Vec::new()).await.unwrap(), 128);
    let (_, _, width, height) = icon.rectangle().await.unwrap();
    assert_eq!((width.round(), height.round()), (32.0, 32.0), "as large as the letter's tile");
    browser.is_in_order().await;
    world.clock.advance(Duration::from_secs(1));
    world.shop.switch(|shop| shop.icon = SiteIcon::Svg);
    let (_, link) = world.link("merchant-43", json!({})).await;
    open_newest_attempt(&world, &browser, &link).await;
    let is_asked = "return performance.getEntriesByType('resource').some((entry) => entry.name.endsWith('/icon'))";
    while browser.client.execute(is_asked, Vec::new()).await.unwrap() != true {}
    let letter = browser.client.find(Locator::Css(".tile.store")).await.unwrap();
    assert_eq!(letter.text().await.unwrap(), "C");
    browser.is_in_order().await;
}
