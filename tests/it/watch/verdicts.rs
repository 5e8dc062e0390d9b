//! Every verdict of the watch is reached at run time, and left again.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cartkey::app::App;
use cartkey::demo::pretend_store::{Firewall, Pace, Switches};
use cartkey::domain::entropy::Entropy;
use cartkey::domain::scope::Scope;
use cartkey::domain::store_url::Network;
use cartkey::domain::verdict::{Product, Verdict};
use cartkey::flow::watching::watch;
use cartkey::live::outgoing_limits::{Limits, OutgoingLimits};
use cartkey::woo::{Client, Outgoing, Resolver};

use serde_json::json;

use super::Watched;
use crate::world::{OTHER, SHOP, World};

/// A failure at a store, or on the way to it.
enum Wrong {
    /// At the store.
    Switch(fn(&mut Switches)),
    /// With the key or its owner.
    Key(fn(&World)),
    /// On the way, or on our side.
    Way(fn(&World, &mut App)),
}
use Wrong::{Key, Switch, Way};

/// The client with another address for `shop.example`; `trusts`: the world's certificates.
fn client(world: &World, shop: Option<SocketAddr>, trusts: bool) -> Client {
    let names: HashMap<_, _> = shop.map(|address| ("shop.example".to_owned(), vec![address])).into_iter().collect();
    let outgoing = Outgoing {
        network: Network::PrivateToo,
        resolver: Resolver::Fixed(Arc::new(names)),
        extra_roots: if trusts { vec![world.root.clone()] } else { Vec::new() },
        user_agent: "Test/1.0".to_owned(),
        own_host: None,
    };
    Client::new(outgoing, world.clock.clone(), Entropy::System)
}

/// A store's own statement: it counts at once, and the key is not lent.
const REFUSALS: [(Verdict, Wrong); 7] = [
    (Verdict::KeyRejected, Key(|world| world.shop.revoke(1))),
    (Verdict::SecretRejected, Switch(|s| s.secrets_replaced = true)),
    (Verdict::RoleLost, Key(|world| world.shop.demote("admin"))),
    (Verdict::HeaderStripped, Switch(|s| s.nothing_arrives = true)),
    (Verdict::HttpsHidden, Switch(|s| (s.https_hidden, s.query_added) = (true, true))),
    (Verdict::OtherStore, Switch(|s| s.claims_home = Some(OTHER.to_owned()))),
    (Verdict::CloneSuspected, Switch(|s| s.moved_to = Some("https://moved.example".to_owned()))),
];

