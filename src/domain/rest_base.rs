//! REST base: where a store's REST API answers.

use std::fmt;

use url::Url;

use super::store_url::StoreUrl;

/// The longest base, in bytes.
const LONGEST: usize = 400;

/// The address that a route such as `wc/v3/orders` is appended to. It always has the origin of its store's `home`, because keys
/// are sent there. Either a directory, `https://shop.example/wp-json/`, or an address that ends with `?rest_route=/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct RestBase(String);

impl RestBase {
    /// `{home}/wp-json/`, where the API of nearly every store is.
    pub fn usual(home: &StoreUrl) -> Self {
        Self(home.at("/wp-json/"))
    }

    /// `{home}/index.php/wp-json/`: permalinks without URL rewriting.
    pub fn through_index(home: &StoreUrl) -> Self {
        Self(home.at("/index.php/wp-json/"))
    }

    /// `{home}/index.php?rest_route=/`: plain permalinks, in WordPress's own form.
    pub fn plain(home: &StoreUrl) -> Self {
        Self(home.at("/index.php?rest_route=/"))
    }

    /// The same with the text that WooCommerce before 11.1 requires in an address before it reads keys
    /// (docs/protocol/store-answers.md, "Plain permalinks").
    pub fn plain_marked(home: &StoreUrl) -> Self {
        Self(home.at("/index.php?for=wp-json/wc/&rest_route=/"))
    }

    /// The base that a page of the store at `home` names. `None` if that is on another host. The scheme is always that of `home`.
    pub fn named(home: &StoreUrl, text: &str) -> Option<Self> {
        let own = Url::parse(&home.at("/")).ok()?;
        let named = own.join(text.trim()).ok()?;
        let bare = |url: &Url| url.host_str().map(|host| host.strip_prefix("www.").unwrap_or(host).to_owned());
        let is_ours = matches!(named.scheme(), "http" | "https")
            && bare(&named) == bare(&own)
            && named.port() == own.port()
            && named.username().is_empty();
        let is_plain = named.query_pairs().any(|(name, _)| name == "rest_route");
        let (path, end) = match (named.path(), is_plain) {
            (path, true) => (path, "?rest_route=/"),
            (path, false) if path.ends_with('/') => (path, ""),
            (path, false) => (path, "/"),
        };
        let address = format!("{}{path}{end}", home.origin());
        // A front page without a route is not an API.
        let is_page = !is_plain && (path == "/" || address == home.at("/"));
        (is_ours && address.len() <= LONGEST && !is_page).then_some(Self(address))
    }

    /// The base that is stored for a store, or the usual one. A stored one of another origin, put into the database from outside, is
    /// not used: it would receive the store's keys.
    pub fn of(home: &StoreUrl, stored: Option<&Self>) -> Self {
        let is_own = |base: &&Self| base.0.strip_prefix(home.origin()).is_some_and(|path| path.starts_with('/'));
        stored.filter(is_own).cloned().unwrap_or_else(|| Self::usual(home))
    }

    /// The base as text, to which a route is appended.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address of `route`, such as `wc/v3/orders`, with an encoded `query`.
    pub fn at(&self, route: &str, query: &str) -> String {
        let join = if self.is_query() { '&' } else { '?' };
        format!("{}{route}{join}{query}", self.0)
    }

    /// The address of WooCommerce's REST API: the base and `wc/v3`.
    pub fn api_url(&self) -> String {
        format!("{}wc/v3", self.0)
    }

    /// Whether routes go into the query: parameters are then appended with `&`.
    pub fn is_query(&self) -> bool {
        self.0.contains('?')
    }

    /// Whether routes go through `index.php`.
    pub fn is_through_index(&self) -> bool {
        self.0.contains("/index.php/")
    }

    /// The directory that contains the API: a guess at the store's `home` while the store does not state it.
    pub fn directory(&self) -> &str {
        let path = self.0.split('?').next().unwrap_or_default();
        let path = path.trim_end_matches("index.php").trim_end_matches('/');
        if self.is_query() { path } else { path.rsplit_once('/').map_or(path, |(directory, _)| directory) }
    }
}

impl fmt::Display for RestBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::store_url::Network;

    fn home(text: &str) -> StoreUrl {
        StoreUrl::parse(text, Network::Public).unwrap()
    }

    #[test]
    fn a_stored_base_of_another_origin_is_not_used() {
        let home = home("shop.example.com");
        for (stored, base) in [
            ("https://shop.example.com/api/", "https://shop.example.com/api/"),
            ("https://shop.example.com.evil.example/api/", "https://shop.example.com/wp-json/"),
            ("http://shop.example.com/api/", "https://shop.example.com/wp-json/"),
            ("https://evil.example/wp-json/", "https://shop.example.com/wp-json/"),
        ] {
            assert_eq!(RestBase::of(&home, Some(&RestBase(stored.to_owned()))).as_str(), base);
        }
        assert_eq!(RestBase::of(&home, None), RestBase::usual(&home));
    }

    #[test]
    fn a_named_base_stays_on_the_stores_own_origin() {
        let home = home("shop.example.com/de");
        let named = |address| RestBase::named(&home, address).map(|base| base.0);
        for (address, base) in [
            ("https://shop.example.com/de/api/", "https://shop.example.com/de/api/"),
            ("http://www.shop.example.com/api", "https://shop.example.com/api/"),
            ("/wp-json/?lang=de", "https://shop.example.com/wp-json/"),
            (
                "https://shop.example.com/de/index.php?rest_route=/",
                "https://shop.example.com/de/index.php?rest_route=/",
            ),
        ] {
            assert_eq!(named(address).as_deref(), Some(base), "{address}");
        }
        for address in [
            "https://evil.example/wp-json/",
            "https://shop.example.com:8443/wp-json/",
            "https://u@shop.example.com/wp-json/",
            "javascript:alert(1)",
            "https://shop.example.com/",
            "",
        ] {
            assert_eq!(named(address), None, "{address}");
        }
        assert_eq!(RestBase::named(&home, &format!("/{}/", "a".repeat(LONGEST))), None);
    }

    #[test]
    fn routes_and_parameters_are_appended() {
        let home = home("shop.example.com/de");
        let at = |base: RestBase| base.at("wc/v3/orders", "page=2");
        assert_eq!(at(RestBase::usual(&home)), "https://shop.example.com/de/wp-json/wc/v3/orders?page=2");
        assert_eq!(at(RestBase::plain(&home)), "https://shop.example.com/de/index.php?rest_route=/wc/v3/orders&page=2");
        assert_eq!(RestBase::through_index(&home).api_url(), "https://shop.example.com/de/index.php/wp-json/wc/v3");
        assert_eq!(RestBase::usual(&home).directory(), "https://shop.example.com/de");
        assert_eq!(RestBase::plain(&home).directory(), "https://shop.example.com/de");
    }
}
