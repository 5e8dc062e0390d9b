//! Begin: what merchants paste, and what they read if the store cannot be connected.

mod findings;
mod limits;

use cartkey::demo::pretend_store::Switches;
use serde_json::json;

use crate::callback::Callback;
use crate::merchant::{Merchant, Page};
use crate::world::{KEYS, OTHER, SHOP, World};

/// Types `address` on the open page and presses the button.
pub async fn type_address(browser: &mut Merchant, address: &str) -> Page {
    let page = browser.get(&format!("{KEYS}/connect")).await;
    browser.submit(&page, "Connect store", &[("store_url", address)]).await
}

/// Where the page sends the browser, without the query.
fn sent_to(page: &Page) -> String {
    let target = page.refresh().unwrap_or_else(|| panic!("{}", page.text()));
    target.split('?').next().unwrap().to_owned()
}

#[tokio::test]
async fn whatever_a_merchant_pastes_leads_to_the_approval_page_of_the_shop() {
    let world = World::with(&[], Switches { canonical_host: true, ..Switches::default() }).await;
    let mut browser = world.merchant();
    for pasted in [
        "shop.example",
        "  https://shop.example/  ",
        "www.shop.example/wp-admin/",
        "HTTP://Shop.Example/shop/?x",
        "//shop.example/product/cup/?utm_source=mail#reviews",
        "\"shop.example.\"",
        "https://shop.example/wp-admin/admin.php?page=wc-settings&tab=advanced",
        "<https://www.shop.example/checkout/>",
        "ｓｈｏｐ.example",
    ] {
        let page = type_address(&mut browser, pasted).await;
        assert_eq!(page.status, 200, "{pasted}: {}", page.text());
        assert_eq!(sent_to(&page), format!("{SHOP}/wc-auth/v1/authorize"), "{pasted}");
        assert!(page.text().contains("Taking you to shop.example"), "{pasted}: {}", page.text());
    }
}

#[tokio::test]
async fn what_is_nearly_the_address_leads_there_too() {
    let world = World::new().await;
    let mut browser = world.merchant();
    for pasted in [
        "https://https://shop.example",
        "https//shop.example",
        "htttp:\\\\shop.example",
        "(https://shop.example/).",
        "“shop.example”;",
        "\u{200b}shop.\u{ad}example\u{a0}",
    ] {
        let page = type_address(&mut browser, pasted).await;
        assert_eq!(sent_to(&page), format!("{SHOP}/wc-auth/v1/authorize"), "{pasted}");
    }
}

#[tokio::test]
async fn a_link_opens_with_whatever_got_stuck_to_its_end() {
    let world = World::new().await;
    let (_, link) = world.link("merchant-1", json!({})).await;
    let mut browser = world.merchant();
    let own = link.strip_prefix(KEYS).unwrap();
    for tail in ["?utm_source=mail", "/", ".", ",", ")", ").", "%20", "%0A", "%3E", "%E2%80%9D", "'", "/).", "/%20"] {
        let page = browser.get(&format!("{link}{tail}")).await;
        assert_eq!(page.status, 200, "{tail}: {}", page.text());
        assert_eq!(page.form("Connect store").unwrap().action.as_deref(), Some(own), "{tail}");
    }
    let page = browser.get(&format!("{link}).")).await;
    let sent = browser.submit(&page, "Connect store", &[]).await;
    assert_eq!(sent_to(&sent), format!("{SHOP}/wc-auth/v1/authorize"));
    let attempt = format!("{KEYS}/connect/attempts/{}", Callback::of(&sent).attempt);
    for url in [format!("{KEYS}/connect/"), format!("{KEYS}/connect)."), format!("{attempt}/"), format!("{attempt},")] {
        let page = browser.get(&url).await;
        assert_eq!(page.status, 200, "{url}: {}", page.text());
    }
    assert_eq!(browser.get(&format!("{KEYS}/connect/x/y")).await.status, 404);
}

/// Web views and older browsers send neither `Sec-Fetch-Site` nor an `Origin` that says anything.
#[tokio::test]
async fn a_browser_that_does_not_report_where_its_forms_come_from_connects_with_a_form_token() {
    for origin in [Some("null"), Some(""), None] {
        let world = World::new().await;
        let (_, link) = world.link("merchant-1", json!({})).await;
        let mut browser = world.merchant();
        browser.without("sec-fetch-site");
        match origin {
            Some(origin) => browser.header("origin", origin),
            None => browser.without("origin"),
        }
        let page = browser.get(&link).await;
        let without = browser.post_form(&link, &[("store_url", SHOP)]).await;
        assert_eq!(without.status, 403, "{}", without.text());
        let page = browser.submit(&page, "Connect store", &[("store_url", "hello world")]).await;
        assert!(page.text().contains("That is not a web address."), "{}", page.text());
        let sent = browser.submit(&page, "Connect store", &[("store_url", SHOP)]).await;
        let back = browser.approve_on(sent).await;
        world.prove().await;
        let page = browser.get(back.url.as_str()).await;
        assert!(page.text().contains("shop.example is connected"), "{}", page.text());
    }
}

