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
    text(prefix, now, u128::from_le_bytes(random))
}

fn text(prefix: &str, at: Time, random: u128) -> String {
    let ulid = ulid::Ulid::from_parts(u64::try_from(at.millis()).unwrap_or(0), random);
    format!("{prefix}_{}", ulid.to_string().to_ascii_lowercase())
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

            /// The smallest id that can be minted at `at`: whatever was minted before sorts before it.
            pub fn earliest(at: Time) -> Self {
                Self(text($prefix, at, 0))
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
        let between = TokenId::earliest(Time::from_millis(1_001));
        assert!(early < between && between < late);
    }
}
