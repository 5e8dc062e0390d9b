//! Verdicts: the result of contacting a store, in one enum, for people and for machines.

pub use super::product::Product;
use super::scope::Scope;

macro_rules! verdicts {
    ($($(#[$doc:meta])* $variant:ident$(($product:path))? = $code:literal, $says:literal;)*) => {
        impl Verdict {
            /// Every verdict; tests use it to cover all of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant$(($product))?),*];

            /// The stable code for machines; never changed once released.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant$(($product))? => $code),* }
            }

            /// The sentence for people; `{store}` is replaced by the store's address.
            const fn sentence(self) -> &'static str {
                match self { $(Self::$variant$(($product))? => $says),* }
            }

            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.code() == code)
            }
        }
    };
}

/// The result of contacting a store. Codes and their meaning: docs/protocol/wc-auth.md §5.2 and §7.1,
/// docs/protocol/store-answers.md §2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    Works,
    /// The store does not know the key: revoked, its owner deleted, or a database restored.
    KeyRejected,
    /// The store knows the key but not this secret.
    SecretRejected,
    /// The store knows the key; its owner is no longer administrator or shop manager.
    RoleLost,
    /// The key's scope is narrower than requested.
    ScopeNarrower,
    /// The key's scope is wider than requested.
    ScopeWider,
    /// The store sent a key that it did not save (`key_id` 0).
    KeyNotSaved,
    /// Our sealed copy of the key cannot be opened, so the store was not contacted.
    KeyUnreadable,
    /// No form of authentication reached WooCommerce: it is dropped on the way.
    HeaderStripped,
    /// PHP at the store does not detect https, so plain keys are ignored.
    HttpsHidden,
    /// The store's clock and ours are too far apart for signed requests, and it accepts no others.
    ClockOff,
    /// The key belongs to a store with a different address than the one that was connected.
    OtherStore,
    /// The store's own address has changed.
    Moved,
    /// Application passwords are switched off at the store, or for this user.
    PasswordsOff,
    /// The WordPress user of an application password no longer exists.
    UserGone,
    /// A site with a different address accepts the key at this store's address, and a store answers at that address
    /// too.
    CloneSuspected,
    /// Something in front of the store blocked our request.
    Blocked(Product),
    /// A plugin has closed the REST API to visitors.
    RestClosed,
    /// The site is private or coming soon (WordPress.com).
    NotPublic,
    /// The whole site is password-protected.
    LoginWall,
    /// The store is in maintenance mode.
    Maintenance,
    /// The store failed with a 5xx status.
    ServerError,
    /// The store limited our requests (429).
    RateLimited,
    /// The host name does not exist.
    DnsFailed,
    /// The host name resolves to an address that is not public.
    PrivateAddress,
    /// Nothing answers at the address.
    ConnectFailed,
    /// The certificate is not trusted.
    TlsFailed,
    /// The server offers only outdated TLS versions or ciphers.
    TlsOutdated,
    /// The store did not answer in time.
    TimedOut,
    /// The answer is not one that WordPress gives, or is too large.
    AnswerUnreadable,
    /// The store has no https.
    NoHttps,
    /// No WordPress at the address.
    NoWordPress,
    /// WordPress without WooCommerce 3.5 or newer.
    NoWooCommerce,
    PlainPermalinks,
    /// Permalinks contain index.php.
    IndexPermalinks,
    /// The approval page is not found although WooCommerce is installed.
    PermalinksStale,
    /// The approval page redirects to a different address than the store's own.
    ApprovalMisdirected,
    /// A cache answers the approval page with the redirect of another request.
    ApprovalCached,
    /// Other output surrounds the JSON.
    NoisyAnswer,
    /// The key works, but the store answers slowly.
    Slow,
    /// The merchant pressed Deny.
    Denied,
    /// Nobody approved in time.
    NotFinished,
    /// The key worked, but the approval was not confirmed in time.
    NotConfirmed,
    /// The merchant reported that the approval was not theirs.
    Disowned,
    /// The application must confirm, but a different browser returned than the one that began.
    ApprovedElsewhere,
    /// The link was for another store.
    WrongStore,
    LinkWithdrawn,
}

