//! Operators: added on the command line, or the first one by a link that is shown once.

use std::sync::Arc;
use std::time::Duration;

use super::{Beneath, takes_in_beneath};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::event::{Event, Kind};
use crate::domain::id::OperatorId;
use crate::domain::operator::{Operator, OperatorName, WeakPassword, judge_password};
use crate::domain::secret::Secret;
use crate::storage::operators::{self, Proof};
use crate::vault::fingerprint;
use crate::vault::password::Passwords;

/// How long a set-up link works.
pub const SETUP_LINK_LIVES: Duration = Duration::from_mins(30);

/// Why an operator cannot be added or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The password is not one to take.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// There is an operator of this name already.
    #[error("there is an operator of this name already")]
    Taken,
    /// There is no operator of this name.
    #[error("there is no operator of this name; “cartkey operator list” shows all")]
    Unknown,
    /// The set-up link is unknown, too old, or was used.
    #[error("this set-up link does not work any more")]
    LinkGone,
    /// Too many passwords are being checked just now.
    #[error("too many passwords are being checked just now; try again in a moment")]
    Busy,
    /// The database.
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

/// A link that makes the first operator, when there is none yet: its address is given back once and kept nowhere. `base` is
/// where operators reach the dashboard.
pub async fn setup_link(app: &App, base: &str) -> Result<Option<Secret>, Error> {
    if !operators::all(&app.db).await?.is_empty() {
        return Ok(None);
    }
    let secret = app.entropy.secret();
    operators::keep_setup_link(&app.db, &fingerprint(&secret), app.now().plus(SETUP_LINK_LIVES)).await?;
    Ok(Some(Secret::new(format!("{base}/admin/setup/{}", secret.expose()))))
}

/// Whether a set-up link still works.
pub async fn setup_link_works(app: &App, link: &Secret) -> Result<bool, Beneath> {
    Ok(operators::setup_link_works(&app.db, &fingerprint(link), app.now()).await?)
}

/// Spends a set-up link on the first operator.
pub async fn set_up(
    app: &App,
    link: &Secret,
    name: OperatorName,
    password: &Secret,
    actor: &Actor,
) -> Result<OperatorId, Error> {
    judge_password(password, &name)?;
    if !setup_link_works(app, link).await? {
        return Err(Error::LinkGone);
    }
    let hash = hash(app, password).await?;
    let operator = fresh(app, name);
    let event = Event::new(Kind::OperatorAdded, operator.created_at, actor).operator(&operator.id);
    if !operators::insert_first(&app.db, &fingerprint(link), &operator, &hash, &event).await? {
        return Err(Error::LinkGone);
    }
    Ok(operator.id)
}

/// Adds an operator.
pub async fn add(app: &App, name: OperatorName, password: &Secret, actor: &Actor) -> Result<OperatorId, Error> {
    judge_password(password, &name)?;
    let hash = hash(app, password).await?;
    let operator = fresh(app, name);
    let event = Event::new(Kind::OperatorAdded, operator.created_at, actor).operator(&operator.id);
    if !operators::insert(&app.db, &operator, &hash, &event).await? {
        return Err(Error::Taken);
    }
    Ok(operator.id)
}

/// Sets an operator's password; all their sessions end.
pub async fn set_password(app: &App, name: &OperatorName, password: &Secret, actor: &Actor) -> Result<(), Error> {
    judge_password(password, name)?;
    let operator = named(app, name).await?;
    let hash = hash(app, password).await?;
    let now = app.now();
    let event = Event::new(Kind::OperatorPasswordChanged, now, actor).operator(&operator.id);
    operators::set_password(&app.db, &operator.id, &hash, now, &event).await?;
    Ok(())
}

/// Turns an operator's second factor off, for one who has lost telephone and recovery codes.
pub async fn drop_second_factor(app: &App, name: &OperatorName, actor: &Actor) -> Result<(), Error> {
    let operator = named(app, name).await?;
    let event = Event::new(Kind::OperatorSecondFactorOff, app.now(), actor).operator(&operator.id);
    operators::drop_second_factor(&app.db, &operator.id, &event).await?;
    Ok(())
}

/// Removes an operator; their sessions end.
pub async fn remove(app: &App, name: &OperatorName, actor: &Actor) -> Result<(), Error> {
    let operator = named(app, name).await?;
    let now = app.now();
    let event = Event::new(Kind::OperatorRemoved, now, actor).operator(&operator.id);
    operators::remove(&app.db, &operator.id, now, &event).await?;
    Ok(())
}

/// Every operator, by name.
pub async fn all(app: &App) -> Result<Vec<Operator>, Beneath> {
    Ok(operators::all(&app.db).await?)
}

/// Hashes a password, off the async runtime and in turn.
async fn hash(app: &App, password: &Secret) -> Result<String, Error> {
    let (entropy, password) = (app.entropy.clone(), password.clone());
    in_turn(app, move |passwords| passwords.hash(&password, &entropy)).await.ok_or(Error::Busy)
}

/// Does what takes 64 MiB and a processor off the async runtime, in turn; `None` when too many wait already. The turn belongs
/// to the work, not to who asked for it: who hangs up makes no room for another before the work is done.
pub(super) async fn in_turn<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&Passwords) -> T + Send + 'static,
) -> Option<T> {
    let place = Arc::clone(&app.password_places).try_acquire_owned().ok()?;
    let turn = Arc::clone(&app.password_turns).acquire_owned().await.ok()?;
    let passwords = app.passwords.clone();
    let working = tokio::task::spawn_blocking(move || {
        let _held = (place, turn);
        work(&passwords)
    });
    working.await.ok()
}

async fn named(app: &App, name: &OperatorName) -> Result<Proof, Error> {
    operators::by_name(&app.db, name).await?.ok_or(Error::Unknown)
}

fn fresh(app: &App, name: OperatorName) -> Operator {
    let now = app.now();
    Operator {
        id: OperatorId::mint(now, &app.entropy),
        name,
        second_factor: false,
        created_at: now,
        password_at: now,
        signed_in_at: None,
    }
}
