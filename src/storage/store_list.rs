//! Lists of stores: filtered, searched, in one of several orders, a page at a time.
//!
//! PostgreSQL has statistics and chooses its indexes itself. For SQLite, this module chooses how a list is read (`Source`), so
//! that every list is quick with 100,000 stores.

use super::statement::Statement;
use super::{Db, Error, stores};
use crate::domain::search::{self, AnyOf};
use crate::domain::{Scope, Store, StoreId, StoreStatus, UserId, Users, Verdict};

/// The limit of exact counts; larger ones are shown as “1,000+”.
pub const COUNTED: i64 = 1_000;
/// On SQLite, if at most this many stores meet a condition, all of them are read and sorted, which takes 5 ms. If more do, stores
/// are first read in list order, because the page is probably full soon.
const FEW: i64 = 3_000;
/// How many stores are read in list order for each row of the page. It is limited because the matches may all be at the end.
const READ_PER_ROW: i64 = 50;
/// Above this, reading the whole table is quicker than an index.
const MANY: i64 = 10_000;

/// Selects stores. Every field that is set must match.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Only stores of these merchants.
    pub users: Option<Users>,
    /// Only this merchant's stores.
    pub user_id: Option<UserId>,
    pub status: Option<StoreStatus>,
    /// Only stores with this verdict, or with any.
    pub reason: Option<Reason>,
    /// Only stores whose key has this scope.
    pub scope: Option<Scope>,
    /// Only stores that this search finds: the store with this ID, or those that meet [`search::requirements`].
    pub q: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Any,
    Is(Verdict),
}

/// A sort order. Each is total: ties are broken by ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The first connected first.
    Id,
    /// The most recently changed first.
    Changed,
    /// The most recently connected first.
    Connected,
    Address,
    /// The longest unchecked first.
    Unchecked,
}

/// Where a page begins: next to the store with this sort key and ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    pub key: SortKey,
    /// The store need not exist any more.
    pub id: String,
    /// Whether the page ends there instead.
    pub back: bool,
}

/// What an order sorts by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortKey {
    /// A time, in milliseconds.
    At(i64),
    /// An address or an ID.
    Text(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The count; at most [`COUNTED`] if there is a filter.
    pub n: i64,
    /// Whether there are more than `n`.
    pub more: bool,
}

impl Order {
    /// The sort key of `store`.
    pub fn key(self, store: &Store) -> SortKey {
        match self {
            Self::Id => SortKey::Text(store.id.to_string()),
            Self::Changed => SortKey::At(store.changed_at.millis()),
            Self::Connected => SortKey::At(store.connected_at.millis()),
            Self::Address => SortKey::Text(store.home.to_string()),
            Self::Unchecked => SortKey::At(store.checked_at.millis()),
        }
    }

    /// Before the first store.
    fn beginning(self) -> Beside {
        let key = match self {
            Self::Id | Self::Address => SortKey::Text(String::new()),
            Self::Changed | Self::Connected => SortKey::At(i64::MAX),
            Self::Unchecked => SortKey::At(i64::MIN),
        };
        Beside { key, id: String::new(), back: false }
    }

    /// The index with this order; the first is the primary key's.
    const fn index(self) -> &'static str {
        match self {
            Self::Id => "sqlite_autoindex_stores_1",
            Self::Changed => "stores_by_change",
            Self::Connected => "stores_by_connection",
            Self::Address => "stores_by_home",
            Self::Unchecked => "stores_by_check",
        }
    }
}

/// What a list is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The database chooses.
    Planned,
    Index(&'static str),
    /// The index of the search text.
    Words,
    /// The table: many stores meet every condition.
    Table,
}

/// What was searched for.
#[derive(Debug)]
enum Sought {
    Id(StoreId),
    Words(Vec<AnyOf>),
}

/// A list of stores, ready to be read.
#[derive(Debug)]
pub struct List {
    filter: Filter,
    sought: Sought,
    order: Order,
    source: Source,
    /// Whether reading stores in list order is likely to fill a page soon.
    is_dense: bool,
    /// How many stores it has.
    pub found: Found,
}

