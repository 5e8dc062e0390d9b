//! The log of deliveries: read a page at a time, counted, and deleted when it is old.

use super::lists::{as_list, listed};
use super::{Db, Error};
use crate::domain::{Delivery, DeliveryId, DeliveryState, EventId, Time, UserId, Users, WebhookId};

const LINES: &str =
    "SELECT id, webhook_id, event, kind, state, made_at, due_at, tries, tried_at, ended_at, status, fault, took_ms
     FROM deliveries
     WHERE ";

/// Deliveries to a webhook, in one state if it is named, before `before`, the newest first; at most `most`. With `users`, only
/// tests and events about these.
pub async fn list(
    db: &Db,
    webhook: &WebhookId,
    state: Option<DeliveryState>,
    users: Option<&Users>,
    before: &DeliveryId,
    most: i64,
) -> Result<Vec<Delivery>, Error> {
    let named = state.map(DeliveryState::as_str);
    let Some(users) = users else {
        let in_state = if state.is_some() { "state = $3" } else { "$3 IS NULL" };
        let sql = [LINES, "webhook_id = $1 AND id < $2 AND ", in_state, " ORDER BY id DESC LIMIT $4"];
        return db.read(sql).binds((webhook, before, named, most)).planned_each_time().all().await;
    };
    let in_state = if state.is_some() { "state = $4" } else { "$4 IS NULL" };
    let sql = [
        LINES,
        "webhook_id = $2 AND id < $3 AND ",
        in_state,
        " AND (event IS NULL OR event IN (SELECT seq FROM events WHERE user_id IN (",
        listed(db),
        "))) ORDER BY id DESC LIMIT $5",
    ];
    let users: Vec<&str> = users.iter().map(UserId::as_str).collect();
    db.read(sql).bind(as_list(&users)?).binds((webhook, before, named, most)).planned_each_time().all().await
}

/// Which event this delivery to a webhook brings; none when there is no such delivery, or it is a trial.
pub async fn event(db: &Db, webhook: &WebhookId, id: &DeliveryId) -> Result<Option<EventId>, Error> {
    db.read("SELECT event FROM deliveries WHERE id = $1 AND webhook_id = $2 AND event IS NOT NULL")
        .binds((id, webhook))
        .optional_value()
        .await
}

/// How many deliveries to a webhook are in this state; counted up to `most`.
pub async fn count(db: &Db, webhook: &WebhookId, state: DeliveryState, most: i64) -> Result<i64, Error> {
    db.read(
        "SELECT COUNT(*)
         FROM (SELECT 1 FROM deliveries WHERE webhook_id = $1 AND state = $2 LIMIT $3) AS found",
    )
    .binds((webhook, state, most))
    .value()
    .await
}

/// Has deliveries to a webhook tried at `now`, with all their tries before them: those in this state that did not end before
/// `since`. At most `most`, of those after the id `after`; returns the last of them, none when there were none.
pub async fn due_again(
    db: &Db,
    webhook: &WebhookId,
    state: DeliveryState,
    since: Time,
    after: &DeliveryId,
    now: Time,
    most: i64,
) -> Result<Option<DeliveryId>, Error> {
    let changed: Vec<DeliveryId> = db
        .write(
            "UPDATE deliveries
             SET state = 'waiting', due_at = $1, tries = 0, ended_at = NULL
             WHERE id IN (SELECT id FROM deliveries
                          WHERE webhook_id = $2 AND state = $3 AND id > $4 AND event IS NOT NULL
                            AND (ended_at IS NULL OR ended_at >= $5)
                          ORDER BY id
                          LIMIT $6)
             RETURNING id",
        )
        .binds((now, webhook, state, after, since, most))
        .values()
        .await?;
    Ok(changed.into_iter().max())
}

/// Gives up deliveries to a webhook that wait, at most `most`; returns how many.
pub async fn skip(db: &Db, webhook: &WebhookId, now: Time, most: i64) -> Result<u64, Error> {
    db.write(
        "UPDATE deliveries
         SET state = 'skipped', due_at = NULL, ended_at = $1
         WHERE id IN (SELECT id FROM deliveries WHERE webhook_id = $2 AND state = 'waiting' LIMIT $3)",
    )
    .binds((now, webhook, most))
    .execute()
    .await
}

/// Deletes deliveries that ended before this moment, the oldest first, at most `most`; returns how many.
pub async fn delete_ended(db: &Db, before: Time, most: i64) -> Result<u64, Error> {
    db.write(
        "DELETE FROM deliveries
         WHERE id IN (SELECT id FROM deliveries WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)",
    )
    .binds((before, most))
    .execute()
    .await
}

/// Webhooks that were deleted and still have rows.
pub async fn deleted(db: &Db) -> Result<Vec<WebhookId>, Error> {
    db.read("SELECT id FROM webhooks WHERE deleted_at IS NOT NULL ORDER BY id").values().await
}

/// Deletes what is left of a deleted webhook, at most `most` deliveries, and with the last of them the webhook; returns
/// how many deliveries.
pub async fn clear(db: &Db, webhook: &WebhookId, most: i64) -> Result<u64, Error> {
    db.transaction(|mut tx| async move {
        let deleted = tx
            .query(
                "DELETE FROM deliveries
                 WHERE id IN (SELECT id FROM deliveries WHERE webhook_id = $1 LIMIT $2)",
            )
            .binds((webhook, most))
            .execute()
            .await?;
        if deleted == 0 {
            tx.query("DELETE FROM webhooks WHERE id = $1 AND deleted_at IS NOT NULL").bind(webhook).execute().await?;
        }
        tx.commit(deleted).await
    })
    .await
}
