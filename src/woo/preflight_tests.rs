//! The preflight, against small sites that answer as measured in docs/protocol/store-answers.md.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::authorize::Ask;
use super::loopback::{Seen, answer, client, home, serve};
use super::preflight::{ALL_WITHIN, Findings, examine};
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::verdict::{Product, Verdict};

const INDEX: &str = r#"{"name":"Laden","url":"HOME","home":"HOME","namespaces":["wp/v2","wc/v3"]}"#;

async fn look(typed: &str, site: impl Fn(&Seen) -> Option<String> + Send + Sync + 'static) -> Findings {
    let address = serve(move |seen| site(seen).unwrap_or_else(|| answer(404, "", "<html>not found"))).await;
    let client = client(&["shop.example.com", "www.shop.example.com", "app.example.com"], address);
    let (state, callback_url) = (
        Secret::new("real-state".to_owned()),
        Secret::new("https://keys.example.com/wc-auth/callback/real-token".to_owned()),
    );
    let return_url = "https://keys.example.com/connect/return/at_real";
    let ask =
        Ask { app_name: "Cartkey", scope: Scope::ReadWrite, state: &state, return_url, callback_url: &callback_url };
    examine(&client, &home(typed), &ask, ALL_WITHIN).await
}

/// WooCommerce with its home at `at` (scheme, host and directory), for requests on any path.
fn woocommerce(at: &'static str, seen: &Seen) -> Option<String> {
    let host = at.split('/').nth(2).unwrap();
    let directory = at.split_once(host).unwrap().1;
    let path = seen.path().strip_prefix(directory)?;
    match path {
        "/wp-json/" => Some(answer(200, "", &INDEX.replace("HOME", at))),
        "/wc-auth/v1/authorize" => match seen.target.split_once('?') {
            None => Some(answer(401, "", "<html>Access denied")),
            Some((_, query)) => {
                Some(answer(302, &format!("location: {at}/wc-auth/v1/login/?{}", query.replace("%20", "+")), ""))
            }
        },
        _ => None,
    }
}

fn fine(at: &str) -> Findings {
    Findings { home: home(at), name: Some("Laden".to_owned()), icon: None, stop: None, warnings: Vec::new() }
}

#[tokio::test]
async fn a_shop_is_found_from_any_of_its_addresses() {
    for (typed, at) in [
        ("http://shop.example.com", "http://shop.example.com"),
        ("http://shop.example.com/de", "http://shop.example.com/de"),
        ("http://shop.example.com/de/cart/checkout", "http://shop.example.com/de"),
        ("http://shop.example.com/a/b/c", "http://shop.example.com"),
        ("http://shop.example.com/product-category/a/b/c/d/", "http://shop.example.com"),
        ("http://www.shop.example.com", "http://shop.example.com"),
    ] {
        assert_eq!(look(typed, move |seen| woocommerce(at, seen)).await, fine(at), "{typed}");
    }
}

#[tokio::test]
async fn redirects_of_the_index_are_followed_by_hand_and_not_for_ever() {
    let at = "http://www.shop.example.com";
    let apex = move |seen: &Seen| {
        if seen.header("host") == "shop.example.com" {
            return Some(answer(301, &format!("location: {at}{}", seen.target), ""));
        }
        woocommerce(at, seen)
    };
    assert_eq!(look("http://shop.example.com", apex).await, fine(at));
    let below = |seen: &Seen| {
        let page = seen.path().starts_with("/shop/");
        if page { Some(answer(302, "location: /shop/", "")) } else { woocommerce("http://shop.example.com", seen) }
    };
    assert_eq!(look("http://shop.example.com/shop", below).await, fine("http://shop.example.com"));
    let around = |seen: &Seen| {
        let next = if seen.header("host").starts_with("www.") { "app.example.com" } else { "www.shop.example.com" };
        Some(answer(301, &format!("location: http://{next}{}", seen.target), ""))
    };
    assert_eq!(look("http://shop.example.com", around).await.stop, Some(Verdict::ApprovalMisdirected));
}

