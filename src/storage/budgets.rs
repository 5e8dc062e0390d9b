//! Budgets: so many at once, and one more each time a while has passed. Each is one row, changed in one statement, so it holds
//! for requests that come at the same time, and across replicas.
//!
//! The row holds the moment at which the whole budget is there again. Taking one moves it on by `every`; there is none to take
//! while it lies further ahead than all but one (the generic cell rate algorithm).

use std::time::Duration;

use super::{Db, Error};
use crate::domain::time::Time;

/// Rows that are kept at most; of more, those that are full again soonest are deleted.
pub const MOST_ROWS: i64 = 50_000;

/// A budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// What it is for, and whose it is.
    pub subject: String,
    /// How many may be taken at once.
    pub burst: u32,
    /// How long until one more may be taken.
    pub every: Duration,
}

impl Budget {
    /// How far ahead the row may lie for one to be there to take.
    fn but_one(&self) -> Duration {
        self.every * self.burst.saturating_sub(1)
    }

    /// How long to wait, when the row says `full_at`; none when there is one to take, also when the row says more than a budget
    /// can be short of: it was written while a clock was wrong.
    fn wait(&self, full_at: Time, now: Time) -> Option<Duration> {
        let short = full_at.since(now.plus(self.but_one()));
        (!short.is_zero() && short <= self.every).then_some(short)
    }
}

/// One of several budgets has nothing left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// Which, by its place.
    pub at: usize,
    /// How long until there is one.
    pub wait: Duration,
}

/// Takes one of each budget, or none when one of them has nothing left. What is known to be spent is read, not written: a
/// flood does not keep the writer from others.
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
                .bind(&budget.subject)
                .bind(now.plus(budget.every))
                .bind(now)
                .bind(now.plus(budget.but_one() + budget.every))
                .bind(millis(budget.every))
                .bind(now.plus(budget.but_one()))
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

/// Gives back what was taken and not used.
pub async fn give_back(db: &Db, budgets: &[Budget]) -> Result<(), Error> {
    for budget in budgets {
        db.write("UPDATE budgets SET full_at = full_at - $1 WHERE subject = $2")
            .bind(millis(budget.every))
            .bind(&budget.subject)
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
