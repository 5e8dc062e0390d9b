//! Requests a store's approval page as a merchant would see it, without logging in and without keys.

use hyper::header::SET_COOKIE;
use url::Url;

use super::answer::{self, Heard, Refusal};
use super::authorize::{self, Ask};
use super::http::{Client, Fault, Reply};
use super::site;
use crate::domain::{Product, StoreUrl, Verdict};

/// How many redirects to the same page are followed: with a slash, a language or a parameter more, or after setting a cookie.
const REDIRECTS_AT_MOST: usize = 3;
/// The path of the page, below a home or the directory of a language.
const PAGE: &str = "/wc-auth/v1/authorize";
/// The path of its login.
const LOGIN: &str = "/wc-auth/v1/login";

/// The parameters that every redirect must preserve.
const PARAMETERS: [&str; 5] = ["app_name", "scope", "user_id", "return_url", "callback_url"];

/// Requests the page without parameters: `WooCommerce` answers 401 (docs/protocol/store-answers.md, "Pre-flight
/// probes"), and only where its links work. Returns whether it did.
pub(super) async fn bare(client: &Client, home: &StoreUrl) -> Result<bool, Verdict> {
    match visit(client, home.at(PAGE)).await {
        Ok(visited) => read_bare(&visited),
        // A page, then.
        Err(Fault::TooLarge) => Ok(false),
        Err(fault) => Err(verdict(fault)),
    }
}

/// Whether the page is there.
pub(super) async fn is_there(client: &Client, home: &StoreUrl) -> bool {
    bare(client, home).await == Ok(true)
}

/// Requests the page with all parameters: `WooCommerce` redirects a visitor to the login page below its own `home`.
pub(super) async fn shaped(client: &Client, home: &StoreUrl, ask: &Ask<'_>) -> Result<(), Verdict> {
    let address = authorize::url(home, ask);
    let visited = match visit(client, address.expose().to_owned()).await {
        Ok(visited) => visited,
        Err(Fault::TooLarge) => return Err(Verdict::ApprovalMisdirected),
        Err(fault) => return Err(verdict(fault)),
    };
    let Some(login) = read_shaped(&visited, home, address.expose())? else { return Ok(()) };
    // In the directory of a language, WooCommerce answers; another site of a network, or nothing, does not.
    match site::get(client, &login).await.map(|reply| answer::hear(&reply)) {
        Ok(Heard::Page) => Ok(()),
        Ok(Heard::Trouble(verdict)) => Err(verdict),
        Ok(_) | Err(Fault::TooLarge) => Err(Verdict::ApprovalMisdirected),
        Err(fault) => Err(verdict(fault)),
    }
}

/// The verdict on a fault of this page. Servers hang up on programs that they do not like, and not on browsers.
fn verdict(fault: Fault) -> Verdict {
    if fault == Fault::Closed { Verdict::Blocked(Product::Unnamed) } else { fault.verdict() }
}

/// The answer to a request that follows redirects to the same page, as a browser does.
struct Visited {
    reply: Reply,
    /// The address that answered.
    address: String,
    /// Whether a slash was added on the way. WordPress adds one itself if no route of WooCommerce's matches.
    with_slash: bool,
}

async fn visit(client: &Client, address: String) -> Result<Visited, Fault> {
    let (mut address, mut cookies, mut with_slash) = (address, String::new(), false);
    for _ in 0..REDIRECTS_AT_MOST {
        let reply = site::get_with_cookies(client, &address, &cookies).await?;
        let given = cookies_of(&reply);
        let Some(next) = same_page(&reply, &address).filter(|next| *next != address || given != cookies) else {
            return Ok(Visited { reply, address, with_slash });
        };
        with_slash |= only_a_slash_more(&address, &next);
        (address, cookies) = (next, given);
    }
    let reply = site::get_with_cookies(client, &address, &cookies).await?;
    Ok(Visited { reply, address, with_slash })
}

/// The address of the same page of the same site to which an answer redirects.
fn same_page(reply: &Reply, asked: &str) -> Option<String> {
    let Heard::Elsewhere(Some(to)) = answer::hear(reply) else { return None };
    let asked = Url::parse(asked).ok()?;
    let to = asked.join(&to).ok().filter(|to| to.origin() == asked.origin())?;
    to.path().trim_end_matches('/').ends_with(PAGE).then(|| to.into())
}

/// The cookies that an answer sets, as a browser returns them.
fn cookies_of(reply: &Reply) -> String {
    let set = reply.headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs: Vec<&str> = set.filter_map(|cookie| cookie.split(';').next()).map(str::trim).collect();
    pairs.join("; ")
}