#[tokio::test]
async fn what_cannot_work_stops() {
    let at = "http://shop.example.com";
    let blog = |seen: &Seen| {
        (seen.path() == "/wp-json/").then(|| answer(200, "", &INDEX.replace("HOME", at).replace("wc/v3", "oembed/1.0")))
    };
    assert_eq!(look(at, blog).await.stop, Some(Verdict::NoWooCommerce));
    let index =
        |seen: &Seen| (seen.path() == "/index.php/wp-json/").then(|| answer(200, "", &INDEX.replace("HOME", at)));
    assert_eq!(look(at, index).await.stop, Some(Verdict::IndexPermalinks));
    let plain = |seen: &Seen| {
        (seen.path() == "/index.php" && seen.parameter("rest_route") == "/")
            .then(|| answer(200, "", &INDEX.replace("HOME", at)))
    };
    assert_eq!(look("http://shop.example.com/shop", plain).await.stop, Some(Verdict::PlainPermalinks));
    assert_eq!(look(at, |_| None).await.stop, Some(Verdict::NoWordPress));
    assert_eq!(look(at, |_| Some(answer(200, "", "<html>a page"))).await.stop, Some(Verdict::NoWordPress));
    assert_eq!(look(at, |_| Some(answer(503, "retry-after: 600", ""))).await.stop, Some(Verdict::Maintenance));
    assert_eq!(look(at, |_| Some(answer(500, "", ""))).await.stop, Some(Verdict::ServerError));
    let stale = |seen: &Seen| woocommerce(at, seen).filter(|_| seen.path() == "/wp-json/");
    assert_eq!(look(at, stale).await.stop, Some(Verdict::PermalinksStale));
    let elsewhere = |seen: &Seen| woocommerce(at, seen).map(|a| a.replace("/wc-auth/v1/login", "/en/wc-auth/v1/login"));
    assert_eq!(look(at, elsewhere).await.stop, Some(Verdict::ApprovalMisdirected));
    assert_eq!(look("http://nowhere.example.com", |_| None).await.stop, Some(Verdict::DnsFailed));
}

#[tokio::test]
async fn a_front_end_of_its_own_is_told_from_stale_rules() {
    let headless = |seen: &Seen| {
        let api = seen.header("host") == "app.example.com" && seen.path() == "/wp-json/";
        api.then(|| answer(200, "", &INDEX.replace("HOME", "http://shop.example.com")))
    };
    let findings = look("http://app.example.com", headless).await;
    assert_eq!((findings.stop, findings.home), (Some(Verdict::ApprovalMisdirected), home("http://shop.example.com")));
}

