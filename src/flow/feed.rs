//! Feed: what happened, in order, for services that follow it. Who has read everything may wait for news.

mod waiting;

use std::time::Duration;

pub use self::waiting::{Crowded, Feed, Place, Watcher};
use super::{Beneath, takes_in_beneath};
use crate::app::App;
use crate::domain::news::{EventId, News};
use crate::domain::token::ServiceToken;
use crate::storage::{events, tokens};

/// A part of the feed.
#[derive(Debug)]
pub struct Part {
    /// What happened, in order.
    pub news: Vec<News>,
    /// After which event to go on; it may be one that the asker is not to see.
    pub next: EventId,
}

/// Why the feed cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no event with the id after which to begin.
    #[error("there is no such event; the newest is {newest}")]
    Ahead {
        /// The newest that there is.
        newest: EventId,
    },
    /// Too many wait already.
    #[error("too many wait for news")]
    Crowded(Crowded),
    /// The token stopped working meanwhile.
    #[error("the token is not one that works")]
    Unauthenticated,
    /// The database.
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

/// The newest event.
pub async fn newest(app: &App) -> Result<EventId, Beneath> {
    Ok(events::newest(&app.db).await?)
}

/// What happened after `after`, as far as the bearer of `token` may see it; at most `limit` events.
pub async fn read(app: &App, token: &ServiceToken, after: EventId, limit: i64) -> Result<Part, Error> {
    // Looked up first: everything up to it can be read by now, so what is not found there is not for this token.
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

/// The same, but when there is nothing to read it waits until there is, no longer than `within`.
pub async fn wait(
    app: &App,
    token: &ServiceToken,
    after: EventId,
    limit: i64,
    within: Duration,
) -> Result<Part, Error> {
    let _place = enter(app, token)?;
    // From before the first look on: nothing happens unseen in between.
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
    // While it waited, its token may have stopped working: then this is not for it any more.
    still_works(app, token).await?;
    Ok(part)
}

/// Takes a place among those who wait.
pub fn enter(app: &App, token: &ServiceToken) -> Result<Place, Error> {
    app.feed.enter(&token.id).map_err(Error::Crowded)
}

/// Fails when the token has stopped working since it was looked at.
pub async fn still_works(app: &App, token: &ServiceToken) -> Result<(), Error> {
    let now = tokens::find(&app.db, &token.id).await?;
    if now.is_some_and(|token| token.works_at(app.now())) { Ok(()) } else { Err(Error::Unauthenticated) }
}
