//! What the page of one store and its two sub-pages show.

use std::time::Duration;

use askama::Template;

use super::show::Shell;
use super::stores::called;
use super::uptime_bar::UptimeBar;
use crate::domain::{AuthMethod, Key, Link, Standing, Store, StoreStatus};
use crate::flow::connecting::disconnect::{keys_url, revoke_url};
use crate::flow::dashboard::activity::Entry;
use crate::flow::dashboard::history::{Approval, MOST_READS, OfStore, READ_DAYS, Reader};

#[derive(Template)]
#[template(path = "admin/store.html")]
pub struct StorePage {
    pub shell: Shell,
    /// Everything shown about the store.
    pub whole: OfStore,
    /// The results of checks, as a chart.
    pub uptime_bar: UptimeBar,
    /// The number of days in the chart.
    pub days: u64,
}

/// A key version and its standing.
struct Version<'a> {
    key: &'a Key,
    standing: Standing,
    revoke_url: String,
    /// Whether it is the current key, after a disconnect and reconnect.
    is_back: bool,
}

impl Version<'_> {
    /// The label of the page on which it is revoked.
    const fn page(&self) -> &'static str {
        match (self.key.auth_method, self.key.woo_key_id) {
            (AuthMethod::ApplicationPassword, _) => "the profile of the user who approved it",
            (_, 0) => "the list of keys at the store",
            _ => "its page at the store",
        }
    }

    /// Where the key comes from, by its number at the store.
    fn origin(&self) -> String {
        match (self.key.auth_method, self.key.woo_key_id) {
            (AuthMethod::ApplicationPassword, _) => "application password".to_owned(),
            (_, 0) => "entered manually or imported".to_owned(),
            (_, id) => format!("key ID {id}"),
        }
    }
}

impl StorePage {
    /// Creates the page with the checks of the last `days`.
    pub fn new(shell: Shell, whole: OfStore, days: u64) -> Self {
        let since = shell.now.minus(Duration::from_hours(24 * days));
        Self { uptime_bar: UptimeBar::draw(&whole.spans, since, shell.now), shell, whole, days }
    }

    fn store(&self) -> &Store {
        &self.whole.store
    }

    fn heading(&self) -> &str {
        called(&self.whole.store)
    }

    fn is_disconnected(&self) -> bool {
        self.store().status == StoreStatus::Disconnected
    }

    /// When it is checked next.
    fn asked_next(&self) -> String {
        super::labels::next_check(self.store().check_at, self.shell.now)
    }

    /// Whether it uses an application password instead of a key.
    fn is_password(&self) -> bool {
        self.store().auth_method == AuthMethod::ApplicationPassword
    }

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
            revoke_url: revoke_url(&self.store().home, key.auth_method, key.woo_key_id),
            is_back: !self.is_disconnected() && key.retired_at.is_some() && key.last7 == self.store().key_last7,
        };
        self.whole.versions.iter().map(one).collect()
    }

    /// The version that a disconnect left at the store, as far as known.
    fn left_behind(&self) -> Option<Version<'_>> {
        self.versions().into_iter().next().filter(|_| self.is_disconnected())
    }

    /// Whether the store can be checked for a revoked key.
    fn can_ask(&self) -> bool {
        self.whole.versions.iter().any(|key| key.ask_at.is_some())
    }

    fn keys_url(&self) -> String {
        keys_url(&self.store().home)
    }

    fn read_days() -> u64 {
        READ_DAYS
    }

    /// Whether there are more reads than counted.
    fn counted_not_all(&self) -> bool {
        self.whole.readers.iter().map(|reader| reader.n.reads + reader.n.calls).sum::<i64>() >= MOST_READS
    }

    fn is_for_reconnect(&self, approval: &Approval) -> bool {
        approval.attempt.store_id.as_ref() != Some(&self.store().id)
    }
}

/// A link to reconnect a store, shown once.
#[derive(Template)]
#[template(path = "admin/store_link.html")]
pub struct LinkPage {
    pub shell: Shell,
    pub store: Store,
    pub link: Link,
    /// The address that opens it.
    pub url: String,
}

/// Asks for confirmation before a store is disconnected.
#[derive(Template)]
#[template(path = "admin/store_disconnect.html")]
pub struct DisconnectPage {
    pub shell: Shell,
    pub store: Store,
    /// Who read its key recently.
    pub readers: Vec<Reader>,
}

impl DisconnectPage {
    fn is_password(&self) -> bool {
        self.store.auth_method == AuthMethod::ApplicationPassword
    }

    fn heading(&self) -> &str {
        called(&self.store)
    }
}

impl LinkPage {
    fn heading(&self) -> &str {
        called(&self.store)
    }
}
