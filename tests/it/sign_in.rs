//! Signing in: passwords, throttles, sessions.

use std::time::Duration;

use cartkey::domain::actor::Actor;
use cartkey::domain::secret::Secret;
use cartkey::flow::operators;
use cartkey::flow::operators::sign_in::{self, Brings};
use cartkey::storage::sessions::{self, AsRead, Ends};
use cartkey::vault::password::{Cost, Passwords};

use crate::database::{change, column};
use crate::operator::PASSWORD;
use crate::process::until_async;
use crate::world::{KEYS, World};

const COOKIE: &str = "__Host-cartkey-operator";

#[tokio::test]
async fn an_operator_signs_in_and_out() {
    let world = World::new().await;
    let mut ann = world.stranger("ann").await;
    let page = ann.get("/admin/account?q=cups").await;
    assert_eq!(page.url.path(), "/admin/sign-in");
    assert_eq!(page.param("next").as_deref(), Some("/admin/account?q=cups"));
    let page = ann.submit(&page, "Sign in", &[("name", "ANN"), ("password", PASSWORD)]).await;
    assert_eq!(page.url.path(), "/admin/account", "on to where they wanted to go");
    let page = ann.click(&page, "Overview").await;
    let page = ann.submit(&page, "Sign out", &[]).await;
    assert!(page.text().contains("You are signed out."), "{}", page.text());
    assert_eq!(ann.get("/admin").await.url.path(), "/admin/sign-in");
    let kinds = column(&world.app.db, "SELECT kind FROM events WHERE kind LIKE 'operator.%' ORDER BY seq").await;
    assert_eq!(kinds, ["operator.added", "operator.signed_in", "operator.signed_out"]);
}

#[tokio::test]
async fn the_cookie_is_for_this_host_alone_and_the_database_does_not_hold_it() {
    let world = World::new().await;
    let mut ann = world.stranger("ann").await;
    let page = ann.get("/admin/sign-in").await;
    let page = ann.submit(&page, "Sign in", &[("name", "ann"), ("password", PASSWORD)]).await;
    assert_eq!(page.status, 200);
    let cookie = ann.browser.cookie("keys.example", COOKIE).expect("a session").to_owned();
    assert_eq!(cookie.len(), 43);
    let header = page.headers.get("set-cookie");
    assert!(header.is_none(), "it is set once, not on every page");
    let hash = cartkey::vault::fingerprint(&Secret::new(cookie.clone()));
    assert!(sessions::find(&world.app.db, &hash).await.unwrap().is_some());
    for file in
        std::fs::read_dir(world.folder.path()).unwrap().map(|file| file.unwrap().path()).filter(|file| file.is_file())
    {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(cookie.len()).any(|at| at == cookie.as_bytes()), "{}", file.display());
    }
}

/// Every attribute of both cookies: without `HttpOnly`, any script could read the session (docs/protocol/threats.md §6.9).
#[tokio::test]
async fn an_operators_cookies_go_to_this_host_over_https_from_its_own_pages_and_to_no_script() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let cookie = |name| ann.browser.cookie("keys.example", name).expect("it is kept").to_owned();
    let known = cookie("__Host-cartkey-known");
    let expected = [
        format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict; Secure", cookie(COOKIE)),
        format!("__Host-cartkey-known={known}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000; Secure"),
    ];
    assert_eq!(std::mem::take(&mut ann.browser.set_cookies), expected);
    let page = ann.get("/admin").await;
    ann.submit(&page, "Sign out", &[]).await;
    let forgotten = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0; Secure");
    assert_eq!(ann.browser.set_cookies, [forgotten]);
}

