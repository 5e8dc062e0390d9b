//! Operator: a person who signs in to the dashboard.

use std::fmt;
use std::str::FromStr;

use super::{Fingerprint, OperatorId, Secret, Time};

/// A sign-in name: 1 to 64 visible characters without spaces, stored in lower case.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct OperatorName(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name must be 1 to 64 characters, without spaces")]
pub struct NotAName;

impl OperatorName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OperatorName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let name = text.trim().to_lowercase();
        let fits = (1..=64).contains(&name.chars().count());
        let visible = name.chars().all(|c| !c.is_whitespace() && !c.is_control());
        if fits && visible { Ok(Self(name)) } else { Err(NotAName) }
    }
}

impl fmt::Display for OperatorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An operator, without credentials.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Operator {
    pub id: OperatorId,
    pub name: OperatorName,
    /// Whether a second factor is required.
    pub second_factor: bool,
    /// When they were added.
    pub created_at: Time,
    /// When their password was last set.
    pub password_at: Time,
    /// When they last signed in.
    pub signed_in_at: Option<Time>,
}

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Session {
    /// The fingerprint of the cookie's secret.
    pub fingerprint: Fingerprint,
    /// Whether the second factor was verified; also true if there is none.
    pub verified: bool,
    /// When it began.
    pub created_at: Time,
    /// When it was last used, rounded to the minute.
    pub seen_at: Time,
    /// When it ends, whether used or not.
    pub expires_at: Time,
    /// The address it was begun from.
    pub came_from: String,
}

/// The minimum length of a password, in characters.
pub const PASSWORD_AT_LEAST: usize = 12;
/// The maximum length of a password, in characters; longer ones cost time and add nothing.
pub const PASSWORD_AT_MOST: usize = 128;

/// Why a new password was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Fewer than [`PASSWORD_AT_LEAST`] or more than [`PASSWORD_AT_MOST`] characters.
    #[error("a password must be 12 to 128 characters long; a few unrelated words are easy to remember")]
    Length,
    #[error("the password contains your name; choose one that does not")]
    Name,
    /// It repeats a few characters, or follows a row of the keyboard.
    #[error("this password is easy to guess; choose a few unrelated words")]
    Simple,
}

/// What people type to fill twelve characters.
const ROWS: [&str; 8] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "98765432109876543210",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1q2w3e4r5t6z7u8i9o0p",
    "1q2w3e4r5t6y7u8i9o0p",
];
/// Common words that add no strength: what remains without them must be long enough.
const COMMON: [&str; 10] =
    ["password", "passwort", "passw0rd", "cartkey", "admin", "letmein", "welcome", "operator", "secret", "woocommerce"];

/// Checks whether `password` may be used by the operator named `name` (docs/protocol/threats.md §6.8: length counts, no
/// composition rules).
pub fn judge_password(password: &Secret, name: &OperatorName) -> Result<(), WeakPassword> {
    let text = password.expose().to_lowercase();
    let length = text.chars().count();
    if !(PASSWORD_AT_LEAST..=PASSWORD_AT_MOST).contains(&length) {
        return Err(WeakPassword::Length);
    }
    let own = name.as_str().split('@').next().unwrap_or_default();
    if own.chars().count() >= 4 && text.contains(own) {
        return Err(WeakPassword::Name);
    }
    let mut left = text;
    for word in COMMON {
        left = left.replace(word, "");
    }
    for row in ROWS {
        // Any sufficiently long part of a row, the longest first.
        for length in (4..=row.len()).rev() {
            for start in 0..=row.len() - length {
                left = left.replace(&row[start..start + length], "");
            }
        }
    }
    let mut different: Vec<char> = left.chars().collect();
    different.sort_unstable();
    different.dedup();
    if left.chars().count() < 6 || different.len() < 5 { Err(WeakPassword::Simple) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_in_lower_case() {
        assert_eq!(
            " Ann@Example.com ".parse::<OperatorName>().map(|n| n.to_string()),
            Ok("ann@example.com".to_owned())
        );
        for bad in ["", "  ", "ann smith", "a\u{7}", &"x".repeat(65)] {
            assert!(bad.parse::<OperatorName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn passwords_that_are_easy_to_guess_are_refused() {
        let name: OperatorName = "annabel".parse().unwrap();
        let judge = |text: &str| judge_password(&Secret::new(text.to_owned()), &name);
        assert_eq!(judge("elevenchars"), Err(WeakPassword::Length));
        assert_eq!(judge(&"x".repeat(129)), Err(WeakPassword::Length));
        assert_eq!(judge("my Annabel is 7"), Err(WeakPassword::Name));
        for bad in [
            "aaaaaaaaaaaaaa",
            "abababababab",
            "123456789012",
            "qwertyuiop12",
            "passwordpassword",
            "Password1234",
            "cartkey-admin",
        ] {
            assert_eq!(judge(bad), Err(WeakPassword::Simple), "{bad}");
        }
        assert_eq!(judge("correct horse battery"), Ok(()));
        assert_eq!(judge("三十二個の文字を並べたもの"), Ok(()));
    }
}
