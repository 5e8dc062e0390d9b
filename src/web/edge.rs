//! The outermost layer of every surface: the request ID and log line, the headers of every response, and the rendering
//! of failures.

use std::any::Any;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use tracing::Instrument as _;

use super::body_deadline::Bounds;
use super::failure::{Failure, Unrendered};
use super::{body_deadline, failure_page, language, problem};
use crate::app::App;
use crate::domain::id::RequestId;

/// The kind of client that a router serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Surface {
    /// Merchants: failures are pages.
    Page,
    /// Operators: failures are pages that link back to the dashboard.
    Admin,
    /// Services: failures are problem documents (RFC 9457).
    Api,
    /// Stores: only the status counts.
    Hook,
    /// Probes.
    Machine,
}

impl Surface {
    /// The maximum size of a request's body, in bytes. Signed-in operators may send more: see `admin::guard`.
    const fn body_at_most(self) -> usize {
        match self {
            Self::Hook => 8 * 1024,
            Self::Page | Self::Admin => 16 * 1024,
            Self::Api | Self::Machine => 64 * 1024,
        }
    }

    /// The time limit of a handler. A store waits 60 s and never retries, so its callback waits for a locked database
    /// almost as long (docs/protocol/threats.md R4).
    const fn within(self) -> Duration {
        match self {
            Self::Hook => Duration::from_secs(45),
            Self::Page | Self::Admin => Duration::from_secs(30),
            // Long-polling requests may wait 30 s before they are answered.
            Self::Api => Duration::from_secs(40),
            Self::Machine => Duration::from_secs(5),
        }
    }
}

/// Adds the limits inside and the rendering outside.
pub(super) fn render(routes: Router<App>, app: &App, surface: Surface) -> Router<App> {
    routes
        // `body_deadline` enforces the limit, and lets routes change it.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Bounds::new(surface.body_at_most()), body_deadline::bound))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, surface.within()))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state((app.clone(), surface), edge))
}

async fn edge(State((app, surface)): State<(App, Surface)>, mut request: Request, next: Next) -> Response {
    let begun = app.now();
    let id = RequestId::mint(begun, &app.entropy);
    request.extensions_mut().insert(id.clone());
    let language = language::choose(&app.site, request.uri(), request.headers());
    request.extensions_mut().insert(language);
    // The route, never the path: paths contain tokens.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let span = tracing::info_span!("request", request.id = %id);
    // No address of ours holds bytes that are not text; the router would answer 400, as to no other unknown address.
    let mut answer = if percent_decode_str(request.uri().path()).decode_utf8().is_ok() {
        next.run(request).instrument(span.clone()).await
    } else {
        StatusCode::NOT_FOUND.into_response()
    };
    let bad = answer.status().is_client_error() || answer.status().is_server_error();
    let failure = match answer.extensions_mut().remove::<Unrendered>() {
        Some(Unrendered(failure)) => Some(failure),
        // A probe's "not ready" is already a complete response.
        None if bad && surface != Surface::Machine && is_bare(&answer) => {
            Some(std::sync::Arc::new(Failure::of_status(answer.status())))
        }
        None => None,
    };
    let _in_span = span.enter();
    let route = route.as_ref().map_or("-", MatchedPath::as_str);
    let took = app.now().since(begun).as_millis();
    if let Some(failure) = &failure {
        log_failure(failure, route);
        let page = match surface {
            Surface::Page => Some(failure_page::for_merchant(&app, failure, &id, language).await),
            _ => None,
        };
        answer = show(surface, failure, &id, answer.headers(), page);
    }
    if surface == Surface::Page {
        language::mark(&app.site, language, answer.headers_mut());
    }
    let status = answer.status().as_u16();
    // Frequent requests are logged at DEBUG: key reads have their own record.
    if matches!(surface, Surface::Api | Surface::Machine) && failure.is_none() {
        tracing::debug!(http.method = %method, http.route = route, http.status = status, took_ms = took, "{method} {route} {status}");
    } else {
        tracing::info!(http.method = %method, http.route = route, http.status = status, took_ms = took, "{method} {route} {status}");
    }
    add_headers(app.site.secure, answer.headers_mut());
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        answer.headers_mut().insert("x-request-id", id);
    }
    answer
}

/// Whether a response comes from a layer or an extractor, not from a handler with a body of its own.
fn is_bare(answer: &Response) -> bool {
    let kind = answer.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.is_empty() || kind.starts_with("text/plain")
}

fn log_failure(failure: &Failure, route: &str) {
    let code = failure.code;
    if failure.status.is_server_error() {
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
        Surface::Api => problem::answer(failure, id),
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
    const ALWAYS: [(HeaderName, &str); 6] = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
    ];
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Not `no-referrer`: with that, browsers without `Sec-Fetch-Site` post our forms with `Origin: null`.
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    // Other sites may load only the button.
    let from_others = HeaderName::from_static("cross-origin-resource-policy");
    headers.entry(from_others).or_insert(HeaderValue::from_static("same-origin"));
    if secure {
        let forever = HeaderValue::from_static("max-age=63072000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, forever);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// A handler panicked. The panic message is not sent: it may contain request data.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    Failure::broken("a handler panicked").into_response()
}
