//! `confirm: "app"`: the application checks that its own signed-in user is the link's (docs/protocol/threats.md 7, F7).

use std::time::Duration;

use cartkey::domain::actor::Actor;
use cartkey::flow::{connecting::links, sweep};
use serde_json::{Value, json};

use super::{begun, is_lent, page_of, seen_by_maker};
use crate::callback::Callback;
use crate::merchant::{Merchant, Page};
use crate::service::Answer;
use crate::world::World;

fn app_confirms() -> Value {
    json!({"confirm": "app", "return_url": "https://app.example/bind?x=1"})
}

/// Begins and approves in `browser`; returns the page with the link to the application.
pub async fn approved(world: &World, browser: &mut Merchant) -> (String, Page, Callback) {
    let (id, sent, callback) = begun(world, browser, app_confirms()).await;
    let page = browser.approve_on(sent).await;
    world.prove().await;
    let page = browser.get(page.url.as_str()).await;
    (id, page, callback)
}

/// The parameters in the address that the merchant brings to the application.
async fn brought(browser: &mut Merchant, page: &Page) -> Vec<(String, String)> {
    let href = page.link("Continue to Acme Shipping").unwrap_or_else(|| panic!("{}", page.text()));
    let there = browser.follow(page, &href).await;
    assert_eq!((there.url.host_str(), there.url.path()), (Some("app.example"), "/bind"));
    there.url.query_pairs().into_owned().collect()
}

pub async fn code(browser: &mut Merchant, page: &Page) -> String {
    brought(browser, page).await.into_iter().find(|(name, _)| name == "code").expect("a code").1
}

async fn confirm(world: &World, callback: &Callback, code: &str) -> Answer {
    let service = world.service("links:write").await;
    service.post(&format!("/attempts/{}/confirm", callback.attempt), &json!({"code": code})).await
}

#[tokio::test]
async fn the_application_spends_the_code_that_its_merchant_brings() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (id, page, callback) = approved(&world, &mut browser).await;
    assert!(page.text().contains("Acme Shipping must confirm"), "{}", page.text());
    assert_eq!(seen_by_maker(&world, &id).await.0, "awaiting_confirmation");
    assert!(!is_lent(&world, "merchant-1").await);
    let brought = brought(&mut browser, &page).await;
    let names: Vec<(String, String)> = brought.iter().filter(|(name, _)| name != "code").cloned().collect();
    let expected = [
        ("x", "1"),
        ("status", "awaiting_confirmation"),
        ("user_id", "merchant-1"),
        ("attempt_id", callback.attempt.as_str()),
    ];
    assert_eq!(names, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));

    let code = brought.into_iter().find(|(name, _)| name == "code").expect("a code").1;
    assert_eq!(code.len(), 43);
    let wrong = confirm(&world, &callback, &"A".repeat(43)).await;
    assert_eq!(wrong.problem(), (409, "code_spent"));
    assert!(!is_lent(&world, "merchant-1").await);
    let store = confirm(&world, &callback, &code).await.ok();
    assert_eq!((&store["user_id"], &store["status"]), (&json!("merchant-1"), &json!("connected")));
    assert!(is_lent(&world, "merchant-1").await);
    assert_eq!(confirm(&world, &callback, &code).await.problem(), (409, "code_spent"), "spent");
    let page = browser.get(&page_of(&callback)).await;
    assert!(page.text().contains("shop.example is connected"), "{}", page.text());
}

#[tokio::test]
async fn a_code_lives_a_minute_and_a_new_one_takes_its_place() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, page, callback) = approved(&world, &mut browser).await;
    let first = code(&mut browser, &page).await;
    // However long the page was open, and also where nothing goes on by itself.
    world.clock.advance(Duration::from_mins(5));
    let second = code(&mut browser, &page).await;
    assert_ne!(first, second);
    assert_eq!(confirm(&world, &callback, &first).await.problem(), (409, "code_spent"), "replaced");
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(confirm(&world, &callback, &second).await.problem(), (409, "code_spent"), "too old");
    let third = code(&mut browser, &page).await;
    confirm(&world, &callback, &third).await.ok();
}

#[tokio::test]
async fn a_code_opens_its_own_attempt_only_and_only_to_services_that_may() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, page, callback) = approved(&world, &mut browser).await;
    let (_, _, other) = begun(&world, &mut world.merchant(), app_confirms()).await;
    let code = code(&mut browser, &page).await;
    assert_eq!(confirm(&world, &other, &code).await.problem(), (409, "code_spent"));
    let nobody = Callback { attempt: "at_01jd0000000000000000000000".to_owned(), ..other };
    assert_eq!(confirm(&world, &nobody, &code).await.problem(), (404, "not_found"));
    let reader = world.service("keys:read,stores:read,stores:write,events:read").await;
    let path = format!("/attempts/{}/confirm", callback.attempt);
    assert_eq!(reader.post(&path, &json!({"code": code})).await.problem(), (403, "permission_missing"));
    let says = confirm(&world, &callback, "").await;
    assert_eq!(says.status, 409, "{says:?}");
    confirm(&world, &callback, &code).await.ok();
}

