//! Interprets one answer of a store by status, headers and error codes, never by translated text.

use std::ops::Range;
use std::time::Duration;

use hyper::header::{CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::Value;

use super::http::Reply;
use super::{json, products};
use crate::domain::{Product, Time, Verdict};

/// The longest pause that a store may request.
const RETRY_AFTER_AT_MOST: Duration = Duration::from_hours(24);

/// What the page of a shop says while it is closed for maintenance, in the languages of most shops.
const MAINTENANCE: [&str; 8] =
    ["maintenance", "wartung", "mantenimiento", "manuten", "onderhoud", "メンテナンス", "coming soon", "back soon"];

/// What only a page contains, in lower case; PHP notices are HTML as well.
const PAGE_MARKS: [&str; 4] = ["<html", "<!doctype", "<script", "<body"];

/// One answer, interpreted on its own.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// 2xx with JSON.
    Json {
        value: Value,
        /// Whether other output surrounds it, such as PHP notices or a cache's comment.
        noisy: bool,
    },
    /// A WordPress error: JSON with a code.
    Refused(Refusal),
    /// 3xx, with its `Location`.
    Elsewhere(Option<String>),
    /// 404 or 410 without WordPress's JSON, or a page where JSON was requested: no REST API at this address.
    NotFound,
    /// A 401 page by WooCommerce or something else, without a password prompt.
    Denied,
    /// 2xx with an HTML page.
    Page,
    /// Something in front of WordPress, or WordPress itself, prevented an answer.
    Trouble(Verdict),
}

/// A WordPress JSON error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// The error code, such as `woocommerce_rest_cannot_view`.
    pub code: String,
    /// The message, in the site's language: compare it only with another answer of the same site.
    pub message: String,
}

/// What an error says about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Treated as a visitor: the key did not arrive, was ignored, or is unknown.
    Anonymous,
    /// The key was checked, and it, its secret, its signature or its permission is wrong.
    AuthenticationError,
    /// The key is valid, but its owner lacks the role.
    RoleLost,
    /// The route does not exist: `WooCommerce` is inactive or too old.
    NoRoute,
    /// The error is not about the key.
    Other(Verdict),
}

pub fn hear(reply: &Reply) -> Heard {
    let status = reply.status.as_u16();
    if reply.status.is_redirection() {
        return products::in_front(reply).map_or_else(|| Heard::Elsewhere(location(reply)), Heard::Trouble);
    }
    if let Some((value, noisy)) = json(reply) {
        if let Some(verdict) = products::in_json(&value) {
            return Heard::Trouble(verdict);
        }
        if reply.status.is_success() && (value.is_object() || value.is_array()) {
            return Heard::Json { value, noisy };
        }
        if let Some(code) = value.get("code").and_then(Value::as_str).filter(|_| status >= 400) {
            let message = value.get("message").and_then(Value::as_str).unwrap_or_default();
            return Heard::Refused(Refusal { status, code: code.to_owned(), message: message.to_owned() });
        }
    }
    if reply.is_cut && reply.status.is_success() {
        return Heard::Trouble(Verdict::AnswerUnreadable);
    }
    page(reply, status)
}

/// How long the store requests us to wait: a number of seconds, or a date, which is compared with the store's own
/// `Date` if present, otherwise with `now`.
pub fn retry_after(reply: &Reply, now: Time) -> Option<Duration> {
    let text = reply.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let their_now = || reply.headers.get(DATE).and_then(|date| moment(date.to_str().ok()?)).unwrap_or(now);
    let seconds = text.parse().ok().map(Duration::from_secs);
    let pause = seconds.or_else(|| Some(moment(text)?.since(their_now())))?;
    Some(pause.min(RETRY_AFTER_AT_MOST))
}

/// Parses an HTTP date.
fn moment(text: &str) -> Option<Time> {
    let since = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Time::from_millis(0).plus(since))
}

