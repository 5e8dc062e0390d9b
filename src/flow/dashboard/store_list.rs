//! Lists of stores: search, filters, sort orders, pages and export.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::app::App;
use crate::domain::page::Page;
use crate::domain::{Actor, Event, Kind, Store, StoreId, StoreStatus};
use crate::flow::Beneath;
use crate::storage::events;
use crate::storage::store_list::{self, List};

pub use crate::storage::store_list::{Beside, Filter, Found, Order, Reason, SortKey};

/// Rows per batch of an export.
const AT_A_TIME: i64 = 500;

/// A part of a list, with cursors to its neighbours.
#[derive(Debug)]
pub struct Part {
    pub rows: Vec<Store>,
    /// The cursor of the previous part; `None` on the first.
    pub previous: Option<Beside>,
    /// The cursor of the next part; `None` on the last.
    pub next: Option<Beside>,
}

/// One page of stores in the order of first connection, after `after`, with at most `limit` rows.
pub async fn list(app: &App, filter: &Filter, after: Option<&StoreId>, limit: i64) -> Result<Page<Store>, Beneath> {
    let beside = after.map(|id| Beside { key: SortKey::Text(id.to_string()), id: id.to_string(), back: false });
    let rows = List::of(&app.db, filter, Order::Id).await?.page(&app.db, beside.as_ref(), limit + 1).await?;
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
    let list = List::of(&app.db, filter, order).await?;
    let mut beside = beside;
    let most = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut rows = list.page(&app.db, beside, most).await?;
    if rows.len() <= limit && beside.is_some_and(|beside| beside.back) {
        // Few rows are left before this point: show a full first part.
        beside = None;
        rows = list.page(&app.db, None, most).await?;
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
    Ok((Part { rows, previous, next }, list.found))
}

/// The number of stores of each status.
pub async fn by_status(app: &App) -> Result<Vec<(StoreStatus, i64)>, Beneath> {
    Ok(store_list::by_status(&app.db).await?)
}

fn place(order: Order, store: &Store, back: bool) -> Beside {
    Beside { key: order.key(store), id: store.id.to_string(), back }
}

/// An export of all matching stores, in batches.
pub struct Export {
    app: App,
    order: Order,
    /// `None` after the last batch.
    list: Option<List>,
    beside: Option<Beside>,
}

/// Starts an export, after recording it.
pub async fn export(app: &App, filter: &Filter, order: Order, actor: &Actor) -> Result<Export, Beneath> {
    events::insert(&app.db, &Event::new(Kind::StoresExported, app.now(), actor)).await?;
    let list = Some(List::of(&app.db, filter, order).await?);
    Ok(Export { app: app.clone(), order, list, beside: None })
}

impl Export {
    /// The next batch; empty after the last.
    pub async fn next(&mut self) -> Result<Vec<Store>, Beneath> {
        let Some(prepared) = &self.list else { return Ok(Vec::new()) };
        let rows = prepared.page(&self.app.db, self.beside.as_ref(), AT_A_TIME).await?;
        match rows.last() {
            Some(last) => self.beside = Some(place(self.order, last, false)),
            None => self.list = None,
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
