//! What the page of one store shows, and the two pages beside it.

use std::time::Duration;

use askama::Template;

use super::show::Shell;
use super::strip::Strip;
use crate::domain::key::{Key, Standing};
use crate::domain::link::Link;
use crate::domain::store::{Store, StoreStatus};
use crate::flow::activity::Entry;
use crate::flow::disconnect::{keys_url, revoke_url};
use crate::flow::history::{Approval, MOST_READS, OfStore, READ_DAYS, Reader};

/// One store.
#[derive(Template)]
#[template(path = "admin/store.html")]
pub struct StorePage {
    /// The frame.
    pub shell: Shell,
    /// All there is to show.
    pub whole: OfStore,
    /// What checks told, drawn.
    pub strip: Strip,
    /// The days that it covers.
    pub days: u64,
}

/// A key version, and where it stands.
struct Version<'a> {
    key: &'a Key,
    standing: Standing,
    revoke_url: String,
    /// Whether it is the key that is in use, which was given up once and came back.
    is_back: bool,
}

impl Version<'_> {
    /// Where it is revoked, in words.
    const fn page(&self) -> &'static str {
        if self.key.woo_key_id == 0 { "the list of keys at the store" } else { "its page at the store" }
    }
}

impl StorePage {
    /// The page, with the checks of the last `days`.
    pub fn new(shell: Shell, whole: OfStore, days: u64) -> Self {
        let since = shell.now.minus(Duration::from_hours(24 * days));
        Self { strip: Strip::draw(&whole.spans, since, shell.now), shell, whole, days }
    }

    fn store(&self) -> &Store {
        &self.whole.store
    }

    fn heading(&self) -> &str {
        heading(&self.whole.store)
    }

    fn is_disconnected(&self) -> bool {
        self.store().status == StoreStatus::Disconnected
    }

    /// When it is asked next.
    fn asked_next(&self) -> String {
        super::words::next_check(self.store().check_at, self.shell.now)
    }

    /// The class of the message on top.
    fn message_class(&self) -> &'static str {
        match (self.store().status, self.store().reason) {
            (StoreStatus::Connected, None) => "good",
            (StoreStatus::Unauthorized, _) => "bad",
            (StoreStatus::Disconnected, _) => "",
            _ => "warn",
        }
    }

    fn versions(&self) -> Vec<Version<'_>> {
        let one = |key| Version {
            key,
            standing: Key::standing(key, self.store().key_version),
            revoke_url: revoke_url(&self.store().home, key.woo_key_id),
            is_back: !self.is_disconnected() && key.retired_at.is_some() && key.last7 == self.store().key_last7,
        };
        self.whole.versions.iter().map(one).collect()
    }

    /// The version that a disconnect left at the store, as far as is known.
    fn left_behind(&self) -> Option<Version<'_>> {
        self.versions().into_iter().next().filter(|_| self.is_disconnected())
    }

    /// Whether the store can be asked whether a key is gone.
    fn can_ask(&self) -> bool {
        self.whole.versions.iter().any(|key| key.ask_at.is_some())
    }

    fn keys_url(&self) -> String {
        keys_url(&self.store().home)
    }

    fn read_days() -> u64 {
        READ_DAYS
    }

    /// Whether there are more reads than were counted.
    fn counted_not_all(&self) -> bool {
        self.whole.readers.iter().map(|reader| reader.n).sum::<i64>() >= MOST_READS
    }

    fn is_for_reconnect(&self, approval: &Approval) -> bool {
        approval.attempt.store_id.as_ref() != Some(&self.store().id)
    }
}

/// A link to connect a store again, shown once.
#[derive(Template)]
#[template(path = "admin/store_link.html")]
pub struct LinkPage {
    /// The frame.
    pub shell: Shell,
    /// The store.
    pub store: Store,
    /// The link.
    pub link: Link,
    /// The address that opens it.
    pub url: String,
}

/// Asks before a store is disconnected.
#[derive(Template)]
#[template(path = "admin/store_disconnect.html")]
pub struct DisconnectPage {
    /// The frame.
    pub shell: Shell,
    /// The store.
    pub store: Store,
    /// Who read its key lately.
    pub readers: Vec<Reader>,
}

/// What a store is called: its name, or else its address.
fn heading(store: &Store) -> &str {
    store.name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or_else(|| store.home.shown())
}

impl DisconnectPage {
    fn heading(&self) -> &str {
        heading(&self.store)
    }
}

impl LinkPage {
    fn heading(&self) -> &str {
        heading(&self.store)
    }
}
