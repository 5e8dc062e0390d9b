//! `cartkey webhook`: added, listed, tried, rotated, turned off and on, sent again, removed; beside a service that runs.

use std::time::Duration;

use serde_json::Value;

use crate::binary::{Installation, Ran};
use crate::webhooks::receiver::{Receiver, check};

/// The id in the list of webhooks, of which there is one.
fn id(here: &Installation) -> String {
    here.run(&["webhook", "list"]).printed().split('\t').next().unwrap().to_owned()
}

// The receiver answers while a command runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_added_and_the_service_that_runs_tells_it_what_happens() {
    let (here, receiver) = (Installation::new().await, Receiver::new().await);
    let cartkey = here.serve().await;
    let url = format!("{}?token=hunter2", receiver.url);
    let added = here.run(&["webhook", "add", "--url", &url, "--events", "token.*", "--description", "Shipping"]);
    let secret = added.printed();
    assert!(
        secret.starts_with("whsec_") && !added.err.contains(&secret) && !added.err.contains("hunter2"),
        "{added:?}"
    );
    // Another process writes the event; this one was not told that there is a webhook.
    here.token("keys:read");
    tokio::time::timeout(Duration::from_secs(30), receiver.is_sent(1)).await.expect("told within thirty seconds");
    let sent = receiver.sent().remove(0);
    let moment: i64 = sent.header("webhook-timestamp").parse().unwrap();
    let now = cartkey::domain::time::Time::from_millis(moment * 1_000);
    assert_eq!(check(&sent, &secret, now).unwrap()["type"], "token.issued");

    let listed = here.run(&["webhook", "list"]).printed();
    let columns: Vec<&str> = listed.split('\t').collect();
    let shown = format!("{}?…", receiver.url.trim_start_matches("http://"));
    assert_eq!((columns[1], columns[2], columns[3]), ("on", shown.as_str(), "token.*"));
    assert_eq!(columns.last(), Some(&"Shipping"));
    let document: Value = serde_json::from_str(&here.run(&["webhook", "list", "--json"]).printed()).unwrap();
    assert_eq!((&document["id"], &document["events"][0]), (&columns[0].into(), &"token.*".into()));
    assert!(!format!("{listed}{document}").contains("hunter2"));

    let id = columns[0];
    let replayed = here.run(&["webhook", "replay", id, "--since", "1h"]);
    assert_eq!((replayed.code, replayed.out.as_str()), (Some(0), ""));
    tokio::time::timeout(Duration::from_secs(30), receiver.is_sent(2)).await.expect("sent again");
    let rotated = here.run(&["webhook", "rotate", id]).printed();
    assert!(rotated.starts_with("whsec_") && rotated != secret);
    let twice = here.run(&["webhook", "rotate", id]);
    let (code, says) = twice.complaint();
    assert!(code == Some(1) && says.contains("--drop-old") && twice.out.is_empty(), "{twice:?}");
    for drops in ["--drop-new", "--drop-old"] {
        assert!(here.run(&["webhook", "rotate", id, drops]).printed().starts_with("whsec_"), "{drops}");
    }
    assert_eq!(here.run(&["webhook", "remove", id]).code, Some(0));
    assert_eq!(here.run(&["webhook", "list"]).out, "");
    drop(cartkey);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_prints_what_was_answered_and_fails_when_it_was_not_taken() {
    let (here, receiver) = (Installation::new().await, Receiver::new().await);
    here.run(&["webhook", "add", "--url", &receiver.url]).printed();
    let id = id(&here);
    assert!(here.run(&["webhook", "test", &id]).printed().starts_with("HTTP 204 in "));
    receiver.answers(|answers| answers.status = 404);
    let says = "cartkey: the webhook did not take the test: HTTP 404";
    assert_eq!(here.run(&["webhook", "test", &id]).complaint(), (Some(1), says));
    assert_eq!(receiver.told(), ["webhook.test", "webhook.test"]);

    let off = |words: &[&str]| -> Ran { here.run(&[&["webhook"], words, &[id.as_str()]].concat()) };
    assert_eq!(off(&["disable"]).code, Some(0));
    assert!(here.run(&["webhook", "list"]).printed().contains("\toff\t"));
    let replay = here.run(&["webhook", "replay", &id, "--since", "2026-01-01T00:00:00Z"]);
    assert_eq!(replay.complaint(), (Some(1), "cartkey: this webhook is off; turn it on first"));
    assert_eq!(off(&["enable", "--from-now"]).code, Some(0));
    assert_eq!(off(&["enable"]).complaint(), (Some(1), "cartkey: this webhook is on"));
}

#[tokio::test]
async fn a_wrong_command_line_ends_with_2_and_what_cannot_be_asked_with_1() {
    let here = Installation::new().await;
    for (arguments, word) in [
        (&["webhook", "add", "--url", "app.example.com"][..], "--url"),
        (&["webhook", "add", "--url", "https://app.example.com/#a"], "--url"),
        (&["webhook", "add", "--url", "https://a.example.com/", "--events", "store.conected"], "--events"),
        (&["webhook", "replay", "wh_01jd0000000000000000000000", "--since", "soon"], "--since"),
        (&["webhook", "remove", "nonsense"], "wh_"),
    ] {
        let ran = here.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(word), "{arguments:?}: {}", ran.err);
    }
    assert!(!here.has("data/master.key"), "nothing was made");
    let unknown = here.run(&["webhook", "rotate", "wh_01jd0000000000000000000000"]);
    assert_eq!(unknown.complaint(), (Some(1), "cartkey: there is no such webhook"));
    let strict = Installation::new().await.with("CARTKEY_ALLOW_PRIVATE_STORES", "false");
    let ran = strict.run(&["webhook", "add", "--url", "http://127.0.0.1:9/hook"]);
    let says = "cartkey: --url: The address must begin with https://.";
    assert_eq!(ran.complaint(), (Some(2), says));
}
