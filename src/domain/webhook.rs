//! Webhook: an address of an internal service that receives events, and which events it wants.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use url::Url;

use super::{Kind, Network, News, NotAStoreUrl, StoreUrl, Time, Users, WebhookId};

/// The maximum number of webhooks.
pub const MOST: i64 = 50;
/// The maximum length of a description, in characters.
pub const DESCRIPTION_AT_MOST: usize = 120;
/// How long the old secret also signs after a rotation.
pub const OVERLAP: Duration = Duration::from_hours(24);
/// How long the delivery log is stored.
pub const KEPT_FOR: Duration = Duration::from_hours(30 * 24);

/// The prefix of a webhook's secret (Standard Webhooks).
pub const SECRET_PREFIX: &str = "whsec_";

/// The pauses between tries, about two days in all. After the last try the delivery has failed.
pub const PAUSES: [Duration; 12] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(10),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(4),
    Duration::from_hours(8),
    Duration::from_hours(12),
    Duration::from_hours(12),
    Duration::from_hours(12),
];
/// The maximum pause before a try, whether scheduled or requested by the webhook.
pub const PUT_OFF_AT_MOST: Duration = Duration::from_hours(16);
/// All tries of a delivery take at most this long, unless the webhook requests longer pauses.
pub const SCHEDULE: Duration = Duration::from_hours(63);
/// The maximum number of tries for a delivery.
pub const TRIES: usize = PAUSES.len() + 1;

/// The pause after this many failed tries, shortened or extended by up to a fifth according to `dice`, so that
/// deliveries that failed together are not retried together; `None` after the last try.
pub fn pause(tries: i64, dice: u8) -> Option<Duration> {
    let before = usize::try_from(tries).ok()?.checked_sub(1)?;
    let pause = PAUSES.get(before)?;
    Some(pause.mul_f64(0.8 + 0.4 * f64::from(dice) / 255.0))
}

/// The address of a webhook. Such addresses may contain secrets: the query is never displayed or logged.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(String);

/// Why a typed address cannot be a webhook's. The message says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAWebhookUrl {
    #[error("Type a complete address, such as https://app.example.com/hooks/cartkey.")]
    Unreadable,
    #[error("Type an address of at most 2,000 characters.")]
    TooLong,
    /// Neither https nor, in development, http.
    #[error("The address must begin with https://.")]
    Scheme,
    #[error("Remove the part before the @ sign; put what your service needs into the path.")]
    Userinfo,
    #[error("Remove the part after the # sign: it is never sent.")]
    Fragment,
    /// The host is an IP address or a name that only works inside a network.
    #[error(
        "Webhooks are sent only to public host names with https. For development only, CARTKEY_ALLOW_PRIVATE_STORES=true allows private addresses."
    )]
    Private,
    #[error("Use https on its usual port 443, or on 8443.")]
    Port,
}

impl WebhookUrl {
    pub fn parse(typed: &str, network: Network) -> Result<Self, NotAWebhookUrl> {
        use NotAWebhookUrl as No;
        let typed = typed.trim();
        if typed.len() > 2_000 {
            return Err(No::TooLong);
        }
        if typed.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(No::Unreadable);
        }
        let url = Url::parse(typed).map_err(|_| No::Unreadable)?;
        match url.scheme() {
            "https" => {}
            "http" if network == Network::PrivateToo => {}
            _ => return Err(No::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(No::Userinfo);
        }
        if url.fragment().is_some() {
            return Err(No::Fragment);
        }
        // The same names and ports as for stores, because the same client contacts them.
        StoreUrl::parse(&url[..url::Position::AfterPort], network).map_err(|fault| match fault {
            NotAStoreUrl::IpAddress | NotAStoreUrl::PrivateName => No::Private,
            NotAStoreUrl::Port => No::Port,
            _ => No::Unreadable,
        })?;
        Ok(Self(url.into()))
    }

