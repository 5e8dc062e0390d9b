//! The values in the paths of the routes, and the visitors.

use std::time::Duration;

use cartkey::domain::actor::Actor;
use cartkey::domain::id::OperatorId;
use cartkey::domain::token::Permission;
use cartkey::flow::connecting::{application_password, by_hand};
use cartkey::flow::{operators, operators::sign_in};
use cartkey::woo::{Call, Client, Reply};
use hyper::header::{HeaderName, HeaderValue};
use serde_json::json;

use super::Visitor;
use crate::merchant::Merchant;
use crate::world::{KEYS, World};

/// The values for path parameters in a world.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) client: Client,
    pub(super) operator: OperatorId,
    pub(super) expired: String,
    pub(super) beginner: String,
    pub(super) another: String,
    pub(super) store: String,
    pub(super) attempt: String,
    /// Another attempt of the same browser, for which no key has come.
    pub(super) open_attempt: String,
    pub(super) link: String,
    pub(super) link_id: String,
    pub(super) token_id: String,
    pub(super) webhook: String,
    pub(super) tokens: Vec<(Permission, String)>,
}

impl Scene {
    pub(super) async fn new() -> Self {
        let world = World::new().await;
        let password = cartkey::domain::secret::Secret::new(crate::operator::PASSWORD.to_owned());
        let operator = operators::add(&world.app, "ann".parse().unwrap(), &password, &Actor::cli()).await.unwrap();
        let expired = session(&world, &operator).await;
        world.clock.advance(Duration::from_mins(31));
        by_hand::allow(&world.app, true, &Actor::cli()).await.unwrap();
        application_password::allow(&world.app, true, &Actor::cli()).await.unwrap();
        world.connect("merchant-1").await;
        let store =
            world.trusted_service().await.get("/stores").await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
        let (mut browser, back, link_id) = world.approved("merchant-2", json!({})).await;
        let (_, link) = world.link("merchant-4", json!({})).await;
        let sent = world.begin(&mut browser, &link).await;
        let open_attempt = sent.url.path().rsplit('/').next().unwrap().to_owned();
        let attempt = back.url.path().rsplit('/').next().unwrap().to_owned();
        let (_, link) = world.link("merchant-3", json!({})).await;
        let mut other = world.merchant();
        world.begin(&mut other, &link).await;
        let cookie = |browser: &Merchant| browser.cookie("keys.example", "__Host-cartkey").unwrap().to_owned();
        let mut tokens = Vec::new();
        for permission in Permission::ALL {
            tokens.push((permission, world.service(permission.as_str()).await.token));
        }
        // The one that is looked at is none of those who look. Who may rotate it has its permission.
        let token_id = world.service("tokens:write").await.token_id;
        let webhook = world.webhook("https://app.example/hook?token=x", "*").await.0.id.to_string();
        Self {
            client: world.client(),
            operator,
            expired,
            beginner: cookie(&browser),
            another: cookie(&other),
            store,
            attempt,
            open_attempt,
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
        let is_open = pattern.ends_with("application-password");
        let attempt = if is_open { &self.open_attempt } else { &self.attempt };
        let filled = pattern
            .replace("{id}", id)
            .replace("{attempt}", attempt)
            .replace("{state}", "guess")
            .replace("{link}", link);
        filled
            .replace("{token}", "guess")
            .replace("{user_id}", "merchant-1")
            .replace("{*route}", "wc/v3/products")
            .replace("{file}", "guess.png")
            .replace("{page}", "api.md")
            .replace("{delivery}", "dl_01jd0000000000000000000000")
    }

    pub(super) async fn visit(&self, visitor: Visitor, method: &str, pattern: &str, form_token: Option<&str>) -> Reply {
        self.visit_from("same-origin", visitor, method, pattern, form_token).await
    }

    pub(super) async fn visit_from(
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

pub(super) async fn session(world: &World, operator: &OperatorId) -> String {
    let begun = sign_in::begin_for(&world.app, operator, &Actor::new("test")).await.unwrap();
    begun.cookie.expose().to_owned()
}
