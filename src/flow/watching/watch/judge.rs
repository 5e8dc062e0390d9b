//! Judges an answer: the store's new status, the events to record, and the time of the next check.
//!
//! | the check found | status | lent | next check |
//! | --- | --- | --- | --- |
//! | the key works, also with a remark (`noisy_answer`, `slow`, `scope_…`) | connected | yes | after the interval, ± 10 % |
//! | `moved`, and the key works at the old address | connected | yes | the same |
//! | `moved`, and the store was found elsewhere | unreachable at once | no | 90 s, then the interval, doubling to 6 h |
//! | a final verdict ([`Verdict::is_final`]) | unauthorized at once | no | 90 s, then 1 h, doubling to a day |
//! | `key_unreadable`: no request is sent | unauthorized at once | no | after the interval |
//! | trouble, once | as before, with the reason | as before | 90 s |
//! | the same kind of trouble twice in a row, or any three times | unreachable | no | the interval, doubling to 6 h |
//! | `rate_limited` | as before | as before | the interval, doubling to 6 h |
//!
//! The first pause is short because a refusal may come from a store that is just being restored.

use std::time::Duration;

use crate::domain::{Actor, AuthMethod, Entropy, Event, Kind, Store, StoreStatus, StoreUrl, Time, Verdict};
use crate::woo::check::Answer;

/// The pause after the first failed check: most trouble is over by then, and persistent trouble is found soon.
pub const SOON: Duration = Duration::from_secs(90);
/// The longest pause between checks of an unreachable store.
const UNREACHABLE_AT_MOST: Duration = Duration::from_hours(6);
/// The pauses between checks of a store that refuses its key, from the second on: the first and the longest.
const UNAUTHORIZED: [Duration; 2] = [Duration::from_hours(1), Duration::from_hours(24)];
/// The jitter, in percent of the pause.
const JITTER: u128 = 10;

/// A store's state after a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub status: StoreStatus,
    pub reason: Option<Verdict>,
    pub failures: i64,
    pub moved_to: Option<StoreUrl>,
}

/// Kinds of trouble: two checks in a row with the same kind suffice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// The store answers and asks us to come back later.
    Later,
    /// No readable answer arrived.
    Network,
    /// Something in front of the store answered, such as a firewall or a page of the host, or redirected to where there is no
    /// store.
    InTheWay,
}

const fn trouble(verdict: Verdict) -> Option<Trouble> {
    match verdict {
        verdict if verdict.is_works() || verdict.is_final() => None,
        Verdict::Maintenance | Verdict::RateLimited => Some(Trouble::Later),
        Verdict::DnsFailed
        | Verdict::ConnectFailed
        | Verdict::TlsFailed
        | Verdict::TlsOutdated
        | Verdict::TimedOut
        | Verdict::ServerError
        | Verdict::AnswerUnreadable => Some(Trouble::Network),
        _ => Some(Trouble::InTheWay),
    }
}

/// Judges an answer.
///
/// A store's own statement counts at once: that the key works, that it is refused, that the store has moved. A store that does not
/// answer becomes unreachable only after two failures of the same kind in a row, or three of any kind. A store that only asks us to
/// slow down never does.
pub(super) fn judge(store: &Store, answer: &Answer) -> Standing {
    let verdict = answer.verdict;
    let elsewhere = answer.home_seen.clone().filter(|seen| *seen != store.home);
    let is_found = verdict == Verdict::Moved && elsewhere.is_some();
    // If the store itself did not answer, its previous statement stands.
    let is_heard = trouble(verdict).is_none() && verdict != Verdict::KeyUnreadable;
    let moved_to = if is_found || is_heard { elsewhere } else { store.moved_to.clone() };
    let standing = |status, reason, failures| Standing { status, reason, failures, moved_to: moved_to.clone() };
    if verdict.is_works() {
        return standing(StoreStatus::Connected, remark(store, answer), 0);
    }
    let again = store.failures.saturating_add(1);
    match (verdict, answer.method) {
        // The store states another address but works at this one with the same key: services can go on using it.
        (Verdict::Moved, Some(_)) => return standing(StoreStatus::Connected, Some(verdict), 0),
        (Verdict::Moved, None) if is_found => return standing(StoreStatus::Unreachable, Some(verdict), again),
        _ => {}
    }
    if verdict.is_final() {
        let failures = if store.status == StoreStatus::Unauthorized { again } else { 1 };
        return standing(StoreStatus::Unauthorized, Some(verdict), failures);
    }
    // Not every reason is trouble: a store that has moved and works has one too.
    let known = store.reason.filter(|_| store.failures > 0).and_then(trouble);
    let meant = known == trouble(verdict) || (known.is_some() && again >= 3);
    match store.status {
        // The store refused the key when it last answered. That stands until it answers otherwise.
        StoreStatus::Unauthorized if store.reason != Some(Verdict::KeyUnreadable) => {
            standing(StoreStatus::Unauthorized, store.reason, again)
        }
        StoreStatus::Connected if verdict == Verdict::RateLimited || !meant => {
            standing(StoreStatus::Connected, Some(verdict), again)
        }
        _ => standing(StoreStatus::Unreachable, Some(verdict), again),
    }
}

