//! The frame around every merchant page: brand, language, and language switch.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};

use super::connect;
use crate::app::App;
use crate::domain::brand::Brand;
use crate::domain::language::Language;
use crate::domain::verdict::Verdict;
use crate::flow::connecting::brand;
use crate::web::brand_assets::{accent_href, logo_href};
use crate::web::failure::Failure;
use crate::web::guard::{FORM_TOKEN, browser, form_token, needs_form_token};
use crate::web::i18n::{Said, Words};
use crate::web::language::Choice;

/// How a host recognises our requests.
#[derive(Debug, Clone, Default)]
struct Asker {
    user_agent: String,
    /// Comma-separated; empty if unknown.
    addresses: String,
}

impl Asker {
    fn of(app: &App) -> Self {
        let configured = app.site.egress_ips.iter().map(|network| {
            // A single address reads better without its length.
            if network.prefix_len() == network.max_prefix_len() {
                network.addr().to_string()
            } else {
                network.to_string()
            }
        });
        let mut addresses: Vec<String> = configured.collect();
        if addresses.is_empty() {
            addresses = app.woo.egress().iter().map(ToString::to_string).collect();
        }
        Self { user_agent: app.woo.user_agent().to_owned(), addresses: addresses.join(", ") }
    }
}

/// Passed to each page and shown by the base template.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The brand.
    pub brand: Brand,
    /// The sentences in the page's language.
    pub words: Words,
    /// The target of the language switch, up to the value of `lang`.
    switch: String,
    /// The form token, for a browser that does not report where it posts a form from.
    form_token: Option<String>,
    /// How our requests are recognised.
    asker: Asker,
    /// The cookie that the form token is derived from, if the browser does not have it yet.
    new_cookie: Option<HeaderValue>,
}

impl Frame {
    /// Creates a frame whose language switch leads to the same path without its query: pages do not repeat what they
    /// need not.
    pub fn new(brand: Brand, words: Words) -> Self {
        Self { brand, words, switch: "?lang=".to_owned(), form_token: None, asker: Asker::default(), new_cookie: None }
    }

    /// Makes the language switch lead to `href`: for a page that needs its query, or that answers a POST to a path
    /// without a page.
    #[must_use]
    pub fn leading_to(mut self, href: &str) -> Self {
        let mark = if href.contains('?') { '&' } else { '?' };
        self.switch = format!("{href}{mark}lang=");
        self
    }

    /// Makes the language switch keep the page's query.
    #[must_use]
    pub(super) fn keeping(self, query: &str) -> Self {
        let kept: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("lang=")).collect();
        self.leading_to(&format!("?{}", kept.join("&")))
    }

    /// The address to which a form is posted: `path`, with the form token if this browser needs it.
    pub fn posted_to(&self, path: &str) -> String {
        self.form_token.as_ref().map_or_else(|| path.to_owned(), |token| format!("{path}?{FORM_TOKEN}={token}"))
    }

    /// The response with a page that has a form; it stores the cookie of the form token.
    pub(super) fn answer(&self, page: impl IntoResponse) -> Response {
        let mut answer = page.into_response();
        if let Some(cookie) = &self.new_cookie {
            answer.headers_mut().append(header::SET_COOKIE, cookie.clone());
        }
        answer
    }

    /// Adds the form token, for a browser that needs it, and on a page the cookie if it has none.
    fn with_form_token(mut self, app: &App, parts: &Parts) -> Result<Self, Failure> {
        if !needs_form_token(parts) {
            return Ok(self);
        }
        match browser(&app.site, &parts.headers) {
            Some(known) => self.form_token = Some(form_token(&known)),
            None if parts.method == Method::GET => {
                let minted = app.entropy.secret();
                self.form_token = Some(form_token(&minted));
                self.new_cookie = Some(connect::cookie(app, &minted)?);
            }
            None => {}
        }
        Ok(self)
    }

    /// The sentence `key` in the page's language.
    pub const fn say(&self, key: &'static str) -> Said {
        self.words.say(key)
    }

    /// The text that the merchant sends to their host about the verdict with this code on `store`; `None` if a host cannot help.
    pub fn for_host(&self, store: &str, code: &str) -> Option<String> {
        let verdict = Verdict::from_code(code).filter(|verdict| verdict.is_wall())?;
        let setting = if let Verdict::Blocked(product) = verdict { product.setting() } else { None };
        let Asker { user_agent, addresses } = &self.asker;
        let say = |key| self.say(key);
        let mut lines = vec![
            say("for-host-text").with("app", self.app()).with("store", store).to_string(),
            say("for-host-paths").with("paths", "/wp-json/, /wc-auth/").to_string(),
            say("for-host-agent").with("agent", user_agent).to_string(),
        ];
        if !addresses.is_empty() {
            lines.push(say("for-host-addresses").with("addresses", addresses).to_string());
        }
        if let Some(setting) = setting {
            lines.push(say("for-host-setting").with("setting", setting).to_string());
        }
        lines.push(say("for-support").with("code", code).to_string());
        Some(lines.join("\n"))
    }

    /// The application's name.
    pub fn app(&self) -> &str {
        self.brand.app_name.as_str()
    }

    /// The application's name as stores show it.
    pub fn name(&self) -> String {
        brand::name_at_stores(&self.brand.app_name)
    }

    /// The steps from the address to a connected store; `by_hand` with a typed key.
    pub fn steps(&self, by_hand: bool) -> [(usize, Said); 4] {
        let second = if by_hand { "step-key" } else { "step-approve" };
        [
            (1, self.say("step-address")),
            (2, self.say(second)),
            (3, self.say("step-test")),
            (4, self.say("step-connected")),
        ]
    }

    /// The path of the style sheet with the brand's colour.
    pub fn accent(&self) -> Option<String> {
        self.brand.accent.map(accent_href)
    }

    /// The path of the logo.
    pub fn logo(&self) -> Option<String> {
        self.brand.logo.as_ref().map(logo_href)
    }

    /// The page's language tag.
    pub const fn code(&self) -> &'static str {
        self.words.0.code()
    }

    /// All languages: whether each is the page's, and its address.
    pub fn languages(&self) -> [(Language, bool, String); 6] {
        Language::ALL
            .map(|language| (language, language == self.words.0, format!("{}{}", self.switch, language.code())))
    }
}

impl FromRequestParts<App> for Frame {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let words = Words(parts.extensions.get::<Choice>().map_or(Language::English, |choice| choice.language));
        let frame = Self { asker: Asker::of(app), ..Self::new(brand::current(app).await?, words) };
        frame.with_form_token(app, parts)
    }
}