#[tokio::test]
async fn a_shop_in_a_sub_directory_is_found_from_its_pages() {
    let world = World::at("https://shop.example/shop", &[], Switches::default()).await;
    let mut browser = world.merchant();
    for pasted in ["shop.example/shop", "shop.example/shop/wp-admin/", "https://shop.example/shop/product/cup/?x=1"] {
        let page = type_address(&mut browser, pasted).await;
        assert_eq!(sent_to(&page), "https://shop.example/shop/wc-auth/v1/authorize", "{pasted}");
        assert!(page.text().contains("Taking you to shop.example/shop"), "{}", page.text());
    }
    let page = type_address(&mut browser, "shop.example").await;
    assert!(page.text().contains("Is this the address of the store itself?"), "{}", page.text());
}

#[tokio::test]
async fn what_is_no_address_is_said_beside_the_field_and_nothing_is_asked() {
    let world = World::new().await;
    let mut browser = world.merchant();
    for (typed, says) in [
        ("", "Type the address of your store, for example shop.example.com."),
        ("hello world", "That is not a web address."),
        ("127.0.0.1", "instead of a numeric address"),
        ("0x7f.1", "instead of a numeric address"),
        ("localhost", "only works inside your own network"),
        ("shop.example:22", "Remove the number after the colon"),
        ("ftp://shop.example", "begins with https://"),
        ("me@shop.example", "Remove the part before the @ sign"),
    ] {
        let page = type_address(&mut browser, typed).await;
        assert!(page.text().contains(says), "{typed}: {}", page.text());
        let form = page.form("Connect store").expect("the form again");
        assert!(form.fields.contains(&("store_url".to_owned(), typed.to_owned())), "what was typed stays: {typed}");
    }
    assert!(world.shop.requests().is_empty(), "no store was asked");
}

/// Of the two forms, one has no certificate, or does not exist.
#[tokio::test]
async fn a_store_that_only_works_with_www_is_found_without_it() {
    let world = World::new().await;
    let mut browser = world.merchant();
    for typed in ["half.example", "nameless.example"] {
        world.shop.switch(|s| s.moved_to = Some(format!("https://www.{typed}")));
        let page = type_address(&mut browser, typed).await;
        assert_eq!(sent_to(&page), format!("https://www.{typed}/wc-auth/v1/authorize"), "{}", page.text());
    }
}

#[tokio::test]
async fn the_stores_own_address_is_adopted_and_shown() {
    let world = World::with(&[], Switches { canonical_host: true, ..Switches::default() }).await;
    let mut browser = world.merchant();
    let page = type_address(&mut browser, "www.shop.example").await;
    assert!(page.text().contains("Your store's main address is shop.example; we will use that."), "{}", page.text());

    world.shop.switch(|s| (s.canonical_host, s.moved_to) = (false, Some("https://moved.example".to_owned())));
    let page = type_address(&mut browser, "shop.example").await;
    assert!(page.text().contains("Your store's main address is moved.example; we will use that."), "{}", page.text());
    assert_eq!(sent_to(&page), "https://moved.example/wc-auth/v1/authorize");

    world.shop.switch(|s| s.notices = true);
    let page = type_address(&mut browser, "shop.example").await;
    assert!(page.text().contains("Your store's main address is moved.example; we will use that."), "{}", page.text());
    let form = page.form("Continue anyway").expect("a warning may be passed");
    assert!(form.fields.contains(&("store_url".to_owned(), "https://moved.example".to_owned())), "{:?}", form.fields);
}

