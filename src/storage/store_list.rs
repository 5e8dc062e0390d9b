//! Lists of stores: filtered, searched, in one of several orders, a page at a time.
//!
//! Every list is read from an index, in one of three ways ([`Begin`]), because only then is it quick with 100,000 stores;
//! SQLite keeps no figures of its own about what its columns hold, so the way is chosen here.

use super::{Db, Error, on, stores};
use crate::domain::scope::Scope;
use crate::domain::search::Word;
use crate::domain::store::{Store, StoreStatus};
use crate::domain::user_id::UserId;
use crate::domain::verdict::Verdict;

/// The most words that a search is narrowed by.
pub const MOST_WORDS: usize = 6;

/// A filter that not more stores than this fit is read whole and then sorted.
const FEW: i64 = 4_000;

/// Which stores a list holds: those that all of this fits.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    /// Of this merchant.
    pub user_id: Option<UserId>,
    /// That stand so.
    pub status: Option<StoreStatus>,
    /// With this verdict.
    pub reason: Option<Verdict>,
    /// With a key of this scope.
    pub scope: Option<Scope>,
    /// With all of these words; those after the first [`MOST_WORDS`] do not count.
    pub words: Vec<Word>,
}

/// In which order. Each is total: the id decides between equals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As they were first connected.
    Id,
    /// The newest change first.
    Changed,
    /// The one that was connected last first.
    Connected,
    /// By address.
    Address,
    /// The one that was not asked for the longest time first.
    Unchecked,
}

/// Where a page begins: beside the store that has this place in the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// What the order goes by.
    pub key: Key,
    /// The id of the store; there need not be one any more.
    pub id: String,
    /// Whether the page ends there instead.
    pub back: bool,
}

/// What an order goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// A moment, in milliseconds.
    At(i64),
    /// An address or an id.
    Text(String),
}

/// Which index a list is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// That of the order, until the page is full: most stores fit.
    Order,
    /// That of status and order together.
    StatusInOrder,
    /// That of the filter which the fewest stores fit; then they are sorted.
    Gather(Fewest),
}

/// The filter which the fewest stores fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fewest {
    /// The first of the words.
    Word,
    /// The status.
    Status,
    /// The reason.
    Reason,
    /// The scope.
    Scope,
    /// The merchant, who has a handful of stores.
    User,
}

impl Order {
    /// Where `store` stands.
    pub fn key(self, store: &Store) -> Key {
        match self {
            Self::Id => Key::Text(store.id.to_string()),
            Self::Changed => Key::At(store.changed_at.millis()),
            Self::Connected => Key::At(store.connected_at.millis()),
            Self::Address => Key::Text(store.home.to_string()),
            Self::Unchecked => Key::At(store.checked_at.millis()),
        }
    }

    /// Before the first of all.
    fn beginning(self) -> Beside {
        let key = match self {
            Self::Id | Self::Address => Key::Text(String::new()),
            Self::Changed | Self::Connected => Key::At(i64::MAX),
            Self::Unchecked => Key::At(i64::MIN),
        };
        Beside { key, id: String::new(), back: false }
    }
}

/// Reads from the index of the order, or of status and order.
macro_rules! in_order {
    () => {
        "$1 IS NULL AND $2 IS NULL AND $3 IS NULL AND $4 IS NULL AND $5 IS NULL AND $6 IS NULL"
    };
}

/// Reads those that one filter fits; what is NULL fits none.
macro_rules! gathered {
    () => {
        "id IN (SELECT store_id FROM store_words WHERE word >= $1 AND word < $2
                UNION ALL SELECT id FROM stores AS those WHERE those.status = $3
                UNION ALL SELECT id FROM stores AS those WHERE those.reason = $4
                UNION ALL SELECT id FROM stores AS those WHERE those.scope = $5
                UNION ALL SELECT id FROM stores AS those WHERE those.user_id = $6)"
    };
}

macro_rules! any_status {
    () => {
        "($7 IS NULL OR status = $8)"
    };
}

macro_rules! this_status {
    () => {
        "status = $7 AND status = $8"
    };
}

