//! Several webhooks and several replicas: none delays another, and nothing is lost or created twice.

use std::time::Duration;

use cartkey::domain::entropy::Entropy;
use cartkey::flow::webhooks::dispatch;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::receiver::Receiver;
use super::{deliver, happens, states, world};
use crate::database::column;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_replicas_tell_everything_once_while_others_write() {
    let world = world().await;
    let apps = [world.app.clone(), world.replica().await];
    let receivers = [Receiver::new().await, Receiver::new().await];
    for receiver in &receivers {
        receiver.joins(&world.app, "link.*").await;
    }
    let (end, ended) = watch::channel(false);
    let mut telling = JoinSet::new();
    for app in &apps {
        telling.spawn(dispatch::run(app.clone(), ended.clone()));
    }
    let mut writing = JoinSet::new();
    for writer in 0..6 {
        let app = apps[writer % 2].clone();
        writing.spawn(async move {
            for n in 0..30 {
                happens(&app, &format!("m-{writer}-{n}")).await;
            }
        });
    }
    writing.join_all().await;
    for receiver in &receivers {
        tokio::time::timeout(Duration::from_mins(1), receiver.is_sent(180)).await.expect("all are told");
    }
    end.send_replace(true);
    telling.join_all().await;
    for receiver in &receivers {
        let mut ids: Vec<String> = receiver.sent().iter().map(|sent| sent.header("webhook-id").to_owned()).collect();
        assert_eq!(ids.len(), 180, "each once");
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 180, "none twice");
    }
    assert!(states(&world).await.iter().all(|state| state == "delivered"));
}

#[tokio::test]
async fn what_happens_here_is_told_at_once_by_the_process_that_runs() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let (end, ended) = watch::channel(false);
    let telling = tokio::spawn(dispatch::run(world.app.clone(), ended));
    receiver.joins(&world.app, "link.*").await;
    happens(&world.app, "m").await;
    tokio::time::timeout(Duration::from_secs(5), receiver.is_sent(1)).await.expect("told within five seconds");
    end.send_replace(true);
    telling.await.unwrap();
}

#[tokio::test]
async fn a_slow_webhook_takes_no_more_than_its_places_and_the_others_are_told() {
    let world = world().await;
    let [slow, quick] = [Receiver::new().await, Receiver::new().await];
    slow.answers(|answers| answers.holds = true);
    slow.joins(&world.app, "link.*").await;
    quick.joins(&world.app, "link.*").await;
    for n in 0..20 {
        happens(&world.app, &format!("m-{n}")).await;
    }
    let app = world.app.clone();
    let telling = tokio::spawn(async move { dispatch::run_due(&app).await.unwrap() });
    quick.is_sent(20).await;
    slow.is_sent(4).await;
    assert_eq!(slow.sent().len(), 4);
    slow.let_go();
    assert_eq!(telling.await.unwrap(), 40);
    assert_eq!((slow.sent().len(), slow.at_once()), (20, 4));
    assert!(quick.at_once() <= 4);
}

#[tokio::test]
async fn a_webhook_where_nothing_arrives_is_tried_one_at_a_time() {
    let world = world().await;
    let receiver = Receiver::new().await;
    receiver.answers(|answers| answers.status = 500);
    receiver.joins(&world.app, "link.*").await;
    happens(&world.app, "first").await;
    deliver(&world.app).await;
    for n in 0..8 {
        happens(&world.app, &format!("m-{n}")).await;
    }
    receiver.told();
    receiver.answers(|answers| answers.holds = true);
    let app = world.app.clone();
    let telling = tokio::spawn(async move { dispatch::run_due(&app).await.unwrap() });
    receiver.is_sent(1).await;
    receiver.let_go();
    assert_eq!(telling.await.unwrap(), 8);
    assert_eq!((receiver.sent().len(), receiver.at_once()), (8, 1));
}

