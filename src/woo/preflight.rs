//! Examines a store, without keys, before a merchant is sent there (docs/protocol/wc-auth.md §7.1).

use std::time::Duration;

use super::authorize::Ask;
use super::http::Client;
use super::locate::{self, Located};
use super::{approval, site};
use crate::domain::secret::Secret;
use crate::domain::store_url::StoreUrl;
use crate::domain::verdict::Verdict;

/// The time limit for the whole preflight: a person is waiting.
pub const ALL_WITHIN: Duration = Duration::from_secs(8);

/// The results of a preflight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// The canonical address: the one the store itself reports, if it could be requested.
    pub home: StoreUrl,
    /// The shop's name.
    pub name: Option<String>,
    /// Why the merchant cannot continue.
    pub stop: Option<Verdict>,
    /// Possible problems although the merchant can continue, without duplicates.
    pub warnings: Vec<Verdict>,
}

impl Findings {
    pub(super) fn warn(&mut self, verdict: Verdict) {
        if !self.warnings.contains(&verdict) {
            self.warnings.push(verdict);
        }
    }

    /// Sorts a verdict: what may affect only our server is a warning, because the merchant's browser connects from
    /// elsewhere; what blocks the merchant stops.
    pub(super) fn note(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Blocked(_)
            | Verdict::RestClosed
            | Verdict::LoginWall
            | Verdict::RateLimited
            | Verdict::TimedOut
            | Verdict::NoisyAnswer => self.warn(verdict),
            _ => self.stop = self.stop.or(Some(verdict)),
        }
    }
}

/// Examines the store at `typed` within `within`, which is [`ALL_WITHIN`] when people wait. `ask` serves as the
/// template: the request uses a state and a callback token of its own, so that no real ones appear in the store's logs
/// before the merchant goes there.
pub async fn examine(client: &Client, typed: &StoreUrl, ask: &Ask<'_>, within: Duration) -> Findings {
    let mut findings = Findings { home: typed.clone(), name: None, stop: None, warnings: Vec::new() };
    let mut answered = false;
    let looking = look(client, ask, &mut findings, &mut answered);
    if tokio::time::timeout(within, looking).await.is_err() {
        if answered {
            findings.warn(Verdict::TimedOut);
        } else {
            findings.stop = Some(Verdict::TimedOut);
        }
    }
    findings
}

/// Finds the store at `typed` and its own address within `within`, for existing keys: the approval page is not
/// examined.
pub async fn find(client: &Client, typed: &StoreUrl, within: Duration) -> Findings {
    let mut findings = Findings { home: typed.clone(), name: None, stop: None, warnings: Vec::new() };
    let mut answered = false;
    if tokio::time::timeout(within, known(client, &mut findings, &mut answered)).await.is_err() {
        findings.stop = Some(Verdict::TimedOut);
    }
    findings
}

/// Locates the site and adopts its name and address; returns whether its index was read.
async fn known(client: &Client, findings: &mut Findings, answered: &mut bool) -> bool {
    let typed = findings.home.clone();
    match locate::locate(client, &typed, answered).await {
        Located::At(base, mut index) => {
            index.woocommerce = index.woocommerce || site::has_woocommerce(client, &base).await;
            adopt(client, findings, &base, index);
            true
        }
        Located::Hidden(base, verdict) => {
            findings.home = base;
            findings.note(verdict);
            false
        }
        Located::Not(verdict) => {
            findings.stop = Some(verdict);
            false
        }
    }
}

async fn look(client: &Client, ask: &Ask<'_>, findings: &mut Findings, answered: &mut bool) {
    let typed = findings.home.clone();
    let known = known(client, findings, answered).await;
    if findings.stop.is_some() {
        return;
    }
    let adopted = known && findings.home.host() != typed.host();
    match approval::bare(client, &findings.home).await {
        Ok(()) => {}
        // Without the index, this may just be the wrong directory: warn, and let the merchant's browser decide.
        Err(Verdict::PermalinksStale) if !known => return findings.warn(Verdict::PermalinksStale),
        // The shop reports an address where WordPress does not answer: it has a separate front end there.
        Err(Verdict::PermalinksStale) if adopted && site::index(client, &findings.home).await.is_none() => {
            findings.note(Verdict::ApprovalMisdirected);
        }
        Err(verdict) => findings.note(verdict),
    }
    if findings.stop.is_some() || !findings.warnings.iter().all(|w| *w == Verdict::NoisyAnswer) {
        return;
    }
    let (state, callback_url) = (client.entropy().secret(), stand_in(client, ask.callback_url.expose()));
    let return_url = stand_in(client, ask.return_url);
    let shaped = Ask { state: &state, callback_url: &callback_url, return_url: return_url.expose(), ..*ask };
    if let Err(verdict) = approval::shaped(client, &findings.home, &shaped).await {
        findings.note(verdict);
    }
}

/// Adopts what the index reports.
fn adopt(client: &Client, findings: &mut Findings, base: &StoreUrl, index: site::Index) {
    findings.name = index.name;
    if index.noisy {
        findings.warn(Verdict::NoisyAnswer);
    }
    let Ok(home) = StoreUrl::parse(&index.home, client.network()) else {
        findings.home = base.clone();
        return findings.note(Verdict::ApprovalMisdirected);
    };
    findings.home = home;
    if !index.woocommerce {
        findings.note(Verdict::NoWooCommerce);
    }
    if locate::forbidden_http(&index.home, client.network()) {
        findings.note(Verdict::NoHttps);
    }
}

/// The same address with a different last segment, similar in kind and length.
fn stand_in(client: &Client, address: &str) -> Secret {
    let fresh = client.entropy().secret();
    let (before, last) = address.rsplit_once('/').unwrap_or((address, ""));
    let last: String = fresh.expose().chars().cycle().take(last.len()).collect();
    Secret::new(format!("{before}/{last}"))
}
