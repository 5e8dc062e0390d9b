//! `Idempotency-Key`: a layer around every POST that changes something. The same request under the same key is done once and answered
//! the same again.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use super::read::{bad, bearer};
use crate::app::App;
use crate::domain::RequestId;
use crate::flow::idempotency::{self, Answer, Asked, Claim, Claimed};
use crate::flow::lending::{lend, subject};
use crate::web::failure::Failure;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The time limit of a handler: a little more than its surface has, so that a claim outlasts it.
const WITHIN: Duration = Duration::from_secs(70);
/// The largest answer, in bytes: 1,000 `user_id`s of 128 characters, each escaped, and the rest.
const LARGEST: usize = 1024 * 1024;
/// Requests under a key that are being served. They go on when their clients hang up, so connections do not bound them.
static PLACES: Semaphore = Semaphore::const_new(256);

/// Reads the body of a request before its handler authenticates the client, so that a token that is revoked while the body arrives
/// changes nothing. A POST with a key is done once.
pub async fn once(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_once = request.method() == Method::POST && request.headers().contains_key(KEY);
    let (parts, body) = request.into_parts();
    // The limit is that of the surface, which also answers why a body was not read.
    let Ok(body) = to_bytes(body, usize::MAX).await else { return StatusCode::BAD_REQUEST.into_response() };
    if is_once {
        under_key(app, parts, body, next).await.unwrap_or_else(Failure::into_response)
    } else {
        next.run(Request::from_parts(parts, Body::from(body))).await
    }
}

async fn under_key(app: App, parts: Parts, body: Bytes, next: Next) -> Result<Response, Failure> {
    let token = lend::fresh_token(&app, &bearer(&parts.headers)?).await?.id;
    let key = key(&parts.headers)?;
    let place = PLACES.try_acquire().map_err(|_| Failure::no_place())?;
    let id =
        parts.extensions.get::<RequestId>().ok_or_else(|| Failure::broken("the edge gives every request an id"))?;
    let path = parts.uri.path_and_query().map_or("", PathAndQuery::as_str);
    let asked = [parts.method.as_str().as_bytes(), path.as_bytes(), &body];
    let claim = match idempotency::claim(&app, &Asked { token: &token, key, request: &asked, id }).await? {
        Claimed::First(claim) => claim,
        Claimed::Before(answer) => return again(answer),
    };
    let serving = {
        let (app, claim) = (app.clone(), claim.clone());
        async move {
            let serving = next.run(Request::from_parts(parts, Body::from(body)));
            let late = |_| StatusCode::SERVICE_UNAVAILABLE.into_response();
            let answer = tokio::time::timeout(WITHIN, serving).await.unwrap_or_else(late);
            let answer = settle(&app, &claim, answer).await;
            drop(place);
            answer
        }
    };
    // In a task of its own: a client that hangs up and repeats its request finds the answer of the first.
    let served = tokio::spawn(subject::carried(serving).in_current_span()).await;
    if served.is_err() {
        idempotency::release(&app, &claim, true).await;
    }
    served.map_err(|_| Failure::broken("a handler panicked"))
}

/// The key: 1 to 255 visible ASCII characters.
fn key(headers: &HeaderMap) -> Result<&[u8], Failure> {
    let mut all = headers.get_all(KEY).iter().map(HeaderValue::as_bytes);
    let key = all.next().filter(|key| (1..=255).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic));
    key.filter(|_| all.next().is_none()).ok_or_else(|| {
        let says = "Idempotency-Key must be 1 to 255 visible ASCII characters, without spaces, sent once.";
        bad("Idempotency-Key", says.to_owned())
    })
}

/// Keeps the answer of a request that has done its work. Any other frees the key: nothing was done, or after a 5xx nobody knows.
async fn settle(app: &App, claim: &Claim, answer: Response) -> Response {
    if !answer.status().is_success() {
        idempotency::release(app, claim, answer.status().is_server_error()).await;
        return answer;
    }
    let (parts, body) = answer.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return Failure::broken("an answer is too large to be kept").into_response();
    };
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kept = Answer { status: parts.status.as_u16(), kind: kind.to_owned(), body: body.to_vec() };
    idempotency::keep(app, claim, &kept).await;
    Response::from_parts(parts, Body::from(body))
}

/// The first answer, again.
fn again(answer: Answer) -> Result<Response, Failure> {
    let mut again = Response::new(Body::from(answer.body));
    *again.status_mut() = StatusCode::from_u16(answer.status).map_err(Failure::broken)?;
    if !answer.kind.is_empty() {
        again.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_str(&answer.kind).map_err(Failure::broken)?);
    }
    again.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(again)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_visible_ascii_within_its_bounds_and_sent_once() {
        let read = |keys: &[&[u8]]| {
            let values = keys.iter().map(|key| (KEY, HeaderValue::from_bytes(key).unwrap()));
            let mut headers = HeaderMap::new();
            values.for_each(|(name, value)| _ = headers.append(name, value));
            key(&headers).map(<[u8]>::to_vec).ok()
        };
        for good in [&b"k"[..], b"\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", &[b'~'; 255]] {
            assert_eq!(read(&[good]).as_deref(), Some(good));
        }
        for bad in [&[&b""[..]][..], &[b"a b"], &["ü".as_bytes()], &[&[b'k'; 256]], &[b"k", b"k"]] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
