//! Application passwords, for everybody: axe-core finds nothing on the pages that offer them, nor on how they end.

use std::time::Duration;

use serde_json::json;

use crate::accessible::troubles_of;
use crate::application_password::{OFFER, YES, until_asked, world};
use crate::axe;
use crate::chromium::{Browser, Manner};
use crate::operator::PASSWORD;
use crate::world::KEYS;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_nothing_where_a_merchant_approves_a_password() {
    let axe = axe::source();
    let world = world().await;
    let browser = Browser::open(&world, Manner::default()).await;
    let (_, link) = world.link("merchant-42", json!({"account_label": "Cups Ltd"})).await;
    browser.go(&link).await;
    browser.press("Connect store").await;
    browser.reads("plain_permalinks").await;
    let mut troubles = troubles_of(&browser, &axe, "connect, password offered").await;
    browser.press(OFFER).await;
    browser.sees(OFFER).await;
    troubles.extend(troubles_of(&browser, &axe, "password").await);
    let here = browser.url().await;
    browser.go(&format!("{here}?lang=de")).await;
    troubles.extend(troubles_of(&browser, &axe, "password, German").await);
    browser.go(&format!("{here}?lang=en")).await;
    world.shop.switch(|s| s.passwords_off = true);
    world.clock.advance(Duration::from_secs(1));
    browser.press("Continue to shop.example").await;
    browser.reads("application_passwords_off").await;
    troubles.extend(troubles_of(&browser, &axe, "password, switched off").await);
    world.shop.switch(|s| s.passwords_off = false);
    world.clock.advance(Duration::from_secs(1));
    browser.press("Check again").await;
    browser.sees("Log in").await;
    browser.go(&link).await;
    browser.sees("Waiting for shop.example").await;
    troubles.extend(troubles_of(&browser, &axe, "password, open").await);
    let ours = browser.url().await;
    browser.go(&format!("{ours}?go=1")).await;
    browser.sees("Log in").await;
    browser.write("log", "admin").await;
    browser.write("pwd", "demo").await;
    browser.press("Log In").await;
    browser.press("No, I do not approve of this connection").await;
    browser.sees("You did not approve").await;
    troubles.extend(troubles_of(&browser, &axe, "password, denied").await);
    world.clock.advance(Duration::from_secs(1));
    browser.press("Try again").await;
    browser.press("Continue to shop.example").await;
    browser.press(YES).await;
    browser.sees("Connecting shop.example").await;
    world.prove().await;
    browser.sees("shop.example is connected").await;
    troubles.extend(troubles_of(&browser, &axe, "password, connected").await);

    // The dashboard, and a disconnect that cannot delete it.
    world.stranger("ann").await;
    browser.sign_in("ann", PASSWORD).await;
    browser.go(&format!("{KEYS}/admin/settings")).await;
    troubles.extend(troubles_of(&browser, &axe, "settings, passwords").await);
    let id = crate::database::column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    browser.go(&format!("{KEYS}/admin/stores/{id}")).await;
    troubles.extend(troubles_of(&browser, &axe, "store, password").await);
    browser.go(&format!("{KEYS}/admin/stores/{id}/disconnect")).await;
    troubles.extend(troubles_of(&browser, &axe, "store, password, disconnect").await);
    world.shop.switch(|s| s.server_error = true);
    browser.press("Disconnect shop.example").await;
    browser.reads("Cartkey could not delete the application password").await;
    troubles.extend(troubles_of(&browser, &axe, "store, password, left").await);
    world.shop.switch(|s| s.server_error = false);

    // The approval of somebody else.
    let (_, link) = world.link("merchant-43", json!({})).await;
    world.clock.advance(Duration::from_secs(1));
    until_asked(&world, &browser, &link).await;
    browser.sees("An application would like to connect to your account.").await;
    let address = browser.url().await;
    let other = Browser::open(&world, Manner::default()).await;
    other.go(address.as_str()).await;
    other.write("log", "admin").await;
    other.write("pwd", "demo").await;
    other.press("Log In").await;
    other.press(YES).await;
    other.sees("This approval was started elsewhere").await;
    troubles.extend(troubles_of(&other, &axe, "password, elsewhere").await);
    assert!(troubles.is_empty(), "{}", troubles.join("\n"));
}
