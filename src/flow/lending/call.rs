//! Call: sends a service's request to a store with the store's key, which never leaves.
//!
//! A call is lent a key like any other reader: the same guard, and the same record before the request is sent. It takes one of
//! the places of the store's host, which the watch uses too, and keeps it until the answer has passed.

mod passing;
mod refusal;

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use hyper::{Method, StatusCode};
use tokio::sync::OwnedSemaphorePermit;

use self::passing::{Bounds, Gathered, Streamed, gather, is_text, kept};
use self::refusal::{Refused, check, refused};
use super::lend::{self, AGAIN, Request, Which};
use crate::app::App;
use crate::domain::calls::{CallLimit, CallLimits};
use crate::domain::key::{AuthMethod, KeyPair};
use crate::domain::route::Route;
use crate::domain::scope::Scope;
use crate::domain::store::Store;
use crate::domain::token::{Permission, ServiceToken};
use crate::flow::Beneath;
use crate::flow::watching::host_pauses;
use crate::live::call_counts::{Counted, TooMany};
use crate::live::lending::Lendable;
use crate::live::outgoing_limits::WHOLE_AT_MOST;
use crate::storage::reads::KeyRead;
use crate::woo::answer;
use crate::woo::auth::{self, Ask};
use crate::woo::http::{Fault, Reply};
use crate::woo::relay::{self, Arriving, Outgoing};
use crate::woo::rewrite::{Blotter, Links};

pub use self::passing::Passing;
pub use crate::woo::ACCEPT_JSON;
pub use crate::woo::relay::{BoxError, Sent};

/// How long a call waits for one of the host's places.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a connection may have been idle for a request that must not be sent twice. No store closes one so soon, so whether the
/// request arrived is never unknown because of it.
const IDLE_AT_MOST_UNREPEATABLE: Duration = Duration::from_secs(1);
/// When to try again if a host is busy or asks for fewer requests without saying until when.
const LATER: Duration = Duration::from_secs(10);

/// A service's request to a store.
pub struct Call<'a> {
    pub request: Request<'a>,
    pub which: Which,
    pub method: Method,
    pub route: Route,
    /// Decoded, without what belongs to an authentication.
    pub query: Vec<(String, String)>,
    /// Only those that stores are to receive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether the request may be sent again if the connection ends without an answer.
    pub may_repeat: bool,
    /// The address under which this service reached Cartkey's API, without a slash at the end.
    pub reached_at: String,
}

/// What the store answered.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Passing,
    /// Whether output around the JSON was removed.
    pub noise_removed: bool,
}

/// Why the store's answer is not passed on, or the store was not called.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key cannot be used.
    #[error(transparent)]
    Lend(#[from] lend::Error),
    /// The store's key does not have the scope that the method needs.
    #[error("the key may only {}", .0.as_str())]
    Scope(Scope),
    /// The host asked for a pause, or all its places are taken.
    #[error("the store asks for fewer requests")]
    Later(Duration),
    /// The store redirected to this address.
    #[error("the store redirects")]
    Moved(Option<String>),
    /// The token may not call this route.
    #[error("the token may not call this route")]
    Elsewhere,
    /// The call went over this limit of its token, which has this value; when to try again, if that helps.
    #[error("the call went over the limit {0} of its token")]
    Limited(CallLimit, u64, Option<Duration>),
    /// The store takes its key in another way than when the call began.
    #[error("the store takes its key in another way now")]
    Relearned,
    /// The store did not answer.
    #[error("the store did not answer: {0}")]
    Unanswered(Fault),
}

impl From<Beneath> for Error {
    fn from(beneath: Beneath) -> Self {
        Self::Lend(beneath.into())
    }
}

impl From<TooMany> for Error {
    fn from(TooMany { limit, most, wait }: TooMany) -> Self {
        Self::Limited(limit, most, Some(wait))
    }
}

/// The limits on calls of a token, if it has this permission and may call this route. [`call`] checks both again, together with
/// the lending counter: the limits of a token never change.
pub async fn limits(app: &App, request: &Request<'_>, needed: Permission, route: &Route) -> Result<CallLimits, Error> {
    let token = lend::allowed(app, request, needed).await?;
    if token.may_call(route) { Ok(token.limits) } else { Err(Error::Elsewhere) }
}

/// The permission that a method needs; `None` if stores have no such method.
pub fn permission(method: &Method) -> Option<Permission> {
    match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => Some(Permission::ProxyRead),
        Method::POST | Method::PUT | Method::PATCH | Method::DELETE => Some(Permission::ProxyWrite),
        _ => None,
    }
}

impl Error {
    /// What became of the call, as metrics count it.
    const fn outcome(&self) -> &'static str {
        match self {
            Self::Lend(_) | Self::Scope(_) | Self::Elsewhere => "refused",
            Self::Limited(..) => "limited",
            Self::Later(_) => "rate_limited",
            Self::Moved(_) => "redirected",
            Self::Relearned => "relearned",
            Self::Unanswered(_) => "unanswered",
        }
    }
}

