//! Watch: checks whether a connected store's key still works, on a schedule and on demand.
//!
//! A scheduled check of a healthy store is one request. Write permission is checked again on demand, and by the check after a
//! failure.
//!
//! A scheduled check in progress does not answer a service that reports a 401, because it asks less. A check on demand holds the
//! schedule off, and when it fails it does not postpone the next scheduled check.

mod judge;
mod worker;

use std::time::Duration;

use super::host_pauses;
use crate::app::App;
use crate::domain::{Actor, Scope, Span, Store, StoreId, StoreStatus, Time, Verdict};
use crate::flow::Beneath;
use crate::flow::open_vault::or_damaged;
use crate::live::single_flight::Role;
use crate::storage::checks::{self, Checked};
use crate::storage::schedule;
use crate::storage::stores::{self, Served, ServedKey};
use crate::vault::Place;
use crate::woo::check::{self, Answer, Ways};

pub use judge::SOON;
pub use worker::{WORKER, check_due, run};

/// The lifetime of a claim: longer than a check and saving its result can take.
pub const CLAIM: Duration = Duration::from_mins(2);
/// How long a caller that checks many stores waits for a place.
const LONG_PATIENCE: Duration = Duration::from_hours(1);

/// A check on demand.
#[derive(Debug, Clone, Copy)]
struct Demand<'a> {
    actor: &'a Actor,
    /// A host that asked us to wait is left alone.
    spares_host: bool,
    patience: Duration,
}

/// The result of a check on demand.
#[derive(Debug, Clone)]
pub struct Looked {
    /// The store's current state.
    pub store: Store,
    /// True if no place was free in time. The store was not checked, and the schedule checks it next.
    pub had_no_turn: bool,
    /// For how long the store or its host asked to be left alone. The store was not checked.
    pub pause: Option<Duration>,
}

/// Checks a store now and saves the result. `None` if there is no such store. A disconnected store is returned unchanged.
pub async fn check(app: &App, id: &StoreId, actor: &Actor) -> Result<Option<Looked>, Beneath> {
    on_demand(app, id, Demand { actor, spares_host: false, patience: app.outgoing.limits.patience }).await
}

/// Like [`check()`], for a service that the store refused. A host that asked for a pause is left alone. Many services notice at the
/// same time: those that call during a check share the next one, because the store may have refused them after it was asked.
pub async fn report(app: &App, id: &StoreId, actor: &Actor) -> Result<Option<Looked>, Beneath> {
    on_demand(app, id, Demand { actor, spares_host: true, patience: app.outgoing.limits.patience }).await
}

/// Like [`check()`], for a caller that checks many stores and waits for each.
pub async fn check_in_turn(app: &App, id: &StoreId, actor: &Actor) -> Result<Option<Looked>, Beneath> {
    on_demand(app, id, Demand { actor, spares_host: false, patience: LONG_PATIENCE }).await
}

/// The results of checks in the last `days`, newest first. The oldest span may have begun earlier.
pub async fn spans(app: &App, id: &StoreId, days: u64) -> Result<Vec<Span>, Beneath> {
    let since = app.now().minus(Duration::from_hours(24 * days));
    Ok(checks::spans(&app.db, id, since).await?)
}

/// The progress of the schedule over all stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// The time of the last check.
    pub last: Option<Time>,
    /// When the next check is due; in the past if the watch is late.
    pub next: Option<Time>,
    /// The interval between checks of a healthy store.
    pub every: Duration,
}

/// Reads the progress of the schedule.
pub async fn pulse(app: &App) -> Result<Pulse, Beneath> {
    let (last, next) = (schedule::last(&app.db).await?, schedule::next(&app.db).await?);
    Ok(Pulse { last, next, every: app.check_every })
}

async fn on_demand(app: &App, id: &StoreId, demand: Demand<'_>) -> Result<Option<Looked>, Beneath> {
    let Some(Served { store, key, .. }) = stores::served(&app.db, id).await? else { return Ok(None) };
    let is_spared = demand.spares_host && key.is_some();
    let pause = if is_spared { host_pauses::left(app, store.home.host()).await? } else { None };
    if key.is_none() || pause.is_some() {
        return Ok(Some(Looked { store, had_no_turn: false, pause }));
    }
    let (mut had_no_turn, mut is_later) = (true, false);
    for _ in 0..3 {
        match app.outgoing.single_flight.join(id) {
            Role::Leader(leader) => {
                let patience = std::pin::pin!(tokio::time::sleep(demand.patience));
                had_no_turn = !ask_in_turn(app, &store, demand, patience).await?;
                if !had_no_turn {
                    leader.finish();
                }
                break;
            }
            Role::Follower(follower) => {
                // The first check that we wait for began before this caller came; any after it did not. If one was abandoned or
                // had no turn, we try to lead the next.
                if follower.saved().await && is_later {
                    had_no_turn = false;
                    break;
                }
                is_later = true;
            }
        }
    }
    if had_no_turn {
        schedule::hurry(&app.db, id, app.now()).await?;
    }
    Ok(stores::find(&app.db, id).await?.map(|store| Looked { store, had_no_turn, pause: None }))
}

