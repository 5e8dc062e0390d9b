//! The pretend store's state: users, sessions, keys, and a record of requests.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use ring::hmac;
use tokio::sync::{Notify, watch};

use super::Setup;
use super::application_passwords::MadePassword;
use super::switches::Switches;
use crate::domain::{Clock, Entropy, Time};
use crate::woo::http::{Client, Fault};

/// The user name of the host's HTTP Basic login ([`Switches::login_wall`]).
pub const SITE_USER: &str = "staging";
/// The password of the host's HTTP Basic login.
pub const SITE_PASSWORD: &str = "open sesame";
pub const USER_PASSWORD: &str = "demo";
/// Half a day in milliseconds: WordPress' nonces are valid in this one and the next.
const NONCE_TICK: i64 = 12 * 60 * 60 * 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// May do everything.
    Administrator,
    /// May manage the shop, but only their own keys.
    ShopManager,
    /// Reaches wp-admin, but may do nothing in the shop.
    Editor,
    /// May do nothing here.
    Customer,
}

impl Role {
    /// The capability `manage_woocommerce`.
    pub(super) fn manages(self) -> bool {
        matches!(self, Self::Administrator | Self::ShopManager)
    }
}

/// A key created here, in plain text on purpose: it opens nothing but this store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedKey {
    /// Its number; 0 if it was never saved.
    pub key_id: i64,
    /// `ck_…`
    pub consumer_key: String,
    /// `cs_…`
    pub consumer_secret: String,
    /// `read`, `write` or `read_write`.
    pub permissions: String,
    /// The login of the user it acts as.
    pub owner: String,
    /// The description in the list of keys.
    pub description: String,
    /// Whether it no longer exists: revoked, delivery failed, owner deleted, or never saved.
    pub revoked: bool,
}

/// A posted callback; each hop of a redirect is one.
#[derive(Debug, Clone)]
pub struct CallbackMade {
    /// `POST`, or `GET` after a 302 or 303.
    pub method: String,
    pub url: String,
    pub body: String,
    pub answer: Result<u16, Fault>,
}

#[derive(Debug, Clone)]
pub struct SeenRequest {
    /// GET, POST, …
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// All headers in order of arrival, names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl SeenRequest {
    /// The first header with this name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

pub(super) struct Shop {
    pub(super) addr: SocketAddr,
    pub(super) home: String,
    pub(super) name: String,
    pub(super) outgoing: Client,
    pub(super) clock: Clock,
    pub(super) released: Notify,
    /// Closes idle connections.
    pub(super) hang_up: Notify,
    /// How many connections were accepted, and how many of them are open.
    pub(super) connections: watch::Sender<(usize, usize)>,
    /// How many bytes endless answers have sent.
    pub(super) endless: Arc<AtomicU64>,
    entropy: Entropy,
    salt: hmac::Key,
    inner: Mutex<Inner>,
}

pub(super) struct Inner {
    pub(super) switches: Switches,
    pub(super) people: Vec<Person>,
    pub(super) keys: Vec<KeyRow>,
    pub(super) passwords: Vec<MadePassword>,
    /// Whether an application password was ever made: before that, WordPress does not look at Basic headers.
    pub(super) was_password_made: bool,
    pub(super) callbacks: Vec<CallbackMade>,
    pub(super) requests: Vec<SeenRequest>,
    sessions: HashMap<String, String>,
    last_key_id: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) login: String,
    pub(super) role: Role,
}

/// One row of `woocommerce_api_keys`.
pub(super) struct KeyRow {
    pub(super) key: IssuedKey,
    /// `oauth_nonce` by `oauth_timestamp`: two in one second overwrite each other, as in WooCommerce.
    pub(super) nonces: BTreeMap<i64, String>,
    pub(super) last_access: Option<Time>,
}

#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) login: String,
    pub(super) role: Role,
    session: String,
}

impl Shop {
    pub(super) fn new(setup: Setup, addr: SocketAddr) -> Self {
        let mut salt = [0_u8; 32];
        setup.entropy.fill(&mut salt);
        let home = match setup.home.trim_end_matches('/').split_once(":0") {
            Some((front, rest)) if rest.is_empty() || rest.starts_with('/') => format!("{front}:{}{rest}", addr.port()),
            _ => setup.home.trim_end_matches('/').to_owned(),
        };
        let roles = [Role::Administrator, Role::ShopManager, Role::Editor, Role::Customer];
        let people = ["admin", "manager", "editor", "customer"].into_iter().zip(roles);
        let people = people.map(|(login, role)| Person { login: login.to_owned(), role });
        let inner = Inner {
            switches: setup.switches,
            people: people.collect(),
            keys: Vec::new(),
            passwords: Vec::new(),
            was_password_made: false,
            callbacks: Vec::new(),
            requests: Vec::new(),
            sessions: HashMap::new(),
            last_key_id: 0,
        };
        Self {
            addr,
            home,
            name: setup.name,
            outgoing: setup.outgoing,
            clock: setup.clock,
            released: Notify::new(),
            hang_up: Notify::new(),
            connections: watch::Sender::default(),
            endless: Arc::default(),
            entropy: setup.entropy,
            salt: hmac::Key::new(hmac::HMAC_SHA256, &salt),
            inner: Mutex::new(inner),
        }
    }

