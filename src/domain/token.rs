//! Service token: the bearer token with which an internal service authenticates.

use std::fmt;
use std::str::FromStr;

use super::calls::{CallLimits, Namespaces};
use super::id::TokenId;
use super::route::Route;
use super::time::Time;
use super::user_id::{NotAUserId, UserId};

/// The prefix of service tokens, by which secret scanners find leaked ones. Other programs match on it: do not change
/// it.
pub const TOKEN_PREFIX: &str = "cartkey_";

names! {
    /// A permission of a service token.
    Permission {
        /// Fetch keys.
        KeysRead = "keys:read",
        /// Call stores through Cartkey with GET, HEAD and OPTIONS.
        ProxyRead = "proxy:read",
        /// Call stores through Cartkey with POST, PUT, PATCH and DELETE.
        ProxyWrite = "proxy:write",
        /// Read stores, without their secrets.
        StoresRead = "stores:read",
        /// Check and disconnect stores.
        StoresWrite = "stores:write",
        /// Create, follow and withdraw links, and confirm attempts.
        LinksWrite = "links:write",
        /// Read the event feed.
        EventsRead = "events:read",
        /// Read webhooks and their deliveries, without their secrets.
        WebhooksRead = "webhooks:read",
        /// Add, change and delete webhooks.
        WebhooksWrite = "webhooks:write",
        /// Read service tokens, without their secrets.
        TokensRead = "tokens:read",
        /// Issue, rotate and revoke service tokens.
        TokensWrite = "tokens:write",
    }
}

impl Permission {
    /// One sentence for whoever grants it.
    pub const fn says(self) -> &'static str {
        match self {
            Self::KeysRead => "Read the keys of stores. Every read is recorded.",
            Self::ProxyRead => "Read from stores through Cartkey, without seeing their keys. Every call is recorded.",
            Self::ProxyWrite => "Change stores through Cartkey, without seeing their keys. Every call is recorded.",
            Self::StoresRead => "See stores and their status, without their keys.",
            Self::StoresWrite => "Check stores, and disconnect them permanently.",
            Self::LinksWrite => "Create links that connect stores, follow and withdraw them, and confirm approvals.",
            Self::EventsRead => "Read the event feed.",
            Self::WebhooksRead => "See webhooks and their deliveries, without their secrets.",
            Self::WebhooksWrite => "Add, change, test and delete webhooks, which receive events.",
            Self::TokensRead => "See service tokens, without their secrets.",
            Self::TokensWrite => {
                "Revoke service tokens, rotate them, and create new ones that may do no more than this token."
            }
        }
    }
}

/// The most tokens that may work at a time.
pub const MOST_WORKING: i64 = 1_000;

/// A set of permissions, written as `keys:read,stores:read`; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions(Vec<Permission>);

/// The text is not a set of permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotPermissions(String);

impl fmt::Display for NotPermissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Permission::ALL.map(Permission::as_str).join(", ");
        if self.0.is_empty() {
            write!(f, "specify at least one permission: {known}")
        } else {
            write!(f, "{:?} is not a permission; the permissions are {known}", self.0)
        }
    }
}

impl std::error::Error for NotPermissions {}

impl Permissions {
    /// These permissions; `None` if there are none.
    pub fn of(some: &[Permission]) -> Option<Self> {
        let set: Vec<Permission> = Permission::ALL.into_iter().filter(|known| some.contains(known)).collect();
        (!set.is_empty()).then_some(Self(set))
    }

    /// Every permission.
    pub fn all() -> Self {
        Self(Permission::ALL.to_vec())
    }

    /// The first permission that `other` lacks.
    pub fn first_beyond(&self, other: &Self) -> Option<Permission> {
        self.iter().find(|permission| !other.allow(*permission))
    }

    /// Whether the set includes `permission`.
    pub fn allow(&self, permission: Permission) -> bool {
        self.0.contains(&permission)
    }

    /// The permissions, each once, in the order of [`Permission::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = Permission> + '_ {
        self.0.iter().copied()
    }
}

impl FromStr for Permissions {
    type Err = NotPermissions;

