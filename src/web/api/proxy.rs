//! `/api/v1/stores/{id}/wp-json/…` and `/api/v1/users/{user_id}/wp-json/…`: calls to stores.
//!
//! The official clients of WooCommerce work here as they are: they send the service token where a store expects the consumer secret.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};
use tokio::time::Sleep;

use super::read::{Api, allowed, bad, bearer};
use crate::app::App;
use crate::domain::route;
use crate::domain::{CallLimit, CallLimits, NotARoute, Permission, Route, Secret, StoreUrl};
use crate::flow::lending::call::{self, ACCEPT_JSON, BoxError, Call, Sent};
use crate::flow::lending::lend::{self, Which};
use crate::web::body_deadline::Refused;
use crate::web::edge::PassedOn;
use crate::web::failure::Failure;
use crate::web::guard::{came_from, reached_at};

/// The largest request body, in bytes.
const BODY_AT_MOST: u64 = CallLimit::RequestBytes.most();
/// The largest request body that is held in memory so that it can be sent again.
const KEPT_AT_MOST: u64 = 256 * 1024;
/// How long a service may pause within its body.
const IDLE: Duration = Duration::from_secs(15);
/// Which of a merchant's stores is called; `?store_url=` says the same.
const STORE: &str = "cartkey-store";
/// Says that output around the store's JSON was removed.
const NOISE: HeaderName = HeaderName::from_static("cartkey-json-noise");

/// A client that calls a store. `call::call` checks its token and permission, together with the lending counter.
pub struct Caller {
    app: App,
    token: Secret,
    permission: Permission,
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, Api(app): &Api) -> Result<Self, Failure> {
        let token = token(&parts.headers, parts.uri.query())?;
        let unknown = || Failure::of_status(StatusCode::METHOD_NOT_ALLOWED);
        Ok(Self { app: app.clone(), token, permission: call::permission(&parts.method).ok_or_else(unknown)? })
    }
}

/// The service token: as a bearer token, or where official clients put the consumer secret.
fn token(headers: &HeaderMap, query: Option<&str>) -> Result<Secret, Failure> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let basic = value.to_str().ok().and_then(|value| value.split_once(' '));
        let Some((_, encoded)) = basic.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic")) else {
            return bearer(headers);
        };
        let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok();
        let both = decoded.and_then(|both| String::from_utf8(both).ok()).map(zeroize::Zeroizing::new);
        let secret = both.as_deref().and_then(|both| Some(both.split_once(':')?.1.to_owned()));
        return secret.map(Secret::new).ok_or_else(Failure::unauthenticated);
    }
    let pairs: Vec<_> = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).collect();
    if pairs.iter().any(|(name, _)| name == "oauth_signature") {
        let says = "Cartkey does not take OAuth signatures, which official clients send over http. Use Cartkey's https address, or \
                    let the client authenticate with HTTP Basic.";
        return Err(Failure::new(StatusCode::UNAUTHORIZED, "unauthenticated", says));
    }
    let mut secrets = pairs.into_iter().filter(|(name, _)| name == "consumer_secret");
    match (secrets.next(), secrets.next()) {
        (Some((_, secret)), None) => Ok(Secret::new(secret.into_owned())),
        _ => Err(Failure::unauthenticated()),
    }
}

