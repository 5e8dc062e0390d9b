//! Event: something that happened. Events are ordered and never deleted.

use super::actor::Actor;
use super::id::{AttemptId, LinkId, OperatorId, StoreId, TokenId, WebhookId};
use super::time::Time;
use super::user_id::UserId;
use super::verdict::Verdict;

/// The kinds of events. The names are part of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "TEXT")]
pub enum Kind {
    /// A link was created.
    #[sqlx(rename = "link.created")]
    LinkCreated,
    /// A browser began an attempt.
    #[sqlx(rename = "attempt.begun")]
    AttemptBegun,
    /// The first grant of an attempt was received.
    #[sqlx(rename = "attempt.received")]
    AttemptReceived,
    /// A different browser returned than the one that began.
    #[sqlx(rename = "attempt.elsewhere")]
    AttemptElsewhere,
    /// An attempt was confirmed.
    #[sqlx(rename = "attempt.confirmed")]
    AttemptConfirmed,
    /// The merchant pressed Deny.
    #[sqlx(rename = "attempt.denied")]
    AttemptDenied,
    /// An attempt ended without connecting a store.
    #[sqlx(rename = "attempt.failed")]
    AttemptFailed,
    /// Nobody approved in time.
    #[sqlx(rename = "attempt.expired")]
    AttemptExpired,
    /// A store was connected for the first time.
    #[sqlx(rename = "store.connected")]
    StoreConnected,
    /// A store received a new key.
    #[sqlx(rename = "store.reconnected")]
    StoreReconnected,
    /// A store rejected its key.
    #[sqlx(rename = "store.unauthorized")]
    StoreUnauthorized,
    /// A store could not be checked.
    #[sqlx(rename = "store.unreachable")]
    StoreUnreachable,
    /// A store's key works again.
    #[sqlx(rename = "store.recovered")]
    StoreRecovered,
    /// A store's address has changed since it was connected.
    #[sqlx(rename = "store.moved")]
    StoreMoved,
    /// A store now requires a different authentication method: clients must fetch the key again.
    #[sqlx(rename = "key.auth_method_changed")]
    KeyAuthMethodChanged,
    /// A store was disconnected.
    #[sqlx(rename = "store.disconnected")]
    StoreDisconnected,
    /// A service token was issued.
    #[sqlx(rename = "token.issued")]
    TokenIssued,
    /// A service token was revoked.
    #[sqlx(rename = "token.revoked")]
    TokenRevoked,
    /// A service token was replaced by a new one; the old one works for a while longer.
    #[sqlx(rename = "token.rotated")]
    TokenRotated,
    /// A link was withdrawn before it expired.
    #[sqlx(rename = "link.withdrawn")]
    LinkWithdrawn,
    /// An attempt was rejected by an operator.
    #[sqlx(rename = "attempt.rejected")]
    AttemptRejected,
    /// A store's key was replaced by a new version: clients with a copy must fetch it again.
    #[sqlx(rename = "key.rotated")]
    KeyRotated,
    /// A disconnected store reports that its key is revoked.
    #[sqlx(rename = "key.revoked")]
    KeyRevoked,
    /// The list of stores was exported.
    #[sqlx(rename = "stores.exported")]
    StoresExported,
    /// The keys themselves were exported.
    #[sqlx(rename = "keys.exported")]
    KeysExported,
    /// The activity was exported.
    #[sqlx(rename = "activity.exported")]
    ActivityExported,
    /// The settings were changed.
    #[sqlx(rename = "settings.changed")]
    SettingsChanged,
    /// An operator was added.
    #[sqlx(rename = "operator.added")]
    OperatorAdded,
    /// An operator was removed.
    #[sqlx(rename = "operator.removed")]
    OperatorRemoved,
    /// An operator signed in.
    #[sqlx(rename = "operator.signed_in")]
    OperatorSignedIn,
    /// An operator signed out, here or everywhere.
    #[sqlx(rename = "operator.signed_out")]
    OperatorSignedOut,
    /// A wrong password or code was entered for an operator.
    #[sqlx(rename = "operator.refused")]
    OperatorRefused,
    /// An operator's password was changed; all their sessions ended.
    #[sqlx(rename = "operator.password_changed")]
    OperatorPasswordChanged,
    /// An operator turned on the second factor.
    #[sqlx(rename = "operator.second_factor_on")]
    OperatorSecondFactorOn,
    /// An operator's second factor was turned off.
    #[sqlx(rename = "operator.second_factor_off")]
    OperatorSecondFactorOff,
    /// An operator signed in with a recovery code, which is now used up.
    #[sqlx(rename = "operator.recovery_code_spent")]
    OperatorRecoveryCodeSpent,
    /// A webhook was added.
    #[sqlx(rename = "webhook.created")]
    WebhookCreated,
    /// A webhook's address, filter or description was changed.
    #[sqlx(rename = "webhook.changed")]
    WebhookChanged,
    /// A webhook was deleted.
    #[sqlx(rename = "webhook.deleted")]
    WebhookDeleted,
    /// Sending to a webhook stopped: it failed for too long, answered 410 Gone, or was turned off.
    #[sqlx(rename = "webhook.disabled")]
    WebhookDisabled,
    /// Sending to a webhook resumed.
    #[sqlx(rename = "webhook.enabled")]
    WebhookEnabled,
    /// A webhook got a new secret; the old one also signs for a while.
    #[sqlx(rename = "webhook.secret_rotated")]
    WebhookSecretRotated,
    /// A webhook's old secret was ended early.
    #[sqlx(rename = "webhook.secret_ended")]
    WebhookSecretEnded,
    /// Past events were resent to a webhook.
    #[sqlx(rename = "webhook.replayed")]
    WebhookReplayed,
    /// A webhook was tested.
    #[sqlx(rename = "webhook.tested")]
    WebhookTested,
}

/// An event about to be recorded, in the same transaction as the change it describes.
#[derive(Debug, Clone)]
pub struct Event {
    /// The kind.
    pub kind: Kind,
    /// The time.
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

    /// Sets the store.
    #[must_use]
    pub fn store(mut self, id: &StoreId) -> Self {
        self.store_id = Some(id.clone());
        self
    }

    /// Sets the link.
    #[must_use]
    pub fn link(mut self, id: Option<&LinkId>) -> Self {
        self.link_id = id.cloned();
        self
    }

    /// Sets the attempt.
    #[must_use]
    pub fn attempt(mut self, id: &AttemptId) -> Self {
        self.attempt_id = Some(id.clone());
        self
    }

    /// Sets the token.
    #[must_use]
    pub fn token(mut self, id: &TokenId) -> Self {
        self.token_id = Some(id.clone());
        self
    }

    /// Sets the operator.
    #[must_use]
    pub fn operator(mut self, id: &OperatorId) -> Self {
        self.operator_id = Some(id.clone());
        self
    }

    /// Sets the webhook.
    #[must_use]
    pub fn webhook(mut self, id: &WebhookId) -> Self {
        self.webhook_id = Some(id.clone());
        self
    }

    /// Sets the reason from a verdict.
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
