//! Service token: what an internal service shows to be let in.

use std::fmt;
use std::str::FromStr;

use super::id::TokenId;
use super::time::Time;

/// What a service token begins with, so that secret scanners can find one that leaked. Other programs match on
/// it: do not change it.
pub const TOKEN_PREFIX: &str = "cartkey_";

/// One thing that a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
pub enum Permission {
    /// Fetch keys.
    #[serde(rename = "keys:read")]
    KeysRead,
    /// See stores, without their secrets.
    #[serde(rename = "stores:read")]
    StoresRead,
    /// Have stores checked, and disconnect them.
    #[serde(rename = "stores:write")]
    StoresWrite,
    /// Make links, follow them, confirm attempts.
    #[serde(rename = "links:write")]
    LinksWrite,
    /// Read the event feed.
    #[serde(rename = "events:read")]
    EventsRead,
}

impl Permission {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 5] =
        [Self::KeysRead, Self::StoresRead, Self::StoresWrite, Self::LinksWrite, Self::EventsRead];

    /// As it is written on the command line and in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeysRead => "keys:read",
            Self::StoresRead => "stores:read",
            Self::StoresWrite => "stores:write",
            Self::LinksWrite => "links:write",
            Self::EventsRead => "events:read",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of permissions, written `keys:read,stores:read`; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions(Vec<Permission>);

/// The text is not a set of permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotPermissions(String);

impl fmt::Display for NotPermissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Permission::ALL.map(Permission::as_str).join(", ");
        if self.0.is_empty() {
            write!(f, "name at least one permission of {known}")
        } else {
            write!(f, "{:?} is not a permission; there are {known}", self.0)
        }
    }
}

impl std::error::Error for NotPermissions {}

impl Permissions {
    /// Whether `permission` is among them.
    pub fn allow(&self, permission: Permission) -> bool {
        self.0.contains(&permission)
    }

    /// Each once, in the order of [`Permission::ALL`].
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
        let set: Vec<Permission> = Permission::ALL.into_iter().filter(|p| named.contains(&p.as_str())).collect();
        if set.is_empty() { Err(NotPermissions(String::new())) } else { Ok(Self(set)) }
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<&str> = self.0.iter().map(|p| p.as_str()).collect();
        f.write_str(&all.join(","))
    }
}

/// An internal service's token, without its secret.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ServiceToken {
    /// Its name in logs and records.
    pub id: TokenId,
    /// What its owner calls it: 1 to 80 characters.
    pub name: String,
    /// What it may do.
    pub permissions: Permissions,
    /// When it was issued.
    pub created_at: Time,
    /// When it stops working by itself.
    pub expires_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
}

impl ServiceToken {
    /// Whether it works at `now`.
    pub fn works_at(&self, now: Time) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_read_and_show() {
        let set: Permissions = " stores:read,keys:read, keys:read".parse().expect("permissions");
        assert_eq!(set.to_string(), "keys:read,stores:read");
        assert!(set.allow(Permission::KeysRead) && !set.allow(Permission::LinksWrite));
        assert!("".parse::<Permissions>().is_err());
        assert_eq!(
            "keys:write".parse::<Permissions>().map_err(|e| e.to_string()),
            Err("\"keys:write\" is not a permission; there are keys:read, stores:read, stores:write, links:write, events:read".to_owned())
        );
    }
}
