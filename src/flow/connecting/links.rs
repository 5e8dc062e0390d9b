//! Links: invitations to connect. They are created and withdrawn by services, operators and the command line.

use std::time::Duration;

use crate::app::App;
use crate::config::origin;
use crate::domain::link::{DEFAULT_LIFE, LONGEST_LIFE, SHORTEST_LIFE};
use crate::domain::page::Page;
use crate::domain::{
    Actor, Attempt, AttemptId, Confirm, Event, Kind, Link, LinkId, Scope, Secret, ServiceToken, Status, StoreId,
    StoreUrl, UserId,
};
use crate::flow::{Beneath, takes_in_beneath};
use crate::storage::{links, stores};
use crate::vault::fingerprint;

pub use crate::storage::links::{Filter, Listed};

/// The properties of a link to create.
#[derive(Debug, Clone)]
pub struct NewLink {
    /// The merchant to invite.
    pub user_id: UserId,
    /// The application's name for the account; 1 to 80 characters.
    pub account_label: Option<String>,
    /// The store address to prefill.
    pub home: Option<StoreUrl>,
    /// The only store that may be connected: the one to reconnect.
    pub store_id: Option<StoreId>,
    /// The permissions to request; `None` requests the configured default.
    pub scope: Option<Scope>,
    /// Where the merchant is sent afterwards. Its origin must be listed in `CARTKEY_RETURN_ORIGINS`.
    pub return_url: Option<String>,
    pub confirm: Confirm,
    /// The lifetime: 60 seconds to 30 days.
    pub lives: Option<Duration>,
}

/// Why a link cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("this token is limited to other user_ids")]
    OtherUser,
    #[error("store_id does not belong to this user_id")]
    NoSuchStore,
    #[error("store_url is not the address of store_id")]
    OtherAddress,
    #[error("return_url must be a web address whose origin is listed in CARTKEY_RETURN_ORIGINS")]
    ReturnNotAllowed,
    #[error("confirm \"app\" requires a return_url, to which the merchant's browser brings the code")]
    ConfirmNeedsReturn,
    #[error("account_label must be 1 to 80 characters long")]
    Label,
    #[error("expires_in must be 60 to 2592000 seconds (30 days)")]
    Life,
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

/// Creates a link on behalf of a token, as [`make`] does. Fails with [`Error::OtherUser`] if the token may not see the
/// merchant.
pub async fn make_for(app: &App, token: &ServiceToken, new: NewLink, actor: &Actor) -> Result<(Link, Secret), Error> {
    if token.may_see(&new.user_id) { make(app, new, actor).await } else { Err(Error::OtherUser) }
}

/// Creates a link and returns it with its address. The address contains the link's secret and is not stored.
pub async fn make(app: &App, new: NewLink, actor: &Actor) -> Result<(Link, Secret), Error> {
    check(app, &new)?;
    let now = app.now();
    let mut link = Link {
        id: LinkId::mint(now, &app.entropy),
        user_id: new.user_id,
        account_label: new.account_label,
        home: new.home,
        store_id: new.store_id,
        scope: new.scope.unwrap_or(app.site.scope),
        return_url: new.return_url,
        confirm: new.confirm,
        made_by: actor.name().to_owned(),
        created_at: now,
        expires_at: now.plus(new.lives.unwrap_or(DEFAULT_LIFE)),
        withdrawn_at: None,
    };
    if let Some(id) = &link.store_id {
        let store =
            stores::find(&app.db, id).await?.filter(|store| store.user_id == link.user_id).ok_or(Error::NoSuchStore)?;
        if link.home.as_ref().is_some_and(|home| *home != store.home) {
            return Err(Error::OtherAddress);
        }
        link.home = Some(store.home);
        link.scope = new.scope.unwrap_or(store.scope);
    }
    let secret = app.entropy.secret();
    let event = Event::new(Kind::LinkCreated, now, actor).user(&link.user_id).link(Some(&link.id));
    links::insert(&app.db, &link, &fingerprint(&secret), &event).await?;
    let url = Secret::new(format!("{}/connect/{}", app.site.public_url, secret.expose()));
    Ok((link, url))
}

/// What a link shows to whoever opens it.
#[derive(Debug)]
pub enum Opened {
    Mine(AttemptId),
    /// The form, and the status of the newest attempt, which another browser began.
    Form(Link, Option<Attempt>),
    /// The link has expired; another browser connected this store with it.
    Over(Link, Attempt),
}

