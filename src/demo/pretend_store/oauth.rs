//! OAuth 1.0a as WooCommerce verifies it: one-legged, with parameters in the query, by RFC 5849 §3.4.
//!
//! Written from the RFC and from observed behaviour of stores, independently of the code that signs our requests, so that each can
//! reveal faults of the other.

use base64::Engine as _;
use ring::hmac;

use super::php::{self, Params};
use super::state::{KeyRow, Shop};
use super::switches::Switches;

/// The accepted clock difference, in seconds.
const WINDOW: i64 = 15 * 60;
/// The required parameters: all of them, or none.
const PARAMETERS: [&str; 5] =
    ["oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_signature", "oauth_signature_method"];

/// The refusal of a signed request: WooCommerce's code and message. The status is always 401.
pub(super) struct Refused {
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// The parts of a request that are signed.
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    /// As sent, including the home's sub-directory.
    pub(super) path: &'a str,
    pub(super) params: Params,
    /// The store's `home`, with `http` or `https` according to `is_ssl()`, without a trailing slash.
    pub(super) base: String,
}

/// Returns the number of the key that signed; `None` if the request has no OAuth parameters. Checks in the server's order:
/// parameters, key, signature, timestamp, nonce.
pub(super) fn verify(signed: &Signed<'_>, shop: &Shop, switches: &Switches) -> Option<Result<i64, Refused>> {
    let missing: Vec<&str> = PARAMETERS.into_iter().filter(|name| signed.params.filled(name).is_none()).collect();
    if missing.len() == PARAMETERS.len() {
        return None;
    }
    if !missing.is_empty() {
        let word = if missing.len() == 1 { "parameter" } else { "parameters" };
        let message = format!("Missing OAuth {word} {}", missing.join(", "));
        return Some(Err(Refused { code: "woocommerce_rest_authentication_missing_parameter", message }));
    }
    let late = if switches.clock_off { 20 * 60 } else { 0 };
    let now = shop.clock.now().seconds() - late;
    Some(shop.with(|inner| {
        let consumer_key = signed.params.get("oauth_consumer_key");
        let row =
            inner.keys.iter_mut().find(|row| !row.key.revoked && Some(row.key.consumer_key.as_str()) == consumer_key);
        let row = row.ok_or_else(|| refused("Consumer key is invalid."))?;
        let secret = if switches.secrets_replaced { "another" } else { &row.key.consumer_secret };
        check_signature(signed, secret)?;
        check_freshness(&signed.params, row, now)?;
        Ok(row.key.key_id)
    }))
}

fn refused(message: &str) -> Refused {
    Refused { code: "woocommerce_rest_authentication_error", message: message.to_owned() }
}

fn check_signature(signed: &Signed<'_>, consumer_secret: &str) -> Result<(), Refused> {
    let algorithm = match signed.params.get("oauth_signature_method") {
        Some("HMAC-SHA1") => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Some("HMAC-SHA256") => hmac::HMAC_SHA256,
        _ => return Err(refused("Invalid signature - signature method is invalid.")),
    };
    let given = signed.params.get("oauth_signature").unwrap_or_default().replace(' ', "+");
    let given = percent_encoding::percent_decode_str(&given).decode_utf8_lossy().into_owned();
    let key = hmac::Key::new(algorithm, format!("{consumer_secret}&").as_bytes());
    let tag = hmac::sign(&key, base_string(signed).as_bytes());
    if base64::engine::general_purpose::STANDARD.encode(tag.as_ref()) == given {
        Ok(())
    } else {
        Err(refused("Invalid signature - provided signature does not match."))
    }
}

/// `METHOD&address&parameters` (RFC 5849 §3.4.1), parameters sorted by their raw names.
fn base_string(signed: &Signed<'_>) -> String {
    let home_path = signed.base.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap_or_default();
    let path = signed.path.strip_prefix(&home_path).unwrap_or(signed.path);
    // `get_home_url()` adds no slash for an empty path.
    let path = path.trim_start_matches('/');
    let address = if path.is_empty() { signed.base.clone() } else { format!("{}/{path}", signed.base) };
    let mut params = signed.params.flat();
    params.retain(|(name, _)| name != "oauth_signature");
    params.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    let pairs = params.iter().map(|(name, value)| format!("{}={}", php::rawurlencode(name), php::rawurlencode(value)));
    let joined = pairs.collect::<Vec<_>>().join("&");
    format!("{}&{}&{}", signed.method, php::rawurlencode(&address), php::rawurlencode(&joined))
}

fn check_freshness(params: &Params, row: &mut KeyRow, now: i64) -> Result<(), Refused> {
    let timestamp = params.get("oauth_timestamp").and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    if (now - timestamp).abs() > WINDOW {
        return Err(refused("Invalid timestamp."));
    }
    let nonce = params.get("oauth_nonce").unwrap_or_default();
    if row.nonces.values().any(|used| used == nonce) {
        return Err(refused("Invalid nonce - nonce has already been used."));
    }
    row.nonces.insert(timestamp, nonce.to_owned());
    row.nonces.retain(|used_at, _| *used_at >= now - WINDOW);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_string_is_that_of_the_rfc() {
        // RFC 5849 §3.4.1.1, without the parameters from the Authorization header and the form.
        let signed = Signed {
            method: "POST",
            path: "/request",
            params: Params::parse("b5=%3D%253D&a3=a&c%40=&a2=r%20b"),
            base: "http://example.com".to_owned(),
        };
        assert_eq!(
            base_string(&signed),
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D"
        );
    }

    #[test]
    fn a_sub_directory_is_in_the_address_once() {
        let signed = Signed {
            method: "GET",
            path: "/shop/wp-json/wc/v3/orders",
            params: Params::default(),
            base: "https://a.example/shop".to_owned(),
        };
        assert_eq!(base_string(&signed), "GET&https%3A%2F%2Fa.example%2Fshop%2Fwp-json%2Fwc%2Fv3%2Forders&");
    }
}
