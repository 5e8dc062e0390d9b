//! Limits what anyone can make the database keep: attempts on the open page, and repeated attempts with one link. Open
//! attempts, and ended ones that got no approval, are limited per network, per link and in total; beyond the limit the oldest are
//! expired or deleted.

use std::collections::BTreeMap;

use super::statement::Statement;
use super::{Db, Error, Tx, events};
use crate::domain::network::provider_of;
use crate::domain::{
    Actor, Attempt, AttemptId, ClientNetwork, Event, Kind, LinkId, RequestId, Status, Time, UserId, Verdict,
};

/// The most open attempts of one network (an IPv4 address, an IPv6 /64) on the open page. This and the next two are what the budgets of
/// `flow::connecting::admit` let anybody begin while an attempt is open, and a little more: a neighbour does not end what a merchant is
/// about to approve.
pub const OPEN_OF_NETWORK: i64 = 200;
/// Open attempts of one wide network (an IPv4 /24, an IPv6 /48) on the open page.
pub const OPEN_OF_WIDE: i64 = 800;
/// The most open attempts on the open page in total.
pub const OPEN_OF_STRANGERS: i64 = 5_000;
/// Open attempts of one link.
pub const OPEN_OF_LINK: i64 = 220;
/// The most attempts of one network on the open page that ended without an approval and are kept until swept.
pub const KEPT_OF_NETWORK: i64 = 30;
/// The same for one wide network.
pub const KEPT_OF_WIDE: i64 = 100;
/// The same in total.
pub const KEPT_OF_STRANGERS: i64 = 1_000;
/// How many attempts with one link have their events recorded from the start; later ones are recorded only when a grant
/// arrives.
pub const RECORDED_OF_LINK: i64 = 50;
/// The most later attempts of one link that ended without an approval and are kept.
pub const KEPT_OF_LINK: i64 = 20;

/// The most rows expired or deleted in one transaction.
const AT_ONCE: i64 = 500;

/// Matches attempts on the open page that got no grant.
const OF_STRANGERS: &str = "link_id IS NULL AND received_at IS NULL";

/// How many attempts of the open page that were begun since a moment are kept for good, because a grant came for them: of one
/// network, of its wide one, and in all.
pub async fn granted(db: &Db, network: &ClientNetwork, since: Time) -> Result<(i64, i64, i64), Error> {
    db.read(
        "SELECT COUNT(CASE WHEN begun_from = $1 THEN 1 END), COUNT(*),
                (SELECT COUNT(*)
                 FROM attempts AS any_network
                 WHERE created_at > $3 AND link_id IS NULL AND received_at IS NOT NULL)
         FROM attempts
         WHERE begun_wide = $2 AND created_at > $3 AND link_id IS NULL AND received_at IS NOT NULL",
    )
    .binds((&network.narrow, &network.wide, since))
    .one()
    .await
}

