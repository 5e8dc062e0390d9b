//! The second factor: turned on with an authenticator app, required at sign-in, with recovery codes in case the phone is lost.

use std::time::Duration;

use cartkey::domain::actor::Actor;
use cartkey::domain::secret::Secret;
use cartkey::flow::operators;
use cartkey::vault::password::SecondFactor;

use crate::database::column;
use crate::merchant::Page;
use crate::merchant::html::{Element, elements};
use crate::operator::{Operator, PASSWORD};
use crate::world::World;

/// An authenticator app with the page's secret.
struct Telephone(SecondFactor);

impl Telephone {
    fn reads(page: &Page) -> Self {
        let letters = elements(&page.body, "code").into_iter().next().expect("letters to type").text();
        Self(SecondFactor::of_letters(&Secret::new(letters), "", "").expect("a second factor"))
    }

    fn shows(&self, world: &World) -> String {
        self.0.code(world.clock.now())
    }
}

/// Turns the second factor on; returns the authenticator app and the recovery codes.
async fn turn_on(world: &World, operator: &mut Operator) -> (Telephone, Vec<String>) {
    let page = operator.get("/admin/account/second-factor").await;
    let telephone = Telephone::reads(&page);
    let page = operator.submit(&page, "Turn it on", &[("code", &telephone.shows(world)), ("password", PASSWORD)]).await;
    let list = elements(&page.body, "ol").into_iter().next().expect("the recovery codes");
    let codes: Vec<String> = elements(&list.inside, "li").iter().map(Element::text).collect();
    assert_eq!(codes.len(), 10, "{}", page.text());
    (telephone, codes)
}

#[tokio::test]
async fn with_a_second_factor_a_password_alone_opens_nothing() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let (telephone, _) = turn_on(&world, &mut ann).await;
    let mut thief = Operator { browser: world.merchant(), name: "ann".to_owned() };
    let page = thief.sign_in(PASSWORD).await;
    assert_eq!(page.url.path(), "/admin/sign-in/code");
    assert_eq!(thief.get("/admin").await.url.path(), "/admin/sign-in", "half way is not in");
    assert_eq!(thief.submit(&page, "Sign in", &[("code", "000000")]).await.status, 422);
    world.clock.advance(Duration::from_secs(30));
    let page = thief.submit(&page, "Sign in", &[("code", &telephone.shows(&world))]).await;
    assert_eq!(page.url.path(), "/admin", "the owner after all");
    assert!(thief.get("/admin/account").await.text().contains("10 recovery codes left"));
}

#[tokio::test]
async fn a_code_works_once_also_the_one_that_turned_it_on() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let (telephone, _) = turn_on(&world, &mut ann).await;
    let mut again = Operator { browser: world.merchant(), name: "ann".to_owned() };
    let page = again.sign_in(PASSWORD).await;
    let used = again.submit(&page, "Sign in", &[("code", &telephone.shows(&world))]).await;
    assert!(used.text().contains("was already used"), "{}", used.text());
    world.clock.advance(Duration::from_secs(30));
    let code = telephone.shows(&world);
    assert_eq!(again.submit(&used, "Sign in", &[("code", &code)]).await.url.path(), "/admin");
    let mut third = Operator { browser: world.merchant(), name: "ann".to_owned() };
    let page = third.sign_in(PASSWORD).await;
    assert_eq!(third.submit(&page, "Sign in", &[("code", &code)]).await.status, 422);
}

#[tokio::test]
async fn a_recovery_code_signs_in_once() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let (_, codes) = turn_on(&world, &mut ann).await;
    let sloppy = codes[3].replace('-', " ").to_uppercase();
    let mut ann = Operator { browser: world.merchant(), name: "ann".to_owned() };
    let page = ann.sign_in(PASSWORD).await;
    assert_eq!(ann.submit(&page, "Sign in", &[("code", &sloppy)]).await.url.path(), "/admin");
    assert!(ann.get("/admin/account").await.text().contains("9 recovery codes left"));
    let mut thief = Operator { browser: world.merchant(), name: "ann".to_owned() };
    let page = thief.sign_in(PASSWORD).await;
    assert_eq!(thief.submit(&page, "Sign in", &[("code", &codes[3])]).await.status, 422);
    let kinds = column(&world.app.db, "SELECT kind FROM events ORDER BY seq").await;
    assert!(kinds.contains(&"operator.recovery_code_spent".to_owned()), "{kinds:?}");
}

#[tokio::test]
async fn codes_are_guessed_ten_times_at_most() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let (telephone, _) = turn_on(&world, &mut ann).await;
    world.clock.advance(Duration::from_secs(30));
    let mut thief = Operator { browser: world.merchant(), name: "ann".to_owned() };
    let page = thief.sign_in(PASSWORD).await;
    for _ in 0..10 {
        assert_eq!(thief.submit(&page, "Sign in", &[("code", "000000")]).await.status, 422);
    }
    let page = thief.submit(&page, "Sign in", &[("code", &telephone.shows(&world))]).await;
    assert_eq!(page.status, 429, "the right code is not looked at any more");
    assert_eq!(page.headers["retry-after"], "900");
}