/// Waits for a place until `patience` ends, then checks. Returns false if none was free in time.
async fn ask_in_turn(
    app: &App,
    store: &Store,
    demand: Demand<'_>,
    patience: impl Future<Output = ()>,
) -> Result<bool, Beneath> {
    let places = async {
        // The host's place first: waiting for a slow host must not keep others from theirs.
        let of_host = app.outgoing.hosts.places(store.home.host(), app.clock.instant()).acquire_owned().await;
        (of_host, app.outgoing.demanded.acquire().await)
    };
    let _places = tokio::select! {
        biased;
        places = places => places,
        () = patience => return Ok(false),
    };
    schedule::hold(&app.db, &store.id, app.now().plus(CLAIM)).await?;
    // The store may have been checked or reconnected during the wait.
    let Some(Served { store: now, key: Some(key), .. }) = stores::served(&app.db, &store.id).await? else {
        return Ok(true);
    };
    // When it was due before it was claimed.
    let store = Store { check_at: store.check_at, ..now };
    let answer = ask(app, &store, &key, Some(widest(&store))).await?;
    keep(app, &store, &key, answer, Some(demand.actor)).await?;
    Ok(true)
}

/// Checks a store that is due. Write permission is not checked if the store is healthy.
async fn scheduled(app: &App, id: &StoreId) -> Result<(), Beneath> {
    // A check in progress saves the result and the next due time.
    if app.outgoing.single_flight.is_asking(id) {
        return Ok(());
    }
    let Some(Served { store, key: Some(key), .. }) = stores::served(&app.db, id).await? else { return Ok(()) };
    let is_well = store.status == StoreStatus::Connected
        && store.failures == 0
        && store.reason.is_none_or(|reason| reason.is_works() || reason == Verdict::Moved);
    let mut answer = ask(app, &store, &key, (!is_well).then(|| widest(&store))).await?;
    let reads_again = store.scope == Scope::Write && answer.verdict.is_works() && answer.scope.is_none();
    if is_well && reads_again {
        answer = ask(app, &store, &key, Some(widest(&store))).await?;
    }
    // Callbacks and services write to the same database: they should wait for a few checks, not for all that end at once.
    let _turn = app.outgoing.keeping.acquire().await;
    keep(app, &store, &key, answer, None).await
}

async fn ask(app: &App, store: &Store, key: &ServedKey, asked: Option<Scope>) -> Result<Answer, Beneath> {
    let opened = app.vault.open_pair(&Place::key(&key.id, &store.home, &store.user_id), &key.sealed);
    let Some(pair) = or_damaged(app, &key.sealed, opened).await? else {
        return Ok(Answer::only(Verdict::KeyUnreadable));
    };
    let rest = store.rest();
    let asked = check::ask(&app.woo, &store.home, &rest, &pair, asked, Ways::KnownFirst(store.auth_method));
    let within = app.outgoing.limits.within;
    let answer = tokio::time::timeout(within, asked).await.unwrap_or_else(|_| Answer::only(Verdict::TimedOut));
    if let Some(pause) = answer.retry_after {
        host_pauses::keep(app, store.home.host(), pause).await;
    }
    Ok(answer)
}

/// Records that a store's key does not open, found when the key was needed. The effect is that of a check.
pub(in crate::flow) async fn found_unreadable(app: &App, store: &Store, key: &ServedKey) -> Result<(), Beneath> {
    keep(app, store, key, Answer::only(Verdict::KeyUnreadable), None).await
}

/// The widest scope to check: with writing if the key has it or it was requested.
fn widest(store: &Store) -> Scope {
    let writes = store.scope.writes() || store.asked.is_some_and(Scope::writes);
    if writes { Scope::ReadWrite } else { Scope::Read }
}

/// Saves a check's result. `wanted_by` requested it; `None` is the schedule. If a concurrent check saved first, a scheduled result
/// is dropped and one on demand is judged again.
async fn keep(
    app: &App,
    store: &Store,
    key: &ServedKey,
    answer: Answer,
    wanted_by: Option<&Actor>,
) -> Result<(), Beneath> {
    let checked = checked(app, store, &answer, wanted_by);
    app.metrics.check(checked.verdict);
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

/// Judges an answer and logs the check.
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
    let works = now.status == StoreStatus::Connected && answer.method.is_some();
    let rest_base = answer.reported.rest_base.clone().filter(|rest| works && *rest != store.rest());
    let json_has_noise = Some(answer.reported.json_has_noise).filter(|noise| works && *noise != store.json_has_noise);
    let scope = answer.scope.filter(|scope| now.status == StoreStatus::Connected && *scope != store.scope);
    let mut checked = Checked {
        lending_changed: now.status != store.status
            || auth_method.is_some()
            || scope.is_some()
            || rest_base.is_some()
            || json_has_noise.is_some(),
        check_at: judge::next(&now, answer, app.check_every, at, &app.entropy),
        verdict: if answer.verdict.is_works() { now.reason.unwrap_or(Verdict::Works) } else { answer.verdict },
        status: now.status,
        reason: now.reason,
        auth_method,
        scope,
        moved_to: now.moved_to,
        failures: now.failures,
        woocommerce_version: answer.reported.woocommerce_version.clone(),
        wordpress_version: answer.reported.wordpress_version.clone(),
        rest_base,
        json_has_noise,
        now: at,
        events,
    };
    if wanted_by.is_some() {
        hurry(store, &mut checked);
    }
    checked
}

/// Keeps repeated checks on demand from postponing the next scheduled one.
fn hurry(store: &Store, checked: &mut Checked) {
    if checked.failures > 0 {
        checked.failures = checked.failures.min(store.failures.max(2));
        checked.check_at = checked.check_at.min(store.check_at.max(checked.now.plus(SOON)));
    }
}