/// Trouble: after two in a row the store is unreachable.
const TROUBLE: [(Verdict, Wrong); 31] = [
    (Verdict::Blocked(Product::Cloudflare), Switch(|s| s.firewall = Firewall::Cloudflare)),
    (Verdict::Blocked(Product::Sucuri), Switch(|s| s.firewall = Firewall::Sucuri)),
    (Verdict::Blocked(Product::SiteGround), Switch(|s| s.firewall = Firewall::SiteGroundCaptcha)),
    (Verdict::Blocked(Product::Wordfence), Switch(|s| s.firewall = Firewall::Wordfence)),
    (Verdict::Blocked(Product::Imunify360), Switch(|s| s.firewall = Firewall::Imunify360)),
    (Verdict::Blocked(Product::AwsWaf), Switch(|s| s.firewall = Firewall::AwsWaf)),
    (Verdict::Blocked(Product::Imperva), Switch(|s| s.firewall = Firewall::Imperva)),
    (Verdict::Blocked(Product::BotCheck), Switch(|s| s.firewall = Firewall::BotCheck)),
    (
        Verdict::Blocked(Product::SolidSecurity),
        Switch(|s| s.refused_by = Some((401, "itsec_rest_api_access_restricted", "x"))),
    ),
    (
        Verdict::Blocked(Product::AllInOneSecurity),
        Switch(|s| s.refused_by = Some((500, "wp_die", "You are not authorized to perform this action."))),
    ),
    (
        Verdict::Blocked(Product::DisableRestApi),
        Switch(|s| {
            s.refused_by = Some((401, "rest_cannot_access", "DRA: Only authenticated users can access the REST API."));
        }),
    ),
    (Verdict::Blocked(Product::BirimRestLock), Switch(|s| s.refused_by = Some((403, "birim_rest_lock", "x")))),
    (Verdict::Blocked(Product::Duo), Switch(|s| s.refused_by = Some((403, "duo_required", "x")))),
    (Verdict::Blocked(Product::DefensiveMode), Switch(|s| s.firewall = Firewall::DefensiveMode)),
    (Verdict::NotPublic, Switch(|s| s.firewall = Firewall::PrivateSite)),
    (Verdict::Blocked(Product::ModSecurity), Switch(|s| s.firewall = Firewall::ModSecurity)),
    (Verdict::Blocked(Product::Unnamed), Switch(|s| s.firewall = Firewall::Unnamed)),
    (Verdict::RestClosed, Switch(|s| s.rest_closed = true)),
    (Verdict::LoginWall, Switch(|s| s.login_wall = true)),
    (Verdict::Maintenance, Switch(|s| s.maintenance = true)),
    (Verdict::ServerError, Switch(|s| s.server_error = true)),
    (Verdict::DnsFailed, Way(|world, app| app.woo = client(world, None, true))),
    (Verdict::PrivateAddress, Way(|world, app| app.woo = world.guarded_client())),
    (Verdict::ConnectFailed, Way(|world, app| app.woo = client(world, Some(([127, 0, 0, 1], 1).into()), true))),
    (Verdict::TlsFailed, Way(|world, app| app.woo = client(world, Some(world.shop.addr()), false))),
    (Verdict::TimedOut, Switch(|s| s.pace = Pace::Never)),
    (Verdict::AnswerUnreadable, Switch(|s| s.pace = Pace::Endless)),
    (Verdict::NoHttps, Switch(|s| s.redirects_to = Some("http://shop.example".to_owned()))),
    (Verdict::NoWordPress, Switch(|s| s.redirects_to = Some("https://app.example".to_owned()))),
    (Verdict::NoWooCommerce, Switch(|s| s.woocommerce_off = true)),
    (Verdict::ClockOff, Switch(|s| (s.plain_keys_dropped, s.clock_off) = (true, true))),
];

/// Remarks on a working key, which stays lent.
const REMARKS: [(Verdict, Wrong); 2] = [
    (Verdict::NoisyAnswer, Switch(|s| s.notices = true)),
    // Reached and left in a story of its own beside: it needs somebody who looks at what the key may do.
    (Verdict::ScopeNarrower, Key(|world| world.shop.permit(1, Scope::Read))),
];

/// The same trouble, in another shape.
const IN_OTHER_SHAPES: [(Verdict, Wrong); 4] = [
    (Verdict::NoWordPress, Switch(|s| s.page_instead = Some(404))),
    (Verdict::AnswerUnreadable, Switch(|s| s.page_instead = Some(200))),
    (Verdict::RestClosed, Switch(|s| s.page_instead = Some(401))),
    (Verdict::ServerError, Switch(|s| s.page_instead = Some(503))),
];

/// Verdicts covered by stories of their own.
const ELSEWHERE: [Verdict; 10] = [
    // Of application passwords: `application_passwords`.
    Verdict::PasswordsOff,
    Verdict::UserGone,
    // The fault of a handshake: `woo::http`'s own tests.
    Verdict::TlsOutdated,
    Verdict::KeyUnreadable,
    Verdict::Works,
    Verdict::ScopeWider,
    Verdict::Slow,
    Verdict::Moved,
    Verdict::RateLimited,
    // Where even that does not help: `woo::check_tests`.
    Verdict::PlainPermalinks,
];

