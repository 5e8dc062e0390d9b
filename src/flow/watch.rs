//! Watch: a connected store is asked whether its key still works: on a schedule, and when somebody wants to know.
//!
//! A scheduled check of a store that is well is one request. The permission to write is looked at again when somebody asks,
//! and by the check after trouble.

mod budget;
mod flights;
mod judge;
mod worker;

use std::time::Duration;

use super::Beneath;
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::check::Span;
use crate::domain::id::StoreId;
use crate::domain::scope::Scope;
use crate::domain::store::{Store, StoreStatus};
use crate::domain::time::Time;
use crate::domain::verdict::Verdict;
use crate::storage::checks::{self, Checked};
use crate::storage::schedule;
use crate::storage::stores::{self, Served, ServedKey};
use crate::vault::Place;
use crate::woo::check::{self, Answer};

pub use budget::{Budget, Watching};
pub use flights::FRESH_FOR;
pub use judge::SOON;
pub use worker::{WORKER, check_due, run};

use flights::Seat;

/// How long a claim holds: longer than a check and the keeping of it can take.
pub const CLAIM: Duration = Duration::from_mins(2);
/// How long somebody who has time waits for a place among those that are being asked.
const LONG_PATIENCE: Duration = Duration::from_hours(1);

/// Somebody wants to know.
#[derive(Debug, Clone, Copy)]
struct Wish<'a> {
    actor: &'a Actor,
    /// What was found a moment ago is enough, and a host that asked for patience is left alone.
    takes_known: bool,
    patience: Duration,
}

/// What came of somebody's wish to know.
#[derive(Debug, Clone)]
pub struct Looked {
    /// The store as it stands.
    pub store: Store,
    /// Too many are being asked for it to have its turn in time: it was not asked, and the schedule asks it next.
    pub had_no_turn: bool,
}

/// Asks a store now and keeps what it told; `None` when there is no such store. A store that was disconnected is given
/// back as it is.
pub async fn check(app: &App, id: &StoreId, actor: &Actor) -> Result<Option<Looked>, Beneath> {
    on_demand(app, id, Wish { actor, takes_known: false, patience: app.watching.budget.patience }).await
}

/// The same for a service that was refused by the store. Many of them see that at the same time: those that come while the
/// store is being asked, or just after, are told what was found.
pub async fn report(app: &App, id: &StoreId, actor: &Actor) -> Result<Option<Looked>, Beneath> {
    on_demand(app, id, Wish { actor, takes_known: true, patience: app.watching.budget.patience }).await
}

/// The same for somebody who asks many stores and waits for each.
pub async fn check_in_turn(app: &App, id: &StoreId, actor: &Actor) -> Result<Option<Looked>, Beneath> {
    on_demand(app, id, Wish { actor, takes_known: false, patience: LONG_PATIENCE }).await
}

/// What checks told about a store in the last `days`, the newest first; the first span may have begun before.
pub async fn spans(app: &App, id: &StoreId, days: u64) -> Result<Vec<Span>, Beneath> {
    let since = app.now().minus(Duration::from_hours(24 * days));
    Ok(checks::spans(&app.db, id, since).await?)
}

/// How the schedule goes on, over all stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// When a store was last asked.
    pub last: Option<Time>,
    /// When the next one is due; before now when the watch is late.
    pub next: Option<Time>,
    /// How often each is asked that is well.
    pub every: Duration,
}

/// Looks how the schedule goes on.
pub async fn pulse(app: &App) -> Result<Pulse, Beneath> {
    let (last, next) = (schedule::last(&app.db).await?, schedule::next(&app.db).await?);
    Ok(Pulse { last, next, every: app.check_every })
}

