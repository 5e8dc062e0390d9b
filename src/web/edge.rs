//! The outermost layer of every surface: the request ID and log line, the headers of every response, and the rendering
//! of failures.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use percent_encoding::percent_decode_str;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use tracing::{Instrument as _, Level};

use super::body_deadline::Bounds;
use super::failure::{Failure, Unrendered};
use super::guard::{client_of, peer};
use super::{body_deadline, failure_page, language, problem};
use crate::app::App;
use crate::domain::id::{RequestId, StoreId};
use crate::flow::lending::subject;

/// The kind of client that a router serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Surface {
    /// Merchants: failures are pages.
    Page,
    /// Operators: failures are pages that link back to the dashboard.
    Admin,
    /// Services: failures are problem documents (RFC 9457).
    Api,
    /// Services that call a store: the same, but bodies are streamed, and an answer of the store is passed on as it is.
    Proxy,
    /// Stores: only the status counts.
    Hook,
    /// Probes, and readers of the documentation: failures are a bare status.
    Machine,
}

impl Surface {
    /// The maximum size of a request's body, in bytes. Signed-in operators may send more: see `admin::guard`.
    const fn body_at_most(self) -> usize {
        match self {
            Self::Hook => 8 * 1024,
            Self::Page | Self::Admin => 16 * 1024,
            Self::Api | Self::Machine => 64 * 1024,
            // Streamed, and limited as it passes: see `api::proxy`.
            Self::Proxy => 0,
        }
    }

    /// The time limit of a handler. A store waits 60 s and never retries, so its callback waits for a locked database
    /// almost as long (docs/protocol/threats.md R4).
    const fn within(self) -> Duration {
        match self {
            Self::Hook => Duration::from_secs(45),
            Self::Page | Self::Admin => Duration::from_secs(30),
            // Long-polling requests may wait 30 s before they are answered, and a report for the check in progress and its own.
            Self::Api => Duration::from_secs(65),
            // 15 s for a place, a minute for the store to begin, half for its answer, and two checks if it refuses the key.
            Self::Proxy => Duration::from_secs(165),
            Self::Machine => Duration::from_secs(5),
        }
    }
}

/// Adds the limits inside and the rendering outside, as one layer: axum allocates for each that it is given, in every request.
pub(super) fn render(routes: Router<App>, app: &App, surface: Surface) -> Router<App> {
    let bounds = (surface != Surface::Proxy).then(|| Bounds::new(surface.body_at_most()));
    routes.layer((
        from_fn_with_state((app.clone(), surface), edge),
        CatchPanicLayer::custom(panicked),
        TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, surface.within()),
        // `body_deadline` enforces the limit, and lets routes change it.
        DefaultBodyLimit::disable(),
        from_fn_with_state(bounds, body_deadline::bound),
    ))
}

/// Logs the one line of a request.
macro_rules! request_line {
    ($level:expr, $method:expr, $route:expr, $status:expr, $took:expr, $client:expr, $subject:expr) => {
        tracing::event!(
            target: "cartkey::request",
            $level,
            http.method = %$method,
            http.route = $route,
            http.status = $status,
            took_ms = $took,
            client.address = %$client,
            token.id = $subject.token(),
            store.id = $subject.store(),
            "{} {} {}", $method, $route, $status
        )
    };
}

async fn edge(State((app, surface)): State<(App, Surface)>, request: Request, next: Next) -> Response {
    // The route, never the path: paths contain tokens.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    around(&app, surface, route, request, |request| next.run(request)).await
}

/// Answers with `serve` within the limits of a surface: the other layers of [`render`], for a route that is served without them.
pub(super) async fn limited(surface: Surface, serve: impl Future<Output = Result<Response, Failure>>) -> Response {
    // Boxed, because a future is copied each time it is passed on.
    match AssertUnwindSafe(tokio::time::timeout(surface.within(), Box::pin(serve))).catch_unwind().await {
        Ok(Ok(answer)) => answer.into_response(),
        Ok(Err(_)) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Err(panic) => panicked(panic),
    }
}

