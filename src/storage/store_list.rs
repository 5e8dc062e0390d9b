//! Lists of stores: filtered, searched, in one of several orders, a page at a time.
//!
//! Every list is read from an index, in one of three ways ([`Begin`]), because only then is it quick with 100,000 stores;
//! SQLite keeps no figures of its own about what its columns hold, so the way is chosen here.

mod statements;

use super::{Db, Error, stores};
use crate::domain::scope::Scope;
use crate::domain::search::Word;
use crate::domain::store::{Store, StoreStatus};
use crate::domain::user_id::UserId;
use crate::domain::verdict::Verdict;

pub(super) use statements::{narrow, page as page_of};

/// The most words that a search is narrowed by.
pub const MOST_WORDS: usize = 6;

/// A filter that not more stores than this fit is read whole and then sorted.
pub const FEW: i64 = 8_000;

/// Which stores a list holds: those that all of this fits.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    /// Of this merchant.
    pub user_id: Option<UserId>,
    /// That stand so.
    pub status: Option<StoreStatus>,
    /// With this verdict, or any.
    pub reason: Option<Reason>,
    /// With a key of this scope.
    pub scope: Option<Scope>,
    /// With all of these words; those after the first [`MOST_WORDS`] do not count.
    pub words: Vec<Word>,
}

/// What is the matter with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Anything.
    Any,
    /// This.
    Is(Verdict),
}

impl Reason {
    /// The first code that counts.
    pub(super) fn from(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Is(verdict) => verdict.code(),
        }
    }

    /// The last code that counts: none begins with a z.
    pub(super) fn to(self) -> &'static str {
        match self {
            Self::Any => "z",
            Self::Is(verdict) => verdict.code(),
        }
    }
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
    pub key: SortKey,
    /// The id of the store; there need not be one any more.
    pub id: String,
    /// Whether the page ends there instead.
    pub back: bool,
}

/// What an order goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortKey {
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
    pub fn key(self, store: &Store) -> SortKey {
        match self {
            Self::Id => SortKey::Text(store.id.to_string()),
            Self::Changed => SortKey::At(store.changed_at.millis()),
            Self::Connected => SortKey::At(store.connected_at.millis()),
            Self::Address => SortKey::Text(store.home.to_string()),
            Self::Unchecked => SortKey::At(store.checked_at.millis()),
        }
    }

    /// Before the first of all.
    fn beginning(self) -> Beside {
        let key = match self {
            Self::Id | Self::Address => SortKey::Text(String::new()),
            Self::Changed | Self::Connected => SortKey::At(i64::MAX),
            Self::Unchecked => SortKey::At(i64::MIN),
        };
        Beside { key, id: String::new(), back: false }
    }
}

/// Chooses the index that a list in this order is read from. `with_words` says how many stores have all of the words, the
/// rarest of which is the first.
pub async fn begin(db: &Db, filter: &Filter, order: Order, with_words: Option<i64>) -> Result<Begin, Error> {
    if filter.user_id.is_some() {
        return Ok(Begin::Gather(Fewest::User));
    }
    let mut fits = Vec::new();
    fits.extend(with_words.map(|n| (n, Fewest::Word)));
    if let Some(status) = filter.status {
        fits.push((with_status(db, status).await?, Fewest::Status));
    }
    if let Some(reason) = filter.reason {
        fits.push((with_reason(db, reason).await?, Fewest::Reason));
    }
    if let Some(scope) = filter.scope {
        fits.push((with_scope(db, scope).await?, Fewest::Scope));
    }
    let fewest = fits.iter().copied().min_by_key(|(n, _)| *n);
    if filter.status.is_some() && order == Order::Changed && fewest.is_some_and(|(_, by)| by == Fewest::Status) {
        return Ok(Begin::StatusInOrder);
    }
    let fewest = fits.into_iter().min_by_key(|(n, _)| *n).filter(|(n, _)| *n <= FEW);
    Ok(match fewest {
        Some((_, fewest)) => Begin::Gather(fewest),
        None if filter.status.is_some() && order == Order::Changed => Begin::StatusInOrder,
        None => Begin::Order,
    })
}

async fn with_status(db: &Db, status: StoreStatus) -> Result<i64, Error> {
    db.read("SELECT COUNT(*) FROM (SELECT 1 FROM stores WHERE status = $1 LIMIT $2) AS found")
        .bind(status)
        .bind(FEW + 1)
        .value()
        .await
}

async fn with_reason(db: &Db, reason: Reason) -> Result<i64, Error> {
    db.read("SELECT COUNT(*) FROM (SELECT 1 FROM stores WHERE reason >= $1 AND reason <= $2 LIMIT $3) AS found")
        .bind(reason.from())
        .bind(reason.to())
        .bind(FEW + 1)
        .value()
        .await
}

async fn with_scope(db: &Db, scope: Scope) -> Result<i64, Error> {
    db.read("SELECT COUNT(*) FROM (SELECT 1 FROM stores WHERE scope = $1 LIMIT $2) AS found")
        .bind(scope)
        .bind(FEW + 1)
        .value()
        .await
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
    let statement = statements::begin(db.read(["SELECT ", stores::COLUMNS]), filter, begin);
    page_of(narrow(statement, filter), order, &beside, most).all().await
}

/// How many stores fit, counted up to `most`. Where an order is walked, the count walks it too, and stops as soon as it knows
/// enough.
pub async fn count(db: &Db, filter: &Filter, begin: Begin, most: i64) -> Result<i64, Error> {
    let statement = statements::begin(db.read("SELECT COUNT(*) FROM (SELECT 1"), filter, begin);
    let statement = match begin {
        Begin::Order | Begin::StatusInOrder => narrow(statement, filter).push(" ORDER BY changed_at"),
        Begin::Gather(_) => narrow(statement, filter),
    };
    statement.push(" LIMIT ").push_bind(most).push(") AS found").planned_each_time().value().await
}

/// How many stores there are of each status.
pub async fn by_status(db: &Db) -> Result<Vec<(StoreStatus, i64)>, Error> {
    db.read("SELECT status, COUNT(*) FROM stores GROUP BY status").all().await
}
