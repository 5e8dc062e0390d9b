//! The POST that delivers the key, as captured from real stores, and the errors that merchants see.

use std::net::Ipv4Addr;
use std::time::Duration;

use hyper::Method;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue, USER_AGENT};
use serde_json::json;
use url::{Host, Url};

use super::front::{believed_home, origin};
use super::json;
use super::php;
use super::state::{CallbackMade, IssuedKey, Shop};
use super::switches::{Switches, WORDPRESS};
use crate::woo::http::{Call, Fault};

/// WooCommerce's `timeout`. Here it applies to each hop; in WooCommerce to all together.
const WITHIN: Duration = Duration::from_mins(1);
/// WordPress' default limit of redirects.
const REDIRECTS: usize = 5;
/// A limit in bytes for tests only; real stores read any length.
const ANSWER_AT_MOST: usize = 8 * 1024 * 1024;
const NOT_200: &str = "An error occurred in the request and at the time were unable to send the consumer data";
const TIMED_OUT: &str = "cURL error 28: Operation timed out after 60001 milliseconds with 0 bytes received";
const BLOCKED: &str = "User has blocked requests through HTTP.";
const REFUSED: &str = "A valid URL was not provided.";

/// Posts the key. The error is the text between `Error: ` and the last full stop of the merchant's page.
pub(super) async fn deliver(
    key: &IssuedKey,
    user_id: &str,
    callback_url: &str,
    shop: &Shop,
    switches: &Switches,
) -> Result<(), String> {
    if switches.callback_swallowed {
        return Ok(());
    }
    if switches.outgoing_blocked {
        return Err(BLOCKED.to_owned());
    }
    let body = body(key, user_id, switches);
    let mut url = php::esc_url_raw(callback_url);
    let mut method = Method::POST;
    for _ in 0..=REDIRECTS {
        let parsed = checked(&url, shop, switches).ok_or(REFUSED)?;
        let (status, location) = ask(&method, &parsed, &body, shop, switches).await?;
        let next = location.and_then(|to| parsed.join(&to).ok());
        match (status, next) {
            (301 | 302 | 303 | 307 | 308, Some(next)) => {
                // 302 and 303 become a GET, but cURL still sends the body with the secrets.
                if matches!(status, 302 | 303) {
                    method = Method::GET;
                }
                url = next.to_string();
            }
            (200, _) if switches.lost_reply => return Err(TIMED_OUT.to_owned()),
            (200, _) => return Ok(()),
            _ => return Err(NOT_200.to_owned()),
        }
    }
    Err("Too many redirects".to_owned())
}

fn body(key: &IssuedKey, user_id: &str, switches: &Switches) -> String {
    let user_id = match user_id.parse::<i64>() {
        Ok(number) if switches.user_id_as_number => json!(number),
        _ => json!(user_id),
    };
    json::text(&json!({
        "key_id": key.key_id,
        "user_id": user_id,
        "consumer_key": key.consumer_key,
        "consumer_secret": key.consumer_secret,
        "key_permissions": key.permissions,
    }))
}

async fn ask(
    method: &Method,
    url: &Url,
    body: &str,
    shop: &Shop,
    switches: &Switches,
) -> Result<(u16, Option<String>), String> {
    let kind = if switches.callback_as_xml { "application/xml" } else { "application/json;charset=UTF-8" };
    let name = format!("WordPress/{WORDPRESS}; {}", believed_home(shop, switches));
    let headers = vec![
        (USER_AGENT, HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("WordPress"))),
        (ACCEPT, HeaderValue::from_static("*/*")),
        (ACCEPT_ENCODING, HeaderValue::from_static("deflate, gzip, br, zstd")),
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
    ];
    let call = Call {
        method: method.clone(),
        url: url.as_str(),
        headers,
        body: body.as_bytes().to_vec(),
        within: WITHIN,
        at_most: ANSWER_AT_MOST,
    };
    let reply = shop.outgoing.send(call).await;
    let answer = reply.as_ref().map(|reply| reply.status.as_u16()).map_err(|fault| *fault);
    let made = CallbackMade { method: method.to_string(), url: url.to_string(), body: body.to_owned(), answer };
    shop.with(|inner| inner.callbacks.push(made));
    match reply {
        Ok(reply) => {
            let location = reply.headers.get("location").and_then(|value| value.to_str().ok()).map(str::to_owned);
            Ok((reply.status.as_u16(), location))
        }
        Err(fault) => Err(curl_says(fault, url)),
    }
}

/// The text that the merchant sees if there was no answer.
fn curl_says(fault: Fault, url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match fault {
        Fault::Connect => {
            let port = url.port_or_known_default().unwrap_or(443);
            format!("cURL error 7: Failed to connect to {host} port {port} after 2 ms: Couldn't connect to server")
        }
        Fault::TimedOut => TIMED_OUT.to_owned(),
        Fault::Tls | Fault::TlsOutdated | Fault::NotTls => {
            "cURL error 60: SSL certificate problem: self-signed certificate".to_owned()
        }
        Fault::Closed | Fault::Protocol | Fault::TooLarge => "cURL error 52: Empty reply from server".to_owned(),
        // WordPress detects these before it calls cURL.
        Fault::Dns | Fault::PrivateAddress | Fault::BadUrl => REFUSED.to_owned(),
    }
}

/// `wp_http_validate_url`: checks scheme, port, user name and address. The shop's own host is allowed.
fn checked(url: &str, shop: &Shop, switches: &Switches) -> Option<Url> {
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    if switches.accept_http_callback {
        return Some(url);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let home = Url::parse(origin(&shop.home)).ok()?;
    let is_own_host = home.host_str() == url.host_str();
    let port_is_fine = matches!(url.port(), None | Some(80 | 443 | 8080)) || (is_own_host && home.port() == url.port());
    let host_is_fine = match url.host()? {
        Host::Domain(name) => name != "localhost",
        Host::Ipv4(address) => !is_private(address),
        Host::Ipv6(_) => false,
    };
    (port_is_fine && (host_is_fine || is_own_host)).then_some(url)
}

fn is_private(address: Ipv4Addr) -> bool {
    address.is_loopback() || address.is_private() || address.octets()[0] == 0
}
