//! Service tokens: issued once in the open, kept as a fingerprint, revoked at once.

use std::time::Duration;

use super::Beneath;
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::event::{Event, Kind};
use crate::domain::id::TokenId;
use crate::domain::secret::Secret;
use crate::domain::token::{Permissions, ServiceToken, TOKEN_PREFIX};
use crate::storage::tokens;
use crate::vault::fingerprint;

/// Issues a token; its secret is given back once and kept nowhere. `name` is cut to 80 characters.
pub async fn issue(
    app: &App,
    name: &str,
    permissions: Permissions,
    lives: Option<Duration>,
    actor: &Actor,
) -> Result<(ServiceToken, Secret), Beneath> {
    let now = app.now();
    let secret = Secret::new(format!("{TOKEN_PREFIX}{}", app.entropy.secret().expose()));
    let token = ServiceToken {
        id: TokenId::mint(now, &app.entropy),
        name: name.chars().filter(|c| !c.is_control()).take(80).collect(),
        permissions,
        created_at: now,
        expires_at: lives.map(|span| now.plus(span)),
        revoked_at: None,
    };
    let event = Event::new(Kind::TokenIssued, now, actor).token(&token.id);
    tokens::insert(&app.db, &token, &fingerprint(&secret), &event).await?;
    Ok((token, secret))
}

/// Revokes a token; false when there is none with this id that still worked.
pub async fn revoke(app: &App, id: &TokenId, actor: &Actor) -> Result<bool, Beneath> {
    let now = app.now();
    let event = Event::new(Kind::TokenRevoked, now, actor).token(id);
    Ok(tokens::revoke(&app.db, id, now, &event).await?)
}
