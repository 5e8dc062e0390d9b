//! Verdicts: what asking a store told us, in one list, for people and for machines.

use super::scope::Scope;

/// A product that stands in front of a store and turned us away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Product {
    /// Cloudflare's challenge or block page.
    Cloudflare,
    /// Sucuri's website firewall.
    Sucuri,
    /// SiteGround's captcha (`SG-Captcha`).
    SiteGround,
    /// The Wordfence plugin.
    Wordfence,
    /// Imunify360's bot protection.
    Imunify360,
    /// ModSecurity rules of the host, such as the ones against addresses in parameters.
    ModSecurity,
    /// Something that does not say its name.
    Unnamed,
}

impl Product {
    /// As people know it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cloudflare => "Cloudflare",
            Self::Sucuri => "Sucuri",
            Self::SiteGround => "SiteGround",
            Self::Wordfence => "Wordfence",
            Self::Imunify360 => "Imunify360",
            Self::ModSecurity => "ModSecurity",
            Self::Unnamed => "a firewall",
        }
    }
}

macro_rules! verdicts {
    ($($(#[$doc:meta])* $variant:ident$(($product:path))? = $code:literal, $says:literal;)*) => {
        impl Verdict {
            /// Every verdict, for tests that must not miss one.
            pub const ALL: &'static [Self] = &[$(Self::$variant$(($product))?),*];

            /// The stable code, for machines: never changed once released.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant$(($product))? => $code),* }
            }

            /// The sentence for people, with `{store}` where the store's address stands.
            const fn sentence(self) -> &'static str {
                match self { $(Self::$variant$(($product))? => $says),* }
            }

            /// Reads a stored code back.
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.code() == code)
            }
        }
    };
}

/// What asking a store told us. Codes and their meaning: docs/protocol/wc-auth.md §5.2 and §7.1, docs/protocol/store-answers.md §2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The key works.
    Works,
    /// The store does not know the key: revoked, its owner deleted, or a database restored.
    KeyRejected,
    /// The store knows the key but not this secret.
    SecretRejected,
    /// The store knows the key; its owner is no longer administrator or shop manager.
    RoleLost,
    /// The key may do less than was asked.
    ScopeNarrower,
    /// The key may do more than was asked.
    ScopeWider,
    /// The store sent a key that it did not save (`key_id` 0).
    KeyNotSaved,
    /// Our own sealed copy of the key does not open, so the store was not asked.
    KeyUnreadable,
    /// No form of authentication reached WooCommerce: the host drops it on the way.
    HeaderStripped,
    /// PHP at the store does not see https, so plain keys are ignored.
    HttpsHidden,
    /// The store's clock and ours are too far apart for signed requests, and it takes no others.
    ClockOff,
    /// The key answers for another address than the one that was connected.
    OtherStore,
    /// The store's own address has changed.
    Moved,
    /// The key is taken at the store's address by a site that calls itself another, where a store answers too.
    CloneSuspected,
    /// Something in front of the store turned us away.
    Blocked(Product),
    /// A plugin has closed the REST API to visitors.
    RestClosed,
    /// The whole site asks for a password.
    LoginWall,
    /// The store is in maintenance mode.
    Maintenance,
    /// The store answered with an error of its own (5xx).
    ServerError,
    /// The store asked us to slow down (429).
    RateLimited,
    /// No such name.
    DnsFailed,
    /// The name leads to an address that is not public.
    PrivateAddress,
    /// Nothing answers at the address.
    ConnectFailed,
    /// The certificate is not one that can be trusted.
    TlsFailed,
    /// No answer in time.
    TimedOut,
    /// The answer was not one that WordPress gives, or was too large.
    AnswerUnreadable,
    /// The store has no https.
    NoHttps,
    /// No WordPress at the address.
    NoWordPress,
    /// WordPress without WooCommerce 3.5 or newer.
    NoWooCommerce,
    /// Permalinks are set to Plain.
    PlainPermalinks,
    /// Permalinks go through index.php.
    IndexPermalinks,
    /// The approval page is not found although WooCommerce is there.
    PermalinksStale,
    /// The approval page leads elsewhere than the store's own address.
    ApprovalMisdirected,
    /// The JSON answer begins with notices of PHP.
    NoisyAnswer,
    /// The key works, and its store takes long to answer.
    Slow,
    /// The merchant pressed Deny.
    Denied,
    /// Nobody approved in time.
    NotFinished,
    /// The key worked, and whoever had to confirm the approval did not in time.
    NotConfirmed,
    /// The merchant says that the approval was not theirs.
    Disowned,
    /// The application must confirm, and the approval came back in another browser than the one that began.
    ApprovedElsewhere,
    /// The link was for another store.
    WrongStore,
    /// The link was withdrawn by whoever runs the service.
    LinkWithdrawn,
}

