//! Service tokens: shown once when issued, stored as a fingerprint, replaced with an overlap, revoked at once.
//!
//! A token with `tokens:write` does this too, but never for more than it may do itself: what it issues or rotates has no
//! permission that it lacks, reaches no merchant and no namespace that it does not, has no higher limit, and expires no later.
//! One that is limited to some merchants sees and revokes only tokens within that limit.

use std::time::Duration;

use crate::app::App;
use crate::domain::page::{MOST, Page};
use crate::domain::token::TOKEN_PREFIX;
use crate::domain::{
    Actor, CallLimit, CallLimits, Event, Kind, Namespaces, OtherUsers, Permission, Permissions, Secret, ServiceToken,
    Time, TokenId, TokenState, Users,
};
use crate::flow::{Beneath, takes_in_beneath};
use crate::storage::tokens::{self, Rotated};
use crate::vault::fingerprint;

/// Tokens read at a time, of which those within a limit are selected: more than fit on a page.
const AT_A_TIME: i64 = MOST + 1;

/// The properties of a token to issue.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Its name, cut to 80 characters.
    pub name: String,
    /// Its permissions.
    pub permissions: Permissions,
    /// The only merchants it may see; `None` means all.
    pub users: Option<Users>,
    /// The namespaces that it may call beside WooCommerce's.
    pub namespaces: Namespaces,
    /// The limits on its calls.
    pub limits: CallLimits,
    /// Its lifetime; unlimited if `None`.
    pub lives: Option<Duration>,
}

impl NewToken {
    /// A token for every merchant that calls only WooCommerce's namespaces, without limits, and works until it is revoked.
    pub fn new(name: impl Into<String>, permissions: Permissions) -> Self {
        let (namespaces, limits) = Default::default();
        Self { name: name.into(), permissions, users: None, namespaces, limits, lives: None }
    }
}

/// Issues a token. Its secret is returned once; storage keeps its fingerprint.
pub async fn issue(app: &App, new: NewToken, actor: &Actor) -> Result<(ServiceToken, Secret), IssueError> {
    let (token, secret) = mint(app, new, None, app.now());
    save(app, token, secret, None, actor).await
}

async fn save(
    app: &App,
    token: ServiceToken,
    secret: Secret,
    issuer: Option<&TokenId>,
    actor: &Actor,
) -> Result<(ServiceToken, Secret), IssueError> {
    let event = Event::new(Kind::TokenIssued, token.created_at, actor).token(&token.id);
    let is_kept = tokens::insert(&app.db, &token, &fingerprint(&secret), issuer, &event).await?;
    if is_kept { Ok((token, secret)) } else { Err(IssueError::TooMany) }
}

/// Why a token is not issued, or not rotated by another.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// It lacks a permission that the other is to have, or has.
    #[error("this token lacks {0}")]
    PermissionMissing(Permission),
    /// It is limited to other merchants.
    #[error(transparent)]
    OtherUsers(OtherUsers),
    /// It may not call this namespace, which the other is to call, or calls.
    #[error("this token may not call {0}")]
    OtherNamespace(String),
    /// This limit of the other would be, or is, higher.
    #[error("this token’s own limit {0} is {1}, so that of the tokens that it issues or rotates cannot be higher")]
    HigherLimit(CallLimit, u64),
    /// It expires before the other would.
    #[error("this token expires at {0}, so the tokens that it issues cannot expire later")]
    Outlived(Time),
    /// As many tokens work as may.
    #[error("there are already 1,000 active tokens; revoke those that are not needed")]
    TooMany,
    /// The other cannot be rotated.
    #[error(transparent)]
    Rotate(RotateError),
    /// The database failed.
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(IssueError);

