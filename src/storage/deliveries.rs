//! Deliveries: made from events, claimed by one process at a time, and the log of what became of them.

use std::time::Duration;

use super::{Db, Error, events, webhooks};
use crate::domain::delivery::NOT_WANTED;
use crate::domain::{Delivery, DeliveryId, DeliveryState, Event, EventId, Time, WebhookId, WhyOff};

/// The columns of a [`Delivery`].
const COLUMNS: &str =
    "id, webhook_id, event, kind, state, made_at, due_at, tries, tried_at, ended_at, status, fault, took_ms";

/// A delivery about to be made.
#[derive(Debug)]
pub struct New {
    pub id: DeliveryId,
    /// What is delivered.
    pub event: EventId,
    /// What happened.
    pub kind: String,
}

/// The deliveries of one webhook for the events up to `to`.
#[derive(Debug)]
pub struct Batch {
    pub webhook_id: WebhookId,
    /// The event up to which deliveries were made before.
    pub from: EventId,
    /// The event up to which they are made with these.
    pub to: EventId,
    /// Those that are wanted.
    pub deliveries: Vec<New>,
}

/// Rows that one transaction makes, unless a single batch has more: whoever else wants to write waits for its end.
const ROWS: usize = 500;

/// Makes deliveries, each once: a batch whose webhook was moved on by somebody else meanwhile is left out. Gives back how
/// many batches were made. Between its transactions others have their turn: one who waits for the connection gets it first.
pub async fn make(db: &Db, batches: &[Batch], now: Time) -> Result<usize, Error> {
    let (mut made, mut rest) = (0, batches);
    while !rest.is_empty() {
        let mut rows = 0;
        let fits = |batch: &&Batch| {
            rows += batch.deliveries.len();
            rows <= ROWS
        };
        let (some, others) = rest.split_at(rest.iter().take_while(fits).count().max(1));
        made += make_some(db, some, now).await?;
        rest = others;
    }
    Ok(made)
}

/// The same, in one transaction.
async fn make_some(db: &Db, batches: &[Batch], now: Time) -> Result<usize, Error> {
    db.transaction(|mut tx| async move {
        let mut made = 0;
        for batch in batches {
            let mine = tx
                .query(
                    "UPDATE webhooks
                     SET cursor = $1
                     WHERE id = $2 AND cursor = $3 AND disabled_at IS NULL AND deleted_at IS NULL",
                )
                .binds((batch.to, &batch.webhook_id, batch.from))
                .execute()
                .await?;
            if mine == 0 {
                continue;
            }
            made += 1;
            for new in &batch.deliveries {
                tx.query(
                    "INSERT INTO deliveries (id, webhook_id, event, kind, state, made_at, due_at, tries)
                     VALUES ($1, $2, $3, $4, 'waiting', $5, $6, 0)
                     ON CONFLICT (webhook_id, event) DO NOTHING",
                )
                .binds((&new.id, &batch.webhook_id, new.event, &new.kind, now, now))
                .execute()
                .await?;
            }
        }
        tx.commit(made).await
    })
    .await
}

/// Makes deliveries once more for events that are sent again, up to `batch.to`, which ends it when that is `last`. What was
/// delivered is left alone unless `all` is wanted, and what is due until `due` keeps its time: somebody may be sending it now.
/// False when somebody else has done it meanwhile.
pub async fn make_again(db: &Db, batch: &Batch, last: EventId, all: bool, now: Time, due: Time) -> Result<bool, Error> {
    let goes_on = (batch.to < last).then_some(batch.to);
    db.transaction(|mut tx| async move {
        let mine = tx
            .query(
                "UPDATE webhooks
                 SET replay_after = $1
                 WHERE id = $2 AND replay_after = $3 AND replay_to = $4 AND disabled_at IS NULL AND deleted_at IS NULL",
            )
            .binds((goes_on, &batch.webhook_id, batch.from, last))
            .execute()
            .await?;
        if mine == 0 {
            return tx.undo(false).await;
        }
        for new in &batch.deliveries {
            tx.query(
                "INSERT INTO deliveries (id, webhook_id, event, kind, state, made_at, due_at, tries)
                 VALUES ($1, $2, $3, $4, 'waiting', $5, $6, 0)
                 ON CONFLICT (webhook_id, event) DO UPDATE
                 SET state = 'waiting', made_at = excluded.made_at, tries = 0, ended_at = NULL,
                     due_at = CASE WHEN deliveries.due_at <= $7 THEN deliveries.due_at ELSE excluded.due_at END
                 WHERE $8 OR deliveries.state <> 'delivered'",
            )
            .binds((&new.id, &batch.webhook_id, new.event, &new.kind, now, now, due, all))
            .execute()
            .await?;
        }
        tx.commit(true).await
    })
    .await
}