verdicts! {
    Works = "works", "{store} is connected.";
    KeyRejected = "key_rejected", "{store} no longer accepts the key: it was revoked, or the WordPress user who approved was deleted. Connect the store again.";
    SecretRejected = "secret_rejected", "{store} knows the key but refuses its secret. Connect the store again.";
    RoleLost = "role_lost", "The WordPress user who approved is no longer administrator or shop manager of {store}. Give the role back, or connect again with an account that has it.";
    ScopeNarrower = "scope_narrower", "{store} granted less than was asked, so some things will not work. Connect again and leave the approval page as it is.";
    ScopeWider = "scope_wider", "{store} granted more than was asked. It works; connect again if you want the key to do less.";
    KeyNotSaved = "key_not_saved", "{store} sent a key that it did not save, usually because of a full or outdated database table. Update WooCommerce, then try again.";
    KeyUnreadable = "key_unreadable", "We cannot read our copy of the key of {store}: its record was damaged or changed, so we do not use the key. Whoever runs this service can restore the record from a backup; otherwise, connect the store again.";
    HeaderStripped = "header_stripped", "The server of {store} drops the key on its way to WooCommerce. Ask your host to pass the Authorization header on to PHP, then try again.";
    HttpsHidden = "https_hidden", "The server of {store} hides https from WordPress, so WooCommerce ignores the key. Ask your host to set HTTPS for PHP behind its proxy, then try again.";
    ClockOff = "clock_off", "The clock of {store} and ours are more than fifteen minutes apart, so it refuses signed requests. Ask your host to set the clock of the server, then try again.";
    OtherStore = "other_store", "The key belongs to another store than {store}. Connect again and approve on {store} itself.";
    Moved = "moved", "{store} has a new address. Connect again with the address that the store has now.";
    CloneSuspected = "clone_suspected", "{store} says that it is another address, and a store answers there too: one of the two may be a copy. Connect again at the address that customers use, or correct the site address in WordPress under Settings → General.";
    Blocked(Product::Cloudflare) = "blocked_by_cloudflare", "Cloudflare is blocking our server at {store}. In Cloudflare, add a rule that skips /wp-json/ and /wc-auth/, or switch Bot Fight Mode off, then try again.";
    Blocked(Product::Sucuri) = "blocked_by_sucuri", "Sucuri is blocking our server at {store}. In Sucuri, allow our address for /wp-json/ and /wc-auth/, then try again.";
    Blocked(Product::SiteGround) = "blocked_by_siteground", "SiteGround's bot check is blocking our server at {store}. Ask SiteGround's support to allow our address, then try again.";
    Blocked(Product::Wordfence) = "blocked_by_wordfence", "The Wordfence plugin is blocking our server at {store}. In Wordfence, allow our address under Firewall, then try again.";
    Blocked(Product::Imunify360) = "blocked_by_imunify360", "Imunify360 is blocking our server at {store}. Ask your host to allow our address, then try again.";
    Blocked(Product::ModSecurity) = "blocked_by_modsecurity", "A ModSecurity rule of your host is blocking {store}. Ask your host to exempt /wc-auth/ and /wp-json/ (rules against web addresses in parameters), then try again.";
    Blocked(Product::Unnamed) = "blocked_by_firewall", "A firewall is blocking our server at {store}. Ask your host to allow our address for /wp-json/ and /wc-auth/, then try again.";
    RestClosed = "rest_closed", "A security plugin has closed the REST API of {store}. Allow wc/v3 in that plugin, then try again.";
    LoginWall = "login_wall", "{store} asks every visitor for a password. Switch that off for /wp-json/ and /wc-auth/, then try again.";
    Maintenance = "maintenance", "{store} is in maintenance mode. Try again when the store is open.";
    ServerError = "server_error", "{store} answered with an error of its own. Try again in a few minutes; if it stays, ask your host.";
    RateLimited = "rate_limited", "{store} asked us to slow down. Try again in a few minutes.";
    DnsFailed = "dns_failed", "We could not find {store}. Check the spelling of the address.";
    PrivateAddress = "private_address", "{store} leads to an address inside a private network. Type the address that your customers use.";
    ConnectFailed = "connect_failed", "Nothing answers at {store}. Check the address, or ask your host whether the store is running.";
    TlsFailed = "tls_failed", "The certificate of {store} cannot be trusted: it is expired, incomplete, or for another name. Ask your host to renew it, then try again.";
    TimedOut = "timed_out", "{store} did not answer in time. Try again in a minute; if it stays slow, ask your host.";
    AnswerUnreadable = "answer_unreadable", "{store} gave an answer that WordPress does not give. Check that this is the address of the store itself.";
    NoHttps = "no_https", "{store} has no https, so keys would travel unprotected. Switch https on in WordPress under Settings → General, then try again.";
    NoWordPress = "no_wordpress", "We could not find WordPress at {store}. Is this the address of the store itself?";
    NoWooCommerce = "no_woocommerce", "WordPress is at {store}, but WooCommerce 3.5 or newer is not active. Switch the WooCommerce plugin on, then try again.";
    PlainPermalinks = "plain_permalinks", "{store} uses “Plain” permalinks. In WordPress open Settings → Permalinks, choose “Post name”, press Save, then try again.";
    IndexPermalinks = "index_permalinks", "The links of {store} go through index.php, and WooCommerce's approval page cannot finish that way. Ask your host to switch URL rewriting on, then try again.";
    PermalinksStale = "permalinks_stale", "WooCommerce's approval page is not found at {store}. In WordPress open Settings → Permalinks and press Save once, then try again.";
    ApprovalMisdirected = "approval_misdirected", "WooCommerce's approval page at {store} leads to another address. Check the WordPress address and site address under Settings → General.";
    NoisyAnswer = "noisy_answer", "{store} prints warnings in front of its answers. It works, but ask your developer to switch the display of PHP errors off.";
    Slow = "slow", "{store} works, but takes longer than ten seconds to answer. Ask your host what slows it down.";
    Denied = "denied", "You pressed Deny on {store}; nothing was connected.";
    NotFinished = "not_finished", "Nobody approved on {store} in time; nothing was connected.";
    NotConfirmed = "not_confirmed", "The key of {store} worked, but the approval was not confirmed in time; nothing was connected. Begin again.";
    Disowned = "disowned", "The approval on {store} was reported as a mistake; nothing was connected.";
    ApprovedElsewhere = "approved_elsewhere", "The approval on {store} came back in another browser than the one that began, so nothing was connected. Begin again and stay in one browser.";
    WrongStore = "wrong_store", "This link is for another store than {store}. Ask for a link without a fixed store.";
    LinkWithdrawn = "link_withdrawn", "The link for {store} was withdrawn, so nothing was connected. Ask for a new one.";
}

impl Verdict {
    /// One plain sentence that says what to do, about the store named `store`.
    pub fn says(self, store: &str) -> String {
        self.sentence().replace("{store}", store)
    }

    /// Whether the key is of no use until somebody does something: the store refused it for good, or we cannot read it.
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
                | Self::HttpsHidden
                | Self::HeaderStripped
        )
    }

    /// Whether the key works although something is worth saying.
    pub const fn is_works(self) -> bool {
        matches!(self, Self::Works | Self::ScopeNarrower | Self::ScopeWider | Self::NoisyAnswer | Self::Slow)
    }

    /// The verdict on a granted scope beside the one that was asked.
    pub const fn on_scope(granted: Scope, asked: Scope) -> Self {
        match (granted.covers(asked), asked.covers(granted)) {
            (true, true) => Self::Works,
            (true, false) => Self::ScopeWider,
            (false, _) => Self::ScopeNarrower,
        }
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
