//! `GET /button.js`: the connect button, which an application adds to its pages with one tag.
//!
//! It is the only file of ours that other sites load. It draws a link and does nothing else: it stores nothing, and
//! links only to a connect page of this Cartkey.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::etag::tagged;
use super::failure::Failure;
use super::i18n::Words;
use crate::app::App;
use crate::domain::{Accent, Language, Shades};
use crate::flow::connecting::brand;

/// The script, with placeholders.
const SCRIPT: &str = include_str!("../../templates/static/button.js");
/// The accent of app.css, light and dark: background, hovered background, text.
const USUAL: [[&str; 3]; 2] = [["#3f4fc9", "#3341ad", "#ffffff"], ["#aab4ff", "#c3caff", "#14183a"]];

pub(super) fn routes() -> Router<App> {
    Router::new().route("/button.js", get(script))
}

/// It changes with the brand, so caches revalidate after five minutes.
async fn script(State(app): State<App>, headers: HeaderMap) -> Result<Response, Failure> {
    let brand = brand::current(&app).await?;
    let script = written(&app.site.public_url, brand.accent);
    let mut answer = tagged(&headers, "text/javascript; charset=utf-8", "public, max-age=300", script);
    let from_others = HeaderName::from_static("cross-origin-resource-policy");
    answer.headers_mut().insert(from_others, HeaderValue::from_static("cross-origin"));
    Ok(answer)
}

fn written(home: &str, accent: Option<Accent>) -> String {
    let label =
        |language: Language| (language.code().to_owned(), json!(Words(language).say("connect-button").to_string()));
    let labels: Map<String, Value> = Language::ALL.into_iter().map(label).collect();
    let shades = |shades: Shades| json!([shades.accent, shades.strong, shades.on]);
    let colours = accent.map_or_else(|| json!(USUAL), |accent| json!([shades(accent.light()), shades(accent.dark())]));
    let facts = json!({"home": home, "labels": labels, "colours": colours});
    SCRIPT.replacen("null /* facts */", &facts.to_string(), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_small_and_whole() {
        let script = written("https://keys.example.com", None);
        assert!(script.len() < 4 * 1024, "{} bytes", script.len());
        assert!(script.contains("\"home\":\"https://keys.example.com\"") && script.contains("\"ja\":"), "{script}");
        // What a strict Content-Security-Policy of the embedding page would block.
        for forbidden in ["eval", "innerHTML", "setAttribute(\"style\"", "Function(", "document.write", "onclick"] {
            assert!(!script.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn the_usual_colours_are_those_of_the_pages() {
        let css = include_str!("../../templates/static/app.css");
        let (light, dark) = css.split_once("@media (prefers-color-scheme: dark)").unwrap();
        for (tokens, shades) in [(light, USUAL[0]), (dark, USUAL[1])] {
            for (name, shade) in ["accent", "accent-strong", "on-accent"].iter().zip(shades) {
                assert!(tokens.contains(&format!("--{name}: {shade};")), "{name} {shade}");
            }
        }
    }
}