impl Refusal {
    /// Whether WordPress itself tried the key as an application password, which proves that it arrived (#68480).
    pub fn is_wordpress_own(&self) -> bool {
        matches!(self.code.as_str(), "invalid_username" | "invalid_email" | "incorrect_password")
    }

    /// What this says about the key that was sent (docs/protocol/wc-auth.md §5.2).
    pub fn meaning(&self) -> Meaning {
        let code = self.code.as_str();
        match (self.status, code) {
            (429, _) => Meaning::Other(Verdict::RateLimited),
            (503, _) => Meaning::Other(Verdict::Maintenance),
            (500.., _) => Meaning::Other(Verdict::ServerError),
            (404, "rest_no_route") => Meaning::NoRoute,
            (401, "woocommerce_rest_authentication_error") => Meaning::AuthenticationError,
            // WordPress.com, while a site is private or coming soon.
            (403, "unauthorized") if self.message.contains("private blog") => Meaning::Other(Verdict::NotPublic),
            // Only some of the parameters arrived: something on the way drops them.
            (401, "woocommerce_rest_authentication_missing_parameter") => Meaning::Anonymous,
            (403, _) if code.starts_with("woocommerce_rest_") => Meaning::RoleLost,
            (401, _) if code.starts_with("woocommerce_rest_") => Meaning::Anonymous,
            // WordPress tried the key as an application password: it arrived, but WooCommerce did not accept it
            // (#68480).
            (401, _) if self.is_wordpress_own() => Meaning::Anonymous,
            (401 | 403, _) => Meaning::Other(Verdict::RestClosed),
            _ => Meaning::Other(Verdict::AnswerUnreadable),
        }
    }
}

/// Interprets an answer without JSON.
fn page(reply: &Reply, status: u16) -> Heard {
    if let Some(verdict) = products::in_front(reply) {
        return Heard::Trouble(verdict);
    }
    let wants_password = reply.headers.contains_key(WWW_AUTHENTICATE);
    match status {
        401 if wants_password => Heard::Trouble(Verdict::LoginWall),
        401 => Heard::Denied,
        404 | 410 => Heard::NotFound,
        406 | 455 => Heard::Trouble(Verdict::Blocked(Product::ModSecurity)),
        // Except for 403, WordPress uses none of these for pages.
        403 | 405 | 409 | 415 | 418 | 451 => Heard::Trouble(Verdict::Blocked(Product::Unnamed)),
        202 => Heard::Trouble(Verdict::Blocked(Product::BotCheck)),
        429 => Heard::Trouble(Verdict::RateLimited),
        503 if reply.headers.contains_key(RETRY_AFTER)
            || MAINTENANCE.iter().any(|word| products::says(reply, word)) =>
        {
            Heard::Trouble(Verdict::Maintenance)
        }
        500.. => Heard::Trouble(Verdict::ServerError),
        200..=299 => Heard::Page,
        _ => Heard::Trouble(Verdict::AnswerUnreadable),
    }
}

