//! Prove: tries a received key at its store in the background until the verdict is final. A proven and confirmed key becomes the
//! store's key.
//!
//! The queue is the `grants` table. If a process dies, its claim expires and another process continues.

mod places;

use std::time::Duration;

pub use self::places::{WORKER, run, run_due};
use super::end;
use crate::app::App;
use crate::domain::attempt::UNRETURNED_AFTER;
use crate::domain::{Actor, Attempt, AttemptId, AuthMethod, KeyId, RestBase, Scope, Status, StoreId, Time, Verdict};
use crate::flow::open_vault::or_damaged;
use crate::flow::{Beneath, connecting::application_password, transfer::add_by_keys, watching::revocation};
use crate::storage::attempts::{self, Ending, Still};
use crate::storage::grants::{self, Candidate, State, Tried};
use crate::storage::stores::{self, Activation, NewKey};
use crate::vault::Place;
use crate::woo::check::{self, Answer, Ways};

/// The time limit for all requests of one try.
const WITHIN: Duration = Duration::from_mins(1);
/// Delays between tries while a store gives no final answer. After the last one the attempt fails.
const WAITS: [Duration; 6] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(75),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_hours(1),
];
/// The delay before the next try while the waiting page is open.
const LOOKED_AT: Duration = Duration::from_secs(5);
/// The most tries per key that are brought forward because the waiting page is open.
const MOST_LOOKED_AT: i64 = 40;
/// The same, including those requested with the button.
const MOST_ASKED_FOR: i64 = 60;

/// Why a try is brought forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hurry {
    Looking,
    Asked,
}

/// Brings forward the next try of an attempt whose key does not work yet. Limited per key: a page that stays open causes
/// frequent tries for a few minutes only.
pub async fn hasten(app: &App, attempt: &Attempt, hurry: Hurry) -> Result<(), Beneath> {
    // A refusal is confirmed by a second try, deliberately after a pause.
    let fails = attempt.reason.is_some_and(|reason| !reason.is_works() && !reason.is_final());
    if attempt.status != Status::Proving || !fails {
        return Ok(());
    }
    let now = app.now();
    let (to, most) = match hurry {
        Hurry::Looking => (now.plus(LOOKED_AT), MOST_LOOKED_AT),
        Hurry::Asked => (now, MOST_ASKED_FOR),
    };
    if grants::hasten(&app.db, &attempt.id, to, now, most).await? {
        app.proving.notify_one();
    }
    Ok(())
}

/// Activates the attempt's proven key if the attempt is confirmed. Returns the store if it was activated.
pub async fn finish(app: &App, id: &AttemptId) -> Result<Option<StoreId>, Beneath> {
    let Some(held) = attempts::find(&app.db, id).await? else { return Ok(None) };
    if held.attempt.confirmed_at.is_none() || held.attempt.status.is_ended() {
        return Ok(None);
    }
    // A merchant who confirms a key shown as working does not wait for a newer, untried one.
    let at_once = held.attempt.status == Status::AwaitingConfirmation;
    let Some(proven) = grants::proven(&app.db, id, app.now(), at_once).await? else { return Ok(None) };
    activate(app, &held.attempt, &proven).await
}

/// Completes what a process left unfinished when it died between a try and its consequences.
pub async fn settle(app: &App) -> Result<(), Beneath> {
    for id in attempts::unsettled(&app.db).await? {
        if finish(app, &id).await?.is_some() {
            continue;
        }
        if grants::proven(&app.db, &id, app.now(), true).await?.is_some() {
            // One that is confirmed waits only for a newer key, which is about to be tried.
            let held = attempts::find(&app.db, &id).await?;
            if held.is_some_and(|held| held.attempt.confirmed_at.is_none()) {
                attempts::go_on(&app.db, &id, Status::AwaitingConfirmation, None).await?;
            }
        } else if let Some(verdict) = grants::last_verdict(&app.db, &id).await? {
            fail(app, &id, verdict).await?;
        }
    }
    Ok(())
}