/// Sends one delivery again; false when there is no such delivery of an event.
pub async fn again(db: &Db, webhook: &WebhookId, id: &DeliveryId, now: Time, event: &Event) -> Result<bool, Error> {
    db.transaction(|mut tx| async move {
        events::record(&mut tx, event).await?;
        let done = tx
            .query(
                "UPDATE deliveries
                 SET state = 'waiting', made_at = $1, due_at = $2, tries = 0, ended_at = NULL
                 WHERE id = $3 AND webhook_id = $4 AND event IS NOT NULL",
            )
            .binds((now, now, id, webhook))
            .execute()
            .await?;
        if done == 1 { tx.commit(true).await } else { tx.undo(false).await }
    })
    .await
}

/// When deliveries of a webhook are due, or claims on them expire.
#[derive(Debug, PartialEq, Eq)]
pub struct Due {
    /// Whether any is due now.
    pub now: bool,
    /// When the next one after those is due.
    pub next: Option<Time>,
}

/// When deliveries of a webhook are due, as seen at `now`.
pub async fn due(db: &Db, webhook: &WebhookId, now: Time) -> Result<Due, Error> {
    let (now, next) = db
        .read(
            "SELECT EXISTS (SELECT 1 FROM deliveries WHERE webhook_id = $1 AND due_at <= $2),
                    (SELECT MIN(due_at) FROM deliveries WHERE webhook_id = $1 AND due_at > $2)",
        )
        .bind(webhook)
        .bind(now)
        .one()
        .await?;
    Ok(Due { now, next })
}

/// Has deliveries to a webhook tried now that are due after `beyond`, at most `most`; returns how many.
pub async fn bring_forward(db: &Db, webhook: &WebhookId, beyond: Time, now: Time, most: i64) -> Result<u64, Error> {
    let last: Option<Time> = db
        .read("SELECT MAX(due_at) FROM deliveries WHERE webhook_id = $1 AND due_at IS NOT NULL")
        .bind(webhook)
        .value()
        .await?;
    // Nearly always; then whoever writes is not disturbed.
    if last.is_none_or(|last| last <= beyond) {
        return Ok(0);
    }
    db.write(
        "UPDATE deliveries
         SET due_at = $1
         WHERE id IN (SELECT id FROM deliveries WHERE webhook_id = $2 AND due_at > $3 LIMIT $4)",
    )
    .binds((now, webhook, beyond, most))
    .execute()
    .await
}

/// Claims deliveries of a webhook that are due at `now` until `until`, the longest due first; at most `most`. Nobody else
/// gets them before that.
pub async fn claim(db: &Db, webhook: &WebhookId, now: Time, until: Time, most: i64) -> Result<Vec<Delivery>, Error> {
    let mut claimed: Vec<Delivery> = db
        .write([
            "UPDATE deliveries
             SET due_at = $1
             WHERE due_at <= $2
               AND id IN (SELECT id FROM deliveries
                          WHERE webhook_id = $3 AND due_at <= $4
                          ORDER BY due_at, event
                          LIMIT $5)
             RETURNING ",
            COLUMNS,
        ])
        .binds((until, now, webhook, now, most))
        .all()
        .await?;
    claimed.sort_unstable_by_key(|delivery| delivery.event);
    Ok(claimed)
}

/// What one try told.
#[derive(Debug)]
pub struct Tried {
    /// When it is tried again; never when it has ended.
    pub due_at: Option<Time>,
    /// Where it stands now.
    pub state: DeliveryState,
    /// How many tries that were.
    pub tries: i64,
    pub status: Option<i64>,
    /// Why there was no answer, as a stable code.
    pub fault: Option<&'static str>,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
    pub now: Time,
    /// Why the webhook is sent no events any more, and the event that says so.
    pub disables: Option<Disables>,
}

