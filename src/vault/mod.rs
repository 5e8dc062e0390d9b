//! Cryptography only: sealing stored values, and the fingerprints stored in place of tokens.
//!
//! AES-256-GCM from ring, which is already a dependency as the rustls provider. Nonces are 96 random bits: a ring key
//! may seal 2³² values before two nonces are likely to collide (NIST SP 800-38D §8.3), far more than there are stores.

mod key_ring;
pub mod password;
mod place;
mod ring_source;
pub mod signature;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use base64::Engine as _;
use ring::aead::{self, Aad, LessSafeKey, NONCE_LEN, Nonce};
use ring::hmac;
use zeroize::Zeroizing;

use crate::domain::sealed::key_header;
use crate::domain::{Entropy, Fingerprint, KeyPair, Secret};

pub use key_ring::{KeyRing, RingFault};
pub use place::Place;
pub use ring_source::RingSource;

/// The current layout version, the first byte of a sealed value. Never reuse a number. An older program opens no newer layout, so
/// every old process must be stopped before a release that changes it starts.
pub const VERSION: u8 = 2;
/// The previous layout, which is not bound to the merchant. Such values still open, and are resealed wherever they are
/// found.
const WITHOUT_USER: u8 = 1;

/// A sealed value cannot be opened: it was changed or moved, or its ring key is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open: it was changed, moved, or sealed under a key that is not in the ring")]
pub struct Unopenable;

/// Seals and opens values with the key ring. Cheap to clone.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    instance: String,
    /// The first key seals; all keys open. A rekey adds keys and changes which is first, for all clones.
    keys: RwLock<Vec<(String, LessSafeKey)>>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("keys", &self.key_ids()).finish_non_exhaustive()
    }
}

impl Vault {
    /// Creates a vault for the installation named `instance`.
    pub fn new(instance: &str, ring: &KeyRing) -> Self {
        Self(Arc::new(Inner { instance: instance.to_owned(), keys: RwLock::new(ring.iter().map(usable).collect()) }))
    }

    /// A vault of the same installation with another ring.
    #[must_use]
    pub fn beside(&self, ring: &KeyRing) -> Self {
        Self::new(&self.0.instance, ring)
    }

    /// The IDs of the ring's keys; the first one seals.
    pub fn key_ids(&self) -> Vec<String> {
        self.keys().iter().map(|(id, _)| id.clone()).collect()
    }

    /// Whether the ring has a key with this ID.
    pub fn has(&self, id: &str) -> bool {
        self.keys().iter().any(|(known, _)| known == id)
    }

    /// Lets the key named `id` seal from now on; false if the ring has no such key.
    pub fn seal_from_now_on_with(&self, id: &str) -> bool {
        let mut keys = self.0.keys.write().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = keys.iter().position(|(known, _)| known == id) else { return false };
        keys[..=at].rotate_right(1);
        true
    }

    /// Adds the keys of `ring` whose IDs are new; they open values, but do not seal.
    pub fn add(&self, ring: &KeyRing) {
        let mut keys = self.0.keys.write().unwrap_or_else(PoisonError::into_inner);
        for new in ring.iter() {
            if !keys.iter().any(|(known, _)| known == new.0) {
                keys.push(usable(new));
            }
        }
    }

    /// The first bytes of every value that is sealed from now on: the current layout, and the ID of the sealing key.
    pub fn current_header(&self) -> Vec<u8> {
        let keys = self.keys();
        let (id, _) = keys.first().expect("a ring has at least one key");
        [&[VERSION], key_header(id).as_slice()].concat()
    }

    fn keys(&self) -> RwLockReadGuard<'_, Vec<(String, LessSafeKey)>> {
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seals `plain` for `place` with the ring's first key.
    pub fn seal(&self, entropy: &Entropy, place: &Place<'_>, plain: &[u8]) -> Vec<u8> {
        let keys = self.keys();
        let (id, key) = keys.first().expect("a ring has at least one key");
        self.seal_under(entropy, place, plain, id, key)
    }

