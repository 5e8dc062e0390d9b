//! Links: invitations to connect, made by a service, an operator or on the command line, and withdrawn.

use std::time::Duration;

use super::{Beneath, takes_in_beneath};
use crate::app::App;
use crate::config::origin;
use crate::domain::actor::Actor;
use crate::domain::attempt::Attempt;
use crate::domain::event::{Event, Kind};
use crate::domain::id::{LinkId, StoreId};
use crate::domain::link::{Confirm, DEFAULT_LIFE, LONGEST_LIFE, Link, SHORTEST_LIFE};
use crate::domain::page::Page;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::store_url::StoreUrl;
use crate::domain::token::ServiceToken;
use crate::domain::user_id::UserId;
use crate::storage::{links, stores};
use crate::vault::fingerprint;

pub use crate::storage::links::{Filter, Listed};

/// What a link is asked to be.
#[derive(Debug, Clone)]
pub struct Wish {
    /// For whom.
    pub user_id: UserId,
    /// How the application calls the account.
    pub account_label: Option<String>,
    /// The address to begin with.
    pub home: Option<StoreUrl>,
    /// The store to reconnect, and no other.
    pub store_id: Option<StoreId>,
    /// What to ask; the site's usual scope when `None`.
    pub scope: Option<Scope>,
    /// Where the merchant goes afterwards.
    pub return_url: Option<String>,
    /// Who must confirm.
    pub confirm: Confirm,
    /// How long it lives.
    pub lives: Option<Duration>,
}

/// Why a link cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The token may not reach this merchant.
    #[error("this token is limited to other user_ids")]
    OtherUser,
    /// There is no such store of this merchant.
    #[error("store_id names no store of this user_id")]
    NoSuchStore,
    /// The store to reconnect is at another address.
    #[error("store_url is not the address of store_id")]
    OtherAddress,
    /// The return address is not allowed.
    #[error("return_url must be a web address whose origin is listed in CARTKEY_RETURN_ORIGINS")]
    ReturnNotAllowed,
    /// The application cannot confirm without the merchant coming back to it.
    #[error("confirm \"app\" needs a return_url, where the merchant brings the code")]
    ConfirmNeedsReturn,
    /// Too long.
    #[error("account_label must have 1 to 80 characters")]
    Label,
    /// Out of bounds.
    #[error("expires_in must be 60 to 2592000 seconds (30 days)")]
    Life,
    /// The database.
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

/// Makes a link for a token, which may invite only merchants whom it may reach; otherwise as [`make`].
pub async fn make_for(app: &App, token: &ServiceToken, wish: Wish, actor: &Actor) -> Result<(Link, Secret), Error> {
    if token.may_reach(&wish.user_id) { make(app, wish, actor).await } else { Err(Error::OtherUser) }
}

/// Makes a link; gives it back with the address that opens it, which is kept nowhere.
pub async fn make(app: &App, wish: Wish, actor: &Actor) -> Result<(Link, Secret), Error> {
    check(app, &wish)?;
    let now = app.now();
    let mut link = Link {
        id: LinkId::mint(now, &app.entropy),
        user_id: wish.user_id,
        account_label: wish.account_label,
        home: wish.home,
        store_id: wish.store_id,
        scope: wish.scope.unwrap_or(app.site.scope),
        return_url: wish.return_url,
        confirm: wish.confirm,
        made_by: actor.name().to_owned(),
        created_at: now,
        expires_at: now.plus(wish.lives.unwrap_or(DEFAULT_LIFE)),
        withdrawn_at: None,
    };
    if let Some(id) = &link.store_id {
        let store =
            stores::find(&app.db, id).await?.filter(|store| store.user_id == link.user_id).ok_or(Error::NoSuchStore)?;
        if link.home.as_ref().is_some_and(|home| *home != store.home) {
            return Err(Error::OtherAddress);
        }
        link.home = Some(store.home);
        link.scope = wish.scope.unwrap_or(store.scope);
    }
    let secret = app.entropy.secret();
    let event = Event::new(Kind::LinkCreated, now, actor).user(&link.user_id).link(Some(&link.id));
    links::insert(&app.db, &link, &fingerprint(&secret), &event).await?;
    let url = Secret::new(format!("{}/connect/{}", app.site.public_url, secret.expose()));
    Ok((link, url))
}

/// The link that `secret` opens, if it still does.
pub async fn open(app: &App, secret: &Secret) -> Result<Option<Link>, Beneath> {
    let link = links::by_fingerprint(&app.db, &fingerprint(secret)).await?;
    Ok(link.filter(|link| link.is_open_at(app.now())))
}

/// A link and its newest attempt, if the token may reach the link's merchant.
pub async fn look_for(
    app: &App,
    token: &ServiceToken,
    id: &LinkId,
) -> Result<Option<(Link, Option<Attempt>)>, Beneath> {
    Ok(look(app, id).await?.filter(|(link, _)| token.may_reach(&link.user_id)))
}

/// A link and its newest attempt.
pub async fn look(app: &App, id: &LinkId) -> Result<Option<(Link, Option<Attempt>)>, Beneath> {
    let Some(link) = links::find(&app.db, id).await? else { return Ok(None) };
    let attempt = links::newest_attempt(&app.db, id).await?;
    Ok(Some((link, attempt)))
}

/// One page of links, the newest first; `limit` rows at most.
pub async fn list(app: &App, filter: &Filter, limit: i64) -> Result<Page<Listed>, Beneath> {
    let rows = links::list(&app.db, filter, app.now(), limit + 1).await?;
    Ok(Page::of(rows, limit, |row| row.link.id.to_string()))
}

/// Withdraws a link: it opens nothing from now on, and an approval that is under way ends too, so that a link that went
/// to the wrong person connects nothing. A store that is connected already stays so. Gives back how many attempts
/// ended; `None` when there is no such link that was not withdrawn before.
pub async fn withdraw(app: &App, id: &LinkId, actor: &Actor) -> Result<Option<usize>, Beneath> {
    let Some(link) = links::find(&app.db, id).await? else { return Ok(None) };
    let now = app.now();
    let event = Event::new(Kind::LinkWithdrawn, now, actor).user(&link.user_id).link(Some(id));
    Ok(links::withdraw(&app.db, id, now, &event).await?)
}

fn check(app: &App, wish: &Wish) -> Result<(), Error> {
    if let Some(label) = &wish.account_label {
        let fits = (1..=80).contains(&label.chars().count()) && !label.chars().any(char::is_control);
        if !fits {
            return Err(Error::Label);
        }
    }
    if let Some(url) = &wish.return_url {
        let allowed = url.len() <= 2_000
            && !url.chars().any(char::is_control)
            && origin(url).is_some_and(|origin| app.site.return_origins.contains(&origin));
        if !allowed {
            return Err(Error::ReturnNotAllowed);
        }
    }
    if wish.confirm == Confirm::App && wish.return_url.is_none() {
        return Err(Error::ConfirmNeedsReturn);
    }
    if wish.lives.is_some_and(|lives| !(SHORTEST_LIFE..=LONGEST_LIFE).contains(&lives)) {
        return Err(Error::Life);
    }
    Ok(())
}
