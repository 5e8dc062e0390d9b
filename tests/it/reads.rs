//! Key reads are counted by day and by token, each exactly once.

use std::collections::HashMap;
use std::time::Duration;

use cartkey::app::App;
use cartkey::domain::activity::Keep;
use cartkey::domain::actor::Actor;
use cartkey::domain::entropy::Entropy;
use cartkey::domain::id::{RequestId, TokenId};
use cartkey::domain::time::Time;
use cartkey::flow::lending::key_reads::{self, Day, OfToken};
use cartkey::flow::retention;

use crate::database::{change, column};
use crate::service::Service;
use crate::world::World;

const MINUTE: Duration = Duration::from_mins(1);

/// A read requested at the first time and recorded at the second.
type Made<'a> = (&'a str, Time, Time);

async fn record(world: &World, reads: &[Made<'_>]) {
    for some in reads.chunks(1_000) {
        let rows: Vec<String> = some
            .iter()
            .map(|(token, asked, recorded)| {
                let id = RequestId::mint(*asked, &Entropy::System);
                format!("('{id}', {}, '{token}', 'st_1', 1, '192.0.2.1')", recorded.millis())
            })
            .collect();
        let sql = format!(
            "INSERT INTO key_reads (id, at, token_id, store_id, key_version, read_from) VALUES {}",
            rows.join(", ")
        );
        change(&world.app.db, &sql).await;
    }
}

async fn last_days(app: &App, days: u16) -> Vec<i64> {
    key_reads::per_day(app, days).await.unwrap().into_iter().map(|day| day.reads).collect()
}

/// The number of reads in the daily counts.
async fn kept(world: &World) -> String {
    column(&world.app.db, "SELECT CAST(SUM(n) AS TEXT) FROM read_days").await.remove(0)
}

#[tokio::test]
async fn with_no_reads_there_is_a_zero_for_each_day() {
    let world = World::new().await;
    let today = world.clock.now().day();
    let zero = |day| Day { day, reads: 0 };
    assert_eq!(key_reads::per_day(&world.app, 3).await.unwrap(), [zero(today - 2), zero(today - 1), zero(today)]);
    assert_eq!(key_reads::of_tokens(&world.app, world.clock.now()).await.unwrap(), HashMap::new());
    assert!(key_reads::count(&world.app).await.unwrap());
    assert_eq!(last_days(&world.app, 30).await, [0; 30]);
}

#[tokio::test]
async fn a_read_counts_at_once_and_only_once_however_often_reads_are_counted() {
    let world = World::new().await;
    world.connect("m").await;
    let (one, other) = (world.service("keys:read").await, world.service("keys:read").await);
    one.get("/users/m/keys").await.ok();
    one.get("/users/m/keys").await.ok();
    other.get("/users/m/keys").await.ok();
    let read_at = world.clock.now();
    for _ in 0..5 {
        assert_eq!(last_days(&world.app, 2).await, [0, 3]);
        let of = key_reads::of_tokens(&world.app, world.clock.now()).await.unwrap();
        let token = |service: &Service| of[&service.token_id.parse::<TokenId>().unwrap()];
        assert_eq!(token(&one), OfToken { reads: 2, last_at: Some(read_at) });
        assert_eq!(token(&other), OfToken { reads: 1, last_at: Some(read_at) });
        assert_eq!(of.len(), 2, "a token that never read a key is left out");
        assert!(key_reads::count(&world.app).await.unwrap());
        world.clock.advance(MINUTE);
    }
    assert_eq!(kept(&world).await, "3");
}

#[tokio::test]
async fn a_read_belongs_to_the_utc_day_on_which_it_was_recorded() {
    let world = World::new().await;
    let midnight = Time::of_day(world.clock.now().day() + 1);
    let just = Duration::from_millis(1);
    let reads = [
        ("tk_a", midnight.minus(just), midnight.minus(just)),
        ("tk_a", midnight.minus(just), midnight),
        ("tk_b", midnight, midnight),
    ];
    record(&world, &reads).await;
    world.clock.advance(midnight.since(world.clock.now()));
    assert_eq!(last_days(&world.app, 3).await, [0, 1, 2]);
    world.clock.advance(MINUTE * 3);
    assert!(key_reads::count(&world.app).await.unwrap());
    assert_eq!(kept(&world).await, "3");
    assert_eq!(last_days(&world.app, 3).await, [0, 1, 2]);
    assert_eq!(last_days(&world.app, 1).await, [2], "a day that nobody asked for is left out");
    let of = key_reads::of_tokens(&world.app, world.clock.now()).await.unwrap();
    let sum: HashMap<&str, i64> = of.iter().map(|(token, of)| (token.as_str(), of.reads)).collect();
    assert_eq!(sum, HashMap::from([("tk_a", 1), ("tk_b", 1)]), "from the day of `since` on");
    world.clock.advance(Duration::from_hours(24));
    assert_eq!(last_days(&world.app, 3).await, [1, 2, 0]);
}

#[tokio::test]
async fn a_read_that_commits_late_is_counted_too() {
    let world = World::new().await;
    let asked = world.clock.now();
    world.clock.advance(MINUTE);
    assert!(key_reads::count(&world.app).await.unwrap());
    record(&world, &[("tk_a", asked, world.clock.now())]).await;
    assert_eq!(last_days(&world.app, 1).await, [1]);
    world.clock.advance(MINUTE * 2);
    assert!(key_reads::count(&world.app).await.unwrap());
    assert_eq!((last_days(&world.app, 1).await, kept(&world).await), (vec![1], "1".to_owned()));
}

#[tokio::test]
async fn replicas_that_count_at_the_same_time_count_each_read_once() {
    let world = World::new().await;
    let replica = world.replica().await;
    let from = world.clock.now();
    let many: Vec<Made<'_>> = (0_u64..45_000)
        .map(|n| ("tk_a", from.plus(Duration::from_millis(n)), from.plus(Duration::from_millis(n))))
        .collect();
    record(&world, &many).await;
    world.clock.advance(MINUTE * 5);
    let (one, other, third) =
        tokio::join!(key_reads::count(&world.app), key_reads::count(&replica), key_reads::per_day(&world.app, 2));
    assert!(one.unwrap() && other.unwrap());
    let sum = |days: Vec<Day>| days.into_iter().map(|day| day.reads).sum::<i64>();
    assert_eq!(sum(third.unwrap()), 45_000, "also for whoever asks meanwhile");
    assert_eq!(sum(key_reads::per_day(&replica, 2).await.unwrap()), 45_000);
    assert_eq!(kept(&world).await, "45000");
}

#[tokio::test]
async fn a_read_that_is_too_old_to_keep_is_counted_before_it_is_deleted() {
    let world = World::new().await;
    retention::keep(&world.app, Keep::Days(30), &Actor::cli()).await.unwrap();
    let asked = world.clock.now();
    record(&world, &[("tk_a", asked, asked), ("tk_b", asked, asked)]).await;
    world.clock.advance(Duration::from_hours(31 * 24));
    // Nobody had the time to count: the process was down for a month, say.
    assert!(retention::sweep(&world.app).await.unwrap());
    let left = async || column(&world.app.db, "SELECT id FROM key_reads").await.len();
    assert_eq!(left().await, 2);
    assert!(key_reads::count(&world.app).await.unwrap());
    assert!(retention::sweep(&world.app).await.unwrap());
    assert_eq!((left().await, kept(&world).await), (0, "2".to_owned()));
}
