//! Examines a store, without keys, before a merchant is sent there (docs/protocol/wc-auth.md §7.1).

use std::time::Duration;

use super::authorize::Ask;
use super::http::Client;
use super::locate::{self, Located};
use super::{approval, site};
use crate::domain::icon::IconUrl;
use crate::domain::rest_base::RestBase;
use crate::domain::secret::Secret;
use crate::domain::store_url::StoreUrl;
use crate::domain::verdict::Verdict;

/// The time limit for the whole preflight: as long as a merchant would wait for a slow shop's page.
pub const ALL_WITHIN: Duration = Duration::from_secs(20);
/// The same for a merchant who has seen the findings and continues anyway.
pub const AGAIN_WITHIN: Duration = Duration::from_secs(6);

/// The results of a preflight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// The canonical address: the one the store itself reports, if it could be requested.
    pub home: StoreUrl,
    /// The shop's name.
    pub name: Option<String>,
    /// The address of the shop's icon.
    pub icon: Option<IconUrl>,
    /// Why the merchant cannot continue.
    pub stop: Option<Verdict>,
    /// Possible problems although the merchant can continue, without duplicates.
    pub warnings: Vec<Verdict>,
}

impl Findings {
    pub(super) fn of(typed: &StoreUrl) -> Self {
        Self { home: typed.clone(), name: None, icon: None, stop: None, warnings: Vec::new() }
    }

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
/// before the merchant goes there. A store that is too slow for that is a warning: the merchant's browser may wait longer.
pub async fn examine(client: &Client, typed: &StoreUrl, ask: &Ask<'_>, within: Duration) -> Findings {
    let mut findings = Findings::of(typed);
    if tokio::time::timeout(within, look(client, ask, &mut findings)).await.is_err() {
        findings.warn(Verdict::TimedOut);
    }
    findings
}

/// Finds the store at `typed` and its own address within `within`, for existing keys: the approval page is not
/// examined, and the API may be at any place. The key test waits longer than this.
pub async fn find(client: &Client, typed: &StoreUrl, within: Duration) -> Findings {
    let mut findings = Findings::of(typed);
    if tokio::time::timeout(within, known(client, &mut findings)).await.is_err() {
        findings.warn(Verdict::TimedOut);
    }
    findings
}

/// Locates the site and adopts its name and address; returns where its API is if the index was read.
pub(super) async fn known(client: &Client, findings: &mut Findings) -> Option<RestBase> {
    let typed = findings.home.clone();
    match Box::pin(locate::locate(client, &typed)).await {
        Located::At(mut site) => {
            if !site.index.woocommerce {
                let (at_wc, approval) =
                    tokio::join!(site::has_woocommerce(client, &site.rest), approval::is_there(client, &site.base));
                site.index.woocommerce = at_wc || approval;
            }
            let rest = site.rest.clone();
            adopt(client, findings, site);
            Some(rest)
        }
        Located::Hidden(base, rest, verdict) => {
            // Only the index may be closed.
            let may_be_the_index = matches!(
                verdict,
                Verdict::RestClosed | Verdict::Blocked(_) | Verdict::ServerError | Verdict::AnswerUnreadable
            );
            if !may_be_the_index || !site::has_woocommerce(client, &rest).await {
                findings.note(verdict);
            }
            findings.home = base;
            None
        }
        Located::Not(verdict) => {
            findings.stop = Some(verdict);
            None
        }
    }
}

/// Requests the index and the approval page in parallel; requests the page again if the store is at another address.
async fn look(client: &Client, ask: &Ask<'_>, findings: &mut Findings) {
    let typed = findings.home.clone();
    let (rest, approved) = tokio::join!(Box::pin(known(client, findings)), Box::pin(approve(client, &typed, ask)));
    if findings.stop.is_some() {
        return;
    }
    let (is_there, approved) =
        if findings.home == typed { approved } else { Box::pin(approve(client, &findings.home, ask)).await };
    let lost = matches!(approved, Err(Verdict::PermalinksStale | Verdict::ApprovalMisdirected)) && !is_there;
    let adopted = rest.is_some() && findings.home.host() != typed.host();
    match (approved, rest) {
        (Ok(()), _) => {}
        // Another warning says why visitors see something else there.
        (Err(Verdict::ApprovalMisdirected), None) if lost && !findings.warnings.is_empty() => {}
        // Without the index, this may just be the wrong directory: warn, and let the merchant's browser decide.
        (Err(verdict), None) if lost => findings.warn(verdict),
        (Err(_), Some(rest)) if lost && rest.is_query() => findings.note(Verdict::PlainPermalinks),
        (Err(_), Some(rest)) if lost && rest.is_through_index() => findings.note(Verdict::IndexPermalinks),
        // The shop reports an address where WordPress does not answer: it has a separate front end there.
        (Err(Verdict::PermalinksStale | Verdict::ApprovalMisdirected), Some(_))
            if adopted && site::index(client, &RestBase::usual(&findings.home)).await.is_none() =>
        {
            findings.note(Verdict::ApprovalMisdirected);
        }
        // WooCommerce answers every visitor with its own page or redirect: these were shown something else.
        (Err(Verdict::ApprovalMisdirected), Some(_)) if lost => findings.warn(Verdict::LoginWall),
        (Err(verdict), _) => findings.note(verdict),
    }
}

/// Requests the approval page without and with its parameters, in parallel. What the first one says is the reason; the second
/// counts only where the first found nothing. Also returns whether `WooCommerce` itself answered.
async fn approve(client: &Client, home: &StoreUrl, ask: &Ask<'_>) -> (bool, Result<(), Verdict>) {
    let (state, callback_url) = (client.entropy().secret(), stand_in(client, ask.callback_url.expose()));
    let return_url = stand_in(client, ask.return_url);
    let shaped = Ask { state: &state, callback_url: &callback_url, return_url: return_url.expose(), ..*ask };
    let (bare, shaped) = tokio::join!(approval::bare(client, home), approval::shaped(client, home, &shaped));
    (bare == Ok(true), bare.and(shaped))
}

/// Adopts what the index reports.
fn adopt(client: &Client, findings: &mut Findings, site: locate::Site) {
    let (base, index) = (site.base, site.index);
    findings.name = index.name;
    if index.noisy {
        findings.warn(Verdict::NoisyAnswer);
    }
    let Ok(home) = StoreUrl::parse(&index.home, client.network()) else {
        findings.home = base;
        return findings.note(Verdict::ApprovalMisdirected);
    };
    findings.icon = index.icon.and_then(|icon| IconUrl::of(&icon, &home));
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
