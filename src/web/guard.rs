//! Who asks, and whether a form was posted from our own page.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};

use super::failure::{Failure, english};
use crate::app::App;
use crate::config::Site;
use crate::domain::actor::Actor;
use crate::domain::id::RequestId;
use crate::domain::secret::Secret;

/// The other end of the connection, put into each request by the accept loop.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Where a request came from: the peer, or, while the peer is a proxy that we trust, the right-most address of
/// `X-Forwarded-For` that is not (threats.md §4.40: what stands left of it anyone may have written).
pub(super) fn came_from(site: &Site, parts: &Parts) -> IpAddr {
    let peer =
        parts.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip().to_canonical());
    let trusted = |ip: &IpAddr| site.trusted_proxies.iter().any(|network| network.contains(ip));
    if !trusted(&peer) {
        return peer;
    }
    let forwarded: Vec<&str> = parts
        .headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .collect();
    let mut from = peer;
    for entry in forwarded.iter().rev() {
        let Ok(ip) = entry.trim().parse::<IpAddr>() else { break };
        from = ip.to_canonical();
        if !trusted(&from) {
            break;
        }
    }
    from
}

/// Who asks, as events name them: `who` with the address and the id of this request.
pub(super) fn actor(app: &App, parts: &Parts, who: impl Into<Actor>) -> Actor {
    who.into().asking(came_from(&app.site, parts), parts.extensions.get::<RequestId>().cloned())
}

/// Whoever sits at a browser of the merchant's pages.
pub(super) fn merchant(app: &App, parts: &Parts) -> Actor {
    actor(app, parts, Actor::merchant())
}

/// The name of the merchant's cookie. Plain http is development on localhost, where a browser may not take a
/// `__Host-` cookie.
pub(super) const fn cookie_name(site: &Site) -> &'static str {
    if site.secure { "__Host-cartkey" } else { "cartkey" }
}

/// The browser's own secret, from its cookie.
pub(super) fn browser(site: &Site, headers: &HeaderMap) -> Option<Secret> {
    cookie(headers, cookie_name(site))
}

/// The secret in the cookie of this name, if it has the length of one.
pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<Secret> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, value)| *key == name && value.len() == 43)
        .map(|(_, value)| Secret::new(value.to_owned()))
}

/// The `Set-Cookie` that keeps the browser's secret. Lax, not Strict: it must come along when the store sends the
/// merchant back (store-answers.md §1).
pub(super) fn set_cookie(site: &Site, browser: &Secret) -> Secret {
    let secure = if site.secure { "; Secure" } else { "" };
    Secret::new(format!(
        "{}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400{secure}",
        cookie_name(site),
        browser.expose()
    ))
}

/// Refuses a form that was posted from another site. Our own pages send no referrer, so browsers that do not know
/// `Sec-Fetch-Site` say `Origin: null` for them: that is let through only where there is no https, in development.
pub(super) fn same_site(site: &Site, headers: &HeaderMap) -> Result<(), Failure> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let ours = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) if origin == site.public_url => true,
        (None, Some("null") | None) => !site.secure,
        (None, Some(_)) => false,
    };
    if ours {
        return Ok(());
    }
    Err(Failure::said(StatusCode::FORBIDDEN, "cross_site", english("failure-cross-site")))
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
        assert_eq!(from(&site, "::ffff:10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
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
