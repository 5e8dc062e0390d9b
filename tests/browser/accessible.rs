//! Every page for everybody: axe-core finds nothing on any of them, light and dark, at a desk and on a phone.

use std::path::Path;

use cartkey::domain::secret::Secret;
use cartkey::flow::operators;
use cartkey::vault::password::SecondFactor;
use fantoccini::Locator;
use serde_json::json;

use crate::axe;
use crate::chromium::{Browser, Manner};
use crate::operator::PASSWORD;
use crate::places::places;
use crate::world::{KEYS, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_nothing_on_any_page() {
    let axe = axe::source();
    let world = World::new().await;
    let browser = Browser::open(&world, Manner::default()).await;
    let mut troubles = Vec::new();
    for place in places(&world, &browser).await {
        browser.visit(&place).await;
        troubles.extend(troubles_of(&browser, &axe, &place.name).await);
    }
    assert!(troubles.is_empty(), "{}", troubles.join("\n"));
}

/// What is wrong with the page that is shown, light and dark, at a desk and on a phone. Keeps a picture of each in the folder
/// that `PICTURES` names, if it names one: `scripts/screenshots`.
pub async fn troubles_of(browser: &Browser, axe: &str, name: &str) -> Vec<String> {
    let mut troubles = Vec::new();
    for scheme in ["light", "dark"] {
        for (width, height) in [(1280, 900), (390, 844)] {
            browser.prefers(scheme).await;
            browser.is_sized(width, height).await;
            let found = browser.violations(axe).await;
            troubles.extend(found.into_iter().map(|found| format!("{name} ({scheme}, {width}): {found}")));
            let wide = "return document.documentElement.scrollWidth";
            let wide = browser.client.execute(wide, Vec::new()).await.unwrap();
            if wide.as_u64() > Some(width) {
                troubles.push(format!("{name} ({scheme}) is {wide} wide in a window of {width}"));
            }
            if let Some(folder) = std::env::var_os("PICTURES") {
                let png = browser.picture().await;
                let form = if width < 500 { "phone" } else { "desktop" };
                let called = name.replace(", ", "-").replace(' ', "-");
                std::fs::write(Path::new(&folder).join(format!("{called}-{form}-{scheme}.png")), png).unwrap();
            }
        }
    }
    browser.is_sized(1280, 900).await;
    troubles
}

/// Pages that answer a form cannot be opened by their address: what is shown once, and what was typed wrongly.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_nothing_on_pages_that_answer_a_form() {
    let axe = axe::source();
    let world = World::new().await;
    let browser = Browser::open(&world, Manner::default()).await;
    let mut troubles = Vec::new();
    let set_up = operators::setup_link(&world.app, KEYS).await.unwrap().expect("there is no operator yet");
    browser.go(set_up.expose()).await;
    troubles.extend(troubles_of(&browser, &axe, "set-up").await);
    for (field, text) in [("name", "ann"), ("password", "aaaaaaaaaaaa"), ("again", "aaaaaaaaaaaa")] {
        browser.write(field, text).await;
    }
    browser.press("Create operator and sign in").await;
    browser.reads("easy to guess").await;
    troubles.extend(troubles_of(&browser, &axe, "set-up, wrong").await);
    world.stranger("bob").await;
    browser.go(&format!("{KEYS}/admin/sign-in")).await;
    troubles.extend(troubles_of(&browser, &axe, "sign-in").await);
    browser.write("name", "bob").await;
    browser.write("password", "guess").await;
    browser.press("Sign in").await;
    browser.reads("The name or password is wrong.").await;
    troubles.extend(troubles_of(&browser, &axe, "sign-in, wrong").await);
    browser.sign_in("bob", PASSWORD).await;
    troubles.extend(troubles_of(&browser, &axe, "overview, nothing yet").await);
    browser.go(&format!("{KEYS}/admin/links/new")).await;
    browser.write("user_id", "merchant-42").await;
    browser.press("Create link").await;
    browser.sees("Link for merchant-42").await;
    troubles.extend(troubles_of(&browser, &axe, "link created").await);
    browser.go(&format!("{KEYS}/admin/links/new")).await;
    browser.write("user_id", "a b").await;
    browser.press("Create link").await;
    browser.reads("The link was not created.").await;
    troubles.extend(troubles_of(&browser, &axe, "link, wrong").await);
    browser.go(&format!("{KEYS}/admin/tokens/new")).await;
    browser.write("name", "Shipping").await;
    let tick = "document.querySelector('input[type=checkbox]').click()";
    browser.client.execute(tick, Vec::new()).await.unwrap();
    browser.press("Create token").await;
    browser.reads("I have copied it").await;
    troubles.extend(troubles_of(&browser, &axe, "token created").await);
    browser.go(&format!("{KEYS}/admin/webhooks/new")).await;
    troubles.extend(troubles_of(&browser, &axe, "webhook new, empty").await);
    browser.write("url", "https://unknown.example/hook").await;
    browser.press("Add webhook").await;
    browser.reads("This name does not exist.").await;
    troubles.extend(troubles_of(&browser, &axe, "webhook, wrong").await);
    browser.go(&format!("{KEYS}/admin/webhooks/new")).await;
    browser.write("url", "https://app.example/hook").await;
    browser.press("Add webhook").await;
    browser.reads("I have copied it").await;
    troubles.extend(troubles_of(&browser, &axe, "webhook secret").await);
    troubles.extend(second_factor(&world, &browser, &axe).await);
    assert!(troubles.is_empty(), "{}", troubles.join("\n"));
}

/// The recovery codes, and the question for a code.
async fn second_factor(world: &World, browser: &Browser, axe: &str) -> Vec<String> {
    browser.go(&format!("{KEYS}/admin/account/second-factor")).await;
    let letters = browser.client.find(Locator::Css("code.key")).await.unwrap().text().await.unwrap();
    let telephone = SecondFactor::of_letters(&Secret::new(letters), "", "").expect("a second factor");
    browser.write("code", &telephone.code(world.clock.now())).await;
    browser.write("password", PASSWORD).await;
    browser.press("Turn it on").await;
    browser.reads("Save your recovery codes").await;
    let mut troubles = troubles_of(browser, axe, "recovery codes").await;
    browser.press("Sign out").await;
    browser.write("name", "bob").await;
    browser.write("password", PASSWORD).await;
    browser.press("Sign in").await;
    browser.sees("Your second factor").await;
    troubles.extend(troubles_of(browser, axe, "code").await);
    troubles
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_would_find_something() {
    let axe = axe::source();
    let world = World::new().await;
    let browser = Browser::open(&world, Manner::default()).await;
    browser.go("https://keys.example/admin/sign-in").await;
    assert_eq!(browser.violations(&axe).await, Vec::<String>::new());
    let spoil = "document.querySelector('label').remove(); document.querySelector('h1').style.color = '#eee'";
    browser.client.execute(spoil, vec![json!(PASSWORD)]).await.unwrap();
    let found = browser.violations(&axe).await.join("\n");
    assert!(found.contains("label") && found.contains("color-contrast"), "{found}");
}
