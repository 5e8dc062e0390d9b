//! Reads what a WordPress site reports to every visitor: its REST index.

use std::time::Duration;

use hyper::Method;
use hyper::header::{ACCEPT, COOKIE, HeaderName, HeaderValue, LINK};
use serde_json::Value;
use url::Url;

use super::answer::{self, Heard};
use super::http::{Call, Client, Fault, Reply};
use crate::domain::invisible::is_invisible;
use crate::domain::rest_base::RestBase;
use crate::domain::store_url::StoreUrl;
use crate::domain::verdict::Verdict;

/// Some firewalls block clients that accept only JSON (docs/protocol/wc-auth.md §6, row 28).
pub const ACCEPT_JSON: &str = "application/json, */*;q=0.8";
/// The link relation of WordPress's REST API.
const REST_LINK: &str = "https://api.w.org/";
/// How much of a page is searched for that link, in bytes.
const PAGE_AT_MOST: usize = 256 * 1024;
/// The fields of the index that are needed; the whole index of one shop had 1.2 MB.
pub(super) const INDEX_FIELDS: &str = "_fields=name,url,home,namespaces,site_icon_url";
/// The time limit of one request.
const ONE_WITHIN: Duration = Duration::from_secs(15);
/// The maximum size of an index, in bytes: WordPress before 4.9 ignores `_fields`.
const INDEX_AT_MOST: usize = 4 * 1024 * 1024;
/// The maximum size of any other answer, in bytes. A stranger can make us ask for several at once.
const ONE_AT_MOST: usize = 512 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Index {
    /// The shop's name without HTML entities, at most 120 characters.
    pub name: Option<String>,
    /// The site's own address, as reported.
    pub home: String,
    /// Whether `WooCommerce` 3.5 or newer is active.
    pub woocommerce: bool,
    /// The address of the site's icon, as reported.
    pub icon: Option<String>,
    /// Whether other output surrounds the JSON.
    pub noisy: bool,
}

/// Sends a GET request without keys.
pub(super) async fn get(client: &Client, url: &str) -> Result<Reply, Fault> {
    get_at_most(client, url, ONE_AT_MOST, None).await
}

/// The same with cookies that the site set before.
pub(super) async fn get_with_cookies(client: &Client, url: &str, cookies: &str) -> Result<Reply, Fault> {
    get_at_most(client, url, ONE_AT_MOST, HeaderValue::from_str(cookies).ok().filter(|value| !value.is_empty())).await
}

/// The same for an index, which may be large.
pub(super) async fn get_index(client: &Client, url: &str) -> Result<Reply, Fault> {
    get_at_most(client, url, INDEX_AT_MOST, None).await
}

async fn get_at_most(client: &Client, url: &str, at_most: usize, cookies: Option<HeaderValue>) -> Result<Reply, Fault> {
    let mut headers: Vec<(HeaderName, HeaderValue)> = vec![(ACCEPT, HeaderValue::from_static(ACCEPT_JSON))];
    headers.extend(cookies.map(|cookies| (COOKIE, cookies)));
    let call = Call { method: Method::GET, url, headers, body: Vec::new(), within: ONE_WITHIN, at_most };
    client.send(call).await
}

/// The answer to a request for the index at `rest`.
pub(super) async fn ask_index(client: &Client, rest: &RestBase) -> Option<Heard> {
    get_index(client, &rest.at("", INDEX_FIELDS)).await.ok().map(|reply| answer::hear(&reply))
}

/// The index at `rest`, if it can be read.
pub(super) async fn index(client: &Client, rest: &RestBase) -> Option<Index> {
    read(&ask_index(client, rest).await?)
}

/// Whether `WooCommerce` answers at its own namespace: plugins hide namespaces from the index.
pub(super) async fn has_woocommerce(client: &Client, rest: &RestBase) -> bool {
    let Ok(reply) = get(client, &rest.at("wc/v3/", "_fields=namespace")).await else { return false };
    match answer::hear(&reply) {
        Heard::Json { value, .. } => value.get("namespace").is_some_and(|namespace| namespace == "wc/v3"),
        Heard::Refused(refusal) => refusal.code.starts_with("woocommerce_rest_"),
        _ => false,
    }
}

