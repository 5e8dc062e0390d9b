//! Activity: events and key reads in one list, newest first.
//!
//! Events are ordered by number, reads by id. A page merges both by time and ends with a position in each.

use std::time::Duration;

use crate::app::App;
use crate::domain::page::Page;
use crate::domain::{Actor, Event, Group, Kind, Position, RequestId, StoreId, Time, TokenId, UserId};
use crate::flow::{Beneath, lending::lend::MOST_AT_ONCE};
use crate::storage::activity::{self, Lead, Sift};
use crate::storage::events;
use crate::storage::reads::Wanted;

pub use crate::storage::activity::{Happened, KeyRead};

/// The tolerance for clock differences between replicas: the range of event numbers is chosen with this margin, and times are then
/// compared exactly.
const SPARE: Duration = Duration::from_hours(1);

/// Selects entries. Every field that is set must match.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only entries of this group.
    pub group: Option<Group>,
    /// Only entries about this store.
    pub store_id: Option<StoreId>,
    /// Only entries about this merchant.
    pub user_id: Option<UserId>,
    /// Only entries by this actor: the id of a token or operator, or a role.
    pub who: Option<String>,
    /// Only entries of this request.
    pub request_id: Option<RequestId>,
    /// Only entries at or after this time.
    pub from: Option<Time>,
    /// Only entries before this time.
    pub to: Option<Time>,
}

#[derive(Debug, Clone)]
pub enum Entry {
    Event(Box<Happened>),
    Read(Box<KeyRead>),
}

impl Entry {
    pub fn at(&self) -> Time {
        match self {
            Self::Event(event) => event.at,
            Self::Read(read) => read.at,
        }
    }

    /// The time by which events and reads are merged.
    fn order(&self) -> Time {
        match self {
            Self::Event(event) => event.at,
            Self::Read(read) => read.id.minted_at(),
        }
    }
}

/// One page starting at `position`, with at most `limit` entries. Its `next` is the position of the following page.
pub async fn list(app: &App, filter: &Filter, position: &Position, limit: i64) -> Result<Page<Entry>, Beneath> {
    let events = events_of(app, filter, position, limit + 1).await?;
    let reads = reads_of(app, filter, position, limit + 1).await?;
    let mut events = events.into_iter().map(|event| Entry::Event(Box::new(event))).peekable();
    let mut reads = reads.into_iter().map(|read| Entry::Read(Box::new(read))).peekable();
    let (mut rows, mut next) = (Vec::new(), position.clone());
    let limit = usize::try_from(limit).unwrap_or(0);
    while rows.len() < limit {
        let event_is_next = match (events.peek(), reads.peek()) {
            (None, None) => break,
            (event, None) => event.is_some(),
            (None, Some(_)) => false,
            (Some(event), Some(read)) => event.order() >= read.order(),
        };
        let Some(entry) = (if event_is_next { events.next() } else { reads.next() }) else { break };
        match &entry {
            Entry::Event(event) => next.seq = event.seq,
            Entry::Read(read) => next.read = read.id.clone(),
        }
        rows.push(entry);
    }
    let more = events.peek().is_some() || reads.peek().is_some();
    Ok(Page { rows, next: more.then(|| next.to_string()) })
}

async fn events_of(app: &App, filter: &Filter, position: &Position, most: i64) -> Result<Vec<Happened>, Beneath> {
    if filter.group == Some(Group::KeysRead) {
        return Ok(Vec::new());
    }
    let Some(range) = numbers(app, filter, position.seq).await? else { return Ok(Vec::new()) };
    let mut sift = Sift {
        store_id: filter.store_id.clone(),
        user_id: filter.user_id.clone(),
        actor: filter.who.clone(),
        kinds: filter.group.map(|group| group.kinds().collect()).unwrap_or_default(),
        from: filter.from,
        to: filter.to,
    };
    if let Some(lead) = lead(filter) {
        return Ok(activity::events(&app.db, &lead, &sift, range, most).await?);
    }
    // A group has few kinds, and each is in order: the newest of all are among the newest of each.
    let mut found = Vec::new();
    for kind in std::mem::take(&mut sift.kinds) {
        found.extend(activity::events(&app.db, &Lead::Kind(kind), &sift, range, most).await?);
    }
    found.sort_unstable_by_key(|event| std::cmp::Reverse(event.seq));
    found.truncate(usize::try_from(most).unwrap_or(0));
    Ok(found)
}