#[tokio::test]
async fn who_signs_in_again_in_the_same_browser_has_one_session_and_the_former_is_dead() {
    let world = World::new().await;
    let mut ann = world.stranger("ann").await;
    // Two tabs, both on the page that asks.
    let tab = ann.get("/admin/sign-in").await;
    ann.sign_in(PASSWORD).await;
    let former = ann.browser.cookie("keys.example", COOKIE).unwrap().to_owned();
    ann.submit(&tab, "Sign in", &[("name", "ann"), ("password", PASSWORD)]).await;
    assert_ne!(ann.browser.cookie("keys.example", COOKIE).unwrap(), former);
    assert_eq!(ann.get("/admin").await.url.path(), "/admin");
    // Whoever had the former cookie copied has nothing of it (docs/protocol/threats.md 25).
    let mut thief = world.merchant();
    thief.header("cookie", &format!("{COOKIE}={former}"));
    assert_eq!(thief.get(&format!("{KEYS}/admin")).await.url.path(), "/admin/sign-in");
    assert_eq!(sessions(&world).await, 1);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_told_alike() {
    let world = World::new().await;
    let mut ann = world.stranger("ann").await;
    let wrong = ann.sign_in("not the password").await;
    ann.name = "nobody".to_owned();
    let unknown = ann.sign_in("not the password").await;
    assert_eq!((wrong.status, unknown.status), (422, 422));
    assert!(wrong.text().contains("The name or password is wrong."));
    assert_eq!(wrong.body.replace("ann", "nobody"), unknown.body);
    assert!(!wrong.body.contains("not the password"), "a password is never shown again");
    // Put on record beside the answer.
    until_async(async || world.happened("operator.refused").await == ["operator.refused - nobody"]).await;
}

#[tokio::test]
async fn ten_tries_for_one_name_are_enough_for_a_quarter_of_an_hour() {
    let world = World::new().await;
    let mut ann = world.stranger("ann").await;
    for _ in 0..10 {
        assert_eq!(ann.sign_in("guess").await.status, 422);
    }
    let page = ann.sign_in(PASSWORD).await;
    assert_eq!(page.status, 429, "the right password is not looked at any more");
    assert_eq!(page.headers["retry-after"], "900");
    assert!(page.text().contains("Wait 15 minutes"), "{}", page.text());
    world.clock.advance(Duration::from_secs(15 * 60 + 1));
    assert_eq!(ann.sign_in(PASSWORD).await.status, 200);
}

#[tokio::test]
async fn thirty_tries_from_one_network_are_enough_whatever_the_names() {
    let world = World::new().await;
    let mut ann = world.stranger("ann").await;
    for number in 0..30 {
        ann.name = format!("guess-{number}");
        assert_eq!(ann.sign_in("guess").await.status, 422);
    }
    ann.name = "ann".to_owned();
    assert_eq!(ann.sign_in(PASSWORD).await.status, 429);
    let names = column(&world.app.db, "SELECT subject FROM throttles WHERE subject = 'name ann'").await;
    assert!(names.is_empty(), "a network that is over its limit does not use up a name's");
}

/// Each count is a commit, and one writer makes them all: a flood that was written down would hold up every callback.
#[tokio::test]
async fn what_comes_over_the_limit_is_not_written_down() {
    let world = World::new().await;
    let mut ann = world.stranger("ann").await;
    for number in 0..30 {
        ann.name = format!("guess-{number}");
        assert_eq!(ann.sign_in("guess").await.status, 422);
    }
    let counted = "SELECT subject || ' ' || CAST(n AS TEXT) FROM throttles ORDER BY subject";
    let before = column(&world.app.db, counted).await;
    for number in 0..5 {
        ann.name = format!("flood-{number}");
        assert_eq!(ann.sign_in("guess").await.status, 429);
    }
    assert_eq!(column(&world.app.db, counted).await, before);
    change(&world.app.db, "UPDATE throttles SET n = CASE WHEN subject LIKE '%/24' THEN 120 ELSE 0 END").await;
    assert_eq!(ann.sign_in("guess").await.status, 429, "the wide network is over its limit");
    let narrow = "SELECT CAST(MAX(n) AS TEXT) FROM throttles WHERE subject NOT LIKE '%/24'";
    assert_eq!(column(&world.app.db, narrow).await, ["0"], "so its narrow ones are not counted");
}

#[tokio::test]
async fn strangers_who_take_all_places_leave_known_browsers_theirs() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let page = ann.get("/admin").await;
    ann.submit(&page, "Sign out", &[]).await;
    let _strangers = world.app.password_places.acquire_many(10).await.unwrap();
    let before = column(&world.app.db, "SELECT subject FROM throttles ORDER BY subject").await;
    let (password, stranger) = (Secret::new(PASSWORD.to_owned()), Actor::new("nobody"));
    let refused = sign_in::sign_in(&world.app, "ann", &password, &Brings::default(), &stranger).await;
    assert!(matches!(refused, Err(sign_in::Error::Busy)), "{refused:?}");
    let after = column(&world.app.db, "SELECT subject FROM throttles ORDER BY subject").await;
    assert_eq!(after, before, "who finds no place is not counted");
    assert_eq!(ann.sign_in(PASSWORD).await.url.path(), "/admin");
}

