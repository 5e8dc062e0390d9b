//! Key reads: on record at once, moved from the journal to segments later, and counted by day and by token, each exactly once.
//! Whoever looks sees the same wherever a read stands.

use std::collections::HashMap;
use std::time::Duration;

use cartkey::app::App;
use cartkey::domain::activity::{Keep, Position};
use cartkey::domain::actor::Actor;
use cartkey::domain::entropy::Entropy;
use cartkey::domain::id::{RequestId, StoreId, TokenId};
use cartkey::domain::time::Time;
use cartkey::flow::dashboard::activity::{self, Entry, Filter};
use cartkey::flow::lending::key_reads::{self, Day, OfToken};
use cartkey::flow::retention;
use cartkey::storage::reads::{self, KeyRead};

use crate::database::column;
use crate::disk::Refusal;
use crate::on_record;
use crate::service::Service;
use crate::world::World;

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// The token, or the store, with this number.
fn token(n: u128) -> TokenId {
    TokenId::of_ulid((1_700_000_000_000 << 80) | n)
}

fn store(n: u128) -> StoreId {
    StoreId::of_ulid((1_700_000_000_000 << 80) | n)
}

/// A read requested at the first time and recorded at the second.
fn made(by: u128, asked: Time, recorded: Time) -> KeyRead {
    on_record::read(&RequestId::mint(asked, &Entropy::System), recorded, &token(by), &store(1))
}

/// Reads of 40 stores by 3 tokens, one every `every`; the third token is a rare guest.
fn many(from: Time, n: u64, every: Duration) -> Vec<KeyRead> {
    let nth = |n: u64| {
        let at = from.plus(every * u32::try_from(n).unwrap());
        let by = if n.is_multiple_of(997) { 3 } else { 1 + u128::from(n % 2) };
        on_record::read(&RequestId::mint(at, &Entropy::System), at, &token(by), &store(u128::from(n * 7 % 40)))
    };
    (0..n).map(nth).collect()
}

async fn last_days(app: &App, days: u16) -> Vec<i64> {
    key_reads::per_day(app, days).await.unwrap().into_iter().map(|day| day.reads).collect()
}

/// The number of reads in the daily counts.
async fn kept(world: &World) -> String {
    column(&world.app.db, "SELECT CAST(SUM(n) AS TEXT) FROM read_days").await.remove(0)
}

async fn rows(world: &World, of: &str) -> usize {
    column(&world.app.db, &format!("SELECT CAST(COUNT(*) AS TEXT) FROM {of}")).await[0].parse().unwrap()
}

/// Everything that people are shown of key reads.
async fn shown(world: &World, began: Time) -> Vec<String> {
    let mut shown = on_record::lines(&world.app.db).await;
    shown.push(format!("{:?}", key_reads::per_day(&world.app, 40).await.unwrap()));
    let mut of: Vec<String> = Vec::new();
    for (token, of_token) in key_reads::of_tokens(&world.app, world.clock.now().minus(DAY * 3)).await.unwrap() {
        of.push(format!("{token} {of_token:?}"));
    }
    of.sort();
    shown.append(&mut of);
    for n in [0, 1, 39, 77] {
        let readers = reads::readers(&world.app.db, &store(n), world.clock.now().minus(DAY * 4), 30).await.unwrap();
        shown.push(format!("{readers:?}"));
    }
    let from = began.plus(MINUTE * 2);
    let filters = [
        Filter::default(),
        Filter { who: Some(token(3).to_string()), ..Filter::default() },
        Filter { store_id: Some(store(5)), ..Filter::default() },
        Filter { store_id: Some(store(5)), who: Some(token(2).to_string()), ..Filter::default() },
        Filter { from: Some(from), to: Some(from.plus(MINUTE * 30)), ..Filter::default() },
    ];
    for filter in filters {
        let (mut position, mut listed) = (Position::newest(), Vec::new());
        loop {
            let page = activity::list(&world.app, &filter, &position, 301).await.unwrap();
            listed.extend(page.rows.iter().filter_map(|entry| match entry {
                Entry::Read(read) => Some(read.id.to_string()),
                Entry::Event(_) => None,
            }));
            let Some(next) = page.next.filter(|_| listed.len() < 900) else { break };
            position = next.parse().unwrap();
        }
        assert!(!listed.is_empty(), "{filter:?}");
        assert!(listed.windows(2).all(|two| two[0] > two[1]), "the newest first, each once: {filter:?}");
        shown.push(listed.join(" "));
    }
    shown
}

