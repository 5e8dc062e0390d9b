//! The pretend store is faithful: each table of measurements is run against it.

#![expect(clippy::unwrap_used, reason = "test code: a panic is the failure")]

mod asked;
mod delivery;
mod hops;
mod keys;
mod layouts;
mod listener;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cartkey::demo::pretend_store::{PretendStore, Setup, Switches};
use cartkey::domain::entropy::Entropy;
use cartkey::domain::store_url::Network;
use cartkey::domain::time::{Clock, Time};
use cartkey::woo::http::{Call, Client, Outgoing, Reply, Resolver};
use hyper::Method;
use hyper::header::{AUTHORIZATION, HeaderValue};
use tokio_rustls::rustls::pki_types::CertificateDer;

use crate::merchant::Merchant;
use crate::tls::certificate;
use listener::Listener;

const HOME: &str = "https://shop.example";
const NAMES: [&str; 5] = ["shop.example", "www.shop.example", "keys.example", "app.example", "127.0.0.1"];

/// A store at `https://shop.example` (and `www.`), an application at `keys.example` and `app.example`, and a resolver for them.
struct Town {
    store: PretendStore,
    listener: Listener,
    clock: Clock,
    asking: Client,
    passer_by: Merchant,
}

impl Town {
    async fn new() -> Self {
        Self::with(HOME, Switches::default()).await
    }

    async fn with(home: &str, switches: Switches) -> Self {
        let (tls, root) = certificate(&NAMES);
        let listener = Listener::start(Arc::clone(&tls)).await;
        let clock = Clock::test(Time::from_millis(1_790_000_000_000));
        // A port that was free a moment ago refuses; the certificate does not name other.example.
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let (app, other) = (("keys.example", listener.addr), ("other.example", listener.addr));
        let callback_names = resolver(&[app, other, ("closed.example", closed)]);
        let store = PretendStore::start(Setup {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            home: home.to_owned(),
            name: "Cups & Plates".to_owned(),
            tls: home.starts_with("https://").then_some(tls),
            outgoing: client(callback_names, root.clone(), &clock),
            clock: clock.clone(),
            entropy: Entropy::seeded(7),
            switches,
        })
        .await
        .unwrap();
        let (shop, app) = (store.addr(), listener.addr);
        let names = [("shop.example", shop), ("www.shop.example", shop), ("keys.example", app), ("app.example", app)];
        let asking = client(resolver(&names), root.clone(), &clock);
        let passer_by = Merchant::new(resolver(&names), vec![root]);
        Self { store, listener, clock, asking, passer_by }
    }

    fn merchant(&self) -> Merchant {
        self.passer_by.another()
    }

    /// A merchant logged in before the approval begins.
    async fn logged_in(&self) -> Merchant {
        let mut merchant = self.merchant();
        merchant.post_form(&format!("{HOME}/wp-login.php"), &[("log", "admin"), ("pwd", "demo")]).await;
        assert!(merchant.cookie("shop.example", "wordpress_logged_in_httpsshopexample").is_some());
        merchant
    }

    /// The `user_id` of the last callback.
    fn delivered_user_id(&self) -> String {
        let callback = self.store.callbacks().pop().expect("a callback was made");
        serde_json::from_str::<serde_json::Value>(&callback.body).unwrap()["user_id"].as_str().unwrap().to_owned()
    }

    /// Sends a request like a program; `authorization` is the header's value.
    async fn ask(&self, method: &str, target: &str, authorization: Option<String>) -> Reply {
        let url = format!("{}{target}", self.store.home());
        let headers = authorization.map(|value| (AUTHORIZATION, HeaderValue::from_str(&value).unwrap()));
        let call = Call {
            method: Method::from_bytes(method.as_bytes()).unwrap(),
            url: &url,
            headers: headers.into_iter().collect(),
            body: Vec::new(),
            within: Duration::from_secs(10),
            at_most: 4 * 1024 * 1024,
        };
        self.asking.send(call).await.unwrap()
    }

    async fn get(&self, target: &str) -> Reply {
        self.ask("GET", target, None).await
    }
}

fn client(resolver: Resolver, root: CertificateDer<'static>, clock: &Clock) -> Client {
    let user_agent = "Test/1.0".to_owned();
    let outgoing =
        Outgoing { network: Network::PrivateToo, resolver, extra_roots: vec![root], user_agent, own_host: None };
    Client::new(outgoing, clock.clone(), Entropy::seeded(1))
}

fn resolver(names: &[(&str, SocketAddr)]) -> Resolver {
    let names: HashMap<_, _> = names.iter().map(|(name, addr)| ((*name).to_owned(), vec![*addr])).collect();
    Resolver::Fixed(Arc::new(names))
}

/// The authorize address at `home`, each value encoded once.
fn authorize(home: &str, changes: &[(&str, &str)]) -> String {
    let mut params = vec![
        ("app_name", "Key Desk"),
        ("scope", "read_write"),
        ("user_id", "abc123"),
        ("return_url", "https://app.example/return"),
        ("callback_url", "https://keys.example/answer/200"),
    ];
    for (name, value) in changes {
        params.retain(|(n, _)| n != name);
        params.push((name, value));
    }
    format!("{home}/wc-auth/v1/authorize?{}", serde_urlencoded::to_string(params).unwrap())
}

/// The body as text.
fn body(reply: &Reply) -> &str {
    std::str::from_utf8(&reply.body).unwrap()
}

/// A header as text; empty if missing.
fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    reply.headers.get(name).map_or("", |value| value.to_str().unwrap())
}