fn read_bare(visited: &Visited) -> Result<bool, Verdict> {
    match answer::hear(&visited.reply) {
        Heard::Denied => Ok(true),
        Heard::NotFound => Err(Verdict::PermalinksStale),
        Heard::Trouble(verdict) => Err(verdict),
        _ if visited.with_slash => Err(Verdict::PermalinksStale),
        // Redirects, pages and other errors are judged by the second request, which reveals more.
        _ => Ok(false),
    }
}

/// Judges the answer to the request for `asked`. Returns the login's address if it must be requested too, because it is in a
/// directory of its own below `home`.
fn read_shaped(visited: &Visited, home: &StoreUrl, asked: &str) -> Result<Option<String>, Verdict> {
    match answer::hear(&visited.reply) {
        Heard::Elsewhere(Some(to)) => {
            let Ok(to) = Url::parse(&visited.address).and_then(|address| address.join(&to)) else {
                return Err(Verdict::ApprovalMisdirected);
            };
            match Url::parse(asked).ok().filter(|_| is_login(home, &to)) {
                Some(asked) if is_unchanged(&asked, &to) => {
                    let is_usual = to.path().trim_end_matches('/').len() == path_of(home).len() + LOGIN.len();
                    Ok((!is_usual).then(|| to.into()))
                }
                Some(asked) if is_for_somebody_else(&asked, &to) => Err(Verdict::ApprovalCached),
                // The merchant's browser can log in there, and comes back.
                _ if site::comes_back(asked, to.as_str()) => Err(Verdict::LoginWall),
                _ if visited.with_slash => Err(Verdict::PermalinksStale),
                _ => Err(Verdict::ApprovalMisdirected),
            }
        }
        // It answered the same page when no parameter was an address: the blocking rule is ModSecurity's.
        Heard::Trouble(Verdict::Blocked(Product::Unnamed)) | Heard::NotFound => {
            Err(Verdict::Blocked(Product::ModSecurity))
        }
        Heard::Trouble(verdict) => Err(verdict),
        // A firewall's or a plugin's: WooCommerce answers with pages.
        Heard::Refused(Refusal { status: 401 | 403, .. }) => Err(Verdict::Blocked(Product::Unnamed)),
        // 401: WooCommerce rejects our own parameters. The merchant will see its message.
        Heard::Denied => Ok(None),
        _ if visited.with_slash => Err(Verdict::PermalinksStale),
        _ => Err(Verdict::ApprovalMisdirected),
    }
}

/// Whether `to` is a login page below `home`.
fn is_login(home: &StoreUrl, to: &Url) -> bool {
    let path = to.path().trim_end_matches('/').strip_suffix(LOGIN);
    let is_below = path
        .and_then(|path| path.strip_prefix(path_of(home)))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    is_below && Url::parse(home.as_str()).is_ok_and(|home| home.origin() == to.origin())
}

/// The directory of `home`, without a trailing slash.
fn path_of(home: &StoreUrl) -> &str {
    &home.as_str()[home.origin().len()..]
}

/// Whether all five parameters are unchanged.
fn is_unchanged(asked: &Url, to: &Url) -> bool {
    PARAMETERS.iter().all(|name| value(to, name).is_some() && value(to, name) == value(asked, name))
}

/// Whether these are the parameters of another request, which a cache gave out.
fn is_for_somebody_else(asked: &Url, to: &Url) -> bool {
    let differs = |name: &&str| value(to, name) != value(asked, name);
    PARAMETERS.iter().all(|name| value(to, name).is_some()) && ["user_id", "callback_url"].iter().all(differs)
}

fn value(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned())
}

/// WordPress's own redirect to the same address with a trailing slash: no `WooCommerce` route matched.
fn only_a_slash_more(asked: &str, to: &str) -> bool {
    let Ok(asked) = Url::parse(asked) else { return false };
    asked.join(to).is_ok_and(|to| to.origin() == asked.origin() && to.path() == format!("{}/", asked.path()))
}

#[cfg(test)]
mod tests {
    use super::super::answer::tests::reply;
    use super::*;
    use crate::domain::store_url::Network;

    const HOME: &str = "https://shop.example.com/de";
    const QUERY: &str = "app_name=My%20App&scope=read&user_id=s&return_url=https%3A%2F%2Fk.example%2Fr&callback_url=https%3A%2F%2Fk.example%2Fc";

    #[test]
    fn the_page_without_parameters() {
        let asked = format!("{HOME}/wc-auth/v1/authorize");
        for (status, headers, verdict) in [
            (401, "", Ok(true)),
            (404, "", Err(Verdict::PermalinksStale)),
            (401, "www-authenticate: Basic realm=x", Err(Verdict::LoginWall)),
            (503, "retry-after: 600", Err(Verdict::Maintenance)),
            (403, "", Err(Verdict::Blocked(Product::Unnamed))),
            (200, "", Ok(false)),
        ] {
            let visited = |with_slash| visited(reply(status, headers, "<html>"), &asked, with_slash);
            assert_eq!(read_bare(&visited(false)), verdict, "{status} {headers}");
            if verdict == Ok(false) {
                assert_eq!(read_bare(&visited(true)), Err(Verdict::PermalinksStale), "{status} {headers}");
            }
        }
    }

