//! Checks over time: consecutive checks with the same verdict form one span.

use super::time::Time;
use super::verdict::Verdict;

/// Consecutive checks of one store with the same verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Span {
    pub began_at: Time,
    /// The time of the last check; the store was not checked between this and the beginning of the next span.
    pub last_at: Time,
    pub verdict: Verdict,
    /// How many checks; at least 1.
    pub n: i64,
}
