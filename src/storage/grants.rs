//! Grants: the candidates of an attempt, from the callback to a verdict.

use super::{Db, Error, Tx, events, strangers};
use crate::domain::attempt::{DUPLICATES_FOR, MOST_GRANTS};
use crate::domain::{AttemptId, AuthMethod, Event, Fingerprint, GrantId, Reported, Scope, Time, Verdict};

/// A grant about to be kept.
#[derive(Debug)]
pub struct NewGrant {
    /// Its name; the seal is bound to it.
    pub id: GrantId,
    pub attempt_id: AttemptId,
    /// The store's own number of the key.
    pub woo_key_id: i64,
    /// Of the consumer key: the same grant sent twice is one grant.
    pub key_fingerprint: Fingerprint,
    /// The last seven characters of the consumer key.
    pub last7: String,
    /// What the store says it granted.
    pub scope: Scope,
    /// Key and secret.
    pub sealed: Vec<u8>,
    /// When it came.
    pub received_at: Time,
    /// The address it came from.
    pub received_from: String,
    /// When it is to be tried first.
    pub first_try_at: Time,
}

/// What became of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The first of its attempt.
    First,
    /// A further one of the same attempt.
    Another,
    /// One that is kept already.
    Same,
    /// The attempt takes no more.
    Refused,
}

/// A candidate that is due to be tried, claimed by this process.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Candidate {
    pub id: GrantId,
    pub attempt_id: AttemptId,
    /// The store's own number of the key.
    pub woo_key_id: i64,
    /// The last seven characters of the consumer key.
    pub last7: String,
    /// What the store says it granted.
    pub scope: Scope,
    /// Key and secret; `None` once wiped.
    pub sealed: Option<Vec<u8>>,
    /// When it came.
    pub received_at: Time,
    /// How often it was tried.
    pub tries: i64,
    /// How many of those tries were brought forward.
    pub hastened: i64,
    /// What the last try told.
    pub verdict: Option<Verdict>,
    pub auth_method: Option<AuthMethod>,
    pub proven_scope: Option<Scope>,
    #[sqlx(flatten)]
    pub reported: Reported,
    /// Until when nobody else tries it.
    pub claimed_until: Time,
}

/// The columns of a [`Candidate`].
const COLUMNS: &str = "id, attempt_id, woo_key_id, last7, scope, sealed, received_at, tries, hastened, verdict, auth_method, \
         proven_scope, name, woocommerce_version, wordpress_version, rest_base, json_has_noise, claimed_until";

/// Where a candidate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum State {
    /// To be tried, or tried again.
    Waiting,
    /// Its key works.
    Proven,
    /// Its key does not work, or is not wanted any more.
    Rejected,
    /// Its key works or might, but another of the attempt became the store's.
    Surplus,
}

/// Keeps a grant on disk before this returns. The attempt must be open, or have had its first grant at most
/// [`DUPLICATES_FOR`] ago.
pub async fn receive(db: &Db, grant: &NewGrant, first: &Event) -> Result<Kept, Error> {
    db.transaction(|mut tx| async move {
        let opened = tx
            .query(
                "UPDATE attempts
                 SET status = 'received', received_at = $1
                 WHERE id = $2 AND status = 'open' AND expires_at > $3",
            )
            .binds((grant.received_at, &grant.attempt_id, grant.received_at))
            .execute()
            .await?;
        if opened == 0 {
            // Holds the attempt as it is until this grant is in: nobody ends it as fruitless in between.
            tx.query("UPDATE attempts SET status = status WHERE id = $1").bind(&grant.attempt_id).execute().await?;
        }
        let kept = tx
            .query(
                "INSERT INTO grants (id, attempt_id, woo_key_id, key_fingerprint, last7, scope, sealed, received_at,
                                     received_from, state, tries, next_try_at, claimed_until)
                 SELECT $1, id, $2, $3, $4, $5, $6, $7, $8, 'waiting', 0, $9, 0
                 FROM attempts
                 WHERE id = $10
                   AND received_at > $11
                   AND status IN ('received', 'proving', 'awaiting_confirmation', 'connected')
                   AND (SELECT COUNT(*) FROM grants WHERE attempt_id = $12) < $13
                 ON CONFLICT (attempt_id, key_fingerprint) DO NOTHING",
            )
            .binds((
                &grant.id,
                grant.woo_key_id,
                &grant.key_fingerprint,
                &grant.last7,
                grant.scope,
                &grant.sealed,
                grant.received_at,
                &grant.received_from,
                grant.first_try_at,
                &grant.attempt_id,
                grant.received_at.minus(DUPLICATES_FOR),
                &grant.attempt_id,
                MOST_GRANTS,
            ))
            .execute()
            .await?;
        let known: i64 = tx
            .query("SELECT COUNT(*) FROM grants WHERE attempt_id = $1 AND key_fingerprint = $2")
            .binds((&grant.attempt_id, &grant.key_fingerprint))
            .value()
            .await?;
        if opened == 1 {
            strangers::put_on_record(&mut tx, &grant.attempt_id).await?;
            events::record(&mut tx, first).await?;
        }
        let kept = match (opened, kept, known) {
            (1, 1, _) => Kept::First,
            (_, 1, _) => Kept::Another,
            (_, _, 1) => Kept::Same,
            _ => Kept::Refused,
        };
        tx.commit(kept).await
    })
    .await
}

