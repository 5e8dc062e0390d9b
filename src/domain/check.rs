//! Checks over time: for as long as a store told the same, it is one span.

use super::time::Time;
use super::verdict::Verdict;

/// So many checks of one store in a row that told the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Span {
    /// When the first of them told.
    pub began_at: Time,
    /// When the last of them told; the store was not asked between this and the next span's beginning.
    pub last_at: Time,
    /// What they told.
    pub verdict: Verdict,
    /// How many they were; at least 1.
    pub n: i64,
}
