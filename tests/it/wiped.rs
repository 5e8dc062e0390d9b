//! An approval that fails leaves no key behind, and one that may still succeed keeps its key.

use std::time::Duration;

use cartkey::domain::actor::Actor;
use cartkey::flow::{connecting::links, sweep};
use serde_json::{Value, json};

use crate::callback::Callback;
use crate::disk::sealed_grants;
use crate::merchant::{Merchant, Page};
use crate::world::{KEYS, World};

/// The longest wait of a key for its proof and confirmation.
const DAY: Duration = Duration::from_hours(24);
const SECOND: Duration = Duration::from_secs(1);

/// Begun in one browser and approved in another (docs/protocol/threats.md 7).
struct Elsewhere {
    /// The link's id.
    link: String,
    /// The person who began.
    first: Merchant,
    /// The person who approved.
    second: Merchant,
    /// The page that the second person sees.
    page: Page,
    /// The attempt's page for the first person.
    own_page: String,
}

async fn approved_elsewhere(world: &World, more: Value) -> Elsewhere {
    let mut first = world.merchant();
    let (link, url) = world.link("m", more).await;
    let sent = world.begin(&mut first, &url).await;
    let own_page = format!("{KEYS}/connect/attempts/{}", Callback::of(&sent).attempt);
    let mut second = world.merchant();
    let page = second.approve(&sent.refresh().unwrap()).await;
    Elsewhere { link, first, second, page, own_page }
}

/// The key is proven and works, but the approval is not confirmed.
async fn in_quarantine(world: &World) -> Elsewhere {
    let approval = approved_elsewhere(world, json!({})).await;
    world.prove().await;
    world.pass(Duration::from_secs(75)).await;
    assert_eq!(world.stands(&approval.link).await.0, "awaiting_confirmation");
    assert_eq!(sealed_grants(&world.app.db).await, 1);
    approval
}

#[tokio::test]
async fn of_an_approval_that_was_disowned_no_key_is_left() {
    let world = World::new().await;
    let Elsewhere { link, mut second, page, .. } = in_quarantine(&world).await;
    second.submit(&page, "This was not me", &[]).await;
    assert_eq!(world.stands(&link).await, ("failed".to_owned(), "disowned".to_owned()));
    assert_eq!(sealed_grants(&world.app.db).await, 0);
}

#[tokio::test]
async fn of_an_approval_elsewhere_that_the_application_was_to_confirm_no_key_is_left() {
    let world = World::new().await;
    let more = json!({"confirm": "app", "return_url": "https://app.example/done"});
    let Elsewhere { link, .. } = approved_elsewhere(&world, more).await;
    assert_eq!(world.shop.keys().len(), 1, "the store made one and posted it");
    assert_eq!(world.stands(&link).await, ("failed".to_owned(), "approved_elsewhere".to_owned()));
    assert_eq!(sealed_grants(&world.app.db).await, 0);
}

#[tokio::test]
async fn of_a_key_that_could_not_be_proven_within_a_day_nothing_is_left() {
    let world = World::new().await;
    let (_, _, link) = world.approved("m", json!({})).await;
    world.shop.switch(|s| s.server_error = true);
    world.prove().await;
    world.clock.advance(DAY);
    assert_eq!(sealed_grants(&world.app.db).await, 1);
    sweep::sweep(&world.app).await.unwrap();
    assert_eq!(world.stands(&link).await, ("failed".to_owned(), "not_finished".to_owned()));
    assert_eq!(sealed_grants(&world.app.db).await, 0);
}

#[tokio::test]
async fn of_a_withdrawn_links_key_that_was_proven_already_nothing_is_left() {
    let world = World::new().await;
    let Elsewhere { link, mut first, own_page, .. } = in_quarantine(&world).await;
    let ended = links::withdraw(&world.app, &link.parse().unwrap(), &Actor::cli()).await.unwrap();
    assert_eq!(ended, Some(1));
    assert_eq!(sealed_grants(&world.app.db).await, 0);
    first.post_form(&format!("{own_page}/confirm"), &[]).await;
    world.pass(Duration::from_secs(75)).await;
    assert_eq!(world.stands(&link).await, ("failed".to_owned(), "link_withdrawn".to_owned()));
    assert_eq!(world.service("keys:read").await.get("/users/m/keys").await.problem(), (404, "not_found"));
}

#[tokio::test]
async fn an_approval_in_quarantine_waits_a_whole_day_for_its_person() {
    let world = World::new().await;
    let received = world.clock.now();
    let Elsewhere { link, mut first, own_page, .. } = in_quarantine(&world).await;
    let a_day_old = received.plus(DAY);
    world.clock.advance(a_day_old.minus(SECOND).since(world.clock.now()));
    sweep::sweep(&world.app).await.unwrap();
    assert_eq!(world.stands(&link).await.0, "awaiting_confirmation");
    let page = first.get(&own_page).await;
    let page = first.submit(&page, "Yes, connect it", &[]).await;
    assert!(page.text().contains("shop.example is connected"), "{}", page.text());
}

#[tokio::test]
async fn an_approval_that_nobody_confirmed_within_a_day_is_over_and_its_key_gone() {
    let world = World::new().await;
    let Elsewhere { link, mut first, own_page, .. } = in_quarantine(&world).await;
    world.clock.advance(DAY);
    sweep::sweep(&world.app).await.unwrap();
    assert_eq!(world.stands(&link).await, ("failed".to_owned(), "not_confirmed".to_owned()));
    assert_eq!(sealed_grants(&world.app.db).await, 0);
    first.post_form(&format!("{own_page}/confirm"), &[]).await;
    assert_eq!(world.service("keys:read").await.get("/users/m/keys").await.problem(), (404, "not_found"));
}
