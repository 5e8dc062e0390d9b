//! What every dashboard page shows: the frame, times, and notices.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use crate::domain::{StoreStatus, Time};

/// A section of the dashboard, as listed in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Overview,
    Stores,
    Links,
    Tokens,
    Webhooks,
    Activity,
    Settings,
    Diagnostics,
    Account,
}

impl Section {
    /// The sections in the navigation, in order; the account is listed separately.
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

    const fn name_and_path(self) -> (&'static str, &'static str) {
        match self {
            Self::Overview => ("Overview", "/admin"),
            Self::Stores => ("Stores", "/admin/stores"),
            Self::Links => ("Links", "/admin/links"),
            Self::Tokens => ("Service tokens", "/admin/tokens"),
            Self::Webhooks => ("Webhooks", "/admin/webhooks"),
            Self::Activity => ("Activity", "/admin/activity"),
            Self::Settings => ("Settings", "/admin/settings"),
            Self::Diagnostics => ("Diagnostics", "/admin/diagnostics"),
            Self::Account => ("Account", "/admin/account"),
        }
    }

    pub const fn name(self) -> &'static str {
        self.name_and_path().0
    }

    pub const fn href(self) -> &'static str {
        self.name_and_path().1
    }
}

/// The frame around a page: navigation, operator, notice.
#[derive(Debug, Clone)]
pub struct Shell {
    pub here: Section,
    pub operator: String,
    /// The form token.
    pub csrf: String,
    pub notice: Option<Notice>,
    /// The current time, for “3 minutes ago”.
    pub now: Time,
}

/// The codes allowed in the query and their sentences: nothing from the query itself is displayed.
macro_rules! notices {
    ($($name:ident = $code:literal, $says:literal;)*) => {
        /// A notice about what was just done, shown on the next page.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Notice { $(#[doc = $says] $name),* }

        impl Notice {
            /// The code in `?done=`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            pub const fn says(self) -> &'static str {
                match self { $(Self::$name => $says),* }
            }

            /// The message's class: an action may have revealed a problem.
            pub const fn class(self) -> &'static str {
                match self {
                    Self::CheckedBad
                    | Self::NoTurn
                    | Self::KeyStillThere
                    | Self::KeyNotTold
                    | Self::PasswordLeft
                    | Self::TestNotTaken => "warn",
                    _ => "good",
                }
            }

            pub fn read(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }
        }
    };
}

notices! {
    CheckedWell = "checked-well", "The store was checked: its key works.";
    CheckedBad = "checked-bad", "The store was checked. See the result below.";
    NoTurn = "no-turn", "Too many stores are being checked right now. This one is next: try again in ten seconds.";
    StoreAdded = "store-added", "The key works, and the store is connected.";
    KeyReplaced = "key-replaced", "The key works and replaced the store's previous key.";
    KeyKnown = "key-known", "The store already has this key. Nothing was changed.";
    PasswordDeleted = "password-deleted", "The store was disconnected and has deleted its application password.";
    PasswordLeft = "password-left", "The store was disconnected, but has not deleted its application password yet.";
    Disconnected = "disconnected", "The store was disconnected and its secret was wiped.";
    KeyRevoked = "key-revoked", "The store was checked: the key is revoked. There is nothing left to do.";
    KeyStillThere = "key-still-there", "The store was checked: the key is not revoked.";
    KeyNotTold = "key-not-told", "The store could not be checked, so it is not known whether the key is revoked.";
    Confirmed = "confirmed", "The approval was confirmed.";
    Rejected = "rejected", "The approval was rejected and its key was wiped.";
    LinkWithdrawn = "link-withdrawn", "The link was withdrawn. Anyone who opens it sees that it no longer works.";
    TokenRevoked = "token-revoked", "The token was revoked. It no longer works.";
    TestTaken = "test-taken", "The test was delivered: this webhook works.";
    TestNotTaken = "test-not-taken", "The test was not delivered. The log below shows the response.";
    SentAgain = "sent-again", "Events are being resent. The log below shows the result.";
    OldSecretEnded = "old-secret-ended", "Events are no longer signed with the old secret.";
    WebhookOff = "webhook-off", "The webhook is off. Nothing is sent to it.";
    WebhookOn = "webhook-on", "The webhook is on. New events are sent to it.";
    WebhookOnWithMissed = "webhook-on-missed", "The webhook is on. Missed events are being sent now.";
    WebhookDeleted = "webhook-deleted", "The webhook was deleted and its secret was wiped.";
    Saved = "saved", "Saved.";
    SecondFactorOff = "second-factor-off", "The second factor is off.";
    SessionEnded = "session-ended", "The session was ended.";
}

/// A redirect to `path` after a form was processed, with a notice.
#[derive(Debug, Clone)]
pub struct Done(String);

impl Done {
    /// Redirects to `path`, a dashboard path that may have a query, and shows `notice` there.
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

/// A relative time: “just now”, “5 min ago”, “3 h ago”, “4 days ago”, then the date. In the future: “in 3 h”.
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

/// A UTC time to the second: `2026-11-22 12:00:00 UTC`.
pub fn utc(time: &Time) -> String {
    let text = time.to_string();
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(clock)) => format!("{day} {clock} UTC"),
        _ => text,
    }
}

pub const fn status_class(status: StoreStatus) -> &'static str {
    match status {
        StoreStatus::Connected => "good",
        StoreStatus::Unauthorized => "bad",
        StoreStatus::Unreachable => "warn",
        StoreStatus::Disconnected => "quiet",
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
