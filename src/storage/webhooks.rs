//! Webhooks: where they are, what they want, their sealed secrets, and their place in the events.

use super::{Db, Error, Tx, events};
use crate::domain::webhook::MOST;
use crate::domain::{Event, EventId, Time, Users, Wanted, Webhook, WebhookId, WebhookUrl, WhyOff};

/// The columns of a [`Webhook`].
const COLUMNS: &str = "id, url, description, wanted, users, created_at, old_until, succeeded_at, failing_since, disabled_at, disabled_why";

/// A webhook with its sealed secrets, and what is still to be delivered to it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct WebhookWithSecret {
    #[sqlx(flatten)]
    pub webhook: Webhook,
    /// Its secret, sealed.
    pub secret: Vec<u8>,
    /// The one before it, sealed, while that signs too.
    pub old_secret: Option<Vec<u8>>,
    /// The event up to which deliveries were made.
    pub cursor: EventId,
    /// The event after which events are being sent again.
    pub replay_after: Option<EventId>,
    /// The last event that is sent again.
    pub replay_to: Option<EventId>,
    /// Whether those are sent again, too, that were delivered.
    pub replay_all: bool,
}

/// The further columns of a [`WebhookWithSecret`].
const SECRET_COLUMNS: &str = ", secret, old_secret, cursor, replay_after, replay_to, replay_all";

/// Keeps a new webhook, whose place is behind the event that says so; false when there are [`MOST`] already.
pub async fn insert(db: &Db, webhook: &Webhook, secret: &[u8], event: &Event) -> Result<bool, Error> {
    db.transaction(|mut tx| async move {
        tx.query(
            "INSERT INTO webhooks (id, url, description, wanted, users, secret, cursor, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, 0, $7)",
        )
        .binds((
            &webhook.id,
            &webhook.url,
            &webhook.description,
            &webhook.wanted,
            &webhook.users,
            secret,
            webhook.created_at,
        ))
        .execute()
        .await?;
        events::record(&mut tx, event).await?;
        // Behind the counter's lock: two who add one at the same moment count one after the other.
        let all: i64 = tx.query("SELECT COUNT(*) FROM webhooks WHERE deleted_at IS NULL").value().await?;
        if all > MOST {
            return tx.undo(false).await;
        }
        tx.query("UPDATE webhooks SET cursor = (SELECT n FROM counters WHERE name = 'event') WHERE id = $1")
            .bind(&webhook.id)
            .execute()
            .await?;
        tx.commit(true).await
    })
    .await
}

/// Every webhook, oldest first.
pub async fn all(db: &Db) -> Result<Vec<Webhook>, Error> {
    db.read(["SELECT ", COLUMNS, " FROM webhooks WHERE deleted_at IS NULL ORDER BY id"]).all().await
}

/// Every webhook that is sent events, oldest first.
pub async fn sent_events(db: &Db) -> Result<Vec<WebhookWithSecret>, Error> {
    db.read([
        "SELECT ",
        COLUMNS,
        SECRET_COLUMNS,
        " FROM webhooks WHERE deleted_at IS NULL AND disabled_at IS NULL AND secret IS NOT NULL ORDER BY id",
    ])
    .all()
    .await
}

pub async fn find(db: &Db, id: &WebhookId) -> Result<Option<WebhookWithSecret>, Error> {
    db.read([
        "SELECT ",
        COLUMNS,
        SECRET_COLUMNS,
        " FROM webhooks WHERE id = $1 AND deleted_at IS NULL AND secret IS NOT NULL",
    ])
    .bind(id)
    .optional()
    .await
}

/// What is changed of a webhook. Its secrets are bound to its address, so they are sealed anew.
#[derive(Debug)]
pub struct Change<'a> {
    pub url: &'a WebhookUrl,
    /// What it is called now.
    pub description: &'a str,
    pub wanted: &'a Wanted,
    /// Of whom it is told now.
    pub users: Option<&'a Users>,
    /// Its secret, sealed for the new address.
    pub secret: &'a [u8],
    /// The one before it, likewise.
    pub old_secret: Option<&'a [u8]>,
}

/// Changes a webhook; an old secret that was ended since `was` was read stays ended. False when somebody else has changed its
/// secrets since.
pub async fn change(db: &Db, was: &WebhookWithSecret, to: &Change<'_>, event: &Event) -> Result<bool, Error> {
    events::with(db, event, |tx| {
        tx.query(
            "UPDATE webhooks
                 SET url = $1, description = $2, wanted = $3, users = $4, secret = $5,
                     old_secret = CASE WHEN old_secret IS NULL THEN NULL ELSE $6 END
                 WHERE id = $7 AND secret = $8 AND deleted_at IS NULL",
        )
        .binds((
            to.url,
            to.description,
            to.wanted,
            to.users,
            to.secret,
            to.old_secret,
            &was.webhook.id,
            &was.secret,
        ))
    })
    .await
}

