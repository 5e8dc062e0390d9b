//! Operators add, inspect, fix and delete webhooks on the dashboard.

use std::time::Duration;

use cartkey::demo::pretend_store::Switches;
use cartkey::domain::actor::Actor;
use cartkey::domain::event::Kind;
use cartkey::flow::webhooks::dispatch;
use cartkey::storage::events;

use crate::database::column;
use crate::merchant::{Page, html};
use crate::on_record;
use crate::operator::Operator;
use crate::webhooks::receiver::{Receiver, check};
use crate::world::World;

/// A world where webhooks may have loopback addresses, and an operator.
async fn scene() -> (World, Operator, Receiver) {
    let world = World::with(&[("CARTKEY_ALLOW_PRIVATE_STORES", "true")], Switches::default()).await;
    let ann = world.operator().await;
    (world, ann, Receiver::new().await)
}

/// The value of the field with this id.
fn shown(page: &Page, id: &str) -> String {
    let fields = html::elements(&page.body, "input");
    let field = fields.iter().find(|field| field.attribute("id") == Some(id));
    field.and_then(|field| field.attribute("value")).unwrap_or_else(|| panic!("no {id} on {}", page.text())).to_owned()
}

async fn happens(world: &World, user: &str) {
    let event = on_record::event(Kind::LinkCreated, world.clock.now(), &Actor::cli()).user(&user.parse().unwrap());
    events::insert(&world.app.db, &event).await.unwrap();
    dispatch::run_due(&world.app).await.unwrap();
}

/// Adds a webhook for `link.*`; returns its page and its secret.
async fn add(ann: &mut Operator, receiver: &Receiver) -> (Page, String) {
    let form = ann.get("/admin/webhooks/new").await;
    let url = format!("{}?token=hunter2", receiver.url);
    let fields = [("url", url.as_str()), ("description", "Shipping & more"), ("which", "some"), ("group", "link")];
    let made = ann.submit(&form, "Add webhook", &fields).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let secret = shown(&made, "secret");
    (ann.click(&made, "I have copied it").await, secret)
}

#[tokio::test]
async fn a_webhook_is_added_its_secret_shown_once_and_what_it_is_sent_can_be_seen() {
    let (world, mut ann, receiver) = scene().await;
    let page = ann.get("/admin/webhooks").await;
    assert!(page.text().contains("No webhooks yet"), "{}", page.text());
    let (page, secret) = add(&mut ann, &receiver).await;
    assert!(page.text().contains("No deliveries yet") && page.text().contains("link.*"), "{}", page.text());
    happens(&world, "m").await;
    check(&receiver.sent()[0], &secret, world.clock.now()).expect("the secret that was shown signs");
    let address = page.url.path().to_owned();
    let list = ann.get("/admin/webhooks").await;
    let page = ann.click(&list, "Shipping & more").await;
    assert_eq!(page.url.path(), address);
    for says in ["link.created", "Delivered", "HTTP 204", "just now"] {
        assert!(page.text().contains(says), "{says} in {}", page.text());
    }
    // What is secret is on neither of them; the address can be seen where it is changed.
    for (page, name) in [(&list, "the list"), (&page, "the page")] {
        assert!(!page.body.contains(&secret) && !page.body.contains("hunter2"), "{name}");
    }
    let edit = ann.click(&page, "Edit").await;
    assert!(shown(&edit, "url").ends_with("?token=hunter2") && !edit.body.contains(&secret));
    let told = column(&world.app.db, "SELECT actor FROM events WHERE kind = 'webhook.created'").await;
    assert!(told[0].starts_with("op_"));
    let activity = ann.get("/admin/activity?kind=webhooks").await;
    assert!(activity.text().contains("Webhook added"), "{}", activity.text());
}

