//! Checks on demand, by a service that got a 401 or by an operator. Many at once cost one check.

use std::time::Duration;

use cartkey::demo::pretend_store::Pace;
use cartkey::domain::scope::Scope;
use cartkey::flow::watching::watch;
use cartkey::live::outgoing_limits::{Limits, OutgoingLimits};
use cartkey::woo::Call;
use hyper::Method;
use hyper::header::AUTHORIZATION;
use serde_json::json;
use tokio::task::JoinSet;

use super::Watched;
use crate::database::column;
use crate::world::OTHER;

/// GET tests the key, POST its permissions.
const WHOLE: [&str; 2] = ["GET", "POST"];

#[tokio::test]
async fn many_services_that_see_a_401_at_once_make_few_checks_and_are_all_told() {
    let watched = Watched::new().await;
    watched.world.shop.demote("admin");
    watched.world.shop.switch(|s| s.pace = Pace::WhenReleased);
    let asked = watched.world.shop.requests().len();
    let mut reports = JoinSet::new();
    for _ in 0..20 {
        let (app, id) = (watched.app.clone(), watched.id.clone());
        reports.spawn(async move { watch::report(&app, &id, &"test".into()).await.unwrap().unwrap().store });
    }
    while watched.world.shop.requests().len() == asked {
        tokio::task::yield_now().await;
    }
    watched.world.shop.release();
    for told in reports.join_all().await {
        assert_eq!((told.status.as_str(), told.reason.unwrap().code()), ("unauthorized", "role_lost"));
    }
    // One for the first, one for those who came during it, and perhaps one for those who came even later.
    let asked = watched.asked(asked);
    assert!(
        asked.len() <= 3 && asked.iter().all(|method| method == "GET"),
        "a refusal needs no second question: {asked:?}"
    );
}

#[tokio::test]
async fn a_check_that_began_before_a_report_came_is_never_its_answer() {
    let mut watched = Watched::new().await;
    watched.world.shop.demote("admin");
    watched.world.shop.switch(|s| s.pace = Pace::WhenReleased);
    let asked = watched.world.shop.requests().len();
    let (app, id) = (watched.app.clone(), watched.id.clone());
    let report = || {
        let (app, id) = (app.clone(), id.clone());
        tokio::spawn(async move { watch::report(&app, &id, &"test".into()).await.unwrap().unwrap().store })
    };
    let first = report();
    while watched.world.shop.requests().len() == asked {
        tokio::task::yield_now().await;
    }
    // The store has been asked. What it will say is older than the 401 that two more services see now.
    let later = [report(), report()];
    while app.outgoing.single_flight.waiting(&id) < 2 {
        tokio::task::yield_now().await;
    }
    watched.world.shop.release();
    for report in [first].into_iter().chain(later) {
        assert_eq!(report.await.unwrap().status.as_str(), "unauthorized");
    }
    assert_eq!(watched.asked(asked), ["GET", "GET"], "once for the first, and once for both of the others");

    // Nor is one that has just ended: a moment is enough to take the key away.
    watched.mend();
    let service = watched.world.service("stores:write").await;
    let path = format!("/stores/{id}/check");
    assert_eq!(service.post(&path, &json!({})).await.ok()["status"], "connected");
    watched.world.shop.demote("admin");
    assert_eq!(service.post(&path, &json!({})).await.ok()["status"], "unauthorized");
}

#[tokio::test]
async fn an_operator_who_presses_the_button_is_never_put_off() {
    let watched = Watched::new().await;
    for _ in 0..2 {
        let asked = watched.world.shop.requests().len();
        watch::check(&watched.app, &watched.id, &"op".into()).await.unwrap();
        assert_eq!(watched.asked(asked), WHOLE);
    }
}