/// Why a webhook is sent no events any more.
#[derive(Debug)]
pub struct Disables {
    pub why: WhyOff,
    /// Only if it has taken nothing since.
    pub failing_since: Option<Time>,
    /// What says so.
    pub event: Event,
}

/// What became of what a try told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    Yes,
    /// It is kept, and the webhook is off now.
    AndTurnedOff,
    /// It is not: the claim has run out, and somebody else tries.
    No,
}

/// Keeps what a try told, as long as the claim holds, which was `until`.
///
/// The webhook's row comes first, the events' counter next, the delivery last, here and everywhere: two who want the same rows
/// wait for each other and do not stand in each other's way.
pub async fn tried(db: &Db, delivery: &Delivery, until: Time, tried: &Tried) -> Result<Kept, Error> {
    let ended_at = tried.due_at.is_none().then_some(tried.now);
    let webhook = &delivery.webhook_id;
    db.transaction(|mut tx| async move {
        if tried.state == DeliveryState::Delivered {
            // To the minute: not every delivery is to change the same row. What lies ahead, a clock wrote that was wrong.
            tx.query(
                "UPDATE webhooks
                 SET succeeded_at = $1, failing_since = NULL
                 WHERE id = $2
                   AND (failing_since IS NOT NULL OR succeeded_at IS NULL OR succeeded_at <= $3 OR succeeded_at > $4)",
            )
            .binds((tried.now, webhook, tried.now.minus(Duration::from_mins(1)), tried.now))
            .execute()
            .await?;
        } else {
            tx.query(
                "UPDATE webhooks SET failing_since = $1 WHERE id = $2 AND (failing_since IS NULL OR failing_since > $3)",
            )
            .binds((tried.now, webhook, tried.now))
            .execute()
            .await?;
        }
        let turned_off = match &tried.disables {
            Some(Disables { why, failing_since, event }) => {
                webhooks::turn_off(&mut tx, webhook, *why, *failing_since, tried.now, event).await?
            }
            None => 0,
        };
        let mine = tx.query(
            "UPDATE deliveries
             SET due_at = $1, state = $2, tries = $3, status = $4, fault = $5, took_ms = $6, tried_at = $7, ended_at = $8
             WHERE id = $9 AND due_at = $10",
        )
        .binds((
            tried.due_at,
            tried.state,
            tried.tries,
            tried.status,
            tried.fault,
            tried.took_ms,
            tried.now,
            ended_at,
            &delivery.id,
            until,
        ))
        .execute()
        .await?;
        if mine == 0 {
            return tx.undo(Kept::No).await;
        }
        tx.commit(if turned_off == 1 { Kept::AndTurnedOff } else { Kept::Yes }).await
    }).await
}

/// Ends a delivery that is not wanted any more, unless its claim, which was `until`, has run out.
pub async fn not_wanted(db: &Db, id: &DeliveryId, until: Time, now: Time) -> Result<(), Error> {
    db.write(
        "UPDATE deliveries
         SET state = 'skipped', due_at = NULL, ended_at = $1, status = NULL, fault = $2
         WHERE id = $3 AND due_at = $4",
    )
    .binds((now, NOT_WANTED, id, until))
    .execute()
    .await?;
    Ok(())
}

/// Keeps what a trial told, as a line of the log.
pub async fn keep_trial(db: &Db, delivery: &Delivery, event: &Event) -> Result<(), Error> {
    db.transaction(|mut tx| async move {
        tx.query(
            "INSERT INTO deliveries (id, webhook_id, kind, state, made_at, tries, tried_at, ended_at, status, fault, took_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .binds((
            &delivery.id,
            &delivery.webhook_id,
            &delivery.kind,
            delivery.state,
            delivery.made_at,
            delivery.tries,
            delivery.tried_at,
            delivery.ended_at,
            delivery.status,
            &delivery.fault,
            delivery.took_ms,
        ))
        .execute()
        .await?;
        events::record(&mut tx, event).await?;
        tx.commit(()).await
    })
    .await
}