#[tokio::test]
async fn what_is_wrong_is_told_beside_its_field_and_what_was_typed_stays() {
    let (world, mut ann, _) = scene().await;
    let form = ann.get("/admin/webhooks/new").await;
    let long = "d".repeat(121);
    for (url, description, group, kinds, says) in [
        ("app.example.com", "d", "link", "", "Type a complete address"),
        ("https://u:p@app.example.com/", "d", "link", "", "before the @ sign"),
        ("https://unknown.example/hook", "d", "link", "", "This name does not exist"),
        ("https://app.example/hook", &long, "link", "", "at most 120 characters"),
        ("https://app.example/hook", "d", "", "", "Select at least one group"),
        ("https://app.example/hook", "d", "", "store.conected", "is not an event type"),
    ] {
        let mut fields = vec![("url", url), ("description", description), ("which", "some"), ("kinds", kinds)];
        fields.extend((!group.is_empty()).then_some(("group", group)));
        let page = ann.submit(&form, "Add webhook", &fields).await;
        assert_eq!(page.status, 422, "{fields:?}");
        assert!(page.title().starts_with("Problem: "));
        assert!(page.text().contains(says), "{says} in {}", page.text());
        assert_eq!((shown(&page, "url"), shown(&page, "kinds")), (url.to_owned(), kinds.to_owned()));
        assert_eq!(page.body.contains("value=\"link\" checked"), group == "link");
    }
    assert!(column(&world.app.db, "SELECT id FROM webhooks").await.is_empty());
}

#[tokio::test]
async fn a_webhook_is_changed_and_keeps_what_it_was_told() {
    let (world, mut ann, receiver) = scene().await;
    let (page, _) = add(&mut ann, &receiver).await;
    receiver.answers(|answers| answers.status = 500);
    happens(&world, "m-3").await;
    receiver.answers(|answers| answers.status = 204);
    receiver.told();
    let form = ann.click(&page, "Edit").await;
    let fields = [("which", "all"), ("description", ""), ("users", "m-1\r\nm-2")];
    let page = ann.submit(&form, "Save", &fields).await;
    for says in ["Saved.", "all events", "2 merchants", "127.0.0.1"] {
        assert!(page.text().contains(says), "{says} in {}", page.text());
    }
    world.clock.advance(Duration::from_mins(1));
    happens(&world, "m-2").await;
    happens(&world, "m-3").await;
    assert_eq!(receiver.users(), ["m-2"], "what waits is not sent either");
    let log = ann.get(page.url.path()).await;
    assert!(log.text().contains("Skipped: no longer selected"), "{}", log.text());
    let again = ann.click(&page, "Edit").await;
    assert!(again.body.contains("m-1\nm-2") && again.body.contains("value=\"all\" checked"), "{}", again.body);
    let odd = ann.submit(&again, "Save", &[("url", "nonsense")]).await;
    assert!(odd.status == 422 && odd.text().contains("The webhook was not changed"), "{}", odd.text());
}

#[tokio::test]
async fn a_secret_is_rotated_shown_once_and_the_old_one_ended_by_hand() {
    let (world, mut ann, receiver) = scene().await;
    let (page, old) = add(&mut ann, &receiver).await;
    let ask = ann.click(&page, "Rotate the secret").await;
    let made = ann.submit(&ask, "Create new secret", &[]).await;
    let new = shown(&made, "secret");
    assert!(made.text().contains("signed with the old secret too"), "{}", made.text());
    happens(&world, "m").await;
    let sent = receiver.sent().pop().unwrap();
    for secret in [&old, &new] {
        check(&sent, secret, world.clock.now()).expect("both sign");
    }
    let page = ann.click(&made, "I have copied it").await;
    assert!(page.text().contains("the old secret too") && !page.body.contains(&new), "{}", page.text());
    let page = ann.submit(&page, "End the old secret now", &[]).await;
    assert!(page.text().contains("Events are no longer signed with the old secret"), "{}", page.text());
    happens(&world, "m").await;
    assert!(check(&receiver.sent().pop().unwrap(), &old, world.clock.now()).is_err());
    let told = column(&world.app.db, "SELECT kind FROM events WHERE kind LIKE 'webhook.secret%' ORDER BY seq").await;
    assert_eq!(told, ["webhook.secret_rotated", "webhook.secret_ended"]);
}

