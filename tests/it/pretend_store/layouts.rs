//! Permalink layouts, probes without a login, and firewalls in front of a store.

use cartkey::demo::pretend_store::{Firewall, Pace, Permalinks, PretendStore, SITE_PASSWORD, SITE_USER, Switches};

use cartkey::woo::http::{Call, Fault};
use hyper::Method;
use std::time::Duration;

use super::{HOME, Town, authorize, body, header};

const AUTHORIZE: &str = "/wc-auth/v1/authorize";
const SPACES: &str = "/wp-json/?_fields=name,url,home,namespaces,site_icon_url";

fn switches(change: impl FnOnce(&mut Switches)) -> Switches {
    let mut switches = Switches::default();
    change(&mut switches);
    switches
}

#[tokio::test]
async fn the_probes_tell_layouts_apart() {
    let town = Town::new().await;
    let full = authorize("", &[]);
    let off = |s: &mut Switches| s.woocommerce_off = true;
    let stale = |s: &mut Switches| (s.woocommerce_off, s.rules_stale) = (true, true);
    let rows = [
        (Switches::default(), [401, 302, 200, 200]),
        (switches(|s| s.coming_soon = true), [401, 302, 200, 200]),
        (switches(off), [404, 404, 200, 404]),
        (switches(stale), [301, 301, 200, 404]),
        (switches(|s| s.rules_stale = true), [404, 404, 200, 200]),
        (switches(|s| s.maintenance = true), [503, 503, 503, 503]),
        (switches(|s| s.permalinks = Permalinks::Plain), [404, 404, 404, 404]),
    ];
    for (switches, expected) in rows {
        let told = format!("{switches:?}");
        town.store.switch(|s| *s = switches);
        for (target, status) in [AUTHORIZE, &full, SPACES, "/wp-json/wc/v3/?_fields=namespace"].iter().zip(expected) {
            assert_eq!(town.get(target).await.status.as_u16(), status, "{target} {told}");
            assert_eq!(town.ask("HEAD", target, None).await.status.as_u16(), status, "HEAD {target} {told}");
        }
    }
    town.store.switch(|s| *s = switches(stale));
    assert_eq!(header(&town.get(AUTHORIZE).await, "location"), "https://shop.example/wc-auth/v1/authorize/");
    town.store.switch(|s| *s = switches(|s| s.maintenance = true));
    assert_eq!(header(&town.get("/").await, "retry-after"), "600");
    town.store.switch(|s| *s = Switches::default());
    assert!(body(&town.get(AUTHORIZE).await).contains("Error: Missing parameter app_name."));
    assert_eq!(town.get("/wc-auth/v2/authorize").await.status.as_u16(), 404);
    let hop = town.get(&full).await;
    assert!(header(&hop, "location").starts_with("https://shop.example/wc-auth/v1/login/?app_name=Key%20Desk&"));
    assert_eq!(header(&hop, "x-redirect-by"), "WordPress");
}