#[tokio::test]
async fn with_no_reads_there_is_a_zero_for_each_day() {
    let world = World::new().await;
    let today = world.clock.now().day();
    let zero = |day| Day { day, reads: 0, calls: 0 };
    assert_eq!(key_reads::per_day(&world.app, 3).await.unwrap(), [zero(today - 2), zero(today - 1), zero(today)]);
    assert_eq!(key_reads::of_tokens(&world.app, world.clock.now()).await.unwrap(), HashMap::new());
    on_record::index(&world.app).await;
    assert_eq!(last_days(&world.app, 30).await, [0; 30]);
}

#[tokio::test]
async fn a_read_counts_at_once_and_only_once_however_often_reads_are_moved() {
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
        assert_eq!(token(&one), OfToken { reads: 2, calls: 0, last_at: Some(read_at) });
        assert_eq!(token(&other), OfToken { reads: 1, calls: 0, last_at: Some(read_at) });
        assert_eq!(of.len(), 2, "a token that never read a key is left out");
        on_record::index(&world.app).await;
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
        made(1, midnight.minus(just), midnight.minus(just)),
        made(1, midnight.minus(just), midnight),
        made(2, midnight, midnight),
    ];
    on_record::put(&world.app, &reads).await;
    world.clock.advance(midnight.since(world.clock.now()));
    for _ in 0..2 {
        assert_eq!(last_days(&world.app, 3).await, [0, 1, 2]);
        assert_eq!(last_days(&world.app, 1).await, [2], "a day that nobody asked for is left out");
        let of = key_reads::of_tokens(&world.app, world.clock.now()).await.unwrap();
        let sum: HashMap<&TokenId, i64> = of.iter().map(|(token, of)| (token, of.reads)).collect();
        assert_eq!(sum, HashMap::from([(&token(1), 1), (&token(2), 1)]), "from the day of `since` on");
        on_record::index(&world.app).await;
    }
    assert_eq!(kept(&world).await, "3");
    world.clock.advance(DAY);
    assert_eq!(last_days(&world.app, 3).await, [1, 2, 0]);
}

#[tokio::test]
async fn what_people_see_of_reads_is_the_same_before_while_and_after_they_move() {
    let world = World::new().await;
    let began = world.clock.now();
    on_record::put(&world.app, &many(began, 6_000, Duration::from_secs(20))).await;
    world.clock.advance(DAY * 2);
    let before = shown(&world, began).await;
    assert_eq!(before.iter().filter(|line| line.starts_with("rq_") && line.split(' ').count() == 5).count(), 6_000);
    on_record::index(&world.app).await;
    assert_eq!((rows(&world, "read_journal").await, rows(&world, "read_segments").await), (0, 2), "one for each day");
    assert!(rows(&world, "read_chunks").await > 20);
    assert_eq!(shown(&world, began).await, before);

    // Half of them stand in the journal again, and were asked for at the same time as others.
    let later = many(began.plus(Duration::from_secs(7)), 3_000, Duration::from_secs(40));
    on_record::put(&world.app, &later).await;
    let mixed = shown(&world, began).await;
    on_record::index(&world.app).await;
    assert_eq!(shown(&world, began).await, mixed, "segments of a day overlap");

    // Days that are over are merged.
    world.clock.advance(DAY * 2);
    let apart = shown(&world, began).await;
    on_record::index(&world.app).await;
    assert_eq!((shown(&world, began).await, rows(&world, "read_segments").await), (apart, 2));
    assert_eq!(kept(&world).await, "9000");
}

#[tokio::test]
async fn few_reads_stay_in_the_journal_until_they_are_a_day_old() {
    let world = World::new().await;
    on_record::put(&world.app, &many(world.clock.now(), 500, Duration::from_millis(1))).await;
    assert_eq!(key_reads::index(&world.app, 1_000).await.unwrap(), 0);
    assert_eq!(key_reads::index(&world.app, 3).await.unwrap(), 500, "of three commits");
    let all: Vec<KeyRead> = many(world.clock.now(), 131_072, Duration::from_millis(1));
    let mut recorder = reads::Recorder::new(world.app.db.clone());
    let revision = recorder.record(&[], 0).await.unwrap();
    for some in all.chunks(8_192) {
        recorder.record(some, revision).await.unwrap();
    }
    recorder.let_go();
    assert_eq!(key_reads::index(&world.app, 1_000).await.unwrap(), 131_072, "of few commits with many reads");
    on_record::put(&world.app, &many(world.clock.now(), 1, MINUTE)).await;
    assert_eq!(key_reads::index(&world.app, 1_000).await.unwrap(), 0);
    world.clock.advance(DAY + MINUTE);
    assert_eq!(key_reads::index(&world.app, 1_000).await.unwrap(), 1);
}

