//! `user_id`: the application's own id of a merchant.

use std::fmt;
use std::str::FromStr;

/// 1 to 128 visible ASCII characters (`!` to `~`). Never sent to a store: there, the single-use state stands
/// in its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct UserId(String);

/// The text cannot be a `user_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAUserId;

impl fmt::Display for NotAUserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("user_id must be 1 to 128 visible ASCII characters, without spaces")
    }
}

impl std::error::Error for NotAUserId {}

impl UserId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserId {
    type Err = NotAUserId;

    fn from_str(text: &str) -> Result<Self, NotAUserId> {
        if (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAUserId)
        }
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds() {
        assert!("u".parse::<UserId>().is_ok());
        assert!("merchant:42/eu@x".parse::<UserId>().is_ok());
        assert!("a".repeat(128).parse::<UserId>().is_ok());
        for bad in ["", " ", "a b", "ä", "a\n", &"a".repeat(129)] {
            assert!(bad.parse::<UserId>().is_err(), "{bad:?}");
        }
    }
}
