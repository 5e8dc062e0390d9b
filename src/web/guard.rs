//! Identifies the client, and checks whether a form was posted from one of our pages and a page is opened by a person.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Once;

use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{Extensions, HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse as _, Response};
use ipnet::IpNet;

use super::failure::{Failure, english};
use super::form::Fields;
use crate::app::App;
use crate::config::Site;
use crate::domain::{Actor, RequestId, Secret};
use crate::flow::operators::sign_in::{is_token_of_forms, token_of_forms};

/// The connection's peer address, added to each request by the accept loop.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// The client's address: the peer, or, if the peer is a trusted proxy, the right-most untrusted address in
/// `X-Forwarded-For` (docs/protocol/threats.md, threat 40: anything left of it may be forged).
pub(super) fn came_from(site: &Site, parts: &Parts) -> IpAddr {
    client_of(&site.trusted_proxies, peer(&parts.extensions), &parts.headers)
}

/// The same for a request from `peer` with these headers, trusting `proxies`.
pub fn client_of(proxies: &[IpNet], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_trusted(proxies, peer) {
        if headers.contains_key("x-forwarded-for") {
            warn_of_proxy(peer);
        }
        return peer;
    }
    let forwarded: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).collect();
    let mut from = peer;
    for entry in forwarded.iter().rev() {
        let Some(ip) = forwarded_address(entry) else { break };
        from = ip.to_canonical();
        if !is_trusted(proxies, from) {
            break;
        }
    }
    from
}

/// An address in `X-Forwarded-For`; some proxies write its port too, or brackets or quotation marks around it.
fn forwarded_address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim().trim_matches('"');
    let with_port = || entry.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || entry.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    entry.parse::<IpAddr>().ok().or_else(with_port).or_else(in_brackets)
}

/// Logs once that visitors may be counted as one network. Anybody can send the header, so this is a possibility.
fn warn_of_proxy(peer: IpAddr) {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            %peer,
            "a request from {peer} has an X-Forwarded-For header, but CARTKEY_TRUSTED_PROXIES does not list that address. If it is your reverse proxy, list it: until then all visitors count as one network and share its limits. If it is not, a client sent the header itself, and you can ignore this"
        );
    });
}

/// The address at the other end of the connection.
pub(super) fn peer(extensions: &Extensions) -> IpAddr {
    extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip().to_canonical())
}

/// Whether one of `proxies` has this address.
pub fn is_trusted(proxies: &[IpNet], ip: IpAddr) -> bool {
    proxies.iter().any(|network| network.contains(&ip))
}

/// The address at which this browser reached us, without a trailing slash; the service API is served wherever the
/// dashboard is. `None` if the request does not name a host that is safe in a shell command.
pub(super) fn reached_at(site: &Site, parts: &Parts) -> Option<String> {
    let named = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = named.or_else(|| parts.uri.authority().map(Authority::as_str)).filter(|host| is_host(host))?;
    let public = site.public_url.split_once("://").map(|(_, host)| host);
    if public.is_some_and(|public| public.eq_ignore_ascii_case(host)) {
        return Some(site.public_url.clone());
    }
    let said = parts.headers.get_all("x-forwarded-proto").iter().next_back().and_then(|said| said.to_str().ok());
    let last = said.and_then(|said| said.rsplit(',').next()).map(str::trim);
    let peer = peer(&parts.extensions);
    let scheme = if last == Some("https") && is_trusted(&site.trusted_proxies, peer) { "https" } else { "http" };
    Some(format!("{scheme}://{}", host.to_ascii_lowercase()))
}

