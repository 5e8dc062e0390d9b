//! Watch: a connected store is asked whether its key still works.

use std::time::Duration;

use super::Beneath;
use super::prove::key_place;
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::check::Span;
use crate::domain::event::{Event, Kind};
use crate::domain::id::StoreId;
use crate::domain::store::{Store, StoreStatus};
use crate::domain::verdict::Verdict;
use crate::storage::checks::{self, Checked};
use crate::storage::stores;
use crate::woo::check::{self, Answer};

/// How long all questions of one check may take together: less than a service waits for the answer, so that a slow store
/// is recorded as one.
const WITHIN: Duration = Duration::from_secs(25);

/// Asks a store now and keeps what it told; `None` when there is no such store. A store that was disconnected is given
/// back as it is.
pub async fn check(app: &App, id: &StoreId, actor: &Actor) -> Result<Option<Store>, Beneath> {
    let Some(served) = stores::served(&app.db, id).await? else { return Ok(None) };
    let Some(key) = served.key else { return Ok(Some(served.store)) };
    let store = served.store;
    let pair = app.vault.open_pair(&key_place(key.id.as_str(), store.home.as_str()), &key.sealed)?;
    let asked = check::ask(&app.woo, &store.home, &pair, store.scope, Some(store.auth_method));
    let answer = tokio::time::timeout(WITHIN, asked).await.unwrap_or_else(|_| Answer::only(Verdict::TimedOut));
    let (status, reason) = judge(&store, answer.verdict);
    tracing::info!(store.id = %store.id, verdict = answer.verdict.code(), status = status.as_str(), "checked {}", store.home.shown());
    let changed = (status != store.status)
        .then(|| Event::new(kind(status), app.now(), actor).user(&store.user_id).store(&store.id).because(reason));
    let checked = checked(app, &store, status, reason, answer);
    checks::keep(&app.db, id, key.version, store.status, &checked, changed.as_ref()).await?;
    Ok(stores::find(&app.db, id).await?)
}

/// What checks told about a store in the last `days`, the newest first; the first span may have begun before.
pub async fn spans(app: &App, id: &StoreId, days: u64) -> Result<Vec<Span>, Beneath> {
    let since = app.now().minus(Duration::from_hours(24 * days));
    Ok(checks::spans(&app.db, id, since).await?)
}

fn checked(app: &App, store: &Store, status: StoreStatus, reason: Option<Verdict>, answer: Answer) -> Checked {
    let auth_method = answer.method.filter(|_| answer.verdict.is_works());
    Checked {
        lending_changed: status != store.status || auth_method.is_some_and(|method| method != store.auth_method),
        verdict: answer.verdict,
        status,
        reason,
        auth_method,
        woocommerce_version: answer.woocommerce_version,
        wordpress_version: answer.wordpress_version,
        now: app.now(),
    }
}

/// What a verdict makes of a store's status. A store's own refusal counts at once; one that cannot be asked is called
/// unreachable only when that happens twice in a row.
fn judge(store: &Store, verdict: Verdict) -> (StoreStatus, Option<Verdict>) {
    let remark = Some(verdict).filter(|verdict| *verdict != Verdict::Works);
    if verdict.is_works() {
        (StoreStatus::Connected, remark)
    } else if verdict.is_final() {
        (StoreStatus::Unauthorized, remark)
    } else {
        let again = store.reason.is_some_and(|reason| !reason.is_works() && !reason.is_final());
        match store.status {
            StoreStatus::Connected if !again => (StoreStatus::Connected, remark),
            StoreStatus::Unauthorized => (StoreStatus::Unauthorized, store.reason),
            _ => (StoreStatus::Unreachable, remark),
        }
    }
}

const fn kind(status: StoreStatus) -> Kind {
    match status {
        StoreStatus::Connected => Kind::StoreRecovered,
        StoreStatus::Unauthorized => Kind::StoreUnauthorized,
        StoreStatus::Unreachable => Kind::StoreUnreachable,
        StoreStatus::Disconnected => Kind::StoreDisconnected,
    }
}
