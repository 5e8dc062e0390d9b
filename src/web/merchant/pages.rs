//! The pages that a merchant sees: one struct per page, which holds just what the page shows.
//!
//! Names of applications and accounts, addresses and findings come from outside: askama escapes every one of them.

use askama::Template;

use super::frame::Frame;
use crate::domain::attempt::Status;
use crate::domain::scope::Scope;
use crate::domain::store_url::StoreUrl;
use crate::domain::verdict::Verdict;
use crate::web::words::{Said, Words};

#[cfg(test)]
mod tests;

/// What stands in a field of a form, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub struct Field {
    /// As it was typed.
    pub value: String,
    /// One sentence that says what to type instead.
    pub error: Option<String>,
}

/// Something that asking the store told us.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The sentence for the merchant, ending in what to do.
    pub says: String,
    /// The stable code, which a merchant can give to support.
    pub code: &'static str,
}

impl Finding {
    /// The finding of this verdict on `store` (the address as people say it).
    pub fn of(words: Words, verdict: Verdict, store: &str) -> Self {
        Self { says: words.verdict(verdict, store), code: verdict.code() }
    }
}

/// A button that leads on.
#[derive(Debug, Clone)]
pub struct GoOn {
    /// Its text, such as “Back to Acme”.
    pub label: String,
    /// Where it leads; its origin was checked against the allow-list.
    pub href: String,
}

/// Begin: the merchant types or confirms the store's address.
#[derive(Debug, Clone, Template)]
#[template(path = "connect/connect.html")]
pub struct ConnectPage {
    /// What stands around it.
    pub frame: Frame,
    /// How the application calls the merchant's account.
    pub account: Option<String>,
    /// Where the form is posted.
    pub action: String,
    /// The field `store_url`; not shown with `fixed_store`.
    pub store_url: Field,
    /// A reconnect: the only store that may be connected, as people say it.
    pub fixed_store: Option<String>,
    /// What is asked.
    pub asks: Scope,
    /// The host that receives the key, which the store names on its approval page.
    pub callback_host: String,
    /// Why the merchant cannot go on yet.
    pub stop: Option<Finding>,
    /// What may get in the way; the merchant may go on anyway. Not shown beside `stop`.
    pub warnings: Vec<Finding>,
    /// The store's own address, as the preflight found it and people say it.
    pub checked_home: Option<String>,
    /// Whether `checked_home` is another address than the one that was typed.
    pub adopted: bool,
    /// Where the merchant logs in to the store, when the store is known.
    pub wp_admin_href: Option<String>,
    /// Further fields of the form, by name, carried along unseen.
    pub hidden: Vec<(&'static str, String)>,
    /// Where a key is typed instead, where the operator allows it.
    pub by_hand_href: Option<String>,
    /// Whether that may help against what was found.
    pub by_hand_helps: bool,
}

impl ConnectPage {
    fn is_stopped(&self) -> bool {
        self.stop.is_some() || self.store_url.error.is_some()
    }

    fn may_go_on(&self) -> bool {
        !self.is_stopped() && !self.warnings.is_empty()
    }

