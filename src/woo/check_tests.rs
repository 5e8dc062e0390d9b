//! The check, against a small simulated store that rejects as WooCommerce does (docs/protocol/store-answers.md §2), in
//! another language.

use base64::Engine as _;

use super::check::{Answer, Ways, ask};
use super::loopback::{Seen, answer, client, home, serve};
use super::oauth1::{Digest, base_string, signature};
use crate::domain::{AuthMethod, KeyPair, Product, Reported, RestBase, Scope, Secret, Verdict};

const HOME: &str = "http://shop.example.com/de";

/// A store and its one key `ck_good` / `cs_good`.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a way in which a host alters requests")]
struct Shop {
    permissions: &'static str,
    header_arrives: bool,
    query_arrives: bool,
    https_seen: bool,
    owner_may: bool,
    home: &'static str,
    before: &'static str,
    /// Status, headers and body of every answer, overriding everything else.
    always: Option<(u16, &'static str, &'static str)>,
    /// Answers 403 to keys in the URL.
    query_is_blocked: bool,
    /// A plugin of its own answers every Basic header.
    basic_is_taken: bool,
    /// The answer to `system_status` alone.
    status: Option<(u16, &'static str)>,
    /// Anybody sees the products.
    shows_products: bool,
    /// OPTIONS are refused by the host.
    no_options: bool,
    /// So are empty batches.
    no_batch: bool,
    /// Status and headers of the page that every Basic header gets.
    basic_gets: Option<(u16, &'static str)>,
    /// Written after each answer.
    after: &'static str,
}

const SHOP: Shop = Shop {
    permissions: "read_write",
    header_arrives: true,
    query_arrives: true,
    https_seen: true,
    owner_may: true,
    home: HOME,
    before: "",
    always: None,
    query_is_blocked: false,
    basic_is_taken: false,
    status: None,
    shows_products: false,
    no_options: false,
    no_batch: false,
    basic_gets: None,
    after: "",
};

/// How WordPress describes a route, cut short.
const OPTIONS: &str = r#"{"namespace":"wc/v3","methods":["GET"]}"#;

fn refuse(status: u16, code: &str, message: &str) -> String {
    answer(
        status,
        "content-type: application/json",
        &format!(r#"{{"code":"{code}","message":"{message}","data":{{"status":{status}}}}}"#),
    )
}

impl Shop {
    fn respond(&self, seen: &Seen) -> String {
        if let Some((status, headers, body)) = self.always {
            return answer(status, headers, body);
        }
        if seen.path() == "/de/wp-json/" {
            let index = format!(r#"{{"name":"Laden","home":"{}","namespaces":["wc/v3"]}}"#, self.home);
            return answer(200, "", &index);
        }
        if self.query_is_blocked && seen.target.contains("consumer_key") {
            return answer(403, "", "<h1>Forbidden</h1>");
        }
        if self.basic_is_taken && !seen.header("authorization").is_empty() {
            return refuse(403, "jwt_auth_bad_auth_header", "Authorization header malformed.");
        }
        if let Some((status, headers)) = self.basic_gets.filter(|_| !seen.header("authorization").is_empty()) {
            return answer(status, headers, "<html>");
        }
        if self.no_batch && seen.method == "POST" {
            return answer(403, "", "<h1>Forbidden</h1>");
        }
        if self.shows_products && seen.method == "GET" && seen.target.contains("/products?") {
            return answer(200, "content-type: application/json", r#"[{"id":1}]"#);
        }
        if self.no_options && seen.method == "OPTIONS" {
            return answer(405, "", "<h1>Not allowed</h1>");
        }
        let error = "woocommerce_rest_authentication_error";
        match self.recognised(seen) {
            Err(message) => return refuse(401, error, message),
            Ok(false) if seen.method == "OPTIONS" => return answer(200, "", OPTIONS),
            Ok(false) => return refuse(401, "woocommerce_rest_cannot_view", "Nein."),
            Ok(true) => {}
        }
        let reads = self.permissions != "write";
        let writes = self.permissions != "read";
        match seen.method.as_str() {
            "OPTIONS" => answer(200, "", OPTIONS),
            "GET" if !reads => refuse(401, error, "Der Schlüssel darf nicht lesen."),
            "POST" if !writes => refuse(401, error, "Der Schlüssel darf nicht schreiben."),
            _ if !self.owner_may => refuse(403, "woocommerce_rest_cannot_view", "Nein."),
            "POST" => answer(200, "", "[]"),
            "GET"
                if seen.target.contains("/system_status")
                    && self.status.is_some_and(|_| !seen.target.contains("_fields=environment&")) =>
            {
                let (status, body) = self.status.expect("just seen");
                answer(status, "content-type: application/json", body)
            }
            "GET" if seen.target.contains("/products") => {
                answer(200, "content-type: application/json", r#"[{"id":1}]"#)
            }
            _ => {
                let body = format!(
                    r#"{}{{"environment":{{"version":"11.0.1","wp_version":"7.0.4","home_url":"{}"}}}}{}"#,
                    self.before, self.home, self.after
                );
                answer(200, "content-type: application/json", &body)
            }
        }
    }

    /// Whether the key was recognised; `Ok(false)` is an anonymous visitor.
    fn recognised(&self, seen: &Seen) -> Result<bool, &'static str> {
        let basic = base64::engine::general_purpose::STANDARD
            .decode(seen.header("authorization").trim_start_matches("Basic "))
            .map(|bytes| String::from_utf8(bytes).unwrap_or_default())
            .unwrap_or_default();
        let from_header =
            basic.split_once(':').map(|(k, s)| (k.to_owned(), s.to_owned())).filter(|_| self.header_arrives);
        let from_query = (seen.parameter("consumer_key"), seen.parameter("consumer_secret"));
        let shown = if from_query.0.is_empty() || !self.query_arrives { from_header } else { Some(from_query) };
        if let Some((key, secret)) = shown.filter(|(key, _)| self.https_seen && key == "ck_good") {
            assert_eq!(key, "ck_good");
            return if secret == "cs_good" { Ok(true) } else { Err("Das Geheimnis ist falsch.") };
        }
        match seen.parameter("oauth_consumer_key").as_str() {
            "" => Ok(false),
            _ if !self.query_arrives => Ok(false),
            "ck_good" => {
                let mut sent = seen.query();
                sent.retain(|(name, _)| name != "oauth_signature");
                let scheme = if self.https_seen { "https" } else { "http" };
                let uri = format!("{scheme}://shop.example.com{}", seen.path());
                let right = signature(Digest::Sha256, &base_string(&seen.method, &uri, &sent), "cs_good", "");
                if seen.parameter("oauth_signature") == right { Ok(true) } else { Err("Die Unterschrift ist falsch.") }
            }
            _ => Err("Der Schlüssel ist unbekannt."),
        }
    }

    async fn asked_with(self, key: &str, secret: &str, asked: Scope, ways: Ways) -> Answer {
        let address = serve(move |seen| self.respond(seen)).await;
        let [consumer_key, consumer_secret] = [key, secret].map(|s| Secret::new(s.to_owned()));
        let pair = KeyPair { consumer_key, consumer_secret };
        ask(
            &client(&["shop.example.com"], address),
            &home(HOME),
            &RestBase::usual(&home(HOME)),
            &pair,
            Some(asked),
            ways,
        )
        .await
    }

    async fn asked(self, asked: Scope) -> Answer {
        self.asked_with("ck_good", "cs_good", asked, Ways::Keys).await
    }

    async fn verdict(self, key: &str, secret: &str) -> Verdict {
        self.asked_with(key, secret, Scope::ReadWrite, Ways::Keys).await.verdict
    }
}

#[tokio::test]
async fn a_good_key_works_and_tells_about_the_store() {
    let answer = SHOP.asked(Scope::ReadWrite).await;
    assert_eq!(
        answer,
        Answer {
            verdict: Verdict::Works,
            method: Some(AuthMethod::Basic),
            scope: Some(Scope::ReadWrite),
            home_seen: Some(home(HOME)),
            reported: Reported {
                name: Some("Laden".to_owned()),
                woocommerce_version: Some("11.0.1".to_owned()),
                wordpress_version: Some("7.0.4".to_owned()),
                rest_base: Some(RestBase::usual(&home(HOME))),
                json_has_noise: false,
            },
            retry_after: None,
        }
    );
}

#[tokio::test]
async fn each_way_is_found_where_it_is_the_only_one() {
    for (shop, method) in [
        (Shop { header_arrives: false, ..SHOP }, AuthMethod::Query),
        (Shop { header_arrives: false, query_is_blocked: true, ..SHOP }, AuthMethod::Basic),
        (Shop { https_seen: false, ..SHOP }, AuthMethod::Oauth1Http),
    ] {
        let blocked = shop.query_is_blocked;
        let answer = shop.asked(Scope::ReadWrite).await;
        if blocked {
            assert_eq!((answer.verdict, answer.method), (Verdict::Blocked(Product::Unnamed), None));
        } else {
            assert_eq!((answer.verdict, answer.method), (Verdict::Works, Some(method)));
        }
    }
}

#[tokio::test]
async fn the_known_way_is_tried_first_and_learned_again_when_the_host_changed() {
    for known in AuthMethod::LADDER {
        let answer = SHOP.asked_with("ck_good", "cs_good", Scope::Read, Ways::KnownFirst(known)).await;
        let expected = if known == AuthMethod::Oauth1Http { AuthMethod::Basic } else { known };
        assert_eq!((answer.verdict, answer.reported.name), (Verdict::Works, None), "{known:?}");
        if known != AuthMethod::Oauth1Http {
            assert_eq!(answer.method, Some(expected));
        }
    }
    let moved = Shop { header_arrives: false, ..SHOP };
    let answer = moved.asked_with("ck_good", "cs_good", Scope::Read, Ways::KnownFirst(AuthMethod::Basic)).await;
    assert_eq!((answer.verdict, answer.method), (Verdict::Works, Some(AuthMethod::Query)));
}

#[tokio::test]
async fn what_is_wrong_with_a_key_is_told_apart() {
    assert_eq!(SHOP.verdict("ck_gone", "cs_good").await, Verdict::KeyRejected);
    assert_eq!(SHOP.verdict("ck_good", "cs_wrong").await, Verdict::SecretRejected);
    assert_eq!(Shop { owner_may: false, ..SHOP }.verdict("ck_good", "cs_good").await, Verdict::RoleLost);
    let hidden = Shop { https_seen: false, ..SHOP };
    assert_eq!(hidden.clone().verdict("ck_gone", "cs_good").await, Verdict::KeyRejected);
    assert_eq!(hidden.verdict("ck_good", "cs_wrong").await, Verdict::SecretRejected);
    let deaf = Shop { header_arrives: false, query_arrives: false, ..SHOP };
    assert_eq!(deaf.clone().verdict("ck_good", "cs_good").await, Verdict::HeaderStripped);
    let before = deaf.asked_with("ck_good", "cs_good", Scope::Read, Ways::KnownFirst(AuthMethod::Basic)).await;
    assert_eq!(before.verdict, Verdict::HeaderStripped, "a key that is gone would be refused as a signature");
}

#[tokio::test]
async fn scopes_are_proven_without_writing() {
    for (granted, asked, proven, verdict) in [
        ("read_write", Scope::ReadWrite, Scope::ReadWrite, Verdict::Works),
        ("read", Scope::Read, Scope::Read, Verdict::Works),
        ("read", Scope::ReadWrite, Scope::Read, Verdict::ScopeNarrower),
        ("write", Scope::Write, Scope::Write, Verdict::Works),
        ("write", Scope::ReadWrite, Scope::Write, Verdict::ScopeNarrower),
        ("read_write", Scope::Write, Scope::ReadWrite, Verdict::ScopeWider),
    ] {
        for https_seen in [true, false] {
            let answer = Shop { permissions: granted, https_seen, ..SHOP }.asked(asked).await;
            assert_eq!((answer.scope, answer.verdict), (Some(proven), verdict), "{granted} {asked:?} {https_seen}");
            assert_eq!(answer.home_seen, Some(home(HOME)));
        }
    }
}

#[tokio::test]
async fn the_key_must_be_this_stores() {
    for (told, verdict) in [
        ("http://shop.example.com/de/", Verdict::Works),
        ("http://staging.example.com/de", Verdict::OtherStore),
        ("http://shop.example.com", Verdict::OtherStore),
        ("http://www.shop.example.com/de", Verdict::Moved),
        ("", Verdict::AnswerUnreadable),
    ] {
        for permissions in ["read_write", "write"] {
            let answer = Shop { home: told, permissions, ..SHOP }.asked(Scope::Write).await;
            let expected = match verdict {
                Verdict::Works if permissions == "read_write" => Verdict::ScopeWider,
                other => other,
            };
            assert_eq!(answer.verdict, expected, "{told} {permissions}");
        }
    }
}

#[tokio::test]
async fn notices_before_the_answer_are_said_and_do_no_harm() {
    let answer = Shop { before: "<b>Deprecated</b>: {x} [y]\n", ..SHOP }.asked(Scope::Read).await;
    assert_eq!((answer.verdict, answer.scope), (Verdict::NoisyAnswer, Some(Scope::Read)));
}

#[tokio::test]
async fn comments_after_the_answer_do_no_harm_either() {
    let answer = Shop { after: "\n<!-- Cached page generated by WP-Super-Cache -->", ..SHOP }.asked(Scope::Read).await;
    assert_eq!((answer.verdict, answer.scope), (Verdict::NoisyAnswer, Some(Scope::Read)));
}

#[tokio::test]
async fn a_way_that_something_else_answers_says_nothing_about_the_others() {
    let answer = Shop { basic_is_taken: true, ..SHOP }.asked(Scope::Read).await;
    assert_eq!((answer.verdict, answer.method), (Verdict::Works, Some(AuthMethod::Query)));
    for (status, headers) in [
        (500, ""),
        (503, ""),
        (404, ""),
        (401, "www-authenticate: Basic realm=x"),
        (302, "location: https://sso.example.com/"),
        (302, "location: /"),
    ] {
        let answer = Shop { basic_gets: Some((status, headers)), ..SHOP }.asked(Scope::Read).await;
        assert_eq!((answer.verdict, answer.method), (Verdict::Works, Some(AuthMethod::Query)), "{status} {headers}");
    }
    let all = Shop { basic_is_taken: true, query_is_blocked: true, query_arrives: false, ..SHOP };
    let answer = all.asked(Scope::Read).await;
    assert_eq!(answer.verdict, Verdict::RestClosed, "the first obstacle is named");
}

#[tokio::test]
async fn a_route_that_fails_on_its_own_is_replaced_by_a_lighter_one() {
    for (status, body) in [(500, "<h1>Error</h1>"), (403, "<h1>Forbidden</h1>"), (404, "<html>"), (200, "<html>")] {
        let answer = Shop { status: Some((status, body)), ..SHOP }.asked(Scope::Read).await;
        assert_eq!((answer.verdict, answer.method), (Verdict::Works, Some(AuthMethod::Basic)), "{status} {body}");
        assert_eq!(
            (answer.reported.woocommerce_version, answer.home_seen),
            (None, Some(home(HOME))),
            "{status} {body}"
        );
    }
    // Where anybody sees the products, they prove nothing.
    let public = Shop { status: Some((500, "<h1>Error</h1>")), shows_products: true, ..SHOP }.asked(Scope::Read).await;
    assert_eq!((public.verdict, public.method), (Verdict::ServerError, None));
    // WordPress before 5.3 leaves nothing of nested fields.
    let answer = Shop { status: Some((200, "[]")), ..SHOP }.asked(Scope::Read).await;
    assert_eq!((answer.verdict, answer.reported.woocommerce_version.as_deref()), (Verdict::Works, Some("11.0.1")));
}

#[tokio::test]
async fn json_of_something_in_front_proves_no_key() {
    let page = Some((200, "content-type: text/html", "<style>p{}</style><p>Coming soon []</p>"));
    assert_eq!(Shop { always: page, ..SHOP }.asked(Scope::ReadWrite).await.method, None);
    for body in [r#"{"success":false}"#, "[]", "[0]", r#"{"environment":[]}"#, r#"{"code":"x"}"#, "Array ( [0] => a )"]
    {
        let answer =
            Shop { always: Some((200, "content-type: application/json", body)), ..SHOP }.asked(Scope::Read).await;
        assert_eq!((answer.verdict, answer.method), (Verdict::AnswerUnreadable, None), "{body}");
    }
}

#[tokio::test]
async fn a_host_that_refuses_options_is_asked_with_an_empty_batch() {
    let shop = Shop { permissions: "write", no_options: true, ..SHOP };
    let answer = shop.clone().asked(Scope::Write).await;
    assert_eq!((answer.verdict, answer.scope), (Verdict::Works, Some(Scope::Write)));
    let shop = Shop { no_batch: true, ..shop };
    let answer = shop.clone().asked(Scope::Write).await;
    assert_eq!((answer.verdict, answer.scope), (Verdict::Works, Some(Scope::Write)));
    assert_eq!(shop.verdict("ck_good", "cs_wrong").await, Verdict::SecretRejected);
}

#[tokio::test]
async fn what_stands_in_the_way_is_named_and_pauses_are_kept() {
    let closed = r#"{"code":"rest_not_logged_in","message":"x","data":{"status":401}}"#;
    for (status, headers, body, verdict) in [
        (403, "cf-mitigated: challenge", "<html>", Verdict::Blocked(Product::Cloudflare)),
        (202, "sg-captcha: challenge", "<html>", Verdict::Blocked(Product::SiteGround)),
        (401, "www-authenticate: Basic realm=x", "<html>", Verdict::LoginWall),
        (401, "", closed, Verdict::RestClosed),
        (302, "location: /wp-login.php", "", Verdict::RestClosed),
        (301, "location: https://new.example.com/wp-json/", "", Verdict::Moved),
        (404, "", r#"{"code":"rest_no_route","message":"x"}"#, Verdict::NoWooCommerce),
        (404, "", "<html>", Verdict::NoWordPress),
        (200, "", "<html>", Verdict::AnswerUnreadable),
        (500, "", "<html>", Verdict::ServerError),
        (503, "retry-after: 600", "<html>", Verdict::Maintenance),
        (429, "retry-after: 600", "<html>", Verdict::RateLimited),
    ] {
        let answer = Shop { always: Some((status, headers, body)), ..SHOP }.asked(Scope::Read).await;
        assert_eq!((answer.verdict, answer.method), (verdict, None), "{status} {headers}");
        assert_eq!(answer.retry_after.is_some(), headers.starts_with("retry-after"), "{status}");
    }
}

#[tokio::test]
async fn a_plain_api_that_ignores_keys_tells_which_permalinks_to_choose() {
    let address = serve(|seen| match seen.parameter("rest_route").as_str() {
        "" => answer(404, "", "<html>"),
        "/" => answer(200, "", &format!(r#"{{"name":"Laden","home":"{HOME}","namespaces":["wc/v3"]}}"#)),
        _ => refuse(401, "woocommerce_rest_cannot_view", "Nein."),
    })
    .await;
    let [consumer_key, consumer_secret] = ["ck_good", "cs_good"].map(|s| Secret::new(s.to_owned()));
    let pair = KeyPair { consumer_key, consumer_secret };
    let (client, home) = (client(&["shop.example.com"], address), home(HOME));
    let found = ask(&client, &home, &RestBase::usual(&home), &pair, Some(Scope::Read), Ways::Keys).await;
    assert_eq!((found.verdict, found.reported.rest_base), (Verdict::PlainPermalinks, None));
}
