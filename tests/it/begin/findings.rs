//! The preflight's findings, as the merchant and the link's creator see them.

use std::time::Duration;

use cartkey::demo::pretend_store::{Firewall, Pace, Permalinks, Switches};
use serde_json::{Value, json};

use super::{sent_to, type_address};
use crate::merchant::Page;
use crate::world::{SHOP, World};

type Switch = fn(&mut Switches);

/// What prevents connecting: how the shop differs, the code, and the next step shown.
const STOPS: [(Switch, &str, &str); 7] = [
    (
        |s| s.permalinks = Permalinks::Plain,
        "plain_permalinks",
        "choose “Post name”, press “Save Changes”, then try again",
    ),
    (|s| s.permalinks = Permalinks::Index, "index_permalinks", "Ask your host to turn on URL rewriting"),
    (|s| s.woocommerce_off = true, "no_woocommerce", "Activate the WooCommerce plugin"),
    (|s| s.rules_stale = true, "permalinks_stale", "open Settings → Permalinks and press “Save Changes” once"),
    (|s| s.maintenance = true, "maintenance", "Try again when the store is open"),
    (|s| s.server_error = true, "server_error", "Try again in a few minutes"),
    // The shop names an address where something else answers.
    (|s| s.moved_to = Some("https://app.example".to_owned()), "approval_misdirected", "Check the WordPress Address"),
];

/// Failures that can only be on our side.
const WARNINGS: [(Switch, &str, &str); 13] = [
    (|s| s.firewall = Firewall::AwsWaf, "blocked_by_aws_waf", "Ask whoever runs the store's AWS account"),
    (|s| s.firewall = Firewall::Imperva, "blocked_by_imperva", "In Imperva, allow our address"),
    (|s| s.firewall = Firewall::BotCheck, "blocked_by_bot_check", "lets browsers pass, but not our server"),
    (|s| s.firewall = Firewall::Cloudflare, "blocked_by_cloudflare", "In Cloudflare, add a rule that skips /wp-json/"),
    (|s| s.firewall = Firewall::Sucuri, "blocked_by_sucuri", "In Sucuri, allow our address"),
    (|s| s.firewall = Firewall::SiteGroundCaptcha, "blocked_by_siteground", "Ask SiteGround's support"),
    (|s| s.firewall = Firewall::Wordfence, "blocked_by_wordfence", "In Wordfence, allow our address"),
    (|s| s.firewall = Firewall::Imunify360, "blocked_by_imunify360", "Ask your host to allow our address"),
    (
        |s| s.firewall = Firewall::ModSecurityUrlInParameter,
        "blocked_by_modsecurity",
        "Ask your host to exempt /wc-auth/",
    ),
    (|s| s.rest_closed = true, "rest_closed", "allow wc/v3 in your security plugin"),
    (|s| s.login_wall = true, "login_wall", "Turn off the password for /wp-json/ and /wc-auth/"),
    (|s| s.rate_limited = Some(30), "rate_limited", "Try again in a few minutes"),
    (|s| s.notices = true, "noisy_answer", "turn off the display of PHP errors"),
];

fn assert_stopped(page: &Page, code: &str, says: &str) {
    let text = page.text();
    assert!(text.contains("Your store cannot be connected yet"), "{code}: {text}");
    assert!(text.contains(says) && text.contains(&format!("For support: {code}")), "{code}: {text}");
    assert!(page.form("Check again").is_some() && page.form("Continue anyway").is_none(), "{code}: {text}");
    assert!(page.title().starts_with("Problem: "), "{}", page.title());
}

async fn newest_attempt(world: &World, link: &str) -> Value {
    world.service("links:write").await.get(&format!("/links/{link}")).await.ok()["attempt"].clone()
}

#[tokio::test]
async fn what_cannot_work_stops_with_the_next_step_until_it_is_mended() {
    let world = World::new().await;
    let mut browser = world.merchant();
    for (switch, code, says) in STOPS {
        world.clock.advance(Duration::from_mins(10));
        world.shop.switch(switch);
        let (id, link) = world.link("merchant-1", json!({})).await;
        let page = world.begin(&mut browser, &link).await;
        assert_stopped(&page, code, says);
        let attempt = newest_attempt(&world, &id).await;
        assert_eq!((&attempt["status"], &attempt["reason"]), (&json!("failed"), &json!(code)), "its maker sees why");
        let told = world.happened("attempt.failed").await.pop();
        assert_eq!(told, Some(format!("attempt.failed {code} merchant")));

        world.shop.switch(|s| *s = Switches::default());
        world.clock.advance(Duration::from_secs(5));
        let page = browser.submit(&page, "Check again", &[]).await;
        assert_eq!(sent_to(&page), format!("{SHOP}/wc-auth/v1/authorize"), "{code}");
        let attempt = newest_attempt(&world, &id).await;
        assert_eq!((&attempt["status"], &attempt["reason"]), (&json!("open"), &Value::Null), "{code}");
    }
}

