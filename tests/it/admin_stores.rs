//! The list of stores: search, filters, sort orders and export.

use std::fmt::Write as _;
use std::time::Duration;

use cartkey::domain::entropy::Entropy;
use cartkey::domain::id::StoreId;
use cartkey::domain::scope::Scope;
use cartkey::domain::search;
use cartkey::domain::store::{Store, StoreStatus};
use cartkey::domain::store_url::{Network, StoreUrl};
use cartkey::domain::verdict::Verdict;
use cartkey::flow::dashboard::store_list::{self, Beside, Filter, Order, Reason};
use cartkey::storage::{Db, Pools};

use crate::database::{change, column};
use crate::merchant::Page;
use crate::world::{BEGINNING, World};

const ORDERS: [Order; 5] = [Order::Id, Order::Changed, Order::Connected, Order::Address, Order::Unchecked];

/// A world with `n` stores of all kinds, inserted directly into the database, many with equal sort keys.
async fn with_stores(n: u64) -> World {
    let world = World::new().await;
    let mut rows = String::new();
    for n in 0..n {
        let id = StoreId::mint(BEGINNING.plus(Duration::from_millis(n)), &Entropy::System);
        let (status, reason) = match n % 10 {
            0 | 1 => ("'unauthorized'", "'key_rejected'"),
            2 => ("'unreachable'", "'timed_out'"),
            3 => ("'disconnected'", "NULL"),
            4 => ("'connected'", "'noisy_answer'"),
            _ => ("'connected'", "NULL"),
        };
        let scope = ["read", "write", "read_write"][usize::try_from(n % 3).unwrap()];
        let name = if n % 7 == 0 { "NULL".to_owned() } else { format!("'Cups No {n}'") };
        write!(
            rows,
            "{}('{id}', 'm-{}', 'https://s{}.example', {name}, {status}, {reason}, '{scope}', 1, 'abcdefg', 1, 'basic',
              {}, {}, {})",
            if n == 0 { "" } else { "," },
            n % 50,
            n * 7919 % 1009,
            n / 4 % 9,
            n * 31 % 8,
            n * 17 % 6,
        )
        .unwrap();
    }
    let sql = format!(
        "INSERT INTO stores (id, user_id, home, name, status, reason, scope, woo_key_id, key_last7, key_version, auth_method,
                             connected_at, checked_at, changed_at) VALUES {rows}"
    );
    change(&world.app.db, &sql).await;
    make_searchable(&world.app.db).await;
    world
}

/// Writes the search text of stores that were inserted directly.
pub async fn make_searchable(db: &Db) {
    let sql = "SELECT id || '\n' || user_id || '\n' || home || '\n' || COALESCE(name, '') FROM stores";
    let mut all = "BEGIN;".to_owned();
    for row in column(db, sql).await {
        let mut parts = row.split('\n');
        let mut next = || parts.next().expect("four parts");
        let (id, user, home, name) = (next(), next(), next(), next());
        let home = StoreUrl::parse(home, Network::PrivateToo).expect("an address");
        let text = search::text(&user.parse().expect("a user_id"), &home, Some(name));
        write!(all, "UPDATE stores SET search = '{text}' WHERE id = '{id}';").unwrap();
    }
    change(db, &(all + "COMMIT")).await;
}

fn ids(rows: &[Store]) -> Vec<String> {
    rows.iter().map(|store| store.id.to_string()).collect()
}

/// All pages from the first to the last, then back to the first.
async fn forth_and_back(world: &World, filter: &Filter, order: Order, limit: usize) -> (Vec<String>, Vec<String>) {
    let (mut forth, mut back) = (Vec::new(), Vec::new());
    let mut beside: Option<Beside> = None;
    let mut last;
    loop {
        (last, _) = store_list::part(&world.app, filter, order, beside.as_ref(), limit).await.unwrap();
        assert_eq!(last.previous.is_some(), beside.is_some());
        forth.extend(ids(&last.rows));
        match &last.next {
            Some(next) => beside = Beside::read(&next.cursor(), order, false),
            None => break,
        }
    }
    back.extend(ids(&last.rows));
    while let Some(previous) = &last.previous {
        let beside = Beside::read(&previous.cursor(), order, true).expect("a cursor reads back");
        (last, _) = store_list::part(&world.app, filter, order, Some(&beside), limit).await.unwrap();
        // The first page is always whole, so on the way back it may show again what was on the second.
        let fresh: Vec<String> = ids(&last.rows).into_iter().filter(|id| !back.contains(id)).collect();
        back.splice(0..0, fresh);
        assert!(last.next.is_some());
    }
    (forth, back)
}

