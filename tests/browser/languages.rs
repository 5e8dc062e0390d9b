//! The merchant's pages in each language, under a brand: for everybody, and within a phone.

use cartkey::domain::actor::Actor;
use cartkey::domain::brand::Logo;
use cartkey::domain::language::Language;
use cartkey::flow::connecting::brand::{self, Chosen};
use serde_json::json;

use crate::axe;
use crate::chromium::{Browser, Manner};
use crate::world::{KEYS, World};

/// A brand of which everything is set, in a colour that is hard to read.
async fn dress(world: &World) {
    let chosen = Chosen {
        app_name: Some("Donaudampfschifffahrts & Söhne".parse().unwrap()),
        accent: Some("#ffe34d".parse().unwrap()),
        help: Some("https://help.example/".parse().unwrap()),
    };
    brand::choose(&world.app, chosen, &Actor::cli()).await.unwrap();
    let logo = Logo::read(b"\x89PNG\r\n\x1a\n no picture, but its place is there".to_vec()).unwrap();
    brand::set_logo(&world.app, Some(logo), &Actor::cli()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_nothing_in_any_language() {
    let axe = axe::source();
    let world = World::new().await;
    dress(&world).await;
    let browser = Browser::open(&world, Manner::default()).await;
    let (_, link) = world.link("merchant-42", json!({"account_label": "Cups Ltd"})).await;
    browser.go(&link).await;
    browser.press("Connect store").await;
    browser.sees("Application authentication request").await;
    browser.log_in().await;
    browser.press("Approve").await;
    browser.sees("Connecting shop.example").await;
    let attempt = browser.url().await.to_string();
    world.prove().await;
    browser.sees("shop.example is connected").await;
    let (open, gone) = (format!("{KEYS}/connect"), format!("{KEYS}/connect/gone"));
    let mut troubles = Vec::new();
    for language in Language::ALL {
        for address in [&open, &link, &attempt, &gone] {
            let address = format!("{address}?lang={}", language.code());
            for (scheme, width) in [("light", 1280), ("dark", 390), ("light", 390)] {
                browser.prefers(scheme).await;
                browser.is_sized(width, 844).await;
                browser.go(&address).await;
                let found = browser.violations(&axe).await;
                troubles.extend(found.into_iter().map(|found| format!("{address} ({scheme}, {width}): {found}")));
                let wide =
                    browser.client.execute("return document.documentElement.scrollWidth", Vec::new()).await.unwrap();
                if wide.as_u64() > Some(width) {
                    troubles.push(format!("{address} is {wide} wide in a window of {width}"));
                }
            }
        }
    }
    assert!(troubles.is_empty(), "{}", troubles.join("\n"));
}
