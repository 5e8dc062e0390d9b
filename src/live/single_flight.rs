//! Of several callers who want a store checked at the same time, one leads; those who come during its check wait for its end and
//! share the next one.
//!
//! A check answers only those who came before it began: for the others, the store may have refused its key since.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::domain::StoreId;

/// The checks in progress; each channel carries whether the result was saved, and closes when the check ends. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct SingleFlight(Arc<Mutex<HashMap<StoreId, watch::Sender<bool>>>>);

/// What a caller that wants a store checked does.
pub enum Role {
    /// Checks it; the others wait until this is dropped.
    Leader(Leader),
    /// Waits for a check that began before.
    Follower(Follower),
}

/// Checks a store on behalf of all callers.
pub struct Leader {
    checks: SingleFlight,
    store: StoreId,
}

/// Waits for a check in progress.
pub struct Follower(watch::Receiver<bool>);

impl SingleFlight {
    /// Joins the check of `store` that is in progress, or begins one.
    pub fn join(&self, store: &StoreId) -> Role {
        let mut checks = self.checks();
        if let Some(check) = checks.get(store) {
            return Role::Follower(Follower(check.subscribe()));
        }
        checks.insert(store.clone(), watch::Sender::new(false));
        Role::Leader(Leader { checks: self.clone(), store: store.clone() })
    }

    /// Whether a check of the store is in progress.
    pub fn is_asking(&self, store: &StoreId) -> bool {
        self.checks().contains_key(store)
    }

    /// How many callers wait for a check of the store that began before they came.
    pub fn waiting(&self, store: &StoreId) -> usize {
        self.checks().get(store).map_or(0, watch::Sender::receiver_count)
    }

    fn checks(&self) -> MutexGuard<'_, HashMap<StoreId, watch::Sender<bool>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leader {
    /// Ends the check: its result was saved, and followers can read it.
    pub fn finish(self) {
        if let Some(check) = self.checks.checks().get(&self.store) {
            check.send_replace(true);
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.checks.checks().remove(&self.store);
    }
}

impl Follower {
    /// Waits until the check ends. Returns whether its result was saved; false if it was abandoned.
    pub async fn saved(mut self) -> bool {
        while self.0.changed().await.is_ok() {}
        *self.0.borrow()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entropy::Entropy;
    use crate::domain::time::Time;

    #[tokio::test]
    async fn one_asks_and_the_others_wait_for_it() {
        let checks = SingleFlight::default();
        let [one, other] = [1, 2].map(|seed| StoreId::mint(Time::from_millis(1), &Entropy::seeded(seed)));
        let Role::Leader(leader) = checks.join(&one) else { panic!("nobody asks yet") };
        let Role::Follower(follower) = checks.join(&one) else { panic!("somebody asks") };
        assert!(matches!(checks.join(&other), Role::Leader(_)), "another store is another matter");
        assert!(checks.is_asking(&one) && !checks.is_asking(&other));
        leader.finish();
        assert!(follower.saved().await);
        assert!(matches!(checks.join(&one), Role::Leader(_)), "whoever comes after it has the store asked again");
    }

    #[tokio::test]
    async fn a_check_that_was_given_up_leaves_nothing_behind() {
        let checks = SingleFlight::default();
        let store = StoreId::mint(Time::from_millis(1), &Entropy::seeded(1));
        let Role::Leader(leader) = checks.join(&store) else { panic!("nobody asks yet") };
        let Role::Follower(follower) = checks.join(&store) else { panic!("somebody asks") };
        drop(leader);
        assert!(!follower.saved().await);
        assert!(matches!(checks.join(&store), Role::Leader(_)));
    }
}
