//! Activity: events and key reads in one list, their groups and labels, and the position at which a page begins.

use std::fmt;
use std::str::FromStr;

use super::id::RequestId;
use super::time::Time;

/// The name of a key read, shown beside the kinds of events.
pub const KEY_READ: &str = "key.read";
/// The name of a call that Cartkey made with a key for a service.
pub const STORE_CALLED: &str = "store.called";

/// Where a page begins: events have numbers and key reads have IDs, which are two separate orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The page holds events with a smaller number.
    pub seq: i64,
    /// The page holds key reads with a smaller ID.
    pub read: RequestId,
}

impl Position {
    /// The position before everything, including what happens from now on.
    pub fn newest() -> Self {
        Self { seq: i64::MAX, read: RequestId::least(Time::from_millis(i64::MAX)) }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.seq, self.read)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAPosition;

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let (seq, read) = text.split_once('-').ok_or(NotAPosition)?;
        let seq = seq.parse().ok().filter(|seq| *seq >= 0).ok_or(NotAPosition)?;
        Ok(Self { seq, read: read.parse().map_err(|_| NotAPosition)? })
    }
}

/// How long key reads and the addresses of events are stored. Events themselves are never deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// Nothing is deleted.
    #[default]
    ForEver,
    /// This many days.
    Days(u16),
}

impl Keep {
    /// The choices offered to operators.
    pub const CHOICES: [Self; 6] =
        [Self::ForEver, Self::Days(730), Self::Days(365), Self::Days(180), Self::Days(90), Self::Days(30)];

    /// Whether less is stored than under `other`.
    pub const fn is_shorter_than(self, other: Self) -> bool {
        match (self, other) {
            (Self::ForEver, _) => false,
            (Self::Days(_), Self::ForEver) => true,
            (Self::Days(mine), Self::Days(theirs)) => mine < theirs,
        }
    }

    pub fn in_words(self) -> String {
        match self {
            Self::ForEver => "forever".to_owned(),
            Self::Days(365) => "1 year".to_owned(),
            Self::Days(730) => "2 years".to_owned(),
            Self::Days(days) => format!("{days} days"),
        }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ForEver => f.write_str("forever"),
            Self::Days(days) => write!(f, "{days}"),
        }
    }
}

/// The text is not one of [`Keep::CHOICES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAChoice;

impl FromStr for Keep {
    type Err = NotAChoice;

    fn from_str(text: &str) -> Result<Self, NotAChoice> {
        Self::CHOICES.into_iter().find(|choice| choice.to_string() == text).ok_or(NotAChoice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entropy::Entropy;
    use crate::domain::event::{Group, Kind};

    #[test]
    fn a_position_reads_back() {
        let read = RequestId::mint(Time::from_millis(1_790_000_000_000), &Entropy::seeded(7));
        let position = Position { seq: 7, read };
        assert_eq!(position.to_string().parse(), Ok(position));
        assert_eq!(Position::newest().to_string().parse(), Ok(Position::newest()));
        for bad in ["", "7", "7-", "-7-rq_x", "x-rq_01jd0000000000000000000000", "7-st_01jd0000000000000000000000"] {
            assert_eq!(bad.parse::<Position>(), Err(NotAPosition), "{bad}");
        }
    }

    #[test]
    fn every_kind_belongs_to_one_group_and_reads_are_no_events() {
        let grouped: usize = Group::ALL.iter().map(|group| group.kinds().count()).sum();
        assert_eq!(grouped, Kind::ALL.len());
        assert_eq!(Group::KeysRead.kinds().count(), 0);
    }

    #[test]
    fn what_is_kept_reads_back_and_compares() {
        for choice in Keep::CHOICES {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        assert_eq!("31".parse::<Keep>(), Err(NotAChoice));
        assert!(Keep::Days(30).is_shorter_than(Keep::Days(90)) && Keep::Days(30).is_shorter_than(Keep::ForEver));
        assert!(!Keep::ForEver.is_shorter_than(Keep::Days(30)) && !Keep::Days(90).is_shorter_than(Keep::Days(90)));
    }
}
