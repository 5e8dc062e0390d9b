//! Asks a store with a key, and turns its answers into one verdict.

use std::time::Duration;

use hyper::Method;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use serde_json::Value;

use super::answer::{self, Heard, Meaning, Refusal};
use super::auth;
use super::http::{Call, Client, Fault, Reply};
use super::locate::other_permalinks;
use super::site;
use super::whereabouts::{self, bare};
use crate::domain::key::{AuthMethod, KeyPair};
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::store_url::StoreUrl;
use crate::domain::verdict::Verdict;

/// Time for one request: shops on small hosts need seconds for their first answer.
const ONE_WITHIN: Duration = Duration::from_secs(20);
/// Most bytes of one answer; the one that is asked for has about 100.
const ONE_AT_MOST: usize = 512 * 1024;
/// Proves key, secret and the permission to read, and says whose key it is (docs/protocol/store-answers.md §2, "Traps").
const LIGHT: &str = "/wp-json/wc/v3/system_status";
const LIGHT_FIELDS: [(&str, &str); 1] =
    [("_fields", "environment.version,environment.wp_version,environment.home_url")];
/// A store that takes longer than this for the light question is slow.
pub const SLOW_AFTER: Duration = Duration::from_secs(10);
/// An empty batch changes nothing, and is refused without the permission to write.
const BATCH: &str = "/wp-json/wc/v3/products/batch";

/// What asking told us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// In one word.
    pub verdict: Verdict,
    /// How the store takes this key, where one way worked.
    pub method: Option<AuthMethod>,
    /// What the key was seen to be allowed, where it works and that was looked at.
    pub scope: Option<Scope>,
    /// The `home` that the store told, canonical.
    pub home_seen: Option<StoreUrl>,
    /// The shop's name, asked for only when `known` was not given.
    pub name: Option<String>,
    /// Such as `11.0.1`.
    pub woocommerce_version: Option<String>,
    /// Such as `7.0.4`.
    pub wordpress_version: Option<String>,
    /// How long the store asks us to stay away.
    pub retry_after: Option<Duration>,
}

impl Answer {
    /// An answer of which nothing is known but the verdict.
    pub fn only(verdict: Verdict) -> Self {
        Self {
            verdict,
            method: None,
            scope: None,
            home_seen: None,
            name: None,
            woocommerce_version: None,
            wordpress_version: None,
            retry_after: None,
        }
    }
}

