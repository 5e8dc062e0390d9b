//! Links.

use super::lists::{self, as_list};
use super::{Db, Error, attempts, events, grants, strangers};
use crate::domain::{
    Attempt, AttemptId, Event, Fingerprint, Kind, Link, LinkId, LinkState, Status, StoreId, Time, UserId, Users,
    Verdict,
};

/// The columns of a [`Link`].
const COLUMNS: &str = "links.id, links.user_id, links.account_label, links.home, links.store_id, links.scope, links.return_url, \
         links.confirm, links.made_by, links.created_at, links.expires_at, links.withdrawn_at";

/// Keeps a new link; `fingerprint` is that of the secret in its address.
pub async fn insert(db: &Db, link: &Link, fingerprint: &Fingerprint, event: &Event) -> Result<(), Error> {
    db.transaction(|mut tx| async move {
        tx.query(
            "INSERT INTO links (id, fingerprint, user_id, account_label, home, store_id, scope, return_url, confirm,
                                made_by, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .binds((
            &link.id,
            fingerprint,
            &link.user_id,
            &link.account_label,
            &link.home,
            &link.store_id,
            link.scope,
            &link.return_url,
            link.confirm,
            &link.made_by,
            link.created_at,
            link.expires_at,
        ))
        .execute()
        .await?;
        events::record(&mut tx, event).await?;
        tx.commit(()).await
    })
    .await
}

/// The link whose address holds the secret with this fingerprint.
pub async fn by_fingerprint(db: &Db, fingerprint: &Fingerprint) -> Result<Option<Link>, Error> {
    db.read(["SELECT ", COLUMNS, " FROM links WHERE fingerprint = $1"]).bind(fingerprint).optional().await
}

pub async fn find(db: &Db, id: &LinkId) -> Result<Option<Link>, Error> {
    db.read(["SELECT ", COLUMNS, " FROM links WHERE id = $1"]).bind(id).optional().await
}

/// The newest attempt that was begun from a link.
pub async fn newest_attempt(db: &Db, id: &LinkId) -> Result<Option<Attempt>, Error> {
    db.read([
        "SELECT ",
        attempts::COLUMNS,
        " FROM attempts
             WHERE link_id = $1
             ORDER BY id DESC
             LIMIT 1",
    ])
    .bind(id)
    .optional()
    .await
}

/// The newest attempt that the browser with this cookie began from a link.
pub async fn newest_attempt_of(db: &Db, id: &LinkId, browser: &Fingerprint) -> Result<Option<Attempt>, Error> {
    db.read([
        "SELECT ",
        attempts::COLUMNS,
        " FROM attempts
             WHERE link_id = $1 AND browser = $2
             ORDER BY id DESC
             LIMIT 1",
    ])
    .bind(id)
    .bind(browser)
    .optional()
    .await
}

/// Withdraws a link and ends what was begun from it and has not ended: nothing of it connects any more. Gives back how
/// many attempts that were; `None` when there is no such link that was not withdrawn before.
pub async fn withdraw(db: &Db, id: &LinkId, now: Time, event: &Event) -> Result<Option<usize>, Error> {
    db.transaction(|mut tx| async move {
        let mine = tx
            .query("UPDATE links SET withdrawn_at = $1 WHERE id = $2 AND withdrawn_at IS NULL")
            .binds((now, id))
            .execute()
            .await?;
        if mine == 0 {
            return tx.undo(None).await;
        }
        let ended: Vec<AttemptId> = tx
            .query(
                "UPDATE attempts
                 SET status = 'failed', reason = $1, ended_at = $2
                 WHERE link_id = $3 AND status IN ('open', 'received', 'proving', 'awaiting_confirmation')
                 RETURNING id",
            )
            .binds((Verdict::LinkWithdrawn, now, id))
            .values()
            .await?;
        for attempt in &ended {
            grants::wipe(&mut tx, attempt).await?;
        }
        events::record(&mut tx, event).await?;
        for attempt in &ended {
            let failed = Event { kind: Kind::AttemptFailed, ..event.clone() };
            strangers::record(&mut tx, &failed.attempt(attempt).because(Some(Verdict::LinkWithdrawn))).await?;
        }
        tx.commit(Some(ended.len())).await
    })
    .await
}

/// Which links a list holds.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    /// Only those that stand so.
    pub state: Option<LinkState>,
    /// Only this merchant's.
    pub user_id: Option<UserId>,
    /// Only those of these merchants.
    pub users: Option<Users>,
    /// Only those made before this one.
    pub before: Option<LinkId>,
}

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Listed {
    #[sqlx(flatten)]
    pub link: Link,
    /// What the token or the operator that made it is called.
    pub maker: Option<String>,
    /// The newest attempt that was begun from it.
    pub attempt_id: Option<AttemptId>,
    /// Where that stands.
    pub attempt_status: Option<Status>,
    /// Why it ended badly, or what is the matter.
    pub attempt_reason: Option<Verdict>,
    /// When it can no longer be approved.
    pub attempt_expires_at: Option<Time>,
    /// The store that came of it.
    pub connected_store: Option<StoreId>,
}

impl Listed {
    /// Where the newest attempt stands at `now`.
    pub fn attempt_status_at(&self, now: Time) -> Option<Status> {
        let is_late = self.attempt_expires_at.is_some_and(|end| now >= end);
        self.attempt_status.map(|status| if status == Status::Open && is_late { Status::Expired } else { status })
    }
}

/// The list, of the links that `of` leaves, a condition on `$1`.
const fn listed(of: [&'static str; 3]) -> [&'static str; 7] {
    [
        "SELECT ",
        COLUMNS,
        ", COALESCE(tokens.name, operators.name) AS maker, attempts.id AS attempt_id,
               attempts.status AS attempt_status, attempts.reason AS attempt_reason,
               attempts.expires_at AS attempt_expires_at, attempts.store_id AS connected_store
             FROM links
             LEFT JOIN attempts ON attempts.id = (SELECT MAX(a.id) FROM attempts AS a WHERE a.link_id = links.id)
             LEFT JOIN tokens ON tokens.id = links.made_by
             LEFT JOIN operators ON operators.id = links.made_by
             WHERE ",
        of[0],
        of[1],
        of[2],
        " AND ($2 IS NULL OR links.id < $2)
              AND ($3 IS NULL OR $3 = CASE WHEN links.withdrawn_at IS NOT NULL THEN 'withdrawn'
                                           WHEN attempts.id IS NOT NULL THEN 'used'
                                           WHEN links.expires_at <= $4 THEN 'expired'
                                           ELSE 'open' END)
             ORDER BY links.id DESC
             LIMIT $5",
    ]
}

/// Links, the newest first, as they stand at `now`; at most `most`.
pub async fn list(db: &Db, filter: &Filter, now: Time, most: i64) -> Result<Vec<Listed>, Error> {
    let before = (&filter.before, filter.state.map(LinkState::as_str), now, most);
    // One merchant's links are found by an index, for which a filter that may be left out is no condition.
    let (of, whose) = match (&filter.user_id, &filter.users) {
        (Some(user), Some(users)) if !users.contain(user) => return Ok(Vec::new()),
        (Some(user), _) => (["links.user_id = $1", "", ""], Some(user.to_string())),
        (None, Some(users)) => {
            let users: Vec<&str> = users.iter().map(UserId::as_str).collect();
            (["links.user_id IN (", lists::listed(db), ")"], Some(as_list(&users)?))
        }
        (None, None) => (["$1 IS NULL", "", ""], None),
    };
    db.read(listed(of)).bind(whose).binds(before).planned_each_time().all().await
}
