//! Call: sends a service's request to a store with the store's key, which never leaves.
//!
//! A call is lent a key like any other reader: the same guard, and the same record before the request is sent. It takes one of
//! the places of the store's host, which the watch uses too, and keeps it until the answer has passed.

use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{
    ALLOW, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LINK, LOCATION,
};
use hyper::{Method, StatusCode};
use tokio::sync::OwnedSemaphorePermit;

use super::lend::{self, AGAIN, Request, Which};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::calls::{CallLimit, CallLimits};
use crate::domain::key::{AuthMethod, KeyPair};
use crate::domain::route::Route;
use crate::domain::scope::Scope;
use crate::domain::store::{Store, StoreStatus};
use crate::domain::token::{Permission, ServiceToken};
use crate::flow::Beneath;
use crate::flow::watching::{host_pauses, watch};
use crate::live::call_counts::{Counted, TooMany};
use crate::live::lending::Lendable;
use crate::live::outgoing_limits::WHOLE_AT_MOST;
use crate::storage::reads::KeyRead;
use crate::woo::answer::{self, Heard, Meaning};
use crate::woo::auth::{self, Ask};
use crate::woo::http::{Fault, Reply};
use crate::woo::relay::{self, Arriving, Outgoing, Pieces};
use crate::woo::rewrite::{Blotter, Links};

pub use crate::woo::ACCEPT_JSON;
pub use crate::woo::relay::{BoxError, Sent};

/// How long a call waits for one of the host's places.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a connection may have been idle for a request that must not be sent twice. No store closes one so soon, so whether the
/// request arrived is never unknown because of it.
const IDLE_AT_MOST_UNREPEATABLE: Duration = Duration::from_secs(1);
/// How long an answer may take that is read whole before it is passed on.
const GATHERED_WITHIN: Duration = Duration::from_secs(30);
/// How long a check holds for requests that the store may refuse for another reason.
const CHECK_HOLDS: Duration = Duration::from_secs(5);
/// When to try again if a host is busy or asks for fewer requests without saying until when.
const LATER: Duration = Duration::from_secs(10);
/// Answers up to this size, in bytes, may be in memory without a permit.
const SMALL: usize = 64 * 1024;

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

/// The limits of a token on the store's answer.
struct Bounds {
    limits: CallLimits,
    /// When the answer must have ended.
    until: Option<tokio::time::Instant>,
}

impl Bounds {
    /// The limits of a call that is about to be sent.
    fn of(token: &ServiceToken) -> Self {
        let seconds = token.limits.get(CallLimit::Seconds);
        let until = seconds.map(|seconds| tokio::time::Instant::now() + Duration::from_secs(seconds));
        Self { limits: token.limits, until }
    }

    /// The largest answer, in bytes.
    fn size(&self) -> u64 {
        self.limits.get(CallLimit::ResponseBytes).unwrap_or(u64::MAX)
    }

    /// Fails if an answer of this size is too large for the token.
    fn check_size(&self, bytes: u64) -> Result<(), Error> {
        if bytes > self.size() { Err(Error::Limited(CallLimit::ResponseBytes, self.size(), None)) } else { Ok(()) }
    }

    /// Why there is no answer: a limit of the token, if it was one.
    fn reason(&self, fault: Fault) -> Error {
        let is_over = self.until.is_some_and(|until| until <= tokio::time::Instant::now());
        match (fault, self.limits.get(CallLimit::Seconds), self.limits.get(CallLimit::ResponseBytes)) {
            (Fault::TimedOut, Some(most), _) if is_over => Error::Limited(CallLimit::Seconds, most, None),
            (Fault::TooLarge, _, Some(most)) => Error::Limited(CallLimit::ResponseBytes, most, None),
            _ => Error::Unanswered(fault),
        }
    }
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

/// What a store refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// The key.
    Key,
    /// This request, or the key: an answer to HEAD does not say, and a key may lack the right to something or have lost all.
    Perhaps,
}