/// Asks the store at `home` with `pair`. `known` is the way that worked last time and is tried first; before a key
/// is called broken every way is tried. `asked` decides whether writing is tested (nothing is written) and what the
/// proven scope is compared with; with none, a known key that may read and works costs one request, and only of one that
/// may not read is the scope told.
pub async fn ask(
    client: &Client,
    home: &StoreUrl,
    pair: &KeyPair,
    asked: Option<Scope>,
    known: Option<AuthMethod>,
) -> Answer {
    let asking = Asking { client, home, pair };
    let climbed = asking.climb(known).await;
    let (method, status) = match climbed {
        Ok(found) => found,
        Err(stop) => return stop.answer(&asking, known.is_some()).await,
    };
    let (reads, remark, environment) = match status {
        Status::Read { environment, remark } => (true, remark, environment),
        Status::WriteOnly => (false, Verdict::Works, Value::Null),
    };
    let mut answer = Answer { method: Some(method), ..Answer::only(Verdict::Works) };
    let told = |name: &str| environment.get(name).and_then(Value::as_str);
    answer.woocommerce_version = told("version").and_then(site::version);
    answer.wordpress_version = told("wp_version").and_then(site::version);
    answer.home_seen = told("home_url").and_then(|text| StoreUrl::parse(text, client.reach()).ok());
    if answer.home_seen.is_none() || known.is_none() {
        let index = site::index(client, home).await;
        answer.name = index.as_ref().and_then(|index| index.name.clone());
        let told = index.and_then(|index| StoreUrl::parse(&index.home, client.reach()).ok());
        answer.home_seen = answer.home_seen.or(told);
    }
    if let Some(verdict) = identity(home, answer.home_seen.as_ref()) {
        let verdict = match &answer.home_seen {
            Some(seen) if known.is_some() => whereabouts::claimed(client, home, seen).await,
            _ => verdict,
        };
        return Answer { verdict, ..answer };
    }
    answer.verdict = remark;
    answer.scope = (!reads).then_some(Scope::Write);
    if let Some(asked) = asked {
        match asking.scope(method, reads, asked).await {
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

/// Whose key it is. `www` alone is a move of the same shop, not another one.
fn identity(home: &StoreUrl, seen: Option<&StoreUrl>) -> Option<Verdict> {
    match seen {
        None => Some(Verdict::AnswerUnreadable),
        Some(seen) if seen == home => None,
        Some(seen) if bare(seen.shown()) == bare(home.shown()) => Some(Verdict::Moved),
        Some(_) => Some(Verdict::OtherStore),
    }
}

/// The key was recognised.
enum Status {
    /// What the store told of itself, and a remark on how it did.
    Read {
        environment: Value,
        remark: Verdict,
    },
    WriteOnly,
}

/// No way led to the key.
pub(super) struct Stop {
    pub(super) verdict: Verdict,
    retry_after: Option<Duration>,
    /// Where the store sent us.
    to: Option<String>,
}

impl From<Verdict> for Stop {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, retry_after: None, to: None }
    }
}

impl Stop {
    /// The answer that this is; of a store that was known it is looked where it has gone.
    async fn answer(self, asking: &Asking<'_>, known: bool) -> Answer {
        let mut answer = Answer { retry_after: self.retry_after, ..Answer::only(self.verdict) };
        let (client, home) = (asking.client, asking.home);
        match (self.verdict, self.to) {
            (Verdict::Moved, Some(to)) if known => {
                (answer.verdict, answer.home_seen) = whereabouts::redirected(client, home, &to).await;
            }
            // A store checks signatures with the address that it believes to have.
            (Verdict::HttpsHidden, _) if known => {
                answer.home_seen = whereabouts::told_at(client, home).await.filter(|told| told != home);
                if answer.home_seen.is_some() {
                    answer.verdict = Verdict::Moved;
                }
            }
            _ => {}
        }
        answer
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        fault.verdict().into()
    }
}

/// A store, and the pair with which it is asked.
pub(super) struct Asking<'a> {
    pub(super) client: &'a Client,
    pub(super) home: &'a StoreUrl,
    pub(super) pair: &'a KeyPair,
}

