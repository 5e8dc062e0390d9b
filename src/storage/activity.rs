//! What happened and which keys were read: two records, each in its own order, found by what they are about.
//!
//! What a list is narrowed to decides by which index it is read: each statement stands once, made for what leads it, and
//! the rest of the conditions sift what that index gives. (An optional condition is no way into an index. Nor are these
//! statements kept prepared: PostgreSQL would plan them for any value, and then looks through everything.)

use std::collections::{BTreeSet, HashMap};

use super::lists::{as_list, listed};
use super::reads::{self, Wanted};
use super::{Db, Error, tokens};
use crate::domain::{
    AttemptId, Kind, LinkId, OperatorId, RequestId, StoreId, StoreUrl, Time, TokenId, UserId, WebhookId,
};

/// An event, with the names of what it is about.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Happened {
    /// Its place in the order.
    pub seq: i64,
    /// What happened.
    pub kind: Kind,
    pub at: Time,
    /// Who did it: the id of a token or an operator, or a role.
    pub actor: String,
    /// What that token or operator is called.
    pub actor_name: Option<String>,
    /// Whose store it is about.
    pub user_id: Option<UserId>,
    pub store_id: Option<StoreId>,
    pub store_home: Option<StoreUrl>,
    pub link_id: Option<LinkId>,
    pub attempt_id: Option<AttemptId>,
    pub token_id: Option<TokenId>,
    /// What that is called.
    pub token_name: Option<String>,
    pub operator_id: Option<OperatorId>,
    /// What they are called.
    pub operator_name: Option<String>,
    pub webhook_id: Option<WebhookId>,
    /// Why, as a verdict's code.
    pub reason: Option<String>,
    pub came_from: Option<String>,
    pub request_id: Option<RequestId>,
}

/// A key that was read, or used for a call, with the names of what it is about.
#[derive(Debug, Clone)]
pub struct KeyRead {
    /// The request; sorts by time.
    pub id: RequestId,
    /// When it was recorded.
    pub at: Time,
    pub token_id: TokenId,
    /// What that token is called.
    pub token_name: Option<String>,
    /// Whose key.
    pub store_id: StoreId,
    pub store_home: Option<StoreUrl>,
    /// Whose store.
    pub user_id: Option<UserId>,
    pub key_version: i64,
    pub read_from: String,
    /// For a call, its method and route.
    pub call: Option<String>,
}

/// What leads to the events of a list.
#[derive(Debug, Clone)]
pub enum Lead {
    Request(RequestId),
    Store(StoreId),
    User(UserId),
    /// Who did it.
    Actor(String),
    /// What happened.
    Kind(Kind),
    /// Nothing: all, in their order.
    All,
}

/// What events of a list must be, whatever leads to them.
#[derive(Debug, Clone, Default)]
pub struct Sift {
    pub store_id: Option<StoreId>,
    /// About this merchant.
    pub user_id: Option<UserId>,
    pub actor: Option<String>,
    /// One of these kinds; any when empty.
    pub kinds: Vec<Kind>,
    /// Not before this.
    pub from: Option<Time>,
    /// Before this.
    pub to: Option<Time>,
}

