//! The icons of the stores that merchants are connecting: each is fetched once per attempt, and the newest are kept.
//!
//! An attempt is remembered longer than its image, and so is a failure: who asks again does not make this process ask again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::domain::{AttemptId, Icon};

/// The most images, in bytes.
const BYTES: usize = 4 * 1024 * 1024;
/// The most attempts, each of some hundred bytes.
const ATTEMPTS: usize = 4_096;

/// The icons of this process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Icons(Arc<Mutex<Memory>>);

#[derive(Debug, Default)]
struct Memory {
    slots: HashMap<AttemptId, Slot>,
    /// The attempts in `slots`, oldest first.
    attempts: VecDeque<AttemptId>,
    /// Those with an image, and its size; oldest first.
    images: VecDeque<(AttemptId, usize)>,
}

/// An icon that was fetched, or is being fetched: then it is empty for now.
#[derive(Debug, Clone)]
pub struct Slot(watch::Receiver<Option<Outcome>>);

/// The image; `None` if there is none, or none any more.
type Outcome = Option<Arc<Icon>>;

impl Slot {
    /// The image, as soon as it is known.
    pub async fn icon(mut self) -> Outcome {
        // The sender goes without a word only if fetching panicked.
        self.0.wait_for(Option::is_some).await.ok()?.clone().flatten()
    }
}

impl Icons {
    /// The icon of this attempt, if it was asked for before.
    pub fn known(&self, attempt: &AttemptId) -> Option<Slot> {
        self.memory().slots.get(attempt).cloned()
    }

    /// Fetches the icon of this attempt, unless it was asked for before. It is fetched to the end, even if nobody waits any more.
    pub fn fetch(&self, attempt: &AttemptId, fetch: impl Future<Output = Option<Icon>> + Send + 'static) -> Slot {
        let mut memory = self.memory();
        if let Some(slot) = memory.slots.get(attempt) {
            return slot.clone();
        }
        let (sender, receiver) = watch::channel(None);
        let slot = Slot(receiver);
        memory.insert(attempt.clone(), slot.clone());
        let (icons, attempt) = (self.clone(), attempt.clone());
        tokio::spawn(async move {
            let outcome = fetch.await.map(Arc::new);
            if let Some(icon) = &outcome {
                icons.memory().count(attempt, icon.bytes.len());
            }
            sender.send_replace(Some(outcome));
        });
        slot
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn insert(&mut self, attempt: AttemptId, slot: Slot) {
        if self.attempts.len() >= ATTEMPTS
            && let Some(oldest) = self.attempts.pop_front()
        {
            self.slots.remove(&oldest);
            self.images.retain(|(attempt, _)| *attempt != oldest);
        }
        self.slots.insert(attempt.clone(), slot);
        self.attempts.push_back(attempt);
    }

    /// Counts an image, and forgets the oldest ones if there are too many.
    fn count(&mut self, attempt: AttemptId, size: usize) {
        if !self.slots.contains_key(&attempt) {
            return;
        }
        self.images.push_back((attempt, size));
        while self.images.iter().map(|(_, size)| size).sum::<usize>() > BYTES
            && let Some((oldest, _)) = self.images.pop_front()
        {
            self.slots.insert(oldest, Slot(watch::channel(Some(None)).1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Entropy, Time};

    fn attempt(seed: u64) -> AttemptId {
        AttemptId::mint(Time::from_millis(1), &Entropy::seeded(seed))
    }

    fn image(size: usize) -> Option<Icon> {
        let mut bytes = b"GIF89a".to_vec();
        bytes.resize(size, 0);
        Icon::read(bytes)
    }

    #[tokio::test]
    async fn whoever_comes_meanwhile_or_later_gets_the_same() {
        let icons = Icons::default();
        let (go, gone) = tokio::sync::oneshot::channel();
        assert!(icons.known(&attempt(1)).is_none());
        let first = icons.fetch(&attempt(1), async { gone.await.ok().and_then(|()| image(10)) });
        let second = icons.fetch(&attempt(1), async { panic!("it is fetched once") });
        // The one who asked first goes away.
        drop(first);
        go.send(()).unwrap();
        assert_eq!(second.icon().await.as_deref(), image(10).as_ref());
        assert!(icons.known(&attempt(1)).unwrap().icon().await.is_some());
        assert!(icons.fetch(&attempt(2), async { None }).icon().await.is_none());
        assert!(icons.fetch(&attempt(2), async { panic!("a failure is remembered") }).icon().await.is_none());
        assert!(
            icons.fetch(&attempt(3), async { panic!("on purpose") }).icon().await.is_none(),
            "nobody waits forever"
        );
    }

    #[tokio::test]
    async fn neither_images_nor_attempts_grow_without_bound() {
        let icons = Icons::default();
        let fit = BYTES / Icon::AT_MOST;
        for seed in 0..=fit {
            let seed = u64::try_from(seed).unwrap();
            assert!(icons.fetch(&attempt(seed), async { image(Icon::AT_MOST) }).icon().await.is_some());
        }
        assert_eq!(icons.memory().images.len(), fit);
        let oldest = icons.fetch(&attempt(0), async { panic!("an image that gave way is not fetched again") });
        assert!(oldest.icon().await.is_none());
        assert!(icons.known(&attempt(1)).unwrap().icon().await.is_some());
        for seed in 1_000..6_000 {
            icons.fetch(&attempt(seed), async { None }).icon().await;
        }
        let memory = icons.memory();
        assert_eq!((memory.slots.len(), memory.attempts.len(), memory.images.len()), (ATTEMPTS, ATTEMPTS, 0));
    }
}
