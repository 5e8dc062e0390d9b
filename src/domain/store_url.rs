//! Store address: parses what people paste into its canonical form.

use std::fmt;

use url::{Host, Url};

use super::invisible::is_invisible;
use super::typed_address;

/// Which addresses a store may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Only public host names over https: the rule for real stores.
    Public,
    /// Also http, IP addresses, any port and private names: `CARTKEY_ALLOW_PRIVATE_STORES`, for development only.
    PrivateToo,
}

/// The canonical `home` of a store: `https://`, a lower-case ASCII host (punycode), a port only if it is not the
/// scheme's default, and the sub-directory without a trailing slash. Once the store's own `home` was adopted, two
/// addresses of one shop are equal as text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct StoreUrl(String);

/// Why a typed address cannot be a store's. The message says what to type instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAStoreUrl {
    #[error("Type the address of your store, for example shop.example.com.")]
    Empty,
    /// More than 2,000 characters.
    #[error("That address is too long. Type only your store's main address, for example shop.example.com.")]
    TooLong,
    #[error("That is not a web address. Type your store's main address, for example shop.example.com.")]
    Unreadable,
    #[error("Remove the part before the @ sign and type only your store's address.")]
    Userinfo,
    /// A scheme other than http and https.
    #[error("A store's address begins with https://. Type it as you see it in your browser.")]
    Scheme,
    #[error("Type your store's name, for example shop.example.com, instead of a numeric address.")]
    IpAddress,
    /// The host name only works inside a network, such as `localhost` or `shop.local`.
    #[error("That address only works inside your own network. Type the address that your customers use.")]
    PrivateName,
    #[error("Remove the number after the colon: stores must answer on the standard https port.")]
    Port,
}

/// Paths that belong to WordPress, not to a sub-directory: people copy whichever page they are on.
const WORDPRESS_PATHS: [&str; 10] = [
    "wp-admin",
    "wp-login.php",
    "wp-json",
    "wp-content",
    "wp-includes",
    "wp-signup.php",
    "wc-auth",
    "wc-api",
    "xmlrpc.php",
    "index.php",
];

/// Names that are never on the public internet (RFC 6761, RFC 8375, and router defaults).
const PRIVATE_SUFFIXES: [&str; 10] =
    ["localhost", "local", "internal", "intranet", "lan", "home", "corp", "onion", "arpa", "invalid"];

impl StoreUrl {
    /// Parses what a person typed or pasted: everything that [`Self::parse`] takes, and addresses that are nearly one, such as
    /// `https//shop.com` or `(shop.com).`. For addresses that programs report, use `parse`.
    pub fn typed(text: &str, network: Network) -> Result<Self, NotAStoreUrl> {
        Self::parse(&typed_address::tidied(text), network)
    }

    /// Parses an address: a bare name, any page of the shop or of its wp-admin, http, capitals, an internationalised name.
    /// Never panics; parsing its own output changes nothing.
    pub fn parse(typed: &str, network: Network) -> Result<Self, NotAStoreUrl> {
        let typed = typed.trim().trim_matches(['"', '\'', '<', '>', '`']).trim();
        if typed.is_empty() {
            return Err(NotAStoreUrl::Empty);
        }
        if typed.len() > 2_000 {
            return Err(NotAStoreUrl::TooLong);
        }
        let (http, rest) = split_scheme(typed)?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        check_authority(authority)?;
        let keep_http = http && network == Network::PrivateToo;
        let scheme = if keep_http { "http" } else { "https" };
        let mut url = Url::parse(&format!("{scheme}://{rest}")).map_err(|_| NotAStoreUrl::Unreadable)?;
        // A typed http:// is only a habit: the shop is contacted over https, so port 80 is ignored.
        if http && !keep_http && url.port() == Some(80) {
            url.set_port(None).map_err(|()| NotAStoreUrl::Unreadable)?;
        }
        check_port(&url, network)?;
        let host = canonical_host(&url, network)?;
        let port = url.port().map(|p| format!(":{p}")).unwrap_or_default();
        Ok(Self(format!("{scheme}://{host}{port}{}", canonical_path(url.path()))))
    }