/// The most selective criterion; `None` if it is the kinds of the filter's group.
fn lead(filter: &Filter) -> Option<Lead> {
    let is_somebody = |who: &&String| who.contains('_');
    if let Some(id) = &filter.request_id {
        Some(Lead::Request(id.clone()))
    } else if let Some(id) = &filter.store_id {
        Some(Lead::Store(id.clone()))
    } else if let Some(id) = &filter.user_id {
        Some(Lead::User(id.clone()))
    } else if let Some(who) = filter.who.as_ref().filter(is_somebody) {
        Some(Lead::Actor(who.clone()))
    } else if filter.group.is_some() {
        None
    } else {
        Some(filter.who.clone().map_or(Lead::All, Lead::Actor))
    }
}

/// The range of event numbers that the filter selects, before `seq`; `None` if it is empty.
async fn numbers(app: &App, filter: &Filter, seq: i64) -> Result<Option<(i64, i64)>, Beneath> {
    let low = match filter.from {
        None => Some(0),
        Some(from) => activity::first_since(&app.db, from.minus(SPARE)).await?,
    };
    let high = match filter.to {
        None => Some(i64::MAX),
        Some(to) => activity::last_before(&app.db, to.plus(SPARE)).await?.map(|last| last.saturating_add(1)),
    };
    Ok(low.zip(high).map(|(low, high)| (low, high.min(seq))))
}

async fn reads_of(app: &App, filter: &Filter, position: &Position, most: i64) -> Result<Vec<KeyRead>, Beneath> {
    let is_wanted = filter.group.is_none_or(|group| group == Group::KeysRead);
    let by_token = filter.who.as_ref().is_none_or(|who| who.parse::<TokenId>().is_ok());
    if !is_wanted || !by_token {
        return Ok(Vec::new());
    }
    let (low, high) = ids(filter, &position.read);
    let token: Option<TokenId> = filter.who.as_ref().and_then(|who| who.parse().ok());
    let stores = match &filter.user_id {
        None => vec![filter.store_id.clone()],
        Some(user) => {
            let fits = |store: &StoreId| filter.store_id.as_ref().is_none_or(|only| only == store);
            activity::stores_of(&app.db, user).await?.into_iter().filter(fits).map(Some).collect()
        }
    };
    let mut found = Vec::new();
    for store in stores {
        let wanted = Wanted { store, token: token.clone(), low: low.clone(), high: high.clone() };
        found.extend(activity::reads(&app.db, &wanted, most).await?);
    }
    found.sort_unstable_by(|a, b| b.id.cmp(&a.id));
    found.truncate(usize::try_from(most).unwrap_or(0));
    Ok(found)
}

/// The range of read ids that the filter selects, before `read`: an id contains its time.
fn ids(filter: &Filter, read: &RequestId) -> (RequestId, RequestId) {
    let least = |at: Time| RequestId::least(at);
    let (low, high) = (filter.from.unwrap_or(Time::from_millis(0)), filter.to);
    let (low, high) = (least(low), high.map_or_else(|| read.clone(), |to| least(to).min(read.clone())));
    match &filter.request_id {
        None => (low, high),
        // A request may read several keys; their IDs count up from the request's own.
        Some(first) => {
            let beyond = RequestId::of_ulid(first.ulid().saturating_add(MOST_AT_ONCE as u128));
            (low.max(first.clone()), high.min(beyond))
        }
    }
}

/// Records that activity is about to be exported.
pub async fn exported(app: &App, actor: &Actor) -> Result<(), Beneath> {
    Ok(events::insert(&app.db, &Event::new(Kind::ActivityExported, app.now(), actor)).await?)
}
