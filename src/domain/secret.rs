//! Secrets, and the fingerprints stored in place of them.
//!
//! A [`Secret`] cannot be shown, sent, compared or stored by accident:
//!
//! ```compile_fail
//! let secret = cartkey::domain::secret::Secret::new("cs_x".to_owned());
//! println!("{secret}");
//! ```
//! ```compile_fail
//! let secret = cartkey::domain::secret::Secret::new("cs_x".to_owned());
//! serde_json::to_string(&secret);
//! ```
//! ```compile_fail
//! let secret = cartkey::domain::secret::Secret::new("cs_x".to_owned());
//! secret == secret;
//! ```
//! ```compile_fail
//! let secret = cartkey::domain::secret::Secret::new("cs_x".to_owned());
//! sqlx::query::<sqlx::Sqlite>("SELECT $1").bind(secret);
//! ```

use std::fmt;

use zeroize::Zeroizing;

/// Text that must not leak by accident. Its memory is wiped when dropped (best effort: moves leave copies).
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text. Only the files listed in `MAY_EXPOSE` (`tests/it/layers.rs`) may call this.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The last seven characters, which WooCommerce also shows in its list of keys (`truncated_key`).
    pub fn last7(&self) -> String {
        let skip = self.0.chars().count().saturating_sub(7);
        self.0.chars().skip(skip).collect()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// The SHA-256 of one of our secrets, which is stored and looked up instead. Our secrets have 256 random bits, so a
/// plain hash is enough (docs/protocol/threats.md §6.7). Created by `vault::fingerprint`.
#[derive(Clone, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct Fingerprint(Vec<u8>);

impl Fingerprint {
    /// Wraps the 32 bytes of the hash.
    pub fn new(sha256: [u8; 32]) -> Self {
        Self(sha256.to_vec())
    }

    /// Its last seven hexadecimal digits, a name for a secret that must not be shown in part.
    pub fn last7(&self) -> String {
        let last = self.0.iter().rev().take(4).rev().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        last.chars().skip(1).collect()
    }

    /// Which of `n` equal shares it falls into, counted from 0.
    pub fn share(&self, n: u16) -> u16 {
        let [first, second] = [0, 1].map(|at| self.0.get(at).copied().unwrap_or_default());
        u16::from_be_bytes([first, second]) % n.max(1)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_says_nothing() {
        assert_eq!(format!("{:?}", Secret::new("cs_0123".to_owned())), "Secret(…)");
    }

    #[test]
    fn last7_is_by_characters() {
        assert_eq!(Secret::new("ck_0123456789".to_owned()).last7(), "3456789");
        assert_eq!(Secret::new("äöü".to_owned()).last7(), "äöü");
    }
}
