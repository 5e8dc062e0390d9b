//! Switches: the differences between real stores, one field each.

use crate::domain::Scope;

/// The WordPress version, in the User-Agent of the callback and in `system_status`.
pub(super) const WORDPRESS: &str = "7.0.4";

/// How the store builds its links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Permalinks {
    /// `/wc-auth/…` and `/wp-json/…`: the only layout in which wc-auth works to the end.
    #[default]
    Pretty,
    /// No rewriting: links are built as `/?wc-auth/v1=login`, which nothing handles (docs/protocol/store-answers.md §1).
    Plain,
    /// `/index.php/…`: the first screen works, but its links lack `index.php` (docs/protocol/wc-auth.md §2.2).
    Index,
}

/// What the index lists of the API's namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Namespaces {
    #[default]
    Listed,
    /// As an object with numbers for names, as PHP writes a list with gaps.
    AsObject,
    /// Only WordPress' own.
    Hidden,
}

/// What is in front of the store. All but the last block programs and let browsers (`Mozilla/…`) pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Firewall {
    #[default]
    None,
    /// 403 with `cf-mitigated: challenge`.
    Cloudflare,
    /// 403 with `x-sucuri-id`.
    Sucuri,
    /// 202 with `SG-Captcha` and a page that refreshes itself.
    SiteGroundCaptcha,
    /// 503 with Wordfence's own page.
    Wordfence,
    /// 403 with a JSON message of its bot protection.
    Imunify360,
    /// 202 without a body, with `x-amzn-waf-action: challenge`.
    AwsWaf,
    /// 200 with a page of Imperva's.
    Imperva,
    /// 200 with the browser challenge of hosts on WP Cloud.
    DefensiveMode,
    /// 200 with a script that sets a cookie and loads the page again.
    BotCheck,
    /// 409 with such a script, as at Bluehost.
    BotCheckConflict,
    /// 403 as WordPress.com answers for a private site.
    PrivateSite,
    /// 406 with the page of a `ModSecurity` rule.
    ModSecurity,
    /// 403 with a page that does not name the product.
    Unnamed,
    /// 406 for everyone, but only if a parameter contains a web address.
    ModSecurityUrlInParameter,
}

/// The site icon, and what is at its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SiteIcon {
    /// A PNG.
    #[default]
    Image,
    /// The merchant chose none: the index has an empty address.
    None,
    /// The index has this address.
    At(&'static str),
    /// A page that is called a PNG.
    Page,
    /// An SVG with a script.
    Svg,
    /// The PNG, and this many bytes after it.
    Padded(usize),
    /// A redirect to this address.
    RedirectsTo(&'static str),
    /// Nothing, until the store is stopped.
    Hangs,
}

/// How answers are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    #[default]
    Brisk,
    /// When the test calls [`super::PretendStore::release`].
    WhenReleased,
    /// Never, until the store is stopped.
    Never,
    /// The head at once, then one byte each tenth of a second, forever.
    Drip,
    /// The head at once, then spaces as fast as they are read, forever.
    Endless,
    /// Half of each answer, then the connection ends.
    Cut,
    /// The connection ends without an answer, for this many requests.
    HangUp(u32),
}