/// The ids in an order, as the database sorts all rows.
async fn sorted(world: &World, clause: &str) -> Vec<String> {
    column(&world.app.db, &format!("SELECT id FROM stores {clause}")).await
}

#[tokio::test]
async fn every_order_is_paged_both_ways_with_none_missing_and_none_twice() {
    let world = with_stores(97).await;
    for order in ORDERS {
        let clause = match order {
            Order::Id => "ORDER BY id",
            Order::Changed => "ORDER BY changed_at DESC, id DESC",
            Order::Connected => "ORDER BY connected_at DESC, id DESC",
            Order::Address => "ORDER BY home, id",
            Order::Unchecked => "ORDER BY checked_at, id",
        };
        let all = sorted(&world, clause).await;
        for limit in [1, 10, 96, 97, 98] {
            let (forth, back) = forth_and_back(&world, &Filter::default(), order, limit).await;
            assert_eq!(forth, all, "{order:?} {limit}");
            assert_eq!(back, all, "{order:?} {limit}");
        }
    }
}

#[tokio::test]
async fn filters_and_words_narrow_every_order_alike() {
    let world = with_stores(200).await;
    let filters = [
        (Filter { status: Some(StoreStatus::Unauthorized), ..Filter::default() }, "status = 'unauthorized'"),
        (Filter { reason: Some(Reason::Is(Verdict::NoisyAnswer)), ..Filter::default() }, "reason = 'noisy_answer'"),
        (Filter { reason: Some(Reason::Any), ..Filter::default() }, "reason IS NOT NULL"),
        (Filter { scope: Some(Scope::Write), ..Filter::default() }, "scope = 'write'"),
        (Filter { user_id: Some("m-7".parse().unwrap()), ..Filter::default() }, "user_id = 'm-7'"),
        (Filter { q: Some("CUPS".to_owned()), ..Filter::default() }, "name IS NOT NULL"),
        (Filter { q: Some("m-7 cups".to_owned()), ..Filter::default() }, "user_id = 'm-7' AND name IS NOT NULL"),
        (
            Filter {
                q: Some("cups".to_owned()),
                status: Some(StoreStatus::Connected),
                reason: Some(Reason::Is(Verdict::NoisyAnswer)),
                scope: Some(Scope::Read),
                ..Filter::default()
            },
            "name IS NOT NULL AND status = 'connected' AND reason = 'noisy_answer' AND scope = 'read'",
        ),
        (Filter { q: Some("saucers".to_owned()), ..Filter::default() }, "1 = 0"),
        (Filter { q: Some("cups s0.example s1.example".to_owned()), ..Filter::default() }, "1 = 0"),
    ];
    for (filter, clause) in filters {
        for order in ORDERS {
            let mut expected = sorted(&world, &format!("WHERE {clause}")).await;
            let (mut forth, mut back) = forth_and_back(&world, &filter, order, 9).await;
            for list in [&mut expected, &mut forth, &mut back] {
                list.sort();
            }
            assert_eq!((&forth, &back), (&expected, &expected), "{clause} {order:?}");
            let (_, found) = store_list::part(&world.app, &filter, order, None, 3).await.unwrap();
            assert_eq!((found.n, found.more), (i64::try_from(expected.len()).unwrap(), false), "{clause}");
        }
    }
}

/// So many that SQLite reads them in the order of the list and hopes that the page is soon full; and it is not, where all that
/// match are at the end of the order.
#[tokio::test]
async fn a_list_of_thousands_is_in_order_too_wherever_they_are_in_it() {
    let world = with_stores(7_000).await;
    change(&world.app.db, "UPDATE stores SET name = NULL, search = '  late  ', connected_at = -1 WHERE id > (SELECT id FROM stores ORDER BY id LIMIT 1 OFFSET 3500)").await;
    let filters = [
        (Filter { status: Some(StoreStatus::Connected), ..Filter::default() }, "status = 'connected'"),
        (Filter { q: Some("late".to_owned()), ..Filter::default() }, "search = '  late  '"),
        (
            Filter { q: Some("late".to_owned()), status: Some(StoreStatus::Connected), ..Filter::default() },
            "search = '  late  ' AND status = 'connected'",
        ),
    ];
    for (filter, clause) in filters {
        for (order, by) in
            [(Order::Id, "id"), (Order::Connected, "connected_at DESC, id DESC"), (Order::Address, "home, id")]
        {
            let all = sorted(&world, &format!("WHERE {clause} ORDER BY {by}")).await;
            let (forth, back) = forth_and_back(&world, &filter, order, 60).await;
            assert!(forth == all && back == all, "{clause} {order:?}");
        }
    }
}