pub async fn store(
    caller: Caller,
    Path((id, _)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let asked = asked(&parts).and_then(|(route, query)| {
        let id = id.parse().map_err(|_| Failure::from(lend::Error::NotFound))?;
        Ok((Which::Store(id), route, query))
    });
    pass(&caller, parts, body, asked).await
}

pub async fn user(
    caller: Caller,
    Path((id, _)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let asked = asked(&parts).and_then(|(route, mut query)| {
        let user = id.parse().map_err(|fault| bad("user_id", format!("{fault}.")))?;
        let mut named = query.extract_if(.., |(name, _)| name == "store_url").map(|(_, address)| address);
        let in_header = || Some(parts.headers.get(STORE)?.to_str().unwrap_or_default().to_owned());
        let typed = named.next().or_else(in_header);
        drop(named);
        let home = typed.map(|typed| StoreUrl::typed(&typed, caller.app.site.network)).transpose();
        let home = home.map_err(|fault| bad("store_url", fault.to_string()))?;
        Ok((Which::User(user, home), route, query))
    });
    pass(&caller, parts, body, asked).await
}

type Query = Vec<(String, String)>;

/// The route and the parameters of a call. The path is read as it was sent: decoded, it could hide what the store would see.
fn asked(parts: &Parts) -> Result<(Route, Query), Failure> {
    if parts.uri.authority().is_some() {
        return Err(bad("path", "Send the path alone, without scheme and host.".to_owned()));
    }
    let (_, route) = parts.uri.path().split_once("/wp-json/").ok_or_else(|| Failure::from(NotARoute::Elsewhere))?;
    let route = Route::parse(route)?;
    let query = route::parameters(parts.uri.query().unwrap_or_default());
    Ok((route, query.map_err(|refused| bad(&refused.0, format!("{refused}.")))?))
}

impl From<NotARoute> for Failure {
    fn from(fault: NotARoute) -> Self {
        let says = fault.to_string();
        let says = format!("{}{}.", says[..1].to_uppercase(), &says[1..]);
        match fault {
            NotARoute::Elsewhere | NotARoute::Refused => Self::new(StatusCode::NOT_FOUND, "not_found", says),
            NotARoute::Odd => bad("path", says),
        }
    }
}

async fn pass(
    caller: &Caller,
    parts: Parts,
    body: Body,
    asked: Result<(Which, Route, Query), Failure>,
) -> Result<Response, Failure> {
    let checked = asked.and_then(|asked| Ok((asked, headers(&parts, body.is_end_stream())?)));
    let ((which, route, query), headers) = match checked {
        Ok(checked) => checked,
        Err(fault) => {
            // A client without permission does not learn what is wrong with its request.
            allowed(&caller.app, &caller.token, caller.permission).await?;
            return Err(fault);
        }
    };
    let request = lend::Request {
        token: &caller.token,
        id: parts.extensions.get().ok_or_else(|| Failure::broken("the edge gives every request an id"))?,
        from: came_from(&caller.app.site, &parts),
        has: None,
    };
    let limits = call::limits(&caller.app, &request, caller.permission, &route).await?;
    let size = body.size_hint();
    if size.lower() > body_at_most(limits) {
        return Err(too_large(limits));
    }
    let is_safe = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let has_key = parts.headers.contains_key("idempotency-key");
    let refused = Arc::default();
    let body = if is_safe || body.is_end_stream() {
        Sent::Whole(Bytes::new())
    } else {
        let left = body_at_most(limits);
        let arriving = Arriving { inner: body, left, idle: None, refused: Arc::clone(&refused) };
        match size.exact().filter(|size| has_key && *size <= KEPT_AT_MOST) {
            Some(_) => Sent::Whole(gathered(arriving).await.map_err(|_| refusal(&refused, limits))?),
            None => Sent::Streamed(arriving.boxed_unsync()),
        }
    };
    let call = Call {
        request,
        which,
        method: parts.method.clone(),
        route,
        query,
        headers,
        may_repeat: is_safe || has_key,
        reached_at: reached_at(&caller.app.site, &parts).unwrap_or_else(|| caller.app.site.public_url.clone()),
    };
    match call::call(&caller.app, &call, body).await {
        Ok(answer) => Ok(passed_on(answer)),
        Err(call::Error::Unanswered(_)) if refused.get().is_some() => Err(refusal(&refused, limits)),
        Err(error) => Err(error.into()),
    }
}

/// Reads a whole body. Its pieces are copied: each would keep a whole read buffer alive.
async fn gathered(mut body: Arriving) -> Result<Bytes, BoxError> {
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        whole.extend_from_slice(frame?.data_ref().map_or(&[][..], AsRef::as_ref));
    }
    Ok(whole.into())
}

fn passed_on(answer: call::Answer) -> Response {
    let mut response = (answer.status, answer.headers, Body::new(answer.body)).into_response();
    if answer.noise_removed {
        response.headers_mut().insert(NOISE, HeaderValue::from_static("removed"));
    }
    response.extensions_mut().insert(PassedOn);
    response
}

/// The headers that the store receives. A body must be JSON: PHP reads parameters from forms, and these can name another route.
fn headers(parts: &Parts, is_empty: bool) -> Result<Vec<(HeaderName, HeaderValue)>, Failure> {
    let mut kept = Vec::new();
    let value = |name| parts.headers.get(name).filter(|value: &&HeaderValue| !value.is_empty());
    let accept = value(header::ACCEPT).cloned().unwrap_or(HeaderValue::from_static(ACCEPT_JSON));
    kept.push((header::ACCEPT, accept));
    if let Some(language) = value(header::ACCEPT_LANGUAGE) {
        kept.push((header::ACCEPT_LANGUAGE, language.clone()));
    }
    if is_empty || matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(kept);
    }
    let mut kinds = parts.headers.get_all(header::CONTENT_TYPE).iter();
    let is_json = |value: &&HeaderValue| {
        let name = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("application/json")
    };
    match (kinds.next().filter(is_json), kinds.next()) {
        (Some(_), None) => {
            kept.push((header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8")));
        }
        _ => return Err(bad("content-type", "A body must be JSON, with Content-Type: application/json.".to_owned())),
    }
    let coding = value(header::CONTENT_ENCODING);
    if coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(bad("content-encoding", "Send the body without compression.".to_owned()));
    }
    Ok(kept)
}

/// The largest request body that a token with these limits may send, in bytes.
fn body_at_most(limits: CallLimits) -> u64 {
    limits.get(CallLimit::RequestBytes).unwrap_or(BODY_AT_MOST)
}

fn too_large(limits: CallLimits) -> Failure {
    if let Some(most) = limits.get(CallLimit::RequestBytes) {
        return Failure::token_limit(CallLimit::RequestBytes, most);
    }
    let says = format!("The body of a call may have at most {} MiB.", BODY_AT_MOST / 1024 / 1024);
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", says)
}

fn refusal(refused: &OnceLock<Refused>, limits: CallLimits) -> Failure {
    match refused.get() {
        Some(Refused::TooLarge) => too_large(limits),
        _ => Failure::of_status(StatusCode::REQUEST_TIMEOUT),
    }
}

/// A body that is passed on as it arrives, within its limits.
struct Arriving {
    inner: Body,
    left: u64,
    idle: Option<Pin<Box<Sleep>>>,
    refused: Arc<OnceLock<Refused>>,
}

impl Arriving {
    fn refuse(&self, why: Refused) -> BoxError {
        (*self.refused.get_or_init(|| why)).into()
    }
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let body = self.get_mut();
        let Poll::Ready(frame) = Pin::new(&mut body.inner).poll_frame(cx) else {
            let idle = body.idle.get_or_insert_with(|| Box::pin(tokio::time::sleep(IDLE)));
            ready!(idle.as_mut().poll(cx));
            return Poll::Ready(Some(Err(body.refuse(Refused::Late))));
        };
        body.idle = None;
        let Some(frame) = frame else { return Poll::Ready(None) };
        // Trailers are not passed on.
        let data = frame?.into_data().unwrap_or_default();
        match body.left.checked_sub(data.len() as u64) {
            Some(left) => body.left = left,
            None => return Poll::Ready(Some(Err(body.refuse(Refused::TooLarge)))),
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