/// Answers a request to `route` with `serve`, and adds what every response has.
pub(super) async fn around<F: Future<Output = Response>>(
    app: &App,
    surface: Surface,
    route: Option<&str>,
    mut request: Request,
    serve: impl FnOnce(Request) -> F,
) -> Response {
    let instant = app.clock.instant();
    let id = RequestId::mint(app.now(), &app.entropy);
    request.extensions_mut().insert(id.clone());
    // The other surfaces do not use the visitor's language.
    let page = (surface == Surface::Page).then(|| {
        let language = language::choose(&app.site, request.uri(), request.headers());
        request.extensions_mut().insert(language);
        language
    });
    let method = request.method().clone();
    let (caller, trace) = (caller_id(request.headers()), trace_id(request.headers()));
    let client = client_of(&app.site.trusted_proxies, peer(request.extensions()), request.headers());
    let uri = request.uri().clone();
    let span = tracing::info_span!("request", request.id = %id, request.caller_id = caller, trace.id = trace);
    // No route matches a path that is not UTF-8: answer 404 as for any unknown address, where the router would answer 400.
    let (mut answer, subject) = if percent_decode_str(request.uri().path()).decode_utf8().is_ok() {
        subject::noted(serve(request)).instrument(span.clone()).await
    } else {
        subject::noted(async { StatusCode::NOT_FOUND.into_response() }).await
    };
    if subject.store().is_none()
        && let Some(store) = route.and_then(|route| store_in(route, uri.path()))
    {
        subject.set_store(store);
    }
    let bad = answer.status().is_client_error() || answer.status().is_server_error();
    let failure = match answer.extensions_mut().remove::<Unrendered>() {
        Some(Unrendered(failure)) => Some(failure),
        // A probe's "not ready" is already a complete response.
        None if bad && surface != Surface::Machine && !is_passed_on(&answer) && is_bare(&answer) => {
            Some(std::sync::Arc::new(Failure::of_status(answer.status())))
        }
        None => None,
    };
    let _in_span = span.enter();
    let route = route.unwrap_or("-");
    let took = app.clock.instant().since(instant);
    if let Some(failure) = &failure {
        log_failure(failure, route);
        let page = match page {
            Some(language) => Some(Box::pin(failure_page::for_merchant(app, failure, &id, language, uri.path())).await),
            None => None,
        };
        answer = show(surface, failure, &id, answer.headers(), page);
    }
    if let Some(language) = page {
        language::mark(&app.site, language, answer.headers_mut());
    }
    let status = answer.status().as_u16();
    // A store may answer with any number.
    let counted = if answer.status().canonical_reason().is_some() { status } else { status / 100 * 100 };
    app.metrics.request(route, counted, took);
    let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    // Frequent requests are logged at DEBUG: key reads have their own record.
    if matches!(surface, Surface::Api | Surface::Proxy | Surface::Machine) && failure.is_none() {
        request_line!(Level::DEBUG, method, route, status, took, client, subject);
    } else {
        request_line!(Level::INFO, method, route, status, took, client, subject);
    }
    add_headers(app.site.secure, answer.headers_mut());
    // A caller gets its own ID back, and ours beside it.
    if let Ok(own) = HeaderValue::from_str(id.as_str()) {
        let theirs = caller.as_deref().and_then(|id| HeaderValue::from_str(id).ok());
        answer.headers_mut().insert(REQUEST_ID, theirs.unwrap_or_else(|| own.clone()));
        answer.headers_mut().insert(OWN_ID, own);
    }
    answer
}

/// The ID of this request as the caller knows it, or ours.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Our own ID of this request.
const OWN_ID: HeaderName = HeaderName::from_static("cartkey-request-id");

/// The ID that a proxy or a service gave the request, if it is safe to log: 1 to 128 letters, digits and `-_.:/+=@`.
fn caller_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let is_sane = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&byte);
    ((1..=128).contains(&id.len()) && id.bytes().all(is_sane)).then(|| id.to_owned())
}

/// The trace that the request is part of (W3C Trace Context, `traceparent`).
fn trace_id(headers: &HeaderMap) -> Option<String> {
    let parent = headers.get("traceparent")?.to_str().ok()?;
    let parts: Vec<&str> = parent.split('-').collect();
    let [version, trace, span, flags, rest @ ..] = parts.as_slice() else { return None };
    let is_hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let is_some = |text: &str| text.bytes().any(|byte| byte != b'0');
    let is_known = is_hex(version, 2) && *version != "ff" && (*version != "00" || rest.is_empty());
    (is_known && is_hex(trace, 32) && is_some(trace) && is_hex(span, 16) && is_some(span) && is_hex(flags, 2))
        .then(|| (*trace).to_owned())
}

/// The store in the path, if the route contains a store's ID. Compared from the end, because a nested router sees a shorter path.
fn store_in(route: &str, path: &str) -> Option<StoreId> {
    route.rsplit('/').zip(path.rsplit('/')).find(|(part, _)| *part == "{id}").and_then(|(_, id)| id.parse().ok())
}

/// Whether a response comes from a layer or an extractor, not from a handler with a body of its own.
fn is_bare(answer: &Response) -> bool {
    let kind = answer.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.is_empty() || kind.starts_with("text/plain")
}

