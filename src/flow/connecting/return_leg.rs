//! Return: the merchant's browser comes back from the store. A return creates nothing; it confirms the attempt that this browser
//! began.
//!
//! WooCommerce does not sign the return, so it proves only that the browser holds the attempt's state. The cookie of the browser
//! that began the attempt decides. A return in another browser quarantines the approval and lets the person there reject it.

use std::time::Duration;

use super::end;
use crate::app::App;
use crate::domain::{
    Actor, Attempt, AttemptId, AuthMethod, Confirm, Event, Key, Kind, Secret, ServiceToken, Standing, Status, Store,
    UserId, Verdict,
};
use crate::flow::{Beneath, connecting::prove, takes_in_beneath};
use crate::storage::attempts::{self, AttemptWithSecrets, Ending, Still};
use crate::storage::{grants, keys, stores};
use crate::vault::fingerprint;

/// The lifetime of a one-time code for the application.
pub const CODE_LIVES: Duration = Duration::from_mins(1);

/// Which browser returned.
#[derive(Debug)]
pub enum Arrival {
    /// The browser that began the attempt.
    Mine(Box<Attempt>),
    /// Another browser that holds the state.
    Elsewhere(Box<Attempt>),
    /// A browser with neither the cookie nor the state.
    Unknown,
}

/// Handles a browser's return. `approved` is the store's `success` parameter, `state` comes from the address, `browser` from the
/// cookie.
pub async fn arrive(
    app: &App,
    id: &AttemptId,
    approved: bool,
    state: Option<Secret>,
    browser: Option<&Secret>,
    actor: &Actor,
) -> Result<Arrival, Beneath> {
    let Some(held) = attempts::find(&app.db, id).await? else { return Ok(Arrival::Unknown) };
    let mine = is_mine(&held, browser);
    let knows_state = state.is_some_and(|state| fingerprint(&state) == held.state);
    let now = app.now();
    let attempt = &held.attempt;
    let event = |kind| about(attempt, kind, actor, app);
    match (mine, knows_state, approved) {
        (false, false, _) => return Ok(Arrival::Unknown),
        (true, false, _) => {}
        (_, true, false) => {
            if attempt.is_open_at(now) {
                let denied = Ending { still: Still::Open, status: Status::Denied, reason: Verdict::Denied };
                end(app, attempt, denied, actor).await?;
            }
        }
        (true, true, true) => {
            attempts::returned(&app.db, id, now, &event(Kind::AttemptConfirmed)).await?;
            prove::finish(app, id).await?;
            app.proving.notify_one();
        }
        (false, true, true) => {
            attempts::elsewhere(&app.db, id, now, &event(Kind::AttemptElsewhere)).await?;
            if attempt.confirm == Confirm::App {
                // The application would confirm with its user in the first browser, who may not be the person who approved.
                end(app, attempt, failed(Verdict::ApprovedElsewhere), actor).await?;
            }
        }
    }
    let Some(held) = attempts::find(&app.db, id).await? else { return Ok(Arrival::Unknown) };
    let attempt = Box::new(held.attempt);
    Ok(if mine { Arrival::Mine(attempt) } else { Arrival::Elsewhere(attempt) })
}

/// The attempt, if this browser began it; otherwise `None`.
pub async fn look(app: &App, id: &AttemptId, browser: Option<&Secret>) -> Result<Option<Attempt>, Beneath> {
    let held = attempts::find(&app.db, id).await?;
    Ok(held.filter(|held| is_mine(held, browser)).map(|held| held.attempt))
}

/// The person at the browser that began the attempt confirms the approval. Changes nothing if the application must confirm.
pub async fn confirm(
    app: &App,
    id: &AttemptId,
    browser: Option<&Secret>,
    actor: &Actor,
) -> Result<Option<Attempt>, Beneath> {
    let Some(attempt) = look(app, id, browser).await? else { return Ok(None) };
    if attempt.confirm == Confirm::Browser {
        let event = about(&attempt, Kind::AttemptConfirmed, actor, app);
        attempts::confirm(&app.db, id, app.now(), &event).await?;
        prove::finish(app, id).await?;
    }
    look(app, id, browser).await
}

/// Rejects an approval on behalf of a person who says it was not theirs, unless it is already confirmed. Returns false if the
/// browser neither has the state nor began the attempt.
pub async fn disown(
    app: &App,
    id: &AttemptId,
    state: Option<&Secret>,
    browser: Option<&Secret>,
    actor: &Actor,
) -> Result<bool, Beneath> {
    let may = |held: &AttemptWithSecrets| {
        is_mine(held, browser) || state.is_some_and(|state| fingerprint(state) == held.state)
    };
    let held = attempts::find(&app.db, id).await?.filter(may);
    let Some(AttemptWithSecrets { attempt, .. }) = held else { return Ok(false) };
    end(app, &attempt, failed(Verdict::Disowned), actor).await?;
    Ok(true)
}