    /// The address without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address without its scheme, for people: `shop.example/de`.
    pub fn shown(&self) -> &str {
        self.0.split_once("://").map_or(&self.0, |(_, rest)| rest)
    }

    /// The host, in ASCII.
    pub fn host(&self) -> &str {
        let authority = self.shown().split('/').next().unwrap_or_default();
        match authority.rfind(':') {
            Some(colon) if !authority.ends_with(']') => &authority[..colon],
            _ => authority,
        }
    }

    /// The host without `www.`: both forms are the same shop.
    pub fn bare_host(&self) -> &str {
        without_www(self.host())
    }

    /// The address as shown, without `www.`.
    pub fn bare(&self) -> &str {
        without_www(self.shown())
    }

    /// The same address with `www.` added or removed.
    #[must_use]
    pub fn other_www(&self) -> Self {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("https", &self.0));
        let rest = rest.strip_prefix("www.").map_or_else(|| format!("www.{rest}"), str::to_owned);
        Self(format!("{scheme}://{rest}"))
    }

    /// Whether the address is https; false only with [`Network::PrivateToo`].
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// Appends `path`, which begins with a slash.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Scheme, host and port, without a trailing slash.
    pub fn origin(&self) -> &str {
        self.0.match_indices('/').nth(2).map_or(&self.0, |(at, _)| &self.0[..at])
    }

    /// The parent directory; `None` at the root. A pasted page (`/shop`) looks like a sub-directory, so the preflight
    /// walks up until WordPress answers.
    pub fn parent(&self) -> Option<Self> {
        let (scheme, rest) = self.0.split_once("://")?;
        let (up, _) = rest.rsplit_once('/')?;
        Some(Self(format!("{scheme}://{up}")))
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Splits off http(s); `store.com:8080/x` is a host with a port although it parses as a scheme.
fn split_scheme(typed: &str) -> Result<(bool, &str), NotAStoreUrl> {
    if let Some((scheme, rest)) = typed.split_once("://") {
        if scheme.eq_ignore_ascii_case("https") {
            return Ok((false, rest));
        }
        if scheme.eq_ignore_ascii_case("http") {
            return Ok((true, rest));
        }
        if scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'.' | b'-')) {
            return Err(NotAStoreUrl::Scheme);
        }
    }
    let rest = typed.strip_prefix("//").unwrap_or(typed);
    match rest.split_once(':') {
        Some((before, after))
            if !before.contains(['/', '?', '#', '[', '@']) && !after.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            Err(NotAStoreUrl::Scheme)
        }
        _ => Ok((false, rest)),
    }
}

fn without_www(text: &str) -> &str {
    text.strip_prefix("www.").unwrap_or(text)
}

/// Rejects what URL parsers interpret differently (docs/protocol/threats.md §7.2), before one of them normalises it.
fn check_authority(authority: &str) -> Result<(), NotAStoreUrl> {
    if authority.contains('@') {
        return Err(NotAStoreUrl::Userinfo);
    }
    let odd = |c: char| c.is_control() || c.is_whitespace() || is_invisible(c) || matches!(c, '\\' | '%');
    if authority.is_empty() || authority.contains(odd) {
        return Err(NotAStoreUrl::Unreadable);
    }
    Ok(())
}

fn check_port(url: &Url, network: Network) -> Result<(), NotAStoreUrl> {
    match (url.port(), network) {
        (Some(0), _) => Err(NotAStoreUrl::Port),
        (None | Some(8_443), _) | (Some(_), Network::PrivateToo) => Ok(()),
        (Some(_), Network::Public) => Err(NotAStoreUrl::Port),
    }
}

