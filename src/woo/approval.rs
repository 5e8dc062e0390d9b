//! Requests a store's approval page as a merchant would see it, without logging in and without keys.

use url::Url;

use super::answer::{self, Heard};
use super::authorize::{self, Ask};
use super::http::{Client, Fault, Reply};
use super::site;
use crate::domain::{Product, StoreUrl, Verdict};

/// The parameters that every redirect must preserve.
const PARAMETERS: [&str; 5] = ["app_name", "scope", "user_id", "return_url", "callback_url"];

/// Requests the page without parameters: `WooCommerce` answers 401 (docs/protocol/store-answers.md, "Pre-flight
/// probes"), and only where its links work. Returns whether it did.
pub(super) async fn bare(client: &Client, home: &StoreUrl) -> Result<bool, Verdict> {
    let address = home.at("/wc-auth/v1/authorize");
    match site::get(client, &address).await {
        Ok(reply) => read_bare(&reply, &address),
        // A page, then.
        Err(Fault::TooLarge) => Ok(false),
        Err(fault) => Err(fault.verdict()),
    }
}

/// Whether the page is there.
pub(super) async fn is_there(client: &Client, home: &StoreUrl) -> bool {
    bare(client, home).await == Ok(true)
}

/// Requests the page with all parameters: `WooCommerce` redirects a visitor to the login page below its own `home`.
pub(super) async fn shaped(client: &Client, home: &StoreUrl, ask: &Ask<'_>) -> Result<(), Verdict> {
    let address = authorize::url(home, ask);
    match site::get(client, address.expose()).await {
        Ok(reply) => read_shaped(&reply, home, address.expose()),
        Err(Fault::TooLarge) => Err(Verdict::ApprovalMisdirected),
        Err(fault) => Err(fault.verdict()),
    }
}

fn read_bare(reply: &Reply, asked: &str) -> Result<bool, Verdict> {
    match answer::hear(reply) {
        Heard::Denied => Ok(true),
        Heard::NotFound => Err(Verdict::PermalinksStale),
        Heard::Elsewhere(Some(to)) if only_a_slash_more(asked, &to) => Err(Verdict::PermalinksStale),
        Heard::Trouble(verdict) => Err(verdict),
        // Redirects, pages and other errors are judged by the second request, which reveals more.
        _ => Ok(false),
    }
}

fn read_shaped(reply: &Reply, home: &StoreUrl, asked: &str) -> Result<(), Verdict> {
    match answer::hear(reply) {
        Heard::Elsewhere(Some(to)) if is_the_login(home, asked, &to) => Ok(()),
        Heard::Elsewhere(Some(to)) if only_a_slash_more(asked, &to) => Err(Verdict::PermalinksStale),
        Heard::Elsewhere(Some(to)) if is_for_somebody_else(home, asked, &to) => Err(Verdict::ApprovalCached),
        // The merchant's browser can log in there, and comes back.
        Heard::Elsewhere(Some(to)) if comes_back(asked, &to) => Err(Verdict::LoginWall),
        // It answered the same page when no parameter was an address: the blocking rule is ModSecurity's.
        Heard::Trouble(Verdict::Blocked(Product::Unnamed)) | Heard::NotFound => {
            Err(Verdict::Blocked(Product::ModSecurity))
        }
        Heard::Trouble(verdict) => Err(verdict),
        // 401: WooCommerce rejects our own parameters. The merchant will see its message.
        Heard::Denied => Ok(()),
        _ => Err(Verdict::ApprovalMisdirected),
    }
}

/// Whether `to` is the login page below `home` with all five parameters unchanged.
fn is_the_login(home: &StoreUrl, asked: &str, to: &str) -> bool {
    login(home, asked, to).is_some_and(|(asked, to)| {
        PARAMETERS.iter().all(|name| value(&to, name).is_some() && value(&to, name) == value(&asked, name))
    })
}

/// Whether `to` is the login page below `home` with the parameters of another request, which a cache gave out.
fn is_for_somebody_else(home: &StoreUrl, asked: &str, to: &str) -> bool {
    login(home, asked, to).is_some_and(|(asked, to)| {
        let differs = |name: &&str| value(&to, name) != value(&asked, name);
        PARAMETERS.iter().all(|name| value(&to, name).is_some()) && ["user_id", "callback_url"].iter().all(differs)
    })
}

/// The address asked and `to`, if that is the login page below `home`.
fn login(home: &StoreUrl, asked: &str, to: &str) -> Option<(Url, Url)> {
    let (asked, login) = (Url::parse(asked).ok()?, Url::parse(&home.at("/wc-auth/v1/login")).ok()?);
    let to = asked.join(to).ok()?;
    (to.origin() == login.origin() && to.path().trim_end_matches('/') == login.path()).then_some((asked, to))
}

fn value(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned())
}

/// Whether `to` is a login page, of WordPress or of something in front, that leads back to the address asked: a parameter
/// names that address.
fn comes_back(asked: &str, to: &str) -> bool {
    let Ok(asked) = Url::parse(asked) else { return false };
    let Ok(to) = asked.join(to) else { return false };
    let names_it = to.query_pairs().any(|(_, value)| value.contains(asked.path()));
    names_it && to.path() != asked.path() && !to.path().contains("/wc-auth/")
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
            (301, "location: https://shop.example.com/de/wc-auth/v1/authorize/", Err(Verdict::PermalinksStale)),
            (301, "location: /de/wc-auth/v1/authorize/", Err(Verdict::PermalinksStale)),
            (401, "www-authenticate: Basic realm=x", Err(Verdict::LoginWall)),
            (503, "retry-after: 600", Err(Verdict::Maintenance)),
            (403, "", Err(Verdict::Blocked(Product::Unnamed))),
            (200, "", Ok(false)),
        ] {
            assert_eq!(read_bare(&reply(status, headers, "<html>"), &asked), verdict, "{status} {headers}");
        }
    }

    #[test]
    fn the_page_with_everything() {
        let home = StoreUrl::parse(HOME, Network::Public).unwrap();
        let asked = format!("{HOME}/wc-auth/v1/authorize?{QUERY}");
        let misdirected = Err(Verdict::ApprovalMisdirected);
        for (status, to, verdict) in [
            (302, format!("{HOME}/wc-auth/v1/login/?{QUERY}"), Ok(())),
            (302, format!("{HOME}/wc-auth/v1/login?{QUERY}"), Ok(())),
            (302, format!("/de/wc-auth/v1/login/?{}", QUERY.replace("%20", "+")), Ok(())),
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
            (301, format!("{HOME}/wc-auth/v1/authorize/?{QUERY}"), Err(Verdict::PermalinksStale)),
            (200, String::new(), misdirected),
            (403, String::new(), Err(Verdict::Blocked(Product::ModSecurity))),
            (406, String::new(), Err(Verdict::Blocked(Product::ModSecurity))),
            (404, String::new(), Err(Verdict::Blocked(Product::ModSecurity))),
            (503, String::new(), Err(Verdict::ServerError)),
        ] {
            let headers = if to.is_empty() { String::new() } else { format!("location: {to}") };
            assert_eq!(read_shaped(&reply(status, &headers, "<html>"), &home, &asked), verdict, "{status} {to}");
        }
        let cloudflare = reply(403, "cf-mitigated: challenge", "<html>");
        assert_eq!(read_shaped(&cloudflare, &home, &asked), Err(Verdict::Blocked(Product::Cloudflare)));
    }
}
