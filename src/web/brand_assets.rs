//! Serves the brand's colour, as a style sheet, and its logo, at addresses that change with their content.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::failure::Failure;
use crate::app::App;
use crate::domain::{Accent, LogoFormat, LogoRef, Shades};
use crate::flow::connecting::brand;

/// Part of each style sheet's address; changes when the computation of the shades changes. Together with the colour,
/// the address determines the content.
static RECIPE: LazyLock<String> = LazyLock::new(|| {
    let samples = ["#000000", "#ffffff", "#ff0000", "#00ff00", "#0000ff", "#808080", "#f0c000"];
    let sheets: String = samples.iter().filter_map(|sample| sample.parse().ok()).map(style_sheet).collect();
    let digest = ring::digest::digest(&ring::digest::SHA256, sheets.as_bytes());
    digest.as_ref()[..6].iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
});

const FOREVER: &str = "public, max-age=31536000, immutable";

/// The path of a colour's style sheet.
pub fn accent_href(accent: Accent) -> String {
    format!("{}{}.css", accent_base(), accent.digits())
}

/// The prefix of these paths, before the six digits of the colour and `.css`.
pub fn accent_base() -> &'static str {
    static BASE: LazyLock<String> = LazyLock::new(|| format!("/static/accent/{}.", *RECIPE));
    &BASE
}

pub fn logo_href(logo: &LogoRef) -> String {
    format!("/static/logo/{}.{}", logo.hash, logo.format.extension())
}

pub(super) fn routes() -> Router<App> {
    Router::new().route("/static/accent/{file}", get(accent)).route("/static/logo/{file}", get(logo))
}

/// Serves any colour without consulting the database: a page rendered before the colour changed keeps its own.
async fn accent(Path(file): Path<String>) -> Result<Response, Failure> {
    let parts = file.strip_suffix(".css").and_then(|name| name.split_once('.'));
    let accent = parts.filter(|(recipe, _)| *recipe == *RECIPE).and_then(|(_, digits)| digits.parse().ok());
    let sheet = style_sheet(accent.filter(|accent| accent_href(*accent).ends_with(&file)).ok_or_else(gone)?);
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, FOREVER)];
    Ok((headers, sheet).into_response())
}

async fn logo(State(app): State<App>, Path(file): Path<String>) -> Result<Response, Failure> {
    let (hash, extension) = file.split_once('.').ok_or_else(gone)?;
    let logo = brand::logo(&app, hash).await?.filter(|logo| logo.format.extension() == extension).ok_or_else(gone)?;
    let headers = [(header::CONTENT_TYPE, LogoFormat::media_type(logo.format)), (header::CACHE_CONTROL, FOREVER)];
    Ok((headers, logo.bytes).into_response())
}

fn gone() -> Failure {
    Failure::of_status(StatusCode::NOT_FOUND)
}

/// The tokens of app.css that a brand changes, for elements of class `branded`.
fn style_sheet(accent: Accent) -> String {
    let tokens = |Shades { accent, strong, on }: Shades| {
        format!(".branded{{--accent:{accent};--accent-strong:{strong};--on-accent:{on};--focus:{accent}}}")
    };
    format!("{}\n@media (prefers-color-scheme:dark){{{}}}\n", tokens(accent.light()), tokens(accent.dark()))
}
