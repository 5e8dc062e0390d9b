//! What every page of the dashboard shows: the frame around it, times, and what has just been done.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::guard::SignedIn;
use crate::app::App;
use crate::domain::store::StoreStatus;
use crate::domain::time::Time;

/// A section of the dashboard, as the navigation lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Whether all is well.
    Overview,
    /// The stores.
    Stores,
    /// Links.
    Links,
    /// Service tokens.
    Tokens,
    /// Who is told of events.
    Webhooks,
    /// What happened.
    Activity,
    /// What merchants see.
    Settings,
    /// Whether the installation is in order.
    Diagnostics,
    /// The operator's own.
    Account,
}

impl Section {
    /// Those in the navigation, in order; the account stands apart.
    pub const ALL: [Self; 8] = [
        Self::Overview,
        Self::Stores,
        Self::Links,
        Self::Tokens,
        Self::Webhooks,
        Self::Activity,
        Self::Settings,
        Self::Diagnostics,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Stores => "Stores",
            Self::Links => "Links",
            Self::Tokens => "Service tokens",
            Self::Webhooks => "Webhooks",
            Self::Activity => "Activity",
            Self::Settings => "Settings",
            Self::Diagnostics => "Diagnostics",
            Self::Account => "Account",
        }
    }

    /// Where it is.
    pub const fn href(self) -> &'static str {
        match self {
            Self::Overview => "/admin",
            Self::Stores => "/admin/stores",
            Self::Links => "/admin/links",
            Self::Tokens => "/admin/tokens",
            Self::Webhooks => "/admin/webhooks",
            Self::Activity => "/admin/activity",
            Self::Settings => "/admin/settings",
            Self::Diagnostics => "/admin/diagnostics",
            Self::Account => "/admin/account",
        }
    }
}

/// The frame around a page: navigation, who is signed in, what has just been done.
#[derive(Debug, Clone)]
pub struct Shell {
    /// Where we are.
    pub here: Section,
    /// Who is signed in.
    pub operator: String,
    /// What forms carry.
    pub csrf: String,
    /// What has just been done.
    pub notice: Option<Notice>,
    /// Now, for “3 minutes ago”.
    pub now: Time,
}

impl Shell {
    /// The frame for a page of this section.
    pub fn new(app: &App, who: &SignedIn, here: Section) -> Self {
        Self {
            here,
            operator: who.operator.name.to_string(),
            csrf: who.csrf.clone(),
            notice: who.notice,
            now: app.now(),
        }
    }
}

/// Codes in the query, and the sentences that are shown for them: nothing of the query itself is.
macro_rules! notices {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $says:literal;)*) => {
        /// What has just been done, told on the next page.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Notice { $($(#[$doc])* $name),* }

        impl Notice {
            /// The code in `?done=`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// The sentence.
            pub const fn says(self) -> &'static str {
                match self { $(Self::$name => $says),* }
            }

            /// The class of its message: what was done may have shown something bad.
            pub const fn class(self) -> &'static str {
                match self {
                    Self::CheckedBad | Self::NoTurn | Self::KeyStillThere | Self::KeyNotTold | Self::TestNotTaken => "warn",
                    _ => "good",
                }
            }

            /// Reads a code.
            pub fn read(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }
        }
    };
}

notices! {
    /// A store was asked and is well.
    CheckedWell = "checked-well", "The store was asked just now: its key works.";
    /// A store was asked and is not well.
    CheckedBad = "checked-bad", "The store was asked just now. See below what it said.";
    /// A store was not asked.
    NoTurn = "no-turn", "Too many stores are being asked just now. This one is asked next; look again in a minute.";
    /// A typed key works, and its store is new.
    StoreAdded = "store-added", "The key works, and the store is connected.";
    /// A typed key works, and took the place of another.
    KeyReplaced = "key-replaced", "The key works, and took the place of the one that this store had.";
    /// A typed key is the store's already.
    KeyKnown = "key-known", "The store has this very key already. Nothing was changed.";
    /// A store was given up.
    Disconnected = "disconnected", "The store is disconnected and its secret is wiped.";
    /// A store that was given up tells that the key is gone.
    KeyRevoked = "key-revoked", "The store was asked just now: the key is revoked. Nothing is left of this connection.";
    /// It tells that the key is still there.
    KeyStillThere = "key-still-there", "The store was asked just now: it still knows the key.";
    /// It could not be asked.
    KeyNotTold = "key-not-told", "The store could not be asked just now, so it is not known whether the key is revoked.";
    /// A quarantined approval was confirmed.
    Confirmed = "confirmed", "The approval is confirmed.";
    /// A quarantined approval was thrown away.
    Rejected = "rejected", "The approval is rejected and its key is wiped.";
    /// A link was withdrawn.
    LinkWithdrawn = "link-withdrawn", "The link is withdrawn. Whoever opens it is told that it no longer works.";
    /// A token was revoked.
    TokenRevoked = "token-revoked", "The token is revoked. It does not work any more.";
    /// A webhook took its trial.
    TestTaken = "test-taken", "The test was taken: this webhook works.";
    /// It did not.
    TestNotTaken = "test-not-taken", "The test was not taken. The log below says what was answered.";
    /// Deliveries are made again.
    SentAgain = "sent-again", "It is being sent again. The log below tells what comes of it.";
    /// A webhook's old secret signs no more.
    OldSecretEnded = "old-secret-ended", "The old secret does not sign any more.";
    /// A webhook was turned off.
    WebhookOff = "webhook-off", "The webhook is off. Nothing is sent to it.";
    /// A webhook was turned on.
    WebhookOn = "webhook-on", "The webhook is on. It is sent what happens from now on.";
    /// A webhook was turned on with what it missed.
    WebhookOnWithMissed = "webhook-on-missed", "The webhook is on. What it missed is being sent now.";
    /// A webhook was deleted.
    WebhookDeleted = "webhook-deleted", "The webhook is deleted and its secret is wiped.";
    /// Settings were saved.
    Saved = "saved", "Saved.";
    /// The second factor is off.
    SecondFactorOff = "second-factor-off", "The second factor is off.";
    /// All other sessions ended.
    SessionEnded = "session-ended", "That session is ended.";
}

