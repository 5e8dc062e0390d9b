//! Chooses the language of a page: `?lang=de`, else the browser's cookie, else `Accept-Language`.

use axum::http::{HeaderMap, HeaderValue, Uri, header};

use crate::config::Site;
use crate::domain::Language;

/// How long a browser stores the choice, in seconds: a year.
const KEPT_FOR_S: u32 = 31_536_000;

/// The language of a request, stored in its extensions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    pub language: Language,
    /// Whether it was chosen in this request, so that the browser must store it.
    is_new: bool,
}

/// Chooses the language of the response.
pub(super) fn choose(site: &Site, uri: &Uri, headers: &HeaderMap) -> Choice {
    if let Some(language) = asked(uri) {
        return Choice { language, is_new: true };
    }
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let preferred = headers.get(header::ACCEPT_LANGUAGE).and_then(text);
    let language = kept(site, headers).or_else(|| Language::wanted(&preferred?)).unwrap_or(Language::English);
    Choice { language, is_new: false }
}

/// Sets the language headers of a response. Cacheable files are the same in every language and are left unchanged.
pub(super) fn mark(site: &Site, choice: Choice, headers: &mut HeaderMap) {
    if headers.contains_key(header::CACHE_CONTROL) {
        return;
    }
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(choice.language.code()));
    let before = headers.get(header::VARY).and_then(|value| value.to_str().ok()).map(|value| format!("{value}, "));
    let vary = format!("{}Accept-Language, Cookie", before.unwrap_or_default());
    if let Ok(vary) = HeaderValue::from_str(&vary) {
        headers.insert(header::VARY, vary);
    }
    if choice.is_new {
        let secure = if site.secure { "; Secure" } else { "" };
        let (name, code) = (cookie_name(site), choice.language.code());
        let cookie = format!("{name}={code}; Path=/; HttpOnly; SameSite=Lax; Max-Age={KEPT_FOR_S}{secure}");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
}

const fn cookie_name(site: &Site) -> &'static str {
    if site.secure { "__Host-cartkey-language" } else { "cartkey-language" }
}

fn asked(uri: &Uri) -> Option<Language> {
    let pairs = uri.query().unwrap_or_default().split('&');
    pairs.filter_map(|pair| pair.strip_prefix("lang=")).find_map(Language::of_tag)
}

fn kept(site: &Site, headers: &HeaderMap) -> Option<Language> {
    let name = cookie_name(site);
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).and_then(|(_, value)| Language::of_tag(value))
}
