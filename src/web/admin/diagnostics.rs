//! Diagnostics: whether the installation is in order, as a page.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::request::Parts;
use axum::routing::get;

use super::guard::SignedIn;
use super::show::{Section, Shell};
use crate::app::App;
use crate::flow::diagnostics::{self, Depth, Finding, PUBLIC_ADDRESS, State as Stands, WorkerState, WorkerStatus};
use crate::web::Peer;
use crate::web::page::Page;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/admin/diagnostics", get(look))
}

/// What was found.
#[derive(Template)]
#[template(path = "admin/diagnostics.html")]
struct DiagnosticsPage {
    shell: Shell,
    findings: Vec<Finding>,
    /// How each worker of this process is doing.
    workers: Vec<WorkerStatus>,
    /// Names and values of the configuration, none of them secret.
    settings: Vec<(&'static str, String)>,
}

impl DiagnosticsPage {
    /// How many are not in order.
    fn troubles(&self) -> usize {
        self.findings.iter().filter(|finding| finding.state != Stands::Fine).count()
    }

    /// The badge's class and word.
    fn badge(finding: &Finding) -> (&'static str, &'static str) {
        match finding.state {
            Stands::Fine => ("good", "In order"),
            Stands::Warn => ("warn", "Look at this"),
            Stands::Bad => ("bad", "Broken"),
        }
    }

    /// The badge's class and word.
    fn worker_badge(worker: &WorkerStatus) -> (&'static str, &'static str) {
        match worker.state {
            WorkerState::Running => ("good", "Running"),
            WorkerState::Idle => ("quiet", "Idle"),
            WorkerState::Down => ("bad", "Down"),
        }
    }
}

async fn look(State(app): State<App>, who: SignedIn, parts: Parts) -> Page<DiagnosticsPage> {
    let mut findings = Box::pin(diagnostics::examine(&app, Depth::Sample)).await;
    findings.extend(proxy(&app, &parts));
    // What is wrong comes first.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.state));
    let workers = app.workers.status();
    let shell = Shell::new(&app, &who, Section::Diagnostics);
    Page(DiagnosticsPage { shell, findings, workers, settings: settings(&app) })
}

/// A proxy in front that is not trusted hides who asks: all visitors look like one.
fn proxy(app: &App, parts: &Parts) -> Option<Finding> {
    let peer = parts.extensions.get::<Peer>()?.0.ip().to_canonical();
    let trusted = app.site.trusted_proxies.iter().any(|network| network.contains(&peer));
    (parts.headers.contains_key("x-forwarded-for") && !trusted).then(|| {
        let says = format!(
            "requests come through a proxy at {peer} that is not trusted, so all visitors look like one: add it to CARTKEY_TRUSTED_PROXIES"
        );
        Finding::new(PUBLIC_ADDRESS, Stands::Warn, says)
    })
}

fn settings(app: &App) -> Vec<(&'static str, String)> {
    let site = &app.site;
    let list = |all: Vec<String>| if all.is_empty() { "none".to_owned() } else { all.join(", ") };
    vec![
        ("Cartkey", env!("CARGO_PKG_VERSION").to_owned()),
        ("CARTKEY_PUBLIC_URL", site.public_url.clone()),
        ("CARTKEY_SCOPE", site.scope.to_string()),
        ("CARTKEY_OPEN_CONNECT", site.open_connect.to_string()),
        ("CARTKEY_RETURN_ORIGINS", list(site.return_origins.clone())),
        ("CARTKEY_TRUSTED_PROXIES", list(site.trusted_proxies.iter().map(ToString::to_string).collect())),
    ]
}
