//! Connect: from a typed address to the store's own approval page (Begin and Send).

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::{Beneath, brand, takes_in_beneath};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::attempt::{Attempt, OPEN_FOR, Status};
use crate::domain::event::{Event, Kind};
use crate::domain::id::{AttemptId, LinkId, StoreId};
use crate::domain::link::{Confirm, Link};
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::store_url::{NotAStoreUrl, StoreUrl};
use crate::domain::user_id::UserId;
use crate::domain::verdict::Verdict;
use crate::storage::attempts::{self, Held};
use crate::vault::fingerprint;
use crate::woo::authorize::{self, Ask};
use crate::woo::preflight;

pub use crate::woo::preflight::Findings;

/// Attempts that one network (an IPv4 address, an IPv6 /64) may begin in [`WINDOW`].
const MOST_FROM_ONE: i64 = 10;
/// See [`MOST_FROM_ONE`].
const WINDOW: Duration = Duration::from_mins(10);
/// Attempts that may be open in all: bounds the table against a flood.
const MOST_OPEN: i64 = 10_000;

/// On what ground a merchant connects: a link, or the open page.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The link, if there is one.
    pub link_id: Option<LinkId>,
    /// Whose store it will be.
    pub user_id: UserId,
    /// How the application calls the account.
    pub account_label: Option<String>,
    /// The address to begin with.
    pub home: Option<StoreUrl>,
    /// Only this store.
    pub wanted_store: Option<StoreId>,
    /// What is asked.
    pub scope: Scope,
    /// Where the merchant goes afterwards.
    pub return_url: Option<String>,
    /// Who must confirm.
    pub confirm: Confirm,
}

impl Ground {
    /// The ground that a link gives.
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

    /// A link for one store refuses every other.
    pub(super) fn judge(&self, findings: &mut Findings) {
        if findings.stop.is_none() && self.wanted_store.is_some() && self.home.as_ref() != Some(&findings.home) {
            findings.stop = Some(Verdict::WrongStore);
        }
    }

    /// The ground of the open page: a fresh `user_id` for whoever comes. `None` when the operator has closed it.
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

/// How beginning went.
#[derive(Debug)]
pub enum Begun {
    /// Something is in the way: findings with a `stop`, or with warnings that the merchant has not seen yet.
    Held {
        /// What was found.
        findings: Findings,
        /// Whether the store's own address differs from what was typed.
        adopted: bool,
    },
    /// The merchant may be sent on.
    Ready(Box<Ready>),
}

/// An attempt that is open.
#[derive(Debug)]
pub struct Ready {
    /// The attempt.
    pub attempt: Attempt,
    /// The store's approval page, with the state and the callback token in it.
    pub authorize_url: Secret,
    /// For the browser's cookie.
    pub browser: Secret,
    /// Whether the store's own address differs from what was typed.
    pub adopted: bool,
}

/// Why an attempt cannot be begun.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was typed is not a shop's address.
    #[error(transparent)]
    Address(#[from] NotAStoreUrl),
    /// This network has begun too many attempts lately.
    #[error("too many attempts from one network")]
    TooMany,
    /// The link was withdrawn while the store was asked.
    #[error("the link was withdrawn")]
    Withdrawn,
    /// Too much is going on altogether.
    #[error("too many attempts altogether")]
    Busy,
    /// The database.
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

/// Begins an attempt: reads the address, runs the preflight, and, if nothing stops it, opens an attempt. `go_on` says
/// that the merchant has seen the warnings; `browser` is the cookie that the browser already has.
pub async fn begin(
    app: &App,
    ground: Ground,
    typed: &str,
    go_on: bool,
    actor: &Actor,
    browser: Option<Secret>,
) -> Result<Begun, Error> {
    let typed = StoreUrl::parse(typed, app.site.reach)?;
    let network = admit(app, actor).await?;
    let secrets = Secrets::mint(app, browser);
    let id = AttemptId::mint(app.now(), &app.entropy);
    let return_url = format!("{}/connect/return/{id}", app.site.public_url);
    let callback_url = Secret::new(format!("{}/wc-auth/callback/{}", app.site.public_url, secrets.callback.expose()));
    let brand = brand::current(app).await?;
    let ask = Ask {
        app_name: brand.app_name.as_str(),
        scope: ground.scope,
        state: &secrets.state,
        return_url: &return_url,
        callback_url: &callback_url,
    };
    let mut findings = {
        let _place = app.preflights.try_acquire().map_err(|_| Error::Busy)?;
        preflight::examine(&app.woo, &typed, &ask, app.preflight_within).await
    };
    ground.judge(&mut findings);
    let held = findings.stop.or_else(|| findings.warnings.first().copied().filter(|_| !go_on));
    let attempt = attempt(id, ground, findings.home.clone(), held, app);
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
    let adopted = attempt.home != typed;
    if attempt.status == Status::Failed {
        return Ok(Begun::Held { findings, adopted });
    }
    let authorize_url = authorize::url(&attempt.home, &ask);
    Ok(Begun::Ready(Box::new(Ready { attempt, authorize_url, browser: secrets.browser, adopted })))
}

/// Counts who comes before anything is asked for them; gives back their network, which one visitor has whole.
pub(super) async fn admit(app: &App, actor: &Actor) -> Result<String, Error> {
    let network = network(actor.from().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
    let now = app.now();
    let (from_one, open) = attempts::count(&app.db, &network, now.minus(WINDOW), now).await?;
    if from_one >= MOST_FROM_ONE {
        return Err(Error::TooMany);
    }
    if open >= MOST_OPEN { Err(Error::Busy) } else { Ok(network) }
}

/// What an attempt hands out: the state to the store, the callback token to the store, the cookie to the browser.
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

pub(super) fn attempt(id: AttemptId, ground: Ground, home: StoreUrl, held: Option<Verdict>, app: &App) -> Attempt {
    let now = app.now();
    Attempt {
        id,
        link_id: ground.link_id,
        user_id: ground.user_id,
        account_label: ground.account_label,
        home,
        scope: ground.scope,
        confirm: ground.confirm,
        return_url: ground.return_url,
        wanted_store: ground.wanted_store,
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

/// Keeps the attempt; one that was stopped or warned is kept too, so that its maker and the operator see why, and so
/// that it counts: each has asked somebody's server. What the preflight `found` is told, also when the merchant went on.
pub(super) async fn keep(
    app: &App,
    attempt: &Attempt,
    found: Option<Verdict>,
    secrets: &Secrets,
    network: &str,
    actor: &Actor,
) -> Result<Held, Error> {
    let about = |kind| {
        Event::new(kind, attempt.created_at, actor)
            .user(&attempt.user_id)
            .link(attempt.link_id.as_ref())
            .attempt(&attempt.id)
            .because(found)
    };
    let mut events = vec![about(Kind::AttemptBegun)];
    if attempt.status == Status::Failed {
        events.push(about(Kind::AttemptFailed));
    }
    let held =
        Held { attempt: attempt.clone(), state: fingerprint(&secrets.state), browser: fingerprint(&secrets.browser) };
    let kept = attempts::insert(&app.db, &held, &fingerprint(&secrets.callback), network, &events).await?;
    if kept { Ok(held) } else { Err(Error::Withdrawn) }
}

/// The network that counts as one visitor: an IPv4 address, or an IPv6 /64, which one household has whole.
pub(super) fn network(from: IpAddr) -> String {
    match from.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_household_is_one_visitor() {
        let network = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(network("198.51.100.7"), "198.51.100.7");
        assert_eq!(network("::ffff:198.51.100.7"), "198.51.100.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
    }
}
