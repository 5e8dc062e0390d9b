//! The ladder: tries the ways in which a store may take a key, one after the other, until it recognises the key or rejects it.

use std::time::Duration;

use hyper::Method;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use serde_json::Value;

use super::answer::{self, Heard, Meaning, Refusal};
use super::application_password;
use super::auth;
use super::elsewhere;
use super::http::{Call, Client, Fault, Reply};
use super::site;
use crate::domain::{AuthMethod, KeyPair, RestBase, Secret, StoreUrl, Verdict};

/// The time limit of one request: shops on small hosts need seconds for their first answer. Two of them fit into a check.
const ONE_WITHIN: Duration = Duration::from_secs(12);
/// The maximum size of one answer, in bytes; the one requested has about 100.
const ONE_AT_MOST: usize = 512 * 1024;
/// Proves the key, its secret and the read permission, and identifies the store (docs/protocol/store-answers.md §2,
/// "Traps").
pub(super) const LIGHT: &str = "wc/v3/system_status";
const LIGHT_FIELDS: [(&str, &str); 1] =
    [("_fields", "environment.version,environment.wp_version,environment.home_url")];
/// For the first field WordPress before 5.3 knows only the outer name.
const OUTER_FIELD: [(&str, &str); 1] = [("_fields", "environment")];
/// Proves the same where the route above fails on its own: hosts on which it dies or takes too long, rules that block it.
const LIGHTER: &str = "wc/v3/products";
const LIGHTER_FIELDS: [(&str, &str); 2] = [("per_page", "1"), ("_fields", "id")];
/// A store is slow if the `system_status` request takes longer than this.
const SLOW_AFTER: Duration = Duration::from_secs(10);
/// An empty batch changes nothing, and is rejected without the write permission.
pub(super) const BATCH: &str = "wc/v3/products/batch";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ways {
    /// All in which stores take consumer keys.
    Keys,
    /// The only one in which they take application passwords.
    Password,
    /// The one that worked last time, then the others of its kind.
    KnownFirst(AuthMethod),
}

impl Ways {
    /// Whether the key is an application password.
    pub(super) fn are_of_password(self) -> bool {
        matches!(self, Self::Password | Self::KnownFirst(AuthMethod::ApplicationPassword))
    }

    /// Whether the key has worked before.
    pub(super) const fn is_known(self) -> bool {
        matches!(self, Self::KnownFirst(_))
    }

    fn in_order(self) -> Vec<AuthMethod> {
        let all: &[AuthMethod] =
            if self.are_of_password() { &[AuthMethod::ApplicationPassword] } else { &AuthMethod::LADDER };
        let known = if let Self::KnownFirst(known) = self { Some(known) } else { None };
        known.into_iter().chain(all.iter().copied().filter(|method| Some(*method) != known)).collect()
    }
}

/// The key was recognised.
pub(super) enum Status {
    /// What the store reports about itself, and how it answered.
    Read {
        environment: Value,
        noisy: bool,
        is_slow: bool,
    },
    WriteOnly,
}

/// Whether one method got the key recognised.
enum Recognised {
    Yes(Status),
    No(Heard, Reply),
}

/// Whether this is WooCommerce's list of products; an empty one is recognised by the header that counts them.
fn are_products(value: &Value, reply: &Reply) -> bool {
    let Some(products) = value.as_array() else { return false };
    products.iter().all(|product| product.get("id").is_some())
        && (!products.is_empty() || reply.headers.contains_key("x-wp-total"))
}

/// Whether this is WooCommerce's answer to an empty batch: nothing was done.
pub(super) fn is_batch(heard: &Heard) -> bool {
    match heard {
        Heard::Json { value: Value::Array(done), .. } => done.is_empty(),
        Heard::Json { value: Value::Object(done), .. } => {
            done.keys().all(|name| matches!(name.as_str(), "create" | "update" | "delete"))
        }
        _ => false,
    }
}