/// Calls the store, once the call is recorded.
pub async fn call(app: &App, call: &Call<'_>, body: Sent) -> Result<Answer, Error> {
    let begun = app.clock.instant();
    let answer = answer(app, call, body).await;
    let outcome = answer.as_ref().map_or_else(Error::outcome, |_| "answered");
    app.metrics.call(outcome, app.clock.instant().since(begun));
    answer
}

async fn answer(app: &App, call: &Call<'_>, body: Sent) -> Result<Answer, Error> {
    let Prepared { token, counted, place, lendable, pair } = prepare(app, call).await?;
    let bounds = Bounds::of(&token);
    let Arriving { status, headers, body: mut pieces } = send(app, call, body, &lendable, &pair, &bounds).await?;
    let store = &lendable.store;
    let blotter = Blotter::new(&pair, store.auth_method);
    let here = format!("{}/api/v1/stores/{}/wp-json/", call.reached_at, store.id);
    let links = Links::new(&lendable.rest, &here, &token.namespaces);
    if status.is_redirection() {
        return Err(Error::Moved(redirected(store, &headers).filter(|to| !blotter.is_in(to.as_bytes()))));
    }
    let mut reply = Reply { status, headers, body: Vec::new(), is_cut: false };
    let pause = answer::retry_after(&reply, app.now());
    if status == StatusCode::TOO_MANY_REQUESTS || (status == StatusCode::SERVICE_UNAVAILABLE && pause.is_some()) {
        Box::pin(host_pauses::keep(app, store.home.host(), pause.unwrap_or_default())).await;
        return Err(Error::Later(pause.unwrap_or(LATER)));
    }
    bounds.check_size(pieces.announced())?;
    let mut kept = kept(&reply.headers, &links, &blotter);
    let mut gathered = Gathered::default();
    let is_large = pieces.announced() > WHOLE_AT_MOST as u64;
    if call.method != Method::HEAD && is_text(&reply.headers) && !is_large {
        gathered = gather(app, &mut pieces, &bounds).await?;
    }
    if is_large || gathered.continues || !is_text(&reply.headers) {
        if let Some(encoding) = reply.headers.get(CONTENT_ENCODING) {
            kept.insert(CONTENT_ENCODING, encoding.clone());
        }
        let Gathered { body: first, permit, .. } = gathered;
        let body = Passing::Streamed(Box::new(Streamed { first, pieces, blotter, _held: (place, permit, counted) }));
        return Ok(Answer { status, headers: kept, body, noise_removed: false });
    }
    // The check that a refusal may need takes a place of the host.
    drop((pieces, place));
    reply = relay::whole(reply, gathered.body, gathered.is_cut, WHOLE_AT_MOST);
    bounds.check_size(reply.body.len() as u64)?;
    if let Some(refused) = refused(&call.method, &reply) {
        // WooCommerce's keys work only in its own namespaces.
        let refused = if call.route.is_woocommerce() { refused } else { Refused::Perhaps };
        // Boxed: its state is kilobytes, which would be copied with every call.
        Box::pin(check(app, &call.request, &lendable, refused)).await?;
    }
    let json = answer::place_of_json(&reply);
    if reply.is_cut && json.is_none() {
        return Err(Error::Unanswered(Fault::Protocol));
    }
    let noise_removed = json.as_ref().is_some_and(|json| json.len() < reply.body.len());
    let mut body = match json {
        Some(json) => links.json(&reply.body[json]),
        None => reply.body,
    };
    blotter.blot(&mut body);
    if noise_removed {
        kept.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
    }
    let body = Passing::Whole { body: body.into(), _held: (gathered.permit, counted) };
    Ok(Answer { status, headers: kept, body, noise_removed })
}

/// What a call needs: its token, a place of the host, and the key.
struct Prepared {
    token: Arc<ServiceToken>,
    counted: Counted,
    place: OwnedSemaphorePermit,
    lendable: Arc<Lendable>,
    pair: KeyPair,
}

/// Takes a place, then the key, and records the call. Waiting for a place may take long, so everything is looked up after it.
async fn prepare(app: &App, call: &Call<'_>) -> Result<Prepared, Error> {
    let needed = permission(&call.method).unwrap_or(Permission::ProxyWrite);
    let mut kept: Option<(String, OwnedSemaphorePermit)> = None;
    let mut counted = None;
    for _ in 0..AGAIN {
        let revision = lend::revision(app).await?;
        let token = lend::allowed(app, &call.request, needed).await?;
        if !token.may_call(&call.route) {
            return Err(Error::Elsewhere);
        }
        if counted.is_none() {
            counted = Some(app.calls.begin(&token, app.clock.instant())?);
        }
        let lendable = lend::find(app, &token, &call.which).await?;
        let scope = lendable.store.scope;
        let may = match call.method {
            Method::GET | Method::HEAD => scope.reads(),
            Method::OPTIONS => true,
            _ => scope.writes(),
        };
        if !may {
            return Err(Error::Scope(scope));
        }
        let host = lendable.store.home.host();
        let Some((_, place)) = kept.take().filter(|(of, _)| of == host) else {
            kept = Some((host.to_owned(), turn(app, host).await?));
            continue;
        };
        let pair = lend::pair(app, &lendable)?;
        let read = lend::read(app, call.request.id.clone(), &call.request, &token, &lendable);
        let read = KeyRead { call: Some(format!("{} {}", call.method, call.route)), ..read };
        if lend::is_recorded(app, vec![read], revision).await? {
            return Ok(Prepared { token, counted: counted.unwrap_or_default(), place, lendable, pair });
        }
        kept = Some((host.to_owned(), place));
    }
    Err(lend::Error::Unrecorded.into())
}

