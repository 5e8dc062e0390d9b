//! Retention: key reads are kept as long as the operators have set, and the addresses that events, attempts and keys came
//! from no longer than that.

use std::time::Duration;

use super::Beneath;
use crate::app::App;
use crate::domain::activity::Keep;
use crate::domain::actor::Actor;
use crate::domain::event::{Event, Kind};
use crate::domain::id::RequestId;
use crate::domain::time::Time;
use crate::storage::retention;

/// Rows that one transaction deletes: it holds the writer for some milliseconds, and lending waits so long.
const AT_ONCE: u64 = 500;
/// Transactions of one pass; what is left waits for the next.
const TRANSACTIONS: usize = 200;

/// What is set.
pub async fn kept(app: &App) -> Result<Keep, Beneath> {
    Ok(retention::kept(&app.db).await?)
}

/// Sets it; what is older is deleted within minutes. Setting what is set already is no event.
pub async fn keep(app: &App, keep: Keep, actor: &Actor) -> Result<(), Beneath> {
    if keep != kept(app).await? {
        let event = Event::new(Kind::SettingsChanged, app.now(), actor);
        retention::keep(&app.db, keep, &event).await?;
    }
    Ok(())
}

/// The moment before which nothing is kept; `None` when everything is.
pub fn before(app: &App, keep: Keep) -> Option<Time> {
    match keep {
        Keep::ForEver => None,
        Keep::Days(days) => Some(app.now().minus(Duration::from_hours(24 * u64::from(days)))),
    }
}

/// Deletes what is too old by now, in small transactions; false when some is left for the next pass.
pub async fn sweep(app: &App) -> Result<bool, Beneath> {
    let Some(before) = before(app, kept(app).await?) else { return Ok(true) };
    let most = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
    for _ in 0..TRANSACTIONS {
        if app.is_draining() {
            return Ok(false);
        }
        let deleted = retention::delete_reads(&app.db, &RequestId::least(before), most).await?;
        let forgotten = retention::forget_addresses(&app.db, before, most).await?;
        let origins = retention::forget_origins(&app.db, before, most).await?;
        if deleted < AT_ONCE && forgotten < AT_ONCE && origins < AT_ONCE {
            return Ok(true);
        }
        // Whoever waits for the writer goes first.
        tokio::task::yield_now().await;
    }
    Ok(false)
}