    fn from_str(text: &str) -> Result<Self, NotPermissions> {
        let named: Vec<&str> = text.split(',').map(str::trim).filter(|s| !s.is_empty()).collect();
        if let Some(unknown) = named.iter().find(|n| !Permission::ALL.iter().any(|p| p.as_str() == **n)) {
            return Err(NotPermissions((*unknown).to_owned()));
        }
        let named: Vec<Permission> = named.into_iter().filter_map(Permission::from_text).collect();
        Self::of(&named).ok_or_else(|| NotPermissions(String::new()))
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<&str> = self.0.iter().map(|p| p.as_str()).collect();
        f.write_str(&all.join(","))
    }
}

/// The only merchants whose stores and keys a token may access: 1 to [`Users::MOST`], sorted, without duplicates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Users(Vec<UserId>);

/// The text is not a list of merchants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotUsers {
    /// The list is empty.
    #[error("specify at least one user_id")]
    Nobody,
    /// The list has more than [`Users::MOST`] entries.
    #[error("a token can be limited to at most {} user_ids", Users::MOST)]
    TooMany,
    /// This line (counted from 1) is not a valid `user_id`.
    #[error("line {0}: {NotAUserId}")]
    Line(usize),
}

impl Users {
    /// The maximum number of merchants for one token: every read compares all of them.
    pub const MOST: usize = 1_000;

    /// These merchants. Fails with [`NotUsers::Nobody`] or [`NotUsers::TooMany`].
    pub fn of(mut users: Vec<UserId>) -> Result<Self, NotUsers> {
        users.sort_unstable();
        users.dedup();
        match users.len() {
            0 => Err(NotUsers::Nobody),
            1..=Self::MOST => Ok(Self(users)),
            _ => Err(NotUsers::TooMany),
        }
    }

    /// Whether the list includes `user`.
    pub fn contain(&self, user: &UserId) -> bool {
        self.0.binary_search(user).is_ok()
    }

    /// The merchants, sorted, without duplicates.
    pub fn iter(&self) -> std::slice::Iter<'_, UserId> {
        self.0.iter()
    }

    /// The number of merchants; at least 1.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl<'a> IntoIterator for &'a Users {
    type Item = &'a UserId;
    type IntoIter = std::slice::Iter<'a, UserId>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromStr for Users {
    type Err = NotUsers;

    /// Parses one `user_id` per line; ignores blank lines and surrounding spaces.
    fn from_str(text: &str) -> Result<Self, NotUsers> {
        let mut users = Vec::new();
        for (index, line) in text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty()) {
            users.push(line.parse::<UserId>().map_err(|_| NotUsers::Line(index + 1))?);
        }
        Self::of(users)
    }
}

impl fmt::Display for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, user) in self.0.iter().enumerate() {
            let line_end = if index == 0 { "" } else { "\n" };
            write!(f, "{line_end}{user}")?;
        }
        Ok(())
    }
}

/// An internal service's token, without its secret.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ServiceToken {
    pub id: TokenId,
    /// Its name: 1 to 80 characters.
    pub name: String,
    pub permissions: Permissions,
    /// When it was issued.
    pub created_at: Time,
    pub expires_at: Option<Time>,
    pub revoked_at: Option<Time>,
    /// The only merchants it may access; `None` means all.
    pub users: Option<Users>,
    /// The token that replaces it.
    pub successor: Option<TokenId>,
    /// The namespaces that it may call beside WooCommerce's.
    pub namespaces: Namespaces,
    /// The limits on its calls.
    pub limits: CallLimits,
    /// The token with whose calls its own are counted: the first of those that it replaced or that issued it.
    pub counted_with: Option<TokenId>,
}

names! {
    /// The state of a token.
    TokenState {
        /// It is valid.
        Working = "working",
        /// It is being rotated: it has a successor, and remains valid until the overlap ends.
        Rotating = "rotating",
        /// It was rotated, and the overlap has ended.
        Replaced = "replaced",
        Expired = "expired",
        Revoked = "revoked",
    }
}

/// A token may not access all of these merchants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this token is limited to other user_ids")]
pub struct OtherUsers;

impl ServiceToken {
    /// Whether it is valid at `now`.
    pub fn works_at(&self, now: Time) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// The state at `now`.
    pub fn state_at(&self, now: Time) -> TokenState {
        match (self.revoked_at, self.works_at(now), &self.successor) {
            (Some(_), _, _) => TokenState::Revoked,
            (None, true, None) => TokenState::Working,
            (None, true, Some(_)) => TokenState::Rotating,
            (None, false, Some(_)) => TokenState::Replaced,
            (None, false, None) => TokenState::Expired,
        }
    }

