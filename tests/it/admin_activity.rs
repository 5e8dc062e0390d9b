//! The activity page: events and key reads, filtered, paged and exported, with the retention setting.

use std::time::Duration;

use cartkey::domain::activity::{Keep, Position};
use cartkey::domain::actor::Actor;
use cartkey::domain::entropy::Entropy;
use cartkey::domain::event::Group;
use cartkey::domain::event::Kind;
use cartkey::domain::id::{RequestId, StoreId};
use cartkey::domain::time::Time;
use cartkey::flow::dashboard::activity::{self, Entry, Filter};
use cartkey::flow::retention;
use cartkey::storage::events;
use serde_json::Value;

use crate::database::{change, column};
use crate::merchant::{Page, html};
use crate::on_record;
use crate::world::World;

const DAY: Duration = Duration::from_hours(24);
/// A token that is not there any more.
const SOMEBODY: &str = "tk_01jd0000000000000000000000";
const MINUTE: Duration = Duration::from_mins(1);

/// The texts of the list's rows, without the header.
fn rows(page: &Page) -> Vec<String> {
    html::elements(&page.body, "tr").iter().skip(1).map(html::Element::text).collect()
}

/// Each row's event and actor.
fn told(page: &Page) -> Vec<String> {
    let heads = html::elements(&page.body, "th");
    heads.iter().filter(|head| head.attribute("scope") == Some("row")).map(html::Element::text).collect()
}

/// Records a read made at `at`.
async fn read(world: &World, at: Time, token: &str, store: &str) -> RequestId {
    let id = RequestId::mint(at, &Entropy::System);
    let read = on_record::read(&id, at, &token.parse().unwrap(), &store.parse().unwrap());
    on_record::put(&world.app, &[read]).await;
    id
}

/// Records an event.
async fn happened(world: &World, kind: Kind, at: Time, who: &str) {
    let request = RequestId::mint(at, &Entropy::System);
    let actor = Actor::new(who).asking([192, 0, 2, 7].into(), Some(request));
    events::insert(&world.app.db, &on_record::event(kind, at, &actor)).await.unwrap();
}

/// Inserts a store directly into the database; returns its id.
async fn store(world: &World, user: &str, n: u64) -> StoreId {
    let id = StoreId::mint(Time::from_millis(1_700_000_000_000 + i64::try_from(n).unwrap()), &Entropy::System);
    let sql = format!(
        "INSERT INTO stores (id, user_id, home, name, status, scope, woo_key_id, key_last7, key_version, auth_method,
                             connected_at, checked_at, changed_at)
         VALUES ('{id}', '{user}', 'https://s{n}.example', 'Shop', 'connected', 'read', 1, 'abcdefg', 1, 'basic', 0, 0, 0)"
    );
    change(&world.app.db, &sql).await;
    id
}

/// All entries over pages of this many rows, as `kind` or the read's id.
async fn all(world: &World, filter: &Filter, limit: i64) -> Vec<String> {
    let (mut seen, mut position) = (Vec::new(), Position::newest());
    loop {
        let page = activity::list(&world.app, filter, &position, limit).await.unwrap();
        assert!(page.rows.len() <= usize::try_from(limit).unwrap());
        seen.extend(page.rows.iter().map(|entry| match entry {
            Entry::Event(event) => format!("{} {}", event.seq, event.kind.as_str()),
            Entry::Read(read) => read.id.to_string(),
        }));
        match page.next {
            Some(next) => position = next.parse().unwrap(),
            None => return seen,
        }
    }
}

