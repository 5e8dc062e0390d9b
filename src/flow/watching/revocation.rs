//! Revocation: after a disconnect, checks at the store until its merchant has revoked the key.
//!
//! For this only the consumer key is kept, which gives no access on its own, for thirty days at most. An application password is
//! kept as long, because it can delete itself: each check tries that.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::app::App;
use crate::domain::{Actor, AuthMethod, Event, Kind, RestBase, StoreId, StoreUrl, Time, UserId, Verdict};
use crate::flow::Beneath;
use crate::flow::open_vault::or_damaged;
use crate::storage::keys::{self, Farewell, Revocation};
use crate::storage::stores::{self, Served};
use crate::vault::Place;
use crate::woo;

/// The delay of the first check: a merchant who is asked to revoke the key needs a minute.
pub const FIRST_AFTER: Duration = Duration::from_mins(2);
/// How long a key is checked; then the consumer key is wiped too.
pub const ASKED_FOR: Duration = Duration::from_hours(30 * 24);
/// The shortest and longest pause between two checks. In between, the pause equals the time since the disconnect.
const PAUSES: [Duration; 2] = [Duration::from_mins(5), Duration::from_hours(24)];
/// Stores checked per pass of the sweep, all concurrently.
const IN_ONE_PASS: i64 = 32;
/// Keys of one store checked on demand: more than one if it was disconnected repeatedly within thirty days.
const OF_ONE_STORE: i64 = 3;
/// The time limit for all requests about one key.
const WITHIN: Duration = Duration::from_secs(20);

/// What is stored, re-sealed, until the store reports the key as revoked: the consumer key alone, or the application password. A
/// damaged pair is wiped without a check.
pub async fn farewell(app: &App, served: &Served) -> Result<Option<Farewell>, Beneath> {
    let (Some(key), store) = (&served.key, &served.store) else { return Ok(None) };
    let opened = app.vault.open_pair(&Place::key(&key.id, &store.home, &store.user_id), &key.sealed);
    let Some(pair) = or_damaged(app, &key.sealed, opened).await? else { return Ok(None) };
    let place = Place::revocation(&key.id, &store.home, &store.user_id);
    let revocation = if store.auth_method == AuthMethod::ApplicationPassword {
        app.vault.seal_pair(&app.entropy, &place, &pair)
    } else {
        app.vault.seal_secret(&app.entropy, &place, &pair.consumer_key)
    };
    Ok(Some(Farewell { id: key.id.clone(), revocation, ask_at: app.now().plus(FIRST_AFTER) }))
}

/// The application password that a merchant's store at `home` uses, to be deleted there once another key has replaced it.
pub async fn former_password(app: &App, user_id: &UserId, home: &StoreUrl) -> Result<Option<Farewell>, Beneath> {
    let (_, found) = stores::of_user(&app.db, user_id, Some(home)).await?;
    let Some((id, ..)) = found.into_iter().next() else { return Ok(None) };
    let is_password = |served: &Served| served.store.auth_method == AuthMethod::ApplicationPassword;
    match stores::served(&app.db, &id).await?.filter(is_password) {
        Some(served) => farewell(app, &served).await,
        None => Ok(None),
    }
}

/// Checks every key that is due, and wipes those checked for long enough. Returns the number checked.
pub async fn ask_due(app: &App) -> Result<usize, Beneath> {
    let now = app.now();
    let mut asking = JoinSet::new();
    let mut asked = 0;
    for revocation in keys::due(&app.db, now, IN_ONE_PASS).await? {
        if now >= revocation.retired_at.plus(ASKED_FOR) {
            keys::give_up(&app.db, &revocation.id, now).await?;
        } else if keys::claim(&app.db, &revocation.id, revocation.ask_at, next(&revocation, now)).await? {
            asked += 1;
            let app = app.clone();
            asking.spawn(async move {
                if let Err(error) = ask(&app, &revocation, &Actor::cartkey()).await {
                    tracing::error!(key.id = %revocation.id, error = &error as &dyn std::error::Error, "the revocation of a key could not be checked");
                }
            });
        }
    }
    asking.join_all().await;
    Ok(asked)
}

/// Checks a disconnected store's former keys now, and returns the verdict on each.
pub async fn ask_now(app: &App, id: &StoreId, actor: &Actor) -> Result<Vec<Verdict>, Beneath> {
    let mut asking = JoinSet::new();
    for revocation in keys::revocations(&app.db, id, OF_ONE_STORE).await? {
        let (app, actor) = (app.clone(), actor.clone());
        asking.spawn(async move { ask(&app, &revocation, &actor).await });
    }
    asking.join_all().await.into_iter().collect()
}

async fn ask(app: &App, revocation: &Revocation, actor: &Actor) -> Result<Verdict, Beneath> {
    let place = Place::revocation(&revocation.id, &revocation.home, &revocation.user_id);
    let opened = if revocation.auth_method == AuthMethod::ApplicationPassword {
        app.vault.open_pair(&place, &revocation.revocation)
    } else {
        let key = app.vault.open_secret(&place, &revocation.revocation);
        key.map(|key| woo::revocation::without_secret(&app.woo, key))
    };
    let Some(pair) = or_damaged(app, &revocation.revocation, opened).await? else {
        tracing::error!(store.id = %revocation.store_id, key.id = %revocation.id, "what was kept for revocation checks cannot be opened");
        keys::checked(&app.db, &revocation.id, Verdict::KeyUnreadable, app.now()).await?;
        return Ok(Verdict::KeyUnreadable);
    };
    let rest = RestBase::of(&revocation.home, revocation.rest_base.as_ref());
    let asked = woo::revocation::ask(&app.woo, &revocation.home, &rest, &pair, revocation.auth_method);
    let verdict = tokio::time::timeout(WITHIN, asked).await.unwrap_or(Verdict::TimedOut);
    let now = app.now();
    tracing::info!(store.id = %revocation.store_id, key.id = %revocation.id, verdict = verdict.code(), "checked the revocation of a key at {}", revocation.home.shown());
    if verdict == Verdict::KeyRejected {
        let event = Event::new(Kind::KeyRevoked, now, actor).user(&revocation.user_id).store(&revocation.store_id);
        keys::revoked(&app.db, &revocation.id, now, &event).await?;
    } else {
        keys::checked(&app.db, &revocation.id, verdict, now).await?;
    }
    Ok(verdict)
}

/// When to check again: later and later, the last time when the key is only wiped.
fn next(revocation: &Revocation, now: Time) -> Time {
    let [shortest, longest] = PAUSES;
    let pause = now.since(revocation.retired_at).clamp(shortest, longest);
    now.plus(pause).min(revocation.retired_at.plus(ASKED_FOR))
}