/// Waits for a place of the host, unless it asked to be left alone.
async fn turn(app: &App, host: &str) -> Result<OwnedSemaphorePermit, Error> {
    if let Some(pause) = host_pauses::left(app, host).await? {
        return Err(Error::Later(pause));
    }
    let places = app.outgoing.places(host, app.clock.instant());
    let place = tokio::time::timeout(PATIENCE, places.acquire_owned()).await.ok().and_then(Result::ok);
    let place = place.ok_or(Error::Later(LATER))?;
    // The host may have asked for a pause in the meantime.
    app.outgoing.hosts.pause(host, app.clock.instant()).map_or(Ok(place), |pause| Err(Error::Later(pause)))
}

/// Sends the request, and once more if that is allowed and the connection ended before an answer.
async fn send(
    app: &App,
    call: &Call<'_>,
    body: Sent,
    lendable: &Lendable,
    pair: &KeyPair,
    bounds: &Bounds,
) -> Result<Arriving, Error> {
    let again = match &body {
        Sent::Whole(bytes) if call.may_repeat => Some(bytes.clone()),
        _ => None,
    };
    let idle_at_most = if again.is_some() { relay::IDLE_AT_MOST } else { IDLE_AT_MOST_UNREPEATABLE };
    let outgoing = |body, idle_at_most| outgoing(app, call, (&lendable.store, pair), body, idle_at_most, bounds);
    let mut answered = relay::send(&app.woo, outgoing(body, idle_at_most)).await;
    if let Some(bytes) = again
        && answered.as_ref().is_err_and(|unanswered| unanswered.has_died)
    {
        answered = relay::send(&app.woo, outgoing(Sent::Whole(bytes), Duration::ZERO)).await;
    }
    answered.map_err(|unanswered| bounds.reason(unanswered.fault))
}

fn outgoing(
    app: &App,
    call: &Call<'_>,
    (store, pair): (&Store, &KeyPair),
    body: Sent,
    idle_at_most: Duration,
    bounds: &Bounds,
) -> Outgoing {
    let address = format!("{}{}", store.rest(), call.route);
    let query = match store.auth_method {
        AuthMethod::Basic | AuthMethod::Query | AuthMethod::ApplicationPassword => call.query.clone(),
        AuthMethod::Oauth1 | AuthMethod::Oauth1Http => without_lists(&call.query),
    };
    let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let ask = Ask { method: call.method.clone(), home: &store.home, address: &address, query: &query };
    let ready = auth::authenticate(&ask, pair, store.auth_method, app.now(), &app.entropy);
    let headers = call.headers.iter().cloned().chain(ready.headers).collect();
    Outgoing {
        store: store.id.clone(),
        method: call.method.clone(),
        url: ready.url,
        headers,
        body,
        within: app.outgoing.limits.call_within,
        idle_at_most,
        answer_at_most: bounds.size(),
        until: bounds.until,
    }
}

/// The query to be signed, as PHP reads it: of a name that is repeated, the last value counts. Each list is one value, as in
/// `include=1,2` for `include[]=1&include[]=2`: WordPress reads both, but stores do not agree on how the second is signed.
fn without_lists(query: &[(String, String)]) -> Vec<(String, String)> {
    let mut joined: Vec<(String, String)> = Vec::new();
    for (name, value) in query {
        let list = name.strip_suffix("[]").filter(|name| !name.is_empty() && !name.contains('['));
        let named = list.unwrap_or(name);
        match joined.iter_mut().find(|(known, _)| known == named) {
            None => joined.push((named.to_owned(), value.clone())),
            Some((_, earlier)) if list.is_some() => *earlier = format!("{earlier},{value}"),
            Some((_, earlier)) => earlier.clone_from(value),
        }
    }
    joined
}

/// Where a redirect leads, without its query, which may repeat a key.
fn redirected(store: &Store, headers: &HeaderMap) -> Option<String> {
    let to = url::Url::parse(&store.home.at("/")).ok()?.join(headers.get(LOCATION)?.to_str().ok()?).ok()?;
    matches!(to.scheme(), "http" | "https").then(|| to[..url::Position::AfterPath].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_become_one_value_each() {
        let pairs = |text: &str| -> Vec<(String, String)> {
            url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
        };
        let joined = without_lists(&pairs("include[]=1&page=1&include[]=3&page=2&meta[0][key]=a&[]=b"));
        assert_eq!(joined, pairs("include=1%2C3&page=2&meta[0][key]=a&[]=b"));
    }
}