#[tokio::test]
async fn a_connection_and_a_read_are_told_in_words_with_who_what_which_where_and_when() {
    let world = World::new().await;
    world.connect("m-1").await;
    let service = world.service("keys:read").await;
    world.clock.advance(MINUTE);
    let answer = service.get("/users/m-1/keys").await;
    let request = answer.headers["x-request-id"].to_str().unwrap().to_owned();
    let mut ann = world.operator().await;
    let page = ann.get("/admin/activity").await;
    assert_eq!(told(&page)[..2], ["Signed in", "Operator added"]);
    assert!(told(&page).iter().any(|what| what == "Key read version 1"), "{:?}", told(&page));
    for what in
        ["Link created", "Connection started", "Key received from the store", "Store connected", "Token created"]
    {
        assert!(told(&page).contains(&what.to_owned()), "{what} in {:?}", told(&page));
    }
    let said = rows(&page);
    let row = said.iter().find(|row| row.contains("Key read")).unwrap();
    let tail = &request[request.len() - 6..];
    for says in ["a service", "shop.example", "m-1", "127.0.0.1", tail, "2026-09-21 14:14:2"] {
        assert!(row.contains(says), "{says} in {row}");
    }
    let store = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    assert_eq!(page.link("shop.example"), Some(format!("/admin/stores/{store}")));
    let attempt = column(&world.app.db, "SELECT id FROM attempts").await.remove(0);
    let shown = format!("…{}", &attempt[attempt.len() - 6..]);
    assert_eq!(page.link(&shown), Some(format!("/admin/attempts/{attempt}")));
    let times = html::elements(&page.body, "time");
    assert!(times.iter().all(|time| time.attribute("datetime").is_some_and(|at| at.ends_with('Z'))));
}

#[tokio::test]
async fn with_nothing_but_the_operators_own_coming_the_page_says_so() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let page = ann.get("/admin/activity?kind=stores").await;
    assert!(page.text().contains("No matching activity"), "{}", page.text());
    assert_eq!(rows(&ann.get("/admin/activity").await).len(), 2);
}

#[tokio::test]
async fn each_filter_lets_through_what_it_says_and_nothing_else() {
    let world = World::new().await;
    world.connect("m-1").await;
    world.connect("m-2").await;
    let service = world.service("keys:read").await;
    for user in ["m-1", "m-2", "m-1"] {
        service.get(&format!("/users/{user}/keys")).await.ok();
    }
    let mut ann = world.operator().await;
    let counts = async |ann: &mut crate::operator::Operator, query: &str| {
        let page = ann.get(&format!("/admin/activity?{query}")).await;
        assert_eq!(page.status, 200, "{query}");
        told(&page)
    };
    let store = column(&world.app.db, "SELECT id FROM stores WHERE user_id = 'm-1'").await.remove(0);
    let op = column(&world.app.db, "SELECT id FROM operators").await.remove(0);
    let reads = on_record::lines(&world.app.db).await;
    let request = reads.iter().find(|line| line.contains(&store)).and_then(|line| line.split(' ').next()).unwrap();
    let only = |what: &str, n: usize| vec![what.to_owned(); n];
    assert_eq!(counts(&mut ann, "kind=keys").await, only("Key read version 1", 3));
    assert_eq!(counts(&mut ann, "kind=stores").await, only("Store connected", 2));
    assert_eq!(counts(&mut ann, "kind=operators").await, ["Signed in", "Operator added"]);
    assert_eq!(counts(&mut ann, &format!("who={op}")).await, ["Signed in"]);
    assert_eq!(counts(&mut ann, &format!("who={}", service.token_id)).await, only("Key read version 1", 3));
    assert_eq!(counts(&mut ann, &format!("store={store}")).await.len(), 3, "connected, and read twice");
    assert_eq!(counts(&mut ann, &format!("request={request}")).await, ["Key read version 1"]);
    assert_eq!(counts(&mut ann, &format!("request={request}&user_id=m-2")).await, Vec::<String>::new());
    assert_eq!(counts(&mut ann, "kind=keys&user_id=m-1").await, only("Key read version 1", 2));
    assert_eq!(counts(&mut ann, &format!("kind=keys&user_id=m-2&store={store}")).await.len(), 0);
    assert_eq!(counts(&mut ann, &format!("kind=keys&who={op}")).await.len(), 0);
    assert_eq!(counts(&mut ann, &format!("kind=keys&store={store}&who={}", service.token_id)).await.len(), 2);
    let of_user = counts(&mut ann, "user_id=m-2").await;
    assert!(of_user.contains(&"Link created".to_owned()) && of_user.contains(&"Key read version 1".to_owned()));
    assert!(of_user.len() < counts(&mut ann, "").await.len());
    assert_eq!(counts(&mut ann, "who=cli").await, ["Operator added"]);
    assert_eq!(counts(&mut ann, "kind=connections&who=store").await.len(), 2, "two keys were received");
    assert_eq!(counts(&mut ann, "from=2026-09-21&to=2026-09-21").await, counts(&mut ann, "").await);
    assert_eq!(counts(&mut ann, "from=2026-09-22").await.len(), 0);
    assert_eq!(counts(&mut ann, "to=2026-09-20").await.len(), 0);
    for (query, says) in [
        ("store=x", "begins with st_"),
        ("user_id=a%20b", "without spaces"),
        ("request=x", "begins with rq_"),
        ("from=yesterday", "as in 2026-11-22"),
        ("to=2026-02-30", "as in 2026-11-22"),
    ] {
        let page = ann.get(&format!("/admin/activity?{query}")).await;
        assert_eq!(page.status, 422, "{query}");
        assert!(page.text().contains(says) && rows(&page).is_empty(), "{query}: {}", page.text());
    }
}