fn canonical_host(url: &Url, network: Network) -> Result<String, NotAStoreUrl> {
    match url.host() {
        Some(Host::Domain(name)) => canonical_name(name, network),
        Some(ip) if network == Network::PrivateToo => Ok(ip.to_string()),
        Some(_) => Err(NotAStoreUrl::IpAddress),
        None => Err(NotAStoreUrl::Unreadable),
    }
}

fn canonical_name(name: &str, network: Network) -> Result<String, NotAStoreUrl> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let label_is_fine = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if name.len() > 253 || !name.split('.').all(label_is_fine) {
        return Err(NotAStoreUrl::Unreadable);
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    let private = !name.contains('.') || PRIVATE_SUFFIXES.contains(&last);
    if private && network == Network::Public {
        return Err(NotAStoreUrl::PrivateName);
    }
    Ok(name.to_owned())
}

/// Keeps a sub-directory; drops WordPress's own paths and everything after them, empty segments, and files.
fn canonical_path(path: &str) -> String {
    let mut kept = String::new();
    for segment in path.split('/').filter(|s| !s.is_empty()) {
        let lower = segment.to_ascii_lowercase();
        if WORDPRESS_PATHS.contains(&lower.as_str()) || matches!(lower.rsplit_once('.'), Some((_, "php" | "html"))) {
            break;
        }
        kept.push('/');
        // URLs leave this one quotation mark unescaped, but quotation marks around an address are trimmed.
        kept.push_str(&segment.replace('\'', "%27"));
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn public(typed: &str) -> Result<String, NotAStoreUrl> {
        StoreUrl::parse(typed, Network::Public).map(|u| u.as_str().to_owned())
    }

    #[test]
    fn what_people_really_paste_becomes_one_address() {
        for (typed, home) in [
            ("shop.com", "https://shop.com"),
            ("  shop.com/ ", "https://shop.com"),
            ("www.shop.com/wp-admin/", "https://www.shop.com"),
            ("HTTP://Shop.com/shop/?x", "https://shop.com/shop"),
            ("http://shop.com:80/", "https://shop.com"),
            ("https://shop.com:443", "https://shop.com"),
            ("https://shop.com/wp-admin/admin.php?page=wc-settings&tab=advanced", "https://shop.com"),
            ("https://shop.com/de/wp-json/wc/v3/", "https://shop.com/de"),
            ("https://shop.com/wp-login.php?redirect_to=https%3A%2F%2Fshop.com", "https://shop.com"),
            ("//shop.com", "https://shop.com"),
            ("\"shop.com\"", "https://shop.com"),
            ("<https://shop.com>", "https://shop.com"),
            ("shop.com.", "https://shop.com"),
            ("shop.com#top", "https://shop.com"),
            ("shop.com//de///en/", "https://shop.com/de/en"),
            ("shop.com/a/../b", "https://shop.com/b"),
            ("müller.example.com", "https://xn--mller-kva.example.com"),
            ("店.example.com", "https://xn--hxt.example.com"),
            ("shop。com", "https://shop.com"),
            ("shop.com:8443/x", "https://shop.com:8443/x"),
            ("shop.com/a'", "https://shop.com/a"),
            ("shop.com/a'?", "https://shop.com/a%27"),
        ] {
            assert_eq!(public(typed).as_deref(), Ok(home), "{typed}");
        }
    }

    #[test]
    fn what_cannot_be_a_shop_is_refused_with_its_reason() {
        use NotAStoreUrl as No;
        for (typed, why) in [
            ("", No::Empty),
            (" \t ", No::Empty),
            ("https://", No::Unreadable),
            ("https:///", No::Unreadable),
            ("https://user:pw@shop.com", No::Userinfo),
            ("https://shop.com@evil.com", No::Userinfo),
            ("javascript:alert(1)", No::Scheme),
            ("data:text/html,x", No::Scheme),
            ("mailto:me@shop.com", No::Scheme),
            ("ftp://shop.com", No::Scheme),
            ("file:///etc/passwd", No::Scheme),
            ("gopher://shop.com", No::Scheme),
            ("127.0.0.1", No::IpAddress),
            ("127.1", No::IpAddress),
            ("2130706433", No::IpAddress),
            ("0x7f.0.0.1", No::IpAddress),
            ("①②⑦.⓪.⓪.①", No::IpAddress),
            ("[::1]", No::IpAddress),
            ("8.8.8.8", No::IpAddress),
            ("localhost", No::PrivateName),
            ("localhost.", No::PrivateName),
            ("shop", No::PrivateName),
            ("shop.local", No::PrivateName),
            ("metadata.google.internal", No::PrivateName),
            ("router.home.arpa", No::PrivateName),
            ("shop.com:8080/x", No::Port),
            ("shop.com:22", No::Port),
            ("shop.com:0", No::Port),
            ("shop.com:65536", No::Unreadable),
            ("shop.com\\@evil.com", No::Userinfo),
            ("ex%61mple.com", No::Unreadable),
            ("exa\tmple.com", No::Unreadable),
            ("st\u{ad}ore.com", No::Unreadable),
            ("a_b.com", No::Unreadable),
            ("-a.com", No::Unreadable),
            ("my shop.com", No::Unreadable),
            ("hello world", No::Unreadable),
        ] {
            assert_eq!(public(typed), Err(why), "{typed}");
        }
        assert_eq!(public(&"a".repeat(2_001)), Err(No::TooLong));
        assert_eq!(public(&format!("{}.com", "a".repeat(64))), Err(No::Unreadable));
    }

    #[test]
    fn development_also_takes_http_ports_and_numbers() {
        let dev = |typed: &str| StoreUrl::parse(typed, Network::PrivateToo).map(|u| u.as_str().to_owned());
        assert_eq!(dev("http://localhost:8081/").as_deref(), Ok("http://localhost:8081"));
        assert_eq!(dev("http://127.0.0.1:9/shop").as_deref(), Ok("http://127.0.0.1:9/shop"));
        assert_eq!(dev("localhost:8081").as_deref(), Ok("https://localhost:8081"));
        assert_eq!(dev("http://[::1]:80").as_deref(), Ok("http://[::1]"));
    }

    #[test]
    fn parts() {
        let url = StoreUrl::parse("https://shop.com:8443/a/b", Network::Public).expect("an address");
        assert_eq!((url.host(), url.shown()), ("shop.com", "shop.com:8443/a/b"));
        assert_eq!(url.parent().expect("a").as_str(), "https://shop.com:8443/a");
        assert_eq!(url.parent().and_then(|u| u.parent()).expect("root").as_str(), "https://shop.com:8443");
        assert_eq!(url.parent().and_then(|u| u.parent()).and_then(|u| u.parent()), None);
        assert_eq!(url.origin(), "https://shop.com:8443");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn reading_never_panics_and_is_idempotent(typed in "\\PC{0,60}", private in any::<bool>()) {
            let network = if private { Network::PrivateToo } else { Network::Public };
            if let Ok(url) = StoreUrl::parse(&typed, network) {
                prop_assert_eq!(StoreUrl::parse(url.as_str(), network), Ok(url.clone()), "{}", typed);
            }
        }

        #[test]
        fn near_addresses_are_idempotent(typed in "(https?://|//)?[a-zA-Z0-9äß.-]{1,20}(:[0-9]{1,5})?(/[a-z0-9%.~ é-]{0,8}){0,4}(\\?[a-z=]{0,5})?", private in any::<bool>()) {
            let network = if private { Network::PrivateToo } else { Network::Public };
            if let Ok(url) = StoreUrl::parse(&typed, network) {
                prop_assert_eq!(StoreUrl::parse(url.as_str(), network), Ok(url.clone()), "{}", typed);
                prop_assert!(url.as_str().is_ascii());
                if !private { prop_assert!(url.is_https()); }
            }
        }
    }
}
