//! Canaries: searches for known secrets in logs, errors, answers and the database (X1).

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cartkey::demo::pretend_store::{IssuedKey, Switches};
use cartkey::domain::actor::Actor;
use cartkey::domain::entropy::Entropy;
use cartkey::domain::scope::Scope;
use cartkey::domain::store_url::Network;
use cartkey::flow::connecting::{application_password, by_hand};
use cartkey::flow::transfer::add_by_keys::Manner;
use cartkey::flow::transfer::import::file::File;
use cartkey::flow::transfer::import::{self, News, Pace};
use cartkey::storage::Pools;
use hyper::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

use crate::database::{change, column};
use crate::world::{SHOP, World};

/// Everything the process logs, at every level, while a listener exists.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

static LISTENERS: AtomicUsize = AtomicUsize::new(0);

/// Listens until it is dropped.
pub struct Listener(Log);

impl Listener {
    pub fn new() -> Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        let log = LOG.get_or_init(|| {
            let log = Log::default();
            let everything = tracing_subscriber::fmt().with_max_level(Level::TRACE).with_ansi(false);
            let all = everything.with_writer(log.clone()).finish();
            tracing::subscriber::set_global_default(all).expect("nobody else listens in this binary");
            log
        });
        LISTENERS.fetch_add(1, Ordering::SeqCst);
        Self(log.clone())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.0.lock().unwrap()).into_owned()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        LISTENERS.fetch_sub(1, Ordering::SeqCst);
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if LISTENERS.load(Ordering::SeqCst) > 0 {
            self.0.lock().unwrap().extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A secret and every form in which it could leak.
struct Canary {
    name: String,
    forms: Vec<Vec<u8>>,
}

impl Canary {
    fn new(name: impl Into<String>, secret: &[u8]) -> Self {
        let hex = secret.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let mut forms = vec![secret.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
        // A secret inside of something longer, such as `ck:cs`, has three base64 forms; the ends differ.
        for before in 0..3_usize {
            for engine in [&STANDARD, &URL_SAFE_NO_PAD] {
                let shifted = [&b"::"[..before], secret].concat();
                let encoded = engine.encode(&shifted);
                let whole = &encoded[before.div_ceil(3) * 4..encoded.len() - encoded.len() % 4 - 4];
                forms.push(whole.as_bytes().to_vec());
            }
        }
        if let Ok(text) = std::str::from_utf8(secret) {
            forms.push(utf8_percent_encode(text, NON_ALPHANUMERIC).to_string().into_bytes());
        }
        Self { name: name.into(), forms }
    }

    /// `text` is the readable part of `bytes`: searching text is a hundred times as fast.
    fn is_in(&self, bytes: &[u8], text: &str) -> bool {
        self.forms.iter().any(|form| match std::str::from_utf8(form) {
            Ok(form) if form.is_ascii() => text.contains(form),
            _ => bytes.windows(form.len()).any(|part| part == form),
        })
    }
}

/// The names of the secrets found in `hay`.
fn found(canaries: &[Canary], hay: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(hay);
    canaries.iter().filter(|canary| canary.is_in(hay, &text)).map(|canary| canary.name.clone()).collect()
}

/// Every byte the database stores: SQLite's files, or each text and bytea column of PostgreSQL.
async fn kept(world: &World) -> Vec<u8> {
    let db = &world.app.db;
    if let Pools::Sqlite { .. } = db.pools() {
        let files = std::fs::read_dir(world.folder.path()).unwrap().map(|file| file.unwrap().path());
        let all: Vec<Vec<u8>> = files.filter(|path| path.is_file()).map(|path| std::fs::read(path).unwrap()).collect();
        assert!(all.len() >= 2, "the database and its WAL");
        return all.concat();
    }
    let columns = "SELECT table_name || ' ' || column_name || ' ' || data_type FROM information_schema.columns
                   WHERE table_schema = current_schema() AND data_type IN ('text', 'bytea') ORDER BY 1";
    let columns = column(db, columns).await;
    assert!(columns.len() > 60, "{columns:?}");
    let mut all = Vec::new();
    for entry in columns {
        let words: Vec<&str> = entry.split(' ').collect();
        let [table, name, kind] = words[..] else { panic!("{entry}") };
        // escape: printable bytes stand as they are, which a raw secret is; hex for the rest.
        let ways = if kind == "bytea" { vec!["encode({}, 'escape')", "encode({}, 'hex')"] } else { vec!["{}"] };
        for way in ways {
            let sql = format!("SELECT {} FROM {table}", way.replace("{}", name));
            all.extend(column(db, &sql).await.join("\n").into_bytes());
        }
    }
    all
}

/// A whole story with failures. Returns its secrets, and the texts that must contain none of them: error pages and all answers
/// except Keys.
async fn story(world: &World) -> (Vec<Canary>, Vec<u8>) {
    let (mut canaries, mut told) = (Vec::new(), Vec::new());
    let trusted = world.trusted_service().await;
    canaries.push(Canary::new("service token", trusted.token.as_bytes()));
    let ring = std::fs::read_to_string(world.folder.path().join("ring/master.key")).unwrap();
    let ring_key = ring.trim().split_once(':').unwrap().1;
    canaries.push(Canary::new("ring key, as its file has it", ring_key.as_bytes()));
    canaries.push(Canary::new("ring key", &STANDARD.decode(ring_key).unwrap()));

    // Every way in which a key travels: header, query, signature; one store takes them one after the other.
    for (user, stripped, hidden) in [("a", false, false), ("b", true, false), ("c", true, true)] {
        world.shop.switch(|s| (s.authorization_stripped, s.https_hidden) = (stripped, hidden));
        let mut browser = world.merchant();
        let more = json!({"confirm": "app", "return_url": "https://app.example/done"});
        let (id, url) = world.link(user, more).await;
        canaries.push(Canary::new(format!("{user}: link"), url.rsplit('/').next().unwrap().as_bytes()));
        let sent = world.begin(&mut browser, &url).await;
        let waiting = browser.approve_on(sent).await;
        canaries.push(Canary::new(
            format!("{user}: cookie"),
            browser.cookie("keys.example", "__Host-cartkey").unwrap().as_bytes(),
        ));
        // Somebody else comes along with the address of the return page, and is turned away.
        told.extend(world.merchant().get(waiting.url.as_str()).await.body.into_bytes());
        world.prove().await;
        let page = browser.get(waiting.url.as_str()).await;
        let go_on = page.link("Continue").expect("the way to the application");
        let there = browser.follow(&page, &go_on).await.url;
        let code = there.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        canaries.push(Canary::new(format!("{user}: code"), code.as_bytes()));
        let attempt = trusted.get(&format!("/links/{id}")).await.json;
        let confirm = format!("/attempts/{}/confirm", attempt["attempt"]["id"].as_str().unwrap());
        for code in [&code, &code] {
            told.extend(trusted.post(&confirm, &json!({"code": code})).await.json.to_string().into_bytes());
        }
        told.extend(attempt.to_string().into_bytes());
        trusted.get(&format!("/users/{user}/keys")).await.ok();
    }
    for (made, key) in world.shop.callbacks().iter().zip(world.shop.keys()) {
        let body: serde_json::Value = serde_json::from_str(&made.body).unwrap();
        let owner = key.key_id;
        let token = made.url.rsplit('/').next().unwrap();
        canaries.push(Canary::new(format!("{owner}: callback token"), token.as_bytes()));
        canaries.push(Canary::new(format!("{owner}: state"), body["user_id"].as_str().unwrap().as_bytes()));
        canaries.push(Canary::new(format!("{owner}: consumer key"), key.consumer_key.as_bytes()));
        canaries.push(Canary::new(format!("{owner}: consumer secret"), key.consumer_secret.as_bytes()));
    }
    told.extend(passwords(world, &mut canaries).await);
    told.extend(typed(world, &mut canaries).await);
    told.extend(failures(world, &trusted).await);
    told.extend(dashboard(world, &mut canaries).await);
    told.extend(webhooks(world, &mut canaries).await);
    (canaries, told)
}

/// The dashboard's pages of every store and attempt, including a store's verdict on a given-up key.
async fn dashboard(world: &World, canaries: &mut Vec<Canary>) -> Vec<u8> {
    let mut told = Vec::new();
    let mut ann = world.operator().await;
    let cookie = ann.browser.cookie("keys.example", "__Host-cartkey-operator").unwrap();
    canaries.push(Canary::new("operator's cookie", cookie.as_bytes()));
    canaries.push(Canary::new("password", crate::operator::PASSWORD.as_bytes()));
    for (table, path) in [("stores", "stores"), ("attempts", "attempts")] {
        for id in column(&world.app.db, &format!("SELECT id FROM {table} ORDER BY id")).await {
            let page = ann.get(&format!("/admin/{path}/{id}")).await;
            assert_eq!(page.status, 200, "{}", page.text());
            told.extend(page.body.as_bytes());
            if page.form("Check whether it is revoked").is_some() {
                told.extend(ann.submit(&page, "Check whether it is revoked", &[]).await.body.into_bytes());
            }
        }
    }
    assert_eq!(column(&world.app.db, "SELECT told FROM keys WHERE told IS NOT NULL").await, ["secret_rejected"]);
    told
}

/// Application passwords: one that is used, one that may nothing, one that comes in another browser; each comes twice. Returns the answers.
async fn passwords(world: &World, canaries: &mut Vec<Canary>) -> Vec<u8> {
    let (mut told, mut made) = (Vec::new(), BTreeSet::new());
    application_password::allow(&world.app, true, &Actor::cli()).await.unwrap();
    world.shop.switch(|s| *s = Switches { path_blocked: Some("/wc-auth/"), ..Switches::default() });
    for (who, login) in [("passwords-1", "admin"), ("passwords-2", "editor"), ("passwords-3", "manager")] {
        let (mut browser, (_, link)) = (world.merchant(), world.link(who, json!({})).await);
        let page = world.begin(&mut browser, &link).await;
        let page = browser.click(&page, "application password").await;
        let sent = browser.submit(&page, "Continue to", &[]).await;
        let mut there = world.merchant();
        let visitor = if who == "passwords-3" { &mut there } else { &mut browser };
        login.clone_into(&mut visitor.login);
        let page = visitor.until_password_page(sent).await;
        for _ in 0..2 {
            // Its password is deleted before anybody else could look at it.
            world.shop.switch(|s| s.user_routes_off = true);
            let page = visitor.submit(&page, "Yes, I approve", &[]).await;
            made.extend(world.shop.passwords().into_iter().map(|made| (made.owner, made.password)));
            world.shop.switch(|s| s.user_routes_off = false);
            assert!(!page.url.as_str().contains("password="), "{}", page.url);
            told.extend(format!("{} {:?} {}", page.url, page.headers, page.body).into_bytes());
            world.prove().await;
            told.extend(visitor.get(page.url.as_str()).await.body.into_bytes());
        }
        world.pass(Duration::from_secs(5)).await;
    }
    assert_eq!(made.len(), 6);
    canaries.extend(made.iter().map(|(who, password)| Canary::new(format!("{who}: password"), password.as_bytes())));
    world.shop.switch(|s| *s = Switches::default());
    told
}

/// Keys from other sources: typed by an operator and by a merchant, and imported; valid ones, and wrong halves. Returns the
/// answers.
async fn typed(world: &World, canaries: &mut Vec<Canary>) -> Vec<u8> {
    let mut told = Vec::new();
    by_hand::allow(&world.app, true, &Actor::cli()).await.unwrap();
    let keys = [(); 3].map(|()| world.shop.issue_key("admin", Scope::ReadWrite));
    for (who, key) in ["operator", "merchant", "import"].into_iter().zip(&keys) {
        canaries.push(Canary::new(format!("{who}: typed key"), key.consumer_key.as_bytes()));
        canaries.push(Canary::new(format!("{who}: typed secret"), key.consumer_secret.as_bytes()));
    }
    let mut bob = world.operator_named("bob").await;
    let mut browser = world.merchant();
    let (_, link) = world.link("typed-2", json!({})).await;
    // The halves in each other's place, then another secret, then as they are.
    for (ck, cs) in [(1, 0), (0, 2), (0, 1)] {
        let half = |key: &IssuedKey, which: i32| match which {
            0 => key.consumer_key.clone(),
            1 => key.consumer_secret.clone(),
            _ => key.consumer_secret.chars().rev().collect::<String>().replace("_sc", "").replacen("", "cs_", 1),
        };
        let (key, secret) = (half(&keys[0], ck), half(&keys[0], cs));
        let values =
            [("user_id", "typed-1"), ("store_url", SHOP), ("consumer_key", &*key), ("consumer_secret", &*secret)];
        let page = bob.get("/admin/stores/add").await;
        told.extend(bob.submit(&page, "Test the key and add the store", &values).await.body.into_bytes());
        let (key, secret) = (half(&keys[1], ck), half(&keys[1], cs));
        let values = [("consumer_key", &*key), ("consumer_secret", &*secret)];
        let page = browser.get(&format!("{link}/by-hand")).await;
        let page = browser.submit(&page, "Connect store", &values).await;
        told.extend(page.body.as_bytes());
        world.prove().await;
        told.extend(browser.get(page.url.as_str()).await.body.into_bytes());
    }
    let (key, secret) = (&keys[2].consumer_key, &keys[2].consumer_secret);
    let file = format!(
        "user_id,store_url,consumer_key,consumer_secret\nt,{SHOP},{secret},{key}\nt,{SHOP},{key},{secret}x\ntyped-3,{SHOP},{key},{secret}\n"
    );
    let lines = File::open(file.as_bytes(), Scope::ReadWrite, Network::Public).unwrap();
    let pace = Pace { at_once: 2, every: Duration::from_millis(1), manner: Manner::Imported };
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let tell = |_, _, news: &News| told.extend(format!("{news:?}").into_bytes());
    import::run(&world.app, lines, pace, &Actor::cli(), stopped, tell).await.unwrap();
    let there = column(&world.app.db, "SELECT user_id FROM stores WHERE user_id LIKE 'typed-%' ORDER BY user_id").await;
    assert_eq!(there, ["typed-1", "typed-2", "typed-3"], "each came in");
    told
}

/// A webhook whose secret was rotated, used and tested, on the dashboard after the secret was shown once.
async fn webhooks(world: &World, canaries: &mut Vec<Canary>) -> Vec<u8> {
    let mut told = Vec::new();
    let (webhook, old) = world.webhook("https://shop.example/hook?token=wh-canary-in-the-query", "*").await;
    let actor = Actor::cli();
    let (_, new) = cartkey::flow::webhooks::rotate(&world.app, &webhook.id, None, &actor).await.unwrap();
    for (name, secret) in [("old", &old), ("new", &new)] {
        let bytes = secret.expose().strip_prefix("whsec_").unwrap();
        canaries.push(Canary::new(format!("webhook: {name} secret"), bytes.as_bytes()));
        canaries.push(Canary::new(format!("webhook: {name} key"), &STANDARD.decode(bytes).unwrap()));
    }
    cartkey::flow::webhooks::test(&world.app, &webhook.id, &actor).await.unwrap();
    cartkey::flow::webhooks::dispatch::run_due(&world.app).await.unwrap();
    let mut carol = world.operator_named("carol").await;
    for page in ["", "/edit", "/rotate", "/replay", "/delete"] {
        let page = carol.get(&format!("/admin/webhooks/{}{page}", webhook.id)).await;
        assert_eq!(page.status, 200, "{}", page.text());
        told.extend(page.body.into_bytes());
    }
    told.extend(carol.get("/admin/webhooks").await.body.into_bytes());
    told.extend(world.trusted_service().await.get("/events?limit=200").await.json.to_string().into_bytes());
    told
}

/// Every failure with secrets involved; returns the answers.
async fn failures(world: &World, trusted: &crate::service::Service) -> Vec<u8> {
    let mut told = Vec::new();
    let made = world.shop.callbacks().remove(0);
    let key = world.shop.keys().remove(0);
    let late = made.body.replace("ck_", "ck_f");
    let bad = made.body.replace("read_write", "everything");
    for (url, body) in [(&made.url, &late), (&made.url, &bad), (&format!("{}x", made.url), &made.body)] {
        let (body, within) = (body.clone().into_bytes(), Duration::from_secs(10));
        let call =
            cartkey::woo::Call { method: Method::POST, url, headers: Vec::new(), body, within, at_most: 1 << 16 };
        told.extend(world.client().send(call).await.unwrap().body);
    }
    for path in [format!("/connect/{}", trusted.token), format!("/x/{}?a={}", key.consumer_key, key.consumer_secret)] {
        told.extend(world.merchant().get(&format!("https://keys.example{path}")).await.body.into_bytes());
    }
    let (pair, token) = (json!({"user_id": key.consumer_secret, "scope": 5}), &trusted.token);
    told.extend(trusted.post("/links", &pair).await.json.to_string().into_bytes());
    for path in [
        format!("/stores?token={token}"),
        format!("/users/{token}/keys"),
        format!("/stores/{token}/keys"),
        "/stores".into(),
    ] {
        told.extend(trusted.get(&path).await.json.to_string().into_bytes());
    }
    let ids = column(&world.app.db, "SELECT id FROM stores ORDER BY id").await;
    world.shop.switch(|s| s.server_error = true);
    told.extend(trusted.post(&format!("/stores/{}/check", ids[0]), &json!({})).await.json.to_string().into_bytes());
    world.shop.switch(|s| s.server_error = false);
    world.shop.revoke(1);
    told.extend(trusted.post(&format!("/stores/{}/check", ids[0]), &json!({})).await.json.to_string().into_bytes());
    change(&world.app.db, "UPDATE stores SET home = 'https://other.example' WHERE user_id = 'b'").await;
    told.extend(trusted.post(&format!("/stores/{}/check", ids[1]), &json!({})).await.json.to_string().into_bytes());
    told.extend(trusted.delete(&format!("/stores/{}", ids[2])).await.json.to_string().into_bytes());
    told
}

#[tokio::test]
async fn no_secret_is_where_it_must_not_be() {
    let log = Listener::new();
    let world = World::new().await;
    let (canaries, told) = story(&world).await;
    assert_eq!(canaries.len(), 3 + 3 * 3 + 3 * 4 + 6 + 3 * 2 + 2 + 4);
    let lines = log.text();
    assert!(lines.contains("tested a key of shop.example") && lines.contains("key_unreadable"), "the log was read");
    assert_eq!(found(&canaries, lines.as_bytes()), [""; 0], "in the log");
    assert!(
        lines.contains("delivery to shop.example") && !lines.contains("wh-canary-in-the-query"),
        "nor an address with its query"
    );
    assert_eq!(found(&canaries, &told), [""; 0], "in an answer");
    assert_eq!(found(&canaries, &kept(&world).await), [""; 0], "in the database");
    assert!(told.windows(SHOP.len()).any(|part| part == SHOP.as_bytes()), "answers were read");
}

/// The answer holds the link's address, which is stored nowhere else.
#[tokio::test]
async fn an_answer_that_is_kept_for_its_key_is_sealed() {
    let log = Listener::new();
    let world = World::new().await;
    let service = world.service("links:write").await;
    let ask = async || {
        let body = json!({"user_id": "m"}).to_string().into_bytes();
        service.ask(Method::POST, "/links", &[("idempotency-key", "canary-of-a-key")], body).await.ok()
    };
    let (first, again) = (ask().await, ask().await);
    assert_eq!(first, again);
    let canaries = [
        Canary::new("link", again["url"].as_str().unwrap().rsplit('/').next().unwrap().as_bytes()),
        Canary::new("idempotency key", b"canary-of-a-key"),
    ];
    assert_eq!(found(&canaries, &kept(&world).await), [""; 0], "in the database");
    assert_eq!(found(&canaries[..1], log.text().as_bytes()), [""; 0], "in the log");
}

#[tokio::test]
async fn this_check_can_fail() {
    let log = Listener::new();
    let world = World::new().await;
    world.connect("m").await;
    // Not a key of the shop: every pretend store makes the same ones, and the other test reads the same log.
    let secret = format!("cs_{}", Entropy::System.secret().expose());
    let canary = || [Canary::new("it", secret.as_bytes())];
    assert_eq!(found(&canary(), &kept(&world).await), [""; 0]);
    for planted in [
        secret.clone(),
        STANDARD.encode(&secret),
        STANDARD.encode(format!("ck_0123:{secret}")),
        STANDARD.encode(format!("x{secret}")),
        STANDARD.encode(format!("xy{secret}z")),
        secret.bytes().fold(String::new(), |text, byte| format!("{text}{byte:02X}")),
        utf8_percent_encode(&secret, NON_ALPHANUMERIC).to_string(),
    ] {
        assert_eq!(found(&canary(), format!("a {planted} b").as_bytes()), ["it"], "{planted}");
    }
    change(&world.app.db, &format!("UPDATE stores SET name = '{secret}'")).await;
    assert_eq!(found(&canary(), &kept(&world).await), ["it"], "planted in the database");
    let other = Entropy::System.secret();
    tracing::trace!("a planted {} in the log", other.expose());
    let planted = [Canary::new("the other", other.expose().as_bytes())];
    assert_eq!(found(&planted, log.text().as_bytes()), ["the other"], "planted in the log");
}
