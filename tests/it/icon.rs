//! The store's icon on the pages of an attempt: what is shown, to whom, and how little a stranger can make us ask for.

use std::time::Duration;

use cartkey::demo::pretend_store::{Pace, PretendStore, SiteIcon, Switches};
use cartkey::domain::{Entropy, LinkId, Network, StoreUrl};
use cartkey::live::preflights::{Limits, Preflights, Whose};
use serde_json::json;

use crate::binary::ask;
use crate::merchant::{Merchant, Page, html};
use crate::world::{BEGINNING, OTHER, World};

const PATH: &str = "/wp-content/uploads/icon.png";

/// A merchant who has just begun, and the page that sends them on.
async fn begun(world: &World) -> (Merchant, Page) {
    let mut browser = world.merchant();
    let (_, link) = world.link("merchant-42", json!({})).await;
    let page = world.begin(&mut browser, &link).await;
    (browser, page)
}

/// What the page's script loads in place of the letter.
fn icon_of(page: &Page) -> Option<String> {
    let tiles = html::elements(&page.body, "span");
    tiles.iter().find_map(|tile| tile.attribute("data-icon")).map(str::to_owned)
}

async fn load(browser: &mut Merchant, page: &Page) -> Page {
    browser.follow(page, &icon_of(page).expect("the store has an icon")).await
}

/// How often the store was asked for its icon.
fn asked(store: &PretendStore) -> usize {
    store.count(|request| request.target == PATH)
}

/// The same browser at another address of Cartkey.
fn same_at(world: &World, browser: &Merchant, page: &Page, base: &str) -> (Merchant, String) {
    let mut same = world.merchant();
    let cookie = browser.cookie("keys.example", "__Host-cartkey").expect("the browser began");
    same.header("cookie", &format!("__Host-cartkey={cookie}"));
    (same, format!("{base}{}", icon_of(page).expect("the store has an icon")))
}

