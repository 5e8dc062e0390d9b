//! Connect: from a typed address to the store's own approval page (the stories Begin and Send).

use std::time::Duration;

use crate::app::App;
use crate::domain::attempt::OPEN_FOR;
use crate::domain::verdict::Verdicts;
use crate::domain::{
    Actor, Attempt, AttemptId, ClientNetwork, Confirm, Kind, Link, LinkId, NotAStoreUrl, Scope, Secret, Status,
    StoreId, StoreUrl, UserId, Verdict,
};
use crate::flow::connecting::admit::{Admitted, admit, database_for};
use crate::flow::{Beneath, connecting::brand, takes_in_beneath};
use crate::storage::attempts::{self, AttemptWithSecrets, Inserted, New};
use crate::vault::{self, fingerprint};
use crate::woo::authorize::{self, Ask};
use crate::woo::preflight;

pub use crate::woo::preflight::Findings;

/// The longest address, in bytes, that is saved in full for a failed attempt of the open page. Of a longer one only the
/// site is saved.
const LONG: usize = 200;

/// What an attempt is based on: a link, or the open page.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// The link; `None` on the open page.
    pub link_id: Option<LinkId>,
    /// The merchant who will own the store.
    pub user_id: UserId,
    /// The application's name for the account.
    pub account_label: Option<String>,
    /// The store address to prefill.
    pub home: Option<StoreUrl>,
    /// The only store that may be connected, if the link names one.
    pub wanted_store: Option<StoreId>,
    /// The permissions to request.
    pub scope: Scope,
    /// Where the merchant is sent afterwards.
    pub return_url: Option<String>,
    pub confirm: Confirm,
}

impl Invitation {
    /// The invitation of a link.
    pub fn of_link(link: Link) -> Self {
        Self {
            link_id: Some(link.id),
            user_id: link.user_id,
            account_label: link.account_label,
            home: link.home,
            wanted_store: link.store_id,
            scope: link.scope,
            return_url: link.return_url,
            confirm: link.confirm,
        }
    }

    /// Stops the attempt if the link is for another store.
    pub(super) fn judge(&self, findings: &mut Findings) {
        if findings.stop.is_none() && self.wanted_store.is_some() && self.home.as_ref() != Some(&findings.home) {
            findings.stop = Some(Verdict::WrongStore);
        }
    }

    /// An invitation for an open-page visitor, with a fresh `user_id`. `None` if the operator has closed the page.
    pub fn open(app: &App) -> Option<Self> {
        let mut bytes = [0_u8; 12];
        app.entropy.fill(&mut bytes);
        let id = bytes.iter().fold("open-".to_owned(), |text, byte| format!("{text}{byte:02x}"));
        app.site.open_connect.then(|| Self {
            link_id: None,
            user_id: id.parse().expect("hexadecimal digits are visible ASCII"),
            account_label: None,
            home: None,
            wanted_store: None,
            scope: app.site.scope,
            return_url: None,
            confirm: Confirm::Browser,
        })
    }
}

/// The result of [`begin`].
#[derive(Debug)]
pub struct Begun {
    /// The attempt: open, or stopped by the preflight.
    pub attempt: Box<Attempt>,
    /// The value of the browser's cookie.
    pub browser: Secret,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Attempts per link over time.
    Link,
    /// Attempts per network on the open page over time.
    Network,
    /// Approvals per network through the open page in a day.
    Day,
    /// Concurrent preflights.
    Places,
    /// Open attempts of the open page in total.
    Open,
}

impl Limit {
    /// The stable name of the limit, for logs and for programs.
    pub const fn what(self) -> &'static str {
        match self {
            Self::Link => "attempts_per_link",
            Self::Network => "attempts_per_network",
            Self::Day => "approvals_per_network_and_day",
            Self::Places => "preflights_at_a_time",
            Self::Open => "open_attempts",
        }
    }

    pub fn from_what(what: &str) -> Option<Self> {
        [Self::Link, Self::Network, Self::Day, Self::Places, Self::Open].into_iter().find(|limit| limit.what() == what)
    }
}

