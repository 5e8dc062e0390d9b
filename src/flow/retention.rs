//! Retention: deletes key reads older than the operators' setting, whole segments at a time, and the IP addresses recorded with
//! events, attempts and keys.

use std::time::Duration;

use crate::app::App;
use crate::domain::{Actor, Event, Keep, Kind, RequestId, Time};
use crate::flow::Beneath;
use crate::storage::{host_pauses, reads, retention};

/// Rows deleted per transaction. A transaction holds the writer for some milliseconds, and lending waits that long.
const AT_ONCE: u64 = 500;
/// Transactions per pass; the rest waits for the next pass.
const TRANSACTIONS: usize = 200;

/// The retention period that operators have set.
pub async fn kept(app: &App) -> Result<Keep, Beneath> {
    Ok(retention::kept(&app.db).await?)
}

/// Sets the retention period. Older records are deleted within minutes. Setting the current value again records no event.
pub async fn keep(app: &App, keep: Keep, actor: &Actor) -> Result<(), Beneath> {
    if keep != kept(app).await? {
        let event = Event::new(Kind::SettingsChanged, app.now(), actor);
        retention::keep(&app.db, keep, &event).await?;
    }
    Ok(())
}

/// The cutoff: older records are deleted. `None` if records are kept forever.
pub fn before(app: &App, keep: Keep) -> Option<Time> {
    match keep {
        Keep::ForEver => None,
        Keep::Days(days) => Some(app.now().minus(Duration::from_hours(24 * u64::from(days)))),
    }
}

/// Deletes expired records in small transactions, and what dead processes left. Returns false if some remain for the next pass.
pub async fn sweep(app: &App) -> Result<bool, Beneath> {
    reads::tidy(&app.db, app.now()).await?;
    host_pauses::tidy(&app.db, app.now()).await?;
    let Some(before) = before(app, kept(app).await?) else { return Ok(true) };
    let most = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
    for _ in 0..TRANSACTIONS {
        if app.is_draining() {
            return Ok(false);
        }
        let is_deleted = reads::delete_before(&app.db, &RequestId::least(before)).await?;
        let forgotten = retention::forget_addresses(&app.db, before, most).await?;
        let origins = retention::forget_origins(&app.db, before, most).await?;
        if !is_deleted && forgotten < AT_ONCE && origins < AT_ONCE {
            return Ok(true);
        }
        // Let tasks that wait for the writer go first.
        tokio::task::yield_now().await;
    }
    Ok(false)
}