/// Whether this is a host, optionally with a port, and nothing else.
fn is_host(text: &str) -> bool {
    let is_port = |port: &str| port.parse::<u16>().is_ok() && port.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(rest) = text.strip_prefix('[') {
        let Some((ip, port)) = rest.split_once(']') else { return false };
        return ip.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
    let is_name = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'.';
    (1..=253).contains(&name.len())
        && name.bytes().all(is_name)
        && !name.starts_with(['-', '.'])
        && port.is_none_or(is_port)
}

/// The actor for events: `who` with this request's client address and ID.
pub(super) fn actor(app: &App, parts: &Parts, who: impl Into<Actor>) -> Actor {
    who.into().asking(came_from(&app.site, parts), parts.extensions.get::<RequestId>().cloned())
}

/// The actor for a visitor of the merchant's pages.
pub(super) fn merchant(app: &App, parts: &Parts) -> Actor {
    actor(app, parts, Actor::merchant())
}

/// The length of our secrets.
pub(super) const A_SECRET: RangeInclusive<usize> = 43..=43;

/// The name of the merchant's cookie. Plain http means development on localhost, where browsers may reject `__Host-`
/// cookies.
pub(super) const fn cookie_name(site: &Site) -> &'static str {
    if site.secure { "__Host-cartkey" } else { "cartkey" }
}

/// The browser's secret from its cookie.
pub(super) fn browser(site: &Site, headers: &HeaderMap) -> Option<Secret> {
    cookie(headers, cookie_name(site), A_SECRET)
}

pub(super) fn cookie(headers: &HeaderMap, name: &str, lengths: RangeInclusive<usize>) -> Option<Secret> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, value)| *key == name && lengths.contains(&value.len()))
        .map(|(_, value)| Secret::new(value.to_owned()))
}

/// The `Set-Cookie` that stores the browser's secret. Lax, not Strict: it must be sent when the store redirects the
/// merchant back (docs/protocol/store-answers.md §1).
pub(super) fn set_cookie(site: &Site, browser: &Secret) -> Secret {
    cookie_to_set(site, cookie_name(site), browser.expose(), "SameSite=Lax; Max-Age=86400")
}

/// The `Set-Cookie` of a cookie for the whole origin that scripts cannot read, with the attributes `more`.
pub(super) fn cookie_to_set(site: &Site, name: &str, value: &str, more: &str) -> Secret {
    let secure = if site.secure { "; Secure" } else { "" };
    Secret::new(format!("{name}={value}; Path=/; HttpOnly; {more}{secure}"))
}

/// What a browser reports about the page from which a form was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PostedFrom {
    /// One of our pages.
    Here,
    /// Another site.
    Elsewhere,
    /// Nothing: browsers and web views without `Sec-Fetch-Site` may leave out `Origin`, or send `null`; proxies may empty it.
    Unreported,
}

fn posted_from(site: &Site, headers: &HeaderMap) -> PostedFrom {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some("same-origin"), _) => PostedFrom::Here,
        (None, Some(origin)) if origin == site.public_url => PostedFrom::Here,
        (None, Some("null" | "") | None) => PostedFrom::Unreported,
        _ => PostedFrom::Elsewhere,
    }
}

/// Rejects a form that was posted from another site, or from an unreported page unless there is no https, in development.
pub(super) fn same_site(site: &Site, headers: &HeaderMap) -> Result<(), Failure> {
    match posted_from(site, headers) {
        PostedFrom::Here => Ok(()),
        PostedFrom::Unreported if !site.secure => Ok(()),
        _ => Err(Failure::said(StatusCode::FORBIDDEN, "cross_site", english("failure-cross-site"))),
    }
}

/// The same for a merchant's form: from an unreported page it is accepted with this browser's form token.
pub(super) fn own_form(site: &Site, parts: &Parts) -> Result<(), Failure> {
    match posted_from(site, &parts.headers) {
        PostedFrom::Unreported if has_form_token(site, parts) => Ok(()),
        _ => same_site(site, &parts.headers),
    }
}

/// Whether the browser reports nothing about the page from which it posted a form.
pub(super) fn reports_nothing(site: &Site, headers: &HeaderMap) -> bool {
    posted_from(site, headers) == PostedFrom::Unreported
}

/// The parameter in the address of a merchant's form that holds the form token.
pub(super) const FORM_TOKEN: &str = "form";