    /// Wraps a stored value.
    pub(crate) fn of_storage(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The whole address, which may contain secrets: for sending, and for editing.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part that may be displayed and logged.
    pub fn shown(&self) -> String {
        let shown = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
        match shown.split_once('?') {
            Some((before, _)) => format!("{before}?…"),
            None => shown.to_owned(),
        }
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookUrl({})", self.shown())
    }
}

/// Which events a webhook wants: `*`, whole groups such as `store.*`, or single types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted(Vec<String>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotWanted(String);

impl fmt::Display for NotWanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups = Wanted::groups().map(|group| format!("{group}.*")).collect::<Vec<_>>().join(", ");
        if self.0.is_empty() {
            write!(f, "specify at least one event type, such as store.connected, a group ({groups}), or * for all")
        } else {
            write!(
                f,
                "{:?} is not an event type; use a type such as store.connected, a group ({groups}), or * for all",
                self.0
            )
        }
    }
}

impl std::error::Error for NotWanted {}

impl Wanted {
    pub fn everything() -> Self {
        Self(vec!["*".to_owned()])
    }

    /// Parses a stored value, which may include types that this version does not know.
    pub(crate) fn of_storage(text: &str) -> Self {
        Self(text.split(',').map(str::to_owned).collect())
    }

    pub fn wants(&self, kind: &str) -> bool {
        self.0.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => kind.starts_with(beginning),
            None => pattern == kind,
        })
    }

    /// The types and groups, sorted, without duplicates.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The prefixes of types, before the dot: each once, in the order of [`Kind::ALL`].
    pub fn groups() -> impl Iterator<Item = &'static str> {
        let group = |kind: &Kind| kind.as_str().split('.').next().unwrap_or_default();
        let mut seen = Vec::new();
        Kind::ALL.iter().map(group).filter(move |group| {
            let is_new = !seen.contains(group);
            seen.push(*group);
            is_new
        })
    }
}

impl FromStr for Wanted {
    type Err = NotWanted;

