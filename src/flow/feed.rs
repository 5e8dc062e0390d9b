//! Feed: the events in order, for services that follow them. A service that has read everything may wait for the next one.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::app::App;
use crate::domain::page::MOST;
use crate::domain::{EventId, News, ServiceToken, Store, StoreId};
use crate::flow::{Beneath, takes_in_beneath};
pub use crate::live::feed::Crowded;
use crate::live::feed::{Place, Watcher};
use crate::storage::{events, stores, tokens};

#[derive(Debug)]
pub struct Part {
    /// The events, oldest first.
    pub news: Vec<News>,
    /// The cursor for the next read. It may name an event that the caller may not see.
    pub next: EventId,
}

/// Why the feed cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no such event; the newest event is {newest}")]
    Ahead { newest: EventId },
    #[error("too many readers are waiting")]
    Crowded(Crowded),
    /// The token was revoked or expired in the meantime.
    #[error("the token is unknown, revoked or expired")]
    Unauthenticated,
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

pub async fn newest(app: &App) -> Result<EventId, Beneath> {
    Ok(events::newest(&app.db).await?)
}

/// Returns up to `limit` events after `after` that `token` may see. Fails with [`Error::Ahead`] if `after` is newer than
/// the newest event.
pub async fn read(app: &App, token: &ServiceToken, after: EventId, limit: i64) -> Result<Part, Error> {
    // Read first: every event up to this one is readable now, so events missing below are not visible to this token.
    let newest = events::newest(&app.db).await?;
    if after > newest {
        return Err(Error::Ahead { newest });
    }
    let news = match &token.users {
        None => events::news(&app.db, after, newest, limit).await?,
        Some(users) => events::news_of(&app.db, users, after, newest, limit).await?,
    };
    let is_full = i64::try_from(news.len()).is_ok_and(|found| found >= limit);
    let next = news.last().filter(|_| is_full).map_or(newest, |last| last.id);
    Ok(Part { news, next })
}

/// The stores that these events are about, as they are now, if `token` may see them.
pub async fn stores_of(app: &App, token: &ServiceToken, news: &[News]) -> Result<HashMap<StoreId, Store>, Beneath> {
    let ids: BTreeSet<&StoreId> = news.iter().filter_map(|event| event.data.store_id.as_ref()).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let stores = stores::find_several(&app.db, &ids.into_iter().collect::<Vec<_>>()).await?.into_iter();
    let visible = stores.filter(|store| token.may_see(&store.user_id));
    Ok(visible.map(|store| (store.id.clone(), store)).collect())
}

/// Like [`read`], but waits up to `within` for an event if there is none yet.
pub async fn wait(
    app: &App,
    token: &ServiceToken,
    after: EventId,
    limit: i64,
    within: Duration,
) -> Result<Part, Error> {
    let _place = enter(app, token)?;
    // Watch before the first read, so that no event is missed in between.
    let mut watcher = app.feed.watch(&app.db);
    let mut over = std::pin::pin!(tokio::time::sleep(within));
    let mut part = read(app, token, after, limit).await?;
    while part.news.is_empty() {
        tokio::select! {
            goes_on = watcher.beyond(part.next) => if !goes_on { break },
            () = over.as_mut() => break,
        }
        part = read(app, token, part.next, limit).await?;
    }
    // The token may have stopped working during the wait.
    still_works(app, token).await?;
    Ok(part)
}

/// A reader that follows the feed. How long it may take to read is up to its connection (`serve/write_deadline.rs`).
pub struct Follower {
    pub app: App,
    pub token: ServiceToken,
    after: EventId,
    /// Whether more events may already be available.
    is_behind: bool,
    watcher: Watcher,
    _place: Place,
}

/// Begins to follow the feed after `after`; fails like [`read`], and with [`Error::Crowded`].
pub async fn follow(app: &App, token: ServiceToken, after: EventId) -> Result<Follower, Error> {
    let place = enter(app, &token)?;
    read(app, &token, after, 1).await?;
    let watcher = app.feed.watch(&app.db);
    Ok(Follower { app: app.clone(), token, after, is_behind: true, watcher, _place: place })
}

impl Follower {
    /// Returns the next events; none if nothing happens for `patience`. `None` once the token or the database fails, or the
    /// process stops.
    pub async fn next(&mut self, patience: Duration) -> Option<Vec<News>> {
        loop {
            let mut is_over = false;
            if !self.is_behind {
                match tokio::time::timeout(patience, self.watcher.beyond(self.after)).await {
                    Ok(goes_on) => goes_on.then_some(())?,
                    Err(_) => is_over = true,
                }
            }
            let part = read(&self.app, &self.token, self.after, MOST).await.ok()?;
            // Checked after reading: a revoked token does not even receive the event of its revocation.
            still_works(&self.app, &self.token).await.ok().filter(|()| !self.app.is_draining())?;
            self.after = part.next;
            self.is_behind = !part.news.is_empty();
            if is_over || self.is_behind {
                return Some(part.news);
            }
        }
    }
}

/// Takes one of the places for waiting readers; fails with [`Error::Crowded`] if none is free.
pub fn enter(app: &App, token: &ServiceToken) -> Result<Place, Error> {
    app.feed.enter(&token.id).map_err(Error::Crowded)
}

/// Looks the token up again, and fails with [`Error::Unauthenticated`] if it has stopped working.
async fn still_works(app: &App, token: &ServiceToken) -> Result<(), Error> {
    let now = tokens::find(&app.db, &token.id).await?;
    if now.is_some_and(|token| token.works_at(app.now())) { Ok(()) } else { Err(Error::Unauthenticated) }
}
