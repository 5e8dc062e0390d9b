//! Looks at a store before a merchant is sent there, without keys (docs/protocol/wc-auth.md §7.1).

use std::time::Duration;

use super::authorize::Ask;
use super::http::Client;
use super::locate::{self, Located};
use super::{approval, site};
use crate::domain::secret::Secret;
use crate::domain::store_url::StoreUrl;
use crate::domain::verdict::Verdict;

/// Time for everything: a person is waiting.
pub const ALL_WITHIN: Duration = Duration::from_secs(8);

/// What a look at the store told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// The canonical address: the one that the store itself names, where it could be asked.
    pub home: StoreUrl,
    /// The shop's name.
    pub name: Option<String>,
    /// Why the merchant cannot go on.
    pub stop: Option<Verdict>,
    /// What may go wrong although the merchant can go on; each once.
    pub warnings: Vec<Verdict>,
}

impl Findings {
    pub(super) fn warn(&mut self, verdict: Verdict) {
        if !self.warnings.contains(&verdict) {
            self.warnings.push(verdict);
        }
    }

    /// Sorts a verdict: what our server alone may suffer from only warns, because the merchant's browser comes
    /// from elsewhere; what stands in the merchant's way stops.
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

/// Examines the store at `typed`; takes `within` at most, which is [`ALL_WITHIN`] where people wait. `ask` lends its shape: what is sent has a state and a
/// callback token of its own, so that nothing real is in the store's logs before the merchant goes there.
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

/// Finds the store at `typed` and its own address, for keys that are there already: the approval page is not looked at.
/// Takes `within` at most.
pub async fn find(client: &Client, typed: &StoreUrl, within: Duration) -> Findings {
    let mut findings = Findings { home: typed.clone(), name: None, stop: None, warnings: Vec::new() };
    let mut answered = false;
    if tokio::time::timeout(within, known(client, &mut findings, &mut answered)).await.is_err() {
        findings.stop = Some(Verdict::TimedOut);
    }
    findings
}

/// Locates the site and takes over what it says of itself; whether it said anything.
async fn known(client: &Client, findings: &mut Findings, answered: &mut bool) -> bool {
    let typed = findings.home.clone();
    match locate::locate(client, &typed, answered).await {
        Located::At(base, index) => {
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
        // Without the index, this may as well be the wrong directory: say it, and let the merchant's browser see.
        Err(Verdict::PermalinksStale) if !known => return findings.warn(Verdict::PermalinksStale),
        // The shop names an address where WordPress does not answer: a front end of its own stands there.
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

/// Takes over what the index says.
fn adopt(client: &Client, findings: &mut Findings, base: &StoreUrl, index: site::Index) {
    findings.name = index.name;
    if index.noisy {
        findings.warn(Verdict::NoisyAnswer);
    }
    let Ok(home) = StoreUrl::parse(&index.home, client.reach()) else {
        findings.home = base.clone();
        return findings.note(Verdict::ApprovalMisdirected);
    };
    findings.home = home;
    if !index.woocommerce {
        findings.note(Verdict::NoWooCommerce);
    }
    if locate::forbidden_http(&index.home, client.reach()) {
        findings.note(Verdict::NoHttps);
    }
}

/// The same address with another last segment of the same kind and about the same length.
fn stand_in(client: &Client, address: &str) -> Secret {
    let fresh = client.entropy().secret();
    let (before, last) = address.rsplit_once('/').unwrap_or((address, ""));
    let last: String = fresh.expose().chars().cycle().take(last.len()).collect();
    Secret::new(format!("{before}/{last}"))
}
