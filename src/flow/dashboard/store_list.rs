//! Lists of stores: search, filters, sort orders, pages and export.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::event::{Event, Kind};
use crate::domain::id::StoreId;
use crate::domain::page::Page;
use crate::domain::scope::Scope;
use crate::domain::search;
use crate::domain::store::{Store, StoreStatus};
use crate::domain::token::{ServiceToken, Users};
use crate::domain::user_id::UserId;
use crate::flow::Beneath;
use crate::storage::store_list::{self, Begin};
use crate::storage::{events, store_words, visible_stores};

pub use crate::storage::store_list::{Beside, Order, Reason, SortKey};

/// The limit of exact counts; larger ones are shown as “1,000+”.
pub const COUNTED: i64 = 1_000;
/// Rows per batch of an export.
const AT_A_TIME: i64 = 500;
/// The limit to which a word's stores are counted, enough to find the rarest word.
const RARITY: i64 = 10_000;

/// Selects stores. Every field that is set must match.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Only this merchant's stores.
    pub user_id: Option<UserId>,
    /// Only stores with this status.
    pub status: Option<StoreStatus>,
    /// Only stores with this verdict, or with any.
    pub reason: Option<Reason>,
    /// Only stores whose key has this scope.
    pub scope: Option<Scope>,
    /// Only stores that this search finds.
    pub q: Option<String>,
}

impl Filter {
    /// Converts to storage's filter, with `words` in place of the search text.
    fn with(&self, words: Vec<search::Word>) -> store_list::Filter {
        let Self { user_id, status, reason, scope, q: _ } = self.clone();
        store_list::Filter { user_id, status, reason, scope, words }
    }
}

/// The number of stores found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The count, at most [`COUNTED`].
    pub n: i64,
    /// Whether there are more than `n`.
    pub more: bool,
}

/// A part of a list, with cursors to its neighbours.
#[derive(Debug)]
pub struct Part {
    /// The stores, in order.
    pub rows: Vec<Store>,
    /// The cursor of the previous part; `None` on the first.
    pub previous: Option<Beside>,
    /// The cursor of the next part; `None` on the last.
    pub next: Option<Beside>,
}

/// One page of stores in the order of first connection, after `after`, with at most `limit` rows.
pub async fn list(app: &App, filter: &Filter, after: Option<&StoreId>, limit: i64) -> Result<Page<Store>, Beneath> {
    let Some(search) = Search::of(app, filter, Order::Id).await? else { return Ok(Page { rows: vec![], next: None }) };
    let beside = after.map(|id| Beside { key: SortKey::Text(id.to_string()), id: id.to_string(), back: false });
    let rows = search.rows(app, beside.as_ref(), limit + 1).await?;
    Ok(Page::of(rows, limit, |store| store.id.to_string()))
}

/// One page of the stores that a token may see, as [`list`]. The search uses the words of those stores alone, so that other
/// merchants' store names cannot affect the answer.
pub async fn list_for(
    app: &App,
    token: &ServiceToken,
    filter: &Filter,
    after: Option<&StoreId>,
    limit: i64,
) -> Result<Page<Store>, Beneath> {
    let Some(users) = &token.users else { return list(app, filter, after, limit).await };
    let Some(words) = known_words(app, filter, Some(users)).await? else {
        return Ok(Page { rows: vec![], next: None });
    };
    let rows = visible_stores::list(&app.db, users, &filter.with(words), after, limit + 1).await?;
    Ok(Page::of(rows, limit, |store| store.id.to_string()))
}

/// The matching stores in `order`, next to `beside` or from the first, with at most `limit` rows.
pub async fn part(
    app: &App,
    filter: &Filter,
    order: Order,
    beside: Option<&Beside>,
    limit: usize,
) -> Result<(Part, Found), Beneath> {
    let Some(search) = Search::of(app, filter, order).await? else {
        let none = Part { rows: Vec::new(), previous: None, next: None };
        return Ok((none, Found { n: 0, more: false }));
    };
    let mut beside = beside;
    let most = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut rows = search.rows(app, beside, most).await?;
    if rows.len() <= limit && beside.is_some_and(|beside| beside.back) {
        // Few rows are left before this point: show a full first part.
        beside = None;
        rows = search.rows(app, None, most).await?;
    }
    let more = rows.len() > limit;
    rows.truncate(limit);
    let back = beside.is_some_and(|beside| beside.back);
    if back {
        rows.reverse();
    }
    let at = |store: Option<&Store>, back| store.map(|store| place(order, store, back));
    let previous = at(rows.first(), true).filter(|_| if back { more } else { beside.is_some() });
    let next = at(rows.last(), false).filter(|_| back || more);
    let found = search.count(app, filter).await?;
    Ok((Part { rows, previous, next }, found))
}

/// The number of stores of each status.
pub async fn by_status(app: &App) -> Result<Vec<(StoreStatus, i64)>, Beneath> {
    Ok(store_list::by_status(&app.db).await?)
}

fn place(order: Order, store: &Store, back: bool) -> Beside {
    Beside { key: order.key(store), id: store.id.to_string(), back }
}

