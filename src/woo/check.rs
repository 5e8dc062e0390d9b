//! Checks a key at a store, and combines the answers into one verdict.

use std::time::Duration;

use hyper::Method;
use serde_json::Value;

use super::answer::{self, Heard, Meaning};
use super::http::Client;
use super::ladder::{Asking, BATCH, Status, Stop, is_batch};
use super::relocation;
use super::site;
use crate::domain::{AuthMethod, KeyPair, Reported, RestBase, Scope, StoreUrl, Verdict};

pub use super::ladder::Ways;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub verdict: Verdict,
    /// How the store accepts this key, if any way worked.
    pub method: Option<AuthMethod>,
    /// The proven scope, if the key works and the scope was tested.
    pub scope: Option<Scope>,
    /// The `home` that the store reports, in canonical form.
    pub home_seen: Option<StoreUrl>,
    pub reported: Reported,
    /// How long the store requests us to wait.
    pub retry_after: Option<Duration>,
}

impl Answer {
    pub fn only(verdict: Verdict) -> Self {
        Self { verdict, method: None, scope: None, home_seen: None, reported: Reported::default(), retry_after: None }
    }
}

/// Checks `pair` at the store at `home`. `rest` is where its API answered last time; if it is no longer there, it is looked for.
/// `ways` are those to try; a key is rejected only after all of them. `asked` decides whether writing is tested (nothing is
/// written), and is what the proven scope is compared with. Without it, a known, working key that may read costs one request, and
/// `scope` is set only for a key that may not read.
pub async fn ask(
    client: &Client,
    home: &StoreUrl,
    rest: &RestBase,
    pair: &KeyPair,
    asked: Option<Scope>,
    ways: Ways,
) -> Answer {
    let mut rest = rest.clone();
    // A route in a parameter is more work for services, and works even after the store has changed its permalinks.
    if rest.is_query() && site::has_woocommerce(client, &RestBase::usual(home)).await {
        rest = RestBase::usual(home);
    }
    let climb = async |rest: &RestBase| Box::pin(Asking { client, home, rest, pair }.climb(ways)).await;
    let mut climbed = climb(&rest).await;
    if let Err(stop) = &climbed {
        if let Some(other) = stop.other_rest(client, home, &rest).await {
            rest = other;
            climbed = climb(&rest).await;
        }
        let marked = RestBase::plain_marked(home);
        if rest.is_query() && rest != marked && climbed.as_ref().is_err_and(|stop| stop.was_ignored) {
            rest = marked;
            climbed = climb(&rest).await;
        }
        let is_stripped = climbed.as_ref().is_err_and(|stop| stop.verdict == Verdict::HeaderStripped);
        if rest.is_query() && is_stripped && !ways.are_of_password() {
            climbed = Err(Verdict::PlainPermalinks.into());
        }
    }
    let asking = Asking { client, home, rest: &rest, pair };
    let (method, status) = match climbed {
        Ok(found) => found,
        Err(stop) => return of_stop(stop, &asking, ways.is_known()).await,
    };
    let (reads, noisy, remark, environment) = match status {
        Status::Read { environment, noisy, is_slow } => (true, noisy, remark(noisy, is_slow), environment),
        Status::WriteOnly => (false, false, Verdict::Works, Value::Null),
    };
    let told = |name: &str| environment.get(name).and_then(Value::as_str);
    let reported = Reported {
        name: None,
        woocommerce_version: told("version").and_then(site::version),
        wordpress_version: told("wp_version").and_then(site::version),
        rest_base: Some(rest.clone()),
        json_has_noise: noisy,
    };
    let mut answer = Answer { method: Some(method), reported, ..Answer::only(Verdict::Works) };
    answer.home_seen = told("home_url").and_then(|text| StoreUrl::parse(text, client.network()).ok());
    if answer.home_seen.is_none() || !ways.is_known() {
        let index = site::index(client, &rest).await;
        if answer.home_seen.is_none()
            && index.as_ref().is_some_and(|index| StoreUrl::parse(&index.home, client.network()).is_err())
        {
            return Answer { verdict: Verdict::AnswerUnreadable, ..answer };
        }
        answer.reported.name = index.as_ref().and_then(|index| index.name.clone());
        let told = index.and_then(|index| StoreUrl::parse(&index.home, client.network()).ok());
        answer.home_seen = answer.home_seen.or(told);
    }
    // A store that reports its address to nobody was still reached at this one.
    if let Some(verdict) = answer.home_seen.as_ref().and_then(|seen| identity(home, seen)) {
        let verdict = match &answer.home_seen {
            Some(seen) if ways.is_known() => relocation::claimed(client, home, &rest, seen).await,
            _ => verdict,
        };
        return Answer { verdict, ..answer };
    }
    answer.verdict = remark;
    answer.scope = (!reads).then_some(Scope::Write);
    if let Some(asked) = asked {
        match scope(&asking, method, reads, asked).await {
            Ok(Some(proven)) => {
                answer.scope = Some(proven);
                let on_scope = Verdict::on_scope(proven, asked);
                answer.verdict = if on_scope == Verdict::Works { remark } else { on_scope };
            }
            Ok(None) => {}
            Err(verdict) => answer.verdict = verdict,
        }
    }
    answer
}