impl Asking<'_> {
    /// Tries one way after the other until the key is recognised or refused for good.
    async fn climb(&self, known: Option<AuthMethod>) -> Result<(AuthMethod, Status), Stop> {
        let others = AuthMethod::LADDER.into_iter().filter(|method| Some(*method) != known);
        let mut trouble = None;
        let mut refused: Option<Refusal> = None;
        let mut arrived = false;
        for method in known.into_iter().chain(others) {
            let begun = self.client.clock().instant();
            let reply = self.light(self.pair, method).await?;
            let is_slow = self.client.clock().instant().since(begun) > SLOW_AFTER;
            match answer::hear(&reply) {
                Heard::Json { value, noisy } if value.is_object() => {
                    let environment = value.get("environment").cloned().unwrap_or_default();
                    let remark = match (noisy, is_slow) {
                        (true, _) => Verdict::NoisyAnswer,
                        (_, true) => Verdict::Slow,
                        _ => Verdict::Works,
                    };
                    return Ok((method, Status::Read { environment, remark }));
                }
                Heard::Refused(refusal) => match refusal.meaning() {
                    Meaning::Anonymous => arrived |= refusal.is_wordpress_own(),
                    Meaning::AuthenticationError => {
                        if self.is_write_only(method).await? {
                            return Ok((method, Status::WriteOnly));
                        }
                        if matches!(method, AuthMethod::Basic | AuthMethod::Query) {
                            return Err(Verdict::SecretRejected.into());
                        }
                        // The first of the two is enough to tell an unknown key from a wrong signature.
                        match &refused {
                            None if self.is_unknown(&refusal).await? => return Err(Verdict::KeyRejected.into()),
                            None => refused = Some(refusal),
                            Some(first) if *first == refusal => {}
                            // One of the two signatures is right, and only behind that does WooCommerce look at the time
                            // (docs/protocol/wc-auth.md §5.2): a signature that is wrong twice is refused in the same words twice.
                            Some(_) => return Err(Verdict::ClockOff.into()),
                        }
                    }
                    Meaning::RoleLost => return Err(Verdict::RoleLost.into()),
                    Meaning::NoRoute => return Err(Verdict::NoWooCommerce.into()),
                    Meaning::Other(verdict) => {
                        return Err(Stop { retry_after: self.pause(&reply), ..verdict.into() });
                    }
                },
                other => {
                    let stop = self.read_trouble(&other, &reply).await;
                    // A firewall may dislike keys in the address and nothing else, so those ways do not speak for
                    // the store; all other trouble would be the same on every way.
                    let about_the_address = matches!(stop.verdict, Verdict::Blocked(_)) && method != AuthMethod::Basic;
                    if !about_the_address {
                        return Err(stop);
                    }
                    trouble = Some(stop);
                }
            }
        }
        Err(trouble.unwrap_or_else(|| unheard(self.home, refused.is_some(), arrived).into()))
    }

    /// A key that may only write is refused on GET and let through on OPTIONS; a wrong secret is refused on both.
    async fn is_write_only(&self, method: AuthMethod) -> Result<bool, Stop> {
        let reply = self.send(&Method::OPTIONS, LIGHT, &[], self.pair, method).await?;
        Ok(matches!(answer::hear(&reply), Heard::Json { .. }))
    }

    /// Whether the store says to us what it says to a key that was never made. Both texts are in the site's own
    /// language, so they are compared with each other and with nothing else.
    async fn is_unknown(&self, refusal: &Refusal) -> Result<bool, Stop> {
        let made_up =
            KeyPair { consumer_key: made_up(self.client, "ck_"), consumer_secret: made_up(self.client, "cs_") };
        let reply = self.light(&made_up, AuthMethod::Oauth1).await?;
        Ok(matches!(answer::hear(&reply), Heard::Refused(control) if control == *refusal))
    }

    /// Answers that are not WooCommerce's.
    pub(super) async fn read_trouble(&self, heard: &Heard, reply: &Reply) -> Stop {
        let verdict = match heard {
            Heard::Trouble(verdict) => *verdict,
            Heard::Elsewhere(to) => site::moved(self.home, to.as_deref()),
            // Without a REST API at its place, the other forms tell whether only the permalinks changed.
            Heard::NotFound => other_permalinks(self.client, self.home).await.unwrap_or(Verdict::NoWordPress),
            Heard::Denied => Verdict::RestClosed,
            Heard::Json { .. } | Heard::Page | Heard::Refused(_) => Verdict::AnswerUnreadable,
        };
        let to = if let Heard::Elsewhere(to) = heard { to.clone() } else { None };
        Stop { verdict, retry_after: self.pause(reply), to }
    }

    fn pause(&self, reply: &Reply) -> Option<Duration> {
        answer::retry_after(reply, self.client.clock().now())
    }

    /// What the key may do. Writing is tested only where it was asked for; `None` when the test itself failed for another
    /// reason than a refusal: then what was known before stands.
    async fn scope(&self, method: AuthMethod, reads: bool, asked: Scope) -> Result<Option<Scope>, Verdict> {
        if reads && !asked.writes() {
            return Ok(Some(Scope::Read));
        }
        let heard = self.send(&Method::POST, BATCH, &[], self.pair, method).await.map(|reply| answer::hear(&reply));
        let meaning = match &heard {
            Ok(Heard::Refused(refusal)) => Some(refusal.meaning()),
            _ => None,
        };
        match meaning {
            // The one question by which a key that may only write shows what its owner may.
            Some(Meaning::RoleLost) if !reads => Err(Verdict::RoleLost),
            _ if !reads => Ok(Some(Scope::Write)),
            Some(Meaning::AuthenticationError | Meaning::RoleLost | Meaning::Anonymous) => Ok(Some(Scope::Read)),
            _ if matches!(heard, Ok(Heard::Json { .. })) => Ok(Some(Scope::ReadWrite)),
            _ => Ok(None),
        }
    }

    /// The light question.
    pub(super) async fn light(&self, pair: &KeyPair, how: AuthMethod) -> Result<Reply, Fault> {
        self.send(&Method::GET, LIGHT, &LIGHT_FIELDS, pair, how).await
    }

    async fn send(
        &self,
        method: &Method,
        path: &str,
        query: &[(&str, &str)],
        pair: &KeyPair,
        how: AuthMethod,
    ) -> Result<Reply, Fault> {
        let ask = auth::Ask { method: method.clone(), home: self.home, path, query };
        let ready = auth::authenticate(&ask, pair, how, self.client.clock().now(), self.client.entropy());
        let mut headers = ready.headers;
        headers.push((ACCEPT, HeaderValue::from_static(site::ACCEPT_JSON)));
        let mut body = Vec::new();
        if *method == Method::POST {
            headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
            body.extend_from_slice(b"{}");
        }
        let call = Call {
            method: method.clone(),
            url: ready.url.expose(),
            headers,
            body,
            within: ONE_WITHIN,
            at_most: ONE_AT_MOST,
        };
        self.client.send(call).await
    }
}