#[tokio::test]
async fn tries_at_the_same_time_are_all_counted() {
    let world = World::new().await;
    let ann = world.stranger("ann").await;
    let tries = (0..40).map(|_| {
        let (app, name) = (world.app.clone(), ann.name.clone());
        tokio::spawn(async move {
            let password = Secret::new("guess".to_owned());
            let error =
                sign_in::sign_in(&app, &name, &password, &Brings::default(), &Actor::new("nobody")).await.unwrap_err();
            matches!(error, sign_in::Error::Wrong)
        })
    });
    let mut looked_at = 0;
    for each in tries.collect::<Vec<_>>() {
        looked_at += i32::from(each.await.unwrap());
    }
    assert_eq!(looked_at, 10);
}

#[tokio::test]
async fn a_session_ends_unused_after_half_an_hour_and_used_after_eight() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    world.clock.advance(Duration::from_mins(29));
    assert_eq!(ann.get("/admin").await.url.path(), "/admin");
    world.clock.advance(Duration::from_mins(29));
    assert_eq!(ann.get("/admin").await.url.path(), "/admin", "it was used in between");
    world.clock.advance(Duration::from_mins(30));
    assert_eq!(ann.get("/admin").await.url.path(), "/admin/sign-in");
    ann.sign_in(PASSWORD).await;
    for _ in 0..23 {
        world.clock.advance(Duration::from_mins(20));
        assert_eq!(ann.get("/admin").await.url.path(), "/admin");
    }
    world.clock.advance(Duration::from_mins(20));
    assert_eq!(ann.get("/admin").await.url.path(), "/admin/sign-in", "eight hours are the most");
    cartkey::flow::sweep::sweep(&world.app).await.unwrap();
    assert_eq!(sessions(&world).await, 0, "what is over is deleted");
}

#[tokio::test]
async fn a_new_password_ends_every_session() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let mut phone = crate::operator::Operator { browser: world.merchant(), name: "ann".to_owned() };
    phone.sign_in(PASSWORD).await;
    let page = ann.get("/admin/account").await;
    let change = [("password", PASSWORD), ("new", "seven brown teapots"), ("again", "seven brown teapots")];
    let weak = [("password", PASSWORD), ("new", "passwordpassword"), ("again", "passwordpassword")];
    assert!(ann.submit(&page, "Change password", &weak).await.text().contains("easy to guess"));
    let differs = [("password", PASSWORD), ("new", "seven brown teapots"), ("again", "seven brown teapot")];
    assert!(ann.submit(&page, "Change password", &differs).await.text().contains("do not match"));
    let wrong = [("password", "guess"), ("new", "seven brown teapots"), ("again", "seven brown teapots")];
    assert!(ann.submit(&page, "Change password", &wrong).await.text().contains("This is not your current password."));
    let done = ann.submit(&page, "Change password", &change).await;
    assert!(done.text().contains("Your password was changed"), "{}", done.text());
    assert_eq!(phone.get("/admin").await.url.path(), "/admin/sign-in");
    assert_eq!(phone.sign_in(PASSWORD).await.status, 422);
    assert_eq!(phone.sign_in("seven brown teapots").await.url.path(), "/admin");
    assert_eq!(world.happened("operator.password%").await, ["operator.password_changed - op"], "the one that was done");
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_session_and_one_can_be_ended_alone() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    world.clock.advance(Duration::from_mins(1));
    let mut phone = crate::operator::Operator { browser: world.merchant(), name: "ann".to_owned() };
    phone.sign_in(PASSWORD).await;
    let page = phone.get("/admin/account").await;
    let page = phone.submit(&page, "End", &[]).await;
    assert!(page.text().contains("The session was ended."), "{}", page.text());
    assert_eq!(ann.get("/admin").await.url.path(), "/admin/sign-in");
    assert_eq!(phone.get("/admin").await.url.path(), "/admin");
    ann.sign_in(PASSWORD).await;
    let page = ann.get("/admin/account").await;
    ann.submit(&page, "Sign out everywhere", &[]).await;
    assert_eq!(phone.get("/admin").await.url.path(), "/admin/sign-in");
    assert_eq!(sessions(&world).await, 0);
}

