//! Application passwords: where the usual approval cannot finish, the merchant approves WordPress's own kind of password, if the
//! operator allows it. It comes back in the merchant's browser; from then on it is an ordinary attempt, proven in the background.
//!
//! The return is unsigned, like that of an approval, but it brings the credential itself. So only the browser that began is heard,
//! with the attempt's state in the path, and the password is tried only at the store that the attempt is for
//! (docs/protocol/application-passwords.md §4).

use super::end;
use std::time::Duration;

use url::Url;

use crate::app::App;
use crate::domain::{
    Actor, Attempt, AttemptId, AuthMethod, Grant, KeyPair, Kind, RestBase, Secret, Status, StoreUrl, Time, Verdict,
    typed_key,
};
use crate::flow::Beneath;
use crate::flow::connecting::admit::{Admitted, admit};
use crate::flow::connecting::connect::{self, Begun, Error, Invitation, Secrets};
use crate::flow::connecting::return_leg::is_mine;
use crate::flow::connecting::{by_hand, receive};
use crate::flow::open_vault::or_damaged;
use crate::storage::attempts::{self, AttemptWithSecrets, Ending, Still};
use crate::storage::grants::Candidate;
use crate::vault::{Place, fingerprint};
use crate::woo::{application_password, revocation};

const SETTING: &str = "application_passwords";
/// The time limit for finding out whether a store offers them.
const FIND_WITHIN: Duration = Duration::from_secs(20);
/// The time limit for deleting passwords at the store while somebody waits.
const DELETE_WITHIN: Duration = Duration::from_secs(10);

/// Whether merchants may approve application passwords. Off until an operator turns it on.
pub async fn is_allowed(app: &App) -> Result<bool, Beneath> {
    by_hand::is_on(app, SETTING).await
}

/// Allows or forbids them.
pub async fn allow(app: &App, allowed: bool, actor: &Actor) -> Result<(), Beneath> {
    by_hand::turn(app, SETTING, allowed, actor).await
}

/// Whether the way is open after `attempt`: the usual approval was found impossible there, or has not brought a key.
pub fn is_next(attempt: &Attempt, now: Time) -> bool {
    if attempt.by_hand {
        return false;
    }
    match attempt.status_at(now) {
        Status::Open | Status::Expired => true,
        Status::Failed if attempt.password_page.is_some() => attempt.reason != Some(Verdict::WrongStore),
        Status::Failed => attempt.reason.iter().chain(&attempt.warnings.0).any(|verdict| may_help(*verdict)),
        Status::Denied => attempt.password_page.is_some(),
        _ => false,
    }
}

/// Whether an application password may work although `verdict` prevents an approval, or lost its key.
const fn may_help(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::PlainPermalinks
            | Verdict::IndexPermalinks
            | Verdict::PermalinksStale
            | Verdict::ApprovalMisdirected
            | Verdict::ApprovalCached
            | Verdict::Blocked(_)
            | Verdict::KeyNotSaved
            | Verdict::KeyRejected
    )
}

/// Begins an attempt at the store at `home`: finds out first whether it offers application passwords and would let one through.
pub async fn begin(
    app: &App,
    invitation: Invitation,
    home: &StoreUrl,
    actor: &Actor,
    browser: Option<Secret>,
) -> Result<Begun, Error> {
    let Admitted { network, permit } = admit(app, &invitation, home, actor).await?;
    let within = FIND_WITHIN.min(app.preflight_within);
    let (mut findings, page) = application_password::examine(&app.woo, home, within).await;
    drop(permit);
    invitation.judge(&mut findings);
    let id = AttemptId::mint(app.now(), &app.entropy);
    let secrets = Secrets::of(app, browser, &id);
    let page = page.unwrap_or_else(|| application_password::usual_page(&findings.home));
    let attempt = connect::attempt(id, invitation, &findings, home, true, app);
    let attempt = Attempt { password_page: Some(page), ..attempt };
    connect::keep(app, &attempt, findings.stop, &secrets, &network, actor).await?;
    Ok(Begun { attempt: Box::new(attempt), browser: secrets.browser })
}

/// What WordPress added to the address to which it sent the browser back. Nothing of it is signed.
pub enum Answered {
    /// The merchant approved.
    Approved {
        /// WordPress's own address.
        site_url: String,
        /// User name and password.
        pair: KeyPair,
    },
    /// The merchant did not approve.
    Rejected,
    /// Application passwords are not available to this user.
    Disabled,
    /// Something else.
    Unreadable,
}

impl Answered {
    /// Reads the parameters. `one` returns the value of a parameter that is there exactly once.
    pub fn read<'a>(one: impl Fn(&'static str) -> Option<&'a str>) -> Self {
        match (one("site_url"), one("user_login"), one("password")) {
            (Some(site_url), Some(login), Some(password)) if one("success").is_none() => {
                match typed_key::read_password(login, password) {
                    Some(pair) => Self::Approved { site_url: site_url.to_owned(), pair },
                    None => Self::Unreadable,
                }
            }
            (None, None, None) if one("error") == Some("disabled") => Self::Disabled,
            (None, None, None) if one("success") == Some("false") => Self::Rejected,
            _ => Self::Unreadable,
        }
    }
}

/// Which browser came back.
#[derive(Debug)]
pub enum Arrival {
    /// The browser that began the attempt.
    Mine,
    /// Another one, with the attempt's state. `deleted`: the password that it brought no longer exists.
    Elsewhere {
        /// Whether the password was deleted at the store.
        deleted: bool,
    },
    /// A browser without the state.
    Unknown,
}

