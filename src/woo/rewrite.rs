//! Rewrites a store's answer for the service that called it through Cartkey: links lead back through Cartkey, output around the
//! JSON is removed, and what repeats the key is blotted out.

use std::ops::Range;

use base64::Engine as _;
use url::Url;

use crate::domain::route::{self};
use crate::domain::{AuthMethod, KeyPair, Namespaces, RestBase, Route, Secret};

/// Rewrites the addresses of one store's API.
pub struct Links<'a> {
    rest: &'a RestBase,
    /// The same.
    own: Option<Url>,
    here: &'a str,
    namespaces: &'a Namespaces,
}

impl<'a> Links<'a> {
    /// Turns addresses below `rest` into addresses below `here`, which is the same API at Cartkey and ends in a slash. Only
    /// WooCommerce's namespaces and these can be called.
    pub fn new(rest: &'a RestBase, here: &'a str, namespaces: &'a Namespaces) -> Self {
        Self { rest, own: Url::parse(rest.as_str()).ok(), here, namespaces }
    }

    fn route(&self, text: &str) -> Option<Route> {
        Route::parse(text).ok().filter(|route| route.is_woocommerce() || self.namespaces.contain(route))
    }

    /// The address at Cartkey of an address of the store's API. `None` if calls cannot reach it.
    pub fn address(&self, text: &str) -> Option<String> {
        // Most addresses need no parsing: they are below the base and have no character that can be encoded.
        let below = text.strip_prefix(self.rest.as_str()).filter(|_| !self.rest.is_query());
        if let Some(route) =
            below.filter(|route| route.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'/'))
        {
            return self.route(route).map(|route| format!("{}{route}", self.here));
        }
        let there = Url::parse(text).ok()?;
        let own = self.own.as_ref()?;
        // A store that does not detect https writes http.
        if bare_host(&there) != bare_host(own) || there.port() != own.port() {
            return None;
        }
        let in_query = there.query_pairs().find(|(name, _)| name == "rest_route");
        let route = if let Some((_, route)) = &in_query {
            route.trim_start_matches('/').to_owned()
        } else {
            let root = own.path().trim_end_matches("index.php");
            let below = there.path().strip_prefix(root).filter(|_| !self.rest.is_query());
            below.or_else(|| Some(there.path().split_once("/wp-json/")?.1))?.to_owned()
        };
        let route = self.route(&route)?;
        let kept = there.query_pairs().filter(|(name, _)| {
            !route::is_authentication(name) && name != "rest_route" && !(name == "for" && self.rest.is_query())
        });
        let query =
            super::encode::query(kept.collect::<Vec<_>>().iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
        let mark = if query.is_empty() { "" } else { "?" };
        Some(format!("{}{route}{mark}{query}", self.here))
    }

    /// A `Link` header (RFC 8288) with the links that calls can follow; `None` if there are none.
    pub fn header(&self, value: &str) -> Option<String> {
        let (mut links, mut rest) = (Vec::new(), value);
        while let Some((_, after)) = rest.split_once('<') {
            let (address, parameters) = after.split_once('>')?;
            // An address may contain commas, so the next link is found by how it begins.
            let end = parameters.match_indices(',').find(|(at, _)| parameters[at + 1..].trim_start().starts_with('<'));
            let end = end.map_or(parameters.len(), |(at, _)| at);
            if let Some(here) = self.address(address) {
                links.push(format!("<{here}>{}", parameters[..end].trim_end()));
            }
            rest = &parameters[end..];
        }
        (!links.is_empty()).then(|| links.join(", "))
    }