/// Why an attempt cannot be begun.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Address(#[from] NotAStoreUrl),
    /// A limit was reached. The duration is the time until the next try.
    #[error("the limit {} is reached", .0.what())]
    Limited(Limit, Duration),
    /// The link was withdrawn during the preflight.
    #[error("the link was withdrawn")]
    Withdrawn,
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

/// Begins an attempt: parses the address, runs the preflight and, if nothing stops it, opens the attempt. `go_on` is true
/// if the merchant has seen the warnings; `browser` is the cookie the browser already has.
pub async fn begin(
    app: &App,
    invitation: Invitation,
    typed: &str,
    go_on: bool,
    actor: &Actor,
    browser: Option<Secret>,
) -> Result<Begun, Error> {
    let typed = StoreUrl::typed(typed, app.site.network)?;
    let Admitted { network, permit } = admit(app, &invitation, &typed, actor).await?;
    let id = AttemptId::mint(app.now(), &app.entropy);
    let secrets = Secrets::of(app, browser, &id);
    let addresses = Addresses::of(app, &secrets, &id);
    let brand = brand::current(app).await?;
    let ask = addresses.ask(brand.app_name.as_str(), invitation.scope, &secrets);
    // A merchant who continues anyway has already waited once.
    let patience = if go_on { preflight::AGAIN_WITHIN } else { preflight::ALL_WITHIN };
    let mut findings = preflight::examine(&app.woo, &typed, &ask, patience.min(app.preflight_within)).await;
    drop(permit);
    invitation.judge(&mut findings);
    let attempt = attempt(id, invitation, &findings, &typed, go_on, app);
    tracing::info!(
        attempt.id = %attempt.id,
        user.id = %attempt.user_id,
        store.home = %attempt.home,
        stop = findings.stop.map(Verdict::code),
        warnings = attempt.warnings.codes(),
        "preflight of {}", attempt.home.shown()
    );
    let found = findings.stop.or_else(|| findings.warnings.first().copied());
    keep(app, &attempt, found, &secrets, &network, actor).await?;
    Ok(Begun { attempt: Box::new(attempt), browser: secrets.browser })
}

/// The address of the store's approval page, for the browser that began the attempt. It contains the state and, for a key, the
/// callback token.
pub async fn authorize_url(app: &App, attempt: &Attempt, browser: &Secret) -> Result<Secret, Beneath> {
    let secrets = Secrets::of(app, Some(browser.clone()), &attempt.id);
    let addresses = Addresses::of(app, &secrets, &attempt.id);
    let brand = brand::current(app).await?;
    if let Some(page) = &attempt.password_page {
        let app_id = app.vault.app_id(attempt.home.as_str(), attempt.user_id.as_str());
        let back = Secret::new(format!("{}/{}", addresses.returning, secrets.state.expose()));
        return Ok(authorize::password_url(page, brand.app_name.as_str(), &app_id, &back));
    }
    Ok(authorize::url(&attempt.home, &addresses.ask(brand.app_name.as_str(), attempt.scope, &secrets)))
}

/// The secrets of an attempt: the state and the callback token go to the store, the cookie to the browser. The first two are derived
/// from the cookie, of which we keep only a hash, so only the browser that began the attempt can be sent to the store again.
pub(super) struct Secrets {
    pub(super) state: Secret,
    callback: Secret,
    pub(super) browser: Secret,
}

impl Secrets {
    pub(super) fn of(app: &App, browser: Option<Secret>, id: &AttemptId) -> Self {
        let browser = browser.unwrap_or_else(|| app.entropy.secret());
        let derive = |purpose| vault::derive(&browser, purpose, id.as_str());
        Self { state: derive("state"), callback: derive("callback"), browser }
    }
}

struct Addresses {
    returning: String,
    callback: Secret,
}