    /// Seals `plain` with the key named `id`, to prove that ring and database belong together; `None` if the ring has
    /// no such key.
    pub fn seal_with(&self, entropy: &Entropy, place: &Place<'_>, plain: &[u8], id: &str) -> Option<Vec<u8>> {
        let keys = self.keys();
        let (id, key) = keys.iter().find(|(known, _)| known == id)?;
        Some(self.seal_under(entropy, place, plain, id, key))
    }

    /// Opens a value sealed for `place`.
    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopenable> {
        let (version, id, rest) = split_header(sealed).ok_or(Unopenable)?;
        let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or(Unopenable)?;
        let keys = self.keys();
        let (_, key) = keys.iter().find(|(known, _)| known.as_bytes() == id).ok_or(Unopenable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unopenable)?;
        let mut buffer = Zeroizing::new(text.to_vec());
        let bound = Aad::from(self.bound(version, place, id));
        let length = key.open_in_place(nonce, bound, &mut buffer).map_err(|_| Unopenable)?.len();
        buffer.truncate(length);
        Ok(buffer)
    }

    /// Reseals a value sealed for `place`, in the current layout and with the ring's first key.
    pub fn reseal(&self, entropy: &Entropy, place: &Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, Unopenable> {
        Ok(self.seal(entropy, place, &self.open(place, sealed)?))
    }

    /// Seals both halves of a key as one value.
    pub fn seal_pair(&self, entropy: &Entropy, place: &Place<'_>, pair: &KeyPair) -> Vec<u8> {
        let plain = Zeroizing::new(format!("{}\n{}", pair.consumer_key.expose(), pair.consumer_secret.expose()));
        self.seal(entropy, place, plain.as_bytes())
    }

    /// Opens a value sealed by [`Self::seal_pair`].
    pub fn open_pair(&self, place: &Place<'_>, sealed: &[u8]) -> Result<KeyPair, Unopenable> {
        let plain = self.open(place, sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| Unopenable)?;
        let (key, secret) = text.split_once('\n').ok_or(Unopenable)?;
        Ok(KeyPair { consumer_key: Secret::new(key.to_owned()), consumer_secret: Secret::new(secret.to_owned()) })
    }

    pub fn seal_secret(&self, entropy: &Entropy, place: &Place<'_>, secret: &Secret) -> Vec<u8> {
        self.seal(entropy, place, secret.expose().as_bytes())
    }

    /// Opens a value sealed by [`Self::seal_secret`].
    pub fn open_secret(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Secret, Unopenable> {
        let plain = self.open(place, sealed)?;
        Ok(Secret::new(std::str::from_utf8(&plain).map_err(|_| Unopenable)?.to_owned()))
    }

    /// The identity under which the store at `home` lists the application passwords made for this merchant: a UUID that is the
    /// same each time, different for each connection, and reveals nothing.
    pub fn app_id(&self, home: &str, user: &str) -> String {
        let place = Place { table: "stores", row: "", field: "app_id", origin: home, user };
        let digest = ring::digest::digest(&ring::digest::SHA256, &self.bound(VERSION, &place, b""));
        let mut bytes: [u8; 16] = std::array::from_fn(|at| digest.as_ref()[at]);
        // Version 8 (RFC 9562 §5.8): a UUID of the maker's own kind.
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    fn seal_under(&self, entropy: &Entropy, place: &Place<'_>, plain: &[u8], id: &str, key: &LessSafeKey) -> Vec<u8> {
        let mut nonce = [0_u8; NONCE_LEN];
        entropy.fill(&mut nonce);
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&key_header(id));
        sealed.extend_from_slice(&nonce);
        let mut text = Zeroizing::new(plain.to_vec());
        let bound = Aad::from(self.bound(VERSION, place, id.as_bytes()));
        let tag = key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), bound, &mut text)
            .expect("what is sealed here is far below AES-GCM's limit of 64 GiB");
        sealed.extend_from_slice(&text);
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// The associated data. Each part is prefixed with its length, so no two places or versions produce the same bytes.
    fn bound(&self, version: u8, place: &Place<'_>, key_id: &[u8]) -> Vec<u8> {
        let before: [&[u8]; 6] = [
            if version == WITHOUT_USER { b"cartkey/v1" } else { b"cartkey/v2" },
            self.0.instance.as_bytes(),
            place.table.as_bytes(),
            place.row.as_bytes(),
            place.field.as_bytes(),
            place.origin.as_bytes(),
        ];
        let user = (version != WITHOUT_USER).then_some(place.user.as_bytes());
        let mut bound = Vec::with_capacity(256);
        for part in before.into_iter().chain(user).chain([key_id]) {
            bound.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bound.extend_from_slice(part);
        }
        bound
    }
}

fn usable((id, bytes): (&str, &[u8])) -> (String, LessSafeKey) {
    let key = aead::UnboundKey::new(&aead::AES_256_GCM, bytes).expect("a ring key has 32 bytes");
    (id.to_owned(), LessSafeKey::new(key))
}

/// The ID of the ring key that sealed this value; `None` if it is not a sealed value.
pub fn sealed_under(sealed: &[u8]) -> Option<&str> {
    split_header(sealed).and_then(|(_, id, _)| std::str::from_utf8(id).ok())
}

/// Whether a value was sealed in an older layout.
pub fn is_older(sealed: &[u8]) -> bool {
    sealed.first().is_some_and(|version| *version < VERSION)
}

/// The hash that is stored and looked up in place of one of our secrets.
pub fn fingerprint(secret: &Secret) -> Fingerprint {
    let digest = ring::digest::digest(&ring::digest::SHA256, secret.expose().as_bytes());
    let mut bytes = [0_u8; 32];
    bytes.copy_from_slice(digest.as_ref());
    Fingerprint::new(bytes)
}

/// The SHA-256 of all `parts`, as text. Each part is prefixed with its length, so no other parts have the same hash.
pub fn hash_of(parts: &[&[u8]]) -> String {
    let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
    for part in parts {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash.finish())
}

/// A secret derived from `secret` that does not reveal it: one for each `purpose` and `id`.
pub fn derive(secret: &Secret, purpose: &str, id: &str) -> Secret {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let tag = hmac::sign(&key, format!("cartkey {purpose} {id}").as_bytes());
    Secret::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

/// The form token of a session: derived from the session's secret, without revealing it.
pub fn form_token(session: &Secret) -> Secret {
    let text = Zeroizing::new(format!("cartkey form {}", session.expose()));
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    Secret::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest.as_ref()))
}