#[tokio::test]
async fn an_operator_who_is_removed_is_out_at_once_and_their_name_is_free_again() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    operators::remove(&world.app, &"ann".parse().unwrap(), &Actor::cli()).await.unwrap();
    assert_eq!(ann.get("/admin").await.url.path(), "/admin/sign-in");
    assert_eq!(world.happened("operator.removed").await, ["operator.removed - cli"]);
    assert_eq!(ann.sign_in(PASSWORD).await.status, 422);
    world.operator_named("ann").await;
}

#[tokio::test]
async fn a_form_from_elsewhere_or_without_the_sessions_token_is_not_taken() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let bare = ann.browser.post_form(&format!("{KEYS}/admin/sign-out"), &[]).await;
    assert_eq!(bare.status, 403);
    let guessed = ann.browser.post_form(&format!("{KEYS}/admin/sign-out"), &[("form_token", "guess")]).await;
    assert_eq!(guessed.status, 403);
    let mut bob = world.operator_named("bob").await;
    let page = bob.get("/admin").await;
    let bobs = page.form("Sign out").unwrap().fields.into_iter().find(|(name, _)| name == "form_token").unwrap().1;
    let another = ann.browser.post_form(&format!("{KEYS}/admin/sign-out"), &[("form_token", &bobs)]).await;
    assert_eq!(another.status, 403, "another session's token is not this one's");
    assert_eq!(ann.get("/admin").await.url.path(), "/admin", "and nobody was signed out");
}

#[tokio::test]
async fn what_is_posted_without_a_session_is_not_done_and_that_is_said() {
    let world = World::new().await;
    let mut ann = world.stranger("ann").await;
    let page = ann.browser.post_form(&format!("{KEYS}/admin/account/sessions/end"), &[]).await;
    assert_eq!(page.status, 401);
    assert!(page.text().contains("You are signed out, so nothing was done."), "{}", page.text());
}

#[tokio::test]
async fn a_strangers_guesses_do_not_lock_out_the_browser_in_which_one_signed_in_before() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let mut bob = world.operator_named("bob").await;
    let mut stranger = crate::operator::Operator { browser: world.merchant(), name: "ann".to_owned() };
    for _ in 0..10 {
        assert_eq!(stranger.sign_in("guess").await.status, 422);
    }
    assert_eq!(stranger.sign_in("guess").await.status, 429);
    world.clock.advance(Duration::from_mins(1));
    let page = ann.get("/admin/account").await;
    let change = [("password", PASSWORD), ("new", "seven brown teapots"), ("again", "seven brown teapots")];
    ann.submit(&page, "Change password", &change).await;
    assert_eq!(ann.sign_in("seven brown teapots").await.status, 429, "a new password makes browsers strangers again");
    world.clock.advance(Duration::from_secs(15 * 60 + 1));
    assert_eq!(ann.sign_in("seven brown teapots").await.url.path(), "/admin");
    let page = ann.get("/admin").await;
    ann.submit(&page, "Sign out", &[]).await;
    for _ in 0..30 {
        stranger.sign_in("guess").await;
    }
    assert_eq!(ann.sign_in("seven brown teapots").await.url.path(), "/admin", "from the same network, too");
    let page = ann.get("/admin").await;
    ann.submit(&page, "Sign out", &[]).await;
    for _ in 0..10 {
        assert_eq!(ann.sign_in("guess").await.status, 422);
    }
    assert_eq!(ann.sign_in("seven brown teapots").await.status, 429, "a known browser may not guess either");
    let page = bob.get("/admin").await;
    bob.submit(&page, "Sign out", &[]).await;
    bob.name = "ann".to_owned();
    assert_eq!(bob.sign_in("guess").await.status, 429, "and one that knows bob does not know ann");
}

