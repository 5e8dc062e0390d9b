//! The world of a story: Cartkey at `https://keys.example`, two pretend stores, people and services, real TLS and a real database.
//! Time stands still until it is moved.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cartkey::app::App;
use cartkey::config::Config;
use cartkey::demo::pretend_store::{IssuedKey, PretendStore, Setup, Switches};
use cartkey::domain::actor::Actor;
use cartkey::domain::entropy::Entropy;
use cartkey::domain::store_url::Network;
use cartkey::domain::time::{Clock, Time};
use cartkey::domain::token::Permissions;
use cartkey::flow::{connecting::prove, lending::tokens, open_vault};
use cartkey::storage::Db;
use cartkey::vault::RingSource;
use cartkey::vault::password::{Cost, Passwords};
use cartkey::woo::{Call, Client, Outgoing, Resolver};
use cartkey::{serve, web};
use hyper::Method;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::CertificateDer;
use url::Url;

use crate::database::column;
use crate::merchant::{Merchant, Page};
use crate::service::Service;
use crate::tls::certificate;

/// Cartkey's public address.
pub const KEYS: &str = "https://keys.example";
/// The store in most stories.
pub const SHOP: &str = "https://shop.example";
/// Another store.
pub const OTHER: &str = "https://other.example";
/// The time at which every story begins.
pub const BEGINNING: Time = Time::from_millis(1_790_000_000_000);

const NAMES: [&str; 9] = [
    "keys.example",
    "shop.example",
    "www.shop.example",
    "other.example",
    "app.example",
    "moved.example",
    "www.half.example",
    "www.nameless.example",
    "localhost",
];

/// Everything a story needs.
pub struct World {
    /// Cartkey.
    pub app: App,
    /// The store at [`SHOP`], also reached as `www.` and `moved.example`.
    pub shop: PretendStore,
    /// The store at [`OTHER`].
    pub other: PretendStore,
    /// The clock shared by all servers.
    pub clock: Clock,
    /// The address of the database.
    pub database_url: String,
    /// The folder with the ring and, on SQLite, the database.
    pub folder: tempfile::TempDir,
    /// The resolver for all names of this world.
    pub names: Resolver,
    /// The certificate of every server in this world.
    pub root: CertificateDer<'static>,
    /// The same, for a server that a story starts.
    pub tls: Arc<ServerConfig>,
    stop: watch::Sender<bool>,
}

impl World {
    /// A healthy world.
    pub async fn new() -> Self {
        Self::with(&[], Switches::default()).await
    }

    /// A world with these Cartkey settings and shop switches.
    pub async fn with(settings: &[(&str, &str)], switches: Switches) -> Self {
        Self::at(SHOP, settings, switches).await
    }

    /// Like [`Self::with`], with the shop's own address, which may have a sub-directory.
    pub async fn at(home: &str, settings: &[(&str, &str)], switches: Switches) -> Self {
        let (tls, root) = certificate(&NAMES);
        let clock = Clock::test(BEGINNING);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let front_address = front.local_addr().unwrap();
        // What a store posts to Cartkey goes by the front.
        let outward = names(&[("keys.example", front_address)]);
        let store = |home: &str, switches| Setup {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            home: home.to_owned(),
            name: "Cups & Plates".to_owned(),
            tls: Some(Arc::clone(&tls)),
            outgoing: client(outward.clone(), root.clone(), &clock),
            clock: clock.clone(),
            entropy: Entropy::seeded(7),
            switches,
        };
        let shop = PretendStore::start(store(home, switches)).await.unwrap();
        let other = PretendStore::start(store(OTHER, Switches::default())).await.unwrap();
        let names = names(&[
            ("keys.example", front_address),
            ("app.example", front_address),
            ("shop.example", shop.addr()),
            ("www.shop.example", shop.addr()),
            ("moved.example", shop.addr()),
            // As which programs of their own reach it too.
            ("localhost", shop.addr()),
            ("other.example", other.addr()),
            // The certificate does not name this one; and nobody listens at port 1.
            ("mistrusted.example", shop.addr()),
            ("half.example", shop.addr()),
            ("www.half.example", shop.addr()),
            ("www.nameless.example", shop.addr()),
            ("closed.example", SocketAddr::from(([127, 0, 0, 1], 1))),
        ]);
        let folder = tempfile::tempdir().unwrap();
        let database_url = crate::database::fresh(folder.path()).await;
        let app =
            open(settings, &database_url, folder.path(), client(names.clone(), root.clone(), &clock), &clock).await;
        let (end, ended) = watch::channel(false);
        let inner = listener.local_addr().unwrap();
        tokio::spawn(serve::accept(listener, web::all(&app), serve::Limits::default(), ended));
        tokio::spawn(terminate_tls(front, Arc::clone(&tls), inner));
        Self { app, shop, other, clock, database_url, folder, names, root, tls, stop: end }
    }

