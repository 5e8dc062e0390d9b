//! Return: the merchant's browser comes back. It never creates anything; it confirms an attempt that it began itself.
//!
//! WooCommerce does not sign the return, so a return proves only that this browser holds the attempt's state. What
//! decides is the cookie of the browser that began. A return in another browser puts the approval on hold, and lets
//! whoever sits there throw it away.

use std::time::Duration;

use super::{Beneath, prove, takes_in_beneath};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::attempt::{Attempt, Status};
use crate::domain::event::{Event, Kind};
use crate::domain::id::AttemptId;
use crate::domain::key::{Key, Standing};
use crate::domain::link::Confirm;
use crate::domain::secret::Secret;
use crate::domain::store::Store;
use crate::domain::token::ServiceToken;
use crate::domain::user_id::UserId;
use crate::domain::verdict::Verdict;
use crate::storage::attempts::{self, Held, Still};
use crate::storage::{grants, keys, stores};
use crate::vault::fingerprint;

/// How long the application may take to spend a one-time code.
pub const CODE_LIVES: Duration = Duration::from_mins(1);

/// Who came back.
#[derive(Debug)]
pub enum Arrival {
    /// The browser that began the attempt.
    Mine(Box<Attempt>),
    /// Another browser, which holds the state.
    Elsewhere(Box<Attempt>),
    /// Nobody that we know.
    Unknown,
}

/// A browser came back: `approved` as the store put it, `state` from the address, `browser` from the cookie.
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
                let denied = event(Kind::AttemptDenied).because(Some(Verdict::Denied));
                attempts::end(&app.db, id, Still::Open, Status::Denied, Verdict::Denied, now, &denied).await?;
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
                // The application would find its own user at the browser that began, who may not be who approved.
                let failed = event(Kind::AttemptFailed).because(Some(Verdict::ApprovedElsewhere));
                attempts::end(&app.db, id, Still::Unended, Status::Failed, Verdict::ApprovedElsewhere, now, &failed)
                    .await?;
            }
        }
    }
    let Some(held) = attempts::find(&app.db, id).await? else { return Ok(Arrival::Unknown) };
    let attempt = Box::new(held.attempt);
    Ok(if mine { Arrival::Mine(attempt) } else { Arrival::Elsewhere(attempt) })
}

/// The attempt, for the browser that began it and for no other.
pub async fn look(app: &App, id: &AttemptId, browser: Option<&Secret>) -> Result<Option<Attempt>, Beneath> {
    let held = attempts::find(&app.db, id).await?;
    Ok(held.filter(|held| is_mine(held, browser)).map(|held| held.attempt))
}

/// The person at the browser that began says that the approval was theirs. Only where a browser may confirm.
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

/// What became of an approval that somebody says was not theirs.
#[derive(Debug)]
pub enum Disowned {
    /// It is thrown away; these keys (last seven characters) should be revoked at the store.
    Dropped(Box<Attempt>, Vec<String>),
    /// It was confirmed before: only the store's owner can revoke the key, at the store.
    TooLate(Box<Attempt>),
    /// Nobody that we know.
    Unknown,
}

/// Whoever holds the state, or began the attempt, says that the approval was not theirs: it is thrown away.
pub async fn disown(
    app: &App,
    id: &AttemptId,
    state: Option<&Secret>,
    browser: Option<&Secret>,
    actor: &Actor,
) -> Result<Disowned, Beneath> {
    let may = |held: &Held| is_mine(held, browser) || state.is_some_and(|state| fingerprint(state) == held.state);
    let held = attempts::find(&app.db, id).await?.filter(may);
    let Some(Held { attempt, .. }) = held else { return Ok(Disowned::Unknown) };
    let event = about(&attempt, Kind::AttemptFailed, actor, app).because(Some(Verdict::Disowned));
    attempts::end(&app.db, id, Still::Unended, Status::Failed, Verdict::Disowned, app.now(), &event).await?;
    let Some(held) = attempts::find(&app.db, id).await? else { return Ok(Disowned::Unknown) };
    let attempt = Box::new(held.attempt);
    if attempt.status == Status::Connected {
        return Ok(Disowned::TooLate(attempt));
    }
    let keys = surplus(app, &attempt).await?;
    Ok(Disowned::Dropped(attempt, keys))
}

