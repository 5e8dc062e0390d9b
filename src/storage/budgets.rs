//! Budgets: a burst, then one more per interval. Each is one row, changed in one statement, so it holds for concurrent requests
//! and across replicas.
//!
//! The row holds the moment at which the budget is full again. Taking one moves that moment later by `every`; none is left
//! while it lies more than `every * (burst - 1)` ahead (the generic cell rate algorithm).

use std::time::Duration;

use super::{Db, Error};
use crate::domain::Time;

/// The most rows to keep; beyond that, those that are full again soonest are deleted.
pub const MOST_ROWS: i64 = 50_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// What it limits, and for whom.
    pub subject: String,
    /// How many may be taken at once.
    pub burst: u32,
    /// How long until one more may be taken.
    pub every: Duration,
}

impl Budget {
    /// How far ahead `full_at` may lie while one can still be taken.
    fn but_one(&self) -> Duration {
        self.every * self.burst.saturating_sub(1)
    }

    /// How long to wait, given the row's `full_at`; `None` when one can be taken, or when `full_at` is impossibly far ahead,
    /// because it was written while a clock was wrong.
    fn wait(&self, full_at: Time, now: Time) -> Option<Duration> {
        let short = full_at.since(now.plus(self.but_one()));
        (!short.is_zero() && short <= self.every).then_some(short)
    }
}

/// One of several budgets has nothing left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    pub at: usize,
    /// How long until one can be taken.
    pub wait: Duration,
}

/// Takes one of each budget, or none when one of them has nothing left. An empty budget is found by a
/// read, so a flood does not block the writer.
pub async fn take(db: &Db, budgets: &[Budget], now: Time) -> Result<Option<Spent>, Error> {
    for (at, budget) in budgets.iter().enumerate() {
        let full_at: Option<Time> =
            db.read("SELECT full_at FROM budgets WHERE subject = $1").bind(&budget.subject).optional_value().await?;
        if let Some(wait) = full_at.and_then(|full_at| budget.wait(full_at, now)) {
            return Ok(Some(Spent { at, wait }));
        }
    }
    db.transaction(|mut tx| async move {
        for (at, budget) in budgets.iter().enumerate() {
            let took = tx
                .query(
                    "INSERT INTO budgets (subject, full_at)
                     VALUES ($1, $2)
                     ON CONFLICT (subject) DO UPDATE
                     SET full_at = CASE WHEN budgets.full_at < $3 OR budgets.full_at > $4
                                        THEN excluded.full_at ELSE budgets.full_at + $5 END
                     WHERE budgets.full_at <= $6 OR budgets.full_at > $4",
                )
                .binds((
                    &budget.subject,
                    now.plus(budget.every),
                    now,
                    now.plus(budget.but_one() + budget.every),
                    millis(budget.every),
                    now.plus(budget.but_one()),
                ))
                .execute()
                .await?;
            if took == 0 {
                let full_at: Time =
                    tx.query("SELECT full_at FROM budgets WHERE subject = $1").bind(&budget.subject).value().await?;
                let wait = budget.wait(full_at, now).unwrap_or(budget.every);
                return tx.undo(Some(Spent { at, wait })).await;
            }
        }
        tx.commit(None).await
    })
    .await
}

/// Returns what was taken but not used.
pub async fn refund(db: &Db, budgets: &[Budget]) -> Result<(), Error> {
    for budget in budgets {
        db.write("UPDATE budgets SET full_at = full_at - $1 WHERE subject = $2")
            .binds((millis(budget.every), &budget.subject))
            .execute()
            .await?;
    }
    Ok(())
}

/// Deletes rows that are full at `now`, and those that are more than `MOST_ROWS`.
pub async fn sweep(db: &Db, now: Time) -> Result<(), Error> {
    db.write("DELETE FROM budgets WHERE full_at <= $1").bind(now).execute().await?;
    db.write(
        "DELETE FROM budgets
         WHERE full_at < (SELECT full_at FROM budgets ORDER BY full_at DESC LIMIT 1 OFFSET $1)",
    )
    .bind(MOST_ROWS)
    .execute()
    .await?;
    Ok(())
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