    /// A merchant in a fresh browser.
    pub fn merchant(&self) -> Merchant {
        Merchant::new(self.names.clone(), vec![self.root.clone()])
    }

    /// A client that trusts this world's certificates and resolves its names.
    pub fn client(&self) -> Client {
        client(self.names.clone(), self.root.clone(), &self.clock)
    }

    /// The production client: names still lead to loopback, so it must refuse them.
    pub fn guarded_client(&self) -> Client {
        let outgoing = Outgoing {
            network: Network::Public,
            resolver: self.names.clone(),
            extra_roots: vec![self.root.clone()],
            user_agent: cartkey::woo::user_agent(KEYS),
            own_host: Some("keys.example".to_owned()),
        };
        Client::new(outgoing, self.clock.clone(), Entropy::System)
    }

    /// An internal service with these permissions.
    pub async fn service(&self, allow: &str) -> Service {
        self.holder(tokens::NewToken::new("a service", allow.parse().expect("permissions"))).await
    }

    /// A service with this token.
    pub async fn holder(&self, new: tokens::NewToken) -> Service {
        let (token, secret) = tokens::issue(&self.app, new, &Actor::new("test")).await.unwrap();
        Service { client: self.client(), token: secret.expose().to_owned(), token_id: token.id.to_string() }
    }

    /// A service with all permissions.
    pub async fn trusted_service(&self) -> Service {
        self.holder(tokens::NewToken::new("a service", Permissions::all())).await
    }

    /// The address of a new link for `user_id`, for the shop unless `more` states otherwise.
    pub async fn link(&self, user_id: &str, more: Value) -> (String, String) {
        let mut new = json!({"user_id": user_id, "store_url": SHOP});
        for (name, value) in more.as_object().into_iter().flatten() {
            new[name] = value.clone();
        }
        let made = self.service("links:write").await.post("/links", &new).await.ok();
        (made["id"].as_str().unwrap().to_owned(), made["url"].as_str().unwrap().to_owned())
    }

    /// Opens a link in `browser` and begins, also if this browser began with it before; returns the page that sends it on to the
    /// store.
    pub async fn begin(&self, browser: &mut Merchant, link: &str) -> Page {
        let mut page = browser.get(link).await;
        if page.url.path().starts_with("/connect/attempts/") && page.form("Check again").is_none() {
            page = browser.get(&format!("{}/again", page.url)).await;
        }
        let buttons = ["Check again", "Connect store", "Start here", "Connect another store"];
        let button = buttons.into_iter().find(|button| page.form(button).is_some());
        browser.submit(&page, button.unwrap_or_else(|| panic!("no form: {}", page.text())), &[]).await
    }

    /// A merchant connects the shop for `user_id`, from link to result; returns the result's page.
    pub async fn connect(&self, user_id: &str) -> Page {
        let mut browser = self.merchant();
        let (_, link) = self.link(user_id, json!({})).await;
        let sent = self.begin(&mut browser, &link).await;
        let back = browser.approve_on(sent).await;
        self.prove().await;
        browser.get(back.url.as_str()).await
    }

    /// Moves the clock to a new key's first try, and runs due tries.
    pub async fn prove(&self) -> usize {
        self.pass(Duration::from_secs(1)).await
    }

    /// Moves the clock and runs due tries.
    pub async fn pass(&self, span: Duration) -> usize {
        self.clock.advance(span);
        prove::run_due(&self.app).await.unwrap()
    }

