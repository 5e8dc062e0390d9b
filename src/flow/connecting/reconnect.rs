//! Reconnect: creates a link with which a merchant can reconnect one particular store.

use std::time::Duration;

use crate::app::App;
use crate::config::origin;
use crate::domain::{Actor, Attempt, Confirm, Link, Secret, Store, StoreId};
use crate::flow::Beneath;
use crate::flow::connecting::links::{self, Error, NewLink};
use crate::storage::{history, stores};

/// The link's lifetime: it is sent by mail, and merchants take days.
pub const LIVES: Duration = Duration::from_hours(7 * 24);
/// How many past attempts are searched for the one that connected the store.
const LOOKED_AT: i64 = 20;

/// The store to reconnect.
pub async fn store(app: &App, id: &StoreId) -> Result<Option<Store>, Beneath> {
    Ok(stores::find(&app.db, id).await?)
}

/// Creates the link with the properties of the last one that connected the store: the same account, scope and confirmation, and the
/// same return address if still allowed. `None` if there is no such store.
pub async fn link(app: &App, id: &StoreId, actor: &Actor) -> Result<Option<(Store, Link, Secret)>, Error> {
    let Some(store) = stores::find(&app.db, id).await? else { return Ok(None) };
    let former = history::approvals(&app.db, id, LOOKED_AT).await?.into_iter().map(|approval| approval.attempt);
    let former: Option<Attempt> = former.into_iter().find(|attempt| attempt.store_id.as_ref() == Some(id));
    let return_url = former
        .as_ref()
        .and_then(|attempt| attempt.return_url.clone())
        .filter(|url| origin(url).is_some_and(|origin| app.site.return_origins.contains(&origin)));
    let confirm = former.as_ref().map(|attempt| attempt.confirm).filter(|_| return_url.is_some());
    let new = NewLink {
        user_id: store.user_id.clone(),
        account_label: former.and_then(|attempt| attempt.account_label),
        home: None,
        store_id: Some(store.id.clone()),
        scope: None,
        return_url,
        confirm: confirm.unwrap_or(Confirm::Browser),
        lives: Some(LIVES),
    };
    let (link, url) = links::make(app, new, actor).await?;
    Ok(Some((store, link, url)))
}