/// The form token of the browser with this cookie. It does not reveal the cookie, and other sites cannot read it.
pub(super) fn form_token(browser: &Secret) -> String {
    token_of_forms(browser).expose().to_owned()
}

fn has_form_token(site: &Site, parts: &Parts) -> bool {
    let Some(wanted) = browser(site, &parts.headers).as_ref().map(form_token) else { return false };
    let query = Fields::of_query(parts.uri.query());
    query.is_ok_and(|query| query.get(FORM_TOKEN).is_some_and(|shown| is_token_of_forms(shown, &wanted)))
}

/// Whether the forms that this browser is shown need a form token, because it does not report where it posts them from.
pub(super) fn needs_form_token(parts: &Parts) -> bool {
    !parts.headers.contains_key("sec-fetch-site")
}

/// For what changes something, or asks a store, when it is opened: answers link checkers (HEAD) and browsers that fetch a page in advance,
/// and changes nothing.
pub(super) async fn only_visits(request: Request, next: Next) -> Response {
    if request.method() == Method::HEAD {
        return StatusCode::OK.into_response();
    }
    if is_prefetch(request.headers()) {
        // Browsers discard a 503, and ask again when the person goes there.
        return (StatusCode::SERVICE_UNAVAILABLE, Html("<p>Open this page to continue.</p>")).into_response();
    }
    next.run(request).await
}