#[tokio::test]
async fn the_merchant_sees_the_stores_icon_beside_its_name_until_it_is_connected() {
    let world = World::new().await;
    let (mut browser, sent) = begun(&world).await;
    let icon = load(&mut browser, &sent).await;
    let png = include_bytes!("../../src/demo/pretend_store/icon.png");
    assert_eq!((icon.status, icon.body.as_str()), (200, &*String::from_utf8_lossy(png)));
    for (name, value) in [
        ("content-type", "image/png"),
        ("cache-control", "private, max-age=3600"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(icon.headers[name], value);
    }
    let request = world.shop.requests().into_iter().find(|request| request.target == PATH).unwrap();
    for secret in ["cookie", "authorization", "referer"] {
        assert_eq!(request.header(secret), None, "it is asked for as by anybody");
    }
    let waiting = browser.approve_on(sent).await;
    world.prove().await;
    let connected = browser.get(waiting.url.as_str()).await;
    for page in [&waiting, &connected] {
        assert_eq!(load(&mut browser, page).await.status, 200, "{}", page.text());
    }
    assert_eq!(asked(&world.shop), 1, "it is fetched once");
    // Another browser sees neither the page nor the icon, and a guess is no attempt.
    let mut other = world.merchant();
    assert_eq!(load(&mut other, &connected).await.status, 404);
    assert_eq!(browser.get("https://keys.example/connect/attempts/guess/icon").await.status, 404);
}

#[tokio::test]
async fn a_store_without_an_icon_keeps_its_letter() {
    let world = World::with(&[], Switches { icon: SiteIcon::None, ..Switches::default() }).await;
    for address in ["", "data:image/png;base64,iVBORw0KGgo=", "javascript:alert(1)", "https://me:pw@shop.example/i.png"]
    {
        world.shop.switch(|s| s.icon = SiteIcon::At(address));
        let (mut browser, page) = begun(&world).await;
        assert_eq!(icon_of(&page), None, "{address}");
        assert_eq!(browser.get(&format!("https://keys.example{}/icon", page.url.path())).await.status, 204);
    }
    assert_eq!(asked(&world.shop), 0);
}

#[tokio::test]
async fn what_is_no_image_is_not_shown_and_not_asked_for_again() {
    let world = World::new().await;
    for icon in [
        SiteIcon::Page,
        SiteIcon::Svg,
        SiteIcon::Padded(300_000),
        SiteIcon::RedirectsTo("https://other.example/wp-content/uploads/icon.png"),
        SiteIcon::RedirectsTo("http://127.0.0.1/"),
        SiteIcon::At("https://shop.example/nothing.png"),
        SiteIcon::At("https://nowhere.example/icon.png"),
        SiteIcon::At("https://closed.example/icon.png"),
    ] {
        world.shop.switch(|s| s.icon = icon);
        let (mut browser, page) = begun(&world).await;
        let before = world.shop.requests().len();
        for _ in 0..2 {
            let answer = load(&mut browser, &page).await;
            assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{icon:?}");
            assert_eq!(answer.headers["cache-control"], "no-store");
        }
        assert!(world.shop.requests().len() <= before + 1, "{icon:?}");
    }
    assert_eq!(asked(&world.other), 0, "redirects are not followed");
}

#[tokio::test]
async fn an_icon_may_be_relative_on_another_host_or_reported_without_https() {
    let world = World::new().await;
    for address in
        [PATH, "//shop.example/wp-content/uploads/icon.png", "http://shop.example/wp-content/uploads/icon.png"]
    {
        world.shop.switch(|s| s.icon = SiteIcon::At(address));
        let (mut browser, page) = begun(&world).await;
        assert_eq!(load(&mut browser, &page).await.status, 200, "{address}");
    }
    assert_eq!(asked(&world.shop), 3);
    world.shop.switch(|s| s.icon = SiteIcon::At("https://other.example/wp-content/uploads/icon.png"));
    let (mut browser, page) = begun(&world).await;
    assert_eq!(load(&mut browser, &page).await.status, 200);
    assert_eq!((asked(&world.shop), asked(&world.other)), (3, 1));
}

#[tokio::test]
async fn many_who_ask_at_once_or_go_away_make_one_request() {
    let world = World::new().await;
    let (browser, page) = begun(&world).await;
    let slow = world.also(|_| ()).await;
    world.shop.switch(|s| s.pace = Pace::WhenReleased);
    let arrived = async {
        while asked(&world.shop) == 0 {
            tokio::task::yield_now().await;
        }
    };
    let (mut gone, url) = same_at(&world, &browser, &page, &slow);
    tokio::select! {
        answer = gone.get(&url) => panic!("answered {}", answer.status),
        () = arrived => {}
    }
    let ((mut first, _), (mut second, _)) =
        (same_at(&world, &browser, &page, &slow), same_at(&world, &browser, &page, &slow));
    let (first, second, ()) = tokio::join!(first.get(&url), second.get(&url), async { world.shop.release() });
    assert_eq!((first.status, second.status, asked(&world.shop)), (200, 200, 1));
}

#[tokio::test]
async fn a_store_that_hangs_on_its_icon_holds_up_no_page() {
    let world = World::with(&[], Switches { icon: SiteIcon::Hangs, ..Switches::default() }).await;
    let hasty = world.also(|app| app.preflight_within = Duration::from_millis(200)).await;
    let (mut browser, sent) = begun(&world).await;
    let (mut same, url) = same_at(&world, &browser, &sent, &hasty);
    assert_eq!((same.get(&url).await.status, same.get(&url).await.status, asked(&world.shop)), (204, 204, 1));
    let back = browser.approve_on(sent).await;
    assert!(back.text().contains("Connecting shop.example"), "{}", back.text());
}

#[tokio::test]
async fn link_checkers_and_late_visitors_make_no_request() {
    let world = World::new().await;
    let (mut browser, page) = begun(&world).await;
    let url = format!("https://keys.example{}", icon_of(&page).unwrap());
    let (status, _) = ask(&world.client(), "HEAD".parse().unwrap(), &url, &[], "").await.unwrap();
    assert_eq!(status, 200);
    let mut early = browser.another();
    early.header("sec-purpose", "prefetch");
    assert_eq!(load(&mut early, &page).await.status, 503);
    world.clock.advance(Duration::from_mins(61));
    assert_eq!(load(&mut browser, &page).await.status, 204, "too late to begin with it");
    assert_eq!(asked(&world.shop), 0);
}

#[tokio::test]
async fn an_icon_takes_a_place_of_the_preflights_and_passes_the_guard() {
    let world = World::new().await;
    let (mut browser, page) = begun(&world).await;
    let places = Preflights::of(Limits { links: 1, ..Limits::default() });
    let (link, user) = (LinkId::mint(BEGINNING, &Entropy::seeded(1)), "merchant-1".parse().unwrap());
    let elsewhere = StoreUrl::parse(OTHER, Network::Public).unwrap();
    let held = places.take(Whose::Link(&link, &user), &elsewhere).await;
    let full = world.also(|app| (app.preflights, app.preflight_within) = (places, Duration::from_millis(50))).await;
    let (mut same, url) = same_at(&world, &browser, &page, &full);
    assert_eq!((same.get(&url).await.status, asked(&world.shop)), (204, 0), "no place is free");
    drop(held);
    assert_eq!((load(&mut browser, &page).await.status, asked(&world.shop)), (200, 1), "later, one is");
    // The guard of the real client: the name leads to loopback.
    let guarded = world.guarded_client();
    let strict = world.also(|app| app.woo = guarded).await;
    let (browser, page) = begun(&world).await;
    let (mut same, url) = same_at(&world, &browser, &page, &strict);
    assert_eq!((same.get(&url).await.status, asked(&world.shop)), (204, 1));
}
