//! Randomness, passed in as a parameter.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng, TryRng};

use super::secret::Secret;

/// A source of random bytes. A closed enum, like [`super::time::Clock`].
#[derive(Clone)]
pub enum Entropy {
    /// The operating system's generator.
    System,
    /// A repeatable generator for tests; clones share its state.
    Seeded(Arc<Mutex<StdRng>>),
}

impl Entropy {
    /// Creates a repeatable generator.
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Fills `bytes`. Panics if the operating system has no randomness: continuing would be unsafe.
    pub fn fill(&self, bytes: &mut [u8]) {
        match self {
            Self::System => {
                SysRng.try_fill_bytes(bytes).expect("the operating system always has randomness once it has booted");
            }
            Self::Seeded(rng) => rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes),
        }
    }

    /// Fills `bytes` for an ID, which is unique but not a secret, without a system call each time.
    #[expect(clippy::disallowed_methods, reason = "randomness is handed out here")]
    pub fn fill_id(&self, bytes: &mut [u8]) {
        match self {
            Self::System => rand::rng().fill_bytes(bytes),
            Self::Seeded(_) => self.fill(bytes),
        }
    }

    /// A new secret of 32 random bytes, base64url without padding: 43 of `A–Z a–z 0–9 - _`, which WooCommerce passes on
    /// unchanged (docs/protocol/wc-auth.md §1.2).
    pub fn secret(&self) -> Secret {
        use base64::Engine as _;
        let mut bytes = zeroize::Zeroizing::new([0_u8; 32]);
        self.fill(bytes.as_mut());
        Secret::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes.as_ref()))
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "Entropy::System",
            Self::Seeded(_) => "Entropy::Seeded",
        })
    }
}
