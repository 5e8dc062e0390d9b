//! A request as PHP sees it, and its answer.

use hyper::body::Bytes;
use hyper::{HeaderMap, Method};
use serde_json::{Value, json};

use super::json;
use super::php::{self, Params};

/// A request with its complete body.
pub(super) struct Asked {
    pub(super) method: Method,
    /// As sent.
    pub(super) path: String,
    /// As sent, without the `?`.
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// `$_GET`.
    pub(super) fn get(&self) -> Params {
        Params::parse(&self.query)
    }

    /// `$_POST`: only forms are parsed, never JSON.
    pub(super) fn post(&self) -> Params {
        if self.header("content-type").starts_with("application/x-www-form-urlencoded") {
            Params::parse(&String::from_utf8_lossy(&self.body))
        } else {
            Params::default()
        }
    }

    /// `$_REQUEST`.
    pub(super) fn request(&self) -> Params {
        self.get().merged(self.post())
    }

    /// The value of the cookie `name`.
    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        let cookies = self.headers.get_all("cookie").iter().filter_map(|value| value.to_str().ok());
        cookies.flat_map(|line| line.split("; ")).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    /// `REQUEST_URI`.
    pub(super) fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn html(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type", "text/html; charset=UTF-8".to_owned())];
        Self { status, headers, body: body.into() }
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        let headers = vec![
            ("content-type", "application/json; charset=UTF-8".to_owned()),
            ("x-robots-tag", "noindex".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ];
        Self { status, headers, body: json::text(body).into_bytes() }
    }

    /// A `WP_Error` in the REST API's format.
    pub(super) fn rest_error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, &json!({"code": code, "message": message, "data": {"status": status}}))
    }

    /// `wp_redirect`: sends nothing if sanitizing empties the address, which appears as a blank page.
    pub(super) fn redirect(location: &str) -> Self {
        let location = php::sanitize_redirect(location);
        let blank = Self::html(200, "");
        if location.is_empty() {
            return blank;
        }
        Self { status: 302, ..blank }.with("x-redirect-by", "WordPress").with("location", &location)
    }

    /// A redirect by the web server or by `redirect_canonical`.
    pub(super) fn moved_permanently(location: &str) -> Self {
        Self::html(301, "").with("location", location)
    }

    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}
