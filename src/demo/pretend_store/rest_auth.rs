//! Authenticates REST requests with WooCommerce's checks, in WooCommerce's order (docs/protocol/wc-auth.md §5).

use super::answer::{Answer, Asked};
use super::application_passwords::{self, MadePassword};
use super::front::believed_home;
use super::oauth::{self, Signed};
use super::state::{Role, Shop, basic_of};
use super::switches::Switches;

/// The error code of every refusal of a known key.
const ERROR: &str = "woocommerce_rest_authentication_error";

pub(super) enum Caller {
    /// An unknown caller.
    Anonymous,
    /// A key with the required permission, and its owner's role.
    Key { role: Role },
    /// An application password, and its owner's role.
    Password { role: Role, made: MadePassword },
}

impl Caller {
    /// The role of the user that the caller acts as.
    pub(super) const fn role(&self) -> Option<Role> {
        match self {
            Self::Anonymous => None,
            Self::Key { role } | Self::Password { role, .. } => Some(*role),
        }
    }
}

/// A matching key, before its permissions are checked.
struct Found {
    key_id: i64,
    permissions: String,
    role: Role,
}

/// Authenticates the caller for `route`, or refuses as WooCommerce does before routing.
pub(super) fn caller(asked: &Asked, route: &str, shop: &Shop, switches: &Switches) -> Result<Caller, Answer> {
    let authorization =
        if switches.authorization_stripped || switches.nothing_arrives { "" } else { asked.header("authorization") };
    if switches.basic_taken && basic_of(authorization).is_some() {
        return Err(Answer::rest_error(403, "jwt_auth_bad_auth_header", "Authorization header malformed."));
    }
    if switches.basic_dies && basic_of(authorization).is_some() {
        return Err(Answer::html(500, "<p>There has been a critical error on this website.</p>"));
    }
    let is_ssl = is_ssl(shop, switches);
    // Before 11.1 the whole request URI, including the query, is searched for the text; from 11.1 the route decides.
    let in_address = |part: &str| asked.target().contains(&format!("{}/{part}", switches.rest_prefix()));
    let for_woocommerce = if switches.is_11_1() {
        route.starts_with("/wc/") || route.starts_with("/wc-")
    } else {
        in_address("wc/") || in_address("wc-")
    };
    let found = if switches.woocommerce_off || switches.nothing_arrives {
        None
    } else if for_woocommerce {
        by_key(asked, authorization, is_ssl, shop, switches)?
    } else {
        if switches.is_11_1()
            && by_plain_key(asked, authorization, is_ssl, shop, switches).is_ok_and(|found| found.is_some())
        {
            return Err(error("The provided API key cannot be used to access this endpoint."));
        }
        None
    };
    let Some(found) = found else {
        // WordPress itself then treats Basic credentials as an application password, if the site has ever had one.
        if switches.invalid_username && is_ssl && basic_of(authorization).is_some() {
            let says = "<strong>Error:</strong> Unknown username. Check again or try your email address.";
            return Err(Answer::rest_error(401, "invalid_username", says));
        }
        return application_passwords::caller(authorization, for_woocommerce, shop, switches);
    };
    check_permissions(asked.method.as_str(), &found.permissions)?;
    let now = shop.clock.now();
    shop.with(|inner| {
        for row in inner.keys.iter_mut().filter(|row| row.key.key_id == found.key_id) {
            row.last_access = Some(now);
        }
    });
    Ok(Caller::Key { role: found.role })
}

/// `is_ssl()`: what PHP sees, which behind some proxies differs from what the visitor sees.
pub(super) fn is_ssl(shop: &Shop, switches: &Switches) -> bool {
    shop.home.starts_with("https://") && !switches.https_hidden
}

fn by_key(
    asked: &Asked,
    authorization: &str,
    is_ssl: bool,
    shop: &Shop,
    switches: &Switches,
) -> Result<Option<Found>, Answer> {
    let plain =
        if switches.plain_keys_dropped { Ok(None) } else { by_plain_key(asked, authorization, is_ssl, shop, switches) };
    if let Ok(Some(found)) = plain {
        return Ok(Some(found));
    }
    // OAuth is tried whenever the plain key fails, over https too.
    let mut params = asked.request();
    for (name, value) in oauth_header(authorization) {
        params.set(&name, value);
    }
    if switches.query_added {
        params.set("cdn", "1".to_owned());
    }
    let home = believed_home(shop, switches);
    let scheme = if is_ssl { "https" } else { "http" };
    let base = format!("{scheme}://{}", home.split_once("://").map_or(home.as_str(), |(_, rest)| rest));
    let signed = Signed { method: asked.method.as_str(), path: &asked.path, params, base };
    match oauth::verify(&signed, shop, switches) {
        None => plain,
        Some(Ok(key_id)) => Ok(find(shop, |key| key.key_id == key_id).map(|(key_id, _, permissions, role)| Found {
            key_id,
            permissions,
            role,
        })),
        Some(Err(refused)) => Err(Answer::rest_error(401, refused.code, &refused.message)),
    }
}

/// The key from the query or, failing that, from the Basic header; both only if PHP sees https.
fn by_plain_key(
    asked: &Asked,
    authorization: &str,
    is_ssl: bool,
    shop: &Shop,
    switches: &Switches,
) -> Result<Option<Found>, Answer> {
    if !is_ssl {
        return Ok(None);
    }
    let query = asked.get();
    let in_query = query.filled("consumer_key").zip(query.filled("consumer_secret"));
    let in_query = in_query.map(|(key, secret)| (key.to_owned(), secret.to_owned()));
    let in_header = || basic_of(authorization).filter(|(key, secret)| !key.is_empty() && !secret.is_empty());
    let Some((key, secret)) = in_query.or_else(in_header) else { return Ok(None) };
    let Some((key_id, known_secret, permissions, role)) = find(shop, |row| row.consumer_key == key) else {
        return Ok(None);
    };
    if known_secret != secret || switches.secrets_replaced {
        return Err(error("Consumer secret is invalid."));
    }
    Ok(Some(Found { key_id, permissions, role }))
}

fn find(shop: &Shop, is_it: impl Fn(&super::IssuedKey) -> bool) -> Option<(i64, String, String, Role)> {
    shop.with(|inner| {
        let key = &inner.keys.iter().find(|row| !row.key.revoked && is_it(&row.key))?.key;
        let owner = inner.people.iter().find(|person| person.login == key.owner)?;
        Some((key.key_id, key.consumer_secret.clone(), key.permissions.clone(), owner.role))
    })
}

fn check_permissions(method: &str, permissions: &str) -> Result<(), Answer> {
    match method {
        "GET" | "HEAD" if permissions == "write" => Err(error("The API key provided does not have read permissions.")),
        "POST" | "PUT" | "PATCH" | "DELETE" if permissions == "read" => {
            Err(error("The API key provided does not have write permissions."))
        }
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => Ok(()),
        _ => Err(error("Unknown request method.")),
    }
}

fn error(message: &str) -> Answer {
    Answer::rest_error(401, ERROR, message)
}

/// The parameters of `Authorization: OAuth a="b", …` (RFC 5849 §3.5.1).
fn oauth_header(authorization: &str) -> Vec<(String, String)> {
    let Some((scheme, rest)) = authorization.split_once(' ') else { return Vec::new() };
    if !scheme.eq_ignore_ascii_case("oauth") {
        return Vec::new();
    }
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    rest.split(',')
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| name.starts_with("oauth_"))
        .map(|(name, value)| (decode(name), decode(value.trim_matches('"'))))
        .collect()
}
