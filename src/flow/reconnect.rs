//! Reconnect: a link for one store and no other, for its merchant to connect it again.

use std::time::Duration;

use super::links::{self, Error, Wish};
use crate::app::App;
use crate::config::origin;
use crate::domain::actor::Actor;
use crate::domain::attempt::Attempt;
use crate::domain::id::StoreId;
use crate::domain::link::{Confirm, Link};
use crate::domain::secret::Secret;
use crate::domain::store::Store;
use crate::storage::{history, stores};

/// How long such a link lives: it is sent by mail, and merchants take days.
pub const LIVES: Duration = Duration::from_hours(7 * 24);
/// How many former approvals are looked at for what the store was connected with.
const LOOKED_AT: i64 = 20;

/// Makes the link, as the one was by which the store was connected last: for the same account and scope, back to the same
/// address while that is allowed, confirmed by the same. `None` when there is no such store.
pub async fn link(app: &App, id: &StoreId, actor: &Actor) -> Result<Option<(Store, Link, Secret)>, Error> {
    let Some(store) = stores::find(&app.db, id).await? else { return Ok(None) };
    let former = history::approvals(&app.db, id, LOOKED_AT).await?.into_iter().map(|approval| approval.attempt);
    let former: Option<Attempt> = former.into_iter().find(|attempt| attempt.store_id.as_ref() == Some(id));
    let return_url = former
        .as_ref()
        .and_then(|attempt| attempt.return_url.clone())
        .filter(|url| origin(url).is_some_and(|origin| app.site.return_origins.contains(&origin)));
    let confirm = former.as_ref().map(|attempt| attempt.confirm).filter(|_| return_url.is_some());
    let wish = Wish {
        user_id: store.user_id.clone(),
        account_label: former.and_then(|attempt| attempt.account_label),
        home: None,
        store_id: Some(store.id.clone()),
        scope: None,
        return_url,
        confirm: confirm.unwrap_or(Confirm::Browser),
        lives: Some(LIVES),
    };
    let (link, url) = links::make(app, wish, actor).await?;
    Ok(Some((store, link, url)))
}
