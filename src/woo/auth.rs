//! Adds a store's keys to a request, in each of the ways stores accept (docs/protocol/wc-auth.md §5.1).

use base64::Engine as _;
use hyper::Method;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};

use super::encode;
use super::oauth1::{self, Digest};
use crate::domain::{AuthMethod, Entropy, KeyPair, Secret, StoreUrl, Time};

/// A request to a store's REST API, before the keys are added.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// GET, POST, OPTIONS or DELETE.
    pub method: Method,
    pub home: &'a StoreUrl,
    /// The address of the route: `api_url` and what follows, such as `https://shop.example/wp-json/wc/v3/system_status`. Stores
    /// with plain permalinks have it in a parameter.
    pub address: &'a str,
    /// Further query parameters, unencoded.
    pub query: &'a [(&'a str, &'a str)],
}

/// The request with the keys added; the header's value is marked sensitive.
#[derive(Debug)]
pub struct Authenticated {
    /// The URL; may contain keys.
    pub url: Secret,
    /// `Authorization`, if the method is Basic.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// Adds `pair` to `ask`. Every URL gets a fresh `_` parameter, which bypasses caches that ignore credentials; it is
/// signed as well.
pub fn authenticate(ask: &Ask<'_>, pair: &KeyPair, how: AuthMethod, now: Time, entropy: &Entropy) -> Authenticated {
    let mut parameters: Vec<(String, String)> =
        ask.query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    parameters.push(("_".to_owned(), random_text(entropy, 4)));
    let mut headers = Vec::new();
    match how {
        AuthMethod::Basic | AuthMethod::ApplicationPassword => headers.push((AUTHORIZATION, basic(pair))),
        AuthMethod::Query => {
            parameters.push(("consumer_key".to_owned(), pair.consumer_key.expose().to_owned()));
            parameters.push(("consumer_secret".to_owned(), pair.consumer_secret.expose().to_owned()));
        }
        AuthMethod::Oauth1 => sign("https", ask, pair, &mut parameters, now, entropy),
        AuthMethod::Oauth1Http => sign("http", ask, pair, &mut parameters, now, entropy),
    }
    let query = encode::query(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let join = if ask.address.contains('?') { '&' } else { '?' };
    Authenticated { url: Secret::new(format!("{}{join}{query}", ask.address)), headers }
}

/// `Authorization: Basic` with both halves.
fn basic(pair: &KeyPair) -> HeaderValue {
    let both = zeroize::Zeroizing::new(format!("{}:{}", pair.consumer_key.expose(), pair.consumer_secret.expose()));
    let encoded = base64::engine::general_purpose::STANDARD.encode(both.as_bytes());
    let mut value = HeaderValue::from_str(&format!("Basic {encoded}")).expect("base64 is printable ASCII");
    value.set_sensitive(true);
    value
}

/// Adds the `oauth_…` parameters. `scheme` is what the store's PHP believes the request's scheme to be, whatever it
/// really is; host and path are those of its `home`. `oauth_version` is deliberately omitted: some stores sign without
/// it.
fn sign(
    scheme: &str,
    ask: &Ask<'_>,
    pair: &KeyPair,
    parameters: &mut Vec<(String, String)>,
    now: Time,
    entropy: &Entropy,
) {
    for (name, value) in [
        ("oauth_consumer_key", pair.consumer_key.expose().to_owned()),
        ("oauth_nonce", random_text(entropy, 16)),
        ("oauth_signature_method", Digest::Sha256.as_str().to_owned()),
        ("oauth_timestamp", now.seconds().to_string()),
    ] {
        parameters.push((name.to_owned(), value));
    }
    let (place, query) = ask.address.split_once('?').unwrap_or((ask.address, ""));
    // WooCommerce appends the path below `home` to its own address, or the whole path if it is not below `home`.
    let below = place.strip_prefix(ask.home.as_str()).filter(|below| below.starts_with('/'));
    let below = below.or_else(|| place.strip_prefix(ask.home.origin())).unwrap_or_default().trim_start_matches('/');
    let slash = if below.is_empty() { "" } else { "/" };
    let uri = format!("{scheme}://{}{slash}{below}", ask.home.shown());
    let in_address = url::form_urlencoded::parse(query.as_bytes()).into_owned();
    let signed: Vec<(String, String)> = in_address.chain(parameters.iter().cloned()).collect();
    let base = oauth1::base_string(ask.method.as_str(), &uri, &signed);
    let signature = oauth1::signature(Digest::Sha256, &base, pair.consumer_secret.expose(), "");
    parameters.push(("oauth_signature".to_owned(), signature));
}

fn random_text(entropy: &Entropy, bytes: usize) -> String {
    let mut random = vec![0_u8; bytes];
    entropy.fill(&mut random);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::store_url::Network;

    fn asked(how: AuthMethod) -> Authenticated {
        let home = StoreUrl::parse("shop.example.com/de", Network::Public).unwrap();
        let [consumer_key, consumer_secret] = ["ck_a", "cs_b"].map(|s| Secret::new(s.to_owned()));
        let pair = KeyPair { consumer_key, consumer_secret };
        let address = home.at("/wp-json/wc/v3/x");
        let ask = Ask { method: Method::GET, home: &home, address: &address, query: &[("_fields", "a,b.c")] };
        authenticate(&ask, &pair, how, Time::from_millis(1_763_812_800_123), &Entropy::seeded(1))
    }

    fn parameters(url: &Secret) -> Vec<(String, String)> {
        url::Url::parse(url.expose()).unwrap().query_pairs().into_owned().collect()
    }

    #[test]
    fn basic_is_a_header_that_debug_does_not_show() {
        let basic = asked(AuthMethod::Basic);
        assert_eq!(basic.headers[0].1.to_str().unwrap(), "Basic Y2tfYTpjc19i");
        assert!(!format!("{basic:?}").contains("Y2tf"));
        let url = basic.url.expose();
        assert!(url.starts_with("https://shop.example.com/de/wp-json/wc/v3/x?_fields=a%2Cb.c&_="), "{url}");
        assert!(!url.contains("ck_a"));
    }

    #[test]
    fn query_carries_both_halves() {
        let query = asked(AuthMethod::Query);
        assert!(query.headers.is_empty());
        assert!(query.url.expose().ends_with("&consumer_key=ck_a&consumer_secret=cs_b"));
    }

    #[test]
    fn oauth_signs_all_it_sends_with_the_scheme_that_was_chosen() {
        for (how, scheme) in [(AuthMethod::Oauth1, "https"), (AuthMethod::Oauth1Http, "http")] {
            let authenticated = asked(how);
            let mut sent = parameters(&authenticated.url);
            let signature = sent.pop().unwrap();
            let uri = format!("{scheme}://shop.example.com/de/wp-json/wc/v3/x");
            let base = oauth1::base_string("GET", &uri, &sent);
            assert_eq!(signature, ("oauth_signature".to_owned(), oauth1::signature(Digest::Sha256, &base, "cs_b", "")));
            assert!(sent.iter().any(|(n, v)| n == "oauth_timestamp" && v == "1763812800"));
            assert!(sent.iter().any(|(n, _)| n == "_") && !sent.iter().any(|(n, _)| n == "oauth_version"));
            assert!(!authenticated.url.expose().contains("cs_b"), "the secret itself never travels");
        }
    }
}