/// Two mistakes an application may make: it does not check who is signed in, or it compares with a parameter of the address. If it
/// states who is signed in, Cartkey compares.
#[tokio::test]
async fn for_somebody_else_than_the_links_merchant_nothing_is_confirmed_and_the_code_is_not_spent() {
    let world = World::new().await;
    let mut victim = world.merchant();
    let (id, page, callback) = approved(&world, &mut victim).await;
    let code = code(&mut victim, &page).await;
    let service = world.service("links:write").await;
    let path = format!("/attempts/{}/confirm", callback.attempt);
    let other = service.post(&path, &json!({"code": code, "user_id": "the-victim"})).await;
    assert_eq!(other.problem(), (409, "other_user"));
    let odd = service.post(&path, &json!({"code": code, "user_id": "a b"})).await;
    assert_eq!((odd.problem(), odd.text("field")), ((422, "invalid_request"), "user_id"));
    assert!(!is_lent(&world, "merchant-1").await && !is_lent(&world, "the-victim").await);
    assert_eq!(seen_by_maker(&world, &id).await.0, "awaiting_confirmation");
    service.post(&path, &json!({"code": code, "user_id": "merchant-1"})).await.ok();
    assert!(is_lent(&world, "merchant-1").await);
}

#[tokio::test]
async fn an_attempt_that_has_ended_is_told_as_such_and_a_spent_code_leads_back() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (id, page, callback) = approved(&world, &mut browser).await;
    let wrong = confirm(&world, &callback, "nonsense").await;
    assert_eq!((wrong.problem(), wrong.text("attempt_url")), ((409, "code_spent"), page_of(&callback).as_str()));
    let code = code(&mut browser, &page).await;
    links::withdraw(&world.app, &id.parse().unwrap(), &Actor::new("test")).await.unwrap();
    let answer = confirm(&world, &callback, &code).await;
    assert_eq!(answer.problem(), (409, "attempt_ended"));
    assert_eq!((answer.text("attempt_status"), answer.text("reason")), ("failed", "link_withdrawn"));
}

#[tokio::test]
async fn no_browser_confirms_in_the_applications_place() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (id, page, callback) = approved(&world, &mut browser).await;
    assert!(page.form("Yes, connect it").is_none());
    browser.post_form(&format!("{}/confirm", page_of(&callback)), &[]).await;
    browser.get(&callback.approved()).await;
    world.pass(Duration::from_secs(75)).await;
    assert_eq!(seen_by_maker(&world, &id).await.0, "awaiting_confirmation");
    assert!(!is_lent(&world, "merchant-1").await);
}

/// An attacker sends a link for their own account to a victim, who begins and approves in one browser, so nothing is quarantined.
/// The application sees the victim, not merchant-1, and does not spend the code.
#[tokio::test]
async fn who_forwards_their_own_link_does_not_get_the_victims_store() {
    let world = World::new().await;
    let mut victim = world.merchant();
    let (id, page, callback) = approved(&world, &mut victim).await;
    assert!(
        !code(&mut victim, &page).await.is_empty(),
        "brought to the application, where the victim is signed in as themselves"
    );
    let mut attacker = world.merchant();
    let page = attacker.get(&page_of(&callback)).await;
    assert_eq!(page.status, 404, "the attacker's browser sees no code");
    assert_eq!(attacker.get(&format!("{}/go-on", page_of(&callback))).await.status, 404);
    let page = attacker.get(&callback.return_url).await;
    assert_eq!(page.status, 404);
    world.clock.advance(Duration::from_hours(24));
    sweep::sweep(&world.app).await.unwrap();
    assert_eq!(seen_by_maker(&world, &id).await, ("failed".to_owned(), "not_confirmed".to_owned()));
    assert!(!is_lent(&world, "merchant-1").await);
    let page = victim.get(&page_of(&callback)).await;
    assert!(page.link("Continue to Acme Shipping").is_none(), "{}", page.text());
    assert!(
        page.text().contains("was not confirmed in time, so nothing was connected. Start again."),
        "{}",
        page.text()
    );
}

#[tokio::test]
async fn the_browser_goes_on_by_itself_once_and_then_only_when_pressed() {
    let world = World::new().await;
    let mut browser = world.merchant();
    let (_, page, callback) = approved(&world, &mut browser).await;
    assert!(page.body.contains(" data-send"), "with scripts it goes by itself");
    code(&mut browser, &page).await;
    // An application that does not confirm sends its merchant back: no circle without end.
    let page = browser.get(&page_of(&callback)).await;
    assert!(!page.body.contains(" data-send") && page.link("Continue to Acme Shipping").is_some(), "{}", page.text());
    // Nothing to confirm any more: the way on leads back to the attempt's own page.
    let code = code(&mut browser, &page).await;
    confirm(&world, &callback, &code).await.ok();
    let page = browser.get(&format!("{}/go-on", page_of(&callback))).await;
    assert_eq!(page.url.as_str(), page_of(&callback));
}

/// An attacker begins with their own link and sends the store's approval page to a victim, who returns in another browser. The
/// attacker, signed in as merchant-1, must not get a code for it.
#[tokio::test]
async fn an_approval_that_comes_back_elsewhere_is_not_the_applications_to_confirm() {
    let world = World::new().await;
    let mut attacker = world.merchant();
    let (id, sent, callback) = begun(&world, &mut attacker, app_confirms()).await;
    let page = world.merchant().approve(&sent.refresh().unwrap()).await;
    assert!(page.text().contains("started elsewhere"), "{}", page.text());
    world.pass(Duration::from_secs(75)).await;
    assert_eq!(seen_by_maker(&world, &id).await, ("failed".to_owned(), "approved_elsewhere".to_owned()));
    assert_eq!(world.happened("attempt.failed").await, ["attempt.failed approved_elsewhere merchant"]);
    let page = attacker.get(&page_of(&callback)).await;
    assert!(page.text().contains("Start again and stay in one browser."), "{}", page.text());
    assert!(page.link("Continue to Acme Shipping").is_none(), "{}", page.text());
    assert!(!is_lent(&world, "merchant-1").await);
}
