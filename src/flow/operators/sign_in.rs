//! Sign in: name and password, then the second factor if it is on, and the sessions that result.
//!
//! Tries are counted by network and by name before anything is hashed, so that guessing is cheap for us. An unknown name gets the
//! same answer as a wrong password, after the same time.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use base64::Engine as _;
use tokio::sync::OwnedSemaphorePermit;

use crate::app::App;
use crate::domain::operator::{PASSWORD_AT_MOST, judge_password};
use crate::domain::{
    Actor, ClientNetwork, Event, Fingerprint, Kind, Operator, OperatorId, OperatorName, Secret, Session, Time,
    WeakPassword,
};
use crate::flow::operators::{in_turn, place_of_stranger};
use crate::flow::{Beneath, operators::second_factor, takes_in_beneath};
use crate::storage::Db;
use crate::storage::budgets::{self, Budget};
use crate::storage::events;
use crate::storage::operators::{self, Proof};
use crate::storage::sessions::{self, AsRead, Ends};
use crate::vault::{Place, fingerprint, form_token};

/// A session ends after this time without use.
pub const IDLE: Duration = Duration::from_mins(30);
/// The maximum lifetime of a session.
pub const ABSOLUTE: Duration = Duration::from_hours(8);
/// The time limit for the second factor.
const HALF_WAY: Duration = Duration::from_mins(10);
/// The precision of a session's last use: it is saved no more often than this.
const SEEN_EVERY: Duration = Duration::from_mins(1);
/// The window in which tries are counted.
pub const WINDOW: Duration = Duration::from_mins(15);
/// Tries from one network within `WINDOW`.
const MOST_FROM_ONE: i64 = 30;
/// Tries from one wide network (an IPv4 /24, an IPv6 /48) within `WINDOW`.
const MOST_FROM_WIDE: i64 = 120;
/// Recorded refusals per operator: the burst, and the interval that restores one. Records are kept forever, and strangers must not
/// decide how many there are.
const RECORDED: (u32, Duration) = (20, Duration::from_hours(1));
/// Unknown names share this many counters, however many names strangers try.
const UNKNOWN_NAMES: u16 = 4_096;
/// Tries for one name, or for one operator's second factor, within `WINDOW`.
const MOST_FOR_ONE: i64 = 10;

/// Why a sign-in or another operation on a session is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name, password or code is wrong. Which one is not disclosed.
    #[error("name, password or code is wrong")]
    Wrong,
    /// Too many tries within [`WINDOW`].
    #[error("too many tries")]
    TooMany,
    #[error("too many passwords are being checked just now")]
    Busy,
    #[error("the session is over")]
    NoSession,
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

/// A new session.
#[derive(Debug)]
pub struct Begun {
    /// The session cookie; stored only as its fingerprint.
    pub cookie: Secret,
    /// Whether the second factor is still required.
    pub half_way: bool,
    /// The cookie that later shows this operator has signed in here.
    pub known: Option<Secret>,
}

/// The cookies that a browser sends to the sign-in.
#[derive(Debug, Default)]
pub struct Brings {
    /// Its current session, which the new one ends.
    pub session: Option<Secret>,
    /// Shows that an operator has signed in here before.
    pub known: Option<Secret>,
}

