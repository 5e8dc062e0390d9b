//! Scope: what a key may do at the store.

use std::fmt;
use std::str::FromStr;

/// WooCommerce's three permissions, in its spelling (docs/protocol/wc-auth.md §1.1). `write` alone cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Scope {
    /// GET and HEAD.
    Read,
    /// POST, PUT, PATCH and DELETE.
    Write,
    /// Both.
    ReadWrite,
}

impl Scope {
    /// WooCommerce's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::ReadWrite => "read_write",
        }
    }

    /// Whether a key of this scope may read.
    pub const fn reads(self) -> bool {
        matches!(self, Self::Read | Self::ReadWrite)
    }

    /// Whether a key of this scope may write.
    pub const fn writes(self) -> bool {
        matches!(self, Self::Write | Self::ReadWrite)
    }

    /// Whether this scope includes everything that `asked` does.
    pub const fn covers(self, asked: Self) -> bool {
        (self.reads() || !asked.reads()) && (self.writes() || !asked.writes())
    }

    /// The scope for people, completing the sentence "… will be able to".
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Read => "see your products, orders and customers, but not change anything",
            Self::Write => "create and change products, orders and customers, but not see them",
            Self::ReadWrite => "see and change your products, orders and customers",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAScope;

impl fmt::Display for NotAScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("scope must be read, write or read_write")
    }
}

impl std::error::Error for NotAScope {}

impl FromStr for Scope {
    type Err = NotAScope;

    fn from_str(text: &str) -> Result<Self, NotAScope> {
        match text {
            "read" => Ok(Self::Read),
            "write" => Ok(Self::Write),
            "read_write" => Ok(Self::ReadWrite),
            _ => Err(NotAScope),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covering() {
        assert!(Scope::ReadWrite.covers(Scope::Read));
        assert!(Scope::ReadWrite.covers(Scope::Write));
        assert!(!Scope::Read.covers(Scope::ReadWrite));
        assert!(!Scope::Write.covers(Scope::Read));
        assert!(Scope::Write.covers(Scope::Write));
    }
}