verdicts! {
    Works = "works", "{store} is connected.";
    KeyRejected = "key_rejected", "{store} no longer accepts the key: it was revoked, or the WordPress user who approved it was deleted. Connect the store again.";
    SecretRejected = "secret_rejected", "{store} recognizes the key but rejects its secret. Connect the store again.";
    RoleLost = "role_lost", "The WordPress user who approved is no longer an administrator or shop manager of {store}. Restore the role, or connect again with an account that has it.";
    ScopeNarrower = "scope_narrower", "{store} granted less access than requested, so some features will not work. Connect again and leave the approval page as it is.";
    ScopeWider = "scope_wider", "{store} granted more access than requested. It works; connect again if you want the key to have less access.";
    KeyNotSaved = "key_not_saved", "{store} sent a key that it did not save, usually because a database table is full or outdated. Update WooCommerce, then try again.";
    KeyUnreadable = "key_unreadable", "We cannot read our copy of the key of {store}: its record was damaged or changed, so we do not use the key. The operator of this service can restore the record from a backup; otherwise, connect the store again.";
    HeaderStripped = "header_stripped", "The server of {store} removes the key before it reaches WooCommerce. Ask your host to pass the Authorization header to PHP, then try again.";
    HttpsHidden = "https_hidden", "The server of {store} hides https from WordPress, so WooCommerce ignores the key. Ask your host to set HTTPS for PHP behind its proxy, then try again.";
    ClockOff = "clock_off", "The clock of {store} and ours are more than fifteen minutes apart, so the store rejects signed requests. Ask your host to set the server's clock, then try again.";
    OtherStore = "other_store", "The key belongs to a store other than {store}. Connect again and approve on {store} itself.";
    Moved = "moved", "{store} has moved. Connect the store again at its new address.";
    CloneSuspected = "clone_suspected", "{store} reports another address as its own, and a store answers there too: one of the two may be a copy. Connect again at the address that your customers use, or correct the site address in WordPress under Settings → General.";
    PasswordsOff = "application_passwords_off", "Application passwords are switched off at {store}. Wordfence does so by default: Wordfence → All Options → Brute Force Protection → Disable WordPress application passwords. Allow them there or in your security plugin, then try again.";
    UserGone = "user_gone", "The WordPress user who approved no longer exists at {store}. Connect again as an administrator or shop manager.";
    Blocked(Product::Cloudflare) = "blocked_by_cloudflare", "Cloudflare is blocking our server at {store}. In Cloudflare, add a rule that skips /wp-json/ and /wc-auth/, or turn off Bot Fight Mode, then try again.";
    Blocked(Product::Sucuri) = "blocked_by_sucuri", "Sucuri is blocking our server at {store}. In Sucuri, allow our address for /wp-json/ and /wc-auth/, then try again.";
    Blocked(Product::SiteGround) = "blocked_by_siteground", "SiteGround's bot check is blocking our server at {store}. Ask SiteGround's support to allow our address, then try again.";
    Blocked(Product::Wordfence) = "blocked_by_wordfence", "The Wordfence plugin is blocking our server at {store}. In Wordfence, allow our address under Firewall, then try again.";
    Blocked(Product::Imunify360) = "blocked_by_imunify360", "Imunify360 is blocking our server at {store}. Ask your host to allow our address, then try again.";
    Blocked(Product::AwsWaf) = "blocked_by_aws_waf", "AWS WAF is blocking our server at {store}. Ask whoever runs the store's AWS account to allow our address for /wp-json/ and /wc-auth/, then try again.";
    Blocked(Product::Imperva) = "blocked_by_imperva", "Imperva is blocking our server at {store}. In Imperva, allow our address for /wp-json/ and /wc-auth/, then try again.";
    Blocked(Product::BotCheck) = "blocked_by_bot_check", "A bot check at {store} lets browsers pass, but not our server. Ask your host to allow our address for /wp-json/ and /wc-auth/, then try again.";
    Blocked(Product::ModSecurity) = "blocked_by_modsecurity", "A ModSecurity rule at your host is blocking our server at {store}. Ask your host to exempt /wc-auth/ and /wp-json/ from rules that forbid web addresses in parameters, then try again.";
    Blocked(Product::SolidSecurity) = "blocked_by_solid_security", "The Solid Security plugin restricts the REST API of {store}. In WordPress, open Security → Settings → Advanced → WordPress Tweaks, set REST API to “Default Access”, then try again.";
    Blocked(Product::AllInOneSecurity) = "blocked_by_all_in_one_security", "The All-In-One Security plugin refuses REST requests at {store}. In WordPress, open WP Security → Firewall → PHP rules, turn off “Disallow unauthorized REST requests”, then try again.";
    Blocked(Product::DisableRestApi) = "blocked_by_disable_rest_api", "The Disable REST API plugin closes the REST API of {store}. In WordPress, open Settings → Disable REST API, allow /wc/v3 for unauthenticated users, then try again.";
    Blocked(Product::BirimRestLock) = "blocked_by_birim_rest_lock", "The Birim REST Lock plugin locks the REST API of {store}. In that plugin's settings, allow wc/v3, then try again.";
    Blocked(Product::Duo) = "blocked_by_duo", "The Duo plugin asks for a second factor before the API of {store} answers. Ask your administrator to exempt /wp-json/ in Duo, then try again.";
    Blocked(Product::DefensiveMode) = "blocked_by_defensive_mode", "Defensive Mode at the host of {store} (Pressable, WordPress.com, WP Cloud) is blocking our server. Turn off Defensive Mode in your hosting dashboard, then try again.";
    Blocked(Product::Unnamed) = "blocked_by_firewall", "A firewall is blocking our server at {store}. Ask your host to allow our address for /wp-json/ and /wc-auth/, then try again.";
    RestClosed = "rest_closed", "A security plugin blocks the REST API of {store}. Allow wc/v3 in that plugin, then try again.";
    NotPublic = "not_public", "{store} is private or coming soon, so only its members can reach it. Launch the site on WordPress.com under Settings → General, then try again.";
    LoginWall = "login_wall", "{store} asks visitors for a password or shows them another page first. Turn that off for /wp-json/ and /wc-auth/, then try again.";
    Maintenance = "maintenance", "{store} is in maintenance mode. Try again when the store is open.";
    ServerError = "server_error", "{store} answered with a server error. Try again in a few minutes; if the error continues, ask your host.";
    RateLimited = "rate_limited", "{store} asked us to slow down. Try again in a few minutes.";
    DnsFailed = "dns_failed", "We could not find {store}. Check the spelling of the address.";
    PrivateAddress = "private_address", "{store} leads to an address in a private network. Type the address that your customers use.";
    ConnectFailed = "connect_failed", "Nothing answers at {store}. Check the address, or ask your host whether the store is running.";
    TlsFailed = "tls_failed", "The certificate of {store} cannot be trusted: it has expired, is incomplete, or is for another name. Ask your host to fix it, then try again.";
    TlsOutdated = "tls_outdated", "The server of {store} offers only outdated encryption (TLS 1.1 or older, or old ciphers). Ask your host to turn on TLS 1.2 or newer with ECDHE ciphers, then try again.";
    TimedOut = "timed_out", "{store} did not answer in time. Try again in a minute; if the store is still slow, ask your host.";
    AnswerUnreadable = "answer_unreadable", "{store} sent a response that did not come from WordPress. Check that this is the address of the store itself.";
    NoHttps = "no_https", "{store} does not use https, so keys would be sent unprotected. Turn on https in WordPress under Settings → General, then try again.";
    NoWordPress = "no_wordpress", "We could not find WordPress at {store}. Is this the address of the store itself?";
    NoWooCommerce = "no_woocommerce", "{store} runs WordPress, but WooCommerce 3.5 or newer is not active. Activate the WooCommerce plugin, then try again.";
    PlainPermalinks = "plain_permalinks", "{store} uses “Plain” permalinks. In WordPress, open Settings → Permalinks, choose “Post name”, press “Save Changes”, then try again.";
    IndexPermalinks = "index_permalinks", "The links of {store} go through index.php, so WooCommerce's approval page cannot finish. Ask your host to turn on URL rewriting, then try again.";
    PermalinksStale = "permalinks_stale", "WooCommerce's approval page is not found at {store}. In WordPress, open Settings → Permalinks and press “Save Changes” once, then try again.";
    ApprovalMisdirected = "approval_misdirected", "WooCommerce's approval page at {store} leads to another address. Check the WordPress Address and the Site Address under Settings → General.";
    ApprovalCached = "approval_cached", "A cache at {store} serves WooCommerce's approval page with the details of an earlier request. Ask your host to exclude /wc-auth/ and /wp-json/ from the cache, then try again.";
    NoisyAnswer = "noisy_answer", "{store} adds other text to its API responses. It works, but ask your developer to turn off the display of PHP errors and the comments that cache plugins add.";
    Slow = "slow", "{store} works, but takes more than ten seconds to answer. Ask your host what slows it down.";
    Denied = "denied", "The approval was denied on {store}, so nothing was connected.";
    NotFinished = "not_finished", "Nobody approved on {store} in time, so nothing was connected.";
    NotConfirmed = "not_confirmed", "The key of {store} worked, but the approval was not confirmed in time, so nothing was connected. Start again.";
    Disowned = "disowned", "The approval on {store} was rejected, so nothing was connected.";
    ApprovedElsewhere = "approved_elsewhere", "The approval on {store} came back in a different browser from the one that started it, so nothing was connected. Start again and stay in one browser.";
    WrongStore = "wrong_store", "This link is for a store other than {store}. Ask for a link that is not limited to one store.";
    LinkWithdrawn = "link_withdrawn", "The link for {store} was withdrawn, so nothing was connected. Ask for a new one.";
}