#[tokio::test]
async fn a_link_names_the_account_and_fills_in_the_store() {
    let world = World::new().await;
    let (_, link) = world.link("merchant-1", json!({"account_label": "Tom & Sons <Ltd>", "scope": "read"})).await;
    let mut browser = world.merchant();
    let page = browser.get(&link).await;
    assert_eq!(page.status, 200);
    for words in ["Acme Shipping", "account Tom & Sons <Ltd>", "keys.example", "View orders and sales reports"] {
        assert!(page.text().contains(words), "{words}: {}", page.text());
    }
    let form = page.form("Connect store").unwrap();
    assert!(form.fields.contains(&("store_url".to_owned(), SHOP.to_owned())));
    assert!(world.shop.requests().is_empty(), "looking at a link asks nobody and begins nothing");
    // The merchant may have another shop than the application thinks.
    let page = browser.submit(&page, "Connect store", &[("store_url", "other.example")]).await;
    assert_eq!(sent_to(&page), format!("{OTHER}/wc-auth/v1/authorize"));
}

#[tokio::test]
async fn a_link_that_is_unknown_or_past_its_time_says_whom_to_ask() {
    let world = World::new().await;
    let (_, link) = world.link("merchant-1", json!({"expires_in": 60})).await;
    let mut browser = world.merchant();
    let open = browser.get(&link).await;
    world.clock.advance(std::time::Duration::from_mins(1));
    let expired = browser.get(&link).await;
    let posted = browser.submit(&open, "Connect store", &[]).await;
    let unknown = browser.get(&format!("{KEYS}/connect/{}", "A".repeat(43))).await;
    for page in [&expired, &posted, &unknown] {
        assert_eq!(page.status, 404, "{}", page.text());
        assert_eq!(page.title(), "This link no longer works · Acme Shipping");
        assert!(page.text().contains("Ask Acme Shipping, or whoever sent you the link, for a new one."));
        assert!(page.text().contains("rq_"), "{}", page.text());
    }
    assert!(world.shop.requests().is_empty());
}

#[tokio::test]
async fn a_link_for_one_store_takes_no_other() {
    let world = World::new().await;
    world.connect("merchant-1").await;
    let service = world.trusted_service().await;
    let keys = service.get("/users/merchant-1/keys").await.ok();
    let (id, link) = world.link("merchant-1", json!({"store_id": keys["store_id"]})).await;
    let mut browser = world.merchant();
    let page = browser.get(&link).await;
    assert!(page.text().contains("Reconnect your store"), "{}", page.text());
    assert!(!page.form("Connect store").unwrap().has("store_url"), "there is nothing to type");
    // A field that was added by hand changes nothing.
    let sent = browser.submit(&page, "Connect store", &[("store_url", OTHER)]).await;
    assert_eq!(sent_to(&sent), format!("{SHOP}/wc-auth/v1/authorize"));
    // The shop has moved: that is another store until a link without the restriction connects it.
    world.clock.advance(std::time::Duration::from_secs(5));
    world.shop.switch(|s| s.moved_to = Some("https://moved.example".to_owned()));
    let page = world.begin(&mut browser, &link).await;
    let says = "This link is for a store other than moved.example. Ask for a link that is not limited to one store.";
    assert!(page.text().contains(says), "{}", page.text());
    let attempt = &service.get(&format!("/links/{id}")).await.ok()["attempt"];
    assert_eq!((&attempt["status"], &attempt["reason"]), (&json!("failed"), &json!("wrong_store")));
}

#[tokio::test]
async fn the_open_page_is_a_setting_and_gives_each_merchant_an_own_user_id() {
    let world = World::new().await;
    let mut homes = Vec::new();
    for _ in 0..2 {
        let mut browser = world.merchant();
        let sent = type_address(&mut browser, "shop.example").await;
        browser.approve_on(sent).await;
        world.prove().await;
    }
    let service = world.service("stores:read").await;
    for store in service.get("/stores").await.ok()["data"].as_array().unwrap() {
        assert!(store["user_id"].as_str().unwrap().starts_with("open-"), "{store}");
        homes.push((store["user_id"].clone(), store["url"].clone()));
    }
    assert!(homes.len() == 2 && homes[0].0 != homes[1].0, "{homes:?}");

    let closed = World::with(&[("CARTKEY_OPEN_CONNECT", "false")], Switches::default()).await;
    let mut browser = closed.merchant();
    let page = browser.get(&format!("{KEYS}/connect")).await;
    assert_eq!(page.status, 404);
    assert!(page.text().contains("You need a link to connect a store here. Ask the operator of this service for one."));
    let page = browser.post_form(&format!("{KEYS}/connect"), &[("store_url", "shop.example")]).await;
    assert_eq!(page.status, 404);
    assert!(closed.shop.requests().is_empty());
    let (_, link) = closed.link("merchant-1", json!({})).await;
    let sent = closed.begin(&mut browser, &link).await;
    assert!(!Callback::of(&sent).state.is_empty(), "links work all the same");
}