#[tokio::test]
async fn a_page_goes_on_where_it_was_although_rows_change_and_go() {
    let world = with_stores(60).await;
    let all = Filter::default();
    let (first, _) = store_list::part(&world.app, &all, Order::Changed, None, 20).await.unwrap();
    let next = first.next.expect("more");
    let (before, _) = store_list::part(&world.app, &all, Order::Changed, Some(&next), 40).await.unwrap();
    // The row that the cursor was made from moves to the top.
    let last = first.rows.last().unwrap().id.clone();
    change(&world.app.db, &format!("UPDATE stores SET changed_at = 99 WHERE id = '{last}'")).await;
    let (after, _) = store_list::part(&world.app, &all, Order::Changed, Some(&next), 40).await.unwrap();
    assert_eq!(ids(&before.rows), ids(&after.rows));
    // And back: what stands before the place now.
    let back = after.previous.expect("something before");
    let (part, _) = store_list::part(&world.app, &all, Order::Changed, Some(&back), 20).await.unwrap();
    assert_eq!(part.rows.first().map(|store| &store.id), Some(&last));
    assert_eq!(part.rows.len(), 20);
}

#[tokio::test]
async fn a_connected_store_is_found_by_name_address_and_merchant_and_by_its_new_name_after_a_reconnect() {
    let world = World::new().await;
    world.connect("merchant:42").await;
    let mut ann = world.operator().await;
    let found = |page: &Page| page.link("Cups & Plates").is_some();
    for q in
        ["cups", "PLATE", "ups", "merchant:42", "42", "shop.exa", "https://www.shop.example/wp-admin/index.php?x=1"]
    {
        let query = serde_urlencoded::to_string([("q", q)]).unwrap();
        let page = ann.get(&format!("/admin/stores?{query}")).await;
        assert!(found(&page) && page.text().contains("1 store found"), "{q}: {}", page.text());
    }
    let page = ann.get("/admin/stores?q=cups+upset").await;
    assert!(!found(&page) && page.text().contains("No matching stores"), "{}", page.text());
    assert_eq!(page.link("Clear filters").as_deref(), Some("/admin/stores"));
    change(&world.app.db, "UPDATE stores SET name = 'Saucers'").await;
    make_searchable(&world.app.db).await;
    let page = ann.get("/admin/stores?q=saucers").await;
    assert!(page.text().contains("1 store found"));
    world.clock.advance(Duration::from_mins(1));
    world.connect("merchant:42").await;
    let page = ann.get("/admin/stores?q=saucers").await;
    assert!(page.text().contains("No matching stores"), "the name it had is forgotten: {}", page.text());
    assert!(found(&ann.get("/admin/stores?q=cups").await));
}

#[tokio::test]
async fn with_no_store_the_list_says_how_one_gets_there() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let page = ann.get("/admin/stores").await;
    assert!(page.text().contains("No store is connected yet"), "{}", page.text());
    assert_eq!(page.link("Create link").as_deref(), Some("/admin/links/new"));
    assert!(page.link("Export as CSV").is_none());
    let page = ann.get("/admin/stores?status=unauthorized").await;
    assert!(page.text().contains("No matching stores"), "{}", page.text());
}

#[tokio::test]
async fn filters_stay_in_the_address_and_each_can_be_dropped() {
    let world = with_stores(60).await;
    let mut ann = world.operator().await;
    let page = ann.get("/admin/stores").await;
    assert!(page.text().contains("60 stores"), "{}", page.text());
    let page = ann.submit(&page, "Search", &[("q", "cups"), ("status", "unauthorized"), ("sort", "address")]).await;
    assert!(page.text().contains("10 stores found"), "{}", page.text());
    assert!(page.text().contains("no longer accepts the key"), "the reason stands there in plain words");
    let form = page.form("Search").unwrap();
    for (name, value) in [("q", "cups"), ("status", "unauthorized"), ("sort", "address"), ("reason", "")] {
        assert!(form.fields.contains(&(name.to_owned(), value.to_owned())), "{name}: {:?}", form.fields);
    }
    let file = page.link("Export as CSV").unwrap();
    assert_eq!(file, "/admin/stores.csv?q=cups&status=unauthorized&sort=address");
    let page = ann.click(&page, "Remove the filter Unauthorized").await;
    assert!(page.text().contains("51 stores found"), "{}", page.text());
    let page = ann.click(&page, "Next").await;
    assert!(page.text().contains("51 stores found") && page.link("Next").is_none());
    let page = ann.click(&page, "Previous").await;
    let page = ann.click(&page, "Clear all").await;
    assert_eq!((page.url.path(), page.url.query()), ("/admin/stores", None));
    let first = page.link("Cups No").unwrap();
    assert!(first.starts_with("/admin/stores/st_"), "{first}");
}

