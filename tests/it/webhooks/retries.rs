//! Undelivered events are retried at growing intervals. A webhook that is gone or fails for days gets no more.

use std::time::Duration;

use cartkey::domain::entropy::Entropy;
use cartkey::domain::webhook::{PAUSES, TRIES};
use cartkey::flow::webhooks;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::receiver::Receiver;
use super::{HOUR, deliver, happens, newest, states, until_due, world};
use crate::database::column;
use crate::world::World;

#[tokio::test]
async fn a_delivery_is_tried_for_two_days_with_pauses_that_grow_and_are_never_the_same() {
    let world = world().await;
    let receiver = Receiver::new().await;
    receiver.answers(|answers| answers.status = 500);
    receiver.joins(&world.app, "link.*").await;
    happens(&world.app, "m").await;
    let begun = world.clock.now();
    assert_eq!(deliver(&world.app).await, 1);
    for pause in PAUSES {
        let waited = until_due(&world).await;
        assert!(waited >= pause.mul_f64(0.79) && waited <= pause.mul_f64(1.21), "{waited:?} for {pause:?}");
        assert_eq!(deliver(&world.app).await, 1);
    }
    assert!(world.clock.now().since(begun) > 24 * HOUR);
    assert_eq!((receiver.sent().len(), states(&world).await), (TRIES, vec!["failed".to_owned()]));
    // Each try is signed anew, of the same event.
    let sent = receiver.sent();
    assert!(sent.iter().all(|each| each.header("webhook-id") == sent[0].header("webhook-id")));
    let mut signatures: Vec<&str> = sent.iter().map(|each| each.header("webhook-signature")).collect();
    signatures.dedup();
    assert_eq!(signatures.len(), TRIES);
    world.clock.advance(100 * HOUR);
    assert_eq!(deliver(&world.app).await, 0);
}

#[tokio::test]
async fn who_fails_for_days_is_turned_off_and_the_others_are_told() {
    let world = world().await;
    let [bad, good] = [Receiver::new().await, Receiver::new().await];
    bad.answers(|answers| answers.status = 503);
    let (webhook, _) = bad.joins(&world.app, "link.*").await;
    good.joins(&world.app, "webhook.*").await;
    happens(&world.app, "m").await;
    deliver(&world.app).await;
    while webhooks::find(&world.app, &webhook.id).await.unwrap().unwrap().disabled_at.is_none() {
        until_due(&world).await;
        deliver(&world.app).await;
    }
    assert_eq!((bad.sent().len(), good.told()), (TRIES, vec!["webhook.disabled".to_owned()]));
    let event = newest(&world, "webhook.disabled").await;
    assert_eq!((event["data"]["reason"].as_str(), event["data"]["actor"].as_str()), (Some("failing"), Some("cartkey")));
    assert_eq!(event["data"]["webhook_id"].as_str(), Some(webhook.id.as_str()));
    happens(&world.app, "m").await;
    world.clock.advance(100 * HOUR);
    assert_eq!((deliver(&world.app).await, bad.sent().len()), (0, TRIES), "it is asked no more");
}

#[tokio::test]
async fn one_delivery_that_nobody_can_take_does_not_turn_a_webhook_off_that_takes_the_others() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let (webhook, _) = receiver.joins(&world.app, "link.*").await;
    happens(&world.app, "poison").await;
    for tries in 0..TRIES {
        receiver.answers(|answers| answers.status = 400);
        assert_eq!(deliver(&world.app).await, 1, "try {tries}");
        receiver.answers(|answers| answers.status = 200);
        happens(&world.app, "m").await;
        assert_eq!(deliver(&world.app).await, 1);
        if tries + 1 < TRIES {
            until_due(&world).await;
        }
    }
    assert!(states(&world).await.contains(&"failed".to_owned()));
    let webhook = webhooks::find(&world.app, &webhook.id).await.unwrap().unwrap();
    assert_eq!((webhook.disabled_at, webhook.failing_since), (None, None));
}

#[tokio::test]
async fn who_is_gone_is_told_nothing_more_at_once() {
    let world = world().await;
    let receiver = Receiver::new().await;
    receiver.answers(|answers| answers.status = 410);
    receiver.joins(&world.app, "link.*").await;
    happens(&world.app, "m-1").await;
    happens(&world.app, "m-2").await;
    deliver(&world.app).await;
    assert_eq!(newest(&world, "webhook.disabled").await["data"]["reason"], "gone");
    assert_eq!(states(&world).await, ["waiting", "waiting"], "what was not taken is not lost");
    let sent = receiver.sent().len();
    world.clock.advance(100 * HOUR);
    assert_eq!((deliver(&world.app).await, receiver.sent().len()), (0, sent));
}