/// The remark on a working key. Its scope is compared with the requested one even if this check did not test it.
fn remark(store: &Store, answer: &Answer) -> Option<Verdict> {
    let scope = answer.scope.unwrap_or(store.scope);
    let heard = match answer.verdict {
        Verdict::NoisyAnswer | Verdict::Slow => answer.verdict,
        _ => Verdict::Works,
    };
    let on_scope = Verdict::on_scope(scope, store.asked.unwrap_or(scope));
    [on_scope, heard].into_iter().find(|verdict| *verdict != Verdict::Works)
}

/// The events to record: each change of status, a store found at another address, and a changed authentication method or API address.
pub(super) fn events(store: &Store, now: &Standing, answer: &Answer, at: Time, actor: &Actor) -> Vec<Event> {
    let event = |kind| Event::new(kind, at, actor).user(&store.user_id).store(&store.id).because(now.reason);
    let kind = match now.status {
        StoreStatus::Connected => Kind::StoreRecovered,
        StoreStatus::Unauthorized => Kind::StoreUnauthorized,
        StoreStatus::Unreachable => Kind::StoreUnreachable,
        StoreStatus::Disconnected => Kind::StoreDisconnected,
    };
    let is_moved = now.reason == Some(Verdict::Moved);
    let is_lost = now.moved_to.is_none() && now.status == StoreStatus::Unreachable;
    let is_other = (store.status, store.reason) != (now.status, now.reason);
    let is_news = now.moved_to != store.moved_to || (is_lost && is_other);
    let mut events = Vec::new();
    events.extend((is_moved && is_news).then(|| event(Kind::StoreMoved)));
    events.extend((now.status != store.status).then(|| event(kind)));
    let is_learned = learned(now, answer).is_some_and(|method| method != store.auth_method);
    events.extend(is_learned.then(|| event(Kind::KeyAuthMethodChanged)));
    let is_found =
        learned(now, answer).is_some() && answer.reported.rest_base.as_ref().is_some_and(|rest| *rest != store.rest());
    events.extend(is_found.then(|| event(Kind::KeyApiUrlChanged)));
    events
}

/// The authentication method that worked, if the key can be lent.
pub(super) fn learned(now: &Standing, answer: &Answer) -> Option<AuthMethod> {
    answer.method.filter(|_| now.status == StoreStatus::Connected)
}

/// The time of the next check: `every` after success, soon after the first failure, then at growing pauses: up to some hours for an
/// unreachable store, from an hour to a day for one that refuses its key. Never earlier than the store's `Retry-After`.
pub(super) fn next(now: &Standing, answer: &Answer, every: Duration, at: Time, entropy: &Entropy) -> Time {
    let doubled = |first: Duration, most: Duration| {
        let times = u32::try_from(now.failures.saturating_sub(2)).unwrap_or(0).min(16);
        first.saturating_mul(1 << times).min(most.max(every))
    };
    let pause = match (now.status, now.failures) {
        (_, 0) => every,
        // No request is sent: trying to open the key costs nothing.
        _ if now.reason == Some(Verdict::KeyUnreadable) => every,
        (_, 1) => SOON.min(every),
        (StoreStatus::Unauthorized, _) => doubled(UNAUTHORIZED[0].max(every), UNAUTHORIZED[1]),
        _ => doubled(every, UNREACHABLE_AT_MOST),
    };
    at.plus(jittered(pause, entropy).max(answer.retry_after.unwrap_or_default()))
}

/// The longest pause that [`next`] returns.
pub(super) fn longest(every: Duration) -> Duration {
    // `Retry-After` is limited to a day.
    let most = UNAUTHORIZED[1].max(every);
    most + most / 5
}

/// `span`, up to a tenth shorter or longer, so that checks spread out.
fn jittered(span: Duration, entropy: &Entropy) -> Duration {
    let mut random = [0_u8; 8];
    entropy.fill(&mut random);
    let width = (span.as_millis() * 2 * JITTER / 100).max(1);
    let least = span.as_millis() - width / 2;
    let millis = least + u128::from(u64::from_le_bytes(random)) % width;
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}