/// Makes room for a new open attempt: of its network, or of its link, the oldest give way, so that nobody is refused for what
/// they began before. When the open page is full in all, the oldest of whoever holds most gives
/// way. False when nobody holds more than the newcomer would.
pub(super) async fn make_room(tx: &mut Tx, attempt: &Attempt, network: &ClientNetwork) -> Result<bool, Error> {
    let now = attempt.created_at;
    // This lock is held until the transaction ends, so that concurrent counts include each other.
    tx.query("UPDATE counters SET n = n WHERE name = 'open_attempts'").execute().await?;
    if let Some(link) = &attempt.link_id {
        let oldest = "link_id = $3 AND status = 'open' ORDER BY id DESC LIMIT 500 OFFSET $4";
        for id in expire(tx, oldest, now, link.as_str(), OPEN_OF_LINK - 1).await? {
            let event = Event::new(Kind::AttemptExpired, now, &Actor::cartkey())
                .user(&attempt.user_id)
                .link(Some(link))
                .attempt(&id)
                .because(Some(Verdict::NotFinished));
            record(tx, &event).await?;
        }
        return Ok(true);
    }
    let oldest = "link_id IS NULL AND received_at IS NULL AND begun_wide = $3 AND status = 'open'
                  ORDER BY id DESC LIMIT 500 OFFSET $4";
    expire(tx, oldest, now, &network.wide, OPEN_OF_WIDE - 1).await?;
    let oldest = "link_id IS NULL AND received_at IS NULL AND begun_from = $3 AND status = 'open'
                  ORDER BY id DESC LIMIT 500 OFFSET $4";
    expire(tx, oldest, now, &network.narrow, OPEN_OF_NETWORK - 1).await?;
    let open: i64 = tx
        .query(["SELECT COUNT(*) FROM attempts WHERE ", OF_STRANGERS, " AND status = 'open' AND expires_at > $1"])
        .bind(now)
        .value()
        .await?;
    if open < OPEN_OF_STRANGERS {
        return Ok(true);
    }
    let shares: Vec<(String, i64)> = tx
        .query([
            "SELECT begun_wide, COUNT(*) AS n FROM attempts WHERE ",
            OF_STRANGERS,
            " AND status = 'open' AND expires_at > $1 GROUP BY begun_wide ORDER BY n DESC, begun_wide",
        ])
        .bind(now)
        .all()
        .await?;
    let mine = shares.iter().find(|(wide, _)| *wide == network.wide).map_or(0, |(_, n)| *n);
    if let Some((most, n)) = shares.first().filter(|(_, n)| *n > mine + 1) {
        let oldest = "link_id IS NULL AND received_at IS NULL AND begun_wide = $3 AND status = 'open'
                      ORDER BY id DESC LIMIT 1 OFFSET $4";
        expire(tx, oldest, now, most, n - 1).await?;
        return Ok(true);
    }
    let mut providers: BTreeMap<&str, i64> = BTreeMap::new();
    for (wide, n) in &shares {
        *providers.entry(provider_of(wide)).or_default() += n;
    }
    let mine = providers.get(provider_of(&network.wide)).copied().unwrap_or(0);
    let most = providers.into_iter().max_by_key(|(_, n)| *n).filter(|(_, n)| *n > mine + 1);
    let Some((most, n)) = most else { return Ok(false) };
    let oldest = "link_id IS NULL AND received_at IS NULL AND begun_wide LIKE $3 AND status = 'open'
                  ORDER BY id DESC LIMIT 1 OFFSET $4";
    expire(tx, oldest, now, &format!("{most}%"), n - 1).await?;
    Ok(true)
}

