//! Switches: the ways in which real stores differ, one field each.

use crate::domain::scope::Scope;

/// How the store builds its links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Permalinks {
    /// `/wc-auth/…` and `/wp-json/…`: the only layout in which wc-auth works to its end.
    #[default]
    Pretty,
    /// No rewriting: links are built as `/?wc-auth/v1=login`, which nothing reads (docs/protocol/store-answers.md §1).
    Plain,
    /// `/index.php/…`: the first screen answers, but the links on it lack `index.php` (docs/protocol/wc-auth.md §2.2).
    Index,
}

/// What stands in front of the store. All but the last turn away programs and let browsers (`Mozilla/…`) pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Firewall {
    /// Nothing.
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
    /// 406 with the page of a `ModSecurity` rule.
    ModSecurity,
    /// 403 with a page that does not say whose it is.
    Unnamed,
    /// 406 for everybody, but only where a parameter holds a web address.
    ModSecurityUrlInParameter,
}

/// How the answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    /// At once.
    #[default]
    Brisk,
    /// When the test calls [`super::PretendStore::release`].
    WhenReleased,
    /// Not before the store is stopped.
    Never,
    /// The head at once, then one byte each tenth of a second, for ever.
    Drip,
    /// The head at once, then spaces as fast as they are taken, for ever.
    Endless,
}

/// One field per way to differ; the default is a healthy WooCommerce 11.0 on WordPress 7.0.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "a board of independent switches, each of them on or off")]
pub struct Switches {
    /// How links are built.
    pub permalinks: Permalinks,
    /// The WooCommerce plugin is inactive.
    pub woocommerce_off: bool,
    /// The rewrite rules do not match the plugins that are active: wc-auth is 404 until they are saved again.
    pub rules_stale: bool,
    /// WordPress' maintenance mode: 503 with `Retry-After: 600` for everything.
    pub maintenance: bool,
    /// WooCommerce's coming-soon mode: changes what shoppers see and nothing of the flow.
    pub coming_soon: bool,
    /// A request that names another host is sent to `home` with 301.
    pub canonical_host: bool,
    /// The shop has moved: it says this address wherever it says its `home`.
    pub moved_to: Option<String>,
    /// Whoever asks at the shop's own host is sent to the same path of this address.
    pub redirects_to: Option<String>,
    /// PHP does not see https (`is_ssl()` false), so plain keys are ignored.
    pub https_hidden: bool,
    /// The host drops the Authorization header on its way to PHP.
    pub authorization_stripped: bool,
    /// Something on the way drops plain keys, in the header and in the query; signatures pass.
    pub plain_keys_dropped: bool,
    /// Something on the way drops plain keys and signatures alike.
    pub nothing_arrives: bool,
    /// 403 for addresses that hold plain keys.
    pub keys_in_address_blocked: bool,
    /// Something on the way adds a parameter to each address, so that no signature fits.
    pub query_added: bool,
    /// The keys have other secrets than were handed out, as after the restore of an older database.
    pub secrets_replaced: bool,
    /// The clock of the server is twenty minutes late.
    pub clock_off: bool,
    /// The host asks every visitor for HTTP Basic: [`super::SITE_USER`], [`super::SITE_PASSWORD`].
    pub login_wall: bool,
    /// What stands in front.
    pub firewall: Firewall,
    /// A plugin refuses the whole REST API before WooCommerce has read the key.
    pub rest_closed: bool,
    /// PHP prints notices in front of JSON.
    pub notices: bool,
    /// How answers come.
    pub pace: Pace,
    /// `environment.home_url` names this store instead (a key that answers for another store).
    pub claims_home: Option<String>,
    /// The key gets these permissions, whatever was asked.
    pub grants_instead: Option<Scope>,
    /// The key is not saved, yet posted, with `key_id` 0 (docs/protocol/wc-auth.md §3.3).
    pub insert_fails: bool,
    /// The callback is labelled `application/xml`, as in WooCommerce 2.4.0–2.4.4.
    pub callback_as_xml: bool,
    /// `user_id` of digits is sent as a JSON number, as WooCommerce's documentation shows it.
    pub user_id_as_number: bool,
    /// The answer to the callback is lost: the key is deleted, the merchant sees the 401 page.
    pub lost_reply: bool,
    /// Approve runs twice, as after a double click.
    pub double_approve: bool,
    /// Something between takes the callback and says 200: key kept, `success=1`, nothing arrives.
    pub callback_swallowed: bool,
    /// Callbacks over http, to any port and to private addresses. Development only: real stores refuse them.
    pub accept_http_callback: bool,
    /// Everything is a page of this status, which is none of WordPress'.
    pub page_instead: Option<u16>,
    /// Everything is 500.
    pub server_error: bool,
    /// Everything is 429 with `Retry-After` of so many seconds.
    pub rate_limited: Option<u32>,
    /// The site uses application passwords, so WordPress answers unknown Basic credentials with `invalid_username`.
    pub invalid_username: bool,
    /// `(major, minor)`: from 11.1 on keys work on `?rest_route=/wc/…` and arrays are refused by name.
    pub woocommerce: (u32, u32),
    /// As it stands in the User-Agent of the callback.
    pub wordpress: String,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            permalinks: Permalinks::default(),
            woocommerce_off: false,
            rules_stale: false,
            maintenance: false,
            coming_soon: false,
            canonical_host: false,
            moved_to: None,
            redirects_to: None,
            https_hidden: false,
            authorization_stripped: false,
            plain_keys_dropped: false,
            nothing_arrives: false,
            keys_in_address_blocked: false,
            query_added: false,
            secrets_replaced: false,
            clock_off: false,
            login_wall: false,
            firewall: Firewall::default(),
            rest_closed: false,
            notices: false,
            pace: Pace::default(),
            claims_home: None,
            grants_instead: None,
            insert_fails: false,
            callback_as_xml: false,
            user_id_as_number: false,
            lost_reply: false,
            double_approve: false,
            callback_swallowed: false,
            accept_http_callback: false,
            page_instead: None,
            server_error: false,
            rate_limited: None,
            invalid_username: false,
            woocommerce: (11, 0),
            wordpress: "7.0.4".to_owned(),
        }
    }
}

impl Switches {
    /// The version as `system_status` says it; the patch number is the one that was measured for 11.0.
    pub(super) fn woocommerce_version(&self) -> String {
        format!("{}.{}.1", self.woocommerce.0, self.woocommerce.1)
    }

    /// Whether this store has the changes of WooCommerce 11.1 (docs/protocol/wc-auth.md §0).
    pub(super) fn is_11_1(&self) -> bool {
        self.woocommerce >= (11, 1)
    }
}
