//! Service tokens: issued once in the open, kept as a fingerprint, replaced with an overlap, revoked at once.

use std::time::Duration;

use super::{Beneath, takes_in_beneath};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::event::{Event, Kind};
use crate::domain::id::TokenId;
use crate::domain::secret::Secret;
use crate::domain::time::Time;
use crate::domain::token::{Permissions, ServiceToken, TOKEN_PREFIX, TokenState, Users};
use crate::storage::tokens;
use crate::vault::fingerprint;

/// What a token is asked to be.
#[derive(Debug, Clone)]
pub struct Wish {
    /// What its owner calls it; cut to 80 characters.
    pub name: String,
    /// What it may do.
    pub permissions: Permissions,
    /// The only merchants whom it may reach; none means all.
    pub users: Option<Users>,
    /// How long it works; for ever when `None`.
    pub lives: Option<Duration>,
}

impl Wish {
    /// A token that may reach every merchant and works until it is revoked.
    pub fn new(name: impl Into<String>, permissions: Permissions) -> Self {
        Self { name: name.into(), permissions, users: None, lives: None }
    }
}

/// Issues a token; its secret is given back once and kept nowhere.
pub async fn issue(app: &App, wish: Wish, actor: &Actor) -> Result<(ServiceToken, Secret), Beneath> {
    let now = app.now();
    let (token, secret) = mint(app, wish, now);
    let event = Event::new(Kind::TokenIssued, now, actor).token(&token.id);
    tokens::insert(&app.db, &token, &fingerprint(&secret), &event).await?;
    Ok((token, secret))
}

fn mint(app: &App, wish: Wish, now: Time) -> (ServiceToken, Secret) {
    let token = ServiceToken {
        id: TokenId::mint(now, &app.entropy),
        name: wish.name.chars().filter(|c| !c.is_control()).take(80).collect(),
        permissions: wish.permissions,
        created_at: now,
        expires_at: wish.lives.map(|span| now.plus(span)),
        revoked_at: None,
        users: wish.users,
        successor: None,
    };
    (token, Secret::new(format!("{TOKEN_PREFIX}{}", app.entropy.secret().expose())))
}

/// Why a token cannot be replaced.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// There is none with this id.
    #[error("there is no such token")]
    Unknown,
    /// It was revoked.
    #[error("this token was revoked; issue a new one instead")]
    Revoked,
    /// Its time is over.
    #[error("this token has expired; issue a new one instead")]
    Expired,
    /// It has a successor.
    #[error("this token was replaced already, by {0}; rotate that one")]
    Replaced(TokenId),
    /// The database.
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(RotateError);

/// Issues a token that takes the place of the one with this id: the same name, permissions and merchants, and as long a
/// life. The old one works on for `overlap`, never longer than it would have by itself.
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
    let wish = Wish { name: old.name, permissions: old.permissions, users: old.users, lives };
    let (new, secret) = mint(app, wish, now);
    let events = [
        Event::new(Kind::TokenRotated, now, actor).token(id),
        Event::new(Kind::TokenIssued, now, actor).token(&new.id),
    ];
    if !tokens::rotate(&app.db, id, now.plus(overlap), &new, &fingerprint(&secret), now, &events).await? {
        // Somebody was quicker.
        let old = tokens::find(&app.db, id).await?.ok_or(RotateError::Unknown)?;
        refuse_rotation(&old, now)?;
        return Err(RotateError::Expired);
    }
    Ok((new, secret))
}

/// Refuses to replace what works no more at `now`, and what was replaced before.
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

/// Every token, oldest first.
pub async fn all(app: &App) -> Result<Vec<ServiceToken>, Beneath> {
    Ok(tokens::all(&app.db).await?)
}

/// Revokes a token; false when there is none with this id that was not revoked already.
pub async fn revoke(app: &App, id: &TokenId, actor: &Actor) -> Result<bool, Beneath> {
    let now = app.now();
    let event = Event::new(Kind::TokenRevoked, now, actor).token(id);
    Ok(tokens::revoke(&app.db, id, now, &event).await?)
}
