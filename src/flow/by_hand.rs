//! By hand: a merchant copies a key from their store's settings, where the operator allows it. From there on it is an attempt
//! like any other: proven in the background, waited for on the same page.

use super::admit::{Admitted, admit};
use super::adopt::holder;
use super::connect::{self, Error, Findings, Ground, Secrets};
use super::{Beneath, receive, watch};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::attempt::Attempt;
use crate::domain::event::{Event, Kind};
use crate::domain::grant::Grant;
use crate::domain::id::AttemptId;
use crate::domain::key::KeyPair;
use crate::domain::secret::Secret;
use crate::domain::store::{Store, StoreStatus};
use crate::domain::store_url::StoreUrl;
use crate::domain::verdict::Verdict;
use crate::storage::{attempts, settings};
use crate::woo::preflight;

const SETTING: &str = "by_hand";

/// Whether merchants may type keys; not unless an operator has said so.
pub async fn is_allowed(app: &App) -> Result<bool, Beneath> {
    let set = settings::all(&app.db).await?;
    Ok(set.iter().any(|(name, value)| name == SETTING && value == "yes"))
}

/// Lets merchants type keys, or no longer. What stays as it was is not an event.
pub async fn allow(app: &App, allowed: bool, actor: &Actor) -> Result<(), Beneath> {
    if is_allowed(app).await? == allowed {
        return Ok(());
    }
    let event = Event::new(Kind::SettingsChanged, app.now(), actor);
    Ok(settings::change(&app.db, &[(SETTING, allowed.then(|| "yes".to_owned()))], &event).await?)
}

/// Whether a key that is made by hand may work where an approval is in the way of this. A store that has no REST API at
/// its place, or that nobody reaches, takes no key either.
pub const fn may_help(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::PermalinksStale
            | Verdict::ApprovalMisdirected
            | Verdict::RestClosed
            | Verdict::LoginWall
            | Verdict::TimedOut
            | Verdict::Blocked(_)
    )
}

/// What came of a key that was typed.
#[derive(Debug)]
pub enum Handed {
    /// Something is in the way: findings with a `stop`.
    Stopped(Findings),
    /// It is the key of this store already, and works.
    InUse(Box<Store>),
    /// It is being tried.
    Begun {
        /// The attempt.
        attempt: Box<Attempt>,
        /// For the browser's cookie.
        browser: Secret,
    },
}

/// Takes a key that the merchant typed for the store at `typed`. The browser that typed it confirms it by that, where a
/// browser may; `browser` is the cookie that it already has.
pub async fn begin(
    app: &App,
    ground: Ground,
    typed: &str,
    pair: KeyPair,
    actor: &Actor,
    browser: Option<Secret>,
) -> Result<Handed, Error> {
    let typed = StoreUrl::parse(typed, app.site.reach)?;
    let Admitted { network, permit } = admit(app, &ground, &typed, actor).await?;
    let mut findings = preflight::find(&app.woo, &typed, app.preflight_within).await;
    drop(permit);
    ground.judge(&mut findings);
    if findings.stop.is_none()
        && let Some(store) = in_use(app, &ground, &pair, &findings.home, actor).await?
    {
        return Ok(Handed::InUse(Box::new(store)));
    }
    let secrets = Secrets::mint(app, browser);
    let id = AttemptId::mint(app.now(), &app.entropy);
    let attempt = connect::attempt(id, ground, findings.home.clone(), findings.stop, app);
    let attempt = Attempt { by_hand: true, ..attempt };
    let held = connect::keep(app, &attempt, findings.stop, &secrets, &network, actor).await?;
    if findings.stop.is_some() {
        return Ok(Handed::Stopped(findings));
    }
    let grant = Grant {
        state: secrets.state,
        // WooCommerce shows a key's number nowhere but in the address of its page.
        key_id: 0,
        consumer_key: pair.consumer_key,
        consumer_secret: pair.consumer_secret,
        scope: attempt.scope,
    };
    receive::keep(app, &app.db, &held, grant, actor).await.map_err(refused)?;
    // Nothing was posted that our answer could miss, and whoever typed it is here.
    let confirmed = Event::new(Kind::AttemptConfirmed, app.now(), actor)
        .user(&attempt.user_id)
        .link(attempt.link_id.as_ref())
        .attempt(&attempt.id);
    attempts::returned(&app.db, &attempt.id, app.now(), &confirmed).await?;
    Ok(Handed::Begun { attempt: Box::new(attempt), browser: secrets.browser })
}

/// The store, if it has this very key already and it works: then another version of the same would only tell the merchant to
/// remove the key that is in use.
async fn in_use(
    app: &App,
    ground: &Ground,
    pair: &KeyPair,
    home: &StoreUrl,
    actor: &Actor,
) -> Result<Option<Store>, Beneath> {
    let Some(store) = holder(app, &ground.user_id, pair, home).await? else { return Ok(None) };
    let checked = match store.status {
        StoreStatus::Connected => Some(store),
        _ => watch::check(app, &store.id, actor).await?.map(|looked| looked.store),
    };
    Ok(checked.filter(|store| store.status == StoreStatus::Connected))
}

/// A fresh attempt takes its grant unless its link was withdrawn in this very moment.
fn refused(error: receive::Error) -> Error {
    match error {
        receive::Error::Beneath(beneath) => Error::Beneath(beneath),
        receive::Error::Unknown | receive::Error::Malformed(_) => Error::Withdrawn,
    }
}