fn is_prefetch(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-purpose", "x-moz"].iter().any(|name| {
        let purpose = headers.get(*name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
        ["prefetch", "prerender", "preview"].iter().any(|word| purpose.contains(word))
    })
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;
    use crate::config::Config;

    fn site(pairs: &[(&str, &str)]) -> Site {
        Config::read(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
            .expect("a configuration")
            .site
    }

    fn from(site: &Site, peer: &str, forwarded: &[&str]) -> String {
        let mut request = Request::get("/");
        for value in forwarded {
            request = request.header("x-forwarded-for", *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        parts.extensions.insert(Peer(SocketAddr::new(peer.parse().unwrap(), 1)));
        came_from(site, &parts).to_string()
    }

    #[test]
    fn forwarded_addresses_are_believed_only_from_trusted_proxies() {
        let site = site(&[("CARTKEY_TRUSTED_PROXIES", "10.0.0.0/8")]);
        assert_eq!(from(&site, "198.51.100.1", &["203.0.113.9"]), "198.51.100.1");
        assert_eq!(from(&site, "10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(from(&site, "10.0.0.1", &["1.1.1.1, 203.0.113.9, 10.0.0.7"]), "203.0.113.9");
        assert_eq!(from(&site, "10.0.0.1", &["1.1.1.1", "203.0.113.9"]), "203.0.113.9");
        assert_eq!(from(&site, "10.0.0.1", &["nonsense"]), "10.0.0.1");
        for with_more in ["203.0.113.9:40000", "\"203.0.113.9\"", " 1.1.1.1:1 , 203.0.113.9:2,10.0.0.7:3"] {
            assert_eq!(from(&site, "10.0.0.1", &[with_more]), "203.0.113.9", "{with_more}");
        }
        for six in ["2001:db8::9", "[2001:db8::9]", "[2001:db8::9]:40000", "\"[2001:db8::9]:40000\""] {
            assert_eq!(from(&site, "10.0.0.1", &[six]), "2001:db8::9", "{six}");
        }
        assert_eq!(from(&site, "::ffff:10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn the_address_of_the_dashboard_is_the_one_that_the_browser_used() {
        let site =
            site(&[("CARTKEY_PUBLIC_URL", "https://keys.example.com"), ("CARTKEY_TRUSTED_PROXIES", "10.0.0.0/8")]);
        let reached = |peer: &str, pairs: &[(&str, &str)]| {
            let request = pairs.iter().fold(Request::get("/"), |request, (name, value)| request.header(*name, *value));
            let (mut parts, ()) = request.body(()).unwrap().into_parts();
            parts.extensions.insert(Peer(SocketAddr::new(peer.parse().unwrap(), 1)));
            reached_at(&site, &parts).unwrap_or_default()
        };
        let (proxy, other) = ("10.0.0.1", "198.51.100.1");
        for (peer, host, proto, address) in [
            (other, "keys.example.com", "", "https://keys.example.com"),
            (other, "Keys.example.com", "http", "https://keys.example.com"),
            (other, "127.0.0.1:8081", "", "http://127.0.0.1:8081"),
            (other, "[::1]:8081", "", "http://[::1]:8081"),
            (other, "keys.internal", "https", "http://keys.internal"),
            (proxy, "keys.internal", "https", "https://keys.internal"),
            (proxy, "keys.internal", "https, http", "http://keys.internal"),
            (proxy, "Keys.Internal:8443", "http, https", "https://keys.internal:8443"),
        ] {
            assert_eq!(reached(peer, &[("host", host), ("x-forwarded-proto", proto)]), address, "{host} {proto}");
        }
        for bad in [
            "", "a b", "a;b", "a/b", "a@b", "a:", "a:b", "a:+1", "a:99999", "$(id)", "[a]", "[::1", "[::1]x", "-o",
            ".", "'",
        ] {
            assert_eq!(reached(other, &[("host", bad)]), "", "{bad:?}");
        }
    }

    #[test]
    fn a_form_from_another_site_is_refused() {
        let site = site(&[("CARTKEY_PUBLIC_URL", "https://keys.example.com")]);
        let check = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            same_site(&site, &headers).is_ok()
        };
        assert!(check(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(check(&[("origin", "https://keys.example.com")]));
        for bad in [
            &[("sec-fetch-site", "cross-site"), ("origin", "https://keys.example.com")][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[],
        ] {
            assert!(!check(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_browser_that_reports_nothing_needs_the_form_token_of_its_cookie() {
        let site = site(&[("CARTKEY_PUBLIC_URL", "https://keys.example.com")]);
        let (mine, other) = ("A".repeat(43), "B".repeat(43));
        let token = form_token(&Secret::new(mine.clone()));
        let check = |cookie: &str, token: &str, pairs: &[(&str, &str)]| {
            let uri = format!("/connect?utm_source=x&form={token}");
            let request = Request::post(uri).header("cookie", format!("__Host-cartkey={cookie}"));
            let request = pairs.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            own_form(&site, &request.body(()).unwrap().into_parts().0).is_ok()
        };
        assert!(check(&mine, &token, &[]));
        assert!(check(&mine, &token, &[("origin", "null")]));
        assert!(check("", "", &[("sec-fetch-site", "same-origin")]));
        assert!(!check(&other, &token, &[("origin", "null")]));
        assert!(!check("", &token, &[("origin", "null")]));
        assert!(!check(&mine, "", &[("origin", "null")]));
        assert!(!check(&mine, &token, &[("origin", "https://evil.example")]));
        assert!(!check(&mine, &token, &[("sec-fetch-site", "cross-site"), ("origin", "null")]));
    }

    #[test]
    fn what_is_fetched_in_advance_is_told_from_a_visit() {
        let in_advance = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            is_prefetch(&headers)
        };
        assert!(in_advance("sec-purpose", "prefetch;prerender") && in_advance("purpose", "Prefetch"));
        assert!(in_advance("x-moz", "prefetch") && in_advance("x-purpose", "preview"));
        assert!(!in_advance("sec-fetch-mode", "navigate") && !in_advance("sec-purpose", ""));
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let site = site(&[("CARTKEY_PUBLIC_URL", "https://keys.example.com")]);
        let value = "A".repeat(43);
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, format!("a=b; __Host-cartkey={value}; c=d").parse().unwrap());
        assert_eq!(browser(&site, &headers).map(|s| s.expose().to_owned()), Some(value));
        headers.insert(header::COOKIE, "__Host-cartkey=short".parse().unwrap());
        assert!(browser(&site, &headers).is_none());
    }
}