#[tokio::test]
async fn two_records_are_merged_by_time_and_paged_with_none_missing_and_none_twice() {
    let world = World::new().await;
    let store = store(&world, "m", 1).await;
    let begin = world.clock.now();
    let mut expected = Vec::new();
    for n in 0..60_u64 {
        let at = begin.plus(Duration::from_secs(n));
        if n % 3 == 0 {
            happened(&world, Kind::AttemptBegun, at, "merchant").await;
            expected.push(format!("{} attempt.begun", n / 3 + 1));
        } else {
            expected.push(read(&world, at, SOMEBODY, store.as_str()).await.to_string());
        }
    }
    expected.reverse();
    for limit in [1, 7, 20, 59, 60, 61] {
        assert_eq!(all(&world, &Filter::default(), limit).await, expected, "{limit}");
    }
    let of_store = Filter { store_id: Some(store), ..Filter::default() };
    assert_eq!(all(&world, &of_store, 7).await.len(), 40);
    let events = Filter { group: Some(Group::Connections), ..Filter::default() };
    assert_eq!(all(&world, &events, 7).await.len(), 20);
}

#[tokio::test]
async fn what_happens_while_somebody_pages_does_not_shift_the_pages() {
    let world = World::new().await;
    for n in 0..10 {
        happened(&world, Kind::AttemptBegun, world.clock.now().plus(Duration::from_secs(n)), "merchant").await;
    }
    let first = activity::list(&world.app, &Filter::default(), &Position::newest(), 4).await.unwrap();
    happened(&world, Kind::AttemptDenied, world.clock.now().plus(MINUTE), "merchant").await;
    let position = first.next.unwrap().parse().unwrap();
    let second = activity::list(&world.app, &Filter::default(), &position, 4).await.unwrap();
    let seqs: Vec<i64> = second.rows.iter().map(|e| if let Entry::Event(e) = e { e.seq } else { 0 }).collect();
    assert_eq!(seqs, [6, 5, 4, 3]);
}

#[tokio::test]
async fn a_group_with_several_kinds_is_in_the_order_of_events() {
    let world = World::new().await;
    let kinds = [Kind::TokenIssued, Kind::StoreConnected, Kind::TokenRevoked, Kind::TokenRotated, Kind::TokenIssued];
    for (n, kind) in (0..40_u64).zip(kinds.iter().cycle()) {
        happened(&world, *kind, world.clock.now().plus(Duration::from_secs(n)), "cli").await;
    }
    let tokens = Filter { group: Some(Group::Tokens), who: Some("cli".to_owned()), ..Filter::default() };
    let seen = all(&world, &tokens, 5).await;
    assert_eq!(seen.len(), 32);
    let seqs: Vec<i64> = seen.iter().map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
    assert!(seqs.is_sorted_by(|a, b| a > b), "{seqs:?}");
}

#[tokio::test]
async fn days_bound_both_records_to_the_millisecond() {
    let world = World::new().await;
    let store = store(&world, "m", 1).await;
    let midnight = Time::of_day(world.clock.now().day());
    let just = Duration::from_millis(1);
    for at in [midnight.minus(just), midnight, midnight.plus(DAY).minus(just), midnight.plus(DAY)] {
        happened(&world, Kind::AttemptBegun, at, "merchant").await;
        read(&world, at, SOMEBODY, store.as_str()).await;
    }
    let filter = Filter { from: Some(midnight), to: Some(midnight.plus(DAY)), ..Filter::default() };
    let page = activity::list(&world.app, &filter, &Position::newest(), 50).await.unwrap();
    let times: Vec<Time> = page.rows.iter().map(Entry::at).collect();
    let last = midnight.plus(DAY).minus(just);
    assert_eq!(times, [last, last, midnight, midnight]);
}

