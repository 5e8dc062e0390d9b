//! Connect: from a typed address to the store's own approval page (the stories Begin and Send).

use std::time::Duration;

use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::attempt::{Attempt, OPEN_FOR, Status};
use crate::domain::event::Kind;
use crate::domain::id::{AttemptId, LinkId, StoreId};
use crate::domain::link::{Confirm, Link};
use crate::domain::network::ClientNetwork;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::store_url::{NotAStoreUrl, StoreUrl};
use crate::domain::user_id::UserId;
use crate::domain::verdict::Verdict;
use crate::flow::connecting::admit::{Admitted, admit};
use crate::flow::{Beneath, connecting::brand, takes_in_beneath};
use crate::storage::attempts::{self, AttemptWithSecrets, Inserted, New};
use crate::vault::fingerprint;
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
    /// Who must confirm.
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
pub enum Begun {
    /// The attempt was stopped: by findings with a `stop`, or by warnings that the merchant has not seen yet.
    Stopped {
        /// The result of the preflight.
        findings: Findings,
        /// Whether the store's own address differs from what was typed.
        adopted: bool,
    },
    /// The merchant can be sent to the store.
    Ready(Box<Ready>),
}

/// An open attempt, and what the browser needs to go on.
#[derive(Debug)]
pub struct Ready {
    /// The attempt.
    pub attempt: Attempt,
    /// The address of the store's approval page, which contains the state and the callback token.
    pub authorize_url: Secret,
    /// The value of the browser's cookie.
    pub browser: Secret,
    /// Whether the store's own address differs from what was typed.
    pub adopted: bool,
}

/// The limits on connecting.
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
}

/// Why an attempt cannot be begun.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The typed text is not a store address.
    #[error(transparent)]
    Address(#[from] NotAStoreUrl),
    /// A limit was reached. The duration is the time until the next try.
    #[error("the limit {} is reached", .0.what())]
    Limited(Limit, Duration),
    /// The link was withdrawn during the preflight.
    #[error("the link was withdrawn")]
    Withdrawn,
    /// The database failed.
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
    let secrets = Secrets::mint(app, browser);
    let id = AttemptId::mint(app.now(), &app.entropy);
    let return_url = format!("{}/connect/return/{id}", app.site.public_url);
    let callback_url = Secret::new(format!("{}/wc-auth/callback/{}", app.site.public_url, secrets.callback.expose()));
    let brand = brand::current(app).await?;
    let ask = Ask {
        app_name: brand.app_name.as_str(),
        scope: invitation.scope,
        state: &secrets.state,
        return_url: &return_url,
        callback_url: &callback_url,
    };
    let mut findings = preflight::examine(&app.woo, &typed, &ask, app.preflight_within).await;
    drop(permit);
    invitation.judge(&mut findings);
    let held = findings.stop.or_else(|| findings.warnings.first().copied().filter(|_| !go_on));
    let attempt = attempt(id, invitation, findings.home.clone(), held, app);
    tracing::info!(
        attempt.id = %attempt.id,
        user.id = %attempt.user_id,
        store.home = %attempt.home,
        stop = findings.stop.map(Verdict::code),
        warnings = ?findings.warnings.iter().map(|w| w.code()).collect::<Vec<_>>(),
        "preflight of {}", attempt.home.shown()
    );
    let found = held.or_else(|| findings.warnings.first().copied());
    keep(app, &attempt, found, &secrets, &network, actor).await?;
    let adopted = findings.home != typed;
    if attempt.status == Status::Failed {
        return Ok(Begun::Stopped { findings, adopted });
    }
    let authorize_url = authorize::url(&attempt.home, &ask);
    Ok(Begun::Ready(Box::new(Ready { attempt, authorize_url, browser: secrets.browser, adopted })))
}

/// The secrets of an attempt: the state and the callback token go to the store, the cookie to the browser.
pub(super) struct Secrets {
    pub(super) state: Secret,
    callback: Secret,
    pub(super) browser: Secret,
}

impl Secrets {
    pub(super) fn mint(app: &App, browser: Option<Secret>) -> Self {
        Self {
            state: app.entropy.secret(),
            callback: app.entropy.secret(),
            browser: browser.unwrap_or_else(|| app.entropy.secret()),
        }
    }
}

pub(super) fn attempt(
    id: AttemptId,
    invitation: Invitation,
    home: StoreUrl,
    held: Option<Verdict>,
    app: &App,
) -> Attempt {
    let now = app.now();
    Attempt {
        id,
        link_id: invitation.link_id,
        user_id: invitation.user_id,
        account_label: invitation.account_label,
        home,
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
    if attempt.status == Status::Failed && attempt.link_id.is_none() && attempt.home.as_str().len() > LONG {
        attempt.home = site_of(&attempt.home, app);
    }
    let held =
        AttemptWithSecrets { attempt, state: fingerprint(&secrets.state), browser: fingerprint(&secrets.browser) };
    let callback = fingerprint(&secrets.callback);
    let new = New { held: &held, callback: &callback, network, found, events: &events };
    match attempts::insert(&app.db, &new).await? {
        Inserted::Kept => Ok(held),
        Inserted::Withdrawn => Err(Error::Withdrawn),
        Inserted::Full => Err(Error::Limited(Limit::Open, Duration::from_mins(1))),
    }
}

/// The address of the site without the store's path.
fn site_of(home: &StoreUrl, app: &App) -> StoreUrl {
    let whole = home.as_str();
    let end = whole.match_indices('/').nth(2).map_or(whole.len(), |(at, _)| at);
    StoreUrl::parse(&whole[..end], app.site.network).unwrap_or_else(|_| home.clone())
}