/// One field per difference; the default is a healthy WooCommerce 11.0 on WordPress 7.0.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "a board of independent switches, each of them on or off")]
pub struct Switches {
    /// How links are built.
    pub permalinks: Permalinks,
    /// The WooCommerce plugin is inactive.
    pub woocommerce_off: bool,
    /// The rewrite rules do not match the active plugins: wc-auth is 404 until the rules are saved again.
    pub rules_stale: bool,
    /// WordPress' maintenance mode: 503 with `Retry-After: 600` for everything.
    pub maintenance: bool,
    /// WooCommerce's coming-soon mode: changes what shoppers see, but not the flow.
    pub coming_soon: bool,
    /// Requests with another host are redirected to `home` with 301.
    pub canonical_host: bool,
    /// The shop has moved: it states this address as its `home`.
    pub moved_to: Option<String>,
    /// Requests to the shop's own host are redirected to the same path at this address.
    pub redirects_to: Option<String>,
    /// PHP does not see https (`is_ssl()` false), so plain keys are ignored.
    pub https_hidden: bool,
    /// The host drops the Authorization header on its way to PHP.
    pub authorization_stripped: bool,
    /// A proxy drops plain keys, in the header and in the query; signatures pass.
    pub plain_keys_dropped: bool,
    /// A proxy drops plain keys and signatures.
    pub nothing_arrives: bool,
    /// 403 for addresses that contain plain keys.
    pub keys_in_address_blocked: bool,
    /// A proxy adds a parameter to each address, so no signature matches.
    pub query_added: bool,
    /// The keys have other secrets than were issued, as after restoring an older database.
    pub secrets_replaced: bool,
    /// The server's clock is twenty minutes slow.
    pub clock_off: bool,
    /// The host requires HTTP Basic of every visitor: [`super::SITE_USER`], [`super::SITE_PASSWORD`].
    pub login_wall: bool,
    /// What is in front of the store.
    pub firewall: Firewall,
    /// A plugin refuses the whole REST API before WooCommerce reads the key.
    pub rest_closed: bool,
    /// The directory of the REST API instead of `wp-json`: plugins change it.
    pub rest_prefix: Option<&'static str>,
    /// The host answers 404 for the directory of the REST API, so only `?rest_route=` works.
    pub rest_directory_closed: bool,
    /// The index, and nothing else, is closed to visitors.
    pub index_closed: bool,
    /// The index, and nothing else, is 500: PHP has too little memory for it.
    pub index_dies: bool,
    /// What the index lists.
    pub namespaces: Namespaces,
    /// The shop's pages and its `home` are in a directory named after their language; its API is not.
    pub language: Option<&'static str>,
    /// A plugin refuses every REST request with this status, code and message.
    pub refused_by: Option<(u16, &'static str, &'static str)>,
    /// The owners of all keys lack the right to this route: 403 `woocommerce_rest_cannot_view`.
    pub forbidden: Option<&'static str>,
    /// The site icon.
    pub icon: SiteIcon,
    /// PHP prints notices in front of JSON.
    pub notices: bool,
    /// Plugins add cookies and headers to each answer, and repeat the address and headers of the request in it.
    pub chatty: bool,
    /// The number of orders; each page lists one.
    pub orders: u32,
    /// Each product has a description of this many bytes.
    pub description: usize,
    /// How answers are sent.
    pub pace: Pace,
    /// The store closes each connection behind an answer, and says so in it.
    pub closes_connections: bool,
    /// `environment.home_url` states this store instead (a key that answers for another store).
    pub claims_home: Option<String>,
    /// The key gets these permissions, whatever was requested.
    pub grants_instead: Option<Scope>,
    /// The key is posted but not saved, with `key_id` 0 (docs/protocol/wc-auth.md §3.3).
    pub insert_fails: bool,
    /// The callback is labelled `application/xml`, as in WooCommerce 2.4.0–2.4.4.
    pub callback_as_xml: bool,
    /// A numeric `user_id` is sent as a JSON number, as WooCommerce's documentation shows it.
    pub user_id_as_number: bool,
    /// The answer to the callback is lost: the key is deleted, and the merchant sees the 401 page.
    pub lost_reply: bool,
    /// Approve runs twice, as after a double click.
    pub double_approve: bool,
    /// A proxy answers the callback with 200: the key is kept, `success=1`, but nothing arrives.
    pub callback_swallowed: bool,
    /// Allows callbacks over http, to any port and to private addresses. Development only: real stores refuse them.
    pub accept_http_callback: bool,
    /// Every answer is a page with this status that does not come from WordPress.
    pub page_instead: Option<u16>,
    /// Every answer is 500.
    pub server_error: bool,
    /// Every answer is 429 with this `Retry-After` in seconds.
    pub rate_limited: Option<u32>,
    /// The site uses application passwords, so WordPress answers unknown Basic credentials with `invalid_username`.
    pub invalid_username: bool,
    /// A plugin switches application passwords off.
    pub passwords_off: bool,
    /// The same for the user with this login.
    pub passwords_off_for: Option<&'static str>,
    /// A plugin removes the REST routes of users.
    pub user_routes_off: bool,
    /// A plugin refuses every Basic header as a malformed one of its own.
    pub basic_taken: bool,
    /// A plugin dies of every Basic header: 500.
    pub basic_dies: bool,
    /// A plugin redirects visitors who are not logged in from the approval page to this path.
    pub members_only: Option<&'static str>,
    /// A server in front prints a script after JSON.
    pub script_after: bool,
    /// The host refuses DELETE.
    pub delete_refused: bool,
    /// The host refuses everything below this path to everyone.
    pub path_blocked: Option<&'static str>,
    /// The host blocks outgoing requests, so no callback is sent.
    pub outgoing_blocked: bool,
    /// `(major, minor)` instead of 11.0: from 11.1 on, keys work on `?rest_route=/wc/…` and arrays are refused by name.
    pub woocommerce: Option<(u32, u32)>,
}

impl Switches {
    /// The directory of the REST API.
    pub(super) fn rest_prefix(&self) -> &'static str {
        self.rest_prefix.unwrap_or("wp-json")
    }

    fn woocommerce(&self) -> (u32, u32) {
        self.woocommerce.unwrap_or((11, 0))
    }

    /// The version that `system_status` reports; the patch number is the one measured for 11.0.
    pub(super) fn woocommerce_version(&self) -> String {
        let (major, minor) = self.woocommerce();
        format!("{major}.{minor}.1")
    }

    /// Whether this store has the changes of WooCommerce 11.1 (docs/protocol/wc-auth.md §0).
    pub(super) fn is_11_1(&self) -> bool {
        self.woocommerce() >= (11, 1)
    }
}
