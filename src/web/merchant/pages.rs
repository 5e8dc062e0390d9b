//! The merchant's pages: one struct per page, with exactly what the page shows.
//!
//! The names of applications and accounts, addresses and findings are untrusted: askama escapes all of them.

use askama::Template;

use super::frame::Frame;
use crate::domain::attempt::Status;
use crate::domain::scope::Scope;
use crate::domain::store_url::StoreUrl;
use crate::domain::verdict::Verdict;
use crate::flow::connecting::disconnect::passwords_url;
use crate::web::i18n::{Said, Words};

#[cfg(test)]
mod tests;

/// A form field: its value and its error.
#[derive(Debug, Clone, Default)]
pub struct Field {
    /// The typed value.
    pub value: String,
    /// One sentence that says what to type instead.
    pub error: Option<String>,
}

/// A result of contacting the store.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The sentence for the merchant, which says what to do.
    pub says: String,
    /// The stable code, which a merchant can give to support.
    pub code: &'static str,
}

impl Finding {
    /// The finding for this verdict on `store` (the address for people).
    pub fn of(words: Words, verdict: Verdict, store: &str) -> Self {
        Self { says: words.verdict(verdict, store), code: verdict.code() }
    }

    /// The same for a warning before the approval.
    pub fn before_approval(words: Words, verdict: Verdict, store: &str) -> Self {
        Self { says: words.warning(verdict, store), code: verdict.code() }
    }
}

/// A button that leads on.
#[derive(Debug, Clone)]
pub struct GoOn {
    /// The label, such as “Back to Acme”.
    pub label: String,
    /// The address; its origin was checked against the allow-list.
    pub href: String,
}

/// Begin: the merchant types or confirms the store's address.
#[derive(Debug, Clone, Template)]
#[template(path = "connect/connect.html")]
pub struct ConnectPage {
    /// The frame around the page.
    pub frame: Frame,
    /// The account's name in the application.
    pub account: Option<String>,
    /// Nothing shows or checks whose account the store will belong to.
    pub unnamed: bool,
    /// The action of the form.
    pub action: String,
    /// The field `store_url`; hidden if `fixed_store` is set.
    pub store_url: Field,
    /// A reconnect: the only store that may be connected, for display.
    pub fixed_store: Option<String>,
    /// The requested scope.
    pub asks: Scope,
    /// The host that receives the key, which the store names on its approval page.
    pub callback_host: String,
    /// Why the merchant cannot continue yet.
    pub stop: Option<Finding>,
    /// Possible problems; the merchant may continue anyway. Not shown with `stop`.
    pub warnings: Vec<Finding>,
    /// The store's own address from the preflight, for display.
    pub checked_home: Option<String>,
    /// Whether `checked_home` differs from the typed address.
    pub adopted: bool,
    /// Where the merchant logs in to the store, if the store is known.
    pub wp_admin_href: Option<String>,
    /// The address for typing a key instead, if an operator allows it.
    pub by_hand_href: Option<String>,
    /// Whether that may help with the findings.
    pub by_hand_helps: bool,
    /// The address for connecting with an application password instead, if that may help.
    pub password_href: Option<String>,
    /// A reconnect: why it is needed.
    pub why: Option<String>,
    /// The status of an attempt in another browser.
    pub news: Option<News>,
}

/// The status of an attempt that another browser began with the same link.
#[derive(Debug, Clone)]
pub struct News {
    /// One sentence, with the next step.
    pub says: String,
    /// Whether the store is connected.
    pub done: bool,
    /// Whether the link has expired, so that nothing can be begun.
    pub over: bool,
    /// The way back to the application.
    pub go_on: Option<GoOn>,
}

impl ConnectPage {
    fn is_stopped(&self) -> bool {
        self.stop.is_some() || self.store_url.error.is_some()
    }