/// Expires the open attempts of `whose`, except the newest `but`.
async fn expire(tx: &mut Tx, oldest: &'static str, now: Time, whose: &str, but: i64) -> Result<Vec<AttemptId>, Error> {
    tx.query([
        "UPDATE attempts
         SET status = 'expired', reason = $1, ended_at = $2
         WHERE status = 'open' AND id IN (SELECT id FROM attempts WHERE ",
        oldest,
        ")
         RETURNING id",
    ])
    .binds((Verdict::NotFinished, now, whose, but))
    .values()
    .await
}

/// Deletes ended attempts without an approval beyond the limits: of the network or link of `attempt`, and in total.
pub(super) async fn forget_surplus(tx: &mut Tx, attempt: &Attempt, network: &ClientNetwork) -> Result<(), Error> {
    if let Some(link) = &attempt.link_id {
        let oldest = "link_id = $1 AND NOT recorded AND received_at IS NULL AND status <> 'open'
                      ORDER BY id DESC LIMIT 500 OFFSET $2";
        return forget(tx, oldest, link.as_str(), KEPT_OF_LINK).await.map(drop);
    }
    let oldest = "link_id IS NULL AND received_at IS NULL AND begun_from = $1 AND status <> 'open'
                  ORDER BY id DESC LIMIT 500 OFFSET $2";
    forget(tx, oldest, &network.narrow, KEPT_OF_NETWORK).await?;
    let oldest = "link_id IS NULL AND received_at IS NULL AND begun_wide = $1 AND status <> 'open'
                  ORDER BY id DESC LIMIT 500 OFFSET $2";
    forget(tx, oldest, &network.wide, KEPT_OF_WIDE).await?;
    let oldest = "link_id IS NULL AND received_at IS NULL AND $1 <> '' AND status <> 'open'
                  ORDER BY id DESC LIMIT 500 OFFSET $2";
    forget(tx, oldest, &network.wide, KEPT_OF_STRANGERS).await?;
    Ok(())
}

/// Like [`events::with`], for an event of an attempt ([`record`]).
pub(super) async fn with(db: &Db, event: &Event, change: impl Fn(&mut Tx) -> Statement<'_>) -> Result<bool, Error> {
    events::with_record(db, event, change, record).await
}

/// Records an event of the attempt that it names, unless that attempt is not recorded.
pub(super) async fn record(tx: &mut Tx, event: &Event) -> Result<(), Error> {
    let recorded: Option<bool> =
        tx.query("SELECT recorded FROM attempts WHERE id = $1").bind(&event.attempt_id).optional_value().await?;
    if recorded == Some(true) { events::record(tx, event).await } else { Ok(()) }
}

/// Starts recording an attempt that got a grant: the events left out so far are recorded now, with their original times.
pub(super) async fn put_on_record(tx: &mut Tx, id: &AttemptId) -> Result<(), Error> {
    type Begun = (UserId, Option<LinkId>, Time, Option<Verdict>, Option<String>, Option<RequestId>, Option<Time>);
    let begun: Option<Begun> = tx
        .query(
            "SELECT user_id, link_id, created_at, found, begun_ip, begun_request, elsewhere_at
             FROM attempts
             WHERE id = $1 AND NOT recorded",
        )
        .bind(id)
        .optional()
        .await?;
    let Some((user, link, at, found, ip, request, elsewhere)) = begun else { return Ok(()) };
    tx.query("UPDATE attempts SET recorded = TRUE, begun_ip = NULL, begun_request = NULL WHERE id = $1")
        .bind(id)
        .execute()
        .await?;
    let actor = match ip.and_then(|ip| ip.parse().ok()) {
        Some(from) => Actor::merchant().asking(from, request),
        None => Actor::merchant(),
    };
    let about = |kind, at, actor: &Actor| Event::new(kind, at, actor).user(&user).link(link.as_ref()).attempt(id);
    events::record(tx, &about(Kind::AttemptBegun, at, &actor).because(found)).await?;
    match elsewhere {
        Some(at) => events::record(tx, &about(Kind::AttemptElsewhere, at, &Actor::merchant())).await,
        None => Ok(()),
    }
}

/// Deletes attempts on the open page that began before `before` and ended without an approval, oldest first; returns how many,
/// at most 500.
pub async fn sweep(db: &Db, before: Time) -> Result<usize, Error> {
    db.transaction(|mut tx| async move {
        let oldest = "link_id IS NULL AND received_at IS NULL AND created_at < $1 AND status <> 'open'
                      ORDER BY id LIMIT $2";
        let n = forget(&mut tx, oldest, before, AT_ONCE).await?;
        tx.commit(n).await
    })
    .await
}

/// Deletes the daily counts from before this day.
pub async fn forget_days(db: &Db, before: i64) -> Result<(), Error> {
    db.write("DELETE FROM attempt_days WHERE day < $1").bind(before).execute().await?;
    Ok(())
}

/// Deletes matching attempts, and counts them by the day on which they began.
async fn forget<'v>(
    tx: &mut Tx,
    oldest: &'static str,
    which: impl super::statement::Value<'v>,
    but: i64,
) -> Result<usize, Error> {
    let gone: Vec<(Time, Status, Option<Verdict>)> = tx
        .query([
            "DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE ",
            oldest,
            ") RETURNING created_at, status, reason",
        ])
        .binds((which, but))
        .all()
        .await?;
    let mut days: BTreeMap<(i64, &'static str, &'static str), i64> = BTreeMap::new();
    for (at, status, reason) in &gone {
        let reason = reason.as_ref().map_or("", |reason| reason.code());
        *days.entry((at.day(), status.as_str(), reason)).or_default() += 1;
    }
    for ((day, status, reason), n) in days {
        tx.query(
            "INSERT INTO attempt_days (day, status, reason, n)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (day, status, reason) DO UPDATE
             SET n = attempt_days.n + excluded.n",
        )
        .binds((day, status, reason, n))
        .execute()
        .await?;
    }
    Ok(gone.len())
}