/// A prepared filter: each of its words occurs in some store.
struct Search {
    filter: store_list::Filter,
    order: Order,
    begin: Begin,
    /// The number of stores with all the words, counted only up to a small limit.
    with_words: Option<i64>,
}

impl Search {
    /// `None` if no store has all of the words.
    async fn of(app: &App, filter: &Filter, order: Order) -> Result<Option<Self>, Beneath> {
        let Some(words) = known_words(app, filter, None).await? else { return Ok(None) };
        let with_words = match words.len() {
            0 => None,
            _ => Some(store_words::together(&app.db, &words, store_list::FEW + 1).await?),
        };
        if with_words == Some(0) {
            return Ok(None);
        }
        let filter = filter.with(words);
        let begin = store_list::begin(&app.db, &filter, order, with_words).await?;
        Ok(Some(Self { filter, order, begin, with_words }))
    }

    async fn rows(&self, app: &App, beside: Option<&Beside>, most: i64) -> Result<Vec<Store>, Beneath> {
        Ok(store_list::page(&app.db, &self.filter, self.begin, self.order, beside, most).await?)
    }

    /// Reuses known counts: of all stores if there is no filter, and of stores with the words.
    async fn count(&self, app: &App, filter: &Filter) -> Result<Found, Beneath> {
        if *filter == Filter::default() {
            let n = by_status(app).await?.iter().map(|(_, n)| n).sum();
            return Ok(Found { n, more: false });
        }
        let n = match self.with_words {
            Some(n) if *filter == (Filter { q: filter.q.clone(), ..Filter::default() }) => n,
            _ => store_list::count(&app.db, &self.filter, self.begin, COUNTED + 1).await?,
        };
        Ok(Found { n: n.min(COUNTED), more: n > COUNTED })
    }
}

/// The searched words, rarest first, as they occur in the stores of `users`, or in all stores. `None` if some part of the text
/// occurs in none.
async fn known_words(app: &App, filter: &Filter, users: Option<&Users>) -> Result<Option<Vec<search::Word>>, Beneath> {
    let mut words = Vec::new();
    for ways in search::ways(filter.q.as_deref().unwrap_or_default()) {
        let Some(way) = first_known(app, ways, users).await? else { return Ok(None) };
        words.extend(way);
    }
    words.sort_by_key(|(rarity, _)| *rarity);
    Ok(Some(words.into_iter().map(|(_, word)| word).collect()))
}

/// The first reading of a piece of the text whose words all exist, each with its frequency.
async fn first_known(
    app: &App,
    ways: Vec<Vec<search::Word>>,
    users: Option<&Users>,
) -> Result<Option<Vec<(i64, search::Word)>>, Beneath> {
    for way in ways {
        let wanted = way.len();
        let mut known = Vec::with_capacity(wanted);
        for word in way {
            let count = match users {
                None => store_words::count(&app.db, &word, RARITY).await?,
                Some(users) => visible_stores::count(&app.db, users, &word, RARITY).await?,
            };
            match count {
                0 => break,
                rarity => known.push((rarity, word)),
            }
        }
        if known.len() == wanted {
            return Ok(Some(known));
        }
    }
    Ok(None)
}

/// An export of all matching stores, in batches.
pub struct Export {
    app: App,
    search: Option<Search>,
    beside: Option<Beside>,
}

/// Starts an export, after recording it.
pub async fn export(app: &App, filter: &Filter, order: Order, actor: &Actor) -> Result<Export, Beneath> {
    events::insert(&app.db, &Event::new(Kind::StoresExported, app.now(), actor)).await?;
    Ok(Export { app: app.clone(), search: Search::of(app, filter, order).await?, beside: None })
}

impl Export {
    /// The next batch; empty after the last.
    pub async fn next(&mut self) -> Result<Vec<Store>, Beneath> {
        let Some(search) = &self.search else { return Ok(Vec::new()) };
        let rows = search.rows(&self.app, self.beside.as_ref(), AT_A_TIME).await?;
        match rows.last() {
            Some(last) => self.beside = Some(place(search.order, last, false)),
            None => self.search = None,
        }
        Ok(rows)
    }
}

impl Beside {
    /// An opaque cursor for an address. It encodes where the page begins, not which row it follows, so it stays valid if that row
    /// changes or is removed.
    pub fn cursor(&self) -> String {
        let text = match &self.key {
            SortKey::At(at) => format!("{}\n{at}", self.id),
            SortKey::Text(text) => format!("{}\n{text}", self.id),
        };
        URL_SAFE_NO_PAD.encode(text)
    }

    /// Parses a cursor of this order; `None` if it is malformed.
    pub fn read(cursor: &str, order: Order, back: bool) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let (id, key) = text.split_once('\n')?;
        let id: StoreId = id.parse().ok()?;
        let key = match order {
            Order::Id | Order::Address if key.contains(char::is_control) => return None,
            Order::Id | Order::Address => SortKey::Text(key.to_owned()),
            Order::Changed | Order::Connected | Order::Unchecked => SortKey::At(key.parse().ok()?),
        };
        Some(Self { key, id: id.to_string(), back })
    }
}
