//! Watch: connected stores are checked on a schedule and on demand; the effect of each answer.

mod bounded;
mod claims;
mod clock;
mod demand;
mod many;
mod moves;
mod pages;
pub mod relearn;
mod schedule;
mod storm;
mod verdicts;

use std::time::Duration;

use cartkey::app::App;
use cartkey::demo::pretend_store::{Role, Switches};
use cartkey::domain::id::StoreId;
use cartkey::domain::scope::Scope;
use cartkey::domain::store::Store;
use cartkey::domain::time::Time;
use cartkey::flow::{dashboard::stores, watching::watch};
use cartkey::storage::events;
use serde_json::json;

use crate::database::column;
use crate::world::World;

/// A connected store under watch.
pub struct Watched {
    /// Where it is.
    pub world: World,
    /// The Cartkey that watches it.
    pub app: App,
    /// The store.
    pub id: StoreId,
    told: i64,
}

impl Watched {
    /// The shop, just connected for `m`.
    pub async fn new() -> Self {
        Self::asked_for("read_write").await
    }

    /// The shop, connected with a key of this scope.
    pub async fn asked_for(scope: &str) -> Self {
        let world = World::new().await;
        world.approved("m", json!({"scope": scope})).await;
        world.prove().await;
        let id = column(&world.app.db, "SELECT id FROM stores").await.remove(0).parse().unwrap();
        let mut watched = Self { app: world.app.clone(), world, id, told: 0 };
        watched.happened().await;
        watched
    }

    /// The store's current state.
    pub async fn store(&self) -> Store {
        stores::find(&self.app, &self.id).await.unwrap().expect("the store")
    }

    /// Its status, and the code of its reason, empty if there is none.
    pub async fn stands(&self) -> (&'static str, &'static str) {
        let store = self.store().await;
        (store.status.as_str(), store.reason.map_or("", |reason| reason.code()))
    }

    /// Moves the clock to the store's due time and runs due checks; returns how far the clock moved.
    pub async fn pass(&self) -> Duration {
        let wait = self.store().await.check_at.since(self.world.clock.now());
        self.world.clock.advance(wait);
        assert_eq!(watch::check_due(&self.app).await.unwrap(), 1, "it is due");
        assert!(self.store().await.check_at > self.world.clock.now(), "it is asked again");
        wait
    }

    /// The events since the last call: each one's kind and reason.
    pub async fn happened(&mut self) -> Vec<String> {
        let news = events::after(&self.app.db, self.told, 100).await.unwrap();
        self.told = news.last().map_or(self.told, |event| event.seq);
        let said = |event: &events::Recorded| {
            let reason = event.reason.as_deref().map(|reason| format!(" {reason}"));
            format!("{}{}", event.kind.as_str(), reason.unwrap_or_default())
        };
        news.iter().map(said).collect()
    }

    /// The number and methods of the shop's requests since `since`.
    pub fn asked(&self, since: usize) -> Vec<String> {
        self.world.shop.requests()[since..].iter().map(|seen| seen.method.clone()).collect()
    }

    /// The store's due time.
    pub async fn due(&self) -> Time {
        self.store().await.check_at
    }

    /// Makes the shop healthy again.
    pub fn mend(&mut self) {
        self.world.shop.switch(|s| *s = Switches::default());
        self.world.shop.release();
        self.world.shop.restore(1);
        self.world.shop.permit(1, Scope::ReadWrite);
        self.world.shop.promote("admin", Role::Administrator);
        self.app = self.world.app.clone();
    }
}