/// The REST API that a page of the store at `home` names: WordPress does so in a header of each page, even a 404, and in the page
/// itself.
pub(super) fn named(reply: &Reply, home: &StoreUrl) -> Option<RestBase> {
    let headers = reply.headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let in_header = headers.flat_map(|value| value.split(',')).find_map(|link| {
        let (address, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
        rest.contains(REST_LINK).then(|| address.to_owned())
    });
    RestBase::named(home, &in_header.or_else(|| in_page(&reply.body[..reply.body.len().min(PAGE_AT_MOST)]))?)
}

fn in_page(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let lower = text.to_ascii_lowercase();
    let mut tags = lower.match_indices("<link").map(|(at, _)| (at, lower[at..].split('>').next().unwrap_or_default()));
    let (at, tag) = tags.find(|(_, tag)| tag.contains(REST_LINK))?;
    let value = &text[at + tag.find("href=")? + "href=".len()..at + tag.len()];
    // Plugins that shorten pages leave out quotation marks.
    let address = match value.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        Some(quote) => value[1..].split(quote).next(),
        None => value.split_ascii_whitespace().next(),
    };
    address.map(|address| address.replace("&amp;", "&").replace("&#038;", "&"))
}

/// Whether `to` is a login page, of WordPress or of something in front, that leads back to the address asked: a parameter names its
/// path, or, for a page on another host, its host.
pub(super) fn comes_back(asked: &str, to: &str) -> bool {
    let Ok(asked) = Url::parse(asked) else { return false };
    let Ok(to) = asked.join(to) else { return false };
    let host = asked.host_str().filter(|_| to.host() != asked.host());
    let names_it = to.query_pairs().any(|(_, value)| {
        value.contains(asked.path().trim_end_matches('/')) || host.is_some_and(|host| value.contains(host))
    });
    names_it && !["/wc-auth/", "/wp-json"].iter().any(|ours| to.path().contains(ours))
}

/// Parses an index; JSON without `home` and `namespaces` is not one.
pub(super) fn read(heard: &Heard) -> Option<Index> {
    let Heard::Json { value, noisy } = heard else { return None };
    // PHP writes a list with gaps as an object.
    let namespaces: Vec<&Value> = match value.get("namespaces")? {
        Value::Array(all) => all.iter().collect(),
        Value::Object(all) => all.values().collect(),
        _ => return None,
    };
    Some(Index {
        name: value.get("name").and_then(Value::as_str).and_then(readable),
        home: value.get("home")?.as_str()?.to_owned(),
        woocommerce: namespaces.iter().any(|namespace| *namespace == "wc/v3"),
        icon: value.get("site_icon_url").and_then(Value::as_str).map(str::to_owned),
        noisy: *noisy,
    })
}

/// What a redirect of the REST API means: another origin is a move, unless it only drops to plain http; the login page
/// or another page of the same site means that a plugin blocks visitors.
pub(super) fn moved(home: &StoreUrl, to: Option<&str>) -> Verdict {
    let Ok(base) = Url::parse(home.as_str()) else { return Verdict::AnswerUnreadable };
    match to.and_then(|to| base.join(to).ok()) {
        Some(to) if to.path().ends_with("wp-login.php") => Verdict::RestClosed,
        Some(to) if base.scheme() == "https" && to.scheme() == "http" && to.host() == base.host() => Verdict::NoHttps,
        Some(to) if to.origin() != base.origin() => Verdict::Moved,
        Some(_) => Verdict::RestClosed,
        None => Verdict::AnswerUnreadable,
    }
}

/// A version that is safe to store and display: at most 32 of the characters that versions contain.
pub(super) fn version(text: &str) -> Option<String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_');
    let version: String = text.trim().chars().take_while(|c| fine(*c)).take(32).collect();
    (!version.is_empty()).then_some(version)
}