#[tokio::test]
async fn a_scheduled_check_a_moment_ago_does_not_answer_for_what_the_key_may_do() {
    let mut watched = Watched::new().await;
    watched.pass().await;
    watched.world.shop.permit(1, Scope::Read);
    let service = watched.world.service("stores:write,keys:read").await;
    let before = service.get("/users/m/keys").await;
    let told = service.post(&format!("/stores/{}/check", watched.id), &json!({})).await.ok();
    assert_eq!((&told["reason"], &told["scope"]), (&json!("scope_narrower"), &json!("read")));
    let after = service.get("/users/m/keys").await;
    assert_eq!(after.text("permissions"), "read");
    assert_ne!(before.headers["etag"], after.headers["etag"], "what was fetched is old");
    // The schedule does not look at it, and forgets nothing.
    for _ in 0..3 {
        watched.pass().await;
        assert_eq!(watched.stands().await, ("connected", "scope_narrower"));
    }
    watched.mend();
    watch::report(&watched.app, &watched.id, &"test".into()).await.unwrap();
    assert_eq!((watched.stands().await, watched.store().await.scope), (("connected", ""), Scope::ReadWrite));
}

#[tokio::test]
async fn what_is_asked_for_is_not_asked_by_the_schedule_at_the_same_time_and_moves_it() {
    let watched = Watched::new().await;
    let due = watched.due().await;
    watched.world.clock.advance(due.since(watched.world.clock.now()));
    watched.world.shop.switch(|s| s.pace = Pace::WhenReleased);
    let asked = watched.world.shop.requests().len();
    let report = tokio::spawn({
        let (app, id) = (watched.app.clone(), watched.id.clone());
        async move { watch::report(&app, &id, &"test".into()).await.unwrap() }
    });
    while watched.world.shop.requests().len() == asked {
        tokio::task::yield_now().await;
    }
    assert_eq!(watch::check_due(&watched.app).await.unwrap(), 0, "it was due, and is being asked");
    let replica = watched.world.replica().await;
    assert_eq!(watch::check_due(&replica).await.unwrap(), 0, "the others know it too");
    watched.world.shop.release();
    report.await.unwrap();
    let wait = watched.due().await.since(watched.world.clock.now());
    assert!(wait >= Duration::from_mins(13), "{wait:?}");
}

#[tokio::test]
async fn a_service_that_hangs_up_leaves_nobody_waiting_and_the_store_to_the_schedule() {
    let mut watched = Watched::new().await;
    watched.world.shop.switch(|s| s.pace = Pace::WhenReleased);
    let asked = watched.world.shop.requests().len();
    let mut reports = JoinSet::new();
    let (app, id) = (watched.app.clone(), watched.id.clone());
    let first = reports.spawn(async move { watch::report(&app, &id, &"test".into()).await.unwrap() });
    while watched.world.shop.requests().len() == asked {
        tokio::task::yield_now().await;
    }
    let (app, id) = (watched.app.clone(), watched.id.clone());
    let second = tokio::spawn(async move { watch::report(&app, &id, &"test".into()).await.unwrap() });
    tokio::task::yield_now().await;
    first.abort();
    watched.world.shop.release();
    assert!(!second.await.unwrap().expect("the store").had_no_turn);
    assert_eq!(watched.asked(asked), ["GET", "GET", "POST"], "the second has it asked itself");
    watched.pass().await;
    assert_eq!(watched.stands().await, ("connected", ""));
    assert_eq!(watched.happened().await, Vec::<String>::new());
}

#[tokio::test]
async fn services_leave_a_store_alone_that_asked_for_patience_and_operators_decide_themselves() {
    let watched = Watched::new().await;
    watched.world.shop.switch(|s| s.rate_limited = Some(600));
    watched.pass().await;
    let asked = watched.world.shop.requests().len();
    watched.world.clock.advance(Duration::from_secs(599));
    let told = watch::report(&watched.app, &watched.id, &"test".into()).await.unwrap().unwrap().store;
    assert_eq!(told.reason.unwrap().code(), "rate_limited");
    assert_eq!(watched.asked(asked).len(), 0);
    // What was known before is no answer.
    let service = watched.world.service("stores:write").await;
    let told = service.post(&format!("/stores/{}/check", watched.id), &json!({})).await;
    assert_eq!((told.problem(), told.headers["retry-after"].to_str().unwrap()), ((429, "rate_limited"), "1"));
    assert_eq!(watched.asked(asked).len(), 0);
    watch::check(&watched.app, &watched.id, &"op".into()).await.unwrap();
    assert_eq!(watched.asked(asked).len(), 1);
}