#[tokio::test]
async fn replicas_that_move_reads_at_the_same_time_move_each_once() {
    let world = World::new().await;
    let replica = world.replica().await;
    on_record::put(&world.app, &many(world.clock.now(), 45_000, Duration::from_millis(1))).await;
    world.clock.advance(MINUTE * 5);
    let (one, other, meanwhile) =
        tokio::join!(key_reads::index(&world.app, 1), key_reads::index(&replica, 1), key_reads::per_day(&world.app, 2));
    assert_eq!(one.unwrap() + other.unwrap(), 45_000);
    let sum = |days: Vec<Day>| days.into_iter().map(|day| day.reads).sum::<i64>();
    assert_eq!(sum(meanwhile.unwrap()), 45_000, "also for whoever asks meanwhile");
    assert_eq!(sum(key_reads::per_day(&replica, 2).await.unwrap()), 45_000);
    assert_eq!((kept(&world).await.as_str(), on_record::all(&world.app.db).await.len()), ("45000", 45_000));
    assert_eq!(rows(&world, "read_segments").await, 1, "what the other had written is gone");
}

#[tokio::test]
async fn what_a_process_left_that_died_while_it_moved_reads_is_not_seen_and_goes() {
    let world = World::new().await;
    let began = world.clock.now();
    on_record::put(&world.app, &many(began, 2_000, Duration::from_secs(1))).await;
    world.clock.advance(DAY);
    let before = shown(&world, began).await;
    // The last transaction fails: what was written for it is deleted at once.
    let refusal = Refusal::of_commits(&world.app.db, "read_days").await;
    key_reads::index(&world.app, 1).await.unwrap_err();
    assert_eq!((rows(&world, "read_segments").await, rows(&world, "read_chunks").await), (0, 0));
    assert_eq!(shown(&world, began).await, before);
    // A process dies before that.
    while rows(&world, "read_chunks").await == 0 {
        let is_written = async {
            while rows(&world, "read_chunks").await == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            moved = key_reads::index(&world.app, 1) => drop(moved.unwrap_err()),
            () = is_written => {}
        }
    }
    refusal.ends(&world.app.db).await;
    let left = rows(&world, "read_segments").await;
    assert!(left > 0, "what was written is there");
    assert_eq!(shown(&world, began).await, before);
    reads::tidy(&world.app.db, world.clock.now()).await.unwrap();
    assert_eq!(rows(&world, "read_segments").await, left, "its process may still be at it");
    assert_eq!(key_reads::index(&world.app, 1).await.unwrap(), 2_000);
    let segments = rows(&world, "read_segments WHERE is_complete").await;
    assert_eq!(shown(&world, began).await, before);
    world.clock.advance(MINUTE * 11);
    let before = shown(&world, began).await;
    assert!(retention::sweep(&world.app).await.unwrap(), "also while reads are kept for ever");
    assert_eq!((rows(&world, "read_segments").await, shown(&world, began).await), (segments, before));
}

#[tokio::test]
async fn a_read_that_is_too_old_to_keep_is_counted_before_it_is_deleted() {
    let world = World::new().await;
    retention::keep(&world.app, Keep::Days(30), &Actor::cli()).await.unwrap();
    let asked = world.clock.now();
    on_record::put(&world.app, &[made(1, asked, asked), made(2, asked, asked)]).await;
    world.clock.advance(DAY * 31);
    // Nobody had the time to move them: the process was down for a month, say.
    assert!(retention::sweep(&world.app).await.unwrap());
    assert_eq!(on_record::all(&world.app.db).await.len(), 2);
    assert_eq!(key_reads::index(&world.app, 1_000).await.unwrap(), 2);
    assert!(retention::sweep(&world.app).await.unwrap());
    assert_eq!((on_record::all(&world.app.db).await.len(), kept(&world).await), (0, "2".to_owned()));
    assert_eq!((rows(&world, "read_segments").await, rows(&world, "read_chunks").await), (0, 0));
}
