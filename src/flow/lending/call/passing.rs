//! Passing: what of a store's answer reaches the service, and within which limits.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{
    ALLOW, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LINK,
};
use tokio::sync::OwnedSemaphorePermit;

use super::Error;
use crate::app::App;
use crate::domain::{CallLimit, CallLimits, ServiceToken};
use crate::live::call_counts::Counted;
use crate::live::outgoing_limits::WHOLE_AT_MOST;
use crate::woo::http::Fault;
use crate::woo::relay::{BoxError, Pieces};
use crate::woo::rewrite::{Blotter, Links};

/// How long an answer may take that is read whole before it is passed on.
const GATHERED_WITHIN: Duration = Duration::from_secs(30);
/// Answers up to this size, in bytes, may be in memory without a permit.
const SMALL: usize = 64 * 1024;

/// The limits of a token on the store's answer.
pub(super) struct Bounds {
    limits: CallLimits,
    /// When the answer must have ended.
    pub until: Option<tokio::time::Instant>,
}

impl Bounds {
    /// The limits of a call that is about to be sent.
    pub fn of(token: &ServiceToken) -> Self {
        let seconds = token.limits.get(CallLimit::Seconds);
        let until = seconds.map(|seconds| tokio::time::Instant::now() + Duration::from_secs(seconds));
        Self { limits: token.limits, until }
    }

    /// The largest answer, in bytes.
    pub fn size(&self) -> u64 {
        self.limits.get(CallLimit::ResponseBytes).unwrap_or(u64::MAX)
    }

    /// Fails if an answer of this size is too large for the token.
    pub fn check_size(&self, bytes: u64) -> Result<(), Error> {
        if bytes > self.size() { Err(Error::Limited(CallLimit::ResponseBytes, self.size(), None)) } else { Ok(()) }
    }

    /// Why there is no answer: a limit of the token, if it was one.
    pub fn reason(&self, fault: Fault) -> Error {
        let is_over = self.until.is_some_and(|until| until <= tokio::time::Instant::now());
        match (fault, self.limits.get(CallLimit::Seconds), self.limits.get(CallLimit::ResponseBytes)) {
            (Fault::TimedOut, Some(most), _) if is_over => Error::Limited(CallLimit::Seconds, most, None),
            (Fault::TooLarge, _, Some(most)) => Error::Limited(CallLimit::ResponseBytes, most, None),
            _ => Error::Unanswered(fault),
        }
    }
}

/// The headers of an answer that services receive.
pub(super) fn kept(headers: &HeaderMap, links: &Links<'_>, blotter: &Blotter) -> HeaderMap {
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
pub(super) fn is_text(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    let kind = text(CONTENT_TYPE);
    let is_plain = ["", "identity", "gzip", "x-gzip", "deflate"].contains(&text(CONTENT_ENCODING).trim());
    is_plain
        && (kind.is_empty() || kind.contains("json") || kind.starts_with("text/html") || kind.starts_with("text/plain"))
}

/// What was read of an answer.
#[derive(Default)]
pub(super) struct Gathered {
    pub body: Vec<u8>,
    /// Whether it is larger than what is rewritten.
    pub continues: bool,
    /// Whether the connection ended early.
    pub is_cut: bool,
    pub permit: Option<OwnedSemaphorePermit>,
}

/// Reads an answer that may be rewritten.
pub(super) async fn gather(app: &App, pieces: &mut Pieces, bounds: &Bounds) -> Result<Gathered, Error> {
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
    pub(super) first: Vec<u8>,
    pub(super) pieces: Pieces,
    pub(super) blotter: Blotter,
    pub(super) _held: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>, Counted),
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
