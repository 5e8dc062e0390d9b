//! The frame around every merchant page: brand, language, and language switch.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::app::App;
use crate::domain::brand::Brand;
use crate::domain::language::Language;
use crate::flow::connecting::brand;
use crate::web::brand_assets::{accent_href, logo_href};
use crate::web::failure::Failure;
use crate::web::i18n::{Said, Words};
use crate::web::language::Choice;

/// Passed to each page and shown by the base template.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The brand.
    pub brand: Brand,
    /// The sentences in the page's language.
    pub words: Words,
    /// The target of the language switch, up to the value of `lang`.
    switch: String,
}

impl Frame {
    /// Creates a frame whose language switch leads to the same path without its query: pages do not repeat what they
    /// need not.
    pub fn new(brand: Brand, words: Words) -> Self {
        Self { brand, words, switch: "?lang=".to_owned() }
    }

    /// Makes the language switch lead to `href`: for a page that needs its query, or that answers a POST to a path
    /// without a page.
    #[must_use]
    pub fn leading_to(mut self, href: &str) -> Self {
        let mark = if href.contains('?') { '&' } else { '?' };
        self.switch = format!("{href}{mark}lang=");
        self
    }

    /// The sentence `key` in the page's language.
    pub const fn say(&self, key: &'static str) -> Said {
        self.words.say(key)
    }

    /// The application's name.
    pub fn app(&self) -> &str {
        self.brand.app_name.as_str()
    }

    /// The application's name as stores show it.
    pub fn name(&self) -> String {
        brand::name_at_stores(&self.brand.app_name)
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
        Ok(Self::new(brand::current(app).await?, words))
    }
}