    /// JSON in which each `href` within `_links` that calls can follow is rewritten. Everything else stays as it is, byte by byte.
    pub fn json(&self, json: &[u8]) -> Vec<u8> {
        const NAME: &[u8] = b"\"_links\"";
        let names = memchr::memmem::Finder::new(NAME);
        let mut written = Vec::with_capacity(json.len() + json.len() / 8);
        let (mut copied, mut at) = (0, 0);
        while let Some(found) = names.find(&json[at..]) {
            let name = at + found;
            at = name + NAME.len();
            // Within a string, its quotes are escaped.
            let escapes = json[..name].iter().rev().take_while(|byte| **byte == b'\\').count();
            let colon = skip_space(json, at);
            if escapes % 2 == 0 && json.get(colon) == Some(&b':') {
                at = self.references(json, skip_space(json, colon + 1), &mut copied, &mut written);
            }
        }
        written.extend_from_slice(&json[copied..]);
        written
    }

    /// Rewrites each `href` of the object or array that begins at `start`, copying what has not been `copied` before it. Returns
    /// where it ends.
    fn references(&self, json: &[u8], start: usize, copied: &mut usize, written: &mut Vec<u8>) -> usize {
        let (mut at, mut depth, mut name): (_, usize, &[u8]) = (start, 0, b"");
        while at < json.len() {
            match json[at] {
                b'"' => {
                    let text = string_at(json, at);
                    let after = skip_space(json, text.end);
                    if json.get(after) == Some(&b':') {
                        (name, at) = (&json[at + 1..text.end - 1], after + 1);
                        continue;
                    }
                    if name == b"href"
                        && let Ok(address) = serde_json::from_slice::<String>(&json[text.clone()])
                        && let Some(here) = self.address(&address)
                    {
                        written.extend_from_slice(&json[*copied..text.start]);
                        serde_json::to_writer(&mut *written, &here).expect("a text can be written to memory");
                        *copied = text.end;
                    }
                    (name, at) = (b"", text.end);
                }
                byte => {
                    match byte {
                        b'{' | b'[' => (name, depth) = (b"", depth + 1),
                        b'}' | b']' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    at += 1;
                }
            }
            if depth == 0 {
                return at;
            }
        }
        at
    }
}

/// The position of the first byte from `at` on that is not white space.
fn skip_space(json: &[u8], at: usize) -> usize {
    at + json[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

fn bare_host(url: &Url) -> Option<&str> {
    url.host_str().map(|host| host.strip_prefix("www.").unwrap_or(host))
}

/// The string that begins at `start`, with its quotes.
fn string_at(json: &[u8], start: usize) -> Range<usize> {
    let mut at = start + 1;
    while let Some(found) = json.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found + 1;
        if json[at - 1] == b'"' {
            return start..at;
        }
        at += 1;
    }
    start..json.len()
}

/// Texts up to this size, in bytes, are searched without preparation. In a larger one, a store could make that slow.
const SHORT: usize = 16 * 1024;

/// Blots out a key in whatever a store sends. Its answer may repeat the address of the request, which may hold the key.
pub struct Blotter {
    needles: Vec<Secret>,
    /// The end of what has arrived: a key may continue in the next piece.
    tail: Vec<u8>,
}

impl Blotter {
    /// A blotter for both halves of a key, and for both in one as HTTP Basic sends them. The first half of an application password
    /// is a user name, which may stand in any answer.
    pub fn new(pair: &KeyPair, how: AuthMethod) -> Self {
        let both = zeroize::Zeroizing::new(format!("{}:{}", pair.consumer_key.expose(), pair.consumer_secret.expose()));
        let basic = Secret::new(base64::engine::general_purpose::STANDARD.encode(both.as_bytes()));
        let mut needles = vec![pair.consumer_secret.clone(), basic];
        if how != AuthMethod::ApplicationPassword {
            needles.push(pair.consumer_key.clone());
        }
        Self { needles, tail: Vec::new() }
    }

    /// Whether a text repeats the key.
    pub fn is_in(&self, text: &[u8]) -> bool {
        self.needles.iter().any(|needle| find(text, needle.expose().as_bytes(), 0).is_some())
    }

    /// Replaces each occurrence by as many asterisks.
    pub fn blot(&self, text: &mut [u8]) {
        for needle in &self.needles {
            let (needle, mut from) = (needle.expose().as_bytes(), 0);
            while let Some(at) = find(text, needle, from) {
                from = at + needle.len();
                text[at..from].fill(b'*');
            }
        }
    }

    /// The next piece, without what may be the beginning of a key; that comes with a later one.
    pub fn next(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.tail);
        text.extend_from_slice(piece);
        self.blot(&mut text);
        let longest = self.needles.iter().map(|needle| needle.expose().len()).max().unwrap_or(1);
        let kept = text.len().min(longest - 1);
        self.tail = text.split_off(text.len() - kept);
        text
    }

    /// What is left at the end.
    pub fn end(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.tail)
    }

