//! Every route with every kind of visitor: who is admitted, and how the others are turned away. The list comes from the router's
//! source, so a forgotten route fails here.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use cartkey::domain::token::Permission;
use cartkey::woo::Reply;

use self::scene::Scene;
use crate::binary::ask;
use crate::world::{KEYS, World};

mod scene;

/// Who is admitted to a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    /// Everyone; other checks decide what they may do.
    Everybody,
    /// The browser that began the attempt; for others the page does not exist.
    Beginner,
    /// A holder of the callback's token, which no visitor here has.
    Store,
    /// A signed-in operator.
    Operator,
    /// A service token with this permission.
    Token(Permission),
}
use Door::{Beginner, Everybody, Operator, Store, Token};
use Permission::{
    EventsRead, KeysRead, LinksWrite, ProxyRead, ProxyWrite, StoresRead, StoresWrite, TokensRead, TokensWrite,
    WebhooksRead, WebhooksWrite,
};

/// Every route there is.
const DOORS: &[(&str, &str, Door)] = &[
    ("GET", "/livez", Everybody),
    ("GET", "/readyz", Everybody),
    // Everybody who asks from this machine itself, as all visitors here do: see `metrics`.
    ("GET", "/metrics", Everybody),
    ("GET", "/connect", Everybody),
    ("POST", "/connect", Everybody),
    ("GET", "/connect/by-hand", Everybody),
    ("POST", "/connect/by-hand", Everybody),
    ("GET", "/connect/{link}/by-hand", Everybody),
    ("POST", "/connect/{link}/by-hand", Everybody),
    ("GET", "/connect/{link}", Everybody),
    ("POST", "/connect/{link}", Everybody),
    ("GET", "/connect/return/{attempt}", Beginner),
    ("GET", "/connect/return/{attempt}/{state}", Everybody),
    ("GET", "/connect/attempts/{attempt}", Beginner),
    ("GET", "/connect/attempts/{attempt}/icon", Beginner),
    ("GET", "/connect/attempts/{attempt}/again", Beginner),
    ("POST", "/connect/attempts/{attempt}/again", Beginner),
    ("GET", "/connect/attempts/{attempt}/go-on", Beginner),
    ("GET", "/connect/attempts/{attempt}/retry", Everybody),
    ("POST", "/connect/attempts/{attempt}/retry", Beginner),
    ("GET", "/connect/attempts/{attempt}/by-hand", Beginner),
    ("POST", "/connect/attempts/{attempt}/by-hand", Beginner),
    ("GET", "/connect/attempts/{attempt}/application-password", Beginner),
    ("POST", "/connect/attempts/{attempt}/application-password", Beginner),
    // Both lead to the attempt's own page.
    ("GET", "/connect/attempts/{attempt}/confirm", Everybody),
    ("POST", "/connect/attempts/{attempt}/confirm", Beginner),
    ("GET", "/connect/attempts/{attempt}/disown", Everybody),
    ("POST", "/connect/attempts/{attempt}/disown", Beginner),
    ("GET", "/button.js", Everybody),
    ("GET", "/static/accent/{file}", Everybody),
    ("GET", "/static/logo/{file}", Everybody),
    ("POST", "/wc-auth/callback/{token}", Store),
    ("GET", "/docs", Everybody),
    ("GET", "/docs/", Everybody),
    ("GET", "/docs/{page}", Everybody),
    ("GET", "/llms.txt", Everybody),
    ("GET", "/api/v1/openapi.json", Everybody),
    ("GET", "/api/v1/postman.json", Everybody),
    ("GET", "/api/v1/docs", Everybody),
    ("GET", "/api/v1/links", Token(LinksWrite)),
    ("POST", "/api/v1/links", Token(LinksWrite)),
    ("GET", "/api/v1/links/{id}", Token(LinksWrite)),
    ("DELETE", "/api/v1/links/{id}", Token(LinksWrite)),
    ("POST", "/api/v1/attempts/{id}/confirm", Token(LinksWrite)),
    ("GET", "/api/v1/stores", Token(StoresRead)),
    ("GET", "/api/v1/stores/{id}", Token(StoresRead)),
    ("DELETE", "/api/v1/stores/{id}", Token(StoresWrite)),
    ("POST", "/api/v1/stores/{id}/check", Token(StoresWrite)),
    ("GET", "/api/v1/stores/{id}/keys", Token(KeysRead)),
    ("GET", "/api/v1/users/{user_id}/keys", Token(KeysRead)),
    ("POST", "/api/v1/keys", Token(KeysRead)),
    ("GET", "/api/v1/events", Token(EventsRead)),
    ("GET", "/api/v1/webhooks", Token(WebhooksRead)),
    ("POST", "/api/v1/webhooks", Token(WebhooksWrite)),
    ("GET", "/api/v1/webhooks/{id}", Token(WebhooksRead)),
    ("PATCH", "/api/v1/webhooks/{id}", Token(WebhooksWrite)),
    ("POST", "/api/v1/webhooks/{id}/test", Token(WebhooksWrite)),
    ("POST", "/api/v1/webhooks/{id}/rotate", Token(WebhooksWrite)),
    ("GET", "/api/v1/webhooks/{id}/deliveries", Token(WebhooksRead)),
    ("DELETE", "/api/v1/webhooks/{id}", Token(WebhooksWrite)),
    ("GET", "/api/v1/tokens", Token(TokensRead)),
    ("POST", "/api/v1/tokens", Token(TokensWrite)),
    ("GET", "/api/v1/tokens/{id}", Token(TokensRead)),
    ("POST", "/api/v1/tokens/{id}/rotate", Token(TokensWrite)),
    ("DELETE", "/api/v1/tokens/{id}", Token(TokensWrite)),
    ("GET", "/api/v1/stores/{id}/wp-json/{*route}", Token(ProxyRead)),
    ("POST", "/api/v1/stores/{id}/wp-json/{*route}", Token(ProxyWrite)),
    ("PUT", "/api/v1/stores/{id}/wp-json/{*route}", Token(ProxyWrite)),
    ("PATCH", "/api/v1/stores/{id}/wp-json/{*route}", Token(ProxyWrite)),
    ("DELETE", "/api/v1/stores/{id}/wp-json/{*route}", Token(ProxyWrite)),
    ("GET", "/api/v1/users/{user_id}/wp-json/{*route}", Token(ProxyRead)),
    ("POST", "/api/v1/users/{user_id}/wp-json/{*route}", Token(ProxyWrite)),
    ("PUT", "/api/v1/users/{user_id}/wp-json/{*route}", Token(ProxyWrite)),
    ("PATCH", "/api/v1/users/{user_id}/wp-json/{*route}", Token(ProxyWrite)),
    ("DELETE", "/api/v1/users/{user_id}/wp-json/{*route}", Token(ProxyWrite)),
    // Nothing is there.
    ("GET", "/admin/{*unknown}", Everybody),
    ("GET", "/admin/sign-in", Everybody),
    ("POST", "/admin/sign-in", Everybody),
    ("GET", "/admin/sign-in/code", Everybody),
    ("POST", "/admin/sign-in/code", Everybody),
    ("GET", "/admin/setup/{link}", Everybody),
    ("POST", "/admin/setup/{link}", Everybody),
    ("GET", "/admin", Operator),
    ("POST", "/admin/sign-out", Operator),
    ("GET", "/admin/account", Operator),
    ("POST", "/admin/account/password", Operator),
    ("GET", "/admin/account/second-factor", Operator),
    ("POST", "/admin/account/second-factor", Operator),
    ("POST", "/admin/account/second-factor/off", Operator),
    ("POST", "/admin/account/sessions/end", Operator),
    ("GET", "/admin/diagnostics", Operator),
    ("GET", "/admin/settings", Operator),
    ("POST", "/admin/settings", Operator),
    ("POST", "/admin/settings/preview", Operator),
    ("POST", "/admin/settings/reset", Operator),
    ("POST", "/admin/settings/logo", Operator),
    ("POST", "/admin/settings/logo/remove", Operator),
    ("POST", "/admin/settings/by-hand", Operator),
    ("POST", "/admin/settings/application-passwords", Operator),
    ("GET", "/admin/stores", Operator),
    ("GET", "/admin/stores.csv", Operator),
    ("GET", "/admin/stores/add", Operator),
    ("POST", "/admin/stores/add", Operator),
    ("GET", "/admin/stores/{id}", Operator),
    ("POST", "/admin/stores/{id}/check", Operator),
    ("POST", "/admin/stores/{id}/link", Operator),
    ("GET", "/admin/stores/{id}/disconnect", Operator),
    ("POST", "/admin/stores/{id}/disconnect", Operator),
    ("POST", "/admin/stores/{id}/revoked", Operator),
    ("GET", "/admin/attempts/{id}", Operator),
    ("POST", "/admin/attempts/{id}/confirm", Operator),
    ("POST", "/admin/attempts/{id}/reject", Operator),
    ("GET", "/admin/links", Operator),
    ("POST", "/admin/links", Operator),
    ("GET", "/admin/links/new", Operator),
    ("GET", "/admin/links/{id}/withdraw", Operator),
    ("POST", "/admin/links/{id}/withdraw", Operator),
    ("GET", "/admin/tokens", Operator),
    ("POST", "/admin/tokens", Operator),
    ("GET", "/admin/tokens/new", Operator),
    ("GET", "/admin/tokens/{id}/rotate", Operator),
    ("POST", "/admin/tokens/{id}/rotate", Operator),
    ("GET", "/admin/tokens/{id}/revoke", Operator),
    ("POST", "/admin/tokens/{id}/revoke", Operator),
    ("GET", "/admin/webhooks", Operator),
    ("POST", "/admin/webhooks", Operator),
    ("GET", "/admin/webhooks/new", Operator),
    ("GET", "/admin/webhooks/{id}", Operator),
    ("POST", "/admin/webhooks/{id}/test", Operator),
    ("POST", "/admin/webhooks/{id}/deliveries/{delivery}/replay", Operator),
    ("GET", "/admin/webhooks/{id}/edit", Operator),
    ("POST", "/admin/webhooks/{id}/edit", Operator),
    ("GET", "/admin/webhooks/{id}/rotate", Operator),
    ("POST", "/admin/webhooks/{id}/rotate", Operator),
    ("POST", "/admin/webhooks/{id}/old-secret/end", Operator),
    ("POST", "/admin/webhooks/{id}/disable", Operator),
    ("POST", "/admin/webhooks/{id}/enable", Operator),
    ("GET", "/admin/webhooks/{id}/replay", Operator),
    ("POST", "/admin/webhooks/{id}/replay", Operator),
    ("GET", "/admin/webhooks/{id}/delete", Operator),
    ("POST", "/admin/webhooks/{id}/delete", Operator),
    ("GET", "/admin/activity", Operator),
    ("GET", "/admin/activity.ndjson", Operator),
    ("POST", "/admin/activity/retention", Operator),
];

