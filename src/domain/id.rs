//! Ids: a prefix that a person recognises in a log, then a ULID in lower case.
//!
//! A ULID sorts by the time it was minted, so paging by id is paging by age. Ids are names, never keys to
//! anything: what opens a door is a [`super::secret::Secret`] and is kept only as its fingerprint.

use std::fmt;
use std::str::FromStr;

use super::entropy::Entropy;
use super::time::Time;

/// The text is not an id of this kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAnId {
    /// The prefix that was expected, such as `st`.
    pub prefix: &'static str,
}

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected an id like {}_01jd0000000000000000000000", self.prefix)
    }
}

impl std::error::Error for NotAnId {}

fn mint(prefix: &str, now: Time, entropy: &Entropy) -> String {
    let mut random = [0_u8; 16];
    entropy.fill(&mut random);
    let ulid = ulid::Ulid::from_parts(millis(now), u128::from_le_bytes(random));
    format!("{prefix}_{}", ulid.to_string().to_ascii_lowercase())
}

/// A ULID counts milliseconds from 1970 on, in 48 bits.
fn millis(at: Time) -> u64 {
    u64::try_from(at.millis()).unwrap_or(0).min((1 << 48) - 1)
}

fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).is_some_and(|ulid| {
        ulid.len() == 26
            && ulid.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            && ulid::Ulid::from_string(ulid).is_ok()
    })
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, sqlx::Type)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(String);

        impl $name {
            /// What every such id begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A new id, sorted after every id minted in an earlier millisecond.
            pub fn mint(now: Time, entropy: &Entropy) -> Self {
                Self(mint($prefix, now, entropy))
            }

            /// The least id that can be minted at this moment: a range of time is a range of ids.
            pub fn least(at: Time) -> Self {
                let ulid = ulid::Ulid::from_parts(millis(at), 0);
                Self(format!("{}_{}", $prefix, ulid.to_string().to_ascii_lowercase()))
            }

            /// When it was minted.
            pub fn minted_at(&self) -> Time {
                let ulid = self.0.rsplit('_').next().and_then(|ulid| ulid::Ulid::from_string(ulid).ok());
                Time::from_millis(ulid.map_or(0, |ulid| i64::try_from(ulid.timestamp_ms()).unwrap_or(i64::MAX)))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                if is_id(text, $prefix) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(NotAnId { prefix: $prefix })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// Names a link.
    LinkId = "ln";
    /// Names an attempt; it stands in the return address, so it opens nothing by itself.
    AttemptId = "at";
    /// Names one received grant.
    GrantId = "gr";
    /// Names a store; a reconnect keeps it.
    StoreId = "st";
    /// Names one version of a store's key.
    KeyId = "ky";
    /// Names a service token.
    TokenId = "tk";
    /// Names an operator.
    OperatorId = "op";
    /// Names a webhook.
    WebhookId = "wh";
    /// Names one delivery of an event to a webhook.
    DeliveryId = "dl";
    /// Names one request, in the log and on every error that leaves.
    RequestId = "rq";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_others_do_not() {
        let entropy = Entropy::seeded(7);
        let id = StoreId::mint(Time::from_millis(1_700_000_000_000), &entropy);
        assert_eq!(id.as_str().parse::<StoreId>(), Ok(id.clone()));
        assert!(id.as_str().parse::<LinkId>().is_err(), "a store's id is not a link's");
        for bad in [
            "",
            "st_",
            "st_zz",
            "ST_01jd0000000000000000000000",
            "st_01JD0000000000000000000000",
            "st_01jd000000000000000000000é",
        ] {
            assert!(bad.parse::<StoreId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_sort_by_the_time_they_were_minted() {
        let entropy = Entropy::seeded(7);
        let early = TokenId::mint(Time::from_millis(1_000), &entropy);
        let late = TokenId::mint(Time::from_millis(1_001), &entropy);
        assert!(early < late);
    }

    #[test]
    fn a_moment_has_a_least_id_that_sorts_before_all_others_of_it() {
        let entropy = Entropy::seeded(7);
        let (moment, next) = (Time::from_millis(1_790_000_000_000), Time::from_millis(1_790_000_000_001));
        let id = RequestId::mint(moment, &entropy);
        assert!(RequestId::least(moment) <= id && id < RequestId::least(next));
        assert_eq!((id.minted_at(), RequestId::least(next).minted_at()), (moment, next));
        assert_eq!(RequestId::least(Time::from_millis(-1)), RequestId::least(Time::from_millis(0)));
        assert_eq!(RequestId::least(Time::from_millis(i64::MAX)).as_str().len(), id.as_str().len());
    }
}