/// Issues a token on behalf of another. Without limits of its own it gets those of `issuer`, and likewise the expiry.
pub async fn issue_for(
    app: &App,
    issuer: &ServiceToken,
    new: NewToken,
    actor: &Actor,
) -> Result<(ServiceToken, Secret), IssueError> {
    let limits = may_give(issuer, &new.permissions, &new.namespaces, new.limits)?;
    let users = issuer.limit(new.users).map_err(IssueError::OtherUsers)?;
    // Otherwise a token could make more calls by issuing others.
    let counts = [CallLimit::Concurrent, CallLimit::PerMinute];
    let is_counted = counts.iter().any(|limit| issuer.limits.get(*limit).is_some());
    let counted_with = is_counted.then(|| issuer.counted_as().clone());
    let (mut token, secret) = mint(app, NewToken { users, limits, ..new }, counted_with, app.now());
    match (issuer.expires_at, token.expires_at) {
        (Some(end), Some(wanted)) if wanted > end => return Err(IssueError::Outlived(end)),
        (end, None) => token.expires_at = end,
        _ => {}
    }
    save(app, token, secret, Some(&issuer.id), actor).await
}

/// The limits of a token that `issuer` issues or whose secret it gets, if it may do all that the other may.
fn may_give(
    issuer: &ServiceToken,
    permissions: &Permissions,
    namespaces: &Namespaces,
    limits: CallLimits,
) -> Result<CallLimits, IssueError> {
    if let Some(missing) = permissions.first_beyond(&issuer.permissions) {
        return Err(IssueError::PermissionMissing(missing));
    }
    if let Some(other) = namespaces.first_beyond(&issuer.namespaces) {
        return Err(IssueError::OtherNamespace(other.to_owned()));
    }
    let own = |limit| IssueError::HigherLimit(limit, issuer.limits.get(limit).unwrap_or(limit.most()));
    limits.within(issuer.limits).map_err(own)
}