async fn on_demand(app: &App, id: &StoreId, wish: Wish<'_>) -> Result<Option<Looked>, Beneath> {
    let Some(Served { store, key, .. }) = stores::served(&app.db, id).await? else { return Ok(None) };
    if key.is_none() || (wish.takes_known && app.watching.hosts.is_shut(store.home.host(), app.clock.instant())) {
        return Ok(Some(Looked { store, had_no_turn: false }));
    }
    let mut takes_known = wish.takes_known;
    let mut had_no_turn = true;
    let mut patience = std::pin::pin!(tokio::time::sleep(wish.patience));
    for boarding in 0..3 {
        match app.watching.flights.board(id, app.clock.instant(), takes_known) {
            Seat::Pilot(pilot) => {
                had_no_turn = !ask_in_turn(app, &store, wish, patience.as_mut()).await?;
                if had_no_turn {
                    schedule::hurry(&app.db, id, app.now()).await?;
                } else {
                    pilot.land(app.clock.instant());
                }
                break;
            }
            Seat::Passenger(mut end) if boarding < 2 => {
                drop(end.changed().await);
                // What was found meanwhile is enough. Whoever asked may have hung up, or had no turn: then this one asks.
                takes_known = true;
            }
            Seat::Passenger(_) => break,
            Seat::Known => {
                had_no_turn = false;
                break;
            }
        }
    }
    Ok(stores::find(&app.db, id).await?.map(|store| Looked { store, had_no_turn }))
}

/// Waits for a place as long as there is patience, then asks; false when there was none in time.
async fn ask_in_turn(
    app: &App,
    store: &Store,
    wish: Wish<'_>,
    patience: impl Future<Output = ()>,
) -> Result<bool, Beneath> {
    let places = async {
        // First of the host: whoever waits for a slow host must not keep the others from theirs.
        let of_host = app.watching.hosts.places(store.home.host(), app.clock.instant()).acquire_owned().await;
        (of_host, app.watching.demanded.acquire().await)
    };
    let _places = tokio::select! {
        biased;
        places = places => places,
        () = patience => return Ok(false),
    };
    schedule::hold(&app.db, &store.id, app.now().plus(CLAIM)).await?;
    // It may have been asked, or connected again, while this one waited.
    let Some(Served { store: now, key: Some(key), .. }) = stores::served(&app.db, &store.id).await? else {
        return Ok(true);
    };
    // When it was to be asked before it was held.
    let store = Store { check_at: store.check_at, ..now };
    let answer = ask(app, &store, &key, Some(widest(&store))).await;
    keep(app, &store, &key, answer, Some(wish.actor)).await?;
    Ok(true)
}

/// Asks a store that is due. One that is well is not asked about writing.
async fn scheduled(app: &App, id: &StoreId) -> Result<(), Beneath> {
    // Whoever is asking it now keeps what it tells, and when it is asked next.
    if app.watching.flights.is_asking(id) {
        return Ok(());
    }
    let Some(Served { store, key: Some(key), .. }) = stores::served(&app.db, id).await? else { return Ok(()) };
    let is_well = store.status == StoreStatus::Connected
        && store.failures == 0
        && store.reason.is_none_or(|reason| reason.is_works() || reason == Verdict::Moved);
    let mut answer = ask(app, &store, &key, (!is_well).then(|| widest(&store))).await;
    let reads_again = store.scope == Scope::Write && answer.verdict.is_works() && answer.scope.is_none();
    if is_well && reads_again {
        answer = ask(app, &store, &key, Some(widest(&store))).await;
    }
    // Callbacks and services write to the same database: they wait behind a few checks, not behind all that end at once.
    let _turn = app.watching.keeping.acquire().await;
    keep(app, &store, &key, answer, None).await
}

