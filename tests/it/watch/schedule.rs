//! The schedule of one store: the cost of a check, the interval, and what lengthens it.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::pretend_network::PretendNetwork;
use cartkey::demo::pretend_store::Switches;
use cartkey::flow::connecting::disconnect;
use cartkey::flow::watching::watch::{self, SOON};
use cartkey::live::outgoing_limits::{Limits, OutgoingLimits};
use serde_json::json;
use tokio::sync::watch as channel;

use super::Watched;
use super::many::{fill, watcher};
use crate::database::{change, column};
use crate::world::World;

const QUARTER: Duration = Duration::from_mins(15);
const HOUR: Duration = Duration::from_hours(1);

/// Whether a pause is this long, give or take a tenth.
#[track_caller]
fn assert_about(pause: Duration, planned: Duration) {
    assert!(pause >= planned * 9 / 10 && pause <= planned * 11 / 10, "{pause:?} is not about {planned:?}");
}

#[tokio::test]
async fn a_store_that_is_well_is_asked_one_question_about_every_quarter_of_an_hour() {
    let mut watched = Watched::new().await;
    assert_eq!(watched.pass().await, Duration::from_mins(10), "first soon after it was connected");
    let mut pauses = BTreeSet::new();
    for _ in 0..20 {
        let asked = watched.world.shop.requests().len();
        let pause = watched.pass().await;
        assert_about(pause, QUARTER);
        pauses.insert(pause);
        assert_eq!(watched.asked(asked), ["GET"]);
    }
    assert!(pauses.len() > 10, "they do not stay together with others: {pauses:?}");
    assert_eq!(watched.happened().await, Vec::<String>::new());
    assert_eq!(watched.store().await.checked_at, watched.world.clock.now());
}

#[tokio::test]
async fn keys_of_each_scope_are_asked_what_they_can_answer() {
    for (scope, questions) in [("read", 1), ("read_write", 1), ("write", 3)] {
        let watched = Watched::asked_for(scope).await;
        let asked = watched.world.shop.requests().len();
        watched.pass().await;
        assert_eq!(watched.stands().await, ("connected", ""), "{scope}");
        let writes = watched.asked(asked).iter().filter(|method| *method == "POST").count();
        assert_eq!((watched.asked(asked).len(), writes), (questions, 0), "{scope}");
    }
}

#[tokio::test]
async fn how_often_is_a_setting() {
    let mut watched = Watched::new().await;
    watched.app.check_every = 6 * HOUR;
    watched.pass().await;
    assert_about(watched.pass().await, 6 * HOUR);
    watched.world.shop.switch(|s| s.server_error = true);
    watched.pass().await;
    assert_about(watched.pass().await, SOON);
    assert_about(watched.pass().await, 6 * HOUR);
    assert_about(watched.pass().await, 6 * HOUR);
}

#[tokio::test]
async fn a_store_that_cannot_be_asked_is_asked_soon_then_later_and_later_up_to_six_hours() {
    let mut watched = Watched::new().await;
    watched.pass().await;
    watched.world.shop.switch(|s| s.server_error = true);
    watched.pass().await;
    assert_about(watched.pass().await, SOON);
    assert_eq!(watched.stands().await.0, "unreachable");
    for minutes in [15, 30, 60, 120, 240, 360, 360, 360] {
        assert_about(watched.pass().await, Duration::from_mins(minutes));
    }
    watched.mend();
    let asked = watched.world.shop.requests().len();
    watched.pass().await;
    assert_eq!(watched.asked(asked), ["GET", "POST"], "after trouble it is looked at whole");
    assert_about(watched.pass().await, QUARTER);
    assert_eq!(watched.happened().await, ["store.unreachable server_error", "store.recovered"]);
}

#[tokio::test]
async fn a_store_that_refuses_its_key_is_asked_soon_then_hourly_then_daily() {
    let mut watched = Watched::new().await;
    watched.world.shop.revoke(1);
    watched.pass().await;
    assert_about(watched.pass().await, SOON);
    for hours in [1, 2, 4, 8, 16, 24, 24] {
        assert_about(watched.pass().await, hours * HOUR);
    }
    watched.mend();
    watched.pass().await;
    assert_about(watched.pass().await, QUARTER);
    assert_eq!(watched.happened().await, ["store.unauthorized key_rejected", "store.recovered"]);
}

#[tokio::test]
async fn a_maintenance_page_and_then_another_trouble_are_not_the_same_twice() {
    let watched = Watched::new().await;
    watched.world.shop.switch(|s| s.maintenance = true);
    watched.pass().await;
    watched.world.shop.switch(|s| *s = Switches { server_error: true, ..Switches::default() });
    let pause = watched.pass().await;
    assert!(pause >= Duration::from_mins(10), "as long as the maintenance page said: {pause:?}");
    assert_eq!(watched.stands().await, ("connected", "server_error"), "the network failed once");
    watched.world.shop.switch(|s| *s = Switches { login_wall: true, ..Switches::default() });
    watched.pass().await;
    assert_eq!(
        watched.stands().await,
        ("unreachable", "login_wall"),
        "but three in a row are meant, whatever they are"
    );
}

