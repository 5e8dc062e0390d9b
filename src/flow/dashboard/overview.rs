//! Overview: whether everything works and, if not, what is wrong, since when and with which stores.

use std::cmp::Reverse;
use std::time::Duration;

use crate::app::App;
use crate::domain::{Attempt, Status, StoreStatus, Verdict, Webhook, WhyOff};
use crate::flow::transfer::backup::{self, Standing};
use crate::flow::watching::watch::{self, Pulse};
use crate::flow::{Beneath, connecting::approvals, dashboard::store_list, lending::key_reads, webhooks};
use crate::storage::overview;

pub use crate::storage::overview::Needy;

/// The number of days that the funnel and the reads cover.
pub const DAYS: u16 = 30;
/// The most entries in the list of what needs attention.
pub const MOST: usize = 10;
/// The most entries for keys that could not be tested yet: strangers can make as many as they like.
const UNTESTED: i64 = 3;

/// How long a webhook may fail before the overview lists it.
const FAILING_FOR: Duration = Duration::from_hours(1);

/// The number of stores by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Their keys work.
    pub connected: i64,
    /// They refuse their keys.
    pub unauthorized: i64,
    /// They cannot be reached.
    pub unreachable: i64,
    pub disconnected: i64,
    /// Their keys work, but with a remark. They also count as connected.
    pub remarked: i64,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Funnel {
    pub begun: i64,
    /// Those for which a key was received.
    pub received: i64,
    /// Those that connected a store.
    pub connected: i64,
    /// Those still in progress.
    pub going: i64,
    /// Those that the merchant denied.
    pub denied: i64,
    /// Those that were not approved in time.
    pub expired: i64,
    /// Those that failed, by reason, most frequent first.
    pub failed: Vec<(Option<Verdict>, i64)>,
}

/// Which steps of the first set-up are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// A working service token exists.
    pub token: bool,
    /// A link was created.
    pub link: bool,
    /// A service has read a key.
    pub fetched: bool,
}

#[derive(Debug)]
pub struct Overview {
    /// The number of stores by state.
    pub counts: Counts,
    /// Quarantined approvals, oldest first; at most [`MOST`].
    pub held: Vec<Attempt>,
    pub held_more: bool,
    /// Approvals whose key could not be tested so far; at most [`MOST`] together with the quarantined ones.
    pub untested: Vec<Attempt>,
    /// Stores that need attention, worst first; at most [`MOST`] together with the approvals.
    pub needy: Vec<Needy>,
    /// Webhooks that fail, or that were turned off because they failed.
    pub webhooks: Vec<Webhook>,
    /// The outcomes of attempts in the last [`DAYS`] days.
    pub funnel: Funnel,
    /// Key reads of the last [`DAYS`] days.
    pub reads: Vec<key_reads::Day>,
    /// The steps of the first set-up.
    pub steps: Steps,
    pub pulse: Pulse,
    /// The state of scheduled backups, if there are any.
    pub backups: Option<Standing>,
}

pub async fn look(app: &App) -> Result<Overview, Beneath> {
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    let mut held = approvals::held(app, most.saturating_add(1)).await?;
    let held_more = held.len() > MOST;
    held.truncate(MOST);
    let untested = approvals::untested(app, UNTESTED).await?;
    let counts = counts(app).await?;
    let (token, link, fetched) = overview::steps(&app.db, app.now()).await?;
    Ok(Overview {
        needy: needy(app, &counts, MOST - held.len()).await?,
        webhooks: webhooks_in_trouble(app).await?,
        funnel: funnel(app).await?,
        reads: key_reads::per_day(app, DAYS).await?,
        steps: Steps { token, link, fetched },
        pulse: watch::pulse(app).await?,
        backups: backup::standing(app),
        counts,
        untested,
        held,
        held_more,
    })
}