#[tokio::test]
async fn more_than_a_thousand_are_not_counted_one_by_one() {
    let world = with_stores(1_700).await;
    let mut ann = world.operator().await;
    assert!(ann.get("/admin/stores").await.text().contains("1,700 stores"));
    assert!(ann.get("/admin/stores?q=cups").await.text().contains("1,000+ stores found"));
    assert!(ann.get("/admin/stores?status=unreachable").await.text().contains("170 stores found"));
}

#[tokio::test]
async fn the_file_holds_exactly_what_is_filtered_and_nothing_that_a_spreadsheet_would_run() {
    let world = with_stores(1_300).await;
    let evil =
        "UPDATE stores SET name = '=HYPERLINK(\"https://evil.example\"), \"x\"' WHERE home = 'https://s0.example'";
    change(&world.app.db, evil).await;
    let mut ann = world.operator().await;
    let file = ann.get("/admin/stores.csv?status=connected&sort=address").await;
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8; header=present");
    assert_eq!(file.headers["content-disposition"], "attachment; filename=\"stores-2026-09-21.csv\"");
    assert_eq!(file.headers["cache-control"], "no-store");
    let mut lines = file.body.split_terminator("\r\n");
    assert!(lines.next().unwrap().starts_with("id,user_id,url,name,status,reason,"));
    let ids: Vec<&str> = lines.map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(ids, sorted(&world, "WHERE status = 'connected' ORDER BY home, id").await);
    let one = ann.get("/admin/stores.csv?q=s0.example").await.body;
    assert!(one.contains(",\"'=HYPERLINK(\"\"https://evil.example\"\"), \"\"x\"\"\","), "{one}");
    let none = ann.get("/admin/stores.csv?q=saucers").await.body;
    assert_eq!(none.lines().count(), 1);
}

#[tokio::test]
async fn who_takes_the_list_out_is_on_record_and_no_secret_is_in_it() {
    let world = World::new().await;
    world.connect("m").await;
    let mut ann = world.operator().await;
    let file = ann.get("/admin/stores.csv").await;
    let key = &world.shop.keys()[0];
    assert!(file.body.contains(&key.consumer_key[36..]), "the last seven characters: {}", file.body);
    assert!(!file.body.contains(&key.consumer_key) && !file.body.contains(&key.consumer_secret));
    let actor = column(&world.app.db, "SELECT actor FROM events WHERE kind = 'stores.exported'").await;
    assert_eq!(actor, column(&world.app.db, "SELECT id FROM operators").await);
    let asked = column(&world.app.db, "SELECT request_id FROM events WHERE kind = 'stores.exported'").await;
    assert_eq!(asked, [file.headers["x-request-id"].to_str().unwrap()]);
    let mut nobody = world.stranger("bob").await;
    assert_eq!(nobody.get("/admin/stores.csv").await.url.path(), "/admin/sign-in");
}

/// Whether SQLite's index is what the stores' texts make it; PostgreSQL keeps its own in step by itself.
async fn is_in_step(db: &Db) -> bool {
    match db.pools() {
        Pools::Postgres(_) => true,
        Pools::Sqlite { write, .. } => {
            let check = "INSERT INTO store_search (store_search, rank) VALUES ('integrity-check', 1)";
            sqlx::raw_sql(check).execute(write).await.is_ok()
        }
    }
}

#[tokio::test]
async fn the_search_index_follows_every_write_and_none_that_is_taken_back() {
    let world = with_stores(40).await;
    let db = &world.app.db;
    let count = async |q: &str| {
        let filter = Filter { q: Some(q.to_owned()), ..Filter::default() };
        store_list::part(&world.app, &filter, Order::Changed, None, 3).await.unwrap().1.n
    };
    assert_eq!((count("cups").await, count("saucers").await, is_in_step(db).await), (34, 0, true));
    let back = "BEGIN; UPDATE stores SET search = '  saucers  '; DELETE FROM stores WHERE name IS NULL; ROLLBACK";
    change(db, back).await;
    assert_eq!((count("cups").await, count("saucers").await, is_in_step(db).await), (34, 0, true));
    change(db, "UPDATE stores SET search = '  saucers  ' WHERE user_id = 'm-1'").await;
    change(db, "DELETE FROM stores WHERE user_id = 'm-2'").await;
    change(db, "UPDATE stores SET checked_at = 7").await;
    assert_eq!((count("cups").await, count("saucers").await, is_in_step(db).await), (32, 1, true));
    if !db.is_postgres() {
        change(db, "VACUUM").await;
        assert_eq!((count("cups").await, count("saucers").await, is_in_step(db).await), (32, 1, true));
        change(db, "INSERT INTO store_search (store_search) VALUES ('delete-all')").await;
        assert!(!is_in_step(db).await, "this check can fail");
    }
}