/// What the store refuses, if it refuses its key or may do so.
fn refused(method: &Method, reply: &Reply) -> Option<Refused> {
    if !matches!(reply.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return None;
    }
    match answer::hear(reply) {
        Heard::Refused(refusal) => match refusal.meaning() {
            Meaning::AuthenticationError | Meaning::Anonymous => Some(Refused::Key),
            Meaning::RoleLost => Some(Refused::Perhaps),
            _ => None,
        },
        _ => (*method == Method::HEAD).then_some(Refused::Perhaps),
    }
}

/// Checks a store that refused its key. Succeeds if the key still works in the same way, so the refusal was about this request.
async fn check(app: &App, request: &Request<'_>, lendable: &Lendable, refused: Refused) -> Result<(), Error> {
    // Without this, a service that repeats such a request would have the store checked each time.
    if refused == Refused::Perhaps && just_worked(app, lendable) {
        return Ok(());
    }
    let token = lend::token(app, request.token).await?;
    let actor = Actor::new(token.id.as_str()).asking(request.from, Some(request.id.clone()));
    let Some(looked) = watch::report(app, &lendable.store.id, &actor).await? else {
        return Err(lend::Error::NotFound.into());
    };
    let (before, now) = (&lendable.store, looked.store);
    if now.status != StoreStatus::Connected {
        return Err(lend::Error::NotConnected(now.status, now.reason).into());
    }
    let is_same =
        (before.auth_method, before.rest(), before.key_version) == (now.auth_method, now.rest(), now.key_version);
    if !is_same {
        return Err(Error::Relearned);
    }
    *lendable.worked.lock().unwrap_or_else(PoisonError::into_inner) = Some(app.clock.instant());
    Ok(())
}

/// Whether a check has found a moment ago that this key works although the store had refused a call.
fn just_worked(app: &App, lendable: &Lendable) -> bool {
    let worked = *lendable.worked.lock().unwrap_or_else(PoisonError::into_inner);
    worked.is_some_and(|at| app.clock.instant().since(at) < CHECK_HOLDS)
}

/// The headers of an answer that services receive.
fn kept(headers: &HeaderMap, links: &Links<'_>, blotter: &Blotter) -> HeaderMap {
    const KEPT: [HeaderName; 4] =
        [ALLOW, CONTENT_LANGUAGE, HeaderName::from_static("x-wp-total"), HeaderName::from_static("x-wp-totalpages")];
    let mut kept = HeaderMap::new();
    for name in KEPT {
        if let Some(value) = headers.get(&name).filter(|value| !blotter.is_in(value.as_bytes())) {
            kept.insert(name, value.clone());
        }
    }
    let all: Vec<String> = headers
        .get_all(LINK)
        .iter()
        .filter_map(|value| links.header(value.to_str().ok()?))
        .filter(|value| !blotter.is_in(value.as_bytes()))
        .collect();
    if let Some(value) = (!all.is_empty()).then(|| all.join(", ")).and_then(|all| HeaderValue::from_str(&all).ok()) {
        kept.insert(LINK, value);
    }
    if let Some(kind) = headers.get(CONTENT_TYPE) {
        kept.insert(CONTENT_TYPE, harmless(kind));
    }
    kept
}

/// The media type, or one that no browser shows as a page or runs: the answer comes from Cartkey's own address.
fn harmless(kind: &HeaderValue) -> HeaderValue {
    let text = kind.to_str().unwrap_or_default().to_ascii_lowercase();
    let name = text.split(';').next().unwrap_or_default().trim();
    let is_picture = name.starts_with("image/") && !name.contains("svg");
    if name.ends_with("/json") || name.ends_with("+json") || is_picture || matches!(name, "text/csv" | "text/plain") {
        kind.clone()
    } else if name == "text/html" {
        HeaderValue::from_static("text/plain; charset=UTF-8")
    } else {
        HeaderValue::from_static("application/octet-stream")
    }
}

