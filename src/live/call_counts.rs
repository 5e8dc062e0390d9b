//! Counts the calls of tokens that have a limit on them. Each process counts its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::domain::{CallLimit, Instant, ServiceToken, TokenId};

/// When to try again if as many calls are in progress as may be.
const SOON: Duration = Duration::from_secs(1);
/// The period of [`CallLimit::PerMinute`], which begins with a call.
const MINUTE: Duration = Duration::from_mins(1);
/// How many tokens may have a count before those that are not needed any more are removed.
const TIDY_AT: usize = 1_024;

/// The counts of this process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct CallCounts(Arc<Mutex<HashMap<TokenId, Count>>>);

#[derive(Debug)]
struct Count {
    /// Each call in progress has a clone.
    running: Arc<()>,
    minute: Instant,
    calls: u64,
}

/// A call that has begun: it is in progress until this is dropped.
#[derive(Debug, Default)]
pub struct Counted(#[expect(dead_code, reason = "its clones are counted")] Option<Arc<()>>);

/// A call would be one too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    pub limit: CallLimit,
    /// The limit's value.
    pub most: u64,
    /// When to try again.
    pub wait: Duration,
}

impl CallCounts {
    /// Counts a call of this token, unless it would go over one of its limits.
    pub fn begin(&self, token: &ServiceToken, now: Instant) -> Result<Counted, TooMany> {
        let (at_a_time, per_minute) = (token.limits.get(CallLimit::Concurrent), token.limits.get(CallLimit::PerMinute));
        if at_a_time.is_none() && per_minute.is_none() {
            return Ok(Counted::default());
        }
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= TIDY_AT {
            counts.retain(|_, count| count.running() > 0 || now.since(count.minute) < MINUTE);
        }
        let begin = || Count { running: Arc::default(), minute: now, calls: 0 };
        let count = counts.entry(token.counted_as().clone()).or_insert_with(begin);
        if now.since(count.minute) >= MINUTE {
            (count.minute, count.calls) = (now, 0);
        }
        if let Some(most) = at_a_time.filter(|most| count.running() >= *most) {
            return Err(TooMany { limit: CallLimit::Concurrent, most, wait: SOON });
        }
        if let Some(most) = per_minute.filter(|most| count.calls >= *most) {
            let wait = count.minute.plus(MINUTE).since(now);
            return Err(TooMany { limit: CallLimit::PerMinute, most, wait });
        }
        count.calls += 1;
        Ok(Counted(Some(Arc::clone(&count.running))))
    }
}

impl Count {
    fn running(&self) -> u64 {
        Arc::strong_count(&self.running) as u64 - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CallLimits, Namespaces, Permissions, Time};

    fn token(n: u32, limits: &str, counted_with: Option<&ServiceToken>) -> ServiceToken {
        ServiceToken {
            id: format!("tk_01jd00000000000000000{n:05}").parse().unwrap(),
            name: String::new(),
            permissions: Permissions::all(),
            created_at: Time::from_millis(0),
            expires_at: None,
            revoked_at: None,
            users: None,
            successor: None,
            namespaces: Namespaces::default(),
            limits: limits.parse::<CallLimits>().unwrap(),
            counted_with: counted_with.map(|token| token.counted_as().clone()),
        }
    }

    const NOW: Instant = Instant::from_millis(1_790_000);

    #[test]
    fn calls_are_counted_until_they_end_and_by_the_minute() {
        let (counts, token) = (CallCounts::default(), token(1, "concurrent=2,per_minute=3", None));
        let at = |seconds| NOW.plus(Duration::from_secs(seconds));
        let first = counts.begin(&token, NOW).unwrap();
        let _second = counts.begin(&token, at(1)).unwrap();
        let refused = |now| counts.begin(&token, now).map(drop).unwrap_err();
        assert_eq!(refused(at(2)), TooMany { limit: CallLimit::Concurrent, most: 2, wait: SOON });
        drop(first);
        drop(counts.begin(&token, at(20)).unwrap());
        let wait = Duration::from_secs(40);
        assert_eq!(refused(at(20)), TooMany { limit: CallLimit::PerMinute, most: 3, wait });
        assert!(counts.begin(&token, at(60)).is_ok());
    }

    #[test]
    fn tokens_that_belong_together_share_a_count_and_others_do_not() {
        let counts = CallCounts::default();
        let first = token(1, "per_minute=1", None);
        let next = token(2, "per_minute=1", Some(&first));
        let last = token(3, "per_minute=1", Some(&next));
        assert!(counts.begin(&last, NOW).is_ok());
        assert!(counts.begin(&first, NOW).is_err() && counts.begin(&next, NOW).is_err());
        assert!(counts.begin(&token(4, "per_minute=1", None), NOW).is_ok());
        assert!((0..9).all(|_| counts.begin(&token(5, "seconds=1", None), NOW).is_ok()));
    }

    #[test]
    fn counts_that_are_not_needed_any_more_are_removed() {
        let counts = CallCounts::default();
        let held = counts.begin(&token(0, "concurrent=1", None), NOW).unwrap();
        for n in 1..3_000 {
            drop(counts.begin(&token(n, "concurrent=1", None), NOW.plus(MINUTE * n)).unwrap());
        }
        assert!(counts.0.lock().unwrap().len() <= TIDY_AT);
        assert!(counts.begin(&token(0, "concurrent=1", None), NOW.plus(MINUTE * 3_000)).is_err());
        drop(held);
    }
}
