//! Checks whether a store still knows a key of which only the consumer key is stored, and deletes an application password, which
//! is stored until that is done.
//!
//! A consumer key is sent with a made-up secret, so it grants no access. WooCommerce looks up the key before it checks the secret:
//! a store that knows the key rejects the secret, and one that does not rejects the key (docs/protocol/wc-auth.md
//! §5.2).

use super::answer::{self, Heard, Meaning, Refusal};
use super::application_password;
use super::http::Client;
use super::ladder::{Asking, Stop, made_up};
use crate::domain::{AuthMethod, KeyPair, RestBase, Secret, StoreUrl, Verdict};

/// A former consumer key, with a made-up secret.
pub fn without_secret(client: &Client, consumer_key: Secret) -> KeyPair {
    KeyPair { consumer_key, consumer_secret: made_up(client, "cs_") }
}

/// Returns [`Verdict::KeyRejected`] if the store at `home`, whose API was at `rest`, no longer knows the key, or has just deleted the
/// application password, [`Verdict::SecretRejected`]
/// if it still does, and any other verdict if the store could not be checked.
///
/// A store that ignores plain keys answers the same as if the key were gone. So the key counts as gone only if two
/// checks agree: the method by which the store accepted the key does not find it, and a signature by it is rejected
/// with the same message as one by a key that never existed.
pub async fn ask(client: &Client, home: &StoreUrl, rest: &RestBase, pair: &KeyPair, took: AuthMethod) -> Verdict {
    let asking = Asking { client, home, rest, pair };
    let mut known = is_known(&asking, took).await;
    if let Err(stop) = &known
        && let Some(other) = stop.other_rest(client, home, rest).await
    {
        let rest = if other.is_query() && took != AuthMethod::ApplicationPassword {
            RestBase::plain_marked(home)
        } else {
            other
        };
        known = is_known(&Asking { rest: &rest, ..asking }, took).await;
    }
    match known {
        Ok(true) => Verdict::SecretRejected,
        Ok(false) => Verdict::KeyRejected,
        Err(stop) => stop.verdict,
    }
}

async fn is_known(asking: &Asking<'_>, took: AuthMethod) -> Result<bool, Stop> {
    if took == AuthMethod::ApplicationPassword {
        return application_password::revoke(asking).await;
    }
    if matches!(took, AuthMethod::Basic | AuthMethod::Query) {
        match refusal(asking, took).await?.meaning() {
            Meaning::AuthenticationError => return Ok(true),
            Meaning::Anonymous => {}
            other => return Err(unheard(other)),
        }
    }
    let never_made =
        KeyPair { consumer_key: made_up(asking.client, "ck_"), consumer_secret: made_up(asking.client, "cs_") };
    let control = Asking { pair: &never_made, ..*asking };
    // Both messages are in the site's own language, so they are compared only with each other.
    Ok(signed(asking).await? != signed(&control).await?)
}

async fn signed(asking: &Asking<'_>) -> Result<Refusal, Stop> {
    let refused = refusal(asking, AuthMethod::Oauth1).await?;
    match refused.meaning() {
        Meaning::AuthenticationError => Ok(refused),
        other => Err(unheard(other)),
    }
}

/// WooCommerce always rejects a pair with a made-up secret; any other answer came from something in front of it.
async fn refusal(asking: &Asking<'_>, how: AuthMethod) -> Result<Refusal, Stop> {
    let reply = asking.light(asking.pair, how).await?;
    match answer::hear(&reply) {
        Heard::Refused(refusal) => Ok(refusal),
        other => Err(asking.read_trouble(&other, &reply)),
    }
}

fn unheard(meaning: Meaning) -> Stop {
    match meaning {
        Meaning::Other(verdict) => verdict.into(),
        Meaning::NoRoute => Verdict::NoWooCommerce.into(),
        // Plain keys and signatures are dropped on the way, so no answer is about the key.
        Meaning::Anonymous => Verdict::HeaderStripped.into(),
        Meaning::AuthenticationError | Meaning::RoleLost => Verdict::AnswerUnreadable.into(),
    }
}