/// Wipes every key that an attempt received.
pub(super) async fn wipe(tx: &mut Tx, attempt: &AttemptId) -> Result<(), Error> {
    tx.query("UPDATE grants SET sealed = NULL, next_try_at = NULL, state = 'rejected' WHERE attempt_id = $1")
        .bind(attempt)
        .execute()
        .await?;
    Ok(())
}

/// Claims candidates that are due at `now`, newest first, until `until`: a process that dies gives them back by
/// itself.
pub async fn claim_due(db: &Db, whose: Whose, now: Time, until: Time, most: i64) -> Result<Vec<Candidate>, Error> {
    db.write([
        "UPDATE grants
         SET claimed_until = $1
         WHERE claimed_until <= $2 AND next_try_at <= $2
           AND id IN (SELECT id FROM grants
                      WHERE next_try_at <= $2 AND claimed_until <= $2",
        match whose {
            Whose::Links => " AND (SELECT link_id FROM attempts WHERE attempts.id = attempt_id) IS NOT NULL",
            Whose::OpenPage => " AND (SELECT link_id FROM attempts WHERE attempts.id = attempt_id) IS NULL",
        },
        "
                      ORDER BY received_at DESC, id DESC
                      LIMIT $3)
         RETURNING ",
        COLUMNS,
    ])
    .binds((until, now, most))
    .all()
    .await
}

/// Whose candidates: those of links do not wait behind those of the open page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Of attempts that a link began.
    Links,
    /// Of attempts that visitors of the open page began.
    OpenPage,
}

/// Returns candidates that were not tried, each to be claimed from its time on. One whose claim is no longer ours stays as it
/// is.
pub async fn release(db: &Db, candidates: &[(Candidate, Time)]) -> Result<(), Error> {
    if candidates.is_empty() {
        return Ok(());
    }
    db.transaction(|mut tx| async move {
        for (candidate, at) in candidates {
            tx.query("UPDATE grants SET claimed_until = $1 WHERE id = $2 AND claimed_until = $3")
                .binds((at, &candidate.id, candidate.claimed_until))
                .execute()
                .await?;
        }
        tx.commit(()).await
    })
    .await
}

/// Ends all claims. A process that still tries a candidate cannot save what the store said, so it is tried again.
pub async fn release_all(db: &Db) -> Result<u64, Error> {
    db.write("UPDATE grants SET claimed_until = 0 WHERE claimed_until > 0").execute().await
}

/// When the next candidate is due, or its claim runs out.
pub async fn next_due(db: &Db) -> Result<Option<Time>, Error> {
    db.read(
        "SELECT MIN(CASE WHEN claimed_until > next_try_at THEN claimed_until ELSE next_try_at END)
         FROM grants
         WHERE next_try_at IS NOT NULL",
    )
    .value()
    .await
}

/// What a try told about a candidate.
#[derive(Debug)]
pub struct Tried {
    /// Where it stands now; only a waiting one is tried again.
    pub state: State,
    /// When it is tried again.
    pub next_try_at: Option<Time>,
    /// What the store told.
    pub verdict: Verdict,
    pub auth_method: Option<AuthMethod>,
    pub proven_scope: Option<Scope>,
    pub reported: Reported,
}

impl Tried {
    /// A candidate that is not needed.
    pub fn set_aside(candidate: &Candidate) -> Self {
        Self {
            state: State::Surplus,
            next_try_at: None,
            verdict: candidate.verdict.unwrap_or(Verdict::NotFinished),
            auth_method: None,
            proven_scope: None,
            reported: Reported::default(),
        }
    }
}