/// Verdicts of connecting, which no check can return.
const OF_ATTEMPTS: [Verdict; 12] = [
    Verdict::IndexPermalinks,
    Verdict::ApprovalCached,
    Verdict::KeyNotSaved,
    Verdict::PermalinksStale,
    Verdict::ApprovalMisdirected,
    Verdict::Denied,
    Verdict::NotFinished,
    Verdict::NotConfirmed,
    Verdict::Disowned,
    Verdict::ApprovedElsewhere,
    Verdict::WrongStore,
    Verdict::LinkWithdrawn,
];

fn go_wrong(watched: &mut Watched, wrong: &Wrong) {
    let mut app = watched.world.app.clone();
    // Nobody waits here for as long as a real store is given.
    app.outgoing = OutgoingLimits::new(Limits { within: Duration::from_millis(500), ..Limits::default() });
    match wrong {
        Switch(change) => watched.world.shop.switch(change),
        Key(change) => change(&watched.world),
        Way(change) => change(&watched.world, &mut app),
    }
    watched.app = app;
}

async fn recovers(watched: &mut Watched, verdict: Verdict) {
    watched.mend();
    watched.pass().await;
    assert_eq!(watched.stands().await, ("connected", ""), "{verdict:?} is left again");
    assert_eq!(watched.happened().await, ["store.recovered"], "{verdict:?}");
    let lent = watched.world.service("keys:read").await.get("/users/m/keys").await;
    assert_eq!(lent.status, 200, "{verdict:?}");
    watched.happened().await;
}

#[test]
fn no_verdict_is_left_out() {
    let reached = REFUSALS.iter().chain(&TROUBLE).chain(&REMARKS).map(|(verdict, _)| *verdict);
    let all: Vec<Verdict> = reached.chain(ELSEWHERE).chain(OF_ATTEMPTS).collect();
    for verdict in Verdict::ALL {
        assert_eq!(all.iter().filter(|one| *one == verdict).count(), 1, "{verdict:?}");
    }
}

#[tokio::test]
async fn a_refusal_counts_at_once_and_is_left_again() {
    let mut watched = Watched::new().await;
    for (verdict, wrong) in &REFUSALS {
        go_wrong(&mut watched, wrong);
        watched.pass().await;
        assert_eq!(watched.stands().await, ("unauthorized", verdict.code()));
        assert_eq!(watched.happened().await, [format!("store.unauthorized {}", verdict.code())]);
        let refused = watched.world.service("keys:read").await.get("/users/m/keys").await;
        assert_eq!((refused.problem(), refused.text("reason")), ((409, "store_not_connected"), verdict.code()));
        watched.happened().await;
        watched.pass().await;
        assert_eq!(watched.happened().await, Vec::<String>::new(), "{verdict:?} is told once");
        recovers(&mut watched, *verdict).await;
    }
}

#[tokio::test]
async fn trouble_counts_when_it_comes_twice_and_is_left_again() {
    let mut watched = Watched::new().await;
    for (verdict, wrong) in TROUBLE.iter().chain(&IN_OTHER_SHAPES) {
        go_wrong(&mut watched, wrong);
        watched.pass().await;
        assert_eq!(watched.stands().await, ("connected", verdict.code()));
        assert_eq!(watched.happened().await, Vec::<String>::new(), "{verdict:?}: once says little");
        watched.pass().await;
        assert_eq!(watched.stands().await, ("unreachable", verdict.code()));
        assert_eq!(watched.happened().await, [format!("store.unreachable {}", verdict.code())]);
        recovers(&mut watched, *verdict).await;
    }
}

#[tokio::test]
async fn trouble_that_comes_once_is_no_event() {
    let mut watched = Watched::new().await;
    for (verdict, wrong) in &TROUBLE {
        go_wrong(&mut watched, wrong);
        watched.pass().await;
        watched.mend();
        watched.pass().await;
        assert_eq!(watched.stands().await, ("connected", ""), "{verdict:?}");
        assert_eq!(watched.happened().await, Vec::<String>::new(), "{verdict:?}");
    }
}