macro_rules! matching {
    ($begin:expr, $status:expr) => {
        concat!(
            " FROM stores WHERE ",
            $begin,
            " AND ",
            $status,
            " AND ($9 IS NULL OR reason = $10)
              AND ($11 IS NULL OR scope = $12)
              AND ($13 IS NULL OR user_id = $14)
              AND ($15 IS NULL OR EXISTS (SELECT 1 FROM store_words WHERE store_id = stores.id AND word >= $16 AND word < $17))
              AND ($18 IS NULL OR EXISTS (SELECT 1 FROM store_words WHERE store_id = stores.id AND word >= $19 AND word < $20))
              AND ($21 IS NULL OR EXISTS (SELECT 1 FROM store_words WHERE store_id = stores.id AND word >= $22 AND word < $23))
              AND ($24 IS NULL OR EXISTS (SELECT 1 FROM store_words WHERE store_id = stores.id AND word >= $25 AND word < $26))
              AND ($27 IS NULL OR EXISTS (SELECT 1 FROM store_words WHERE store_id = stores.id AND word >= $28 AND word < $29))
              AND ($30 IS NULL OR EXISTS (SELECT 1 FROM store_words WHERE store_id = stores.id AND word >= $31 AND word < $32))"
        )
    };
}

macro_rules! page {
    ($begin:expr, $status:expr, $after:literal, $order:literal) => {
        concat!(
            "SELECT ",
            stores::columns!(),
            matching!($begin, $status),
            " AND ",
            $after,
            " ORDER BY ",
            $order,
            " LIMIT $35"
        )
    };
}

/// The statement for each order and direction.
macro_rules! pages {
    ($begin:expr, $status:expr, $order:expr, $back:expr) => {
        match ($order, $back) {
            (Order::Id, false) => page!($begin, $status, "(id, id) > ($33, $34)", "id"),
            (Order::Id, true) => page!($begin, $status, "(id, id) < ($33, $34)", "id DESC"),
            (Order::Changed, false) => {
                page!($begin, $status, "(changed_at, id) < ($33, $34)", "changed_at DESC, id DESC")
            }
            (Order::Changed, true) => page!($begin, $status, "(changed_at, id) > ($33, $34)", "changed_at, id"),
            (Order::Connected, false) => {
                page!($begin, $status, "(connected_at, id) < ($33, $34)", "connected_at DESC, id DESC")
            }
            (Order::Connected, true) => page!($begin, $status, "(connected_at, id) > ($33, $34)", "connected_at, id"),
            (Order::Address, false) => page!($begin, $status, "(home, id) > ($33, $34)", "home, id"),
            (Order::Address, true) => page!($begin, $status, "(home, id) < ($33, $34)", "home DESC, id DESC"),
            (Order::Unchecked, false) => page!($begin, $status, "(checked_at, id) > ($33, $34)", "checked_at, id"),
            (Order::Unchecked, true) => {
                page!($begin, $status, "(checked_at, id) < ($33, $34)", "checked_at DESC, id DESC")
            }
        }
    };
}

macro_rules! counted {
    ($begin:expr, $status:expr) => {
        concat!("SELECT COUNT(*) FROM (SELECT 1", matching!($begin, $status), " LIMIT $33) AS found")
    };
}

/// Binds `$1` to `$32`.
macro_rules! bound {
    ($query:expr, $filter:expr, $begin:expr) => {{
        let (filter, fewest) = ($filter, $begin.fewest());
        let first = filter.words.first().filter(|_| fewest == Some(Fewest::Word));
        let mut query = $query
            .bind(first.map(Word::from))
            .bind(first.map(Word::to))
            .bind(filter.status.filter(|_| fewest == Some(Fewest::Status)))
            .bind(filter.reason.filter(|_| fewest == Some(Fewest::Reason)))
            .bind(filter.scope.filter(|_| fewest == Some(Fewest::Scope)))
            .bind(filter.user_id.as_ref().filter(|_| fewest == Some(Fewest::User)))
            .bind(filter.status)
            .bind(filter.status)
            .bind(filter.reason)
            .bind(filter.reason)
            .bind(filter.scope)
            .bind(filter.scope)
            .bind(&filter.user_id)
            .bind(&filter.user_id);
        for at in 0..MOST_WORDS {
            let word = filter.words.get(at);
            query = query.bind(word.map(Word::from)).bind(word.map(Word::from)).bind(word.map(Word::to));
        }
        // What PostgreSQL is to look for, it may know when it plans.
        query.persistent(false)
    }};
}

impl Begin {
    fn fewest(self) -> Option<Fewest> {
        match self {
            Self::Gather(fewest) => Some(fewest),
            Self::Order | Self::StatusInOrder => None,
        }
    }

