//! `user_id`: the application's own id of a merchant.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// 1 to 128 visible ASCII characters (`!` to `~`). Never sent to a store, which gets the single-use state instead.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct UserId(String);

/// The text is not a valid `user_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("user_id must be 1 to 128 visible ASCII characters, without spaces")]
pub struct NotAUserId;

/// The characters with which a spreadsheet formula begins.
const FORMULA: [char; 4] = ['=', '+', '-', '@'];

impl UserId {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text for a file of keys: a leading apostrophe stops spreadsheets from reading it as a formula, and another
    /// one protects a leading apostrophe that would be stripped.
    pub fn in_a_file(&self) -> Cow<'_, str> {
        let text = self.as_str();
        if text.starts_with(FORMULA) || armed(text) != text {
            Cow::Owned(format!("'{text}"))
        } else {
            Cow::Borrowed(text)
        }
    }

    /// Reverses [`Self::in_a_file`]; also parses text without added apostrophes.
    pub fn of_a_file(text: &str) -> Option<Self> {
        armed(text).parse().ok()
    }
}

/// Strips an apostrophe that precedes a formula or another such apostrophe.
fn armed(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(FORMULA) || rest.starts_with('\'') => rest,
        _ => text,
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
    fn a_file_gives_back_what_was_written_and_holds_no_formula() {
        for text in ["u", "=1+1", "+4", "-x", "@x", "'x", "'=x", "''", "''=x", "'", "a=b"] {
            let id: UserId = text.parse().unwrap();
            let written = id.in_a_file();
            assert!(!written.starts_with(FORMULA), "{written}");
            assert_eq!(UserId::of_a_file(&written), Some(id.clone()), "{written}");
        }
        assert_eq!(UserId::of_a_file("=x").unwrap().as_str(), "=x", "somebody else's file");
    }

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