/// The answer to a form that was done: on to `path`, where `notice` is told.
#[derive(Debug, Clone)]
pub struct Done(String);

impl Done {
    /// On to `path`, a path of the dashboard that may have a query, and tell `notice` there.
    pub fn to(path: &str, notice: Notice) -> Self {
        let sign = if path.contains('?') { '&' } else { '?' };
        Self(format!("{path}{sign}done={}", notice.code()))
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        debug_assert!(self.0.starts_with("/admin"), "a form leads to a page of the dashboard");
        let mut answer = Redirect::to(&self.0).into_response();
        *answer.status_mut() = StatusCode::SEE_OTHER;
        answer
    }
}

/// A moment as people say it: “just now”, “5 min ago”, “3 h ago”, “4 days ago”, then the date. What lies ahead: “in 3 h”.
pub fn ago(time: &Time, now: &Time) -> String {
    let (span, ahead) = if time > now { (time.since(*now), true) } else { (now.since(*time), false) };
    let minutes = span.as_secs() / 60;
    let said = match minutes {
        0 if ahead => return "in a moment".to_owned(),
        0 => return "just now".to_owned(),
        1..60 => format!("{minutes} min"),
        60..1_440 => format!("{} h", minutes / 60),
        1_440..2_880 => "1 day".to_owned(),
        2_880..43_200 => format!("{} days", minutes / 1_440),
        _ => return day(time),
    };
    if ahead { format!("in {said}") } else { format!("{said} ago") }
}

/// A day, such as `2026-11-22`.
pub fn day(time: &Time) -> String {
    time.to_string().chars().take(10).collect()
}

/// A moment in full, to the second: `2026-11-22 12:00:00 UTC`.
pub fn utc(time: &Time) -> String {
    let text = time.to_string();
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(clock)) => format!("{day} {clock} UTC"),
        _ => text,
    }
}

/// The class of a status's badge.
pub const fn status_class(status: StoreStatus) -> &'static str {
    match status {
        StoreStatus::Connected => "good",
        StoreStatus::Unauthorized => "bad",
        StoreStatus::Unreachable => "warn",
        StoreStatus::Disconnected => "quiet",
    }
}

/// A status in words.
pub const fn status_name(status: StoreStatus) -> &'static str {
    match status {
        StoreStatus::Connected => "Connected",
        StoreStatus::Unauthorized => "Unauthorized",
        StoreStatus::Unreachable => "Unreachable",
        StoreStatus::Disconnected => "Disconnected",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn moments_are_told_as_people_say_them() {
        let now = Time::from_millis(1_790_000_000_000);
        let minutes = |n: u64| ago(&now.minus(Duration::from_mins(n)), &now);
        assert_eq!(minutes(0), "just now");
        assert_eq!(minutes(59), "59 min ago");
        assert_eq!(minutes(60), "1 h ago");
        assert_eq!(minutes(24 * 60), "1 day ago");
        assert_eq!(minutes(29 * 24 * 60), "29 days ago");
        assert_eq!(minutes(30 * 24 * 60), "2026-08-22");
        assert_eq!(ago(&now.plus(Duration::from_hours(3)), &now), "in 3 h");
        assert_eq!(utc(&now), "2026-09-21 14:13:20 UTC");
    }

    #[test]
    fn a_notice_is_read_from_its_code_and_from_nothing_else() {
        assert_eq!(Notice::read(Notice::Saved.code()), Some(Notice::Saved));
        assert_eq!(Notice::read("<script>"), None);
    }
}