async fn attempt_one(app: &App, candidate: &Candidate) -> Result<(), Beneath> {
    let Some(held) = attempts::find(&app.db, &candidate.attempt_id).await? else { return Ok(()) };
    let attempt = held.attempt;
    let sealed = match &candidate.sealed {
        Some(sealed) if !attempt.status.is_ended() => sealed,
        sealed => {
            if let Some(sealed) = sealed.as_ref().filter(|_| attempt.password_page.is_some()) {
                application_password::discard_sealed(app, candidate, &attempt, sealed).await?;
            }
            return set_aside(app, candidate).await;
        }
    };
    let place = Place::grant(&candidate.id, &attempt.home, &attempt.user_id);
    let Some(pair) = or_damaged(app, sealed, app.vault.open_pair(&place, sealed)).await? else {
        return unreadable(app, candidate).await;
    };
    attempts::go_on(&app.db, &attempt.id, Status::Proving, attempt.reason).await?;
    let rest = RestBase::usual(&attempt.home);
    let ways = if attempt.password_page.is_some() { Ways::Password } else { Ways::Keys };
    let asked = check::ask(&app.woo, &attempt.home, &rest, &pair, Some(attempt.scope), ways);
    let answer = tokio::time::timeout(WITHIN, asked).await.unwrap_or_else(|_| Answer::only(Verdict::TimedOut));
    // The merchant may have returned or rejected the approval during the requests.
    let Some(held) = attempts::find(&app.db, &candidate.attempt_id).await? else { return Ok(()) };
    if answer.verdict == Verdict::Moved
        && let Some(to) = &answer.home_seen
    {
        attempts::moved(&app.db, &attempt.id, to).await?;
    }
    let mut tried = judge(candidate, &held.attempt, answer, app.now());
    if held.attempt.by_hand && is_outdone(app, &held.attempt, &tried).await? {
        // An approval grants what its page states; a merchant who copies a key may pick the wrong one of several.
        (tried.state, tried.next_try_at, tried.verdict) = (State::Rejected, None, Verdict::ScopeNarrower);
    }
    tracing::info!(
        attempt.id = %attempt.id,
        key.last7 = %candidate.last7,
        verdict = tried.verdict.code(),
        auth.method = tried.auth_method.map(AuthMethod::as_str),
        tries = candidate.tries + 1,
        "tested a key of {}", attempt.home.shown()
    );
    if !grants::tried(&app.db, candidate, &tried).await? {
        return Ok(());
    }
    move_on(app, &attempt.id, &tried).await
}

/// Whether the store's current key has the requested permissions and this one has not.
async fn is_outdone(app: &App, attempt: &Attempt, tried: &Tried) -> Result<bool, Beneath> {
    let Some(scope) = tried.proven_scope else { return Ok(false) };
    let (_, found) = stores::of_user(&app.db, &attempt.user_id, Some(&attempt.home)).await?;
    let Some((id, ..)) = found.into_iter().next() else { return Ok(false) };
    let store = stores::find(&app.db, &id).await?;
    Ok(store.is_some_and(|store| add_by_keys::is_outdone(&store, scope, attempt.scope)))
}

/// Rejects a grant that cannot be decrypted; no request is sent to the store.
async fn unreadable(app: &App, candidate: &Candidate) -> Result<(), Beneath> {
    tracing::error!(grant.id = %candidate.id, attempt.id = %candidate.attempt_id, "a sealed grant cannot be opened");
    let (state, verdict) = (State::Rejected, Verdict::KeyUnreadable);
    let tried = Tried { state, verdict, ..Tried::set_aside(candidate) };
    grants::tried(&app.db, candidate, &tried).await?;
    // A grant that was proven before and has been damaged since.
    grants::unreadable(&app.db, &candidate.id).await?;
    if grants::waiting(&app.db, &candidate.attempt_id).await? == 0 {
        fail(app, &candidate.attempt_id, verdict).await?;
    }
    Ok(())
}

/// Discards a key because another key of the attempt won, or the attempt has ended.
async fn set_aside(app: &App, candidate: &Candidate) -> Result<(), Beneath> {
    grants::tried(&app.db, candidate, &Tried::set_aside(candidate)).await?;
    Ok(())
}

