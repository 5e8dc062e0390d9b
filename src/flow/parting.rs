//! Parting: after a disconnect the store is asked, until it tells that its merchant has revoked the key.
//!
//! What is left of the key for that is the consumer key alone, which opens nothing, for thirty days at most.

use std::time::Duration;

use tokio::task::JoinSet;

use super::Beneath;
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::event::{Event, Kind};
use crate::domain::id::StoreId;
use crate::domain::time::Time;
use crate::domain::verdict::Verdict;
use crate::storage::keys::{self, Parting};
use crate::vault::Place;
use crate::woo;

/// How soon after a disconnect the store is asked: a merchant who is told to revoke the key needs a minute.
pub const FIRST_AFTER: Duration = Duration::from_mins(2);
/// How long a store is asked; then the consumer key is wiped too, unasked.
pub const ASKED_FOR: Duration = Duration::from_hours(30 * 24);
/// The shortest and the longest pause between two askings; in between, as long as the disconnect is ago.
const PAUSES: [Duration; 2] = [Duration::from_mins(5), Duration::from_hours(24)];
/// Stores asked in one pass of the sweep, all at a time.
const IN_ONE_PASS: i64 = 32;
/// Keys of one store that are asked about when somebody wants to know now: it was disconnected as often in thirty days.
const OF_ONE_STORE: i64 = 3;
/// How long all questions about one key may take together.
const WITHIN: Duration = Duration::from_secs(20);

/// Asks every store that is due, and wipes what was asked about for long enough; gives back how many were asked.
pub async fn ask_due(app: &App) -> Result<usize, Beneath> {
    let now = app.now();
    let mut asking = JoinSet::new();
    let mut asked = 0;
    for parting in keys::due(&app.db, now, IN_ONE_PASS).await? {
        if now >= parting.retired_at.plus(ASKED_FOR) {
            keys::give_up(&app.db, &parting.id, now).await?;
        } else if keys::claim(&app.db, &parting.id, parting.ask_at, next(&parting, now)).await? {
            asked += 1;
            let app = app.clone();
            asking.spawn(async move {
                if let Err(error) = ask(&app, &parting, &Actor::cartkey()).await {
                    tracing::error!(key.id = %parting.id, error = &error as &dyn std::error::Error, "a store could not be asked about a key");
                }
            });
        }
    }
    asking.join_all().await;
    Ok(asked)
}

/// Asks a store now about the keys that it was disconnected with; gives back what it told of each.
pub async fn ask_now(app: &App, id: &StoreId, actor: &Actor) -> Result<Vec<Verdict>, Beneath> {
    let mut asking = JoinSet::new();
    for parting in keys::partings(&app.db, id, OF_ONE_STORE).await? {
        let (app, actor) = (app.clone(), actor.clone());
        asking.spawn(async move { ask(&app, &parting, &actor).await });
    }
    asking.join_all().await.into_iter().collect()
}

async fn ask(app: &App, parting: &Parting, actor: &Actor) -> Result<Verdict, Beneath> {
    let place = Place::parting(&parting.id, &parting.home, &parting.user_id);
    let Ok(key) = app.vault.open_secret(&place, &parting.parting) else {
        tracing::error!(store.id = %parting.store_id, key.id = %parting.id, "a kept consumer key does not open");
        keys::told(&app.db, &parting.id, Verdict::KeyUnreadable, app.now()).await?;
        return Ok(Verdict::KeyUnreadable);
    };
    let asked = woo::parting::ask(&app.woo, &parting.home, key, parting.auth_method);
    let verdict = tokio::time::timeout(WITHIN, asked).await.unwrap_or(Verdict::TimedOut);
    let now = app.now();
    tracing::info!(store.id = %parting.store_id, key.id = %parting.id, verdict = verdict.code(), "asked {} about a key that was given up", parting.home.shown());
    if verdict == Verdict::KeyRejected {
        let event = Event::new(Kind::KeyRevoked, now, actor).user(&parting.user_id).store(&parting.store_id);
        keys::revoked(&app.db, &parting.id, now, &event).await?;
    } else {
        keys::told(&app.db, &parting.id, verdict, now).await?;
    }
    Ok(verdict)
}

/// When to ask again: the longer ago the disconnect is, the later; for the last time when it is only wiped.
fn next(parting: &Parting, now: Time) -> Time {
    let [shortest, longest] = PAUSES;
    let pause = now.since(parting.retired_at).clamp(shortest, longest);
    now.plus(pause).min(parting.retired_at.plus(ASKED_FOR))
}