#[tokio::test]
async fn a_store_that_had_no_turn_is_not_said_to_have_been_asked_and_is_asked_next() {
    let mut watched = Watched::new().await;
    watched.world.approved("n", json!({"store_url": OTHER})).await;
    watched.world.prove().await;
    let other = column(&watched.app.db, "SELECT id FROM stores WHERE user_id = 'n'").await.remove(0);
    let budget = Limits { demanded: 1, patience: Duration::from_millis(50), ..Limits::default() };
    let watching = OutgoingLimits::new(budget);
    let at = watched.world.also(|app| app.outgoing = watching.clone()).await;
    watched.app.outgoing = watching;
    watched.world.shop.switch(|s| s.pace = Pace::WhenReleased);
    let asked = watched.world.shop.requests().len();
    let hanging = tokio::spawn({
        let (app, id) = (watched.app.clone(), watched.id.clone());
        async move { watch::report(&app, &id, &"test".into()).await.unwrap().unwrap() }
    });
    while watched.world.shop.requests().len() == asked {
        tokio::task::yield_now().await;
    }
    let token = format!("Bearer {}", watched.world.service("stores:write").await.token);
    let report = async || {
        let url = format!("{at}/api/v1/stores/{other}/check");
        let headers = vec![(AUTHORIZATION, token.parse().unwrap())];
        let within = Duration::from_mins(1);
        let call = Call { method: Method::POST, url: &url, headers, body: Vec::new(), within, at_most: 1 << 16 };
        watched.world.client().send(call).await.unwrap()
    };
    let told = report().await;
    assert_eq!((told.status.as_u16(), told.headers["retry-after"].to_str().unwrap()), (503, "10"));
    // However many come, nobody is told that it was asked.
    let told = tokio::join!(report(), report(), report(), report());
    for told in [told.0, told.1, told.2, told.3] {
        assert_eq!(told.status.as_u16(), 503);
    }
    let due = "SELECT CAST(check_at AS TEXT) FROM stores WHERE user_id = 'n'";
    assert_eq!(column(&watched.app.db, due).await, [watched.world.clock.now().millis().to_string()], "it is next");
    watched.world.shop.release();
    assert!(!hanging.await.unwrap().had_no_turn);
    assert_eq!(report().await.status, 200);
}

#[tokio::test]
async fn two_checks_at_once_tell_what_happened_once() {
    for by_schedule in [true, false] {
        let mut watched = Watched::new().await;
        watched.world.shop.switch(|s| (s.authorization_stripped, s.pace) = (true, Pace::WhenReleased));
        watched.world.clock.advance(watched.due().await.since(watched.world.clock.now()));
        let asked = watched.world.shop.requests().len();
        let first = tokio::spawn({
            let (app, id) = (watched.app.clone(), watched.id.clone());
            async move {
                if by_schedule {
                    assert_eq!(watch::check_due(&app).await.unwrap(), 1);
                } else {
                    watch::check(&app, &id, &"test".into()).await.unwrap();
                }
            }
        });
        while watched.world.shop.requests().len() == asked {
            tokio::task::yield_now().await;
        }
        // While that one waits for the store, a service reports a 401 to another replica.
        watched.world.shop.switch(|s| s.pace = Pace::Brisk);
        watched.world.clock.advance(Duration::from_secs(1));
        let replica = watched.world.replica().await;
        watch::report(&replica, &watched.id, &"test".into()).await.unwrap();
        assert_eq!(watched.happened().await, ["key.auth_method_changed"]);
        watched.world.clock.advance(Duration::from_secs(1));
        watched.world.shop.release();
        first.await.unwrap();
        assert_eq!(watched.happened().await, Vec::<String>::new(), "by schedule: {by_schedule}");
        assert_eq!(watched.stands().await, ("connected", ""));
    }
}

#[tokio::test]
async fn asking_again_and_again_does_not_put_off_the_schedule() {
    let watched = Watched::new().await;
    watched.world.shop.switch(|s| s.server_error = true);
    for _ in 0..3 {
        watched.pass().await;
    }
    let due = watched.due().await;
    for _ in 0..8 {
        watched.world.clock.advance(Duration::from_secs(10));
        watch::check(&watched.app, &watched.id, &"op".into()).await.unwrap();
    }
    assert!(watched.due().await <= due, "{} is later than {due}", watched.due().await);
    assert_eq!(watched.store().await.failures, 3);
}
