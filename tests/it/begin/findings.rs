//! The preflight's findings, as the merchant and the link's creator see them.

use std::time::Duration;

use cartkey::demo::pretend_store::{Firewall, Namespaces, Pace, Permalinks, Switches};
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
const WARNINGS: [(Switch, &str, &str); 22] = [
    (
        |s| s.refused_by = Some((401, "itsec_rest_api_access_restricted", "x")),
        "blocked_by_solid_security",
        "set REST API to “Default Access”",
    ),
    (
        |s| s.refused_by = Some((500, "wp_die", "You are not authorized to perform this action.")),
        "blocked_by_all_in_one_security",
        "turn off “Disallow unauthorized REST requests”",
    ),
    (
        |s| s.refused_by = Some((401, "rest_cannot_access", "DRA: Only authenticated users can access the REST API.")),
        "blocked_by_disable_rest_api",
        "open Settings → Disable REST API",
    ),
    (|s| s.refused_by = Some((403, "birim_rest_lock", "x")), "blocked_by_birim_rest_lock", "allow wc/v3"),
    (|s| s.refused_by = Some((403, "duo_required", "x")), "blocked_by_duo", "exempt /wp-json/ in Duo"),
    (|s| s.firewall = Firewall::DefensiveMode, "blocked_by_defensive_mode", "Turn off Defensive Mode"),
    (|s| s.firewall = Firewall::AwsWaf, "blocked_by_aws_waf", "Ask whoever runs the store's AWS account"),
    (|s| s.firewall = Firewall::Imperva, "blocked_by_imperva", "In Imperva, allow our address"),
    (|s| s.firewall = Firewall::BotCheck, "blocked_by_bot_check", "lets browsers pass, but not our server"),
    (|s| s.firewall = Firewall::BotCheckConflict, "blocked_by_bot_check", "lets browsers pass, but not our server"),
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
    (|s| s.login_wall = true, "login_wall", "Turn that off for /wp-json/ and /wc-auth/"),
    (|s| s.members_only = Some("/my-account/"), "login_wall", "shows them another page first"),
    (|s| s.script_after = true, "noisy_answer", "the comments that cache plugins add"),
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
            text.contains("There may be a problem") && text.contains("Continue; if it does not, come back here."),
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
async fn what_the_host_must_know_is_ready_to_be_sent() {
    let settings = [("CARTKEY_EGRESS_IPS", "203.0.113.7, 2001:db8::/64")];
    let world = World::with(&settings, Switches { firewall: Firewall::Wordfence, ..Switches::default() }).await;
    let page = type_address(&mut world.merchant(), "shop.example").await;
    let text = page.text();
    for part in [
        "Please let the requests of Acme Shipping through to shop.example.",
        "(+https://keys.example)",
        "IP addresses: 203.0.113.7, 2001:db8::/64",
        "Setting: Firewall → All Firewall Options",
        "For support: blocked_by_wordfence",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // What is no matter of a host has no such text.
    world.shop.switch(|s| *s = Switches { notices: true, ..Switches::default() });
    let page = type_address(&mut world.merchant(), "shop.example").await;
    assert!(page.text().contains("noisy_answer") && !page.text().contains("Send this to your host"));
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
    for pace in [Pace::Never, Pace::Drip] {
        world.shop.switch(|s| s.pace = pace);
        let page = browser.post_form(&format!("{hasty}/connect"), &[("store_url", "shop.example")]).await;
        assert!(page.text().contains("did not answer in time"), "{pace:?}: {}", page.text());
        assert!(page.text().contains("For support: timed_out"), "{pace:?}: {}", page.text());
        let page = browser.submit(&page, "Continue anyway", &[]).await;
        assert_eq!(sent_to(&page), format!("{SHOP}/wc-auth/v1/authorize"), "slowness refuses nobody");
    }
    // An answer without an end is none: how much of it comes in time decides what it is called.
    world.shop.switch(|s| s.pace = Pace::Endless);
    let page = browser.post_form(&format!("{hasty}/connect"), &[("store_url", "shop.example")]).await;
    assert!(page.text().contains("For support: "), "{}", page.text());
}

/// Where a store's API is, what its index lists, and how the merchant fares: the approval page decides.
#[tokio::test]
async fn the_index_is_a_hint_and_the_approval_page_decides() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let shapes: [(Switch, &str, &str); 9] = [
        (|s| s.rest_prefix = Some("api"), "/api/wc/v3", ""),
        (|s| s.namespaces = Namespaces::Hidden, "/wp-json/wc/v3", ""),
        (|s| s.namespaces = Namespaces::AsObject, "/wp-json/wc/v3", ""),
        (|s| s.index_closed = true, "/wp-json/wc/v3", ""),
        (|s| s.index_dies = true, "/wp-json/wc/v3", ""),
        (|s| s.basic_taken = true, "/wp-json/wc/v3", ""),
        (|s| s.basic_dies = true, "/wp-json/wc/v3", ""),
        (|s| (s.rest_directory_closed, s.woocommerce) = (true, Some((11, 1))), "/index.php?rest_route=/wc/v3", ""),
        (|s| s.language = Some("en"), "/wp-json/wc/v3", "/en"),
    ];
    for (n, (switch, base, directory)) in shapes.into_iter().enumerate() {
        world.clock.advance(Duration::from_mins(10));
        world.shop.switch(|s| (*s = Switches::default(), switch(s)).1);
        let user = format!("m{n}");
        let (_, link) = world.link(&user, json!({})).await;
        let page = world.begin(&mut browser, &link).await;
        assert_eq!(sent_to(&page), format!("{SHOP}{directory}/wc-auth/v1/authorize"), "{base}");
        let back = browser.approve_on(page).await;
        world.prove().await;
        let page = browser.get(back.url.as_str()).await;
        assert!(page.text().contains("is connected"), "{base}: {}", page.text());
        let keys = world.service("keys:read").await.get(&format!("/users/{user}/keys")).await.ok();
        assert_eq!(keys["api_url"], format!("{SHOP}{base}"));
        assert_eq!(crate::prove::status_with(&world, &keys).await, 200, "{base}");
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
