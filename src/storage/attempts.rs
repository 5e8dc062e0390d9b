//! Attempts, and how they move on. Every move is a compare-and-set, so it holds between replicas.

use super::{Db, Error, Tx, events, grants, strangers};
use crate::domain::{Actor, Attempt, AttemptId, ClientNetwork, Event, Fingerprint, Status, StoreUrl, Time, Verdict};

/// The columns of an [`Attempt`].
pub(super) const COLUMNS: &str = "id, link_id, user_id, account_label, home, scope, confirm, return_url, wanted_store, status, reason, \
         created_at, expires_at, received_at, returned_at, elsewhere_at, confirmed_at, confirm_code_until, store_id, \
         by_hand, password_page, stopped, warnings, typed, store_name, icon_url, moved_to";

/// An attempt with the fingerprints of what its browser and its store must show.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AttemptWithSecrets {
    #[sqlx(flatten)]
    pub attempt: Attempt,
    /// Of the state that the store sends as `user_id`.
    pub state: Fingerprint,
    /// Of the browser's cookie.
    pub browser: Fingerprint,
}

/// A new attempt, and what is kept beside it.
#[derive(Debug)]
pub struct New<'a> {
    pub held: &'a AttemptWithSecrets,
    /// The fingerprint of the token in its callback address.
    pub callback: &'a Fingerprint,
    /// Where it was begun.
    pub network: &'a ClientNetwork,
    /// What the preflight found.
    pub found: Option<Verdict>,
    /// What is told of it, `attempt.begun` first: at once for a link's first attempts, otherwise when a grant comes.
    pub events: &'a [Event],
}

/// What became of a new attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    Kept,
    /// Its link was withdrawn meanwhile.
    Withdrawn,
    /// As many are open as may be.
    Full,
}

/// Keeps a new attempt; older ones may give way to it ([`strangers`]).
pub async fn insert(db: &Db, new: &New<'_>) -> Result<Inserted, Error> {
    let attempt = &new.held.attempt;
    db.transaction(|mut tx| async move {
        let mut recorded = false;
        if let Some(link) = &attempt.link_id {
            // Holds the link until the attempt is in: whoever withdraws it waits, and ends this attempt too.
            let begun: Option<i64> = tx
                .query("UPDATE links SET begun = begun + 1 WHERE id = $1 AND withdrawn_at IS NULL RETURNING begun")
                .bind(link)
                .optional_value()
                .await?;
            let Some(begun) = begun else { return tx.undo(Inserted::Withdrawn).await };
            recorded = begun <= strangers::RECORDED_OF_LINK;
        }
        if attempt.status == Status::Open && !strangers::make_room(&mut tx, attempt, new.network).await? {
            return tx.undo(Inserted::Full).await;
        }
        insert_row(&mut tx, new, recorded).await?;
        strangers::forget_surplus(&mut tx, attempt, new.network).await?;
        if recorded {
            for event in new.events {
                events::record(&mut tx, event).await?;
            }
        }
        tx.commit(Inserted::Kept).await
    })
    .await
}

async fn insert_row(tx: &mut Tx, new: &New<'_>, recorded: bool) -> Result<(), Error> {
    let attempt = &new.held.attempt;
    let later = new.events.first().filter(|_| !recorded).map(|begun| &begun.actor);
    tx.query(
        "INSERT INTO attempts (id, link_id, user_id, account_label, home, scope, confirm, return_url, wanted_store,
                               state, callback, browser, begun_from, status, reason, created_at, expires_at, by_hand,
                               begun_wide, recorded, found, begun_ip, begun_request, stopped, warnings, typed,
                               store_name, password_page, icon_url)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                 $23, $24, $25, $26, $27, $28, $29)",
    )
    .binds((
        &attempt.id,
        &attempt.link_id,
        &attempt.user_id,
        &attempt.account_label,
        &attempt.home,
        attempt.scope,
        attempt.confirm,
        &attempt.return_url,
        &attempt.wanted_store,
        &new.held.state,
        new.callback,
        &new.held.browser,
        &new.network.narrow,
        attempt.status,
        attempt.reason,
        attempt.created_at,
        attempt.expires_at,
        attempt.by_hand,
        &new.network.wide,
        recorded,
        new.found,
        later.and_then(Actor::from).map(|from| from.to_string()),
        later.and_then(Actor::request),
    ))
    .binds((
        attempt.stopped,
        &attempt.warnings,
        &attempt.typed,
        &attempt.store_name,
        &attempt.password_page,
        &attempt.icon_url,
    ))
    .execute()
    .await?;
    Ok(())
}

