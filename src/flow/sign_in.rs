//! Sign in: name and password, then the second factor where there is one; and the sessions that come of it.
//!
//! Tries are counted before anything is hashed, by network and by name, so that guessing costs the guesser and not us. An
//! unknown name is answered like a wrong password, as slowly.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use base64::Engine as _;

use super::operators::in_turn;
use super::{Beneath, second_factor, takes_in_beneath};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::event::{Event, Kind};
use crate::domain::id::OperatorId;
use crate::domain::network::Network;
use crate::domain::operator::{Operator, OperatorName, PASSWORD_AT_MOST, Session, WeakPassword, judge_password};
use crate::domain::secret::{Fingerprint, Secret};
use crate::domain::time::Time;
use crate::storage::budgets::{self, Budget};
use crate::storage::events;
use crate::storage::operators::{self, Proof};
use crate::storage::sessions::{self, AsRead, Ends};
use crate::vault::{Place, fingerprint, form_token};

/// How long a session lives unused.
pub const IDLE: Duration = Duration::from_mins(30);
/// How long a session lives at most.
pub const ABSOLUTE: Duration = Duration::from_hours(8);
/// How long one may take for the second factor.
const HALF_WAY: Duration = Duration::from_mins(10);
/// How exactly it is known when a session was last used.
const SEEN_EVERY: Duration = Duration::from_mins(1);
/// The span in which tries are counted together.
pub const WINDOW: Duration = Duration::from_mins(15);
/// Tries from one network within `WINDOW`.
const MOST_FROM_ONE: i64 = 30;
/// Tries from one wide network (an IPv4 /24, an IPv6 /48) within `WINDOW`.
const MOST_FROM_WIDE: i64 = 120;
/// Refusals of one operator that are put on record at once, and how long until one more is: what strangers type is on record
/// for ever, and it is not for them to say how much.
const RECORDED: (u32, Duration) = (20, Duration::from_hours(1));
/// Names that nobody has are counted in so many rows, whatever strangers think of.
const UNKNOWN_NAMES: u16 = 4_096;
/// Tries for one name, or for one operator's second factor, within `WINDOW`.
const MOST_FOR_ONE: i64 = 10;

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Wrong name, password or code: which, is not told.
    #[error("name, password or code is wrong")]
    Wrong,
    /// Too many tries lately.
    #[error("too many tries")]
    TooMany,
    /// Too many passwords are being checked just now.
    #[error("too many passwords are being checked just now")]
    Busy,
    /// The session is over, or never was.
    #[error("the session is over")]
    NoSession,
    /// The new password is not one to take.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// The database.
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

/// A session that has just begun.
#[derive(Debug)]
pub struct Begun {
    /// For the cookie; kept only as its fingerprint.
    pub cookie: Secret,
    /// Whether the second factor is still to be shown.
    pub half_way: bool,
    /// For the cookie that says later that somebody signed in here.
    pub known: Option<Secret>,
}

/// What a browser brings along to the sign-in.
#[derive(Debug, Default)]
pub struct Brings {
    /// The session it had; it ends with the new one.
    pub session: Option<Secret>,
    /// That somebody signed in there before.
    pub known: Option<Secret>,
}

