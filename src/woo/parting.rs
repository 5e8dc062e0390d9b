//! Asks a store whether it still knows a key of which only the consumer key is left.
//!
//! With a made-up secret it opens nothing. WooCommerce looks a key up before it looks at the secret, so that a store which
//! knows the key refuses the secret, and one which does not refuses the key (docs/protocol/wc-auth.md §5.2).

use super::answer::{self, Heard, Meaning, Refusal};
use super::check::{Asking, Stop, made_up};
use super::http::Client;
use crate::domain::key::{AuthMethod, KeyPair};
use crate::domain::secret::Secret;
use crate::domain::store_url::StoreUrl;
use crate::domain::verdict::Verdict;

/// What the store at `home` says of `consumer_key`: [`Verdict::KeyRejected`] when the key is gone,
/// [`Verdict::SecretRejected`] when it is still there, anything else when the store could not be asked.
///
/// A store that passes plain keys over says the same of a key that is gone. So gone it is only where both agree: the way
/// in which the store took the key does not find it, and a signature by it is refused with the words that a key which was
/// never made is refused with.
pub async fn ask(client: &Client, home: &StoreUrl, consumer_key: Secret, took: AuthMethod) -> Verdict {
    let pair = KeyPair { consumer_key, consumer_secret: made_up(client, "cs_") };
    let asking = Asking { client, home, pair: &pair };
    match is_known(&asking, took).await {
        Ok(true) => Verdict::SecretRejected,
        Ok(false) => Verdict::KeyRejected,
        Err(stop) => stop.verdict,
    }
}

async fn is_known(asking: &Asking<'_>, took: AuthMethod) -> Result<bool, Stop> {
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
    // Both texts are in the site's own language, so they are compared with each other and with nothing else.
    Ok(signed(asking).await? != signed(&control).await?)
}

async fn signed(asking: &Asking<'_>) -> Result<Refusal, Stop> {
    let refused = refusal(asking, AuthMethod::Oauth1).await?;
    match refused.meaning() {
        Meaning::AuthenticationError => Ok(refused),
        other => Err(unheard(other)),
    }
}

/// A pair whose secret was made up is always refused by WooCommerce; what is not its refusal is in the way of it.
async fn refusal(asking: &Asking<'_>, how: AuthMethod) -> Result<Refusal, Stop> {
    let reply = asking.light(asking.pair, how).await?;
    match answer::hear(&reply) {
        Heard::Refused(refusal) => Ok(refusal),
        other => Err(asking.read_trouble(&other, &reply).await),
    }
}

fn unheard(meaning: Meaning) -> Stop {
    match meaning {
        Meaning::Other(verdict) => verdict.into(),
        Meaning::NoRoute => Verdict::NoWooCommerce.into(),
        // Plain keys and signatures are dropped on the way: nothing that is said is about the key.
        Meaning::Anonymous => Verdict::HeaderStripped.into(),
        Meaning::AuthenticationError | Meaning::RoleLost => Verdict::AnswerUnreadable.into(),
    }
}