/// Converts a stop to a result; for a known store, also looks for where it moved to.
async fn of_stop(stop: Stop, asking: &Asking<'_>, known: bool) -> Answer {
    let mut answer = Answer { retry_after: stop.retry_after, ..Answer::only(stop.verdict) };
    let (client, home) = (asking.client, asking.home);
    match (stop.verdict, stop.to) {
        (Verdict::Moved, Some(to)) if known => {
            (answer.verdict, answer.home_seen) = relocation::redirected(client, home, &to).await;
        }
        // A store checks signatures against the address it believes to have.
        (Verdict::HttpsHidden, _) if known => {
            answer.home_seen = relocation::told_at(client, asking.rest).await.filter(|told| told != home);
            if answer.home_seen.is_some() {
                answer.verdict = Verdict::Moved;
            }
        }
        _ => {}
    }
    answer
}

/// The scope of the key. Writing is tested only if it was requested; `None` if the test itself failed for a reason
/// other than a rejection: then the previous scope stands.
async fn scope(asking: &Asking<'_>, method: AuthMethod, reads: bool, asked: Scope) -> Result<Option<Scope>, Verdict> {
    // It has no scope: whoever may read all of `system_status` may manage the whole shop.
    if method == AuthMethod::ApplicationPassword {
        return Ok(Some(Scope::ReadWrite));
    }
    if reads && !asked.writes() {
        return Ok(Some(Scope::Read));
    }
    let heard = asking.send(&Method::POST, BATCH, &[], asking.pair, method).await.map(|reply| answer::hear(&reply));
    let meaning = match &heard {
        Ok(Heard::Refused(refusal)) => Some(refusal.meaning()),
        _ => None,
    };
    match meaning {
        // The only request in which a write-only key reveals its owner's role.
        Some(Meaning::RoleLost) if !reads => Err(Verdict::RoleLost),
        _ if !reads => Ok(Some(Scope::Write)),
        _ if heard.as_ref().is_ok_and(is_batch) => Ok(Some(Scope::ReadWrite)),
        Some(Meaning::AuthenticationError | Meaning::RoleLost | Meaning::Anonymous) => Ok(Some(Scope::Read)),
        _ => Ok(None),
    }
}

/// Whether the store is the expected one. A difference only in `www` means that the same shop moved, not another store.
fn identity(home: &StoreUrl, seen: &StoreUrl) -> Option<Verdict> {
    match seen {
        seen if seen == home => None,
        seen if seen.bare() == home.bare() => Some(Verdict::Moved),
        _ => Some(Verdict::OtherStore),
    }
}

fn remark(noisy: bool, is_slow: bool) -> Verdict {
    match (noisy, is_slow) {
        (true, _) => Verdict::NoisyAnswer,
        (_, true) => Verdict::Slow,
        _ => Verdict::Works,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::store_url::Network;

    #[test]
    fn a_store_is_itself_its_www_or_another() {
        let store = |url| StoreUrl::parse(url, Network::Public).unwrap();
        let home = store("shop.example.com");
        assert_eq!(identity(&home, &store("shop.example.com/")), None);
        assert_eq!(identity(&home, &store("www.shop.example.com")), Some(Verdict::Moved));
        assert_eq!(identity(&home, &store("shop.example.com/de")), Some(Verdict::OtherStore));
    }
}