#[tokio::test]
async fn the_index_tells_who_the_store_is() {
    let town = Town::with("https://shop.example/shop", Switches::default()).await;
    let index = town.get(SPACES).await;
    assert!(body(&index).starts_with(
        r#"{"name":"Cups & Plates","url":"https:\/\/shop.example\/shop","home":"https:\/\/shop.example\/shop","#
    ));
    assert!(body(&index).contains(r#""wc\/v3""#));
    assert!(body(&town.get("/wp-json/").await).len() > 1_000_000);
    // Beside the sub-directory there is nothing of WordPress.
    let outside = town.merchant().get("https://shop.example/wp-json/").await;
    assert_eq!(outside.status, 404);
    let page = town.merchant().approve(&authorize("https://shop.example/shop", &[])).await;
    assert_eq!((page.status, page.url.host_str()), (200, Some("app.example")));
    town.store.switch(|s| s.woocommerce_off = true);
    assert!(!body(&town.get(SPACES).await).contains(r#""wc\/"#));
    town.store.switch(|s| s.moved_to = Some("https://new.example".to_owned()));
    assert!(body(&town.get(SPACES).await).contains(r#""home":"https:\/\/new.example""#));
}

#[tokio::test]
async fn plain_permalinks_lose_the_merchant() {
    let town = Town::with(HOME, switches(|s| s.permalinks = Permalinks::Plain)).await;
    let first = authorize(HOME, &[]).replace("/wc-auth/v1/authorize?", "/?wc-auth-version=1&wc-auth-route=authorize&");
    // Somebody unknown lands on the front page.
    let page = town.merchant().get(&first).await;
    assert_eq!((page.status, page.title().as_str()), (200, "Welcome"));
    assert_eq!(page.param("wc-auth/v1").as_deref(), Some("login"));
    // Somebody who is logged in gets there by Approve: no key, no error.
    let mut merchant = town.logged_in().await;
    let page = merchant.approve(&first).await;
    assert_eq!((page.status, page.title().as_str()), (200, "Welcome"));
    assert!(town.store.keys().is_empty());
    // With the link corrected by hand it works.
    let by_hand = page.url.as_str().replace("wc-auth/v1=", "wc-auth-version=1&wc-auth-route=");
    let page = merchant.get(&by_hand).await;
    assert_eq!(page.param("success").as_deref(), Some("1"), "{} {}", page.url, page.text());
    let spaces = town.get("/?rest_route=/&_fields=namespaces").await;
    assert!(body(&spaces).contains(r#""wc\/v3""#));
}

#[tokio::test]
async fn index_permalinks_fail_at_approve() {
    let town = Town::with(HOME, switches(|s| s.permalinks = Permalinks::Index)).await;
    assert_eq!(town.get("/wp-json/?_fields=home").await.status.as_u16(), 404);
    assert_eq!(town.get("/index.php/wp-json/?_fields=home").await.status.as_u16(), 200);
    let page = town.logged_in().await.approve(&authorize(&format!("{HOME}/index.php"), &[])).await;
    assert_eq!((page.status, page.url.path()), (404, "/wc-auth/v1/access_granted/"));
    assert!(town.store.keys().is_empty());
}

#[tokio::test]
async fn another_host_is_sent_to_home() {
    let town = Town::with(HOME, switches(|s| s.canonical_host = true)).await;
    let page = town.merchant().get("https://www.shop.example/wp-json/?_fields=home").await;
    assert_eq!(page.url.as_str(), "https://shop.example/wp-json/?_fields=home");
}

#[tokio::test]
async fn firewalls_stop_programs_and_let_browsers_pass() {
    let town = Town::new().await;
    let rows = [
        (Firewall::Cloudflare, 403, "cf-mitigated", "challenge"),
        (Firewall::Sucuri, 403, "x-sucuri-id", "15015"),
        (Firewall::SiteGroundCaptcha, 202, "sg-captcha", "challenge"),
        (Firewall::Wordfence, 503, "content-type", "text/html; charset=UTF-8"),
        (Firewall::Imunify360, 403, "content-type", "application/json"),
    ];
    for (firewall, status, name, value) in rows {
        town.store.switch(|s| s.firewall = firewall);
        let reply = town.get(SPACES).await;
        assert_eq!((reply.status.as_u16(), header(&reply, name)), (status, value), "{firewall:?}");
        assert_eq!(town.merchant().get(HOME).await.title(), "Welcome", "{firewall:?}");
    }
    town.store.switch(|s| s.firewall = Firewall::ModSecurityUrlInParameter);
    assert_eq!(town.get(AUTHORIZE).await.status.as_u16(), 401);
    assert_eq!(town.get(&authorize("", &[])).await.status.as_u16(), 406);
    assert_eq!(town.merchant().get(&authorize(HOME, &[])).await.status, 406);
}

#[tokio::test]
async fn other_ways_of_being_closed() {
    let town = Town::with(HOME, switches(|s| s.login_wall = true)).await;
    assert_eq!(header(&town.get("/").await, "www-authenticate"), "Basic realm=\"Restricted\"");
    let encoded =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{SITE_USER}:{SITE_PASSWORD}"));
    assert_eq!(town.ask("GET", "/", Some(format!("Basic {encoded}"))).await.status.as_u16(), 200);
    town.store.switch(|s| *s = switches(|s| s.rate_limited = Some(7)));
    assert_eq!(header(&town.get("/").await, "retry-after"), "7");
    town.store.switch(|s| *s = switches(|s| s.server_error = true));
    assert_eq!(town.get("/").await.status.as_u16(), 500);
    town.store.switch(|s| *s = switches(|s| s.rest_closed = true));
    assert!(body(&town.get(SPACES).await).starts_with(r#"{"code":"rest_cannot_access""#));
    town.store.switch(|s| *s = switches(|s| s.notices = true));
    let noisy = town.get("/wp-json/?_fields=name").await;
    assert!(body(&noisy).starts_with("<br />") && body(&noisy).ends_with(r#"{"name":"Cups & Plates"}"#));
}

#[tokio::test]
async fn answers_wait_until_they_are_released() {
    let town = Town::with(HOME, switches(|s| s.pace = Pace::WhenReleased)).await;
    let store: PretendStore = town.store.clone();
    let release = async {
        while store.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        store.release();
    };
    let (reply, ()) = tokio::join!(town.get("/"), release);
    assert_eq!(reply.status.as_u16(), 200);
    assert_eq!(store.requests()[0].header("user-agent"), Some("Test/1.0"));
}

#[tokio::test]
async fn answers_that_do_not_end() {
    let town = Town::new().await;
    for (pace, fault) in
        [(Pace::Never, Fault::TimedOut), (Pace::Drip, Fault::TimedOut), (Pace::Endless, Fault::TooLarge)]
    {
        town.store.switch(|s| s.pace = pace);
        let (method, headers, body) = (Method::GET, Vec::new(), Vec::new());
        let within = if pace == Pace::Endless { Duration::from_secs(30) } else { Duration::from_millis(300) };
        let call = Call { method, url: HOME, headers, body, within, at_most: 100_000 };
        assert_eq!(town.asking.send(call).await.map(|reply| reply.status).unwrap_err(), fault, "{pace:?}");
    }
    town.store.stop();
}

#[tokio::test]
async fn a_store_without_https_takes_only_signed_requests() {
    let town = Town::with("http://127.0.0.1:0", switches(|s| s.accept_http_callback = true)).await;
    assert_eq!(town.store.home(), format!("http://{}", town.store.addr()));
    let page = town.merchant().approve(&authorize(&town.store.home(), &[])).await;
    assert_eq!((page.status, page.url.host_str()), (200, Some("app.example")), "{}", page.text());
    // Application passwords need https, but for WordPress's local environments.
    let index = town.get("/wp-json/?_fields=authentication").await;
    assert!(body(&index).contains("authorize-application.php"));
    let town = Town::with("http://127.0.0.1:0", Switches::default()).await;
    let index = town.get("/wp-json/?_fields=authentication").await;
    assert_eq!(body(&index), r#"{"authentication":[]}"#);
}