pub async fn find(db: &Db, id: &AttemptId) -> Result<Option<AttemptWithSecrets>, Error> {
    db.read(["SELECT ", COLUMNS, ", state, browser FROM attempts WHERE id = $1"]).bind(id).optional().await
}

/// Saves the address that a store reports, if it is not its home.
pub async fn moved(db: &Db, id: &AttemptId, to: &StoreUrl) -> Result<(), Error> {
    db.write("UPDATE attempts SET moved_to = $1 WHERE id = $2").bind(to).bind(id).execute().await?;
    Ok(())
}

/// The attempt whose callback address holds the token with this fingerprint.
pub async fn by_callback(db: &Db, callback: &Fingerprint) -> Result<Option<AttemptWithSecrets>, Error> {
    db.read(["SELECT ", COLUMNS, ", state, browser FROM attempts WHERE callback = $1"]).bind(callback).optional().await
}

/// The browser that began it came back. Where a browser's return confirms, this confirms, unless another browser
/// came first. A return proves that the newest grant was acknowledged, not an older one: with several, all are
/// asked again.
pub async fn returned(db: &Db, id: &AttemptId, now: Time, confirmed: &Event) -> Result<(), Error> {
    db.transaction(|mut tx| async move {
        let first = tx.query(
            "UPDATE attempts
             SET returned_at = $1
             WHERE id = $2 AND returned_at IS NULL AND received_at IS NOT NULL
               AND status IN ('received', 'proving', 'awaiting_confirmation')",
        )
        .binds((now, id))
        .execute()
        .await?;
        if first == 0 {
            return tx.undo(()).await;
        }
        let confirms = tx.query(
            "UPDATE attempts
             SET confirmed_at = $1
             WHERE id = $2 AND confirm = 'browser' AND confirmed_at IS NULL AND elsewhere_at IS NULL",
        )
        .binds((now, id))
        .execute()
        .await?;
        if confirms == 1 {
            strangers::record(&mut tx, confirmed).await?;
        }
        tx.query(
            "UPDATE grants
             SET state = 'waiting', next_try_at = $1
             WHERE attempt_id = $2 AND state = 'proven' AND (SELECT COUNT(*) FROM grants WHERE attempt_id = $3) > 1",
        )
        .binds((now, id, id))
        .execute()
        .await?;
        // A key that works and was only waiting to be asked again at 75 s need not wait any more.
        tx.query(
            "UPDATE grants SET next_try_at = $1 WHERE attempt_id = $2 AND state = 'waiting' AND auth_method IS NOT NULL",
        )
        .binds((now, id))
        .execute()
        .await?;
        tx.commit(()).await
    })
    .await
}

/// Another browser came back: the approval waits for a person, also when the first browser seems to have come back
/// before. The store sends its merchant's browser here as soon as it has our answer, a second before a key is first
/// tried: whoever is quicker than that has not come from the store.
pub async fn elsewhere(db: &Db, id: &AttemptId, now: Time, event: &Event) -> Result<(), Error> {
    db.transaction(|mut tx| async move {
        let first = tx
            .query(
                "UPDATE attempts
                 SET elsewhere_at = $1, confirmed_at = CASE WHEN confirm = 'browser' THEN NULL ELSE confirmed_at END
                 WHERE id = $2 AND elsewhere_at IS NULL
                   AND status IN ('open', 'received', 'proving', 'awaiting_confirmation')",
            )
            .binds((now, id))
            .execute()
            .await?;
        if first == 1 {
            strangers::record(&mut tx, event).await?;
        }
        tx.commit(()).await
    })
    .await
}

/// A person or the application confirms; false when it was confirmed already or has ended.
pub async fn confirm(db: &Db, id: &AttemptId, now: Time, event: &Event) -> Result<bool, Error> {
    strangers::with(db, event, |tx| {
        tx.query(
            "UPDATE attempts
                 SET confirmed_at = $1
                 WHERE id = $2 AND confirmed_at IS NULL AND status IN ('received', 'proving', 'awaiting_confirmation')",
        )
        .binds((now, id))
    })
    .await
}

/// Keeps the fingerprint of a fresh one-time code, in place of any former one.
pub async fn keep_code(db: &Db, id: &AttemptId, code: &Fingerprint, until: Time) -> Result<(), Error> {
    db.write("UPDATE attempts SET confirm_code = $1, confirm_code_until = $2 WHERE id = $3 AND confirmed_at IS NULL")
        .binds((code, until, id))
        .execute()
        .await?;
    Ok(())
}