/// A kind of visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visitor {
    Nobody,
    /// The browser that began the attempt.
    Merchant,
    /// A browser that began another attempt.
    AnotherMerchant,
    Operator,
    /// An operator with an expired session.
    Expired,
    Token(Permission),
}

impl Visitor {
    fn all() -> Vec<Self> {
        let mut all = vec![Self::Nobody, Self::Merchant, Self::AnotherMerchant, Self::Expired];
        all.extend(Permission::ALL.map(Self::Token));
        // Who gets in comes last: what they do may change what the others would find.
        all.push(Self::Operator);
        all
    }

    const fn may_pass(self, door: Door) -> bool {
        match (door, self) {
            (Everybody, _) | (Beginner, Self::Merchant) | (Operator, Self::Operator) => true,
            (Token(needed), Self::Token(has)) => needed as u8 == has as u8,
            _ => false,
        }
    }
}

/// The method and path of every route in the sources of `web`, with the prefix under which its file is nested.
pub fn routes() -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string();
            let prefix = match name.as_str() {
                "src/web/hook.rs" => "/wc-auth",
                name if name.starts_with("src/web/api/") => "/api",
                _ => "",
            };
            if name == "src/web/assets.rs" {
                // The address of an asset is made from its content and is not text there.
                continue;
            }
            let routes = routes_of(&fs::read_to_string(&path).unwrap(), prefix);
            found.extend(routes.unwrap_or_else(|odd| panic!("{name}: the path of a route is text: {odd}")));
        }
    }
    found
}

