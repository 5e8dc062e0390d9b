//! axe-core in the browser: what a machine can find of WCAG 2.2 AA.

use std::time::Duration;

use base64::Engine as _;
use fantoccini::wd::WebDriverCompatibleCommand;
use hyper::Method;
use serde_json::{Value, json};
use url::Url;

use crate::chromium::Browser;

/// Which rules: everything of WCAG 2.0, 2.1 and 2.2 at A and AA, and what is good practice besides.
const TAGS: [&str; 7] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"];

/// The checker itself: `AXE_CORE` names the file that `scripts/axe` has fetched.
pub fn source() -> String {
    let usual = concat!(env!("CARGO_MANIFEST_DIR"), "/target/axe-core-4.14.1/axe.min.js");
    let path = std::env::var("AXE_CORE").unwrap_or_else(|_| usual.to_owned());
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}; run scripts/axe, or scripts/test"))
}

impl Browser {
    /// What axe-core finds wrong with the page that is shown: rule, help, and where. The script runs beside the page, not in
    /// it, so the page's policy stands.
    pub async fn violations(&self, axe: &str) -> Vec<String> {
        let script = format!(
            "{axe}; const done = arguments[arguments.length - 1];
             axe.run(document, {{runOnly: {{type: 'tag', values: {}}}}}).then((found) => done(found.violations.map((each) =>
                 each.id + ': ' + each.help + ' at ' + each.nodes.map((node) => node.target.join(' ')).join(' | '))),
                 (error) => done(['axe itself: ' + error]));",
            json!(TAGS)
        );
        let found = self.client.execute_async(&script, Vec::new()).await.unwrap();
        found.as_array().expect("a list").iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Lets the page be light or dark, whatever the machine prefers; at once, because a colour that is still on its way from one
    /// to the other is neither.
    pub async fn prefers(&self, scheme: &'static str) {
        let features = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// The size of the window's inside, in CSS pixels.
    pub async fn is_sized(&self, width: u64, height: u64) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// The whole page as a PNG.
    pub async fn picture(&self) -> Vec<u8> {
        let new = json!({"captureBeyondViewport": true, "format": "png"});
        let answer = self.devtools("Page.captureScreenshot", new).await;
        let base64 = answer["data"].as_str().expect("a picture");
        base64::engine::general_purpose::STANDARD.decode(base64).unwrap()
    }

    /// One of Chromium's own commands.
    pub async fn devtools(&self, command: &'static str, parameters: Value) -> Value {
        let asked = self.client.issue_cmd(DevTools { command, parameters });
        tokio::time::timeout(Duration::from_mins(1), asked).await.expect("Chromium answers").unwrap()
    }
}

/// chromedriver's way to Chromium's own commands.
#[derive(Debug)]
struct DevTools {
    command: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({"cmd": self.command, "params": self.parameters}).to_string()))
    }
}
