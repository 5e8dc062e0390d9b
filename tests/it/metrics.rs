//! Metrics: each changes when the thing happens, none reveals anything, scrapes hurt nobody, and what reads them names what exists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use cartkey::demo::pretend_store::Switches;
use cartkey::flow::dashboard::metrics;
use cartkey::flow::webhooks::dispatch;
use cartkey::live::worker::Plan;
use cartkey::web;
use hyper::Method;
use serde_json::json;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::binary::{Installation, ask, client};
use crate::database::column;
use crate::webhooks::receiver::Receiver;
use crate::world::{KEYS, World};

/// The samples of a scrape, by name and labels as they stand there.
type Samples = BTreeMap<String, f64>;

async fn text(world: &World) -> String {
    // Past what a scrape remembers; a busy machine may need more than one.
    for _ in 0..5 {
        world.clock.advance(Duration::from_secs(5));
        let text = metrics::text(&world.app).await.unwrap();
        if text.contains("cartkey_database_up 1") {
            return text;
        }
    }
    panic!("the database does not answer")
}

fn samples(text: &str) -> Samples {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').expect("a value"))
        .map(|(name, n)| (name.to_owned(), n.parse().unwrap()))
        .collect()
}

/// By how much each sample grew that did.
fn grown(before: &Samples, after: &Samples) -> Samples {
    let grown = |(name, n): (&String, &f64)| (name.clone(), n - before.get(name).copied().unwrap_or(0.0));
    after.iter().map(grown).filter(|(_, n)| *n != 0.0).collect()
}

/// The metrics that a scrape has, without the suffixes of their samples.
fn families(text: &str) -> BTreeSet<String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// A world in which everything happened that a metric is for, and its backups are scheduled.
async fn eventful() -> World {
    let settings = [("CARTKEY_ALLOW_PRIVATE_STORES", "true"), ("CARTKEY_BACKUP_DIR", "/nowhere")];
    let world = World::with(&settings, Switches::default()).await;
    world.app.backups.found(Some(world.clock.now()));
    let receiver = Receiver::new().await;
    receiver.joins(&world.app, "store.*").await;
    world.connect("m").await;
    dispatch::run_due(&world.app).await.unwrap();
    let service = world.trusted_service().await;
    service.get("/users/m/keys").await.ok();
    service.get("/users/nobody/keys").await;
    let store = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    service.post(&format!("/stores/{store}/check"), &json!({})).await.ok();
    let worker = world.app.workers.enter(Plan::new("worker", "in a test"));
    worker.did(1, "things");
    world
}

/// What the last scrape said.
struct Scraped<'w> {
    world: &'w World,
    last: Samples,
}

impl<'w> Scraped<'w> {
    async fn of(world: &'w World) -> Self {
        Self { world, last: samples(&text(world).await) }
    }

    /// Scrapes again: these samples grew by so much since.
    async fn grew(&mut self, what: &str, expected: &[(&str, f64)]) {
        let now = samples(&text(self.world).await);
        let grew = grown(&self.last, &now);
        for (name, n) in expected {
            assert!((grew.get(*name).copied().unwrap_or(0.0) - n).abs() < 1e-6, "{what}: {name}: {grew:#?}");
        }
        self.last = now;
    }
}

