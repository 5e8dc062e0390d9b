//! OAuth 1.0a signatures (RFC 5849 §3.4), for stores whose PHP does not see https.

use base64::Engine as _;
use ring::hmac;

use super::encode::encode;

/// The two HMACs that WooCommerce accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// RFC 5849's own; used here for its published examples.
    Sha1,
    /// The one we send.
    Sha256,
}

impl Digest {
    /// The value of `oauth_signature_method`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "HMAC-SHA1",
            Self::Sha256 => "HMAC-SHA256",
        }
    }
}

/// The signature base string (§3.4.1): `method` in capitals, `uri` without query and default port, `parameters`
/// unencoded, including all `oauth_…` ones except the signature.
pub fn base_string(method: &str, uri: &str, parameters: &[(String, String)]) -> String {
    let mut encoded: Vec<(String, String)> = parameters.iter().map(|(n, v)| (encode(n), encode(v))).collect();
    encoded.sort();
    let pairs: Vec<String> = encoded.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{method}&{}&{}", encode(uri), encode(&pairs.join("&")))
}

/// The signature of a base string, in base64 (§3.4.2). In one-legged calls the token secret is empty.
pub fn signature(digest: Digest, base_string: &str, consumer_secret: &str, token_secret: &str) -> String {
    let algorithm = match digest {
        Digest::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Digest::Sha256 => hmac::HMAC_SHA256,
    };
    let both = zeroize::Zeroizing::new(format!("{}&{}", encode(consumer_secret), encode(token_secret)));
    let tag = hmac::sign(&hmac::Key::new(algorithm, both.as_bytes()), base_string.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn the_base_string_of_rfc_5849_3_4_1_1() {
        let parameters = pairs(&[
            ("b5", "=%3D"),
            ("a3", "a"),
            ("c@", ""),
            ("a2", "r b"),
            ("oauth_consumer_key", "9djdj82h48djs9d2"),
            ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"),
            ("c2", ""),
            ("a3", "2 q"),
        ]);
        assert_eq!(
            base_string("POST", "http://example.com/request", &parameters),
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D\
             %26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a\
             %26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
        );
    }

    #[test]
    fn the_signatures_of_rfc_5849_1_2() {
        let common = [("oauth_consumer_key", "dpf43f3p2l4k3l03"), ("oauth_signature_method", "HMAC-SHA1")];
        let sign = |method: &str, uri: &str, own: &[(&str, &str)], token_secret: &str| {
            let parameters = pairs(&[&common, own].concat());
            signature(Digest::Sha1, &base_string(method, uri, &parameters), "kd94hf93k423kf44", token_secret)
        };
        let initiate = [
            ("oauth_timestamp", "137131200"),
            ("oauth_nonce", "wIjqoS"),
            ("oauth_callback", "http://printer.example.com/ready"),
        ];
        let token = [
            ("oauth_token", "hh5s93j4hdidpola"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "walatlh"),
            ("oauth_verifier", "hfdp7dh39dks9884"),
        ];
        let photos = [
            ("oauth_token", "nnch734d00sl2jdk"),
            ("oauth_timestamp", "137131202"),
            ("oauth_nonce", "chapoH"),
            ("file", "vacation.jpg"),
            ("size", "original"),
        ];
        assert_eq!(sign("POST", "https://photos.example.net/initiate", &initiate, ""), "74KNZJeDHnMBp0EMJ9ZHt/XKycU=");
        assert_eq!(
            sign("POST", "https://photos.example.net/token", &token, "hdhd0244k9j7ao03"),
            "gKgrFCywp7rO0OXSjdot/IHF7IU="
        );
        assert_eq!(
            sign("GET", "http://photos.example.net/photos", &photos, "pfkkdhi9sl3r4s00"),
            "MdpQcU8iPSUjWoN/UDMsK2sui9I="
        );
    }

    #[test]
    fn hmac_sha256_agrees_with_rfc_4231() {
        // Test case 2 of RFC 4231 has the key "Jefe"; our keys always end in "&", so this tests the raw primitive.
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"Jefe"), b"what do ya want for nothing?");
        let in_base64 = base64::engine::general_purpose::STANDARD.encode(tag);
        assert_eq!(in_base64, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    }
}
