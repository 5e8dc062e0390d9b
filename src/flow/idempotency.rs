//! Idempotency keys: a request that a service repeats under the same key is done once, and answered the same again for 24 hours.
//!
//! A request claims its key before it does its work, and its answer is kept afterwards, in a transaction of its own. A process
//! that dies in between leaves a claim, which ends after `CLAIM_LASTS`, or when the only process on an SQLite file starts again.
//! What the request changed is told by the events that it recorded: if there are any, its work is never done again, and a
//! repetition learns that the answer is lost; if there are none, a repetition does the work.

use std::sync::atomic::Ordering;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::app::App;
use crate::domain::{RequestId, TokenId};
use crate::flow::{Beneath, open_vault, takes_in_beneath};
use crate::storage::events;
use crate::storage::idempotency::{self, NewClaim};
use crate::vault::{Place, hash_of};

/// How long an answer is kept, from when its request came.
const KEPT_FOR: Duration = Duration::from_hours(24);
/// How long a claim lasts: longer than a request may take (`web::api::idempotency`).
const CLAIM_LASTS: Duration = Duration::from_secs(90);
/// How long claiming a key, and keeping an answer, may wait for the database: the client waits too.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many keys are kept. Beyond that, each sweep forgets the oldest.
pub const LIMITS: Limits = Limits { keys: 10_000, bytes: 64 << 20, bytes_in_all: 256 << 20 };
/// Bytes of answers that are kept between two sweeps: one process forgets earlier than that, rather than exceed its limits by more.
const BETWEEN_SWEEPS: usize = 16 << 20;
/// What a key takes besides its answer, in bytes: its row and its entries in three indexes.
const ROW: i64 = 512;
/// Rows deleted per statement, which holds the writer for some milliseconds.
const AT_ONCE: i64 = 500;

/// See [`LIMITS`].
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Keys of one token.
    pub keys: i64,
    /// Bytes of one token's keys, with their answers.
    pub bytes: i64,
    /// Bytes of all tokens together. Those with the most give way.
    pub bytes_in_all: i64,
}

/// A request under a key.
#[derive(Debug)]
pub struct Asked<'a> {
    pub token: &'a TokenId,
    pub key: &'a [u8],
    /// All of it that must be the same when it is repeated.
    pub request: &'a [&'a [u8]],
    pub id: &'a RequestId,
}

/// The right to do the work of a request.
#[derive(Debug, Clone)]
pub struct Claim {
    id: String,
    request: String,
    by: RequestId,
}

/// An answer. It may contain secrets.
pub struct Answer {
    pub status: u16,
    /// The media type; empty if there is no body.
    pub kind: String,
    pub body: Vec<u8>,
}

/// What becomes of a request under a key.
pub enum Claimed {
    /// It does the work, and ends with [`keep`] or [`release`].
    First(Claim),
    /// The work was done: this was the answer.
    Before(Answer),
}

/// Why a request is refused because of its key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The first request under the key is under way; try again after this time.
    #[error("the first request with this key is not answered yet")]
    InUse(Duration),
    /// The first request under the key was carried out, but its answer is lost: what it made or changed, as an API path.
    #[error("the answer to the first request with this key is lost")]
    AnswerLost(Option<String>),
    /// Another request has used the key.
    #[error("another request has used this key")]
    Reused,
    /// The answer does not open. The work is not done again.
    #[error("the answer that is kept for an idempotency key does not open")]
    Damaged,
    /// The database failed.
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

/// Claims the key of a request, or finds its answer.
pub async fn claim(app: &App, asked: &Asked<'_>) -> Result<Claimed, Error> {
    let now = app.now();
    let claim = Claim {
        id: hash_of(&[asked.token.as_str().as_bytes(), asked.key]),
        request: hash_of(asked.request),
        by: asked.id.clone(),
    };
    let new = NewClaim {
        id: &claim.id,
        token: asked.token,
        request: &claim.request,
        claimed_by: &claim.by,
        claimed_until: now.plus(CLAIM_LASTS),
        expires_at: now.plus(KEPT_FOR),
    };
    if idempotency::claim(&app.db.patient(PATIENCE), &new, now).await? {
        return Ok(Claimed::First(claim));
    }
    // Released just now: it is free when the client tries again.
    let Some(used) = idempotency::find(&app.db, &claim.id).await? else {
        return Err(Error::InUse(Duration::from_secs(1)));
    };
    if used.request != claim.request {
        return Err(Error::Reused);
    }
    let Some(sealed) = used.answer else {
        if let Some(event) = used.event.filter(|_| used.claimed_until <= now) {
            let event = events::find(&app.db, event).await?;
            return Err(Error::AnswerLost(event.and_then(|event| event.related())));
        }
        // Each wait is as long as all before: a request that takes long is asked for seldom.
        let waited = CLAIM_LASTS.saturating_sub(used.claimed_until.since(now));
        return Err(Error::InUse(waited));
    };
    let opened = app.vault.open(&Place::answer(&claim.id, &claim.request), &sealed);
    let plain = open_vault::or_damaged(app, &sealed, opened).await?.ok_or(Error::Damaged)?;
    Answer::unpack(&plain).map(Claimed::Before).ok_or(Error::Damaged)
}

