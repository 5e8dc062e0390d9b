//! A faithful stand-in for WooCommerce, as real stores were measured: approval flow, REST API, admin pages.
//!
//! What it answers was taken from WooCommerce 10.0–11.0 on live WordPress; [`Switches`] make it differ as real
//! stores do. It is for `cartkey demo` and for tests: its keys open nothing else.

mod admin;
mod answer;
mod approval;
mod callback;
mod front;
mod json;
mod oauth;
mod pages;
mod php;
mod rest;
mod rest_auth;
mod server;
mod state;
mod switches;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::rustls::ServerConfig;

use crate::domain::entropy::Entropy;
use crate::domain::scope::Scope;
use crate::domain::time::Clock;
use crate::woo::http::Client;

use state::Shop;
pub use state::{CallbackMade, IssuedKey, Role, SITE_PASSWORD, SITE_USER, SeenRequest, USER_PASSWORD};
pub use switches::{Firewall, Pace, Permalinks, Switches};

/// What a pretend store is made of.
pub struct Setup {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The store's own address, with a sub-directory if it has one and without a slash at the end:
    /// `https://shop.example`. A port of `:0` in it becomes the port that was bound.
    pub home: String,
    /// As its pages call it.
    pub name: String,
    /// Set: it speaks TLS.
    pub tls: Option<Arc<ServerConfig>>,
    /// Posts its callbacks.
    pub outgoing: Client,
    /// Tells it the time, for nonces and OAuth timestamps.
    pub clock: Clock,
    /// Makes its keys, nonces and sessions.
    pub entropy: Entropy,
    /// How it differs from a healthy store.
    pub switches: Switches,
}

/// A running store; clones are handles of the same one. It stops when the last handle is dropped.
#[derive(Clone)]
pub struct PretendStore {
    shop: Arc<Shop>,
    running: Arc<Running>,
}

struct Running(JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl PretendStore {
    /// Binds and begins to answer. It has three people, all with [`USER_PASSWORD`]: `admin` (administrator),
    /// `manager` (shop manager) and `customer`.
    pub async fn start(setup: Setup) -> std::io::Result<Self> {
        let listener = TcpListener::bind(setup.listen).await?;
        let addr = listener.local_addr()?;
        let tls = setup.tls.clone();
        let shop = Arc::new(Shop::new(setup, addr));
        let running = tokio::spawn(server::serve(listener, tls, Arc::clone(&shop)));
        Ok(Self { shop, running: Arc::new(Running(running)) })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.shop.addr
    }

    /// Its own address, as it was set up (not where it moved).
    pub fn home(&self) -> String {
        self.shop.home.clone()
    }

    /// Turns switches; requests that are already being answered keep the old ones.
    pub fn switch(&self, change: impl FnOnce(&mut Switches)) {
        self.shop.with(|inner| change(&mut inner.switches));
    }

    /// Every key that was ever made here, the oldest first.
    pub fn keys(&self) -> Vec<IssuedKey> {
        self.shop.with(|inner| inner.keys.iter().map(|row| row.key.clone()).collect())
    }

    /// Makes a key as WooCommerce's settings page does. `owner` is one of the three people.
    pub fn issue_key(&self, owner: &str, scope: Scope) -> IssuedKey {
        self.shop.insert_key("Made by hand", owner, scope.as_str())
    }

    /// Every callback that was posted, the oldest first.
    pub fn callbacks(&self) -> Vec<CallbackMade> {
        self.shop.with(|inner| inner.callbacks.clone())
    }

    /// Every request that arrived, the oldest first.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.shop.with(|inner| inner.requests.clone())
    }

    /// How many such requests arrived.
    pub fn count(&self, is_such: impl Fn(&SeenRequest) -> bool) -> usize {
        self.shop.with(|inner| inner.requests.iter().filter(|request| is_such(request)).count())
    }

    /// Revokes a key, as its owner does on the settings page. An unknown id is ignored.
    pub fn revoke(&self, key_id: i64) {
        self.shop.delete_key(key_id);
    }

    /// Puts a key that was revoked back, as the restore of a database does.
    pub fn restore(&self, key_id: i64) {
        self.shop.change_key(key_id, |key| key.revoked = false);
    }

    /// Changes what a key may do, as its owner does on the settings page.
    pub fn permit(&self, key_id: i64, scope: Scope) {
        self.shop.change_key(key_id, |key| scope.as_str().clone_into(&mut key.permissions));
    }

    /// Makes `login` a customer: keys keep working as far as a customer may.
    pub fn demote(&self, login: &str) {
        self.shop.set_role(login, Role::Customer);
    }

    /// Gives `login` a role.
    pub fn promote(&self, login: &str, role: Role) {
        self.shop.set_role(login, role);
    }

    /// Deletes the person `login`, and with them their keys, as WordPress does.
    pub fn delete_user(&self, login: &str) {
        self.shop.delete_user(login);
    }

    /// Lets the requests go that wait for it ([`Pace::WhenReleased`]); from now on answers come at once.
    pub fn release(&self) {
        self.switch(|s| s.pace = Pace::Brisk);
        self.shop.released.notify_waiters();
    }

    /// Stops at once; open connections are cut.
    pub fn stop(&self) {
        self.running.0.abort();
    }
}