    /// Reads or changes the state under its lock.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn switches(&self) -> Switches {
        self.with(|inner| inner.switches.clone())
    }

    /// Creates a key and, unless inserts are switched to fail, saves it. `permissions` is one of the three values.
    pub(super) fn insert_key(&self, app_name: &str, owner: &str, permissions: &str) -> IssuedKey {
        let (consumer_key, consumer_secret) = (format!("ck_{}", self.hex()), format!("cs_{}", self.hex()));
        let made_at = self.clock.now().to_string().replace('T', " ");
        let app_name: String = app_name.chars().take(170).collect();
        let description = format!("{app_name} - API ({})", made_at.split('.').next().unwrap_or_default());
        self.with(|inner| {
            let fails = inner.switches.insert_fails;
            let key_id = if fails { 0 } else { inner.last_key_id + 1 };
            inner.last_key_id = inner.last_key_id.max(key_id);
            let (permissions, owner) = (permissions.to_owned(), owner.to_owned());
            let key =
                IssuedKey { key_id, consumer_key, consumer_secret, permissions, owner, description, revoked: fails };
            inner.keys.push(KeyRow { key: key.clone(), nonces: BTreeMap::new(), last_access: None });
            key
        })
    }

    pub(super) fn delete_key(&self, key_id: i64) {
        self.with(|inner| {
            for row in inner.keys.iter_mut().filter(|row| row.key.key_id == key_id) {
                row.key.revoked = true;
            }
        });
    }

    pub(super) fn change_key(&self, key_id: i64, change: impl FnOnce(&mut IssuedKey)) {
        self.with(|inner| {
            if let Some(row) = inner.keys.iter_mut().find(|row| row.key.key_id == key_id) {
                change(&mut row.key);
            }
        });
    }

    /// Makes an application password. Those that the application has already stay.
    pub(super) fn make_password(&self, owner: &str, name: &str, app_id: &str) -> MadePassword {
        let (hex, more) = (self.hex(), self.hex());
        let uuid = [&hex[..8], &hex[8..12], "4000", "8000", &hex[12..24]].join("-");
        let password = more[..12].to_ascii_uppercase() + &more[12..24];
        let texts = [uuid, app_id.to_owned(), name.to_owned(), password, owner.to_owned()];
        let [uuid, app_id, name, password, owner] = texts;
        let made = MadePassword { uuid, app_id, name, password, owner };
        self.with(|inner| {
            inner.was_password_made = true;
            inner.passwords.push(made.clone());
        });
        made
    }

    pub(super) fn delete_password(&self, owner: &str, uuid: &str) -> Option<MadePassword> {
        self.with(|inner| {
            let at = inner.passwords.iter().position(|made| made.owner == owner && made.uuid == uuid)?;
            Some(inner.passwords.remove(at))
        })
    }

    pub(super) fn set_role(&self, login: &str, role: Role) {
        self.with(|inner| {
            for person in inner.people.iter_mut().filter(|person| person.login == login) {
                person.role = role;
            }
        });
    }

    pub(super) fn delete_user(&self, login: &str) {
        self.with(|inner| {
            inner.people.retain(|person| person.login != login);
            inner.passwords.retain(|made| made.owner != login);
            for row in inner.keys.iter_mut().filter(|row| row.key.owner == login) {
                row.key.revoked = true;
            }
        });
    }

    /// Opens a session if login and password are right; returns the cookie's value.
    pub(super) fn log_in(&self, login: &str, password: &str) -> Option<String> {
        let session = self.hex();
        self.with(|inner| {
            let known = inner.people.iter().any(|person| person.login == login);
            (known && password == USER_PASSWORD).then(|| {
                inner.sessions.insert(session.clone(), login.to_owned());
                format!("{login}%7C{session}")
            })
        })
    }

    pub(super) fn log_out(&self, visitor: &Visitor) {
        self.with(|inner| inner.sessions.remove(&visitor.session));
    }

    /// The user with this cookie value.
    pub(super) fn visitor(&self, cookie: &str) -> Option<Visitor> {
        let (_, session) = cookie.split_once("%7C")?;
        self.with(|inner| {
            let login = inner.sessions.get(session)?;
            let person = inner.people.iter().find(|person| person.login == *login)?;
            Some(Visitor { login: person.login.clone(), role: person.role, session: session.to_owned() })
        })
    }

    /// `wp_create_nonce`: bound only to action, user, session and half-day, and never used up.
    pub(super) fn nonce(&self, action: &str, visitor: Option<&Visitor>) -> String {
        self.nonce_of(action, visitor, 0)
    }

    /// `wp_verify_nonce`.
    pub(super) fn is_nonce(&self, nonce: &str, action: &str, visitor: Option<&Visitor>) -> bool {
        [0, 1].into_iter().any(|ago| self.nonce_of(action, visitor, ago) == nonce)
    }

    fn nonce_of(&self, action: &str, visitor: Option<&Visitor>, ticks_ago: i64) -> String {
        let (login, session) = visitor.map_or(("", ""), |v| (v.login.as_str(), v.session.as_str()));
        let tick = self.clock.now().millis().div_euclid(NONCE_TICK) - ticks_ago;
        let tag = hmac::sign(&self.salt, format!("{tick}|{action}|{login}|{session}").as_bytes());
        hex(&tag.as_ref()[..5])
    }

    /// 40 lower-case hex digits, like `wc_rand_hash`.
    fn hex(&self) -> String {
        let mut bytes = [0_u8; 20];
        self.entropy.fill(&mut bytes);
        hex(&bytes)
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `user:password` of a Basic Authorization header.
pub(super) fn basic_of(authorization: &str) -> Option<(String, String)> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let plain = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
    let (user, password) = String::from_utf8(plain).ok()?.split_once(':').map(|(u, p)| (u.to_owned(), p.to_owned()))?;
    Some((user, password))
}