#[tokio::test]
async fn a_remark_leaves_the_key_lent() {
    let mut watched = Watched::new().await;
    for (verdict, wrong) in &REMARKS {
        go_wrong(&mut watched, wrong);
        watch::check(&watched.app, &watched.id, &"test".into()).await.unwrap();
        assert_eq!(watched.stands().await, ("connected", verdict.code()));
        watched.mend();
        watch::check(&watched.app, &watched.id, &"test".into()).await.unwrap();
        assert_eq!(watched.stands().await, ("connected", ""), "{verdict:?} is left again");
        assert_eq!(watched.happened().await, Vec::<String>::new(), "{verdict:?}");
    }
}

#[tokio::test]
async fn a_key_that_may_do_more_than_was_asked_is_remarked_on_until_it_may_not() {
    let watched = Watched::asked_for("read").await;
    watched.world.shop.switch(|s| s.grants_instead = Some(Scope::ReadWrite));
    watched.world.approved("m", json!({"scope": "read"})).await;
    watched.world.prove().await;
    for _ in 0..2 {
        assert_eq!(watched.stands().await, ("connected", "scope_wider"));
        watched.pass().await;
    }
    watched.world.shop.permit(2, Scope::Read);
    watch::check(&watched.app, &watched.id, &"test".into()).await.unwrap();
    assert_eq!((watched.stands().await, watched.store().await.scope), (("connected", ""), Scope::Read));
}

#[tokio::test]
async fn a_key_that_may_not_read_any_more_is_found_by_the_schedule_and_so_is_that_it_may_again() {
    for scope in ["read", "read_write"] {
        let mut watched = Watched::asked_for(scope).await;
        let service = watched.world.service("keys:read").await;
        watched.happened().await;
        watched.world.shop.permit(1, Scope::Write);
        for _ in 0..2 {
            watched.pass().await;
            assert_eq!(watched.stands().await, ("connected", "scope_narrower"), "{scope}");
            assert_eq!(service.get("/users/m/keys").await.text("permissions"), "write", "{scope}");
        }
        watched.world.shop.permit(1, scope.parse().unwrap());
        watched.pass().await;
        assert_eq!(watched.stands().await, ("connected", ""), "{scope}");
        assert_eq!(service.get("/users/m/keys").await.text("permissions"), scope);
        assert_eq!(watched.happened().await, Vec::<String>::new(), "{scope}");
    }
}

#[tokio::test]
async fn a_store_that_asks_us_to_slow_down_is_not_unreachable() {
    let mut watched = Watched::new().await;
    watched.world.shop.switch(|s| s.rate_limited = Some(7_200));
    for _ in 0..5 {
        watched.pass().await;
        assert_eq!(watched.stands().await, ("connected", "rate_limited"));
        let wait = watched.due().await.since(watched.world.clock.now());
        assert!(wait >= Duration::from_hours(2), "it is left alone for as long as it asked: {wait:?}");
    }
    watched.mend();
    watched.pass().await;
    assert_eq!(watched.stands().await, ("connected", ""));
    assert_eq!(watched.happened().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_store_that_takes_long_is_slow_and_works() {
    let mut watched = Watched::new().await;
    let due = watched.due().await;
    watched.world.clock.advance(due.since(watched.world.clock.now()));
    watched.world.shop.switch(|s| s.pace = Pace::WhenReleased);
    let asked = watched.world.shop.requests().len();
    let app = watched.app.clone();
    let checking = tokio::spawn(async move { watch::check_due(&app).await.unwrap() });
    while watched.world.shop.requests().len() == asked {
        tokio::task::yield_now().await;
    }
    watched.world.clock.advance(Duration::from_millis(10_001));
    watched.world.shop.release();
    assert_eq!(checking.await.unwrap(), 1);
    assert_eq!(watched.stands().await, ("connected", "slow"));
    let lent = watched.world.service("keys:read").await.get("/users/m/keys").await;
    assert_eq!(lent.text("store_url"), SHOP);
    watched.happened().await;
    watched.pass().await;
    assert_eq!(watched.stands().await, ("connected", ""));
    assert_eq!(watched.happened().await, Vec::<String>::new());
}
