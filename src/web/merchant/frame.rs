//! What stands around every page of a merchant: whose page it is, in which language, and the way to the others.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::app::App;
use crate::domain::brand::Brand;
use crate::domain::language::Language;
use crate::flow::brand;
use crate::web::brand_assets::{accent_href, logo_href};
use crate::web::failure::Failure;
use crate::web::language::Choice;
use crate::web::words::{Said, Words};

/// Given to each page; the base template shows it.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Whose page this is.
    pub brand: Brand,
    /// What it says, in its language.
    pub words: Words,
    /// Where the switch of languages leads, up to what `lang` is set to.
    switch: String,
}

impl Frame {
    /// A frame whose switch leads to the same address, without its query: pages repeat nothing that they need not.
    pub fn new(brand: Brand, words: Words) -> Self {
        Self { brand, words, switch: "?lang=".to_owned() }
    }

    /// … whose switch leads to `href`: for a page that needs its query, or that answers a post where nothing can be got.
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

    /// The same as stores show it.
    pub fn name(&self) -> String {
        brand::name_at_stores(&self.brand.app_name)
    }

    /// The style sheet with its colour.
    pub fn accent(&self) -> Option<String> {
        self.brand.accent.map(accent_href)
    }

    /// Its logo.
    pub fn logo(&self) -> Option<String> {
        self.brand.logo.as_ref().map(logo_href)
    }

    /// The tag of the page's language.
    pub const fn code(&self) -> &'static str {
        self.words.0.code()
    }

    /// Every language, whether it is the page's, and the way to it.
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