/// The events to which `lead` leads, a condition on `$1`.
const fn events_by(lead: &'static str) -> [&'static str; 3] {
    [
            "SELECT e.seq, e.kind, e.at, e.actor, COALESCE(doer.name, doing.name) AS actor_name, e.user_id, e.store_id,
                    stores.home AS store_home, e.link_id, e.attempt_id, e.token_id, tokens.name AS token_name,
                    e.operator_id, operators.name AS operator_name, e.webhook_id, e.reason, e.came_from, e.request_id
             FROM (SELECT seq, kind, at, actor, user_id, store_id, link_id, attempt_id, token_id, operator_id, webhook_id,
                          reason, came_from, request_id
                   FROM events
                   WHERE ",
            lead,
            "        AND seq < $2 AND seq >= $3
                     AND ($4 IS NULL OR at >= $4)
                     AND ($5 IS NULL OR at < $5)
                     AND ($6 IS NULL OR store_id = $6)
                     AND ($7 IS NULL OR user_id = $7)
                     AND ($8 IS NULL OR actor = $8)
                     AND ($9 IS NULL OR $9 LIKE '%,' || kind || ',%')
                   ORDER BY seq DESC
                   LIMIT $10) AS e
             LEFT JOIN tokens AS doer ON doer.id = e.actor
             LEFT JOIN operators AS doing ON doing.id = e.actor
             LEFT JOIN stores ON stores.id = e.store_id
             LEFT JOIN tokens ON tokens.id = e.token_id
             LEFT JOIN operators ON operators.id = e.operator_id
             ORDER BY e.seq DESC"]
}

/// Events with numbers from `low` to just before `high`, the newest first; at most `most`.
pub async fn events(
    db: &Db,
    lead: &Lead,
    sift: &Sift,
    (low, high): (i64, i64),
    most: i64,
) -> Result<Vec<Happened>, Error> {
    let (sql, by) = match lead {
        Lead::Request(id) => (events_by("request_id = $1"), Some(id.as_str())),
        Lead::Store(id) => (events_by("store_id = $1"), Some(id.as_str())),
        Lead::User(id) => (events_by("user_id = $1"), Some(id.as_str())),
        Lead::Actor(name) => (events_by("actor = $1"), Some(name.as_str())),
        Lead::Kind(kind) => (events_by("kind = $1"), Some(kind.as_str())),
        Lead::All => (events_by("$1 IS NULL"), None),
    };
    let kinds = (!sift.kinds.is_empty()).then(|| {
        let named = |text: String, kind: &Kind| format!("{text}{},", kind.as_str());
        sift.kinds.iter().fold(",".to_owned(), named)
    });
    db.read(sql)
        .bind(by)
        .bind(high)
        .bind(low)
        .bind(sift.from)
        .bind(sift.to)
        .bind(&sift.store_id)
        .bind(&sift.user_id)
        .bind(&sift.actor)
        .bind(kinds)
        .bind(most)
        .planned_each_time()
        .all()
        .await
}

/// The number of the earliest event that happened at `at` or later.
pub async fn first_since(db: &Db, at: Time) -> Result<Option<i64>, Error> {
    db.read("SELECT seq FROM events WHERE at >= $1 ORDER BY at LIMIT 1").bind(at).optional_value().await
}

/// The number of the latest event that happened before `at`.
pub async fn last_before(db: &Db, at: Time) -> Result<Option<i64>, Error> {
    db.read("SELECT seq FROM events WHERE at < $1 ORDER BY at DESC LIMIT 1").bind(at).optional_value().await
}

/// The newest matching reads, newest first, with the names of their stores and tokens; at most `most`.
pub async fn reads(db: &Db, wanted: &Wanted, most: i64) -> Result<Vec<KeyRead>, Error> {
    let reads = reads::newest(db, wanted, most).await?;
    let about: BTreeSet<StoreId> = reads.iter().map(|read| StoreId::of_ulid(read.store)).collect();
    let by: BTreeSet<TokenId> = reads.iter().map(|read| TokenId::of_ulid(read.token)).collect();
    let stores: Vec<(StoreId, StoreUrl, UserId)> = db
        .read(["SELECT id, home, user_id FROM stores WHERE id IN (", listed(db), ")"])
        .bind(as_list(&about)?)
        .all()
        .await?;
    let stores: HashMap<StoreId, (StoreUrl, UserId)> =
        stores.into_iter().map(|(id, home, user)| (id, (home, user))).collect();
    let tokens = tokens::names(db, by.iter()).await?;
    let named = |read: reads::Read| {
        let (token_id, store_id) = (TokenId::of_ulid(read.token), StoreId::of_ulid(read.store));
        let (store_home, user_id) = stores.get(&store_id).cloned().unzip();
        KeyRead {
            id: RequestId::of_ulid(read.id),
            at: Time::from_millis(read.at),
            token_name: tokens.get(&token_id).cloned(),
            token_id,
            store_id,
            store_home,
            user_id,
            key_version: read.key_version,
            read_from: read.from.to_string(),
            call: read.call,
        }
    };
    Ok(reads.into_iter().map(named).collect())
}

pub async fn stores_of(db: &Db, user: &UserId) -> Result<Vec<StoreId>, Error> {
    db.read("SELECT id FROM stores WHERE user_id = $1 ORDER BY id").bind(user).values().await
}