impl List {
    /// Prepares the list of all stores that match `filter`, and counts them.
    pub async fn of(db: &Db, filter: &Filter, order: Order) -> Result<Self, Error> {
        let q = filter.q.as_deref().unwrap_or_default();
        let sought = match q.trim().to_lowercase().parse() {
            Ok(id) => Sought::Id(id),
            Err(_) => Sought::Words(search::requirements(q)),
        };
        let mut filter = filter.clone();
        if matches!(&sought, Sought::Words(words) if words.is_empty()) {
            filter.q = None;
        }
        let found = Found { n: 0, more: false };
        let mut list = Self { filter, sought, order, source: Source::Planned, is_dense: false, found };
        if list.filter == Filter::default() {
            list.found.n = db.read("SELECT COUNT(*) FROM stores").value().await?;
            return Ok(list);
        }
        let mut known = None;
        let mut fewest = 0;
        if !db.is_postgres() {
            (list.source, fewest, known) = list.narrowest(db).await?;
        }
        let n = match known {
            Some(n) => n,
            None => list.count(db, list.source, &list.filter, COUNTED + 1).await?,
        };
        list.is_dense = n > COUNTED && fewest > FEW;
        list.found = Found { n: n.min(COUNTED), more: n > COUNTED };
        Ok(list)
    }

    /// The source for the condition that the fewest stores meet; the number of those stores, counted up to a limit; and the same
    /// number again if it is the only condition.
    async fn narrowest(&self, db: &Db) -> Result<(Source, i64, Option<i64>), Error> {
        let Filter { users, user_id, status, reason, scope, q } = self.filter.clone();
        if matches!(self.sought, Sought::Id(_)) {
            return Ok((Source::Planned, 0, None));
        }
        if users.is_some() || user_id.is_some() {
            return Ok((Source::Index("sqlite_autoindex_stores_2"), 0, None));
        }
        let conditions = [
            (Source::Words, Filter { q, ..Filter::default() }),
            (Source::Index("stores_by_status"), Filter { status, ..Filter::default() }),
            (Source::Index("stores_by_reason"), Filter { reason, ..Filter::default() }),
            (Source::Index("stores_by_scope"), Filter { scope, ..Filter::default() }),
        ];
        let mut sizes = Vec::new();
        for (source, only) in conditions.iter().filter(|(_, only)| *only != Filter::default()) {
            let n = match (source, &self.sought) {
                (Source::Words, Sought::Words(words)) => hits(db, words, MANY + 1).await?,
                _ => self.count(db, *source, only, MANY + 1).await?,
            };
            sizes.push((n, *source));
        }
        let is_only = sizes.len() == 1;
        let (n, source) = sizes.into_iter().min_by_key(|(n, _)| *n).unwrap_or((MANY + 1, Source::Table));
        Ok((if n > MANY { Source::Table } else { source }, n, is_only.then_some(n)))
    }

    /// The number of stores that match `filter`, a part of this list's filter; counted up to `most`.
    async fn count(&self, db: &Db, source: Source, filter: &Filter, most: i64) -> Result<i64, Error> {
        let statement = self.from(db.read("SELECT COUNT(*) FROM (SELECT 1"), source, filter);
        statement.push(" LIMIT ").push_bind(most).push(") AS found").planned_each_time().value().await
    }

    /// Up to `most` stores in order, from the first or next to `beside`. A page that ends there is read backwards: its rows come
    /// in reverse order.
    pub async fn page(&self, db: &Db, beside: Option<&Beside>, most: i64) -> Result<Vec<Store>, Error> {
        let beside = beside.cloned().unwrap_or_else(|| self.order.beginning());
        if self.is_dense {
            let walk = db.read(["SELECT ", stores::COLUMNS, " FROM (SELECT * FROM stores INDEXED BY "]);
            let walk = self.place(walk.push(self.order.index()).push(" WHERE 1 = 1"), &beside);
            let walk = walk.push(" LIMIT ").push_bind(most.saturating_mul(READ_PER_ROW)).push(") WHERE 1 = 1");
            // Without ORDER BY here, SQLite returns rows in the order of the inner statement and stops when the page is full;
            // with it, SQLite would read all of them first.
            let walk = self.narrow(walk, &self.filter).push(" LIMIT ").push_bind(most);
            let rows: Vec<Store> = walk.planned_each_time().all().await?;
            if i64::try_from(rows.len()) == Ok(most) {
                return Ok(rows);
            }
        }
        let statement = self.from(db.read(["SELECT ", stores::COLUMNS]), self.source, &self.filter);
        self.place(statement, &beside).push(" LIMIT ").push_bind(most).planned_each_time().all().await
    }

