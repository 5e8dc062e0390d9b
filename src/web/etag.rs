//! Texts that the program makes, with an entity tag: a client that has the text is answered 304.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

/// The text with its `ETag`, or 304 if the request has it.
pub(super) fn tagged(asked: &HeaderMap, kind: &'static str, cache: &'static str, text: String) -> Response {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let etag = digest.as_ref()[..8].iter().fold("\"".to_owned(), |hex, byte| hex + &format!("{byte:02x}")) + "\"";
    let has = asked.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let is_same = has.is_some_and(|has| has.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag));
    let about = [(header::ETAG, etag.as_str()), (header::CACHE_CONTROL, cache)];
    if is_same {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, [(header::CONTENT_TYPE, kind)], text).into_response()
}