/// The version, the ring key's ID, and the rest.
fn split_header(sealed: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    match sealed {
        [version @ (WITHOUT_USER | VERSION), length, rest @ ..] => {
            let (id, rest) = rest.split_at_checked(usize::from(*length))?;
            Some((*version, id, rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::sealed::Sealed;

    const HERE: Place<'static> =
        Place { table: "keys", row: "ky_1", field: "sealed", origin: "https://shop.example", user: "merchant-1" };

    fn vault(seed: u64) -> (Vault, Entropy) {
        let entropy = Entropy::seeded(seed);
        (Vault::new("instance", &KeyRing::mint(&entropy)), entropy)
    }

    #[test]
    fn a_derived_secret_is_of_one_purpose_one_id_and_one_secret() {
        let (one, other) = (Secret::new("a".repeat(43)), Secret::new("b".repeat(43)));
        let derived = derive(&one, "state", "at_1");
        assert_eq!(fingerprint(&derived), fingerprint(&derive(&one, "state", "at_1")));
        assert_eq!(derived.expose().len(), 43);
        for different in
            [derive(&one, "callback", "at_1"), derive(&one, "state", "at_2"), derive(&other, "state", "at_1")]
        {
            assert_ne!(fingerprint(&derived), fingerprint(&different));
        }
        assert_ne!(fingerprint(&derived), fingerprint(&form_token(&one)));
    }

    #[test]
    fn each_connection_has_an_app_id_of_its_own_that_stays() {
        let (vault, _) = vault(1);
        let id = vault.app_id("https://shop.example", "merchant-1");
        assert_eq!(id, vault.app_id("https://shop.example", "merchant-1"));
        assert_ne!(id, vault.app_id("https://shop.example", "merchant-2"));
        assert_ne!(id, vault.app_id("https://other.example", "merchant-1"));
        // WordPress takes a UUID in lower case.
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert!(id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-')), "{id}");
    }

    #[test]
    fn every_single_bit_flip_is_refused() {
        let (vault, entropy) = vault(1);
        let sealed = vault.seal(&entropy, &HERE, b"ck_0123456789\ncs_0123456789");
        for bit in 0..sealed.len() * 8 {
            let mut bent = sealed.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(vault.open(&HERE, &bent).err(), Some(Unopenable), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(vault.open(&HERE, &sealed[..length]).err(), Some(Unopenable), "cut at {length}");
        }
    }

    #[test]
    fn a_value_opens_only_where_it_belongs() {
        let (vault, entropy) = vault(2);
        let sealed = vault.seal(&entropy, &HERE, b"x");
        assert!(vault.open(&HERE, &sealed).is_ok());
        for elsewhere in [
            Place { table: "grants", ..HERE },
            Place { row: "ky_2", ..HERE },
            Place { field: "other", ..HERE },
            Place { origin: "https://evil.example", ..HERE },
            Place { user: "merchant-2", ..HERE },
            Place { user: "", ..HERE },
            Place { table: "key", row: "sky_1", ..HERE },
            Place { origin: "https://shop.examplem", user: "erchant-1", ..HERE },
        ] {
            assert!(vault.open(&elsewhere, &sealed).is_err(), "{elsewhere:?}");
        }
        let other = Vault::new("another", &KeyRing::mint(&Entropy::seeded(2)));
        assert!(other.open(&HERE, &sealed).is_err(), "another installation with the same ring");
    }

    /// Seals as version 1 did.
    fn seal_without_user(vault: &Vault, entropy: &Entropy, place: &Place<'_>, plain: &[u8]) -> Vec<u8> {
        let (id, key) = &vault.keys()[0];
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        let mut text = plain.to_vec();
        let bound = Aad::from(vault.bound(WITHOUT_USER, place, id.as_bytes()));
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound, &mut text).unwrap();
        let length = u8::try_from(id.len()).unwrap();
        [&[WITHOUT_USER, length], id.as_bytes(), &nonce, &text].concat()
    }

    #[test]
    fn what_version_1_sealed_opens_in_its_place_and_is_sealed_anew_for_its_merchant() {
        let (vault, entropy) = vault(7);
        let old = seal_without_user(&vault, &entropy, &HERE, b"x");
        for elsewhere in [
            Place { table: "grants", ..HERE },
            Place { row: "ky_2", ..HERE },
            Place { field: "other", ..HERE },
            Place { origin: "https://evil.example", ..HERE },
        ] {
            assert!(vault.open(&elsewhere, &old).is_err(), "{elsewhere:?}");
            assert!(vault.reseal(&entropy, &elsewhere, &old).is_err(), "{elsewhere:?}");
        }
        let new = vault.reseal(&entropy, &HERE, &old).unwrap();
        assert_eq!((new[0], vault.open(&HERE, &new).unwrap().as_slice()), (VERSION, b"x".as_slice()));
        assert!(vault.open(&Place { user: "merchant-2", ..HERE }, &new).is_err());
    }

    #[test]
    fn no_version_opens_as_another() {
        let (vault, entropy) = vault(8);
        let no_user = Place { user: "", ..HERE };
        for place in [HERE, no_user] {
            let sealed = [seal_without_user(&vault, &entropy, &place, b"x"), vault.seal(&entropy, &place, b"x")];
            for right in sealed {
                for version in 0..=u8::MAX {
                    let mut bent = right.clone();
                    bent[0] = version;
                    assert_eq!(vault.open(&place, &bent).is_ok(), version == right[0], "{version} for {}", right[0]);
                }
            }
        }
    }

    #[test]
    fn no_two_places_read_alike() {
        let (vault, entropy) = vault(9);
        let row = "ky_1";
        let places: Vec<_> = Sealed::ALL.into_iter().map(|what| (what, Place::of(what, row, "a", "b"))).collect();
        for (what, place) in &places {
            let sealed = vault.seal(&entropy, place, b"x");
            for (other, elsewhere) in &places {
                let one_column = |what| matches!(what, Sealed::WebhookSecret | Sealed::OldWebhookSecret);
                let same = what == other || (one_column(*what) && one_column(*other));
                assert_eq!(vault.open(elsewhere, &sealed).is_ok(), same, "{what:?} as {other:?}");
            }
            assert!(vault.open(&Place::ring_proof(row), &sealed).is_err());
        }
    }

    #[test]
    fn an_older_key_opens_and_the_first_seals() {
        let entropy = Entropy::seeded(3);
        let old = KeyRing::mint(&entropy);
        let sealed = Vault::new("i", &old).seal(&entropy, &HERE, b"x");
        let (id, _) = old.iter().next().expect("one key");
        let old_line = old.to_text();
        let new_line = KeyRing::mint(&entropy).to_text();
        let both = KeyRing::parse(&format!("{}{}", new_line.expose(), old_line.expose())).expect("a ring of two");
        let vault = Vault::new("i", &both);
        assert!(vault.open(&HERE, &sealed).is_ok());
        assert_eq!(sealed_under(&sealed), Some(id));
        assert_ne!(sealed_under(&vault.seal(&entropy, &HERE, b"x")), Some(id));
    }

    #[test]
    fn another_key_seals_from_now_on_in_every_clone() {
        let entropy = Entropy::seeded(3);
        let (vault, _) = vault(3);
        let clone = vault.clone();
        let sealed = vault.seal(&entropy, &HERE, b"x");
        let old = vault.key_ids().remove(0);
        let new = KeyRing::mint(&entropy);
        let id = new.iter().next().expect("one key").0.to_owned();
        assert!(!vault.seal_from_now_on_with(&id), "it is not in the ring");
        vault.add(&new);
        vault.add(&new);
        assert_eq!(clone.key_ids(), [old.clone(), id.clone()]);
        assert!(vault.seal_from_now_on_with(&id));
        assert_eq!(clone.key_ids(), [id.clone(), old]);
        let anew = clone.reseal(&entropy, &HERE, &sealed).expect("the old key opens");
        assert!(anew.starts_with(&clone.current_header()) && sealed_under(&anew) == Some(&id));
        assert!(!sealed.starts_with(&clone.current_header()));
    }

    #[test]
    fn two_seals_of_one_value_differ() {
        let (vault, entropy) = vault(4);
        assert_ne!(vault.seal(&entropy, &HERE, b"x"), vault.seal(&entropy, &HERE, b"x"));
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(plain in proptest::collection::vec(any::<u8>(), 0..300), row in "\\PC{0,20}", origin in "\\PC{0,20}") {
            let (vault, entropy) = vault(5);
            let place = Place { row: &row, origin: &origin, ..HERE };
            let sealed = vault.seal(&entropy, &place, &plain);
            prop_assert_eq!(&*vault.open(&place, &sealed).expect("it opens"), &plain);
        }

        #[test]
        fn opening_noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (vault, _) = vault(6);
            prop_assert!(vault.open(&HERE, &noise).is_err());
        }
    }
}