    fn button(&self) -> Said {
        let again = self.stop.is_some() || self.may_go_on();
        self.frame.say(if again { "connect-check-again" } else { "connect-button" })
    }
}

/// Send: the browser goes on to the store by itself.
#[derive(Template)]
#[template(path = "connect/send.html")]
pub struct SendPage {
    /// What stands around it.
    pub frame: Frame,
    /// How the application calls the merchant's account.
    pub account: Option<String>,
    /// The store.
    pub store: StoreUrl,
    /// What is asked.
    pub asks: Scope,
    /// The host that receives the key.
    pub callback_host: String,
    /// The address of the approval page. It holds the attempt's state and callback token, so this struct has no
    /// `Debug`; it is written only into the link and the refresh.
    pub authorize_url: String,
    /// Whether the store's own address is another than the one that was typed.
    pub adopted: bool,
    /// The attempt's own page.
    pub attempt_href: String,
}

/// How an attempt stands, with what its page needs for that and nothing else.
#[derive(Debug, Clone)]
pub enum View {
    /// Nobody has approved yet. `returned`: the store sent the browser back with “approved”, but no key came.
    Open {
        /// Whether the browser came back.
        returned: bool,
    },
    /// A key came.
    Received,
    /// The key is being tried.
    Proving,
    /// The key works; the browser that began must say that the approval was meant.
    AwaitingBrowser {
        /// Where “yes” is posted.
        action: String,
        /// Where “no” is posted, if it can be said here.
        disown_action: Option<String>,
    },
    /// The key works; the application must confirm.
    AwaitingApp {
        /// The way to the application.
        go_on: Option<GoOn>,
        /// Whether the browser goes there by itself.
        by_itself: bool,
    },
    /// The store is connected.
    Connected(Connected),
    /// The merchant pressed Deny.
    Denied,
    /// It ended without a store, for this reason.
    Failed(Finding),
    /// Nobody approved in time.
    Expired,
}

impl View {
    /// The status of the attempt that is shown so; the waiting page compares it with what it polls.
    pub const fn status(&self) -> Status {
        match self {
            Self::Open { .. } => Status::Open,
            Self::Received => Status::Received,
            Self::Proving => Status::Proving,
            Self::AwaitingBrowser { .. } | Self::AwaitingApp { .. } => Status::AwaitingConfirmation,
            Self::Connected(_) => Status::Connected,
            Self::Denied => Status::Denied,
            Self::Failed(_) => Status::Failed,
            Self::Expired => Status::Expired,
        }
    }
}

/// A connection that has come about.
#[derive(Debug, Clone)]
pub struct Connected {
    /// What the key may do.
    pub may: Scope,
    /// The last seven characters of the consumer key, which the store's list of keys shows too.
    pub last7: String,
    /// The same of keys that the store made and nobody uses.
    pub surplus: Vec<String>,
    /// The key that this one replaced, which the merchant may remove.
    pub former: Option<Former>,
    /// What is worth saying although it works, such as a narrower scope.
    pub note: Option<Finding>,
    /// The way back to the application.
    pub go_on: Option<GoOn>,
}

impl Connected {
    /// Whether the store holds keys that nobody uses.
    const fn leaves_keys(&self) -> bool {
        !self.surplus.is_empty() || self.former.is_some()
    }
}

/// A key that the store still holds and nobody uses any more.
#[derive(Debug, Clone)]
pub struct Former {
    /// The store's own number of it.
    pub woo_key_id: i64,
    /// The last seven characters of the consumer key.
    pub last7: String,
    /// Its own page at the store, where it is revoked.
    pub revoke_href: String,
}

impl Former {
    /// What its page is called; of a key that was typed the number is not known, and the page lists all keys.
    fn page(&self, frame: &Frame) -> Said {
        if self.woo_key_id == 0 {
            return frame.say("keys-menu");
        }
        frame.say("tidy-former-page").with("id", self.woo_key_id)
    }
}

/// Return and wait: how the attempt stands, and what to do next.
#[derive(Debug, Clone, Template)]
#[template(path = "connect/attempt.html")]
pub struct AttemptPage {
    /// What stands around it.
    pub frame: Frame,
    /// How the application calls the merchant's account.
    pub account: Option<String>,
    /// The store.
    pub store: StoreUrl,
    /// The host that receives the key, for the host's support.
    pub callback_host: String,
    /// How it stands.
    pub view: View,
    /// This page's own address, which answers JSON with a `status` too.
    pub poll_href: String,
    /// Where a new attempt is begun; `None` when the link no longer opens.
    pub retry_href: Option<String>,
    /// The way back to the application when it has ended without a store; [`Connected`] has its own way on.
    pub back: Option<GoOn>,
    /// Whether the merchant typed the key.
    pub by_hand: bool,
    /// Where a key is typed instead of approving, where the operator allows it and that was not tried.
    pub by_hand_href: Option<String>,
}

impl AttemptPage {
    fn heading(&self) -> Said {
        let (say, store) = (|key| self.frame.say(key), self.store.shown());
        match &self.view {
            View::Open { returned: false } => say("attempt-open").with("store", store),
            View::Open { returned: true } => say("attempt-no-key"),
            View::Received | View::Proving => say("attempt-connecting").with("store", store),
            View::AwaitingBrowser { .. } => say("attempt-confirm"),
            View::AwaitingApp { .. } => say("attempt-app").with("app", self.frame.app()),
            View::Connected(_) => say("attempt-connected").with("store", store),
            View::Denied => say("attempt-denied"),
            View::Failed(_) => say("attempt-failed").with("store", store),
            View::Expired => say("attempt-expired"),
        }
    }

