//! An authentication method stops working: another one is learned before the store counts as broken.

use cartkey::demo::pretend_store::{Permalinks, Switches};
use cartkey::domain::key::AuthMethod;
use serde_json::json;

use super::Watched;

/// Makes `method` the only one that works.
pub fn only(method: AuthMethod) -> Switches {
    let mut switches = Switches::default();
    match method {
        AuthMethod::Basic => (switches.keys_in_address_blocked, switches.query_added) = (true, true),
        AuthMethod::Query => (switches.authorization_stripped, switches.query_added) = (true, true),
        AuthMethod::Oauth1 => switches.plain_keys_dropped = true,
        AuthMethod::Oauth1Http => switches.https_hidden = true,
        AuthMethod::ApplicationPassword => {}
    }
    switches
}

#[tokio::test]
async fn each_way_is_learned_after_each_other_and_services_are_told_to_fetch_the_key_again() {
    let mut watched = Watched::new().await;
    let service = watched.world.service("keys:read").await;
    let pairs = AuthMethod::LADDER.iter().flat_map(|from| AuthMethod::LADDER.iter().map(move |to| (*from, *to)));
    for (from, to) in pairs.filter(|(from, to)| from != to) {
        watched.world.shop.switch(|s| *s = only(from));
        watched.pass().await;
        assert_eq!(watched.store().await.auth_method, from);
        let before = service.get("/users/m/keys").await;
        assert_eq!(before.text("auth_method"), from.as_str());
        watched.happened().await;

        watched.world.shop.switch(|s| *s = only(to));
        watched.pass().await;
        assert_eq!(watched.stands().await, ("connected", ""), "{from:?} to {to:?}");
        assert_eq!(watched.happened().await, ["key.auth_method_changed"], "{from:?} to {to:?}");
        let etag = [("if-none-match", before.headers["etag"].to_str().unwrap())];
        let after = service.ask(hyper::Method::GET, "/users/m/keys", &etag, Vec::new()).await;
        assert_eq!((after.status.as_u16(), after.text("auth_method")), (200, to.as_str()), "what was fetched is old");

        let asked = watched.world.shop.requests().len();
        watched.pass().await;
        assert_eq!(watched.asked(asked), ["GET"], "the new way is the first from now on");
        assert_eq!(watched.happened().await, Vec::<String>::new());
    }
}

/// A JWT plugin that was installed afterwards refuses Basic headers, or dies of them; the store itself is up.
#[tokio::test]
async fn a_plugin_that_takes_a_way_for_itself_costs_no_store_its_key() {
    let plugins: [fn(&mut Switches); 2] = [|s| s.basic_taken = true, |s| s.basic_dies = true];
    for plugin in plugins {
        let mut watched = Watched::new().await;
        watched.world.shop.switch(plugin);
        watched.pass().await;
        assert_eq!(watched.stands().await, ("connected", ""));
        assert_eq!(watched.store().await.auth_method, AuthMethod::Query);
        assert_eq!(watched.happened().await, ["key.auth_method_changed"]);
    }
}

#[tokio::test]
async fn a_way_that_still_works_is_kept_when_a_better_one_opens_again() {
    let mut watched = Watched::new().await;
    watched.world.shop.switch(|s| s.authorization_stripped = true);
    watched.pass().await;
    watched.happened().await;
    watched.mend();
    watched.pass().await;
    assert_eq!(watched.store().await.auth_method, AuthMethod::Query);
    assert_eq!(watched.happened().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_key_that_is_gone_is_told_from_a_way_that_is_closed_on_every_way() {
    // WordPress may take a key that it does not know for a password of its own, and say so.
    for (method, passwords) in AuthMethod::LADDER.iter().flat_map(|method| [(*method, false), (*method, true)]) {
        let mut watched = Watched::new().await;
        watched.world.shop.switch(|s| *s = Switches { invalid_username: passwords, ..only(method) });
        watched.pass().await;
        watched.happened().await;
        watched.world.shop.revoke(1);
        watched.pass().await;
        assert_eq!(watched.stands().await, ("unauthorized", "key_rejected"), "{method:?}");
        assert_eq!(watched.happened().await, ["store.unauthorized key_rejected"], "{method:?}");
    }
}

#[tokio::test]
async fn an_api_that_moves_within_its_store_is_found_again_and_services_are_told() {
    type Change = fn(&mut Switches);
    let mut watched = Watched::new().await;
    let service = watched.world.service("keys:read").await;
    let moves: [(Change, &str); 7] = [
        (|s| s.rest_prefix = Some("api"), "/api/wc/v3"),
        (|s| s.permalinks = Permalinks::Index, "/index.php/wp-json/wc/v3"),
        (|s| s.permalinks = Permalinks::Plain, "/index.php?for=wp-json/wc/&rest_route=/wc/v3"),
        (|_| (), "/wp-json/wc/v3"),
        (|s| (s.permalinks, s.woocommerce) = (Permalinks::Plain, Some((11, 1))), "/index.php?rest_route=/wc/v3"),
        (|s| (s.permalinks, s.https_hidden) = (Permalinks::Index, true), "/index.php/wp-json/wc/v3"),
        (|s| (s.rest_directory_closed, s.woocommerce) = (true, Some((11, 1))), "/index.php?rest_route=/wc/v3"),
    ];
    for (change, base) in moves {
        let before = service.get("/users/m/keys").await;
        watched.happened().await;
        watched.world.shop.switch(|s| (*s = Switches::default(), change(s)).1);
        watched.pass().await;
        assert_eq!(watched.stands().await, ("connected", ""), "{base}");
        assert!(watched.happened().await.contains(&"key.api_url_changed".to_owned()), "{base}");
        let etag = [("if-none-match", before.headers["etag"].to_str().unwrap())];
        let keys = service.ask(hyper::Method::GET, "/users/m/keys", &etag, Vec::new()).await.ok();
        assert_eq!(keys["api_url"], format!("https://shop.example{base}"), "what was fetched is old");
        assert_eq!(crate::prove::status_with(&watched.world, &keys).await, 200, "{base}");
        watched.pass().await;
        assert_eq!(watched.happened().await, Vec::<String>::new(), "{base}");
    }
}

#[tokio::test]
async fn a_key_that_is_gone_is_told_from_permalinks_under_which_keys_are_ignored() {
    for woocommerce in [(11, 0), (11, 1), (11, 2)] {
        let watched = Watched::new().await;
        watched.world.shop.switch(|s| (s.permalinks, s.woocommerce) = (Permalinks::Plain, Some(woocommerce)));
        watched.pass().await;
        assert_eq!(watched.stands().await, ("connected", ""), "{woocommerce:?}");
        watched.world.shop.revoke(1);
        watched.pass().await;
        assert_eq!(watched.stands().await, ("unauthorized", "key_rejected"), "{woocommerce:?}");
    }
}

#[tokio::test]
async fn noise_around_json_is_noted_while_it_is_there() {
    let watched = Watched::new().await;
    let service = watched.world.service("keys:read").await;
    assert_eq!(service.get("/users/m/keys").await.ok()["notes"], json!([]));
    for (notices, notes) in [(true, json!(["json_has_noise"])), (false, json!([]))] {
        let before = service.get("/users/m/keys").await;
        watched.world.shop.switch(|s| s.notices = notices);
        watched.pass().await;
        let etag = [("if-none-match", before.headers["etag"].to_str().unwrap())];
        let after = service.ask(hyper::Method::GET, "/users/m/keys", &etag, Vec::new()).await;
        assert_eq!(after.ok()["notes"], notes, "what was fetched is old");
    }
}
