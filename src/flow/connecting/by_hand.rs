//! By hand: a merchant copies a key from their store's settings, if the operator allows it. From then on it is an ordinary attempt:
//! proven in the background, with the same waiting page.

use std::time::Duration;

use crate::app::App;
use crate::domain::{
    Actor, Attempt, AttemptId, Event, Grant, KeyPair, Kind, Secret, Store, StoreStatus, StoreUrl, Verdict,
};
use crate::flow::connecting::admit::{Admitted, admit};
use crate::flow::connecting::connect::{self, Begun, Error, Invitation, Secrets};
use crate::flow::transfer::add_by_keys::holder;
use crate::flow::{Beneath, connecting::receive, watching::watch};
use crate::storage::{attempts, settings, stores};
use crate::woo::preflight;

const SETTING: &str = "by_hand";
/// The time limit for finding the store; the key test waits longer.
const FIND_WITHIN: Duration = Duration::from_secs(8);

/// Whether merchants may type keys. Off until an operator turns it on.
pub async fn is_allowed(app: &App) -> Result<bool, Beneath> {
    is_on(app, SETTING).await
}

/// Allows or forbids typed keys.
pub async fn allow(app: &App, allowed: bool, actor: &Actor) -> Result<(), Beneath> {
    turn(app, SETTING, allowed, actor).await
}

/// Whether an operator has turned on `setting`.
pub(super) async fn is_on(app: &App, setting: &str) -> Result<bool, Beneath> {
    let set = settings::all(&app.db).await?;
    Ok(set.iter().any(|(name, value)| name == setting && value == "yes"))
}

/// Turns `setting` on or off. Setting the current value again records no event.
pub(super) async fn turn(app: &App, setting: &str, on: bool, actor: &Actor) -> Result<(), Beneath> {
    if is_on(app, setting).await? == on {
        return Ok(());
    }
    let event = Event::new(Kind::SettingsChanged, app.now(), actor);
    Ok(settings::change(&app.db, &[(setting, on.then(|| "yes".to_owned()))], &event).await?)
}

/// Whether a typed key may work although `verdict` prevents an approval. It does not help a store that is unreachable or has no
/// REST API at its address.
pub const fn may_help(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::PermalinksStale
            | Verdict::PlainPermalinks
            | Verdict::IndexPermalinks
            | Verdict::ApprovalMisdirected
            | Verdict::RestClosed
            | Verdict::LoginWall
            | Verdict::TimedOut
            | Verdict::Blocked(_)
    )
}

/// The result of [`begin`].
#[derive(Debug)]
pub enum Handed {
    /// The store already uses this key, and it works.
    InUse(Box<Store>),
    /// The key is being tried, or the preflight stopped the attempt.
    Begun(Begun),
}

/// Takes a key that the merchant typed for the store at `typed`. If a browser may confirm, typing the key is the confirmation.
/// `browser` is the cookie the browser already has.
pub async fn begin(
    app: &App,
    invitation: Invitation,
    typed: &str,
    pair: KeyPair,
    actor: &Actor,
    browser: Option<Secret>,
) -> Result<Handed, Error> {
    let typed = StoreUrl::typed(typed, app.site.network)?;
    let Admitted { network, permit } = admit(app, &invitation, &typed, actor).await?;
    let mut findings = preflight::find(&app.woo, &typed, FIND_WITHIN.min(app.preflight_within)).await;
    drop(permit);
    invitation.judge(&mut findings);
    if findings.stop.is_none()
        && let Some(store) = in_use(app, &invitation, &pair, &findings.home, actor).await?
    {
        return Ok(Handed::InUse(Box::new(store)));
    }
    let id = AttemptId::mint(app.now(), &app.entropy);
    let secrets = Secrets::of(app, browser, &id);
    let attempt = Attempt { by_hand: true, ..connect::attempt(id, invitation, &findings, &typed, true, app) };
    let held = connect::keep(app, &attempt, findings.stop, &secrets, &network, actor).await?;
    if attempt.stopped {
        return Ok(Handed::Begun(Begun { attempt: Box::new(attempt), browser: secrets.browser }));
    }
    let grant = Grant {
        state: secrets.state,
        // WooCommerce shows a key's number only in the address of the key's page.
        key_id: 0,
        consumer_key: pair.consumer_key,
        consumer_secret: pair.consumer_secret,
        scope: attempt.scope,
    };
    receive::keep(app, &app.db, &held, grant, actor).await.map_err(refused)?;
    // There is no callback whose answer could get lost, and the merchant is at this browser: this counts as returned.
    let confirmed = attempt.event(Kind::AttemptConfirmed, app.now(), actor);
    attempts::returned(&app.db, &attempt.id, app.now(), &confirmed).await?;
    Ok(Handed::Begun(Begun { attempt: Box::new(attempt), browser: secrets.browser }))
}

/// The invited merchant's store at `home`, if it is connected.
pub async fn connected_at(app: &App, invitation: &Invitation, home: &StoreUrl) -> Result<Option<Store>, Beneath> {
    let (_, found) = stores::of_user(&app.db, &invitation.user_id, Some(home)).await?;
    let Some((id, ..)) = found.into_iter().next() else { return Ok(None) };
    let store = stores::find(&app.db, &id).await?;
    Ok(store.filter(|store| store.status == StoreStatus::Connected))
}

/// The store, if it already uses this key and the key works. A new version of the same key would only make us advise the merchant
/// to remove the key in use.
async fn in_use(
    app: &App,
    invitation: &Invitation,
    pair: &KeyPair,
    home: &StoreUrl,
    actor: &Actor,
) -> Result<Option<Store>, Beneath> {
    let Some(store) = holder(app, &invitation.user_id, pair, home).await? else { return Ok(None) };
    let checked = match store.status {
        StoreStatus::Connected => Some(store),
        _ => watch::check(app, &store.id, actor).await?.map(|looked| looked.store),
    };
    Ok(checked.filter(|store| store.status == StoreStatus::Connected))
}

/// A fresh attempt accepts its grant unless its link was withdrawn in between.
fn refused(error: receive::Error) -> Error {
    match error {
        receive::Error::Beneath(beneath) => Error::Beneath(beneath),
        receive::Error::Unknown | receive::Error::Malformed(_) => Error::Withdrawn,
    }
}