#[tokio::test]
async fn a_test_says_at_once_whether_it_was_taken() {
    let (_world, mut ann, receiver) = scene().await;
    let (page, _) = add(&mut ann, &receiver).await;
    let page = ann.submit(&page, "Send a test", &[]).await;
    assert!(page.text().contains("The test was delivered") && page.text().contains("webhook.test"), "{}", page.text());
    receiver.answers(|answers| answers.status = 500);
    let page = ann.submit(&page, "Send a test", &[]).await;
    assert!(page.text().contains("The test was not delivered") && page.text().contains("HTTP 500"), "{}", page.text());
    assert_eq!(receiver.told(), ["webhook.test", "webhook.test"]);
}

#[tokio::test]
async fn a_webhook_that_is_off_says_why_and_is_turned_on_with_what_it_missed_in_one_click() {
    let (world, mut ann, receiver) = scene().await;
    let (page, _) = add(&mut ann, &receiver).await;
    receiver.answers(|answers| answers.status = 410);
    happens(&world, "missed-1").await;
    let overview = ann.get("/admin").await;
    assert!(
        overview.text().contains("The webhook Shipping & more was turned off just now : it receives no events."),
        "{}",
        overview.text()
    );
    let page = ann.get(page.url.path()).await;
    for says in ["Off: gone", "410 Gone", "On hold"] {
        assert!(page.text().contains(says), "{says} in {}", page.text());
    }
    assert!(page.form("Turn off").is_none() && page.form("Resend link.created").is_none());
    happens(&world, "missed-2").await;
    receiver.answers(|answers| answers.status = 204);
    receiver.told();
    let page = ann.submit(&page, "Turn on and send missed events", &[]).await;
    assert!(page.text().contains("Missed events are being sent now"), "{}", page.text());
    dispatch::run_due(&world.app).await.unwrap();
    assert_eq!(receiver.users(), ["missed-1", "missed-2"]);
    let page = ann.submit(&page, "Turn off", &[]).await;
    assert!(page.text().contains("It was turned off by hand"), "{}", page.text());
    happens(&world, "missed-3").await;
    let off = page;
    let page = ann.submit(&off, "Turn on for new events only", &[]).await;
    assert!(page.text().contains("New events are sent to it"), "{}", page.text());
    dispatch::run_due(&world.app).await.unwrap();
    assert!(receiver.sent().is_empty());
    let twice = ann.submit(&off, "Turn on for new events only", &[]).await;
    assert_eq!(twice.status, 409, "{}", twice.text());
    assert!(twice.text().contains("This webhook is on."), "{}", twice.text());
}

#[tokio::test]
async fn the_log_is_narrowed_paged_and_sent_again() {
    let (world, mut ann, receiver) = scene().await;
    let (page, _) = add(&mut ann, &receiver).await;
    for n in 0..60 {
        world.clock.advance(Duration::from_secs(1));
        if n == 30 {
            receiver.answers(|answers| answers.status = 500);
        }
        if n == 31 {
            receiver.answers(|answers| answers.status = 204);
        }
        happens(&world, &format!("m-{n}")).await;
    }
    let rows =
        |page: &Page| html::elements(&page.body, "tr").iter().filter(|row| row.attribute("id").is_some()).count();
    let first = ann.get(page.url.path()).await;
    let older = ann.click(&first, "Older").await;
    assert_eq!((rows(&first), rows(&older)), (50, 10));
    let empty = ann.get(&format!("{}?state=skipped", page.url.path())).await;
    assert!(empty.text().contains("No matching deliveries"), "{}", empty.text());
    receiver.told();
    let again = ann.submit(&older, "Resend", &[]).await;
    assert!(again.text().contains("Events are being resent"), "{}", again.text());
    dispatch::run_due(&world.app).await.unwrap();
    assert_eq!(receiver.sent().len(), 1);

    receiver.told();
    let form = ann.click(&again, "Resend events…").await;
    let done = ann.submit(&form, "Resend", &[("which", "all"), ("since", "1h")]).await;
    assert!(done.text().contains("Events are being resent"), "{}", done.text());
    dispatch::run_due(&world.app).await.unwrap();
    assert_eq!(receiver.users().len(), 60);
    let moment = world.clock.now().minus(Duration::from_secs(9)).to_string();
    ann.submit(&form, "Resend", &[("which", "all"), ("exact", &moment[..19])]).await;
    dispatch::run_due(&world.app).await.unwrap();
    assert_eq!(receiver.users().len(), 10);
    let odd = ann.submit(&form, "Resend", &[("exact", "yesterday")]).await;
    assert_eq!(odd.status, 422);
}

