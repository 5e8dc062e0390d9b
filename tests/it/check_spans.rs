//! Check history: one row for as long as a store's verdict stays the same.

use std::time::Duration;

use cartkey::demo::pretend_store::Switches;
use cartkey::domain::check::Span;
use cartkey::domain::id::StoreId;
use cartkey::domain::verdict::Verdict;
use cartkey::flow::{connecting::disconnect, watching::watch};

use crate::database::column;
use crate::world::World;

const QUARTER: Duration = Duration::from_mins(15);
const DAY: Duration = Duration::from_hours(24);

async fn connected() -> (World, StoreId) {
    let world = World::new().await;
    world.connect("m").await;
    let id = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    (world, id.parse().unwrap())
}

async fn check(world: &World, id: &StoreId, wait: Duration) {
    world.clock.advance(wait);
    watch::check(&world.app, id, &"test".into()).await.unwrap().unwrap();
}

async fn spans(world: &World, id: &StoreId) -> Vec<Span> {
    watch::spans(&world.app, id, 30).await.unwrap()
}

/// The verdict and count of each span, oldest first.
async fn told(world: &World, id: &StoreId) -> Vec<(Verdict, i64)> {
    spans(world, id).await.into_iter().rev().map(|span| (span.verdict, span.n)).collect()
}

#[tokio::test]
async fn a_store_that_tells_the_same_for_days_costs_one_row() {
    let (world, id) = connected().await;
    let begun = world.clock.now();
    for _ in 0..96 {
        check(&world, &id, QUARTER).await;
    }
    let all = spans(&world, &id).await;
    let whole = Span { began_at: begun, last_at: world.clock.now(), verdict: Verdict::Works, n: 97 };
    assert_eq!(all, [whole], "its connection is the first check");
}

#[tokio::test]
async fn another_verdict_begins_another_span_whatever_becomes_of_the_status() {
    let (world, id) = connected().await;
    check(&world, &id, QUARTER).await;
    let works_until = world.clock.now();
    // Once is not enough for "unreachable", but it was told.
    world.shop.switch(|s| s.server_error = true);
    check(&world, &id, QUARTER).await;
    let failed_at = world.clock.now();
    check(&world, &id, QUARTER).await;
    world.shop.switch(|s| *s = Switches { notices: true, ..Switches::default() });
    check(&world, &id, QUARTER).await;
    let expected = [(Verdict::Works, 2), (Verdict::ServerError, 2), (Verdict::NoisyAnswer, 1)];
    assert_eq!(told(&world, &id).await, expected);
    let all = spans(&world, &id).await;
    assert_eq!((all[2].last_at, all[1].began_at), (works_until, failed_at));
}

#[tokio::test]
async fn a_check_that_came_too_late_says_nothing() {
    let (world, id) = connected().await;
    let before = spans(&world, &id).await;
    disconnect::disconnect(&world.app, &id, &"test".into()).await.unwrap();
    check(&world, &id, QUARTER).await;
    assert_eq!(spans(&world, &id).await, before, "a store that was given up is not asked");
    // One that was on its way while the store got another key tells of the former key.
    let late = cartkey::storage::checks::Checked {
        verdict: Verdict::KeyRejected,
        status: cartkey::domain::store::StoreStatus::Unauthorized,
        reason: Some(Verdict::KeyRejected),
        auth_method: None,
        scope: None,
        moved_to: None,
        failures: 1,
        check_at: world.clock.now(),
        woocommerce_version: None,
        wordpress_version: None,
        rest_base: None,
        json_has_noise: None,
        lending_changed: true,
        now: world.clock.now(),
        events: Vec::new(),
    };
    world.connect("m").await;
    let was = cartkey::flow::dashboard::stores::find(&world.app, &id).await.unwrap().unwrap();
    let kept = cartkey::storage::checks::keep(&world.app.db, &was, 1, &late).await.unwrap();
    assert!(!kept);
    assert_eq!(told(&world, &id).await, [(Verdict::Works, 1), (Verdict::Works, 1)], "a new connection, a new span");
}

#[tokio::test]
async fn two_verdicts_in_one_moment_are_two_spans() {
    let (world, id) = connected().await;
    world.shop.switch(|s| s.server_error = true);
    check(&world, &id, Duration::ZERO).await;
    world.shop.switch(|s| s.server_error = false);
    check(&world, &id, Duration::ZERO).await;
    assert_eq!(told(&world, &id).await, [(Verdict::Works, 1), (Verdict::ServerError, 1), (Verdict::Works, 1)]);
    let all = spans(&world, &id).await;
    assert!(all.iter().all(|span| span.began_at <= span.last_at) && all.is_sorted_by(|a, b| a.began_at > b.began_at));
}

#[tokio::test]
async fn what_flaps_for_ever_costs_a_bounded_number_of_rows() {
    let (world, id) = connected().await;
    for turn in 0..220 {
        world.shop.switch(|s| s.notices = turn % 2 == 0);
        check(&world, &id, QUARTER).await;
    }
    assert_eq!(spans(&world, &id).await.len(), 200);
    assert_eq!(spans(&world, &id).await[0].last_at, world.clock.now(), "the newest are kept");
}

#[tokio::test]
async fn old_spans_are_forgotten_and_a_long_one_is_not_old_while_it_lasts() {
    let (world, id) = connected().await;
    check(&world, &id, 80 * DAY).await;
    world.shop.switch(|s| s.notices = true);
    check(&world, &id, QUARTER).await;
    world.shop.switch(|s| s.notices = false);
    check(&world, &id, 20 * DAY).await;
    let all = watch::spans(&world.app, &id, 90).await.unwrap();
    let numbers: Vec<i64> = all.iter().map(|span| span.n).collect();
    assert_eq!(numbers, [1, 1, 2], "the first began a hundred days ago");
    assert_eq!(told(&world, &id).await.len(), 3, "all three reach into the last thirty days");
    world.shop.switch(|s| s.notices = true);
    check(&world, &id, 89 * DAY).await;
    assert_eq!(
        column(&world.app.db, "SELECT verdict FROM check_spans ORDER BY began_at").await,
        ["works", "noisy_answer"]
    );
    assert_eq!(told(&world, &id).await, [(Verdict::NoisyAnswer, 1)]);
}
