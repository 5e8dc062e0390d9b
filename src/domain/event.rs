//! Event: something that happened, kept for ever in order.

use super::actor::Actor;
use super::id::{AttemptId, LinkId, OperatorId, StoreId, TokenId, WebhookId};
use super::time::Time;
use super::user_id::UserId;
use super::verdict::Verdict;

/// What happened. The names are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "TEXT")]
pub enum Kind {
    /// A link was made.
    #[sqlx(rename = "link.created")]
    LinkCreated,
    /// A browser began an attempt.
    #[sqlx(rename = "attempt.begun")]
    AttemptBegun,
    /// The first grant of an attempt came.
    #[sqlx(rename = "attempt.received")]
    AttemptReceived,
    /// Another browser than the one that began came back.
    #[sqlx(rename = "attempt.elsewhere")]
    AttemptElsewhere,
    /// An attempt was confirmed.
    #[sqlx(rename = "attempt.confirmed")]
    AttemptConfirmed,
    /// The merchant pressed Deny.
    #[sqlx(rename = "attempt.denied")]
    AttemptDenied,
    /// An attempt ended without a store.
    #[sqlx(rename = "attempt.failed")]
    AttemptFailed,
    /// Nobody approved in time.
    #[sqlx(rename = "attempt.expired")]
    AttemptExpired,
    /// A store was connected for the first time.
    #[sqlx(rename = "store.connected")]
    StoreConnected,
    /// A store got a new key.
    #[sqlx(rename = "store.reconnected")]
    StoreReconnected,
    /// A store refuses its key.
    #[sqlx(rename = "store.unauthorized")]
    StoreUnauthorized,
    /// A store cannot be asked.
    #[sqlx(rename = "store.unreachable")]
    StoreUnreachable,
    /// A store's key works again.
    #[sqlx(rename = "store.recovered")]
    StoreRecovered,
    /// A store has another address than the one it was connected at.
    #[sqlx(rename = "store.moved")]
    StoreMoved,
    /// A store takes its key in another way than before: who uses it must fetch it again.
    #[sqlx(rename = "key.auth_method_changed")]
    KeyAuthMethodChanged,
    /// A store was given up.
    #[sqlx(rename = "store.disconnected")]
    StoreDisconnected,
    /// A service token was issued.
    #[sqlx(rename = "token.issued")]
    TokenIssued,
    /// A service token was revoked.
    #[sqlx(rename = "token.revoked")]
    TokenRevoked,
    /// A service token was given a successor; it goes on working for a while.
    #[sqlx(rename = "token.rotated")]
    TokenRotated,
    /// A link was withdrawn before its time.
    #[sqlx(rename = "link.withdrawn")]
    LinkWithdrawn,
    /// An attempt was thrown away by an operator.
    #[sqlx(rename = "attempt.rejected")]
    AttemptRejected,
    /// A store's key was replaced by another version: whoever keeps a copy fetches it again.
    #[sqlx(rename = "key.rotated")]
    KeyRotated,
    /// A store that was given up says that its key is revoked.
    #[sqlx(rename = "key.revoked")]
    KeyRevoked,
    /// The list of stores was taken out as a file.
    #[sqlx(rename = "stores.exported")]
    StoresExported,
    /// The keys themselves were taken out as a file.
    #[sqlx(rename = "keys.exported")]
    KeysExported,
    /// The activity was taken out as a file.
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
    /// A wrong password or code for an operator.
    #[sqlx(rename = "operator.refused")]
    OperatorRefused,
    /// An operator's password was changed; all their sessions ended.
    #[sqlx(rename = "operator.password_changed")]
    OperatorPasswordChanged,
    /// An operator turned the second factor on.
    #[sqlx(rename = "operator.second_factor_on")]
    OperatorSecondFactorOn,
    /// An operator's second factor was turned off.
    #[sqlx(rename = "operator.second_factor_off")]
    OperatorSecondFactorOff,
    /// An operator signed in with a recovery code, which is spent.
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
    /// A webhook is sent nothing any more: it failed for too long, said that it is gone, or was turned off.
    #[sqlx(rename = "webhook.disabled")]
    WebhookDisabled,
    /// A webhook is sent events again.
    #[sqlx(rename = "webhook.enabled")]
    WebhookEnabled,
    /// A webhook got a new secret; the old one works on for a while.
    #[sqlx(rename = "webhook.secret_rotated")]
    WebhookSecretRotated,
    /// The old secret of a webhook was ended before its time.
    #[sqlx(rename = "webhook.secret_ended")]
    WebhookSecretEnded,
    /// A webhook is sent again what it was sent before.
    #[sqlx(rename = "webhook.replayed")]
    WebhookReplayed,
    /// Somebody had a webhook tried.
    #[sqlx(rename = "webhook.tested")]
    WebhookTested,
}

/// Something that happened, about to be written in the transaction that makes it so.
#[derive(Debug, Clone)]
pub struct Event {
    /// What.
    pub kind: Kind,
    /// When.
    pub at: Time,
    /// Who did it, from where, in which request.
    pub actor: Actor,
    /// Whose store it is about.
    pub user_id: Option<UserId>,
    /// The store it is about.
    pub store_id: Option<StoreId>,
    /// The link it is about.
    pub link_id: Option<LinkId>,
    /// The attempt it is about.
    pub attempt_id: Option<AttemptId>,
    /// The token it is about.
    pub token_id: Option<TokenId>,
    /// The operator it is about.
    pub operator_id: Option<OperatorId>,
    /// The webhook it is about.
    pub webhook_id: Option<WebhookId>,
    /// Why, as a stable code.
    pub reason: Option<&'static str>,
}

impl Event {
    /// Something that happened, with nothing said yet of whom it is about.
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

    /// … about this merchant.
    #[must_use]
    pub fn user(mut self, id: &UserId) -> Self {
        self.user_id = Some(id.clone());
        self
    }

    /// … about this store.
    #[must_use]
    pub fn store(mut self, id: &StoreId) -> Self {
        self.store_id = Some(id.clone());
        self
    }

    /// … about this link.
    #[must_use]
    pub fn link(mut self, id: Option<&LinkId>) -> Self {
        self.link_id = id.cloned();
        self
    }

    /// … about this attempt.
    #[must_use]
    pub fn attempt(mut self, id: &AttemptId) -> Self {
        self.attempt_id = Some(id.clone());
        self
    }

    /// … about this token.
    #[must_use]
    pub fn token(mut self, id: &TokenId) -> Self {
        self.token_id = Some(id.clone());
        self
    }

    /// … about this operator.
    #[must_use]
    pub fn operator(mut self, id: &OperatorId) -> Self {
        self.operator_id = Some(id.clone());
        self
    }

    /// … about this webhook.
    #[must_use]
    pub fn webhook(mut self, id: &WebhookId) -> Self {
        self.webhook_id = Some(id.clone());
        self
    }

    /// … for this reason.
    #[must_use]
    pub fn because(mut self, reason: Option<Verdict>) -> Self {
        self.reason = reason.map(Verdict::code);
        self
    }

    /// … for a reason that no store gave.
    #[must_use]
    pub const fn because_of(mut self, code: &'static str) -> Self {
        self.reason = Some(code);
        self
    }
}