/// Half of a pair that no store has ever made: 128 random bits.
pub(super) fn made_up(client: &Client, prefix: &str) -> Secret {
    let mut random = [0_u8; 16];
    client.entropy().fill(&mut random);
    Secret::new(format!("{prefix}{:040x}", u128::from_be_bytes(random)))
}

/// Why no way led to the key, when nothing was in the way. WooCommerce refuses a signature by a key that it does not know;
/// where it passed over even that, nothing arrives, whatever worked before; unless WordPress itself has read the key.
fn unheard(home: &StoreUrl, key_is_known: bool, arrived: bool) -> Verdict {
    match (key_is_known, home.is_https()) {
        // Plain keys were passed over and no signature fits: only with https seen can the store say more.
        (true, true) => Verdict::HttpsHidden,
        (true, false) => Verdict::SecretRejected,
        (false, _) if arrived => Verdict::KeyRejected,
        (false, _) => Verdict::HeaderStripped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::store_url::Reach;

    #[test]
    fn silence_on_every_way_has_a_reason() {
        let [https, http] =
            ["https://a.example", "http://a.example"].map(|url| StoreUrl::parse(url, Reach::PrivateToo).unwrap());
        assert_eq!(unheard(&https, true, false), Verdict::HttpsHidden);
        assert_eq!(unheard(&http, true, false), Verdict::SecretRejected);
        assert_eq!(unheard(&https, false, false), Verdict::HeaderStripped);
        assert_eq!(unheard(&https, false, true), Verdict::KeyRejected);
    }

    #[test]
    fn a_store_is_itself_its_www_or_another() {
        let store = |url| StoreUrl::parse(url, Reach::Public).unwrap();
        let home = store("shop.example.com");
        assert_eq!(identity(&home, Some(&store("shop.example.com/"))), None);
        assert_eq!(identity(&home, Some(&store("www.shop.example.com"))), Some(Verdict::Moved));
        assert_eq!(identity(&home, Some(&store("shop.example.com/de"))), Some(Verdict::OtherStore));
        assert_eq!(identity(&home, None), Some(Verdict::AnswerUnreadable));
    }
}
