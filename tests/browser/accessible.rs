//! Every page for everybody: axe-core finds nothing on any of them, light and dark, at a desk and on a phone.

use serde_json::json;

use crate::axe;
use crate::chromium::{Browser, Manner};
use crate::operator::PASSWORD;
use crate::places::places;
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_nothing_on_any_page() {
    let axe = axe::source();
    let world = World::new().await;
    let browser = Browser::open(&world, Manner::default()).await;
    let mut troubles = Vec::new();
    for place in places(&world, &browser).await {
        let address = &place.address;
        for scheme in ["light", "dark"] {
            for (width, height) in [(1280, 900), (390, 844)] {
                browser.prefers(scheme).await;
                browser.is_sized(width, height).await;
                browser.visit(&place).await;
                let found = browser.violations(&axe).await;
                troubles.extend(found.into_iter().map(|found| format!("{address} ({scheme}, {width}): {found}")));
                let wide =
                    browser.client.execute("return document.documentElement.scrollWidth", Vec::new()).await.unwrap();
                if wide.as_u64() > Some(width) {
                    troubles.push(format!("{address} ({scheme}) is {wide} wide in a window of {width}"));
                }
            }
        }
    }
    assert!(troubles.is_empty(), "{}", troubles.join("\n"));
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