#[tokio::test]
async fn a_store_that_refused_its_key_and_then_cannot_be_asked_still_refuses_it() {
    let mut watched = Watched::new().await;
    watched.world.shop.demote("admin");
    watched.pass().await;
    watched.world.shop.switch(|s| s.server_error = true);
    for _ in 0..3 {
        watched.pass().await;
        assert_eq!(watched.stands().await, ("unauthorized", "role_lost"));
    }
    assert_eq!(watched.happened().await, ["store.unauthorized role_lost"]);
    watched.mend();
    watched.pass().await;
    assert_eq!(watched.happened().await, ["store.recovered"]);
    // The other way round, a refusal is news at once.
    watched.world.shop.switch(|s| s.server_error = true);
    watched.pass().await;
    watched.pass().await;
    watched.mend();
    watched.world.shop.revoke(1);
    watched.pass().await;
    assert_eq!(watched.happened().await, ["store.unreachable server_error", "store.unauthorized key_rejected"]);
}

#[tokio::test]
async fn stores_on_one_host_wait_together_when_it_asks_for_patience() {
    let watched = Watched::new().await;
    watched.world.approved("n", json!({})).await;
    watched.world.prove().await;
    watched.world.shop.switch(|s| s.rate_limited = Some(3_600));
    watched.pass().await;
    let asked = watched.world.shop.requests().len();
    for _ in 0..6 {
        watched.world.clock.advance(Duration::from_secs(599));
        watch::check_due(&watched.app).await.unwrap();
        assert_eq!(watched.asked(asked).len(), 0, "neither of the two is asked");
    }
    watched.world.clock.advance(Duration::from_mins(1));
    watch::check_due(&watched.app).await.unwrap();
    assert_eq!(watched.asked(asked).len(), 1);
}

#[tokio::test]
async fn a_store_that_was_disconnected_is_not_asked() {
    let watched = Watched::new().await;
    disconnect::disconnect(&watched.app, &watched.id, &"test".into()).await.unwrap();
    let asked = watched.world.shop.requests().len();
    watched.world.clock.advance(24 * HOUR);
    assert_eq!(watch::check_due(&watched.app).await.unwrap(), 0);
    assert_eq!(watched.asked(asked).len(), 0);
}

#[tokio::test]
async fn what_a_program_without_a_schedule_connected_is_asked_at_once() {
    let watched = Watched::new().await;
    change(&watched.app.db, "UPDATE stores SET check_at = 0, asked = NULL").await;
    assert_eq!(watch::check_due(&watched.app).await.unwrap(), 1);
    assert_eq!(watched.stands().await, ("connected", ""));
    assert_eq!(column(&watched.app.db, "SELECT CAST(n AS TEXT) FROM check_spans").await, ["2"]);
}

#[tokio::test]
async fn no_more_checks_begin_in_a_second_than_the_budget_allows() {
    const STORES: usize = 40;
    let world = World::new().await;
    let network = PretendNetwork::start(true).await.unwrap();
    let app = watcher(&world.app, &network, Limits { per_second: 5, ..Limits::default() });
    fill(&app, &(0..STORES).map(|n| format!("good-{n}.example")).collect::<Vec<_>>()).await;
    let (stop, stopped) = channel::channel(false);
    let worker = tokio::spawn(watch::run(app, stopped));
    let mut begun = 1;
    while begun < STORES {
        while network.figures().asked < begun {
            tokio::task::yield_now().await;
        }
        assert_eq!(network.figures().asked, begun, "the clock stands");
        world.clock.advance(Duration::from_secs(1));
        begun = STORES.min(begun + 5);
    }
    stop.send_replace(true);
    worker.await.unwrap();
    assert_eq!(network.asked().values().max(), Some(&1));
}

#[tokio::test]
async fn the_worker_goes_on_by_itself_until_it_is_told_to_stop() {
    let mut watched = Watched::new().await;
    watched.app.outgoing = OutgoingLimits::new(Limits { look_again: Duration::from_millis(20), ..Limits::default() });
    let (stop, stopped) = channel::channel(false);
    let worker = tokio::spawn(watch::run(watched.app.clone(), stopped));
    for _ in 0..3 {
        watched.world.clock.advance(watched.due().await.since(watched.world.clock.now()));
        while watched.store().await.checked_at < watched.world.clock.now() {
            tokio::task::yield_now().await;
        }
    }
    stop.send_replace(true);
    worker.await.unwrap();
    assert_eq!(watched.stands().await, ("connected", ""));
}