/// Keeps the answer of the request that holds the claim, sealed. A failure is only logged: the work is done, and its answer is true.
pub async fn keep(app: &App, claim: &Claim, answer: &Answer) {
    let sealed = app.vault.seal(&app.entropy, &Place::answer(&claim.id, &claim.request), &answer.pack());
    match idempotency::keep(&app.db.patient(PATIENCE), &claim.id, &claim.by, &sealed).await {
        Ok(true) => {
            let kept = app.answers_kept.fetch_add(sealed.len(), Ordering::Relaxed) + sealed.len();
            if kept >= BETWEEN_SWEEPS
                && app.answers_kept.compare_exchange(kept, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
                && let Err(error) = forget(app, LIMITS).await
            {
                tracing::warn!(error = &error as &dyn std::error::Error, "old idempotency keys were not forgotten");
            }
        }
        Ok(false) => tracing::warn!("an answer came too late to be kept for its idempotency key"),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "an answer could not be kept for its idempotency key");
        }
    }
}

/// Frees the key of a request that was not answered with success, so that the next one under it does the work; not if the request may
/// have been carried out all the same (`nobody_knows`) and has recorded an event. If this fails, the claim ends by itself.
pub async fn release(app: &App, claim: &Claim, nobody_knows: bool) {
    let db = app.db.patient(PATIENCE);
    let released = if nobody_knows {
        idempotency::end(&db, &claim.id, &claim.by, app.now()).await
    } else {
        idempotency::release(&db, &claim.id, &claim.by).await
    };
    if let Err(error) = released {
        tracing::debug!(error = &error as &dyn std::error::Error, "an idempotency key could not be freed");
    }
}

/// Deletes expired keys, and those beyond `limits`.
pub async fn sweep(app: &App, limits: Limits) -> Result<(), Beneath> {
    while idempotency::delete_expired(&app.db, app.now(), AT_ONCE).await? > 0 {
        // Let tasks that wait for the writer go first.
        tokio::task::yield_now().await;
    }
    forget(app, limits).await
}

/// Deletes the oldest keys of tokens beyond `limits`.
async fn forget(app: &App, limits: Limits) -> Result<(), Beneath> {
    let totals = idempotency::totals(&app.db).await?;
    let most = limits.bytes.min(share(totals.iter().map(|(_, n, bytes)| bytes + n * ROW), limits.bytes_in_all));
    for (token, n, bytes) in totals {
        if n <= limits.keys && bytes + n * ROW <= most {
            continue;
        }
        let (mut kept, mut bytes) = (0, 0);
        for size in idempotency::sizes(&app.db, &token, limits.keys).await? {
            bytes += size + ROW;
            if bytes > most {
                break;
            }
            kept += 1;
        }
        let mut left = n - kept;
        while left > 0 {
            idempotency::delete_oldest(&app.db, &token, left.min(AT_ONCE)).await?;
            left -= AT_ONCE;
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

/// The most that each may have, so that all together have no more than `in_all`: those with little keep all of it.
fn share(sizes: impl Iterator<Item = i64>, in_all: i64) -> i64 {
    let mut sizes: Vec<i64> = sizes.collect();
    sizes.sort_unstable();
    let (mut left, mut others) = (in_all, i64::try_from(sizes.len()).unwrap_or(i64::MAX));
    for size in sizes {
        if size > left / others {
            return left / others;
        }
        (left, others) = (left - size, others - 1);
    }
    i64::MAX
}

impl Claim {
    /// The request that holds it.
    pub const fn by(&self) -> &RequestId {
        &self.by
    }
}

impl Answer {
    /// A line with status and media type, then the body.
    fn pack(&self) -> Zeroizing<Vec<u8>> {
        let mut plain = Zeroizing::new(Vec::with_capacity(self.body.len() + 64));
        plain.extend_from_slice(format!("{} {}\n", self.status, self.kind).as_bytes());
        plain.extend_from_slice(&self.body);
        plain
    }

    fn unpack(plain: &[u8]) -> Option<Self> {
        let end = plain.iter().position(|byte| *byte == b'\n')?;
        let (status, kind) = std::str::from_utf8(&plain[..end]).ok()?.split_once(' ')?;
        Some(Self { status: status.parse().ok()?, kind: kind.to_owned(), body: plain[end + 1..].to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_with_the_most_give_way() {
        let of = |sizes: &[i64], in_all| share(sizes.iter().copied(), in_all);
        assert_eq!(of(&[], 10), i64::MAX);
        assert_eq!(of(&[5, 5], 10), i64::MAX);
        assert_eq!(of(&[9, 1, 5], 10), 4);
        assert_eq!(of(&[100, 1], 10), 9);
        assert_eq!(of(&[6, 6], 10), 5);
    }
}