impl Verdict {
    /// The sentence for people, which says what to do; `store` is the store's name in it.
    pub fn says(self, store: &str) -> String {
        self.sentence().replace("{store}", store)
    }

    /// Whether the key is unusable until somebody acts: the store rejected it for good, or we cannot open it.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::KeyRejected
                | Self::SecretRejected
                | Self::RoleLost
                | Self::KeyNotSaved
                | Self::KeyUnreadable
                | Self::OtherStore
                | Self::CloneSuspected
                | Self::PasswordsOff
                | Self::UserGone
                | Self::HttpsHidden
                | Self::HeaderStripped
        )
    }

    /// Whether the key works, possibly with a remark.
    pub const fn is_works(self) -> bool {
        matches!(self, Self::Works | Self::ScopeNarrower | Self::ScopeWider | Self::NoisyAnswer | Self::Slow)
    }

    /// Whether someone has to let our requests through: the merchant's host, or whoever manages the site's security.
    pub const fn is_wall(self) -> bool {
        matches!(self, Self::Blocked(_) | Self::RestClosed | Self::LoginWall | Self::RateLimited)
    }

    /// Compares the granted scope with the requested one.
    pub const fn on_scope(granted: Scope, asked: Scope) -> Self {
        match (granted.covers(asked), asked.covers(granted)) {
            (true, true) => Self::Works,
            (true, false) => Self::ScopeWider,
            (false, _) => Self::ScopeNarrower,
        }
    }
}

/// Several verdicts, stored as codes separated by spaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdicts(pub Vec<Verdict>);

impl Verdicts {
    /// Parses stored codes; those of a newer version are left out.
    pub fn from_codes(codes: &str) -> Self {
        Self(codes.split(' ').filter_map(Verdict::from_code).collect())
    }

    /// The codes, separated by spaces.
    pub fn codes(&self) -> String {
        self.0.iter().map(|verdict| verdict.code()).collect::<Vec<_>>().join(" ")
    }
}

impl serde::Serialize for Verdict {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_and_every_sentence_is_whole() {
        for verdict in Verdict::ALL {
            assert_eq!(Verdict::from_code(verdict.code()), Some(*verdict));
            let says = verdict.says("shop.example");
            assert!(says.contains("shop.example") && says.ends_with(['.', '?']), "{says}");
            assert!(!says.contains('{'), "{says}");
        }
    }
}
