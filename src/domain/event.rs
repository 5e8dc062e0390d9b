//! Event: something that happened. Events are ordered and never deleted.

use super::actor::Actor;
use super::id::{AttemptId, LinkId, OperatorId, StoreId, TokenId, WebhookId};
use super::time::Time;
use super::user_id::UserId;
use super::verdict::Verdict;

macro_rules! kinds {
    ($($kind:ident = $name:literal, $group:ident, $words:literal;)*) => {
        names! {
            /// The kinds of events. The names are part of the API.
            Kind { $(#[doc = $words] $kind = $name,)* }
        }

        impl Kind {
            /// The group in the activity.
            pub const fn group(self) -> Group {
                match self { $(Self::$kind => Group::$group),* }
            }

            /// A short description for people.
            pub const fn in_words(self) -> &'static str {
                match self { $(Self::$kind => $words),* }
            }
        }
    };
}

kinds! {
    LinkCreated = "link.created", Connections, "Link created";
    LinkWithdrawn = "link.withdrawn", Connections, "Link withdrawn";
    AttemptBegun = "attempt.begun", Connections, "Connection started";
    AttemptReceived = "attempt.received", Connections, "Key received from the store";
    AttemptElsewhere = "attempt.elsewhere", Connections, "Approval came back in another browser";
    AttemptConfirmed = "attempt.confirmed", Connections, "Approval confirmed";
    AttemptRejected = "attempt.rejected", Connections, "Approval rejected";
    AttemptDenied = "attempt.denied", Connections, "Merchant pressed Deny";
    AttemptFailed = "attempt.failed", Connections, "Connection failed";
    AttemptExpired = "attempt.expired", Connections, "Nobody approved in time";
    StoreConnected = "store.connected", Stores, "Store connected";
    StoreReconnected = "store.reconnected", Stores, "Store reconnected";
    StoreUnauthorized = "store.unauthorized", Stores, "Store rejected its key";
    StoreUnreachable = "store.unreachable", Stores, "Store unreachable";
    StoreRecovered = "store.recovered", Stores, "Store works again";
    StoreMoved = "store.moved", Stores, "Store has a new address";
    KeyAuthMethodChanged = "key.auth_method_changed", Stores, "Authentication method changed";
    KeyApiUrlChanged = "key.api_url_changed", Stores, "API address changed";
    StoreDisconnected = "store.disconnected", Stores, "Store disconnected";
    KeyRotated = "key.rotated", Stores, "Key replaced by a new version";
    KeyRevoked = "key.revoked", Stores, "Key revoked at the store";
    TokenIssued = "token.issued", Tokens, "Token created";
    TokenRotated = "token.rotated", Tokens, "Token rotated";
    TokenRevoked = "token.revoked", Tokens, "Token revoked";
    WebhookCreated = "webhook.created", Webhooks, "Webhook added";
    WebhookChanged = "webhook.changed", Webhooks, "Webhook changed";
    WebhookDeleted = "webhook.deleted", Webhooks, "Webhook deleted";
    WebhookDisabled = "webhook.disabled", Webhooks, "Webhook turned off";
    WebhookEnabled = "webhook.enabled", Webhooks, "Webhook turned on";
    WebhookSecretRotated = "webhook.secret_rotated", Webhooks, "Webhook secret rotated";
    WebhookSecretEnded = "webhook.secret_ended", Webhooks, "Old webhook secret ended";
    WebhookReplayed = "webhook.replayed", Webhooks, "Events resent to a webhook";
    WebhookTested = "webhook.tested", Webhooks, "Webhook tested";
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
    StoresExported = "stores.exported", Settings, "Store list exported";
    KeysExported = "keys.exported", Settings, "Keys exported with their secrets";
    ActivityExported = "activity.exported", Settings, "Activity exported";
}

names! {
    /// The groups by which the activity can be filtered.
    Group {
        /// Links and attempts.
        Connections = "connections",
        /// Changes of a store's status.
        Stores = "stores",
        KeysRead = "keys",
        /// Service tokens.
        Tokens = "tokens",
        Webhooks = "webhooks",
        /// Operators, their sign-ins and their passwords.
        Operators = "operators",
        /// Settings and exports.
        Settings = "settings",
    }
}

impl Group {
    /// The label for people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Connections => "Links and approvals",
            Self::Stores => "Stores",
            Self::KeysRead => "Key reads and calls",
            Self::Tokens => "Service tokens",
            Self::Webhooks => "Webhooks",
            Self::Operators => "Operators",
            Self::Settings => "Settings and exports",
        }
    }

    /// The kinds of events in the group; none for [`Self::KeysRead`], because key reads are not events.
    pub fn kinds(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.iter().copied().filter(move |kind| kind.group() == self)
    }
}

/// An event about to be recorded, in the same transaction as the change it describes.
#[derive(Debug, Clone)]
pub struct Event {
    pub kind: Kind,
    pub at: Time,
    /// Who did it, from where and in which request.
    pub actor: Actor,
    /// The merchant concerned.
    pub user_id: Option<UserId>,
    /// The store concerned.
    pub store_id: Option<StoreId>,
    /// The link concerned.
    pub link_id: Option<LinkId>,
    /// The attempt concerned.
    pub attempt_id: Option<AttemptId>,
    /// The token concerned.
    pub token_id: Option<TokenId>,
    /// The operator concerned.
    pub operator_id: Option<OperatorId>,
    /// The webhook concerned.
    pub webhook_id: Option<WebhookId>,
    /// The reason, as a stable code.
    pub reason: Option<&'static str>,
}

impl Event {
    /// Creates an event without a subject.
    pub fn new(kind: Kind, at: Time, actor: &Actor) -> Self {
        Self {
            kind,
            at,
            actor: actor.clone(),
            user_id: None,
            store_id: None,
            link_id: None,
            attempt_id: None,
            token_id: None,
            operator_id: None,
            webhook_id: None,
            reason: None,
        }
    }

    /// Sets the merchant.
    #[must_use]
    pub fn user(mut self, id: &UserId) -> Self {
        self.user_id = Some(id.clone());
        self
    }

    #[must_use]
    pub fn store(mut self, id: &StoreId) -> Self {
        self.store_id = Some(id.clone());
        self
    }

    #[must_use]
    pub fn link(mut self, id: Option<&LinkId>) -> Self {
        self.link_id = id.cloned();
        self
    }

    #[must_use]
    pub fn attempt(mut self, id: &AttemptId) -> Self {
        self.attempt_id = Some(id.clone());
        self
    }

    #[must_use]
    pub fn token(mut self, id: &TokenId) -> Self {
        self.token_id = Some(id.clone());
        self
    }

    #[must_use]
    pub fn operator(mut self, id: &OperatorId) -> Self {
        self.operator_id = Some(id.clone());
        self
    }

    #[must_use]
    pub fn webhook(mut self, id: &WebhookId) -> Self {
        self.webhook_id = Some(id.clone());
        self
    }

    #[must_use]
    pub fn because(mut self, reason: Option<Verdict>) -> Self {
        self.reason = reason.map(Verdict::code);
        self
    }

    /// Sets a reason that is not a verdict.
    #[must_use]
    pub const fn because_of(mut self, code: &'static str) -> Self {
        self.reason = Some(code);
        self
    }
}