#[tokio::test]
async fn half_a_session_lives_ten_minutes() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let (telephone, _) = turn_on(&world, &mut ann).await;
    let page = ann.get("/admin").await;
    ann.submit(&page, "Sign out", &[]).await;
    let page = ann.sign_in(PASSWORD).await;
    world.clock.advance(Duration::from_mins(10));
    let page = ann.submit(&page, "Sign in", &[("code", &telephone.shows(&world))]).await;
    assert_eq!(page.url.path(), "/admin/sign-in");
}

#[tokio::test]
async fn it_is_turned_on_only_with_the_telephones_code_and_off_only_with_the_password() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let page = ann.get("/admin/account/second-factor").await;
    let telephone = Telephone::reads(&page);
    let code = telephone.shows(&world);
    let page = ann.submit(&page, "Turn it on", &[("code", "000000"), ("password", PASSWORD)]).await;
    assert!(page.text().contains("not the code that your phone shows"), "{}", page.text());
    let page = ann.submit(&page, "Turn it on", &[("code", &code), ("password", "guess")]).await;
    assert!(page.text().contains("This is not your current password"), "{}", page.text());
    let page = ann.submit(&page, "Turn it on", &[("code", &code), ("password", PASSWORD)]).await;
    assert!(page.text().contains("The second factor is on"), "the same letters all along: {}", page.text());
    let page = ann.get("/admin/account").await;
    let page = ann.submit(&page, "Turn off the second factor", &[("password", "guess")]).await;
    assert!(page.text().contains("This is not your current password"), "{}", page.text());
    let page = ann.submit(&page, "Turn off the second factor", &[("password", PASSWORD)]).await;
    assert!(page.text().contains("The second factor is off."), "{}", page.text());
    let mut again = Operator { browser: world.merchant(), name: "ann".to_owned() };
    assert_eq!(again.sign_in(PASSWORD).await.url.path(), "/admin");
    let told = world.happened("operator.second%").await;
    assert_eq!(told, ["operator.second_factor_on - op", "operator.second_factor_off - op"], "once each");
}

#[tokio::test]
async fn who_has_lost_telephone_and_codes_has_it_turned_off_on_the_command_line() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    turn_on(&world, &mut ann).await;
    operators::drop_second_factor(&world.app, &"ann".parse().unwrap(), &Actor::cli()).await.unwrap();
    assert_eq!(world.happened("operator.second_factor_off").await, ["operator.second_factor_off - cli"]);
    let mut again = Operator { browser: world.merchant(), name: "ann".to_owned() };
    assert_eq!(again.sign_in(PASSWORD).await.url.path(), "/admin");
}

#[tokio::test]
async fn it_is_turned_on_once_and_ends_the_other_sessions() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let mut elsewhere = Operator { browser: world.merchant(), name: "ann".to_owned() };
    elsewhere.sign_in(PASSWORD).await;
    let stale = ann.get("/admin/account/second-factor").await;
    let (telephone, _) = turn_on(&world, &mut ann).await;
    assert_eq!(elsewhere.get("/admin").await.url.path(), "/admin/sign-in");
    assert_eq!(ann.get("/admin").await.url.path(), "/admin", "this one stays");
    let other = Telephone::reads(&stale);
    let page = ann.submit(&stale, "Turn it on", &[("code", &other.shows(&world)), ("password", PASSWORD)]).await;
    assert_eq!(page.status, 409);
    world.clock.advance(Duration::from_secs(30));
    let page = elsewhere.sign_in(PASSWORD).await;
    let page = elsewhere.submit(&page, "Sign in", &[("code", &telephone.shows(&world))]).await;
    assert_eq!(page.url.path(), "/admin", "the first telephone is still the one");
}

#[tokio::test]
async fn the_second_factor_is_sealed_for_its_operator() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let (_, codes) = turn_on(&world, &mut ann).await;
    let mut bob = world.operator_named("bob").await;
    let (telephone, _) = turn_on(&world, &mut bob).await;
    world.clock.advance(Duration::from_secs(30));
    let swap = "UPDATE operators SET second_factor = (SELECT o.second_factor FROM operators o WHERE o.name = 'bob') WHERE name = 'ann'";
    assert_eq!(crate::database::change(&world.app.db, swap).await, 1);
    let mut thief = Operator { browser: world.merchant(), name: "ann".to_owned() };
    let page = thief.sign_in(PASSWORD).await;
    let page = thief.submit(&page, "Sign in", &[("code", &telephone.shows(&world))]).await;
    assert_eq!(page.status, 422, "another one's factor does not open");
    let page = thief.submit(&page, "Sign in", &[("code", &codes[0])]).await;
    assert_eq!(page.url.path(), "/admin", "the owner still has the recovery codes");
}