/// Decides what an answer means for a candidate. A working key counts only once our 200 is known to have reached the store: either
/// the browser returned, or the key still works at a time when a store that missed the 200 would have deleted it.
fn judge(candidate: &Candidate, attempt: &Attempt, answer: Answer, now: Time) -> Tried {
    let kept_at = candidate.received_at.plus(UNRETURNED_AFTER);
    let (state, next_try_at) = if answer.verdict.is_works() {
        if attempt.returned_at.is_some() || now >= kept_at {
            (State::Proven, None)
        } else {
            (State::Waiting, Some(kept_at))
        }
    } else if answer.verdict.is_final() {
        // A single refusal may come from a store that is being restored or updated. Two in a row, or one after success, are final.
        let heard_before = candidate.verdict.is_some_and(|before| before.is_final() || before.is_works());
        if heard_before { (State::Rejected, None) } else { (State::Waiting, Some(now.plus(WAITS[0]))) }
    } else {
        match usize::try_from((candidate.tries - candidate.hastened).max(candidate.tries.min(1)))
            .ok()
            .and_then(|tries| WAITS.get(tries))
        {
            Some(wait) => {
                (State::Waiting, Some(now.plus(answer.retry_after.unwrap_or_default().max(*wait).min(WAITS[5]))))
            }
            None => (State::Rejected, None),
        }
    };
    let works = answer.verdict.is_works();
    // A key requested for reading is not tried for writing: there the store's statement counts.
    let untried = !attempt.scope.writes() && answer.scope == Some(Scope::Read) && candidate.scope == Scope::ReadWrite;
    let (verdict, proven_scope) = match answer.verdict {
        Verdict::Works | Verdict::NoisyAnswer | Verdict::Slow if untried => {
            (Verdict::ScopeWider, Some(candidate.scope))
        }
        verdict => (verdict, answer.scope),
    };
    Tried {
        state,
        next_try_at,
        verdict,
        auth_method: answer.method.filter(|_| works),
        proven_scope: proven_scope.filter(|_| works),
        reported: answer.reported,
    }
}

/// Updates the attempt's status after a try.
async fn move_on(app: &App, id: &AttemptId, tried: &Tried) -> Result<(), Beneath> {
    // An older working key may have waited for this one's verdict.
    if finish(app, id).await?.is_some() {
        return Ok(());
    }
    let proven = grants::proven(&app.db, id, app.now(), false).await?;
    let verdict = proven.as_ref().and_then(|proven| proven.verdict).unwrap_or(tried.verdict);
    let trouble = Some(verdict).filter(|verdict| *verdict != Verdict::Works);
    if proven.is_some() {
        attempts::go_on(&app.db, id, Status::AwaitingConfirmation, trouble).await?;
        // The merchant may have returned between the two statements.
        finish(app, id).await?;
    } else if tried.state == State::Rejected && grants::waiting(&app.db, id).await? == 0 {
        fail(app, id, tried.verdict).await?;
    } else {
        attempts::go_on(&app.db, id, Status::Proving, trouble).await?;
    }
    Ok(())
}

async fn fail(app: &App, id: &AttemptId, verdict: Verdict) -> Result<(), Beneath> {
    let Some(held) = attempts::find(&app.db, id).await? else { return Ok(()) };
    let ending = Ending { still: Still::Fruitless, status: Status::Failed, reason: verdict };
    end(app, &held.attempt, ending, &Actor::cartkey()).await?;
    Ok(())
}

async fn activate(app: &App, attempt: &Attempt, proven: &Candidate) -> Result<Option<StoreId>, Beneath> {
    let Some(sealed) = &proven.sealed else { return Ok(None) };
    let Some(auth_method) = proven.auth_method else { return Ok(None) };
    let now = app.now();
    let (home, user_id) = (&attempt.home, &attempt.user_id);
    let opened = app.vault.open_pair(&Place::grant(&proven.id, home, user_id), sealed);
    let Some(pair) = or_damaged(app, sealed, opened).await? else {
        unreadable(app, proven).await?;
        return Ok(None);
    };
    let key_id = KeyId::mint(now, &app.entropy);
    let sealed = app.vault.seal_pair(&app.entropy, &Place::key(&key_id, home, user_id), &pair);
    let key = NewKey {
        user_id: attempt.user_id.clone(),
        home: attempt.home.clone(),
        store_id: StoreId::mint(now, &app.entropy),
        key_id,
        sealed,
        woo_key_id: proven.woo_key_id,
        last7: proven.last7.clone(),
        scope: proven.proven_scope.unwrap_or(proven.scope),
        asked: attempt.scope,
        auth_method,
        remark: proven.verdict.filter(|verdict| *verdict != Verdict::Works),
        reported: proven.reported.clone(),
        former: revocation::former_password(app, user_id, home).await?,
        now,
    };
    let rest = key.reported.rest_base.clone();
    let activation = Activation { attempt, grant: &proven.id, key };
    let store = stores::activate(&app.db, &activation).await?;
    if let Some(id) = &store {
        app.metrics.attempt_ended(Status::Connected, None);
        tracing::info!(store.id = %id, attempt.id = %attempt.id, "connected {}", attempt.home.shown());
        if auth_method == AuthMethod::ApplicationPassword {
            application_password::delete_older(app, home, rest, &pair).await;
        }
    }
    Ok(store)
}
