//! Operators: added on the command line; the first one may use a one-time set-up link.

pub mod second_factor;
pub mod sign_in;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use crate::app::App;
use crate::domain::operator::judge_password;
use crate::domain::{Actor, Event, Kind, Operator, OperatorId, OperatorName, Secret, WeakPassword};
use crate::flow::{Beneath, takes_in_beneath};
use crate::storage::operators::{self, Proof};
use crate::vault::fingerprint;
use crate::vault::password::Passwords;

/// The lifetime of a set-up link.
pub const SETUP_LINK_LIVES: Duration = Duration::from_mins(30);

/// Why an operator cannot be added or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    #[error("there is already an operator with this name")]
    Taken,
    #[error("there is no operator with this name; “cartkey operator list” shows all operators")]
    Unknown,
    #[error("this set-up link no longer works")]
    LinkGone,
    #[error("too many passwords are being checked right now; try again in a moment")]
    Busy,
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

/// Creates the set-up link for the first operator; `None` if there is an operator already. The link is returned once and not
/// stored. `base` is the origin under which operators open the dashboard.
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

/// Spends a set-up link to create the first operator.
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

/// Adds an operator. Fails with [`Error::Weak`] or [`Error::Taken`].
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

/// Sets an operator's password and ends all their sessions.
pub async fn set_password(app: &App, name: &OperatorName, password: &Secret, actor: &Actor) -> Result<(), Error> {
    judge_password(password, name)?;
    let operator = named(app, name).await?;
    let hash = hash(app, password).await?;
    let now = app.now();
    let event = Event::new(Kind::OperatorPasswordChanged, now, actor).operator(&operator.id);
    operators::set_password(&app.db, &operator.id, &hash, now, &event).await?;
    Ok(())
}

/// Turns off the second factor of an operator who has lost both phone and recovery codes.
pub async fn drop_second_factor(app: &App, name: &OperatorName, actor: &Actor) -> Result<(), Error> {
    let operator = named(app, name).await?;
    let event = Event::new(Kind::OperatorSecondFactorOff, app.now(), actor).operator(&operator.id);
    operators::drop_second_factor(&app.db, &operator.id, &event).await?;
    Ok(())
}

/// Removes an operator and ends their sessions.
pub async fn remove(app: &App, name: &OperatorName, actor: &Actor) -> Result<(), Error> {
    let operator = named(app, name).await?;
    let now = app.now();
    let event = Event::new(Kind::OperatorRemoved, now, actor).operator(&operator.id);
    operators::remove(&app.db, &operator.id, now, &event).await?;
    Ok(())
}

/// All operators, sorted by name.
pub async fn all(app: &App) -> Result<Vec<Operator>, Beneath> {
    Ok(operators::all(&app.db).await?)
}

/// Hashes a password on a blocking thread, in turn.
async fn hash(app: &App, password: &Secret) -> Result<String, Error> {
    let (entropy, password) = (app.entropy.clone(), password.clone());
    in_turn(app, None, move |passwords| passwords.hash(&password, &entropy)).await.ok_or(Error::Busy)
}

/// One of the few places for strangers whose password is checked or waits for that; `None` if all are taken.
fn place_of_stranger(app: &App) -> Option<OwnedSemaphorePermit> {
    Arc::clone(&app.password_places).try_acquire_owned().ok()
}

/// Runs work that takes 64 MiB and one core on a blocking thread, in turn; `None` if it panics. The work owns its turn and the place of
/// a stranger, so a client that disconnects frees neither before the work is done.
pub(super) async fn in_turn<T: Send + 'static>(
    app: &App,
    place: Option<OwnedSemaphorePermit>,
    work: impl FnOnce(&Passwords) -> T + Send + 'static,
) -> Option<T> {
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
