//! Scope: what a key may do at the store.

use std::str::FromStr;

use super::key::AuthMethod;

names! {
    /// WooCommerce's three permissions, in its spelling (docs/protocol/wc-auth.md §1.1). `write` alone cannot read.
    Scope {
        /// GET and HEAD.
        Read = "read",
        /// POST, PUT, PATCH and DELETE.
        Write = "write",
        ReadWrite = "read_write",
    }
}

names! {
    /// What a credential may do at the store, as services and operators are told.
    Granted {
        Read = "read",
        Write = "write",
        ReadWrite = "read_write",
        /// An application password has no scope: it may do whatever its WordPress user may.
        Owner = "owner",
    }
}

impl Granted {
    /// What a credential of `scope` may do that the store accepts by `method`.
    pub const fn of(scope: Scope, method: AuthMethod) -> Self {
        match (method, scope) {
            (AuthMethod::ApplicationPassword, _) => Self::Owner,
            (_, Scope::Read) => Self::Read,
            (_, Scope::Write) => Self::Write,
            (_, Scope::ReadWrite) => Self::ReadWrite,
        }
    }
}

impl Scope {
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("scope must be read, write or read_write")]
pub struct NotAScope;

impl FromStr for Scope {
    type Err = NotAScope;

    fn from_str(text: &str) -> Result<Self, NotAScope> {
        Self::from_text(text).ok_or(NotAScope)
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