    fn lead(&self) -> String {
        let (say, store, app) = (|key| self.frame.say(key), self.store.shown(), self.frame.app());
        let lead = match &self.view {
            View::Open { returned: false } => say("attempt-open-lead").with("store", store),
            View::Open { returned: true } => say("attempt-no-key-lead"),
            View::Received => say("attempt-received-lead"),
            View::Proving => say("attempt-proving-lead"),
            View::AwaitingBrowser { .. } => say("attempt-confirm-lead").with("store", store),
            View::AwaitingApp { .. } => say("attempt-app-lead").with("app", app),
            View::Connected(connected) => {
                say("attempt-connected-lead").with("app", app).with("may", self.frame.words.scope(connected.may))
            }
            View::Denied => say("attempt-denied-lead").with("store", store),
            View::Failed(failed) => return failed.says.clone(),
            View::Expired => say("attempt-expired-lead").with("store", store),
        };
        lead.to_string()
    }

    const fn is_waiting(&self) -> bool {
        !self.view.status().is_ended()
    }

    /// The number of the step that is going on, where steps are shown.
    const fn step(&self) -> Option<usize> {
        match self.view {
            View::Open { returned: false } => Some(1),
            View::Received | View::Proving => Some(3),
            _ => None,
        }
    }

    fn steps(&self) -> [(usize, Said); 4] {
        let first = match self.view {
            View::Open { .. } => "step-approve",
            _ if self.by_hand => "step-typed",
            _ => "step-approved",
        };
        let second = if self.step() > Some(2) { "step-received" } else { "step-receive" };
        let third = if self.step() == Some(3) { "step-testing" } else { "step-test" };
        let say = |key| self.frame.say(key);
        [
            (1, say(first).with("store", self.store.shown())),
            (2, say(second)),
            (3, say(third)),
            (4, say("step-connected")),
        ]
    }

    /// Where a key is typed instead, on the views where that can help.
    fn by_hand(&self) -> Option<&str> {
        let helps = matches!(self.view, View::Open { .. } | View::Failed(_) | View::Expired);
        self.by_hand_href.as_deref().filter(|_| helps)
    }

    /// Where a new attempt is begun, on the views where that can help.
    fn retry(&self) -> Option<&str> {
        let helps = self.retry_is_main() || matches!(self.view, View::Open { .. });
        self.retry_href.as_deref().filter(|_| helps)
    }

    const fn retry_is_main(&self) -> bool {
        matches!(self.view, View::Open { returned: true } | View::Denied | View::Failed(_) | View::Expired)
    }

    const fn offers_help(&self) -> bool {
        matches!(self.view, View::Open { .. } | View::Expired)
    }

    fn callback_address(&self) -> String {
        format!("https://{}", self.callback_host)
    }

    fn keys_page(&self) -> String {
        keys_page(&self.store)
    }
}

/// Return in another browser than the one that began. It shows nothing that the visitor does not know already.
#[derive(Template)]
#[template(path = "connect/elsewhere.html")]
pub struct ElsewherePage {
    /// What stands around it.
    pub frame: Frame,
    /// How the application calls the account that began.
    pub account: Option<String>,
    /// The store.
    pub store: StoreUrl,
    /// Whether it is too late: the store is connected.
    pub connected: bool,
    /// Where “this was not me” is posted.
    pub disown_action: String,
    /// The attempt's state as the store sent it along: proof that the visitor comes from the approval. Secret, so
    /// this struct has no `Debug`.
    pub state: String,
}

impl ElsewherePage {
    fn lead(&self) -> Said {
        let key = if self.connected { "elsewhere-lead-connected" } else { "elsewhere-lead" };
        self.frame.say(key).with("store", self.store.shown()).with("app", self.frame.app())
    }

    fn keys_page(&self) -> String {
        keys_page(&self.store)
    }
}

/// After “this was not me”: what is left to do at the store.
#[derive(Debug, Clone, Template)]
#[template(path = "connect/disowned.html")]
pub struct DisownedPage {
    /// What stands around it.
    pub frame: Frame,
    /// The store.
    pub store: StoreUrl,
    /// The last seven characters of the consumer key, if one came.
    pub last7: Option<String>,
}

impl DisownedPage {
    /// The page about these keys (last seven characters): it names one, for there is seldom another.
    pub fn new(frame: Frame, store: StoreUrl, keys: Vec<String>) -> Self {
        Self { frame, store, last7: keys.into_iter().next() }
    }

    fn keys_page(&self) -> String {
        keys_page(&self.store)
    }
}

/// WooCommerce's list of keys (docs/protocol/wc-auth.md §7.7).
fn keys_page(store: &StoreUrl) -> String {
    store.at("/wp-admin/admin.php?page=wc-settings&tab=advanced&section=keys")
}