#[tokio::test]
async fn what_a_process_that_died_had_claimed_is_sent_again_after_a_minute() {
    let world = world().await;
    let receiver = Receiver::new().await;
    receiver.answers(|answers| answers.holds = true);
    receiver.joins(&world.app, "link.*").await;
    happens(&world.app, "m").await;
    let app = world.app.clone();
    let died = tokio::spawn(async move { dispatch::run_due(&app).await.unwrap() });
    receiver.is_sent(1).await;
    died.abort();
    assert!(died.await.is_err());
    let replica = world.replica().await;
    world.clock.advance(Duration::from_secs(59));
    assert_eq!(deliver(&replica).await, 0, "it may still be on its way");
    receiver.let_go();
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(deliver(&replica).await, 1);
    assert_eq!(states(&world).await, ["delivered"]);
    // The receiver has it twice, under one id.
    let ids: Vec<String> = receiver.sent().iter().map(|sent| sent.header("webhook-id").to_owned()).collect();
    assert_eq!((ids.len(), &ids[0]), (2, &ids[1]));
}

#[tokio::test]
async fn a_claim_that_ran_out_does_not_overwrite_what_came_after_it() {
    let world = world().await;
    let receiver = Receiver::new().await;
    receiver.answers(|answers| (answers.holds, answers.status) = (true, 500));
    receiver.joins(&world.app, "link.*").await;
    happens(&world.app, "m").await;
    let app = world.app.clone();
    let slow = tokio::spawn(async move { dispatch::run_due(&app).await.unwrap() });
    receiver.is_sent(1).await;
    world.clock.advance(Duration::from_mins(1));
    receiver.answers(|answers| (answers.holds, answers.status) = (false, 200));
    let replica = world.replica().await;
    assert_eq!(deliver(&replica).await, 1);
    receiver.let_go();
    slow.await.unwrap();
    assert_eq!(
        column(&world.app.db, "SELECT state || ' ' || CAST(tries AS TEXT) FROM deliveries").await,
        ["delivered 1"]
    );
}

#[tokio::test]
async fn a_process_that_was_told_to_stop_leaves_what_is_due_to_others() {
    let world = world().await;
    let receiver = Receiver::new().await;
    receiver.joins(&world.app, "link.*").await;
    happens(&world.app, "m").await;
    let replica = world.replica().await;
    world.app.drain();
    assert_eq!((deliver(&world.app).await, deliver(&replica).await), (0, 1));
}

/// How many times a process dies during dispatch.
const DEATHS: usize = 40;

#[tokio::test]
async fn a_process_that_dies_again_and_again_loses_nothing_and_doubles_no_more_than_it_had_in_hand() {
    let world = world().await;
    let receiver = Receiver::new().await;
    receiver.joins(&world.app, "link.*").await;
    let mut dice = [0_u8; 2 * DEATHS];
    Entropy::seeded(7).fill(&mut dice);
    let mut died = 0;
    for (n, dice) in dice.chunks(2).enumerate() {
        for user in 0..5 {
            happens(&world.app, &format!("m-{n}-{user}")).await;
        }
        let app = world.replica().await;
        let process = tokio::spawn(async move { dispatch::run_due(&app).await.unwrap() });
        // Somewhere between the first statement and the last answer.
        for _ in 0..u16::from_le_bytes([dice[0], dice[1]]) % 400 {
            tokio::task::yield_now().await;
        }
        process.abort();
        died += usize::from(process.await.is_err());
        world.clock.advance(Duration::from_secs(61));
    }
    while states(&world).await.iter().any(|state| state == "waiting") || deliver(&world.app).await > 0 {
        world.clock.advance(Duration::from_secs(61));
        deliver(&world.app).await;
    }
    let mut ids: Vec<String> = receiver.sent().iter().map(|sent| sent.header("webhook-id").to_owned()).collect();
    let sent = ids.len();
    ids.sort();
    ids.dedup();
    assert!(died > DEATHS / 2, "only {died} processes died before they were done");
    assert_eq!(ids.len(), 5 * DEATHS, "none is lost");
    assert!(sent - ids.len() <= 4 * died, "{} were sent twice by {died} that died", sent - ids.len());
}