/// The routes of one source. A route whose path is not a readable literal is an error.
fn routes_of(source: &str, prefix: &str) -> Result<Vec<(String, String)>, String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    for part in source.split(".route(").skip(1) {
        let Some((path, rest)) = part.trim_start().strip_prefix('"').and_then(|part| part.split_once('"')) else {
            return Err(part.chars().take(60).collect());
        };
        // The last route ends with the function that holds it.
        let handlers = rest.split(".route(").next().unwrap_or_default().split("\n}").next().unwrap_or_default();
        let handlers = handlers.split(';').next().unwrap_or_default();
        for method in ["get", "post", "put", "patch", "delete", "any"] {
            let called = |before: char| handlers.contains(&format!("{before}{method}("));
            if called(' ') || called('.') || called('\n') {
                found.push((method.to_uppercase(), format!("{prefix}{path}")));
            }
        }
    }
    Ok(found)
}

#[test]
fn every_route_has_a_door() {
    let known: BTreeSet<_> = DOORS.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    let there = routes();
    assert_eq!(there.difference(&known).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "routes without a door");
    assert_eq!(known.difference(&there).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "doors without a route");
    assert_eq!(
        routes_of("Router::new().route(\"/new\", get(a).post(b)).route(\"/c\", put(d))", "/x"),
        Ok([("GET", "/x/new"), ("POST", "/x/new"), ("PUT", "/x/c")]
            .map(|(m, p)| (m.to_owned(), p.to_owned()))
            .to_vec()),
        "this check can fail"
    );
    assert_eq!(routes_of("Router::new().route(PATH, get(a))", ""), Err("PATH, get(a))".to_owned()));
}

