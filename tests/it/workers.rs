//! Workers: background loops restart after a panic, and report their status.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cartkey::live::worker::{Plan, stop_requested, supervise};
use cartkey::woo::Resolver;
use hyper::Method;
use serde_json::json;
use tokio::sync::{Notify, watch};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::binary::{Installation, ask};
use crate::database::change;
use crate::merchant::Merchant;
use crate::operator::{Operator, PASSWORD};
use crate::process::until_async;
use crate::world::{KEYS, World};

#[tokio::test]
async fn a_worker_that_panics_is_told_of_until_it_works_again() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let worker = world.app.workers.enter(Plan {
        name: "stocktaker",
        runs: "when a story wants it",
        pause_at_most: Duration::ZERO,
    });
    let (stop, stopped) = watch::channel(false);
    let go = Arc::new(Notify::new());
    let mut is_first = true;
    let begin = {
        let (worker, go) = (worker.clone(), Arc::clone(&go));
        move || {
            let (panics, worker, go) = (std::mem::take(&mut is_first), worker.clone(), Arc::clone(&go));
            async move {
                go.notified().await;
                assert!(!panics, "the first panics");
                worker.did(7, "shelves counted");
                std::future::pending::<()>().await;
            }
        }
    };
    let running = tokio::spawn(supervise(worker.clone(), stop_requested(stopped), begin));
    assert_eq!(readyz(&world).await, (200, "ok\n".to_owned()));
    go.notify_one();
    until_async(async || worker.status().panics == 1).await;
    let (status, says) = readyz(&world).await;
    assert!(status == 503 && says.contains("stocktaker"), "{status} {says}");
    let text = ann.get("/admin/diagnostics").await.text();
    assert!(text.contains("the worker “stocktaker” is down") && text.contains("it panicked"), "{text}");
    go.notify_one();
    until_async(async || readyz(&world).await.0 == 200).await;
    let text = ann.get("/admin/diagnostics").await.text();
    for seen in ["has panicked once since start-up", "when a story wants it", "shelves counted: 7", "lending record"] {
        assert!(text.contains(seen), "{seen} in {text}");
    }
    stop.send_replace(true);
    running.abort();
}

#[tokio::test]
async fn every_loop_of_the_real_process_is_on_the_diagnostics_page() {
    let here = Installation::new().await.with("CARTKEY_PUBLIC_URL", "http://keys.test");
    let mut cartkey = here.serve().await;
    let link = cartkey.logged_line("/admin/setup/").await;
    let names = Resolver::Fixed(Arc::new([("keys.test".to_owned(), vec![cartkey.listen])].into()));
    let mut browser = Merchant::new(names, Vec::new());
    let page = browser.get(link.trim()).await;
    let fields = [("name", "Ann"), ("password", PASSWORD), ("again", PASSWORD)];
    browser.submit(&page, "Create operator", &fields).await;
    let page = browser.get("http://keys.test/admin/diagnostics").await;
    for worker in ["prover", "sweeper", "watch", "webhooks", "durability", "lending record", "event feed"] {
        assert!(page.text().contains(worker), "{worker} in {}", page.text());
    }
    assert!(!page.text().contains("panicked"), "{}", page.text());
}

/// A log in which one sentence panics, as a fault in the middle of a worker's own code would; it keeps the others.
#[derive(Clone)]
struct Trap {
    at: &'static str,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Visit for Trap {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let line = format!("{value:?}");
            assert!(!line.contains(self.at), "the trap at {line:?}");
            self.lines.lock().unwrap().push(line);
        }
    }
}

impl Subscriber for Trap {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("cartkey::live")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// What people see of a worker that panicked: readiness, Diagnostics and the log name it.
async fn is_down(world: &World, ann: &mut Operator, worker: &str, trap: &Trap) {
    let panics = || world.app.workers.status().iter().find(|status| status.plan.name == worker).unwrap().panics;
    until_async(async || panics() > 0).await;
    let (status, says) = readyz(world).await;
    assert!(status == 503 && says.contains(worker), "{status} {says}");
    let text = ann.get("/admin/diagnostics").await.text();
    assert!(text.contains(&format!("the worker “{worker}” is down")), "{text}");
    let logged = format!("the worker “{worker}” panicked");
    assert!(trap.lines.lock().unwrap().contains(&logged), "{:?}", trap.lines);
}

async fn is_back(world: &World, ann: &mut Operator) {
    until_async(async || readyz(world).await.0 == 200).await;
    let text = ann.get("/admin/diagnostics").await.text();
    assert!(text.contains("since start-up") && !text.contains("is down"), "{text}");
}

async fn readyz(world: &World) -> (u16, String) {
    ask(&world.client(), Method::GET, &format!("{KEYS}/readyz"), &[], "").await.unwrap()
}

/// Hides a counter from the worker that reads it, or shows it again.
async fn rename(world: &World, from: &str, to: &str) {
    let sql = format!("UPDATE counters SET name = '{to}' WHERE name = '{from}'");
    assert_eq!(change(&world.app.db, &sql).await, 1);
}

#[tokio::test]
async fn the_watcher_of_the_feed_that_panics_is_begun_again_and_whoever_waits_has_the_news() {
    let world = World::new().await;
    let (mut ann, reader) = (world.operator().await, world.service("events:read").await);
    let after = reader.get("/events?limit=200").await.ok()["next"].as_str().unwrap().to_owned();
    let trap = Trap { at: "new events could not be read", lines: Arc::default() };
    let _trap = tracing::subscriber::set_default(trap.clone());
    let news = tokio::spawn(async move { reader.get(&format!("/events?after={after}&wait=30")).await.ok() });
    until_async(async || world.app.feed.waiting() == 1).await;
    rename(&world, "event", "mislaid").await;
    is_down(&world, &mut ann, "event feed", &trap).await;
    rename(&world, "mislaid", "event").await;
    is_back(&world, &mut ann).await;
    world.link("m", json!({})).await;
    let news = news.await.unwrap();
    assert!(!news["data"].as_array().unwrap().is_empty(), "{news}");
}

#[tokio::test]
async fn the_writer_of_the_lending_record_that_panics_lends_nothing_meanwhile_and_is_begun_again() {
    let trap = Trap { at: "key reads could not be recorded", lines: Arc::default() };
    let _trap = tracing::subscriber::set_default(trap.clone());
    let world = World::new().await;
    world.connect("m").await;
    let (mut ann, service) = (world.operator().await, world.service("keys:read").await);
    let keys = async || service.get("/users/m/keys").await.status;
    assert_eq!(keys().await, 200);
    rename(&world, "lending", "mislaid").await;
    assert_eq!(keys().await, 503);
    is_down(&world, &mut ann, "lending record", &trap).await;
    rename(&world, "mislaid", "lending").await;
    until_async(async || keys().await == 200).await;
    is_back(&world, &mut ann).await;
}