    /// How much waits for a later piece.
    pub fn waiting(&self) -> usize {
        self.tail.len()
    }
}

fn find(text: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let (text, first) = (text.get(from..)?, *needle.first()?);
    let at = if text.len() > SHORT {
        memchr::memmem::find(text, needle)
    } else {
        // `memmem` prepares each search, which takes longer than checking every place where the needle may begin.
        memchr::memchr_iter(first, text).find(|at| text[*at..].starts_with(needle))
    };
    at.map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::store_url::{Network, StoreUrl};

    const HERE: &str = "https://keys.example/api/v1/stores/st_1/wp-json/";

    fn home() -> StoreUrl {
        StoreUrl::parse("shop.example/de", Network::Public).unwrap()
    }

    fn links(rest: &RestBase, test: impl FnOnce(&Links<'_>)) {
        test(&Links::new(rest, HERE, &"my-plugin/v1".parse().unwrap()));
    }

    #[test]
    fn addresses_of_the_stores_api_lead_through_cartkey_without_the_key() {
        links(&RestBase::usual(&home()), |links| {
            for (there, here) in [
                ("https://shop.example/de/wp-json/wc/v3/orders/7", "wc/v3/orders/7"),
                (
                    "http://www.shop.example/de/wp-json/wc/v3/orders?page=2&_fields=id%2Cname",
                    "wc/v3/orders?page=2&_fields=id%2Cname",
                ),
                (
                    "https://shop.example/de/wp-json/wc/v3/orders?consumer_key=ck_a&consumer_secret=cs_a&_=x&page=3",
                    "wc/v3/orders?page=3",
                ),
                ("https://shop.example/de/wp-json/wc/v3/orders?oauth_signature=a&oauth_nonce=b", "wc/v3/orders"),
                ("https://shop.example/de/index.php?rest_route=%2Fwc%2Fv3%2Forders&page=2", "wc/v3/orders?page=2"),
                ("https://shop.example/de/wp-json/wc/v3/customers/ann@example.com", "wc/v3/customers/ann@example.com"),
                ("https://shop.example/de/wp-json/wc/v3/orders/", "wc/v3/orders"),
            ] {
                assert_eq!(links.address(there), Some(format!("{HERE}{here}")), "{there}");
            }
            for there in [
                "https://shop.example/de/wp-json/wp/v2/users/1",
                "https://shop.example/de/wp-json/",
                "https://shop.example/de/wp-json/wc/../wp/v2/users",
                "https://evil.example/de/wp-json/wc/v3/orders",
                "https://shop.example:8443/de/wp-json/wc/v3/orders",
                "https://shop.example/image.png",
                "nonsense",
            ] {
                assert_eq!(links.address(there), None, "{there}");
            }
        });
        links(&RestBase::plain_marked(&home()), |links| {
            let there =
                "https://shop.example/de/index.php?for=wp-json/wc/&rest_route=/wc/v3/orders&page=2&consumer_key=ck_a";
            assert_eq!(links.address(there), Some(format!("{HERE}wc/v3/orders?page=2")));
        });
    }

    #[test]
    fn a_link_header_keeps_what_calls_can_follow() {
        links(&RestBase::usual(&home()), |links| {
            let value = "<https://shop.example/de/wp-json/wc/v3/orders?_fields=a,b&page=1>; rel=\"prev\", \
                         <https://shop.example/de/wp-json/wc/v3/orders?page=3>; rel=\"next\", \
                         <https://shop.example/de/wp-json/>; rel=\"https://api.w.org/\"";
            let here = format!(
                "<{HERE}wc/v3/orders?_fields=a%2Cb&page=1>; rel=\"prev\", <{HERE}wc/v3/orders?page=3>; rel=\"next\""
            );
            assert_eq!(links.header(value), Some(here));
            assert_eq!(links.header("<https://shop.example/de/wp-json/>; rel=\"https://api.w.org/\""), None);
            assert_eq!(links.header("<unfinished"), None);
        });
    }

    #[test]
    fn only_links_change_in_json() {
        links(&RestBase::usual(&home()), |links| {
            let json = br#"[ {"total":"1.10","n":1.10,"href":"https:\/\/shop.example\/de\/wp-json\/wc\/v3\/a","note":"\"_links\":{",
                "_links":{"self":[{"href":"https:\/\/shop.example\/de\/wp-json\/wc\/v3\/orders\/7","targetHints":{"allow":["GET"]}}],
                "up":[{"href":"https:\/\/shop.example\/de\/wp-json\/wp\/v2\/posts"}]},"x":{"href":"https:\/\/shop.example\/de\/wp-json\/wc\/v3\/b"}} ]"#;
            let rewritten = String::from_utf8(links.json(json)).unwrap();
            let expected = String::from_utf8(json.to_vec())
                .unwrap()
                .replace(r"https:\/\/shop.example\/de\/wp-json\/wc\/v3\/orders\/7", &format!("{HERE}wc/v3/orders/7"));
            assert_eq!(rewritten, expected);
            for odd in [
                &b"\"unfinished"[..], b"\"a\\", b"}}]]", b"", b"{\"_links\"", b"{\"_links\":", b"{\"_links\":{\"href\":\"x", b"\"_links\":1,\"a\"",
                br#"{"_links":"https:\/\/shop.example\/de\/wp-json\/wc\/v3\/a","note":"\"_links\":{\"href\":\"https://shop.example/de/wp-json/wc/v3/a\"}"}"#,
            ] {
                assert_eq!(links.json(odd), odd);
            }
        });
    }

    #[test]
    fn a_key_is_blotted_out_wherever_pieces_end() {
        let [consumer_key, consumer_secret] = ["ck_aab", "cs_c"].map(|s| Secret::new(s.to_owned()));
        let pair = KeyPair { consumer_key, consumer_secret };
        let text = b"ck_ck_aab cs_c Y2tfYWFiOmNzX2M= cs_ c ck_aa";
        for size in 1..text.len() {
            let mut blotter = Blotter::new(&pair, AuthMethod::Query);
            let mut sent: Vec<u8> = text.chunks(size).flat_map(|piece| blotter.next(piece)).collect();
            sent.extend(blotter.end());
            assert_eq!(String::from_utf8(sent).unwrap(), "ck_****** **** **************** cs_ c ck_aa", "{size}");
        }
        let mut large = [&b"c".repeat(SHORT)[..], b"ck_aab"].concat();
        Blotter::new(&pair, AuthMethod::Query).blot(&mut large);
        assert!(large.ends_with(b"ccc******"));
        let blotter = |how| Blotter::new(&pair, how);
        assert!(blotter(AuthMethod::Basic).is_in(text) && !blotter(AuthMethod::Basic).is_in(b"cs_ c"));
        assert!(
            blotter(AuthMethod::Basic).is_in(b"ck_aab") && !blotter(AuthMethod::ApplicationPassword).is_in(b"ck_aab")
        );
    }
}