/// Checks name and password and begins a session, which is half way where there is a second factor. A browser in which this
/// operator signed in before has tries of its own, so that a stranger's guesses do not lock them out.
pub async fn sign_in(app: &App, name: &str, password: &Secret, brings: &Brings, actor: &Actor) -> Result<Begun, Error> {
    let name = name.parse::<OperatorName>().ok();
    let proof = match &name {
        Some(name) => operators::by_name(&app.db, name).await?,
        None => None,
    };
    let known = brings.known.as_ref().filter(|known| proof.as_ref().is_some_and(|proof| is_known(app, proof, known)));
    let subject = if let Some(known) = known {
        format!("known {}", token_of_forms(known).expose())
    } else {
        let from = Network::of(actor.from().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        within(app, &format!("network {}", from.narrow), MOST_FROM_ONE).await?;
        within(app, &format!("network {}", from.wide), MOST_FROM_WIDE).await?;
        match (&name, &proof) {
            (Some(name), Some(_)) => format!("name {}", name.as_str()),
            (name, _) => unknown_name(name.as_ref().map_or("", OperatorName::as_str)),
        }
    };
    within(app, &subject, MOST_FOR_ONE).await?;
    if !is_password(app, password, proof.as_ref().map(|proof| proof.password.clone())).await? {
        if let Some(proof) = proof {
            refused(app, &proof.id, actor);
        }
        return Err(Error::Wrong);
    }
    let proof = proof.ok_or(Error::Wrong)?;
    sessions::forget(&app.db, &subject).await?;
    let former = brings.session.as_ref().map(fingerprint);
    let as_read = AsRead { password: Some(&proof.password), second_factor: proof.second_factor.is_some() };
    let ends = Ends { former: former.as_ref(), half: None };
    begin(app, &proof.id, !as_read.second_factor, &as_read, &ends, actor).await
}

/// The second factor: a code of the telephone, or a recovery code. The half session ends and a whole one begins.
pub async fn show_code(app: &App, cookie: &Secret, code: &str, actor: &Actor) -> Result<Begun, Error> {
    let (session, operator) = find(app, cookie, false).await?.ok_or(Error::NoSession)?;
    within(app, &format!("code {}", operator.id), MOST_FOR_ONE).await?;
    let actor = &named(&operator, actor);
    if !second_factor::is_code(app, &operator.id, code, actor).await? {
        refused(app, &operator.id, actor);
        return Err(Error::Wrong);
    }
    sessions::forget(&app.db, &format!("code {}", operator.id)).await?;
    let ends = Ends { former: None, half: Some(&session.fingerprint) };
    begin(app, &operator.id, true, &AsRead { password: None, second_factor: true }, &ends, actor).await
}

/// What the forms of a session carry, to show that they came from a page of it.
pub fn token_of_forms(cookie: &Secret) -> Secret {
    form_token(cookie)
}

/// Whether a form carries what those of this session do. Compared as hashes: how long that takes tells nothing.
pub fn is_token_of_forms(shown: &str, wanted: &str) -> bool {
    fingerprint(&Secret::new(shown.to_owned())) == fingerprint(&Secret::new(wanted.to_owned()))
}

/// The operator behind a cookie, while its session counts; that it was used is noted.
pub async fn who(app: &App, cookie: &Secret) -> Result<Option<(Session, Operator)>, Beneath> {
    let found = find(app, cookie, true).await?;
    if let Some((session, _)) = &found
        && app.now().since(session.seen_at) >= SEEN_EVERY
    {
        sessions::seen(&app.db, &session.fingerprint, app.now()).await?;
    }
    Ok(found)
}

/// Whether a cookie is half way: the password was right, the second factor is to be shown.
pub async fn is_half_way(app: &App, cookie: &Secret) -> Result<bool, Beneath> {
    Ok(find(app, cookie, false).await?.is_some())
}

/// Begins a session without a password, for who has just been set up.
pub async fn begin_for(app: &App, id: &OperatorId, actor: &Actor) -> Result<Begun, Error> {
    begin(app, id, true, &AsRead { password: None, second_factor: false }, &Ends::default(), actor).await
}

/// Ends one session of an operator, or all.
pub async fn sign_out(
    app: &App,
    operator: &Operator,
    which: Option<&Fingerprint>,
    actor: &Actor,
) -> Result<(), Beneath> {
    let event = Event::new(Kind::OperatorSignedOut, app.now(), actor).operator(&operator.id);
    Ok(sessions::end(&app.db, &operator.id, which, &event).await?)
}

/// An operator's sessions that still count, the newest first.
pub async fn sessions_of(app: &App, operator: &Operator) -> Result<Vec<Session>, Beneath> {
    let now = app.now();
    let all = sessions::of_operator(&app.db, &operator.id).await?;
    Ok(all.into_iter().filter(|session| counts(session, now)).collect())
}

/// Whether this is the operator's password: asked again before what matters most. Counted like signing in.
pub async fn prove_again(app: &App, operator: &Operator, password: &Secret, actor: &Actor) -> Result<(), Error> {
    // Not counted by name: a stranger's guesses must not keep an operator from changing their password.
    let subject = format!("again {}", operator.id);
    within(app, &subject, MOST_FOR_ONE).await?;
    let proof = operators::by_id(&app.db, &operator.id).await?.ok_or(Error::NoSession)?;
    if !is_password(app, password, Some(proof.password)).await? {
        refused(app, &proof.id, actor);
        return Err(Error::Wrong);
    }
    sessions::forget(&app.db, &subject).await?;
    Ok(())
}

/// An operator changes their own password; all their sessions end, this one too.
pub async fn change_password(
    app: &App,
    operator: &Operator,
    old: &Secret,
    new: &Secret,
    actor: &Actor,
) -> Result<(), Error> {
    judge_password(new, &operator.name)?;
    prove_again(app, operator, old, actor).await?;
    super::operators::set_password(app, &operator.name, new, actor).await.map_err(|error| match error {
        super::operators::Error::Weak(why) => Error::Weak(why),
        super::operators::Error::Busy => Error::Busy,
        super::operators::Error::Beneath(beneath) => Error::Beneath(beneath),
        _ => Error::NoSession,
    })
}

/// Windows that are over, and sessions too, are deleted.
pub async fn sweep(app: &App) -> Result<(), Beneath> {
    let now = app.now();
    Ok(sessions::sweep(&app.db, now.minus(WINDOW), now.minus(IDLE), now).await?)
}

async fn within(app: &App, subject: &str, most: i64) -> Result<(), Error> {
    let now = app.now();
    let n = sessions::count(&app.db, subject, now, now.minus(WINDOW)).await?;
    if n > most { Err(Error::TooMany) } else { Ok(()) }
}

/// Checks a password off the async runtime and in turn; as slowly when there is none to compare with.
async fn is_password(app: &App, password: &Secret, hash: Option<String>) -> Result<bool, Error> {
    // Longer ones cannot be right; they are hashed cut short, so that they take as long.
    let fits = password.expose().chars().count() <= PASSWORD_AT_MOST;
    let password = Secret::new(password.expose().chars().take(PASSWORD_AT_MOST).collect());
    let is = in_turn(app, move |passwords| passwords.is(&password, hash.as_deref())).await.ok_or(Error::Busy)?;
    Ok(is && fits)
}

/// Under what a name that nobody has is counted. Like one that somebody has, as far as anybody can see.
fn unknown_name(name: &str) -> String {
    format!("unknown {}", fingerprint(&Secret::new(name.to_owned())).share(UNKNOWN_NAMES))
}

/// Puts a refusal on record, beside the answer: for a name that nobody has there is nothing to write, and the answer must not
/// come sooner for that.
fn refused(app: &App, id: &OperatorId, actor: &Actor) {
    let (app, event) = (app.clone(), Event::new(Kind::OperatorRefused, app.now(), actor).operator(id));
    tokio::spawn(async move {
        let (burst, every) = RECORDED;
        let subject = format!("refused {}", event.operator_id.as_ref().map_or("", OperatorId::as_str));
        let recorded = match budgets::take(&app.db, &[Budget { subject, burst, every }], app.now()).await {
            Ok(None) => events::insert(&app.db, &event).await,
            Ok(Some(_)) => {
                tracing::warn!("an operator's refused sign-in was only logged: too many to record");
                Ok(())
            }
            Err(error) => Err(error),
        };
        if let Err(error) = recorded {
            tracing::error!(error = &error as &dyn std::error::Error, "a refused sign-in could not be put on record");
        }
    });
}

/// Begins a session, unless the operator is no longer as they were read.
async fn begin(
    app: &App,
    id: &OperatorId,
    verified: bool,
    as_read: &AsRead<'_>,
    ends: &Ends<'_>,
    actor: &Actor,
) -> Result<Begun, Error> {
    let (now, cookie) = (app.now(), app.entropy.secret());
    let session = Session {
        fingerprint: fingerprint(&cookie),
        verified,
        created_at: now,
        seen_at: now,
        expires_at: now.plus(if verified { ABSOLUTE } else { HALF_WAY }),
        came_from: actor.from().map(|from| from.to_string()).unwrap_or_default(),
    };
    let mut by = Actor::new(id.as_str());
    if let Some(from) = actor.from() {
        by = by.asking(from, actor.request().cloned());
    }
    let event = verified.then(|| Event::new(Kind::OperatorSignedIn, now, &by).operator(id));
    if !sessions::insert(&app.db, id, &session, as_read, ends, event.as_ref()).await? {
        return Err(Error::NoSession);
    }
    let known = verified.then(|| known_browser(app, id));
    Ok(Begun { cookie, half_way: !verified, known })
}

/// What a browser keeps to show later that this operator signed in there: sealed for them, so nobody else can make one.
fn known_browser(app: &App, id: &OperatorId) -> Secret {
    let sealed = app.vault.seal(&app.entropy, &Place::known_browser(id), &app.now().millis().to_le_bytes());
    Secret::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sealed))
}

