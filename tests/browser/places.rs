//! Every page there is, with something on it: an installation in use, with an operator signed in.

use std::time::Duration;

use cartkey::domain::actor::Actor;
use cartkey::flow::webhooks::{self, NewWebhook};
use cartkey::flow::{watching::watch, webhooks::dispatch};
use serde_json::json;
use url::Url;

use crate::chromium::Browser;
use crate::operator::PASSWORD;
use crate::receiver::Receiver;
use crate::world::{KEYS, OTHER, World};

/// A page.
pub struct Place {
    /// What a picture of it is called.
    pub name: String,
    /// Where it is.
    pub address: String,
}

impl Place {
    fn new(name: &str, path: &str) -> Self {
        Self { name: name.to_owned(), address: format!("{KEYS}{path}") }
    }
}

/// Signs an operator in at `browser` and gives every page that can be looked at.
pub async fn places(world: &World, browser: &Browser) -> Vec<Place> {
    world.stranger("ann").await;
    let scene = scene(world).await;
    browser.sign_in("ann", PASSWORD).await;
    let [well, ill] = [&scene.well, &scene.ill].map(|id| format!("/admin/stores/{id}"));
    let attempt = format!("/admin/attempts/{}", scene.held);
    let token = format!("/admin/tokens/{}", scene.token);
    let webhook = format!("/admin/webhooks/{}", scene.webhook);
    let all = [
        ("overview", "/admin"),
        ("stores", "/admin/stores"),
        ("stores-nothing-found", "/admin/stores?q=nothing"),
        ("store", &well),
        ("store-in-trouble", &ill),
        ("store-add", "/admin/stores/add"),
        ("store-disconnect", &format!("{well}/disconnect")),
        ("approval", &attempt),
        ("links", "/admin/links"),
        ("link-new", "/admin/links/new"),
        ("link-withdraw", &format!("/admin/links/{}/withdraw", scene.link)),
        ("tokens", "/admin/tokens"),
        ("token-new", "/admin/tokens/new"),
        ("token-rotate", &format!("{token}/rotate")),
        ("token-revoke", &format!("{token}/revoke")),
        ("webhooks", "/admin/webhooks"),
        ("webhook-new", "/admin/webhooks/new"),
        ("webhook", &webhook),
        ("webhook-failing", &format!("/admin/webhooks/{}", scene.failing)),
        ("webhook-off", &format!("/admin/webhooks/{}", scene.gone)),
        ("webhook-change", &format!("{webhook}/edit")),
        ("webhook-rotate", &format!("{webhook}/rotate")),
        ("webhook-send-again", &format!("{webhook}/replay")),
        ("webhook-delete", &format!("{webhook}/delete")),
        ("activity", "/admin/activity"),
        ("activity-nothing-found", "/admin/activity?user_id=nobody"),
        ("settings", "/admin/settings"),
        ("diagnostics", "/admin/diagnostics"),
        ("account", "/admin/account"),
        ("second-factor", "/admin/account/second-factor"),
        ("not-found", "/admin/stores/st_00000000000000000000000000"),
        ("api", "/api/v1/docs"),
        ("connect", &scene.invitation),
        ("connect-open", "/connect"),
        ("connect-german", "/connect?lang=de"),
        ("connect-japanese", "/connect?lang=ja"),
        ("link-gone", "/connect/no-such-link?lang=en"),
    ];
    all.map(|(name, path)| Place::new(name, path)).into()
}

/// What there is to be looked at.
struct Scene {
    well: String,
    ill: String,
    held: String,
    link: String,
    invitation: String,
    token: String,
    webhook: String,
    failing: String,
    gone: String,
}

async fn scene(world: &World) -> Scene {
    let service = world.trusted_service().await;
    world.connect("merchant-1").await;
    let store = async |user: &str| -> String {
        let found = service.get(&format!("/stores?user_id={user}")).await.ok();
        found["data"][0]["id"].as_str().expect("a store").to_owned()
    };
    let well = store("merchant-1").await;
    for _ in 0..3 {
        service.get("/users/merchant-1/keys").await.ok();
    }
    // Another merchant's store, whose key is revoked.
    let mut browser = world.merchant();
    let (_, link) = world.link("merchant-2", json!({"store_url": OTHER, "account_label": "Plates Ltd"})).await;
    let sent = world.begin(&mut browser, &link).await;
    browser.approve_on(sent).await;
    world.prove().await;
    let ill = store("merchant-2").await;
    world.other.revoke(world.other.keys()[0].key_id);
    world.clock.advance(Duration::from_hours(5));
    for id in [&well, &ill] {
        watch::check(&world.app, &id.parse().unwrap(), &Actor::cartkey()).await.unwrap();
    }
    // An approval that came back in another browser than the one that began.
    let held = held(world).await;
    let (link, url) = world.link("merchant-4", json!({"account_label": "Cups & Plates"})).await;
    let invitation = url.strip_prefix(KEYS).expect("at our address").to_owned();
    let [webhook, failing, gone] = webhooks(world).await;
    Scene { well, ill, held, link, invitation, token: service.token_id, webhook, failing, gone }
}

/// A webhook that is told, one that fails, and one that is gone.
async fn webhooks(world: &World) -> [String; 3] {
    let told = [Receiver::new().await, Receiver::new().await, Receiver::new().await];
    let mut ids = Vec::new();
    for (receiver, (name, wanted)) in
        told.iter().zip([("Shipping", "*"), ("Billing", "token.*,store.*"), ("", "token.*")])
    {
        let new = NewWebhook { description: name.to_owned(), ..receiver.new_webhook(wanted) };
        let (webhook, _) = webhooks::add(&world.app, new, &Actor::cli()).await.unwrap();
        ids.push(webhook.id.to_string());
    }
    told[1].answers(|answers| answers.status = 503);
    told[2].answers(|answers| answers.status = 410);
    world.trusted_service().await;
    dispatch::run_due(&world.app).await.unwrap();
    let first = ids[0].parse().unwrap();
    webhooks::rotate(&world.app, &first, None, &Actor::cli()).await.unwrap();
    webhooks::test(&world.app, &first, &Actor::cli()).await.unwrap();
    dispatch::run_due(&world.app).await.unwrap();
    ids.try_into().expect("three")
}

/// Somebody begins, somebody else approves.
async fn held(world: &World) -> String {
    let (mut first, mut second) = (world.merchant(), world.merchant());
    let (id, link) = world.link("merchant-3", json!({})).await;
    let sent = world.begin(&mut first, &link).await;
    let address = sent.refresh().expect("on to the store");
    second.approve(&address).await;
    world.pass(Duration::from_mins(2)).await;
    let stands = world.service("links:write").await.get(&format!("/links/{id}")).await.ok();
    stands["attempt"]["id"].as_str().expect("an attempt").to_owned()
}

impl Browser {
    /// Opens a page; it must be that page, and not the way to sign in.
    pub async fn visit(&self, place: &Place) {
        self.go(&place.address).await;
        let (shown, wanted) = (self.url().await, Url::parse(&place.address).unwrap());
        assert_eq!(shown.path(), wanted.path(), "{} is what was looked at", place.name);
    }

    /// Signs in at the dashboard.
    pub async fn sign_in(&self, name: &str, password: &str) {
        self.go(&format!("{KEYS}/admin/sign-in")).await;
        self.write("name", name).await;
        self.write("password", password).await;
        self.press("Sign in").await;
        self.sees("Overview").await;
    }
}