    fn page(self, order: Order, back: bool) -> &'static str {
        match self {
            Self::Order => pages!(in_order!(), any_status!(), order, back),
            Self::StatusInOrder => pages!(in_order!(), this_status!(), order, back),
            Self::Gather(_) => pages!(gathered!(), any_status!(), order, back),
        }
    }

    fn count(self) -> &'static str {
        match self {
            Self::Order => counted!(in_order!(), any_status!()),
            Self::StatusInOrder => counted!(in_order!(), this_status!()),
            Self::Gather(_) => counted!(gathered!(), any_status!()),
        }
    }
}

/// Chooses the index that a list in this order is read from. `rarity` says how often stores have the first of the words,
/// which is the rarest.
pub async fn begin(db: &Db, filter: &Filter, order: Order, rarity: Option<i64>) -> Result<Begin, Error> {
    if filter.user_id.is_some() {
        return Ok(Begin::Gather(Fewest::User));
    }
    let mut fits = Vec::new();
    fits.extend(rarity.filter(|_| !filter.words.is_empty()).map(|n| (n, Fewest::Word)));
    if let Some(status) = filter.status {
        fits.push((with_status(db, status).await?, Fewest::Status));
    }
    if let Some(reason) = filter.reason {
        fits.push((with_reason(db, reason).await?, Fewest::Reason));
    }
    if let Some(scope) = filter.scope {
        fits.push((with_scope(db, scope).await?, Fewest::Scope));
    }
    let fewest = fits.into_iter().min_by_key(|(n, _)| *n).filter(|(n, _)| *n <= FEW);
    Ok(match fewest {
        Some((_, fewest)) => Begin::Gather(fewest),
        None if filter.status.is_some() && order == Order::Changed => Begin::StatusInOrder,
        None => Begin::Order,
    })
}

async fn with_status(db: &Db, status: StoreStatus) -> Result<i64, Error> {
    on!(db.read(), |pool| {
        Ok(sqlx::query_scalar("SELECT COUNT(*) FROM (SELECT 1 FROM stores WHERE status = $1 LIMIT $2) AS found")
            .bind(status)
            .bind(FEW + 1)
            .fetch_one(pool)
            .await?)
    })
}

async fn with_reason(db: &Db, reason: Verdict) -> Result<i64, Error> {
    on!(db.read(), |pool| {
        Ok(sqlx::query_scalar("SELECT COUNT(*) FROM (SELECT 1 FROM stores WHERE reason = $1 LIMIT $2) AS found")
            .bind(reason)
            .bind(FEW + 1)
            .fetch_one(pool)
            .await?)
    })
}

async fn with_scope(db: &Db, scope: Scope) -> Result<i64, Error> {
    on!(db.read(), |pool| {
        Ok(sqlx::query_scalar("SELECT COUNT(*) FROM (SELECT 1 FROM stores WHERE scope = $1 LIMIT $2) AS found")
            .bind(scope)
            .bind(FEW + 1)
            .fetch_one(pool)
            .await?)
    })
}

/// Up to `most` stores that fit, in order, from the first or from beside another. A page that ends beside another is read
/// backwards, so its rows come in the reverse of the order.
pub async fn page(
    db: &Db,
    filter: &Filter,
    begin: Begin,
    order: Order,
    beside: Option<&Beside>,
    most: i64,
) -> Result<Vec<Store>, Error> {
    let beside = beside.cloned().unwrap_or_else(|| order.beginning());
    on!(db.read(), |pool| {
        let query = bound!(sqlx::query_as(begin.page(order, beside.back)), filter, begin);
        let query = match beside.key {
            Key::At(at) => query.bind(at),
            Key::Text(text) => query.bind(text),
        };
        Ok(query.bind(beside.id).bind(most).fetch_all(pool).await?)
    })
}

/// How many stores fit, counted up to `most`.
pub async fn count(db: &Db, filter: &Filter, begin: Begin, most: i64) -> Result<i64, Error> {
    on!(db.read(), |pool| {
        Ok(bound!(sqlx::query_scalar(begin.count()), filter, begin).bind(most).fetch_one(pool).await?)
    })
}

/// How many stores there are of each status.
pub async fn by_status(db: &Db) -> Result<Vec<(StoreStatus, i64)>, Error> {
    on!(db.read(), |pool| {
        Ok(sqlx::query_as("SELECT status, COUNT(*) FROM stores GROUP BY status").fetch_all(pool).await?)
    })
}