#[tokio::test]
async fn no_session_begins_with_what_was_changed_meanwhile() {
    let world = World::new().await;
    let mut ann = world.operator().await;
    let cookie = Secret::new(ann.browser.cookie("keys.example", COOKIE).unwrap().to_owned());
    let (session, operator) = sign_in::who(&world.app, &cookie).await.unwrap().expect("a session");
    let proof = cartkey::storage::operators::by_name(&world.app.db, &operator.name).await.unwrap().unwrap();
    let begin = async |number: u8, half: Option<&[u8]>, second_factor| {
        let fresh = |text: &[u8]| cartkey::vault::fingerprint(&Secret::new(format!("{text:?}")));
        let session = cartkey::domain::operator::Session { fingerprint: fresh(&[number]), ..session.clone() };
        let as_read = AsRead { password: Some(&proof.password), second_factor };
        let half = half.map(fresh);
        let ends = Ends { former: None, half: half.as_ref() };
        sessions::insert(&world.app.db, &operator.id, &session, &as_read, &ends, None).await.unwrap()
    };
    assert!(begin(1, None, false).await, "as it was read");
    assert!(!begin(2, None, true).await, "the second factor was turned off meanwhile, or on");
    assert!(!begin(3, Some(&[9]), false).await, "the half session is gone");
    let page = ann.get("/admin/account").await;
    let change = [("password", PASSWORD), ("new", "seven brown teapots"), ("again", "seven brown teapots")];
    ann.submit(&page, "Change password", &change).await;
    assert!(!begin(4, None, false).await, "the password is another one");
    assert_eq!(sessions(&world).await, 0);
}

// Passwords of full cost take long enough to be seen at work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hangs_up_makes_no_room_for_more_hashing() {
    let mut world = World::new().await;
    // Before there is an operator: a hash is checked at the cost it was made at.
    world.app.passwords = Passwords::new(Cost::Full);
    world.stranger("ann").await;
    let sign_in = |app: cartkey::app::App| {
        tokio::spawn(async move {
            let password = Secret::new("guess".to_owned());
            sign_in::sign_in(&app, "ann", &password, &Brings::default(), &Actor::new("nobody")).await.map(drop)
        })
    };
    let (turns, places) = (&world.app.password_turns, &world.app.password_places);
    let asked = sign_in(world.app.clone());
    until(|| turns.available_permits() == 1).await;
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    assert_eq!(turns.available_permits(), 1, "the hashing goes on, and so does its turn");
    until(|| turns.available_permits() == 2 && places.available_permits() == 10).await;
    let _all = turns.acquire_many(2).await.unwrap();
    let waiting: Vec<_> = (0..8).map(|_| sign_in(world.app.clone())).collect();
    until(|| places.available_permits() == 2).await;
    let _rest = places.acquire_many(2).await.unwrap();
    let one_more = Secret::new("guess".to_owned());
    let refused = sign_in::sign_in(&world.app, "bob", &one_more, &Brings::default(), &Actor::new("nobody")).await;
    assert!(matches!(refused, Err(sign_in::Error::Busy)), "{refused:?}");
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Waits for a condition that must soon be true.
async fn until(is_so: impl Fn() -> bool) {
    let mut look = tokio::time::interval(Duration::from_millis(1));
    for _ in 0..20_000 {
        if is_so() {
            return;
        }
        look.tick().await;
    }
    panic!("it never became so");
}

async fn sessions(world: &World) -> i64 {
    column(&world.app.db, "SELECT CAST(COUNT(*) AS TEXT) FROM sessions").await[0].parse().unwrap()
}
