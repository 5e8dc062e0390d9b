//! The one-tag button on another site's page, under that site's strict policy, and the whole round of an application.

use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use fantoccini::actions::{InputSource as _, KeyAction, KeyActions, MouseActions, PointerAction};
use fantoccini::key::Key;
use serde_json::{Value, json};

use crate::accessible::troubles_of;
use crate::axe;
use crate::chromium::{Browser, Manner};
use crate::sample_app::{APP, serve_at_app, start};
use crate::world::{KEYS, World};

/// The link inside the button, for a script of the test.
const INSIDE: &str = "const link = document.querySelector('cartkey-button').shadowRoot.querySelector('a');";

impl Browser {
    /// Signs in at the sample application and goes to the page with the button.
    async fn at_the_button(&self) {
        self.go(APP).await;
        self.write("name", "ann").await;
        self.press("Sign in").await;
        self.press("with Cartkey's own button").await;
        self.sees("One tag").await;
    }

    async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Puts a tag with these attributes on the page, and waits until its script has run.
    async fn puts_tag(&self, attributes: Value) {
        let script = format!(
            "const [attributes, done] = arguments; const tag = document.createElement('script');
             for (const [name, value] of Object.entries(attributes)) tag.setAttribute(name, value);
             tag.onload = () => done(true); tag.onerror = () => done(false);
             tag.src = '{KEYS}/button.js'; document.querySelector('main').append(tag);"
        );
        assert_eq!(self.client.execute_async(&script, vec![attributes]).await.unwrap(), json!(true));
    }

