//! Workers: background loops restart after a panic, and report their status.

use std::sync::Arc;
use std::time::Duration;

use cartkey::live::worker::{Plan, supervise, told};
use cartkey::woo::Resolver;
use hyper::Method;
use tokio::sync::{Notify, watch};

use crate::binary::{Installation, ask};
use crate::merchant::Merchant;
use crate::operator::PASSWORD;
use crate::process::until_async;
use crate::world::{KEYS, World};

#[tokio::test]
async fn a_worker_that_panics_is_told_of_until_it_works_again() {
    let world = World::new().await;
    let client = world.client();
    let readyz = async || ask(&client, Method::GET, &format!("{KEYS}/readyz"), &[], "").await.unwrap();
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
    let running = tokio::spawn(supervise(worker.clone(), told(stopped), begin));
    assert_eq!(readyz().await, (200, "ok\n".to_owned()));
    go.notify_one();
    until_async(async || worker.status().panics == 1).await;
    let (status, says) = readyz().await;
    assert!(status == 503 && says.contains("stocktaker"), "{status} {says}");
    let text = ann.get("/admin/diagnostics").await.text();
    assert!(text.contains("the worker “stocktaker” is down") && text.contains("it panicked"), "{text}");
    go.notify_one();
    until_async(async || readyz().await.0 == 200).await;
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
    for worker in
        ["prover", "sweeper", "watch", "search index", "webhooks", "durability", "lending record", "event feed"]
    {
        assert!(page.text().contains(worker), "{worker} in {}", page.text());
    }
    assert!(!page.text().contains("panicked"), "{}", page.text());
}