/// Whether it changes how the text around it reads. The joiners of emoji and scripts do not.
fn is_misleading(c: char) -> bool {
    is_invisible(c) && !matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0f}')
}

/// A shop's name without the entities that WordPress stores in it, and without control characters.
fn readable(name: &str) -> Option<String> {
    let mut text = name.to_owned();
    for (entity, plain) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#039;", "'"), ("&#8217;", "’"), ("&amp;", "&")]
    {
        text = text.replace(entity, plain);
    }
    let plain: String = text.chars().map(|c| if c.is_control() || is_misleading(c) { ' ' } else { c }).collect();
    let name: String = plain.trim().chars().take(120).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::super::answer::tests::reply;
    use super::*;
    use crate::domain::store_url::Network;

    #[test]
    fn an_index_is_known_by_its_fields() {
        let index = |body| read(&answer::hear(&reply(200, "", body)));
        let shop =
            index(r#"{"name":"Tom &amp; Jerry&#039;s","home":"https://a.example","namespaces":["wp/v2","wc/v3"]}"#)
                .unwrap();
        assert_eq!((shop.name.as_deref(), shop.woocommerce), (Some("Tom & Jerry's"), true));
        let blog = index(r#"{"name":" ","home":"https://a.example","namespaces":["wp/v2","wc/store"]}"#).unwrap();
        assert_eq!((blog.name, blog.woocommerce), (None, false));
        assert_eq!(index(r#"{"home":"https://a.example"}"#), None);
        assert_eq!(index("[]"), None);
    }

    #[test]
    fn a_redirect_is_a_move_only_to_another_origin() {
        let home = StoreUrl::parse("shop.example.com/de", Network::Public).unwrap();
        for (to, verdict) in [
            (Some("https://www.shop.example.com/de/wp-json/"), Verdict::Moved),
            (Some("http://shop.example.com/"), Verdict::NoHttps),
            (Some("http://www.shop.example.com/"), Verdict::Moved),
            (Some("https://shop.example.com/wp-login.php?redirect_to=x"), Verdict::RestClosed),
            (Some("/"), Verdict::RestClosed),
            (Some("https://["), Verdict::AnswerUnreadable),
            (None, Verdict::AnswerUnreadable),
        ] {
            assert_eq!(moved(&home, to), verdict, "{to:?}");
        }
    }

    #[test]
    fn a_page_names_its_api_in_a_header_or_in_itself() {
        let home = StoreUrl::parse("shop.example.com", Network::Public).unwrap();
        let link =
            "link: <https://a.example/x>; rel=\"y\", <https://shop.example.com/api/>; rel=\"https://api.w.org/\"";
        for (headers, body, base) in [
            (link, "", Some("https://shop.example.com/api/")),
            (
                "",
                "<link rel='https://api.w.org/' href='https://shop.example.com/v/'>",
                Some("https://shop.example.com/v/"),
            ),
            (
                "",
                "<link href=\"/?rest_route=/\" rel=\"https://api.w.org/\">",
                Some("https://shop.example.com/?rest_route=/"),
            ),
            (
                "",
                "<LINK REL=https://api.w.org/ HREF=https://shop.example.com/Rest/>",
                Some("https://shop.example.com/Rest/"),
            ),
            ("link: <https://evil.example/api/>; rel=\"https://api.w.org/\"", "", None),
            ("", "<a href='https://api.w.org/'>", None),
        ] {
            let found = named(&reply(404, headers, body), &home);
            assert_eq!(found.as_ref().map(RestBase::as_str), base, "{headers} {body}");
        }
    }

    #[test]
    fn versions_are_kept_harmless() {
        assert_eq!(version("11.0.1").as_deref(), Some("11.0.1"));
        assert_eq!(version("7.1-beta2-<b>").as_deref(), Some("7.1-beta2-"));
        assert_eq!(version("<b>"), None);
    }
}
