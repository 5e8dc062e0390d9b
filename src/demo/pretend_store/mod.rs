//! A faithful stand-in for WooCommerce, modelled on measurements of real stores: approval flow, REST API, admin pages.
//!
//! Its answers were captured from WooCommerce 10.0–11.0 on live WordPress; [`Switches`] reproduce differences between real stores.
//! It is for `cartkey demo` and tests: its keys open nothing else.

mod admin;
mod answer;
mod application_passwords;
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

use crate::domain::{Clock, Entropy, Scope};
use crate::woo::http::Client;

pub use application_passwords::MadePassword;
use state::Shop;
pub use state::{CallbackMade, IssuedKey, Role, SITE_PASSWORD, SITE_USER, SeenRequest, USER_PASSWORD};
pub use switches::{Firewall, Namespaces, Pace, Permalinks, SiteIcon, Switches};

/// The setup of a pretend store.
pub struct Setup {
    /// The address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The store's own address, with its sub-directory if any and without a trailing slash: `https://shop.example`. A port of `:0`
    /// is replaced by the bound port.
    pub home: String,
    /// The shop's name on its pages.
    pub name: String,
    /// The TLS configuration; plain HTTP if `None`.
    pub tls: Option<Arc<ServerConfig>>,
    /// The client that posts its callbacks.
    pub outgoing: Client,
    /// The clock for nonces and OAuth timestamps.
    pub clock: Clock,
    /// The source of its keys, nonces and sessions.
    pub entropy: Entropy,
    /// How it differs from a healthy store.
    pub switches: Switches,
}

/// A running store. Clones share it, and it stops when the last one is dropped.
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
    /// Binds and starts serving. The store has four users, all with [`USER_PASSWORD`]: `admin` (administrator), `manager` (shop
    /// manager), `editor` and `customer`.
    pub async fn start(setup: Setup) -> std::io::Result<Self> {
        let listener = TcpListener::bind(setup.listen).await?;
        let addr = listener.local_addr()?;
        let tls = setup.tls.clone();
        let shop = Arc::new(Shop::new(setup, addr));
        let running = tokio::spawn(server::serve(listener, tls, Arc::clone(&shop)));
        Ok(Self { shop, running: Arc::new(Running(running)) })
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.shop.addr
    }

    /// Its own address as set up, even if the store has moved.
    pub fn home(&self) -> String {
        self.shop.home.clone()
    }

    /// Changes switches. Requests in progress keep the old ones.
    pub fn switch(&self, change: impl FnOnce(&mut Switches)) {
        self.shop.with(|inner| change(&mut inner.switches));
    }

    /// All keys ever created here, oldest first.
    pub fn keys(&self) -> Vec<IssuedKey> {
        self.shop.with(|inner| inner.keys.iter().map(|row| row.key.clone()).collect())
    }

    /// Creates a key like WooCommerce's settings page. `owner` is one of the users.
    pub fn issue_key(&self, owner: &str, scope: Scope) -> IssuedKey {
        self.shop.insert_key("Made by hand", owner, scope.as_str())
    }

    /// All posted callbacks, oldest first.
    pub fn callbacks(&self) -> Vec<CallbackMade> {
        self.shop.with(|inner| inner.callbacks.clone())
    }

    /// All received requests, oldest first.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.shop.with(|inner| inner.requests.clone())
    }

    /// The number of received requests that match.
    pub fn count(&self, is_such: impl Fn(&SeenRequest) -> bool) -> usize {
        self.shop.with(|inner| inner.requests.iter().filter(|request| is_such(request)).count())
    }

    /// All application passwords that exist, oldest first.
    pub fn passwords(&self) -> Vec<MadePassword> {
        self.shop.with(|inner| inner.passwords.clone())
    }

    /// Makes an application password, as its owner would on their profile.
    pub fn make_password(&self, owner: &str, name: &str, app_id: &str) -> MadePassword {
        self.shop.make_password(owner, name, app_id)
    }

    /// Revokes all application passwords, as their owners would on their profiles.
    pub fn revoke_passwords(&self) {
        self.shop.with(|inner| inner.passwords.clear());
    }

    /// Puts application passwords back, as restoring a database would.
    pub fn put_back(&self, passwords: &[MadePassword]) {
        self.shop.with(|inner| inner.passwords = passwords.to_vec());
    }

    /// Revokes a key, as its owner would on the settings page. An unknown id is ignored.
    pub fn revoke(&self, key_id: i64) {
        self.shop.delete_key(key_id);
    }

    /// Restores a revoked key, as restoring a database would.
    pub fn restore(&self, key_id: i64) {
        self.shop.change_key(key_id, |key| key.revoked = false);
    }

    /// Changes a key's permissions, as its owner would on the settings page.
    pub fn permit(&self, key_id: i64, scope: Scope) {
        self.shop.change_key(key_id, |key| scope.as_str().clone_into(&mut key.permissions));
    }

    /// Makes `login` a customer; its keys keep working within a customer's permissions.
    pub fn demote(&self, login: &str) {
        self.shop.set_role(login, Role::Customer);
    }

    /// Gives `login` a role.
    pub fn promote(&self, login: &str, role: Role) {
        self.shop.set_role(login, role);
    }

    /// Deletes the user `login` and their keys, as WordPress does.
    pub fn delete_user(&self, login: &str) {
        self.shop.delete_user(login);
    }

    /// Releases the requests that wait for it ([`Pace::WhenReleased`]). Later answers are immediate.
    pub fn release(&self) {
        self.switch(|s| s.pace = Pace::Brisk);
        self.shop.released.notify_waiters();
    }

    /// How many connections it has accepted.
    pub fn connections(&self) -> usize {
        self.shop.connections.borrow().0
    }

    /// Closes idle connections, and waits until none is open.
    pub async fn hang_up(&self) {
        self.shop.hang_up.notify_waiters();
        let mut open = self.shop.connections.subscribe();
        // The sender is in the shop itself.
        let _ = open.wait_for(|(_, open)| *open == 0).await;
    }

    /// How many bytes endless answers ([`Pace::Endless`]) have sent.
    pub fn endless(&self) -> u64 {
        self.shop.endless.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Stops at once and cuts open connections.
    pub fn stop(&self) {
        self.running.0.abort();
    }
}
