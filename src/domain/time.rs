//! Time, passed in as a parameter: moments, and the clock that supplies them.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// One day in milliseconds.
const DAY: i64 = 86_400_000;

/// A moment: milliseconds since 1970-01-01T00:00:00Z. Displayed and sent as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct Time(i64);

impl Time {
    /// The moment this many milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, as required for `oauth_timestamp` (RFC 5849 §3.3).
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// The UTC day as days since 1970-01-01.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(DAY)
    }

    /// Midnight UTC at the beginning of that day.
    pub const fn of_day(day: i64) -> Self {
        Self(day.saturating_mul(DAY))
    }

    /// Midnight UTC at the beginning of a day written as `2026-11-22`.
    pub fn of_date(text: &str) -> Option<Self> {
        let date: jiff::civil::Date = text.parse().ok().filter(|_| text.len() == 10)?;
        let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Self(midnight.timestamp().as_millisecond()))
    }

    /// This moment plus `span`, saturating.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This moment minus `span`, saturating.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The time from `earlier` to this moment; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a time such as 2026-11-22T10:00:00Z")]
pub struct NotATime;

impl FromStr for Time {
    type Err = NotATime;

    /// Parses RFC 3339 with any offset.
    fn from_str(text: &str) -> Result<Self, NotATime> {
        text.parse::<jiff::Timestamp>().map(|at| Self(at.as_millisecond())).map_err(|_| NotATime)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(timestamp) => write!(f, "{timestamp:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl serde::Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A moment on the monotonic clock of one process, in milliseconds: for pauses and rates, which must not change when
/// the system clock is set. It has no date and is meaningless to other processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(u64);

impl Instant {
    /// The moment this many milliseconds after the monotonic clock began.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// This moment plus `span`, saturating.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis(span)))
    }

    /// The time from `earlier` to this moment; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// A source of the current time. A closed enum, not a trait: there are two clocks and will be no third.
#[derive(Debug, Clone)]
pub enum Clock {
    System,
    /// A clock that moves only when a test moves it; clones share its state.
    Test(Arc<Hands>),
}

/// The state of a test clock: milliseconds since the epoch, and milliseconds elapsed.
#[derive(Debug)]
pub struct Hands {
    wall: AtomicI64,
    passed: AtomicU64,
}

impl Clock {
    /// Creates a test clock set to `start`.
    pub fn test(start: Time) -> Self {
        Self::Test(Arc::new(Hands { wall: AtomicI64::new(start.millis()), passed: AtomicU64::new(0) }))
    }

    /// The current moment. It may jump, even backwards, when the system clock is set.
    pub fn now(&self) -> Time {
        match self {
            Self::System => system_now(),
            Self::Test(hands) => Time(hands.wall.load(Ordering::SeqCst)),
        }
    }

    /// The current moment on the monotonic clock.
    pub fn instant(&self) -> Instant {
        match self {
            Self::System => system_instant(),
            Self::Test(hands) => Instant(hands.passed.load(Ordering::SeqCst)),
        }
    }

    /// Sets a test clock back without time passing, as happens to machines. No effect on the system clock.
    pub fn set_back(&self, span: Duration) {
        if let Self::Test(hands) = self {
            hands.wall.fetch_sub(millis(span).cast_signed(), Ordering::SeqCst);
        }
    }

    /// Sets a test clock ahead without time passing. No effect on the system clock.
    pub fn set_ahead(&self, span: Duration) {
        if let Self::Test(hands) = self {
            hands.wall.fetch_add(millis(span).cast_signed(), Ordering::SeqCst);
        }
    }

    /// Lets time pass on a test clock. No effect on the system clock.
    pub fn advance(&self, span: Duration) {
        if let Self::Test(hands) = self {
            hands.wall.fetch_add(millis(span).cast_signed(), Ordering::SeqCst);
            hands.passed.fetch_add(millis(span), Ordering::SeqCst);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the only place that reads the system clock")]
fn system_now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Time(since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
}

#[expect(clippy::disallowed_methods, reason = "the only place that reads the monotonic clock")]
fn system_instant() -> Instant {
    static BEGAN: OnceLock<std::time::Instant> = OnceLock::new();
    Instant(millis(BEGAN.get_or_init(std::time::Instant::now).elapsed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_as_rfc_3339_in_utc() {
        assert_eq!(Time::from_millis(1_763_812_800_123).to_string(), "2025-11-22T12:00:00.123Z");
        assert_eq!(Time::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!("2025-11-22T12:00:00.123Z".parse(), Ok(Time::from_millis(1_763_812_800_123)));
        assert_eq!("1970-01-01T01:00:00+01:00".parse(), Ok(Time::from_millis(0)));
        for bad in ["", "1970-01-01", "1970-01-01T00:00", "yesterday", "7"] {
            assert_eq!(bad.parse::<Time>(), Err(NotATime), "{bad}");
        }
    }

    #[test]
    fn arithmetic_stops_at_the_ends_of_time() {
        assert_eq!(Time::from_millis(i64::MAX).plus(Duration::from_secs(1)).millis(), i64::MAX);
        assert_eq!(Time::from_millis(5).since(Time::from_millis(9)), Duration::ZERO);
    }

    #[test]
    fn a_day_begins_at_midnight_utc() {
        for (millis, day) in [(0, 0), (86_399_999, 0), (86_400_000, 1), (-1, -1)] {
            assert_eq!(Time::from_millis(millis).day(), day, "{millis}");
        }
        assert_eq!(Time::of_day(1).millis(), 86_400_000);
        assert_eq!(Time::of_date("1970-01-02"), Some(Time::of_day(1)));
        for bad in ["", "1970-1-2", "1970-02-30", "19700102", "1970-01-02T10:00", "today"] {
            assert_eq!(Time::of_date(bad), None, "{bad}");
        }
        assert_eq!(Time::of_day(i64::MAX).millis(), i64::MAX);
    }

    #[test]
    fn a_test_clock_moves_when_told() {
        let clock = Clock::test(Time::from_millis(10));
        clock.clone().advance(Duration::from_millis(5));
        assert_eq!(clock.now().millis(), 15);
    }

    #[test]
    fn no_time_passes_when_a_clock_is_set() {
        let clock = Clock::test(Time::from_millis(10));
        let begun = clock.instant();
        clock.set_ahead(Duration::from_hours(1));
        clock.set_back(Duration::from_hours(2));
        assert_eq!((clock.now().millis(), clock.instant()), (10 - 3_600_000, begun));
        clock.advance(Duration::from_millis(5));
        assert_eq!(clock.instant().since(begun), Duration::from_millis(5));
        assert_eq!(begun.since(clock.instant()), Duration::ZERO);
        assert!(Clock::System.instant() <= Clock::System.instant());
    }
}
