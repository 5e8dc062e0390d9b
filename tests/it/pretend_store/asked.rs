//! Cartkey's own requests to the pretend store: each switch results in the verdict it stands for.

use cartkey::demo::pretend_store::{Firewall, Permalinks, Switches};
use cartkey::domain::key::{AuthMethod, KeyPair};
use cartkey::domain::rest_base::RestBase;
use cartkey::domain::scope::Scope;
use cartkey::domain::secret::Secret;
use cartkey::domain::store_url::{Network, StoreUrl};
use cartkey::domain::verdict::{Product, Verdict};
use cartkey::woo::authorize::{self, Ask};
use cartkey::woo::{check, grant, preflight};

use super::{HOME, Town};

/// A function that sets a switch.
type Change = fn(&mut Switches);

impl Town {
    async fn preflight(&self, typed: &str) -> preflight::Findings {
        let (state, callback) = secrets();
        let typed = StoreUrl::parse(typed, Network::PrivateToo).unwrap();
        preflight::examine(&self.asking, &typed, &ask(&state, &callback), preflight::ALL_WITHIN).await
    }

    async fn check(&self, pair: &KeyPair) -> check::Answer {
        let home = StoreUrl::parse(HOME, Network::PrivateToo).unwrap();
        check::ask(&self.asking, &home, &RestBase::usual(&home), pair, Some(Scope::ReadWrite), check::Ways::Keys).await
    }

    fn pair(&self, scope: Scope) -> KeyPair {
        let key = self.store.issue_key("manager", scope);
        KeyPair { consumer_key: Secret::new(key.consumer_key), consumer_secret: Secret::new(key.consumer_secret) }
    }
}

fn secrets() -> (Secret, Secret) {
    (Secret::new("state-0123".to_owned()), Secret::new("https://keys.example/wc-auth/callback/token-01".to_owned()))
}

fn ask<'a>(state: &'a Secret, callback_url: &'a Secret) -> Ask<'a> {
    Ask { app_name: "Key Desk", scope: Scope::ReadWrite, state, return_url: "https://app.example/return", callback_url }
}

#[tokio::test]
async fn preflight_finds_what_is_switched() {
    let town = Town::new().await;
    let healthy = town.preflight(HOME).await;
    assert_eq!((healthy.stop, healthy.warnings, healthy.home.as_str()), (None, vec![], HOME));
    assert_eq!(healthy.name.as_deref(), Some("Cups & Plates"));
    let stops: [(Change, Verdict); 7] = [
        (|s| s.permalinks = Permalinks::Plain, Verdict::PlainPermalinks),
        (|s| s.permalinks = Permalinks::Index, Verdict::IndexPermalinks),
        (|s| s.woocommerce_off = true, Verdict::NoWooCommerce),
        (|s| s.rules_stale = true, Verdict::PermalinksStale),
        (|s| s.maintenance = true, Verdict::Maintenance),
        (|s| s.server_error = true, Verdict::ServerError),
        (|s| s.firewall = Firewall::ModSecurityUrlInParameter, Verdict::Blocked(Product::ModSecurity)),
    ];
    for (change, verdict) in stops {
        town.store.switch(|s| (*s = Switches::default(), change(s)).1);
        let found = town.preflight(HOME).await;
        assert!(found.stop == Some(verdict) || found.warnings.contains(&verdict), "{verdict:?}: {found:?}");
    }
    let warns: [(Change, Verdict); 6] = [
        (|s| s.firewall = Firewall::Cloudflare, Verdict::Blocked(Product::Cloudflare)),
        (|s| s.firewall = Firewall::Sucuri, Verdict::Blocked(Product::Sucuri)),
        (|s| s.firewall = Firewall::SiteGroundCaptcha, Verdict::Blocked(Product::SiteGround)),
        (|s| s.firewall = Firewall::Wordfence, Verdict::Blocked(Product::Wordfence)),
        (|s| s.firewall = Firewall::Imunify360, Verdict::Blocked(Product::Imunify360)),
        (|s| s.rest_closed = true, Verdict::RestClosed),
    ];
    for (change, verdict) in warns {
        town.store.switch(|s| (*s = Switches::default(), change(s)).1);
        let found = town.preflight(HOME).await;
        assert_eq!((found.stop, found.warnings.contains(&verdict)), (None, true), "{verdict:?}: {found:?}");
    }
    town.store.switch(|s| (*s = Switches::default(), s.canonical_host = true).1);
    assert_eq!(town.preflight("https://www.shop.example").await.home.as_str(), HOME);
}

#[tokio::test]
async fn the_check_finds_the_way_that_works() {
    let town = Town::new().await;
    let pair = town.pair(Scope::ReadWrite);
    let rows: [(Change, Verdict, Option<AuthMethod>); 6] = [
        (|_| (), Verdict::Works, Some(AuthMethod::Basic)),
        (|s| s.authorization_stripped = true, Verdict::Works, Some(AuthMethod::Query)),
        (|s| s.https_hidden = true, Verdict::Works, Some(AuthMethod::Oauth1Http)),
        (|s| s.claims_home = Some("https://other.example".to_owned()), Verdict::OtherStore, Some(AuthMethod::Basic)),
        (|s| s.maintenance = true, Verdict::Maintenance, None),
        (|s| s.notices = true, Verdict::NoisyAnswer, Some(AuthMethod::Basic)),
    ];
    for (change, verdict, method) in rows {
        town.store.switch(|s| (*s = Switches::default(), change(s)).1);
        let found = town.check(&pair).await;
        assert_eq!((found.verdict, found.method), (verdict, method), "{found:?}");
    }
    town.store.switch(|s| *s = Switches::default());
    assert_eq!(town.check(&town.pair(Scope::Read)).await.verdict, Verdict::ScopeNarrower);
    assert_eq!(town.check(&town.pair(Scope::Write)).await.verdict, Verdict::ScopeNarrower);
    let wrong = KeyPair { consumer_secret: Secret::new(format!("cs_{:040}", 1)), ..pair.clone() };
    assert_eq!(town.check(&wrong).await.verdict, Verdict::SecretRejected);
    town.store.demote("manager");
    assert_eq!(town.check(&pair).await.verdict, Verdict::RoleLost);
    town.store.delete_user("manager");
    assert_eq!(town.check(&pair).await.verdict, Verdict::KeyRejected);
}

#[tokio::test]
async fn the_grant_of_an_approval_reads_back() {
    let town = Town::new().await;
    let (state, callback) = secrets();
    let url = authorize::url(&StoreUrl::parse(HOME, Network::Public).unwrap(), &ask(&state, &callback));
    town.merchant().approve(url.expose()).await;
    let made = town.store.callbacks().pop().unwrap();
    assert_eq!(made.url, callback.expose());
    let read = grant::parse(made.body.as_bytes()).unwrap();
    assert_eq!((read.state.expose(), read.key_id, read.scope), (state.expose(), 1, Scope::ReadWrite));
    assert_eq!(read.consumer_key.expose(), town.store.keys()[0].consumer_key);
}
