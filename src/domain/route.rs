//! Route: the part of a store's REST API that a service calls through Cartkey, with its query.

use std::fmt;

/// The longest route, in bytes.
const LONGEST: usize = 512;

/// A route such as `wc/v3/orders/12`, encoded as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route(String);

/// The path is not a route that can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotARoute {
    /// It is in a namespace that the token may not call, or names none.
    #[error(
        "this token may call only routes under wc/ and wc-…/, such as wc/v3/orders, and in the namespaces that it was given"
    )]
    Elsewhere,
    /// No token may call it.
    #[error(
        "no token may call application-passwords, which hands out passwords, wc-auth/, or batch/, which leads to other routes"
    )]
    Refused,
    /// It contains `..`, an empty segment, or a character that no route has.
    #[error(
        "a route consists of segments of letters, digits and - _ . ~ with one slash between them; of encoded characters \
         only spaces, @ and those outside ASCII are accepted"
    )]
    Odd,
}

impl Route {
    /// Parses what follows `/wp-json/`, as it was sent. It is strict, because web servers and PHP read odd paths differently.
    pub fn parse(text: &str) -> Result<Self, NotARoute> {
        let text = text.strip_suffix('/').unwrap_or(text);
        if text.len() > LONGEST || !text.split('/').all(is_segment) {
            return Err(NotARoute::Odd);
        }
        // WordPress reads routes without regard to case. ASCII letters cannot be encoded here.
        let first = text.split('/').next().unwrap_or_default();
        let leads_around = |segment: &str| segment.eq_ignore_ascii_case("application-passwords");
        if ["batch", "wc-auth"].iter().any(|name| first.eq_ignore_ascii_case(name)) || text.split('/').any(leads_around)
        {
            return Err(NotARoute::Refused);
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether it is in one of WooCommerce's namespaces, which every token for calls may call: below `wc/` or `wc-…/`.
    pub fn is_woocommerce(&self) -> bool {
        let namespace = self.0.split_once('/').map_or("", |(namespace, _)| namespace);
        namespace == "wc" || namespace.strip_prefix("wc-").is_some_and(|name| !name.is_empty())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_segment(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_fine = match byte {
            b'%' => {
                let digits = bytes.next().zip(bytes.next());
                let encoded = digits.and_then(|(high, low)| {
                    let digit = |byte: u8| char::from(byte).to_digit(16);
                    Some(digit(high)? * 16 + digit(low)?)
                });
                encoded.is_some_and(|byte| byte == 0x20 || byte == 0x40 || byte >= 0x80)
            }
            b'-' | b'_' | b'.' | b'~' | b'@' => true,
            byte => byte.is_ascii_alphanumeric(),
        };
        if !is_fine {
            return false;
        }
    }
    text.bytes().any(|byte| byte != b'.')
}

/// This parameter would make WordPress do something else than the path says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this parameter is not passed on to stores")]
pub struct RefusedParameter(pub String);

/// The parameters of a call, decoded. Those that belong to an authentication are left out.
pub fn parameters(query: &str) -> Result<Vec<(String, String)>, RefusedParameter> {
    let mut kept = Vec::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let known = name_in_php(&name);
        if is_refused(&known) {
            return Err(RefusedParameter(name.into_owned()));
        }
        if !is_authentication(&known) {
            kept.push((name.into_owned(), value.into_owned()));
        }
    }
    Ok(kept)
}

/// Whether a parameter belongs to an authentication, or is the one that we add against caches.
pub fn is_authentication(name: &str) -> bool {
    name == "_" || name == "consumer_key" || name == "consumer_secret" || name.starts_with("oauth_")
}

/// Whether it names another route or method, wraps the answer, or calls WooCommerce outside its REST API.
fn is_refused(name: &str) -> bool {
    matches!(name, "rest_route" | "_method" | "_jsonp" | "_envelope") || name.starts_with("wc-")
}

/// The name under which PHP keeps a parameter: it ends at a NUL and at an index, and dots and spaces become underscores.
fn name_in_php(name: &str) -> String {
    let name = name.trim_start_matches(' ');
    let name = name.split('\0').next().unwrap_or_default();
    let name = match name.find('[') {
        Some(at) if at > 0 && name[at..].contains(']') => &name[..at],
        _ => name,
    };
    name.replace(['.', ' ', '['], "_").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_routes_of_woocommerce_are_taken() {
        for route in [
            "wc/v3/orders",
            "wc/v3",
            "wc-analytics/reports/stock",
            "wc/v3/taxes/classes/reduced%20rate",
            "wc/v3/a%C3%A4",
        ] {
            let parsed = Route::parse(route).unwrap();
            assert!(parsed.as_str() == route && parsed.is_woocommerce());
        }
        assert_eq!(Route::parse("wc/v3/orders/").unwrap().as_str(), "wc/v3/orders");
        for route in ["wp/v2/users", "wc", "wc-/x", "wcx/v1", "WC/v3/orders"] {
            assert!(!Route::parse(route).unwrap().is_woocommerce(), "{route}");
        }
        for route in [
            "batch/v1",
            "BATCH/v1",
            "batch",
            "wc-auth/v1/authorize",
            "wp/v2/users/me/application-passwords",
            "wp/v2/users/1/Application-Passwords/introspect",
            "wc/v3/application-passwords",
        ] {
            assert_eq!(Route::parse(route), Err(NotARoute::Refused), "{route}");
        }
        for route in [
            "wc/../wp/v2/users",
            "wc/./v3",
            "wc//v3",
            "/wc/v3",
            "wc/v3//",
            "wc/%2e%2e/wp/v2/users",
            "wc/v3%2f..%2fwp",
            "wc/v3\\..",
            "wc/v3%5c..",
            "wc/v3?x",
            "wc/v3%3frest_route=/",
            "wc/v3#",
            "wc/v3%00",
            "wc/v3%0a",
            "wc/v3/a b",
            "wc/v3/%",
            "wc/v3/%2",
            "wc/v3/%zz",
            "wc/v3/http://evil.example",
            "wc/v3;x",
            "wc/...",
            "",
            "wp/v2/users/me/%61pplication-passwords",
            "wp/v2/users/me/application%2dpasswords",
            "wc/v3/ä",
        ] {
            assert_eq!(Route::parse(route), Err(NotARoute::Odd), "{route}");
        }
        assert_eq!(Route::parse(&format!("wc/{}", "a".repeat(LONGEST))), Err(NotARoute::Odd));
    }

    #[test]
    fn parameters_that_lead_elsewhere_are_refused_however_php_reads_them() {
        for query in [
            "rest_route=/wp/v2/users",
            "rest.route=/wp/v2/users",
            "rest+route=/",
            "+rest_route=/",
            "rest%5Froute=/",
            "rest[route=/",
            "rest_route[]=/",
            "rest_route%00x=/",
            "_method=DELETE",
            ".method=DELETE",
            "_METHOD=DELETE",
            "_jsonp=alert",
            "_envelope=1",
            "wc-api=WC_Gateway_Paypal",
            "a=1&wc-ajax=checkout",
        ] {
            assert!(parameters(query).is_err(), "{query}");
        }
        let kept = parameters(
            "page=2&consumer_key=ck_a&include[]=1&include[]=2&consumer.secret=x&oauth_nonce=n&_=5&_fields=a,b",
        );
        let kept: Vec<String> = kept.unwrap().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(kept, ["page=2", "include[]=1", "include[]=2", "_fields=a,b"]);
    }

    proptest! {
        #[test]
        fn whatever_the_path_a_route_stays_below_woocommerce(path in r"(wc|wc-a|wp)?[/.%a-f0-9\\?#@:;2eE5cCfF]{0,24}") {
            if let Ok(route) = Route::parse(&path) {
                let home = url::Url::parse(&format!("https://shop.example/wp-json/{route}")).unwrap();
                prop_assert!(!route.is_woocommerce() || home.path().starts_with("/wp-json/wc"), "{}", home);
                prop_assert_eq!(home.path(), format!("/wp-json/{route}"));
                prop_assert!(home.query().is_none() && home.fragment().is_none());
                let decoded = percent_encoding::percent_decode_str(route.as_str()).collect::<Vec<u8>>();
                prop_assert!(!decoded.windows(2).any(|two| two == b"//") && !decoded.contains(&b'\\') && !decoded.contains(&b'%'));
            }
        }
    }
}
