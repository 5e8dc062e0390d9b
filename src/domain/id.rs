//! IDs: a recognisable prefix followed by a lower-case ULID.
//!
//! ULIDs sort by creation time, so paging by ID is paging by age. IDs grant no access: access requires a
//! [`super::secret::Secret`], of which only the fingerprint is stored.

use std::fmt;
use std::str::FromStr;

use super::entropy::Entropy;
use super::time::Time;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an ID such as {prefix}_01jd0000000000000000000000")]
pub struct NotAnId {
    /// The expected prefix, such as `st`.
    pub prefix: &'static str,
}

fn mint(prefix: &str, now: Time, entropy: &Entropy) -> String {
    let mut random = [0_u8; 16];
    entropy.fill_id(&mut random);
    written(prefix, ulid::Ulid::from_parts(millis(now), u128::from_le_bytes(random)))
}

fn written(prefix: &str, ulid: ulid::Ulid) -> String {
    let mut digits = [0; ulid::ULID_LEN];
    let digits = ulid.array_to_str(&mut digits);
    digits.make_ascii_lowercase();
    [prefix, "_", digits].concat()
}

/// A ULID counts milliseconds since 1970, in 48 bits.
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
            /// The prefix of these IDs.
            pub const PREFIX: &'static str = $prefix;

            /// Creates an ID that sorts after all IDs from earlier milliseconds.
            pub fn mint(now: Time, entropy: &Entropy) -> Self {
                Self(mint($prefix, now, entropy))
            }

            /// The smallest ID possible at this moment: a range of time is a range of IDs.
            pub fn least(at: Time) -> Self {
                Self(written($prefix, ulid::Ulid::from_parts(millis(at), 0)))
            }

            /// When the ID was created.
            pub fn minted_at(&self) -> Time {
                Time::from_millis(i64::try_from(ulid::Ulid::from(self.ulid()).timestamp_ms()).unwrap_or(i64::MAX))
            }

            /// The ULID of the ID, as a number: it sorts like the ID.
            pub fn ulid(&self) -> u128 {
                let ulid = self.0.get($prefix.len() + 1..).and_then(|ulid| ulid::Ulid::from_string(ulid).ok());
                ulid.map_or(0, u128::from)
            }

            pub fn of_ulid(ulid: u128) -> Self {
                Self(written($prefix, ulid.into()))
            }

            /// The smallest ID after this one.
            #[must_use]
            pub fn next(&self) -> Self {
                Self::of_ulid(self.ulid().saturating_add(1))
            }

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
    LinkId = "ln";
    /// Identifies an attempt. It is part of the return address, so it grants no access by itself.
    AttemptId = "at";
    /// Identifies a received grant.
    GrantId = "gr";
    /// Identifies a store; unchanged by a reconnect.
    StoreId = "st";
    /// Identifies a version of a store's key.
    KeyId = "ky";
    /// Identifies a service token.
    TokenId = "tk";
    OperatorId = "op";
    WebhookId = "wh";
    /// Identifies a delivery of an event to a webhook.
    DeliveryId = "dl";
    /// Identifies a request, in the log and in every error response.
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
