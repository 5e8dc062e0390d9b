//! What happened to one store and to one attempt: who approved, which services read, what was recorded.

use super::{Db, Error, attempts, reads, tokens};
use crate::domain::{Attempt, AttemptId, AuthMethod, Kind, Scope, StoreId, Time, TokenId, Verdict};

/// An attempt with who stood behind it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Approval {
    #[sqlx(flatten)]
    pub attempt: Attempt,
    /// The network it was begun from: an IPv4 address or an IPv6 /64; empty once that is forgotten.
    pub begun_from: String,
    pub ended_at: Option<Time>,
    /// Who made its link: an id, `cli`; `None` for the open page.
    pub made_by: Option<String>,
    /// What that one is called, where it has a name.
    pub maker: Option<String>,
    /// Who confirmed it last: an id, `merchant`; `None` as well when that was taken back.
    pub confirmed_by: Option<String>,
    /// What that one is called, where it has a name.
    pub confirmer: Option<String>,
    /// The version of the key that came of it.
    pub key_version: Option<i64>,
}

/// What the token or operator is called who made a link.
const MAKER: &str = "COALESCE((SELECT name FROM tokens WHERE tokens.id = made_by),
                              (SELECT name FROM operators WHERE operators.id = made_by))";
/// What the token or operator is called who confirmed.
const CONFIRMER: &str = "COALESCE((SELECT name FROM tokens WHERE tokens.id = confirmed_by),
                                  (SELECT name FROM operators WHERE operators.id = confirmed_by))";

/// An [`Approval`] is read like this; its conditions follow.
const fn approvals_where(conditions: &'static str) -> [&'static str; 11] {
    [
        "SELECT ",
        attempts::COLUMNS,
        ", begun_from, ended_at, made_by, ",
        MAKER,
        " AS maker, confirmed_by, ",
        CONFIRMER,
        " AS confirmer, key_version
             FROM (SELECT ",
        attempts::COLUMNS,
        ", begun_from, ended_at,
                      (SELECT made_by FROM links WHERE links.id = attempts.link_id) AS made_by,
                      (SELECT actor FROM events
                       WHERE events.attempt_id = attempts.id AND kind = 'attempt.confirmed'
                         AND attempts.confirmed_at IS NOT NULL
                       ORDER BY seq DESC LIMIT 1) AS confirmed_by,
                      (SELECT MAX(version) FROM keys
                       WHERE keys.store_id = attempts.store_id AND issued_at = attempts.ended_at) AS key_version
                   FROM attempts
                   WHERE ",
        conditions,
        ") AS approvals
             ORDER BY id DESC",
    ]
}

/// The newest attempts that led to a store, or were meant for it; at most `most`.
pub async fn approvals(db: &Db, id: &StoreId, most: i64) -> Result<Vec<Approval>, Error> {
    db.read(approvals_where("store_id = $1 OR wanted_store = $2 ORDER BY id DESC LIMIT $3"))
        .binds((id, id, most))
        .all()
        .await
}

/// One attempt with who stood behind it.
pub async fn approval(db: &Db, id: &AttemptId) -> Result<Option<Approval>, Error> {
    db.read(approvals_where("attempts.id = $1")).bind(id).optional().await
}

/// A key that a store posted for an attempt, without its secrets.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Came {
    /// The store's own number of it.
    pub woo_key_id: i64,
    /// The last seven characters of the consumer key.
    pub last7: String,
    /// What the store says it granted.
    pub scope: Scope,
    pub received_at: Time,
    /// The address it came from; empty once that is forgotten.
    pub received_from: String,
    /// Where it stands.
    pub state: super::grants::State,
    /// How often it was tried.
    pub tries: i64,
    /// What the last try told.
    pub verdict: Option<Verdict>,
    pub auth_method: Option<AuthMethod>,
}

/// The keys that came for an attempt, the oldest first; there are five at most.
pub async fn came(db: &Db, id: &AttemptId) -> Result<Vec<Came>, Error> {
    db.read(
        "SELECT woo_key_id, last7, scope, received_at, received_from, state, tries, verdict, auth_method
         FROM grants
         WHERE attempt_id = $1
         ORDER BY received_at, id",
    )
    .bind(id)
    .all()
    .await
}

/// One event, for people.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Happened {
    pub kind: Kind,
    pub at: Time,
    /// Who: an id, or a role such as `merchant`.
    pub actor: String,
    /// What that one is called, where it has a name.
    pub name: Option<String>,
    /// The address they asked from.
    pub came_from: Option<String>,
    pub reason: Option<Verdict>,
    pub attempt_id: Option<AttemptId>,
}

/// The events about an attempt, in order; the first `most`.
pub async fn of_attempt(db: &Db, id: &AttemptId, most: i64) -> Result<Vec<Happened>, Error> {
    db.read(
        "SELECT kind, at, actor,
                COALESCE((SELECT name FROM tokens WHERE tokens.id = actor),
                         (SELECT name FROM operators WHERE operators.id = actor)) AS name,
                came_from, reason, attempt_id
         FROM events
         WHERE attempt_id = $1
         ORDER BY seq
         LIMIT $2",
    )
    .binds((id, most))
    .all()
    .await
}

/// A service that reads a store's key.
#[derive(Debug, Clone)]
pub struct Reader {
    pub token_id: TokenId,
    /// What it is called.
    pub name: Option<String>,
    /// How many of the reads and calls that were looked at are its.
    pub n: reads::Count,
    /// When it last read or called.
    pub last_at: Time,
}

/// Who has read a store's key or called it since `since`, the latest first. Examines only the newest `most` reads and calls.
pub async fn readers(db: &Db, id: &StoreId, since: Time, most: i64) -> Result<Vec<Reader>, Error> {
    let readers = reads::readers(db, id, since, most).await?;
    let names = tokens::names(db, readers.iter().map(|reader| &reader.0)).await?;
    let reader = |(token_id, n, last_at)| Reader { name: names.get(&token_id).cloned(), token_id, n, last_at };
    Ok(readers.into_iter().map(reader).collect())
}