    /// Appends the place where a page begins, and the order.
    fn place<'t>(&self, statement: Statement<'t>, beside: &Beside) -> Statement<'t> {
        let (after, by) = match (self.order, beside.back) {
            (Order::Id, false) => (" AND (id, id) > (", " ORDER BY id"),
            (Order::Id, true) => (" AND (id, id) < (", " ORDER BY id DESC"),
            (Order::Changed, false) => (" AND (changed_at, id) < (", " ORDER BY changed_at DESC, id DESC"),
            (Order::Changed, true) => (" AND (changed_at, id) > (", " ORDER BY changed_at, id"),
            (Order::Connected, false) => (" AND (connected_at, id) < (", " ORDER BY connected_at DESC, id DESC"),
            (Order::Connected, true) => (" AND (connected_at, id) > (", " ORDER BY connected_at, id"),
            (Order::Address, false) => (" AND (home, id) > (", " ORDER BY home, id"),
            (Order::Address, true) => (" AND (home, id) < (", " ORDER BY home DESC, id DESC"),
            (Order::Unchecked, false) => (" AND (checked_at, id) > (", " ORDER BY checked_at, id"),
            (Order::Unchecked, true) => (" AND (checked_at, id) < (", " ORDER BY checked_at DESC, id DESC"),
        };
        let statement = match &beside.key {
            SortKey::At(at) => statement.push(after).push_bind(*at),
            SortKey::Text(text) => statement.push(after).push_bind(text),
        };
        statement.push(", ").push_bind(&beside.id).push(")").push(by)
    }

    /// Appends where the stores are read from, and every condition of `filter`.
    fn from<'t>(&self, statement: Statement<'t>, source: Source, filter: &Filter) -> Statement<'t> {
        match (source, &self.sought) {
            (Source::Words, Sought::Words(words)) => {
                let join = " FROM store_search CROSS JOIN stores ON stores.rowid = store_search.rowid";
                let found = statement.push(join).push(" WHERE store_search MATCH ").push_bind(matching(words));
                self.narrow(found, &Filter { q: None, ..filter.clone() })
            }
            (Source::Index(name), _) => {
                self.narrow(statement.push(" FROM stores INDEXED BY ").push(name).push(" WHERE 1 = 1"), filter)
            }
            (Source::Table, _) => self.narrow(statement.push(" FROM stores NOT INDEXED WHERE 1 = 1"), filter),
            (Source::Planned | Source::Words, _) => self.narrow(statement.push(" FROM stores WHERE 1 = 1"), filter),
        }
    }

    /// Appends every condition of `filter`.
    fn narrow<'t>(&self, mut statement: Statement<'t>, filter: &Filter) -> Statement<'t> {
        if let Some(users) = &filter.users {
            statement = statement.push(" AND user_id IN ").push_bind_all(users.iter());
        }
        if let Some(user_id) = &filter.user_id {
            statement = statement.push(" AND user_id = ").push_bind(user_id);
        }
        if let Some(status) = filter.status {
            statement = statement.push(" AND status = ").push_bind(status);
        }
        statement = match filter.reason {
            None => statement,
            Some(Reason::Any) => statement.push(" AND reason IS NOT NULL"),
            Some(Reason::Is(verdict)) => statement.push(" AND reason = ").push_bind(verdict),
        };
        if let Some(scope) = filter.scope {
            statement = statement.push(" AND scope = ").push_bind(scope);
        }
        match &self.sought {
            Sought::Id(id) => statement.push(" AND id = ").push_bind(id),
            Sought::Words(words) if filter.q.is_some() => words.iter().fold(statement, |statement, any| {
                let statement = statement.push(" AND (1 = 0");
                let or = |statement: Statement<'t>, part: &String| {
                    statement.push(" OR search LIKE ").push_bind(format!("%{part}%"))
                };
                any.iter().fold(statement, or).push(")")
            }),
            Sought::Words(_) => statement,
        }
    }
}

/// The number of stores that SQLite's index finds, without reading the stores themselves; counted up to `most`.
async fn hits(db: &Db, words: &[AnyOf], most: i64) -> Result<i64, Error> {
    db.read("SELECT COUNT(*) FROM (SELECT 1 FROM store_search WHERE store_search MATCH $1 LIMIT $2) AS found")
        .bind(matching(words))
        .bind(most)
        .value()
        .await
}

/// The query in SQLite's FTS5 syntax. The words contain no special characters.
fn matching(words: &[AnyOf]) -> String {
    let any =
        |any: &AnyOf| format!("({})", any.iter().map(|part| format!("\"{part}\"")).collect::<Vec<_>>().join(" OR "));
    words.iter().map(any).collect::<Vec<_>>().join(" AND ")
}

/// How many stores there are of each status.
pub async fn by_status(db: &Db) -> Result<Vec<(StoreStatus, i64)>, Error> {
    db.read("SELECT status, COUNT(*) FROM stores GROUP BY status").all().await
}
