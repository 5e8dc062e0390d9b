//! Typed keys: parses both halves of a key and reports what is wrong with each.

use std::fmt;

use super::key::KeyPair;
use super::secret::Secret;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// `ck_…`
    ConsumerKey,
    /// `cs_…`
    ConsumerSecret,
}

impl Half {
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::ConsumerKey => "ck_",
            Self::ConsumerSecret => "cs_",
        }
    }

    /// Its name in WooCommerce, forms and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConsumerKey => "consumer_key",
            Self::ConsumerSecret => "consumer_secret",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::ConsumerKey => Self::ConsumerSecret,
            Self::ConsumerSecret => Self::ConsumerKey,
        }
    }

    /// Whether `text` has the format of this half. WooCommerce generates 40 hexadecimal digits; forks may differ
    /// slightly (docs/protocol/wc-auth.md §7.3).
    pub fn fits(self, text: &str) -> bool {
        text.strip_prefix(self.prefix())
            .is_some_and(|rest| (20..=128).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric()))
    }

    /// Parses a half; trims white space left over from copying.
    pub fn read(self, typed: &str) -> Result<Secret, NotAHalf> {
        let text = typed.trim();
        if self.fits(text) {
            Ok(Secret::new(text.to_owned()))
        } else if text.is_empty() {
            Err(NotAHalf::Empty(self))
        } else if self.other().fits(text) {
            Err(NotAHalf::Other(self))
        } else if text.starts_with(['…', '.']) || text.strip_prefix(self.prefix()).unwrap_or(text).len() <= 7 {
            Err(NotAHalf::Shortened(self))
        } else {
            Err(NotAHalf::Shape(self))
        }
    }
}

/// Why a text is not the expected half. Never repeats the text: it may be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAHalf {
    Empty(Half),
    Other(Half),
    /// It is the end of a key, as shown in WooCommerce's list.
    Shortened(Half),
    Shape(Half),
}

impl NotAHalf {
    /// The fault of `half` with this code.
    pub fn of_code(half: Half, code: &str) -> Option<Self> {
        [Self::Empty(half), Self::Other(half), Self::Shortened(half), Self::Shape(half)]
            .into_iter()
            .find(|fault| fault.code() == code)
    }

    /// The stable code, used to look up translations.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty(Half::ConsumerKey) => "key_empty",
            Self::Empty(Half::ConsumerSecret) => "secret_empty",
            Self::Other(Half::ConsumerKey) => "key_is_secret",
            Self::Other(Half::ConsumerSecret) => "secret_is_key",
            Self::Shortened(_) => "shortened",
            Self::Shape(Half::ConsumerKey) => "key_shape",
            Self::Shape(Half::ConsumerSecret) => "secret_shape",
        }
    }

    pub const fn half(self) -> Half {
        match self {
            Self::Empty(half) | Self::Other(half) | Self::Shortened(half) | Self::Shape(half) => half,
        }
    }
}

impl fmt::Display for NotAHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty(Half::ConsumerKey) => "Paste the consumer key here; it begins with ck_.",
            Self::Empty(Half::ConsumerSecret) => "Paste the consumer secret here; it begins with cs_.",
            Self::Other(Half::ConsumerKey) => {
                "That is the consumer secret. The consumer key goes here; it begins with ck_."
            }
            Self::Other(Half::ConsumerSecret) => {
                "That is the consumer key. The consumer secret goes here; it begins with cs_."
            }
            Self::Shortened(_) => {
                "That is only the end of a key, as WooCommerce's list shows it. The whole key is shown only once, when it is created: create a new one."
            }
            Self::Shape(Half::ConsumerKey) => {
                "That is not a complete consumer key: ck_ and 40 letters and digits. Copy it again."
            }
            Self::Shape(Half::ConsumerSecret) => {
                "That is not a complete consumer secret: cs_ and 40 letters and digits. Copy it again."
            }
        })
    }
}

impl std::error::Error for NotAHalf {}

/// Parses both halves; returns the errors of both.
pub fn read(key: &str, secret: &str) -> Result<KeyPair, Vec<NotAHalf>> {
    match (Half::ConsumerKey.read(key), Half::ConsumerSecret.read(secret)) {
        (Ok(consumer_key), Ok(consumer_secret)) => Ok(KeyPair { consumer_key, consumer_secret }),
        (key, secret) => Err([key.err(), secret.err()].into_iter().flatten().collect()),
    }
}

/// Parses the user name and the application password that WordPress made for it. Spaces between the password's groups do not
/// count.
pub fn read_password(login: &str, password: &str) -> Option<KeyPair> {
    let password: String = password.split_whitespace().collect();
    // A colon ends the user name in HTTP Basic.
    let is_login = (1..=60).contains(&login.chars().count()) && !login.contains(|c: char| c == ':' || c.is_control());
    let is_password = (16..=128).contains(&password.len()) && password.bytes().all(|byte| byte.is_ascii_graphic());
    (is_login && is_password)
        .then(|| KeyPair { consumer_key: Secret::new(login.to_owned()), consumer_secret: Secret::new(password) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ck_0123456789abcdef0123456789abcdef01234567";
    const SECRET: &str = "cs_0123456789abcdef0123456789abcdef01234567";

    fn faults(key: &str, secret: &str) -> Vec<&'static str> {
        read(key, secret).err().unwrap_or_default().into_iter().map(NotAHalf::code).collect()
    }

    #[test]
    fn what_copying_leaves_around_a_key_is_no_fault() {
        let pair = read(&format!(" \t{KEY}\r\n"), &format!("\u{a0}{SECRET} ")).unwrap();
        assert_eq!((pair.consumer_key.last7(), pair.consumer_secret.last7()), ("1234567".into(), "1234567".into()));
    }

    #[test]
    fn what_is_wrong_is_told_of_each_half_and_never_repeated() {
        assert_eq!(faults(SECRET, KEY), ["key_is_secret", "secret_is_key"]);
        assert_eq!(faults("", " "), ["key_empty", "secret_empty"]);
        assert_eq!(faults("…1234567", "1234567"), ["shortened", "shortened"]);
        assert_eq!(faults(&KEY[..22], &format!("{SECRET} {SECRET}")), ["key_shape", "secret_shape"]);
        assert_eq!(faults(KEY, &SECRET.replace('7', "ä")), ["secret_shape"]);
        for fault in read(&format!("{KEY}!"), &format!("{SECRET}?")).unwrap_err() {
            assert!(!format!("{fault} {fault:?}").contains("abcdef"), "{fault}");
        }
    }
}
