//! Activity: what happened and which keys were read, in one list; what each is called, and where a page of it begins.

use std::fmt;
use std::str::FromStr;

use super::event::Kind;
use super::id::RequestId;
use super::time::Time;

/// What the activity can be narrowed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// Links and attempts.
    Connections,
    /// How stores stand.
    Stores,
    /// Keys that were lent.
    KeysRead,
    /// Service tokens.
    Tokens,
    /// Webhooks.
    Webhooks,
    /// Operators, their sign-ins and passwords.
    Operators,
    /// Settings, and what was taken out as a file.
    Settings,
}

impl Group {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 7] = [
        Self::Connections,
        Self::Stores,
        Self::KeysRead,
        Self::Tokens,
        Self::Webhooks,
        Self::Operators,
        Self::Settings,
    ];

    /// As it stands in an address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Stores => "stores",
            Self::KeysRead => "keys",
            Self::Tokens => "tokens",
            Self::Webhooks => "webhooks",
            Self::Operators => "operators",
            Self::Settings => "settings",
        }
    }

    /// For people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Connections => "Links and approvals",
            Self::Stores => "Stores",
            Self::KeysRead => "Keys read",
            Self::Tokens => "Service tokens",
            Self::Webhooks => "Webhooks",
            Self::Operators => "Operators",
            Self::Settings => "Settings and exports",
        }
    }

    /// Reads what stands in an address.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.as_str() == text)
    }

    /// The events that belong to it; none of [`Self::KeysRead`], which are no events.
    pub fn kinds(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.iter().copied().filter(move |kind| kind.group() == self)
    }
}

macro_rules! kinds {
    ($($kind:ident = $name:literal, $group:ident, $words:literal;)*) => {
        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// As it is stored and sent.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }

            /// Reads what is stored and sent.
            pub fn from_text(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
            }

            /// Where it belongs in the activity.
            pub const fn group(self) -> Group {
                match self { $(Self::$kind => Group::$group),* }
            }

            /// What happened, in a few words for people.
            pub const fn in_words(self) -> &'static str {
                match self { $(Self::$kind => $words),* }
            }
        }
    };
}

kinds! {
    LinkCreated = "link.created", Connections, "Link made";
    LinkWithdrawn = "link.withdrawn", Connections, "Link withdrawn";
    AttemptBegun = "attempt.begun", Connections, "Connecting begun";
    AttemptReceived = "attempt.received", Connections, "Key received from the store";
    AttemptElsewhere = "attempt.elsewhere", Connections, "Approval came back in another browser";
    AttemptConfirmed = "attempt.confirmed", Connections, "Approval confirmed";
    AttemptRejected = "attempt.rejected", Connections, "Approval rejected";
    AttemptDenied = "attempt.denied", Connections, "Merchant pressed Deny";
    AttemptFailed = "attempt.failed", Connections, "Connecting failed";
    AttemptExpired = "attempt.expired", Connections, "Nobody approved in time";
    StoreConnected = "store.connected", Stores, "Store connected";
    StoreReconnected = "store.reconnected", Stores, "Store connected again";
    StoreUnauthorized = "store.unauthorized", Stores, "Store refuses its key";
    StoreUnreachable = "store.unreachable", Stores, "Store cannot be reached";
    StoreRecovered = "store.recovered", Stores, "Store works again";
    StoreMoved = "store.moved", Stores, "Store has a new address";
    KeyAuthMethodChanged = "key.auth_method_changed", Stores, "Store takes its key in another way";
    StoreDisconnected = "store.disconnected", Stores, "Store disconnected";
    KeyRotated = "key.rotated", Stores, "Key replaced by a new version";
    KeyRevoked = "key.revoked", Stores, "Key is gone at the store";
    TokenIssued = "token.issued", Tokens, "Token issued";
    TokenRotated = "token.rotated", Tokens, "Token given a successor";
    TokenRevoked = "token.revoked", Tokens, "Token revoked";
    WebhookCreated = "webhook.created", Webhooks, "Webhook added";
    WebhookChanged = "webhook.changed", Webhooks, "Webhook changed";
    WebhookDeleted = "webhook.deleted", Webhooks, "Webhook deleted";
    WebhookDisabled = "webhook.disabled", Webhooks, "Webhook turned off";
    WebhookEnabled = "webhook.enabled", Webhooks, "Webhook turned on";
    WebhookSecretRotated = "webhook.secret_rotated", Webhooks, "Webhook given a new secret";
    WebhookSecretEnded = "webhook.secret_ended", Webhooks, "Old secret of a webhook ended";
    WebhookReplayed = "webhook.replayed", Webhooks, "Events sent to a webhook again";
    WebhookTested = "webhook.tested", Webhooks, "Webhook tried";
    OperatorAdded = "operator.added", Operators, "Operator added";
    OperatorRemoved = "operator.removed", Operators, "Operator removed";
    OperatorSignedIn = "operator.signed_in", Operators, "Signed in";
    OperatorSignedOut = "operator.signed_out", Operators, "Signed out";
    OperatorRefused = "operator.refused", Operators, "Sign-in refused";
    OperatorPasswordChanged = "operator.password_changed", Operators, "Password changed";
    OperatorSecondFactorOn = "operator.second_factor_on", Operators, "Second factor turned on";
    OperatorSecondFactorOff = "operator.second_factor_off", Operators, "Second factor turned off";
    OperatorRecoveryCodeSpent = "operator.recovery_code_spent", Operators, "Signed in with a recovery code";
    SettingsChanged = "settings.changed", Settings, "Settings changed";
    StoresExported = "stores.exported", Settings, "List of stores exported";
    KeysExported = "keys.exported", Settings, "Keys exported with their secrets";
    ActivityExported = "activity.exported", Settings, "Activity exported";
}