#[tokio::test]
async fn the_export_is_every_line_of_the_filter_as_json_and_is_itself_on_record() {
    let world = World::new().await;
    let store = store(&world, "m", 1).await;
    let begin = world.clock.now();
    for n in 0..1_200_u64 {
        let at = begin.minus(Duration::from_secs(n));
        if n % 2 == 0 {
            happened(&world, Kind::AttemptBegun, at, "merchant").await;
        } else {
            read(&world, at, SOMEBODY, store.as_str()).await;
        }
    }
    let mut ann = world.operator().await;
    let page = ann.get("/admin/activity").await;
    let href = page.link("Export as NDJSON").unwrap();
    let file = ann.get(&href).await;
    assert_eq!(file.headers["content-type"], "application/x-ndjson");
    assert!(file.headers["content-disposition"].to_str().unwrap().contains("activity-2026-09-21.ndjson"));
    let lines: Vec<Value> = file.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1_200 + 3, "signing in, and the export itself");
    assert_eq!(lines[0]["kind"], "activity.exported");
    let line = lines.iter().find(|line| line["kind"] == "key.read").unwrap();
    assert_eq!((&line["store_id"], &line["user_id"]), (&Value::from(store.as_str()), &Value::from("m")));
    assert_eq!((&line["from"], &line["key_version"]), (&Value::from("192.0.2.9"), &Value::from(1)));
    assert!(line["request_id"].as_str().unwrap().starts_with("rq_"));
    assert!(lines.iter().all(|line| line.as_object().unwrap().len() == lines[0].as_object().unwrap().len()));
    let page = ann.get("/admin/activity?kind=keys").await;
    let file = ann.get(&page.link("Export as NDJSON").unwrap()).await;
    assert_eq!(file.body.lines().count(), 600);
    assert_eq!(ann.get("/admin/activity.ndjson?store=x").await.status, 422);
    let told = column(&world.app.db, "SELECT actor FROM events WHERE kind = 'activity.exported'").await;
    assert!(told.len() == 2 && told[0].starts_with("op_"), "{told:?}");
}

/// Counts recorded reads, events, and events with an IP address.
async fn on_record(world: &World) -> [String; 3] {
    let count =
        async |of: &str| column(&world.app.db, &format!("SELECT CAST(COUNT(*) AS TEXT) FROM {of}")).await.remove(0);
    [
        on_record::all(&world.app.db).await.len().to_string(),
        count("events").await,
        count("events WHERE came_from IS NOT NULL").await,
    ]
}

#[tokio::test]
async fn older_reads_are_deleted_once_that_is_set_and_counts_and_events_stay() {
    let world = World::new().await;
    let store = store(&world, "m", 1).await;
    let service = world.service("keys:read").await;
    let begin = world.clock.now();
    for n in 0..130_u64 {
        read(&world, begin.plus(MINUTE * u32::try_from(n).unwrap() * 12), &service.token_id, store.as_str()).await;
    }
    happened(&world, Kind::AttemptBegun, begin, "merchant").await;
    world.clock.advance(DAY * 30);
    let new = read(&world, world.clock.now(), &service.token_id, store.as_str()).await;
    happened(&world, Kind::AttemptBegun, world.clock.now(), "merchant").await;
    assert!(retention::sweep(&world.app).await.unwrap());
    assert_eq!(on_record(&world).await[0], "131", "nothing is deleted unless somebody has said so");
    retention::keep(&world.app, Keep::Days(30), &Actor::cli()).await.unwrap();
    assert!(retention::sweep(&world.app).await.unwrap());
    assert_eq!(on_record(&world).await[0], "131", "nor what is not counted yet");
    on_record::index(&world.app).await;
    assert!(retention::sweep(&world.app).await.unwrap());
    assert_eq!(on_record(&world).await[0], "131", "no read is deleted before 30 days are over");
    // Reads go by the UTC day: the first of them was nearly over.
    let first_day = (0..130).filter(|n| begin.plus(MINUTE * *n * 12).day() == begin.day()).count();
    world.clock.advance(DAY);
    assert!(retention::sweep(&world.app).await.unwrap());
    let [reads_left, events, from] = on_record(&world).await;
    assert_eq!((reads_left, events.as_str(), from.as_str()), ((131 - first_day).to_string(), "4", "1"));
    world.clock.advance(DAY);
    assert!(retention::sweep(&world.app).await.unwrap());
    let left: Vec<RequestId> =
        on_record::all(&world.app.db).await.iter().map(|read| RequestId::of_ulid(read.id)).collect();
    assert_eq!(left, [new], "and none is kept for longer than a day more");
    let counted = column(&world.app.db, "SELECT CAST(SUM(n) AS TEXT) FROM read_days").await;
    assert_eq!(counted, ["131"], "how many there were stays known");
    assert_eq!(column(&world.app.db, "SELECT CAST(COUNT(*) AS TEXT) FROM read_segments").await, ["1"]);
}