/// Checks name and password and begins a session, which awaits the second factor if there is one. A browser where this operator has
/// signed in before has its own count of tries, so strangers' guesses cannot lock the operator out.
pub async fn sign_in(app: &App, name: &str, password: &Secret, brings: &Brings, actor: &Actor) -> Result<Begun, Error> {
    let name = name.parse::<OperatorName>().ok();
    let proof = match &name {
        Some(name) => operators::by_name(&app.db, name).await?,
        None => None,
    };
    let known = brings.known.as_ref().filter(|known| proof.as_ref().is_some_and(|proof| is_known(app, proof, known)));
    let (mut tries, subject) = if let Some(known) = known {
        (Vec::new(), format!("known {}", token_of_forms(known).expose()))
    } else {
        let from = ClientNetwork::of(actor.from().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        let of_networks = vec![
            (format!("network {}", from.narrow), MOST_FROM_ONE),
            (format!("network {}", from.wide), MOST_FROM_WIDE),
        ];
        let subject = match (&name, &proof) {
            (Some(name), Some(_)) => format!("name {}", name.as_str()),
            (name, _) => unknown_name(name.as_ref().map_or("", OperatorName::as_str)),
        };
        (of_networks, subject)
    };
    tries.push((subject.clone(), MOST_FOR_ONE));
    has_tries(app, &tries).await?;
    // Strangers take a place before they are counted, because what is counted is written. Browsers that are known need none.
    let place = if known.is_some() { None } else { Some(place_of_stranger(app).ok_or(Error::Busy)?) };
    // Nor do those wait for a flood of strangers' writes.
    let db = if known.is_some() { app.db.clone() } else { app.db.for_strangers() };
    count(app, &db, &tries).await?;
    if !is_password(app, password, proof.as_ref().map(|proof| proof.password.clone()), place).await? {
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

/// Checks the second factor: a code of the authenticator app or a recovery code. Replaces the half session with a full one.
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

/// The CSRF token of a session's forms.
pub fn token_of_forms(cookie: &Secret) -> Secret {
    form_token(cookie)
}

/// Whether a form carries the session's CSRF token. Compares hashes, so the timing reveals nothing.
pub fn is_token_of_forms(shown: &str, wanted: &str) -> bool {
    fingerprint(&Secret::new(shown.to_owned())) == fingerprint(&Secret::new(wanted.to_owned()))
}

/// The session and operator of a cookie; `None` if the session does not count. Updates the session's last use.
pub async fn who(app: &App, cookie: &Secret) -> Result<Option<(Session, Operator)>, Beneath> {
    let found = find(app, cookie, true).await?;
    if let Some((session, _)) = &found
        && app.now().since(session.seen_at) >= SEEN_EVERY
    {
        sessions::seen(&app.db, &session.fingerprint, app.now()).await?;
    }
    Ok(found)
}

/// Whether a cookie's session awaits the second factor.
pub async fn is_half_way(app: &App, cookie: &Secret) -> Result<bool, Beneath> {
    Ok(find(app, cookie, false).await?.is_some())
}

/// Begins a session without a password, for an operator who has just been set up.
pub async fn begin_for(app: &App, id: &OperatorId, actor: &Actor) -> Result<Begun, Error> {
    begin(app, id, true, &AsRead { password: None, second_factor: false }, &Ends::default(), actor).await
}

/// Ends the session `which` of an operator, or all of them if `None`.
pub async fn sign_out(
    app: &App,
    operator: &Operator,
    which: Option<&Fingerprint>,
    actor: &Actor,
) -> Result<(), Beneath> {
    let event = Event::new(Kind::OperatorSignedOut, app.now(), actor).operator(&operator.id);
    Ok(sessions::end(&app.db, &operator.id, which, &event).await?)
}

/// An operator's valid sessions, newest first.
pub async fn sessions_of(app: &App, operator: &Operator) -> Result<Vec<Session>, Beneath> {
    let now = app.now();
    let all = sessions::of_operator(&app.db, &operator.id).await?;
    Ok(all.into_iter().filter(|session| counts(session, now)).collect())
}

/// Checks the operator's password again before a sensitive change. Tries are limited as at sign-in.
pub async fn prove_again(app: &App, operator: &Operator, password: &Secret, actor: &Actor) -> Result<(), Error> {
    // Not counted by name: strangers' guesses must not keep an operator from changing their password.
    let subject = format!("again {}", operator.id);
    within(app, &subject, MOST_FOR_ONE).await?;
    let proof = operators::by_id(&app.db, &operator.id).await?.ok_or(Error::NoSession)?;
    if !is_password(app, password, Some(proof.password), None).await? {
        refused(app, &proof.id, actor);
        return Err(Error::Wrong);
    }
    sessions::forget(&app.db, &subject).await?;
    Ok(())
}

/// Changes an operator's own password and ends all their sessions, including this one.
pub async fn change_password(
    app: &App,
    operator: &Operator,
    old: &Secret,
    new: &Secret,
    actor: &Actor,
) -> Result<(), Error> {
    judge_password(new, &operator.name)?;
    prove_again(app, operator, old, actor).await?;
    crate::flow::operators::set_password(app, &operator.name, new, actor).await.map_err(|error| match error {
        crate::flow::operators::Error::Weak(why) => Error::Weak(why),
        crate::flow::operators::Error::Busy => Error::Busy,
        crate::flow::operators::Error::Beneath(beneath) => Error::Beneath(beneath),
        _ => Error::NoSession,
    })
}

/// Deletes expired windows and sessions.
pub async fn sweep(app: &App) -> Result<(), Beneath> {
    let now = app.now();
    Ok(sessions::sweep(&app.db, now.minus(WINDOW), now.minus(IDLE), now).await?)
}

/// Counts one more try of `subject`, unless it has had `most` within [`WINDOW`].
async fn within(app: &App, subject: &str, most: i64) -> Result<(), Error> {
    let tries = [(subject.to_owned(), most)];
    has_tries(app, &tries).await?;
    count(app, &app.db, &tries).await
}

async fn has_tries(app: &App, tries: &[sessions::Allowed]) -> Result<(), Error> {
    let now = app.now();
    let has = sessions::has_tries(&app.db, tries, now, now.minus(WINDOW)).await?;
    if has { Ok(()) } else { Err(Error::TooMany) }
}

async fn count(app: &App, db: &Db, tries: &[sessions::Allowed]) -> Result<(), Error> {
    let now = app.now();
    let counted = sessions::count(db, tries, now, now.minus(WINDOW)).await?;
    if counted { Ok(()) } else { Err(Error::TooMany) }
}

/// Checks a password on a blocking thread. Takes as long when there is no hash to compare with.
async fn is_password(
    app: &App,
    password: &Secret,
    hash: Option<String>,
    place: Option<OwnedSemaphorePermit>,
) -> Result<bool, Error> {
    // A longer password cannot be right. It is hashed truncated, so that it takes as long.
    let fits = password.expose().chars().count() <= PASSWORD_AT_MOST;
    let password = Secret::new(password.expose().chars().take(PASSWORD_AT_MOST).collect());
    let is = in_turn(app, place, move |passwords| passwords.is(&password, hash.as_deref())).await.ok_or(Error::Busy)?;
    Ok(is && fits)
}

/// The counter for an unknown name. To an outsider it behaves like that of a known one.
fn unknown_name(name: &str) -> String {
    format!("unknown {}", fingerprint(&Secret::new(name.to_owned())).share(UNKNOWN_NAMES))
}

/// Records a refusal in the background: for an unknown name there is nothing to record, and the timing of the answer must not
/// reveal that.
fn refused(app: &App, id: &OperatorId, actor: &Actor) {
    let (app, event) = (app.clone(), Event::new(Kind::OperatorRefused, app.now(), actor).operator(id));
    tokio::spawn(async move {
        let (burst, every) = RECORDED;
        let subject = format!("refused {}", event.operator_id.as_ref().map_or("", OperatorId::as_str));
        let recorded =
            match budgets::take(&app.db.for_strangers(), &[Budget { subject, burst, every }], app.now()).await {
                Ok(None) => events::insert(&app.db, &event).await,
                Ok(Some(_)) => {
                    tracing::warn!("an operator's refused sign-in was only logged: too many to record");
                    Ok(())
                }
                Err(error) => Err(error),
            };
        if let Err(error) = recorded {
            tracing::error!(error = &error as &dyn std::error::Error, "a refused sign-in could not be recorded");
        }
    });
}

/// Begins a session, unless the operator has changed since they were read.
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

/// The cookie value that shows this operator has signed in here before. It is sealed, so it cannot be forged.
fn known_browser(app: &App, id: &OperatorId) -> Secret {
    let sealed = app.vault.seal(&app.entropy, &Place::known_browser(id), &app.now().millis().to_le_bytes());
    Secret::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sealed))
}

/// Whether the value shows a sign-in in this browser since the operator last set their password.
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

/// Whether a session is valid. A creation time further ahead than clocks of replicas differ means that it began while a clock was
/// wrong.
fn counts(session: &Session, now: Time) -> bool {
    let begun = session.created_at <= now.plus(HALF_WAY);
    begun && now < session.expires_at && now.since(session.seen_at) < IDLE
}

/// The same request, attributed to this operator.
fn named(operator: &Operator, actor: &Actor) -> Actor {
    let by = Actor::new(operator.id.as_str());
    match actor.from() {
        Some(from) => by.asking(from, actor.request().cloned()),
        None => by,
    }
}