/// Opens the link with `secret` in the browser with this cookie. `None` if there is no such link, or if it was withdrawn or has
/// expired and there is no result to show.
pub async fn visit(app: &App, secret: &Secret, browser: Option<&Secret>) -> Result<Option<Opened>, Beneath> {
    let Some(link) = links::by_fingerprint(&app.db, &fingerprint(secret)).await? else { return Ok(None) };
    let newest = links::newest_attempt(&app.db, &link.id).await?;
    if let (Some(newest), Some(browser)) = (&newest, browser)
        && let Some(mine) = links::newest_attempt_of(&app.db, &link.id, &fingerprint(browser)).await?
        && (mine.id == newest.id || mine.store_id.is_some() || !mine.status_at(app.now()).is_ended())
    {
        return Ok(Some(Opened::Mine(mine.id)));
    }
    if link.is_open_at(app.now()) {
        return Ok(Some(Opened::Form(link, newest)));
    }
    let connected = newest.filter(|newest| newest.status == Status::Connected && link.withdrawn_at.is_none());
    Ok(connected.map(|newest| Opened::Over(link, newest)))
}

/// The link that `secret` opens; `None` if there is none, or it expired or was withdrawn.
pub async fn open(app: &App, secret: &Secret) -> Result<Option<Link>, Beneath> {
    let link = links::by_fingerprint(&app.db, &fingerprint(secret)).await?;
    Ok(link.filter(|link| link.is_open_at(app.now())))
}

/// A link and its newest attempt, if the token may see the link's merchant.
pub async fn look_for(
    app: &App,
    token: &ServiceToken,
    id: &LinkId,
) -> Result<Option<(Link, Option<Attempt>)>, Beneath> {
    Ok(look(app, id).await?.filter(|(link, _)| token.may_see(&link.user_id)))
}

/// A link and its newest attempt.
pub async fn look(app: &App, id: &LinkId) -> Result<Option<(Link, Option<Attempt>)>, Beneath> {
    let Some(link) = links::find(&app.db, id).await? else { return Ok(None) };
    let attempt = links::newest_attempt(&app.db, id).await?;
    Ok(Some((link, attempt)))
}

/// Withdraws a link on behalf of a token and returns it with its newest attempt, also if it was withdrawn before. `None` if the
/// token may not see the link's merchant.
pub async fn withdraw_for(
    app: &App,
    token: &ServiceToken,
    id: &LinkId,
    actor: &Actor,
) -> Result<Option<(Link, Option<Attempt>)>, Beneath> {
    if look_for(app, token, id).await?.is_none() {
        return Ok(None);
    }
    withdraw(app, id, actor).await?;
    look(app, id).await
}

/// One page of links, newest first, with at most `limit` rows.
pub async fn list(app: &App, filter: &Filter, limit: i64) -> Result<Page<Listed>, Beneath> {
    let rows = links::list(&app.db, filter, app.now(), limit + 1).await?;
    Ok(Page::of(rows, limit, |row| row.link.id.to_string()))
}

/// Withdraws a link. It stops working, and its attempts in progress end, so that a link sent to the wrong person connects
/// nothing. A store that is already connected stays connected. Returns the number of attempts ended; `None` if there is no
/// such link or it was already withdrawn.
pub async fn withdraw(app: &App, id: &LinkId, actor: &Actor) -> Result<Option<usize>, Beneath> {
    let Some(link) = links::find(&app.db, id).await? else { return Ok(None) };
    let now = app.now();
    let event = Event::new(Kind::LinkWithdrawn, now, actor).user(&link.user_id).link(Some(id));
    Ok(links::withdraw(&app.db, id, now, &event).await?)
}

fn check(app: &App, new: &NewLink) -> Result<(), Error> {
    if let Some(label) = &new.account_label {
        let fits = (1..=80).contains(&label.chars().count()) && !label.chars().any(char::is_control);
        if !fits {
            return Err(Error::Label);
        }
    }
    if let Some(url) = &new.return_url {
        let allowed = url.len() <= 2_000
            && !url.chars().any(char::is_control)
            && origin(url).is_some_and(|origin| app.site.return_origins.contains(&origin));
        if !allowed {
            return Err(Error::ReturnNotAllowed);
        }
    }
    if new.confirm == Confirm::App && new.return_url.is_none() {
        return Err(Error::ConfirmNeedsReturn);
    }
    if new.lives.is_some_and(|lives| !(SHORTEST_LIFE..=LONGEST_LIFE).contains(&lives)) {
        return Err(Error::Life);
    }
    Ok(())
}