    /// Whether it may access the stores, keys and links of this merchant.
    pub fn may_see(&self, user: &UserId) -> bool {
        self.users.as_ref().is_none_or(|users| users.contain(user))
    }

    /// Whether it may call this route, if it has the permission that the method needs.
    pub fn may_call(&self, route: &Route) -> bool {
        route.is_woocommerce() || self.namespaces.contain(route)
    }

    /// The token under whose ID its calls are counted.
    pub fn counted_as(&self) -> &TokenId {
        self.counted_with.as_ref().unwrap_or(&self.id)
    }

    /// Whether it may access everything that something limited to `users` may; `None` means that it is not limited.
    pub fn covers(&self, users: Option<&Users>) -> bool {
        match (&self.users, users) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(users)) => users.iter().all(|user| own.contain(user)),
        }
    }

    /// The limit of something that it creates for `users`; `None` means as many as it may access itself.
    pub fn limit(&self, users: Option<Users>) -> Result<Option<Users>, OtherUsers> {
        let users = users.or_else(|| self.users.clone());
        if self.covers(users.as_ref()) { Ok(users) } else { Err(OtherUsers) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read_one_a_line() {
        let users: Users = " m-2\r\n\nm-1\nm-2\n".parse().expect("users");
        assert_eq!(users.to_string(), "m-1\nm-2");
        assert_eq!(users.to_string().parse(), Ok(users.clone()));
        assert!(users.contain(&"m-1".parse().expect("a user_id")) && !users.contain(&"m".parse().expect("a user_id")));
        assert_eq!(" \n".parse::<Users>(), Err(NotUsers::Nobody));
        assert_eq!("m\n\na b".parse::<Users>(), Err(NotUsers::Line(3)));
        let many = |n: usize| (0..n).map(|i| format!("m-{i}")).collect::<Vec<_>>().join("\n").parse::<Users>();
        assert_eq!(many(1_000).map(|users| users.count()), Ok(1_000));
        assert_eq!(many(1_001), Err(NotUsers::TooMany));
    }

    #[test]
    fn a_token_covers_what_is_limited_within_its_own_limit() {
        let token = |users: &str| ServiceToken {
            id: "tk_01jd0000000000000000000000".parse().expect("an id"),
            name: String::new(),
            permissions: Permissions::all(),
            created_at: Time::from_millis(0),
            expires_at: None,
            revoked_at: None,
            users: users.parse().ok(),
            successor: None,
            namespaces: Namespaces::default(),
            limits: CallLimits::default(),
            counted_with: None,
        };
        let users = |text: &str| text.parse::<Users>().ok();
        for (token, limit, covers) in [
            (token(""), None, true),
            (token(""), users("a"), true),
            (token("a\nb"), None, false),
            (token("a\nb"), users("a"), true),
            (token("a\nb"), users("a\nb"), true),
            (token("a\nb"), users("a\nc"), false),
        ] {
            assert_eq!(token.covers(limit.as_ref()), covers, "{:?} {limit:?}", token.users);
        }
        assert_eq!(token("a\nb").limit(None), Ok(users("a\nb")));
        assert_eq!(token("a\nb").limit(users("c")), Err(OtherUsers));
        assert_eq!(token("").limit(None), Ok(None));
    }

    #[test]
    fn permissions_read_and_show() {
        let set: Permissions = " stores:read,keys:read, keys:read".parse().expect("permissions");
        assert_eq!(set.to_string(), "keys:read,stores:read");
        assert!(set.allow(Permission::KeysRead) && !set.allow(Permission::LinksWrite));
        assert!("".parse::<Permissions>().is_err());
        assert_eq!(set.first_beyond(&Permissions::all()), None);
        assert_eq!(Permissions::all().first_beyond(&set), Some(Permission::ProxyRead));
        assert_eq!(
            "keys:write".parse::<Permissions>().map_err(|e| e.to_string()),
            Err("\"keys:write\" is not a permission; the permissions are keys:read, proxy:read, proxy:write, stores:read, stores:write, links:write, events:read, webhooks:read, webhooks:write, tokens:read, tokens:write".to_owned())
        );
    }
}
