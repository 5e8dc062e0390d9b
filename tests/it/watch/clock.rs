//! A clock that was ahead and is corrected delays nothing.

use std::time::Duration;

use cartkey::flow::watching::watch;
use cartkey::storage::Pools;
use serde_json::json;

use sqlx::AssertSqlSafe;

use super::Watched;
use crate::world::World;

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn stores_that_a_wrong_clock_has_put_off_are_asked_when_it_is_set_right() {
    for ahead in [DAY, 3_650 * DAY] {
        let mut watched = Watched::new().await;
        watched.world.clock.set_ahead(ahead);
        assert_eq!(watch::check_due(&watched.app).await.unwrap(), 1);
        watched.world.clock.set_back(ahead);
        // The next check of one host begins half a second later, whatever the clock shows.
        watched.world.clock.advance(Duration::from_secs(1));
        watched.world.shop.revoke(1);
        assert_eq!(watch::check_due(&watched.app).await.unwrap(), 1, "{ahead:?}");
        assert_eq!(watched.stands().await, ("unauthorized", "key_rejected"), "{ahead:?}");
        assert!(watched.due().await <= watched.world.clock.now().plus(Duration::from_mins(2)), "{ahead:?}");
        assert_eq!(watch::check_due(&watched.app).await.unwrap(), 0, "and go on from there");
        watched.mend();
        watched.pass().await;
        assert_eq!(watched.happened().await.last().unwrap(), "store.recovered");
    }
}

#[tokio::test]
async fn a_host_that_asked_for_patience_is_left_alone_for_so_long_whatever_the_clock_shows() {
    let watched = Watched::new().await;
    let service = watched.world.service("stores:write").await;
    let path = format!("/stores/{}/check", watched.id);
    watched.world.clock.set_ahead(DAY);
    watched.world.shop.switch(|s| s.rate_limited = Some(3_600));
    assert_eq!(service.post(&path, &json!({})).await.ok()["reason"], "rate_limited");
    watched.world.shop.switch(|s| s.rate_limited = None);
    watched.world.clock.set_back(DAY);
    watched.world.shop.revoke(1);
    watched.world.clock.advance(Duration::from_secs(3_500));
    let asked = watched.world.shop.requests().len();
    let told = service.post(&path, &json!({})).await;
    assert_eq!((told.problem(), told.headers["retry-after"].to_str().unwrap()), ((429, "rate_limited"), "100"));
    assert_eq!(watched.asked(asked).len(), 0, "it is not asked yet");
    watched.world.clock.advance(Duration::from_secs(100));
    assert_eq!(service.post(&path, &json!({})).await.ok()["reason"], "key_rejected");
}

#[tokio::test]
async fn a_replica_whose_clock_is_a_little_ahead_is_no_wrong_clock() {
    let watched = Watched::new().await;
    watched.pass().await;
    let due = watched.due().await;
    watched.world.clock.set_back(Duration::from_secs(59));
    assert_eq!(watch::check_due(&watched.app).await.unwrap(), 0);
    assert_eq!(watched.due().await, due);
}

/// The statement that looks for them, as it stands in the source.
fn statement() -> String {
    let source = include_str!("../../../src/storage/schedule.rs");
    let (_, rest) = source.split_once("pub async fn bring_back").unwrap();
    rest.split('"').nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn looking_for_them_reads_indexes_and_not_the_table() {
    let world = World::new().await;
    let Pools::Sqlite { read, .. } = world.app.db.pools() else { return };
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", statement()));
    let plan: Vec<(i64, i64, i64, String)> =
        sqlx::query_as(explain).bind(1_i64).bind(1_i64).fetch_all(read).await.unwrap();
    let steps: Vec<&str> = plan.iter().map(|(.., step)| step.as_str()).filter(|step| step.contains("stores")).collect();
    assert!(steps.len() == 2 && steps.iter().all(|step| step.starts_with("SEARCH stores USING")), "{steps:?}");
}