fn leads_to_sign_in(reply: &Reply) -> bool {
    let location = reply.headers.get("location").and_then(|to| to.to_str().ok()).unwrap_or_default();
    reply.status.as_u16() == 303 && location.starts_with("/admin/sign-in?next=")
}

/// Compares the answer to `visitor` with the one required; returns the difference, if any.
fn judge(door: Door, visitor: Visitor, method: &str, reply: &Reply) -> Option<String> {
    let status = reply.status.as_u16();
    let fine = match door {
        _ if visitor.may_pass(door) && door == Beginner => !matches!(status, 401 | 403 | 404 | 500..),
        _ if visitor.may_pass(door) => !matches!(status, 401 | 403 | 500..) && !leads_to_sign_in(reply),
        Everybody => false,
        Beginner | Store => status == 404,
        Operator if method == "GET" => leads_to_sign_in(reply),
        Token(_) if matches!(visitor, Visitor::Token(_)) => status == 403,
        Operator | Token(_) => status == 401,
    };
    (!fine).then(|| format!("{visitor:?} was answered {status}"))
}

/// Headers required in every answer (docs/protocol/threats.md §8).
const ALWAYS: [(&str, &str); 9] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
    ("cache-control", "no-store"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Files without personal data, which may be cached and loaded by other sites.
fn is_file(pattern: &str) -> bool {
    let files = ["/button.js", "/static/", "/api/v1/openapi.json", "/docs", "/llms.txt"];
    files.iter().any(|begins| pattern.starts_with(begins))
}

/// The headers that are missing or wrong.
fn headers_wrong(pattern: &str, reply: &Reply) -> Vec<String> {
    let has = |name: &str| reply.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // The one address that a password stands in.
    let is_as_required = |name: &str, value: &str| match name {
        "referrer-policy" if pattern == "/connect/return/{attempt}/{state}" => has(name) == "no-referrer",
        "cache-control" if pattern == "/connect/attempts/{attempt}/icon" && reply.status == 200 => {
            has(name) == "private, max-age=3600"
        }
        name => has(name) == value,
    };
    let always = &ALWAYS[..ALWAYS.len() - if is_file(pattern) { 2 } else { 0 }];
    let mut wrong: Vec<String> = always
        .iter()
        .filter(|(name, value)| !is_as_required(name, value))
        .map(|(name, _)| format!("{name}: {:?}", has(name)))
        .collect();
    let tells = ["server", "x-powered-by", "access-control-allow-origin"];
    wrong.extend(tells.iter().filter(|name| reply.headers.contains_key(**name)).map(|name| format!("has {name}")));
    wrong
}

#[tokio::test]
async fn every_visitor_at_every_route() {
    let scene = Scene::new().await;
    let mut wrong = Vec::new();
    for (method, pattern, door) in DOORS {
        for visitor in Visitor::all() {
            let reply = scene.visit(visitor, method, pattern, None).await;
            wrong.extend(judge(*door, visitor, method, &reply).map(|why| format!("{method} {pattern}: {why}")));
            let headers = headers_wrong(pattern, &reply);
            wrong.extend(headers.iter().map(|why| format!("{method} {pattern}: {visitor:?}: {why}")));
            let text = String::from_utf8_lossy(&reply.body);
            for secret in [&scene.world.shop.keys()[0].consumer_secret, &scene.expired, &scene.beginner] {
                let is_lent = matches!(door, Token(KeysRead)) && visitor.may_pass(*door);
                if text.contains(secret.as_str()) && !is_lent {
                    wrong.push(format!("{method} {pattern}: {visitor:?} saw a secret"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn an_address_that_is_not_text_is_one_that_is_not_there() {
    let world = World::new().await;
    for (method, pattern, _) in DOORS.iter().filter(|(_, pattern, _)| pattern.contains('{')) {
        let parts = pattern.split('/').map(|part| if part.starts_with('{') { "%FF" } else { part });
        let url = format!("{KEYS}{}", parts.collect::<Vec<_>>().join("/"));
        let (status, _) = ask(&world.client(), method.parse().unwrap(), &url, &[], "").await.unwrap();
        assert_eq!(status, 404, "{method} {pattern}");
    }
}

#[tokio::test]
async fn no_form_of_the_dashboard_is_taken_without_the_sessions_token() {
    let scene = Scene::new().await;
    for (_, pattern, _) in DOORS.iter().filter(|(method, _, door)| *method == "POST" && *door == Operator) {
        for forged in ["", "guess"] {
            let reply = scene.visit(Visitor::Operator, "POST", pattern, Some(forged)).await;
            assert_eq!(reply.status.as_u16(), 403, "POST {pattern}");
        }
    }
}

#[tokio::test]
async fn no_form_of_the_dashboard_is_taken_from_another_site_even_with_the_sessions_token() {
    let scene = Scene::new().await;
    let forms: Vec<&str> = DOORS
        .iter()
        .filter(|(method, path, _)| *method == "POST" && path.starts_with("/admin"))
        .map(|(_, path, _)| *path)
        .collect();
    assert!(["/admin/sign-in", "/admin/sign-in/code", "/admin/setup/{link}"].iter().all(|path| forms.contains(path)));
    for pattern in forms {
        let reply = scene.visit_from("cross-site", Visitor::Operator, "POST", pattern, None).await;
        assert_eq!(reply.status.as_u16(), 403, "POST {pattern}");
    }
}

/// The paths that a matcher of the Caddyfile names.
fn named(caddyfile: &str, matcher: &str) -> Vec<String> {
    let line = caddyfile.lines().find_map(|line| line.trim().strip_prefix(matcher)).expect("the matcher");
    line.split_whitespace().map(str::to_owned).collect()
}

fn is_named(patterns: &[String], path: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(begins) => path.starts_with(begins),
        None => path == pattern,
    })
}

#[test]
fn the_proxy_that_is_shipped_lets_in_what_is_for_merchants_and_stores_and_nothing_else() {
    let caddyfile = include_str!("../../deploy/Caddyfile");
    let (outside, not_inside) = (named(caddyfile, "@outside path "), named(caddyfile, "@inside not path "));
    for (method, path, door) in DOORS {
        let internal = ["/admin", "/api", "/docs", "/llms.txt", "/readyz", "/metrics"];
        let of_the_house = internal.iter().any(|begins| path.starts_with(begins));
        assert_eq!(is_named(&outside, path), !of_the_house, "{method} {path} from outside");
        let of_both = path.starts_with("/static/") || *path == "/livez";
        assert_eq!(is_named(&not_inside, path), !of_the_house && !of_both, "{method} {path} from inside");
        assert!(of_the_house || !matches!(door, Operator | Token(_)), "{method} {path}");
    }
}