    /// Serves a changed copy of this Cartkey on plain HTTP; returns its address.
    pub async fn also(&self, change: impl FnOnce(&mut App)) -> String {
        let mut app = self.app.clone();
        change(&mut app);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve::accept(listener, web::all(&app), serve::Limits::default(), self.stop.subscribe()));
        address
    }

    /// Another replica of this Cartkey: same database and ring, separate memory.
    pub async fn replica(&self) -> App {
        open(&[], &self.database_url, self.folder.path(), self.client(), &self.clock).await
    }

    /// A merchant approves for `user_id` and returns; the key is not tried yet. Returns their browser, the waiting page and the
    /// link's id.
    pub async fn approved(&self, user_id: &str, more: Value) -> (Merchant, Page, String) {
        let mut browser = self.merchant();
        let (id, link) = self.link(user_id, more).await;
        let sent = self.begin(&mut browser, &link).await;
        let back = browser.approve_on(sent).await;
        (browser, back, id)
    }

    /// The status and reason of a link's newest attempt, as services see them; the reason is empty if there is none.
    pub async fn stands(&self, link_id: &str) -> (String, String) {
        let link = self.service("links:write").await.get(&format!("/links/{link_id}")).await.ok();
        let text = |name: &str| link["attempt"][name].as_str().unwrap_or_default().to_owned();
        (text("status"), text("reason"))
    }

    /// The events whose kinds are LIKE this, in order: kind, reason or `-`, and actor; an id is cut to its prefix.
    pub async fn happened(&self, kinds: &str) -> Vec<String> {
        let said = "kind || ' ' || COALESCE(reason, '-') || ' ' || actor";
        let all = format!("SELECT {said} FROM events WHERE kind LIKE '{kinds}' ORDER BY seq");
        let mut told = column(&self.app.db, &all).await;
        for line in &mut told {
            if let Some((before, who)) = line.rsplit_once(' ') {
                *line = format!("{before} {}", who.split('_').next().unwrap_or_default());
            }
        }
        told
    }

    /// Posts a grant to the callback on the page `sent`; `claims` is its stated scope.
    pub async fn post_grant(&self, sent: &Page, key: &IssuedKey, claims: &str) -> u16 {
        let authorize = Url::parse(&sent.refresh().expect("the page sends the browser on")).unwrap();
        let param = |wanted: &str| {
            let found = authorize.query_pairs().find(|(name, _)| name == wanted);
            found.expect("every parameter is there").1.into_owned()
        };
        let body = json!({
            "key_id": key.key_id, "user_id": param("user_id"), "consumer_key": key.consumer_key,
            "consumer_secret": key.consumer_secret, "key_permissions": claims,
        });
        let url = param("callback_url");
        let body = body.to_string().into_bytes();
        let within = Duration::from_secs(30);
        let call = Call { method: Method::POST, url: &url, headers: Vec::new(), body, within, at_most: 1 << 16 };
        self.client().send(call).await.unwrap().status.as_u16()
    }
}

/// Cartkey with these settings on this database, with the ring in `folder`.
pub async fn open(settings: &[(&str, &str)], database_url: &str, folder: &Path, client: Client, clock: &Clock) -> App {
    let mut vars: BTreeMap<String, String> = [
        ("CARTKEY_PUBLIC_URL", KEYS),
        ("CARTKEY_APP_NAME", "Acme Shipping"),
        ("CARTKEY_RETURN_ORIGINS", "https://app.example"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    vars.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let config = Config::read(vars).unwrap();
    let entropy = Entropy::System;
    let db = Db::open(database_url).await.unwrap();
    let vault = open_vault::open_vault(&db, &RingSource::File(folder.join("ring/master.key")), clock.now(), &entropy)
        .await
        .unwrap();
    let mut app = App::new(db, vault, client, clock.clone(), entropy, config.site);
    app.ring = Some(RingSource::File(folder.join("ring/master.key")));
    app.backup = config.backup;
    app.passwords = Passwords::new(Cost::Small);
    app
}

/// A client that treats loopback as public: names lead there, and the guard has its own tests.
pub fn client(resolver: Resolver, root: CertificateDer<'static>, clock: &Clock) -> Client {
    let user_agent = cartkey::woo::user_agent(KEYS);
    let outgoing =
        Outgoing { network: Network::PrivateToo, resolver, extra_roots: vec![root], user_agent, own_host: None };
    Client::new(outgoing, clock.clone(), Entropy::System)
}

/// A resolver for these addresses.
pub fn names(names: &[(&str, SocketAddr)]) -> Resolver {
    let names: HashMap<_, _> = names.iter().map(|(name, addr)| ((*name).to_owned(), vec![*addr])).collect();
    Resolver::Fixed(Arc::new(names))
}

/// Acts like a TLS proxy in front of Cartkey.
pub async fn terminate_tls(front: TcpListener, tls: Arc<ServerConfig>, inner: SocketAddr) {
    let acceptor = TlsAcceptor::from(tls);
    while let Ok((outside, _)) = front.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(mut outside) = acceptor.accept(outside).await else { return };
            let mut inside = TcpStream::connect(inner).await.expect("Cartkey listens");
            let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
        });
    }
}