async fn ask(app: &App, store: &Store, key: &ServedKey, asked: Option<Scope>) -> Answer {
    let Ok(pair) = app.vault.open_pair(&Place::key(&key.id, &store.home, &store.user_id), &key.sealed) else {
        return Answer::only(Verdict::KeyUnreadable);
    };
    let asked = check::ask(&app.woo, &store.home, &pair, asked, Some(store.auth_method));
    let within = app.watching.budget.within;
    let answer = tokio::time::timeout(within, asked).await.unwrap_or_else(|_| Answer::only(Verdict::TimedOut));
    if let Some(pause) = answer.retry_after {
        app.watching.hosts.stay_away(store.home.host(), pause, app.clock.instant());
    }
    answer
}

/// The store's key was found not to open by somebody who wanted to use it: the store stands as after a check that found it.
pub(super) async fn found_unreadable(app: &App, store: &Store, key: &ServedKey) -> Result<(), Beneath> {
    keep(app, store, key, Answer::only(Verdict::KeyUnreadable), None).await
}

/// Whether the permission to write is of interest.
fn widest(store: &Store) -> Scope {
    let writes = store.scope.writes() || store.asked.is_some_and(Scope::writes);
    if writes { Scope::ReadWrite } else { Scope::Read }
}

/// Keeps what a check told, that `wanted_by` asked for; the schedule asks for itself. Of two checks at a time each is judged
/// by what the other has found: what the schedule found late is dropped, and what somebody waits for is judged anew.
async fn keep(
    app: &App,
    store: &Store,
    key: &ServedKey,
    answer: Answer,
    wanted_by: Option<&Actor>,
) -> Result<(), Beneath> {
    let checked = checked(app, store, &answer, wanted_by);
    if checks::keep(&app.db, store, key.version, &checked).await? || wanted_by.is_none() {
        return Ok(());
    }
    let Some(Served { store: now, key: Some(served), .. }) = stores::served(&app.db, &store.id).await? else {
        return Ok(());
    };
    if served.version == key.version {
        let now = Store { check_at: store.check_at, ..now };
        let checked = self::checked(app, &now, &answer, wanted_by);
        checks::keep(&app.db, &now, key.version, &checked).await?;
    }
    Ok(())
}

/// What an answer makes of a store.
fn checked(app: &App, store: &Store, answer: &Answer, wanted_by: Option<&Actor>) -> Checked {
    let at = app.now();
    let now = judge::judge(store, answer);
    let (verdict, status) = (answer.verdict.code(), now.status.as_str());
    if wanted_by.is_some() || (now.status, now.reason) != (store.status, store.reason) {
        tracing::info!(store.id = %store.id, verdict, status, "checked {}", store.home.shown());
    } else {
        tracing::debug!(store.id = %store.id, verdict, status, "checked {}", store.home.shown());
    }
    let by_itself = Actor::cartkey();
    let events = judge::events(store, &now, answer, at, wanted_by.unwrap_or(&by_itself));
    let auth_method = judge::learned(&now, answer).filter(|method| *method != store.auth_method);
    let scope = answer.scope.filter(|scope| now.status == StoreStatus::Connected && *scope != store.scope);
    let mut checked = Checked {
        lending_changed: now.status != store.status || auth_method.is_some() || scope.is_some(),
        check_at: judge::next(&now, answer, app.check_every, at, &app.entropy),
        verdict: if answer.verdict.is_works() { now.reason.unwrap_or(Verdict::Works) } else { answer.verdict },
        status: now.status,
        reason: now.reason,
        auth_method,
        scope,
        moved_to: now.moved_to,
        failures: now.failures,
        woocommerce_version: answer.woocommerce_version.clone(),
        wordpress_version: answer.wordpress_version.clone(),
        now: at,
        events,
    };
    if wanted_by.is_some() {
        hurry(store, &mut checked);
    }
    checked
}

/// Somebody who asks again and again whether a store works again must not thereby put off its next scheduled check.
fn hurry(store: &Store, checked: &mut Checked) {
    if checked.failures > 0 {
        checked.failures = checked.failures.min(store.failures.max(2));
        checked.check_at = checked.check_at.min(store.check_at.max(checked.now.plus(SOON)));
    }
}