#[tokio::test]
async fn where_an_attempt_and_its_key_came_from_is_forgotten_as_long_after_its_end() {
    let world = World::new().await;
    world.connect("m").await;
    retention::keep(&world.app, Keep::Days(30), &Actor::cli()).await.unwrap();
    let known = async || {
        let attempts = column(&world.app.db, "SELECT begun_from FROM attempts ORDER BY id").await;
        let keys = column(&world.app.db, "SELECT received_from FROM grants ORDER BY id").await;
        (attempts, keys)
    };
    let from = "127.0.0.1";
    world.clock.advance(Duration::from_mins(30 * 24 * 60 - 1));
    assert!(retention::sweep(&world.app).await.unwrap());
    assert_eq!(known().await, (vec![from.to_owned()], vec![from.to_owned()]));
    world.approved("n", serde_json::json!({})).await;
    world.clock.advance(MINUTE * 2);
    assert!(retention::sweep(&world.app).await.unwrap());
    let left = vec![String::new(), from.to_owned()];
    assert_eq!(known().await, (left.clone(), left.clone()), "the newer one stays known");
    world.clock.advance(DAY * 60);
    assert!(retention::sweep(&world.app).await.unwrap());
    assert_eq!(known().await, (left.clone(), left), "so does one that has not ended");
    let id = column(&world.app.db, "SELECT id FROM attempts ORDER BY id").await.remove(0);
    let page = world.operator().await.get(&format!("/admin/attempts/{id}")).await;
    assert!(page.text().contains("Started from –"), "{}", page.text());
}

#[tokio::test]
async fn keeping_less_is_asked_twice_and_keeping_more_once() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let page = ann.get("/admin/activity").await;
    assert!(page.text().contains("Keep key reads and calls for"), "{}", page.text());
    let ask = ann.submit(&page, "Save", &[("keep", "90")]).await;
    assert!(ask.text().contains("Keep key reads and calls for 90 days?"), "{}", ask.text());
    assert!(ask.text().contains("permanently deleted"), "{}", ask.text());
    assert_eq!(retention::kept(&world.app).await.unwrap(), Keep::ForEver, "asking changes nothing");
    let done = ann.submit(&ask, "Delete older key reads and calls", &[]).await;
    assert!(done.text().contains("Saved."), "{}", done.text());
    assert_eq!(retention::kept(&world.app).await.unwrap(), Keep::Days(90));
    ann.submit(&done, "Save", &[("keep", "365")]).await;
    assert_eq!(retention::kept(&world.app).await.unwrap(), Keep::Days(365));
    ann.submit(&done, "Save", &[("keep", "365")]).await;
    assert_eq!(ann.submit(&done, "Save", &[("keep", "1")]).await.status, 422);
    let told = column(&world.app.db, "SELECT kind FROM events WHERE kind = 'settings.changed'").await;
    assert_eq!(told.len(), 2, "setting what is set already is no event");
}

#[tokio::test]
async fn every_kind_is_stored_under_the_name_by_which_it_is_sent() {
    let world = World::new().await;
    for kind in Kind::ALL {
        happened(&world, kind, world.clock.now(), "test").await;
    }
    let stored = column(&world.app.db, "SELECT kind FROM events ORDER BY seq").await;
    let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(stored, names);
    for group in Group::ALL {
        let filter = Filter { group: Some(group), who: Some("test".to_owned()), ..Filter::default() };
        assert_eq!(all(&world, &filter, 3).await.len(), group.kinds().count(), "{}", group.label());
    }
}