#[tokio::test]
async fn a_deleted_webhook_is_gone_after_a_question() {
    let (world, mut ann, receiver) = scene().await;
    let (page, _) = add(&mut ann, &receiver).await;
    let ask = ann.click(&page, "Delete…").await;
    assert!(ask.text().contains("Delete Shipping & more?") && !ask.body.contains("hunter2"), "{}", ask.text());
    let done = ann.submit(&ask, "Delete webhook", &[]).await;
    assert!(
        done.text().contains("The webhook was deleted") && done.text().contains("No webhooks yet"),
        "{}",
        done.text()
    );
    happens(&world, "m").await;
    assert!(receiver.sent().is_empty());
    assert_eq!(ann.get(page.url.path()).await.status, 404);
    assert_eq!(ann.submit(&ask, "Delete webhook", &[]).await.status, 404);
    for path in ["/admin/webhooks/wh_x", "/admin/webhooks/wh_01jd0000000000000000000000/edit"] {
        assert_eq!(ann.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn who_clicks_twice_does_not_end_the_secret_that_is_in_use() {
    let (world, mut ann, receiver) = scene().await;
    let (page, used) = add(&mut ann, &receiver).await;
    let address = page.url.path().to_owned();
    let ask = ann.click(&page, "Rotate the secret").await;
    // The browser goes on with the second click: what was answered to the first is not seen by anybody.
    ann.submit(&ask, "Create new secret", &[]).await;
    world.clock.advance(Duration::from_secs(1));
    let twice = ann.submit(&ask, "Create new secret", &[]).await;
    assert_eq!(twice.status, 409, "{}", twice.text());
    assert!(
        twice.text().contains("and the previous one signs too") && twice.text().contains("not shown"),
        "{}",
        twice.text()
    );

    let signs = async |secrets: &[&str]| {
        happens(&world, "m").await;
        let sent = receiver.sent().pop().unwrap();
        secrets.iter().map(|secret| check(&sent, secret, world.clock.now()).is_ok()).collect::<Vec<_>>()
    };
    assert_eq!(signs(&[&used]).await, [true]);
    // What nobody has seen gives way, once: the one that is in use goes on.
    let page = ann.get(&address).await;
    let ask = ann.click(&page, "Rotate the secret").await;
    assert!(ask.text().contains("This webhook has two secrets until"), "{}", ask.text());
    let made = ann.submit(&ask, "Replace the newer secret", &[]).await;
    let new = shown(&made, "secret");
    world.clock.advance(Duration::from_secs(1));
    let twice = ann.submit(&ask, "Replace the newer secret", &[]).await;
    assert_eq!((twice.status, signs(&[&used, &new]).await), (409, vec![true, true]));
    // When it is in use itself, the older one gives way, once.
    let ask = ann.get(ask.url.path()).await;
    let made = ann.submit(&ask, "Replace the older secret", &[]).await;
    let newest = shown(&made, "secret");
    world.clock.advance(Duration::from_secs(1));
    let twice = ann.submit(&ask, "Replace the older secret", &[]).await;
    assert_eq!((twice.status, signs(&[&used, &new, &newest]).await), (409, vec![false, true, true]));
}