#[tokio::test]
async fn what_merchants_stores_and_webhooks_do_is_counted() {
    let world = World::with(&[("CARTKEY_ALLOW_PRIVATE_STORES", "true")], Switches::default()).await;
    let mut metrics = Scraped::of(&world).await;
    let receiver = Receiver::new().await;
    receiver.joins(&world.app, "store.*").await;
    metrics.grew("a webhook is added", &[("cartkey_webhooks{state=\"on\"}", 1.0)]).await;
    let (mut browser, back, _) = world.approved("m", json!({})).await;
    let callback = "cartkey_http_request_duration_seconds_count{route=\"/wc-auth/callback/{token}\",status=\"200\"}";
    let expected = [
        ("cartkey_attempts_begun_total", 1.0),
        ("cartkey_attempts_going{status=\"received\"}", 1.0),
        ("cartkey_keys_to_prove", 1.0),
        (callback, 1.0),
    ];
    metrics.grew("an approval came back", &expected).await;
    world.prove().await;
    browser.get(back.url.as_str()).await;
    let expected = [
        ("cartkey_attempts_ended_total{status=\"connected\",reason=\"\"}", 1.0),
        ("cartkey_attempts_going{status=\"received\"}", -1.0),
        ("cartkey_stores{status=\"connected\",reason=\"\"}", 1.0),
        ("cartkey_keys_to_prove", -1.0),
    ];
    metrics.grew("a store is connected", &expected).await;
    let seq = column(&world.app.db, "SELECT CAST(n AS TEXT) FROM counters WHERE name = 'event'").await.remove(0);
    assert_eq!(samples(&text(&world).await)["cartkey_events_total"].to_string(), seq);
    dispatch::run_due(&world.app).await.unwrap();
    let expected = [
        ("cartkey_webhook_deliveries_total{outcome=\"delivered\"}", 1.0),
        ("cartkey_webhook_delivery_duration_seconds_count", 1.0),
    ];
    metrics.grew("a webhook received its event", &expected).await;
    let link = world.link("m", json!({})).await.1;
    let sent = world.begin(&mut browser, &link).await;
    browser.deny(&sent.refresh().expect("the page sends the browser on")).await;
    let expected = [
        ("cartkey_attempts_begun_total", 1.0),
        ("cartkey_attempts_ended_total{status=\"denied\",reason=\"denied\"}", 1.0),
    ];
    metrics.grew("an attempt is denied", &expected).await;
    receiver.answers(|answers| answers.status = 500);
    let link = world.link("m", json!({})).await.1;
    let sent = world.begin(&mut browser, &link).await;
    browser.approve_on(sent).await;
    world.prove().await;
    dispatch::run_due(&world.app).await.unwrap();
    let expected = [
        ("cartkey_webhook_deliveries_total{outcome=\"retried\"}", 1.0),
        ("cartkey_deliveries_waiting", 1.0),
        ("cartkey_webhooks{state=\"failing\"}", 1.0),
        ("cartkey_webhooks{state=\"on\"}", -1.0),
    ];
    metrics.grew("a webhook does not take the reconnect", &expected).await;
}

#[tokio::test]
async fn what_services_checks_and_workers_do_is_counted() {
    let world = World::new().await;
    world.connect("m").await;
    let service = world.trusted_service().await;
    let mut metrics = Scraped::of(&world).await;
    service.get("/users/m/keys").await.ok();
    let request = "cartkey_http_request_duration_seconds_count{route=\"/api/v1/users/{user_id}/keys\",status=\"200\"}";
    let expected = [
        ("cartkey_keys_lent_total", 1.0),
        ("cartkey_lending_commit_reads_count", 1.0),
        ("cartkey_lending_commit_duration_seconds_count", 1.0),
        ("cartkey_lending_journal_commits", 1.0),
        ("cartkey_database_write_duration_seconds_count", 1.0),
        (request, 1.0),
    ];
    metrics.grew("a key is lent", &expected).await;
    service.get("/users/nobody/keys").await;
    metrics.grew("a key is refused", &[("cartkey_keys_refused_total{reason=\"not_found\"}", 1.0)]).await;
    let store = column(&world.app.db, "SELECT id FROM stores").await.remove(0);
    service.post(&format!("/stores/{store}/check"), &json!({})).await.ok();
    metrics.grew("a store is checked", &[("cartkey_checks_total{verdict=\"works\"}", 1.0)]).await;
    world.shop.revoke(world.shop.keys()[0].key_id);
    service.post(&format!("/stores/{store}/check"), &json!({})).await.ok();
    let expected = [
        ("cartkey_checks_total{verdict=\"key_rejected\"}", 1.0),
        ("cartkey_stores{status=\"connected\",reason=\"\"}", -1.0),
        ("cartkey_stores{status=\"unauthorized\",reason=\"key_rejected\"}", 1.0),
    ];
    metrics.grew("a store refuses its key", &expected).await;
    service.get("/users/m/keys").await;
    metrics.grew("and is not lent", &[("cartkey_keys_refused_total{reason=\"store_not_connected\"}", 1.0)]).await;
    world.clock.advance(Duration::from_hours(1));
    metrics.grew("nobody checks it", &[("cartkey_checks_due", 1.0)]).await;
    let worker = world.app.workers.enter(Plan::new("worker", "in a test"));
    worker.failed_again("it failed");
    worker.task_ended(tokio::spawn(async { panic!("a task") }).await);
    let expected = [
        ("cartkey_worker_failures_total{worker=\"worker\"}", 1.0),
        ("cartkey_worker_panics_total{worker=\"worker\"}", 1.0),
        ("cartkey_worker_up{worker=\"worker\"}", 1.0),
    ];
    metrics.grew("a worker fails and panics", &expected).await;
}