/// Whether this answer may be about the route alone, so that a lighter one is worth a request.
fn may_be_the_route(heard: &Heard) -> bool {
    match heard {
        Heard::Refused(refusal) => matches!(
            refusal.meaning(),
            Meaning::Other(Verdict::ServerError | Verdict::RestClosed | Verdict::AnswerUnreadable) | Meaning::NoRoute
        ),
        Heard::Trouble(verdict) => !matches!(verdict, Verdict::RateLimited | Verdict::Maintenance | Verdict::LoginWall),
        Heard::NotFound | Heard::Denied | Heard::Page | Heard::Json { .. } => true,
        Heard::Elsewhere(_) => false,
    }
}

/// Whether this would be the same with every method: the store is down, asks for patience, or has moved. Of some, only a request
/// without a key can tell whether they are about the method: see `climb`.
fn is_everywhere(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::ServerError
            | Verdict::NoWordPress
            | Verdict::RateLimited
            | Verdict::Maintenance
            | Verdict::Moved
            | Verdict::NoHttps
            | Verdict::LoginWall
    )
}

/// Whether something that looks at the Authorization header or the query may have caused this for one method alone, rather than a store
/// that is down: a plugin that dies of a header it does not understand, a password prompt for headers of others.
fn may_be_the_method(verdict: Verdict) -> bool {
    !matches!(verdict, Verdict::RateLimited | Verdict::Maintenance | Verdict::NoHttps | Verdict::TimedOut)
}

/// No method got the key recognised.
pub(super) struct Stop {
    pub(super) verdict: Verdict,
    pub(super) retry_after: Option<Duration>,
    /// Where the store redirected us.
    pub(super) to: Option<String>,
    /// Whether there may be no REST API at the address.
    is_not_here: bool,
    /// The REST API that the answer names.
    named: Option<RestBase>,
    /// Whether the store did not look at the key, as far as its answers show.
    pub(super) was_ignored: bool,
}

impl From<Verdict> for Stop {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, retry_after: None, to: None, is_not_here: false, named: None, was_ignored: false }
    }
}

impl Stop {
    /// Another address of the store's API, if it may not be at `rest`, or ignores keys there.
    pub(super) async fn other_rest(&self, client: &Client, home: &StoreUrl, rest: &RestBase) -> Option<RestBase> {
        // A route in a parameter answers whatever the permalinks are, but keys may be ignored there.
        let may_be_elsewhere = self.is_not_here || (rest.is_query() && self.was_ignored);
        if !may_be_elsewhere {
            return None;
        }
        Some(Box::pin(elsewhere::find(client, home, self.named.clone(), &mut vec![rest.clone()])).await?.rest)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        fault.verdict().into()
    }
}

/// A store, and the pair to check.
pub(super) struct Asking<'a> {
    pub(super) client: &'a Client,
    pub(super) home: &'a StoreUrl,
    pub(super) rest: &'a RestBase,
    pub(super) pair: &'a KeyPair,
}

