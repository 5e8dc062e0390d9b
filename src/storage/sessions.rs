//! Sessions of operators, and the throttles that stand before them.

use super::{Db, Error, events};
use crate::domain::{Event, Fingerprint, Operator, OperatorId, Session, Time};

#[derive(Debug, sqlx::FromRow)]
pub struct SessionOfOperator {
    #[sqlx(flatten)]
    pub session: Session,
    pub operator_id: OperatorId,
}

/// Networks whose tries are counted at most; of more, the oldest are forgotten.
const MOST_NETWORKS: i64 = 20_000;

/// How many tries of a subject are allowed within its window.
pub type Allowed = (String, i64);

/// Whether none of these subjects has had all its tries at `now`; a window begins with the first try after `begins_before`. Only
/// reads, so a flood of tries beyond the limit does not block the writer.
pub async fn has_tries(db: &Db, tries: &[Allowed], now: Time, begins_before: Time) -> Result<bool, Error> {
    for (subject, most) in tries {
        let n: Option<i64> = db
            .read("SELECT n FROM throttles WHERE subject = $1 AND since >= $2 AND since <= $3")
            .binds((subject, begins_before, now))
            .optional_value()
            .await?;
        if n.is_some_and(|n| n >= *most) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Counts one more try of each subject; false, and the rest is not counted, when one has had too many with this one. A window that
/// began in the future, while a clock was wrong, is over.
pub async fn count(db: &Db, tries: &[Allowed], now: Time, begins_before: Time) -> Result<bool, Error> {
    for (subject, most) in tries {
        let n: i64 = db
            .write(
                "INSERT INTO throttles (subject, since, n)
                 VALUES ($1, $2, 1)
                 ON CONFLICT (subject) DO UPDATE
                 SET n = CASE WHEN throttles.since < $3 OR throttles.since > $4 THEN 1 ELSE throttles.n + 1 END,
                     since = CASE WHEN throttles.since < $5 OR throttles.since > $6 THEN excluded.since ELSE throttles.since END
                 RETURNING n",
            )
            .binds((subject, now, begins_before, now, begins_before, now))
            .value()
            .await?;
        if n > *most {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Forgets the tries of `subject`.
pub async fn forget(db: &Db, subject: &str) -> Result<(), Error> {
    db.write("DELETE FROM throttles WHERE subject = $1").bind(subject).execute().await?;
    Ok(())
}

/// Deletes what is over at `now`: windows that began before `windows`, sessions not used since `idle`, set-up links.
pub async fn sweep(db: &Db, windows: Time, idle: Time, now: Time) -> Result<(), Error> {
    db.write("DELETE FROM throttles WHERE since < $1 OR since > $2").binds((windows, now)).execute().await?;
    db.write(
        "DELETE FROM throttles
         WHERE subject LIKE 'network %'
           AND since < (SELECT since FROM throttles WHERE subject LIKE 'network %' ORDER BY since DESC LIMIT 1 OFFSET $1)",
    )
    .bind(MOST_NETWORKS)
    .execute()
    .await?;
    db.write("DELETE FROM sessions WHERE expires_at <= $1 OR seen_at <= $2").binds((now, idle)).execute().await?;
    db.write("DELETE FROM setup_links WHERE expires_at <= $1").bind(now).execute().await?;
    Ok(())
}

/// How an operator was read before a session of theirs begins: when they are otherwise by then, it does not.
#[derive(Debug)]
pub struct AsRead<'a> {
    /// The hash that the password was compared with, where one was.
    pub password: Option<&'a str>,
    pub second_factor: bool,
}

/// Which sessions end when another begins.
#[derive(Debug, Default)]
pub struct Ends<'a> {
    /// One that the browser had, if it still is.
    pub former: Option<&'a Fingerprint>,
    /// One that was half way; without it, none begins.
    pub half: Option<&'a Fingerprint>,
}

/// Keeps a new session; false when the operator is no longer as they were read, or the half session is gone. The operator's
/// row is locked first, as it is where a password changes: what began with the old one ends there, or does not begin here. A
/// session that is verified counts as signing in, and `event` says so.
pub async fn insert(
    db: &Db,
    operator: &OperatorId,
    session: &Session,
    as_read: &AsRead<'_>,
    ends: &Ends<'_>,
    event: Option<&Event>,
) -> Result<bool, Error> {
    db.transaction(|mut tx| async move {
        let as_before = tx.query(
            "UPDATE operators
             SET signed_in_at = CASE WHEN $1 THEN $2 ELSE signed_in_at END
             WHERE id = $3 AND removed_at IS NULL AND ($4 IS NULL OR password = $5) AND (second_factor IS NOT NULL) = $6",
        )
        .binds((
            session.verified,
            session.created_at,
            operator,
            as_read.password,
            as_read.password,
            as_read.second_factor,
        ))
        .execute()
        .await?;
        if as_before == 0 {
            return tx.undo(false).await;
        }
        if let Some(half) = ends.half {
            let ended = tx.query("DELETE FROM sessions WHERE fingerprint = $1").bind(half).execute().await?;
            if ended == 0 {
                return tx.undo(false).await;
            }
        }
        if let Some(former) = ends.former {
            tx.query("DELETE FROM sessions WHERE fingerprint = $1").bind(former).execute().await?;
        }
        tx.query(
            "INSERT INTO sessions (fingerprint, operator_id, verified, created_at, seen_at, expires_at, came_from)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .binds((
            &session.fingerprint,
            operator,
            session.verified,
            session.created_at,
            session.seen_at,
            session.expires_at,
            &session.came_from,
        ))
        .execute()
        .await?;
        if let Some(event) = event {
            events::record(&mut tx, event).await?;
        }
        tx.commit(true).await
    }).await
}

/// The session with this fingerprint and its operator, as they are kept: whether it still counts is the caller's to judge.
pub async fn find(db: &Db, fingerprint: &Fingerprint) -> Result<Option<(Session, Operator)>, Error> {
    let held: Option<SessionOfOperator> = db
        .read(
            "SELECT fingerprint, verified, created_at, seen_at, expires_at, came_from, operator_id
             FROM sessions
             WHERE fingerprint = $1",
        )
        .bind(fingerprint)
        .optional()
        .await?;
    let Some(held) = held else { return Ok(None) };
    let operator: Option<Operator> = db
        .read(
            "SELECT id, name, second_factor IS NOT NULL AS second_factor, created_at, password_at, signed_in_at
             FROM operators
             WHERE id = $1 AND removed_at IS NULL",
        )
        .bind(&held.operator_id)
        .optional()
        .await?;
    Ok(operator.map(|operator| (held.session, operator)))
}

/// Says that a session was used at `now`.
pub async fn seen(db: &Db, fingerprint: &Fingerprint, now: Time) -> Result<(), Error> {
    db.write("UPDATE sessions SET seen_at = $1 WHERE fingerprint = $2").binds((now, fingerprint)).execute().await?;
    Ok(())
}

/// An operator's verified sessions, the newest first.
pub async fn of_operator(db: &Db, id: &OperatorId) -> Result<Vec<Session>, Error> {
    db.read(
        "SELECT fingerprint, verified, created_at, seen_at, expires_at, came_from
         FROM sessions
         WHERE operator_id = $1 AND verified
         ORDER BY created_at DESC",
    )
    .bind(id)
    .all()
    .await
}

/// Ends one session of an operator, or all when none is named.
pub async fn end(db: &Db, id: &OperatorId, which: Option<&Fingerprint>, event: &Event) -> Result<(), Error> {
    db.transaction(|mut tx| async move {
        match which {
            Some(one) => {
                tx.query("DELETE FROM sessions WHERE operator_id = $1 AND fingerprint = $2")
                    .binds((id, one))
                    .execute()
                    .await?
            }
            None => tx.query("DELETE FROM sessions WHERE operator_id = $1").bind(id).execute().await?,
        };
        events::record(&mut tx, event).await?;
        tx.commit(()).await
    })
    .await
}
