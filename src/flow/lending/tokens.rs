//! Service tokens: shown once when issued, stored as a fingerprint, replaced with an overlap, revoked at once.

use std::time::Duration;

use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::event::{Event, Kind};
use crate::domain::id::TokenId;
use crate::domain::secret::Secret;
use crate::domain::time::Time;
use crate::domain::token::{Permissions, ServiceToken, TOKEN_PREFIX, TokenState, Users};
use crate::flow::{Beneath, takes_in_beneath};
use crate::storage::tokens;
use crate::vault::fingerprint;

/// The properties of a token to issue.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Its name, cut to 80 characters.
    pub name: String,
    /// Its permissions.
    pub permissions: Permissions,
    /// The only merchants it may see; `None` means all.
    pub users: Option<Users>,
    /// Its lifetime; unlimited if `None`.
    pub lives: Option<Duration>,
}

impl NewToken {
    /// A token for every merchant that works until it is revoked.
    pub fn new(name: impl Into<String>, permissions: Permissions) -> Self {
        Self { name: name.into(), permissions, users: None, lives: None }
    }
}

/// Issues a token. Its secret is returned once and not stored.
pub async fn issue(app: &App, new: NewToken, actor: &Actor) -> Result<(ServiceToken, Secret), Beneath> {
    let now = app.now();
    let (token, secret) = mint(app, new, now);
    let event = Event::new(Kind::TokenIssued, now, actor).token(&token.id);
    tokens::insert(&app.db, &token, &fingerprint(&secret), &event).await?;
    Ok((token, secret))
}

fn mint(app: &App, new: NewToken, now: Time) -> (ServiceToken, Secret) {
    let token = ServiceToken {
        id: TokenId::mint(now, &app.entropy),
        name: new.name.chars().filter(|c| !c.is_control()).take(80).collect(),
        permissions: new.permissions,
        created_at: now,
        expires_at: new.lives.map(|span| now.plus(span)),
        revoked_at: None,
        users: new.users,
        successor: None,
    };
    (token, Secret::new(format!("{TOKEN_PREFIX}{}", app.entropy.secret().expose())))
}

/// Why a token cannot be replaced.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// There is no token with this id.
    #[error("there is no such token")]
    Unknown,
    /// The token was revoked.
    #[error("this token was revoked; issue a new one instead")]
    Revoked,
    /// The token has expired.
    #[error("this token has expired; issue a new one instead")]
    Expired,
    /// The token was already replaced by this one.
    #[error("this token was replaced already, by {0}; rotate that one")]
    Replaced(TokenId),
    /// The database failed.
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(RotateError);

/// Replaces a token with a new one of the same name, permissions, merchants and lifetime. The old one continues to work for
/// `overlap`, but no longer than its own expiry.
pub async fn rotate(
    app: &App,
    id: &TokenId,
    overlap: Duration,
    actor: &Actor,
) -> Result<(ServiceToken, Secret), RotateError> {
    let old = tokens::find(&app.db, id).await?.ok_or(RotateError::Unknown)?;
    let now = app.now();
    refuse_rotation(&old, now)?;
    let lives = old.expires_at.map(|end| end.since(old.created_at));
    let new = NewToken { name: old.name, permissions: old.permissions, users: old.users, lives };
    let (new, secret) = mint(app, new, now);
    let events = [
        Event::new(Kind::TokenRotated, now, actor).token(id),
        Event::new(Kind::TokenIssued, now, actor).token(&new.id),
    ];
    if !tokens::rotate(&app.db, id, now.plus(overlap), &new, &fingerprint(&secret), now, &events).await? {
        // Another request was faster.
        let old = tokens::find(&app.db, id).await?.ok_or(RotateError::Unknown)?;
        refuse_rotation(&old, now)?;
        return Err(RotateError::Expired);
    }
    Ok((new, secret))
}

/// Fails if the token is revoked or expired at `now`, or was already replaced.
pub fn refuse_rotation(old: &ServiceToken, now: Time) -> Result<(), RotateError> {
    match (old.state_at(now), &old.successor) {
        (TokenState::Revoked, _) => Err(RotateError::Revoked),
        (_, Some(successor)) => Err(RotateError::Replaced(successor.clone())),
        (TokenState::Expired, _) => Err(RotateError::Expired),
        _ => Ok(()),
    }
}

/// The token with this id.
pub async fn find(app: &App, id: &TokenId) -> Result<Option<ServiceToken>, Beneath> {
    Ok(tokens::find(&app.db, id).await?)
}

/// All tokens, oldest first.
pub async fn all(app: &App) -> Result<Vec<ServiceToken>, Beneath> {
    Ok(tokens::all(&app.db).await?)
}

/// Revokes a token. Returns false if there is none with this id or it was already revoked.
pub async fn revoke(app: &App, id: &TokenId, actor: &Actor) -> Result<bool, Beneath> {
    let now = app.now();
    let event = Event::new(Kind::TokenRevoked, now, actor).token(id);
    Ok(tokens::revoke(&app.db, id, now, &event).await?)
}