impl Asking<'_> {
    /// Tries one method after the other until the key is recognised or finally rejected. Only WooCommerce itself can reject it; any
    /// other answer comes from something in front of it, and says nothing about the other methods. What looks like a store that is
    /// down ends it, unless the store answers a request without a key.
    pub(super) async fn climb(&self, ways: Ways) -> Result<(AuthMethod, Status), Stop> {
        let is_password = ways.are_of_password();
        let mut trouble: Option<Stop> = None;
        let mut refused: Option<Refusal> = None;
        let mut arrived = false;
        let mut is_up = None;
        let methods = ways.in_order();
        let first = methods[0];
        for method in methods {
            let (heard, reply) = match self.recognise(method, trouble.is_some()).await {
                Ok(Recognised::Yes(status)) => {
                    return Ok(self.unless_passed(is_up.map(|_| first), method, status).await);
                }
                Ok(Recognised::No(heard, reply)) => (heard, reply),
                // The first obstacle is the one to remove.
                Err(stop) if trouble.is_some() || !self.is_about(&stop, ways, &mut is_up).await => {
                    return Err(trouble.unwrap_or(stop));
                }
                Err(stop) => {
                    trouble = Some(stop);
                    continue;
                }
            };
            match heard {
                Heard::Refused(refusal) => match refusal.meaning() {
                    Meaning::Anonymous | Meaning::Other(Verdict::RestClosed) if is_password => {
                        return Err(application_password::why(self).await);
                    }
                    Meaning::Anonymous => arrived |= refusal.is_wordpress_own(),
                    Meaning::AuthenticationError if is_password => return Err(Verdict::AnswerUnreadable.into()),
                    Meaning::AuthenticationError => {
                        if self.is_write_only(method, &refusal).await? {
                            return Ok((method, Status::WriteOnly));
                        }
                        if matches!(method, AuthMethod::Basic | AuthMethod::Query) {
                            return Err(Verdict::SecretRejected.into());
                        }
                        // The first of the two is enough to distinguish an unknown key from a wrong signature.
                        match &refused {
                            None if self.is_unknown(&refusal).await? => return Err(Verdict::KeyRejected.into()),
                            None => refused = Some(refusal),
                            Some(first) if *first == refusal => {}
                            // One of the two signatures is right, and only after that does WooCommerce check the time
                            // (docs/protocol/wc-auth.md §5.2): a signature that is wrong twice is rejected with the
                            // same message twice.
                            Some(_) => return Err(Verdict::ClockOff.into()),
                        }
                    }
                    Meaning::RoleLost => return Err(Verdict::RoleLost.into()),
                    Meaning::NoRoute => return Err(Verdict::NoWooCommerce.into()),
                    Meaning::Other(verdict) => {
                        let stop = Stop { retry_after: self.pause(&reply), ..verdict.into() };
                        if is_everywhere(verdict) && !self.is_about(&stop, ways, &mut is_up).await {
                            return Err(stop);
                        }
                        trouble = trouble.or(Some(stop));
                    }
                },
                other => {
                    let stop = self.read_trouble(&other, &reply);
                    if is_everywhere(stop.verdict) && !self.is_about(&stop, ways, &mut is_up).await {
                        return Err(stop);
                    }
                    trouble = trouble.or(Some(stop));
                }
            }
        }
        let was_ignored = refused.is_none();
        Err(trouble.unwrap_or_else(|| Stop { was_ignored, ..unheard(self.home, !was_ignored, arrived).into() }))
    }

    /// The method that works, or the first one if what looked like a store that is down has passed: that was not about the method.
    async fn unless_passed(
        &self,
        first: Option<AuthMethod>,
        method: AuthMethod,
        status: Status,
    ) -> (AuthMethod, Status) {
        if let Some(first) = first
            && let Ok(Recognised::Yes(status)) = Box::pin(self.recognise(first, true)).await
        {
            return (first, status);
        }
        (method, status)
    }

    /// Whether a stop may be about the method alone, because the store's API answers a request without a key; asked once.
    async fn is_about(&self, stop: &Stop, ways: Ways, is_up: &mut Option<bool>) -> bool {
        if ways.are_of_password() || !may_be_the_method(stop.verdict) {
            return false;
        }
        match *is_up {
            Some(is_up) => is_up,
            None => *is_up.insert(Box::pin(site::has_woocommerce(self.client, self.rest)).await),
        }
    }

    /// Sends the `system_status` request, and a lighter one if that fails on its own. `once` skips the second: it failed before.
    async fn recognise(&self, method: AuthMethod, once: bool) -> Result<Recognised, Stop> {
        let begun = self.client.clock().instant();
        let first = match self.light(self.pair, method).await {
            Ok(reply) => {
                let is_slow = self.client.clock().instant().since(begun) > SLOW_AFTER;
                let heard = answer::hear(&reply);
                if let Heard::Json { value, noisy } = &heard
                    && let Some(environment) = self.environment(value, method).await
                {
                    return Ok(Recognised::Yes(Status::Read { environment, noisy: *noisy, is_slow }));
                }
                match heard {
                    Heard::Elsewhere(to) if !once && site::moved(self.home, to.as_deref()) == Verdict::RestClosed => {
                        Ok((Heard::Elsewhere(to), reply))
                    }
                    heard if once || !may_be_the_route(&heard) => return Ok(Recognised::No(heard, reply)),
                    heard => Ok((heard, reply)),
                }
            }
            Err(fault @ (Fault::TimedOut | Fault::TooLarge | Fault::Protocol | Fault::Closed)) if !once => Err(fault),
            Err(fault) => return Err(fault.into()),
        };
        let Ok(reply) = self.send(&Method::GET, LIGHTER, &LIGHTER_FIELDS, self.pair, method).await else {
            return first.map(|(heard, reply)| Recognised::No(heard, reply)).map_err(Stop::from);
        };
        match (answer::hear(&reply), first) {
            (Heard::Json { value, noisy }, first) => {
                let made_up = made_up_pair(self.client);
                let control = self.send(&Method::GET, LIGHTER, &LIGHTER_FIELDS, &made_up, method).await?;
                let is_list = are_products(&value, &reply);
                let is_known = match answer::hear(&control) {
                    // Some shops show their products to everyone.
                    Heard::Json { value: shown, .. } => is_list && !are_products(&shown, &control),
                    // WooCommerce rejects another key: it knows this one, whatever a plugin has made of the list.
                    Heard::Refused(refusal) => {
                        is_list || matches!(refusal.meaning(), Meaning::Anonymous | Meaning::AuthenticationError)
                    }
                    _ => is_list,
                };
                match first {
                    _ if is_known => {}
                    Ok((heard, reply)) => return Ok(Recognised::No(heard, reply)),
                    Err(fault) if is_list => return Err(fault.into()),
                    Err(_) => return Ok(Recognised::No(Heard::Json { value, noisy }, reply)),
                }
                let is_slow = matches!(first, Err(Fault::TimedOut));
                Ok(Recognised::Yes(Status::Read { environment: Value::Null, noisy, is_slow }))
            }
            // A refusal may be WooCommerce's word on the key; otherwise the first answer says more.
            (heard @ Heard::Refused(_), _) | (heard, Err(_)) => Ok(Recognised::No(heard, reply)),
            (_, Ok((heard, reply))) => Ok(Recognised::No(heard, reply)),
        }
    }

    /// What the store reports about itself: the answer to `system_status`, or to a second request where that left nothing because
    /// WordPress before 5.3 compares `_fields` with the outer names alone.
    /// `None` if neither answer comes from that route: a firewall may answer every request with its own JSON.
    async fn environment(&self, value: &Value, method: AuthMethod) -> Option<Value> {
        let environment = |value: &Value| value.get("environment").filter(|value| value.is_object()).cloned();
        if let Some(environment) = environment(value) {
            return Some(environment);
        }
        let reply = self.send(&Method::GET, LIGHT, &OUTER_FIELD, self.pair, method).await.ok()?;
        match answer::hear(&reply) {
            Heard::Json { value, .. } => environment(&value),
            _ => None,
        }
    }

    /// A write-only key is rejected on GET (`refusal`) and accepted on OPTIONS; a wrong secret is rejected on both. Hosts that refuse
    /// OPTIONS are asked with an empty batch, and those that refuse that too with a wrong secret: WooCommerce rejects it in other words.
    async fn is_write_only(&self, method: AuthMethod, refusal: &Refusal) -> Result<bool, Stop> {
        let heard = |reply: Result<Reply, Fault>| reply.ok().map(|reply| answer::hear(&reply));
        let is_rejected =
            |heard: &Heard| matches!(heard, Heard::Refused(no) if no.meaning() == Meaning::AuthenticationError);
        match heard(self.send(&Method::OPTIONS, LIGHT, &[], self.pair, method).await) {
            Some(Heard::Json { value, .. }) if value.get("methods").is_some() || value.get("endpoints").is_some() => {
                return Ok(true);
            }
            Some(heard) if is_rejected(&heard) => return Ok(false),
            _ => {}
        }
        match heard(self.send(&Method::POST, BATCH, &[], self.pair, method).await) {
            Some(heard) if is_batch(&heard) => return Ok(true),
            Some(heard) if is_rejected(&heard) => return Ok(false),
            _ => {}
        }
        let wrong = KeyPair { consumer_key: self.pair.consumer_key.clone(), ..made_up_pair(self.client) };
        let control = self.send(&Method::GET, LIGHT, &LIGHT_FIELDS, &wrong, method).await?;
        let control = answer::hear(&control);
        Ok(is_rejected(&control) && !matches!(control, Heard::Refused(control) if control == *refusal))
    }

    /// Whether the store answers as it does to a key that never existed. Both messages are in the site's own language,
    /// so they are compared only with each other.
    async fn is_unknown(&self, refusal: &Refusal) -> Result<bool, Stop> {
        let made_up = made_up_pair(self.client);
        // WooCommerce refuses a key before it looks at the route, so either route will do.
        for (route, fields) in [(LIGHT, &LIGHT_FIELDS[..]), (LIGHTER, &LIGHTER_FIELDS[..])] {
            let reply = self.send(&Method::GET, route, fields, &made_up, AuthMethod::Oauth1).await;
            if let Ok(Heard::Refused(control)) = reply.map(|reply| answer::hear(&reply)) {
                return Ok(control == *refusal);
            }
        }
        Ok(false)
    }

    /// Interprets answers that are not WooCommerce's.
    pub(super) fn read_trouble(&self, heard: &Heard, reply: &Reply) -> Stop {
        let verdict = match heard {
            Heard::Trouble(verdict) => *verdict,
            Heard::Elsewhere(to) => site::moved(self.home, to.as_deref()),
            Heard::NotFound => Verdict::NoWordPress,
            Heard::Denied => Verdict::RestClosed,
            Heard::Json { .. } | Heard::Page | Heard::Refused(_) => Verdict::AnswerUnreadable,
        };
        let to = if let Heard::Elsewhere(to) = heard { to.clone() } else { None };
        let is_not_here = match heard {
            Heard::NotFound | Heard::Page => true,
            Heard::Elsewhere(_) => verdict == Verdict::RestClosed,
            _ => false,
        };
        Stop { retry_after: self.pause(reply), to, is_not_here, named: site::named(reply, self.home), ..verdict.into() }
    }

    fn pause(&self, reply: &Reply) -> Option<Duration> {
        answer::retry_after(reply, self.client.clock().now())
    }

    /// Sends the `system_status` request.
    pub(super) async fn light(&self, pair: &KeyPair, how: AuthMethod) -> Result<Reply, Fault> {
        self.send(&Method::GET, LIGHT, &LIGHT_FIELDS, pair, how).await
    }

    pub(super) async fn send(
        &self,
        method: &Method,
        route: &str,
        query: &[(&str, &str)],
        pair: &KeyPair,
        how: AuthMethod,
    ) -> Result<Reply, Fault> {
        let address = format!("{}{route}", self.rest);
        let ask = auth::Ask { method: method.clone(), home: self.home, address: &address, query };
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

/// A pair that no store knows.
fn made_up_pair(client: &Client) -> KeyPair {
    KeyPair { consumer_key: made_up(client, "ck_"), consumer_secret: made_up(client, "cs_") }
}

/// Half of a pair that no store has ever created: 128 random bits.
pub(super) fn made_up(client: &Client, prefix: &str) -> Secret {
    let mut random = [0_u8; 16];
    client.entropy().fill(&mut random);
    Secret::new(format!("{prefix}{:040x}", u128::from_be_bytes(random)))
}

/// Why no method worked although nothing blocked it. WooCommerce rejects a signature by an unknown key; if it ignored
/// even that, nothing arrives, whatever worked before, unless WordPress itself has read the key.
fn unheard(home: &StoreUrl, key_is_known: bool, arrived: bool) -> Verdict {
    match (key_is_known, home.is_https()) {
        // Plain keys were ignored and no signature matched: only a store that detects https can reveal more.
        (true, true) => Verdict::HttpsHidden,
        (true, false) => Verdict::SecretRejected,
        (false, _) if arrived => Verdict::KeyRejected,
        (false, _) => Verdict::HeaderStripped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::store_url::Network;
    use crate::woo::loopback::{Seen, answer, client, serve};

    const REFUSED: &str = r#"{"code":"woocommerce_rest_authentication_error","message":"Consumer key is invalid."}"#;

    /// Whether a key is recognised where `system_status` dies and the list of products is `list`; `others` is what another key gets.
    async fn is_recognised(list: &'static str, others: (u16, &'static str)) -> bool {
        let [consumer_key, consumer_secret] = ["ck_1", "cs_2"].map(|text| Secret::new(text.to_owned()));
        let pair = KeyPair { consumer_key, consumer_secret };
        let address = serve(move |seen: &Seen| match seen.path() {
            path if path.ends_with("/system_status") => answer(500, "", "died"),
            _ if seen.header("authorization") == "Basic Y2tfMTpjc18y" => {
                answer(200, "content-type: application/json", list)
            }
            _ => answer(others.0, "content-type: application/json", others.1),
        })
        .await;
        let client = client(&["a.example"], address);
        let home = StoreUrl::parse("http://a.example", Network::PrivateToo).unwrap();
        let rest = RestBase::usual(&home);
        let asking = Asking { client: &client, home: &home, rest: &rest, pair: &pair };
        matches!(asking.recognise(AuthMethod::Basic, false).await, Ok(Recognised::Yes(_)))
    }

    #[tokio::test]
    async fn a_key_is_recognised_by_its_list_of_products_or_by_what_woocommerce_says_to_another() {
        let (products, other) = (r#"[{"id":1}]"#, r#"{"anything":"else"}"#);
        for (list, others, expected) in [
            (products, (401, REFUSED), true),
            (products, (403, "<p>no</p>"), true),
            (products, (200, products), false),
            (other, (401, REFUSED), true),
            (other, (403, "<p>no</p>"), false),
            (other, (200, other), false),
            (other, (401, r#"{"code":"jwt_auth_bad_auth_header","message":"no"}"#), false),
        ] {
            assert_eq!(is_recognised(list, others).await, expected, "{list} {others:?}");
        }
    }

    #[tokio::test]
    async fn a_server_error_that_passes_changes_no_method() {
        let asked = std::sync::atomic::AtomicU32::new(0);
        let address = serve(move |seen| match asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            // `system_status`, and the lighter route.
            0 | 1 => answer(500, "", "died"),
            _ if seen.path().ends_with("/wc/v3/") => answer(200, "", r#"{"namespace":"wc/v3"}"#),
            _ => answer(200, "", r#"{"environment":{"version":"11.0.1"}}"#),
        })
        .await;
        let client = client(&["a.example"], address);
        let home = StoreUrl::parse("http://a.example", Network::PrivateToo).unwrap();
        let (rest, pair) = (RestBase::usual(&home), made_up_pair(&client));
        let asking = Asking { client: &client, home: &home, rest: &rest, pair: &pair };
        let found = asking.climb(Ways::KnownFirst(AuthMethod::Basic)).await;
        assert_eq!(found.ok().map(|(method, _)| method), Some(AuthMethod::Basic));
    }

    #[test]
    fn silence_on_every_way_has_a_reason() {
        let [https, http] =
            ["https://a.example", "http://a.example"].map(|url| StoreUrl::parse(url, Network::PrivateToo).unwrap());
        assert_eq!(unheard(&https, true, false), Verdict::HttpsHidden);
        assert_eq!(unheard(&http, true, false), Verdict::SecretRejected);
        assert_eq!(unheard(&https, false, false), Verdict::HeaderStripped);
        assert_eq!(unheard(&https, false, true), Verdict::KeyRejected);
    }
}