/// Marks an answer of a store that is passed on to the service that called it.
#[derive(Debug, Clone, Copy)]
pub(super) struct PassedOn;

fn is_passed_on(answer: &Response) -> bool {
    answer.extensions().get::<PassedOn>().is_some()
}

fn log_failure(failure: &Failure, route: &str) {
    let code = failure.code;
    // What a store does wrong is no error of ours.
    let is_of_store = matches!(failure.status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT);
    if failure.status.is_server_error() && !is_of_store {
        let cause = failure.cause.as_deref().map(|cause| cause as &(dyn std::error::Error + 'static));
        tracing::error!(http.route = route, code, cause, "could not be served");
    } else {
        tracing::debug!(http.route = route, code, "refused: {}", failure.says);
    }
}

fn show(surface: Surface, failure: &Failure, id: &RequestId, bare: &HeaderMap, page: Option<Response>) -> Response {
    let mut answer = match surface {
        Surface::Page => page.unwrap_or_else(|| failure.status.into_response()),
        Surface::Admin => failure_page::for_operator(failure, id),
        Surface::Api | Surface::Proxy => problem::answer(failure, id),
        Surface::Hook if failure.status == StatusCode::METHOD_NOT_ALLOWED => {
            (failure.status, "Stores post their keys here; there is nothing to see.\n").into_response()
        }
        // Stores check only the status; the text is for readers of a store's log, so it names the invalid field, never
        // its value.
        Surface::Hook => (failure.status, format!("{}\n", failure.says)).into_response(),
        Surface::Machine => failure.status.into_response(),
    };
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = bare.get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    if let Some(seconds) = failure.retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}

/// The headers of every response (docs/protocol/threats.md §8); `secure` means that browsers connect over https.
pub fn add_headers(secure: bool, headers: &mut HeaderMap) {
    // Constants are checked at compile time; a value that is created for each response would be checked each time.
    const ALWAYS: [(HeaderName, HeaderValue); 6] = [
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(
                "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
                 form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            ),
        ),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (HeaderName::from_static("cross-origin-opener-policy"), SAME_ORIGIN),
        (
            HeaderName::from_static("permissions-policy"),
            HeaderValue::from_static("camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
        ),
        (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex")),
    ];
    const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
    const FROM_OTHERS: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
    const FOREVER: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");
    const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
    // With room for what is inserted below, and by the server.
    headers.reserve(ALWAYS.len() + 8);
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    // Not `no-referrer`: with that, browsers without `Sec-Fetch-Site` post our forms with `Origin: null`.
    headers.entry(header::REFERRER_POLICY).or_insert(SAME_ORIGIN);
    // Other sites may load only the button.
    headers.entry(FROM_OTHERS).or_insert(SAME_ORIGIN);
    if secure {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, FOREVER);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
}

/// A handler panicked. The panic message is not sent: it may contain request data.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    Failure::broken("a handler panicked").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn an_id_of_the_caller_is_taken_over_if_it_can_stand_in_a_log() {
        let taken = |value: &str| caller_id(&headers(REQUEST_ID, value));
        for good in ["a", "7f9c1c52-8c9a-4c2e-9a57-2c1d", "1-67891233-abcdef012345678912345678", "rq_1/span+2=="] {
            assert_eq!(taken(good).as_deref(), Some(good));
        }
        for bad in ["", "a b", "a\"b", "a{b}", &"a".repeat(129)] {
            assert_eq!(taken(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_trace_is_read_as_the_specification_says() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let read = |value: &str| trace_id(&headers(HeaderName::from_static("traceparent"), value));
        assert_eq!(read(&format!("00-{trace}-{span}-01")).as_deref(), Some(trace));
        assert_eq!(read(&format!("cc-{trace}-{span}-01-what-comes")).as_deref(), Some(trace));
        let zeros = "0".repeat(32);
        for bad in [
            format!("ff-{trace}-{span}-01"),
            format!("00-{trace}-{span}-01-more"),
            format!("00-{zeros}-{span}-01"),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{}-{span}-01", trace.to_uppercase()),
            format!("00-{trace}-{span}"),
            "x".to_owned(),
        ] {
            assert_eq!(read(&bad), None, "{bad}");
        }
    }

    #[test]
    fn the_store_in_a_path_is_found_by_its_route() {
        let id = format!("st_{}", "0".repeat(26));
        let found = |path: &str| store_in("/api/v1/stores/{id}/keys", path).map(|id| id.to_string());
        assert_eq!(found(&format!("/v1/stores/{id}/keys")), Some(id));
        assert_eq!(found("/api/v1/stores/nonsense/keys"), None);
    }
}