/// The last seven characters of keys that the store created for this attempt and that are not in use.
pub async fn surplus(app: &App, attempt: &Attempt) -> Result<Vec<String>, Beneath> {
    Ok(grants::surplus(&app.db, &attempt.id).await?)
}

/// Creates a one-time code for the application, if it must confirm and the key works. It replaces any earlier code and lives for
/// [`CODE_LIVES`].
pub async fn code(app: &App, attempt: &Attempt) -> Result<Option<Secret>, Beneath> {
    if attempt.confirm != Confirm::App || attempt.status != Status::AwaitingConfirmation {
        return Ok(None);
    }
    let code = app.entropy.secret();
    attempts::keep_code(&app.db, &attempt.id, &fingerprint(&code), app.now().plus(CODE_LIVES)).await?;
    Ok(Some(code))
}

/// Why the application's confirmation is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// There is no such attempt, or the token may not see it.
    #[error("no such attempt")]
    Unknown,
    /// The signed-in user is not the merchant of the attempt.
    #[error("the attempt is for another user_id")]
    OtherUser,
    #[error("the code is wrong, already used, or older than a minute")]
    Code,
    /// The attempt ended without a store, before or during the confirmation.
    #[error("the attempt has ended: {}", .0.as_str())]
    Ended(Status, Option<Verdict>),
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(ConfirmError);

/// Spends the code that the application received from its own merchant, and connects the store. `signed_in` is the user signed in
/// at the application, if it states one; for a different user nothing is confirmed and the code stays valid. A merchant whom the
/// token may not see gives [`ConfirmError::Unknown`].
///
/// The comparison is made here, not by the application, which might compare with what the browser's address says.
pub async fn confirm_by_app(
    app: &App,
    id: &AttemptId,
    code: &Secret,
    signed_in: Option<&UserId>,
    token: &ServiceToken,
    actor: &Actor,
) -> Result<Store, ConfirmError> {
    let held = attempts::find(&app.db, id).await?.filter(|held| token.may_see(&held.attempt.user_id));
    let held = held.ok_or(ConfirmError::Unknown)?;
    if signed_in.is_some_and(|user| *user != held.attempt.user_id) {
        return Err(ConfirmError::OtherUser);
    }
    let event = about(&held.attempt, Kind::AttemptConfirmed, actor, app);
    let is_spent = attempts::spend_code(&app.db, id, &fingerprint(code), app.now(), &event).await?;
    if is_spent {
        prove::finish(app, id).await?;
    }
    // The prover may have acted on the confirmation first, or someone may have ended the attempt: its current state decides.
    let held = attempts::find(&app.db, id).await?.ok_or(ConfirmError::Unknown)?;
    match (is_spent, held.attempt.store_id) {
        (true, Some(store)) => stores::find(&app.db, &store).await?.ok_or(ConfirmError::Unknown),
        (_, None) if held.attempt.status.is_ended() => {
            Err(ConfirmError::Ended(held.attempt.status, held.attempt.reason))
        }
        _ => Err(ConfirmError::Code),
    }
}

/// The result of an attempt that connected a store.
#[derive(Debug)]
pub struct Outcome {
    pub store: Store,
    /// The last seven characters of keys that the store created and that are not in use.
    pub surplus: Vec<String>,
    /// The replaced key, while the store may still accept it.
    pub former: Option<Key>,
}

/// The result of a connected attempt; `None` for any other.
pub async fn outcome(app: &App, attempt: &Attempt) -> Result<Option<Outcome>, Beneath> {
    let Some(id) = &attempt.store_id else { return Ok(None) };
    let Some(store) = stores::find(&app.db, id).await? else { return Ok(None) };
    let former = keys::of_store(&app.db, id, 2).await?.into_iter().nth(1);
    // The same key approved again after a disconnect must not be removed, and an application password is deleted by itself.
    let former = former
        .filter(|key| key.auth_method != AuthMethod::ApplicationPassword)
        .filter(|key| key.last7 != store.key_last7 && !matches!(key.standing(store.key_version), Standing::Revoked(_)));
    Ok(Some(Outcome { surplus: surplus(app, attempt).await?, store, former }))
}

pub(super) fn is_mine(held: &AttemptWithSecrets, browser: Option<&Secret>) -> bool {
    browser.is_some_and(|browser| fingerprint(browser) == held.browser)
}

/// An approval that must not count ends the attempt, whatever has come.
const fn failed(reason: Verdict) -> Ending {
    Ending { still: Still::Unended, status: Status::Failed, reason }
}

fn about(attempt: &Attempt, kind: Kind, actor: &Actor, app: &App) -> Event {
    attempt.event(kind, app.now(), actor)
}