    /// The code of the first finding, which the merchant's host may be able to fix.
    fn wall(&self) -> Option<&'static str> {
        self.stop.as_ref().or(self.warnings.first()).map(|finding| finding.code)
    }

    /// Whether the merchant may continue although our check found a problem: their browser usually gets through.
    fn may_go_on(&self) -> bool {
        !self.is_stopped() && !self.warnings.is_empty()
    }

    fn button(&self) -> Said {
        match (self.stop.is_some(), &self.news) {
            (true, _) => self.frame.say("connect-check-again"),
            (false, Some(news)) if news.done => self.frame.say("connect-another"),
            (false, Some(_)) => self.frame.say("connect-here"),
            (false, None) => self.frame.say("connect-button"),
        }
    }

    /// Whether another button is the main one.
    fn has_better(&self) -> bool {
        self.news.as_ref().is_some_and(|news| news.done)
    }

    fn is_over(&self) -> bool {
        self.news.as_ref().is_some_and(|news| news.over)
    }
}

/// Send: the browser is automatically sent to the store.
#[derive(Template)]
#[template(path = "connect/send.html")]
pub struct SendPage {
    /// The frame around the page.
    pub frame: Frame,
    /// The account's name in the application.
    pub account: Option<String>,
    /// The store.
    pub store: StoreUrl,
    /// The requested scope.
    pub asks: Scope,
    /// The host that receives the key.
    pub callback_host: String,
    /// The address of the approval page. It contains the attempt's state and callback token, so this struct has no
    /// `Debug`; it is written only into the link and the refresh.
    pub authorize_url: String,
    /// Whether the store's own address differs from the typed one.
    pub adopted: bool,
    /// The path of the attempt's page.
    pub attempt_href: String,
    /// The store's name for itself.
    pub store_name: Option<String>,
    /// The path of the store's icon, if it has one; this browser may load it.
    pub icon_href: Option<String>,
    /// Whether WordPress asks for an application password instead of WooCommerce for a key.
    pub password: bool,
}

/// The state of an attempt, with exactly what its page needs.
#[derive(Debug, Clone)]
pub enum View {
    /// Nobody has approved yet. `returned`: the store sent the browser back as approved, but no key was received.
    Open {
        /// Whether the browser returned.
        returned: bool,
    },
    /// A key was received.
    Received,
    /// The key is being tried; what prevented the last try, if one failed.
    Proving(Option<Trouble>),
    /// The key works; the browser that began must confirm the approval.
    AwaitingBrowser {
        /// The action of the “yes” form.
        action: String,
        /// The action of the “no” form, if it is available here.
        disown_action: Option<String>,
        /// Whether another browser returned; otherwise none did.
        elsewhere: bool,
    },
    /// The key works; the application must confirm.
    AwaitingApp {
        /// The link to the application.
        go_on: Option<GoOn>,
        /// Whether the browser goes there automatically.
        by_itself: bool,
    },
    /// The store is connected.
    Connected(Connected),
    /// The merchant pressed Deny.
    Denied,
    /// It failed, for this reason.
    Failed(Finding),
    /// Nobody approved in time.
    Expired,
}

impl View {
    /// The attempt's status; the waiting page compares it with the one it polls.
    pub const fn status(&self) -> Status {
        match self {
            Self::Open { .. } => Status::Open,
            Self::Received => Status::Received,
            Self::Proving(_) => Status::Proving,
            Self::AwaitingBrowser { .. } | Self::AwaitingApp { .. } => Status::AwaitingConfirmation,
            Self::Connected(_) => Status::Connected,
            Self::Denied => Status::Denied,
            Self::Failed(_) => Status::Failed,
            Self::Expired => Status::Expired,
        }
    }
}

/// What the waiting page shows, in a form that its script can compare.
pub fn shown(status: Status, trouble: Option<Verdict>) -> String {
    trouble.map_or_else(|| status.as_str().to_owned(), |trouble| format!("{} {}", status.as_str(), trouble.code()))
}

/// Why a received key could not be tried yet.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// What the last try found.
    pub finding: Finding,
    /// The action of the “try now” form.
    pub action: String,
}

/// A successful connection.
#[derive(Debug, Clone)]
pub struct Connected {
    /// The key's scope.
    pub may: Scope,
    /// The last seven characters of the consumer key, which the store's list of keys shows too.
    pub last7: String,
    /// The last seven characters of unused keys that the store also created.
    pub surplus: Vec<String>,
    /// The key that this one replaced, which the merchant may remove.
    pub former: Option<Former>,
    /// A remark, such as a narrower scope.
    pub note: Option<Finding>,
    /// The way back to the application.
    pub go_on: Option<GoOn>,
}

impl Connected {
    /// Whether the store has unused keys.
    const fn leaves_keys(&self) -> bool {
        !self.surplus.is_empty() || self.former.is_some()
    }
}