fn mint(app: &App, new: NewToken, counted_with: Option<TokenId>, now: Time) -> (ServiceToken, Secret) {
    let token = ServiceToken {
        id: TokenId::mint(now, &app.entropy),
        name: new.name.chars().filter(|c| !c.is_control()).take(80).collect(),
        permissions: new.permissions,
        created_at: now,
        expires_at: new.lives.map(|span| now.plus(span)),
        revoked_at: None,
        users: new.users,
        successor: None,
        namespaces: new.namespaces,
        limits: new.limits,
        counted_with,
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
    /// As many tokens work as may.
    #[error("there are already 1,000 active tokens; revoke those that are not needed, or end this one at once")]
    TooMany,
    /// The database failed.
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(RotateError);

/// Replaces a token with a new one of the same name, permissions, merchants, namespaces, limits and lifetime. The old one
/// continues to work for `overlap`, but no longer than its own expiry.
pub async fn rotate(
    app: &App,
    id: &TokenId,
    overlap: Duration,
    actor: &Actor,
) -> Result<(ServiceToken, Secret), RotateError> {
    let old = tokens::find(&app.db, id).await?.ok_or(RotateError::Unknown)?;
    replace(app, old, overlap, None, actor).await
}

/// Replaces a token on behalf of another, or of itself. The new one expires no later than `issuer`.
pub async fn rotate_for(
    app: &App,
    issuer: &ServiceToken,
    id: &TokenId,
    overlap: Duration,
    actor: &Actor,
) -> Result<(ServiceToken, Secret), IssueError> {
    let old = look_for(app, issuer, id).await?.ok_or(IssueError::Rotate(RotateError::Unknown))?;
    // Its limits stay as they are, so it needs all that `issuer` has.
    let limits = may_give(issuer, &old.permissions, &old.namespaces, old.limits)?;
    if let Some((limit, most)) = issuer.limits.iter().find(|(limit, _)| limits.get(*limit) != old.limits.get(*limit)) {
        return Err(IssueError::HigherLimit(limit, most));
    }
    replace(app, old, overlap, Some(issuer), actor).await.map_err(|error| match error {
        RotateError::Beneath(beneath) => IssueError::Beneath(beneath),
        error => IssueError::Rotate(error),
    })
}

async fn replace(
    app: &App,
    old: ServiceToken,
    overlap: Duration,
    issuer: Option<&ServiceToken>,
    actor: &Actor,
) -> Result<(ServiceToken, Secret), RotateError> {
    let (id, now) = (old.id.clone(), app.now());
    refuse_rotation(&old, now)?;
    let lives = old.expires_at.map(|end| end.since(old.created_at));
    let counted_with = Some(old.counted_as().clone());
    let ServiceToken { name, permissions, users, namespaces, limits, .. } = old;
    let (mut new, secret) =
        mint(app, NewToken { name, permissions, users, namespaces, limits, lives }, counted_with, now);
    if let Some(end) = issuer.and_then(|issuer| issuer.expires_at) {
        new.expires_at = Some(new.expires_at.map_or(end, |own| own.min(end)));
    }
    let events = [
        Event::new(Kind::TokenRotated, now, actor).token(&id),
        Event::new(Kind::TokenIssued, now, actor).token(&new.id),
    ];
    let issuer = issuer.map(|issuer| &issuer.id);
    match tokens::rotate(&app.db, &id, now.plus(overlap), &new, &fingerprint(&secret), issuer, &events).await? {
        Rotated::Yes => Ok((new, secret)),
        Rotated::TooMany => Err(RotateError::TooMany),
        Rotated::NotThisOne => {
            // Another request was faster.
            let old = tokens::find(&app.db, &id).await?.ok_or(RotateError::Unknown)?;
            refuse_rotation(&old, now)?;
            Err(RotateError::Unknown)
        }
    }
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

/// The token with this id, if it is within the limit of `viewer`.
pub async fn look_for(app: &App, viewer: &ServiceToken, id: &TokenId) -> Result<Option<ServiceToken>, Beneath> {
    Ok(find(app, id).await?.filter(|token| viewer.covers(token.users.as_ref())))
}

/// One page of the tokens within the limit of `viewer`, oldest first, after `after`, with at most `limit` rows.
pub async fn list_for(
    app: &App,
    viewer: &ServiceToken,
    after: Option<&TokenId>,
    limit: i64,
) -> Result<Page<ServiceToken>, Beneath> {
    let mut after = after.cloned().unwrap_or_else(|| TokenId::least(Time::from_millis(0)));
    let mut rows = Vec::new();
    loop {
        let part = tokens::page(&app.db, &after, viewer.users.is_some(), AT_A_TIME).await?;
        let is_last = i64::try_from(part.len()).unwrap_or(0) < AT_A_TIME;
        if let Some(last) = part.last() {
            after = last.id.clone();
        }
        rows.extend(part.into_iter().filter(|token| viewer.covers(token.users.as_ref())));
        if is_last || i64::try_from(rows.len()).unwrap_or(0) > limit {
            return Ok(Page::of(rows, limit, |token| token.id.to_string()));
        }
    }
}

/// The token with this id.
pub async fn find(app: &App, id: &TokenId) -> Result<Option<ServiceToken>, Beneath> {
    Ok(tokens::find(&app.db, id).await?)
}

/// The tokens that work, newest first: about 1,000 at the most.
pub async fn working(app: &App) -> Result<Vec<ServiceToken>, Beneath> {
    Ok(tokens::working(&app.db, app.now()).await?)
}

/// One page of the tokens that no longer work, newest first, starting before `before`.
pub async fn ended(app: &App, before: Option<&TokenId>, limit: i64) -> Result<Page<ServiceToken>, Beneath> {
    let newest = TokenId::least(Time::from_millis(i64::MAX));
    let rows = tokens::ended(&app.db, app.now(), before.unwrap_or(&newest), limit + 1).await?;
    Ok(Page::of(rows, limit, |token| token.id.to_string()))
}

/// Up to `limit` tokens after `after`, oldest first.
pub async fn after(app: &App, after: &TokenId, limit: i64) -> Result<Vec<ServiceToken>, Beneath> {
    Ok(tokens::page(&app.db, after, false, limit).await?)
}

/// Revokes a token. Returns false if there is none with this id or it was already revoked.
pub async fn revoke(app: &App, id: &TokenId, actor: &Actor) -> Result<bool, Beneath> {
    let now = app.now();
    let event = Event::new(Kind::TokenRevoked, now, actor).token(id);
    Ok(tokens::revoke(&app.db, id, now, &event).await?)
}
