//! Product: firewalls, bot checks and plugins that can block our requests, and where their settings are.

/// A product in front of a store that blocked our request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Product {
    /// Cloudflare's challenge or block page.
    Cloudflare,
    /// Sucuri's website firewall.
    Sucuri,
    /// SiteGround's captcha (`SG-Captcha`).
    SiteGround,
    Wordfence,
    /// Imunify360's bot protection.
    Imunify360,
    /// AWS WAF's challenge or captcha.
    AwsWaf,
    /// Imperva, formerly Incapsula.
    Imperva,
    /// An unnamed bot check that answers with a script.
    BotCheck,
    /// The host's ModSecurity rules, such as those against addresses in parameters.
    ModSecurity,
    /// The Solid Security plugin, formerly iThemes Security, also Kadence Security.
    SolidSecurity,
    /// The All-In-One Security plugin (AIOS).
    AllInOneSecurity,
    DisableRestApi,
    BirimRestLock,
    /// Duo's plugin for a second factor.
    Duo,
    /// The proof-of-work challenge of Pressable, WordPress.com and other hosts on WP Cloud.
    DefensiveMode,
    /// Unidentified.
    Unnamed,
}

impl Product {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cloudflare => "Cloudflare",
            Self::Sucuri => "Sucuri",
            Self::SiteGround => "SiteGround",
            Self::Wordfence => "Wordfence",
            Self::Imunify360 => "Imunify360",
            Self::AwsWaf => "AWS WAF",
            Self::Imperva => "Imperva",
            Self::BotCheck => "a bot check",
            Self::ModSecurity => "ModSecurity",
            Self::SolidSecurity => "Solid Security",
            Self::AllInOneSecurity => "All-In-One Security",
            Self::DisableRestApi => "Disable REST API",
            Self::BirimRestLock => "Birim REST Lock",
            Self::Duo => "Duo",
            Self::DefensiveMode => "Defensive Mode",
            Self::Unnamed => "a firewall",
        }
    }

    /// Where to find the setting that blocks us, in the product's own words; `None` if only its operator can know. Not
    /// translated: these products rarely are, and their support reads English.
    pub const fn setting(self) -> Option<&'static str> {
        Some(match self {
            Self::Cloudflare => "Security → WAF → Custom rules: Skip; Security → Bots → Bot Fight Mode",
            Self::Sucuri => "Firewall → Access Control → Allowlist IP Addresses",
            Self::SiteGround => "SiteGround support: exempt the address from the bot check (sgcaptcha)",
            Self::Wordfence => "Firewall → All Firewall Options → Allowlisted IP addresses that bypass all rules",
            Self::Imunify360 => "Imunify360 → Firewall → White List",
            Self::AwsWaf => "AWS WAF → Web ACLs → IP set with the action Allow",
            Self::Imperva => "Website Security → Policies → Allowlist",
            Self::ModSecurity => "SecRuleRemoveById for /wc-auth/ and /wp-json/",
            Self::SolidSecurity => "Security → Settings → Advanced → WordPress Tweaks → REST API",
            Self::AllInOneSecurity => "WP Security → Firewall → PHP rules → Disallow unauthorized REST requests",
            Self::DisableRestApi => "Settings → Disable REST API",
            Self::BirimRestLock => "Settings → REST Lock",
            Self::Duo => "Settings → Duo Two-Factor",
            Self::DefensiveMode => "Hosting dashboard → Server Settings → Defensive mode",
            Self::BotCheck | Self::Unnamed => return None,
        })
    }
}

/// The setting by which Wordfence refuses application passwords, as it does by default.
pub const WORDFENCE_APPLICATION_PASSWORDS: &str =
    "Wordfence → All Options → Brute Force Protection → Disable WordPress application passwords";