/// A key that the store still has but that is no longer used.
#[derive(Debug, Clone)]
pub struct Former {
    /// The store's number of the key.
    pub woo_key_id: i64,
    /// The last seven characters of the consumer key.
    pub last7: String,
    /// The page at the store where it is revoked.
    pub revoke_href: String,
}

impl Former {
    /// The name of that page; a typed key's number is unknown, so its page lists all keys.
    fn page(&self, frame: &Frame) -> Said {
        if self.woo_key_id == 0 {
            return frame.say("keys-menu");
        }
        frame.say("tidy-former-page").with("id", self.woo_key_id)
    }
}

/// Return and wait: the state of the attempt, and what to do next. While the attempt is open, it may contain the address of the
/// approval page, so this struct has no `Debug`.
#[derive(Clone, Template)]
#[template(path = "connect/attempt.html")]
pub struct AttemptPage {
    /// The frame around the page.
    pub frame: Frame,
    /// The account's name in the application.
    pub account: Option<String>,
    /// The store.
    pub store: StoreUrl,
    /// The host that receives the key, for the host's support.
    pub callback_host: String,
    /// The state.
    pub view: View,
    /// This page's own path, which also returns JSON with a `status`.
    pub poll_href: String,
    /// Where to begin a new attempt; `None` if the link no longer opens.
    pub retry_href: Option<String>,
    /// The way back to the application after a failure; [`Connected`] has its own.
    pub back: Option<GoOn>,
    /// Whether the merchant typed the key.
    pub by_hand: bool,
    /// The address for typing a key instead of approving, if an operator allows it and it was not tried.
    pub by_hand_href: Option<String>,
    /// The address of the store's approval page, while the merchant may approve.
    pub authorize_url: Option<String>,
    /// The requested scope.
    pub asks: Scope,
    /// The store's name for itself.
    pub store_name: Option<String>,
    /// The path of the store's icon, if it has one; this browser may load it.
    pub icon_href: Option<String>,
    /// Whether it is for an application password instead of a key.
    pub password: bool,
    /// The address for connecting with an application password instead, if that may help.
    pub password_href: Option<String>,
}

impl AttemptPage {
    fn heading(&self) -> Said {
        let (say, store) = (|key| self.frame.say(key), self.store.shown());
        match &self.view {
            View::Open { returned: false } => say("attempt-open").with("store", store),
            View::Open { returned: true } => say("attempt-no-key"),
            View::Received | View::Proving(None) => say("attempt-connecting").with("store", store),
            View::Proving(Some(_)) => say("attempt-trouble").with("store", store),
            View::AwaitingBrowser { .. } => say("attempt-confirm"),
            View::AwaitingApp { .. } => say("attempt-app").with("app", self.frame.app()),
            View::Connected(_) => say("attempt-connected").with("store", store),
            View::Denied if self.password => say("password-denied"),
            View::Denied => say("attempt-denied"),
            View::Failed(_) => say("attempt-failed").with("store", store),
            View::Expired => say("attempt-expired"),
        }
    }

    fn lead(&self) -> String {
        let (say, store, app) = (|key| self.frame.say(key), self.store.shown(), self.frame.app());
        let lead = match &self.view {
            View::Open { .. } if self.password => say("password-open-lead").with("store", store),
            View::Open { returned: false } => say("attempt-open-lead").with("store", store),
            View::Open { returned: true } => say("attempt-no-key-lead"),
            View::Received => say("attempt-received-lead"),
            View::Proving(None) => say("attempt-proving-lead"),
            View::Proving(Some(trouble)) => return trouble.finding.says.clone(),
            View::AwaitingBrowser { elsewhere: true, .. } => say("attempt-confirm-lead-elsewhere").with("store", store),
            View::AwaitingBrowser { .. } => say("attempt-confirm-lead").with("store", store),
            View::AwaitingApp { .. } => say("attempt-app-lead").with("app", app),
            View::Connected(_) if self.password => say("password-connected-lead").with("app", app).with("store", store),
            View::Connected(connected) => {
                say("attempt-connected-lead").with("app", app).with("may", self.frame.words.scope(connected.may))
            }
            View::Denied if self.password => say("password-denied-lead").with("store", store),
            View::Denied => say("attempt-denied-lead").with("store", store),
            View::Failed(failed) => return failed.says.clone(),
            View::Expired => say("attempt-expired-lead").with("store", store),
        };
        lead.to_string()
    }

