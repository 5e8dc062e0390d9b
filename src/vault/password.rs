//! Operators' passwords (argon2id) and second factors (TOTP).

use std::sync::Arc;

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

use crate::domain::{Entropy, Secret, Time};

/// How expensive hashing a password is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// 64 MiB and three passes: about 0.2 s on one core (docs/protocol/threats.md §6.8).
    Full,
    /// For tests, which sign in hundreds of times.
    Small,
}

/// Hashes and verifies passwords. Both are slow: never run them on the async runtime. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    params: Params,
    /// Verified against if there is no such operator, so that the time taken does not reveal it.
    nobody: Arc<str>,
}

impl Passwords {
    /// Creates hashes at this cost.
    pub fn new(cost: Cost) -> Self {
        let (memory, passes) = match cost {
            Cost::Full => (64 * 1024, 3),
            Cost::Small => (64, 1),
        };
        let params = Params::new(memory, passes, 1, None).expect("these are within argon2's bounds");
        // No password has this hash: 32 zero bytes. Verifying against it costs as much as against any other.
        let nobody = format!("$argon2id$v=19$m={memory},t={passes},p=1$bm8gb25lIGhhcyB0aGlz$") + &"A".repeat(43);
        Self { params, nobody: Arc::from(nobody) }
    }

    /// The hash to store, as a PHC string with its own salt and cost.
    pub fn hash(&self, password: &Secret, entropy: &Entropy) -> String {
        let mut salt = [0_u8; 16];
        entropy.fill(&mut salt);
        self.argon2()
            .hash_password_with_salt(password.expose().as_bytes(), &salt)
            .expect("a password of at most 128 characters and a salt of 16 bytes can be hashed")
            .to_string()
    }

    /// Whether `password` matches `hash`; without a hash, returns false in the same time.
    pub fn is(&self, password: &Secret, hash: Option<&str>) -> bool {
        let against = hash.unwrap_or(&self.nobody);
        let matches = self.argon2().verify_password(password.expose().as_bytes(), against).is_ok();
        matches && hash.is_some()
    }

    fn argon2(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
    }
}

/// A second factor: a secret shared with the operator's phone, and the codes generated from it (RFC 6238: SHA-1, six
/// digits, 30 seconds, which every authenticator supports).
pub struct SecondFactor(Totp);

impl SecondFactor {
    /// Creates a new one.
    pub fn mint(entropy: &Entropy, issuer: &str, account: &str) -> Self {
        let mut bytes = Zeroizing::new([0_u8; 20]);
        entropy.fill(bytes.as_mut_slice());
        Self::of(bytes.as_slice(), issuer, account).expect("20 bytes are enough for a second factor")
    }

    /// Restores the one with this secret; `None` if the secret is invalid (RFC 4226 §4: at least 128 bits).
    pub fn of(secret: &[u8], issuer: &str, account: &str) -> Option<Self> {
        // A colon separates issuer and account in the address that phones read.
        let plain = |text: &str| text.replace(':', " ");
        Builder::new()
            .with_secret(totp_rs::Secret::from(secret))
            .with_issuer(Some(plain(issuer)))
            .with_account_name(plain(account))
            .build()
            .ok()
            .map(Self)
    }

    /// Restores the one whose secret is written in these letters and digits.
    pub fn of_letters(letters: &Secret, issuer: &str, account: &str) -> Option<Self> {
        let letters = Zeroizing::new(letters.expose().replace(' ', ""));
        let secret = totp_rs::Secret::try_from_base32(letters.as_str()).ok()?;
        Self::of(secret.as_ref(), issuer, account)
    }

    /// The secret, to be sealed.
    pub fn bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.secret().as_ref().to_vec())
    }

    /// The secret as letters and digits, to be typed into a phone.
    pub fn letters(&self) -> Secret {
        Secret::new(self.0.secret().to_base32())
    }

    /// The address that a phone reads from a QR code.
    pub fn address(&self) -> Secret {
        Secret::new(self.0.to_url().unwrap_or_default())
    }

    /// The time step of `code` at `now`, plus or minus one; `None` if the code is wrong. Each step may be used once:
    /// the caller stores the newest step and rejects any that is not newer (RFC 6238 §5.2).
    pub fn step(&self, code: &str, now: Time) -> Option<i64> {
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let seconds = u64::try_from(now.seconds()).ok()?;
        self.0.check(&code, seconds).and_then(|step| i64::try_from(step).ok())
    }

    /// The code at `now`, for tests that simulate a phone.
    pub fn code(&self, now: Time) -> String {
        self.0.generate(u64::try_from(now.seconds()).unwrap_or(0)).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again_and_no_other_is() {
        let entropy = Entropy::seeded(1);
        let passwords = Passwords::new(Cost::Small);
        let secret = |text: &str| Secret::new(text.to_owned());
        let hash = passwords.hash(&secret("correct horse"), &entropy);
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert!(passwords.is(&secret("correct horse"), Some(&hash)));
        assert!(!passwords.is(&secret("Correct horse"), Some(&hash)));
        assert!(!passwords.is(&secret("correct horse"), None));
        assert!(!passwords.is(&secret("correct horse"), Some("not a hash")));
        assert_ne!(hash, passwords.hash(&secret("correct horse"), &entropy), "each has its own salt");
    }

    #[test]
    fn the_full_cost_is_what_the_threat_model_asks() {
        let passwords = Passwords::new(Cost::Full);
        let hash = passwords.hash(&Secret::new("correct horse".to_owned()), &Entropy::seeded(1));
        let cost = "$argon2id$v=19$m=65536,t=3,p=1$";
        assert!(hash.starts_with(cost) && passwords.nobody.starts_with(cost), "{hash}");
        assert_eq!(hash.len() - 22, passwords.nobody.len() - 20, "nobody's hash is as long: the salt has other length");
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // RFC 6238 Appendix B, SHA-1, the last six of the eight digits.
        let factor = SecondFactor::of(b"12345678901234567890", "Cartkey", "ann").unwrap();
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            let now = Time::from_millis(seconds * 1_000);
            assert_eq!(factor.code(now), code);
            assert_eq!(factor.step(code, now), Some(seconds / 30));
            assert_eq!(factor.step(&format!("{} {}", &code[..3], &code[3..]), now), Some(seconds / 30));
            assert_eq!(factor.step(code, now.plus(std::time::Duration::from_secs(30))), Some(seconds / 30));
            assert_eq!(factor.step(code, now.plus(std::time::Duration::from_secs(90))), None);
            assert_eq!(factor.step("", now), None);
        }
    }

    #[test]
    fn what_a_telephone_reads_is_the_same_factor() {
        let made = SecondFactor::mint(&Entropy::seeded(1), "Acme: Keys", "ann");
        let typed = SecondFactor::of_letters(&made.letters(), "x", "y").unwrap();
        let now = Time::from_millis(1_790_000_000_000);
        assert_eq!(typed.code(now), made.code(now));
        assert!(made.address().expose().starts_with("otpauth://totp/"), "an authenticator's address");
        assert!(SecondFactor::of_letters(&Secret::new("short".to_owned()), "x", "y").is_none());
    }
}
