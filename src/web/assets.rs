//! Serves the style sheets, scripts and images at addresses that change with their content.

use std::sync::LazyLock;

use axum::Router;
use axum::http::header;
use axum::routing::get;

/// A static file. It is compiled into the program, so a page and its style sheet are always of the same version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asset {
    /// The style sheet of every page.
    Css,
    /// The script of every page; each page works without it.
    Js,
    /// The style sheet of the dashboard, in addition to [`Self::Css`].
    AdminCss,
    /// The script of the dashboard.
    AdminJs,
    /// The icon in the browser tab.
    Icon,
    /// The style sheet of the API description page, in addition to [`Self::AdminCss`].
    DocsCss,
    /// Drawing for creating a key by hand: log in.
    Step1,
    /// Drawing: the menu.
    Step2,
    /// Drawing: the tabs.
    Step3,
    /// Drawing: the list of keys.
    Step4,
    /// Drawing: the description.
    Step5,
    /// Drawing: user and permissions.
    Step6,
    /// Drawing: the button.
    Step7,
    /// Drawing: what to copy.
    Step8,
}

impl Asset {
    const ALL: [Self; 14] = [
        Self::Css,
        Self::Js,
        Self::AdminCss,
        Self::AdminJs,
        Self::Icon,
        Self::DocsCss,
        Self::Step1,
        Self::Step2,
        Self::Step3,
        Self::Step4,
        Self::Step5,
        Self::Step6,
        Self::Step7,
        Self::Step8,
    ];
    /// The drawings of the eight steps, in order.
    pub const STEPS: [Self; 8] =
        [Self::Step1, Self::Step2, Self::Step3, Self::Step4, Self::Step5, Self::Step6, Self::Step7, Self::Step8];

    /// The path: `/static/app.<first 12 hex digits of its SHA-256>.css`.
    pub fn href(self) -> &'static str {
        static HREFS: LazyLock<[String; 14]> = LazyLock::new(|| Asset::ALL.map(Asset::hashed_path));
        &HREFS[self as usize]
    }

    fn hashed_path(self) -> String {
        let (name, extension) = match self {
            Self::Css => ("app", "css"),
            Self::Js => ("app", "js"),
            Self::AdminCss => ("admin", "css"),
            Self::AdminJs => ("admin", "js"),
            Self::Icon => ("icon", "svg"),
            Self::Step1 => ("by-hand-1", "svg"),
            Self::Step2 => ("by-hand-2", "svg"),
            Self::Step3 => ("by-hand-3", "svg"),
            Self::Step4 => ("by-hand-4", "svg"),
            Self::Step5 => ("by-hand-5", "svg"),
            Self::Step6 => ("by-hand-6", "svg"),
            Self::Step7 => ("by-hand-7", "svg"),
            Self::Step8 => ("by-hand-8", "svg"),
            Self::DocsCss => ("docs", "css"),
        };
        let digest = ring::digest::digest(&ring::digest::SHA256, self.bytes());
        let hash = digest.as_ref()[..6].iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        format!("/static/{name}.{hash}.{extension}")
    }

    const fn bytes(self) -> &'static [u8] {
        match self {
            Self::Css => include_bytes!("../../templates/static/app.css"),
            Self::Js => include_bytes!("../../templates/static/app.js"),
            Self::AdminCss => include_bytes!("../../templates/static/admin.css"),
            Self::AdminJs => include_bytes!("../../templates/static/admin.js"),
            Self::Icon => include_bytes!("../../templates/static/icon.svg"),
            Self::Step1 => include_bytes!("../../templates/static/by-hand-1.svg"),
            Self::Step2 => include_bytes!("../../templates/static/by-hand-2.svg"),
            Self::Step3 => include_bytes!("../../templates/static/by-hand-3.svg"),
            Self::Step4 => include_bytes!("../../templates/static/by-hand-4.svg"),
            Self::Step5 => include_bytes!("../../templates/static/by-hand-5.svg"),
            Self::Step6 => include_bytes!("../../templates/static/by-hand-6.svg"),
            Self::Step7 => include_bytes!("../../templates/static/by-hand-7.svg"),
            Self::Step8 => include_bytes!("../../templates/static/by-hand-8.svg"),
            Self::DocsCss => include_bytes!("../../templates/static/docs.css"),
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Css | Self::AdminCss | Self::DocsCss => "text/css; charset=utf-8",
            Self::Js | Self::AdminJs => "text/javascript; charset=utf-8",
            _ => "image/svg+xml",
        }
    }
}

/// The routes of all assets. They may be cached for a year, because changed content has a new address. A layer that
/// adds `Cache-Control: no-store` must not overwrite the header set here.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Asset::ALL.into_iter().fold(Router::new(), |router, asset| {
        let headers = [
            (header::CONTENT_TYPE, asset.content_type()),
            (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        router.route(asset.href(), get(move || async move { (headers, asset.bytes()) }))
    })
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn each_is_served_for_a_year_under_the_hash_of_its_content() {
        for asset in Asset::ALL {
            let request = Request::get(asset.href()).body(Body::empty()).unwrap();
            let answer = routes::<()>().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(answer.headers()[header::CONTENT_TYPE], asset.content_type());
            assert_eq!(answer.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
            assert_eq!(answer.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
            assert_eq!(body, asset.bytes());
            let hash = asset.href().split('.').nth(1).unwrap();
            assert!(hash.len() == 12 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{hash}");
        }
    }

    #[tokio::test]
    async fn an_address_with_another_hash_is_not_served() {
        let request = Request::get("/static/app.000000000000.css").body(Body::empty()).unwrap();
        assert_eq!(routes::<()>().oneshot(request).await.unwrap().status(), StatusCode::NOT_FOUND);
    }

    /// Text on background, and the minimum contrast of WCAG 2.2 AA: 4.5 for text, 3 for the edge of a control.
    const PAIRS: [(&str, &str, f64); 18] = [
        ("text", "ground", 4.5),
        ("text", "card", 4.5),
        ("text", "sunken", 4.5),
        ("muted", "ground", 4.5),
        ("muted", "card", 4.5),
        ("muted", "sunken", 4.5),
        ("accent", "card", 4.5),
        ("accent", "sunken", 4.5),
        ("accent-strong", "card", 4.5),
        ("on-accent", "accent", 4.5),
        ("on-accent", "accent-strong", 4.5),
        ("text", "bad-ground", 4.5),
        ("text", "warn-ground", 4.5),
        ("good", "good-ground", 4.5),
        ("bad", "bad-ground", 4.5),
        ("bad", "card", 4.5),
        ("warn", "warn-ground", 4.5),
        ("control", "card", 3.0),
    ];

    #[test]
    fn every_text_can_be_read_in_light_and_in_dark() {
        let css = include_str!("../../templates/static/app.css");
        let (light, dark) = css.split_once("@media (prefers-color-scheme: dark)").unwrap();
        for (scheme, tokens) in [("light", light), ("dark", dark)] {
            for (front, ground, least) in PAIRS {
                let (a, b) = (luminance(tokens, front), luminance(tokens, ground));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(contrast >= least, "{scheme}: {front} on {ground} is {contrast:.2}, not {least}");
            }
        }
    }

    /// The WCAG relative luminance of the token's `#rrggbb`.
    fn luminance(tokens: &str, name: &str) -> f64 {
        let value = tokens.split(&format!("--{name}: #")).nth(1).unwrap_or_else(|| panic!("no colour {name}"));
        let channel = |at: usize| {
            let part = f64::from(u8::from_str_radix(&value[at..at + 2], 16).unwrap()) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
    }
}
