//! The first operator: created with a link that works once.

use std::time::Duration;

use cartkey::domain::actor::Actor;
use cartkey::flow::operators::{self, Error};

use crate::operator::PASSWORD;
use crate::world::{KEYS, World};

async fn link(world: &World) -> Option<String> {
    let link = operators::setup_link(&world.app, KEYS).await.unwrap();
    link.map(|link| link.expose().to_owned())
}

#[tokio::test]
async fn the_first_operator_is_made_by_the_link_and_is_signed_in() {
    let world = World::new().await;
    let link = link(&world).await.expect("there is no operator yet");
    let mut browser = world.merchant();
    let page = browser.get(&link).await;
    assert_eq!(page.title(), "Set up Cartkey · Cartkey");
    assert!(
        page.body.contains("name=\"name\" type=\"text\" value=\"\""),
        "the name is the operator's to choose: {}",
        page.body
    );
    let fields = |password, again| [("name", "Ann"), ("password", password), ("again", again)];
    let weak = browser.submit(&page, "Create operator", &fields("passwordpassword", "passwordpassword")).await;
    assert!(weak.text().contains("easy to guess"), "{}", weak.text());
    let differs = browser.submit(&page, "Create operator", &fields(PASSWORD, "grey otters juggles")).await;
    assert!(differs.text().contains("The two passwords do not match."), "{}", differs.text());
    assert!(!differs.body.contains(PASSWORD), "a password is never shown again");
    let done = browser.submit(&page, "Create operator", &fields(PASSWORD, PASSWORD)).await;
    assert_eq!((done.status, done.url.path()), (200, "/admin"), "{}", done.text());
    let again = world.merchant().get(&link).await;
    assert_eq!(again.status, 404);
    assert!(again.text().contains("no longer works"), "{}", again.text());
    assert_eq!(self::link(&world).await, None, "no second one while there is an operator");
}

#[tokio::test]
async fn a_link_works_for_half_an_hour() {
    let world = World::new().await;
    let link = link(&world).await.unwrap();
    world.clock.advance(Duration::from_mins(30));
    assert_eq!(world.merchant().get(&link).await.status, 404);
    assert_eq!(world.merchant().get(&format!("{KEYS}/admin/setup/guess")).await.status, 404);
}

#[tokio::test]
async fn of_two_links_only_the_first_that_is_used_makes_an_operator() {
    let world = World::new().await;
    let (one, two) = (link(&world).await.unwrap(), link(&world).await.unwrap());
    let secret = |link: &str| cartkey::domain::secret::Secret::new(link.rsplit('/').next().unwrap().to_owned());
    let password = cartkey::domain::secret::Secret::new(PASSWORD.to_owned());
    let make = |link: &str, name: &str| {
        let (app, link, name, password) = (world.app.clone(), secret(link), name.parse().unwrap(), password.clone());
        tokio::spawn(async move { operators::set_up(&app, &link, name, &password, &Actor::new("nobody")).await })
    };
    let (first, second) = (make(&one, "ann"), make(&two, "bob"));
    let ended = [first.await.unwrap(), second.await.unwrap()];
    assert_eq!(ended.iter().filter(|one| one.is_ok()).count(), 1, "{ended:?}");
    assert!(ended.iter().any(|one| matches!(one, Err(Error::LinkGone))), "{ended:?}");
    assert_eq!(operators::all(&world.app).await.unwrap().len(), 1);
}
