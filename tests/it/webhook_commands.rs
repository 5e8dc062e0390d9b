//! `cartkey webhook`: every subcommand, run beside a running service.

use std::time::Duration;

use serde_json::{Value, json};

use crate::binary::{Installation, PATIENCE, Ran};
use crate::process::until_async;
use crate::webhooks::receiver::{Receiver, check};

/// The id of the only webhook in the list.
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
    let says = "cartkey: the test was not delivered: HTTP 404";
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

/// Waits until a webhook's log contains this.
async fn logged(here: &Installation, id: &str, words: &str) -> String {
    let log = async || here.run(&["webhook", "log", id]).out;
    until_async(async || log().await.contains(words)).await;
    log().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_webhook_missed_is_in_its_log_and_is_sent_when_it_is_asked_for() {
    let (here, receiver, other) = (Installation::new().await, Receiver::new().await, Receiver::new().await);
    here.run(&["webhook", "add", "--url", &receiver.url, "--events", "token.*"]).printed();
    let id = id(&here);
    // While one webhook is on, what another process does is seen at once.
    here.run(&["webhook", "add", "--url", &other.url, "--events", "webhook.disabled"]).printed();
    let _cartkey = here.serve().await;
    let sent = async |count| {
        tokio::time::timeout(PATIENCE, receiver.is_sent(count)).await.expect("sent");
        receiver.sent().pop().unwrap().header("webhook-id").to_owned()
    };
    let done = |arguments: &[&str]| {
        let ran = here.run(&[&["webhook"], arguments].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{arguments:?}: {ran:?}");
    };

    here.token("keys:read");
    let taken = sent(1).await;
    logged(&here, &id, "\tdelivered\tHTTP 204\t1").await;
    receiver.answers(|answers| answers.status = 500);
    here.token("keys:read");
    let refused = sent(2).await;
    logged(&here, &id, "\twaiting\tHTTP 500\t1").await;
    done(&["disable", &id]);
    here.token("keys:read");
    receiver.answers(|answers| answers.status = 204);
    done(&["enable", &id, "--from-now"]);
    let log = logged(&here, &id, "\tskipped\t").await;
    let lines: Vec<Vec<&str>> = log.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(&lines[0][2..], ["token.issued", refused.as_str(), "skipped", "HTTP 500", "1"], "the newest first");
    assert_eq!(&lines[1][2..], ["token.issued", taken.as_str(), "delivered", "HTTP 204", "1"]);
    let narrowed = here.run(&["webhook", "log", &id, "--state", "skipped", "--json"]).printed();
    let document: Value = serde_json::from_str(&narrowed).unwrap();
    assert_eq!((&document["id"], &document["event"]), (&lines[0][0].into(), &refused.as_str().into()));
    assert_eq!(here.run(&["webhook", "log", &id, "--limit", "1"]).printed(), log.lines().next().unwrap());

    done(&["replay", &id, "--since", "1h", "--missed-only"]);
    sent(4).await;
    let names: Vec<String> = receiver.sent().iter().map(|sent| sent.header("webhook-id").to_owned()).collect();
    assert!(names[2..].contains(&refused) && !names[2..].contains(&taken), "{names:?}");
    logged(&here, &id, &format!("{refused}\tdelivered")).await;
    done(&["replay", &id, "--delivery", lines[1][0]]);
    assert_eq!(sent(5).await, taken, "one alone");

    done(&["disable", &id]);
    here.token("keys:read");
    done(&["enable", &id]);
    let caught_up = sent(6).await;
    assert!(!names.contains(&caught_up), "{names:?} {caught_up}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_changed_in_what_is_named_alone_and_its_old_secret_is_ended() {
    let (here, old, new) = (Installation::new().await, Receiver::new().await, Receiver::new().await);
    here.run(&["webhook", "add", "--url", &old.url, "--events", "token.*", "--description", "Shipping"]).printed();
    let id = id(&here);
    let changed = |arguments: &[&str]| -> Value {
        let ran = here.run(&[&["webhook", "change", &id], arguments].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{arguments:?}: {ran:?}");
        serde_json::from_str(&here.run(&["webhook", "list", "--json"]).printed()).unwrap()
    };
    let now = changed(&["--users", "m-1,m-2"]);
    let what = |now: &Value| (now["events"].clone(), now["users"].clone(), now["description"].clone());
    assert_eq!(what(&now), (json!(["token.*"]), json!(["m-1", "m-2"]), json!("Shipping")));
    let now = changed(&["--all-users", "--events", "store.*,key.rotated", "--description", ""]);
    assert_eq!(what(&now), (json!(["store.*", "key.rotated"]), Value::Null, json!("")));
    changed(&["--url", &new.url]);
    assert!(here.run(&["webhook", "test", &id]).printed().starts_with("HTTP 204 in "));
    assert_eq!((old.count(), new.count()), (0, 1));
    for (arguments, word) in [(&[][..], "--url"), (&["--url", "nonsense"], "--url"), (&["--events", "x"], "--events")] {
        let ran = here.run(&[&["webhook", "change", &id], arguments].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(word), "{arguments:?}: {}", ran.err);
    }

    let has_two = || {
        let now: Value = serde_json::from_str(&here.run(&["webhook", "list", "--json"]).printed()).unwrap();
        !now["old_secret_until"].is_null()
    };
    here.run(&["webhook", "rotate", &id]).printed();
    assert!(has_two());
    assert_eq!(here.run(&["webhook", "end-old-secret", &id]).code, Some(0));
    assert!(!has_two());
    let twice = here.run(&["webhook", "end-old-secret", &id]);
    assert_eq!(twice.complaint(), (Some(1), "cartkey: this webhook no longer has an old secret"));
}

#[tokio::test]
async fn a_wrong_command_line_ends_with_2_and_what_cannot_be_asked_with_1() {
    let here = Installation::empty().await;
    for (arguments, word) in [
        (&["webhook", "add", "--url", "app.example.com"][..], "--url"),
        (&["webhook", "add", "--url", "https://app.example.com/#a"], "--url"),
        (&["webhook", "add", "--url", "https://a.example.com/", "--events", "store.conected"], "--events"),
        (&["webhook", "replay", "wh_01jd0000000000000000000000", "--since", "soon"], "--since"),
        (&["webhook", "replay", "wh_01jd0000000000000000000000"], "--since"),
        (&["webhook", "log", "wh_01jd0000000000000000000000", "--state", "lost"], "--state"),
        (&["webhook", "remove", "nonsense"], "wh_"),
    ] {
        let ran = here.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(word), "{arguments:?}: {}", ran.err);
    }
    assert!(!here.has("data/master.key"), "nothing was made");
    let here = here.made().await;
    let unknown = here.run(&["webhook", "rotate", "wh_01jd0000000000000000000000"]);
    assert_eq!(unknown.complaint(), (Some(1), "cartkey: there is no such webhook"));
    let unknown = here.run(&["webhook", "log", "wh_01jd0000000000000000000000"]);
    assert_eq!(unknown.complaint(), (Some(1), "cartkey: there is no such webhook"));
    let strict = Installation::new().await.with("CARTKEY_ALLOW_PRIVATE_STORES", "false");
    let ran = strict.run(&["webhook", "add", "--url", "http://127.0.0.1:9/hook"]);
    let says = "cartkey: --url: The address must begin with https://.";
    assert_eq!(ran.complaint(), (Some(2), says));
}