/// What a read key is called beside the kinds of events.
pub const KEY_READ: &str = "key.read";

/// Where a page begins: events before this number and reads before this id, which are two orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Events with a smaller number follow.
    pub seq: i64,
    /// Reads with a smaller id follow.
    pub read: RequestId,
}

impl Position {
    /// Before everything, also what happens from now on.
    pub fn newest() -> Self {
        Self { seq: i64::MAX, read: RequestId::least(Time::from_millis(i64::MAX)) }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.seq, self.read)
    }
}

/// The text is not a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAPosition;

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let (seq, read) = text.split_once('-').ok_or(NotAPosition)?;
        let seq = seq.parse().ok().filter(|seq| *seq >= 0).ok_or(NotAPosition)?;
        Ok(Self { seq, read: read.parse().map_err(|_| NotAPosition)? })
    }
}

/// How long key reads are kept, and the addresses that events came from. Events themselves are kept for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// Nothing is deleted.
    #[default]
    ForEver,
    /// So many days.
    Days(u16),
}

impl Keep {
    /// What operators may choose.
    pub const CHOICES: [Self; 6] =
        [Self::ForEver, Self::Days(730), Self::Days(365), Self::Days(180), Self::Days(90), Self::Days(30)];

    /// Whether less is kept than under `other`.
    pub const fn is_shorter_than(self, other: Self) -> bool {
        match (self, other) {
            (Self::ForEver, _) => false,
            (Self::Days(_), Self::ForEver) => true,
            (Self::Days(mine), Self::Days(theirs)) => mine < theirs,
        }
    }

    /// For people.
    pub fn in_words(self) -> String {
        match self {
            Self::ForEver => "for ever".to_owned(),
            Self::Days(365) => "1 year".to_owned(),
            Self::Days(730) => "2 years".to_owned(),
            Self::Days(days) => format!("{days} days"),
        }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ForEver => f.write_str("forever"),
            Self::Days(days) => write!(f, "{days}"),
        }
    }
}

/// The text is not one of [`Keep::CHOICES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAChoice;

impl FromStr for Keep {
    type Err = NotAChoice;

    fn from_str(text: &str) -> Result<Self, NotAChoice> {
        Self::CHOICES.into_iter().find(|choice| choice.to_string() == text).ok_or(NotAChoice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entropy::Entropy;

    #[test]
    fn a_position_reads_back() {
        let read = RequestId::mint(Time::from_millis(1_790_000_000_000), &Entropy::seeded(7));
        let position = Position { seq: 7, read };
        assert_eq!(position.to_string().parse(), Ok(position));
        assert_eq!(Position::newest().to_string().parse(), Ok(Position::newest()));
        for bad in ["", "7", "7-", "-7-rq_x", "x-rq_01jd0000000000000000000000", "7-st_01jd0000000000000000000000"] {
            assert_eq!(bad.parse::<Position>(), Err(NotAPosition), "{bad}");
        }
    }

    #[test]
    fn every_kind_belongs_to_one_group_and_reads_are_no_events() {
        let grouped: usize = Group::ALL.iter().map(|group| group.kinds().count()).sum();
        assert_eq!(grouped, Kind::ALL.len());
        assert_eq!(Group::KeysRead.kinds().count(), 0);
    }

    #[test]
    fn what_is_kept_reads_back_and_compares() {
        for choice in Keep::CHOICES {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        assert_eq!("31".parse::<Keep>(), Err(NotAChoice));
        assert!(Keep::Days(30).is_shorter_than(Keep::Days(90)) && Keep::Days(30).is_shorter_than(Keep::ForEver));
        assert!(!Keep::ForEver.is_shorter_than(Keep::Days(30)) && !Keep::Days(90).is_shorter_than(Keep::Days(90)));
    }
}