/// The delay of the next try after this answer.
async fn pause_after(status: u16, header: Option<(&'static str, String)>) -> Duration {
    let world = world().await;
    let receiver = Receiver::new().await;
    receiver.answers(|answers| {
        answers.status = status;
        answers.headers = header.into_iter().collect();
    });
    receiver.joins(&world.app, "link.*").await;
    happens(&world.app, "m").await;
    deliver(&world.app).await;
    until_due(&world).await
}

#[tokio::test]
async fn who_asks_for_a_pause_is_given_it_within_reason() {
    let after = |value: &str| Some(("retry-after", value.to_owned()));
    for status in [429, 503] {
        assert_eq!(pause_after(status, after("600")).await, Duration::from_mins(10));
        assert_eq!(pause_after(status, after("999999999")).await, 12 * HOUR);
        assert!(pause_after(status, after("1")).await >= Duration::from_secs(4), "never earlier than by itself");
    }
    // 2026-09-21T14:13:20Z is when every story begins.
    assert_eq!(pause_after(503, after("Mon, 21 Sep 2026 15:13:20 GMT")).await, HOUR);
    assert!(pause_after(503, after("soon")).await <= Duration::from_secs(6));
    assert!(pause_after(500, after("600")).await <= Duration::from_secs(6), "only who is too busy is asked later");
}

#[tokio::test]
async fn only_2xx_is_taken_and_nobody_is_followed_elsewhere() {
    for (status, is_taken) in
        [(200, true), (202, true), (204, true), (302, false), (307, false), (404, false), (401, false)]
    {
        let world = world().await;
        let [receiver, elsewhere] = [Receiver::new().await, Receiver::new().await];
        receiver.answers(|answers| {
            answers.status = status;
            answers.headers = vec![("location", elsewhere.url.clone())];
        });
        receiver.joins(&world.app, "link.*").await;
        happens(&world.app, "m").await;
        deliver(&world.app).await;
        assert_eq!(states(&world).await, [if is_taken { "delivered" } else { "waiting" }], "{status}");
        assert_eq!((receiver.sent().len(), elsewhere.sent().len()), (1, 0), "{status}");
    }
}

/// Answers 200 and then writes as much as the client accepts; returns the number of bytes.
async fn talks_without_end(listener: TcpListener) -> usize {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut asked = vec![0; 1 << 16];
    assert!(stream.read(&mut asked).await.unwrap() > 0);
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n").await.unwrap();
    let (piece, mut written) = (vec![b'x'; 1 << 16], 0);
    while let Ok(more @ 1..) = stream.write(&piece).await {
        written += more;
    }
    written
}

#[tokio::test]
async fn an_answer_of_any_length_is_not_read_and_not_kept() {
    let world = world().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.webhook(&format!("http://{}/hook", listener.local_addr().unwrap()), "link.*").await;
    let talking = tokio::spawn(talks_without_end(listener));
    happens(&world.app, "m").await;
    deliver(&world.app).await;
    assert_eq!(states(&world).await, ["delivered"]);
    let written = talking.await.unwrap();
    assert!(written < 32 << 20, "{written} bytes are more than lie between two processes");
}

#[tokio::test]
async fn who_never_answers_is_tried_again() {
    let world = world().await;
    let receiver = Receiver::new().await;
    receiver.answers(|answers| answers.holds = true);
    receiver.joins(&world.app, "link.*").await;
    happens(&world.app, "m").await;
    let mut hasty = world.app.clone();
    hasty.deliver_within = Duration::from_millis(200);
    assert_eq!(deliver(&hasty).await, 1);
    assert_eq!(
        (faults(&world).await, states(&world).await),
        (vec!["timed_out".to_owned()], vec!["waiting".to_owned()])
    );
    receiver.let_go();
    until_due(&world).await;
    assert_eq!(deliver(&world.app).await, 1);
    assert_eq!((receiver.count(), states(&world).await), (2, vec!["delivered".to_owned()]));
}

#[tokio::test]
async fn whose_certificate_cannot_be_trusted_is_sent_nothing_and_tried_again() {
    let world = world().await;
    world.webhook("https://mistrusted.example/hook", "link.*").await;
    happens(&world.app, "m").await;
    let asked = world.shop.requests().len();
    for _ in 0..2 {
        assert_eq!(deliver(&world.app).await, 1);
        assert_eq!(
            (faults(&world).await, states(&world).await),
            (vec!["tls_failed".to_owned()], vec!["waiting".to_owned()])
        );
        until_due(&world).await;
    }
    assert_eq!(world.shop.requests().len(), asked);
}

#[tokio::test]
async fn what_failed_together_is_not_tried_together_again() {
    let world = world().await;
    let receiver = Receiver::new().await;
    receiver.answers(|answers| answers.status = 500);
    receiver.joins(&world.app, "link.*").await;
    for n in 0..8 {
        happens(&world.app, &format!("m-{n}")).await;
    }
    let mut app = world.app.clone();
    app.entropy = Entropy::seeded(7);
    assert_eq!(deliver(&app).await, 8);
    let mut due = column(&world.app.db, "SELECT CAST(due_at AS TEXT) FROM deliveries ORDER BY due_at").await;
    due.dedup();
    assert_eq!(due.len(), 8, "{due:?}");
}

#[tokio::test]
async fn who_cannot_be_asked_is_in_the_log_by_what_was_in_the_way() {
    let world = world().await;
    let receiver = Receiver::new().await;
    receiver.joins(&world.app, "link.*").await;
    let mut nobody = Receiver::new().await;
    "http://127.0.0.1:1/hook".clone_into(&mut nobody.url);
    nobody.joins(&world.app, "link.*").await;
    happens(&world.app, "m").await;
    deliver(&world.app).await;
    assert_eq!(faults(&world).await, ["connect_failed"]);
    assert_eq!(receiver.sent().len(), 1);
}

async fn faults(world: &World) -> Vec<String> {
    column(&world.app.db, "SELECT fault FROM deliveries WHERE fault IS NOT NULL").await
}
