//! Of several callers who want a store checked at the same time, one leads and the others wait for its result.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::domain::{Instant, StoreId};

/// A check that ended no longer ago than this answers a service that asks for another.
pub const FRESH_FOR: Duration = Duration::from_secs(5);
/// So many ended checks are remembered before the old ones are thrown out.
const MANY: usize = 256;

/// The checks that somebody waits for, and those that have just ended. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct SingleFlight(Arc<Mutex<HashMap<StoreId, Check>>>);

#[derive(Debug)]
enum Check {
    /// In progress; its end closes the channel.
    Running(watch::Receiver<()>),
    Ended(Instant),
}

/// What a caller that wants a store checked does.
pub enum Role {
    /// Checks it; the others wait until this is dropped.
    Leader(Leader),
    /// Waits for the leader.
    Follower(watch::Receiver<()>),
    /// Takes the result of a check that has just ended.
    Known,
}

/// Checks a store on behalf of all callers.
pub struct Leader {
    checks: SingleFlight,
    store: StoreId,
    /// When it finished; `None` if it was abandoned.
    finished: Option<Instant>,
    _ended: watch::Sender<()>,
}

impl SingleFlight {
    /// Joins the checks of `store`. With `takes_known`, a result from just before `now` is enough.
    pub fn join(&self, store: &StoreId, now: Instant, takes_known: bool) -> Role {
        let mut checks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match checks.get(store) {
            Some(Check::Running(end)) => return Role::Follower(end.clone()),
            Some(Check::Ended(at)) if takes_known && is_fresh(*at, now) => return Role::Known,
            _ => {}
        }
        if checks.len() >= MANY {
            checks.retain(|_, check| match check {
                Check::Running(_) => true,
                Check::Ended(at) => is_fresh(*at, now),
            });
        }
        let (ended, end) = watch::channel(());
        checks.insert(store.clone(), Check::Running(end));
        Role::Leader(Leader { checks: self.clone(), store: store.clone(), finished: None, _ended: ended })
    }

    /// Whether a check of the store is in progress.
    pub fn is_asking(&self, store: &StoreId) -> bool {
        let checks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(checks.get(store), Some(Check::Running(_)))
    }
}

impl Leader {
    /// Records that the result was saved: followers can read it.
    pub fn finish(mut self, at: Instant) {
        self.finished = Some(at);
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        let mut checks = self.checks.0.lock().unwrap_or_else(PoisonError::into_inner);
        match self.finished {
            Some(at) => checks.insert(self.store.clone(), Check::Ended(at)),
            None => checks.remove(&self.store),
        };
    }
}

fn is_fresh(at: Instant, now: Instant) -> bool {
    now.since(at) < FRESH_FOR
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entropy::Entropy;
    use crate::domain::time::Time;

    #[tokio::test]
    async fn one_asks_and_the_others_wait_for_it() {
        let checks = SingleFlight::default();
        let now = Instant::from_millis(1_790_000);
        let [one, other] = [1, 2].map(|seed| StoreId::mint(Time::from_millis(1), &Entropy::seeded(seed)));
        let Role::Leader(leader) = checks.join(&one, now, true) else { panic!("nobody asks yet") };
        let Role::Follower(mut end) = checks.join(&one, now, true) else { panic!("somebody asks") };
        assert!(matches!(checks.join(&other, now, true), Role::Leader(_)), "another store is another matter");
        assert!(checks.is_asking(&one) && !checks.is_asking(&other));
        leader.finish(now);
        assert!(end.changed().await.is_err(), "the end is told");
        assert!(matches!(checks.join(&one, now, true), Role::Known));
        assert!(matches!(checks.join(&one, now.plus(FRESH_FOR), true), Role::Leader(_)), "that is too old");
        assert!(matches!(checks.join(&one, now, false), Role::Leader(_)));
    }

    #[tokio::test]
    async fn a_check_that_was_given_up_leaves_nothing_behind() {
        let checks = SingleFlight::default();
        let now = Instant::from_millis(1_790_000);
        let store = StoreId::mint(Time::from_millis(1), &Entropy::seeded(1));
        let Role::Leader(leader) = checks.join(&store, now, true) else { panic!("nobody asks yet") };
        let Role::Follower(mut end) = checks.join(&store, now, true) else { panic!("somebody asks") };
        drop(leader);
        assert!(end.changed().await.is_err());
        assert!(matches!(checks.join(&store, now, true), Role::Leader(_)));
    }
}
