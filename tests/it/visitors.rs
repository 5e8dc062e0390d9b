//! Every route and every kind of visitor: who is let in, and how the others are turned away. Made from the router's own
//! source, so that a route that nobody has thought about fails here.

mod doors;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use cartkey::domain::actor::Actor;
use cartkey::domain::id::OperatorId;
use cartkey::domain::token::Permission;
use cartkey::flow::{operators, sign_in};
use cartkey::woo::{Call, Client, Reply};
use hyper::header::{HeaderName, HeaderValue};
use serde_json::json;

use self::doors::DOORS;
use self::doors::Door::{self, Beginner, Everybody, Operator, Store, Token};
use crate::merchant::Merchant;
use crate::world::{KEYS, World};

/// Who comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visitor {
    Nobody,
    /// The browser that began the attempt.
    Merchant,
    /// One who began something else.
    AnotherMerchant,
    Operator,
    /// An operator whose session is over.
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

/// Method and path of every route in the sources of `web`, with the prefix under which its file is nested.
fn routes() -> BTreeSet<(String, String)> {
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

/// Those of one source; an error is a route whose path is no text that can be read here.
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

/// What the paths of a world stand for.
struct Scene {
    world: World,
    client: Client,
    operator: OperatorId,
    expired: String,
    beginner: String,
    another: String,
    store: String,
    attempt: String,
    link: String,
    link_id: String,
    token_id: String,
    webhook: String,
    tokens: Vec<(Permission, String)>,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let password = cartkey::domain::secret::Secret::new(crate::operator::PASSWORD.to_owned());
        let operator = operators::add(&world.app, "ann".parse().unwrap(), &password, &Actor::cli()).await.unwrap();
        let expired = session(&world, &operator).await;
        world.clock.advance(Duration::from_mins(31));
        world.connect("merchant-1").await;
        let store =
            world.trusted_service().await.get("/stores").await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
        let (browser, back, link_id) = world.approved("merchant-2", json!({})).await;
        let attempt = back.url.path().rsplit('/').next().unwrap().to_owned();
        let (_, link) = world.link("merchant-3", json!({})).await;
        let mut other = world.merchant();
        world.begin(&mut other, &link).await;
        let cookie = |browser: &Merchant| browser.cookie("keys.example", "__Host-cartkey").unwrap().to_owned();
        let mut tokens = Vec::new();
        for permission in Permission::ALL {
            tokens.push((permission, world.service(permission.as_str()).await.token));
        }
        // The one whose page is looked at is none of those who look.
        let token_id = world.service("events:read").await.token_id;
        let webhook = world.webhook("https://app.example/hook?token=x", "*").await.0.id.to_string();
        Self {
            client: world.client(),
            operator,
            expired,
            beginner: cookie(&browser),
            another: cookie(&other),
            store,
            attempt,
            link: link.rsplit('/').next().unwrap().to_owned(),
            link_id,
            token_id,
            webhook,
            tokens,
            world,
        }
    }

    fn path(&self, pattern: &str) -> String {
        let id = match pattern.split('/').nth(if pattern.starts_with("/api") { 3 } else { 2 }) {
            Some("stores") => &self.store,
            Some("attempts") => &self.attempt,
            Some("links") => &self.link_id,
            Some("webhooks") => &self.webhook,
            _ => &self.token_id,
        };
        let link = if pattern.starts_with("/admin") { "guess" } else { &self.link };
        let filled = pattern.replace("{id}", id).replace("{attempt}", &self.attempt).replace("{link}", link);
        filled
            .replace("{token}", "guess")
            .replace("{user_id}", "merchant-1")
            .replace("{file}", "guess.png")
            .replace("{delivery}", "dl_01jd0000000000000000000000")
    }

    async fn visit(&self, visitor: Visitor, method: &str, pattern: &str, form_token: Option<&str>) -> Reply {
        self.visit_from("same-origin", visitor, method, pattern, form_token).await
    }

    async fn visit_from(
        &self,
        site: &str,
        visitor: Visitor,
        method: &str,
        pattern: &str,
        form_token: Option<&str>,
    ) -> Reply {
        let mut headers =
            vec![("accept", "text/html".to_owned()), ("sec-fetch-site", site.to_owned()), ("origin", KEYS.to_owned())];
        let mut body = String::new();
        match visitor {
            Visitor::Nobody => {}
            Visitor::Merchant => headers.push(("cookie", format!("__Host-cartkey={}", self.beginner))),
            Visitor::AnotherMerchant => headers.push(("cookie", format!("__Host-cartkey={}", self.another))),
            Visitor::Expired => headers.push(("cookie", format!("__Host-cartkey-operator={}", self.expired))),
            Visitor::Operator => {
                // A session of its own: some routes end it.
                let cookie = session(&self.world, &self.operator).await;
                let token = sign_in::token_of_forms(&cartkey::domain::secret::Secret::new(cookie.clone()));
                body = format!("form_token={}", form_token.unwrap_or(token.expose()));
                headers.push(("cookie", format!("__Host-cartkey-operator={cookie}")));
            }
            Visitor::Token(permission) => {
                let token = &self.tokens.iter().find(|(known, _)| *known == permission).unwrap().1;
                headers.push(("authorization", format!("Bearer {token}")));
            }
        }
        if method == "POST" && !pattern.starts_with("/api") {
            headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
        }
        let headers = headers
            .into_iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(&value).unwrap()));
        let url = format!("{KEYS}{}", self.path(pattern));
        let call = Call {
            method: method.parse().unwrap(),
            url: &url,
            headers: headers.collect(),
            body: if method == "POST" { body.into_bytes() } else { Vec::new() },
            within: Duration::from_secs(30),
            at_most: 1 << 22,
        };
        self.client.send(call).await.unwrap()
    }
}

async fn session(world: &World, operator: &OperatorId) -> String {
    let begun = sign_in::begin_for(&world.app, operator, &Actor::new("test")).await.unwrap();
    begun.cookie.expose().to_owned()
}

fn leads_to_sign_in(reply: &Reply) -> bool {
    let location = reply.headers.get("location").and_then(|to| to.to_str().ok()).unwrap_or_default();
    reply.status.as_u16() == 303 && location.starts_with("/admin/sign-in?next=")
}

/// How `visitor` must be answered at `door`; what is wrong, if anything.
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

#[tokio::test]
async fn every_visitor_at_every_route() {
    let scene = Scene::new().await;
    let mut wrong = Vec::new();
    for (method, pattern, door) in DOORS {
        for visitor in Visitor::all() {
            let reply = scene.visit(visitor, method, pattern, None).await;
            wrong.extend(judge(*door, visitor, method, &reply).map(|why| format!("{method} {pattern}: {why}")));
            let text = String::from_utf8_lossy(&reply.body);
            for secret in [&scene.world.shop.keys()[0].consumer_secret, &scene.expired, &scene.beginner] {
                let is_lent = matches!(door, Token(Permission::KeysRead)) && visitor.may_pass(*door);
                if text.contains(secret.as_str()) && !is_lent {
                    wrong.push(format!("{method} {pattern}: {visitor:?} saw a secret"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