/// Handles the return of a browser. A password is sealed and saved before this returns, once per attempt, and only if the browser
/// that began brings it. Any other is deleted at the store.
pub async fn arrive(
    app: &App,
    id: &AttemptId,
    state: &Secret,
    answered: Answered,
    browser: Option<&Secret>,
    actor: &Actor,
) -> Result<Arrival, Beneath> {
    let held = attempts::find(&app.db, id).await?;
    let held = held.filter(|held| held.attempt.password_page.is_some() && fingerprint(state) == held.state);
    let Some(held) = held else { return Ok(Arrival::Unknown) };
    let mine = is_mine(&held, browser);
    let attempt = &held.attempt;
    let (status, verdict) = match answered {
        Answered::Approved { site_url, pair } if is_of(attempt, &site_url) => {
            if mine {
                return take(app, &held, pair, actor).await.map(|()| Arrival::Mine);
            }
            // Once the first browser has brought one, this changes nothing.
            let failed = ended(Status::Failed, Verdict::ApprovedElsewhere);
            let deleted = end(app, attempt, failed, actor).await? && discard(app, attempt, &pair).await;
            return Ok(Arrival::Elsewhere { deleted });
        }
        // The password of another store is not tried here.
        Answered::Approved { .. } => (Status::Failed, Verdict::OtherStore),
        Answered::Rejected => (Status::Denied, Verdict::Denied),
        Answered::Disabled => (Status::Failed, Verdict::PasswordsOff),
        Answered::Unreadable => (Status::Failed, Verdict::AnswerUnreadable),
    };
    if attempt.is_open_at(app.now()) && (mine || status == Status::Denied) {
        end(app, attempt, ended(status, verdict), actor).await?;
    }
    Ok(if mine { Arrival::Mine } else { Arrival::Elsewhere { deleted: false } })
}

/// Seals a password for the prover. The first one confirms the attempt: it came with the browser that began.
async fn take(app: &App, held: &AttemptWithSecrets, pair: KeyPair, actor: &Actor) -> Result<(), Beneath> {
    let attempt = &held.attempt;
    let now = app.now();
    if !attempt.takes_grants_at(now) {
        let is_late = attempt.status_at(now) == Status::Expired;
        if is_late && end(app, attempt, ended(Status::Expired, Verdict::NotFinished), actor).await? {
            discard(app, attempt, &pair).await;
        }
        return Ok(());
    }
    let grant = Grant {
        state: Secret::new(String::new()),
        key_id: 0,
        consumer_key: pair.consumer_key,
        consumer_secret: pair.consumer_secret,
        scope: attempt.scope,
    };
    match receive::keep(app, &app.db, held, grant, actor).await {
        Err(receive::Error::Beneath(beneath)) => return Err(beneath),
        // The attempt has ended meanwhile.
        Err(receive::Error::Unknown | receive::Error::Malformed(_)) => return Ok(()),
        Ok(()) => {}
    }
    let confirmed = attempt.event(Kind::AttemptConfirmed, now, actor);
    Ok(attempts::returned(&app.db, &attempt.id, now, &confirmed).await?)
}

/// Whether the address that came with a password is on the attempt's store. It is only compared, never used.
fn is_of(attempt: &Attempt, site_url: &str) -> bool {
    let bare = |host: &str| host.strip_prefix("www.").unwrap_or(host).to_owned();
    Url::parse(site_url).is_ok_and(|url| url.host_str().map(bare) == Some(bare(attempt.home.bare_host())))
}

/// The end of an attempt that no grant has come for.
const fn ended(status: Status, reason: Verdict) -> Ending {
    Ending { still: Still::Open, status, reason }
}

/// Deletes a password that will not be used, at the attempt's store. Returns whether it is gone.
async fn discard(app: &App, attempt: &Attempt, pair: &KeyPair) -> bool {
    let rest = RestBase::usual(&attempt.home);
    let asked = revocation::ask(&app.woo, &attempt.home, &rest, pair, AuthMethod::ApplicationPassword);
    let verdict = tokio::time::timeout(DELETE_WITHIN, asked).await.unwrap_or(Verdict::TimedOut);
    tracing::info!(attempt.id = %attempt.id, verdict = verdict.code(), "deleted an unused application password at {}", attempt.home.shown());
    verdict == Verdict::KeyRejected
}

/// The same for one that was saved.
pub(super) async fn discard_sealed(
    app: &App,
    candidate: &Candidate,
    attempt: &Attempt,
    sealed: &[u8],
) -> Result<(), Beneath> {
    let place = Place::grant(&candidate.id, &attempt.home, &attempt.user_id);
    if let Some(pair) = or_damaged(app, sealed, app.vault.open_pair(&place, sealed)).await? {
        discard(app, attempt, &pair).await;
    }
    Ok(())
}

/// Deletes the merchant's older passwords for this connection at the store, as far as the same user made them. What is left works
/// nowhere else, and the next reconnect tries again.
pub(super) async fn delete_older(app: &App, home: &StoreUrl, rest: Option<RestBase>, pair: &KeyPair) {
    let rest = rest.unwrap_or_else(|| RestBase::usual(home));
    let deleting = application_password::delete_older(&app.woo, home, &rest, pair);
    let deleted = tokio::time::timeout(DELETE_WITHIN, deleting).await.unwrap_or(0);
    if deleted > 0 {
        tracing::info!(deleted, "deleted older application passwords at {}", home.shown());
    }
}