/// Whether a browser shows that this operator signed in there, since they last set their password.
fn is_known(app: &App, proof: &Proof, shown: &Secret) -> bool {
    let opened = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(shown.expose())
        .ok()
        .and_then(|sealed| app.vault.open(&Place::known_browser(&proof.id), &sealed).ok());
    let since = opened.and_then(|bytes| bytes.as_slice().try_into().ok().map(i64::from_le_bytes));
    since.is_some_and(|since| since >= proof.password_at.millis())
}

async fn find(app: &App, cookie: &Secret, verified: bool) -> Result<Option<(Session, Operator)>, Beneath> {
    let found = sessions::find(&app.db, &fingerprint(cookie)).await?;
    let now = app.now();
    Ok(found.filter(|(session, _)| session.verified == verified && counts(session, now)))
}

/// Whether a session still counts. One that began in the future, by more than clocks of replicas differ, was begun while a
/// clock was wrong.
fn counts(session: &Session, now: Time) -> bool {
    let begun = session.created_at <= now.plus(HALF_WAY);
    begun && now < session.expires_at && now.since(session.seen_at) < IDLE
}

/// The same request, in the name of this operator.
fn named(operator: &Operator, actor: &Actor) -> Actor {
    let by = Actor::new(operator.id.as_str());
    match actor.from() {
        Some(from) => by.asking(from, actor.request().cloned()),
        None => by,
    }
}
