//! Event: something that happened. Events are ordered and never deleted.

use super::{Actor, AttemptId, LinkId, OperatorId, StoreId, Time, TokenId, UserId, Verdict, WebhookId};

macro_rules! kinds {
    ($($kind:ident = $name:literal, $group:ident, $words:literal, $members:literal;)*) => {
        names! {
            /// The kinds of events. The names are part of the API.
            Kind { $(#[doc = $words] $kind = $name,)* }
        }

        impl Kind {
            pub const fn group(self) -> Group {
                match self { $(Self::$kind => Group::$group),* }
            }

            /// A short description for people.
            pub const fn in_words(self) -> &'static str {
                match self { $(Self::$kind => $words),* }
            }

            /// The members of its `data` beside `actor`, and whether each is always there.
            pub fn members(self) -> impl Iterator<Item = (&'static str, bool)> {
                let members = match self { $(Self::$kind => $members),* };
                members.split_whitespace().map(|name| (name.trim_end_matches('?'), !name.ends_with('?')))
            }
        }
    };
}

// Name, group, label, and the members of `data`; `?` marks those that may be absent.
kinds! {
    LinkCreated = "link.created", Connections, "Link created", "user_id link_id";
    LinkWithdrawn = "link.withdrawn", Connections, "Link withdrawn", "user_id link_id";
    AttemptBegun = "attempt.begun", Connections, "Connection started", "user_id link_id? attempt_id reason?";
    AttemptReceived = "attempt.received", Connections, "Key received from the store", "user_id link_id? attempt_id";
    AttemptElsewhere = "attempt.elsewhere", Connections, "Approval came back in another browser", "user_id link_id? attempt_id";
    AttemptConfirmed = "attempt.confirmed", Connections, "Approval confirmed", "user_id link_id? attempt_id";
    AttemptRejected = "attempt.rejected", Connections, "Approval rejected", "user_id link_id? attempt_id reason";
    AttemptDenied = "attempt.denied", Connections, "Merchant pressed Deny", "user_id link_id? attempt_id reason";
    AttemptFailed = "attempt.failed", Connections, "Connection failed", "user_id link_id? attempt_id reason";
    AttemptExpired = "attempt.expired", Connections, "Nobody approved in time", "user_id link_id? attempt_id reason";
    StoreConnected = "store.connected", Stores, "Store connected", "user_id store_id link_id? attempt_id? reason?";
    StoreReconnected = "store.reconnected", Stores, "Store reconnected", "user_id store_id link_id? attempt_id? reason?";
    StoreUnauthorized = "store.unauthorized", Stores, "Store rejected its key", "user_id store_id reason";
    StoreUnreachable = "store.unreachable", Stores, "Store unreachable", "user_id store_id reason";
    StoreRecovered = "store.recovered", Stores, "Store works again", "user_id store_id reason?";
    StoreMoved = "store.moved", Stores, "Store has a new address", "user_id store_id reason";
    KeyAuthMethodChanged = "key.auth_method_changed", Stores, "Authentication method changed", "user_id store_id reason?";
    KeyApiUrlChanged = "key.api_url_changed", Stores, "API address changed", "user_id store_id reason?";
    StoreDisconnected = "store.disconnected", Stores, "Store disconnected", "user_id store_id";
    KeyRotated = "key.rotated", Stores, "Key replaced by a new version", "user_id store_id link_id? attempt_id?";
    KeyRevoked = "key.revoked", Stores, "Key revoked at the store", "user_id store_id";
    TokenIssued = "token.issued", Tokens, "Token created", "token_id";
    TokenRotated = "token.rotated", Tokens, "Token rotated", "token_id";
    TokenRevoked = "token.revoked", Tokens, "Token revoked", "token_id";
    WebhookCreated = "webhook.created", Webhooks, "Webhook added", "webhook_id";
    WebhookChanged = "webhook.changed", Webhooks, "Webhook changed", "webhook_id";
    WebhookDeleted = "webhook.deleted", Webhooks, "Webhook deleted", "webhook_id";
    WebhookDisabled = "webhook.disabled", Webhooks, "Webhook turned off", "webhook_id reason";
    WebhookEnabled = "webhook.enabled", Webhooks, "Webhook turned on", "webhook_id";
    WebhookSecretRotated = "webhook.secret_rotated", Webhooks, "Webhook secret rotated", "webhook_id";
    WebhookSecretEnded = "webhook.secret_ended", Webhooks, "Old webhook secret ended", "webhook_id";
    WebhookReplayed = "webhook.replayed", Webhooks, "Events resent to a webhook", "webhook_id";
    WebhookTested = "webhook.tested", Webhooks, "Webhook tested", "webhook_id";
    OperatorAdded = "operator.added", Operators, "Operator added", "operator_id";
    OperatorRemoved = "operator.removed", Operators, "Operator removed", "operator_id";
    OperatorSignedIn = "operator.signed_in", Operators, "Signed in", "operator_id";
    OperatorSignedOut = "operator.signed_out", Operators, "Signed out", "operator_id";
    OperatorRefused = "operator.refused", Operators, "Sign-in refused", "operator_id";
    OperatorPasswordChanged = "operator.password_changed", Operators, "Password changed", "operator_id";
    OperatorSecondFactorOn = "operator.second_factor_on", Operators, "Second factor turned on", "operator_id";
    OperatorSecondFactorOff = "operator.second_factor_off", Operators, "Second factor turned off", "operator_id";
    OperatorRecoveryCodeSpent = "operator.recovery_code_spent", Operators, "Signed in with a recovery code", "operator_id";
    SettingsChanged = "settings.changed", Settings, "Settings changed", "";
    StoresExported = "stores.exported", Settings, "Store list exported", "";
    KeysExported = "keys.exported", Settings, "Keys exported with their secrets", "";
    ActivityExported = "activity.exported", Settings, "Activity exported", "";
}

impl Kind {
    /// Whether it is what a request asked for, rather than something that happened: a token that has stopped working by then
    /// does not do it.
    pub const fn is_asked_for(self) -> bool {
        matches!(
            self,
            Self::LinkCreated
                | Self::LinkWithdrawn
                | Self::AttemptConfirmed
                | Self::StoreDisconnected
                | Self::TokenIssued
                | Self::TokenRotated
                | Self::TokenRevoked
                | Self::WebhookCreated
                | Self::WebhookChanged
                | Self::WebhookDeleted
                | Self::WebhookDisabled
                | Self::WebhookEnabled
                | Self::WebhookSecretRotated
        )
    }
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
#[must_use]
pub struct Event {
    pub kind: Kind,
    pub at: Time,
    /// Who did it, from where and in which request.
    pub actor: Actor,
    pub user_id: Option<UserId>,
    pub store_id: Option<StoreId>,
    pub link_id: Option<LinkId>,
    pub attempt_id: Option<AttemptId>,
    pub token_id: Option<TokenId>,
    pub operator_id: Option<OperatorId>,
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

    pub fn user(mut self, id: &UserId) -> Self {
        self.user_id = Some(id.clone());
        self
    }

    pub fn store(mut self, id: &StoreId) -> Self {
        self.store_id = Some(id.clone());
        self
    }

    pub fn link(mut self, id: Option<&LinkId>) -> Self {
        self.link_id = id.cloned();
        self
    }

    pub fn attempt(mut self, id: &AttemptId) -> Self {
        self.attempt_id = Some(id.clone());
        self
    }

    pub fn token(mut self, id: &TokenId) -> Self {
        self.token_id = Some(id.clone());
        self
    }

    pub fn operator(mut self, id: &OperatorId) -> Self {
        self.operator_id = Some(id.clone());
        self
    }

    pub fn webhook(mut self, id: &WebhookId) -> Self {
        self.webhook_id = Some(id.clone());
        self
    }

    /// Whether it has the members of its kind, and no others.
    pub fn is_as_described(&self) -> bool {
        let has = [
            ("user_id", self.user_id.is_some()),
            ("store_id", self.store_id.is_some()),
            ("link_id", self.link_id.is_some()),
            ("attempt_id", self.attempt_id.is_some()),
            ("token_id", self.token_id.is_some()),
            ("operator_id", self.operator_id.is_some()),
            ("webhook_id", self.webhook_id.is_some()),
            ("reason", self.reason.is_some()),
        ];
        has.into_iter().all(|(name, has)| {
            let described = self.kind.members().find(|(known, _)| *known == name);
            described.map_or(!has, |(_, always)| has || !always)
        })
    }

    pub fn because(mut self, reason: Option<Verdict>) -> Self {
        self.reason = reason.map(Verdict::code);
        self
    }

    /// Sets a reason that is not a verdict.
    pub const fn because_of(mut self, code: &'static str) -> Self {
        self.reason = Some(code);
        self
    }
}