/// Saves what a try told and ends the claim. A candidate that is out (rejected, surplus) is wiped. False when the claim is no
/// longer ours: then somebody else tries it, and nothing is saved.
pub async fn tried(db: &Db, candidate: &Candidate, tried: &Tried) -> Result<bool, Error> {
    let saved = db
        .write(
            "UPDATE grants
         SET state = $1, next_try_at = $2, claimed_until = 0, tries = tries + 1, verdict = $3, auth_method = $4,
             proven_scope = $5, name = $6, woocommerce_version = $7, wordpress_version = $8,
             rest_base = $9, json_has_noise = $10, sealed = CASE WHEN $11 THEN sealed ELSE NULL END
         WHERE id = $12 AND claimed_until = $13 AND state = 'waiting'",
        )
        .binds((
            tried.state,
            tried.next_try_at,
            tried.verdict,
            tried.auth_method,
            tried.proven_scope,
            &tried.reported.name,
            &tried.reported.woocommerce_version,
            &tried.reported.wordpress_version,
            &tried.reported.rest_base,
            tried.reported.json_has_noise,
            matches!(tried.state, State::Waiting | State::Proven),
            &candidate.id,
            candidate.claimed_until,
        ))
        .execute()
        .await?;
    Ok(saved == 1)
}

/// Rejects and wipes a candidate that was proven and does not open any more.
pub async fn unreadable(db: &Db, id: &GrantId) -> Result<(), Error> {
    db.write("UPDATE grants SET state = 'rejected', sealed = NULL, verdict = $1 WHERE id = $2 AND state = 'proven'")
        .binds((Verdict::KeyUnreadable, id))
        .execute()
        .await?;
    Ok(())
}

/// The proven candidate of an attempt: the newest, if several are. Unless it is wanted `at_once`, `None` while
/// a newer one is about to be tried or being tried at `now`: that one may work too.
pub async fn proven(db: &Db, attempt: &AttemptId, now: Time, at_once: bool) -> Result<Option<Candidate>, Error> {
    db.read([
        "SELECT ",
        COLUMNS,
        " FROM grants
             WHERE attempt_id = $1 AND state = 'proven' AND sealed IS NOT NULL
               AND ($4 OR NOT EXISTS (SELECT 1 FROM grants AS newer
                               WHERE newer.attempt_id = $2 AND newer.state = 'waiting'
                                 AND (newer.tries = 0 OR newer.next_try_at <= $3)
                                 AND (newer.received_at > grants.received_at
                                      OR (newer.received_at = grants.received_at AND newer.id > grants.id))))
             ORDER BY received_at DESC, id DESC
             LIMIT 1",
    ])
    .binds((attempt, attempt, now, at_once))
    .optional()
    .await
}

/// What the last try of an attempt's newest candidate told.
pub async fn last_verdict(db: &Db, attempt: &AttemptId) -> Result<Option<Verdict>, Error> {
    let verdict: Option<Option<Verdict>> = db
        .read(
            "SELECT verdict
             FROM grants
             WHERE attempt_id = $1
             ORDER BY received_at DESC, id DESC
             LIMIT 1",
        )
        .bind(attempt)
        .optional_value()
        .await?;
    Ok(verdict.flatten())
}

/// Brings the next tries of an attempt's failing candidates forward to `to`, for each at most `most` times. True if one was
/// due later.
pub async fn hasten(db: &Db, attempt: &AttemptId, to: Time, now: Time, most: i64) -> Result<bool, Error> {
    // A waiting page polls every two seconds: write only if there is a try to bring forward.
    let late: i64 = db
        .read(["SELECT COUNT(*) FROM grants WHERE ", FAILING])
        .bind(attempt)
        .bind(to)
        .bind(now)
        .bind(most)
        .value()
        .await?;
    if late == 0 {
        return Ok(false);
    }
    let hastened = db
        .write(["UPDATE grants SET next_try_at = $2, hastened = hastened + 1 WHERE ", FAILING])
        .bind(attempt)
        .bind(to)
        .bind(now)
        .bind(most)
        .execute()
        .await?;
    Ok(hastened > 0)
}

/// Matches candidates that have not worked yet and are due after `$2`. Not those that work, which wait deliberately, nor those of a
/// store that asked for fewer requests.
const FAILING: &str = "attempt_id = $1 AND state = 'waiting' AND tries > 0 AND auth_method IS NULL
           AND verdict <> 'rate_limited' AND next_try_at > $2 AND claimed_until <= $3 AND hastened < $4";

/// How many candidates of an attempt are still to be tried.
pub async fn waiting(db: &Db, attempt: &AttemptId) -> Result<i64, Error> {
    db.read("SELECT COUNT(*) FROM grants WHERE attempt_id = $1 AND state = 'waiting'").bind(attempt).value().await
}

/// The last seven characters of every key of an attempt that the merchant should revoke at the store, oldest first.
pub async fn surplus(db: &Db, attempt: &AttemptId) -> Result<Vec<String>, Error> {
    db.read(
        "SELECT last7
         FROM grants
         WHERE attempt_id = $1 AND state IN ('surplus', 'rejected') AND woo_key_id > 0
         ORDER BY received_at, id",
    )
    .bind(attempt)
    .values()
    .await
}