/// The last seven characters of keys that the store made for this attempt and nobody uses.
pub async fn surplus(app: &App, attempt: &Attempt) -> Result<Vec<String>, Beneath> {
    Ok(grants::surplus(&app.db, &attempt.id).await?)
}

/// A fresh one-time code for the application, when it must confirm and the key works; it takes the place of any former
/// one, and lives for [`CODE_LIVES`].
pub async fn code(app: &App, attempt: &Attempt) -> Result<Option<Secret>, Beneath> {
    if attempt.confirm != Confirm::App || attempt.status != Status::AwaitingConfirmation {
        return Ok(None);
    }
    let code = app.entropy.secret();
    attempts::keep_code(&app.db, &attempt.id, &fingerprint(&code), app.now().plus(CODE_LIVES)).await?;
    Ok(Some(code))
}

/// Why the application cannot confirm.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// There is no such attempt that the token may reach.
    #[error("no such attempt")]
    Unknown,
    /// Who is signed in at the application is not whom the attempt is for.
    #[error("the attempt is for another user_id")]
    OtherUser,
    /// The code is wrong, spent or too old.
    #[error("the code is wrong, spent, or older than a minute")]
    Code,
    /// The attempt ended without a store, before it was confirmed or in that very moment.
    #[error("the attempt has ended: {}", .0.as_str())]
    Ended(Status, Option<Verdict>),
    /// The database.
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(ConfirmError);

/// The application spends the code that its own merchant brought, and the store is connected. `signed_in` is who sits at
/// the application, when it says so: for somebody else nothing is confirmed, and the code is not spent. To a token, an
/// attempt of a merchant whom it may not reach is not there.
pub async fn confirm_by_app(
    app: &App,
    id: &AttemptId,
    code: &Secret,
    signed_in: Option<&UserId>,
    token: &ServiceToken,
    actor: &Actor,
) -> Result<Store, ConfirmError> {
    let held = attempts::find(&app.db, id).await?.filter(|held| token.may_reach(&held.attempt.user_id));
    let held = held.ok_or(ConfirmError::Unknown)?;
    if signed_in.is_some_and(|user| *user != held.attempt.user_id) {
        return Err(ConfirmError::OtherUser);
    }
    let event = about(&held.attempt, Kind::AttemptConfirmed, actor, app);
    let is_spent = attempts::spend_code(&app.db, id, &fingerprint(code), app.now(), &event).await?;
    if is_spent {
        prove::finish(app, id).await?;
    }
    // The prover may have seen the confirmation first, and somebody may have ended the attempt: what counts is how it stands.
    let held = attempts::find(&app.db, id).await?.ok_or(ConfirmError::Unknown)?;
    match (is_spent, held.attempt.store_id) {
        (true, Some(store)) => stores::find(&app.db, &store).await?.ok_or(ConfirmError::Unknown),
        (_, None) if held.attempt.status.is_ended() => {
            Err(ConfirmError::Ended(held.attempt.status, held.attempt.reason))
        }
        _ => Err(ConfirmError::Code),
    }
}

/// What came of an attempt that is connected.
#[derive(Debug)]
pub struct Outcome {
    /// Its store.
    pub store: Store,
    /// The last seven characters of keys that the store made and nobody uses.
    pub surplus: Vec<String>,
    /// The key that was replaced, as long as the store may still know it.
    pub former: Option<Key>,
}

/// What came of an attempt that is connected; `None` for any other.
pub async fn outcome(app: &App, attempt: &Attempt) -> Result<Option<Outcome>, Beneath> {
    let Some(id) = &attempt.store_id else { return Ok(None) };
    let Some(store) = stores::find(&app.db, id).await? else { return Ok(None) };
    let former = keys::of_store(&app.db, id, 2).await?.into_iter().nth(1);
    // The same key once more, after a disconnect, is not one to remove.
    let former = former
        .filter(|key| key.last7 != store.key_last7 && !matches!(key.standing(store.key_version), Standing::Revoked(_)));
    Ok(Some(Outcome { surplus: surplus(app, attempt).await?, store, former }))
}

fn is_mine(held: &Held, browser: Option<&Secret>) -> bool {
    browser.is_some_and(|browser| fingerprint(browser) == held.browser)
}

fn about(attempt: &Attempt, kind: Kind, actor: &Actor, app: &App) -> Event {
    Event::new(kind, app.now(), actor).user(&attempt.user_id).link(attempt.link_id.as_ref()).attempt(&attempt.id)
}