/// Spends a code: confirms the attempt if `code` is its newest and still lives at `now`.
pub async fn spend_code(db: &Db, id: &AttemptId, code: &Fingerprint, now: Time, event: &Event) -> Result<bool, Error> {
    strangers::with(db, event, |tx| {
        tx.query(
            "UPDATE attempts
                 SET confirmed_at = $1, confirm_code = NULL
                 WHERE id = $2 AND confirm_code = $3 AND confirm_code_until > $4 AND confirmed_at IS NULL
                   AND status = 'awaiting_confirmation'
                   AND EXISTS (SELECT 1 FROM grants WHERE attempt_id = $5 AND state = 'proven' AND sealed IS NOT NULL)",
        )
        .binds((now, id, code, now, id))
    })
    .await
}

/// Moves an attempt that has not ended to another status that is not an end, with what is the matter.
pub async fn go_on(db: &Db, id: &AttemptId, status: Status, reason: Option<Verdict>) -> Result<(), Error> {
    db.write(
        "UPDATE attempts
         SET status = $1, reason = $2
         WHERE id = $3 AND status IN ('received', 'proving', 'awaiting_confirmation')",
    )
    .binds((status, reason, id))
    .execute()
    .await?;
    Ok(())
}

/// What must still be so when an attempt is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Still {
    /// No grant has come.
    Open,
    /// No grant is left that works or may yet.
    Fruitless,
    /// It has not ended, whatever has come.
    Unended,
}

/// Attempts that a process left behind between a try and what follows from it: confirmed with a proven key, or with no
/// key left to try. At most 100.
pub async fn unsettled(db: &Db) -> Result<Vec<AttemptId>, Error> {
    db.read(
        "SELECT id
         FROM attempts
         WHERE status IN ('received', 'proving', 'awaiting_confirmation')
           AND ((confirmed_at IS NOT NULL
                 AND EXISTS (SELECT 1 FROM grants WHERE attempt_id = attempts.id AND state = 'proven'))
                OR (status <> 'awaiting_confirmation'
                    AND NOT EXISTS (SELECT 1 FROM grants WHERE attempt_id = attempts.id AND state = 'waiting')))
         ORDER BY id
         LIMIT 100",
    )
    .values()
    .await
}

/// How an attempt ends without a store.
#[derive(Debug, Clone, Copy)]
pub struct Ending {
    /// What the caller saw: a grant that was acknowledged in the meantime is never wiped on an older reading.
    pub still: Still,
    /// Its last status: denied, expired or failed.
    pub status: Status,
    pub reason: Verdict,
}

/// Ends an attempt at the time of the event and wipes its grants; false when it had ended already.
pub async fn end(db: &Db, id: &AttemptId, ending: Ending, event: &Event) -> Result<bool, Error> {
    let Ending { still, status, reason } = ending;
    db.transaction(|mut tx| async move {
        let done = tx
            .query(
                "UPDATE attempts
                 SET status = $1, reason = $2, ended_at = $3
                 WHERE id = $4
                   AND (status = 'open' OR ($5 AND status IN ('received', 'proving', 'awaiting_confirmation')))
                   AND ($6 OR NOT EXISTS (SELECT 1 FROM grants WHERE attempt_id = $7 AND state IN ('waiting', 'proven')))",
            )
            .binds((status, reason, event.at, id, still != Still::Open, still != Still::Fruitless, id))
            .execute()
            .await?;
        if done == 1 {
            grants::wipe(&mut tx, id).await?;
            strangers::record(&mut tx, event).await?;
        }
        tx.commit(done == 1).await
    })
    .await
}

/// Attempts that nobody approved in time at `now`, and those whose grant was received before `stale` and that never
/// came to an end; at most 100.
pub async fn overdue(db: &Db, now: Time, stale: Time) -> Result<Vec<Attempt>, Error> {
    db.read([
        "SELECT ",
        COLUMNS,
        " FROM attempts
             WHERE (status = 'open' AND expires_at <= $1)
                OR (status IN ('received', 'proving', 'awaiting_confirmation') AND received_at <= $2)
             ORDER BY id
             LIMIT 100",
    ])
    .binds((now, stale))
    .all()
    .await
}

/// Where an attempt's store is, and the wide network from which a visitor of the open page began it; none for a link.
pub async fn asker(db: &Db, id: &AttemptId) -> Result<Option<(StoreUrl, Option<String>)>, Error> {
    db.read(
        "SELECT home, CASE WHEN link_id IS NULL THEN begun_wide END
         FROM attempts
         WHERE id = $1",
    )
    .bind(id)
    .optional()
    .await
}