#[tokio::test]
async fn what_only_we_may_suffer_from_warns_and_the_merchant_may_go_on() {
    let world = World::new().await;
    let mut browser = world.merchant();
    for (switch, code, says) in WARNINGS {
        world.clock.advance(Duration::from_mins(10));
        world.shop.switch(switch);
        let (id, link) = world.link("merchant-1", json!({})).await;
        let page = world.begin(&mut browser, &link).await;
        let text = page.text();
        assert!(
            text.contains("There may be a problem") && text.contains("Continue; you can come back here."),
            "{code}: {text}"
        );
        assert!(text.contains(says) && text.contains(&format!("For support: {code}")), "{code}: {text}");
        let attempt = newest_attempt(&world, &id).await;
        assert_eq!((&attempt["status"], &attempt["reason"]), (&json!("failed"), &json!(code)), "should they leave now");
        world.clock.advance(Duration::from_secs(5));
        let page = browser.submit(&page, "Continue anyway", &[]).await;
        assert_eq!(sent_to(&page), format!("{SHOP}/wc-auth/v1/authorize"), "{code}");
        assert_eq!(newest_attempt(&world, &id).await["status"], "open", "{code}");
        world.shop.switch(|s| *s = Switches::default());
    }
}

#[tokio::test]
async fn a_stop_cannot_be_passed_by_hand() {
    let world = World::with(&[], Switches { permalinks: Permalinks::Plain, ..Switches::default() }).await;
    let (_, link) = world.link("merchant-1", json!({})).await;
    let mut browser = world.merchant();
    let page = browser.post_form(&link, &[("store_url", SHOP), ("continue", "yes")]).await;
    assert_stopped(&page, "plain_permalinks", "choose “Post name”");
}

#[tokio::test]
async fn an_address_that_leads_nowhere_is_told_by_its_fault() {
    let world = World::new().await;
    let mut browser = world.merchant();
    for (typed, code, says) in [
        ("nowhere.example", "dns_failed", "We could not find nowhere.example. Check the spelling of the address."),
        ("mistrusted.example", "tls_failed", "The certificate of mistrusted.example cannot be trusted"),
        ("closed.example", "connect_failed", "Nothing answers at closed.example."),
        ("app.example", "no_wordpress", "We could not find WordPress at app.example."),
    ] {
        assert_stopped(&type_address(&mut browser, typed).await, code, says);
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_keeps_nobody_waiting() {
    let world = World::new().await;
    let hasty = world.also(|app| app.preflight_within = Duration::from_millis(400)).await;
    let mut browser = world.merchant();
    for (pace, stops) in [(Pace::Never, true), (Pace::Drip, true), (Pace::Endless, true)] {
        world.shop.switch(|s| s.pace = pace);
        let page = browser.post_form(&format!("{hasty}/connect"), &[("store_url", "shop.example")]).await;
        assert!(page.text().contains("did not answer in time") || pace == Pace::Endless, "{pace:?}: {}", page.text());
        assert_eq!(page.form("Continue anyway").is_none(), stops, "{pace:?}: {}", page.text());
    }
}

/// The guard of the real client, not of the stories' client, which may reach loopback.
#[tokio::test]
async fn a_name_that_leads_into_a_private_network_is_stopped_and_never_asked() {
    let world = World::new().await;
    let guarded = world.guarded_client();
    let strict = world.also(|app| app.woo = guarded).await;
    let mut browser = world.merchant();
    let page = browser.post_form(&format!("{strict}/connect"), &[("store_url", "shop.example")]).await;
    assert_stopped(&page, "private_address", "Type the address that your customers use.");
    assert!(world.shop.requests().is_empty());
}

#[tokio::test]
async fn stores_are_told_honestly_who_asks() {
    let world = World::new().await;
    type_address(&mut world.merchant(), "shop.example").await;
    let asked = world.shop.requests();
    assert!(!asked.is_empty());
    let honest = format!("Cartkey/{} (+https://keys.example)", env!("CARGO_PKG_VERSION"));
    for request in asked {
        assert_eq!(request.header("user-agent"), Some(honest.as_str()), "{}", request.target);
    }
}