impl Addresses {
    fn of(app: &App, secrets: &Secrets, id: &AttemptId) -> Self {
        let ours = &app.site.public_url;
        let callback = Secret::new(format!("{ours}/wc-auth/callback/{}", secrets.callback.expose()));
        Self { returning: format!("{ours}/connect/return/{id}"), callback }
    }

    fn ask<'a>(&'a self, app_name: &'a str, scope: Scope, secrets: &'a Secrets) -> Ask<'a> {
        Ask { app_name, scope, state: &secrets.state, return_url: &self.returning, callback_url: &self.callback }
    }
}

pub(super) fn attempt(
    id: AttemptId,
    invitation: Invitation,
    findings: &Findings,
    typed: &StoreUrl,
    go_on: bool,
    app: &App,
) -> Attempt {
    let held = findings.stop.or_else(|| findings.warnings.first().copied().filter(|_| !go_on));
    let warnings = if findings.stop.is_some() { Vec::new() } else { findings.warnings.clone() };
    let now = app.now();
    Attempt {
        id,
        link_id: invitation.link_id,
        user_id: invitation.user_id,
        account_label: invitation.account_label,
        home: findings.home.clone(),
        scope: invitation.scope,
        confirm: invitation.confirm,
        return_url: invitation.return_url,
        wanted_store: invitation.wanted_store,
        status: if held.is_some() { Status::Failed } else { Status::Open },
        reason: held,
        created_at: now,
        expires_at: now.plus(OPEN_FOR),
        received_at: None,
        returned_at: None,
        elsewhere_at: None,
        confirmed_at: None,
        confirm_code_until: None,
        store_id: None,
        by_hand: false,
        password_page: None,
        stopped: held.is_some(),
        warnings: Verdicts(warnings),
        typed: Some(typed.clone()).filter(|typed| findings.home != *typed),
        store_name: findings.name.clone(),
        icon_url: findings.icon.clone(),
        moved_to: None,
    }
}

/// Saves the attempt. A stopped one is saved too: its creator and the operator see why, and it counts against the limits
/// because it sent requests to someone's server. `found` is the preflight's finding, recorded even if the merchant went on.
pub(super) async fn keep(
    app: &App,
    attempt: &Attempt,
    found: Option<Verdict>,
    secrets: &Secrets,
    network: &ClientNetwork,
    actor: &Actor,
) -> Result<AttemptWithSecrets, Error> {
    let about = |kind| attempt.event(kind, attempt.created_at, actor).because(found);
    let mut events = vec![about(Kind::AttemptBegun)];
    if attempt.status == Status::Failed {
        events.push(about(Kind::AttemptFailed));
    }
    let mut attempt = attempt.clone();
    if attempt.status == Status::Failed && attempt.link_id.is_none() {
        let is_long = |url: &StoreUrl| url.as_str().len() > LONG;
        if is_long(&attempt.home) {
            attempt.home = site_of(&attempt.home, app);
        }
        attempt.typed = attempt.typed.filter(|typed| !is_long(typed));
    }
    let held =
        AttemptWithSecrets { attempt, state: fingerprint(&secrets.state), browser: fingerprint(&secrets.browser) };
    let callback = fingerprint(&secrets.callback);
    let new = New { held: &held, callback: &callback, network, found, events: &events };
    match attempts::insert(&database_for(app, held.attempt.link_id.is_some()), &new).await? {
        Inserted::Kept => {
            app.metrics.attempt_begun();
            if held.attempt.status == Status::Failed {
                app.metrics.attempt_ended(Status::Failed, held.attempt.reason);
            }
            Ok(held)
        }
        Inserted::Withdrawn => Err(Error::Withdrawn),
        Inserted::Full => Err(Error::Limited(Limit::Open, Duration::from_mins(1))),
    }
}

/// The address of the site without the store's path.
fn site_of(home: &StoreUrl, app: &App) -> StoreUrl {
    StoreUrl::parse(home.origin(), app.site.network).unwrap_or_else(|_| home.clone())
}
