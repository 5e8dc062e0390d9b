//! Webhook signatures: Standard Webhooks, `v1`, HMAC-SHA256.
//!
//! The tests verify the signatures with the specification's own Python library (`scripts/standard-webhooks`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac::{HMAC_SHA256, Key, sign as tag};
use zeroize::Zeroizing;

use super::Unopenable;
use crate::domain::webhook::SECRET_PREFIX;
use crate::domain::{Entropy, Secret, Time};

/// Creates a webhook secret of 32 random bytes.
pub fn mint(entropy: &Entropy) -> Secret {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    entropy.fill(bytes.as_mut());
    Secret::new(format!("{SECRET_PREFIX}{}", Zeroizing::new(STANDARD.encode(bytes.as_ref())).as_str()))
}

/// The value of `webhook-signature`: one signature per secret, so that a receiver with any of them can verify it.
pub fn sign(secrets: &[Secret], id: &str, at: Time, body: &str) -> Result<String, Unopenable> {
    let mut all = Vec::new();
    for secret in secrets {
        let key = secret.expose().strip_prefix(SECRET_PREFIX).and_then(|key| STANDARD.decode(key).ok());
        let key = Key::new(HMAC_SHA256, &Zeroizing::new(key.ok_or(Unopenable)?));
        let signed = format!("{id}.{}.{body}", at.seconds());
        all.push(format!("v1,{}", STANDARD.encode(tag(&key, signed.as_bytes()))));
    }
    Ok(all.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_one_of_the_specification() {
        // The example from the Standard Webhooks libraries.
        let secret = Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".to_owned());
        let body = r#"{"email":"test@example.com","username":"test_user"}"#;
        let at = Time::from_millis(1_649_367_553_999);
        let id = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
        let expected = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
        assert_eq!(sign(std::slice::from_ref(&secret), id, at, body), Ok(expected.to_owned()));
        let other = mint(&Entropy::seeded(7));
        let both = sign(&[other, secret], id, at, body).expect("two");
        assert!(both.ends_with(&format!(" {expected}")) && both.matches("v1,").count() == 2, "{both}");
        assert_eq!(sign(&[Secret::new("whsec_?".to_owned())], id, at, body), Err(Unopenable));
    }

    #[test]
    fn a_secret_has_256_bits_and_the_usual_prefix() {
        let secret = mint(&Entropy::seeded(7));
        let bytes = STANDARD.decode(secret.expose().strip_prefix(SECRET_PREFIX).expect("the prefix"));
        assert_eq!(bytes.map(|bytes| bytes.len()), Ok(32));
    }
}
