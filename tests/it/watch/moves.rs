//! A store that has moved, or that exists twice: the key is sent to neither.

use cartkey::demo::pretend_store::Switches;
use cartkey::domain::key::AuthMethod;
use cartkey::flow::watching::watch;
use serde_json::json;

use super::Watched;
use crate::world::SHOP;

const MOVED: &str = "https://moved.example";
const NOTHING: Vec<String> = Vec::new();

/// No request to another host than the store's own contains any part of a key, whatever the authentication method.
fn assert_no_key_leaves(watched: &Watched) {
    for seen in watched.world.shop.requests() {
        let own = seen.header("host") == Some("shop.example");
        let carries = seen.header("authorization").is_some() || seen.target.contains("consumer_");
        assert!(own || !carries, "{seen:?}");
    }
}

#[tokio::test]
async fn a_store_that_sends_us_to_its_new_address_has_moved() {
    for method in AuthMethod::LADDER {
        let mut watched = Watched::new().await;
        watched.world.shop.switch(|s| match method {
            AuthMethod::Basic | AuthMethod::ApplicationPassword => {}
            AuthMethod::Query => s.authorization_stripped = true,
            AuthMethod::Oauth1 => s.plain_keys_dropped = true,
            AuthMethod::Oauth1Http => s.https_hidden = true,
        });
        watched.pass().await;
        watched.happened().await;
        watched.world.shop.switch(|s| {
            s.redirects_to = Some(MOVED.to_owned());
            s.moved_to = Some(MOVED.to_owned());
        });
        watched.pass().await;
        assert_eq!(watched.stands().await, ("unreachable", "moved"));
        assert_eq!(watched.happened().await, ["store.moved moved", "store.unreachable moved"], "at once");
        assert_eq!(watched.store().await.moved_to.unwrap().as_str(), MOVED);
        let elsewhere = watched.world.shop.requests().iter().any(|seen| seen.header("host") == Some("moved.example"));
        assert!(elsewhere, "the new address was looked at");
        assert_no_key_leaves(&watched);
        watched.pass().await;
        assert_eq!(watched.happened().await, NOTHING, "told once");
        watched.mend();
        watched.pass().await;
        assert_eq!((watched.stands().await, watched.store().await.moved_to), (("connected", ""), None));
        assert_eq!(watched.happened().await[0], "store.recovered");
    }
}

#[tokio::test]
async fn a_store_that_works_and_says_it_is_its_www_has_moved_and_goes_on() {
    let mut watched = Watched::new().await;
    watched.world.shop.switch(|s| s.moved_to = Some("https://www.shop.example".to_owned()));
    for told in [&["store.moved moved"][..], &[]] {
        watched.pass().await;
        assert_eq!(watched.stands().await, ("connected", "moved"));
        assert_eq!(watched.happened().await, told);
    }
    assert_eq!(watched.store().await.moved_to.unwrap().as_str(), "https://www.shop.example");
    assert_eq!(watched.world.service("keys:read").await.get("/users/m/keys").await.text("store_url"), SHOP);
    assert_no_key_leaves(&watched);
    watched.happened().await;
    watched.mend();
    watched.pass().await;
    assert_eq!((watched.stands().await, watched.store().await.moved_to), (("connected", ""), None));
    assert_eq!(watched.happened().await, NOTHING);
}

#[tokio::test]
async fn a_store_that_takes_signatures_only_and_has_another_address_takes_none_for_the_old_one() {
    for change in [|s: &mut Switches| s.https_hidden = true, |s: &mut Switches| s.plain_keys_dropped = true] {
        let mut watched = Watched::new().await;
        watched.world.shop.switch(change);
        watched.pass().await;
        watched.happened().await;
        watched.world.shop.switch(|s| s.moved_to = Some("https://www.shop.example".to_owned()));
        watched.pass().await;
        assert_eq!(watched.stands().await, ("unreachable", "moved"));
        assert_eq!(watched.happened().await, ["store.moved moved", "store.unreachable moved"]);
        assert_eq!(watched.store().await.moved_to.unwrap().as_str(), "https://www.shop.example");
        assert_no_key_leaves(&watched);
    }
}

#[tokio::test]
async fn a_store_that_works_and_says_an_address_where_nobody_is_has_moved_and_goes_on() {
    for nobody in
        ["https://unknown.example", "https://closed.example", "https://app.example", "https://shop.example/de"]
    {
        let mut watched = Watched::new().await;
        watched.world.shop.switch(|s| s.moved_to = Some(nobody.to_owned()));
        watched.pass().await;
        assert_eq!(watched.stands().await, ("connected", "moved"), "{nobody}");
        assert_eq!(watched.happened().await, ["store.moved moved"], "{nobody}");
        assert_eq!(watched.store().await.moved_to.unwrap().as_str(), nobody);
    }
}