/// Whether an answer may be JSON. PHP that prints something first labels it as HTML.
fn is_text(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    let kind = text(CONTENT_TYPE);
    let is_plain = ["", "identity", "gzip", "x-gzip", "deflate"].contains(&text(CONTENT_ENCODING).trim());
    is_plain
        && (kind.is_empty() || kind.contains("json") || kind.starts_with("text/html") || kind.starts_with("text/plain"))
}

/// What was read of an answer.
#[derive(Default)]
struct Gathered {
    body: Vec<u8>,
    /// Whether it is larger than what is rewritten.
    continues: bool,
    /// Whether the connection ended early.
    is_cut: bool,
    permit: Option<OwnedSemaphorePermit>,
}

/// Reads an answer that may be rewritten.
async fn gather(app: &App, pieces: &mut Pieces, bounds: &Bounds) -> Result<Gathered, Error> {
    let reading = async {
        let mut gathered = Gathered::default();
        let mut read = pieces.read(&mut gathered.body, SMALL).await;
        if matches!(read, Ok(true)) {
            gathered.permit = Arc::clone(&app.outgoing.whole).acquire_owned().await.ok();
            read = pieces.read(&mut gathered.body, WHOLE_AT_MOST).await;
        }
        match read {
            Ok(continues) => gathered.continues = continues,
            Err(error) => match error.downcast_ref::<Fault>() {
                Some(fault) => return Err(*fault),
                None => gathered.is_cut = true,
            },
        }
        Ok(gathered)
    };
    let gathered = tokio::time::timeout(GATHERED_WITHIN, reading).await.unwrap_or(Err(Fault::TimedOut));
    gathered.map_err(|fault| bounds.reason(fault))
}

/// The body of an answer on its way to the service.
pub enum Passing {
    Whole { body: Bytes, _held: (Option<OwnedSemaphorePermit>, Counted) },
    Streamed(Box<Streamed>),
}

/// A body that is passed on as it arrives, without the key.
pub struct Streamed {
    first: Vec<u8>,
    pieces: Pieces,
    blotter: Blotter,
    _held: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>, Counted),
}

impl Body for Passing {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let streamed = match self.get_mut() {
            Self::Whole { body, .. } => {
                let body = std::mem::take(body);
                return Poll::Ready((!body.is_empty()).then(|| Ok(Frame::data(body))));
            }
            Self::Streamed(streamed) => streamed,
        };
        loop {
            let piece = match std::mem::take(&mut streamed.first) {
                first if !first.is_empty() => streamed.blotter.next(&first),
                _ => match ready!(Pin::new(&mut streamed.pieces).poll_frame(cx)) {
                    Some(Ok(frame)) => frame.into_data().map(|data| streamed.blotter.next(&data)).unwrap_or_default(),
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None => {
                        let end = streamed.blotter.end();
                        return Poll::Ready((!end.is_empty()).then(|| Ok(Frame::data(end.into()))));
                    }
                },
            };
            if !piece.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(piece.into()))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole { body, .. } => body.is_empty(),
            Self::Streamed(s) => s.first.is_empty() && s.blotter.waiting() == 0 && s.pieces.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole { body, .. } => SizeHint::with_exact(body.len() as u64),
            Self::Streamed(s) => {
                let held = (s.first.len() + s.blotter.waiting()) as u64;
                s.pieces.size_hint().exact().map_or_else(SizeHint::default, |left| SizeHint::with_exact(left + held))
            }
        }
    }
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

    #[test]
    fn no_answer_is_shown_as_a_page() {
        for (kind, shown) in [
            ("application/json; charset=UTF-8", "application/json; charset=UTF-8"),
            ("application/problem+json", "application/problem+json"),
            ("text/csv", "text/csv"),
            ("image/png", "image/png"),
            ("text/html; charset=UTF-8", "text/plain; charset=UTF-8"),
            ("image/svg+xml", "application/octet-stream"),
            ("text/javascript", "application/octet-stream"),
            ("application/xhtml+xml", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(harmless(&HeaderValue::from_static(kind)), shown, "{kind}");
        }
    }
}