    /// Parses types and groups separated by commas or spaces.
    fn from_str(text: &str) -> Result<Self, NotWanted> {
        let named = text.split([',', ' ', '\n', '\r', '\t']).filter(|part| !part.is_empty());
        let mut patterns: Vec<String> = Vec::new();
        for pattern in named {
            let is_known = match pattern.strip_suffix(".*") {
                Some(group) => Self::groups().any(|known| known == group),
                None => pattern == "*" || Kind::from_text(pattern).is_some(),
            };
            if !is_known {
                return Err(NotWanted(pattern.to_owned()));
            }
            if !patterns.iter().any(|known| known == pattern) {
                patterns.push(pattern.to_owned());
            }
        }
        match patterns.is_empty() {
            true => Err(NotWanted(String::new())),
            false if patterns.iter().any(|pattern| pattern == "*") => Ok(Self::everything()),
            false => Ok(Self(patterns)),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

names! {
    /// Why sending to a webhook stopped.
    WhyOff {
        /// It was turned off manually.
        ByHand = "by_hand",
        /// It answered 410 Gone.
        Gone = "gone",
        /// A delivery failed after all its tries and nothing else was delivered for a day, or nothing was delivered for
        /// [`SCHEDULE`].
        Failing = "failing",
    }
}

names! {
    WebhookState {
        /// It receives events.
        On = "on",
        /// It receives events, and the last ones could not be delivered.
        Failing = "failing",
        /// Nothing is sent to it.
        Off = "off",
    }
}

/// A webhook, without its secrets.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Webhook {
    pub id: WebhookId,
    pub url: WebhookUrl,
    /// Its description; may be empty.
    pub description: String,
    pub wanted: Wanted,
    /// The only merchants whose events it receives; `None` means all events, including those without a merchant.
    pub users: Option<Users>,
    /// When it was added.
    pub created_at: Time,
    /// When the old secret stops signing.
    pub old_until: Option<Time>,
    /// When something was last delivered, rounded to the minute.
    pub succeeded_at: Option<Time>,
    /// When continuous failure began.
    pub failing_since: Option<Time>,
    /// When sending stopped.
    pub disabled_at: Option<Time>,
    /// Why sending stopped.
    pub disabled_why: Option<WhyOff>,
}

impl Webhook {
    /// Whether it receives this event: it wants the type, and may see the merchant.
    pub fn is_told_of(&self, news: &News) -> bool {
        self.wanted.wants(&news.kind) && news.is_about_one_of(self.users.as_ref())
    }

    pub const fn state(&self) -> WebhookState {
        match (self.disabled_at, self.failing_since) {
            (Some(_), _) => WebhookState::Off,
            (None, Some(_)) => WebhookState::Failing,
            (None, None) => WebhookState::On,
        }
    }

    /// Whether two secrets sign at `now`.
    pub fn has_two_secrets(&self, now: Time) -> bool {
        self.old_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_public_and_https() {
        use NotAWebhookUrl as No;
        let read = |typed: &str| WebhookUrl::parse(typed, Network::Public).map(|url| url.as_str().to_owned());
        for good in
            ["https://app.example.com/hooks?token=x", "https://app.example.com:8443/", "https://a.example.com/%20"]
        {
            assert_eq!(read(good).as_deref(), Ok(good));
        }
        for (bad, why) in [
            ("", No::Unreadable),
            ("app.example.com/hooks", No::Unreadable),
            ("http://app.example.com/", No::Scheme),
            ("ftp://app.example.com/", No::Scheme),
            ("https://u:p@app.example.com/", No::Userinfo),
            ("https://app.example.com/#a", No::Fragment),
            ("https://127.0.0.1/", No::Private),
            ("https://[::1]/", No::Private),
            ("https://app.internal/", No::Private),
            ("https://localhost/", No::Private),
            ("https://app.example.com:22/", No::Port),
            ("https://app.example.com/a b", No::Unreadable),
            ("https://app.example.com\\@evil.example/", No::Unreadable),
        ] {
            assert_eq!(read(bad), Err(why), "{bad}");
        }
        assert_eq!(read(&format!("https://app.example.com/{}", "a".repeat(2_000))), Err(No::TooLong));
        let near = WebhookUrl::parse("http://localhost:9/hook", Network::PrivateToo);
        assert_eq!(near.map(|url| url.shown()), Ok("localhost:9/hook".to_owned()));
    }

    #[test]
    fn what_may_be_secret_in_an_address_is_not_shown() {
        let url = WebhookUrl::parse("https://app.example.com/hook?token=hunter2", Network::Public).expect("an address");
        assert_eq!(url.shown(), "app.example.com/hook?…");
        assert!(!format!("{url:?}").contains("hunter2"));
    }

    #[test]
    fn what_is_wanted_is_read_and_matched() {
        let wanted: Wanted = "store.*, key.rotated store.*".parse().expect("types");
        assert_eq!(wanted.to_string(), "store.*,key.rotated");
        assert!(wanted.wants("store.moved") && wanted.wants("key.rotated"));
        assert!(!wanted.wants("key.revoked") && !wanted.wants("stores.exported") && !wanted.wants("store"));
        let all: Wanted = "store.connected,*".parse().expect("all");
        assert!(all == Wanted::everything() && all.wants("what.ever"));
        for bad in ["", " , ", "store", "store.conected", "shop.*", "s*", "*.connected"] {
            assert!(bad.parse::<Wanted>().is_err(), "{bad}");
        }
        assert_eq!(Wanted::groups().next(), Some("link"));
        assert_eq!(Wanted::of_storage("store.*,new.thing").to_string(), "store.*,new.thing");
    }

    #[test]
    fn tries_spread_over_more_than_a_day() {
        let shortest: Duration = (1..).map_while(|tries| pause(tries, 0)).sum();
        let longest: Duration = (1..).map_while(|tries| pause(tries, 255)).sum();
        assert!(shortest > Duration::from_hours(40) && longest < SCHEDULE, "{shortest:?} {longest:?}");
        assert!((1..).map_while(|tries| pause(tries, 255)).all(|pause| pause < PUT_OFF_AT_MOST));
        assert_eq!((pause(0, 0), pause(1, 0)), (None, Some(Duration::from_secs(4))));
        assert_eq!((pause(1, 255), pause(13, 9)), (Some(Duration::from_secs(6)), None));
    }
}