    const fn is_waiting(&self) -> bool {
        !self.view.status().is_ended()
    }

    /// What its script compares: the status, and the problem of the last try.
    fn shown(&self) -> String {
        let trouble = match &self.view {
            View::Proving(Some(trouble)) => Verdict::from_code(trouble.finding.code),
            _ => None,
        };
        shown(self.view.status(), trouble)
    }

    /// The number of the current step in the progress; 5 after the last.
    const fn step(&self) -> usize {
        match self.view {
            View::Open { .. } | View::Denied | View::Expired => 2,
            View::Connected(_) => 5,
            _ => 3,
        }
    }

    /// Where to type a key instead, in states where that can help.
    fn by_hand(&self) -> Option<&str> {
        let helps = matches!(self.view, View::Open { .. } | View::Failed(_) | View::Expired | View::Proving(Some(_)));
        self.by_hand_href.as_deref().filter(|_| helps)
    }

    /// Whether typing a key is most likely to help: the store approved, but could not send its key.
    fn by_hand_is_main(&self) -> bool {
        matches!(self.view, View::Open { returned: true }) && self.by_hand().is_some()
    }

    /// Where to begin a new attempt, in states where that can help.
    fn retry(&self) -> Option<&str> {
        let helps = self.retry_is_main() || matches!(self.view, View::Open { .. } | View::Proving(Some(_)));
        self.retry_href.as_deref().filter(|_| helps)
    }

    const fn retry_is_main(&self) -> bool {
        matches!(self.view, View::Open { returned: true } | View::Denied | View::Failed(_) | View::Expired)
    }

    /// Where to connect with an application password, in states where that can help.
    fn by_password(&self) -> Option<&str> {
        self.password_href.as_deref().filter(|_| !self.password)
    }

    const fn offers_help(&self) -> bool {
        !self.password && matches!(self.view, View::Open { .. } | View::Expired)
    }

    /// Whether the help is open: a merchant who returns without an approval most likely saw an error at the store.
    const fn opens_help(&self) -> bool {
        matches!(self.view, View::Open { returned: false })
    }

    fn callback_address(&self) -> String {
        format!("https://{}", self.callback_host)
    }

    fn keys_page(&self) -> String {
        keys_page(&self.store)
    }

    fn passwords_page(&self) -> String {
        passwords_url(&self.store)
    }
}

/// Return in a different browser than the one that began. Shows only what the visitor already knows.
#[derive(Template)]
#[template(path = "connect/elsewhere.html")]
pub struct ElsewherePage {
    /// The frame around the page.
    pub frame: Frame,
    /// The name of the account that began, in the application.
    pub account: Option<String>,
    /// The store.
    pub store: StoreUrl,
    /// Whether it is too late because the store is connected.
    pub connected: bool,
    /// For an application password, which only the browser that began may bring: whether the one that came was deleted.
    pub password: Option<bool>,
    /// The action of the “this was not me” form.
    pub disown_action: String,
    /// The attempt's state as sent by the store: proof that the visitor comes from the approval. Secret, so this struct
    /// has no `Debug`.
    pub state: String,
}

impl ElsewherePage {
    fn lead(&self) -> Said {
        let key = match (self.connected, self.password) {
            (true, _) => "elsewhere-lead-connected",
            (false, Some(_)) => "password-elsewhere-lead",
            (false, None) => "elsewhere-lead",
        };
        self.frame.say(key).with("store", self.store.shown()).with("app", self.frame.app())
    }

    fn keys_page(&self) -> String {
        keys_page(&self.store)
    }

    fn passwords_page(&self) -> String {
        passwords_url(&self.store)
    }
}

/// After “this was not me”: what to do at the store.
#[derive(Debug, Clone, Template)]
#[template(path = "connect/disowned.html")]
pub struct DisownedPage {
    /// The frame around the page.
    pub frame: Frame,
    /// The store.
    pub store: StoreUrl,
    /// The last seven characters of the consumer key, if one was received.
    pub last7: Option<String>,
}

impl DisownedPage {
    /// Creates the page about these keys (last seven characters). It names one, because there is rarely another.
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