/// Gives a webhook a new secret; `old`, if there is one, signs too until the moment beside it. False when somebody else has
/// changed its secrets since `was` was read.
pub async fn rotate(
    db: &Db,
    was: &WebhookWithSecret,
    secret: &[u8],
    old: Option<(&[u8], Time)>,
    event: &Event,
) -> Result<bool, Error> {
    events::with(db, event, |tx| {
        tx.query(
            "UPDATE webhooks
                 SET secret = $1, old_secret = $2, old_until = $3
                 WHERE id = $4 AND secret = $5 AND deleted_at IS NULL
                   AND (old_secret = $6 OR ($7 IS NULL AND old_secret IS NULL))",
        )
        .binds((
            secret,
            old.map(|(old, _)| old),
            old.map(|(_, until)| until),
            &was.webhook.id,
            &was.secret,
            &was.old_secret,
            &was.old_secret,
        ))
    })
    .await
}

/// Wipes a webhook's old secret; false when there is none.
pub async fn end_old_secret(db: &Db, id: &WebhookId, event: &Event) -> Result<bool, Error> {
    events::with(db, event, |tx| {
        tx.query("UPDATE webhooks SET old_secret = NULL, old_until = NULL WHERE id = $1 AND old_secret IS NOT NULL")
            .bind(id)
    })
    .await
}

/// Wipes the old secrets whose time is over; none has time beyond `latest`, whatever a clock that was ahead wrote.
pub async fn wipe_old_secrets(db: &Db, now: Time, latest: Time) -> Result<(), Error> {
    let any: bool = db
        .read("SELECT COUNT(*) > 0 FROM webhooks WHERE old_until <= $1 OR old_until > $2")
        .binds((now, latest))
        .value()
        .await?;
    if any {
        db.write("UPDATE webhooks SET old_secret = NULL, old_until = NULL WHERE old_until <= $1")
            .bind(now)
            .execute()
            .await?;
        db.write("UPDATE webhooks SET old_until = $1 WHERE old_until > $2").binds((latest, latest)).execute().await?;
    }
    Ok(())
}

/// Sends a webhook no events any more; 1 when it was sent some before. With
/// `failing_since`, only if it has taken nothing since: what was judged was read before the try.
pub(super) async fn turn_off(
    tx: &mut Tx,
    id: &WebhookId,
    why: WhyOff,
    failing_since: Option<Time>,
    now: Time,
    event: &Event,
) -> Result<u64, Error> {
    let done = tx
        .query(
            "UPDATE webhooks
             SET disabled_at = $1, disabled_why = $2
             WHERE id = $3 AND disabled_at IS NULL AND deleted_at IS NULL AND ($4 IS NULL OR failing_since <= $4)",
        )
        .binds((now, why, id, failing_since))
        .execute()
        .await?;
    if done == 1 {
        events::record(tx, event).await?;
    }
    Ok(done)
}

/// Sends a webhook no events any more; false when it was sent none before.
pub async fn disable(db: &Db, id: &WebhookId, why: WhyOff, now: Time, event: &Event) -> Result<bool, Error> {
    db.transaction(|mut tx| async move {
        let done = turn_off(&mut tx, id, why, None, now, event).await?;
        tx.commit(done == 1).await
    })
    .await
}

/// How a webhook goes on that is sent events again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoOn {
    /// With what it missed: what happened after its place.
    FromItsPlace,
    /// With what happens from now on.
    FromNow,
}

/// Sends a webhook events again; false when it was not turned off.
pub async fn enable(db: &Db, id: &WebhookId, how: GoOn, event: &Event) -> Result<bool, Error> {
    db.transaction(|mut tx| async move {
        let done = tx
            .query(
                "UPDATE webhooks
                 SET disabled_at = NULL, disabled_why = NULL, failing_since = NULL
                 WHERE id = $1 AND disabled_at IS NOT NULL AND deleted_at IS NULL",
            )
            .bind(id)
            .execute()
            .await?;
        if done == 0 {
            return tx.undo(false).await;
        }
        if how == GoOn::FromNow {
            tx.query(
                "UPDATE webhooks
                 SET cursor = (SELECT n FROM counters WHERE name = 'event'), replay_after = NULL, replay_to = NULL
                 WHERE id = $1",
            )
            .bind(id)
            .execute()
            .await?;
        }
        events::record(&mut tx, event).await?;
        tx.commit(true).await
    })
    .await
}

/// Has a webhook sent again what happened after `after`: all of it, or what was not delivered. What is being sent again
/// already is kept in. False when there is no such webhook that is sent events.
pub async fn replay(db: &Db, id: &WebhookId, after: EventId, all: bool, event: &Event) -> Result<bool, Error> {
    db.transaction(|mut tx| async move {
        let done = tx
            .query(
                "UPDATE webhooks
                 SET replay_after = CASE WHEN replay_after < $1 THEN replay_after ELSE $2 END, replay_to = cursor,
                     replay_all = $3 OR (replay_all AND replay_after IS NOT NULL)
                 WHERE id = $4 AND deleted_at IS NULL AND disabled_at IS NULL",
            )
            .binds((after, after, all, id))
            .execute()
            .await?;
        if done == 1 {
            events::record(&mut tx, event).await?;
        }
        tx.commit(done == 1).await
    })
    .await
}

/// Deletes a webhook: its secrets are wiped at once, its log a little later. False when there is none with this id.
pub async fn delete(db: &Db, id: &WebhookId, now: Time, event: &Event) -> Result<bool, Error> {
    events::with(db, event, |tx| {
        tx.query(
            "UPDATE webhooks
                 SET deleted_at = $1, secret = NULL, old_secret = NULL, old_until = NULL
                 WHERE id = $2 AND deleted_at IS NULL",
        )
        .binds((now, id))
    })
    .await
}