fn location(reply: &Reply) -> Option<String> {
    reply.headers.get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Where the JSON of a body is: all of it, or the part that other output surrounds.
pub fn place_of_json(reply: &Reply) -> Option<Range<usize>> {
    let body = reply.body.as_slice();
    if json::is_whole(body) {
        return Some(0..body.len());
    }
    // See `json`.
    let range = json::longest_range(body, body.len())?;
    is_answer(reply, &range, range.len() <= 2).then_some(range)
}

/// The JSON of a body, and whether other output surrounds it: a byte order mark, PHP notices before it, the comment of a cache
/// after it. Of several values it is the longest, because notices contain brackets too. A script in a page is not mistaken for
/// an answer: around JSON that is not declared as such there must be no page.
fn json(reply: &Reply) -> Option<(Value, bool)> {
    let body = reply.body.as_slice();
    if let Some(value) = json::whole(body) {
        return Some((value, false));
    }
    let (range, value) = json::longest(body)?;
    let is_empty =
        matches!(&value, Value::Object(all) if all.is_empty()) || matches!(&value, Value::Array(all) if all.is_empty());
    is_answer(reply, &range, is_empty).then_some((value, true))
}

/// Whether the JSON in this part of a body is the answer, not a part of a page.
fn is_answer(reply: &Reply, range: &Range<usize>, is_empty: bool) -> bool {
    let body = reply.body.as_slice();
    // No page begins with JSON.
    let begins = body[..range.start].iter().all(|byte| byte.is_ascii_whitespace() || b"\xef\xbb\xbf".contains(byte));
    // A complete value inside a truncated body is not the answer.
    if reply.is_cut && !begins {
        return false;
    }
    let declared =
        reply.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(|kind| kind.contains("json"));
    let is_page = |around: &[u8]| PAGE_MARKS.iter().any(|mark| products::contains(around, mark));
    // Empty brackets in a page's style or prose are no answer either.
    declared || !(is_empty || is_page(&body[..range.start]) || (!begins && is_page(&body[range.end..])))
}

#[cfg(test)]
pub(super) mod tests {
    use hyper::StatusCode;
    use hyper::header::{HeaderMap, HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    /// Builds an answer; `headers` is one `name: value` per line.
    pub(in crate::woo) fn reply(status: u16, headers: &str, body: &str) -> Reply {
        let headers: HeaderMap = headers
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(n, v)| (n.parse::<HeaderName>().unwrap(), v.parse::<HeaderValue>().unwrap()))
            .collect();
        Reply { status: StatusCode::from_u16(status).unwrap(), headers, body: body.as_bytes().to_vec(), is_cut: false }
    }

    #[test]
    fn refusals_are_read_by_code_and_status() {
        use Meaning as M;
        for (status, code, meaning) in [
            (401, "woocommerce_rest_cannot_view", M::Anonymous),
            (403, "woocommerce_rest_cannot_view", M::RoleLost),
            (403, "woocommerce_rest_cannot_create", M::RoleLost),
            (401, "woocommerce_rest_authentication_error", M::AuthenticationError),
            (401, "woocommerce_rest_authentication_missing_parameter", M::Anonymous),
            (401, "invalid_username", M::Anonymous),
            (401, "incorrect_password", M::Anonymous),
            (404, "rest_no_route", M::NoRoute),
            (401, "rest_not_logged_in", M::Other(Verdict::RestClosed)),
            (403, "rest_cannot_access", M::Other(Verdict::RestClosed)),
            (401, "rest_login_required", M::Other(Verdict::RestClosed)),
            (500, "internal_server_error", M::Other(Verdict::ServerError)),
            (429, "too_many", M::Other(Verdict::RateLimited)),
            (503, "maintenance", M::Other(Verdict::Maintenance)),
            (400, "rest_invalid_param", M::Other(Verdict::AnswerUnreadable)),
        ] {
            let body =
                format!("{{\"code\":\"{code}\",\"message\":\"überall anders\",\"data\":{{\"status\":{status}}}}}");
            let Heard::Refused(refusal) = hear(&reply(status, "", &body)) else { panic!("{status} {code}") };
            assert_eq!(refusal.meaning(), meaning, "{status} {code}");
        }
    }

    #[test]
    fn pages_are_read_by_status_and_headers() {
        let page = "<!doctype html><html><script>{\"a\":1}</script></html>";
        for (status, headers, heard) in [
            (200, "", Heard::Page),
            (401, "", Heard::Denied),
            (401, "www-authenticate: Basic realm=x", Heard::Trouble(Verdict::LoginWall)),
            (403, "", Heard::Trouble(Verdict::Blocked(Product::Unnamed))),
            (404, "", Heard::NotFound),
            (406, "", Heard::Trouble(Verdict::Blocked(Product::ModSecurity))),
            (455, "", Heard::Trouble(Verdict::Blocked(Product::ModSecurity))),
            (429, "retry-after: 30", Heard::Trouble(Verdict::RateLimited)),
            (500, "", Heard::Trouble(Verdict::ServerError)),
            (502, "", Heard::Trouble(Verdict::ServerError)),
            (503, "retry-after: 600", Heard::Trouble(Verdict::Maintenance)),
            (503, "", Heard::Trouble(Verdict::ServerError)),
            (301, "location: https://x.example/", Heard::Elsewhere(Some("https://x.example/".to_owned()))),
            (302, "", Heard::Elsewhere(None)),
            (302, "location: /.well-known/sgcaptcha/?r=1", Heard::Trouble(Verdict::Blocked(Product::SiteGround))),
            (418, "", Heard::Trouble(Verdict::Blocked(Product::Unnamed))),
            (202, "", Heard::Trouble(Verdict::Blocked(Product::BotCheck))),
            (400, "", Heard::Trouble(Verdict::AnswerUnreadable)),
        ] {
            assert_eq!(hear(&reply(status, headers, page)), heard, "{status} {headers}");
        }
    }

    #[test]
    fn json_is_found_behind_notices_but_not_inside_a_page() {
        let noisy = "<br />\n<b>Warning</b>: Undefined array key [x] in {closure}() on line 3\n{\"home\":\"h\"}\n";
        assert!(matches!(hear(&reply(200, "", noisy)), Heard::Json { noisy: true, value } if value["home"] == "h"));
        assert!(matches!(hear(&reply(200, "", "\u{feff}{\"home\":\"h\"}")), Heard::Json { noisy: true, .. }));
        assert!(matches!(hear(&reply(200, "", "[]")), Heard::Json { noisy: false, .. }));
        assert_eq!(hear(&reply(200, "", "<script>{\"home\":\"h\"}</script>")), Heard::Page);
        let with_script = "{\"home\":\"h\"}<script>ad = {\"b\": \"longer than that\"}</script>";
        assert!(
            matches!(hear(&reply(200, "", with_script)), Heard::Json { noisy: true, value } if value["home"] == "h")
        );
        let cut = |body| Reply { is_cut: true, ..reply(200, "content-type: application/json", body) };
        assert!(matches!(hear(&cut("\u{feff}{\"home\":\"h\"}\n")), Heard::Json { noisy: true, .. }));
        assert_eq!(hear(&cut("{\"a\":{\"home\":\"h\"}")), Heard::Trouble(Verdict::AnswerUnreadable));
        assert_eq!(hear(&reply(200, "", "\"text\"")), Heard::Page);
        assert_eq!(hear(&reply(200, "", "")), Heard::Page);
    }

    #[test]
    fn a_pause_is_read_as_seconds_or_as_a_moment_and_is_bounded() {
        // Wed, 21 Oct 2026 07:18:00 GMT.
        let now = Time::from_millis(1_792_567_080_000);
        let date = "Wed, 21 Oct 2026 07:28:00 GMT";
        for (headers, pause) in [
            ("retry-after: 600".to_owned(), Some(Duration::from_mins(10))),
            ("retry-after: 99999999".to_owned(), Some(RETRY_AFTER_AT_MOST)),
            (format!("retry-after: {date}"), Some(Duration::from_mins(10))),
            (format!("retry-after: {date}\ndate: Wed, 21 Oct 2026 07:27:00 GMT"), Some(Duration::from_mins(1))),
            (format!("retry-after: {date}\ndate: Wed, 21 Oct 2026 08:00:00 GMT"), Some(Duration::ZERO)),
            ("retry-after: Fri, 31 Dec 9999 23:59:59 GMT".to_owned(), Some(RETRY_AFTER_AT_MOST)),
            ("retry-after: soon".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(retry_after(&reply(503, &headers, ""), now), pause, "{headers}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(status in 100_u16..=999, body in "\\PC{0,80}|[\\[{]{0,300}") {
            drop(hear(&reply(status, "", &body)));
        }
    }
}