    /// Finishes at the store, and waits for the application to say that the store is connected.
    async fn connects(&self, world: &World) {
        self.sees("Connect your store").await;
        self.client.find(fantoccini::Locator::Id("store_url")).await.unwrap().send_keys("shop.example").await.unwrap();
        self.press("Connect store").await;
        self.log_in().await;
        self.press("Approve").await;
        self.sees("Connecting shop.example").await;
        world.prove().await;
        // The page notices, says who must confirm, and goes on by itself.
        self.sees("https://shop.example is connected").await;
        assert_eq!(self.url().await.origin().ascii_serialization(), APP);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_on_the_button_leads_to_a_connected_store() {
    let mut world = World::new().await;
    let _app = start(&mut world).await;
    let browser = Browser::open(&world, Manner::default()).await;
    browser.at_the_button().await;
    assert_eq!(browser.run(&format!("{INSIDE} return link.textContent")).await, "Connect store");
    assert_eq!(browser.console().await, Vec::<String>::new(), "the page's policy stops nothing of it");
    let middle = format!(
        "{INSIDE} const box = link.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]"
    );
    let middle = browser.run(&middle).await;
    let to = PointerAction::MoveTo {
        duration: Some(Duration::from_millis(1)),
        x: middle[0].as_f64().unwrap(),
        y: middle[1].as_f64().unwrap(),
    };
    let (down, up) = (PointerAction::Down { button: 0 }, PointerAction::Up { button: 0 });
    browser.client.perform_actions(MouseActions::new("mouse".to_owned()).then(to).then(down).then(up)).await.unwrap();
    browser.connects(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_button_is_a_link_for_the_keyboard_too_and_axe_finds_nothing() {
    let mut world = World::new().await;
    let _app = start(&mut world).await;
    let browser = Browser::open(&world, Manner::default()).await;
    browser.at_the_button().await;
    assert_eq!(troubles_of(&browser, &axe::source(), "button").await, Vec::<String>::new());
    let tab = |key: Key| {
        KeyActions::new("keys".to_owned())
            .then(KeyAction::Down { value: key.into() })
            .then(KeyAction::Up { value: key.into() })
    };
    browser.client.perform_actions(tab(Key::Tab)).await.unwrap();
    let focused = format!(
        "{INSIDE} const style = getComputedStyle(link);
        return [link.matches(':focus-visible'), style.outlineStyle, link.getBoundingClientRect().height >= 44]"
    );
    assert_eq!(
        browser.run(&focused).await,
        json!([true, "solid", true]),
        "its ring shows, and it is large enough for a finger"
    );
    browser.client.perform_actions(tab(Key::Enter)).await.unwrap();
    browser.connects(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_button_leads_to_connect_pages_of_this_cartkey_and_nowhere_else() {
    let mut world = World::new().await;
    let _app = start(&mut world).await;
    let browser = Browser::open(&world, Manner::default()).await;
    browser.at_the_button().await;
    let count = "return document.querySelectorAll('cartkey-button').length";
    for link in [
        "javascript:alert(1)",
        "https://evil.example/connect/x",
        "https://keys.example.evil.example/connect/x",
        "http://keys.example/connect/x",
        "//evil.example/connect/x",
        "https://keys.example@evil.example/connect/x",
        "https://keys.example/admin",
        "https://keys.example/connecting",
        "data:text/html,x",
        "/connect/x",
        "",
    ] {
        browser.puts_tag(json!({"data-link": link})).await;
        assert_eq!(browser.run(count).await, json!(1), "{link}");
    }
    browser.puts_tag(json!({})).await;
    assert_eq!(browser.run(count).await, json!(1), "without a link");
    let complaints = browser.console().await;
    assert_eq!(
        complaints.iter().filter(|line| line.contains("data-link must be an address of")).count(),
        12,
        "{complaints:?}"
    );
    // What can be chosen.
    let link = format!("{KEYS}/connect/x");
    for (more, label, lang, height) in [
        (json!({"data-lang": "de"}), "Shop verbinden", "de", 16),
        (json!({"data-lang": "xx"}), "Connect store", "en", 16),
        (json!({"data-label": "<b>Bind</b> my shop", "data-size": "large"}), "<b>Bind</b> my shop", "", 18),
        (json!({"data-size": "small"}), "Connect store", "en", 14),
    ] {
        let mut attributes = more;
        attributes["data-link"] = json!(link);
        browser.puts_tag(attributes.clone()).await;
        let shown = "const all = document.querySelectorAll('cartkey-button');
            const link = all[all.length - 1].shadowRoot.querySelector('a');
            return [link.textContent, link.lang, parseFloat(getComputedStyle(link).fontSize), link.href]";
        let href = if lang == "de" { format!("{link}?lang=de") } else { link.clone() };
        assert_eq!(browser.run(shown).await, json!([label, lang, height, href]), "{attributes}");
    }
}

/// examples/button.html as it stands, but for the two addresses that each application writes into it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_page_shows_its_three_buttons_under_its_own_policy() {
    let mut world = World::new().await;
    let (_, link) = world.link("ann", json!({})).await;
    let example = include_str!("../../examples/button.html");
    let page =
        example.replace("https://keys.example.com/connect/THE-LINK", &link).replace("https://keys.example.com", KEYS);
    let router = Router::new().route("/", get(async || Html(page)));
    let _app = serve_at_app(&mut world, router).await;
    let browser = Browser::open(&world, Manner::default()).await;
    browser.go(APP).await;
    let shown = "return [...document.querySelectorAll('cartkey-button')].map((button) => {
        const link = button.shadowRoot.querySelector('a');
        return [link.textContent, link.href, parseFloat(getComputedStyle(link).fontSize)];
    })";
    let french = format!("{link}?lang=fr");
    assert_eq!(
        browser.run(shown).await,
        json!([["Connect store", link, 16], ["Connect my shop", link, 18], ["Connecter la boutique", french, 14]])
    );
    assert_eq!(browser.console().await, Vec::<String>::new(), "its policy stops nothing of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_link_ends_at_the_application_with_nothing_connected() {
    let mut world = World::new().await;
    let _app = start(&mut world).await;
    let (mallory, ann) = (world.merchant(), Browser::open(&world, Manner::default()).await);
    let bait = mallory_makes_a_link(mallory).await;
    ann.at_the_button().await;
    ann.go(&bait).await;
    ann.sees("Connect your store").await;
    ann.client.find(fantoccini::Locator::Id("store_url")).await.unwrap().send_keys("shop.example").await.unwrap();
    ann.press("Connect store").await;
    ann.log_in().await;
    ann.press("Approve").await;
    ann.sees("Connecting shop.example").await;
    world.prove().await;
    ann.sees("This was not your link").await;
    assert_eq!(world.service("keys:read").await.get("/users/mallory/keys").await.status, 404);
}

async fn mallory_makes_a_link(mut mallory: crate::merchant::Merchant) -> String {
    let page = mallory.get(APP).await;
    let page = mallory.submit(&page, "Sign in", &[("name", "mallory")]).await;
    mallory.submit(&page, "Connect a store", &[]).await.url.into()
}