/// Webhooks that were turned off automatically, or have failed for longer than a restart takes.
async fn webhooks_in_trouble(app: &App) -> Result<Vec<Webhook>, Beneath> {
    let fails = |webhook: &Webhook| webhook.failing_since.is_some_and(|at| app.now().since(at) >= FAILING_FOR);
    let is_in_trouble = |webhook: &Webhook| match (webhook.disabled_at, webhook.disabled_why) {
        (Some(_), why) => why != Some(WhyOff::ByHand),
        (None, _) => fails(webhook),
    };
    Ok(webhooks::all(app).await?.into_iter().filter(is_in_trouble).collect())
}

async fn counts(app: &App) -> Result<Counts, Beneath> {
    let mut counts = Counts { remarked: overview::remarks(&app.db).await?, ..Counts::default() };
    for (status, n) in store_list::by_status(app).await? {
        match status {
            StoreStatus::Connected => counts.connected = n,
            StoreStatus::Unauthorized => counts.unauthorized = n,
            StoreStatus::Unreachable => counts.unreachable = n,
            StoreStatus::Disconnected => counts.disconnected = n,
        }
    }
    Ok(counts)
}

/// Stores that refuse their keys, then unreachable ones, then those with a remark: up to `room` in total, so that none of the
/// groups hides another.
async fn needy(app: &App, counts: &Counts, room: usize) -> Result<Vec<Needy>, Beneath> {
    let [unauthorized, unreachable, remarked] =
        shares(room, [counts.unauthorized, counts.unreachable, counts.remarked]);
    let mut needy = overview::of_status(&app.db, StoreStatus::Unauthorized, unauthorized).await?;
    needy.extend(overview::of_status(&app.db, StoreStatus::Unreachable, unreachable).await?);
    needy.extend(overview::with_remark(&app.db, remarked).await?);
    Ok(needy)
}

/// Divides `room`: each group in turn gets one more while it needs it, starting with the first.
fn shares(room: usize, wants: [i64; 3]) -> [i64; 3] {
    let mut shares = [0; 3];
    for _ in 0..room {
        let next = (0..3).filter(|at| shares[*at] < wants[*at]).min_by_key(|at| shares[*at]);
        let Some(next) = next else { break };
        shares[next] += 1;
    }
    shares
}

async fn funnel(app: &App) -> Result<Funnel, Beneath> {
    let since = app.now().minus(Duration::from_hours(24) * u32::from(DAYS));
    let mut funnel = Funnel::default();
    let mut stands = overview::attempts(&app.db, since, app.now()).await?;
    stands.extend(overview::deleted_attempts(&app.db, since).await?);
    for stand in stands {
        funnel.begun += stand.n;
        funnel.received += stand.received;
        match stand.status {
            Status::Open | Status::Received | Status::Proving | Status::AwaitingConfirmation => funnel.going += stand.n,
            Status::Connected => funnel.connected += stand.n,
            Status::Denied => funnel.denied += stand.n,
            Status::Expired => funnel.expired += stand.n,
            Status::Failed => match funnel.failed.iter_mut().find(|(reason, _)| *reason == stand.reason) {
                Some((_, n)) => *n += stand.n,
                None => funnel.failed.push((stand.reason, stand.n)),
            },
        }
    }
    funnel.failed.sort_by_key(|(_, n)| Reverse(*n));
    Ok(funnel)
}

impl Counts {
    pub const fn all(&self) -> i64 {
        self.connected + self.unauthorized + self.unreachable + self.disconnected
    }

    /// The number of stores that need attention.
    pub const fn needy(&self) -> i64 {
        self.unauthorized + self.unreachable + self.remarked
    }
}

impl Steps {
    pub const fn are_done(self) -> bool {
        self.token && self.link && self.fetched
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_of_the_needy_hides_another() {
        assert_eq!(shares(10, [0, 0, 0]), [0, 0, 0]);
        assert_eq!(shares(10, [2, 1, 3]), [2, 1, 3]);
        assert_eq!(shares(10, [500, 500, 500]), [4, 3, 3]);
        assert_eq!(shares(10, [1, 500, 0]), [1, 9, 0]);
        assert_eq!(shares(0, [5, 5, 5]), [0, 0, 0]);
    }
}