#[tokio::test]
async fn what_only_we_may_suffer_from_warns() {
    let at = "http://shop.example.com";
    for (status, headers, body, verdict) in [
        (403, "cf-mitigated: challenge", "", Verdict::Blocked(Product::Cloudflare)),
        (403, "", "<h1>Forbidden", Verdict::Blocked(Product::Unnamed)),
        (401, "www-authenticate: Basic realm=x", "", Verdict::LoginWall),
        (401, "", r#"{"code":"rest_not_logged_in","message":"x"}"#, Verdict::RestClosed),
        (302, "location: /wp-login.php", "", Verdict::RestClosed),
        (429, "", "", Verdict::RateLimited),
    ] {
        let findings = look(at, move |_| Some(answer(status, headers, body))).await;
        assert_eq!((findings.stop, findings.home, findings.name), (None, home(at), None), "{status} {headers}");
        assert_eq!(findings.warnings.first(), Some(&verdict), "{status} {headers}");
    }
    let rule = |seen: &Seen| {
        let bad = seen.target.contains("callback_url");
        if bad { Some(answer(406, "", "<h1>Not Acceptable!")) } else { woocommerce(at, seen) }
    };
    assert_eq!(look(at, rule).await.warnings, [Verdict::Blocked(Product::ModSecurity)]);
    let noisy = |seen: &Seen| {
        let index = INDEX.replace("HOME", at);
        if seen.path() == "/wp-json/" {
            Some(answer(200, "", &format!("Notice: x\n{index}")))
        } else {
            woocommerce(at, seen)
        }
    };
    assert_eq!(look(at, noisy).await, Findings { warnings: vec![Verdict::NoisyAnswer], ..fine(at) });
}

#[tokio::test]
async fn nothing_real_is_shown_to_the_store_before_the_merchant_goes_there() {
    let asked = Arc::new(AtomicBool::new(false));
    let saw = Arc::clone(&asked);
    let findings = look("http://shop.example.com", move |seen| {
        assert!(!seen.target.contains("real"), "{}", seen.target);
        if seen.target.contains("callback_url") {
            assert_eq!(
                seen.parameter("callback_url").len(),
                "https://keys.example.com/wc-auth/callback/real-token".len()
            );
            assert!(seen.parameter("return_url").starts_with("https://keys.example.com/connect/return/"));
            saw.store(true, Ordering::SeqCst);
        }
        woocommerce("http://shop.example.com", seen)
    })
    .await;
    assert_eq!(findings, fine("http://shop.example.com"));
    assert!(asked.load(Ordering::SeqCst));
}

#[tokio::test]
async fn what_only_the_index_suffers_from_is_no_reason() {
    let at = "http://shop.example.com";
    for (status, headers) in [
        (500, ""),
        (502, ""),
        (400, ""),
        (418, ""),
        (301, "location: /login/"),
        (302, "location: /login/?back=/wp-json/"),
        (302, "location: https://sso.example.com/?to=shop.example.com"),
    ] {
        let findings = look(at, move |seen| match seen.path() {
            "/wp-json/" => Some(answer(status, headers, "<p>no")),
            "/wp-json/wc/v3/" => Some(answer(200, "", r#"{"namespace":"wc/v3"}"#)),
            _ => woocommerce(at, seen),
        })
        .await;
        assert_eq!((findings.stop, findings.home), (None, home(at)), "{status} {headers}");
        let is_in_front = headers.contains("sso.");
        assert_eq!(
            findings.warnings,
            if is_in_front { vec![Verdict::LoginWall] } else { Vec::new() },
            "{status} {headers}"
        );
    }
    let down = look(at, move |seen| {
        woocommerce(at, seen).filter(|_| !seen.path().contains("wp-json")).or_else(|| Some(answer(500, "", "")))
    })
    .await;
    assert_eq!(down.stop, Some(Verdict::ServerError));
}

#[tokio::test]
async fn the_approval_page_is_followed_as_a_browser_follows_it() {
    let at = "http://shop.example.com";
    let login = move |seen: &Seen| {
        answer(
            302,
            &format!("location: {at}/wc-auth/v1/login/?{}", seen.target.split_once('?').map_or("", |(_, query)| query)),
            "",
        )
    };
    let is_page = |seen: &Seen| seen.path().ends_with("/wc-auth/v1/authorize");
    let slash = move |seen: &Seen| match seen.target.replace("/authorize?", "/authorize/?") {
        _ if seen.path() == "/wc-auth/v1/authorize/" && !seen.target.contains('?') => {
            Some(answer(401, "", "<html>Access denied"))
        }
        _ if seen.path() == "/wc-auth/v1/authorize/" => Some(login(seen)),
        target if is_page(seen) && target != seen.target => Some(answer(301, &format!("location: {at}{target}"), "")),
        target if is_page(seen) => Some(answer(301, &format!("location: {at}{target}/"), "")),
        _ => woocommerce(at, seen),
    };
    assert_eq!(look(at, slash).await, fine(at));
    let cookie = move |seen: &Seen| {
        let asks = is_page(seen) && seen.header("cookie") != "seen=1";
        if asks {
            Some(answer(302, &format!("location: {}\nset-cookie: seen=1; Path=/", seen.target), ""))
        } else {
            woocommerce(at, seen)
        }
    };
    assert_eq!(look(at, cookie).await, fine(at));
    // In the directory of a language, and nothing else: another site of a network would approve for itself.
    for (path, is_fine) in [("/en/wc-auth/v1/login/", true), ("/wp-json/", false)] {
        let language = move |seen: &Seen| match seen.path() {
            found if found == path && is_fine => Some(answer(200, "", "<html>Log in")),
            "/wc-auth/v1/authorize" => {
                woocommerce(at, seen).map(|page| page.replace("/wc-auth/v1/login", "/en/wc-auth/v1/login"))
            }
            _ => woocommerce(at, seen),
        };
        assert_eq!(look(at, language).await.stop, (!is_fine).then_some(Verdict::ApprovalMisdirected), "{path}");
    }
}

#[tokio::test]
async fn a_page_that_only_visitors_see_warns() {
    let at = "http://shop.example.com";
    let page = |found: String| {
        move |seen: &Seen| {
            if seen.path().starts_with("/wc-auth/") { Some(found.clone()) } else { woocommerce(at, seen) }
        }
    };
    for found in [
        answer(302, "location: /my-account/", ""),
        answer(302, "location: /", ""),
        answer(200, "", "<html>Coming soon"),
    ] {
        assert_eq!(
            look(at, page(found.clone())).await,
            Findings { warnings: vec![Verdict::LoginWall], ..fine(at) },
            "{found}"
        );
    }
    let everywhere = |_: &Seen| Some(answer(200, "", "<html><form><input type=\"password\"></form>"));
    let findings = look(at, everywhere).await;
    assert_eq!((findings.stop, findings.warnings), (None, vec![Verdict::LoginWall]));
    let hangs_up = look(at, |_| Some(String::new())).await;
    assert_eq!((hangs_up.stop, hangs_up.warnings), (None, vec![Verdict::Blocked(Product::Unnamed)]));
}