#[tokio::test]
async fn a_key_that_works_at_a_site_which_calls_itself_another_live_store_is_not_lent() {
    let mut watched = Watched::new().await;
    watched.world.shop.switch(|s| s.moved_to = Some(MOVED.to_owned()));
    watched.pass().await;
    assert_eq!(watched.stands().await, ("unauthorized", "clone_suspected"));
    assert_eq!(watched.happened().await, ["store.unauthorized clone_suspected"]);
    assert_eq!(watched.store().await.moved_to.unwrap().as_str(), MOVED, "where the other one is");
    assert_eq!(watched.world.service("keys:read").await.get("/users/m/keys").await.problem().0, 409);
    assert_no_key_leaves(&watched);
}

#[tokio::test]
async fn where_a_redirect_leads_may_stay_unknown() {
    for nowhere in
        ["https://unknown.example", "https://closed.example", "https://127.0.0.1:1", "https://u:p@moved.example"]
    {
        let mut watched = Watched::new().await;
        watched.world.shop.switch(|s| s.redirects_to = Some(nowhere.to_owned()));
        watched.pass().await;
        assert_eq!(watched.stands().await, ("connected", "moved"), "{nowhere}: once may be a page of the host");
        assert_eq!(watched.happened().await, NOTHING, "{nowhere}");
        watched.pass().await;
        assert_eq!(watched.stands().await, ("unreachable", "moved"), "{nowhere}");
        assert_eq!(watched.happened().await, ["store.moved moved", "store.unreachable moved"], "{nowhere}");
        assert_eq!(watched.store().await.moved_to, None, "{nowhere}");
        watched.pass().await;
        assert_eq!(watched.happened().await, NOTHING, "{nowhere}: told once");
        assert_no_key_leaves(&watched);
    }
}

#[tokio::test]
async fn a_store_that_has_moved_and_works_is_not_called_unreachable_for_one_trouble() {
    let mut watched = Watched::new().await;
    watched.world.shop.switch(|s| s.moved_to = Some("https://www.shop.example".to_owned()));
    watched.pass().await;
    assert_eq!(watched.stands().await, ("connected", "moved"));
    watched.happened().await;
    watched.world.shop.switch(|s| s.login_wall = true);
    watched.pass().await;
    assert_eq!(watched.stands().await, ("connected", "login_wall"));
    assert_eq!(watched.happened().await, NOTHING);
    watched.pass().await;
    assert_eq!(watched.happened().await, ["store.unreachable login_wall"]);
}

#[tokio::test]
async fn a_new_address_is_not_forgotten_while_the_store_cannot_be_asked() {
    let mut watched = Watched::new().await;
    let moved = |s: &mut Switches| s.moved_to = Some("https://www.shop.example".to_owned());
    watched.world.shop.switch(moved);
    watched.pass().await;
    watched.happened().await;
    watched.world.shop.switch(|s| s.server_error = true);
    watched.pass().await;
    watched.pass().await;
    assert_eq!(watched.stands().await, ("unreachable", "server_error"));
    assert!(watched.store().await.moved_to.is_some());
    assert_eq!(watched.happened().await, ["store.unreachable server_error"]);
    watched.world.shop.switch(|s| s.server_error = false);
    watched.pass().await;
    assert_eq!(watched.stands().await, ("connected", "moved"));
    assert_eq!(watched.happened().await, ["store.recovered moved"], "that it moved is no news");
}

#[tokio::test]
async fn connecting_again_at_the_same_address_forgets_what_was_the_matter() {
    let mut watched = Watched::new().await;
    watched.world.shop.switch(|s| s.moved_to = Some(MOVED.to_owned()));
    for _ in 0..4 {
        watched.pass().await;
    }
    assert!(watched.due().await.since(watched.world.clock.now()).as_secs() > 3_000, "asked hours later");
    watched.mend();
    watched.world.approved("m", json!({})).await;
    watched.world.prove().await;
    let store = watched.store().await;
    assert_eq!((store.key_version, store.failures, &store.moved_to), (2, 0, &None));
    let wait = store.check_at.since(watched.world.clock.now());
    assert!(wait.as_secs() <= 600, "and the schedule begins anew: {wait:?}");
    assert_eq!(watch::check_due(&watched.app).await.unwrap(), 0);
}