    fn visited(reply: Reply, address: &str, with_slash: bool) -> Visited {
        Visited { reply, address: address.to_owned(), with_slash }
    }

    #[test]
    fn the_same_page_is_another_address_of_it_on_the_same_site() {
        let asked = format!("{HOME}/wc-auth/v1/authorize?{QUERY}");
        for (to, is_same) in [
            (format!("{HOME}/wc-auth/v1/authorize/?{QUERY}"), true),
            (format!("/en/wc-auth/v1/authorize?{QUERY}"), true),
            (format!("{asked}&lang=de"), true),
            (asked.clone(), true),
            (format!("https://www.shop.example.com/de/wc-auth/v1/authorize?{QUERY}"), false),
            (format!("{HOME}/wc-auth/v1/login/?{QUERY}"), false),
            (format!("/wp-login.php?redirect_to={HOME}/wc-auth/v1/authorize"), false),
        ] {
            let found = same_page(&reply(302, &format!("location: {to}"), ""), &asked);
            assert_eq!(found.is_some(), is_same, "{to}");
        }
        let cookies = reply(302, "set-cookie: a=b; Path=/\nset-cookie: c=d", "");
        assert_eq!(cookies_of(&cookies), "a=b; c=d");
    }

    #[test]
    fn the_page_with_everything() {
        let home = StoreUrl::parse(HOME, Network::Public).unwrap();
        let asked = format!("{HOME}/wc-auth/v1/authorize?{QUERY}");
        let misdirected = Err(Verdict::ApprovalMisdirected);
        for (status, to, verdict) in [
            (302, format!("{HOME}/wc-auth/v1/login/?{QUERY}"), Ok(false)),
            (302, format!("{HOME}/wc-auth/v1/login?{QUERY}"), Ok(false)),
            (302, format!("{HOME}/en/wc-auth/v1/login?{QUERY}"), Ok(true)),
            (302, format!("{HOME}x/wc-auth/v1/login?{QUERY}"), misdirected),
            (302, format!("/de/wc-auth/v1/login/?{}", QUERY.replace("%20", "+")), Ok(false)),
            (302, format!("{HOME}/wc-auth/v1/login/?{}", QUERY.replace("user_id=s", "user_id=t")), misdirected),
            (
                302,
                format!("{HOME}/wc-auth/v1/login/?{}", QUERY.replace("user_id=s", "user_id=t").replace("%2Fc", "%2Fd")),
                Err(Verdict::ApprovalCached),
            ),
            (302, format!("{HOME}/wp-login.php?redirect_to={HOME}/wc-auth/v1/authorize"), Err(Verdict::LoginWall)),
            (302, format!("https://sso.example/?next={HOME}/wc-auth/v1/authorize"), Err(Verdict::LoginWall)),
            (302, format!("{HOME}/wc-auth/v1/login/"), misdirected),
            (302, format!("https://shop.example.com/wc-auth/v1/login/?{QUERY}"), misdirected),
            (302, format!("https://shop.example.com/en/wc-auth/v1/login/?{QUERY}"), misdirected),
            (302, format!("https://www.shop.example.com/de/wc-auth/v1/login/?{QUERY}"), misdirected),
            (302, format!("http://shop.example.com/de/wc-auth/v1/login/?{QUERY}"), misdirected),
            (302, format!("{HOME}/?wc-auth/v1=login&{QUERY}"), misdirected),
            (200, String::new(), misdirected),
            (403, String::new(), Err(Verdict::Blocked(Product::ModSecurity))),
            (406, String::new(), Err(Verdict::Blocked(Product::ModSecurity))),
            (404, String::new(), Err(Verdict::Blocked(Product::ModSecurity))),
            (503, String::new(), Err(Verdict::ServerError)),
        ] {
            let headers = if to.is_empty() { String::new() } else { format!("location: {to}") };
            let visited = |with_slash| visited(reply(status, &headers, "<html>"), &asked, with_slash);
            let seen = read_shaped(&visited(false), &home, &asked).map(|login| login.is_some());
            assert_eq!(seen, verdict, "{status} {to}");
            if verdict == misdirected {
                let seen = read_shaped(&visited(true), &home, &asked);
                assert_eq!(seen, Err(Verdict::PermalinksStale), "{status} {to}");
            }
        }
        let cloudflare = reply(403, "cf-mitigated: challenge", "<html>");
        let seen = read_shaped(&visited(cloudflare, &asked, false), &home, &asked);
        assert_eq!(seen, Err(Verdict::Blocked(Product::Cloudflare)));
    }
}