#[tokio::test]
async fn metrics_reveal_no_id_no_address_and_no_secret_and_no_label_is_unbounded() {
    let world = eventful().await;
    let service = world.trusted_service().await;
    let before = samples(&text(&world).await).len();
    // Whatever strangers make up ends in the same series.
    for n in 0..50 {
        ask(&world.client(), Method::GET, &format!("{KEYS}/made-up-{n}"), &[], "").await.unwrap();
        ask(&world.client(), Method::GET, &format!("{KEYS}/api/v1/stores/made-up-{n}/keys"), &[], "").await.unwrap();
        service.get(&format!("/users/made-up-{n}/keys")).await;
    }
    let text = text(&world).await;
    let added = samples(&text).len() - before;
    assert!(added < 60, "three routes and a status each: {added} series\n{text}");
    let shop = &world.shop.keys()[0];
    let token = service.token.clone();
    for secret in ["shop.example", "made-up", "cartkey_1", &shop.consumer_key, &shop.consumer_secret, &token] {
        assert!(!text.contains(secret), "{secret}\n{text}");
    }
    for id in ["st_0", "tk_0", "ln_0", "at_0", "ev_0", "wh_0", "rq_0", "\"m\""] {
        assert!(!text.contains(id), "{id}\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_scrapes_at_once_read_the_database_once_and_do_not_hurt_lending() {
    let world = eventful().await;
    let service = world.trusted_service().await;
    let mut scrapes = JoinSet::new();
    // As if the database took long to answer the first.
    let reading = world.app.metrics.of_database().lock().await;
    for _ in 0..100 {
        let client = world.client();
        scrapes.spawn(async move { ask(&client, Method::GET, &format!("{KEYS}/metrics"), &[], "").await.unwrap() });
    }
    for _ in 0..5 {
        service.get("/users/m/keys").await.ok();
    }
    drop(reading);
    let answers = scrapes.join_all().await;
    for (status, text) in answers {
        assert!(status == 200 && text.contains("cartkey_database_up 1"), "{status} {text}");
    }
    // The clock stands still, so nothing is read again.
    let before = samples(&metrics::text(&world.app).await.unwrap());
    world.link("another", json!({})).await;
    let same = samples(&metrics::text(&world.app).await.unwrap());
    assert!(grown(&before, &same).keys().all(|name| !name.starts_with("cartkey_events")), "remembered");
    assert!(samples(&text(&world).await)["cartkey_events_total"] > before["cartkey_events_total"]);
}

#[tokio::test]
async fn without_the_database_what_the_process_knows_is_still_there() {
    let world = eventful().await;
    world.app.db.close().await;
    world.clock.advance(Duration::from_secs(5));
    let text = metrics::text(&world.app).await.unwrap();
    let samples = samples(&text);
    assert!(samples["cartkey_database_up"] == 0.0 && samples["cartkey_keys_lent_total"] >= 1.0, "{text}");
    assert!(!samples.keys().any(|name| name.starts_with("cartkey_stores")), "{text}");
}

#[tokio::test]
async fn metrics_are_served_on_the_internal_listener_or_to_this_machine_alone() {
    let world = World::new().await;
    let ask = async |router: web::Routes, peer: [u8; 4], headers: &[(&str, &str)]| {
        let mut request = Request::get("/metrics").extension(web::Peer(SocketAddr::from((peer, 4_000))));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    };
    let (here, there) = ([127, 0, 0, 1], [203, 0, 113, 9]);
    assert_eq!(ask(web::public(&world.app), here, &[]).await, StatusCode::NOT_FOUND);
    assert_eq!(ask(web::internal(&world.app), there, &[]).await, StatusCode::OK);
    // One listener for everything.
    assert_eq!(ask(web::all(&world.app), here, &[]).await, StatusCode::OK);
    assert_eq!(ask(web::all(&world.app), there, &[]).await, StatusCode::NOT_FOUND);
    for name in ["x-forwarded-for", "forwarded", "via"] {
        assert_eq!(ask(web::all(&world.app), here, &[(name, "127.0.0.1")]).await, StatusCode::NOT_FOUND, "{name}");
    }
}

#[tokio::test]
async fn the_program_serves_metrics_as_prometheus_expects_them() {
    let here = Installation::new().await;
    let cartkey = here.serve().await;
    let (status, text) =
        ask(&client(), Method::GET, &format!("http://{}/metrics", cartkey.listen), &[], "").await.unwrap();
    assert_eq!(status, 200);
    let build = text.lines().find(|line| line.starts_with("cartkey_build_info{version=\"")).expect("the build");
    assert!(build.contains(env!("CARGO_PKG_VERSION")), "{build}");
    let samples = samples(&text);
    for name in ["process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_start_time_seconds"] {
        assert!(samples[name] > 0.0, "{name}");
    }
    assert!(samples.keys().any(|name| name.starts_with("cartkey_worker_up{worker=\"watch\"}")), "{text}");
}

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The metrics that a text names, without the suffixes of their samples.
fn named(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let words = text.split(|c: char| !is_part(c));
    let names = words.filter(|word| word.starts_with("cartkey_") || word.starts_with("process_"));
    let name = |word: &str| {
        let suffix = ["_total", "_bucket", "_count", "_sum", "_info"].into_iter().find(|end| word.ends_with(end));
        word.strip_suffix(suffix.unwrap_or_default()).unwrap_or(word).to_owned()
    };
    names.map(name).collect()
}

/// The first cells of the tables in this section of docs/operations.md.
fn rows(section: &str) -> BTreeSet<String> {
    let page = file("docs/operations.md");
    let (_, rest) = page.split_once(&format!("\n### {section}\n")).expect("the section");
    let rest = rest.split("\n#").next().unwrap_or_default();
    let cells = rest.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_metric_is_documented_and_the_dashboard_and_the_alerts_name_no_other() {
    let world = eventful().await;
    let mut there = families(&text(&world).await);
    // Only where the database is a file.
    there.extend(["wal", "disk_free"].map(|of| format!("cartkey_database_{of}_bytes")));
    let documented: BTreeSet<String> = rows("Metrics").iter().flat_map(|row| named(row)).collect();
    assert_eq!(there.difference(&documented).collect::<Vec<_>>(), Vec::<&String>::new(), "without a row");
    assert_eq!(documented.difference(&there).collect::<Vec<_>>(), Vec::<&String>::new(), "rows without a metric");
    for path in ["deploy/prometheus/cartkey.rules.yaml", "deploy/grafana/cartkey.json"] {
        let named = named(&file(path));
        assert!(named.len() > 10, "{path} was read");
        assert_eq!(
            named.difference(&there).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "{path} names what is not there"
        );
    }
    serde_json::from_str::<serde_json::Value>(&file("deploy/grafana/cartkey.json")).unwrap();
}

#[test]
fn every_alert_says_in_the_documentation_what_to_do() {
    let rules = file("deploy/prometheus/cartkey.rules.yaml");
    let alerts: BTreeSet<String> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).map(str::to_owned).collect();
    assert!(alerts.len() > 10);
    assert_eq!(alerts, rows("Alerts"));
}
